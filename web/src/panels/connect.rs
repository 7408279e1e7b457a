//! The way to a bridge: one pasted line.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::alerts::address_error;
use crate::address::{BridgeAddress, PRINTED_LINE};
use crate::format;
use crate::icons::{Glyph, icon};
use crate::texts::{Language, Texts, fill};
use crate::view::{Ending, Link, Trial, View};
use producer_core::bridge::{BRIDGE_VERSION, World};
use producer_core::time::Instant;

/// Properties of [`Connect`].
#[derive(Properties, PartialEq)]
pub(crate) struct ConnectProps {
    pub(crate) language: Language,
    /// The way to the world as it is.
    pub(crate) link: Link,
    /// What became of the line that was pasted.
    pub(crate) trial: Trial,
    /// A line was read.
    pub(crate) on_connect: Callback<BridgeAddress>,
    /// Back to the brokers in this page.
    pub(crate) on_leave: Callback<()>,
    /// Never mind.
    pub(crate) on_close: Callback<()>,
}

/// The dialog.
#[component]
pub(crate) fn Connect(props: &ConnectProps) -> Html {
    let t = props.language.texts();
    let line = use_state(String::new);
    let error = use_state(|| None);
    let input = use_node_ref();
    {
        let input = input.clone();
        use_effect_with((), move |()| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                let _ = input.focus();
            }
        });
    }
    let oninput = {
        let line = line.clone();
        Callback::from(move |event: InputEvent| {
            line.set(event.target_dyn_into::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default());
        })
    };
    let onsubmit = {
        let (line, error, on_connect) = (line.clone(), error.clone(), props.on_connect.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            match BridgeAddress::parse(&line) {
                Ok(address) => {
                    error.set(None);
                    on_connect.emit(address);
                }
                Err(reason) => error.set(Some(reason)),
            }
        })
    };
    let close = props.on_close.reform(|_: MouseEvent| ());
    let leave = props.on_leave.reform(|_: MouseEvent| ());
    html! {
        <section class="drawer connect-drawer" role="dialog" aria-label={t.connect_title}>
            <header>
                <h2>{ t.connect_title }</h2>
                <button class="quiet" data-test-id="connect-close" onclick={close} aria-label={t.close} title={t.close}>{ icon(Glyph::Close) }</button>
            </header>
            <p>{ t.connect_explained }</p>
            // A page that a bridge serves is let in by that bridge.
            if props.link == Link::InPage {
                <p class="caption">{ t.connect_origin }{ " " }<code>{ format!("--allow-origin {}", origin()) }</code></p>
            }
            <form {onsubmit}>
                <label for="connect-line">{ t.connect_line }</label>
                <input id="connect-line" class="mono" data-test-id="connect-line" ref={input} value={(*line).clone()}
                    placeholder={PRINTED_LINE} autocomplete="off" spellcheck="false" {oninput} />
                if let Some(reason) = *error {
                    <p class="problem" role="alert" data-test-id="connect-error">{ icon(Glyph::Warning) }{ address_error(reason, t) }</p>
                }
                if let (Trial::Failed(ending), None) = (&props.trial, *error) { { failure(ending, &line, t) } }
                <button class="primary" data-test-id="connect-go" disabled={props.trial == Trial::Trying}>
                    { if props.trial == Trial::Trying { t.link_connecting } else { t.connect_go } }
                </button>
            </form>
            if props.link != Link::InPage {
                <button class="plain" data-test-id="leave-bridge" onclick={leave}>{ t.connect_leave }</button>
            }
        </section>
    }
}

/// Where this page came from.
fn origin() -> String {
    web_sys::window().and_then(|window| window.location().origin().ok()).unwrap_or_default()
}

/// A bridge that was tried and did not come about; `line` leads there. Whoever is not let in may open the bridge's own page.
fn failure(ending: &Ending, line: &str, t: &'static Texts) -> Html {
    let Told { verdict, advice, command } = ended(ending, t);
    let elsewhere = match ending {
        Ending::NotAdmitted { own: false } => BridgeAddress::parse(line).ok(),
        _ => None,
    };
    html! {
        <div class="connect-failed" role="alert" data-test-id="connect-error">
            <p class="problem">{ icon(Glyph::Warning) }{ verdict }</p>
            <p>{ advice }</p>
            if let Some(command) = command { <p><code lang="en">{ command }</code></p> }
            if let Some(address) = elsewhere {
                <button type="button" class="plain" data-test-id="connect-open" onclick={open(&address)}>
                    { fill(t.connect_open, &[&address.host]) }
                </button>
            }
        </div>
    }
}

/// Opens a bridge's own page beside this one, which keeps what it holds. The token goes into no link: those are copied.
fn open(address: &BridgeAddress) -> Callback<MouseEvent> {
    let line = address.line();
    Callback::from(move |_| {
        if let Some(window) = web_sys::window() {
            // Where the browser forbids it, the line can still be pasted into its address bar.
            let _ = window.open_with_url_and_target_and_features(&line, "_blank", "noopener");
        }
    })
}

