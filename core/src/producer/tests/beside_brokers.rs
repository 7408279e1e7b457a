//! The producer beside the simulated brokers, for what needs a coordinator: every request is noted, answers to Produce may be
//! held back, and a broker may ask for a pause.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, ClusterConfig, ClusterInput, ClusterOutput, LinkId, new_topic};
use crate::config::ProducerConfig;
use crate::error::ProducerError;
use crate::ids::{BrokerAddress, ConnectionId, NodeId};
use crate::io::{BatchCompletion, Input, Output};
use crate::producer::topics::{PartitionRef, TopicIndex};
use crate::producer::{GroupMember, Producer, SendAttempt, TransactionTicket};
use crate::protocol::{ApiKey, ApiVersionsResponse, CommittedOffset, Request, Response, TxnOffsetCommitRequest};
use crate::record::Record;
use crate::time::{Instant, Now};
use crate::trace::Nobody;

struct Beside {
    producer: Producer,
    cluster: Cluster<Nobody>,
    now_ms: u64,
    wait: Option<Instant>,
    nodes: BTreeMap<ConnectionId, NodeId>,
    /// When what was asked.
    asked: Vec<(u64, Request)>,
    completed: Vec<BatchCompletion>,
    /// Produce stays without an answer.
    holds_produce: bool,
    /// The pause that broker 1 asks for with its first answer under its own id.
    first_pause_ms: i32,
}

impl Beside {
    /// A producer with transactions, and a cluster that speaks the second protocol of transactions.
    fn new(more: &[(&str, &str)]) -> Self {
        let properties = [&[("transactional.id", "some.id")], more].concat();
        let (config, _) = ProducerConfig::from_properties(properties).expect("accepted");
        let cluster_config = ClusterConfig::simulated(1);
        let bootstrap: Vec<BrokerAddress> = cluster_config.brokers.clone();
        let mut cluster = Cluster::new(cluster_config, Nobody);
        cluster.create_topic(&new_topic("topic", 3, 1)).expect("possible");
        Self {
            producer: Producer::new(config.into(), bootstrap, 7, Nobody),
            cluster,
            now_ms: 0,
            wait: None,
            nodes: BTreeMap::new(),
            asked: Vec::new(),
            completed: Vec::new(),
            holds_produce: false,
            first_pause_ms: 0,
        }
    }

    fn now(&self) -> Now {
        Now { elapsed_us: self.now_ms * 1_000, wall_ms: 1_700_000_000_000 + self.now_ms.cast_signed() }
    }

    /// Runs until nothing happens in this millisecond any more.
    fn settle(&mut self) {
        loop {
            let now = self.now();
            match self.producer.poll_output(now) {
                Output::Wait { until, .. } => {
                    self.wait = until;
                    return;
                }
                Output::Connect { connection, node, .. } => {
                    self.nodes.insert(connection, node);
                    let link = LinkId { client: 0, connection };
                    self.cluster.handle_input(now, ClusterInput::Opened { link, node: NodeId(1) });
                    self.producer.handle_input(now, Input::Connected { connection });
                }
                Output::Transmit { connection, request } => {
                    self.asked.push((self.now_ms, request.body.clone()));
                    if !(self.holds_produce && request.body.api() == ApiKey::Produce) {
                        let link = LinkId { client: 0, connection };
                        let input = ClusterInput::Request { link, header: request.header, body: request.body };
                        self.cluster.handle_input(now, input);
                    }
                }
                Output::Completed(completion) => self.completed.push(completion),
                Output::Close { .. } | Output::SendsMayProceed => {}
            }
            self.hear();
        }
    }

    fn hear(&mut self) {
        while let ClusterOutput::Respond { link, correlation, response, .. } = self.cluster.poll_output() {
            let connection = link.connection;
            let response = match response {
                Response::ApiVersions(told) if self.nodes[&connection] == NodeId(1) => {
                    let throttle_time_ms = core::mem::take(&mut self.first_pause_ms);
                    Response::ApiVersions(ApiVersionsResponse { throttle_time_ms, ..told })
                }
                other => other,
            };
            self.producer.handle_input(self.now(), Input::Received { connection, correlation, response });
        }
    }

