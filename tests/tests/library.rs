//! The library against the embedded brokers: what its three forms of completion promise, and what giving up means.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::{KafkaProducer, Persistence, ProducerConfig, ProducerError, Record, RecordMetadata};
use producer_core::cluster::{Action, Matcher, Rule, new_topic};
use producer_core::ids::TopicPartition;
use producer_core::protocol::{ApiKey, NewTopic};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

const PATIENCE: Duration = Duration::from_secs(30);

fn config(properties: &[(&str, &str)]) -> ProducerConfig {
    ProducerConfig::from_properties(properties.iter().copied()).expect("a configuration Java would take").0
}

async fn brokers() -> EmbeddedBrokers {
    EmbeddedBrokers::start_default().await.expect("free ports")
}

async fn producer(brokers: &EmbeddedBrokers, properties: &[(&str, &str)]) -> KafkaProducer {
    KafkaProducer::connect(config(properties), &brokers.bootstrap_servers()).await.expect("loopback addresses")
}

/// However short `max.block.ms` is.
async fn become_known(producer: &KafkaProducer) {
    let asked_again = async { while producer.partitions_for("orders").await.is_err() {} };
    tokio::time::timeout(PATIENCE, asked_again).await.expect("the brokers answer");
}

#[tokio::test]
async fn get_returns_where_the_record_landed() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[]).await;
    let record = Record { partition: Some(0), timestamp_ms: Some(1_000), ..Record::keyed("orders", b"key", b"") };
    let first = producer.send(record).await.unwrap().await.unwrap();
    let second = producer.send(Record { value: None, ..record }).await.unwrap().await.unwrap();
    assert_eq!(second.offset, first.offset.map(|offset| offset + 1));
    assert_eq!((first.partition, first.timestamp_ms), (Some(0), Some(1_000)));
    assert_eq!((first.serialized_key_size, first.serialized_value_size), (Some(3), Some(0)));
    assert_eq!(second.serialized_value_size, None, "null is not empty");
}

/// Row 59: a name that nobody knows, and a shape that no address has.
#[tokio::test]
async fn row_59_servers_that_lead_nowhere_are_refused_in_the_java_clients_words() {
    for (servers, sentence) in [
        ("no-such-host.invalid:9092", "No resolvable bootstrap urls given in bootstrap.servers"),
        ("127.0.0.1", "Invalid url in bootstrap.servers: 127.0.0.1"),
        ("a:1,,b:2", "Configuration 'bootstrap.servers' values must not be empty."),
    ] {
        let refusal = KafkaProducer::connect(config(&[]), servers).await.expect_err(servers);
        assert_eq!(refusal.to_string(), sentence);
    }
}

/// Row 59: beside others it is left out for good, and the others are counted without it, as in the names of Java's metrics.
#[tokio::test]
async fn row_59_a_server_without_an_address_is_none_to_look_for() {
    let brokers = brokers().await;
    let all = brokers.bootstrap_servers();
    let one = all.split(',').next().expect("an address");
    let producer =
        KafkaProducer::connect(config(&[]), &format!("no-such-host.invalid:9092,{one}")).await.expect("one has");
    become_known(&producer).await;
    let metrics = producer.metrics();
    let nodes = metrics.iter().flat_map(|metric| &metric.tags).filter(|(name, _)| *name == "node-id");
    let contacted: BTreeSet<&str> = nodes.map(|(_, node)| &**node).filter(|node| node.starts_with("node--")).collect();
    assert_eq!(contacted, BTreeSet::from(["node--1"]));
}

#[tokio::test]
async fn two_producers_of_a_process_call_themselves_by_two_names() {
    let brokers = brokers().await;
    let (first, second) = (producer(&brokers, &[]).await, producer(&brokers, &[]).await);
    assert!(first.client_id().starts_with("producer-") && second.client_id().starts_with("producer-"));
    assert_ne!(first.client_id(), second.client_id());
    let named = producer(&brokers, &[("client.id", "mine")]).await;
    assert_eq!(named.client_id(), "mine");
}

