//! The brokers, as producers, readers and whoever else asks meet them.

use super::*;

/// The brokers, and the clock by which everybody beside them lives.
pub(super) struct Brokers {
    pub(super) cluster: Cluster<Nobody>,
    pub(super) now_ms: u64,
    /// When the brokers want to be woken.
    pub(super) wait: Option<Instant>,
    clients: u32,
    /// What they have said and nobody has heard yet; `None`: that the connection is closed.
    said: VecDeque<(LinkId, Option<(CorrelationId, Response)>)>,
}

impl Brokers {
    pub(super) fn new(cluster: Cluster<Nobody>) -> Self {
        Self { cluster, now_ms: 0, wait: None, clients: 0, said: VecDeque::new() }
    }

    pub(super) fn now(&self) -> Now {
        Now { elapsed_us: self.now_ms * 1_000, wall_ms: 1_700_000_000_000 + self.now_ms.cast_signed() }
    }

    pub(super) fn pass_to(&mut self, ms: u64) {
        self.now_ms = ms;
        self.cluster.handle_input(self.now(), ClusterInput::Wake);
    }

    pub(super) fn new_client(&mut self) -> u32 {
        self.clients += 1;
        self.clients
    }

    pub(super) fn said_to(&mut self, client: u32) -> Vec<(LinkId, Option<(CorrelationId, Response)>)> {
        loop {
            match self.cluster.poll_output() {
                ClusterOutput::Respond { link, correlation, response, .. } => {
                    self.said.push_back((link, Some((correlation, response))));
                }
                ClusterOutput::Cut { link } => self.said.push_back((link, None)),
                ClusterOutput::Wait { until } => {
                    self.wait = until;
                    break;
                }
            }
        }
        let (hers, others) = self.said.drain(..).partition(|(link, _)| link.client == client);
        self.said = others;
        hers.into()
    }

    /// Asks a broker over a connection of its own, as anybody may.
    pub(super) fn ask(&mut self, node: NodeId, body: Request) -> Response {
        let link = LinkId { client: self.new_client(), connection: ConnectionId(1) };
        let api = body.api();
        // The last version of Fetch that says topics by name.
        let version = if api == ApiKey::Fetch { 12 } else { broker_versions(api).max };
        let header = RequestHeader { api, version, correlation: CorrelationId(1), client_id: None };
        for input in [ClusterInput::Opened { link, node }, ClusterInput::Request { link, header, body }] {
            self.cluster.handle_input(self.now(), input);
        }
        let answer = self.said_to(link.client).pop();
        self.cluster.handle_input(self.now(), ClusterInput::Closed { link });
        answer.and_then(|(_, said)| said).expect("answered at once").1
    }

    /// What a reader of this isolation level gets of a partition: offsets and values.
    pub(super) fn read(&mut self, isolation_level: i8, topic: &str, partition: i32) -> Vec<(i64, String)> {
        let name = TopicPartition { topic: topic.into(), partition };
        let (leader, _) = self.cluster.leader(&name).expect("such a partition");
        let partition = FetchPartition { partition, current_leader_epoch: -1, fetch_offset: 0, max_bytes: i32::MAX };
        let topics = vec![FetchTopic { name: name.topic, id: Default::default(), partitions: vec![partition] }];
        let request = FetchRequest {
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            isolation_level,
            session_id: 0,
            session_epoch: -1,
            topics,
        };
        match self.ask(leader, Request::Fetch(request)) {
            Response::Fetch(read) => sifted(&read.topics[0].partitions[0]),
            other => panic!("{other:?}"),
        }
    }

    /// The values that such a reader gets of all partitions of some topics, sorted.
    pub(super) fn values(&mut self, isolation_level: i8, topics: &[&str]) -> Vec<String> {
        let mut values = Vec::new();
        for topic in topics {
            let count = self.cluster.topics().find(|(name, _)| ***name == **topic).map_or(0, |(_, count)| count);
            for partition in 0..count {
                values.extend(self.read(isolation_level, topic, partition).into_iter().map(|(_, value)| value));
            }
        }
        values.sort();
        values
    }

    /// What a group has committed for a partition, once no transaction can change it any more.
    pub(super) fn committed(&mut self, group: &str, topic: &str, partition: i32) -> CommittedOffset {
        let find = FindCoordinatorRequest { key_type: 0, keys: vec![group.into()] };
        let Response::FindCoordinator(found) = self.ask(NodeId(1), Request::FindCoordinator(find)) else { panic!() };
        let topics = Some(vec![TopicPartitions { name: topic.into(), partitions: vec![partition] }]);
        let groups = vec![OffsetFetchGroup { group: group.into(), topics }];
        let fetch = Request::OffsetFetch(OffsetFetchRequest { groups, require_stable: true });
        let Response::OffsetFetch(fetched) = self.ask(found.coordinators[0].node, fetch) else { panic!() };
        let partition = &fetched.groups[0].topics[0].partitions[0];
        assert_eq!(partition.error, ErrorCode::NONE);
        partition.committed.clone()
    }

    /// Ids and epochs of the producers that a partition remembers.
    pub(super) fn producers(&mut self, topic: &str, partition: i32) -> Vec<(i64, i16)> {
        let partition = TopicPartition { topic: topic.into(), partition };
        let known = self.cluster.active_producers(self.now(), &partition);
        known.into_iter().map(|producer| (producer.id, producer.epoch)).collect()
    }
}
