//! The stage with coordinators: what a transactional producer asks them waits until the story answers it.
//!
//! Broker 1 leads every partition, and broker 2 coordinates: so an answer of the one never waits for the other's.

use std::sync::Arc;

use crate::error::{ErrorCode, ProducerError, TransactionPhase};
use crate::ids::{BatchId, NodeId, ProducerIdentity};
use crate::io::{Input, OutgoingRequest};
use crate::producer::topics::PartitionRef;
use crate::producer::{GroupMember, Offsets, TransactionTicket};
use crate::protocol::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, ApiKey, ApiVersionRange, CommittedOffset, Coordinator,
    EndTxnResponse, FindCoordinatorResponse, InitProducerIdResponse, Request, Response, TopicErrors,
    TxnOffsetCommitResponse,
};

use super::super::story::{Story, record};

/// `transactional.id` of every story.
pub(in super::super) const CASHIER: &str = "cashier";
/// The identity that the coordinator grants first.
pub(in super::super) const FIRST: ProducerIdentity = ProducerIdentity { id: 13_131, epoch: 1 };
/// The one after it.
pub(in super::super) const NEXT: ProducerIdentity = ProducerIdentity { id: 13_131, epoch: 2 };

/// Protocols of transactions: levels of the feature `transaction.version`.
pub(in super::super) const V1: i16 = 1;
pub(in super::super) const V2: i16 = 2;

impl Story {
    /// A producer with transactions that has called nothing yet, in a cluster with two partitions.
    pub(in super::super) fn transactional(level: i16, more: &[(&'static str, &'static str)]) -> Self {
        Self::transactional_with(level, more, &[])
    }

    /// [`transactional`](Self::transactional), where brokers speak these APIs in these versions only.
    pub(in super::super) fn transactional_speaking(level: i16, versions: &[(ApiKey, i16, i16)]) -> Self {
        Self::transactional_with(level, &[], versions)
    }

    pub(in super::super) fn transactional_with(
        level: i16,
        more: &[(&'static str, &'static str)],
        versions: &[(ApiKey, i16, i16)],
    ) -> Self {
        let mut properties =
            vec![("transactional.id", CASHIER), ("linger.ms", "0"), ("transaction.timeout.ms", "1121")];
        properties.extend(more);
        let mut story = Self::with(2, 2, &properties);
        story.led = vec![(1, 0); 2];
        story.transaction_version = level;
        for &(api, min, max) in versions {
            story.speak(api, min, max);
        }
        story.started()
    }

    /// `initTransactions` is over, and [`FIRST`] granted.
    pub(in super::super) fn initialised(mut self) -> Self {
        let init = self.call_init().expect("fits");
        self.expect(ApiKey::FindCoordinator, ErrorCode::NONE);
        self.await_question();
        self.expect(ApiKey::InitProducerId, ErrorCode::NONE);
        assert_eq!(self.outcome(init), Some(Ok(())));
        self
    }

    /// A first transaction has begun.
    pub(in super::super) fn begun(level: i16, more: &[(&'static str, &'static str)]) -> Self {
        let mut story = Self::transactional(level, more).initialised();
        story.call_begin().expect("fits");
        story
    }

    /// … and partition 0 is in it, with a batch that waits for its answer. Returns the batch's name, too.
    pub(in super::super) fn written(level: i16, more: &[(&'static str, &'static str)]) -> (Self, BatchId) {
        let mut story = Self::begun(level, more);
        let batch = story.put(0, "a");
        if level == V1 {
            story.expect(ApiKey::AddPartitionsToTxn, ErrorCode::NONE);
        }
        assert_eq!(story.carried_values(), ["a"]);
        (story, batch)
    }

    /// Brokers that are met from now on speak an API in these versions.
    pub(in super::super) fn speak(&mut self, api: ApiKey, min: i16, max: i16) {
        self.api_keys.retain(|range| range.api_key != api.code());
        self.api_keys.push(ApiVersionRange { api_key: api.code(), min, max });
    }

    // What the program calls.

