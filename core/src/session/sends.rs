//! The sends of a session: which are taken, and until when they are remembered.

use std::sync::Arc;

use super::Session;
use crate::bridge::{Habit, MAX_SEND_COUNT, Outcome, RecordSpec, Refusal, Report, SendCommand, SendId, World};
use crate::caller::{Job, Records};

/// Longest topic name that is handed to the producer. Kafka's own limit is 249 characters, and its exception says so;
/// this one keeps a name that is repeated in the outcome of every record from filling the memory.
pub(super) const MAX_TOPIC_BYTES: usize = 1_000;

/// A send the page asked for.
#[derive(Clone, Debug)]
pub(super) struct KnownSend {
    pub(super) habit: Habit,
    pub(super) record: Arc<RecordSpec>,
    /// Records asked for.
    pub(super) asked: u32,
    /// Records that are, or will be, handed to the producer: fewer when it was broken off.
    pub(super) count: u32,
    /// Records with an outcome.
    pub(super) settled: u32,
}

impl KnownSend {
    pub(super) fn is_settled(&self) -> bool {
        self.settled == self.count
    }
}

impl Session {
    pub(super) fn take_send(&mut self, send: SendCommand) -> Result<(), Refusal> {
        if let Some(known) = self.sends.get(&send.id) {
            if (known.habit, known.asked, &*known.record) != (send.habit, send.count, &send.record) {
                return Err(Refusal::IdReused);
            }
            if known.count < known.asked {
                self.reports.push_back(Report::BrokenOff { id: send.id, called: known.count });
            }
            self.repeat_outcomes(send.id);
            return Ok(());
        }
        if self.forgotten_up_to.is_some_and(|forgotten| send.id <= forgotten) {
            return Err(Refusal::IdForgotten);
        }
        self.admit(&send)?;
        let bytes = payload_bytes(&send.record);
        let (id, record) = (send.id, Arc::new(send.record));
        self.unsettled_sends += 1;
        self.unsettled_bytes += bytes;
        self.unsettled_records += u64::from(send.count);
        self.caller.enqueue(Job {
            id,
            habit: send.habit,
            records: Records::Same(Arc::clone(&record)),
            count: send.count,
        });
        let known = KnownSend { habit: send.habit, record, asked: send.count, count: send.count, settled: 0 };
        self.sends.insert(id, known);
        Ok(())
    }

    /// May this send be taken? What Kafka itself judges (topic names, sizes, partitions) is left to the producer.
    fn admit(&self, send: &SendCommand) -> Result<(), Refusal> {
        if self.stopping {
            return Err(Refusal::Stopping);
        }
        if !(1..=MAX_SEND_COUNT).contains(&send.count) {
            return Err(Refusal::CountOutOfBounds { got: send.count, min: 1, max: MAX_SEND_COUNT });
        }
        let topic_bytes = send.record.topic.len();
        if topic_bytes > MAX_TOPIC_BYTES {
            return Err(Refusal::TopicTooLong { bytes: topic_bytes as u64, limit: MAX_TOPIC_BYTES as u64 });
        }
        if let World::Cluster { armed, allowed_topics, .. } = &self.world {
            if !allowed_topics.is_empty() && !allowed_topics.contains(&send.record.topic) {
                return Err(Refusal::TopicNotAllowed { allowed: allowed_topics.clone() });
            }
            if !armed {
                return Err(Refusal::NotArmed);
            }
        }
        let busy = |in_flight, limit| Refusal::Busy { in_flight, limit };
        if self.unsettled_sends >= self.limits.unsettled_sends {
            return Err(busy(self.unsettled_sends, self.limits.unsettled_sends));
        }
        let bytes = self.unsettled_bytes + payload_bytes(&send.record);
        if bytes > self.limits.unsettled_bytes {
            return Err(busy(bytes, self.limits.unsettled_bytes));
        }
        let open = self.unsettled_records + self.outcomes.records_unacknowledged() + u64::from(send.count);
        if open > self.limits.open_records {
            return Err(busy(open, self.limits.open_records));
        }
        Ok(())
    }

    /// The page repeats a send it has no outcome for: what is stored is told again, what is not settled comes later.
    fn repeat_outcomes(&mut self, id: SendId) {
        let outcomes = self.outcomes.of_send(id);
        if !outcomes.is_empty() {
            self.reports.push_back(Report::Outcomes { outcomes });
        }
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        self.unsettled_records -= u64::from(outcome.count);
        if let Some(send) = self.sends.get_mut(&outcome.send) {
            send.settled += outcome.count;
            if send.is_settled() {
                self.unsettled_sends -= 1;
                self.unsettled_bytes -= payload_bytes(&send.record);
            }
        }
        self.outcomes.push(outcome);
        self.forget_old();
    }

    /// Their outcomes are gone.
    pub(super) fn forget_settled(&mut self) {
        let last = self.sends.iter().filter(|(_, send)| send.is_settled()).map(|(&id, _)| id).max();
        self.forgotten_up_to = self.forgotten_up_to.max(last);
        self.sends.retain(|_, send| !send.is_settled());
    }

    pub(super) fn forget_old(&mut self) {
        let (sends, forgotten) = (&mut self.sends, &mut self.forgotten_up_to);
        self.outcomes.forget_beyond(self.limits.kept_records, |outcome| {
            let last = sends
                .get(&outcome.send)
                .is_some_and(|send| send.is_settled() && outcome.first_record + outcome.count == send.count);
            if last {
                sends.remove(&outcome.send);
                *forgotten = (*forgotten).max(Some(outcome.send));
            }
        });
    }
}

pub(super) fn payload_bytes(record: &RecordSpec) -> u64 {
    let side = |side: &Option<Arc<[u8]>>| side.as_ref().map_or(0, |bytes| bytes.len());
    let headers: usize = record.headers.iter().map(|header| header.key.len() + side(&header.value)).sum();
    (record.topic.len() + side(&record.key) + side(&record.value) + headers) as u64
}
