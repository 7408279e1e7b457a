//! The left side: configuration, claim, faults, worlds; Search and how far it is.

use producer_core::breaking::messages::Task;
use web_sys::{HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

use super::draft::{
    BLOCKED, CLAIMS, Checked, Draft, FAULTS, FIRST_FAULTS, MOST_BLOCKED_MS, MOST_FAULTS, MOST_WORLDS, claim_text,
    fault_text,
};
use super::search::{Phase, Search, State};
use super::texts::{self, Texts};
use crate::dom::copy_on_click;
use crate::icons::{Glyph, icon};
use crate::panels::settings::{notice_text, text_error};
use crate::settings::Properties;
use crate::texts::{Language, fill};

/// Properties of [`Form`].
#[derive(Clone, yew::Properties, PartialEq)]
pub(super) struct FormProps {
    pub(super) language: Language,
    /// What the page's producer runs with.
    pub(super) in_force: Properties,
    pub(super) search: Search,
    pub(super) state: State,
}

/// The left side.
#[component]
pub(super) fn Form(props: &FormProps) -> Html {
    let language = props.language;
    let t = texts::of(language);
    let draft = use_state(Draft::remembered);
    let edit = {
        let draft = draft.clone();
        Callback::from(move |edited: Draft| {
            edited.remember();
            draft.set(edited);
        })
    };
    let with = |change: fn(&mut Draft, &HtmlInputElement)| {
        let (draft, edit) = (draft.clone(), edit.clone());
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                let mut edited = (*draft).clone();
                change(&mut edited, &input);
                edit.emit(edited);
            }
        })
    };
    let text = draft.shown_text(&props.in_force);
    let checked = Checked::of(&text);
    let wanted = draft.wanted(&checked);
    let on_text = {
        let (draft, edit) = (draft.clone(), edit.clone());
        Callback::from(move |event: InputEvent| {
            let typed = event.target_dyn_into::<HtmlTextAreaElement>().map(|area| area.value());
            edit.emit(Draft { text: typed, ..(*draft).clone() });
        })
    };
    let from_settings = {
        let (draft, edit) = (draft.clone(), edit.clone());
        Callback::from(move |_: MouseEvent| edit.emit(Draft { text: None, ..(*draft).clone() }))
    };
    let go = {
        let (search, wanted) = (props.search.clone(), wanted.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if let Some(wanted) = wanted.clone() {
                search.start(wanted);
            }
        })
    };
    let command = draft.command();
    let differs = draft.text.is_some() && !props.in_force.is_empty();
    let worlds = language.number(MOST_WORLDS);
    html! {
        <form class="break-form" data-test-id="break-form" onsubmit={go}>
            <div class="break-fields">
            <section>
                <h2><label for="break-text" class="mono">{ "producer.properties" }</label><span class="caption">{ t.file_hint }</span></h2>
                <textarea id="break-text" class="mono" data-test-id="break-text" rows="4" spellcheck="false" autocomplete="off" placeholder={"acks=1\nenable.idempotence=false"}
                    aria-describedby="break-said" aria-invalid={(checked.bad_text.is_some() || checked.verdict.error.is_some()).then_some("true")} value={text.clone()} oninput={on_text} />
                if differs {
                    <button type="button" class="quiet" data-test-id="break-from-settings" onclick={from_settings}>{ icon(Glyph::Reset) }{ t.from_settings }</button>
                }
                { said(&checked, text.trim().is_empty(), language) }
            </section>
            <fieldset>
                <legend>{ t.claim }</legend>
                { for CLAIMS.iter().enumerate().map(|(place, name)| {
                    let choose = {
                        let (draft, edit) = (draft.clone(), edit.clone());
                        Callback::from(move |_: Event| edit.emit(Draft { claim: place, ..(*draft).clone() }))
                    };
                    html! {
                        <div class="break-claim">
                            <label><input type="radio" name="claim" data-test-id="break-claim" value={*name} checked={draft.claim == place} onchange={choose} />{ claim_text(place, t) }</label>
                            if place == BLOCKED {
                                <input class="mono" data-test-id="break-blocked" inputmode="numeric" aria-label={t.milliseconds} value={draft.blocked.clone()}
                                    oninput={with(|draft, input| (draft.blocked, draft.claim) = (input.value(), BLOCKED))} /><span class="caption">{ "ms" }</span>
                            }
                        </div>
                    }
                }) }
                if !draft.is_blocked_good() {
                    <p class="problem" role="alert" data-test-id="break-problem">{ icon(Glyph::Warning) }{ fill(t.blocked_bad, &[&language.number(MOST_BLOCKED_MS)]) }</p>
                }
            </fieldset>
            <fieldset>
                <legend>{ t.faults }<span class="caption">{ t.faults_most }</span></legend>
                { for (0..FIRST_FAULTS).map(|place| fault(place, &draft, &edit, t)) }
                <details class="options" open={draft.faults[FIRST_FAULTS..].iter().any(|most| *most > 0)}>
                    <summary>{ t.faults_more }</summary>
                    { for (FIRST_FAULTS..FAULTS.len()).map(|place| fault(place, &draft, &edit, t)) }
                </details>
            </fieldset>
            <section>
                <div class="break-row">
                    <label for="break-worlds">{ t.worlds }</label>
                    <input id="break-worlds" class="mono" data-test-id="break-worlds" inputmode="numeric" value={draft.worlds.clone()}
                        oninput={with(|draft, input| draft.worlds = input.value())} />
                </div>
                if draft.worlds().is_none() {
                    <p class="problem" role="alert" data-test-id="break-problem">{ icon(Glyph::Warning) }{ fill(t.worlds_bad, &[&worlds]) }</p>
                }
                <label class="break-check"><input type="checkbox" data-test-id="break-count-all" checked={draft.counts_all}
                    oninput={with(|draft, input| draft.counts_all = input.checked())} />{ t.count_all }</label>
            </section>
            <section class="break-server">
                <h2>{ t.server }<button type="button" class="quiet" data-test-id="break-copy-command" aria-label={t.copy_command} title={t.copy_command} onclick={copy_on_click(command.clone())}>{ icon(Glyph::Copy) }</button></h2>
                <code lang="en" data-test-id="break-command">{ command }</code>
            </section>
            </div>
            <section class="break-go">
                { buttons(props, wanted.is_some(), t) }
                { progress(&props.state, language) }
            </section>
        </form>
    }
}

