//! Messages on their way, and what may be done to each.

use producer_core::error::ErrorCode;
use producer_core::ids::Direction;
use producer_core::player::messages::{Hand, MessageView};
use producer_core::protocol::ApiKey;
use producer_core::scenario::Fate;
use producer_core::simulation::MessageName;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::shown::Shown;
use super::texts;
use super::theatre::Theatre;
use super::wording::{kind, message};
use crate::format;
use crate::icons::{Glyph, icon};
use crate::texts::{Language, fill};

/// Delays at a click, in microseconds.
const DELAYS: [u64; 3] = [100_000, 1_000_000, 3_000_000];
/// What a broker may say to a request without acting upon it: those that lead to different things.
const INSTEAD: [ErrorCode; 12] = [
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::MESSAGE_TOO_LARGE,
    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode::UNKNOWN_PRODUCER_ID,
    ErrorCode::INVALID_PRODUCER_EPOCH,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::TOPIC_AUTHORIZATION_FAILED,
    ErrorCode::INVALID_TIMESTAMP,
];

/// Properties of [`Messages`].
#[derive(Properties)]
pub(super) struct MessagesProps {
    pub(super) shown: Shown,
    pub(super) theatre: Theatre,
    pub(super) language: Language,
}

impl PartialEq for MessagesProps {
    fn eq(&self, other: &Self) -> bool {
        std::rc::Rc::ptr_eq(&self.shown.view, &other.shown.view)
            && self.shown.chosen == other.shown.chosen
            && self.language == other.language
    }
}

/// The list. A message that is picked stays picked by its name, also when it is gone.
#[component]
pub(super) fn Messages(props: &MessagesProps) -> Html {
    let t = texts::of(props.language);
    let picked = use_state_eq(|| None::<MessageName>);
    let Some(lane) = props.shown.lane() else { return Html::default() };
    let is_gone = picked.filter(|name| !lane.messages.iter().any(|message| message.name == *name));
    let pick = |name: MessageName| {
        let picked = picked.clone();
        Callback::from(move |_: MouseEvent| picked.set(if *picked == Some(name) { None } else { Some(name) }))
    };
    html! {
        <div class="demo-messages">
            if let Some(name) = is_gone {
                <p class="notice" role="status" data-test-id="message-gone">
                    <b>{ message(&name, t) }</b>{ " " }{ t.message_gone }
                    <button class="quiet" onclick={pick(name)} aria-label={props.language.texts().dismiss}>{ icon(Glyph::Close) }</button>
                </p>
            }
            if lane.messages.is_empty() { <p class="caption">{ t.messages_none }</p> }
            <ul>
                { for lane.messages.iter().map(|message| row(message, *picked == Some(message.name), pick(message.name), props)) }
            </ul>
            if lane.more_messages > 0 { <p class="caption">{ fill(t.messages_more, &[&lane.more_messages]) }</p> }
        </div>
    }
}

fn row(view: &MessageView, is_picked: bool, pick: Callback<MouseEvent>, props: &MessagesProps) -> Html {
    let t = texts::of(props.language);
    let name = view.name;
    let is_request = name.direction == Direction::ToBroker;
    let template = if is_request { t.message_to } else { t.message_from };
    let words = fill(template, &[&format!("{:?}", name.api), &name.ordinal, &view.node]);
    let arrives = match view.arrives_us {
        Some(at) => fill(t.message_arrives, &[&format::millis(at.saturating_sub(props.shown.view.now_us))]),
        None => t.message_stuck.to_owned(),
    };
    let connection = fill(t.message_correlated, &[&(name.connection.0 + 1), &view.correlation]);
    html! {
        <li key={format!("{name}")} class={classes!("demo-message", is_picked.then_some("is-picked"))} data-test-id="message"
            data-api={format!("{:?}", name.api)} data-direction={if is_request { "request" } else { "answer" }} data-ordinal={name.ordinal.to_string()}>
            <button class="demo-pick" data-test-id="message-pick" aria-expanded={is_picked.to_string()} onclick={pick}>
                <span class={if is_request { "demo-packet" } else { "demo-packet is-answer" }}>{ kind(&name, t) }</span>
                <b>{ words }</b>
                <span class="caption">{ connection }{ " · " }{ arrives }</span>
            </button>
            if is_picked { { levers(name, props) } }
        </li>
    }
}

