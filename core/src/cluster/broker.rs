//! The brokers as processes, and what the controller holds of them (`BrokerLifecycleManager`,
//! `BrokerHeartbeatManager`).
//!
//! *Models*: a process that runs, shuts down, is gone, stands still or starts; heartbeats, the session that ends without
//! them, and fencing; a broker that is cut off from the controller or hears nothing new from it; the time requests take,
//! one after another. *Leaves out*: how long a start takes (a broker that may register is there at once), several request
//! handlers, recovery of logs, broken pieces of logs after a crash.

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::ClusterConfig;
use super::image::Image;
use crate::ids::NodeId;
use crate::time::Instant;
use crate::trace::BrokerState;

/// Why something was not done to a broker or a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such broker.
    UnknownBroker,
    /// There is no such partition.
    UnknownPartition,
    /// That broker holds no copy of it.
    NotAReplica,
    /// A broker in this state cannot do that.
    InState(BrokerState),
    /// The copy lacks what others have: it is not in sync.
    NotInSync,
    /// The leader is always in sync.
    LeadsIt,
    /// Nobody is there to decide: the controller is away, or the broker cannot reach it.
    NoController,
    /// The partition has the leader it is to have (ELECTION_NOT_NEEDED).
    ElectionNotNeeded,
    /// Requests take no time here, so they cannot take a multiple of it.
    RequestsTakeNoTime,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::UnknownBroker => f.write_str("there is no such broker"),
            Self::UnknownPartition => f.write_str("there is no such partition"),
            Self::NotAReplica => f.write_str("the broker holds no copy of the partition"),
            Self::InState(state) => write!(f, "the broker is {state}"),
            Self::NotInSync => f.write_str("the broker's copy is not in sync"),
            Self::LeadsIt => f.write_str("the broker leads the partition"),
            Self::NoController => f.write_str("the controller is out of reach"),
            Self::ElectionNotNeeded => f.write_str("it has the leader it is to have"),
            Self::RequestsTakeNoTime => f.write_str("requests take no time in this cluster"),
        }
    }
}

impl std::error::Error for Refusal {}

/// What happens to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGKILL, or a crash.
    Kill,
    /// SIGTERM: a controlled shutdown begins.
    ShutDown,
    /// The shutdown is over.
    Exit,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
    /// The process is started.
    Start,
    /// The controller has taken it in.
    Register,
}

/// ```text
///   ┌──Register── Starting ◄──Start── Stopped ◄──Exit── ShuttingDown ◄─┐
///   ▼                  ▲                                            ShutDown
/// Running ─────────────│───────────────────────────────────────────────┘
///   │  ▲ └─Kill─► Killed    (killed can be whatever is a process)
/// Pause Resume
///   ▼  │
///  Paused
/// ```
///
/// # Errors
/// That does not happen to a broker in this state.
pub(super) fn after(state: BrokerState, signal: Signal) -> Result<BrokerState, Refusal> {
    use BrokerState::{Killed, Paused, Running, ShuttingDown, Starting, Stopped};
    Ok(match (state, signal) {
        (Running | ShuttingDown | Paused | Starting, Signal::Kill) => Killed,
        (Running, Signal::ShutDown) => ShuttingDown,
        (ShuttingDown, Signal::Exit) => Stopped,
        (Running, Signal::Pause) => Paused,
        (Paused, Signal::Resume) | (Starting, Signal::Register) => Running,
        (Stopped | Killed, Signal::Start) => Starting,
        _ => return Err(Refusal::InState(state)),
    })
}

#[derive(Clone, Debug)]
pub(super) struct Broker {
    pub(super) state: BrokerState,
    /// Since it registered; its heartbeats are counted from then.
    registered: Instant,
    /// Which life this is (`broker.epoch`).
    epoch: u64,
    /// Does the controller hold it for gone?
    pub(super) is_fenced: bool,
    /// Has it told the controller that it is about to leave?
    pub(super) is_leaving: bool,
    /// Did its last life end without a word to the controller?
    pub(super) died: bool,
    /// Its last heartbeat, if there are no more.
    pub(super) silent_since: Option<Instant>,
    /// When its shutdown is over.
    pub(super) exits: Option<Instant>,
    /// How many times longer than usual its requests take.
    pub(super) slowness: u32,
    /// Until when it is busy with the requests it has.
    busy_until: Instant,
    pub(super) is_cut_off: bool,
    pub(super) is_stale: bool,
    /// What it last heard from the controller, if that is old.
    pub(super) image: Option<Arc<Image>>,
}

impl Broker {
    fn new() -> Self {
        Self {
            state: BrokerState::Running,
            registered: Instant::ZERO,
            epoch: 0,
            is_fenced: false,
            is_leaving: false,
            died: false,
            silent_since: None,
            exits: None,
            slowness: 1,
            busy_until: Instant::ZERO,
            is_cut_off: false,
            is_stale: false,
            image: None,
        }
    }

    /// Does its process do anything?
    pub(super) fn works(&self) -> bool {
        matches!(self.state, BrokerState::Running | BrokerState::ShuttingDown)
    }

    /// Is its process there, so that its machine's kernel keeps connections?
    pub(super) fn is_up(&self) -> bool {
        self.works() || self.state == BrokerState::Paused
    }

    /// The last heartbeat it sent by now.
    pub(super) fn last_heartbeat(&self, now: Instant, interval: Duration) -> Instant {
        let since = Instant::ZERO + (now - self.registered);
        self.registered + (since.last_multiple_of(interval) - Instant::ZERO)
    }