    pub(in super::super) fn call_init(&mut self) -> Result<TransactionTicket, ProducerError> {
        let ticket = self.producer.init_transactions(self.now());
        self.settle();
        ticket
    }

    pub(in super::super) fn call_begin(&mut self) -> Result<(), ProducerError> {
        let result = self.producer.begin_transaction(self.now());
        self.settle();
        result
    }

    pub(in super::super) fn call_commit(&mut self) -> Result<TransactionTicket, ProducerError> {
        let ticket = self.producer.commit_transaction(self.now());
        self.settle();
        ticket
    }

    pub(in super::super) fn call_abort(&mut self) -> Result<TransactionTicket, ProducerError> {
        let ticket = self.producer.abort_transaction(self.now());
        self.settle();
        ticket
    }

    /// Commits an offset of each of these partitions of "t" for the group "till".
    pub(in super::super) fn call_send_offsets(
        &mut self,
        partitions: &[i32],
    ) -> Result<TransactionTicket, ProducerError> {
        self.call_send_offsets_as(partitions, GroupMember::of_group("till"))
    }

    pub(in super::super) fn call_send_offsets_as(
        &mut self,
        partitions: &[i32],
        member: GroupMember,
    ) -> Result<TransactionTicket, ProducerError> {
        let ticket = self.producer.send_offsets_to_transaction(self.now(), offsets(partitions), member);
        self.settle();
        Ok(ticket?.expect("there are offsets"))
    }

    pub(in super::super) fn outcome(&mut self, ticket: TransactionTicket) -> Option<Result<(), ProducerError>> {
        self.producer.transaction_outcome(ticket)
    }

