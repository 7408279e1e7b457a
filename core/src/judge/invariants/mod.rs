//! The 18 invariants: what Kafka promises, each held exactly where it promises it.
//!
//! | | |
//! |---|---|
//! | 1 | acknowledged: in the log, at exactly the partition and offset told |
//! | 2 | no value twice, with idempotence |
//! | 3 | per producer and partition, the order of the log is that of sending |
//! | 4 | failed for certain: not in the log, ever |
//! | 5 | exactly one result for every send |
//! | 6 | results of a partition come in order |
//! | 7 | a result comes within `delivery.timeout.ms`, and `send()` returns within `max.block.ms` |
//! | 8 | no more requests than `max.in.flight.requests.per.connection`, and no batch on two connections at once |
//! | 9 | sequences follow one another per producer id, epoch and partition; epochs only grow |
//! | 10 | a client is never the cause of OUT_OF_ORDER_SEQUENCE_NUMBER |
//! | 11 | requests keep to `max.request.size` and batches to `batch.size`, but for one that is alone |
//! | 12 | buffered bytes keep to `buffer.memory`, and all are given back at `close()` |
//! | 13 | back-off between retries is as told, and who is idle sleeps |
//! | 14 | the leader epoch of a partition never goes back |
//! | 15 | a key goes where murmur2 says |
//! | 16 | every batch can be read, and its CRC is right |
//! | 17 | once all is healed, everything comes to rest |
//! | 18 | `flush()` returns when all earlier sends are settled, `close()` when all are |
//!
//! Where the real client departs from one of them, the departure has a name ([`Departure`]) and is counted, not hidden.

mod brokers;
mod records;
mod results;
mod wire;

pub use self::wire::IDLE_WAKES_PER_SECOND;

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::history::{CallId, History, LeaderSeen, Place, Stall};
use super::law::sequence_after;
use super::places::Places;
use crate::config::{Acks, ProducerConfig};
use crate::error::ErrorCode;
use crate::ids::{ProducerIndex, TopicPartition};
use crate::time::Instant;

/// Where something was seen, as far as it has a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// The call whose record it is about.
    pub record: Option<CallId>,
    /// The partition.
    pub partition: Option<TopicPartition>,
    /// The offset.
    pub offset: Option<i64>,
    /// The request, by its place in [`Wire::requests`](super::Wire::requests).
    pub request: Option<usize>,
    /// When.
    pub at: Option<Instant>,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant, 1 to 18.
    pub number: u8,
    /// What the law asks.
    pub expected: String,
    /// What was seen instead.
    pub seen: String,
    /// Where.
    pub spot: Spot,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant {}: expected {}; seen: {}", self.number, self.expected, self.seen)?;
        let Spot { record, partition, offset, request, at } = &self.spot;
        if let Some(CallId(record)) = record {
            write!(f, ", record {record}")?;
        }
        if let Some(partition) = partition {
            write!(f, ", {partition}")?;
        }
        if let Some(offset) = offset {
            write!(f, "@{offset}")?;
        }
        if let Some(request) = request {
            write!(f, ", request {request}")?;
        }
        at.map_or(Ok(()), |at| write!(f, ", at {at}"))
    }
}

