//! The smallest scenario that is broken in the same way.
//!
//! Delta debugging (Zeller and Hildebrandt, TSE 2002) with steps that know what a scenario is made of: each leaves out or
//! makes less of one thing at one place. A step that leaves the scenario broken is kept, and all are tried again until
//! none is: then nothing that a step could take away is there in vain.

use super::check::check as is_in_bounds;
use super::{Act, Action, Arrival, Caller, Fate, Keys, Load, Moment, Scenario, Seed, Then, Value};

/// Makes something smaller at this place; `false`: there is no such place.
pub type Step = fn(&mut Scenario, usize) -> bool;

/// Steps that leave out parts: of each kind one.
pub const PARTS: &[Step] = &[
    |scenario, at| without(&mut scenario.actions, at),
    |scenario, at| without(&mut scenario.rules, at),
    without_producer,
    |scenario, at| in_lists(scenario.producers.iter_mut().map(|producer| &mut producer.callers), at),
    |scenario, at| in_lists(callers(scenario).map(|caller| &mut caller.loads), at),
    halve,
    without_threads,
];

/// Steps that leave out topics: whoever sends to one that is not there has it created.
pub const TOPICS: &[Step] = &[|scenario, at| without(&mut scenario.topics, at)];

/// Steps that leave out what was set of the producers.
pub const SETTINGS: &[Step] =
    &[|scenario, at| in_lists(scenario.producers.iter_mut().map(|producer| &mut producer.properties.0), at)];

/// Steps to the plainest world: no more records than needed, the earliest faults, the fewest brokers, no chance.
pub const PLAIN: &[Step] = &[
    |scenario, at| loads(scenario).nth(at).map(|load| load.count = (load.count - 1).max(1)).is_some(),
    |scenario, at| sooner(scenario, at, |nth| nth.div_ceil(2)),
    |scenario, at| sooner(scenario, at, |nth| nth.saturating_sub(1).max(1)),
    |scenario, at| scenario.actions.get_mut(at).map(|action| action.at_us = 0).is_some(),
    |scenario, at| scenario.actions.get_mut(at).map(|action| action.at_us /= 2).is_some(),
    shorter,
    plain_network,
    plain_cluster,
    |scenario, at| loads(scenario).nth(at).map(|load| load.arrival = Arrival::AtOnce {}).is_some(),
    |scenario, at| loads(scenario).nth(at).map(plain_keys).is_some(),
    |scenario, at| loads(scenario).nth(at).map(plain_value).is_some(),
    |scenario, at| callers(scenario).nth(at).map(|caller| caller.then = Then::Stay {}).is_some(),
    |scenario, at| callers(scenario).nth(at).map(|caller| caller.sends_again = 0).is_some(),
    |scenario, at| callers(scenario).nth(at).map(|caller| (caller.pace_us, caller.start_us) = (0, 0)).is_some(),
];

/// A search for the smallest scenario, one question at a time: [`candidate`](Self::candidate), then [`tell`](Self::tell).
#[derive(Clone, Debug)]
pub struct Shrinking {
    best: Scenario,
    candidate: Scenario,
    lists: &'static [&'static [Step]],
    step: usize,
    place: usize,
    has_shrunk: bool,
    left: u32,
}

impl Shrinking {
    /// Begins with a scenario that is broken; at most so many questions are asked.
    pub fn new(scenario: &Scenario, lists: &'static [&'static [Step]], most: u32) -> Self {
        let (best, candidate) = (scenario.clone(), Scenario::default());
        Self { best, candidate, lists, step: 0, place: 0, has_shrunk: false, left: most }
    }

    /// A smaller scenario: is it broken as well? `None`: there is none that has not been asked about.
    pub fn candidate(&mut self) -> Option<&Scenario> {
        while self.left > 0 {
            let Some(step) = self.lists.iter().copied().flatten().nth(self.step) else {
                if !self.has_shrunk {
                    return None;
                }
                (self.step, self.place, self.has_shrunk) = (0, 0, false);
                continue;
            };
            self.candidate.clone_from(&self.best);
            if !step(&mut self.candidate, self.place) {
                (self.step, self.place) = (self.step + 1, 0);
            // What is left may refer to what is gone.
            } else if self.candidate == self.best || is_in_bounds(&mut self.candidate.clone()).is_err() {
                self.place += 1;
            } else {
                self.left -= 1;
                return Some(&self.candidate);
            }
        }
        None
    }

    /// The answer for the last candidate.
    pub fn tell(&mut self, is_broken: bool) {
        if is_broken {
            core::mem::swap(&mut self.best, &mut self.candidate);
            self.has_shrunk = true;
        } else {
            self.place += 1;
        }
    }

    /// The smallest that is known to be broken.
    pub fn best(&self) -> &Scenario {
        &self.best
    }
}

/// Leaves out and halves whatever is not needed for `is_broken`, which is asked at most `most` times.
pub fn shrink(scenario: &Scenario, most: u32, mut is_broken: impl FnMut(&Scenario) -> bool) -> Scenario {
    let mut shrinking = Shrinking::new(scenario, &[PARTS, TOPICS, SETTINGS], most);
    while let Some(candidate) = shrinking.candidate() {
        let answer = is_broken(candidate);
        shrinking.tell(answer);
    }
    shrinking.best
}

fn without<T>(list: &mut Vec<T>, at: usize) -> bool {
    let is_there = at < list.len();
    if is_there {
        list.remove(at);
    }
    is_there
}

