//! The record to send, how the program waits for it, and how often.

use std::rc::Rc;

use producer_core::bridge::{Habit, World};
use producer_core::record::hexadecimal;
use producer_core::serializer::{Half, Serializer};
use web_sys::{HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};
use yew::prelude::*;

use super::problems::{Problems, class_word};
use crate::draft::{self, Destination, Draft, DraftError, Edit, HeaderDraft, Kind, Payload};
use crate::format;
use crate::icons::{Glyph, icon};
use crate::partition::{self, mark};
use crate::texts::{Language, Texts, fill};
use crate::view::View;

/// Numbers of records at a click.
const PRESETS: [u32; 5] = [1, 10, 100, 1_000, 100_000];

/// Properties of [`Composer`].
#[derive(Properties, PartialEq)]
pub(crate) struct ComposerProps {
    pub(crate) language: Language,
    /// What is being composed.
    pub(crate) draft: UseReducerHandle<Draft>,
    /// Where it would go.
    pub(crate) destination: Destination,
    /// The world it is for.
    pub(crate) view: View,
    /// Sends it.
    pub(crate) on_send: Callback<()>,
    /// Breaks off what is being sent.
    pub(crate) on_stop: Callback<()>,
    /// Allows writes to a real cluster.
    pub(crate) on_arm: Callback<()>,
    /// A topic was named for good.
    pub(crate) on_topic: Callback<Rc<str>>,
}

/// Can the draft be sent now?
pub(crate) fn can_send(draft: &Draft, view: &View) -> bool {
    let is_open = view.world.as_ref().is_some_and(|world| !matches!(world, World::Cluster { armed: false, .. }));
    is_open && view.link.is_up() && draft.count().is_ok() && draft.record().is_ok()
}

/// The left column.
#[component]
pub(crate) fn Composer(props: &ComposerProps) -> Html {
    let language = props.language;
    let t = language.texts();
    let draft = &props.draft;
    let problems = Problems::of(draft, language);
    let unarmed = match &props.view.world {
        Some(World::Cluster { armed: false, allowed_topics, .. }) => Some(allowed_topics),
        _ => None,
    };
    let edit_key = edit(draft, Edit::Key);
    let edit_value = edit(draft, Edit::Value);
    let send = props.on_send.reform(|_: MouseEvent| ());
    let arm = props.on_arm.reform(|_: MouseEvent| ());
    html! {
        <form class="composer" aria-label={t.composer} onsubmit={|event: SubmitEvent| event.prevent_default()}>
            <div class="composer-main">
                <div class="composer-head">
                    <label for="key">{ t.key }</label>
                    { kind_select("key-kind", t.kind_of_key, Kind::of_records(draft.key.kind), &draft.key, &edit_key, t) }
                    { serialised("key-bytes", &draft.key, language) }
                </div>
                <div class="composer-key">
                    { payload_input("key", None, &draft.key, &edit_key, key_hint(draft.key.kind, t)) }
                    if unarmed.is_some() {
                        <button type="button" class="primary" data-test-id="arm" disabled={!props.view.link.is_up()} onclick={arm}>{ t.arm }</button>
                    }
                    <button type="button" class={if unarmed.is_some() { "send" } else { "primary send" }} data-test-id="send"
                        disabled={!can_send(draft, &props.view)} onclick={send}>
                        { t.send }{ icon(Glyph::Arrow) }
                    </button>
                </div>
                { problems.at_half(Half::Key) }
                <div class="composer-chips">
                    { chip(props.destination, t) }
                    <span class="composer-note" data-test-id="key-note">{ note(draft, props.destination, t) }</span>
                    // Where nobody listens, nothing can be stopped.
                    if props.view.link.is_up() && props.view.ledger.is_long() {
                        <button type="button" class="plain stop" data-test-id="stop" title={t.stop_title}
                            onclick={props.on_stop.reform(|_: MouseEvent| ())}>{ icon(Glyph::Close) }{ t.stop }</button>
                    } else {
                        <kbd>{ t.send_shortcut }</kbd>
                    }
                </div>
                if let Some(topics) = unarmed {
                    <p class="notice">
                        { t.arm_explained }
                        if !topics.is_empty() { { " " }{ fill(t.arm_topics, &[&topics.join(", ")]) } }
                    </p>
                }
                { not_allowed(draft, &props.view, t) }
                if let Some(fields) = problems.elsewhere() { <p class="problem" data-test-id="send-off">{ icon(Glyph::Warning) }{ fields }</p> }
                if !props.view.link.is_up() { <p class="problem">{ icon(Glyph::Warning) }{ t.send_off_link }</p> }
                <div class="modes" role="group" aria-label={t.mode}>
                    { for MODES.map(|(habit, test_id, word)| mode(draft, habit, test_id, word, t)) }
                </div>
            </div>
            <div class="composer-more">
                <div class="composer-head">
                    <label for="value">{ t.value }</label>
                    { kind_select("value-kind", t.kind_of_value, Kind::of_records(draft.value.kind), &draft.value, &edit_value, t) }
                    { serialised("value-bytes", &draft.value, language) }
                </div>
                { value_area(&draft.value, &edit_value, t) }
                { problems.at_half(Half::Value) }
                <span class="composer-note">{ null_hint(&draft.value, t) }</span>
                { options(draft, &props.on_topic, props.destination, &problems) }
                { how_many(draft, &problems) }
            </div>
        </form>
    }
}

