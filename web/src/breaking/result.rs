//! What was found, on its stage: the story in words, and what changes of one key came to.

use std::rc::Rc;

use producer_core::breaking::messages::{Changed, Findings, Found, State as Helped, Step, Task};
use producer_core::playback::Mark;
use producer_core::scene::Scene;
use wasm_bindgen_futures::spawn_local;
use web_sys::{FocusEvent, HtmlInputElement};
use yew::prelude::*;

use super::search::{Phase, State};
use super::texts;
use crate::demo::{self, Theatre};
use crate::dom;
use crate::format;
use crate::icons::{Glyph, icon};
use crate::panels::chips::chips;
use crate::panels::narrate::narrate;
use crate::panels::settings::notice_text;
use crate::partition::mark;
use crate::shared::Shared;
use crate::texts::{Language, fill};
use crate::width::use_width;

/// Lines of a story that are shown: a world that was made small has fewer.
const LINES: usize = 300;
/// What a saved scenario is called.
const FILE: &str = "broken.json";

/// What became of a link or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sharing {
    Copied,
    /// The link.
    NotCopied(String),
    Saved,
}

/// Properties of [`Outcome`].
#[derive(Properties, PartialEq)]
pub(super) struct OutcomeProps {
    pub(super) language: Language,
    pub(super) findings: Shared<Findings>,
    pub(super) state: State,
}

/// A counterexample, paused one second of watching before the accident.
#[component]
pub(super) fn Outcome(props: &OutcomeProps) -> Html {
    let language = props.language;
    let t = texts::of(language);
    let width = use_width();
    let kind = use_state_eq(|| Mark::Fault);
    let dismissed = use_state_eq(|| false);
    let said = use_state(|| None::<Sharing>);
    let Some(found) = &props.findings.found else { return Html::default() };
    let link: Rc<str> = (*found.link).into();
    let (theatre, shown) = demo::use_theatre(&link, &dismissed);
    demo::use_keys(&theatre, *kind);
    {
        // In one column what was asked stands below what was found, and whoever asked it is down there.
        let is_column = width.turns_down();
        use_effect_with(Rc::clone(&link), move |_| {
            if is_column {
                dom::scroll_to("[data-test-id=break-title]");
            }
        });
    }
    let lines = {
        let findings = props.findings.clone();
        use_memo((link, language), move |_| {
            findings.found.as_ref().map(|found| lines(found, language)).unwrap_or_default()
        })
    };
    let now = shown.opened().map(|_| shown.now_us);
    let at = now.and_then(|now_us| lines.iter().rposition(|line| line.at_us <= now_us));
    html! {
        <>
            <main class="demo-main break-main" data-test-id="break-found">
                <div class="question demo-question">
                    <div>
                        <h1 data-test-id="break-title">{ demo::own(&found.title, language) }</h1>
                        <p class="break-verdict" data-test-id="break-result">{ icon(Glyph::Warning) }{ demo::own(&props.findings.verdict, language) }</p>
                    </div>
                    <div class="chips">
                        { chips(&shown.stage_view(0), language) }
                        { share(&props.findings, &said, language) }
                    </div>
                </div>
                <div class="messages demo-said">{ demo::said(&shown, &theatre, language) }</div>
                { demo::stages(&shown, &theatre, width.turns_down(), language) }
                <div class="below">
                    <Story {language} {lines} {at} theatre={theatre.clone()} watch_from_us={found.watch_from_us} />
                    <section class="results break-side" aria-label={t.changes}>
                        { shared((*said).as_ref(), language) }
                        { changes(&props.findings, &props.state, language) }
                        { notes(&props.findings, language) }
                        <p class="caption">{ t.not_a_proof }</p>
                    </section>
                </div>
            </main>
            { demo::bar(&shown, &theatre, &kind, language) }
        </>
    }
}

/// A line of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    at_us: u64,
    who: String,
    what: String,
    partition: Option<i32>,
    is_trouble: bool,
    is_accident: bool,
}

