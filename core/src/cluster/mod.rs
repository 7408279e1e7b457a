//! A Kafka cluster without I/O: brokers that answer the real requests with the real rules, for the page, the embedded
//! brokers and the tests.
//!
//! Drive it like the producer: one [`handle_input`](Cluster::handle_input), then
//! [`poll_output`](Cluster::poll_output) until it answers [`ClusterOutput::Wait`].
//!
//! *Models*: brokers that run, stop, die, stand still and come back; a controller; topics, partitions whose leaders are
//! elected and whose followers fetch, in-sync replicas, high watermarks, truncation; logs with offsets, the producers'
//! sequences, transactions, long polls, one request at a time per connection, scripted faults.
//! *Leaves out*: disks and what they cost, consumer groups (but for the offsets that transactions commit), fetch
//! sessions, quotas, authorisation, log compaction. Each file below says the same for its part.

mod append;
mod assignment;
mod broker;
mod config;
mod controller;
#[cfg(feature = "wire")]
mod delete_topics;
mod deletion;
mod faults;
mod fetch;
mod fetchers;
mod image;
mod inspection;
mod isr;
mod lifecycle;
mod links;
mod log;
mod metadata;
mod produce;
mod producer_state;
mod purgatory;
mod registration;
mod replica;
mod rewrite;
mod topics;
mod transactions;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use self::broker::Brokers;
pub use self::broker::Refusal;
pub use self::config::ClusterConfig;
use self::faults::Faults;
pub use self::faults::{Action, Matcher, Rule};
use self::fetch::Reading;
use self::fetchers::Fetchers;
use self::links::{Link, Pace, Turn};
pub use self::log::{LoggedRecord, PartitionLog, StoredBatch};
use self::purgatory::DelayedProduce;
use self::topics::{CheckedTopic, Topics};
pub use self::topics::{TOPIC_SETTINGS, TopicRefusal, check_topic_name};
use self::transactions::{Offsets, Transactions};
use crate::codecs::{self, Codecs};
use crate::error::ErrorCode;
use crate::ids::{ConnectionId, CorrelationId, NodeId, ProducerIndex, TopicId, TopicPartition};
use crate::protocol::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, NewTopic, Request, RequestHeader, Response, advertised_versions,
};
use crate::time::{Instant, Now};
use crate::trace::{Fact, Fault, Nobody, Observer};

/// A topic with this many partitions, copied to this many brokers, with default settings.
pub fn new_topic(name: &str, num_partitions: i32, replication_factor: i16) -> NewTopic {
    NewTopic { name: name.into(), num_partitions, replication_factor, configs: Vec::new(), assignments: Vec::new() }
}

/// What a broker says that refuses all of a request, as [`Action::Answer`] has it do; `None`: it says nothing.
#[cfg(feature = "wire")]
pub fn refusal(request: &Request, error: ErrorCode) -> Option<Response> {
    match faults::refuse_all(request, error) {
        Answer::Respond(response) => Some(response),
        _ => None,
    }
}

/// One client connection as the brokers see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    /// Which client: a number of the driver's choice. To an observer it is the producer's.
    pub client: u32,
    /// The client's own name for the connection, by which facts about it are told.
    pub connection: ConnectionId,
}

/// What a driver tells the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum ClusterInput {
    /// A client connected to a broker.
    Opened {
        /// The new connection.
        link: LinkId,
        /// The broker.
        node: NodeId,
    },
    /// A request arrived.
    Request {
        /// On which connection.
        link: LinkId,
        /// Its header.
        header: RequestHeader,
        /// Its body.
        body: Request,
    },
    /// The client closed, or the network broke. Requests that wait on it are dropped.
    Closed {
        /// Which connection.
        link: LinkId,
    },
    /// Time has passed; nothing else happened.
    Wake,
}

/// What the cluster asks of its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum ClusterOutput {
    /// Write a response.
    Respond {
        /// On which connection.
        link: LinkId,
        /// To which request.
        correlation: CorrelationId,
        /// Of which API.
        api: ApiKey,
        /// In which version.
        version: i16,
        /// Its body.
        response: Response,
    },
    /// Close a connection, after what was to be written on it.
    Cut {
        /// Which one.
        link: LinkId,
    },
    /// Nothing more to do now. Wake the cluster at `until`, or earlier with an input.
    Wait {
        /// `None`: only an input can change anything.
        until: Option<Instant>,
    },
}