    /// Class of the error in which a call ended.
    pub(in super::super) fn outcome_class(&mut self, ticket: TransactionTicket) -> Option<&'static str> {
        Some(self.outcome(ticket)?.expect_err("it failed").java_class())
    }

    // What the coordinators say.

    /// What was asked first and not answered yet.
    pub(in super::super) fn asked_of_coordinators(&self) -> Option<&Request> {
        self.to_coordinators.front().map(|(_, request)| &request.body)
    }

    pub(in super::super) fn question(&self) -> Option<ApiKey> {
        self.asked_of_coordinators().map(Request::api)
    }

    /// The one question that is out is of this kind, and gets this answer. Gives the question.
    pub(in super::super) fn expect(&mut self, api: ApiKey, code: ErrorCode) -> OutgoingRequest {
        self.expect_granting(api, code, if self.identity().is_some() { NEXT } else { FIRST })
    }

    /// [`expect`](Self::expect), with this identity where one is granted.
    pub(in super::super) fn expect_granting(
        &mut self,
        api: ApiKey,
        code: ErrorCode,
        granted: ProducerIdentity,
    ) -> OutgoingRequest {
        assert_eq!((self.question(), self.to_coordinators.len()), (Some(api), 1));
        let coordinator = self.coordinator;
        self.answer(|body| sound_answer(body, coordinator, granted, &|_| code))
    }

    /// [`expect`](Self::expect), with an answer for each partition.
    pub(in super::super) fn expect_by_partition(
        &mut self,
        api: ApiKey,
        code: &dyn Fn(&str, i32) -> ErrorCode,
    ) -> OutgoingRequest {
        assert_eq!((self.question(), self.to_coordinators.len()), (Some(api), 1));
        let coordinator = self.coordinator;
        self.answer(|body| sound_answer(body, coordinator, NEXT, &|(topic, partition)| code(topic, partition)))
    }

    fn answer(&mut self, make: impl FnOnce(&OutgoingRequest) -> Response) -> OutgoingRequest {
        let request = self.tell(make);
        self.settle();
        request
    }

    /// Answers without letting the sender run.
    fn tell(&mut self, make: impl FnOnce(&OutgoingRequest) -> Response) -> OutgoingRequest {
        let (connection, request) = self.to_coordinators.pop_front().expect("a question");
        let (correlation, response) = (request.header.correlation, make(&request));
        self.producer.handle_input(self.now(), Input::Received { connection, correlation, response });
        request
    }

    /// [`expect_by_partition`](Self::expect_by_partition), but the sender does not run yet.
    pub(in super::super) fn hear(&mut self, api: ApiKey, code: &dyn Fn(&str, i32) -> ErrorCode) {
        assert_eq!((self.question(), self.to_coordinators.len()), (Some(api), 1));
        let coordinator = self.coordinator;
        self.tell(|body| sound_answer(body, coordinator, NEXT, &|(topic, partition)| code(topic, partition)));
    }

    /// The connection of the question that is out breaks before the answer.
    pub(in super::super) fn break_question(&mut self) {
        let (connection, _) = *self.to_coordinators.front().expect("a question");
        self.break_off(connection);
    }

    /// Time passes until a coordinator is asked; and until it may be connected to, where it is looked for, or it would be
    /// looked for without end. Gives the milliseconds until it is asked.
    pub(in super::super) fn await_question(&mut self) -> u64 {
        const RECONNECT_BACKOFF: u64 = 60;
        let at = self.now_ms();
        while self.question().is_none() {
            assert!(self.now_ms() < at + 10_000, "nothing is asked");
            self.pass(1);
        }
        let took = self.now_ms() - at;
        if self.question() == Some(ApiKey::FindCoordinator) {
            self.pass(RECONNECT_BACKOFF);
        }
        took
    }

    // Where the producer stands.

    pub(in super::super) fn phase(&self) -> TransactionPhase {
        self.producer.transaction_phase().expect("it has transactions")
    }

    /// Are partitions or offsets not in the transaction yet (`hasPartitionsToAdd`, `hasPendingOffsetCommits`)?
    pub(in super::super) fn pending(&self) -> (bool, bool) {
        let transactions = self.producer.transactions.as_ref().expect("it has transactions");
        (transactions.has_partitions_to_add(), transactions.has_pending_offsets())
    }

    /// May batches of a partition of "t" leave?
    pub(in super::super) fn may_send(&self, partition: i32) -> bool {
        self.may_send_to("t", partition)
    }

    /// May batches of a partition leave (`isSendToPartitionAllowed`)?
    pub(in super::super) fn may_send_to(&self, topic: &str, partition: i32) -> bool {
        let partition = PartitionRef { topic: self.producer.topics.find(topic).expect("known"), partition };
        self.producer.transactions.as_ref().is_some_and(|transactions| transactions.may_send(partition))
    }

    /// Why the transaction can only be aborted, or why nothing is possible any more: the class of the last error.
    pub(in super::super) fn last_error(&self) -> Option<&'static str> {
        let transactions = self.producer.transactions.as_ref().expect("it has transactions");
        let error = match self.phase() {
            TransactionPhase::FatalError => transactions.fatal_error().cloned(),
            TransactionPhase::AbortableError => transactions.undrained_must_fail(),
            _ => None,
        };
        error.map(|error| error.java_class())
    }

    /// A record that its transaction refuses: in which class of error, and the batch in which it is all the same.
    pub(in super::super) fn put_in_vain(&mut self, partition: i32) -> (&'static str, BatchId) {
        match self.send(&record(partition, "v")) {
            Err(crate::producer::SendRefusal::FailedInItsBatch { error, sent }) => (error.java_class(), sent.batch),
            other => panic!("{other:?}"),
        }
    }

    /// The error of this class leaves only an abort, which makes all well again (`assertAbortableError`).
    pub(in super::super) fn expect_abortable(&mut self, class: &str) {
        assert_eq!((self.phase(), self.last_error()), (TransactionPhase::AbortableError, Some(class)));
        assert_eq!(cause(&self.producer.commit_transaction(self.now()).expect_err("an error is in the way")), class);
        assert_eq!(self.phase(), TransactionPhase::AbortableError);
        self.producer.abort_transaction(self.now()).expect("that is what is left");
        assert_eq!(self.phase(), TransactionPhase::Aborting);
    }

    /// After the error of this class not even an abort is possible, however often it is tried (`assertFatalError`).
    pub(in super::super) fn expect_fatal(&mut self, class: &str) {
        for _ in 0..2 {
            assert_eq!((self.phase(), self.last_error()), (TransactionPhase::FatalError, Some(class)));
            assert_eq!(cause(&self.producer.abort_transaction(self.now()).expect_err("nothing is possible")), class);
        }
    }

    /// Every call says, without a wrapping, that the producer is fenced.
    pub(in super::super) fn expect_fenced(&mut self) {
        let classes = [
            self.producer.begin_transaction(self.now()).map(drop),
            self.producer.commit_transaction(self.now()).map(drop),
            self.producer.abort_transaction(self.now()).map(drop),
            self.call_send_offsets(&[0]).map(drop),
        ]
        .map(|result| result.expect_err("fenced").java_class());
        assert_eq!(classes, ["ProducerFencedException"; 4]);
    }
}