#[tokio::test]
async fn without_acks_nobody_knows_the_offset() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[("acks", "0")]).await;
    let metadata = producer.send(Record::keyed("orders", b"key", b"value")).await.unwrap().await.unwrap();
    assert_eq!(metadata.offset, None);
    assert!(metadata.timestamp_ms.is_some() && metadata.partition.is_some());
}

#[tokio::test]
async fn without_memory_the_callback_still_learns_the_partition() {
    // Flow: one buffer, taken by a batch whose leader says nothing → the next record waits for memory in vain.
    let brokers = brokers().await;
    let when = Matcher { api: Some(ApiKey::Produce), ..Matcher::default() };
    brokers.with_cluster(|cluster, _| cluster.add_rule(Rule { when, then: Action::Delay(PATIENCE) }));
    let small = [("buffer.memory", "16384"), ("linger.ms", "0"), ("max.block.ms", "300")];
    let producer = producer(&brokers, &small).await;
    become_known(&producer).await;
    producer.send_unobserved(Record { partition: Some(0), ..Record::keyed("orders", b"", b"") }).await.unwrap();
    let heard = Arc::new(Mutex::new(None));
    let told = Arc::clone(&heard);
    let callback = move |metadata: &RecordMetadata, error: Option<&ProducerError>| {
        *told.lock().unwrap() = Some((metadata.to_string(), error.map(ProducerError::java_class)));
    };
    producer.send_with_callback(Record::keyed("orders", b"user-42", b"value"), callback).await.unwrap();
    let heard = heard.lock().unwrap().take();
    assert_eq!(heard, Some(("orders-1@-1".to_owned(), Some("BufferExhaustedException"))));
}

/// Mirrors `KafkaProducerTest.testCallbackAndInterceptorHandleError`: the callback of a record for an invalid topic
/// gets an exception, and metadata with the topic, without offset and timestamp, and with -1 for partition and sizes.
/// (There are no interceptors here.)
#[tokio::test]
async fn a_callback_of_a_record_that_found_no_place_hears_the_topic_and_nothing_more() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[("max.block.ms", "1000")]).await;
    let heard = Arc::new(Mutex::new(None));
    let told = Arc::clone(&heard);
    let callback = move |metadata: &RecordMetadata, error: Option<&ProducerError>| {
        *told.lock().unwrap() = Some((metadata.clone(), error.map(ProducerError::java_class)));
    };
    let invalid = Record { key: None, ..Record::keyed("topic abc", b"", b"HelloKafka") };
    producer.send_with_callback(invalid, callback).await.unwrap();
    let (metadata, error) = heard.lock().unwrap().take().expect("before send returned");
    assert_eq!(
        (&*metadata.topic, metadata.to_string(), error),
        ("topic abc", "topic abc--1@-1".to_owned(), Some("InvalidTopicException"))
    );
    assert_eq!((metadata.partition, metadata.offset, metadata.timestamp_ms), (None, None, None));
    assert_eq!((metadata.serialized_key_size, metadata.serialized_value_size), (None, None));
}

