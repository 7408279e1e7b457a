//! Courses of a program that sends, as Kafka's integration tests take them, with the embedded brokers: offsets, times, closing,
//! flushing, and topics that are not there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::{
    Delivery, ErrorCode, KafkaProducer, ProducerConfig, ProducerError, Record, RecordMetadata, SendError,
};
use producer_core::cluster::{Action, Matcher, Rule, new_topic};
use producer_core::ids::TopicPartition;
use producer_core::protocol::{ApiKey, NewTopic};

const PATIENCE: Duration = Duration::from_secs(30);
const RECORDS: i64 = 100;
/// Nothing leaves for its linger being over.
const FOR_EVER: [(&str, &str); 2] = [("linger.ms", "2147483647"), ("delivery.timeout.ms", "2147483647")];

/// Brokers with "topic", of so many partitions and with this setting.
async fn brokers(partitions: i32, setting: Option<(&str, &str)>) -> EmbeddedBrokers {
    let brokers = EmbeddedBrokers::start_default().await.expect("free ports");
    let configs = setting.into_iter().map(|(key, value)| (key.into(), Some(value.into()))).collect();
    let topic = NewTopic { configs, ..new_topic("topic", partitions, 2) };
    brokers.with_cluster(|cluster, _| cluster.create_topic(&topic)).expect("possible");
    brokers
}

async fn producer(brokers: &EmbeddedBrokers, properties: &[(&str, &str)]) -> KafkaProducer {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("Java would take it");
    KafkaProducer::connect(config, &brokers.bootstrap_servers()).await.expect("loopback addresses")
}

fn record<'a>(partition: i32, key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Record<'a> {
    Record { partition: Some(partition), key, value, ..Record::keyed("topic", b"", b"") }
}

async fn send(producer: &KafkaProducer, record: Record<'_>) -> Delivery {
    producer.send(record).await.expect("appended")
}

async fn close(producer: KafkaProducer) {
    tokio::time::timeout(PATIENCE, producer.close(Some(Duration::from_secs(20)))).await.expect("in time");
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("this age")
}

/// Mirrors `BaseProducerSendTest.testSendOffset`: records with key and value, without a value, without a key and
/// without a partition are taken, each gets the next offset, and is told the sizes of its key and value.
#[tokio::test]
async fn records_of_every_shape_get_the_next_offset() {
    let brokers = brokers(1, None).await;
    let producer = producer(&brokers, &[]).await;
    let (key, value) = (Some(&b"key"[..]), Some(&b"value"[..]));
    let anywhere = Record { partition: None, ..record(0, key, value) };
    let shapes = [record(0, key, value), record(0, key, None), record(0, None, value), anywhere];
    for (offset, shape) in (0..).zip(shapes) {
        let told = send(&producer, shape).await.await.expect("stored");
        assert_eq!((&*told.topic, told.partition, told.offset), ("topic", Some(0), Some(offset)));
        assert_eq!(told.serialized_key_size, shape.key.map(<[u8]>::len));
        assert_eq!(told.serialized_value_size, shape.value.map(<[u8]>::len));
    }
    for _ in 0..RECORDS {
        producer.send_unobserved(shapes[0]).await.expect("appended");
    }
    assert_eq!(send(&producer, shapes[0]).await.await.expect("stored").offset, Some(RECORDS + 4));
}