/// The story in this language: what the page knows to say itself, and what came with it.
fn lines(found: &Found, language: Language) -> Vec<Line> {
    let t = texts::of(language);
    let mut scene = Scene::default();
    let mut lines = Vec::new();
    for step in &found.story {
        let line = match step {
            Step::Fact(event) => {
                // Before the picture takes it: it forgets what has come to its end.
                let told = narrate(event, &scene, language);
                scene.apply(event);
                let Some(told) = told else { continue };
                let at_us = event.at.as_micros().saturating_sub(found.begins.as_micros());
                let (who, what, partition, is_trouble) = (told.who, told.what, told.partition, told.is_trouble);
                Line { at_us, who, what, partition, is_trouble, is_accident: false }
            }
            Step::Told { at_us, who, what, is_trouble } => Line {
                at_us: *at_us,
                who: demo::own(who, language),
                what: demo::own(what, language),
                partition: None,
                is_trouble: *is_trouble,
                is_accident: false,
            },
            Step::Accident { at_us, what } => Line {
                at_us: *at_us,
                who: t.accident.to_owned(),
                what: demo::own(what, language),
                partition: None,
                is_trouble: true,
                is_accident: true,
            },
        };
        lines.push(line);
    }
    lines
}

/// Properties of [`Story`].
#[derive(Properties, PartialEq)]
struct StoryProps {
    language: Language,
    lines: Rc<Vec<Line>>,
    /// The newest line at the playhead; those behind it are still to come.
    at: Option<usize>,
    theatre: Theatre,
    /// One second of watching before the accident.
    watch_from_us: u64,
}

/// What happens, from beginning to end; drawn anew only when the playhead comes to another line.
#[component]
fn Story(props: &StoryProps) -> Html {
    let t = texts::of(props.language);
    let lines = props.lines.iter().enumerate().take(LINES).map(|(place, line)| {
        let go = {
            let (theatre, at_us) = (props.theatre.clone(), line.at_us);
            Callback::from(move |_: MouseEvent| theatre.go_to(at_us))
        };
        let time = format::millis(line.at_us);
        let is_now = props.at == Some(place);
        let classes = classes!(
            is_now.then_some("is-now"),
            props.at.is_none_or(|at| place > at).then_some("is-to-come"),
            line.is_trouble.then_some("is-trouble"),
            line.is_accident.then_some("is-accident"),
        );
        html! {
            <li class={classes} data-test-id="break-line" aria-current={is_now.then_some("step")}>
                <time class="mono"><button class="demo-go" aria-label={fill(t.story_go, &[&time])} onclick={go}>{ time.clone() }</button></time>
                <b>if line.is_accident { { icon(Glyph::Close) } }{ line.who.clone() }</b>
                <span>if let Some(partition) = line.partition { { mark(partition) }{ " " } }{ line.what.clone() }</span>
            </li>
        }
    });
    let before = {
        let (theatre, from_us) = (props.theatre.clone(), props.watch_from_us);
        Callback::from(move |_: MouseEvent| theatre.go_to(from_us))
    };
    let more = props.lines.len().saturating_sub(LINES);
    html! {
        <section class="history demo-log break-story" aria-label={t.story}>
            <h2>
                { t.story }<span class="caption">{ t.story_order }</span>
                <button class="quiet" data-test-id="break-to-accident" onclick={before}>{ icon(Glyph::Next) }{ t.to_accident }</button>
            </h2>
            <ol tabindex="0" aria-label={t.story}>
                { for lines }
                if more > 0 { <li class="history-older caption">{ fill(t.story_more, &[&props.language.number(more as u64)]) }</li> }
            </ol>
        </section>
    }
}