/// Leaves out one item of several lists, as if they were one.
fn in_lists<'a, T: 'a>(lists: impl Iterator<Item = &'a mut Vec<T>>, mut at: usize) -> bool {
    for list in lists {
        if at < list.len() {
            return without(list, at);
        }
        at -= list.len();
    }
    false
}

fn callers(scenario: &mut Scenario) -> impl Iterator<Item = &mut Caller> {
    scenario.producers.iter_mut().flat_map(|producer| &mut producer.callers)
}

/// Of programs first, then of actions.
fn loads(scenario: &mut Scenario) -> impl Iterator<Item = &mut Load> {
    let by_action = scenario.actions.iter_mut().filter_map(|action| match &mut action.act {
        Act::Send { load, .. } => Some(load),
        _ => None,
    });
    let callers = scenario.producers.iter_mut().flat_map(|producer| &mut producer.callers);
    callers.flat_map(|caller| &mut caller.loads).chain(by_action)
}

/// The last one goes; one before it falls silent.
fn without_producer(scenario: &mut Scenario, at: usize) -> bool {
    if at + 1 == scenario.producers.len() && at > 0 {
        let gone = u32::try_from(at).unwrap_or(u32::MAX);
        scenario.actions.retain(|action| !is_about(action, gone));
        scenario.producers.pop();
        return true;
    }
    let Some(producer) = scenario.producers.get_mut(at) else { return false };
    producer.callers.clear();
    true
}

fn is_about(action: &Action, gone: u32) -> bool {
    match &action.act {
        Act::Send { producer, .. }
        | Act::Flush { producer }
        | Act::Close { producer, .. }
        | Act::Exit { producer }
        | Act::PauseProducer { producer, .. }
        | Act::Strike { producer, .. }
        | Act::JumpClock { producer, .. } => *producer == gone,
        _ => false,
    }
}

fn halve(scenario: &mut Scenario, at: usize) -> bool {
    loads(scenario).nth(at).map(|load| load.count = load.count.div_ceil(2)).is_some()
}

fn without_threads(scenario: &mut Scenario, at: usize) -> bool {
    callers(scenario).nth(at).map(|caller| caller.threads = 1).is_some()
}

/// A fault that waits for the n-th of something waits for an earlier one: without it, records before are needed in vain.
fn sooner(scenario: &mut Scenario, at: usize, less: fn(u64) -> u64) -> bool {
    let less_of = |nth: &mut u32| *nth = u32::try_from(less((*nth).into())).unwrap_or(*nth);
    let rules = scenario.rules.len();
    if let Some(rule) = scenario.rules.get_mut(at) {
        less_of(&mut rule.nth);
        return true;
    }
    let Some(action) = scenario.actions.get_mut(at - rules) else { return false };
    match &mut action.when {
        Some(Moment::Message { nth, .. }) => less_of(nth),
        Some(
            Moment::Acked { nth, .. }
            | Moment::Failed { nth, .. }
            | Moment::Sent { nth, .. }
            | Moment::Retried { nth, .. }
            | Moment::Appended { nth, .. },
        ) => *nth = less(*nth),
        Some(Moment::AllSent { .. } | Moment::Settled { .. }) | None => {}
    }
    true
}

/// A fault that lasts half as long.
fn shorter(scenario: &mut Scenario, at: usize) -> bool {
    let rules = scenario.rules.len();
    if let Some(rule) = scenario.rules.get_mut(at) {
        if let Fate::Delay { by_us } = &mut rule.fate {
            *by_us = by_us.div_ceil(2);
        }
        return true;
    }
    let Some(action) = scenario.actions.get_mut(at - rules) else { return false };
    match &mut action.act {
        Act::RestartBroker { down_us: us, .. }
        | Act::KillBroker { down_us: Some(us), .. }
        | Act::PauseBroker { for_us: Some(us), .. }
        | Act::ShrinkIsr { for_us: Some(us), .. }
        | Act::PauseProducer { for_us: us, .. }
        | Act::SplitProducer { for_us: us, .. } => *us /= 2,
        _ => {}
    }
    true
}

fn plain_network(scenario: &mut Scenario, at: usize) -> bool {
    match at {
        0 => scenario.network.routes.clear(),
        1 => scenario.network.bandwidth_bytes_per_s = 0,
        2 => scenario.network.latency.jitter_us = 0,
        3 => scenario.cluster.between_brokers.jitter_us = 0,
        4 => scenario.warm = true,
        5 => scenario.seed = Seed::default(),
        _ => return false,
    }
    true
}

fn plain_cluster(scenario: &mut Scenario, at: usize) -> bool {
    let of_topics =
        |scenario: &mut Scenario, change: fn(&mut super::Topic)| scenario.topics.iter_mut().for_each(change);
    match at {
        0 => of_topics(scenario, |topic| topic.partitions = 1),
        1 => of_topics(scenario, |topic| topic.replication_factor = (topic.replication_factor - 1).max(1)),
        2 => of_topics(scenario, |topic| topic.settings.0.clear()),
        3 => {
            scenario.cluster.brokers = (scenario.cluster.brokers - 1).max(1);
            let most = scenario.cluster.brokers;
            scenario.topics.iter_mut().for_each(|topic| topic.replication_factor = topic.replication_factor.min(most));
        }
        _ => return false,
    }
    true
}

fn plain_keys(load: &mut Load) {
    if let Keys::List { keys } = &mut load.keys {
        keys.truncate(1);
    }
}

fn plain_value(load: &mut Load) {
    load.value = Value::default();
}
