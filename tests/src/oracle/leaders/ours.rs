//! A partition of the embedded brokers, told step by step, and what is asked of Java beside it.

use producer_core::cluster::{Cluster, ClusterConfig, ClusterInput, ClusterOutput, LinkId, new_topic};
use producer_core::ids::{ConnectionId, CorrelationId, NodeId, ProducerIdentity, TopicPartition};
use producer_core::protocol::{
    AddPartitionsToTxnRequest, EndTxnRequest, FetchPartition, FetchRequest, FetchTopic, InitProducerIdRequest,
    NewTopic, ProducePartition, ProduceRequest, ProduceTopic, Request, RequestHeader, Response, TopicPartitions,
};
use producer_core::time::Now;

use crate::oracle::java::put_nullable;

/// The wall clock when a case begins.
pub(super) const WALL_MS: i64 = 1_700_000_000_000;
/// How often idle producers are looked for.
const CHECK_MS: u64 = 600_000;
const TOPIC: &str = "orders";
const TX: &str = "tx";
const LINK: LinkId = LinkId { client: 0, connection: ConnectionId(1) };
/// Since this version of Produce leaders add partitions to transactions.
const ADDS_SINCE: i16 = 12;

/// Offset, time of appending and sentence; then the records at fault with theirs.
pub(super) type Told = ((i64, i64, Option<String>), Vec<(i32, Option<String>)>);

/// What a leader answers to a batch, and what it stores.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) error: i16,
    pub(super) told: Told,
    pub(super) stored: Option<Vec<u8>>,
}

/// What was done, and what we came to.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) what: String,
    pub(super) answer: Option<Answer>,
    /// High watermark and last stable offset afterwards.
    pub(super) offsets: (i64, i64),
}