/// A way in which the real client, or a real broker, departs from an invariant. What is seen there is no defect of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Departure {
    /// Nobody promised to keep the record: acks=0, acks=1 and another leader, `min.insync.replicas` below 2, an unclean
    /// election, a topic that was made anew.
    NotDurable,
    /// A partition takes any sequence of a producer id that it does not know (`ProducerAppendInfo.checkSequence`): here
    /// the first one it took was not 0, so a batch overtook the first.
    FirstBatchUnprotected,
    /// After an epoch bump the batches in flight are numbered anew (`TransactionManager.startSequencesAtBeginning`). One
    /// that was stored already is then stored again.
    RenumberedAfterAppend,
    /// A batch was stored, and an answer later said that it is too large: its parts have other sequences.
    SplitAfterAppend,
    /// Brokers forgot the producer meanwhile (`producer.id.expiration.ms`), and take any sequence of it.
    ProducerForgotten,
    /// An election lost what was stored, and with it what the partition knew of the producer.
    UncleanElection,
    /// A fenced producer's record can be told twice (`KafkaProducer.doSend` and the batch's own failure).
    ToldTwiceWhenFenced,
    /// Batches of one partition were under way to two leaders: two answers, on two connections, have no order.
    LeaderMoved,
    /// Nothing expires while a producer id is asked for (`Sender.runOnce` does not come to its batches).
    WithoutProducerId,
    /// After an epoch bump the batches that are under way have their new numbers from 0 on already, though brokers were
    /// sent the old ones: what is sent next seems to leave a gap, and is refused
    /// (`TransactionManager.startSequencesAtBeginning`, `RecordAccumulator.shouldStopDrainBatchesForPartition`).
    NumberedBeforeSent,
    /// A batch was stored, its answer lost, and when it is sent again it is refused for the moment; or the answer says that
    /// its copies were late: those behind it are acknowledged before it is recognised.
    RecognisedLate,
    /// In a transaction: a batch was stored, its answer lost, and when it is sent again it is refused for good. Its numbers
    /// go to the next one (`TransactionManager.handleFailedBatch`, `adjustSequencesDueToFailedBatch`), which the broker
    /// then takes for the first, or finds out of order. The transaction cannot be committed any more.
    RefusedAfterAppend,
    /// Only the first of a queue is asked whether it has expired (`RecordAccumulator.expiredBatches`), and only the first
    /// that is in flight (`Sender.getExpiredInflightBatches`): an older one behind it is late. A lost connection puts
    /// several batches back in reverse, where nobody numbers them; and one that is sent again goes behind those in flight.
    BehindAYoungerBatch,
    /// A batch expired on its first way, and did not reach the log. Nobody marks its numbers as unresolved, for it was not
    /// sent again (`Sender.sendProducerData`, `ProducerBatch.inRetry`), and what its answer says later is not heard
    /// (`ProducerBatch.done`): the next one is refused for the gap until its own time is over, and only then the epoch is
    /// bumped.
    HoleAfterExpiry,
    /// A partition remembers the last five batches of a producer (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`). A batch that
    /// was stored without the producer knowing is not recognised any more when five others are stored behind it before it
    /// is sent again: `max.in.flight.requests.per.connection` counts those without an answer, on one connection, and here
    /// some are acknowledged, or the leader has moved.
    OlderThanFive,
    /// It lies in the leader's log, above the high watermark, where nobody reads. With fewer replicas in sync than
    /// `min.insync.replicas` that stands still (`Partition.maybeIncrementLeaderHW`, KIP-966): with acks=all the record was
    /// below once, and a new leader begins with what it knew as a follower. With acks=1 it may also wait for a follower
    /// that left the in-sync replicas but was caught up a moment ago, and afterwards for the next record.
    AboveTheHighWatermark,
}

/// The judges' word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What was broken, in the order of the invariants.
    pub violations: Vec<Violation>,
    /// How often an invariant was departed from as Kafka does.
    pub departures: BTreeMap<(u8, Departure), u32>,
}

/// Holds a history against all 18 invariants.
pub fn judge(history: &History) -> Judgement {
    let mut case = Case::new(history);
    let judges: [fn(&mut Case<'_>); 18] = [
        records::acknowledged_is_stored,
        records::nothing_is_stored_twice,
        records::order_is_that_of_sending,
        records::failed_is_not_stored,
        results::every_send_has_one_result,
        results::results_come_in_order,
        results::nothing_takes_too_long,
        wire::in_flight_is_bounded,
        wire::sequences_follow_one_another,
        wire::nobody_causes_a_gap,
        wire::sizes_are_bounded,
        brokers::memory_is_bounded_and_given_back,
        wire::retries_back_off_and_the_idle_sleep,
        brokers::leader_epochs_only_grow,
        brokers::keys_go_where_their_hash_says,
        brokers::batches_can_be_read,
        results::all_comes_to_rest,
        results::flush_and_close_wait_for_all,
    ];
    judges.into_iter().for_each(|judge| judge(&mut case));
    case.judgement.violations.sort_by_key(|violation| violation.number);
    case.judgement
}

/// A history with what more than one judge wants to know of it.
struct Case<'h> {
    history: &'h History,
    places: Places,
    /// Partitions and producer ids whose first stored sequence is not 0.
    unprotected: BTreeSet<(Place, i64)>,
    judgement: Judgement,
}

impl<'h> Case<'h> {
    fn new(history: &'h History) -> Self {
        let mut unprotected = BTreeSet::new();
        for (&place, log) in &history.logs {
            let mut known = BTreeSet::new();
            for stored in &log.records {
                let Some(identity) = stored.identity else { continue };
                // Of a log whose head is gone nobody knows how it began.
                if known.insert(identity.id) && (stored.sequence != 0 || log.start_offset > 0) {
                    unprotected.insert((place, identity.id));
                }
            }
        }
        Self { history, places: Places::of(history), unprotected, judgement: Judgement::default() }
    }

    fn violation(&mut self, number: u8, expected: impl Into<String>, seen: impl Into<String>, spot: Spot) {
        let (expected, seen) = (expected.into(), seen.into());
        self.judgement.violations.push(Violation { number, expected, seen, spot });
    }

