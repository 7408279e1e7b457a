//! The page's side of a session: reports come in, the view and the next commands come out. Pure: no clock, no socket.

use std::sync::Arc;

use producer_core::bridge::{
    self, BadRequest, Command, Habit, MAX_FRAME_BYTES, RecordSpec, Report, Resume, SendCommand, SessionId, Topology,
    World,
};
use producer_core::scene::Scene;

use crate::alerts::{self, Alert};
use crate::ledger::{Counts, Ledger, Lost, Stopped};
use crate::progress::Progress;
use crate::settings::{self, Properties};
use crate::shared::Shared;
use crate::view::{Clock, ConfigInForce, Ending, Link, Trial, View};

/// Trace frames that may be on their way at once: enough for a full wire, few enough to fall behind gracefully.
const TRACE_FRAMES: u32 = 3;

/// The state of the page, as far as the world knows of it.
#[derive(Debug)]
pub(crate) struct Store {
    view: View,
    session: Option<(SessionId, u32)>,
    /// Has the session just begun, and not told yet what it was started with?
    is_new: bool,
    /// The topic the composer names.
    topic: Arc<str>,
}

impl Store {
    /// Before anybody has said anything.
    pub(crate) fn new(link: Link, topic: &str) -> Self {
        let view = View {
            scene: Shared::new(Scene::default()),
            ledger: Shared::new(Ledger::default()),
            topology: Shared::new(Topology::default()),
            config: Shared::new(ConfigInForce::default()),
            preset: Shared::new(Vec::new()),
            asked: None,
            fetches_codecs: false,
            alerts: Shared::new(Vec::new()),
            world: None,
            link,
            trial: Trial::Idle,
            clock: Clock::default(),
            progress: None,
            told: None,
        };
        Self { view, session: None, is_new: false, topic: topic.into() }
    }

    /// The store of another world, which says what it begins without.
    pub(crate) fn leave_for(&self, link: Link, topic: &str) -> Self {
        let mut next = Self::new(link, topic);
        let Counts { asked, waiting, .. } = self.view.ledger.counts();
        if asked > 0 {
            // Of a world that is out of reach, its program's loop has come to its end.
            let out = if self.view.is_lost() { self.view.ledger.may_be_out() } else { waiting };
            next.alert(Alert::LeftBehind { records: asked, waiting: out, never_sent: waiting - out });
        }
        next
    }

    /// What the panels read.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// The time of the world moved on, or was stopped.
    pub(crate) fn set_clock(&mut self, clock: Clock) {
        self.view.clock = clock;
    }

    /// How far it is with what is being sent.
    pub(crate) fn set_progress(&mut self, progress: Option<Progress>) {
        self.view.progress = progress;
    }

    /// The way to the world changed.
    pub(crate) fn set_link(&mut self, link: Link) {
        // What is gone is no longer about to go.
        self.view.alerts.make_mut().retain(|alert| *alert != Alert::Stopping);
        self.view.link = link;
    }

    /// Another bridge is being tried, or was.
    pub(crate) fn set_trial(&mut self, trial: Trial) {
        self.view.trial = trial;
    }

    /// Adds something that a person should know.
    pub(crate) fn alert(&mut self, alert: Alert) {
        alerts::push(self.view.alerts.make_mut(), alert);
    }

    /// A person has read it.
    pub(crate) fn dismiss(&mut self, alert: &Alert) {
        self.view.alerts.make_mut().retain(|shown| shown != alert);
    }

    /// What to say first on a new connection. Outcomes that came before it are not told again.
    pub(crate) fn hello(&self) -> Command {
        let resume =
            self.session.map(|(session, epoch)| Resume { session, epoch, outcomes_seen: self.view.ledger.seen() });
        Command::Hello { resume }
    }

