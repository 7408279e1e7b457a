//! Above the pipeline: which settings differ from the defaults, what the client remarked about them, and what a change
//! that was asked for waits for.

use std::sync::Arc;

use producer_core::bridge::World;
use producer_core::config::{ConfigNotice, ProducerConfig};
use web_sys::Element;
use yew::prelude::*;

use super::settings::notice_text;
use crate::icons::{Glyph, icon};
use crate::settings::{Properties, to_text};
use crate::texts::{Language, Texts, fill};
use crate::view::{Link, View};

/// Settings shown one by one; the others are counted.
const CHIPS: usize = 2;

/// The chips. Where there is no room for them, one list has all settings.
pub(crate) fn chips(view: &View, language: Language) -> Html {
    let t = language.texts();
    let settings = &view.config.properties;
    let waiting = applying(view, language);
    // What is asked for is news, and what it replaces is not.
    let shown = if waiting.is_some() { 0 } else { settings.len().min(CHIPS) };
    let changed = html! {
        <>
            <span class="for-wide">{ format!("+{}", settings.len() - shown) }</span>
            <span class="for-narrow">{ fill(t.settings_changed, &[&settings.len()]) }</span>
        </>
    };
    let class = if shown == settings.len() { "mono is-whole" } else { "mono" };
    let notices: Vec<String> = view.config.notices.iter().map(|notice| notice_text(notice, t)).collect();
    html! {
        <>
            { for waiting }
            { for settings[..shown].iter().map(|setting| chip(setting, &view.config.notices, t)) }
            if !settings.is_empty() { { disclosure("changed", class, t.settings_all, changed, lines(settings)) } }
            if !notices.is_empty() {
                { disclosure("notices", "is-notice", t.settings_notices, html! { <>{ icon(Glyph::Warning) }{ " " }{ notices.len() }</> }, notices) }
            }
        </>
    }
}

/// One setting with its value, and what it would be, or that it does nothing.
fn chip((key, value): &(Arc<str>, Arc<str>), notices: &[ConfigNotice], t: &'static Texts) -> Html {
    let is_idle = |notice: &ConfigNotice| matches!(notice, ConfigNotice::NoEffect { key: idle } if idle == key);
    let default = ProducerConfig::properties().find(|property| *property.name == **key).map(|known| known.default);
    let remark = match default {
        _ if notices.iter().any(is_idle) => t.settings_no_effect.to_owned(),
        Some("") => t.settings_no_default.to_owned(),
        Some(default) => fill(t.settings_default, &[&default]),
        None => String::new(),
    };
    let words = format!("{key} {value} {remark}");
    html! {
        <span class="setting-chip mono" data-test-id="setting-chip" title={words}>
            <span>{ key.to_string() }</span><b>{ value.to_string() }</b><span class="caption">{ remark }</span>
        </span>
    }
}

/// A change that was asked for and is not in force: what it waits for, and what it is.
fn applying(view: &View, language: Language) -> Option<Html> {
    let t = language.texts();
    let (waits, asked) = (waits_for(view, t)?, view.asked.as_ref()?);
    let out = view.counts().waiting;
    let words = match out {
        1.. if waits == t.settings_asked => fill(t.settings_asked_out, &[&language.number(out)]),
        _ => waits.to_owned(),
    };
    Some(disclosure("applying", "", t.settings_waiting, words.into(), lines(asked)))
}

/// What a change of settings that was asked for waits for; `None`: none was.
pub(crate) fn waits_for(view: &View, t: &'static Texts) -> Option<&'static str> {
    let stands_still = view.world == Some(World::InPage) && !view.clock.running;
    Some(match (&view.link, &view.asked) {
        (_, None) => return None,
        _ if view.fetches_codecs => t.settings_fetches_codecs,
        (Link::InPage | Link::Open, _) if !stands_still => t.settings_asked,
        (Link::InPage | Link::Open, _) => t.settings_asked_paused,
        _ => t.settings_asked_lost,
    })
}

fn lines(properties: &[(Arc<str>, Arc<str>)]) -> Vec<String> {
    let properties: Properties = properties.to_vec();
    to_text(&properties).lines().map(str::to_owned).collect()
}

/// A chip that opens a list below it, over whatever stands there: with a key, a finger or the mouse.
fn disclosure(test_id: &'static str, class: &'static str, words: &'static str, chip: Html, lines: Vec<String>) -> Html {
    html! {
        <details class={classes!("told", class)} onkeydown={close_on_escape}>
            <summary class="setting-chip" data-test-id={test_id} title={words}><span class="unseen">{ words }</span><span>{ chip }</span></summary>
            <ul>{ for lines.into_iter().map(|line| html! { <li data-test-id={format!("{test_id}-line")}>{ line }</li> }) }</ul>
        </details>
    }
}

fn close_on_escape(event: KeyboardEvent) {
    let details = event.target_dyn_into::<Element>().and_then(|element| element.closest("details").ok().flatten());
    if let Some(details) = details.filter(|details| details.has_attribute("open") && event.code() == "Escape") {
        event.stop_propagation();
        let _ = details.remove_attribute("open");
    }
}