/// What can be done about a bridge that is gone, or did not come about.
#[derive(Clone, Debug)]
pub(crate) struct Remedies {
    /// Try the same bridge once more.
    pub(crate) on_again: Callback<()>,
    /// Back to the brokers in this page.
    pub(crate) on_leave: Callback<()>,
    /// Another line.
    pub(crate) on_connect: Callback<()>,
    /// Never mind the bridge that was tried.
    pub(crate) on_forget: Callback<()>,
}

/// Where the bridge is gone: what that means, and what to do. Stays until it is no longer true.
pub(crate) fn link_trouble(view: &View, remedies: &Remedies, t: &'static Texts) -> Html {
    let Remedies { on_again, on_leave, on_connect, on_forget } = remedies;
    let again = ("connect-again", t.connect_again, on_again);
    let other = ("connect-other", t.connect, on_connect);
    let leave = ("leave-bridge", t.connect_leave, on_leave);
    match (&view.link, &view.trial) {
        (Link::Lost { .. }, _) => {
            let told = Told { advice: Some(t.lost_explained.to_owned()), ..Told::verdict(t.lost) };
            trouble(told, &[other, leave])
        }
        (Link::Ended(ending), _) => trouble(ended(ending, t), &[again, other, leave]),
        // A bridge that was tried without the dialog: by the address of this page.
        (_, Trial::Failed(ending)) => trouble(ended(ending, t), &[other, ("forget-trial", t.dismiss, on_forget)]),
        _ => Html::default(),
    }
}

/// Since when no broker answers, as far as the world can be heard.
pub(crate) fn deserted(view: &View) -> Option<Instant> {
    view.scene.deserted_since().filter(|_| view.link.is_up())
}

/// Where no broker answers: which, since when, and what can be done. Stays until one does.
pub(crate) fn brokers_trouble(view: &View, t: &'static Texts) -> Html {
    let Some(since) = deserted(view) else { return Html::default() };
    let brokers = view.topology.brokers.iter().map(|broker| match &broker.address {
        Some(address) => format!("{} ({address})", broker.node),
        None => broker.node.to_string(),
    });
    let mut brokers = brokers.collect::<Vec<_>>().join(", ");
    if brokers.is_empty() {
        t.bootstrap.clone_into(&mut brokers);
    }
    let since = format::moment(since);
    let advice = if view.world == Some(World::InPage) { t.brokers_down_in_page } else { t.brokers_down_advice };
    let verdict = fill(t.brokers_down, &[&brokers, &since]);
    html! {
        <div class="alert" data-test-id="brokers-trouble" role="alert">
            { icon(Glyph::Warning) }
            <p><strong>{ verdict }</strong><span>{ advice }</span></p>
        </div>
    }
}

fn trouble(Told { verdict, advice, command }: Told, actions: &[(&'static str, &'static str, &Callback<()>)]) -> Html {
    let buttons = actions.iter().map(|(test_id, word, action)| {
        html! {
            <button class="plain" data-test-id={*test_id} onclick={action.reform(|_: MouseEvent| ())}>{ *word }</button>
        }
    });
    html! {
        <div class="alert" data-test-id="link-trouble" role="alert">
            { icon(Glyph::Warning) }
            <p>
                <strong>{ verdict }</strong>
                if let Some(advice) = advice { <span>{ advice }</span> }
                if let Some(command) = command { <code lang="en">{ command }</code> }
            </p>
            <span class="alert-actions">{ for buttons }</span>
        </div>
    }
}

/// What happened to a bridge, what to do, and the command that does it.
struct Told {
    verdict: String,
    advice: Option<String>,
    command: Option<String>,
}

impl Told {
    fn verdict(verdict: impl Into<String>) -> Self {
        Self { verdict: verdict.into(), advice: None, command: None }
    }
}

fn ended(ending: &Ending, t: &Texts) -> Told {
    match ending {
        Ending::NotAdmitted { own: true } => {
            Told { advice: Some(t.ended_not_admitted_own.to_owned()), ..Told::verdict(t.ended_not_admitted) }
        }
        Ending::NotAdmitted { own: false } => Told {
            verdict: t.ended_not_admitted.to_owned(),
            advice: Some(fill(t.ended_not_admitted_advice, &[&origin()])),
            command: Some(format!("cargo xtask play --allow-origin {}", origin())),
        },
        Ending::OldToken => {
            Told { advice: Some(t.ended_old_token_advice.to_owned()), ..Told::verdict(t.ended_old_token) }
        }
        Ending::OtherVersion(version) => {
            let theirs = version.map_or_else(|| "?".to_owned(), |version| version.to_string());
            Told::verdict(fill(t.ended_other_version, &[&BRIDGE_VERSION, &theirs]))
        }
        Ending::TakenOver => Told::verdict(t.ended_taken_over),
        Ending::Unreadable => Told::verdict(t.ended_unreadable),
        Ending::Refused(reason) => Told { advice: Some(reason.to_string()), ..Told::verdict(t.ended_refused) },
    }
}
