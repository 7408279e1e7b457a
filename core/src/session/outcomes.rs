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
        let from = self.kept.partition_point(|o| o.number <= self.acknowledged);
        let to = self.kept.partition_point(|o| o.number <= number).max(from);
        self.records_unacknowledged -= self.kept.range(from..to).map(|o| u64::from(o.count)).sum::<u64>();
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bridge::{Fate, RecordsMetadata};
    use crate::ids::{BatchId, ProducerIndex, RecordName};

    fn outcome(send: u64, count: u32) -> Outcome {
        let metadata = RecordsMetadata {
            first: RecordName { producer: ProducerIndex(0), batch: BatchId(send), index: 0 },
            topic: Arc::from("orders"),
            partition: 0,
            first_offset: 0,
            timestamps_ms: vec![0; count as usize],
            log_append_time: false,
            key_size: -1,
            value_size: -1,
            attempts: 1,
        };
        let latency_us = vec![0; count as usize];
        Outcome { number: 0, send, first_record: 0, first_ordinal: 0, count, latency_us, fate: Fate::Acked(metadata) }
    }

    fn numbers(outcomes: &[Outcome]) -> Vec<u64> {
        outcomes.iter().map(|o| o.number).collect()
    }

    fn log_of(n: u64) -> OutcomeLog {
        let mut log = OutcomeLog::new();
        (1..=n).for_each(|send| log.push(outcome(send, 10)));
        log
    }

    #[test]
    fn numbers_begin_at_one_and_have_no_gaps() {
        let mut log = log_of(3);
        assert_eq!(numbers(&log.take_unreported(u64::MAX)), [1, 2, 3]);
        assert!(log.take_unreported(u64::MAX).is_empty(), "an outcome is reported once per connection");
    }

    #[test]
    fn a_page_that_comes_back_gets_what_it_has_not_seen_once_more() {
        let mut log = log_of(5);
        log.take_unreported(u64::MAX);
        assert!(log.resume_from(2));
        assert_eq!(numbers(&log.take_unreported(u64::MAX)), [3, 4, 5]);
    }

    #[test]
    fn a_page_from_the_future_is_not_recovered() {
        assert!(!log_of(2).resume_from(3));
    }

    #[test]
    fn unacknowledged_outcomes_are_kept_beyond_every_limit() {
        let mut log = log_of(5);
        log.acknowledge(2);
        let mut forgotten = Vec::new();
        log.forget_beyond(0, |o| forgotten.push(o.number));
        assert_eq!(forgotten, [1, 2]);
        assert_eq!(log.records_unacknowledged(), 30);
        assert!(!log.resume_from(1), "outcome 2 is gone, so history has a hole");
        assert!(log.resume_from(2));
        assert_eq!(numbers(&log.take_unreported(u64::MAX)), [3, 4, 5]);
    }

    #[test]
    fn acknowledging_twice_or_beyond_the_end_counts_once() {
        let mut log = log_of(2);
        log.acknowledge(1);
        log.acknowledge(1);
        assert_eq!(log.records_unacknowledged(), 10);
        log.acknowledge(99);
        assert_eq!(log.records_unacknowledged(), 0);
    }

    #[test]
    fn a_report_holds_no_more_records_than_asked_for_but_at_least_one_outcome() {
        let mut log = log_of(4);
        assert_eq!(numbers(&log.take_unreported(25)), [1, 2]);
        assert_eq!(numbers(&log.take_unreported(1)), [3]);
    }
}
