//! Histories of real sockets: what a program of the library's calls and is told, and what Fetch reads back, for the core's
//! judges.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use kafka_producer::{Delivery, DeliveryError, RecordMetadata, SendError};
use producer_core::codecs;
use producer_core::error::Surface;
use producer_core::ids::{NodeId, ProducerIndex, TopicPartition};
use producer_core::judge::{CallId, Contents, Failure, Fate, History, Log, Metadata, read_partition};
use producer_core::protocol::{MetadataRequest, Request, Response};
use producer_core::record::Record;

use crate::wire_client::WireClient;

/// The version of Metadata asked: it names topics.
const METADATA_VERSION: i16 = 9;

/// Reads all partitions of a topic to their ends, carelessly and carefully, from whoever leads them; asks the broker on
/// this port who that is. Brokers are on this machine.
///
/// # Errors
/// When a broker cannot be asked, or refuses.
pub fn read_back(port: u16, topic: &str, contents: &mut Contents) -> Result<BTreeMap<i32, Log>> {
    let asked = MetadataRequest { topics: Some(vec![topic.into()]), ..MetadataRequest::default() };
    let answer = WireClient::connect(port)?.ask(METADATA_VERSION, Request::Metadata(asked))?;
    let Response::Metadata(metadata) = answer else { bail!("another answer than Metadata") };
    let ports: BTreeMap<NodeId, i32> = metadata.brokers.iter().map(|broker| (broker.node, broker.port)).collect();
    let found = metadata.topics.first().context("the topic is told")?;
    let mut logs = BTreeMap::new();
    for told in &found.partitions {
        let port = ports.get(&told.leader).context("the leader is told")?;
        let mut leader = WireClient::connect(u16::try_from(*port)?)?;
        let partition = TopicPartition { topic: topic.into(), partition: told.partition };
        let refused = |error| anyhow::anyhow!("{partition}: {error}");
        let ask = |version, request| leader.ask(version, request);
        logs.insert(told.partition, read_partition(contents, codecs::simulated(), &partition, refused, ask)?);
    }
    Ok(logs)
}

/// The witness beside a program that uses the library.
#[derive(Debug)]
pub struct Witness {
    /// What was written down.
    pub history: History,
    begun: Instant,
}

impl Default for Witness {
    fn default() -> Self {
        Self { history: History::default(), begun: Instant::now() }
    }
}

impl Witness {
    /// The time since the history began.
    pub fn now(&self) -> producer_core::time::Instant {
        let elapsed = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        producer_core::time::Instant::from_micros(elapsed)
    }

    /// The program is about to call `send()`.
    pub fn calls(&mut self, producer: ProducerIndex, record: &Record<'_>) -> CallId {
        let now = self.now();
        self.history.call(now, producer, 0, record)
    }

    /// `send()` returned.
    pub fn returned(&mut self, call: CallId, sent: Result<Delivery, SendError>) -> Option<Delivery> {
        let now = self.now();
        match sent {
            Ok(delivery) => {
                self.history.returned(now, call, Some(delivery.partition()));
                Some(delivery)
            }
            Err(error) => {
                self.history.returned(now, call, error.partition);
                let failure = Failure::of(&error.error, error.surface(), error.persistence);
                self.history.tell(now, call, Fate::Failed(failure));
                None
            }
        }
    }

    /// Its future is done.
    pub fn told(&mut self, call: CallId, result: Result<RecordMetadata, DeliveryError>) {
        let now = self.now();
        let fate = match result {
            Ok(RecordMetadata { partition: Some(partition), offset, timestamp_ms, .. }) => {
                Fate::Acknowledged(Metadata { partition, offset, timestamp_ms })
            }
            Ok(_) => Fate::Unknown,
            Err(error) => Fate::Failed(Failure::of(&error.error, Surface::FutureOnSender, error.persistence)),
        };
        self.history.tell(now, call, fate);
    }
}