#[tokio::test]
async fn a_batch_too_large_for_its_topic_is_delivered_in_parts() {
    // Flow: 60 records in one batch → the topic takes ten at once → every future and every callback has its own offset.
    let brokers = brokers().await;
    let configs = vec![("max.message.bytes".into(), Some("10000".into()))];
    let topic = NewTopic { configs, ..new_topic("narrow", 1, 1) };
    brokers.with_cluster(|cluster, _| cluster.create_topic(&topic)).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let parts = Arc::clone(&told);
    let producer = KafkaProducer::builder(config(&[("batch.size", "65536"), ("linger.ms", "1000")]))
        .on_batch(move |part| parts.lock().unwrap().push((part.first_index, part.record_count, part.is_last)))
        .connect(&brokers.bootstrap_servers())
        .await
        .unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let value = [b'v'; 1_000];
    let record = Record::keyed("narrow", b"key", &value);
    let mut deliveries = Vec::new();
    for _ in 0..30 {
        deliveries.push(producer.send(record).await.unwrap());
        let heard = Arc::clone(&heard);
        let callback =
            move |metadata: &RecordMetadata, _: Option<&ProducerError>| heard.lock().unwrap().push(metadata.offset);
        producer.send_with_callback(record, callback).await.unwrap();
    }
    producer.flush().await;
    for (nth, delivery) in (0..).zip(deliveries) {
        assert!(delivery.is_done());
        assert_eq!(delivery.await.unwrap().offset, Some(2 * nth));
    }
    assert_eq!(*heard.lock().unwrap(), (0..30).map(|nth| Some(2 * nth + 1)).collect::<Vec<_>>());
    let told = told.lock().unwrap();
    assert!(told.len() >= 6 && told.iter().rev().skip(1).all(|(.., is_last)| !is_last), "{told:?}");
    assert_eq!(told.iter().map(|(_, records, _)| records).sum::<u32>(), 60);
}

#[tokio::test]
async fn callbacks_run_in_append_order_and_before_flush_returns() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[]).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    for number in 0..100 {
        let heard = Arc::clone(&heard);
        let record = Record { partition: Some(0), ..Record::keyed("orders", b"key", b"value") };
        producer.send_with_callback(record, move |_, _| heard.lock().unwrap().push(number)).await.unwrap();
    }
    producer.flush().await;
    assert_eq!(*heard.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_callback_may_send() {
    let brokers = brokers().await;
    let producer = Arc::new(producer(&brokers, &[]).await);
    let (again, mut sent_again) = mpsc::unbounded_channel();
    let sender = Arc::clone(&producer);
    let callback = move |_: &kafka_producer::RecordMetadata, _: Option<&ProducerError>| {
        again.send(sender.try_send(Record::keyed("orders", b"key", b"from a callback"))).unwrap();
    };
    producer.send_with_callback(Record::keyed("orders", b"key", b"value"), callback).await.unwrap();
    let sent = tokio::time::timeout(PATIENCE, sent_again.recv()).await.expect("in time").expect("called back");
    sent.expect("nothing is missing");
    tokio::time::timeout(PATIENCE, producer.flush()).await.expect("in time");
}

/// In Java the callback of such a record runs twice; see `SendRefusal::FailedInItsBatch`.
#[tokio::test]
async fn the_callback_of_a_record_sent_by_a_fenced_producer_runs_once() {
    // Flow: a transaction has begun → another producer takes its name → what the first one sends finds itself fenced.
    let brokers = brokers().await;
    let named = [("transactional.id", "orders"), ("linger.ms", "0")];
    let first = producer(&brokers, &named).await;
    first.init_transactions().await.unwrap();
    first.begin_transaction().unwrap();
    let record = Record { partition: Some(0), ..Record::keyed("orders", b"key", b"value") };
    first.send(record).await.unwrap().await.expect("stored");
    producer(&brokers, &named).await.init_transactions().await.unwrap();
    let fenced = first.send(record).await.unwrap().await.expect_err("fenced");
    let heard = Arc::new(Mutex::new(Vec::new()));
    for number in 0..3 {
        let heard = Arc::clone(&heard);
        let callback = move |metadata: &RecordMetadata, error: Option<&ProducerError>| {
            heard.lock().unwrap().push((number, metadata.to_string(), error.map(ProducerError::java_class)));
        };
        // Thrown or told, it is refused either way.
        let _ = first.send_with_callback(record, callback).await;
    }
    tokio::time::timeout(PATIENCE, first.close(Some(Duration::from_secs(5)))).await.expect("in time");
    let class = Some(fenced.error.java_class());
    let once_each: Vec<_> = (0..3).map(|number| (number, "orders-0@-1".to_owned(), class)).collect();
    assert_eq!(*heard.lock().unwrap(), once_each);
}

#[tokio::test]
async fn a_callback_that_panics_takes_nobody_down() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[]).await;
    let heard = Arc::new(AtomicUsize::new(0));
    for number in 0..10 {
        let heard = Arc::clone(&heard);
        let callback = move |_: &kafka_producer::RecordMetadata, _: Option<&ProducerError>| {
            assert!(number != 3, "the third one breaks");
            heard.fetch_add(1, Ordering::SeqCst);
        };
        producer.send_with_callback(Record::keyed("orders", b"key", b"value"), callback).await.unwrap();
    }
    producer.flush().await;
    assert_eq!(heard.load(Ordering::SeqCst), 9);
    producer.send(Record::keyed("orders", b"key", b"value")).await.unwrap().await.expect("the producer goes on");
}