/// Opens it elsewhere, copies its link, saves its file; what became of that is told in `said`.
fn share(found: &Shared<Findings>, said: &UseStateHandle<Option<Sharing>>, language: Language) -> Html {
    let t = texts::of(language);
    let link: Rc<str> = found.found.as_ref().map(|found| Rc::from(&*found.link)).unwrap_or_default();
    let copy = {
        let (said, link) = (said.clone(), demo::address_of(&link));
        Callback::from(move |_: MouseEvent| {
            let (said, link) = (said.clone(), link.clone());
            spawn_local(async move {
                let copied = dom::copy(&link).await;
                said.set(Some(if copied { Sharing::Copied } else { Sharing::NotCopied(link) }));
            });
        })
    };
    let save = {
        let (said, findings) = (said.clone(), found.clone());
        Callback::from(move |_: MouseEvent| {
            if let Some(found) = &findings.found {
                demo::save(&found.file, "application/json", FILE);
                said.set(Some(Sharing::Saved));
            }
        })
    };
    html! {
        <>
            <a class="break-open" data-test-id="break-open" href={link.to_string()}>{ icon(Glyph::Play) }<span class="word">{ t.open }</span></a>
            <button class="plain" data-test-id="break-copy-link" onclick={copy}>{ icon(Glyph::Share) }<span class="word">{ t.copy_link }</span></button>
            <button class="plain" data-test-id="break-save" onclick={save}>{ icon(Glyph::Save) }<span class="word">{ t.save }</span></button>
        </>
    }
}

/// What became of sharing; where the link could not be copied, it stands there to be selected.
fn shared(said: Option<&Sharing>, language: Language) -> Html {
    let t = texts::of(language);
    let words = match said {
        None => String::new(),
        Some(Sharing::Copied) => t.copied.to_owned(),
        Some(Sharing::NotCopied(_)) => t.not_copied.to_owned(),
        Some(Sharing::Saved) => fill(t.saved, &[&FILE]),
    };
    let select = Callback::from(|event: FocusEvent| {
        if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
            input.select();
        }
    });
    html! {
        <>
            // Always there, so that what is said in it is heard.
            <p class="caption break-shared" role="status" data-test-id="break-shared">{ words }</p>
            if let Some(Sharing::NotCopied(link)) = said {
                <input class="mono" data-test-id="break-link" aria-label={t.link} readonly=true value={link.clone()} onfocus={select} />
            }
        </>
    }
}

/// What else there is to say.
pub(super) fn notes(findings: &Findings, language: Language) -> Html {
    let notes =
        findings.notes.iter().map(|note| html! { <li data-test-id="break-note">{ demo::own(note, language) }</li> });
    html! { <ul class="break-notes">{ for notes }</ul> }
}

/// One change after the other.
fn changes(findings: &Findings, state: &State, language: Language) -> Html {
    let t = texts::of(language);
    let worlds = language.number(state.worlds);
    let at = state.progress.filter(|_| state.phase == Phase::Underway).and_then(|progress| match progress.task {
        Task::Changing(place) => Some(place as usize),
        _ => None,
    });
    html! {
        <>
            <h2>{ t.changes }<span class="figure">{ fill(t.changes_of, &[&worlds]) }</span></h2>
            <ul class="break-changes" tabindex="0" aria-label={t.changes}>
                { for findings.changes.iter().enumerate().map(|(place, one)| change(one, at == Some(place), language)) }
            </ul>
        </>
    }
}

fn change(change: &Changed, is_tried: bool, language: Language) -> Html {
    let (t, page) = (texts::of(language), language.texts());
    let (code, sign, word) = match change.state {
        Helped::Survived => ("survived", icon(Glyph::Tick), t.survived),
        Helped::Broken | Helped::Refused => ("broken", icon(Glyph::Warning), t.broken),
        Helped::Waits => ("waits", html! { <i class="ring" /> }, t.waits),
    };
    let words = demo::own(&change.words, language);
    let words = match words.is_empty() {
        true if is_tried => t.tries.to_owned(),
        true => t.waits.to_owned(),
        false => words,
    };
    html! {
        <li class={format!("is-{code}")} data-test-id="break-change" data-state={code}>
            { sign }<span class="unseen">{ word }</span>
            <code lang="en">{ &*change.change }</code>
            <span data-test-id="break-change-words">{ words }</span>
            if let Some(refused) = &change.refused { <code class="break-refused" lang="en">{ refused.to_string() }</code> }
            { for change.price.iter().map(|price| html! { <span class="break-price">{ demo::own(price, language) }</span> }) }
            { for change.notices.iter().map(|notice| html! { <span class="caption">{ notice_text(notice, page) }</span> }) }
        </li>
    }
}