/// Mirrors `BaseProducerSendTest.testSendToPartitionWithFollowerShutdownShouldNotTimeout`: the leader's follower is shut down when
/// records are sent; they are all stored in time, in their order, and none is sent a second time.
#[tokio::test]
async fn a_follower_that_is_shut_down_costs_no_record_its_time() {
    let brokers = brokers(1, None).await;
    let producer = producer(&brokers, &[("acks", "all")]).await;
    let mut deliveries = Vec::new();
    for number in 0..RECORDS {
        deliveries.push(send(&producer, record(0, None, Some(format!("value{number}").as_bytes()))).await);
    }
    let partition = TopicPartition { topic: "topic".into(), partition: 0 };
    brokers.with_cluster(|cluster, now| {
        let (leader, _) = cluster.leader(&partition).expect("there is one");
        let follower =
            cluster.replicas(&partition).expect("there are two").iter().copied().find(|node| *node != leader);
        cluster.shut_down(now, follower.expect("the other")).expect("it runs");
    });
    for (offset, delivery) in (0..).zip(deliveries) {
        let told = tokio::time::timeout(PATIENCE, delivery).await.expect("in time").expect("stored");
        assert_eq!((told.partition, told.offset), (Some(0), Some(offset)));
    }
    let stored = brokers.with_cluster(|cluster, _| cluster.log(&partition).expect("there").end_offset());
    assert_eq!(stored, RECORDS);
}

/// A hundred records with times of their own, and when the topic says they are.
async fn times(setting: &str, properties: &[(&str, &str)]) -> Vec<(i64, i64)> {
    let brokers = brokers(1, Some(("message.timestamp.type", setting))).await;
    let producer = producer(&brokers, &[FOR_EVER.as_slice(), properties].concat()).await;
    let mut sent = Vec::new();
    for number in 1..=RECORDS {
        let (key, value) = (format!("key{number}"), format!("value{number}"));
        let shape = record(0, Some(key.as_bytes()), Some(value.as_bytes()));
        let timestamp_ms = 123_456 + number;
        sent.push((timestamp_ms, send(&producer, Record { timestamp_ms: Some(timestamp_ms), ..shape }).await));
    }
    close(producer).await;
    let mut times = Vec::new();
    for (offset, (own, delivery)) in (0..).zip(sent) {
        let told = delivery.await.expect("stored");
        assert_eq!((&*told.topic, told.partition, told.offset), ("topic", Some(0), Some(offset)));
        times.push((own, told.timestamp_ms.expect("told")));
    }
    times
}

/// Mirrors `BaseProducerSendTest.testSendCompressedMessageWithCreateTime`: with gzip, a hundred records of which each
/// has its own time, sent when the producer closes though they linger for ever, get offsets in order and their own
/// times.
/// Mirrors `BaseProducerSendTest.testSendNonCompressedMessageWithCreateTime`: a hundred records of which each has its
/// own time, sent when the producer closes though they linger for ever, get offsets in order and their own times.
#[tokio::test]
async fn records_keep_their_times_where_the_topic_lets_them() {
    for codec in ["none", "gzip"] {
        let times = times("CreateTime", &[("compression.type", codec)]).await;
        assert_eq!(times.len(), 100);
        assert!(times.iter().all(|(own, told)| own == told), "{codec}");
    }
}

/// Mirrors `PlaintextProducerSendTest.testSendCompressedMessageWithLogAppendTime`: with gzip, where the topic takes the
/// time of appending, a hundred records of times long ago get offsets in order and a time between the first send and
/// now.
/// Mirrors `PlaintextProducerSendTest.testSendNonCompressedMessageWithLogAppendTime`: where the topic takes the time of
/// appending, a hundred records of times long ago get offsets in order and a time between the first send and now.
#[tokio::test]
async fn records_get_the_brokers_time_where_the_topic_says_so() {
    for codec in ["none", "gzip"] {
        let began = wall_ms();
        let times = times("LogAppendTime", &[("compression.type", codec)]).await;
        assert_eq!(times.len(), 100);
        assert!(times.iter().all(|(_, told)| (began..=wall_ms()).contains(told)), "{codec}");
    }
}

/// Mirrors `BaseProducerSendTest.testClose`: once close() is over the last of 101 records of one key is done, at offset
/// 100.
#[tokio::test]
async fn closing_sends_what_is_there_first() {
    let brokers = brokers(1, None).await;
    let producer = producer(&brokers, &[]).await;
    let shape = Record { partition: None, ..record(0, Some(b"key"), Some(b"value")) };
    for _ in 0..RECORDS {
        producer.send_unobserved(shape).await.expect("appended");
    }
    let last = send(&producer, shape).await;
    close(producer).await;
    assert!(last.is_done());
    assert_eq!(last.await.expect("stored").offset, Some(RECORDS));
}

