//! Every send of this page and what became of it, record by record.

mod row;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use producer_core::bridge::{Fate, GET_AHEAD, Habit, Outcome, SendCommand, SendId};
use producer_core::error::Surface;

pub(crate) use self::row::{End, Row};
use self::row::{end_of, label, topic_of};

/// Records kept one by one; of older ones only the counts remain, and the ledger says so.
pub(crate) const KEPT_ROWS: usize = 1_000;

/// Sends and outcomes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    counts: Counts,
    last_id: SendId,
    /// Sends without an outcome for each of their records.
    open: BTreeMap<SendId, Open>,
    /// Finished records, oldest first.
    rows: VecDeque<Row>,
    /// All outcomes up to this number are in.
    seen: u64,
    /// Outcomes beyond a gap: a stored result can overtake the replay.
    ahead: BTreeSet<u64>,
    /// Metadata or exceptions that reached the program so far.
    answers: u64,
    /// Calls of `send` before this session, whose own numbers begin at 0.
    calls_before: u64,
    latest: Option<Summary>,
}

/// Records, by what became of them. `asked` is the sum of all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Asked for. How many of them the program has come to is the trace's to tell.
    pub(crate) asked: u64,
    /// Acknowledged.
    pub(crate) acked: u64,
    /// Ended with an exception.
    pub(crate) failed: u64,
    /// Nobody can tell any more.
    pub(crate) unknown: u64,
    /// Without an outcome yet.
    pub(crate) waiting: u64,
    /// Never handed to `send`: the program was stopped before it came to them.
    pub(crate) never: u64,
}

/// What became of records whose session is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// They may have been sent.
    pub(crate) unknown: u64,
    /// The program cannot have come to them.
    pub(crate) never_sent: u64,
}

/// How far a program came that was stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// Records that were handed to `send`.
    pub(crate) called: u64,
    /// Those that were not, and never will be.
    pub(crate) never: u64,
}

/// A send that is not settled.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// What was asked for.
    pub(crate) command: SendCommand,
    /// Records that are handed to the producer: fewer than asked for when it was broken off.
    called: u32,
    /// Records with an outcome.
    pub(crate) settled: u32,
    /// Records acknowledged, per partition.
    landed: BTreeMap<i32, u32>,
    slowest_us: u64,
    failed: u32,
    /// Did any have to wait for what became of it: for a broker's answer, or for the end of the producer's patience?
    answered: bool,
}

impl Open {
    /// Records without an outcome.
    pub(crate) fn waiting(&self) -> u32 {
        self.called - self.settled
    }

    /// Its key as text, as far as it is kept; `None`: a null key.
    pub(crate) fn label(&self) -> Option<Arc<str>> {
        label(&self.command)
    }
}

/// A send whose records all have an outcome, in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Its records, as far as they were handed to `send`.
    pub(crate) count: u32,
    /// As many as were asked for.
    pub(crate) asked: u32,
    /// Acknowledged ones by partition.
    pub(crate) landed: Vec<(i32, u32)>,
    /// Ended with an exception.
    pub(crate) failed: u32,
    /// Longest time from `send` to the answer, in microseconds; `None`: there was none, because `send` refused all of them or
    /// no broker was asked for one (acks=0).
    pub(crate) slowest_us: Option<u64>,
}

impl Ledger {
    /// A number for the next send.
    pub(crate) fn next_id(&mut self) -> SendId {
        self.last_id += 1;
        self.last_id
    }

    /// Another session begins, and counts calls of `send` from 0 again.
    pub(crate) fn begin_session(&mut self) {
        self.calls_before = self.counts.asked - self.counts.never;
    }

    /// A send is on its way.
    pub(crate) fn sent(&mut self, command: SendCommand) {
        self.counts.asked += u64::from(command.count);
        self.counts.waiting += u64::from(command.count);
        let called = command.count;
        let open =
            Open { command, called, settled: 0, landed: BTreeMap::new(), slowest_us: 0, failed: 0, answered: false };
        self.open.insert(open.command.id, open);
    }

