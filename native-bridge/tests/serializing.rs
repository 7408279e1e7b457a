//! Serialisers by the names of their Java classes, and those handed over beside them.

use kafka_producer::embedded::EmbeddedBrokers;
use kafka_producer::serializer::{Serializer, Value};
use kafka_producer::{KafkaProducer, Persistence, ProducerConfig, ProducerError, ProducerRecord, Record, Surface};

async fn producer(brokers: &EmbeddedBrokers, properties: &[(&str, &str)]) -> KafkaProducer {
    let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("accepted");
    KafkaProducer::connect(config, &brokers.bootstrap_servers()).await.expect("loopback addresses")
}

async fn brokers() -> EmbeddedBrokers {
    EmbeddedBrokers::start_default().await.expect("free ports")
}

const KEY_IS_INTEGER: (&str, &str) = ("key.serializer", " org.apache.kafka.common.serialization.IntegerSerializer");
const VALUE_IS_UUID: (&str, &str) = ("value.serializer", "org.apache.kafka.common.serialization.UUIDSerializer");

#[tokio::test]
async fn what_the_settings_name_makes_the_bytes_of_key_and_value() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[KEY_IS_INTEGER, VALUE_IS_UUID]).await;
    let serializing = producer.serializing(None, None).expect("both are named");
    let as_bytes = 42_i32.to_be_bytes();
    let bytes = producer.send(Record::keyed("orders", &as_bytes, b"v")).await.expect("taken").await.expect("stored");
    let mut record = ProducerRecord::keyed("orders", Value::Integer(42), Value::Uuid(7));
    let stored = serializing.send(&record).await.expect("taken").await.expect("stored");
    assert_eq!((stored.serialized_key_size, stored.serialized_value_size), (Some(4), Some(36)));
    assert_eq!(stored.partition, bytes.partition, "the same bytes, the same hash");
    record.value = Value::Null;
    let (told, heard) = tokio::sync::oneshot::channel();
    let callback = |metadata: &_, error: Option<&_>| _ = told.send((Clone::clone(metadata), error.cloned()));
    serializing.send_with_callback(&record, callback).await.expect("taken");
    producer.flush().await;
    let (tombstone, error): (kafka_producer::RecordMetadata, Option<ProducerError>) = heard.await.expect("called back");
    assert_eq!((tombstone.serialized_key_size, tombstone.serialized_value_size, error), (Some(4), None, None));
    producer.close(None).await;
}

/// Mirrors `KafkaProducerTest.testConstructorWithSerializers`: with serialisers handed over, none need be named.
#[tokio::test]
async fn serialisers_that_are_handed_over_need_no_names() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[]).await;
    let bytes = Some(Serializer::ByteArray);
    let serializing = producer.serializing(bytes, bytes).expect("both are there");
    let record = ProducerRecord::keyed("orders", Value::ByteArray(b"k"[..].into()), Value::ByteArray(b"v"[..].into()));
    assert_eq!(serializing.send(&record).await.expect("taken").await.expect("stored").serialized_value_size, Some(1));
    producer.close(None).await;
}

/// Mirrors `KafkaProducerTest.testNoSerializerProvided`: without a serialiser, by name or handed over, there is no producer of
/// anything but bytes; the sentence is the one the test quotes.
#[tokio::test]
async fn without_any_serialiser_only_bytes_can_be_sent() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[]).await;
    let refused = producer.serializing(None, None).expect_err("nobody said how");
    assert_eq!(&*refused.message, "Invalid value null for configuration key.serializer: must be non-null.");
    producer.send(Record::keyed("orders", b"k", b"v")).await.expect("taken").await.expect("stored");
    producer.close(None).await;
}

