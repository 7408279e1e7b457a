//! The card of a scenario: question, answers, what to watch, and, when somebody asks for it, what was to be seen.

use producer_core::player::messages::Opened;
use producer_core::scenario::{Answer, Card as CardOf, Dial, Sentence};
use yew::prelude::*;

use super::menu::mark_as_done;
use super::texts;
use super::theatre::Theatre;
use super::wording::own;
use crate::icons::{Glyph, icon};
use crate::shared::Shared;
use crate::texts::{Language, fill};

/// Properties of [`Card`].
#[derive(Properties, PartialEq)]
pub(super) struct CardProps {
    pub(super) opened: Shared<Opened>,
    pub(super) theatre: Theatre,
    pub(super) language: Language,
}

/// The left side.
#[component]
pub(super) fn Card(props: &CardProps) -> Html {
    let (card, language) = (&props.opened.card, props.language);
    let t = texts::of(language);
    let chosen = use_state_eq(|| None::<usize>);
    let is_revealed = use_state_eq(|| false);
    let reveal = {
        let (is_revealed, slug) = (is_revealed.clone(), props.opened.demo.clone());
        Callback::from(move |_: MouseEvent| {
            mark_as_done(&slug);
            is_revealed.set(true);
        })
    };
    let section = |heading: &'static str, words: String| match words.is_empty() {
        true => Html::default(),
        false => html! { <section><h2>{ heading }</h2><p>{ words }</p></section> },
    };
    html! {
        <div class="demo-card" data-test-id="card">
            if !card.answers.is_empty() {
                <section class="demo-answers">
                    <h2>{ t.predict }</h2>
                    <ol>{ for card.answers.iter().enumerate().map(|(place, answer)| guess(place, answer, &chosen, language)) }</ol>
                </section>
            }
            { section(t.watch, own(&card.watch, language)) }
            { refusals(&props.opened, language) }
            if !card.sentences.is_empty() {
                <section class="demo-sentences"><h2>{ t.sentences }</h2><ul>{ for card.sentences.iter().map(|one| sentence(one, language)) }</ul></section>
            }
            if has_more(card) {
                if *is_revealed {
                    { section(t.revealed, own(&card.reveal, language)) }
                    { section(t.why, own(&card.why, language)) }
                } else {
                    <button class="plain" data-test-id="reveal" onclick={reveal}>{ t.reveal }</button>
                }
            }
            if let Some(dial) = &card.dial { { turning(dial, props) } }
        </div>
    }
}

fn has_more(card: &CardOf) -> bool {
    !card.reveal.en.is_empty() || !card.why.en.is_empty() || !card.reveal.ko.is_empty() || !card.why.ko.is_empty()
}

fn guess(place: usize, answer: &Answer, chosen: &UseStateHandle<Option<usize>>, language: Language) -> Html {
    let t = texts::of(language);
    let is_chosen = **chosen == Some(place);
    let onclick = {
        let chosen = chosen.clone();
        Callback::from(move |_: MouseEvent| chosen.set(Some(place)))
    };
    let (class, word) = if answer.right { ("is-right", t.answer_right) } else { ("is-wrong", t.answer_wrong) };
    html! {
        <li class={classes!(is_chosen.then_some(class))}>
            <button class="plain" data-test-id="answer" aria-pressed={is_chosen.to_string()} {onclick}>{ own(&answer.text, language) }</button>
            <p role="status" data-test-id="reply">
                if is_chosen {
                    <b>{ icon(if answer.right { Glyph::Tick } else { Glyph::Close }) }{ word }</b>{ " " }{ own(&answer.reply, language) }
                }
            </p>
        </li>
    }
}

fn sentence(sentence: &Sentence, language: Language) -> Html {
    let t = texts::of(language);
    let word = if sentence.holds { t.sentence_holds } else { t.sentence_fails };
    html! {
        <li>
            <details>
                <summary>{ own(&sentence.text, language) }</summary>
                <p><b>{ word }</b>{ " " }{ own(&sentence.verdict, language) }</p>
            </details>
            if !sentence.demo.is_empty() {
                <a href={format!("#demo/{}", sentence.demo)}>{ t.sentence_try }</a>
            }
        </li>
    }
}

/// Producers that the Java client refuses to make: their programs send nothing.
fn refusals(opened: &Opened, language: Language) -> Html {
    let t = texts::of(language);
    let lines = opened.refused.iter().map(|(lane, producer, words)| {
        let lane = (opened.lanes.len() > 1).then(|| fill(t.lane, &[&letter(*lane as usize)]));
        html! {
            <p class="verdict" data-test-id="refused-producer">
                <strong>{ lane.map(|lane| format!("{lane}, ")) }{ fill(t.refused_producer, &[&(producer + 1)]) }</strong><code lang="en">{ words.clone() }</code>
            </p>
        }
    });
    html! { { for lines } }
}

fn turning(dial: &Dial, props: &CardProps) -> Html {
    let t = texts::of(props.language);
    let positions = dial.values.iter().enumerate().map(|(place, value)| {
        let is_here = props.opened.dial_at.is_some_and(|at| at as usize == place);
        let turn = {
            let (theatre, key, value) = (props.theatre.clone(), dial.key.clone(), value.clone());
            Callback::from(move |_: MouseEvent| theatre.turn(&key, &value))
        };
        html! {
            <button class="plain mono" data-test-id="dial" data-value={value.to_string()} aria-pressed={is_here.to_string()} onclick={turn}>{ value.to_string() }</button>
        }
    });
    html! {
        <section class="demo-dial">
            <h2>{ t.turn }</h2>
            <p><code>{ dial.key.to_string() }</code>{ " " }{ own(&dial.hint, props.language) }</p>
            <div role="group" aria-label={dial.key.to_string()}>{ for positions }</div>
        </section>
    }
}

/// What a lane is called: A, B, C.
pub(super) fn letter(lane: usize) -> char {
    ['A', 'B', 'C'].get(lane).copied().unwrap_or('?')
}
