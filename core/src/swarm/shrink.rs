//! The smallest scenario that is broken in the same way.

use crate::scenario::check::check as is_in_bounds;
use crate::scenario::{Act, Action, Caller, Scenario};

/// Leaves out and halves whatever is not needed for `is_broken`, which is asked at most `most` times.
pub fn shrink(scenario: &Scenario, most: u32, mut is_broken: impl FnMut(&Scenario) -> bool) -> Scenario {
    let mut best = scenario.clone();
    let mut left = most;
    loop {
        let mut has_shrunk = false;
        for step in STEPS {
            let mut place = 0;
            while left > 0 {
                let mut smaller = best.clone();
                if !step(&mut smaller, place) {
                    break;
                }
                // What is left may refer to what is gone.
                if smaller == best || is_in_bounds(&mut smaller.clone()).is_err() {
                    place += 1;
                    continue;
                }
                left -= 1;
                if is_broken(&smaller) {
                    (best, has_shrunk) = (smaller, true);
                } else {
                    place += 1;
                }
            }
        }
        if !has_shrunk || left == 0 {
            return best;
        }
    }
}

/// Makes something smaller at this place; `false`: there is no such place.
type Step = fn(&mut Scenario, usize) -> bool;

const STEPS: [Step; 9] = [
    |scenario, at| without(&mut scenario.actions, at),
    |scenario, at| without(&mut scenario.rules, at),
    without_producer,
    |scenario, at| in_lists(scenario.producers.iter_mut().map(|producer| &mut producer.callers), at),
    |scenario, at| in_lists(callers(scenario).map(|caller| &mut caller.loads), at),
    |scenario, at| without(&mut scenario.topics, at),
    halve,
    without_threads,
    |scenario, at| in_lists(scenario.producers.iter_mut().map(|producer| &mut producer.properties.0), at),
];

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
        | Act::JumpClock { producer, .. } => *producer == gone,
        _ => false,
    }
}

fn halve(scenario: &mut Scenario, at: usize) -> bool {
    let by_action = scenario.actions.iter_mut().filter_map(|action| match &mut action.act {
        Act::Send { load, .. } => Some(load),
        _ => None,
    });
    let callers = scenario.producers.iter_mut().flat_map(|producer| &mut producer.callers);
    let mut loads = callers.flat_map(|caller| &mut caller.loads).chain(by_action);
    loads.nth(at).map(|load| load.count = load.count.div_ceil(2)).is_some()
}

fn without_threads(scenario: &mut Scenario, at: usize) -> bool {
    callers(scenario).nth(at).map(|caller| caller.threads = 1).is_some()
}