    fn at_ms(&mut self, target: u64) {
        self.settle();
        while let Some(until) = self.wait.filter(|until| until.as_micros() <= target * 1_000) {
            self.now_ms = until.as_micros().div_ceil(1_000);
            self.producer.handle_input(self.now(), Input::Wake);
            self.settle();
        }
        self.now_ms = target;
    }

    /// When a call succeeded.
    fn until_done(&mut self, ticket: TransactionTicket, patience_ms: u64) -> u64 {
        let deadline = self.now_ms + patience_ms;
        loop {
            self.settle();
            if let Some(outcome) = self.producer.transaction_outcome(ticket) {
                assert_eq!(outcome, Ok(()));
                return self.now_ms;
            }
            assert!(self.now_ms < deadline, "it takes too long");
            self.at_ms(self.now_ms + 1);
        }
    }

    /// `initTransactions` and `beginTransaction` are over.
    fn begun(mut self) -> Self {
        let init = self.producer.init_transactions(self.now()).expect("fits");
        self.until_done(init, 10_000);
        self.producer.begin_transaction(self.now()).expect("fits");
        self
    }

    fn commit(&mut self) {
        let commit = self.producer.commit_transaction(self.now()).expect("fits");
        self.until_done(commit, 10_000);
    }

    fn send_offsets(&mut self, member: GroupMember) {
        let offset = CommittedOffset { offset: 5, leader_epoch: -1, metadata: None };
        let offsets = vec![("topic".into(), 0, offset)];
        let sent = self.producer.send_offsets_to_transaction(self.now(), offsets, member).expect("fits");
        self.until_done(sent.expect("there is one"), 10_000);
    }

    fn offset_commits(&self) -> Vec<&TxnOffsetCommitRequest> {
        let commits = self.asked.iter().filter_map(|(_, request)| match request {
            Request::TxnOffsetCommit(commit) => Some(commit),
            _ => None,
        });
        commits.collect()
    }

    fn put(&mut self, partition: i32) {
        let record = Record { partition: Some(partition), ..Record::keyed("topic", b"key", b"value") };
        let mut attempt = SendAttempt::default();
        if self.producer.send(self.now(), &mut attempt, &record).is_err() {
            self.settle();
            self.producer.send(self.now(), &mut attempt, &record).expect("the topic is known by now");
        }
        self.settle();
    }

    fn is_in_transaction(&self, partition: i32) -> bool {
        let partition = PartitionRef { topic: TopicIndex(0), partition };
        self.producer.transactions.as_ref().expect("it has them").may_send(partition)
    }
}

/// Mirrors `KafkaProducerTest.testInitTransactionWhileThrottled`: with a broker that wants to be left alone for five
/// seconds, initTransactions succeeds within max.block.ms of ten.
#[test]
fn transactions_are_initialised_although_the_broker_asks_for_a_pause() {
    let mut beside = Beside::new(&[("max.block.ms", "10000")]);
    beside.first_pause_ms = 5_000;
    let init = beside.producer.init_transactions(beside.now()).expect("fits");
    let done_at = beside.until_done(init, 10_000);
    assert!((5_000..10_000).contains(&done_at), "{done_at}");
    let asked = beside.asked.iter().find(|(_, request)| request.api() == ApiKey::InitProducerId).expect("asked");
    assert!(asked.0 >= 5_000, "not before the pause was over");
}

/// Mirrors `KafkaProducerTest.testSendTxnOffsetsWithGroupId`: init, begin, an empty set of offsets for a group, and the
/// commit all go through.
#[test]
fn a_transaction_is_committed_with_no_offsets_of_a_group() {
    let mut beside = Beside::new(&[]).begun();
    let sent = beside.producer.send_offsets_to_transaction(beside.now(), Vec::new(), GroupMember::of_group("group"));
    assert_eq!(sent, Ok(None));
    beside.commit();
    assert_eq!(beside.offset_commits(), Vec::<&TxnOffsetCommitRequest>::new(), "there was nothing to ask");
}

