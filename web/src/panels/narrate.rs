//! A fact in a sentence.

use producer_core::error::Surface;
use producer_core::ids::{NodeId, TopicPartition};
use producer_core::io::{DisconnectReason, Stored};
use producer_core::protocol::ApiKey;
use producer_core::scene::Scene;
use producer_core::trace::{BlockedOn, BrokerState, DrainReason, Fact, Fault, Statement, TraceEvent};

use crate::format;
use crate::texts::{Language, Texts, fill};

/// A line of what happened: who did it, and what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// The thread or the broker.
    pub(crate) who: String,
    /// The sentence.
    pub(crate) what: String,
    /// Something went wrong.
    pub(crate) is_trouble: bool,
    /// The partition it is about.
    pub(crate) partition: Option<i32>,
}

/// The line for an event; `None`: too small to tell.
pub(crate) fn narrate(event: &TraceEvent, scene: &Scene, language: Language) -> Option<Line> {
    let teller = Teller { scene, language, t: language.texts() };
    let (who, what, partition) = teller.tell(event)?;
    Some(Line { who, what, is_trouble: is_trouble(&event.what), partition })
}

fn is_trouble(fact: &Fact) -> bool {
    match fact {
        Fact::Disconnected { why, .. } => *why != DisconnectReason::ClosedByUs,
        Fact::BrokerChanged { state, .. } => !matches!(state, BrokerState::Running | BrokerState::Starting),
        Fact::BrokerFenced { fenced, .. } => *fenced,
        Fact::ControllerChanged { is_there } => !is_there,
        Fact::SendRefused { .. }
        | Fact::PartitionAwaited { .. }
        | Fact::ProcessPaused { .. }
        | Fact::LogTruncated { .. }
        | Fact::BatchRetried { .. }
        | Fact::BatchFailed { .. }
        | Fact::RequestTimedOut { .. }
        | Fact::DuplicateRecognised { .. }
        | Fact::AppendRefused { .. }
        | Fact::FaultInjected { .. }
        | Fact::Thinned { .. } => true,
        _ => false,
    }
}

struct Teller<'a> {
    scene: &'a Scene,
    language: Language,
    t: &'a Texts,
}

type Told = Option<(String, String, Option<i32>)>;

