//! Producer settings: Kafka's names, what was changed, and the client's verdict before anything is applied.

use std::sync::Arc;

use producer_core::config::{
    ConfigNotice, EscapeFault, Kind, OtherForm, ProducerConfig, Property, tell_lines_without_key,
};
use producer_core::serializer::{Half, Serializer};
use web_sys::{Element, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};
use yew::prelude::*;

use crate::config_texts::{Group, Meaning};
use crate::icons::{Glyph, icon};
use crate::settings::{
    Properties, Serializers, TextError, Verdict, from_text, judge, serializer_key, split, to_text, value_of, with,
};
use crate::texts::{Language, Texts, fill};

/// Kafka's setting of where to connect.
const ADDRESS_KEY: &str = "bootstrap.servers";

/// Properties of [`Settings`].
#[derive(Clone, yew::Properties, PartialEq)]
pub(crate) struct SettingsProps {
    pub(crate) language: Language,
    /// What the producer runs with.
    pub(crate) in_force: Properties,
    /// What the composer makes bytes with, for key and value.
    pub(crate) in_composer: [Serializer; 2],
    /// Are the brokers simulated, and with them the codecs?
    pub(crate) is_simulated: bool,
    /// What was asked for and is not in force yet, and what it waits for.
    pub(crate) asked: Option<(Properties, &'static str)>,
    /// May a new producer be asked for?
    pub(crate) can_apply: bool,
    /// Make a producer with these.
    pub(crate) on_apply: Callback<Properties>,
    /// Compose for this serialiser.
    pub(crate) on_serializer: Callback<(Half, Serializer)>,
    pub(crate) on_close: Callback<()>,
}

/// The panel over the right side. Nothing else moves when it opens.
#[component]
pub(crate) fn Settings(props: &SettingsProps) -> Html {
    let language = props.language;
    let t = language.texts();
    let edited = use_state(|| wanted(props).clone());
    // Serialisers that were written and are others than the composer's.
    let named = use_state(Serializers::new);
    // What is typed as text, until it can be read.
    let text = use_state(|| None::<String>);
    // Was it as text that something was changed last? What is said about it stands below the text then.
    let in_text = use_state(|| false);
    let search = use_state(String::new);
    let first = use_node_ref();
    {
        let first = first.clone();
        use_effect_with((), move |()| {
            if let Some(first) = first.cast::<HtmlInputElement>() {
                let _ = first.focus();
            }
        });
    }
    let lines = serializer_lines(&named, props.in_composer);
    let shown_text = (*text).clone().unwrap_or_else(|| to_text(&[lines.clone(), (*edited).clone()].concat()));
    let mut verdict = judge(&edited, props.is_simulated);
    let bad_text = text.as_ref().and_then(|text| from_text(text).err());
    if !matches!(bad_text, Some(TextError::OtherForm(..))) {
        tell_lines_without_key(&mut verdict.notices, &shown_text);
    }
    let on_change = {
        let (edited, text, in_text) = (edited.clone(), text.clone(), in_text.clone());
        Callback::from(move |properties| {
            text.set(None);
            in_text.set(false);
            edited.set(properties);
        })
    };
    let on_text = {
        let (edited, named, text, in_composer) = (edited.clone(), named.clone(), text.clone(), props.in_composer);
        let (in_text, before) = (in_text.clone(), wanted(props).clone());
        Callback::from(move |event: InputEvent| {
            let typed = event.target_dyn_into::<HtmlTextAreaElement>().map(|area| area.value()).unwrap_or_default();
            match from_text(&typed) {
                Ok(properties) => {
                    let (properties, mut serializers) = split(properties);
                    serializers.retain(|(half, class)| **class != *composers(in_composer, *half).java_class());
                    edited.set(properties);
                    named.set(serializers);
                }
                // What was read of it while it was typed meant nothing.
                Err(TextError::OtherForm(..)) => {
                    edited.set(before.clone());
                    named.set(Serializers::new());
                }
                Err(TextError::Escape(_)) => {}
            }
            text.set(Some(typed));
            in_text.set(true);
        })
    };
    let on_search = {
        let search = search.clone();
        Callback::from(move |event: InputEvent| {
            let typed = event.target_dyn_into::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default();
            search.set(typed);
        })
    };
    let apply = {
        let (edited, named, text, props) = (edited.clone(), named.clone(), text.clone(), props.clone());
        Callback::from(move |_: MouseEvent| {
            for (half, class) in &*named {
                Serializer::of_java_class(class).into_iter().for_each(|known| props.on_serializer.emit((*half, known)));
            }
            named.set(Serializers::new());
            text.set(None);
            if *edited != *wanted(&props) {
                props.on_apply.emit((*edited).clone());
            }
        })
    };
    let no_class = named.iter().find(|(_, class)| Serializer::of_java_class(class).is_none());
    let can_apply = props.can_apply
        && verdict.error.is_none()
        && verdict.forbidden.is_empty()
        && bad_text.is_none()
        && no_class.is_none()
        && (*edited != *wanted(props) || !named.is_empty());
    // As it was on opening: nothing was applied, nothing is to be said about it.
    let opened_with = use_memo((), |()| props.in_force.clone());
    let state = match &props.asked {
        Some((_, waits)) => (*waits).to_owned(),
        None if *edited == props.in_force && *opened_with != props.in_force => t.settings_in_force.to_owned(),
        None => fill(t.settings_changed, &[&(edited.len() + lines.len())]),
    };
    let verdicts = use_node_ref();
    {
        let verdicts = verdicts.clone();
        // Below the text it may lie out of sight.
        use_effect_with((*in_text, verdict.clone()), move |(in_text, _)| {
            if let Some(verdicts) = verdicts.cast::<Element>().filter(|_| *in_text) {
                verdicts.scroll_into_view_with_bool(false);
            }
        });
    }
    let told = verdict_box(&verdict, &named, *in_text, verdicts, t);
    let (above, below) = if *in_text { (Html::default(), told) } else { (told, Html::default()) };
    html! {
        <section class="drawer settings" role="dialog" aria-label={t.settings_title}>
            <header>
                <h2>{ t.settings_title }</h2>
                <span class="caption" role="status" data-test-id="settings-state">{ state }</span>
                <button class="primary" data-test-id="settings-apply" disabled={!can_apply} onclick={apply} title={t.settings_apply_note}>
                    { t.settings_apply }
                </button>
                <button class="quiet" data-test-id="settings-close" aria-label={t.close} title={t.close}
                    onclick={props.on_close.reform(|_: MouseEvent| ())}>{ icon(Glyph::Close) }</button>
            </header>
            <div class="settings-body">
                { above }
                <input class="settings-search" ref={first} type="search" data-test-id="settings-search" placeholder={t.settings_search}
                    aria-label={t.settings_search} value={(*search).clone()} oninput={on_search} />
                { groups(&search, &edited, &verdict, &on_change, language) }
                <label class="settings-text">
                    <span class="strong">{ t.settings_as_text }</span>
                    <textarea class="mono" data-test-id="settings-text" rows="5" spellcheck="false" value={shown_text} oninput={on_text} />
                </label>
                if let Some(error) = bad_text { <p class="problem" role="alert" data-test-id="settings-text-problem">{ text_error(error, t) }</p> }
                { below }
                <p class="caption">{ t.settings_apply_note }</p>
            </div>
        </section>
    }
}

/// What was asked for last, in force or not.
fn wanted(props: &SettingsProps) -> &Properties {
    props.asked.as_ref().map_or(&props.in_force, |(asked, _)| asked)
}

fn composers(in_composer: [Serializer; 2], half: Half) -> Serializer {
    let [key, value] = in_composer;
    match half {
        Half::Key => key,
        Half::Value => value,
    }
}

/// The serialisers as settings: those that were written, else the composer's; text is what a record holds if nobody says
/// otherwise.
fn serializer_lines(named: &Serializers, in_composer: [Serializer; 2]) -> Properties {
    let line = |half: Half| {
        let written = named.iter().find(|(named, _)| *named == half).map(|(_, class)| Arc::clone(class));
        let class = written.unwrap_or_else(|| composers(in_composer, half).java_class().into());
        (*class != *Serializer::String.java_class()).then(|| (serializer_key(half).into(), class))
    };
    [Half::Key, Half::Value].into_iter().filter_map(line).collect()
}

pub(crate) fn text_error(error: TextError, t: &Texts) -> String {
    let (words, line) = match error {
        TextError::Escape(error) => match error.fault {
            EscapeFault::Malformed => (t.settings_text_bad, error.line),
            EscapeFault::HalfACharacter => (t.settings_text_half, error.line),
        },
        TextError::OtherForm(OtherForm::SpringYaml, line) => (t.settings_text_yaml, line),
        TextError::OtherForm(OtherForm::LoggedValues, line) => (t.settings_text_log, line),
    };
    fill(words, &[&line])
}

fn groups(
    search: &str,
    edited: &Properties,
    verdict: &Verdict,
    on_change: &Callback<Properties>,
    language: Language,
) -> Html {
    let t = language.texts();
    let wanted = search.trim().to_lowercase();
    let rows = |group: Group| {
        let fits = move |property: &&Property| Meaning::of(property.name).is_some_and(|meaning| meaning.group == group);
        let wanted = wanted.clone();
        ProducerConfig::properties().filter(fits).filter(move |property| property.name.contains(&*wanted))
    };
    let sections: Vec<Html> = Group::ALL
        .into_iter()
        .filter(|group| rows(*group).next().is_some())
        .map(|group| {
            let (name, question) = group.words(t);
            let rows = rows(group).map(|property| {
                let at_fault =
                    verdict.error.as_ref().is_some_and(|error| error.keys.iter().any(|key| **key == *property.name));
                setting(property, edited, at_fault, on_change, language)
            });
            html! {
                <fieldset>
                    <legend>{ name }<span class="caption">{ question }</span></legend>
                    { for rows }
                </fieldset>
            }
        })
        .collect();
    if sections.is_empty() {
        return html! { <p class="caption">{ t.settings_nothing }</p> };
    }
    html! { { for sections } }
}

fn verdict_box(verdict: &Verdict, named: &Serializers, is_below: bool, place: NodeRef, t: &'static Texts) -> Html {
    let serializers = named.iter().map(|(half, class)| match Serializer::of_java_class(class) {
        Some(_) => html! {
            <p class="notice" data-test-id="settings-notice">{ fill(t.notice_serializer, &[&serializer_key(*half)]) }</p>
        },
        None => html! {
            <p class="problem" data-test-id="settings-serializer">
                { icon(Glyph::Warning) }{ fill(t.settings_no_class, &[&serializer_key(*half), class]) }
            </p>
        },
    });
    html! {
        <div ref={place} class={classes!("settings-verdicts", is_below.then_some("is-below"))} aria-live="polite">
            if let Some(error) = &verdict.error {
                <p class="verdict">
                    <strong>{ icon(Glyph::Warning) }{ t.settings_refused }</strong>
                    <code lang="en" data-test-id="settings-verdict">{ format!("ConfigException: {}", error.message) }</code>
                </p>
            }
            { for forbidden_texts(&verdict.forbidden, t).iter().map(|text| html! {
                <p class="problem" data-test-id="settings-forbidden">{ icon(Glyph::Warning) }{ text }</p>
            }) }
            { for serializers }
            { for verdict.notices.iter().map(|notice| html! {
                <p class="notice" data-test-id="settings-notice">{ notice_text(notice, t) }</p>
            }) }
        </div>
    }
}

/// What to do about keys that are the bridge's to set: of where to connect, which is in nearly every file that is pasted, and
/// of the others.
fn forbidden_texts(keys: &[Arc<str>], t: &Texts) -> Vec<String> {
    let (address, others): (Vec<_>, Vec<_>) = keys.iter().map(|key| key.trim()).partition(|key| *key == ADDRESS_KEY);
    let address = address.first().map(|_| t.settings_forbidden_address.to_owned());
    let others = (!others.is_empty()).then(|| fill(t.settings_forbidden, &[&others.join(", ")]));
    address.into_iter().chain(others).collect()
}

/// A notice in a sentence.
pub(crate) fn notice_text(notice: &ConfigNotice, t: &Texts) -> String {
    match notice {
        ConfigNotice::UnknownKey { key, nearest: Some(nearest) } => fill(t.notice_unknown_nearest, &[key, nearest]),
        ConfigNotice::UnknownKey { key, nearest: None } => fill(t.notice_unknown, &[key]),
        // Of the reconnect back-off alone.
        ConfigNotice::SilentlyChanged { key, from, to, because_of } if from == to => {
            fill(t.notice_unchanged, &[key, to, because_of])
        }
        ConfigNotice::SilentlyChanged { key, from, to, because_of } => {
            fill(t.notice_changed, &[key, from, to, because_of])
        }
        ConfigNotice::NoEffect { key } => fill(t.notice_no_effect, &[key]),
        ConfigNotice::Deprecated { key, instead: Some(instead) } => fill(t.notice_deprecated_instead, &[key, instead]),
        ConfigNotice::Deprecated { key, instead: None } => fill(t.notice_deprecated, &[key]),
        ConfigNotice::LevelWithoutEffect { key } => fill(t.notice_no_level, &[key]),
        ConfigNotice::DuplicatesRemoved { key, .. } => fill(t.notice_duplicates, &[key]),
        ConfigNotice::NoKey { line: Some(line) } => fill(t.notice_no_key_in_line, &[line]),
        ConfigNotice::NoKey { line: None } => t.notice_no_key.to_owned(),
    }
}

fn setting(
    property: &'static Property,
    edited: &Properties,
    at_fault: bool,
    on_change: &Callback<Properties>,
    language: Language,
) -> Html {
    let t = language.texts();
    let Some(meaning) = Meaning::of(property.name) else { return Html::default() };
    let changed = value_of(edited, property.name);
    let value = changed.unwrap_or(property.default);
    let set = {
        let (edited, on_change) = (edited.clone(), on_change.clone());
        Callback::from(move |value: String| {
            on_change.emit(with(&edited, property.name, &value, property.default));
        })
    };
    let back = match property.default {
        "" => t.settings_no_default.to_owned(),
        default => fill(t.settings_reset, &[&default]),
    };
    let reset = set.reform(|_: MouseEvent| property.default.to_owned());
    let classes = classes!("setting", changed.map(|_| "is-changed"), at_fault.then_some("is-at-fault"));
    html! {
        <div class={classes} key={property.name}>
            <label class="mono" for={format!("setting-{}", property.name)}>{ in_parts(property.name) }</label>
            if changed.is_some() {
                <button class="quiet mono" onclick={reset} title={back}>
                    { property.default }{ icon(Glyph::Reset) }
                </button>
            }
            <span class="setting-field">
                { field(property, value, &set) }
                <span class="caption">{ meaning.unit }</span>
            </span>
            <p class="caption">{ meaning.text(language) }</p>
        </div>
    }
}

/// A list where only some values are allowed, else a line of text: what is typed is judged by the client.
fn field(property: &'static Property, value: &str, on_set: &Callback<String>) -> Html {
    let id = format!("setting-{}", property.name);
    let choices: &[&str] = match property.kind {
        Kind::Boolean => &["true", "false"],
        Kind::OneOf(allowed) => allowed,
        _ => &[],
    };
    if !choices.contains(&value) {
        let oninput = on_set.reform(|event: InputEvent| {
            event.target_dyn_into::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default()
        });
        return html! {
            <input id={id.clone()} class="mono" data-test-id={id} value={value.to_owned()} autocomplete="off" spellcheck="false" {oninput} />
        };
    }
    let onchange = on_set.reform(|event: Event| {
        event.target_dyn_into::<HtmlSelectElement>().map(|select| select.value()).unwrap_or_default()
    });
    let options = choices.iter().map(|choice| {
        html! { <option value={*choice} selected={*choice == value}>{ *choice }</option> }
    });
    html! { <select id={id.clone()} class="mono" data-test-id={id} {onchange}>{ for options }</select> }
}

/// A key that may go on in the next line behind each of its dots, and nowhere else.
fn in_parts(key: &'static str) -> Html {
    key.split_inclusive('.').map(|part| html! { <>{ part }<wbr /></> }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_line_that_says_where_to_connect_the_page_says_who_says_so_and_that_it_must_go() {
        let keys = |keys: &[&str]| keys.iter().map(|&key| key.into()).collect::<Vec<Arc<str>>>();
        for language in [Language::English, Language::Korean] {
            let t = language.texts();
            let address = t.settings_forbidden_address;
            let others = fill(t.settings_forbidden, &[&"security.protocol, ssl.protocol"]);
            assert_eq!(forbidden_texts(&keys(&["bootstrap.servers"]), t), [address]);
            assert_eq!(forbidden_texts(&keys(&["security.protocol", "ssl.protocol"]), t), [&*others]);
            let all = keys(&["security.protocol", "bootstrap.servers", "ssl.protocol"]);
            assert_eq!(forbidden_texts(&all, t), [address, &*others]);
            assert!(forbidden_texts(&[], t).is_empty());
        }
    }

    #[test]
    fn of_a_line_without_a_key_the_page_says_its_number() {
        let text = "acks=all\n=5\n";
        for (language, begins) in [(Language::English, "Line 2 "), (Language::Korean, "2번째 줄")] {
            let mut notices = judge(&from_text(text).expect("readable"), false).notices;
            tell_lines_without_key(&mut notices, text);
            let [notice] = &notices[..] else { panic!("{notices:?}") };
            let told = notice_text(notice, language.texts());
            assert!(told.starts_with(begins), "{told}");
        }
    }

    #[test]
    fn what_is_pasted_in_another_form_is_told_with_its_line_and_nothing_of_it_is_set() {
        for (text, line, word) in [
            ("# ours\nspring: # boot\n  kafka:\n    producer:\n      acks: 1\n", 2, "YAML"),
            ("12:00 INFO ProducerConfig values: \n\tacks = -1\n\tlinger.ms = 5\n", 1, "Java client"),
        ] {
            let error = from_text(text).expect_err("another form");
            for (language, begins) in
                [(Language::English, format!("Line {line}:")), (Language::Korean, format!("{line}번째 줄:"))]
            {
                let told = text_error(error, language.texts());
                assert!(told.starts_with(&begins) && told.contains(word), "{told}");
            }
        }
    }
}