/// Mirrors `KafkaProducerTest.testSendTxnOffsetsWithGroupIdTransactionV2`: with protocol 2, an offset is committed in
/// the name of its group without adding the group first, and the transaction commits.
#[test]
fn a_transaction_is_committed_with_offsets_in_the_name_of_their_group() {
    let mut beside = Beside::new(&[]).begun();
    beside.send_offsets(GroupMember::of_group("group"));
    assert_eq!(beside.offset_commits().iter().map(|commit| &*commit.group).collect::<Vec<_>>(), ["group"]);
    beside.commit();
}

/// Mirrors `KafkaProducerTest.testSendTxnOffsetsWithGroupMetadata`: the request that commits offsets carries group,
/// member, generation and instance as they were given.
#[test]
fn offsets_are_committed_in_the_name_of_the_member_that_read_them() {
    let mut beside = Beside::new(&[]).begun();
    let member = GroupMember {
        group: "group".into(),
        generation: 5,
        member_id: "member".into(),
        group_instance_id: Some("instance".into()),
    };
    let offset = CommittedOffset { offset: 5, leader_epoch: -1, metadata: None };
    let offsets = vec![("topic".into(), 0, offset)];
    beside.producer.send_offsets_to_transaction(beside.now(), offsets, member).expect("fits");
    beside.at_ms(beside.now_ms + 150);
    let [commit] = beside.offset_commits()[..] else { panic!("asked once") };
    assert_eq!((&*commit.group, &*commit.member_id, commit.generation), ("group", "member", 5));
    assert_eq!(commit.group_instance_id.as_deref(), Some("instance"));
}

/// Mirrors `KafkaProducerTest.testPartitionAddedToTransaction`: send adds the partition of its record to the
/// transaction, and its future is not done.
#[test]
fn the_partition_of_a_record_is_in_the_transaction_when_send_returns() {
    let mut beside = Beside::new(&[("linger.ms", "1000")]).begun();
    assert!(!beside.is_in_transaction(0));
    beside.put(0);
    assert!(beside.is_in_transaction(0) && !beside.is_in_transaction(1));
    assert!(beside.completed.is_empty(), "and its batch is still to come");
}

/// Mirrors `RecordAccumulatorTest.testAbortUnsentBatches`: of 100 records, those in batches that were not drained fail
/// with the error of the abort, the others are in batches still incomplete, and nothing is left undrained.
#[test]
fn an_abort_fails_what_has_not_left_and_waits_for_what_has() {
    let mut beside = Beside::new(&[("batch.size", "189"), ("linger.ms", "2147483647")]).begun();
    beside.holds_produce = true;
    for number in 0..100 {
        beside.put(number % 3);
    }
    let produced = beside.asked.iter().filter(|(_, request)| request.api() == ApiKey::Produce).count();
    assert!(produced > 0 && beside.completed.is_empty());
    let abort = beside.producer.abort_transaction(beside.now()).expect("fits");
    beside.settle();
    let failed: u32 = beside
        .completed
        .iter()
        .map(|done| {
            let failure = done.result.as_ref().expect_err("the transaction is aborted");
            assert!(matches!(failure.error, ProducerError::Transaction(_)), "{:?}", failure.error);
            assert_eq!(failure.error.java_class(), "TransactionAbortedException");
            done.record_count
        })
        .sum();
    let in_flight = beside.producer.accumulator.in_flight();
    let drained: u32 =
        in_flight.iter().map(|&slot| beside.producer.accumulator.batch(slot).expect("out").record_count).sum();
    assert!(failed > 0 && drained > 0);
    assert_eq!(failed + drained, 100);
    assert!(beside.producer.accumulator.has_incomplete(), "what has left is awaited");
    assert_eq!(beside.producer.accumulator.drain_queues(), [], "and nothing else is left");
    assert_eq!(beside.producer.transaction_outcome(abort), None);
}