/// Mirrors `BaseProducerSendTest.testSendToPartition`: a hundred records for partition 1 are all stored there, in
/// order, with their time, value and no key.
#[tokio::test]
async fn a_partition_that_is_named_gets_its_records_in_order() {
    let brokers = brokers(2, None).await;
    let producer = producer(&brokers, &[]).await;
    let now = wall_ms();
    let mut deliveries = Vec::new();
    for number in 1..=RECORDS {
        let value = format!("value{number}");
        let shape = Record { timestamp_ms: Some(now), ..record(1, None, Some(value.as_bytes())) };
        deliveries.push(send(&producer, shape).await);
    }
    for (offset, delivery) in (0..).zip(deliveries) {
        let told = delivery.await.expect("stored");
        assert_eq!((&*told.topic, told.partition, told.offset), ("topic", Some(1), Some(offset)));
    }
    let read: Vec<_> = brokers.with_cluster(|cluster, _| {
        let log = cluster.log(&TopicPartition { topic: "topic".into(), partition: 1 }).expect("there");
        let records = log.records().map(|told| {
            assert_eq!((told.key, told.timestamp_ms), (None, now));
            (told.offset, String::from_utf8(told.value.expect("a value").to_vec()).expect("text"))
        });
        records.collect()
    });
    assert_eq!(read, (0..RECORDS).map(|offset| (offset, format!("value{}", offset + 1))).collect::<Vec<_>>());
}

/// Mirrors `BaseProducerSendTest.testFlush`: fifty times over, none of a hundred lingering records is done before a
/// flush and each is done after it.
#[tokio::test]
async fn a_flush_completes_what_would_linger_for_ever() {
    let brokers = brokers(2, None).await;
    let producer = producer(&brokers, &FOR_EVER).await;
    let shape = Record { partition: None, ..record(0, None, Some(b"value")) };
    for _ in 0..50 {
        let mut deliveries = Vec::new();
        for _ in 0..RECORDS {
            deliveries.push(send(&producer, shape).await);
        }
        assert!(deliveries.iter().all(|delivery| !delivery.is_done()));
        tokio::time::timeout(PATIENCE, producer.flush()).await.expect("in time");
        assert!(deliveries.iter().all(Delivery::is_done));
    }
}

/// Mirrors `BaseProducerSendTest.testCloseWithZeroTimeoutFromCallerThread`: fifty times over, none of a hundred
/// lingering records is done before a close without patience, and each fails with a KafkaException after it.
#[tokio::test]
async fn closing_without_patience_fails_what_has_not_left() {
    let brokers = brokers(2, None).await;
    for _ in 0..50 {
        let producer = producer(&brokers, &FOR_EVER).await;
        let mut deliveries = Vec::new();
        for _ in 0..RECORDS {
            deliveries.push(send(&producer, record(0, None, Some(b"value"))).await);
        }
        assert!(deliveries.iter().all(|delivery| !delivery.is_done()));
        tokio::time::timeout(PATIENCE, producer.close(Some(Duration::ZERO))).await.expect("in time");
        for delivery in deliveries {
            assert_eq!(delivery.await.expect_err("not sent").error.java_class(), "KafkaException");
        }
    }
}

