//! The brokers with a lamp each, and the producers' processes.

use producer_core::ids::NodeId;
use producer_core::player::messages::{BrokerView, Hand, LaneView};
use producer_core::trace::BrokerState;
use yew::prelude::*;

use super::shown::Shown;
use super::texts;
use super::theatre::Theatre;
use super::wording;
use crate::format;
use crate::texts::{Language, fill};

/// How long a process may be stopped at a click, in microseconds.
const PAUSES: [u64; 3] = [1_000_000, 5_000_000, 30_000_000];
/// How many times slower a broker becomes.
const SLOWER: u32 = 10;

/// The lists.
pub(super) fn brokers(shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let Some(lane) = shown.lane() else { return Html::default() };
    let producers = shown.opened().map_or(1, |opened| opened.producers);
    html! {
        <ul class="demo-brokers">
            { for lane.brokers.iter().map(|broker| row(broker, shown, theatre, language)) }
            { for (0..producers).map(|producer| process(producer, lane, shown, theatre, language)) }
        </ul>
    }
}

fn act(shown: &Shown, theatre: &Theatre, hand: Hand) -> Callback<MouseEvent> {
    let (theatre, lane) = (theatre.clone(), shown.chosen.lane);
    Callback::from(move |_| theatre.act(lane, hand.clone()))
}

fn row(broker: &BrokerView, shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let BrokerView { node, state, is_fenced, leads } = *broker;
    let lever = |test_id: &'static str, word: &'static str, hand: fn(NodeId) -> Hand| {
        html! { <button class="plain" data-test-id={test_id} onclick={act(shown, theatre, hand(node))}>{ word }</button> }
    };
    let levers = match state {
        BrokerState::Running => html! {
            <>
                { lever("kill", t.kill, Hand::KillBroker) }
                { lever("restart", t.restart, Hand::RestartBroker) }
                { lever("pause-broker", t.pause_broker, Hand::PauseBroker) }
                { match is_slow(shown, node) {
                    true => lever("slow-no-more", t.slow_no_more, |node| Hand::SlowBroker(node, 1)),
                    false => lever("slow", t.slow, |node| Hand::SlowBroker(node, SLOWER)),
                } }
            </>
        },
        BrokerState::Paused => html! {
            <>{ lever("resume", t.resume, Hand::ResumeBroker) }{ lever("kill", t.kill, Hand::KillBroker) }</>
        },
        BrokerState::Stopped | BrokerState::Killed => lever("start", t.start, Hand::StartBroker),
        BrokerState::ShuttingDown | BrokerState::Starting => Html::default(),
    };
    let code = format!("{state:?}").to_lowercase();
    html! {
        <li key={node.0} data-test-id="broker" data-node={node.to_string()} data-state={code.clone()} data-leads={leads.to_string()}>
            <span class="demo-broker">
                <i class={format!("lamp is-{code}")} aria-hidden="true" />
                <b>{ fill(language.texts().who_broker, &[&node]) }</b>
                <span class="caption">
                    { wording::state(state, t) }{ " · " }{ fill(t.broker_leads, &[&leads]) }
                    if is_fenced { { " · " }{ t.broker_fenced } }
                </span>
            </span>
            <span class="demo-buttons">{ levers }</span>
        </li>
    }
}

/// As the newest deed before the playhead has it, in the lane that is looked at.
fn is_slow(shown: &Shown, node: NodeId) -> bool {
    let is_here = |lane: Option<u32>| lane.is_none_or(|lane| lane as usize == shown.chosen.lane);
    let done = shown.view.deeds.iter().filter(|deed| deed.at_us <= shown.view.now_us && is_here(deed.lane));
    let of_it = done.filter_map(|deed| match deed.hand {
        Hand::SlowBroker(of, times) if of == node => Some((deed.at_us, times)),
        _ => None,
    });
    of_it.max_by_key(|(at_us, _)| *at_us).is_some_and(|(_, times)| times > 1)
}

fn process(producer: u32, lane: &LaneView, shown: &Shown, theatre: &Theatre, language: Language) -> Html {
    let t = texts::of(language);
    let paused = lane.paused.iter().find(|(paused, _)| *paused == producer);
    let pauses = PAUSES.map(|for_us| {
        let hand = Hand::PauseProducer(producer, for_us);
        html! {
            <button class="plain" data-test-id="pause-client" onclick={act(shown, theatre, hand)}>{ fill(t.seconds, &[&(for_us / 1_000_000)]) }</button>
        }
    });
    html! {
        <li data-test-id="process" data-paused={paused.is_some().to_string()}>
            <span class="demo-broker">
                <b>{ fill(t.producer_n, &[&(producer + 1)]) }</b>
                <span class="caption">{ match paused {
                    Some((_, until_us)) => fill(t.client_paused, &[&format::millis(*until_us)]),
                    None => t.client_pause.to_owned(),
                } }</span>
            </span>
            <span class="demo-buttons" role="group" aria-label={t.client_pause}>{ for pauses }</span>
        </li>
    }
}