/// Where the bridge would refuse this topic: to which it writes, and how that is changed, before it refuses and after.
fn not_allowed(draft: &Draft, view: &View, t: &'static Texts) -> Html {
    match &view.world {
        Some(World::Cluster { allowed_topics, .. })
            if !allowed_topics.is_empty() && !allowed_topics.iter().any(|allowed| **allowed == *draft.topic) =>
        {
            html! {
                <p class="problem" role="status" data-test-id="topic-not-allowed">
                    { icon(Glyph::Warning) }{ fill(t.refusal_topic, &[&allowed_topics.join(", ")]) }
                </p>
            }
        }
        _ => Html::default(),
    }
}

/// What a click or a key stroke in a field means for the draft.
fn edit<T: 'static>(draft: &UseReducerHandle<Draft>, to_edit: impl Fn(T) -> Edit + 'static) -> Callback<T> {
    let dispatcher = draft.dispatcher();
    Callback::from(move |value| dispatcher.dispatch(to_edit(value)))
}

fn text_of(event: &InputEvent) -> Rc<str> {
    event.target_dyn_into::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default().into()
}

const fn key_hint(kind: Kind, t: &Texts) -> &str {
    match kind {
        Kind::Typed(_) => "",
        Kind::Empty => t.empty_key_explained,
        Kind::Null => t.null_key_explained,
    }
}

/// What a person should know before this key is sent to where it goes.
fn note(draft: &Draft, destination: Destination, t: &'static Texts) -> String {
    nowhere(draft, destination, t).unwrap_or_else(|| null_hint(&draft.key, t).to_owned())
}

/// What becomes of a record for a partition that is not there.
fn nowhere(draft: &Draft, destination: Destination, t: &'static Texts) -> Option<String> {
    match destination {
        Destination::Missing { partition, partitions } => {
            Some(fill(t.note_missing, &[&draft.topic, &(partitions - 1), &partition]))
        }
        Destination::Negative(partition) => Some(fill(t.note_negative, &[&partition])),
        _ => None,
    }
}