/// One log.
#[derive(Debug)]
pub(super) struct Case {
    settings: Vec<(&'static str, String)>,
    pub(super) version: i16,
    cluster: Cluster,
    elapsed_ms: u64,
    /// The steps as Java is told them.
    asked: Vec<u8>,
    pub(super) steps: Vec<Step>,
    /// Producer id and first offset of the transactions that a reader from the beginning is told of.
    pub(super) aborted: Vec<(i64, i64)>,
    /// The transactional producer.
    pub(super) transactional: ProducerIdentity,
    /// Does the partition take part in its transaction?
    pub(super) is_open: bool,
}

impl Case {
    pub(super) fn begin(settings: Vec<(&'static str, String)>, version: i16) -> Self {
        let mut cluster = Cluster::new(ClusterConfig::simulated(1), producer_core::trace::Nobody);
        let configs = settings.iter().map(|(key, value)| ((*key).into(), Some(value.as_str().into()))).collect();
        cluster.create_topic(&NewTopic { configs, ..new_topic(TOPIC, 1, 1) }).expect("settings that Kafka takes");
        let transactional = ProducerIdentity::NONE;
        let (asked, steps, aborted) = (Vec::new(), Vec::new(), Vec::new());
        let mut case =
            Self { settings, version, cluster, elapsed_ms: 0, asked, steps, aborted, transactional, is_open: false };
        let now = case.now();
        case.cluster.handle_input(now, ClusterInput::Opened { link: LINK, node: NodeId(1) });
        let request = InitProducerIdRequest {
            transactional_id: Some(TX.into()),
            transaction_timeout_ms: 900_000,
            producer_id: -1,
            producer_epoch: -1,
        };
        match case.ask(5, Request::InitProducerId(request)) {
            Response::InitProducerId(given) => {
                case.transactional = ProducerIdentity { id: given.producer_id, epoch: given.producer_epoch };
            }
            other => panic!("{other:?}"),
        }
        case
    }

    pub(super) fn settings_text(&self) -> String {
        self.settings.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
    }

    /// All of it for Java.
    pub(super) fn question(&self) -> Vec<u8> {
        let mut question = Vec::new();
        put_nullable(&mut question, Some(self.settings_text().as_bytes()));
        question.extend_from_slice(&self.version.to_be_bytes());
        question.extend_from_slice(&i32::try_from(self.steps.len()).expect("few steps").to_be_bytes());
        question.extend_from_slice(&self.asked);
        question
    }

    pub(super) fn now(&self) -> Now {
        let wall_ms = WALL_MS + i64::try_from(self.elapsed_ms).expect("days");
        Now { elapsed_us: self.elapsed_ms * 1_000, wall_ms }
    }

    /// Time passes, and with it the last check for idle producers, if there is one.
    pub(super) fn pass(&mut self, by_ms: u64) {
        let before = self.elapsed_ms / CHECK_MS;
        self.elapsed_ms += by_ms;
        let check = self.elapsed_ms / CHECK_MS;
        let now = self.now();
        self.cluster.handle_input(now, ClusterInput::Wake);
        if check != before {
            self.asked.push(2);
            let checked_ms = WALL_MS + i64::try_from(check * CHECK_MS).expect("days");
            self.asked.extend_from_slice(&checked_ms.to_be_bytes());
            self.did(format!("{by_ms} ms pass"), None);
        }
    }

    /// Sends a batch; gives its error and offset.
    pub(super) fn append(&mut self, what: String, batch: Vec<u8>, is_transactional: bool) -> (i16, i64) {
        if is_transactional {
            self.join();
        }
        self.asked.push(0);
        self.asked.extend_from_slice(&self.now().wall_ms.to_be_bytes());
        put_nullable(&mut self.asked, Some(&batch));
        let end = self.end_offset();
        let request = ProduceRequest {
            transactional_id: is_transactional.then(|| TX.into()),
            acks: -1,
            timeout_ms: 30_000,
            topics: vec![ProduceTopic {
                name: TOPIC.into(),
                id: Default::default(),
                partitions: vec![ProducePartition { partition: 0, records: batch.into() }],
            }],
        };
        let Response::Produce(mut response) = self.ask(self.version, Request::Produce(request)) else {
            panic!("no answer to Produce")
        };
        let answer = response.topics.remove(0).partitions.remove(0);
        let text = |text: Option<&str>| text.map(str::to_owned);
        let told = (answer.base_offset, answer.log_append_time_ms, text(answer.error_message.as_deref()));
        let records = answer.record_errors.iter().map(|error| (error.batch_index, text(error.message.as_deref())));
        let stored = (self.end_offset() != end).then(|| self.last_batch());
        let (error, records) = (answer.error.0, records.collect());
        self.did(what, Some(Answer { error, told: (told, records), stored }));
        (error, answer.base_offset)
    }

    /// A client of protocol 1 adds the partition itself.
    fn join(&mut self) {
        if self.version < ADDS_SINCE && !self.is_open {
            let topics = vec![TopicPartitions { name: TOPIC.into(), partitions: vec![0] }];
            let request =
                AddPartitionsToTxnRequest { transactional_id: TX.into(), identity: self.transactional, topics };
            self.ask(3, Request::AddPartitionsToTxn(request));
        }
        self.is_open = true;
    }

    /// Ends the transaction that is open; tells whether the epoch rose.
    pub(super) fn end(&mut self, committed: bool) -> bool {
        let identity = self.transactional;
        let rises = self.version >= ADDS_SINCE;
        let request = EndTxnRequest { transactional_id: TX.into(), identity, committed };
        let Response::EndTxn(ended) = self.ask(if rises { 5 } else { 4 }, Request::EndTxn(request)) else {
            panic!("no answer to EndTxn")
        };
        assert!(ended.error.is_none(), "{ended:?}");
        if rises {
            self.transactional = ProducerIdentity { id: ended.producer_id, epoch: ended.producer_epoch };
        }
        self.asked.push(1);
        self.asked.extend_from_slice(&self.now().wall_ms.to_be_bytes());
        self.asked.extend_from_slice(&identity.id.to_be_bytes());
        self.asked.extend_from_slice(&self.transactional.epoch.to_be_bytes());
        self.asked.push(u8::from(committed));
        self.is_open = false;
        self.did(format!("end of {identity:?}, committed {committed}"), None);
        rises
    }

    fn did(&mut self, what: String, answer: Option<Answer>) {
        let request = FetchRequest {
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: 50 << 20,
            isolation_level: 1,
            session_id: 0,
            session_epoch: -1,
            topics: vec![FetchTopic {
                name: TOPIC.into(),
                id: Default::default(),
                partitions: vec![FetchPartition {
                    partition: 0,
                    current_leader_epoch: -1,
                    fetch_offset: 0,
                    max_bytes: 50 << 20,
                }],
            }],
        };
        let Response::Fetch(mut fetched) = self.ask(12, Request::Fetch(request)) else { panic!("no answer to Fetch") };
        let fetched = fetched.topics.remove(0).partitions.remove(0);
        let aborted = fetched.aborted_transactions.unwrap_or_default();
        self.aborted = aborted.iter().map(|aborted| (aborted.producer_id, aborted.first_offset)).collect();
        self.steps.push(Step { what, answer, offsets: (fetched.high_watermark, fetched.last_stable_offset) });
    }

    fn ask(&mut self, version: i16, body: Request) -> Response {
        let header = RequestHeader { api: body.api(), version, correlation: CorrelationId(0), client_id: None };
        let now = self.now();
        self.cluster.handle_input(now, ClusterInput::Request { link: LINK, header, body });
        match self.cluster.poll_output() {
            ClusterOutput::Respond { response, .. } => response,
            other => panic!("{other:?}"),
        }
    }

    fn log(&self) -> &producer_core::cluster::PartitionLog {
        self.cluster.log(&TopicPartition { topic: TOPIC.into(), partition: 0 }).expect("it was created")
    }

    fn end_offset(&self) -> i64 {
        self.log().end_offset()
    }

    fn last_batch(&self) -> Vec<u8> {
        self.log().batches().last().map(|batch| batch.bytes.to_vec()).unwrap_or_default()
    }
}
