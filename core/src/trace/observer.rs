//! Who looks at what happens, and what is kept for them.

use crate::ids::{Lane, ProducerIndex};
use crate::time::Instant;

use super::{Fact, TraceEvent};

/// Somebody who may want to know.
///
/// Observation is a type parameter: for [`Nobody`] the compiler removes the call and the closure that builds the fact.
pub trait Observer {
    /// Does anybody look? `false` lets whole blocks disappear.
    const WATCHES: bool;

    /// Takes a fact; `what` is built only if somebody looks.
    fn note(&mut self, at: Instant, what: impl FnOnce() -> Fact);

    /// May this record be told one by one, or should it be folded into a range?
    fn wants_detail(&mut self) -> bool;

    /// What a broker does from now on is about this producer's request.
    #[inline(always)]
    fn concerns(&mut self, _producer: ProducerIndex) {}
}

/// Looks at nothing and costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nobody;

impl Observer for Nobody {
    const WATCHES: bool = false;

    #[inline(always)]
    fn note(&mut self, _at: Instant, _what: impl FnOnce() -> Fact) {}

    #[inline(always)]
    fn wants_detail(&mut self) -> bool {
        false
    }
}

/// Keeps facts until somebody takes them, within a budget.
#[derive(Clone, Debug)]
pub struct TraceBuffer {
    lane: Lane,
    producer: ProducerIndex,
    events: Vec<TraceEvent>,
    /// Facts kept between two takes; beyond it facts are counted and dropped.
    capacity: usize,
    /// Records told one by one between two takes.
    detail_budget: u32,
    detail_left: u32,
    dropped: u64,
    dropped_since: Instant,
    /// Of the facts that say how things stand, the last one of each kind among those dropped.
    last_words: Vec<TraceEvent>,
}

impl TraceBuffer {
    /// Records told one by one between two takes, unless said otherwise.
    pub const DETAIL_BUDGET: u32 = 512;
    /// Facts kept between two takes, unless said otherwise.
    pub const CAPACITY: usize = 16_384;

    /// A buffer whose events carry this lane and producer.
    pub fn new(lane: Lane, producer: ProducerIndex) -> Self {
        Self {
            lane,
            producer,
            events: Vec::new(),
            capacity: Self::CAPACITY,
            detail_budget: Self::DETAIL_BUDGET,
            detail_left: Self::DETAIL_BUDGET,
            dropped: 0,
            dropped_since: Instant::ZERO,
            last_words: Vec::new(),
        }
    }

    /// With other budgets: facts kept, and records told one by one, between two takes.
    #[must_use]
    pub fn with_budgets(mut self, capacity: usize, detail: u32) -> Self {
        self.capacity = capacity;
        self.detail_budget = detail;
        self.detail_left = detail;
        self
    }

    /// The buffer of the producer that takes over. What nobody has taken of this one's facts comes with it, under its own
    /// name and before everything that follows.
    #[must_use]
    pub fn hand_over(&mut self, to: ProducerIndex) -> Self {
        let empty = Self::new(self.lane, self.producer).with_budgets(self.capacity, self.detail_budget);
        let mut next = core::mem::replace(self, empty);
        next.set_producer(to);
        next
    }

    /// Facts noted from now on are about this producer's world.
    pub fn set_producer(&mut self, producer: ProducerIndex) {
        self.producer = producer;
    }

    /// Is there nothing to take?
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.dropped == 0
    }

    /// Takes what has been kept since the last time and renews the budget. Dropped facts are told as
    /// [`Fact::Thinned`] where the first one is missing, never hidden; behind it, how things stood last.
    pub fn take(&mut self) -> Vec<TraceEvent> {
        self.detail_left = self.detail_budget;
        let mut events = core::mem::take(&mut self.events);
        if self.dropped > 0 {
            let what = Fact::Thinned { dropped: core::mem::take(&mut self.dropped) };
            events.push(TraceEvent { at: self.dropped_since, lane: self.lane, producer: self.producer, what });
            events.append(&mut self.last_words);
        }
        events
    }

    /// Counts a fact that does not fit. One that says how things stand until another of its kind comes is kept: without
    /// it the picture would be wrong for as long as nothing changes.
    fn drop_fact(&mut self, event: TraceEvent) {
        if self.dropped == 0 {
            self.dropped_since = event.at;
        }
        self.dropped += 1;
        if event.what.says_how_things_stand() {
            let kind = |event: &TraceEvent| (event.producer, core::mem::discriminant(&event.what));
            self.last_words.retain(|other| kind(other) != kind(&event));
            self.last_words.push(event);
        }
    }
}