/// The sentence is the Java client's (`KafkaProducer.doSend`); the key is looked at first, and a closed producer says that it is
/// closed.
#[tokio::test]
async fn a_half_of_another_type_is_refused_as_java_does_and_the_next_record_is_sent() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[KEY_IS_INTEGER, VALUE_IS_UUID]).await;
    let serializing = producer.serializing(None, None).expect("both are named");
    let wrong = ProducerRecord::keyed("orders", Value::Long(42), Value::String("no UUID".into()));
    let refused = serializing.send(&wrong).await.expect_err("no Integer");
    assert_eq!(refused.error.java_class(), "SerializationException");
    assert_eq!(
        refused.to_string(),
        "Can't convert key of class java.lang.Long to class org.apache.kafka.common.serialization.IntegerSerializer specified in key.serializer"
    );
    assert_eq!((refused.surface(), refused.persistence), (Surface::Thrown, Persistence::NotPersisted));
    let called_back = |_: &_, _: Option<&_>| panic!("Java throws before it calls back");
    serializing.send_with_callback(&wrong, called_back).await.expect_err("no Integer");
    let right = ProducerRecord::keyed("orders", Value::Integer(42), Value::Uuid(7));
    serializing.send(&right).await.expect("taken").await.expect("stored");
    producer.close(None).await;
    assert_eq!(serializing.send(&wrong).await.expect_err("closed").error, ProducerError::Closed);
}

/// The bytes are those of `"a".getBytes("UTF-16")`, which the Java client's `StringSerializer` makes with this setting; where the
/// record goes and how large it is follow from them.
#[tokio::test]
async fn text_is_written_in_the_charset_that_the_settings_name_and_partitioned_by_those_bytes() {
    let text = "org.apache.kafka.common.serialization.StringSerializer";
    let brokers = brokers().await;
    let named = [("key.serializer", text), VALUE_IS_UUID];
    let encoded = [("key.serializer.encoding", "UTF-16"), ("serializer.encoding", "utf-16le")];
    let producer = producer(&brokers, &[&named[..], &encoded].concat()).await;
    let serializing = producer.serializing(None, None).expect("both are named");
    for letter in ["a", "b", "c", "d", "e", "f"] {
        let key = [0xfe, 0xff, 0, letter.as_bytes()[0]];
        let bytes = producer.send(Record::keyed("orders", &key, b"v")).await.expect("taken").await.expect("stored");
        let record = ProducerRecord::keyed("orders", Value::String(letter.into()), Value::Uuid(7));
        let stored = serializing.send(&record).await.expect("taken").await.expect("stored");
        assert_eq!((stored.serialized_key_size, stored.serialized_value_size), (Some(4), Some(72)));
        assert_eq!(stored.partition, bytes.partition, "the same bytes, the same hash");
    }
    // One that is handed over is not configured.
    let handed_over = producer.serializing(Some(Serializer::String), None).expect("both are there");
    let record = ProducerRecord::keyed("orders", Value::String("a".into()), Value::Null);
    assert_eq!(handed_over.send(&record).await.expect("taken").await.expect("stored").serialized_key_size, Some(1));
    producer.close(None).await;
}

/// `UUIDSerializer` looks its charset up when it writes: the producer is made, and the record is refused.
#[tokio::test]
async fn a_uuid_in_a_charset_that_nobody_has_is_refused_by_send() {
    let brokers = brokers().await;
    let producer = producer(&brokers, &[KEY_IS_INTEGER, VALUE_IS_UUID, ("serializer.encoding", "no-such")]).await;
    let serializing = producer.serializing(None, None).expect("both are named");
    let mut record = ProducerRecord::keyed("orders", Value::Integer(42), Value::Uuid(7));
    let refused = serializing.send(&record).await.expect_err("nobody has it");
    assert_eq!(refused.error.java_class(), "SerializationException");
    assert_eq!(refused.to_string(), "Error when serializing UUID to byte[] due to unsupported encoding no-such");
    assert_eq!((refused.surface(), refused.persistence), (Surface::Thrown, Persistence::NotPersisted));
    record.value = Value::Null;
    serializing.send(&record).await.expect("taken").await.expect("stored");
    producer.close(None).await;
}