/// What a broker does about a request it has acted upon.
enum Answer {
    /// Say this.
    Respond(Response),
    /// Say this once there is enough to read, or the time is over.
    Poll(Reading),
    /// Say this once followers have it, or the time is over.
    Await(DelayedProduce),
    /// Say nothing: the client asked for no answer (acks=0).
    Silence,
    /// Close the connection: the only way to tell of an error to a client that asked for no answer.
    Close,
}

/// Brokers that share topics, transactions and scripted faults.
#[derive(Clone, Debug)]
pub struct Cluster<O: Observer = Nobody> {
    config: Arc<ClusterConfig>,
    brokers: Brokers,
    topics: Topics,
    fetchers: Fetchers,
    /// Partitions with followers in sync that lack something.
    behind: BTreeSet<TopicPartition>,
    /// When leaders look at their followers next, if some lack something.
    isr_check: Option<Instant>,
    transactions: Transactions,
    offsets: Offsets,
    faults: Faults,
    /// What compressed batches are read with.
    codecs: Option<&'static dyn Codecs>,
    links: BTreeMap<LinkId, Link>,
    /// Every connection on which a request has its turn, in order, and perhaps some that are through with it.
    busy: Vec<LinkId>,
    /// Those that are due, while they are dealt with; kept for its room.
    due: Vec<LinkId>,
    /// Has a log or a leader changed since the waiting fetches were last looked at?
    logs_changed: bool,
    /// What the clocks showed last.
    last_now: Now,
    /// May there be partitions again that wait for the markers of transactions?
    markers_are_late: bool,
    outputs: VecDeque<ClusterOutput>,
    observer: O,
}

impl<O: Observer> Cluster<O> {
    /// A cluster without topics.
    pub fn new(config: ClusterConfig, observer: O) -> Self {
        Self {
            brokers: Brokers::new(&config),
            topics: Topics::new(config.seed),
            fetchers: Fetchers::default(),
            behind: BTreeSet::new(),
            isr_check: None,
            transactions: Transactions::new(&config),
            config: Arc::new(config),
            offsets: Offsets::default(),
            faults: Faults::default(),
            codecs: codecs::simulated(),
            links: BTreeMap::new(),
            busy: Vec::new(),
            due: Vec::new(),
            logs_changed: false,
            last_now: Now { elapsed_us: 0, wall_ms: 0 },
            markers_are_late: false,
            outputs: VecDeque::new(),
            observer,
        }
    }

    /// Reads compressed batches with these codecs instead of this build's own.
    #[must_use]
    pub fn with_codecs(self, codecs: &'static dyn Codecs) -> Self {
        Self { codecs: Some(codecs), ..self }
    }

    /// Creates a topic. Partition `p` is led by broker `p % N + 1`; −1 as a number takes the broker's default.
    ///
    /// # Errors
    /// What CreateTopics would answer, with Kafka's sentence.
    pub fn create_topic(&mut self, topic: &NewTopic) -> Result<(), TopicRefusal> {
        let checked = self.topics.check(&self.config, &self.brokers, topic)?;
        self.found_topic(checked);
        Ok(())
    }

    /// Adds a scripted fault after those that are there.
    pub fn add_rule(&mut self, rule: Rule) {
        self.faults.add(rule);
    }

    /// Has one request, that of this connection with this correlation id, answered with an error, whatever it asks: for one
    /// partition, or for all that it is about.
    pub fn refuse_request(
        &mut self,
        link: LinkId,
        correlation: CorrelationId,
        error: ErrorCode,
        only: Option<TopicPartition>,
    ) {
        self.faults.refuse(link, correlation, Action::Answer { error, only });
    }

    /// Removes all scripted faults.
    pub fn clear_rules(&mut self) {
        self.faults.clear();
    }

    /// Gives a topic more partitions, as CreatePartitions does: `count` in all. Clients hear of them with their next
    /// metadata.
    ///
    /// # Errors
    /// What CreatePartitions would answer, with Kafka's sentence.
    pub fn add_partitions(&mut self, topic: &str, count: i32) -> Result<(), TopicRefusal> {
        let before = self.topics.get(topic).map_or(0, topics::Topic::partition_count);
        self.topics.grow(&self.config, &self.brokers, topic, count)?;
        self.tell_of_new_partitions(&topic.into(), before);
        Ok(())
    }