    /// A send was not taken: it counts for nothing. Returns its number of records.
    pub(crate) fn refused(&mut self, id: SendId) -> Option<u32> {
        let open = self.open.remove(&id)?;
        self.counts.asked -= u64::from(open.waiting());
        self.counts.waiting -= u64::from(open.waiting());
        Some(open.command.count)
    }

    /// So many records of a send were handed to the producer, and no more will be: the others were asked for and never sent.
    /// Returns both numbers, unless that was known.
    pub(crate) fn broken_off(&mut self, id: SendId, called: u32) -> Option<Stopped> {
        let open = self.open.get_mut(&id)?;
        let called = called.max(open.settled);
        let never = open.called.saturating_sub(called);
        if never == 0 {
            return None;
        }
        open.called = called;
        self.counts.never += u64::from(never);
        self.counts.waiting -= u64::from(never);
        self.finish(id);
        Some(Stopped { called: called.into(), never: never.into() })
    }

    /// A send whose records all have an outcome is over.
    fn finish(&mut self, id: SendId) {
        if self.open.get(&id).is_none_or(|open| open.waiting() > 0) {
            return;
        }
        if let Some(done) = self.open.remove(&id).filter(|done| done.called > 0) {
            self.latest = Some(Summary {
                count: done.called,
                asked: done.command.count,
                landed: done.landed.into_iter().collect(),
                failed: done.failed,
                slowest_us: done.answered.then_some(done.slowest_us),
            });
        }
    }

    /// Takes an outcome; one that came before changes nothing.
    pub(crate) fn settle(&mut self, outcome: &Outcome) {
        if outcome.number <= self.seen || !self.ahead.insert(outcome.number) {
            return;
        }
        while self.ahead.first() == Some(&(self.seen + 1)) {
            self.ahead.pop_first();
            self.seen += 1;
        }
        // A send of another life of this page, or one that was given up as unknown: not ours to count.
        let Some(open) = self.open.get_mut(&outcome.send) else { return };
        open.settled += outcome.count;
        self.counts.waiting -= u64::from(outcome.count);
        open.slowest_us = outcome.latency_us.iter().copied().fold(open.slowest_us, u64::max);
        match &outcome.fate {
            Fate::Acked(metadata) => {
                self.counts.acked += u64::from(outcome.count);
                *open.landed.entry(metadata.partition).or_default() += outcome.count;
                open.answered |= metadata.first_offset >= 0;
            }
            Fate::Failed { surface, .. } => {
                open.answered |= *surface == Surface::FutureOnSender;
                self.counts.failed += u64::from(outcome.count);
                open.failed += outcome.count;
            }
        }
        let (label, habit) = (open.label(), open.command.habit);
        let first_kept = outcome.count.saturating_sub(u32::try_from(KEPT_ROWS).unwrap_or(u32::MAX));
        for place in first_kept..outcome.count {
            let row = Row {
                send_order: Some(self.calls_before + outcome.first_ordinal + u64::from(place) + 1),
                answer_order: Some(self.answers + u64::from(place) + 1),
                habit,
                label: label.clone(),
                topic: topic_of(&outcome.fate),
                latency_us: outcome.latency_us.get(place as usize).copied(),
                end: end_of(&outcome.fate, place),
            };
            keep(&mut self.rows, row);
        }
        self.answers += u64::from(outcome.count);
        self.finish(outcome.send);
    }

    /// The session's history is lost: what it does not list as unsettled is unknown for good. Outcome numbers begin anew.
    /// What its program cannot have come to was never sent.
    pub(crate) fn lose_history(&mut self, still_known: &[SendId]) -> Lost {
        self.seen = 0;
        self.ahead.clear();
        let reach: Vec<(SendId, u32)> = self.reach().map(|(open, out)| (open.command.id, out)).collect();
        let mut lost = Lost::default();
        for (id, out) in reach.into_iter().filter(|(id, _)| !still_known.contains(id)) {
            let Some(open) = self.open.remove(&id) else { continue };
            lost.unknown += u64::from(out);
            lost.never_sent += u64::from(open.waiting() - out);
            let row = Row {
                send_order: None,
                answer_order: None,
                habit: open.command.habit,
                label: open.label(),
                topic: Arc::clone(&open.command.record.topic),
                latency_us: None,
                end: End::Unknown,
            };
            for _ in 0..(out as usize).min(KEPT_ROWS) {
                keep(&mut self.rows, row.clone());
            }
        }
        self.counts.waiting -= lost.unknown + lost.never_sent;
        self.counts.never += lost.never_sent;
        self.counts.unknown += lost.unknown;
        lost
    }

