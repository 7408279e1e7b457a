//! Topics that are asked about by id, deleted and missed, at any broker: what it answers, line by line. Topic ids are counted
//! as topics are created, for every cluster draws its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use producer_core::error::ErrorCode;
use producer_core::ids::TopicId;
use producer_core::protocol::*;
use producer_core::record_batch::Stamp;

use crate::wire_client::{WireClient, once_ready};
use crate::wire_story::stamped;

/// A cluster hears within milliseconds that a topic is gone; a machine that is busy with other things takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody draws it.
const NOBODYS: TopicId = TopicId([9; 16]);

/// The story, as the broker behind this port tells it.
///
/// # Errors
/// When the broker closes the connection, or never comes to say what it must.
pub fn tell(port: u16) -> Result<Vec<String>> {
    let mut teller = Teller { client: WireClient::connect(port)?, heard: Vec::new(), ids: Vec::new() };
    teller.topics_end_by_name()?;
    teller.topics_end_by_id()?;
    teller.nonsense_ends_nothing()?;
    teller.what_has_ended_is_missed()?;
    Ok(teller.heard)
}

struct Teller {
    client: WireClient,
    heard: Vec<String>,
    ids: Vec<TopicId>,
}

fn by_name(name: &str) -> TopicToDelete {
    TopicToDelete { name: Some(name.into()), id: TopicId::default() }
}

fn by_id(id: TopicId) -> TopicToDelete {
    TopicToDelete { name: None, id }
}

impl Teller {
    fn named(&self, id: TopicId) -> String {
        match self.ids.iter().position(|&known| known == id) {
            Some(place) => format!("#{place}"),
            None if id == TopicId::default() => "none".to_owned(),
            None if id == NOBODYS => "nobody's".to_owned(),
            None => "another".to_owned(),
        }
    }

    fn describe(&mut self, version: i16, names: &[&str], topic_ids: Vec<TopicId>) -> Result<Vec<MetadataTopic>> {
        let topics = Some(names.iter().map(|&name| Arc::from(name)).collect());
        let body = MetadataRequest { topics, topic_ids, allow_auto_topic_creation: false };
        let Response::Metadata(body) = self.client.ask(version, Request::Metadata(body))? else { unreachable!() };
        Ok(body.topics)
    }