#[tokio::test]
async fn sends_wait_for_memory_and_all_arrive() {
    // Room for four batches, and records of half a batch: most sends have to wait.
    let small = [("buffer.memory", "65536"), ("batch.size", "16384"), ("linger.ms", "0")];
    let brokers = brokers().await;
    let producer = Arc::new(producer(&brokers, &small).await);
    let mut senders = Vec::new();
    for _ in 0..8 {
        let producer = Arc::clone(&producer);
        senders.push(tokio::spawn(async move {
            let value = [7; 8_000];
            let mut deliveries = Vec::new();
            for _ in 0..50 {
                deliveries.push(producer.send(Record::keyed("orders", b"key", &value)).await.expect("appended"));
            }
            for delivery in deliveries {
                delivery.await.expect("stored");
            }
        }));
    }
    for sender in senders {
        tokio::time::timeout(PATIENCE, sender).await.expect("in time").expect("no panic");
    }
}

/// Mirrors `RecordAccumulatorTest.testStressfulSituation`: all of 50 000 records that five tasks append to two
/// partitions, with memory for ten batches, are drained and complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_tasks_that_send_as_fast_as_they_can_lose_nothing() {
    // Little memory and small batches, so that the tasks and the sender get into each other's way.
    let small = [("batch.size", "1085"), ("buffer.memory", "10240"), ("linger.ms", "0")];
    let (tasks, records) = (5, 10_000);
    let settled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&settled);
    let brokers = brokers().await;
    let producer = KafkaProducer::builder(config(&small))
        .on_batch(move |batch| {
            assert!(batch.result.is_ok());
            count.fetch_add(batch.record_count as usize, Ordering::SeqCst);
        })
        .connect(&brokers.bootstrap_servers())
        .await
        .unwrap();
    let producer = Arc::new(producer);
    let send = |producer: Arc<KafkaProducer>| async move {
        for number in 0..records {
            let record = Record { partition: Some(number % 2), ..Record::keyed("orders", b"key", b"value") };
            producer.send_unobserved(record).await.expect("appended");
        }
    };
    let senders: Vec<_> = (0..tasks).map(|_| tokio::spawn(send(Arc::clone(&producer)))).collect();
    for sender in senders {
        tokio::time::timeout(2 * PATIENCE, sender).await.expect("in time").expect("no panic");
    }
    tokio::time::timeout(PATIENCE, producer.close(None)).await.expect("in time");
    assert_eq!(settled.load(Ordering::SeqCst), 50_000);
    let stored: i64 = brokers.with_cluster(|cluster, _| {
        let end =
            |partition| cluster.log(&TopicPartition { topic: "orders".into(), partition }).expect("there").end_offset();
        (0..2).map(end).sum()
    });
    assert_eq!(stored, 50_000);
}