fn null_hint(payload: &Payload, t: &'static Texts) -> &'static str {
    if payload.kind == Kind::default() && &*payload.text == t.null_word { t.word_null_hint } else { "" }
}

/// What the serialiser makes of it: its size, and the bytes themselves where they are no text.
fn serialised(test_id: &'static str, payload: &Payload, language: Language) -> Html {
    let t = language.texts();
    let (figure, bytes) = match payload.bytes() {
        Err(_) => (String::new(), None),
        Ok(None) => (t.null_word.to_owned(), None),
        Ok(Some(bytes)) => (fill(t.bytes, &[&language.number(draft::size(Some(&bytes)))]), Some(bytes)),
    };
    use Serializer::{Boolean, Double, Float, Integer, Long, Short};
    let is_binary = matches!(payload.kind, Kind::Typed(Boolean | Double | Float | Integer | Long | Short));
    let digits = bytes.filter(|_| is_binary).map(|bytes| hexadecimal(&bytes));
    html! {
        <span class="figure" data-test-id={test_id}>
            if let Some(digits) = digits { <span class="mono" title={t.serialised}>{ digits }</span>{ " · " } }
            { figure }
        </span>
    }
}

/// The class, or null, or empty: chosen, never guessed.
fn kind_select(
    test_id: &'static str,
    label: &'static str,
    kinds: impl IntoIterator<Item = Kind>,
    payload: &Payload,
    on_change: &Callback<Payload>,
    t: &'static Texts,
) -> Html {
    let onchange = {
        let (payload, on_change) = (payload.clone(), on_change.clone());
        Callback::from(move |event: Event| {
            if let Some(select) = event.target_dyn_into::<HtmlSelectElement>() {
                on_change.emit(Payload { kind: Kind::from_code(&select.value()), ..payload.clone() });
            }
        })
    };
    let options = kinds.into_iter().map(|kind| {
        let word = match kind {
            Kind::Typed(serializer) => class_word(serializer),
            Kind::Empty => t.kind_empty,
            Kind::Null => t.kind_null,
        };
        html! { <option value={kind.code()} selected={kind == payload.kind}>{ word }</option> }
    });
    html! {
        <select class="quiet" data-test-id={test_id} aria-label={label} {onchange}>{ for options }</select>
    }
}

/// Is what was typed no value of its class?
fn is_unread(payload: &Payload) -> Option<&'static str> {
    payload.bytes().is_err().then_some("true")
}

/// A line of text, or the word for what is sent instead.
fn payload_input(
    id: &'static str,
    label: Option<&'static str>,
    payload: &Payload,
    on_change: &Callback<Payload>,
    hint: &'static str,
) -> Html {
    let kind = payload.kind;
    let oninput = on_change.reform(move |event: InputEvent| Payload { kind, text: text_of(&event) });
    let is_text = matches!(kind, Kind::Typed(_));
    let shown = if is_text { Rc::clone(&payload.text) } else { "".into() };
    html! {
        <input {id} class="mono" data-test-id={id} aria-label={label} disabled={!is_text} title={hint}
            placeholder={if is_text { "" } else { hint }} value={AttrValue::from(shown)}
            aria-invalid={is_unread(payload)} autocomplete="off" spellcheck="false" {oninput} />
    }
}

fn value_area(payload: &Payload, on_change: &Callback<Payload>, t: &'static Texts) -> Html {
    let kind = payload.kind;
    let oninput = on_change.reform(move |event: InputEvent| {
        let area = event.target_dyn_into::<HtmlTextAreaElement>();
        Payload { kind, text: area.map(|area| area.value()).unwrap_or_default().into() }
    });
    let (text, hint) = match kind {
        Kind::Typed(_) => (Rc::clone(&payload.text), ""),
        Kind::Empty => ("".into(), t.empty_value_explained),
        Kind::Null => ("".into(), t.null_value_explained),
    };
    html! {
        <textarea id="value" class="mono" data-test-id="value" rows="3" disabled={!matches!(kind, Kind::Typed(_))}
            placeholder={hint} aria-invalid={is_unread(payload)} value={AttrValue::from(text)} spellcheck="false" {oninput} />
    }
}