    /// Sends that are not settled, oldest first, and how many of the records without an outcome a bridge may have handed
    /// to the producer: its one program comes to a send when those before are through, and `get()` holds it to
    /// [`GET_AHEAD`].
    pub(crate) fn reach(&self) -> impl Iterator<Item = (&Open, u32)> {
        let mut is_reached = true;
        self.open.values().map(move |open| {
            let may_be_out = match open.command.habit {
                _ if !is_reached => 0,
                Habit::Get => open.waiting().min(GET_AHEAD),
                Habit::Callback | Habit::Forget => open.waiting(),
            };
            is_reached &= may_be_out == open.waiting();
            (open, may_be_out)
        })
    }

    /// Records without an outcome that a bridge which is out of reach may have handed to the producer.
    pub(crate) fn may_be_out(&self) -> u64 {
        self.reach().map(|(_, out)| u64::from(out)).sum()
    }

    /// Sends to repeat after a session was resumed: those that neither it nor we know the end of. A repeated id is
    /// answered with what is stored, so nothing is sent twice.
    pub(crate) fn to_repeat(&self, unsettled_there: &[SendId]) -> Vec<SendCommand> {
        let missing = self.open.values().filter(|open| !unsettled_there.contains(&open.command.id));
        missing.map(|open| open.command.clone()).collect()
    }

    /// How many of which.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Number of the last outcome up to which none is missing.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Is more than one record out, so that it may take a while?
    pub(crate) fn is_long(&self) -> bool {
        self.counts.waiting > 0 && self.open.values().map(|open| u64::from(open.called)).sum::<u64>() > 1
    }

    /// Sends that are not settled, newest first.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Open> {
        self.open.values().rev()
    }

    /// Finished records, newest first, as far as they are kept.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().rev()
    }

    /// Finished records, kept or not: the number of the newest row, the others count down from it.
    pub(crate) fn finished(&self) -> u64 {
        self.counts.acked + self.counts.failed + self.counts.unknown
    }

    /// Finished records that are no longer kept one by one.
    pub(crate) fn rows_dropped(&self) -> u64 {
        self.finished() - self.rows.len() as u64
    }

    /// The send that was settled last.
    pub(crate) fn latest(&self) -> Option<&Summary> {
        self.latest.as_ref()
    }
}