    /// The controller takes it in: a new life.
    pub(super) fn register(&mut self, now: Instant) {
        self.epoch += 1;
        self.registered = now;
        self.is_leaving = false;
        self.died = false;
        self.silent_since = None;
        self.busy_until = now;
    }
}

/// All brokers, the controller, and who can talk to whom.
#[derive(Clone, Debug)]
pub(super) struct Brokers {
    /// Node 1 first.
    brokers: Vec<Broker>,
    pub(super) controller_is_away: bool,
    /// Pairs of brokers, the lower number first, between which nothing gets through.
    severed: BTreeSet<(NodeId, NodeId)>,
    /// How often something may have changed that decides who does anything, and who can talk to whom.
    changes: u64,
}

impl Brokers {
    pub(super) fn new(config: &ClusterConfig) -> Self {
        Self {
            brokers: vec![Broker::new(); config.brokers.len()],
            controller_is_away: false,
            severed: BTreeSet::new(),
            changes: 0,
        }
    }

    pub(super) fn get(&self, node: NodeId) -> Option<&Broker> {
        self.brokers.get(usize::try_from(node.0).ok()?.checked_sub(1)?)
    }

    /// Whoever takes it may change what it does.
    pub(super) fn get_mut(&mut self, node: NodeId) -> Result<&mut Broker, Refusal> {
        self.changes += 1;
        self.find(node)
    }

    /// A number that is another one whenever something may have changed that decides who does anything, and who can talk
    /// to whom.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    fn find(&mut self, node: NodeId) -> Result<&mut Broker, Refusal> {
        let place = usize::try_from(node.0).ok().and_then(|number| number.checked_sub(1));
        place.and_then(|place| self.brokers.get_mut(place)).ok_or(Refusal::UnknownBroker)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, &Broker)> {
        (1..).map(NodeId).zip(&self.brokers)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (1..).map(NodeId).take(self.brokers.len())
    }

    pub(super) fn works(&self, node: NodeId) -> bool {
        self.get(node).is_some_and(Broker::works)
    }

    pub(super) fn epoch_of(&self, node: NodeId) -> u64 {
        self.get(node).map_or(0, |broker| broker.epoch)
    }

    /// May it be elected, and be in sync? (`ClusterControlManager.isActive`)
    pub(super) fn is_active(&self, node: NodeId) -> bool {
        self.get(node).is_some_and(|broker| !broker.is_fenced && !broker.is_leaving)
    }

    /// May a follower be in sync whose last fetch came from this life of its broker? (`Partition.isReplicaIsrEligible`)
    pub(super) fn may_be_in_sync(&self, node: NodeId, epoch: Option<u64>) -> bool {
        self.is_active(node) && epoch == Some(self.epoch_of(node))
    }

    /// Can it speak to the controller?
    pub(super) fn reaches_controller(&self, node: NodeId) -> bool {
        !self.controller_is_away && self.get(node).is_some_and(|broker| !broker.is_cut_off)
    }

    /// Does it send heartbeats that arrive?
    pub(super) fn is_in_contact(&self, node: NodeId) -> bool {
        self.works(node) && self.reaches_controller(node)
    }

    /// Does it learn at once what the controller decides?
    pub(super) fn hears(&self, node: NodeId) -> bool {
        self.is_in_contact(node) && self.get(node).is_some_and(|broker| !broker.is_stale)
    }

    /// Nothing gets from one to the other any more, or it does again.
    pub(super) fn set_severed(&mut self, one: NodeId, other: NodeId, is_severed: bool) {
        self.changes += 1;
        let pair = (one.min(other), one.max(other));
        if is_severed {
            self.severed.insert(pair);
        } else {
            self.severed.remove(&pair);
        }
    }

    /// Can two brokers keep a connection?
    pub(super) fn are_connected(&self, one: NodeId, other: NodeId) -> bool {
        let are_up = [one, other].into_iter().all(|node| self.get(node).is_some_and(Broker::is_up));
        are_up && !self.severed.contains(&(one.min(other), one.max(other)))
    }

    /// A request gets its place in a broker's queue; `None`: it takes no time.
    pub(super) fn queue(&mut self, node: NodeId, now: Instant, processing_time: Duration) -> Option<Instant> {
        if processing_time.is_zero() {
            return None;
        }
        let broker = self.find(node).ok()?;
        broker.busy_until = broker.busy_until.max(now) + processing_time * broker.slowness;
        Some(broker.busy_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_is_killed_and_only_what_is_gone_starts() {
        use BrokerState::{Killed, Paused, Running, ShuttingDown, Starting, Stopped};
        let refused = |state| Err(Refusal::InState(state));
        for state in [Running, ShuttingDown, Paused, Starting] {
            assert_eq!(after(state, Signal::Kill), Ok(Killed));
            assert_eq!(after(state, Signal::Start), refused(state));
        }
        for state in [Stopped, Killed] {
            assert_eq!(after(state, Signal::Start), Ok(Starting));
            for signal in [Signal::Kill, Signal::ShutDown, Signal::Pause, Signal::Resume, Signal::Exit] {
                assert_eq!(after(state, signal), refused(state));
            }
        }
        assert_eq!(after(Paused, Signal::ShutDown), refused(Paused), "it would not get the signal");
    }

    #[test]
    fn heartbeats_are_counted_from_the_registration() {
        let mut broker = Broker::new();
        broker.register(Instant::from_millis(500));
        let last = |ms| broker.last_heartbeat(Instant::from_millis(ms), Duration::from_secs(2));
        assert_eq!(last(500), Instant::from_millis(500));
        assert_eq!(last(4_499), Instant::from_millis(2_500));
        assert_eq!(last(4_500), Instant::from_millis(4_500));
    }
}