#[tokio::test]
async fn a_send_given_up_while_it_waits_for_memory_is_not_sent() {
    let small = [("buffer.memory", "32768"), ("batch.size", "16384"), ("linger.ms", "0")];
    let settled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&settled);
    let brokers = brokers().await;
    let producer = KafkaProducer::builder(config(&small))
        .on_batch(move |batch| _ = count.fetch_add(batch.record_count as usize, Ordering::SeqCst))
        .connect(&brokers.bootstrap_servers())
        .await
        .unwrap();
    become_known(&producer).await;
    let (value, mut appended, mut given_up) = ([7; 10_000], 0, 0);
    for _ in 0..200 {
        // Polled once, then dropped, whatever it waits for.
        tokio::select! {
            biased;
            sent = producer.send_unobserved(Record::keyed("orders", b"key", &value)) => {
                sent.expect("nothing refuses it");
                appended += 1;
            }
            () = tokio::task::yield_now() => given_up += 1,
        }
    }
    assert!(given_up > 0 && appended > 0, "{appended} appended, {given_up} given up");
    // Those that were given up left the queue for memory: the next one gets its turn.
    let last = producer.send_unobserved(Record::keyed("orders", b"key", &value));
    tokio::time::timeout(PATIENCE, last).await.expect("in time").expect("appended");
    producer.close(None).await;
    assert_eq!(settled.load(Ordering::SeqCst), appended + 1);
}

/// Mirrors `KafkaProducerTest.closeShouldBeIdempotent`: closing a closed producer is no error.
#[tokio::test]
async fn closing_settles_everything_and_refuses_what_comes_later() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[("linger.ms", "60000"), ("delivery.timeout.ms", "120000")]).await;
    let mut deliveries = Vec::new();
    for _ in 0..100 {
        deliveries.push(producer.send(Record::keyed("orders", b"key", b"value")).await.unwrap());
    }
    tokio::time::timeout(PATIENCE, producer.close(None)).await.expect("closing does not linger");
    for delivery in deliveries {
        assert!(delivery.is_done());
        delivery.await.expect("stored");
    }
    let late = producer.send(Record::keyed("orders", b"key", b"value")).await.expect_err("closed");
    assert_eq!(late.error, ProducerError::Closed);
    tokio::time::timeout(PATIENCE, producer.close(None)).await.expect("closing twice is no error");
    tokio::time::timeout(PATIENCE, producer.flush()).await.expect("nothing is left to flush");
}

#[tokio::test]
async fn dropping_the_producer_settles_what_is_unsettled() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[("linger.ms", "60000"), ("delivery.timeout.ms", "120000")]).await;
    let delivery = producer.send(Record::keyed("orders", b"key", b"value")).await.unwrap();
    drop(producer);
    let failed = tokio::time::timeout(PATIENCE, delivery).await.expect("in time").expect_err("never sent");
    assert_eq!((failed.error, failed.persistence), (ProducerError::ForceClosed, Persistence::NotPersisted));
}

#[test]
fn a_runtime_that_ends_takes_the_program_with_it_and_not_the_producer() {
    let [brokers_own, first, second] = [(), (), ()].map(|()| Runtime::new().unwrap());
    let brokers = brokers_own.block_on(brokers());
    let producer = first.block_on(producer(&brokers, &[("linger.ms", "60000"), ("delivery.timeout.ms", "120000")]));
    let delivery = first.block_on(producer.send(Record::keyed("orders", b"key", b"value"))).unwrap();
    drop(first);
    let fate = second.block_on(async {
        producer.flush().await;
        tokio::time::timeout(PATIENCE, delivery).await
    });
    assert_eq!(fate.expect("in time").expect("stored").offset, Some(0));
}

#[test]
fn a_program_that_blocks_its_only_thread_keeps_nothing_from_being_sent() {
    let (brokers_own, only) = (Runtime::new().unwrap(), Builder::new_current_thread().enable_all().build().unwrap());
    let brokers = brokers_own.block_on(brokers());
    let (tell, told) = std::sync::mpsc::channel();
    let builder = KafkaProducer::builder(ProducerConfig::default());
    let builder = builder.on_batch(move |batch| tell.send(batch.result.is_ok()).unwrap());
    only.block_on(async {
        let producer = builder.connect(&brokers.bootstrap_servers()).await.unwrap();
        producer.send_unobserved(Record::keyed("orders", b"key", b"value")).await.unwrap();
        // Not awaited: the thread stands still.
        assert_eq!(told.recv_timeout(PATIENCE), Ok(true));
    });
}