fn keep(rows: &mut VecDeque<Row>, row: Row) {
    if rows.len() == KEPT_ROWS {
        rows.pop_front();
    }
    rows.push_back(row);
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::bridge::{RecordSpec, RecordsMetadata};
    use producer_core::error::{Persistence, ProducerError};
    use producer_core::ids::{BatchId, ProducerIndex, RecordName};

    fn send(id: SendId, count: u32) -> SendCommand {
        let record = RecordSpec { topic: "orders".into(), key: Some(b"user-42"[..].into()), ..RecordSpec::default() };
        SendCommand { id, habit: Habit::Callback, record, count }
    }

    fn acked(number: u64, send: SendId, first_record: u32, count: u32) -> Outcome {
        let metadata = RecordsMetadata {
            first: RecordName { producer: ProducerIndex(0), batch: BatchId(number), index: 0 },
            topic: "orders".into(),
            partition: 1,
            first_offset: i64::from(first_record),
            timestamps_ms: vec![5; count as usize],
            log_append_time: false,
            key_size: 7,
            value_size: -1,
            attempts: 1,
        };
        Outcome {
            number,
            send,
            first_record,
            first_ordinal: u64::from(first_record),
            count,
            latency_us: vec![10; count as usize],
            fate: Fate::Acked(metadata),
        }
    }

    fn assert_adds_up(ledger: &Ledger) {
        let Counts { asked, acked, failed, unknown, waiting, never } = ledger.counts();
        assert_eq!(asked, acked + failed + unknown + waiting + never);
    }

    #[test]
    fn a_replayed_outcome_counts_once_and_a_gap_is_waited_for() {
        let mut ledger = Ledger::default();
        ledger.sent(send(1, 5));
        ledger.settle(&acked(1, 1, 0, 2));
        ledger.settle(&acked(1, 1, 0, 2));
        ledger.settle(&acked(3, 1, 4, 1));
        assert_eq!((ledger.seen(), ledger.counts().acked), (1, 3));
        ledger.settle(&acked(2, 1, 2, 2));
        ledger.settle(&acked(3, 1, 4, 1));
        assert_eq!((ledger.seen(), ledger.counts().acked), (3, 5));
        assert_eq!(ledger.open().count(), 0);
        let latest = ledger.latest().expect("settled");
        assert_eq!((latest.count, latest.landed.as_slice()), (5, &[(1, 5)][..]));
        assert_eq!(latest.slowest_us, Some(10));
        assert_adds_up(&ledger);
    }

    #[test]
    fn what_a_lost_session_does_not_know_is_unknown_and_never_failed() {
        let mut ledger = Ledger::default();
        for id in 1..=3 {
            ledger.sent(send(id, 4));
        }
        ledger.settle(&acked(1, 1, 0, 1));
        assert_eq!(ledger.lose_history(&[3]), Lost { unknown: 7, never_sent: 0 });
        assert_eq!(
            ledger.counts(),
            Counts { asked: 12, acked: 1, unknown: 7, waiting: 4, ..Counts::default() },
            "send 3 is still known to the bridge"
        );
        ledger.settle(&acked(1, 3, 0, 4));
        assert_eq!((ledger.counts().acked, ledger.seen()), (5, 1));
        assert_adds_up(&ledger);
    }

    #[test]
    fn of_a_get_loop_only_what_its_program_can_have_come_to_is_unknown() {
        let mut ledger = Ledger::default();
        ledger.sent(SendCommand { habit: Habit::Get, ..send(1, 100_000) });
        ledger.sent(send(2, 5));
        ledger.settle(&acked(1, 1, 0, 164));
        let reach: Vec<_> = ledger.reach().map(|(open, out)| (open.command.id, out)).collect();
        assert_eq!(reach, [(1, GET_AHEAD), (2, 0)], "the second send begins when the loop is through");
        let unknown = u64::from(GET_AHEAD);
        let never_sent = 100_000 - 164 - unknown + 5;
        assert_eq!(ledger.lose_history(&[]), Lost { unknown, never_sent });
        assert_eq!(
            ledger.counts(),
            Counts { asked: 100_005, acked: 164, unknown, never: never_sent, ..Counts::default() },
            "what was asked for stays, and what was never sent is told"
        );
        assert_eq!(ledger.rows().filter(|row| row.end == End::Unknown).count() as u64, unknown);
        assert_adds_up(&ledger);
    }

    #[test]
    fn what_was_sent_without_waiting_may_all_be_out() {
        let mut ledger = Ledger::default();
        ledger.sent(send(1, 100_000));
        ledger.sent(SendCommand { habit: Habit::Get, ..send(2, 1) });
        assert_eq!(ledger.lose_history(&[]), Lost { unknown: 100_001, never_sent: 0 });
    }

    #[test]
    fn only_what_neither_side_knows_the_end_of_is_repeated() {
        let mut ledger = Ledger::default();
        for id in 1..=3 {
            ledger.sent(send(id, 1));
        }
        ledger.settle(&acked(1, 1, 0, 1));
        let repeated: Vec<_> = ledger.to_repeat(&[2]).iter().map(|command| command.id).collect();
        assert_eq!(repeated, [3]);
    }

    #[test]
    fn a_refused_send_counts_for_nothing() {
        let mut ledger = Ledger::default();
        ledger.sent(send(1, 9));
        assert_eq!(ledger.refused(1), Some(9));
        assert_eq!(ledger.counts(), Counts::default());
    }

    #[test]
    fn of_what_was_broken_off_it_is_told_how_much_was_called_and_how_much_never() {
        let mut ledger = Ledger::default();
        ledger.sent(send(1, 10));
        ledger.sent(send(2, 5));
        ledger.settle(&acked(1, 1, 0, 3));
        assert_eq!(ledger.broken_off(1, 4), Some(Stopped { called: 4, never: 6 }));
        assert_eq!(ledger.broken_off(2, 0), Some(Stopped { called: 0, never: 5 }));
        assert_eq!(ledger.broken_off(1, 4), None, "it is known");
        assert_eq!(ledger.counts(), Counts { asked: 15, acked: 3, waiting: 1, never: 11, ..Counts::default() });
        assert_eq!(ledger.open().count(), 1, "of the second nothing is left");
        assert_eq!(ledger.to_repeat(&[])[0].count, 10, "a repeated send is the same send");
        ledger.settle(&acked(2, 1, 3, 1));
        assert_eq!(ledger.latest().map(|latest| (latest.count, latest.asked)), Some((4, 10)));
        assert_adds_up(&ledger);
    }

    #[test]
    fn calls_of_a_later_session_are_numbered_after_those_before() {
        let mut ledger = Ledger::default();
        ledger.sent(send(1, 2));
        ledger.sent(send(2, 7));
        ledger.broken_off(2, 0);
        ledger.lose_history(&[]);
        ledger.begin_session();
        ledger.sent(send(3, 1));
        ledger.settle(&acked(1, 3, 0, 1));
        assert_eq!(ledger.rows().next().and_then(|row| row.send_order), Some(3), "what was never called has no number");
    }

    #[test]
    fn answers_are_numbered_as_they_come_in_whichever_send_they_belong_to() {
        let mut ledger = Ledger::default();
        ledger.sent(send(1, 1));
        ledger.sent(send(2, 2));
        let second_send_first = Outcome { first_ordinal: 1, ..acked(1, 2, 0, 2) };
        ledger.settle(&second_send_first);
        ledger.settle(&acked(2, 1, 0, 1));
        let orders: Vec<_> = ledger.rows().map(|row| (row.send_order, row.answer_order)).collect();
        assert_eq!(orders, [(Some(1), Some(3)), (Some(3), Some(2)), (Some(2), Some(1))], "newest first");
    }

    #[test]
    fn only_the_newest_rows_are_kept_and_the_others_are_counted() {
        let mut ledger = Ledger::default();
        ledger.sent(send(1, 3_000));
        ledger.settle(&acked(1, 1, 0, 3_000));
        assert_eq!((ledger.rows().count(), ledger.rows_dropped()), (KEPT_ROWS, 2_000));
        let newest = ledger.rows().next().expect("a row");
        assert_eq!((newest.send_order, newest.answer_order), (Some(3_000), Some(3_000)));
        assert!(matches!(newest.end, End::Acked { offset: 2_999, .. }));
    }

    #[test]
    fn what_send_refused_was_answered_by_nobody() {
        let failed = |number, surface| {
            let fate = Fate::Failed {
                error: ProducerError::RecordTooLarge { size_bytes: 2, limit_bytes: 1 },
                surface,
                persistence: Persistence::NotPersisted,
                partition: -1,
                topic: "orders".into(),
                first: None,
            };
            Outcome { fate, ..acked(number, number, 0, 1) }
        };
        let mut ledger = Ledger::default();
        let mut slowest = |number, surface| {
            ledger.sent(send(number, 1));
            ledger.settle(&failed(number, surface));
            ledger.latest().and_then(|latest| latest.slowest_us)
        };
        assert_eq!(slowest(1, Surface::Thrown), None);
        assert_eq!(slowest(2, Surface::FutureOnCaller), None);
        assert_eq!(slowest(3, Surface::FutureOnSender), Some(10));
    }

    #[test]
    fn an_offset_that_was_not_told_stays_untold_for_every_record() {
        let mut ledger = Ledger::default();
        ledger.sent(send(1, 2));
        let mut outcome = acked(1, 1, 0, 2);
        if let Fate::Acked(metadata) = &mut outcome.fate {
            metadata.first_offset = -1;
        }
        ledger.settle(&outcome);
        assert!(ledger.rows().all(|row| matches!(row.end, End::Acked { offset: -1, .. })));
        assert_eq!(ledger.latest().expect("settled").slowest_us, None, "there was no answer to be slow");
    }
}