    fn found_topic(&mut self, checked: CheckedTopic) -> TopicId {
        let name = Arc::clone(&checked.name);
        let id = self.topics.create(&self.config, &self.brokers, checked);
        self.tell_of_new_partitions(&name, 0);
        id
    }

    /// Takes a fact from the driver; never answers. Drain [`poll_output`](Self::poll_output) afterwards.
    pub fn handle_input(&mut self, now: Now, input: ClusterInput) {
        self.last_now = now;
        match input {
            ClusterInput::Opened { link, node } if self.accepts_connections(node) => {
                self.links.insert(link, Link::new(node));
            }
            ClusterInput::Opened { link, .. } => self.outputs.push_back(ClusterOutput::Cut { link }),
            ClusterInput::Request { link, header, body } => {
                // A request that was on its way when the connection was cut finds nobody.
                if let Some(open) = self.links.get_mut(&link) {
                    open.requests.push_back((header, body));
                    self.serve(now, link);
                }
            }
            ClusterInput::Closed { link } => {
                self.links.remove(&link);
            }
            ClusterInput::Wake => {}
        }
        self.advance(now);
    }

    /// The next thing to do; call until it says [`ClusterOutput::Wait`].
    pub fn poll_output(&mut self) -> ClusterOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            let busy = self.busy.iter().filter_map(|id| self.links.get(id));
            let answers = busy.filter(|link| self.brokers.works(link.node)).filter_map(|link| link.turn.due());
            let sweep = self.transactions.next_sweep(self.config.abort_timed_out_interval);
            let fetches = self.fetchers.next_due(&self.brokers);
            ClusterOutput::Wait { until: answers.chain(sweep).chain(fetches).chain(self.next_of_brokers()).min() }
        })
    }

    /// Does what is due, until nothing more is.
    fn advance(&mut self, now: Now) {
        self.last_now = now;
        self.pass_time(now);
        self.sweep_transactions(now);
        loop {
            if core::mem::take(&mut self.markers_are_late) {
                self.write_late_markers(now);
            }
            self.replicate(now);
            let look_at_waiting = core::mem::take(&mut self.logs_changed);
            if look_at_waiting {
                self.settle_markers(now);
            }
            let was_any_due = self.serve_those_that_are_due(now, look_at_waiting);
            if !was_any_due && !self.markers_are_late {
                break;
            }
        }
        self.plan_isr_check(now);
    }

    /// Goes on with the requests whose turn may be over. Says whether there was any.
    fn serve_those_that_are_due(&mut self, now: Now, look_at_waiting: bool) -> bool {
        let links = &self.links;
        self.busy.retain(|id| links.get(id).is_some_and(|link| !matches!(link.turn, Turn::Free)));
        let is_due = |id: &&LinkId| {
            links.get(id).is_some_and(|link| {
                link.turn.deserves_a_look(now.instant(), look_at_waiting) && self.brokers.works(link.node)
            })
        };
        let mut due = core::mem::take(&mut self.due);
        due.extend(self.busy.iter().filter(is_due));
        for &link in &due {
            self.finish_turn(now, link);
            self.serve(now, link);
        }
        let was_any_due = !due.is_empty();
        due.clear();
        self.due = due;
        was_any_due
    }

    /// A request has its turn on this connection, and it is not over yet.
    fn note_busy(&mut self, link: LinkId) {
        if let Err(place) = self.busy.binary_search(&link) {
            self.busy.insert(place, link);
        }
    }

    /// Everything that waits at a broker gets its turn.
    fn serve_all_at(&mut self, now: Now, node: NodeId) {
        let all: Vec<LinkId> = self.links.iter().filter(|(_, link)| link.node == node).map(|(&id, _)| id).collect();
        for link in all {
            if self.links.get(&link).is_some_and(|link| link.turn.deserves_a_look(now.instant(), false)) {
                self.finish_turn(now, link);
            }
            self.serve(now, link);
        }
    }

    /// Takes requests of one connection as long as each is answered at once: the next one waits for the answer to the
    /// one before, as a real broker mutes a channel.
    fn serve(&mut self, now: Now, link: LinkId) {
        while let Some(open) = self.links.get_mut(&link)
            && matches!(open.turn, Turn::Free)
            && self.brokers.works(open.node)
            && let Some((header, request)) = open.requests.pop_front()
        {
            let node = open.node;
            match self.brokers.queue(node, now.instant(), self.config.processing_time) {
                Some(due) => self.set_turn(link, Turn::Queued { header, request, due }),
                None => self.take_request(now, link, node, header, request),
            }
        }
    }

    /// A held answer or a long poll may be over.
    fn finish_turn(&mut self, now: Now, link: LinkId) {
        let Some(open) = self.links.get_mut(&link) else { return };
        match core::mem::take(&mut open.turn) {
            Turn::Queued { header, request, due } if due <= now.instant() => {
                let node = open.node;
                self.take_request(now, link, node, header, request);
            }
            Turn::Held { header, response, due } if due <= now.instant() => self.respond(now, link, &header, response),
            Turn::Polling { header, reading, pace } => {
                let node = open.node;
                self.answer(now, link, node, header, Answer::Poll(reading), pace);
            }
            Turn::Awaiting { header, produce, pace } => {
                let node = open.node;
                self.answer(now, link, node, header, Answer::Await(produce), pace);
            }
            Turn::Muted { until } if until <= now.instant() => {}
            turn => open.turn = turn,
        }
    }

    fn take_request(&mut self, now: Now, link: LinkId, node: NodeId, header: RequestHeader, mut request: Request) {
        self.observer.concerns(ProducerIndex(link.client));
        self.topics.name_topics(header.version, &mut request);
        let action = self.faults.decide(link, header.correlation, node, &request);
        let mut injected = |fault| {
            let (connection, correlation) = (link.connection, header.correlation);
            self.observer.note(now.instant(), || Fact::FaultInjected { connection, correlation, fault });
        };
        let mut pace = Pace { not_before: now.instant(), throttle_ms: 0 };
        let mut cut_afterwards = false;
        let mut refused = None;
        match action {
            None | Some(Action::Pass) => {}
            Some(Action::Delay(by)) => {
                injected(Fault::Delayed { by_us: u64::try_from(by.as_micros()).unwrap_or(u64::MAX) });
                pace.not_before = now.instant() + by;
            }
            Some(Action::Throttle(pause)) => {
                pace.throttle_ms = i32::try_from(pause.as_millis()).unwrap_or(i32::MAX);
                injected(Fault::Throttled { pause_ms: pace.throttle_ms.unsigned_abs() });
            }
            Some(Action::Answer { error, only }) => {
                injected(Fault::Answered { error });
                refused = Some((error, only));
            }
            Some(Action::CutBeforeAppend) => {
                injected(Fault::CutBeforeAppend);
                return self.cut(link);
            }
            Some(Action::CutAfterAppend) => {
                injected(Fault::CutAfterAppend);
                cut_afterwards = true;
            }
            // A move to a broker whose copy is not in sync is refused; then the script has no effect.
            Some(Action::MoveLeader { partition, to }) => {
                let _ = self.appoint_leader(now, &partition, to);
            }
        }
        let answer = match refused {
            Some((error, None)) => faults::refuse_all(&request, error),
            Some((error, Some(only))) => self.act(now, node, &header, request, Some((error, &only))),
            None => self.act(now, node, &header, request, None),
        };
        if cut_afterwards { self.cut(link) } else { self.answer(now, link, node, header, answer, pace) }
    }

    /// Acts upon a request; `refused` is the one partition to be refused by a script.
    fn act(
        &mut self,
        now: Now,
        node: NodeId,
        header: &RequestHeader,
        request: Request,
        refused: Option<(ErrorCode, &TopicPartition)>,
    ) -> Answer {
        let version = header.version;
        Answer::Respond(match request {
            Request::Produce(request) => return self.produce(now, node, header, &request, refused),
            Request::Fetch(request) => return self.fetch(now, version, request, refused),
            Request::ListOffsets(request) => Response::ListOffsets(self.list_offsets(node, version, &request, refused)),
            Request::Metadata(request) => {
                let answer = self.metadata(node, &request);
                #[cfg(feature = "wire")]
                let answer = metadata::in_version(version, answer);
                Response::Metadata(answer)
            }
            Request::CreateTopics(request) => Response::CreateTopics(self.create_topics(&request)),
            #[cfg(feature = "wire")]
            Request::DeleteTopics(request) => Response::DeleteTopics(self.delete_topics(now, &request)),
            Request::InitProducerId(request) => {
                Response::InitProducerId(self.init_producer_id(now, node, version, &request))
            }
            Request::ApiVersions(request) => {
                Response::ApiVersions(api_versions(version, &request, self.config.transaction_version))
            }
            Request::FindCoordinator(request) => Response::FindCoordinator(self.find_coordinator(version, &request)),
            Request::OffsetFetch(request) => Response::OffsetFetch(self.offset_fetch(node, &request)),
            Request::AddPartitionsToTxn(request) => {
                Response::AddPartitionsToTxn(self.add_partitions_to_txn(now, node, version, &request))
            }
            Request::AddOffsetsToTxn(request) => {
                Response::AddOffsetsToTxn(self.add_offsets_to_txn(now, node, version, &request))
            }
            Request::EndTxn(request) => Response::EndTxn(self.end_txn(now, node, version, &request)),
            Request::TxnOffsetCommit(request) => {
                Response::TxnOffsetCommit(self.txn_offset_commit(now, node, version, &request))
            }
        })
    }

    fn answer(&mut self, now: Now, link: LinkId, node: NodeId, header: RequestHeader, answer: Answer, pace: Pace) {
        let mut response = match answer {
            Answer::Silence => return,
            Answer::Close => return self.cut(link),
            Answer::Respond(response) => response,
            Answer::Poll(reading) => {
                let (response, is_enough) = self.read(node, &reading);
                if !is_enough && now.instant() < reading.deadline {
                    return self.set_turn(link, Turn::Polling { header, reading, pace });
                }
                Response::Fetch(response)
            }
            Answer::Await(mut produce) => {
                if !self.settle_produce(now.instant(), node, &mut produce) {
                    return self.set_turn(link, Turn::Awaiting { header, produce, pace });
                }
                Response::Produce(produce.response)
            }
        };
        if pace.throttle_ms > 0 {
            *response.throttle_time_mut() = pace.throttle_ms;
        }
        if pace.not_before <= now.instant() {
            self.respond(now, link, &header, response);
        } else {
            self.set_turn(link, Turn::Held { header, response, due: pace.not_before });
        }
    }

    fn set_turn(&mut self, link: LinkId, turn: Turn) {
        if let Some(open) = self.links.get_mut(&link) {
            open.turn = turn;
            self.note_busy(link);
        }
    }

    fn respond(&mut self, now: Now, link: LinkId, header: &RequestHeader, response: Response) {
        let pause = Duration::from_millis(u64::try_from(response.throttle_time_ms()).unwrap_or(0));
        if !pause.is_zero() {
            self.set_turn(link, Turn::Muted { until: now.instant() + pause });
        }
        self.outputs.push_back(ClusterOutput::Respond {
            link,
            correlation: header.correlation,
            api: header.api,
            version: header.version,
            response,
        });
    }

    fn cut(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.outputs.push_back(ClusterOutput::Cut { link });
    }
}

/// `ApiVersionsRequest.isValid`: since v3, name and version look like `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`.
fn api_versions(version: i16, request: &ApiVersionsRequest, transaction_version: i16) -> ApiVersionsResponse {
    let is_valid = |text: &str| {
        let letters = text.as_bytes();
        letters.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            && letters.first().is_some_and(u8::is_ascii_alphanumeric)
            && letters.last().is_some_and(u8::is_ascii_alphanumeric)
    };
    let refuses =
        version >= 3 && !(is_valid(&request.client_software_name) && is_valid(&request.client_software_version));
    ApiVersionsResponse {
        error: if refuses { ErrorCode::INVALID_REQUEST } else { ErrorCode::NONE },
        api_keys: if refuses { Vec::new() } else { advertised_versions() },
        // The level never changes here, so this is the first state and the last.
        finalized_features_epoch: (!refuses).then_some(0),
        transaction_version: if refuses { 0 } else { transaction_version },
        ..ApiVersionsResponse::default()
    }
}

#[cfg(test)]
pub(crate) mod tests;
