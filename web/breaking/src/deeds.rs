//! What is done to a world, and what becomes of its brokers: the part of a story that no fact of the producer tells.

use producer_core::breaking::messages::Step;
use producer_core::scenario::{Act, Words};
use producer_core::trace::{BrokerState, Fact};

use crate::words::{number, pair};

/// Seconds or milliseconds, as a person would say it.
fn time(us: u64) -> [String; 2] {
    if us >= 10_000_000 {
        let [en, ko] = number(us / 1_000_000);
        [format!("{en} s"), format!("{ko}초")]
    } else {
        let [en, ko] = number(us / 1_000);
        [format!("{en} ms"), format!("{ko} ms")]
    }
}

fn of_broker(node: impl core::fmt::Display) -> Words {
    pair(format!("broker {node}"), format!("broker {node}"))
}

/// `all of them`, `of broker 2`.
fn whose(node: Option<u32>) -> [String; 2] {
    match node {
        Some(node) => [format!("broker {node}"), format!("broker {node}")],
        None => ["all brokers".to_owned(), "모든 broker".to_owned()],
    }
}

/// An action of a drawn world; of any other there is nothing to say.
pub(crate) fn done(at_us: u64, act: &Act) -> Option<Step> {
    let fault = || pair("fault", "장애");
    let (who, what) = match act {
        Act::CutConnections { node, .. } => {
            let [en, ko] = whose(*node);
            (fault(), pair(format!("the connections to {en} are cut"), format!("{ko}와의 연결을 끊음")))
        }
        Act::RestartBroker { node, down_us } => {
            let [en, ko] = time(*down_us);
            let what = pair(
                format!("broker {node} is stopped as an operator would, and starts again {en} later"),
                format!("broker {node} 정상 종료 시작, {ko} 뒤 다시 시작"),
            );
            (fault(), what)
        }
        Act::KillBroker { node, down_us } => {
            let what = match down_us.map(time) {
                Some([en, ko]) => pair(
                    format!("broker {node} is killed (SIGKILL), and starts again {en} later"),
                    format!("broker {node} 강제 종료 (SIGKILL), {ko} 뒤 다시 시작"),
                ),
                None => {
                    pair(format!("broker {node} is killed (SIGKILL)"), format!("broker {node} 강제 종료 (SIGKILL)"))
                }
            };
            (fault(), what)
        }
        Act::PauseProducer { for_us, .. } => {
            let [en, ko] = time(*for_us);
            let what = pair(
                format!("the producer's process stands still for {en}, as in a long garbage collection"),
                format!("producer의 process가 {ko} 동안 멈춤 (긴 GC처럼)"),
            );
            (fault(), what)
        }
        Act::PauseBroker { node, for_us } => {
            let what = match for_us.map(time) {
                Some([en, ko]) => pair(
                    format!("broker {node} stands still for {en} (SIGSTOP), its connections open"),
                    format!("broker {node} {ko} 동안 멈춤 (SIGSTOP), 연결은 열린 채"),
                ),
                None => pair(format!("broker {node} stands still (SIGSTOP)"), format!("broker {node} 멈춤 (SIGSTOP)")),
            };
            (fault(), what)
        }
        Act::MoveLeader { topic, partition, to } => {
            let what = pair(
                format!("broker {to} is made the leader of {topic}-{partition}"),
                format!("{topic}-{partition}의 leader를 broker {to}(으)로 옮김"),
            );
            (fault(), what)
        }
        Act::SplitProducer { node, for_us, .. } => {
            let ([en, ko], [en_time, ko_time]) = (whose(*node), time(*for_us));
            let what = pair(
                format!("nothing passes between the producer and {en} for {en_time}"),
                format!("producer와 {ko} 사이가 {ko_time} 동안 끊김"),
            );
            (fault(), what)
        }
        Act::ShrinkIsr { topic, partition, node, for_us } => {
            let [en, ko] = for_us.map(time).unwrap_or_default();
            let what = pair(
                format!("broker {node} stops copying {topic}-{partition} for {en}"),
                format!("broker {node}의 {topic}-{partition} 복제가 {ko} 동안 멈춤"),
            );
            (fault(), what)
        }
        _ => return None,
    };
    Some(Step::Told { at_us, who, what, is_trouble: true })
}

/// What became of a broker or of the copies of a partition; of other facts the page has its own words.
pub(crate) fn became(at_us: u64, fact: &Fact) -> Option<Step> {
    let (who, what, is_trouble) = match fact {
        Fact::BrokerChanged { node, state } => {
            let (en, ko, is_trouble) = match state {
                BrokerState::Running => ("runs again", "다시 실행 중", false),
                BrokerState::ShuttingDown => (
                    "shuts down: its partitions move to other brokers first",
                    "종료 중: partition을 먼저 다른 broker로 넘김",
                    true,
                ),
                BrokerState::Stopped => ("is down", "중지됨", true),
                BrokerState::Killed => ("is dead", "죽음", true),
                BrokerState::Paused => ("stands still", "멈춤", true),
                BrokerState::Starting => ("starts", "시작 중", false),
            };
            (of_broker(node), pair(en, ko), is_trouble)
        }
        Fact::BrokerFenced { node, fenced: true } => {
            let what = pair(
                format!("broker {node} is missed and may lead nothing"),
                format!("broker {node} 응답 없음: leader가 될 수 없음"),
            );
            (pair("controller", "controller"), what, true)
        }
        Fact::IsrChanged { partition, isr, .. } => {
            let nodes: Vec<String> = isr.iter().map(ToString::to_string).collect();
            let nodes = nodes.join(", ");
            let what = pair(
                format!("the in-sync replicas of {partition} are {nodes}"),
                format!("{partition}의 in-sync replica: {nodes}"),
            );
            (pair("controller", "controller"), what, false)
        }
        Fact::LogTruncated { node, partition, end_offset } => {
            let what = pair(
                format!("gives up what the leader of {partition} does not have: its copy ended at @{end_offset}"),
                format!("{partition}의 leader에 없는 record를 버림 (사본의 끝: @{end_offset})"),
            );
            (of_broker(node), what, true)
        }
        _ => return None,
    };
    Some(Step::Told { at_us, who, what, is_trouble })
}
