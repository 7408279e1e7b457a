//! Kinds of fault, and how many of each a world may have.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::question::WordError;

/// Something that may go wrong in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A connection breaks: before a request is acted upon, after it, or at any moment.
    Cut,
    /// A broker is stopped as an operator stops it, and comes back.
    Restart,
    /// The producer's process stands still, as for a long garbage collection.
    Pause,
    /// A broker dies (SIGKILL) and comes back.
    Kill,
    /// A partition gets another leader.
    MoveLeader,
    /// A broker stands still with its connections open (SIGSTOP), and goes on.
    Freeze,
    /// A message comes late, and all behind it on its connection.
    Delay,
    /// A message never comes, nor anything behind it on its connection.
    Silence,
    /// A request is refused with an error that may be tried again.
    Error,
    /// Nothing passes between the producer and a broker for a while.
    Split,
    /// A follower stops fetching for a while, and leaves the in-sync replicas.
    ShrinkIsr,
}

impl FaultKind {
    /// All of them, with the names that people write.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::Cut, "cut"),
        (Self::Restart, "restart"),
        (Self::Pause, "pause"),
        (Self::Kill, "kill"),
        (Self::MoveLeader, "move-leader"),
        (Self::Freeze, "freeze"),
        (Self::Delay, "delay"),
        (Self::Silence, "silence"),
        (Self::Error, "error"),
        (Self::Split, "split"),
        (Self::ShrinkIsr, "shrink-isr"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// At most so many faults of each kind in one world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultBudget(pub Vec<(FaultKind, u32)>);

/// Most faults of one kind in one world.
const MOST: u32 = 9;

impl Default for FaultBudget {
    /// One connection cut, one broker restarted, one pause of the producer's process.
    fn default() -> Self {
        Self([FaultKind::Cut, FaultKind::Restart, FaultKind::Pause].map(|kind| (kind, 1)).into())
    }
}

impl FaultBudget {
    /// Reads `cut=1,restart=1,pause=1`; a kind without a number may come once.
    ///
    /// # Errors
    /// A word that is no kind of fault, a number that is none or more than 9, a kind that is named twice.
    pub fn parse(text: &str) -> Result<Self, WordError> {
        let mut budget = Self(Vec::new());
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, number) = item.split_once('=').unwrap_or((item, "1"));
            let known = FaultKind::ALL.iter().find(|(_, known)| *known == name.trim());
            let Some(&(kind, _)) = known else {
                return Err(WordError::unknown("fault", name.trim(), FaultKind::ALL.map(|(_, name)| name)));
            };
            let count = number.trim().parse().ok().filter(|count| *count <= MOST);
            let Some(count) = count else { return Err(WordError::number(name.trim(), number.trim(), MOST.into())) };
            if budget.0.iter().any(|(known, _)| *known == kind) {
                return Err(WordError::twice(name.trim()));
            }
            budget.0.push((kind, count));
        }
        Ok(budget)
    }

    /// The kinds and their numbers, each kind once and no number beyond what [`parse`](Self::parse) takes.
    pub(super) fn bounded(&self) -> impl Iterator<Item = (FaultKind, u32)> {
        let all = FaultKind::ALL.into_iter();
        all.filter_map(|(kind, _)| {
            let (_, count) = self.0.iter().find(|(known, _)| *known == kind)?;
            Some((kind, (*count).min(MOST)))
        })
    }
}

impl fmt::Display for FaultBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (kind, count)) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(f, "{comma}{}={count}", kind.name())?;
        }
        Ok(())
    }
}
