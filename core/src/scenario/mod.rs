//! A scenario: a world, what is done in it, and what is asked about it. Data, and its two written forms; nothing here runs.
//!
//! A [`Scenario`] names brokers, topics, producers and the loads they send, timed actions and scripted faults, a seed, and
//! a card that asks a question about all that in two languages. It is written as text ([`text`], feature `scenario-text`)
//! for files and people, and as a link ([`link`], feature `scenario-link`) for everybody else. What has its default is
//! written in neither. Names are Kafka's where Kafka has one; every number has its unit in its name.
//!
//! ```text
//!             written!: one table of fields, defaults, bounds, meanings
//!                 │
//!     ┌───────────┼──────────────┬───────────────┐
//!     ▼           ▼              ▼               ▼
//!  text (JSON)  link (bytes)   check       docs/scenario.md
//! ```
//!
//! Whatever is read has been checked ([`check`]): counts, rates and times are within bounds, brokers and producers that
//! are referred to exist, and text for people shows all that it holds.

mod actions;
#[cfg(all(test, any(feature = "scenario-text", feature = "scenario-link")))]
mod arbitrary;
mod card;
pub mod check;
mod claims;
mod cluster;
mod faults;
mod lanes;
#[cfg(feature = "scenario-link")]
pub mod link;
mod load;
mod plan;
mod presets;
mod producers;
pub(crate) mod settings;
#[cfg(any(feature = "breaking", feature = "swarm"))]
pub mod shrink;
mod template;
#[cfg(feature = "scenario-text")]
pub mod text;
pub mod written;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::actions::{Act, Action, Moment};
pub use self::card::{Answer, Card, Chapter, Dial, Sentence, Words};
pub use self::claims::{Claim, Comparison, Counted, Goal};
pub use self::cluster::{Cluster, Latency, Network, Route, Topic};
pub use self::faults::{Direction, Fate, Messages, Rule};
pub use self::lanes::Lane;
pub use self::load::{Arrival, HeaderTemplate, Keys, Load, Value, WeightedKey};
pub use self::plan::{LoadPlan, RecordBuffer};
pub use self::presets::{DEMOS, Demo, TurnError, is_dial};
pub use self::producers::{Caller, InCallback, ProducerSetup, Then};
pub use self::settings::BROKER_SETTINGS;
pub use self::template::{Template, TemplateError};
pub use self::written::Properties;
use self::written::{Node, Written, written};
pub use crate::cluster::TOPIC_SETTINGS;

/// 64 bits from which all chance of a world comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Written for Seed {
    fn node(&mut self) -> Node<'_> {
        Node::Seed(&mut self.0)
    }
}

written! {
    /// A world, what is done in it, and what is asked about it.
    pub struct Scenario {
        /// What it is called, for people.
        name: Arc<str> = "".into(), Prose(200);
        /// The demo it was made from: its card is shown beside it, where it has none of its own.
        demo: Arc<str> = "".into(), Slug;
        /// All chance comes from it: latencies, sticky partitions, back-off, keys and values. Text, for all 64 bits.
        seed: Seed = Seed(0);
        /// What the wall clock shows at the beginning, in milliseconds since 1970; by default the first of January 2026.
        wall_start_ms: i64 = 1_767_225_600_000, Between(0, 253_402_300_799_999);
        /// Does it begin with connections, metadata and producer ids in place?
        warm: bool = true;
        /// How many times slower than life it is shown at first.
        slower: u32 = 1, Between(1, 10_000);
        /// How long it lasts, in virtual microseconds.
        duration_us: u64 = 60_000_000, Between(1, 86_400_000_000);
        /// How many events it may take; then it is stopped, with a message.
        max_events: u64 = 1_000_000, Between(1, 100_000_000);
        /// The brokers.
        cluster: Cluster = Cluster::default();
        /// What lies between producers and brokers.
        network: Network = Network::default();
        /// The topics there are at the beginning.
        topics: Vec<Topic> = Vec::new(), Items(0, 50);
        /// The producers, and the programs around them.
        producers: Vec<ProducerSetup> = Vec::new(), Items(0, 9);
        /// The same input into so many set-ups, side by side; none: one, as it is.
        lanes: Vec<Lane> = Vec::new(), Items(0, 3);
        /// What becomes of messages on their way.
        rules: Vec<Rule> = Vec::new(), Items(0, 100);
        /// What happens when.
        actions: Vec<Action> = Vec::new(), Items(0, 100);
        /// What is to hold in the end.
        goals: Vec<Goal> = Vec::new(), Items(0, 50);
        /// The question, its answers, and what there is to see.
        card: Card = Card::default();
    }
}

written! {
    /// What a lesson shows one after the other.
    pub struct Lesson {
        /// What it is called.
        title: Words = Words::default();
        /// Its items, in order.
        items: Vec<LessonItem> = Vec::new(), Items(1, 50);
    }
}

written! {
    /// A demo, or a scenario of the teacher's own.
    pub struct LessonItem {
        /// The demo's slug.
        demo: Arc<str> = "".into(), Slug;
        /// Dials that are turned: settings of producers, topics or brokers, or one of the others.
        turned: Properties = Properties::default(), Dials;
        /// Instead of a demo.
        scenario: Option<Scenario> = None;
    }
}

/// Is a lane meant? All are where none is named.
pub(crate) fn is_in(meant: Option<u32>, lane: usize) -> bool {
    meant.is_none_or(|meant| meant as usize == lane)
}

impl Scenario {
    /// So many lanes run: one where none is named.
    pub fn lane_count(&self) -> usize {
        self.lanes.len().max(1)
    }

    /// The goals that are about this lane, with their places.
    pub fn goals_of(&self, lane: usize) -> impl Iterator<Item = (usize, &Goal)> {
        self.goals.iter().enumerate().filter(move |(_, goal)| is_in(goal.lane, lane))
    }

    /// Leaves out a card that is the demo's own, and says whose it is: a demo's prose is longer than everything else, and
    /// whoever opens the link has it.
    pub fn refer_to_card_of(&mut self, slug: &str, demo: &Self) {
        self.demo = slug.into();
        if self.card == demo.card {
            self.card = Card::default();
        }
        if self.name == demo.name {
            self.name = "".into();
        }
    }

    /// Takes card and name of the demo it was made from, where it has none of its own.
    pub fn take_card_of(&mut self, demo: &Self) {
        if self.card == Card::default() {
            self.card = demo.card.clone();
        }
        if self.name.is_empty() {
            self.name = demo.name.clone();
        }
    }
}
