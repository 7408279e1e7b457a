//! How many of which, and what the program saw for each record.

use producer_core::bridge::Habit;
use producer_core::error::{Persistence, Surface};
use yew::prelude::*;

use crate::dom::copy_on_click;
use crate::format;
use crate::icons::{Glyph, icon};
use crate::ledger::{Counts, End, Ledger, Open, Row};
use crate::partition::{self, mark};
use crate::shared::Shared;
use crate::texts::{Language, Texts, fill};

/// Rows shown until a person asks for more: enough to look through, few enough to draw ten times a second.
const ROWS_SHOWN: usize = 60;

/// Calls of `send` from here on have numbers beside which a position has no room for its time as well.
const LONG_NUMBERS: u64 = 1_000;

/// Properties of [`LedgerPanel`].
#[derive(Properties, PartialEq)]
pub(crate) struct LedgerProps {
    /// Sends and outcomes.
    pub(crate) ledger: Shared<Ledger>,
    /// Is the world out of reach? Then nobody can tell what became of what is out.
    pub(crate) is_lost: bool,
    /// How many records met which fate.
    pub(crate) counts: Counts,
    pub(crate) language: Language,
}

/// Score and ledger.
#[component]
pub(crate) fn LedgerPanel(props: &LedgerProps) -> Html {
    let language = props.language;
    let t = language.texts();
    let shows_all = use_state(|| false);
    let show_all = {
        let shows_all = shows_all.clone();
        Callback::from(move |_: MouseEvent| shows_all.set(true))
    };
    let ledger = &props.ledger;
    let limit = if *shows_all { usize::MAX } else { ROWS_SHOWN };
    let open = ledger.open().count();
    let hidden = (open + ledger.rows().count()).saturating_sub(limit);
    let dropped = ledger.rows_dropped();
    let is_empty = props.counts == Counts::default();
    let is_long = ledger.rows().next().and_then(|row| row.send_order).is_some_and(|order| order >= LONG_NUMBERS);
    html! {
        <section class="results" aria-label={t.score}>
            { score(props.counts, language) }
            <div class="ledger">
                <h2>{ t.ledger }<span class="caption">{ if is_empty { t.ledger_empty } else { t.newest_first } }</span></h2>
                <ul class={classes!("ledger-rows", is_long.then_some("is-long"))} tabindex="0" aria-label={t.ledger}>
                    if !is_empty {
                        <li class="ledger-heads caption" aria-hidden="true">
                            <span>{ t.ledger_sent }</span><span>{ t.ledger_answer }</span><span>{ t.ledger_key }</span>
                            <span>{ t.ledger_metadata }</span><span>{ t.ledger_ms }</span>
                        </li>
                    }
                    { for open_rows(ledger, props.is_lost).into_iter().take(limit).map(|(open, lost)| open_row(open, lost, language, t)) }
                    { for numbered(ledger).take(limit.saturating_sub(open)).map(|(number, row)| finished_row(number, row, language, t)) }
                    if hidden > 0 {
                        <li><button class="quiet" data-test-id="ledger-more" onclick={show_all}>
                            { fill(t.ledger_more, &[&language.number(hidden as u64)]) }
                        </button></li>
                    }
                    if dropped > 0 { <li class="caption">{ fill(t.ledger_dropped, &[&language.number(dropped)]) }</li> }
                </ul>
            </div>
        </section>
    }
}

fn score(counts: Counts, language: Language) -> Html {
    let t = language.texts();
    let Counts { asked, acked, failed, unknown, waiting, never } = counts;
    let figures = [
        ("score-sent", t.score_asked, asked, ""),
        ("score-acked", t.score_acked, acked, ""),
        ("score-waiting", t.score_waiting, waiting, ""),
        ("score-failed", t.score_failed, failed, "is-failed"),
        ("score-unknown", t.score_unknown, unknown, "is-unknown"),
    ];
    // Only who stopped a program has any of these; they stand below, for there is room for five in a row.
    let never = (never > 0).then_some(("score-never", t.score_never, never, "is-apart"));
    let figures = figures.into_iter().chain(never);
    let figures =
        figures.map(|(test_id, word, count, class)| figure((test_id, word), count, class, Html::default(), language));
    html! { <dl class="score">{ for figures }</dl> }
}

