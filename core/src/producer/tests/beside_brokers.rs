//! The producer beside the simulated brokers, for what needs a coordinator: every request is noted, answers to Produce may be
//! held back, and a broker may ask for a pause. Several producers may stand beside the same brokers.

mod brokers;
mod committing;
mod fencing;
mod forgetting;
mod raising;

use core::time::Duration;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use self::brokers::Brokers;
use crate::cluster::tests::reader::{READ_COMMITTED, READ_UNCOMMITTED, sifted};
use crate::cluster::{Cluster, ClusterConfig, ClusterInput, ClusterOutput, LinkId, new_topic};
use crate::config::ProducerConfig;
use crate::error::{ErrorCode, ProducerError};
use crate::ids::{BrokerAddress, ConnectionId, CorrelationId, NodeId, TopicPartition};
use crate::io::{BatchCompletion, DisconnectReason, Input, Output};
use crate::producer::topics::{PartitionRef, TopicIndex};
use crate::producer::{GroupMember, Producer, SendAttempt, SendRefusal, Sent, TransactionTicket};
use crate::protocol::{
    ApiKey, ApiVersionsResponse, CommittedOffset, FetchPartition, FetchRequest, FetchTopic, FindCoordinatorRequest,
    InitProducerIdRequest, NewTopic, OffsetFetchGroup, OffsetFetchRequest, Request, RequestHeader, Response,
    TopicPartitions, TxnOffsetCommitRequest,
};
use crate::record::Record;
use crate::time::{Instant, Now};
use crate::trace::Nobody;
use crate::versions::broker_versions;

/// Longer than anything that is waited for.
const PATIENCE_MS: u64 = 60_000;

struct Beside {
    producer: Producer,
    brokers: Rc<RefCell<Brokers>>,
    client: u32,
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
    /// A producer with transactions beside one broker.
    fn new(more: &[(&str, &str)]) -> Self {
        let properties = [&[("transactional.id", "some.id")], more].concat();
        Self::of(ClusterConfig::simulated(1), &[("topic", 3)], &properties)
    }

    /// A producer beside such brokers, with topics of so many partitions, each on all of them.
    fn of(config: ClusterConfig, topics: &[(&str, i32)], properties: &[(&str, &str)]) -> Self {
        let copies = i16::try_from(config.brokers.len()).expect("few");
        // Readers here ask once, and do not come again.
        let config = ClusterConfig { inter_broker_latency: Duration::ZERO, ..config };
        let mut cluster = Cluster::new(config, Nobody);
        for (name, partitions) in topics {
            cluster.create_topic(&new_topic(name, *partitions, copies)).expect("possible");
        }
        Self::joining(&Rc::new(RefCell::new(Brokers::new(cluster))), properties)
    }

    /// Another producer beside the same brokers. Only that producer acts of which something is asked; the others sleep.
    fn another(&self, properties: &[(&str, &str)]) -> Self {
        Self::joining(&self.brokers, properties)
    }

