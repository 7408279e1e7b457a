//! What happens when: timed actions, and those that wait for something.

use core::time::Duration;
use std::collections::BTreeMap;

use super::Stage;
use super::acts::Step;
use crate::ids::ProducerIndex;
use crate::scenario::{Action, Moment};
use crate::simulation::BellId;
use crate::time::Instant;
use crate::trace::{Fact, TraceEvent};

/// Something that is waited for.
#[derive(Clone, Debug)]
struct Watch {
    moment: Moment,
    /// What counts its messages.
    bell: Option<BellId>,
    /// How often what it counts was seen.
    seen: u64,
    /// How often it may still happen.
    left: u32,
    /// So long after it.
    after: Duration,
    step: Step,
}

/// Everything that is still to happen.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    due: BTreeMap<(Instant, u64), Step>,
    watches: Vec<Watch>,
    written: u64,
}

impl Script {
    /// Takes an action of a scenario that begins then; `bell` counts the messages that it waits for.
    pub(super) fn add(&mut self, action: &Action, begins: Instant, bell: Option<BellId>) {
        let step = Step::Act(Box::new(action.act.clone()));
        let at = Duration::from_micros(action.at_us);
        match &action.when {
            Some(moment) => {
                let watch = Watch { moment: moment.clone(), bell, seen: 0, left: action.times, after: at, step };
                self.watches.push(watch);
            }
            None => {
                for time in 0..u64::from(action.times) {
                    self.at(begins + at + Duration::from_micros(action.every_us.saturating_mul(time)), step.clone());
                }
            }
        }
    }

    /// Has something happen then.
    pub(super) fn at(&mut self, at: Instant, step: Step) {
        self.due.insert((at, self.written), step);
        self.written += 1;
    }

    /// When the next thing happens.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first_key_value().map(|(&(at, _), _)| at)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Step> {
        let entry = self.due.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// Is anything to come that is no program's ordinary doing?
    #[cfg(feature = "swarm")]
    pub(super) fn is_to_disturb(&self) -> bool {
        let watched = self.watches.iter().map(|watch| &watch.step);
        watched.chain(self.due.values()).any(|step| match step {
            Step::Act(act) => {
                use crate::scenario::Act;
                !matches!(**act, Act::Nothing {} | Act::Send { .. } | Act::Flush { .. } | Act::Close { .. })
            }
            Step::Undo(_) => true,
        })
    }

    pub(super) fn waits(&self) -> bool {
        !self.watches.is_empty()
    }
}

impl Stage {
    /// Looks whether something has happened that was waited for.
    pub(super) fn look_around(&mut self, news: &[TraceEvent]) {
        let mut script = core::mem::take(&mut self.script);
        let now = self.simulation.now().instant();
        for watch in &mut script.watches {
            let times = self.times_seen(watch, news);
            let before = core::mem::replace(&mut watch.seen, times);
            let nth = nth(&watch.moment);
            // From the nth on, each time counts.
            let due = times.saturating_sub(nth - 1).saturating_sub(before.saturating_sub(nth - 1));
            for _ in 0..due.min(u64::from(watch.left)) {
                watch.left -= 1;
                script.due.insert((now + watch.after, script.written), watch.step.clone());
                script.written += 1;
            }
        }
        script.watches.retain(|watch| watch.left > 0);
        // What was scheduled meanwhile stands there already.
        self.script = script;
    }

    /// How often this has been seen in all.
    fn times_seen(&self, watch: &Watch, news: &[TraceEvent]) -> u64 {
        let before = watch.seen;
        let counts = |producer: u32| self.simulation.clients()[producer as usize].application().counts();
        let clients = self.simulation.clients().len();
        let is_of = |index: ProducerIndex, producer: u32| index.0 as usize % clients == producer as usize;
        match &watch.moment {
            Moment::Message { .. } => watch.bell.map_or(0, |bell| self.simulation.bell(bell)),
            Moment::Acked { producer, .. } => counts(*producer).acked,
            Moment::Failed { producer, .. } => counts(*producer).failed,
            Moment::Sent { producer, .. } => counts(*producer).sent,
            Moment::Retried { producer, .. } => {
                let is_meant = |event: &&TraceEvent| {
                    matches!(event.what, Fact::BatchRetried { .. }) && is_of(event.producer, *producer)
                };
                before + news.iter().filter(is_meant).count() as u64
            }
            Moment::Appended { topic, partition, .. } => {
                let is_meant = |event: &&TraceEvent| {
                    let Fact::LogAppended { partition: log, .. } = &event.what else { return false };
                    (topic.is_empty() || *topic == log.topic)
                        && partition.is_none_or(|partition| i64::from(partition) == i64::from(log.partition))
                };
                before + news.iter().filter(is_meant).count() as u64
            }
            Moment::AllSent { producer } => {
                u64::from(self.simulation.clients()[*producer as usize].application().has_sent_all())
            }
            Moment::Settled { producer } => {
                u64::from(self.simulation.clients()[*producer as usize].application().is_settled())
            }
        }
    }
}

/// From the how-manieth time on it counts.
fn nth(moment: &Moment) -> u64 {
    match moment {
        Moment::Message { nth, .. } => u64::from(*nth),
        Moment::Acked { nth, .. }
        | Moment::Failed { nth, .. }
        | Moment::Sent { nth, .. }
        | Moment::Retried { nth, .. }
        | Moment::Appended { nth, .. } => *nth,
        Moment::AllSent { .. } | Moment::Settled { .. } => 1,
    }
    .max(1)
}
