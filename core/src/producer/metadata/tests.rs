//! What is believed, and when it is asked for.

mod asking;
mod believing;
mod gaps;

use super::*;
use crate::protocol::MetadataPartition;
use crate::rng::Purpose;

fn name_of(topic: TopicIndex) -> Arc<str> {
    format!("topic-{}", topic.0).into()
}

fn topic(number: u32) -> TopicIndex {
    TopicIndex(number)
}

fn partition(number: u32, partition: i32) -> PartitionRef {
    PartitionRef { topic: topic(number), partition }
}

/// Metadata with a clock, and a cluster that answers as it is told.
struct Believed {
    metadata: Metadata,
    rng: Rng,
    now: u64,
    nodes: i32,
}

/// What an answer says of a topic: partitions under the leadership of broker 1, in this epoch.
fn sound(number: u32, partitions: i32, epoch: i32) -> MetadataTopic {
    let partitions = (0..partitions).map(|partition| MetadataPartition {
        partition,
        leader: NodeId(1),
        leader_epoch: epoch,
        ..MetadataPartition::default()
    });
    MetadataTopic { name: name_of(topic(number)), partitions: partitions.collect(), ..MetadataTopic::default() }
}

fn failed(number: u32, error: ErrorCode) -> MetadataTopic {
    MetadataTopic { name: name_of(topic(number)), error, ..MetadataTopic::default() }
}

fn with_id(told: MetadataTopic, id: u8) -> MetadataTopic {
    MetadataTopic { id: TopicId([id; 16]), ..told }
}

impl Believed {
    /// Pauses of 100 ms to a second, an age of a second, topics kept for a minute: as `ProducerMetadataTest` has them.
    fn new() -> Self {
        Self::aging(100, 1_000, 1_000)
    }

    fn aging(backoff: u64, backoff_max: u64, max_age: u64) -> Self {
        let ms = Duration::from_millis;
        let bootstrap = vec![BrokerAddress { host: "boot".into(), port: 9_092 }];
        let metadata = Metadata::new(bootstrap, Backoff::new(ms(backoff), ms(backoff_max)), ms(max_age), ms(60_000));
        Self { metadata, rng: Rng::stream(4, Purpose::RetryBackoff), now: 10_000, nodes: 3 }
    }

    fn at(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    fn sleep(&mut self, pause: u64) {
        self.now += pause;
    }

    fn add(&mut self, number: u32) -> Option<u32> {
        self.metadata.add(topic(number), Instant::from_millis(self.now))
    }

    /// Milliseconds until the next question.
    fn due_in(&self) -> u64 {
        let at = self.metadata.next_request_at().expect("nothing is asked");
        (at.as_micros() / 1_000).saturating_sub(self.now)
    }

    fn is_wanted(&self) -> bool {
        self.metadata.needs_full || self.metadata.needs_new_topics
    }

    fn ask(&mut self) -> MetadataAsked {
        self.metadata.ask(Instant::from_millis(self.now), 12, name_of).1
    }

    /// An answer to this question.
    fn answer(&mut self, asked: MetadataAsked, topics: Vec<MetadataTopic>) {
        let broker = |number| MetadataBroker { node: NodeId(number), host: "broker".into(), port: 9_092, rack: None };
        let response =
            MetadataResponse { brokers: (0..self.nodes).map(broker).collect(), topics, ..MetadataResponse::default() };
        let find = |name: &str| name.strip_prefix("topic-").and_then(|number| number.parse().ok()).map(TopicIndex);
        assert!(self.metadata.on_answer(Instant::from_millis(self.now), asked, &response, find, &mut self.rng));
    }

    /// An answer about everything, or about new topics alone, whatever was asked.
    fn update(&mut self, partial: bool, topics: Vec<MetadataTopic>) {
        let asked = MetadataAsked { partial, additions: self.metadata.additions, has_reliable_epochs: true };
        self.answer(asked, topics);
    }

    fn fail(&mut self) {
        let at = self.at();
        self.metadata.on_failure(at, &mut self.rng);
    }

    /// Node and epoch of a leader.
    fn leader(&self, of: PartitionRef) -> Option<(i32, i32)> {
        self.metadata.leader(of).map(|leader| (leader.node.0, leader.epoch))
    }

    fn is_kept(&self, number: u32) -> bool {
        self.metadata.topics[number as usize].wanted
    }

    fn new_topics(&self) -> Vec<u32> {
        (0..).zip(&self.metadata.topics).filter(|(_, known)| known.wanted && known.is_new).map(|(n, _)| n).collect()
    }

    fn all_topics(&self) -> Vec<u32> {
        (0..).zip(&self.metadata.topics).filter(|(_, known)| known.wanted).map(|(n, _)| n).collect()
    }
}
