//! Records whose keys and values are not bytes yet.

use producer_core::config::ConfigError;
use producer_core::error::ProducerError;
use producer_core::record::{Header, Record};
use producer_core::serializer::{Configured, Half, Serializer, Unserializable, Value};

use super::{Delivery, KafkaProducer, RecordMetadata, SendError};

/// One record with a key and a value that a serialiser makes bytes of (`ProducerRecord<K, V>`).
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerRecord<'a> {
    /// Topic name.
    pub topic: &'a str,
    /// An explicit partition; `None` lets the partitioner choose.
    pub partition: Option<i32>,
    /// CreateTime in milliseconds since 1970; `None` takes the clock's.
    pub timestamp_ms: Option<i64>,
    /// The key. What its serialiser makes nothing of, such as [`Value::Null`], is no key.
    pub key: Value<'a>,
    /// The value; null is a tombstone on compacted topics.
    pub value: Value<'a>,
    /// Headers, in order.
    pub headers: &'a [Header<'a>],
}

impl<'a> ProducerRecord<'a> {
    /// A record for `topic` with this key and value and everything else left open.
    pub const fn keyed(topic: &'a str, key: Value<'a>, value: Value<'a>) -> Self {
        Self { topic, partition: None, timestamp_ms: None, key, value, headers: &[] }
    }

    fn with<'b>(&'b self, key: Option<&'b [u8]>, value: Option<&'b [u8]>) -> Record<'b> {
        let Self { topic, partition, timestamp_ms, headers, .. } = *self;
        Record { topic, partition, timestamp_ms, key, value, headers }
    }
}

/// Key and value as they travel; `None` is null.
type Serialized = (Option<Vec<u8>>, Option<Vec<u8>>);

/// A producer with its serialisers: see [`KafkaProducer::serializing`].
#[derive(Clone, Copy, Debug)]
pub struct Serializing<'p> {
    producer: &'p KafkaProducer,
    key: Configured<'p>,
    value: Configured<'p>,
}

impl KafkaProducer {
    /// This producer for records that are not bytes yet: with the serialisers handed over, or else with those that
    /// `key.serializer` and `value.serializer` name, as Java's constructors have it. Kafka's own for single values are known.
    /// Text and UUIDs are written in the charset of `key.serializer.encoding`, `value.serializer.encoding` or
    /// `serializer.encoding` where the serialiser is named, and as UTF-8 where it is handed over, for Java configures only
    /// those that it makes itself; serialising makes a copy of each half, which [`send`](Self::send) of bytes does not.
    ///
    /// ```
    /// # use kafka_producer::embedded::EmbeddedBrokers;
    /// # use kafka_producer::{KafkaProducer, ProducerConfig};
    /// use kafka_producer::ProducerRecord;
    /// use kafka_producer::serializer::{Serializer, Value};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let brokers = EmbeddedBrokers::start_default().await?;
    /// let long = "org.apache.kafka.common.serialization.LongSerializer";
    /// let (config, _notices) = ProducerConfig::from_properties([("key.serializer", long)])?;
    /// let producer = KafkaProducer::connect(config, &brokers.bootstrap_servers()).await?;
    /// let serializing = producer.serializing(None, Some(Serializer::String))?;
    /// let record = ProducerRecord::keyed("orders", Value::Long(42), Value::String("two coffees".into()));
    /// let metadata = serializing.send(&record).await?.await?;
    /// assert_eq!(metadata.serialized_key_size, Some(8));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The Java client's `ConfigException` where one is neither handed over nor named; where a class of somebody else's is
    /// named, which only a JVM could load, a refusal of this producer's own.
    pub fn serializing(
        &self,
        key: Option<Serializer>,
        value: Option<Serializer>,
    ) -> Result<Serializing<'_>, ConfigError> {
        let key = self.config.configured_serializer(Half::Key, key)?;
        let value = self.config.configured_serializer(Half::Value, value)?;
        Ok(Serializing { producer: self, key, value })
    }
}

impl Serializing<'_> {
    /// As [`KafkaProducer::send`], once key and value are bytes.
    ///
    /// # Cancel safety
    /// As there.
    ///
    /// # Errors
    /// [`SendError`]: a half is of another type than its serialiser takes, or a UUID is to be written in a charset that nobody has
    /// ([`ProducerError::Serialization`]), or the record was refused.
    pub async fn send(&self, record: &ProducerRecord<'_>) -> Result<Delivery, SendError> {
        let (key, value) = self.serialize(record).await?;
        self.producer.send(record.with(key.as_deref(), value.as_deref())).await
    }

    /// As [`KafkaProducer::send_with_callback`], once key and value are bytes. Of a half of the wrong type the callback hears
    /// nothing: Java throws there.
    ///
    /// # Cancel safety
    /// As there.
    ///
    /// # Errors
    /// As [`send`](Self::send), where Java throws.
    pub async fn send_with_callback(
        &self,
        record: &ProducerRecord<'_>,
        callback: impl FnOnce(&RecordMetadata, Option<&ProducerError>) + Send + 'static,
    ) -> Result<(), SendError> {
        let (key, value) = self.serialize(record).await?;
        self.producer.send_with_callback(record.with(key.as_deref(), value.as_deref()), callback).await
    }

    /// The key first, as in Java.
    async fn serialize(&self, record: &ProducerRecord<'_>) -> Result<Serialized, SendError> {
        let halves = || -> Result<Serialized, Unserializable> {
            Ok((self.key.serialize(Half::Key, &record.key)?, self.value.serialize(Half::Value, &record.value)?))
        };
        match halves() {
            Ok(serialized) => Ok(serialized),
            // What the producer says of it: it waits for metadata first, and one that is closed says that before all else.
            Err(wrong) => {
                let detail = wrong.to_string().into();
                Err(self.producer.send_what_no_serializer_takes(&record.with(None, None), &detail).await)
            }
        }
    }
}