    /// Sends `count` records, if there is somebody to send to and a frame can hold them.
    pub(crate) fn send(&mut self, habit: Habit, record: RecordSpec, count: u32) -> Option<Command> {
        if !self.view.link.is_up() {
            return None;
        }
        // What was said of the one before was read by whoever tries again.
        let is_of_a_send =
            |alert: &Alert| matches!(alert, Alert::SendRefused { .. } | Alert::TooLarge { .. } | Alert::Stopped(_));
        if self.view.alerts.iter().any(is_of_a_send) {
            self.view.alerts.make_mut().retain(|alert| !is_of_a_send(alert));
        }
        let ledger = self.view.ledger.make_mut();
        let send = SendCommand { id: ledger.next_id(), habit, record, count };
        let command = Command::Send(send.clone());
        let bytes = bridge::encode(&command).len();
        if bytes > MAX_FRAME_BYTES {
            self.alert(Alert::TooLarge { bytes });
            return None;
        }
        ledger.sent(send);
        Some(command)
    }

    /// Asks for a new producer; asked again on the next connection, should this one lose the question.
    pub(crate) fn configure(&mut self, properties: Properties) -> Command {
        self.want(Some(properties.clone()));
        Command::Configure { properties }
    }

    /// The configuration asked for waits for its codecs, or does not any more.
    pub(crate) fn set_fetches_codecs(&mut self, fetches: bool) {
        self.view.fetches_codecs = fetches;
    }

    /// The codecs for the configuration asked for cannot be had: the old producer stays.
    pub(crate) fn codecs_missing(&mut self, reason: String) {
        self.set_fetches_codecs(false);
        if let Some(properties) = self.view.asked.take() {
            let properties = (*properties).clone();
            self.alert(Alert::CodecsMissing { reason, properties });
        }
    }

    fn want(&mut self, properties: Option<Properties>) {
        self.view.asked = properties.map(Shared::new);
    }

    /// The composer names another topic.
    pub(crate) fn look_at(&mut self, topic: Arc<str>) -> Command {
        self.topic = Arc::clone(&topic);
        Command::Describe { topic }
    }

    /// Takes a report and says what to answer.
    pub(crate) fn apply(&mut self, report: Report) -> Vec<Command> {
        match report {
            Report::Welcome { session, epoch, recovered, world, unsettled } => {
                return self.welcome(session, epoch, recovered, world, &unsettled);
            }
            Report::Configured { properties, notices } => {
                let (properties, serializers) = settings::split(properties);
                // Told again with every connection; what was composed since stays.
                if core::mem::take(&mut self.is_new) && !serializers.is_empty() {
                    self.view.preset = Shared::new(serializers);
                }
                if self.view.asked.as_deref() == Some(&properties) {
                    self.want(None);
                }
                let ignores_keys = settings::ignores_keys(&properties);
                self.view.config = Shared::new(ConfigInForce { properties, notices, ignores_keys });
                let refused = |alert: &Alert| {
                    use Alert::{CodecsMissing, ConfigForbidden, ConfigRefused};
                    matches!(alert, ConfigRefused(_) | ConfigForbidden(_) | CodecsMissing { .. })
                };
                if self.view.alerts.iter().any(refused) {
                    self.view.alerts.make_mut().retain(|alert| !refused(alert));
                }
            }
            Report::ConfigRefused { error } => {
                self.want(None);
                self.alert(Alert::ConfigRefused(error));
            }
            Report::ConfigForbidden { keys } => {
                self.want(None);
                self.alert(Alert::ConfigForbidden(keys));
            }
            Report::Topology(topology) => {
                // An answer about a topic that is no longer looked at comes late.
                if topology.topic == self.topic {
                    self.view.topology = Shared::new(topology);
                }
            }
            Report::Outcomes { outcomes } => {
                let ledger = self.view.ledger.make_mut();
                for outcome in &outcomes {
                    ledger.settle(outcome);
                }
                return vec![Command::AckOutcomes { up_to: ledger.seen() }];
            }
            Report::Trace { events } => {
                self.view.scene.make_mut().apply_all(&events);
                return vec![Command::TraceCredit { frames: 1 }];
            }
            Report::SendRefused { id, why } => {
                if let Some(count) = self.view.ledger.make_mut().refused(id) {
                    self.alert(Alert::SendRefused { count, why });
                }
            }
            Report::BrokenOff { id, called } => {
                if let Some(stopped) = self.view.ledger.make_mut().broken_off(id, called) {
                    self.stopped(stopped);
                }
            }
            Report::Armed => {
                if let Some(World::Cluster { armed, .. }) = &mut self.view.world {
                    *armed = true;
                }
            }
            Report::BadRequest(why) => {
                // What was asked for will be refused again: it is not asked for once more.
                if !matches!(why, BadRequest::NotACommand { .. } | BadRequest::TopicTooLong { .. }) {
                    self.want(None);
                }
                self.alert(Alert::BadRequest(why));
            }
            Report::Omitted { report, bytes, limit } => self.alert(Alert::Omitted { report, bytes, limit }),
            Report::Stopping => self.alert(Alert::Stopping),
        }
        Vec::new()
    }