/// Mirrors `BaseProducerSendTest.testCloseWithZeroTimeoutFromSenderThread`: fifty times over, none of a hundred lingering
/// records is done before a flush; each one's callback, on the sender's thread, closes the producer without patience and then
/// with all of it, and neither blocks; the hundred are stored, and what the first callback sent before it closed is not.
#[tokio::test]
async fn closing_in_a_callback_does_not_wait() {
    let brokers = brokers(1, None).await;
    let topic = TopicPartition { topic: "topic".into(), partition: 0 };
    for round in 1..=50 {
        let producer = Arc::new(producer(&brokers, &FOR_EVER).await);
        let (tell, told) = mpsc::channel();
        for number in 0..RECORDS {
            let (closer, tell) = (Arc::clone(&producer), tell.clone());
            let callback = move |_: &RecordMetadata, error: Option<&ProducerError>| {
                for _ in 0..if number == 0 { RECORDS } else { 0 } {
                    closer.try_send(record(0, None, Some(b"too late"))).expect("open, and room for it");
                }
                let closed = [Some(Duration::ZERO), None].map(|patience| closer.close(patience).now_or_never());
                tell.send((error.cloned(), closed)).expect("the test listens");
            };
            producer.send_with_callback(record(0, None, Some(b"value")), callback).await.expect("appended");
        }
        assert_eq!(told.try_recv(), Err(mpsc::TryRecvError::Empty));
        tokio::time::timeout(PATIENCE, producer.flush()).await.expect("in time");
        assert_eq!(told.try_iter().collect::<Vec<_>>(), vec![(None, [Some(()); 2]); 100]);
        assert_eq!(
            brokers.with_cluster(|cluster, _| cluster.log(&topic).expect("there").end_offset()),
            round * RECORDS
        );
    }
}

/// Mirrors `KafkaProducerTest.shouldNotInvokeFlushInCallback`: a flush in a callback breaks off with the sentence of Java's
/// KafkaException, and neither that callback's record nor the producer is the worse for it.
#[tokio::test]
async fn flushing_in_a_callback_is_refused() {
    let brokers = brokers(1, None).await;
    let producer = Arc::new(producer(&brokers, &[]).await);
    let (tell, told) = tokio::sync::oneshot::channel();
    let flusher = Arc::clone(&producer);
    let callback = move |_: &RecordMetadata, error: Option<&ProducerError>| {
        let flushed = catch_unwind(AssertUnwindSafe(|| flusher.flush().now_or_never()));
        let sentence = flushed.map_err(|thrown| thrown.downcast::<String>().expect("a sentence"));
        tell.send((error.cloned(), sentence.map_err(|sentence| *sentence))).expect("the test listens");
    };
    producer.send_with_callback(record(0, None, Some(b"value")), callback).await.expect("appended");
    let refused =
        "KafkaProducer.flush() invocation inside a callback is not permitted because it may lead to deadlock.";
    let heard = tokio::time::timeout(PATIENCE, told).await.expect("in time").expect("called back");
    assert_eq!(heard, (None, Err(refused.to_owned())));
    let next = send(&producer, record(0, None, Some(b"value"))).await;
    tokio::time::timeout(PATIENCE, producer.flush()).await.expect("in time");
    assert!(next.is_done(), "elsewhere it flushes");
}

/// Mirrors `PlaintextProducerSendTest.testBatchSizeZero`: with batch.size=0 a hundred records get offsets in order by
/// the end of close(), though they linger for ever.
#[tokio::test]
async fn without_batches_every_record_is_sent_by_itself() {
    let brokers = brokers(1, None).await;
    let producer = producer(&brokers, &[FOR_EVER.as_slice(), &[("batch.size", "0")]].concat()).await;
    let mut deliveries = Vec::new();
    for number in 1..=RECORDS {
        let (key, value) = (format!("key{number}"), format!("value{number}"));
        deliveries.push(send(&producer, record(0, Some(key.as_bytes()), Some(value.as_bytes()))).await);
    }
    close(producer).await;
    for (offset, delivery) in (0..).zip(deliveries) {
        let told = delivery.await.expect("stored");
        assert_eq!((&*told.topic, told.partition, told.offset), ("topic", Some(0), Some(offset)));
    }
}

