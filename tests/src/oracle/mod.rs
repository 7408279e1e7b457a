//! The Java client as judge: the same questions put to it and to us, and every answer that differs.

pub mod timelines;
pub mod verdicts;

/// What a judge found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many questions were put.
    pub cases: u64,
    /// Answers that differ and should not, each with what it takes to see it again.
    pub differences: Vec<String>,
    /// Answers that differ for a reason: its name, the reason, and how many.
    pub exceptions: Vec<(String, String, u64)>,
}