/// Where the record will go: the core's answer, before it is sent.
fn chip(destination: Destination, t: &'static Texts) -> Html {
    let title = match destination {
        Destination::Explicit(_) | Destination::Missing { .. } | Destination::Negative(_) => {
            t.chip_title_explicit.to_owned()
        }
        Destination::Hashed { hash, partitions, partition } => {
            fill(t.chip_title_hash, &[&hash, &partitions, &partition])
        }
        Destination::Sticky => t.chip_title_sticky.to_owned(),
        Destination::Unknown => t.chip_title_unknown.to_owned(),
    };
    let (class, content) = match destination.partition() {
        Some(number) => (partition::class(number), html! { <>{ "→ " }{ mark(number) }{ format!("p{number}") }</> }),
        None => (
            "",
            match destination {
                Destination::Sticky => html! { t.chip_sticky },
                Destination::Missing { partition, .. } | Destination::Negative(partition) => {
                    html! { format!("→ p{partition}?") }
                }
                _ => html! { t.chip_unknown },
            },
        ),
    };
    let number = destination.partition().map(|partition| partition.to_string()).unwrap_or_default();
    html! {
        <output class={classes!("chip", class)} data-test-id="chip" data-partition={number} {title} for="key">
            { content }
        </output>
    }
}

/// Topic, partition, timestamp and headers, folded.
fn options(
    draft: &UseReducerHandle<Draft>,
    on_topic: &Callback<Rc<str>>,
    destination: Destination,
    problems: &Problems<'_>,
) -> Html {
    let t = problems.language.texts();
    let nowhere = nowhere(draft, destination, t);
    let named = on_topic.reform(|event: Event| {
        event.target_dyn_into::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default().into()
    });
    let field = |to_edit: fn(Rc<str>) -> Edit| edit(draft, move |event: InputEvent| to_edit(text_of(&event)));
    let add = edit(draft, |_: MouseEvent| Edit::AddHeader);
    let is_invalid = |what: DraftError| problems.is_at(&what);
    let headers = draft.headers.iter().enumerate().map(|(place, header)| header_row(draft, place, header, t));
    html! {
        <details class="options">
            <summary data-test-id="options">
                { t.options }
                <span class="figure">{ &*draft.topic }</span>
            </summary>
            <div class="options-grid">
                <label for="topic">{ t.topic }</label>
                <input id="topic" class="mono" data-test-id="topic" value={AttrValue::from(Rc::clone(&draft.topic))}
                    autocomplete="off" spellcheck="false" oninput={field(Edit::Topic)} onchange={named} />
                <label for="partition">{ t.partition }</label>
                <input id="partition" class="mono" data-test-id="partition" inputmode="numeric" placeholder={t.partition_auto}
                    aria-invalid={is_invalid(DraftError::Partition).or(nowhere.as_ref().map(|_| "true"))}
                    value={AttrValue::from(Rc::clone(&draft.partition))} autocomplete="off" oninput={field(Edit::Partition)} />
                { problems.at(&|error| *error == DraftError::Partition) }
                if let Some(words) = nowhere {
                    <p class="problem" role="status" data-test-id="partition-nowhere">{ icon(Glyph::Warning) }{ words }</p>
                }
                <label for="timestamp">{ t.timestamp }</label>
                <input id="timestamp" class="mono" data-test-id="timestamp" inputmode="numeric" placeholder={t.timestamp_now}
                    aria-invalid={is_invalid(DraftError::Timestamp)}
                    value={AttrValue::from(Rc::clone(&draft.timestamp))} autocomplete="off" oninput={field(Edit::Timestamp)} />
                { problems.at(&|error| *error == DraftError::Timestamp) }
            </div>
            <div class="headers" role="group" aria-label={t.headers}>
                { for headers }
                if draft.headers.iter().any(HeaderDraft::lacks_key) {
                    <p class="composer-note" role="status" data-test-id="header-hint">{ t.header_without_key }</p>
                }
                <button type="button" class="quiet" data-test-id="header-add" onclick={add}>
                    { icon(Glyph::Plus) }{ t.header_add }
                </button>
            </div>
        </details>
    }
}