/// What the client says to the configuration, and what worlds do without.
fn said(checked: &Checked, is_empty: bool, language: Language) -> Html {
    let (t, page) = (texts::of(language), language.texts());
    let forbidden = &checked.verdict.forbidden;
    html! {
        <div id="break-said" class="break-said" aria-live="polite">
            if let Some(error) = checked.bad_text {
                <p class="problem" data-test-id="break-bad-text">{ icon(Glyph::Warning) }<span>{ text_error(error, page) }</span></p>
            }
            if let Some(error) = &checked.verdict.error {
                <p class="verdict">
                    <strong>{ icon(Glyph::Warning) }{ page.settings_refused }</strong>
                    <code lang="en" data-test-id="break-verdict">{ format!("ConfigException: {}", error.message) }</code>
                </p>
            }
            if !forbidden.is_empty() {
                <p class="notice" data-test-id="break-notice">{ fill(t.left_out, &[&forbidden.join(", ")]) }</p>
            }
            { for checked.verdict.notices.iter().map(|notice| html! {
                <p class="notice" data-test-id="break-notice">{ notice_text(notice, page) }</p>
            }) }
            if is_empty { <p class="caption">{ t.defaults }</p> }
        </div>
    }
}

/// A kind of fault, and how often it may come.
fn fault(place: usize, draft: &UseStateHandle<Draft>, edit: &Callback<Draft>, t: &'static Texts) -> Html {
    let id = format!("break-fault-{}", FAULTS[place]);
    let oninput = {
        let (draft, edit) = (draft.clone(), edit.clone());
        Callback::from(move |event: InputEvent| {
            let Some(input) = event.target_dyn_into::<HtmlInputElement>() else { return };
            let mut edited = (*draft).clone();
            edited.faults[place] = input.value().parse::<u8>().unwrap_or(0).min(MOST_FAULTS);
            edit.emit(edited);
        })
    };
    html! {
        <div class="break-row" key={place}>
            <label for={id.clone()}><span class="mono">{ FAULTS[place] }</span><span class="caption">{ fault_text(place, t) }</span></label>
            <input id={id.clone()} type="number" min="0" max={MOST_FAULTS.to_string()} data-test-id={id} value={draft.faults[place].to_string()} {oninput} />
        </div>
    }
}

