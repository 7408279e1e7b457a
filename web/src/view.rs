//! What the panels read: everything on the screen that is not being typed.

use std::sync::Arc;

use producer_core::bridge::{Topology, World};
use producer_core::config::ConfigNotice;
use producer_core::scene::Scene;
use producer_core::time::Instant;

use crate::alerts::Alert;
use crate::ledger::{Counts, Ledger};
use crate::progress::Progress;
use crate::settings::{Properties, Serializers};
use crate::shared::Shared;

/// One picture of the state, made at most ten times a second. Cheap to clone, cheap to compare.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    /// The producer's inside, folded from the trace.
    pub(crate) scene: Shared<Scene>,
    /// Every send and what became of it.
    pub(crate) ledger: Shared<Ledger>,
    /// Brokers and the topic looked at.
    pub(crate) topology: Shared<Topology>,
    /// The producer's properties.
    pub(crate) config: Shared<ConfigInForce>,
    /// The serialisers that the bridge was started with, of a session that has just begun: the composer begins with them.
    pub(crate) preset: Shared<Serializers>,
    /// The properties asked for that are not in force yet.
    pub(crate) asked: Option<Shared<Properties>>,
    /// Does it wait for the codecs of the world in the page, which are being fetched?
    pub(crate) fetches_codecs: bool,
    /// What a person should know and has not dismissed.
    pub(crate) alerts: Shared<Vec<Alert>>,
    /// The world we speak to; `None`: nobody has said yet.
    pub(crate) world: Option<World>,
    /// Is there somebody to speak to?
    pub(crate) link: Link,
    /// Another bridge, tried meanwhile.
    pub(crate) trial: Trial,
    /// The time of the world.
    pub(crate) clock: Clock,
    /// How far what is being sent is, while that takes long.
    pub(crate) progress: Option<Progress>,
    /// How many records met which fate, where a world tells that itself and there is no ledger.
    pub(crate) told: Option<Counts>,
}

impl View {
    /// Is the bridge out of reach? Then nobody can tell what becomes of what is out.
    pub(crate) const fn is_lost(&self) -> bool {
        matches!(self.link, Link::Lost { .. } | Link::Ended(_))
    }

    /// How many records met which fate, as far as can be told now: while the bridge is out of reach, what may be out is
    /// unknown.
    pub(crate) fn counts(&self) -> Counts {
        let counts = self.told.unwrap_or_else(|| self.ledger.counts());
        if !self.is_lost() {
            return counts;
        }
        let may_be_out = self.ledger.may_be_out();
        Counts { unknown: counts.unknown + may_be_out, waiting: counts.waiting - may_be_out, ..counts }
    }
}

/// The configuration that the producer runs with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ConfigInForce {
    /// The properties asked for; all others have their defaults.
    pub(crate) properties: Vec<(Arc<str>, Arc<str>)>,
    /// What the client changed, ignored or did not know.
    pub(crate) notices: Vec<ConfigNotice>,
    /// `partitioner.ignore.keys`, as the client reads it.
    pub(crate) ignores_keys: bool,
}

/// The way to the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It runs in this page.
    InPage,
    /// To a bridge, for the first time.
    Connecting,
    /// To a bridge; both sides have said hello.
    Open,
    /// The bridge does not answer any more; tried again and again, this was try `attempt`.
    Lost {
        /// From 1.
        attempt: u32,
    },
    /// Given up: trying again would not help.
    Ended(Ending),
}

/// A bridge that may take the place of the present world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trial {
    /// There is none.
    #[default]
    Idle,
    /// It has not said hello yet.
    Trying,
    /// It did not come about; what was spoken to still is.
    Failed(Ending),
}

/// Why a bridge is not spoken to any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It never let us in: not running, a wrong token, or an origin it does not allow.
    NotAdmitted {
        /// Does this page come from the bridge's own address?
        own: bool,
    },
    /// It is there, and its token is another: it was started anew.
    OldToken,
    /// It speaks another version of the messages; its version, if it could be read.
    OtherVersion(Option<u8>),
    /// Another page took this session over.
    TakenOver,
    /// What it sent could not be read.
    Unreadable,
    /// It does not take what this page says; its sentence.
    Refused(Arc<str>),
}

impl Link {
    /// Can a command be sent now?
    pub(crate) const fn is_up(&self) -> bool {
        matches!(self, Self::InPage | Self::Open)
    }
}

/// The time of the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// The playhead.
    pub(crate) now: Instant,
    /// Does time pass?
    pub(crate) running: bool,
    /// How much slower than real time; a bridge's is always real.
    pub(crate) speed: Speed,
}

/// How fast the world in the page goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Speed {
    /// As fast as this machine can.
    Unbounded,
    /// This many times slower than real time; 1: real time.
    Slower(u32),
    /// A person stopped it.
    #[default]
    Paused,
}
