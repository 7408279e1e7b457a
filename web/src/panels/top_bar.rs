//! Name, world, language, theme.

use producer_core::bridge::World;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::connect::deserted;
use crate::breaking;
use crate::demo::Menu;
use crate::icons::{Glyph, icon};
use crate::texts::{Language, Texts, fill};
use crate::view::{Link, View};

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    /// As in `<html data-theme>`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark => Self::Light,
        }
    }
}

/// What the bar changes.
#[derive(Clone, Debug)]
pub(crate) struct Choices {
    pub(crate) on_connect: Callback<()>,
    pub(crate) on_language: Callback<Language>,
    pub(crate) on_theme: Callback<Theme>,
}

/// The bar at the top.
pub(crate) fn top_bar(view: &View, theme: Theme, language: Language, choices: &Choices) -> Html {
    let t = language.texts();
    html! {
        <header class="top-bar">
            <a class="skip" href="#key">{ t.skip_to_send }</a>
            <span class="brand">{ icon(Glyph::Logo) }{ t.name }</span>
            <Menu {language} />
            { badge(view.world.as_ref(), t) }
            <a class="to-break" href={breaking::FRAGMENT} data-test-id="break">{ breaking::name(language)[0] }</a>
            { link_state(&view.link, t) }
            if deserted(view).is_some() {
                <span class="link is-lost" data-test-id="brokers-down" role="status">{ t.brokers_down_short }</span>
            }
            <span class="top-bar-space" />
            <button class="plain" data-test-id="connect" onclick={choices.on_connect.reform(|_: MouseEvent| ())}>
                { icon(Glyph::Plug) }
                <span class="word">{ if view.link == Link::InPage { t.connect } else { t.connect_change } }</span>
            </button>
            { language_and_theme(language, theme, &choices.on_language, &choices.on_theme) }
        </header>
    }
}

/// How the page is to look: the same in every top bar.
pub(crate) fn language_and_theme(
    language: Language,
    theme: Theme,
    on_language: &Callback<Language>,
    on_theme: &Callback<Theme>,
) -> Html {
    let t = language.texts();
    let onchange = on_language.reform(|event: Event| {
        let select = event.target_dyn_into::<HtmlSelectElement>();
        select.and_then(|select| Language::from_code(&select.value())).unwrap_or_default()
    });
    let theme_word = if theme == Theme::Light { t.theme_to_dark } else { t.theme_to_light };
    let other_theme = on_theme.reform(move |_: MouseEvent| theme.other());
    html! {
        <>
            <span class="language">{ icon(Glyph::Globe) }
                <select class="quiet" data-test-id="language" aria-label={t.language} {onchange}>
                    // Codes, the same in both languages: who cannot read the page must find their own.
                    <option value="en" lang="en" selected={language == Language::English}>{ "EN" }</option>
                    <option value="ko" lang="ko" selected={language == Language::Korean}>{ "KO" }</option>
                </select>
            </span>
            <button class="quiet" data-test-id="theme" onclick={other_theme} aria-label={theme_word} title={theme_word}>
                { icon(if theme == Theme::Light { Glyph::Moon } else { Glyph::Sun }) }
            </button>
        </>
    }
}

/// Simulated or real: always there.
pub(crate) fn badge(world: Option<&World>, t: &'static Texts) -> Html {
    let (code, words, title) = match world {
        None => ("none", t.badge_waiting.to_owned(), ""),
        Some(World::InPage) => ("in-page", t.badge_in_page.to_owned(), t.badge_in_page_title),
        Some(World::Embedded) => ("embedded", t.badge_embedded.to_owned(), t.badge_embedded_title),
        Some(World::Cluster { name, .. }) => {
            let words =
                name.as_ref().map_or_else(|| t.badge_cluster_unnamed.to_owned(), |name| fill(t.badge_cluster, &[name]));
            ("cluster", words, t.badge_cluster_title)
        }
    };
    let sign = if code == "cluster" {
        icon(Glyph::Plug)
    } else {
        html! { <i class="ring" /> }
    };
    let short = match world {
        None => t.badge_waiting,
        Some(World::InPage) => t.badge_in_page_short,
        Some(World::Embedded) => t.badge_embedded_short,
        Some(World::Cluster { .. }) => t.badge_cluster_short,
    };
    html! {
        <span class={classes!("badge", format!("is-{code}"))} data-test-id="badge" data-world={code} {title}>
            { sign }<span class="word for-wide">{ words }</span><span class="word for-narrow">{ short }</span>
        </span>
    }
}

fn link_state(link: &Link, t: &Texts) -> Html {
    let (code, words) = match link {
        Link::InPage => ("in-page", String::new()),
        Link::Connecting => ("connecting", t.link_connecting.to_owned()),
        Link::Open => ("open", t.link_open.to_owned()),
        Link::Lost { attempt } => ("lost", fill(t.link_lost, &[attempt])),
        Link::Ended(_) => ("ended", t.link_ended.to_owned()),
    };
    html! { <span class={classes!("link", format!("is-{code}"))} data-test-id="link" data-state={code} role="status">{ words }</span> }
}
