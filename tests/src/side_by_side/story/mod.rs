//! The story that one broker is told: chapters, each a table of requests and the versions in which they are asked.

mod batches;
mod producing;
mod reading;
mod replicated;
mod topics;
mod transactions;
mod versions;

use std::collections::BTreeMap;

pub use self::replicated::{Cluster, tell_replicated};
use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::create_topics_request::CreatableTopic;

use super::ask::{Topic, create_topics, find_coordinator, init, metadata, new_topic};
use super::compare::Heard;
use super::teller::Teller;

/// A producer's id and epoch.
pub(super) type Identity = (i64, i16);

/// COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: a coordinator gets ready.
const GETS_READY: [i16; 3] = [14, 15, 16];
/// CONCURRENT_TRANSACTIONS: an end is under way.
pub(super) const UNDER_WAY: i16 = 51;
/// LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC_OR_PARTITION: the broker has not heard of the topic yet.
const YOUNG: [i16; 2] = [5, 3];

/// One broker, and what it is told.
pub(super) struct Story {
    pub(super) teller: Teller,
    topics: BTreeMap<String, Topic>,
}

/// Tells everything to the one broker behind this port; what it answered.
///
/// # Errors
/// When an answer is none, or the broker never gets ready.
pub fn tell(port: u16) -> Result<Vec<Heard>> {
    let mut story = Story::begin(port)?;
    versions::tell(&mut story)?;
    topics::tell(&mut story)?;
    producing::tell(&mut story)?;
    batches::tell(&mut story)?;
    reading::tell(&mut story)?;
    transactions::tell(&mut story)?;
    Ok(story.teller.finish())
}

impl Story {
    /// Waits until both coordinators are there: the first questions make a broker create the topics that they keep their
    /// state in.
    pub(super) fn begin(port: u16) -> Result<Self> {
        let mut teller = Teller::connect(port)?;
        for (key_type, key) in [(0, "group"), (1, "transaction")] {
            teller.wait_for(4, &find_coordinator(4, key_type, &[key]), |answer| {
                answer.coordinators.iter().all(|found| found.error_code == 0)
            })?;
        }
        teller.wait_for(5, &init(5, Some("first-of-all"), 60_000, None), |answer| {
            !GETS_READY.contains(&answer.error_code)
        })?;
        Ok(Self { teller, topics: BTreeMap::new() })
    }

    /// Creates a topic with these settings and waits until it has leaders.
    pub(super) fn create(&mut self, name: &str, configs: &[(&str, Option<&str>)]) -> Result<()> {
        self.create_as(new_topic(name, 2, 1, configs))
    }

    pub(super) fn create_as(&mut self, topic: CreatableTopic) -> Result<()> {
        let name = topic.name.0.as_str().to_owned();
        let created = self.teller.ask("a topic of the story", 7, &create_topics(vec![topic]))?.context("closed")?;
        ensure!(created.topics[0].error_code == 0, "{created:?}");
        self.teller.wait_for(12, &metadata(12, &[&name]), |answer| {
            let found = &answer.topics[0];
            let led = found.partitions.iter().map(|partition| partition.error_code);
            !led.chain([found.error_code]).any(|error| YOUNG.contains(&error))
        })?;
        let id = created.topics[0].topic_id;
        self.topics.insert(name.clone(), Topic { name, id });
        Ok(())
    }

    /// A topic that was created.
    pub(super) fn topic(&self, name: &str) -> Topic {
        self.topics.get(name).unwrap_or_else(|| panic!("the story has created {name}")).clone()
    }

    /// A producer outside transactions.
    pub(super) fn producer(&mut self) -> Result<Identity> {
        let request = init(4, None, 60_000, None);
        let answer = self.teller.ask_until("an id", 4, &request, |answer| !GETS_READY.contains(&answer.error_code))?;
        Ok((answer.producer_id.0, answer.producer_epoch))
    }
}
