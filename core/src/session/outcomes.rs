//! The numbered stream of outcomes: kept until the page has them, replayed when it comes back, never dropped.

use std::collections::VecDeque;

use crate::bridge::Outcome;

/// Outcomes in order of their numbers, without gaps.
#[derive(Clone, Debug)]
pub(super) struct OutcomeLog {
    kept: VecDeque<Outcome>,
    /// Number the next outcome gets.
    next: u64,
    /// Everything up to here has arrived at the page.
    acknowledged: u64,
    /// Everything up to here was handed to the connection that is attached now.
    reported: u64,
    /// Records in the outcomes kept.
    records_kept: u64,
    /// Records among them that the page has not acknowledged.
    records_unacknowledged: u64,
}

impl OutcomeLog {
    pub(super) fn new() -> Self {
        Self {
            kept: VecDeque::new(),
            next: 1,
            acknowledged: 0,
            reported: 0,
            records_kept: 0,
            records_unacknowledged: 0,
        }
    }

    /// Adds an outcome and gives it its number.
    pub(super) fn push(&mut self, mut outcome: Outcome) {
        outcome.number = self.next;
        self.next += 1;
        self.records_kept += u64::from(outcome.count);
        self.records_unacknowledged += u64::from(outcome.count);
        self.kept.push_back(outcome);
    }

    /// The page has everything up to `number`. A number from the future counts as the last one there is.
    pub(super) fn acknowledge(&mut self, number: u64) {
        let number = number.min(self.next - 1);
        for outcome in self.kept.iter().filter(|o| o.number > self.acknowledged && o.number <= number) {
            self.records_unacknowledged -= u64::from(outcome.count);
        }
        self.acknowledged = self.acknowledged.max(number);
    }

    /// Forgets acknowledged outcomes until no more than `limit` records are kept; hands each to `forgotten`.
    pub(super) fn forget_beyond(&mut self, limit: u64, mut forgotten: impl FnMut(&Outcome)) {
        while self.records_kept > limit {
            match self.kept.front() {
                Some(oldest) if oldest.number <= self.acknowledged => {
                    self.records_kept -= u64::from(oldest.count);
                    forgotten(oldest);
                    self.kept.pop_front();
                }
                _ => break,
            }
        }
    }

    /// A page attached that has everything up to `seen`. Are all later ones still here?
    pub(super) fn resume_from(&mut self, seen: u64) -> bool {
        let complete = seen < self.next && self.kept.front().map_or(self.next, |o| o.number) <= seen + 1;
        if complete {
            self.reported = seen;
            self.acknowledge(seen);
        } else {
            self.reported = self.next - 1;
        }
        complete
    }

    /// Outcomes not yet handed to the attached connection, at most `records` of them (but at least one outcome).
    pub(super) fn take_unreported(&mut self, records: u64) -> Vec<Outcome> {
        let first = self.kept.partition_point(|o| o.number <= self.reported);
        let mut taken = Vec::new();
        let mut left = records;
        for outcome in self.kept.iter().skip(first) {
            if !taken.is_empty() && u64::from(outcome.count) > left {
                break;
            }
            left = left.saturating_sub(u64::from(outcome.count));
            self.reported = outcome.number;
            taken.push(outcome.clone());
        }
        taken
    }

    /// Outcomes of one send that are kept.
    pub(super) fn of_send(&self, send: u64) -> Vec<Outcome> {
        self.kept.iter().filter(|o| o.send == send).cloned().collect()
    }

    pub(super) fn records_unacknowledged(&self) -> u64 {
        self.records_unacknowledged
    }

    pub(super) fn has_unreported(&self) -> bool {
        self.reported + 1 < self.next
    }
}