    fn joining(brokers: &Rc<RefCell<Brokers>>, properties: &[(&str, &str)]) -> Self {
        let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).expect("accepted");
        let bootstrap: Vec<BrokerAddress> = brokers.borrow().cluster.config().brokers.clone();
        Self {
            producer: Producer::new(config.into(), bootstrap, 7, Nobody),
            client: brokers.borrow_mut().new_client(),
            brokers: Rc::clone(brokers),
            wait: None,
            nodes: BTreeMap::new(),
            asked: Vec::new(),
            completed: Vec::new(),
            holds_produce: false,
            first_pause_ms: 0,
        }
    }

    fn now(&self) -> Now {
        self.brokers.borrow().now()
    }

    fn now_ms(&self) -> u64 {
        self.brokers.borrow().now_ms
    }

    fn tell_brokers(&self, input: ClusterInput) {
        let mut brokers = self.brokers.borrow_mut();
        let now = brokers.now();
        brokers.cluster.handle_input(now, input);
    }

    /// Runs until nothing happens in this millisecond any more.
    fn settle(&mut self) {
        loop {
            let now = self.now();
            match self.producer.poll_output(now) {
                Output::Wait { until, .. } if !self.hear() => {
                    self.wait = until;
                    return;
                }
                Output::Wait { .. } => {}
                Output::Connect { connection, node, address } => {
                    self.nodes.insert(connection, node);
                    let link = LinkId { client: self.client, connection };
                    let at = |(node, known): (NodeId, &BrokerAddress)| (*known == address).then_some(node);
                    let node = self.brokers.borrow().cluster.config().nodes().find_map(at).expect("a broker's address");
                    self.tell_brokers(ClusterInput::Opened { link, node });
                    self.producer.handle_input(now, Input::Connected { connection });
                }
                Output::Transmit { connection, request } => {
                    self.asked.push((now.elapsed_us / 1_000, request.body.clone()));
                    if !(self.holds_produce && request.body.api() == ApiKey::Produce) {
                        let link = LinkId { client: self.client, connection };
                        self.tell_brokers(ClusterInput::Request { link, header: request.header, body: request.body });
                    }
                }
                Output::Completed(completion) => self.completed.push(completion),
                Output::Close { connection } => {
                    self.tell_brokers(ClusterInput::Closed { link: LinkId { client: self.client, connection } });
                }
                Output::SendsMayProceed => {}
            }
        }
    }

    /// Was anything said?
    fn hear(&mut self) -> bool {
        let said = self.brokers.borrow_mut().said_to(self.client);
        let anything = !said.is_empty();
        for (link, said) in said {
            let connection = link.connection;
            let input = match said {
                None => Input::Disconnected { connection, why: DisconnectReason::ClosedByPeer },
                Some((correlation, Response::ApiVersions(told))) if self.nodes[&connection] == NodeId(1) => {
                    let throttle_time_ms = core::mem::take(&mut self.first_pause_ms);
                    let response = Response::ApiVersions(ApiVersionsResponse { throttle_time_ms, ..told });
                    Input::Received { connection, correlation, response }
                }
                Some((correlation, response)) => Input::Received { connection, correlation, response },
            };
            self.producer.handle_input(self.now(), input);
        }
        anything
    }

    fn at_ms(&mut self, target: u64) {
        self.settle();
        loop {
            let waits = [self.wait, self.brokers.borrow().wait];
            let next = waits.into_iter().flatten().min().map(|until| until.as_micros().div_ceil(1_000));
            let Some(next) = next.filter(|&next| next <= target) else { break };
            self.pass_to(next.max(self.now_ms()));
        }
        self.pass_to(target);
    }

    fn pass_to(&mut self, ms: u64) {
        self.brokers.borrow_mut().pass_to(ms);
        self.producer.handle_input(self.now(), Input::Wake);
        self.settle();
    }

    fn pass(&mut self, ms: u64) {
        self.at_ms(self.now_ms() + ms);
    }

    /// Lets the time pass until there is an answer.
    fn until<T>(&mut self, patience_ms: u64, mut answer: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = self.now_ms() + patience_ms;
        loop {
            self.settle();
            if let Some(answer) = answer(self) {
                return answer;
            }
            assert!(self.now_ms() < deadline, "it takes too long");
            self.pass(1);
        }
    }

    /// When a call succeeded.
    fn until_done(&mut self, ticket: TransactionTicket, patience_ms: u64) -> u64 {
        let outcome = self.until(patience_ms, |beside| beside.producer.transaction_outcome(ticket));
        assert_eq!(outcome, Ok(()));
        self.now_ms()
    }

    /// Makes a call and waits for its end; the class of the error in which it ended.
    fn call(
        &mut self,
        call: impl FnOnce(&mut Producer, Now) -> Result<TransactionTicket, ProducerError>,
    ) -> Result<(), &'static str> {
        let now = self.now();
        let ticket = call(&mut self.producer, now).map_err(|error| error.java_class())?;
        let outcome = self.until(PATIENCE_MS, |beside| beside.producer.transaction_outcome(ticket));
        outcome.map_err(|error| error.java_class())
    }

    fn init(&mut self) {
        assert_eq!(self.call(Producer::init_transactions), Ok(()));
    }

    fn begin(&mut self) {
        self.producer.begin_transaction(self.now()).expect("fits");
    }

    /// `initTransactions` and `beginTransaction` are over.
    fn begun(mut self) -> Self {
        self.init();
        self.begin();
        self
    }

    fn commit(&mut self) {
        assert_eq!(self.call(Producer::commit_transaction), Ok(()));
    }

    fn abort(&mut self) {
        assert_eq!(self.call(Producer::abort_transaction), Ok(()));
    }

    fn send_offsets(&mut self, member: GroupMember) {
        let offset = CommittedOffset { offset: 5, leader_epoch: -1, metadata: None };
        assert_eq!(self.send_offset("topic", 0, offset, member), Ok(()));
    }

    /// Commits one offset with the transaction.
    fn send_offset(
        &mut self,
        topic: &str,
        partition: i32,
        offset: CommittedOffset,
        member: GroupMember,
    ) -> Result<(), &'static str> {
        let offsets = vec![(topic.into(), partition, offset)];
        self.call(|producer, now| {
            producer.send_offsets_to_transaction(now, offsets, member).map(|ticket| ticket.expect("there is one"))
        })
    }

    fn offset_commits(&self) -> Vec<&TxnOffsetCommitRequest> {
        let commits = self.asked.iter().filter_map(|(_, request)| match request {
            Request::TxnOffsetCommit(commit) => Some(commit),
            _ => None,
        });
        commits.collect()
    }

    /// Sends a record, waiting as long as `send` blocks; the class of the error with which it was refused.
    fn send(&mut self, record: &Record<'_>) -> Result<Sent, &'static str> {
        let mut attempt = SendAttempt::default();
        loop {
            match self.producer.send(self.now(), &mut attempt, record) {
                Ok(sent) => {
                    self.settle();
                    return Ok(sent);
                }
                Err(SendRefusal::Blocked { .. }) => self.pass(1),
                Err(SendRefusal::Failed { error, .. } | SendRefusal::FailedInItsBatch { error, .. }) => {
                    return Err(error.java_class());
                }
            }
        }
    }

    fn put(&mut self, partition: i32) {
        let record = Record { partition: Some(partition), ..Record::keyed("topic", b"key", b"value") };
        self.send(&record).expect("taken");
    }

    /// Sends a value, which is its own key; it must be taken.
    fn put_to(&mut self, topic: &str, partition: Option<i32>, value: &str) -> Sent {
        let record = Record { partition, ..Record::keyed(topic, value.as_bytes(), value.as_bytes()) };
        self.send(&record).expect("taken")
    }

    /// What became of a record: its offset, or the class of its error.
    fn fate(&mut self, sent: Sent) -> Result<i64, &'static str> {
        self.until(PATIENCE_MS, |beside| {
            let done = beside.completed.iter().find(|done| done.covers(sent.batch, sent.index))?;
            Some(match &done.result {
                Ok(_) => Ok(done.offset_of(sent.index).expect("told")),
                Err(failure) => Err(failure.error.java_class()),
            })
        })
    }

    fn flush(&mut self) {
        let flush = self.producer.begin_flush(self.now());
        self.until(PATIENCE_MS, |beside| beside.producer.is_flushed(&flush).then_some(()));
    }

    fn is_in_transaction(&self, partition: i32) -> bool {
        let partition = PartitionRef { topic: TopicIndex(0), partition };
        self.producer.transactions.as_ref().expect("it has them").may_send(partition)
    }

    fn brokers(&self) -> core::cell::RefMut<'_, Brokers> {
        self.brokers.borrow_mut()
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
    beside.at_ms(beside.now_ms() + 150);
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
    assert_eq!(beside.producer.accumulator.queued(), [], "and nothing else is left");
    assert_eq!(beside.producer.transaction_outcome(abort), None);
}
