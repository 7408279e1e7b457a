//! What a page has buttons for, as actions of a scenario, and back.

use super::messages::Hand;
use crate::ids::NodeId;
use crate::scenario::{Act, Action};

/// How long a broker is away that is restarted by hand.
const DOWN_US: u64 = 5_000_000;

/// The action that does it then.
pub(super) fn action(at_us: u64, lane: Option<u32>, hand: &Hand) -> Action {
    Action { at_us, lane, act: act(hand), ..Action::default() }
}

fn act(hand: &Hand) -> Act {
    match hand {
        Hand::KillBroker(node) => Act::KillBroker { node: number(*node), down_us: None },
        Hand::RestartBroker(node) => Act::RestartBroker { node: number(*node), down_us: DOWN_US },
        Hand::StartBroker(node) => Act::StartBroker { node: number(*node) },
        Hand::PauseBroker(node) => Act::PauseBroker { node: number(*node), for_us: None },
        Hand::ResumeBroker(node) => Act::ResumeBroker { node: number(*node) },
        Hand::SlowBroker(node, times) => Act::SlowBroker { node: number(*node), times: *times },
        Hand::PauseProducer(producer, for_us) => Act::PauseProducer { producer: *producer, for_us: *for_us },
        Hand::Message(name, fate) => Act::strike(name, fate.clone()),
    }
}

/// The button that does what an action does; `None`: there is none.
pub(super) fn hand(act: &Act) -> Option<Hand> {
    Some(match act {
        Act::KillBroker { node, .. } => Hand::KillBroker(id(*node)),
        Act::RestartBroker { node, .. } => Hand::RestartBroker(id(*node)),
        Act::StartBroker { node } => Hand::StartBroker(id(*node)),
        Act::PauseBroker { node, .. } => Hand::PauseBroker(id(*node)),
        Act::ResumeBroker { node } => Hand::ResumeBroker(id(*node)),
        Act::SlowBroker { node, times } => Hand::SlowBroker(id(*node), *times),
        Act::PauseProducer { producer, for_us } => Hand::PauseProducer(*producer, *for_us),
        Act::Strike { fate, .. } => Hand::Message(act.message()?, fate.clone()),
        _ => return None,
    })
}

fn number(node: NodeId) -> u32 {
    u32::try_from(node.0).unwrap_or(0)
}

fn id(node: u32) -> NodeId {
    NodeId(i32::try_from(node).unwrap_or(i32::MAX))
}