/// Class of the error that a `KafkaException` wraps.
fn cause(error: &ProducerError) -> &'static str {
    assert_eq!(error.java_class(), "KafkaException");
    match error {
        ProducerError::Transaction(wrapped) => match &**wrapped {
            crate::error::TransactionError::InErrorState(cause) => cause.java_class(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn offsets(partitions: &[i32]) -> Offsets {
    let offset =
        |&partition: &i32| ("t".into(), partition, CommittedOffset { offset: 1, leader_epoch: -1, metadata: None });
    partitions.iter().map(offset).collect()
}

/// The answer of a coordinator that knows what it was asked, with the same code, or one for each partition.
fn sound_answer(
    request: &OutgoingRequest,
    coordinator: i32,
    granted: ProducerIdentity,
    code: &dyn Fn((&str, i32)) -> ErrorCode,
) -> Response {
    let error = code(("", -1));
    match &request.body {
        Request::FindCoordinator(asked) => {
            let found = |key: &Arc<str>| Coordinator {
                key: Arc::clone(key),
                error,
                error_message: Some(error.java_message().into()),
                node: NodeId(if error.is_none() { coordinator } else { -1 }),
                host: "broker".into(),
                port: 9_000 + coordinator,
            };
            let coordinators = asked.keys.iter().map(found).collect();
            Response::FindCoordinator(FindCoordinatorResponse { throttle_time_ms: 0, coordinators })
        }
        Request::InitProducerId(_) => Response::InitProducerId(InitProducerIdResponse {
            throttle_time_ms: 0,
            error,
            producer_id: granted.id,
            producer_epoch: granted.epoch,
        }),
        Request::AddPartitionsToTxn(asked) => {
            let answered = |topic: &crate::protocol::TopicPartitions| TopicErrors {
                name: Arc::clone(&topic.name),
                partitions: topic.partitions.iter().map(|&number| (number, code((&topic.name, number)))).collect(),
            };
            let topics = asked.topics.iter().map(answered).collect();
            Response::AddPartitionsToTxn(AddPartitionsToTxnResponse { throttle_time_ms: 0, topics })
        }
        Request::AddOffsetsToTxn(_) => {
            Response::AddOffsetsToTxn(AddOffsetsToTxnResponse { throttle_time_ms: 0, error })
        }
        Request::TxnOffsetCommit(asked) => {
            let answered = |topic: &crate::protocol::TxnOffsetCommitTopic| TopicErrors {
                name: Arc::clone(&topic.name),
                partitions: topic.partitions.iter().map(|&(number, _)| (number, code((&topic.name, number)))).collect(),
            };
            let topics = asked.topics.iter().map(answered).collect();
            Response::TxnOffsetCommit(TxnOffsetCommitResponse { throttle_time_ms: 0, topics })
        }
        Request::EndTxn(_) => {
            // Since version 5 (KIP-890) the answer brings the identity of the next transaction.
            let next = if request.header.version >= 5 && error.is_none() { granted } else { ProducerIdentity::NONE };
            Response::EndTxn(EndTxnResponse {
                throttle_time_ms: 0,
                error,
                producer_id: next.id,
                producer_epoch: next.epoch,
            })
        }
        other => panic!("{other:?}"),
    }
}