/// Mirrors `PlaintextProducerSendTest.testBatchSizeZeroNoPartitionNoRecordKey`: with batch.size=0 ten records without
/// partition or key are all stored after a flush.
#[tokio::test]
async fn without_batches_records_without_a_key_find_a_partition() {
    let brokers = brokers(2, None).await;
    let producer = producer(&brokers, &[("batch.size", "0")]).await;
    let mut deliveries = Vec::new();
    for number in 1..=10 {
        let value = format!("value{number}");
        let shape = Record { partition: None, ..record(0, None, Some(value.as_bytes())) };
        deliveries.push(send(&producer, shape).await);
    }
    tokio::time::timeout(PATIENCE, producer.flush()).await.expect("in time");
    let mut stored = 0;
    for delivery in deliveries {
        assert_eq!(&*delivery.await.expect("stored").topic, "topic");
        stored += 1;
    }
    assert_eq!(stored, 10);
}

/// Mirrors `PlaintextProducerSendTest.testAutoCreateTopic`: the first record for a topic that is not there gets offset
/// 0, and the topic has a leader.
#[tokio::test]
async fn a_topic_is_made_by_the_first_record() {
    let brokers = brokers(1, None).await;
    let producer = producer(&brokers, &[]).await;
    let told = send(&producer, Record::keyed("new", b"key", b"value")).await.await.expect("stored");
    assert_eq!((&*told.topic, told.offset), ("new", Some(0)));
    let leader = brokers.with_cluster(|cluster, _| {
        cluster.leader(&TopicPartition { topic: "new".into(), partition: 0 }).map(|(leader, _)| leader.0)
    });
    assert!(leader.is_some_and(|leader| leader > 0), "{leader:?}");
}

async fn refusal(producer: &KafkaProducer, record: Record<'_>) -> (&'static str, String) {
    let SendError { error, .. } = producer.send(record).await.expect_err("refused");
    (error.java_class(), error.to_string())
}

/// Mirrors `PlaintextProducerSendTest.testSendTimeoutErrorMessageWhenTopicDoesNotExist`: a send to a topic that never
/// appears fails with TimeoutException and the sentence that names topic and max.block.ms.
/// Mirrors `PlaintextProducerSendTest.testSendTimeoutErrorWhenPartitionDoesNotExist`: a send to partition 10 of a topic
/// that has four fails with TimeoutException and the sentence that names both.
/// Mirrors `PlaintextProducerSendTest.testPartitionsForTimeoutErrorWhenTopicDoesNotExist`: whoever asks for the partitions
/// of a topic that never appears gets TimeoutException and the same sentence.
#[tokio::test]
async fn whoever_waits_in_vain_is_told_for_what() {
    let brokers = brokers(4, None).await;
    let producer = producer(&brokers, &[("max.block.ms", "500")]).await;
    let first = producer.send(Record { partition: None, ..record(0, Some(b"key"), Some(b"value")) });
    let told = tokio::time::timeout(PATIENCE, first).await.expect("in time");
    assert_eq!(told.expect("appended").await.expect("stored").offset, Some(0));
    let sentence = "Partition 10 of topic topic with partition count 4 is not present in metadata after 500 ms.";
    let beyond = refusal(&producer, record(10, Some(b"key"), Some(b"value"))).await;
    assert_eq!(beyond, ("TimeoutException", sentence.to_owned()));

    let when = Matcher { api: Some(ApiKey::Metadata), ..Matcher::default() };
    let then = Action::Answer { error: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, only: None };
    brokers.with_cluster(|cluster, _| cluster.add_rule(Rule { when, then }));
    let missing = refusal(&producer, Record::keyed("missing", b"key", b"value")).await;
    assert_eq!(missing, ("TimeoutException", "Topic missing not present in metadata after 500 ms.".to_owned()));
    let error = producer.partitions_for("absent").await.expect_err("nobody has it");
    let sentence = "Topic absent not present in metadata after 500 ms.";
    assert_eq!((error.java_class(), error.to_string().as_str()), ("TimeoutException", sentence));
}