    /// Creates a topic and waits until it is known; its id.
    fn create(&mut self, name: &str) -> Result<TopicId> {
        let topic = NewTopic {
            name: name.into(),
            num_partitions: 1,
            replication_factor: 1,
            configs: Vec::new(),
            assignments: Vec::new(),
        };
        let body = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, validate_only: false };
        let Response::CreateTopics(created) = self.client.ask(7, Request::CreateTopics(body))? else { unreachable!() };
        ensure!(created.topics[0].error.is_none(), "{name}: {:?}", created.topics[0]);
        self.ids.push(created.topics[0].id);
        once_ready(|| {
            let topic = self.describe(12, &[name], Vec::new())?.remove(0);
            let led = topic.partitions.iter().map(|partition| partition.error).max().unwrap_or_default();
            Ok((topic.error.max(led), topic.id))
        })
    }

    /// Waits until nobody knows the topic any more.
    fn until_gone(&mut self, name: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.describe(12, &[name], Vec::new())?.remove(0).error != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
            ensure!(Instant::now() < deadline, "{name} is still there");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn delete(&mut self, what: &str, version: i16, topics: Vec<TopicToDelete>) -> Result<()> {
        let body = Request::DeleteTopics(DeleteTopicsRequest { topics, timeout_ms: 30_000 });
        let Response::DeleteTopics(body) = self.client.ask(version, body)? else { unreachable!() };
        let mut told: Vec<String> = Vec::new();
        for topic in body.topics {
            let id = self.named(topic.id);
            told.push(format!("{:?} {id} {} {:?}", topic.name, topic.error, topic.error_message));
        }
        // A cluster draws their order.
        told.sort();
        self.heard.push(format!("{what} v{version}: {told:?}"));
        Ok(())
    }

    fn topics_end_by_name(&mut self) -> Result<()> {
        for version in 1..=6 {
            let name = format!("ends-{version}");
            self.create(&name)?;
            self.delete("by name", version, vec![by_name(&name), by_name("never-there")])?;
            self.until_gone(&name)?;
            self.delete("once more", version, vec![by_name(&name)])?;
        }
        Ok(())
    }

    fn topics_end_by_id(&mut self) -> Result<()> {
        let id = self.create("said-by-id")?;
        for version in [12, 13] {
            self.tell_description("there", version, vec![id, NOBODYS])?;
        }
        self.delete("by id", 6, vec![by_id(id), by_id(NOBODYS)])?;
        self.until_gone("said-by-id")?;
        self.delete("once more", 6, vec![by_id(id)])?;
        for version in [12, 13] {
            self.tell_description("gone", version, vec![id])?;
        }
        Ok(())
    }

    fn tell_description(&mut self, what: &str, version: i16, ids: Vec<TopicId>) -> Result<()> {
        let topics = self.describe(version, &["whatever-its-name"], ids)?;
        let mut told: Vec<String> = Vec::new();
        for topic in topics {
            let id = self.named(topic.id);
            let partitions: Vec<_> = topic.partitions.iter().map(|found| (found.partition, found.leader)).collect();
            told.push(format!("{} {id} {} {partitions:?}", topic.name, topic.error));
        }
        told.sort();
        self.heard.push(format!("{what} v{version}: {told:?}"));
        Ok(())
    }

    fn nonsense_ends_nothing(&mut self) -> Result<()> {
        let id = self.create("stays")?;
        let both = TopicToDelete { name: Some("stays".into()), id };
        let twice = vec![by_name("stays"), by_name("stays"), by_name("stays")];
        self.delete("a name twice", 4, twice.clone())?;
        self.delete("a name twice", 6, twice)?;
        self.delete("an id twice", 6, vec![by_id(id), by_id(id)])?;
        self.delete("both in one", 6, vec![both.clone(), both])?;
        self.delete("nothing", 6, vec![TopicToDelete::default(), TopicToDelete::default()])?;
        self.delete("by id and by name", 6, vec![by_id(id), by_name("stays")])?;
        self.delete("by name and twice by id", 6, vec![by_id(id), by_name("stays"), by_id(id)])?;
        self.delete("no topics at all", 6, Vec::new())?;
        self.tell_description("still there", 12, vec![id])?;
        self.delete("by id and twice by name", 6, vec![by_name("stays"), by_id(id), by_name("stays")])?;
        self.until_gone("stays")
    }

    /// What is asked of a topic that was there.
    fn what_has_ended_is_missed(&mut self) -> Result<()> {
        let id = self.create("missed")?;
        self.delete("and then", 6, vec![by_name("missed")])?;
        self.until_gone("missed")?;
        for version in [12, 13] {
            let records = stamped(Stamp::PLAIN, &["late"]);
            let partitions = vec![ProducePartition { partition: 0, records }];
            let topics = vec![ProduceTopic { name: "missed".into(), id, partitions }];
            let body = ProduceRequest { transactional_id: None, acks: -1, timeout_ms: 30_000, topics };
            let Response::Produce(body) = self.client.ask(version, Request::Produce(body))? else { unreachable!() };
            self.heard.push(format!("produce v{version}: {}", body.topics[0].partitions[0].error));

            let partition =
                FetchPartition { partition: 0, current_leader_epoch: -1, fetch_offset: 0, max_bytes: 1 << 20 };
            let body = Request::Fetch(FetchRequest {
                max_wait_ms: 0,
                min_bytes: 0,
                max_bytes: 1 << 20,
                isolation_level: 0,
                session_id: 0,
                session_epoch: -1,
                topics: vec![FetchTopic { name: "missed".into(), id, partitions: vec![partition] }],
            });
            let Response::Fetch(body) = self.client.ask(version, body)? else { unreachable!() };
            self.heard.push(format!("fetch v{version}: {}", body.topics[0].partitions[0].error));
        }
        Ok(())
    }
}
