//! Copies of a partition: how they follow, who is in sync, who leads.

mod disks;
mod elections;
mod followers;
mod lives;
mod pauses;
mod promises;
mod separations;
mod waiting;

use super::*;
use crate::protocol::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use crate::trace::BrokerState;

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const THREE: NodeId = NodeId(3);

/// A topic of three copies in which two have to be in sync.
fn needs_two() -> NewTopic {
    with_settings("orders", &[("min.insync.replicas", "2")])
}

fn with_settings(name: &str, settings: &[(&str, &str)]) -> NewTopic {
    let configs = settings.iter().map(|&(key, value)| (key.into(), Some(value.into()))).collect();
    NewTopic { configs, ..new_topic(name, 3, 3) }
}

impl World {
    /// Brokers with a quarter of a millisecond between them, and this topic.
    fn apart(topic: &NewTopic) -> Self {
        Self::with_topic(ClusterConfig::simulated(3), topic)
    }

    /// Brokers between which no time passes, and this topic.
    fn close(topic: &NewTopic) -> Self {
        Self::with_topic(at_once(), topic)
    }

    fn with_topic(config: ClusterConfig, topic: &NewTopic) -> Self {
        let mut cluster = Cluster::new(config, TraceBuffer::new(Lane(0), ProducerIndex(0)));
        cluster.create_topic(topic).unwrap();
        let mut world = Self { cluster, elapsed_us: 0, next_correlation: 0, cuts: Vec::new() };
        // Followers say that they are there.
        world.live(Duration::from_millis(1));
        world
    }

    /// Lets time pass as the cluster wants to be woken, this long.
    fn live(&mut self, span: Duration) -> Vec<(CorrelationId, Response)> {
        let end = self.now().instant() + span;
        let mut answers = self.responses();
        for _ in 0..100_000 {
            let until = match self.cluster.poll_output() {
                ClusterOutput::Wait { until } => until.filter(|&until| until < end).unwrap_or(end),
                other => panic!("drained: {other:?}"),
            };
            let now = self.now().instant();
            self.pass(until - now);
            answers.extend(self.responses());
            if self.now().instant() >= end {
                return answers;
            }
        }
        panic!("never comes to rest");
    }

    /// Sends a batch with these acks to a broker, and goes away; the answer comes later.
    fn post(&mut self, node: NodeId, acks: i16, batch: Bytes) -> CorrelationId {
        let link = self.connect(node.0);
        self.send(link, produce_request(acks, 0, batch))
    }

    /// Sends a batch and waits up to a minute for the answer: its error and offset.
    fn written(&mut self, node: NodeId, acks: i16, batch: Bytes) -> (ErrorCode, i64) {
        let correlation = self.post(node, acks, batch);
        for _ in 0..60_000 {
            if let Some(answer) = verdict_in(&self.live(Duration::from_millis(1)), correlation) {
                return answer;
            }
        }
        panic!("no answer in a minute");
    }

    /// What a reader gets of partition 0 at a broker.
    fn read(&mut self, node: NodeId) -> Vec<String> {
        let fetched = self.fetch(node.0, fetch_request(0, 0));
        reader::sifted(&fetched).into_iter().map(|(_, value)| value).collect()
    }

    /// What partition 0 holds at a broker, whether or not it may be read.
    fn held(&self, node: NodeId) -> Vec<String> {
        let log = self.cluster.log_at(node, &orders(0)).unwrap();
        log.records().map(|record| String::from_utf8(record.value.unwrap().to_vec()).unwrap()).collect()
    }

    fn isr(&self) -> &[NodeId] {
        self.cluster.in_sync_replicas(&orders(0)).unwrap()
    }

    fn high_watermark(&self, node: NodeId) -> i64 {
        self.cluster.high_watermark_at(node, &orders(0)).unwrap()
    }

    fn leads(&self) -> (i32, i32) {
        let (leader, epoch) = self.cluster.leader(&orders(0)).unwrap();
        (leader.0, epoch)
    }

    /// The latest offset as a reader asks for it.
    fn told_end(&mut self, node: NodeId) -> Result<i64, ErrorCode> {
        let link = self.connect(node.0);
        let asked = ListOffsetsPartition { partition: 0, current_leader_epoch: -1, timestamp_ms: -1 };
        let topics = vec![ListOffsetsTopic { name: "orders".into(), partitions: vec![asked] }];
        match self.ask(link, Request::ListOffsets(ListOffsetsRequest { isolation_level: 0, topics })) {
            Some(Response::ListOffsets(response)) => {
                let found = response.topics[0].partitions[0];
                if found.error.is_none() { Ok(found.offset) } else { Err(found.error) }
            }
            other => panic!("{other:?}"),
        }
    }

    fn kill(&mut self, node: NodeId) {
        self.cluster.kill(self.now(), node).unwrap();
    }
}

/// Error and offset of the first partition of the answer to a write.
fn verdict_in(answers: &[(CorrelationId, Response)], correlation: CorrelationId) -> Option<(ErrorCode, i64)> {
    answers.iter().find(|(answered, _)| *answered == correlation).map(|(_, response)| match response {
        Response::Produce(response) => {
            let partition = &response.topics[0].partitions[0];
            (partition.error, partition.base_offset)
        }
        other => panic!("{other:?}"),
    })
}