    fn departs(&mut self, number: u8, departure: Departure) {
        *self.judgement.departures.entry((number, departure)).or_default() += 1;
    }

    fn config(&self, producer: ProducerIndex) -> Option<&'h ProducerConfig> {
        self.history.config(producer)
    }

    fn config_of(&self, call: CallId) -> Option<&'h ProducerConfig> {
        self.config(self.history.calls[call.0 as usize].producer)
    }

    /// What a producer was to do by then it does when its sender can do anything again.
    fn once_awake(&self, producer: ProducerIndex, due: Instant, tick: Duration) -> Instant {
        let stalls = self.history.stalls.iter().filter(|stall| stall.producer == producer);
        stalls.fold(due, |due, stall| if stall.from <= due + tick { due.max(stall.until) } else { due })
    }

    /// How long a producer's sender could do nothing between these.
    fn stalled(&self, producer: ProducerIndex, from: Instant, until: Instant) -> Duration {
        let stalls = self.history.stalls.iter().filter(|stall| stall.producer == producer);
        // They may overlap, and come in order of their beginnings: what was counted is not counted again.
        let count = |(stalled, seen): (Duration, Instant), stall: &Stall| {
            let ends = stall.until.min(until).max(seen);
            (stalled.saturating_add(ends.saturating_since(stall.from.max(seen))), ends)
        };
        stalls.fold((Duration::ZERO, from), count).0
    }

    /// When a sender knew of what it came to say only after callbacks: before they began.
    fn before_a_stall(&self, producer: ProducerIndex, said: Instant) -> Instant {
        let stalls = self.history.stalls.iter().rev().filter(|stall| stall.producer == producer);
        stalls.fold(
            said,
            |said, stall| {
                if stall.from <= said && said <= stall.until + self.history.tick { stall.from } else { said }
            },
        )
    }

    fn leaders(&self, place: Place) -> impl Iterator<Item = &'h LeaderSeen> + use<'h> {
        self.history.leaders.iter().filter(move |seen| seen.place == place)
    }

    fn had_an_unclean_election(&self, place: Place) -> bool {
        self.leaders(place).any(|seen| !seen.is_clean)
    }

    fn was_recreated(&self, place: Place) -> bool {
        self.history.topics.get(place.topic as usize).is_none_or(|topic| topic.was_recreated)
    }

    /// May brokers have forgotten a producer by now?
    fn may_have_forgotten(&self) -> bool {
        self.history.producer_id_expiration.is_some_and(|after| self.history.ended_at >= Instant::ZERO + after)
    }

    /// Did brokers forget a producer meanwhile, and then take a sequence that does not follow the last one?
    fn was_forgotten(&self, place: Place, id: i64) -> bool {
        let Some(log) = self.history.logs.get(&place).filter(|_| self.may_have_forgotten()) else { return false };
        let of_it = log.records.iter().filter_map(|stored| Some((stored.identity?, stored.sequence)));
        let of_it: Vec<_> = of_it.filter(|(identity, _)| identity.id == id).collect();
        of_it.windows(2).any(|pair| {
            let [(before, last), (after, next)] = [pair[0], pair[1]];
            let follows = if before == after { sequence_after(last, 1) } else { 0 };
            next != follows
        })
    }

    fn spot(&self, place: Place) -> Spot {
        Spot { partition: Some(self.history.name_of(place)), ..Spot::default() }
    }

    /// Was a batch of a transaction sent without an answer, and then refused for good?
    fn refused_after_append(&self, place: Place) -> bool {
        let mut unanswered = BTreeSet::new();
        self.history.wire.batches().any(|(_, _, batch)| {
            if !batch.is_transactional || self.history.place(&batch.partition) != Some(place) {
                return false;
            }
            let name = (batch.identity, batch.base_sequence, batch.crc);
            let Some(answer) = batch.answer else {
                unanswered.insert(name);
                return false;
            };
            let is_final = !answer.is_none() && !answer.is_retriable();
            is_final && answer != ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER && unanswered.contains(&name)
        })
    }

    /// Did brokers say this of a batch of the partition?
    fn was_answered(&self, place: Place, codes: &[ErrorCode]) -> bool {
        let batches = self.history.wire.batches();
        let mut answers = batches.filter_map(|(_, _, batch)| Some((batch.answer?, &batch.partition)));
        answers.any(|(code, partition)| codes.contains(&code) && self.history.place(partition) == Some(place))
    }
}

/// Does Kafka promise order within a partition? With idempotence, or with one request at a time (`guaranteeMessageOrder`);
/// never where no answer is waited for.
fn keeps_order(config: &ProducerConfig) -> bool {
    config.acks != Acks::None && (config.enable_idempotence || config.max_in_flight == 1)
}