/// Java's `partitionsFor` throws what an answer says of the topic when it comes, and after `close` knows only what it knew.
#[tokio::test]
async fn whoever_looks_at_a_topic_that_cannot_be_is_told_at_once() {
    let brokers = brokers(1, None).await;
    let patient = producer(&brokers, &[("max.block.ms", "60000")]).await;
    let look = |topic: &'static str| tokio::time::timeout(PATIENCE, patient.partitions_for(topic));
    let error = look("bad topic!").await.expect("before max.block.ms").expect_err("no such name");
    assert_eq!(
        (error.java_class(), error.to_string().as_str()),
        ("InvalidTopicException", "Invalid topics: [bad topic!]")
    );
    assert_eq!(look("topic").await.expect("in time"), Ok(1));
    patient.close(None).await;
    assert_eq!(look("topic").await.expect("in time"), Ok(1), "what it knew it knows");
    let error = look("another").await.expect("in time").expect_err("nobody asks any more");
    let sentence = "Requested metadata update after close";
    assert_eq!((error.java_class(), error.to_string().as_str()), ("KafkaException", sentence));
}

/// Mirrors `BaseProducerSendTest.testSendBeforeAndAfterPartitionExpansion`: of a topic with one partition, records for that
/// get offsets in order, and one for the next waits in vain with TimeoutException; when the topic has two, a hundred
/// records for each get the next offsets, and so do records that name none.
#[tokio::test]
async fn a_topic_that_grows_takes_records_for_its_new_partition() {
    let brokers = brokers(1, None).await;
    let impatient = producer(&brokers, &[("max.block.ms", "300")]).await;
    let (key, value) = (Some(&b"key"[..]), Some(&b"value"[..]));
    let producer = producer(&brokers, &[]).await;
    for offset in 0..RECORDS {
        assert_eq!(send(&producer, record(0, key, value)).await.await.expect("stored").offset, Some(offset));
    }
    assert_eq!(refusal(&impatient, record(1, key, value)).await.0, "TimeoutException");
    brokers.with_cluster(|cluster, _| cluster.add_partitions("topic", 2)).expect("possible");
    // Waits for metadata that knows of it.
    assert_eq!(send(&producer, record(1, key, value)).await.await.expect("stored").offset, Some(0));
    assert_eq!(producer.partitions_for("topic").await, Ok(2));
    for offset in 0..RECORDS {
        let old = send(&producer, record(0, key, value)).await.await.expect("stored");
        assert_eq!((old.partition, old.offset), (Some(0), Some(RECORDS + offset)));
        let new = send(&producer, record(1, key, value)).await.await.expect("stored");
        assert_eq!((new.partition, new.offset), (Some(1), Some(1 + offset)));
    }
    let mut next = [2 * RECORDS, 1 + RECORDS];
    for _ in 0..RECORDS {
        let anywhere = Record { partition: None, key: None, ..record(0, None, value) };
        let told = send(&producer, anywhere).await.await.expect("stored");
        let partition = usize::try_from(told.partition.expect("told")).expect("not negative");
        assert_eq!(told.offset, Some(next[partition]));
        next[partition] += 1;
    }
}