/// A burst of sends shares one reading of the clock; the timekeeper declares it old, also while a callback keeps the sender's
/// thread.
#[tokio::test]
async fn a_callback_that_takes_its_time_makes_no_timestamp_old() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[("linger.ms", "0")]).await;
    let (entered, is_in) = oneshot::channel();
    let (leave, may_leave) = std::sync::mpsc::channel();
    let callback = move |_: &RecordMetadata, _: Option<&ProducerError>| {
        entered.send(()).unwrap();
        may_leave.recv_timeout(PATIENCE).unwrap();
    };
    let record = Record::keyed("orders", b"key", b"value");
    producer.send_with_callback(record, callback).await.unwrap();
    is_in.await.expect("the callback runs");
    let mut deliveries = Vec::new();
    for _ in 0..3 {
        let before_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        deliveries.push((before_ms, producer.send(record).await.unwrap()));
        thread::sleep(Duration::from_millis(20));
    }
    leave.send(()).unwrap();
    for (before_ms, delivery) in deliveries {
        let timestamp_ms = delivery.await.unwrap().timestamp_ms.expect("stored");
        assert!(timestamp_ms >= i64::try_from(before_ms).unwrap(), "{timestamp_ms} for a record sent at {before_ms}");
    }
}

/// As in the Java client, where a caller waits on its own thread (`ProducerMetadata.awaitUpdate`, `BufferPool.allocate`): what the
/// sender's thread is busy with makes nobody wait for longer than `max.block.ms`.
#[tokio::test(flavor = "multi_thread")]
async fn max_block_ms_ends_on_time_while_a_callback_takes_its_own() {
    let brokers = brokers().await;
    let small = [("linger.ms", "0"), ("buffer.memory", "32768"), ("max.block.ms", "300")];
    let producer = producer(&brokers, &small).await;
    become_known(&producer).await;
    let (entered, is_in) = oneshot::channel();
    let (leave, may_leave) = std::sync::mpsc::channel();
    let callback = move |_: &RecordMetadata, _: Option<&ProducerError>| {
        entered.send(()).unwrap();
        may_leave.recv_timeout(PATIENCE).expect("those who wait are told before it ends");
    };
    let to = |partition| Record { partition: Some(partition), ..Record::keyed("orders", b"key", b"value") };
    producer.send_with_callback(to(0), callback).await.unwrap();
    is_in.await.expect("the callback runs");
    let unknown = producer.send(Record::keyed("another", b"key", b"value")).await.expect_err("nobody asks for it");
    assert_eq!(unknown.error.java_class(), "TimeoutException");
    producer.partitions_for("another").await.expect_err("nobody asks for it");
    for partition in [0, 1] {
        producer.send_unobserved(to(partition)).await.expect("room for two batches");
    }
    let refused = producer.send(to(2)).await.expect_err("no third");
    assert_eq!(refused.error.java_class(), "BufferExhaustedException");
    leave.send(()).expect("the callback still runs");
    producer.flush().await;
}

/// `KafkaProducer` names its thread so in Java.
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_runs_on_the_senders_thread_and_what_it_spawns_on_the_programs_runtime() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[("client.id", "till-7")]).await;
    let name = || thread::current().name().unwrap_or_default().to_owned();
    let (tell, told) = oneshot::channel();
    let callback = move |_: &RecordMetadata, _: Option<&ProducerError>| {
        let own = name();
        tokio::spawn(async move { tell.send((own, name())).unwrap() });
    };
    producer.send_with_callback(Record::keyed("orders", b"key", b"value"), callback).await.unwrap();
    let (callbacks, spawned) = tokio::time::timeout(PATIENCE, told).await.expect("in time").expect("told");
    assert_eq!(callbacks, "kafka-producer-network-thread | till-7");
    assert!(spawned.starts_with("tokio-rt-worker"), "{spawned}");
}
