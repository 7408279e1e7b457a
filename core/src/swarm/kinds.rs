//! What can go wrong, by name, so that it can be counted.

use std::collections::BTreeSet;

use crate::scenario::{Act, Direction, Fate, InCallback, Rule, Scenario};

/// Every kind of fault that is drawn.
pub const KINDS: [&str; 44] = [
    "add partitions",
    "break an answer",
    "break a request",
    "callback flushes",
    "callback sends",
    "callback sleeps",
    "callback throws",
    "callback waits for ever",
    "close",
    "conditional action",
    "cut connections",
    "delay an answer",
    "delay a request",
    "delete topic",
    "error after the write",
    "error instead of the write",
    "exit",
    "fail disk",
    "flush",
    "jump clock",
    "kill broker",
    "lose controller",
    "move leader",
    "pause broker",
    "pause producer",
    "re-create topic",
    "refuse connections",
    "repeat",
    "restart broker",
    "rule by action",
    "send again after a failure",
    "send more",
    "set bandwidth",
    "set latency",
    "set topic",
    "shrink ISR",
    "slow broker",
    "split brokers",
    "split producer",
    "stale metadata",
    "swallow an answer",
    "swallow a request",
    "throttle",
    "unreachable address",
];

/// The kinds of fault that a scenario has.
pub fn kinds(scenario: &Scenario) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::new();
    kinds.extend(scenario.rules.iter().filter_map(of_rule));
    for action in &scenario.actions {
        kinds.extend(of_act(&action.act));
        if let Act::AddRule { rule } = &action.act {
            kinds.extend(of_rule(rule));
        }
        kinds.extend(action.when.as_ref().map(|_| "conditional action"));
        kinds.extend((action.times > 1).then_some("repeat"));
    }
    for caller in scenario.producers.iter().flat_map(|producer| &producer.callers) {
        kinds.extend(of_callback(&caller.callback));
        kinds.extend((caller.sends_again > 0).then_some("send again after a failure"));
    }
    kinds
}

fn of_rule(rule: &Rule) -> Option<&'static str> {
    let is_request = rule.on.direction == Direction::Request;
    let either = |request, answer| Some(if is_request { request } else { answer });
    match rule.fate {
        Fate::Pass {} => None,
        Fate::Break {} => either("break a request", "break an answer"),
        Fate::Swallow {} => either("swallow a request", "swallow an answer"),
        Fate::Delay { .. } => either("delay a request", "delay an answer"),
        Fate::Error { .. } => either("error instead of the write", "error after the write"),
        Fate::Throttle { .. } => Some("throttle"),
    }
}

fn of_callback(callback: &InCallback) -> Option<&'static str> {
    match callback {
        InCallback::Sleep { .. } => Some("callback sleeps"),
        InCallback::Send { .. } => Some("callback sends"),
        InCallback::Throw {} => Some("callback throws"),
        InCallback::Get {} => Some("callback waits for ever"),
        InCallback::Flush {} => Some("callback flushes"),
        InCallback::Return {} => None,
    }
}

fn of_act(act: &Act) -> Option<&'static str> {
    Some(match act {
        Act::RestartBroker { .. } => "restart broker",
        Act::KillBroker { .. } => "kill broker",
        Act::PauseBroker { .. } => "pause broker",
        Act::SlowBroker { .. } => "slow broker",
        Act::FailDisk { .. } => "fail disk",
        Act::MoveLeader { .. } => "move leader",
        Act::ShrinkIsr { .. } => "shrink ISR",
        Act::LoseController { .. } => "lose controller",
        Act::StaleMetadata { .. } => "stale metadata",
        Act::SplitBrokers { .. } => "split brokers",
        Act::SplitProducer { .. } => "split producer",
        Act::CutConnections { .. } => "cut connections",
        Act::RefuseConnections { .. } => "refuse connections",
        Act::UnreachableAddress { .. } => "unreachable address",
        Act::SetLatency { .. } => "set latency",
        Act::SetBandwidth { .. } => "set bandwidth",
        Act::AddRule { .. } => "rule by action",
        Act::RecreateTopic { .. } => "re-create topic",
        Act::DeleteTopic { .. } => "delete topic",
        Act::AddPartitions { .. } => "add partitions",
        Act::SetTopic { .. } => "set topic",
        Act::PauseProducer { .. } => "pause producer",
        Act::JumpClock { .. } => "jump clock",
        // What every scenario ends with is no fault.
        Act::Send { load, .. } if load.count != super::draw::PROBE => "send more",
        Act::Flush { .. } => "flush",
        Act::Close { timeout_us: Some(_), .. } => "close",
        Act::Exit { .. } => "exit",
        _ => return None,
    })
}