fn header_row(draft: &UseReducerHandle<Draft>, place: usize, header: &HeaderDraft, t: &'static Texts) -> Html {
    let key = {
        let header = header.clone();
        edit(draft, move |event: InputEvent| {
            Edit::Header(place, HeaderDraft { key: text_of(&event), ..header.clone() })
        })
    };
    let value = {
        let header = header.clone();
        edit(draft, move |value| Edit::Header(place, HeaderDraft { value, ..header.clone() }))
    };
    let remove = edit(draft, move |_: MouseEvent| Edit::RemoveHeader(place));
    html! {
        <div class="header-row" key={place}>
            <input class="mono" data-test-id="header-key" aria-label={t.header_key} placeholder={t.header_key}
                value={AttrValue::from(Rc::clone(&header.key))} autocomplete="off" spellcheck="false" oninput={key} />
            { payload_input("header-value", Some(t.header_value), &header.value, &value, "") }
            { kind_select("header-kind", t.header_kind, Kind::OF_HEADERS, &header.value, &value, t) }
            <button type="button" class="quiet" data-test-id="header-remove" onclick={remove} aria-label={t.header_remove} title={t.header_remove}>
                { icon(Glyph::Close) }
            </button>
        </div>
    }
}

const MODES: [(Habit, &str, &str); 3] = [
    (Habit::Get, "mode-get", "get()"),
    (Habit::Callback, "mode-callback", "callback"),
    (Habit::Forget, "mode-forget", "forget"),
];

fn mode(
    draft: &UseReducerHandle<Draft>,
    habit: Habit,
    test_id: &'static str,
    word: &'static str,
    t: &'static Texts,
) -> Html {
    let choose = edit(draft, move |_: MouseEvent| Edit::Habit(habit));
    let meaning = match habit {
        Habit::Get => t.mode_get,
        Habit::Callback => t.mode_callback,
        Habit::Forget => t.mode_forget,
    };
    html! {
        <button type="button" class="mode" data-test-id={test_id} aria-pressed={(draft.habit == habit).to_string()} onclick={choose}>
            <code>{ word }</code><span>{ meaning }</span>
        </button>
    }
}

fn how_many(draft: &UseReducerHandle<Draft>, problems: &Problems<'_>) -> Html {
    let language = problems.language;
    let t = language.texts();
    let presets = PRESETS.map(|count| {
        let choose = edit(draft, move |_: MouseEvent| Edit::Count(count.to_string().into()));
        let pressed = draft.count() == Ok(count);
        html! {
            <button type="button" class="count" data-test-id={format!("count-{count}")} aria-pressed={pressed.to_string()}
                onclick={choose}>{ language.number(count) }</button>
        }
    });
    let typed = edit(draft, |event: InputEvent| Edit::Count(text_of(&event)));
    html! {
        <div class="how-many" role="group" aria-label={t.how_many}>
            <label for="count">{ t.how_many }</label>
            <input id="count" class="mono" data-test-id="count" title={t.how_many_other} inputmode="numeric"
                aria-invalid={problems.is_at(&DraftError::Count)}
                autocomplete="off" value={AttrValue::from(Rc::clone(&draft.count))} oninput={typed} />
            { problems.at(&|error| *error == DraftError::Count) }
            <span class="counts">{ for presets }</span>
        </div>
    }
}

/// The last send whose records all have an answer, in a line, until another is under way.
pub(crate) fn summary(view: &View, language: Language, t: &Texts) -> Option<String> {
    let latest = view.ledger.latest().filter(|_| view.ledger.open().next().is_none())?;
    let mut parts: Vec<String> =
        latest.landed.iter().map(|(partition, count)| format!("p{partition} {}", language.number(*count))).collect();
    if latest.failed > 0 {
        parts.push(fill(t.summary_failed, &[&language.number(latest.failed)]));
    }
    let (count, landed) = (language.number(latest.count), parts.join(", "));
    if latest.asked > latest.count {
        return Some(fill(t.summary_stopped, &[&count, &language.number(latest.asked), &landed]));
    }
    Some(match latest.slowest_us {
        Some(slowest_us) => fill(t.summary, &[&count, &landed, &format::millis(slowest_us)]),
        None if latest.landed.is_empty() => fill(t.summary_refused, &[&count, &landed]),
        None => fill(t.summary_unanswered, &[&count, &landed]),
    })
}