/// Mirrors `PlaintextProducerSendTest.testSendWithInvalidBeforeAndAfterTimestamp`: a record five hours before or after
/// the time of a broker that allows one hour fails with InvalidTimestampException, compressed or not.
/// Mirrors `PlaintextProducerSendTest.testValidBeforeAndAfterTimestampsAtThreshold`: a record is taken, compressed or
/// not, if the topic allows as many milliseconds as its timestamp has.
/// Mirrors `PlaintextProducerSendTest.testValidBeforeAndAfterTimestampsWithinThreshold`: a record five hours before or
/// after the time of a broker that allows ten hours is taken, compressed or not.
#[tokio::test]
async fn records_too_far_from_the_brokers_time_are_refused_and_others_taken() {
    const HOUR: i64 = 60 * 60 * 1_000;
    for (setting, away) in
        [("message.timestamp.before.max.ms", -5 * HOUR), ("message.timestamp.after.max.ms", 5 * HOUR)]
    {
        for (threshold, is_taken) in [(HOUR, false), (wall_ms() + away, true), (10 * HOUR, true)] {
            let brokers = brokers(1, Some((setting, &threshold.to_string()))).await;
            for codec in ["none", "gzip"] {
                let producer = producer(&brokers, &[("compression.type", codec)]).await;
                let shape = Record { timestamp_ms: Some(wall_ms() + away), ..record(0, Some(b"key"), Some(b"value")) };
                let fate = send(&producer, shape).await.await.map_err(|failed| failed.error.java_class());
                let told = fate.map(drop);
                let expected = if is_taken { Ok(()) } else { Err("InvalidTimestampException") };
                assert_eq!(told, expected, "{setting} {threshold} {codec}");
                close(producer).await;
            }
        }
    }
}

/// A send that does not wait, as Java's with `max.block.ms=0`.
async fn send_at_once(producer: &KafkaProducer) -> Result<Delivery, ProducerError> {
    producer.send(record(0, Some(b"key"), Some(&[0; 1_000]))).await.map_err(|refused| refused.error)
}

async fn until_queued(producer: &KafkaProducer) -> Delivery {
    loop {
        match send_at_once(producer).await {
            Ok(delivery) => return delivery,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Mirrors `PlaintextProducerSendTest.testNonBlockingProducer`: with max.block.ms=0 sends fail with TimeoutException
/// until metadata is there, then one is stored; where one batch fills the memory, the next send fails with
/// BufferExhaustedException and the first record is stored.
#[tokio::test]
async fn a_producer_that_never_waits_fails_at_once_for_metadata_and_for_memory() {
    let brokers = brokers(1, None).await;
    let never = producer(&brokers, &[("max.block.ms", "0")]).await;
    assert_eq!(send_at_once(&never).await.expect_err("nothing is known yet").java_class(), "TimeoutException");
    let queued = tokio::time::timeout(PATIENCE, until_queued(&never)).await.expect("in time");
    let told = queued.await.expect("stored");
    assert_eq!((&*told.topic, told.partition), ("topic", Some(0)));
    assert!(told.offset.is_some());

    let small = [("max.block.ms", "0"), ("linger.ms", "15000"), ("batch.size", "1100"), ("buffer.memory", "1500")];
    let small = producer(&brokers, &small).await;
    let queued = tokio::time::timeout(PATIENCE, until_queued(&small)).await.expect("in time");
    assert_eq!(send_at_once(&small).await.expect_err("no memory").java_class(), "BufferExhaustedException");
    // Whoever found no memory made everything sendable.
    assert!(tokio::time::timeout(PATIENCE, queued).await.expect("in time").expect("stored").offset.is_some());
}

/// Mirrors `PlaintextProducerSendTest.testSendRecordBatchWithMaxRequestSizeAndHigher`: the longest value that a request
/// and a broker take by default is stored and told in its length, and one byte more fails with RecordTooLargeException.
#[tokio::test]
async fn the_largest_record_is_that_of_the_java_client() {
    // 1 048 588 bytes of a broker's default, less what batch, record, key and headers take: 12 + 61 + 21 + 1 + 1 + 3.
    let largest = 1_048_588 - 99;
    let brokers = brokers(1, None).await;
    let producer = Arc::new(producer(&brokers, &[]).await);
    let value = vec![0; largest + 1];
    let told = send(&producer, record(0, Some(b""), Some(&value[..largest]))).await.await.expect("stored");
    assert_eq!(told.serialized_value_size, Some(largest));
    let (class, _) = refusal(&producer, record(0, Some(b""), Some(&value))).await;
    assert_eq!(class, "RecordTooLargeException");
}