impl Teller<'_> {
    fn tell(&self, event: &TraceEvent) -> Told {
        let fact = &event.what;
        match fact {
            // How long: at which moment is another number for every reader of another clock.
            Fact::PartitionAwaited { ordinal, partition, partitions, until } => {
                let most = format::span(*until - event.at);
                let words = fill(
                    self.t.say_awaits,
                    &[&self.order(*ordinal), partition, &most, &partition.topic, &format::partitions(*partitions)],
                );
                Some((self.t.who_main.to_owned(), words, Some(partition.partition)))
            }
            Fact::ProcessPaused { until } => {
                let words = fill(self.t.say_paused, &[&format::span(*until - event.at)]);
                Some((self.t.who_main.to_owned(), words, None))
            }
            Fact::CallerStands(_)
            | Fact::Appended { .. }
            | Fact::SendBlocked { .. }
            | Fact::SendRefused { .. }
            | Fact::BatchOpened { .. }
            | Fact::CallbackRanOnCaller { .. }
            | Fact::GetReturned { .. } => self.main(fact),
            Fact::LogAppended { .. }
            | Fact::DuplicateRecognised { .. }
            | Fact::AppendRefused { .. }
            | Fact::LeaderMoved { .. }
            | Fact::LogTruncated { .. } => self.broker(fact),
            Fact::BrokerChanged { .. }
            | Fact::BrokerFenced { .. }
            | Fact::ControllerChanged { .. }
            | Fact::IsrChanged { .. }
            | Fact::TopicDeleted { .. } => self.cluster(fact),
            Fact::FaultInjected { correlation, fault, .. } => {
                Some((self.t.who_fault.to_owned(), self.fault(correlation.0, *fault), None))
            }
            // That it was written is all the answer there is, and the batch tells that.
            Fact::AppendedMany { .. }
            | Fact::MemoryUsed { .. }
            | Fact::SenderWaits { .. }
            | Fact::RequestWritten { .. } => None,
            _ => self.sender(fact),
        }
    }

    fn main(&self, fact: &Fact) -> Told {
        let t = self.t;
        let mut about = None;
        let what = match fact {
            Fact::CallerStands(Statement::Get) => t.say_get.to_owned(),
            Fact::CallerStands(Statement::Flush) => t.say_flush.to_owned(),
            Fact::CallerStands(Statement::Close) => t.say_close.to_owned(),
            Fact::Appended { ordinal, batch, key_size, label, .. } => {
                let partition = self.scene.batches.get(batch).map(|scene| &scene.partition);
                about = partition.map(|partition| partition.partition);
                let key = if *key_size < 0 { t.say_appended_null } else { &**label };
                fill(t.say_appended, &[&self.order(*ordinal), &key, &name(partition)])
            }
            Fact::SendBlocked { on: BlockedOn::Metadata, .. } => t.say_blocked_metadata.to_owned(),
            Fact::SendBlocked { on: BlockedOn::Memory, .. } => t.say_blocked_memory.to_owned(),
            Fact::SendRefused { ordinal, error, surface } => {
                let words = if *surface == Surface::Thrown { t.say_thrown } else { t.say_future_failed };
                fill(words, &[&self.order(*ordinal), &error.java_class()])
            }
            Fact::BatchOpened { partition, .. } => {
                about = Some(partition.partition);
                fill(t.say_opened, &[partition])
            }
            Fact::CallbackRanOnCaller { ordinal } => fill(t.say_callback_caller, &[&self.order(*ordinal)]),
            Fact::GetReturned { ordinal } => fill(t.say_get_returned, &[&self.order(*ordinal)]),
            _ => return None,
        };
        Some((t.who_main.to_owned(), what, about))
    }

    fn sender(&self, fact: &Fact) -> Told {
        let t = self.t;
        let mut about = None;
        let what = match fact {
            Fact::BatchDrained { batch, records, because, .. } => {
                let partition = self.scene.batches.get(batch).map(|scene| &scene.partition);
                about = partition.map(|partition| partition.partition);
                fill(self.drained(*because), &[&name(partition), &self.records(*records)])
            }
            Fact::BatchRetried { batch, attempt, error, .. } => {
                let partition = self.scene.batches.get(batch).map(|scene| &scene.partition);
                about = partition.map(|partition| partition.partition);
                fill(t.say_retried, &[error, &name(partition), attempt])
            }
            Fact::BatchSplit { children, .. } => fill(t.say_split, &[&children.len()]),
            Fact::BatchAcked { batch, stored } => {
                let scene = self.scene.batches.get(batch)?;
                about = Some(scene.partition.partition);
                self.acked(&scene.partition, *stored, scene.records)
            }
            Fact::BatchFailed { batch, error, .. } => {
                let partition = self.scene.batches.get(batch).map(|scene| &scene.partition);
                about = partition.map(|partition| partition.partition);
                fill(t.say_failed, &[&name(partition), &error.java_class()])
            }
            Fact::Connecting { node, .. } => fill(t.say_connecting, &[&self.node(*node)]),
            Fact::Connected { node, .. } => fill(t.say_connected, &[&self.node(*node)]),
            Fact::Disconnected { node, why, .. } => fill(t.say_disconnected, &[&self.node(*node), &self.why(why)]),
            Fact::RequestSent { correlation, api: ApiKey::Produce, node, batches, .. } => {
                let cargo = match batches.len() {
                    1 => t.say_batches_one.to_owned(),
                    many => fill(t.say_batches, &[&self.language.number(many as u64)]),
                };
                fill(t.say_request, &[correlation, &self.node(*node), &cargo])
            }
            Fact::RequestSent { api, node, .. } => fill(t.say_asks, &[&self.node(*node), &api_name(*api)]),
            Fact::ResponseReceived { correlation, api: ApiKey::Produce, node, .. } => {
                fill(t.say_answer, &[correlation, &self.node(*node)])
            }
            Fact::ResponseReceived { api, node, .. } => fill(t.say_told, &[&self.node(*node), &api_name(*api)]),
            Fact::RequestTimedOut { correlation, .. } => fill(t.say_timed_out, &[correlation]),
            Fact::MetadataUpdated { brokers, .. } => fill(t.say_metadata, &[&brokers.len()]),
            Fact::IdentityChanged { identity } => fill(t.say_identity, &[&identity.id, &identity.epoch]),
            Fact::CallbacksRan { count: 1, .. } => t.say_callbacks_one.to_owned(),
            Fact::CallbacksRan { count, .. } => fill(t.say_callbacks, &[&self.language.number(*count)]),
            Fact::Thinned { dropped } => fill(t.history_thinned, &[&self.language.number(*dropped)]),
            _ => return None,
        };
        Some((t.who_sender.to_owned(), what, about))
    }

    fn broker(&self, fact: &Fact) -> Told {
        let t = self.t;
        let (node, partition, what) = match fact {
            Fact::LogAppended { node, partition, base_offset, records, .. } => {
                let stored = format::range(&partition.topic, partition.partition, *base_offset, *records);
                (*node, partition, fill(t.say_stored, &[&stored]))
            }
            Fact::DuplicateRecognised { node, partition, base_offset } => {
                let first = format::position(&partition.topic, partition.partition, *base_offset);
                (*node, partition, fill(t.say_duplicate, &[&first]))
            }
            Fact::AppendRefused { node, partition, error } => {
                (*node, partition, fill(t.say_append_refused, &[partition, error]))
            }
            Fact::LeaderMoved { partition, leader, .. } if leader.0 < 0 => {
                (*leader, partition, fill(t.say_no_leader, &[partition]))
            }
            Fact::LeaderMoved { partition, leader, .. } => (*leader, partition, fill(t.say_leader, &[partition])),
            Fact::LogTruncated { node, partition, end_offset } => {
                (*node, partition, fill(t.say_truncated, &[partition, end_offset]))
            }
            _ => return None,
        };
        Some((self.node(node), what, Some(partition.partition)))
    }

    /// What became of a broker as a process, and what the controller does about it.
    fn cluster(&self, fact: &Fact) -> Told {
        let t = self.t;
        let controller = || t.who_controller.to_owned();
        let told = match fact {
            Fact::BrokerChanged { node, state } => {
                let words = match state {
                    BrokerState::Running => t.say_broker_runs,
                    BrokerState::ShuttingDown => t.say_broker_shuts_down,
                    BrokerState::Stopped => t.say_broker_stopped,
                    BrokerState::Killed => t.say_broker_killed,
                    BrokerState::Paused => t.say_broker_paused,
                    BrokerState::Starting => t.say_broker_starts,
                };
                (self.node(*node), words.to_owned(), None)
            }
            Fact::BrokerFenced { node, fenced } => {
                (self.node(*node), (if *fenced { t.say_fenced } else { t.say_unfenced }).to_owned(), None)
            }
            Fact::ControllerChanged { is_there } => {
                let words = if *is_there { t.say_controller_back } else { t.say_controller_away };
                (controller(), words.to_owned(), None)
            }
            Fact::IsrChanged { partition, isr, .. } => {
                let nodes = isr.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let words = match isr.is_empty() {
                    true => fill(t.say_isr_nobody, &[partition]),
                    false => fill(t.say_isr, &[partition, &nodes]),
                };
                (controller(), words, Some(partition.partition))
            }
            Fact::TopicDeleted { topic } => (controller(), fill(t.say_deleted, &[topic]), None),
            _ => return None,
        };
        Some(told)
    }

    fn fault(&self, request: i32, fault: Fault) -> String {
        let t = self.t;
        match fault {
            Fault::Delayed { .. } => fill(t.say_fault_delayed, &[&request]),
            Fault::Throttled { pause_ms } => fill(t.say_fault_throttled, &[&request, &self.language.number(pause_ms)]),
            Fault::Answered { error } => fill(t.say_fault_answered, &[&request, &error]),
            Fault::CutBeforeAppend => fill(t.say_fault_cut_before, &[&request]),
            Fault::CutAfterAppend => fill(t.say_fault_cut_after, &[&request]),
            Fault::AnsweredAfterAppend { error } => fill(t.say_fault_answered_after, &[&request, &error]),
            Fault::Swallowed => fill(t.say_fault_swallowed, &[&request]),
        }
    }

    const fn drained(&self, because: DrainReason) -> &str {
        let t = self.t;
        match because {
            DrainReason::Full => t.say_drained_full,
            DrainReason::LingerOver => t.say_drained_linger,
            DrainReason::BackoffOver => t.say_drained_backoff,
            DrainReason::MemoryExhausted => t.say_drained_memory,
            DrainReason::Flush => t.say_drained_flush,
            DrainReason::Close => t.say_drained_close,
            DrainReason::RodeAlong => t.say_drained_along,
        }
    }

    fn acked(&self, partition: &TopicPartition, stored: Stored, records: u32) -> String {
        if stored.base_offset < 0 {
            return fill(self.t.say_written, &[partition]);
        }
        let range = format::range(&partition.topic, partition.partition, stored.base_offset, records);
        fill(self.t.say_acked, &[&range])
    }

    fn why(&self, why: &DisconnectReason) -> String {
        match why {
            DisconnectReason::ConnectFailed(text) => fill(self.t.why_refused, &[text]),
            DisconnectReason::ClosedByPeer => self.t.why_peer.to_owned(),
            DisconnectReason::Malformed(text) => fill(self.t.why_malformed, &[text]),
            DisconnectReason::ClosedByUs => self.t.why_us.to_owned(),
        }
    }

    /// The place of a record in the order of sending, as the ledger counts it.
    fn order(&self, ordinal: u64) -> String {
        self.language.number(ordinal + 1)
    }

    fn records(&self, records: u32) -> String {
        match records {
            1 => self.t.say_records_one.to_owned(),
            many => fill(self.t.say_records, &[&self.language.number(many)]),
        }
    }

    fn node(&self, node: NodeId) -> String {
        if node.is_bootstrap() { self.t.bootstrap.to_owned() } else { fill(self.t.who_broker, &[&node]) }
    }
}