/// One of a score's figures, with the name that tests know it by; `class` is for those that are not 0.
pub(crate) fn figure(
    (test_id, word): (&'static str, &'static str),
    count: u64,
    class: &'static str,
    sign: Html,
    language: Language,
) -> Html {
    let size = match count {
        0 => Some("is-zero"),
        10_000.. => Some("is-long"),
        _ => None,
    };
    html! {
        <div class={classes!("score-figure", (count > 0).then_some(class), size)}>
            <dd data-test-id={test_id} data-count={count.to_string()}>{ language.number(count) }{ sign }</dd>
            <dt>{ word }</dt>
        </div>
    }
}

/// Sends that are not settled, newest first, with how many of their records may be out and lost.
fn open_rows(ledger: &Ledger, is_lost: bool) -> Vec<(&Open, u32)> {
    let mut rows: Vec<_> = ledger.reach().map(|(open, out)| (open, if is_lost { out } else { 0 })).collect();
    rows.reverse();
    rows
}

/// A send whose records do not all have an answer.
fn open_row(open: &Open, lost: u32, language: Language, t: &'static Texts) -> Html {
    let count = open.waiting();
    let is_lost = lost > 0;
    let state = if is_lost { "unknown" } else { "waiting" };
    let part = |count, one: &str, many| match count {
        0 => None,
        1 => Some(one.to_owned()),
        _ => Some(fill(many, &[&language.number(count)])),
    };
    let parts = [part(lost, t.row_unknown, t.row_unknown_many), part(count - lost, t.row_waiting, t.row_waiting_many)];
    let word = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    html! {
        <li class="row" key={format!("s{}", open.command.id)} data-test-id="ledger-row" data-state={state}
            data-topic={open.command.record.topic.to_string()} data-count={count.to_string()}
            data-key={open.label().map(|label| label.to_string())} data-habit={habit_code(open.command.habit)}>
            <span class="row-order">{ "#" }</span>
            <span class="row-order">{ "–" }</span>
            { key(open.label().as_deref(), None, t) }
            <span class="row-state" title={is_lost.then_some(t.row_unknown_title)}>
                if is_lost { <b class="row-question">{ "?" }</b> }{ word }
            </span>
        </li>
    }
}

/// Rows with numbers of their own, newest first.
fn numbered(ledger: &Ledger) -> impl Iterator<Item = (u64, &Row)> {
    (0..=ledger.finished()).rev().zip(ledger.rows())
}

fn finished_row(number: u64, row: &Row, language: Language, t: &'static Texts) -> Html {
    let attributes = Attributes::of(row);
    let order = |order: Option<u64>| order.map(|order| order.to_string());
    html! {
        <li class={classes!("row", attributes.state)} key={number.to_string()} data-test-id="ledger-row"
            data-state={attributes.state} data-topic={row.topic.to_string()} data-partition={attributes.partition}
            data-offset={attributes.offset} data-timestamp={attributes.timestamp} data-key={row.label.as_deref().map(str::to_owned)}
            data-key-size={attributes.key_size} data-value-size={attributes.value_size}
            data-send-order={order(row.send_order)} data-answer-order={order(row.answer_order)}
            data-attempts={attributes.attempts} data-habit={habit_code(row.habit)}
            data-error={attributes.error} data-surface={attributes.surface}>
            <span class="row-order mono">{ row.send_order.map(|order| format!("#{}", language.number(order))) }</span>
            <span class="row-order mono">{ row.answer_order.map(|order| language.number(order)) }</span>
            { key(row.label.as_deref(), partition_of(row), t) }
            { end(row, language, t) }
            <span class="row-latency mono">{ row.latency_us.map(format::millis) }</span>
        </li>
    }
}

fn partition_of(row: &Row) -> Option<i32> {
    match row.end {
        End::Acked { partition, .. } => Some(partition),
        End::Failed { partition, .. } => (partition >= 0).then_some(partition),
        End::Unknown => None,
    }
}

/// What tests and other programs read from a row.
#[derive(Default)]
struct Attributes {
    state: &'static str,
    partition: Option<String>,
    offset: Option<String>,
    timestamp: Option<String>,
    key_size: Option<String>,
    value_size: Option<String>,
    attempts: Option<String>,
    error: Option<&'static str>,
    surface: Option<&'static str>,
}