/// What may be done to it, each with what follows.
fn levers(name: MessageName, props: &MessagesProps) -> Html {
    let t = texts::of(props.language);
    let act = |name: MessageName, fate: Fate| {
        let (theatre, lane) = (props.theatre.clone(), props.shown.chosen.lane);
        Callback::from(move |_: MouseEvent| theatre.act(lane, Hand::Message(name, fate.clone())))
    };
    let lever = |test_id: &'static str, word: &'static str, follows: &'static str, on: Callback<MouseEvent>| {
        html! {
            <button class="plain" data-test-id={test_id} onclick={on}><b>{ word }</b><span class="caption">{ follows }</span></button>
        }
    };
    let is_request = name.direction == Direction::ToBroker;
    let answer = MessageName { direction: Direction::ToClient, ..name };
    let breaks = match (is_request, name.api) {
        (true, ApiKey::Produce) => html! {
            <>
                { lever("break-before", t.break_before, t.break_before_text, act(name, Fate::Break {})) }
                { lever("break-after", t.break_after, t.break_after_text, act(answer, Fate::Break {})) }
            </>
        },
        _ => lever(
            "break-answer",
            t.break_answer,
            if is_request { "" } else { t.break_answer_text },
            act(name, Fate::Break {}),
        ),
    };
    let delays = DELAYS.map(|by_us| {
        let word = match by_us {
            1_000_000.. => fill(t.seconds, &[&(by_us / 1_000_000)]),
            _ => fill(t.millis, &[&(by_us / 1_000)]),
        };
        html! { <button class="plain" data-test-id="delay" onclick={act(name, Fate::Delay { by_us })}>{ word }</button> }
    });
    let tells_of_a_write = is_request || name.api == ApiKey::Produce;
    html! {
        <div class="demo-levers">
            { breaks }
            { lever("swallow", t.swallow, t.swallow_text, act(name, Fate::Swallow {})) }
            <div role="group" aria-label={t.delay}><b>{ t.delay }</b>{ for delays }<span class="caption">{ t.delay_text }</span></div>
            if tells_of_a_write { <Answer {name} theatre={props.theatre.clone()} lane={props.shown.chosen.lane} language={props.language} /> }
        </div>
    }
}

/// Properties of [`Answer`].
#[derive(Properties, PartialEq)]
struct AnswerProps {
    name: MessageName,
    theatre: Theatre,
    lane: usize,
    language: Language,
}

/// Another answer, chosen from a list.
#[component]
fn Answer(props: &AnswerProps) -> Html {
    let t = texts::of(props.language);
    let is_request = props.name.direction == Direction::ToBroker;
    let offered: &[ErrorCode] = if is_request { &INSTEAD } else { &ErrorCode::AFTER_A_WRITE };
    let chosen = use_state_eq(|| offered[0]);
    let onchange = {
        let chosen = chosen.clone();
        Callback::from(move |event: Event| {
            let code = event.target_dyn_into::<HtmlSelectElement>().map(|select| select.value()).unwrap_or_default();
            if let Some(error) = offered.iter().find(|error| error.to_string() == code) {
                chosen.set(*error);
            }
        })
    };
    let act = {
        let (theatre, lane, name, error) = (props.theatre.clone(), props.lane, props.name, *chosen);
        let fate = Fate::Error { error, partition: None, delay_us: 0 };
        Callback::from(move |_: MouseEvent| theatre.act(lane, Hand::Message(name, fate.clone())))
    };
    html! {
        <div role="group" aria-label={t.error}>
            <b>{ t.error }</b>
            <select data-test-id="error-code" aria-label={t.error_code} {onchange}>
                { for offered.iter().map(|error| html! { <option value={error.to_string()} selected={*error == *chosen}>{ error.to_string() }</option> }) }
            </select>
            <button class="plain" data-test-id="answer-error" onclick={act}>{ t.do_it }</button>
            <span class="caption">{ if is_request { t.error_request_text } else { t.error_answer_text } }</span>
        </div>
    }
}