/// `orders-1`; `?` for a batch that the picture no longer keeps.
fn name(partition: Option<&TopicPartition>) -> String {
    partition.map_or_else(|| "?".to_owned(), ToString::to_string)
}

fn api_name(api: ApiKey) -> String {
    format!("{api:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::ids::{BatchId, ConnectionId, CorrelationId, Lane, ProducerIndex};
    use producer_core::time::Instant;
    use producer_core::trace::PartitionChoice;

    fn told(fact: Fact, language: Language) -> String {
        let partition = TopicPartition { topic: "orders".into(), partition: 1 };
        let mut scene = Scene::default();
        let event = |what| TraceEvent { at: Instant::ZERO, lane: Lane(0), producer: ProducerIndex(0), what };
        scene.apply(&event(Fact::BatchOpened { batch: BatchId(0), partition, capacity: 100 }));
        let line = narrate(&event(fact), &scene, language).expect("told");
        format!("{}: {}", line.who, line.what)
    }

    #[test]
    fn the_same_fact_is_told_in_both_languages() {
        let appended = || Fact::Appended {
            ordinal: 43,
            batch: BatchId(0),
            index: 0,
            key_size: 5,
            value_size: 1,
            batch_bytes: 70,
            choice: PartitionChoice::Sticky,
            label: "seoul".into(),
        };
        assert_eq!(told(appended(), Language::English), "main: send(): #44 seoul goes into the open batch of orders-1");
        assert_eq!(told(appended(), Language::Korean), "main: send(): #44 seoul → orders-1의 열린 batch");
    }

    /// The sentence of `KafkaProducer.waitOnMetadata` names partition and count as well.
    #[test]
    fn a_partition_that_is_not_there_is_named_with_how_long_and_why() {
        let partition = TopicPartition { topic: "orders".into(), partition: 7 };
        let until = Instant::from_millis(60_000);
        let awaited =
            |partitions| Fact::PartitionAwaited { ordinal: 0, partition: partition.clone(), partitions, until };
        let english =
            "main: send() of #1 waits for orders-7, at most 60 s (max.block.ms): topic orders has p0–p5 alone";
        assert_eq!(told(awaited(6), Language::English), english);
        let korean = "main: send(): #1, orders-7 대기, 최대 60 s (max.block.ms). topic orders의 partition: p0–p5";
        assert_eq!(told(awaited(6), Language::Korean), korean);
        assert!(told(awaited(1), Language::English).ends_with("topic orders has p0 alone"));
    }

    #[test]
    fn what_fails_has_one_word_wherever_it_does() {
        let error = || producer_core::error::ProducerError::Closed;
        for surface in [Surface::FutureOnCaller, Surface::FutureOnSender] {
            let refused = Fact::SendRefused { ordinal: 4, error: error(), surface };
            assert_eq!(
                told(refused, Language::English),
                "main: send(): the future of #5 has failed: IllegalStateException"
            );
        }
        let thrown = || Fact::SendRefused { ordinal: 4, error: error(), surface: Surface::Thrown };
        assert_eq!(told(thrown(), Language::English), "main: send() of #5 throws IllegalStateException");
        assert_eq!(told(thrown(), Language::Korean), "main: #5의 send(): IllegalStateException throw");
        let persistence = producer_core::error::Persistence::NotPersisted;
        let failed = Fact::BatchFailed { batch: BatchId(0), error: error(), persistence };
        assert_eq!(told(failed, Language::English), "sender: the batch of orders-1 fails: IllegalStateException");
    }

    #[test]
    fn a_pause_and_what_follows_it_have_their_lines() {
        let changed = |state| Fact::BrokerChanged { node: NodeId(2), state };
        let story = [
            (
                Fact::ProcessPaused { until: Instant::from_millis(1_500) },
                "main: the producer's process stands still for 1.5 s",
            ),
            (changed(BrokerState::Paused), "broker 2: stands still"),
            (Fact::BrokerFenced { node: NodeId(2), fenced: true }, "broker 2: is fenced"),
            (changed(BrokerState::Running), "broker 2: runs"),
            (Fact::BrokerFenced { node: NodeId(2), fenced: false }, "broker 2: is no longer fenced"),
            (Fact::ControllerChanged { is_there: false }, "controller: is away"),
        ];
        for (fact, begins) in story {
            let line = told(fact.clone(), Language::English);
            assert!(line.starts_with(begins), "{line}");
            assert_ne!(told(fact, Language::Korean), line);
        }
    }

    #[test]
    fn a_request_says_where_it_goes_and_with_what() {
        let request = Fact::RequestSent {
            connection: ConnectionId(1),
            correlation: CorrelationId(9),
            api: ApiKey::Produce,
            node: NodeId(2),
            batches: vec![BatchId(0)],
            in_flight: 1,
        };
        assert_eq!(told(request, Language::English), "sender: request 9 leaves for broker 2 with 1 batch");
    }
}