impl Observer for TraceBuffer {
    const WATCHES: bool = true;

    fn note(&mut self, at: Instant, what: impl FnOnce() -> Fact) {
        let event = TraceEvent { at, lane: self.lane, producer: self.producer, what: what() };
        if self.events.len() < self.capacity {
            self.events.push(event);
        } else {
            self.drop_fact(event);
        }
    }

    fn wants_detail(&mut self) -> bool {
        let wants = self.detail_left > 0;
        self.detail_left = self.detail_left.saturating_sub(1);
        wants
    }

    fn concerns(&mut self, producer: ProducerIndex) {
        self.set_producer(producer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Statement;

    #[test]
    fn nobody_has_no_fact_built() {
        Nobody.note(Instant::ZERO, || panic!("built for nobody"));
    }

    #[test]
    fn what_does_not_fit_the_budget_is_counted_and_told() {
        let mut buffer = TraceBuffer::new(Lane(1), ProducerIndex(2)).with_budgets(2, 1);
        let returned = |ordinal| Fact::GetReturned { ordinal };
        for ordinal in 0..5 {
            buffer.note(Instant::from_millis(ordinal), || returned(ordinal));
        }
        let events = buffer.take();
        let facts: Vec<_> = events.iter().map(|event| event.what.clone()).collect();
        assert_eq!(facts, [returned(0), returned(1), Fact::Thinned { dropped: 3 }]);
        assert_eq!(events[2].at, Instant::from_millis(2), "where the first one is missing");
        assert!(events.iter().all(|event| event.lane == Lane(1) && event.producer == ProducerIndex(2)));
        assert!(buffer.take().is_empty(), "told once");
    }

    #[test]
    fn how_things_stand_is_told_behind_a_gap() {
        let mut buffer = TraceBuffer::new(Lane(0), ProducerIndex(0)).with_budgets(1, 1);
        let used = |used_bytes| Fact::MemoryUsed { used_bytes };
        let facts = [
            used(1),
            Fact::CallerStands(Statement::Send),
            used(2),
            Fact::GetReturned { ordinal: 0 },
            Fact::CallerStands(Statement::Loop),
            used(3),
        ];
        for what in facts {
            buffer.note(Instant::ZERO, || what);
        }
        let told: Vec<_> = buffer.take().into_iter().map(|event| event.what).collect();
        assert_eq!(told, [used(1), Fact::Thinned { dropped: 5 }, Fact::CallerStands(Statement::Loop), used(3)]);
    }

    #[test]
    fn what_was_not_taken_of_one_producer_comes_before_what_the_next_one_does() {
        let mut first = TraceBuffer::new(Lane(0), ProducerIndex(0)).with_budgets(2, 1);
        first.note(Instant::ZERO, || Fact::MemoryUsed { used_bytes: 7 });
        let mut second = first.hand_over(ProducerIndex(1));
        assert!(first.is_empty());
        for ordinal in [8, 9] {
            second.note(Instant::ZERO, || Fact::GetReturned { ordinal });
        }
        let told: Vec<_> = second.take().into_iter().map(|event| (event.producer.0, event.what)).collect();
        assert_eq!(
            told,
            [
                (0, Fact::MemoryUsed { used_bytes: 7 }),
                (1, Fact::GetReturned { ordinal: 8 }),
                (1, Fact::Thinned { dropped: 1 })
            ],
            "one budget for both"
        );
    }

    #[test]
    fn the_detail_budget_is_renewed_by_every_take() {
        let mut buffer = TraceBuffer::new(Lane(0), ProducerIndex(0)).with_budgets(8, 2);
        assert_eq!([(); 4].map(|()| buffer.wants_detail()), [true, true, false, false]);
        buffer.take();
        assert!(buffer.wants_detail());
    }
}