    fn welcome(
        &mut self,
        session: SessionId,
        epoch: u32,
        recovered: bool,
        world: World,
        unsettled: &[u64],
    ) -> Vec<Command> {
        let before = self.session.replace((session, epoch));
        if !recovered && before.is_some() {
            self.lose_history(unsettled);
        }
        // Behind what was lost: what was never sent has no number.
        if before.is_none_or(|(before, _)| before != session) {
            self.view.ledger.make_mut().begin_session();
            self.is_new = true;
        }
        if self.view.link != Link::InPage {
            self.view.link = Link::Open;
        }
        self.view.world = Some(world);
        self.view.alerts.make_mut().retain(|alert| *alert != Alert::Stopping);
        let mut commands =
            vec![Command::TraceCredit { frames: TRACE_FRAMES }, Command::Describe { topic: Arc::clone(&self.topic) }];
        if let Some(properties) = self.view.asked.as_deref().cloned() {
            commands.push(Command::Configure { properties });
        }
        if recovered {
            commands.extend(self.view.ledger.to_repeat(unsettled).into_iter().map(Command::Send));
        } else {
            // Another producer in another world, where they are counted from 0 again: what was drawn is no longer true.
            self.view.scene = Shared::new(Scene::default());
        }
        commands
    }

    /// The connection will not come back: nobody will ever tell what became of what is out.
    pub(crate) fn give_up(&mut self, ending: Ending) {
        self.view.link = Link::Ended(ending);
        self.lose_history(&[]);
        self.session = None;
    }

    /// One button stops all sends: they are told of together.
    fn stopped(&mut self, more: Stopped) {
        let alerts = self.view.alerts.make_mut();
        let told = alerts.iter_mut().find_map(|alert| match alert {
            Alert::Stopped(stopped) => Some(stopped),
            _ => None,
        });
        match told {
            Some(told) => *told = Stopped { called: told.called + more.called, never: told.never + more.never },
            None => self.alert(Alert::Stopped(more)),
        }
    }