impl Attributes {
    fn of(row: &Row) -> Self {
        match &row.end {
            End::Acked { partition, offset, timestamp_ms, key_size, value_size, attempts, .. } => Self {
                state: "acked",
                partition: Some(partition.to_string()),
                offset: Some(offset.to_string()),
                timestamp: Some(timestamp_ms.to_string()),
                key_size: Some(key_size.to_string()),
                value_size: Some(value_size.to_string()),
                attempts: Some(attempts.to_string()),
                ..Self::default()
            },
            End::Failed { error, surface, partition, .. } => Self {
                state: "failed",
                partition: Some(partition.to_string()),
                offset: Some("-1".to_owned()),
                error: Some(error.java_class()),
                surface: Some(surface_code(*surface)),
                ..Self::default()
            },
            End::Unknown => Self { state: "unknown", ..Self::default() },
        }
    }
}

fn end(row: &Row, language: Language, t: &'static Texts) -> Html {
    let not_looked = if row.habit == Habit::Forget {
        html! { <span class="caption">{ " · " }{ t.row_not_looked }</span> }
    } else {
        Html::default()
    };
    match &row.end {
        End::Acked { partition, offset, timestamp_ms, log_append_time, key_size, value_size, attempts } => {
            let position = format::position(&row.topic, *partition, *offset);
            let bytes =
                |size: i32| if size < 0 { t.null_word.to_owned() } else { fill(t.bytes, &[&language.number(size)]) };
            let kind = if *log_append_time { "LogAppendTime" } else { "CreateTime" };
            html! {
                <span class="row-end">
                    <button class="row-position mono" data-test-id="ledger-metadata" title={fill(t.copy, &[&position])}
                        onclick={copy_on_click(position.clone())}>
                        { mark(*partition) }
                        <span class="row-topic">{ row.topic.to_string() }</span>
                        <span class="row-place">{ position.strip_prefix(&*row.topic).unwrap_or_default().to_owned() }</span>
                    </button>
                    <small class="caption">
                        if *attempts > 1 { <span class="row-attempts">{ fill(t.row_attempts, &[attempts]) }</span>{ " · " } }
                        <span data-test-id="ledger-timestamp" title={format::utc(*timestamp_ms)}>{ kind }{ " " }{ timestamp_ms }</span>
                        { " · " }<span title={t.row_sizes_title}>{ fill(t.row_sizes, &[&bytes(*key_size), &bytes(*value_size)]) }</span>
                        if *offset < 0 { { " · " }{ t.row_no_offset } }
                        { not_looked }
                    </small>
                </span>
            }
        }
        End::Failed { error, surface, persistence, .. } => html! {
            <span class="row-end">
                <span class="row-error" data-test-id="ledger-error">
                    <b class="mono">{ icon(Glyph::Warning) }{ error.java_class() }</b>
                    <code lang="en">{ error.to_string() }</code>
                </span>
                <small class="caption">
                    { if error.is_retriable() { t.row_retriable } else { t.row_not_retriable } }{ " · " }
                    { surface_text(*surface, t) }{ " · " }{ persistence_text(*persistence, t) }
                    { not_looked }
                </small>
            </span>
        },
        End::Unknown => html! {
            <span class="row-state" title={t.row_unknown_title}><b class="row-question">{ "?" }</b>{ t.row_unknown }</span>
        },
    }
}

/// A record's key, in its partition's colour once that is known.
fn key(label: Option<&str>, partition: Option<i32>, t: &'static Texts) -> Html {
    let class = partition.map(partition::class);
    match label {
        Some("") => html! { <span class={classes!("tile", class)}>{ "\"\"" }</span> },
        Some(label) => {
            html! { <span class={classes!("tile", class)} title={label.to_string()}>{ label.to_string() }</span> }
        }
        None => html! { <span class={classes!("tile", "is-null", class)}>{ t.null_word }</span> },
    }
}

const fn habit_code(habit: Habit) -> &'static str {
    match habit {
        Habit::Get => "get",
        Habit::Callback => "callback",
        Habit::Forget => "forget",
    }
}

const fn surface_code(surface: Surface) -> &'static str {
    match surface {
        Surface::Thrown => "thrown",
        Surface::FutureOnCaller => "future-on-caller",
        Surface::FutureOnSender => "future-on-sender",
    }
}

const fn surface_text(surface: Surface, t: &Texts) -> &'static str {
    match surface {
        Surface::Thrown => t.surface_thrown,
        Surface::FutureOnCaller => t.surface_caller,
        Surface::FutureOnSender => t.surface_sender,
    }
}

const fn persistence_text(persistence: Persistence, t: &Texts) -> &'static str {
    match persistence {
        Persistence::NotPersisted => t.not_persisted,
        Persistence::PossiblyPersisted => t.possibly_persisted,
        Persistence::Persisted => t.persisted,
    }
}