fn buttons(props: &FormProps, can_search: bool, t: &'static Texts) -> Html {
    let (search, phase) = (&props.search, &props.state.phase);
    let on = |what: fn(&Search)| {
        let search = search.clone();
        Callback::from(move |_: MouseEvent| what(&search))
    };
    match phase {
        Phase::Underway => html! {
            <button type="button" class="plain" data-test-id="break-cancel" onclick={on(Search::stop)}>{ icon(Glyph::Pause) }{ t.cancel }</button>
        },
        _ => html! {
            <>
                if *phase == Phase::Stopped {
                    <button type="button" class="plain" data-test-id="break-go-on" onclick={on(Search::go_on)}>{ icon(Glyph::Play) }{ t.go_on }</button>
                }
                <button type="submit" class="primary" data-test-id="break-search" disabled={!can_search}>
                    { if *phase == Phase::Idle { t.search } else { t.search_again } }{ icon(Glyph::Arrow) }
                </button>
                if !can_search { <p class="caption" data-test-id="break-waits">{ t.wait_for }</p> }
            </>
        },
    }
}

/// How far it is. What is read aloud changes with each tenth, not with each look.
fn progress(state: &State, language: Language) -> Html {
    let t = texts::of(language);
    let why = match &state.phase {
        Phase::Missing(why) => Some((t.missing, why)),
        Phase::Refused(why) => Some((t.refused, why)),
        _ => None,
    };
    let number = |number: u64| language.number(number);
    let progress = state.progress;
    let word = match (&state.phase, progress.map(|progress| progress.task)) {
        (Phase::Idle | Phase::Missing(_) | Phase::Refused(_), _) => "",
        (Phase::Done, _) => t.over,
        (Phase::Stopped, _) => t.stopped,
        (_, None) => t.beginning,
        (_, Some(Task::Looking)) => t.looking,
        (_, Some(Task::Shrinking)) => t.shrinking,
        (_, Some(_)) => t.counting,
    };
    let change = match progress.map(|progress| progress.task) {
        Some(Task::Changing(place)) if state.phase == Phase::Underway => {
            Some(fill(t.changing, &[&(place + 1), &progress.map_or(0, |progress| progress.changes)]))
        }
        _ => None,
    };
    let word = change.unwrap_or_else(|| word.to_owned());
    // Of shrinking nobody knows how long it takes.
    let counted = progress.filter(|progress| !matches!(progress.task, Task::Shrinking | Task::Done));
    let so_far = counted.map(|progress| fill(t.so_far, &[&number(progress.done.into()), &number(progress.of.into())]));
    let tenths = counted.map_or(0, |progress| u64::from(progress.done) * 10 / u64::from(progress.of.max(1)) * 10);
    let rate = progress.filter(|_| state.rate > 0).map(|_| fill(t.rate, &[&number(state.rate)]));
    let left =
        state.seconds_left().filter(|_| state.phase == Phase::Underway).map(|left| fill(t.left, &[&number(left)]));
    html! {
        <div class="break-progress" data-test-id="break-progress" data-played={progress.map(|progress| progress.played.to_string())}>
            if let Some((words, why)) = why {
                <p class="problem" role="alert" data-test-id="break-missing">{ icon(Glyph::Warning) }<span>{ fill(words, &[why]) }if words == t.refused { { " " }<code lang="en">{ why.clone() }</code> }</span></p>
            }
            if state.phase == Phase::Underway && counted.is_none() { <progress aria-label={word.clone()} /> }
            if let Some(progress) = counted {
                <progress aria-label={word.clone()} max={progress.of.to_string()} value={progress.done.to_string()} />
            }
            <p><b data-test-id="break-task">{ word.clone() }</b>if let Some(so_far) = so_far { <span data-test-id="break-so-far">{ so_far }</span> }</p>
            <p class="caption">{ [rate, left].into_iter().flatten().collect::<Vec<_>>().join(" · ") }</p>
            <p class="unseen" role="status" data-test-id="break-status">{ if word.is_empty() { word } else if tenths > 0 { format!("{word}, {tenths} %") } else { word } }</p>
        </div>
    }
}