    fn lose_history(&mut self, still_known: &[u64]) {
        let Lost { unknown, never_sent } = self.view.ledger.make_mut().lose_history(still_known);
        if unknown + never_sent > 0 {
            self.alert(Alert::Unknown { records: unknown, never_sent });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::bridge::{Fate, Outcome, Refusal, SendId};
    use producer_core::error::{Persistence, ProducerError, Surface};
    use producer_core::ids::NodeId;
    use producer_core::serializer::Half;

    fn connected() -> Store {
        let mut store = Store::new(Link::Connecting, "orders");
        store.apply(welcome(1, false, &[]));
        store
    }

    fn welcome(epoch: u32, recovered: bool, unsettled: &[u64]) -> Report {
        let unsettled = unsettled.to_vec();
        Report::Welcome { session: SessionId([7; 16]), epoch, recovered, world: World::Embedded, unsettled }
    }

    fn record() -> RecordSpec {
        RecordSpec { topic: "orders".into(), ..RecordSpec::default() }
    }

    #[test]
    fn the_first_hello_resumes_nothing_and_the_next_one_what_was() {
        let mut store = Store::new(Link::Connecting, "orders");
        assert_eq!(store.hello(), Command::Hello { resume: None });
        store.apply(welcome(3, false, &[]));
        let resume = Resume { session: SessionId([7; 16]), epoch: 3, outcomes_seen: 0 };
        assert_eq!(store.hello(), Command::Hello { resume: Some(resume) });
        assert_eq!(store.view().link, Link::Open);
    }

    #[test]
    fn after_a_recovery_only_what_never_arrived_is_sent_again_under_its_old_number() {
        let mut store = connected();
        let first = store.send(Habit::Get, record(), 1).expect("connected");
        let second = store.send(Habit::Get, record(), 1).expect("connected");
        let Command::Send(SendCommand { id, .. }) = first else { panic!("{first:?}") };
        let commands = store.apply(welcome(1, true, &[id]));
        let sends: Vec<_> = commands.into_iter().filter(|command| matches!(command, Command::Send(_))).collect();
        assert_eq!(sends, [second]);
        assert_eq!(store.view().ledger.counts().unknown, 0);
    }

    #[test]
    fn without_a_recovery_nothing_is_sent_again_and_what_was_out_is_unknown() {
        let mut store = connected();
        store.send(Habit::Callback, record(), 5);
        let commands = store.apply(welcome(2, false, &[]));
        assert!(!commands.iter().any(|command| matches!(command, Command::Send(_))), "{commands:?}");
        assert_eq!(store.view().ledger.counts().unknown, 5);
        assert_eq!(**store.view().alerts, [Alert::Unknown { records: 5, never_sent: 0 }]);
    }

    #[test]
    fn a_bridge_that_never_comes_back_leaves_sends_unknown_not_failed() {
        let mut store = connected();
        store.send(Habit::Get, record(), 2);
        store.give_up(Ending::NotAdmitted { own: true });
        let counts = store.view().ledger.counts();
        assert_eq!((counts.unknown, counts.failed, counts.waiting), (2, 0, 0));
        assert_eq!(store.hello(), Command::Hello { resume: None });
    }

    #[test]
    fn while_the_bridge_is_lost_what_waits_is_unknown_and_waits_again_when_it_is_back() {
        let mut store = connected();
        store.send(Habit::Get, record(), 2);
        store.set_link(Link::Lost { attempt: 1 });
        assert_eq!(store.view().counts(), Counts { asked: 2, unknown: 2, ..Counts::default() });
        store.apply(welcome(1, true, &[1]));
        assert_eq!(store.view().counts(), Counts { asked: 2, waiting: 2, ..Counts::default() });
    }

    #[test]
    fn while_the_bridge_is_lost_what_its_program_had_not_come_to_still_waits() {
        let mut store = connected();
        store.send(Habit::Get, record(), 1_000);
        store.set_link(Link::Lost { attempt: 1 });
        let unknown = u64::from(bridge::GET_AHEAD);
        let counts = store.view().counts();
        assert_eq!(counts, Counts { asked: 1_000, unknown, waiting: 1_000 - unknown, ..Counts::default() });
        store.apply(welcome(2, false, &[]));
        assert_eq!(**store.view().alerts, [Alert::Unknown { records: unknown, never_sent: 1_000 - unknown }]);
    }

    #[test]
    fn rows_of_a_new_session_are_numbered_on_behind_what_may_have_been_sent_before_it() {
        let mut store = connected();
        store.send(Habit::Get, record(), 1_000);
        let other = SessionId([8; 16]);
        let world = World::Embedded;
        store.apply(Report::Welcome { session: other, epoch: 1, recovered: false, world, unsettled: Vec::new() });
        let Some(Command::Send(next)) = store.send(Habit::Callback, record(), 1) else { panic!("not a send") };
        store.apply(Report::Outcomes { outcomes: vec![failed(next.id)] });
        let ledger = &store.view().ledger;
        let called = u64::from(bridge::GET_AHEAD) + 1;
        assert_eq!(ledger.rows().next().and_then(|row| row.send_order), Some(called));
        assert_eq!((ledger.counts().asked, ledger.counts().never), (1_001, 1_001 - called));
    }

    /// Of the first call of a session.
    fn failed(send: SendId) -> Outcome {
        let fate = Fate::Failed {
            error: ProducerError::Disconnected { node: NodeId(1) },
            surface: Surface::FutureOnSender,
            persistence: Persistence::PossiblyPersisted,
            partition: 0,
            topic: "orders".into(),
            first: None,
        };
        Outcome { number: 1, send, first_record: 0, first_ordinal: 0, count: 1, latency_us: vec![0], fate }
    }

    #[test]
    fn a_new_session_after_a_bridge_was_given_up_adds_to_what_the_ledger_holds() {
        let mut store = connected();
        store.send(Habit::Get, record(), 2);
        store.give_up(Ending::NotAdmitted { own: true });
        store.set_link(Link::Connecting);
        store.apply(welcome(1, false, &[]));
        let Some(Command::Send(again)) = store.send(Habit::Get, record(), 1) else { panic!("not a send") };
        assert_eq!(again.id, 2, "numbers go on");
        let counts = store.view().ledger.counts();
        assert_eq!((counts.asked, counts.unknown, counts.waiting), (3, 2, 1));
    }

    #[test]
    fn what_no_frame_can_hold_stays_in_the_page_and_counts_for_nothing() {
        let mut store = connected();
        let value = Some(vec![0; MAX_FRAME_BYTES].into());
        assert_eq!(store.send(Habit::Get, RecordSpec { value, ..record() }, 1), None);
        assert_eq!(store.view().ledger.counts().asked, 0);
        assert!(matches!(store.view().alerts[0], Alert::TooLarge { bytes } if bytes > MAX_FRAME_BYTES));
    }

    #[test]
    fn what_was_said_of_a_send_goes_with_the_next_one_and_nothing_else_does() {
        let mut store = connected();
        let Some(Command::Send(refused)) = store.send(Habit::Get, record(), 5) else { panic!("not a send") };
        store.apply(Report::SendRefused { id: refused.id, why: Refusal::NotArmed });
        store.alert(Alert::Stopping);
        assert_eq!(**store.view().alerts, [Alert::SendRefused { count: 5, why: Refusal::NotArmed }, Alert::Stopping]);
        store.send(Habit::Get, record(), 1);
        assert_eq!(**store.view().alerts, [Alert::Stopping]);
    }

    #[test]
    fn one_stop_tells_of_all_that_was_not_sent_and_what_was_asked_for_stays() {
        let mut store = connected();
        for count in [10, 5] {
            store.send(Habit::Callback, record(), count);
        }
        store.apply(Report::BrokenOff { id: 1, called: 4 });
        store.apply(Report::BrokenOff { id: 2, called: 0 });
        assert_eq!(**store.view().alerts, [Alert::Stopped(Stopped { called: 4, never: 11 })]);
        assert_eq!(store.view().counts(), Counts { asked: 15, waiting: 4, never: 11, ..Counts::default() });
        store.send(Habit::Callback, record(), 1);
        assert!(store.view().alerts.is_empty(), "it was read by whoever sends again");
    }

    #[test]
    fn without_a_connection_nothing_is_sent_and_nothing_waits() {
        let mut store = connected();
        store.set_link(Link::Lost { attempt: 1 });
        assert_eq!(store.send(Habit::Get, record(), 1), None);
        store.give_up(Ending::NotAdmitted { own: true });
        assert_eq!(store.send(Habit::Get, record(), 1), None);
        assert_eq!(store.view().ledger.counts().asked, 0);
    }

    #[test]
    fn serialisers_that_the_bridge_was_started_with_are_the_composers_once_and_never_the_producers() {
        let mut store = connected();
        let lines = [("key.serializer", "K"), ("acks", "1")];
        let configured = || {
            let properties = lines.map(|(key, value)| (key.into(), value.into())).to_vec();
            Report::Configured { properties, notices: Vec::new() }
        };
        store.apply(configured());
        let preset = store.view().preset.clone();
        assert_eq!(*preset, [(Half::Key, "K".into())]);
        assert_eq!(store.view().config.properties, [("acks".into(), "1".into())]);
        store.apply(welcome(1, true, &[]));
        store.apply(configured());
        assert!(store.view().preset == preset, "the same session tells nothing new");
    }

    #[test]
    fn a_configuration_that_was_not_answered_is_asked_for_again_before_the_sends() {
        let mut store = connected();
        let properties: Properties = vec![("acks".into(), "1".into())];
        let configure = store.configure(properties.clone());
        let send = store.send(Habit::Get, record(), 1).expect("connected");
        let said: Vec<_> = store.apply(welcome(1, true, &[])).into_iter().skip(2).collect();
        assert_eq!(said, [configure, send]);
        assert!(store.view().asked.is_some());
        store.apply(Report::Configured { properties, notices: Vec::new() });
        assert!(store.view().asked.is_none());
        assert_eq!(store.apply(welcome(1, true, &[])).len(), 3, "only the send is open");
    }

    #[test]
    fn a_configuration_beyond_all_bounds_is_not_asked_for_again() {
        let mut store = connected();
        store.configure(vec![("client.id".into(), "x".repeat(5_000).into())]);
        store.apply(Report::BadRequest(BadRequest::PropertyTooLong { bytes: 5_009, limit: 4_096 }));
        let said = store.apply(welcome(1, true, &[]));
        assert!(!said.iter().any(|command| matches!(command, Command::Configure { .. })), "{said:?}");
    }

    #[test]
    fn a_configuration_whose_codecs_are_missing_is_kept_until_another_one_is_in_force() {
        let mut store = connected();
        let zstd: Properties = vec![("compression.type".into(), "zstd".into())];
        store.configure(zstd.clone());
        store.set_fetches_codecs(true);
        store.codecs_missing("HTTP 404".to_owned());
        assert!(store.view().asked.is_none() && !store.view().fetches_codecs);
        assert_eq!(**store.view().alerts, [Alert::CodecsMissing { reason: "HTTP 404".to_owned(), properties: zstd }]);
        store.apply(Report::Configured { properties: Vec::new(), notices: Vec::new() });
        assert!(store.view().alerts.is_empty());
    }

    #[test]
    fn another_world_begins_with_what_it_leaves_behind() {
        let mut store = connected();
        store.send(Habit::Get, record(), 3).expect("connected");
        let next = store.leave_for(Link::InPage, "orders");
        assert_eq!(next.view().ledger.counts().asked, 0);
        assert_eq!(**next.view().alerts, [Alert::LeftBehind { records: 3, waiting: 3, never_sent: 0 }]);
        let mut lost = connected();
        lost.send(Habit::Get, record(), 1_000).expect("connected");
        lost.set_link(Link::Lost { attempt: 1 });
        let next = lost.leave_for(Link::InPage, "orders");
        let out = u64::from(bridge::GET_AHEAD);
        let left = Alert::LeftBehind { records: 1_000, waiting: out, never_sent: 1_000 - out };
        assert_eq!(**next.view().alerts, [left], "its program came no further");
        let fresh = Store::new(Link::InPage, "orders").leave_for(Link::InPage, "orders");
        assert!(fresh.view().alerts.is_empty());
    }

    #[test]
    fn every_trace_frame_gives_its_credit_back() {
        let mut store = connected();
        assert_eq!(store.apply(Report::Trace { events: Vec::new() }), [Command::TraceCredit { frames: 1 }]);
    }

    #[test]
    fn a_late_answer_about_another_topic_is_not_shown() {
        let mut store = connected();
        store.look_at("payments".into());
        store.apply(Report::Topology(Topology { topic: "orders".into(), ..Topology::default() }));
        assert_eq!(&*store.view().topology.topic, "");
        store.apply(Report::Topology(Topology { topic: "payments".into(), ..Topology::default() }));
        assert_eq!(&*store.view().topology.topic, "payments");
    }
}
