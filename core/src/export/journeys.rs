//! The way of each record from `send()` to the moment its program learns its fate.

use std::collections::BTreeMap;

use crate::ids::{BatchId, ProducerIndex};
use crate::trace::{Fact, SplitBatch, TraceEvent};

/// A record on its way, or several that were appended without detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Journey(usize);

impl Journey {
    /// A number that no other journey of this trace has.
    pub(super) const fn number(self) -> usize {
        self.0
    }
}

/// What a fact is to a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leg {
    /// It begins.
    Start,
    /// It goes on.
    Step,
    /// It is over.
    End,
}

/// Where journeys begin, go on and end: by the places of facts. Only those with both a beginning and an end are told.
pub(super) fn journeys(events: &[&TraceEvent]) -> BTreeMap<usize, Vec<(Journey, Leg)>> {
    let mut under_way = UnderWay::default();
    for (place, event) in events.iter().enumerate() {
        under_way.take(place, event);
    }
    let mut legs: BTreeMap<usize, Vec<(Journey, Leg)>> = BTreeMap::new();
    for (number, found) in under_way.found.into_iter().enumerate() {
        let Some(end) = found.end.or(found.told) else { continue };
        let steps = found.steps.into_iter().filter(|step| *step < end).map(|step| (step, Leg::Step));
        for (place, leg) in [(found.start, Leg::Start), (end, Leg::End)].into_iter().chain(steps) {
            legs.entry(place).or_default().push((Journey(number), leg));
        }
    }
    legs
}

/// What is known of a journey.
struct Found {
    start: usize,
    steps: Vec<usize>,
    /// Where its batch met its fate: the end, where no callback ran and no `get()` returned.
    told: Option<usize>,
    end: Option<usize>,
}

#[derive(Default)]
struct UnderWay {
    found: Vec<Found>,
    /// Journeys by the batch that carries them now, each with its place in it.
    carried: BTreeMap<(ProducerIndex, BatchId), Vec<(u32, usize)>>,
    by_ordinal: BTreeMap<(ProducerIndex, u64), usize>,
}

impl UnderWay {
    fn take(&mut self, place: usize, event: &TraceEvent) {
        let producer = event.producer;
        match &event.what {
            Fact::Appended { ordinal, batch, index, .. }
            | Fact::AppendedMany { first_ordinal: ordinal, batch, first_index: index, .. } => {
                self.by_ordinal.insert((producer, *ordinal), self.found.len());
                self.carried.entry((producer, *batch)).or_default().push((*index, self.found.len()));
                self.found.push(Found { start: place, steps: Vec::new(), told: None, end: None });
            }
            Fact::BatchSplit { batch, children } => self.split(producer, *batch, children),
            Fact::RequestSent { batches, .. } => {
                for batch in batches {
                    self.each(producer, *batch, |found| found.steps.push(place));
                }
            }
            Fact::BatchAcked { batch, .. } | Fact::BatchFailed { batch, .. } => {
                self.each(producer, *batch, |found| found.told = found.told.or(Some(place)));
            }
            Fact::CallbacksRan { batch, .. } => {
                self.each(producer, *batch, |found| found.end = found.end.or(Some(place)));
                self.carried.remove(&(producer, *batch));
            }
            Fact::GetReturned { ordinal } => {
                if let Some(number) = self.by_ordinal.remove(&(producer, *ordinal)) {
                    let found = &mut self.found[number];
                    found.end = found.end.or(Some(place));
                }
            }
            _ => {}
        }
    }

    fn each(&mut self, producer: ProducerIndex, batch: BatchId, mut then: impl FnMut(&mut Found)) {
        for &(_, number) in self.carried.get(&(producer, batch)).into_iter().flatten() {
            then(&mut self.found[number]);
        }
    }

    /// The children carry the parent's records, in order.
    fn split(&mut self, producer: ProducerIndex, parent: BatchId, children: &[SplitBatch]) {
        let records = self.carried.remove(&(producer, parent)).unwrap_or_default();
        let mut first = 0;
        for child in children {
            let its_own = records.iter().filter(|(index, _)| (first..first + child.records).contains(index));
            let its_own = its_own.map(|&(index, number)| (index - first, number)).collect();
            self.carried.insert((producer, child.batch), its_own);
            first += child.records;
        }
    }
}
