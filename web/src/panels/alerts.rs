//! What a person should know, until it is dismissed.

use std::sync::Arc;

use producer_core::bridge::{BadRequest, MAX_FRAME_BYTES, Refusal};
use yew::prelude::*;

use crate::address::AddressError;
use crate::alerts::Alert;
use crate::driver::Driver;
use crate::icons::{Glyph, icon};
use crate::ledger::Stopped;
use crate::texts::{Language, Texts, fill};

/// One alert below the other, newest last; the driver is told what was dismissed.
pub(crate) fn alerts(alerts: &[Alert], driver: &Driver, language: Language) -> Html {
    let t = language.texts();
    let alerts = alerts.iter().map(|alert| {
        let dismiss = {
            let (driver, alert) = (driver.clone(), alert.clone());
            Callback::from(move |_: MouseEvent| driver.dismiss(&alert))
        };
        let (verdict, words) = sentence(alert, language, t);
        // What a person asked for is no trouble.
        let (class, role, sign) = match alert {
            Alert::Stopped(_) => ("alert is-told", "status", Html::default()),
            _ => ("alert", "alert", icon(Glyph::Warning)),
        };
        html! {
            <div {class} data-test-id="alert" {role}>
                { sign }
                <p>
                    <strong>{ verdict }</strong>
                    if let Some(words) = words { <code lang="en">{ words }</code> }
                </p>
                { again(alert, driver, t) }
                <button class="quiet" data-test-id="alert-dismiss" onclick={dismiss} aria-label={t.dismiss} title={t.dismiss}>
                    { icon(Glyph::Close) }
                </button>
            </div>
        }
    });
    html! { <div class="alerts">{ for alerts }</div> }
}

/// What can be tried once more, as a button.
fn again(alert: &Alert, driver: &Driver, t: &'static Texts) -> Html {
    let Alert::CodecsMissing { properties, .. } = alert else { return Html::default() };
    let (driver, alert, properties) = (driver.clone(), alert.clone(), properties.clone());
    let onclick = Callback::from(move |_: MouseEvent| {
        driver.dismiss(&alert);
        driver.configure(properties.clone());
    });
    html! { <button class="plain" data-test-id="alert-again" {onclick}>{ t.connect_again }</button> }
}

/// The verdict in the reader's language, and Kafka's own words where there are some.
fn sentence(alert: &Alert, language: Language, t: &Texts) -> (String, Option<String>) {
    match alert {
        Alert::SendRefused { count, why } => {
            let count = fill(t.alert_not_sent, &[&language.number(*count)]);
            (format!("{count}: {}", refusal(why, language, t)), None)
        }
        Alert::Stopped(Stopped { called, never }) => {
            let all = [*called, called + never, *never].map(|count| language.number(count));
            (fill(t.alert_stopped, &[&all[0], &all[1], &all[2]]), None)
        }
        Alert::ConfigRefused(error) => (t.settings_refused.to_owned(), Some(error.message.to_string())),
        Alert::CodecsMissing { reason, .. } => {
            (t.alert_codecs_missing.to_owned(), Some(reason.clone()).filter(|reason| !reason.is_empty()))
        }
        Alert::ConfigForbidden(keys) => (fill(t.settings_forbidden, &[&keys.join(", ")]), None),
        Alert::BadRequest(why) => (bad_request(*why, language, t), None),
        Alert::Omitted { report, bytes, limit } => {
            (fill(t.alert_omitted, &[report, &language.number(*bytes), &language.number(*limit)]), None)
        }
        Alert::TooLarge { bytes } => {
            let (bytes, limit) = (language.number(*bytes as u64), language.number(MAX_FRAME_BYTES as u64));
            (fill(t.alert_too_large, &[&bytes, &limit]), None)
        }
        Alert::NoToken => (t.alert_no_token.to_owned(), None),
        Alert::BadAddress(error) => (address_error(*error, t).to_owned(), None),
        Alert::LeftBehind { records, waiting, never_sent } => {
            let listed = fill(t.alert_left_behind, &[&language.number(*records)]);
            let out = (*waiting > 0).then(|| fill(t.alert_left_waiting, &[&language.number(*waiting)]));
            let never = (*never_sent > 0).then(|| fill(t.alert_never_sent, &[&language.number(*never_sent)]));
            ([Some(listed), out, never].into_iter().flatten().collect::<Vec<_>>().join(" "), None)
        }
        Alert::Stopping => (t.alert_stopping.to_owned(), None),
        Alert::Unknown { records, never_sent } => {
            let unknown = fill(t.alert_unknown, &[&language.number(*records)]);
            let never = (*never_sent > 0).then(|| fill(t.alert_never_sent, &[&language.number(*never_sent)]));
            ([Some(unknown), never].into_iter().flatten().collect::<Vec<_>>().join(" "), None)
        }
        Alert::More(count) => (fill(t.alert_more, &[&language.number(*count)]), None),
    }
}

fn refusal(why: &Refusal, language: Language, t: &Texts) -> String {
    match why {
        Refusal::NotArmed => t.refusal_not_armed.to_owned(),
        Refusal::TopicNotAllowed { allowed } => fill(t.refusal_topic, &[&list(allowed)]),
        Refusal::Busy { in_flight, limit } => {
            fill(t.refusal_busy, &[&language.number(*in_flight), &language.number(*limit)])
        }
        Refusal::IdReused => t.refusal_id.to_owned(),
        Refusal::IdForgotten => t.refusal_id_forgotten.to_owned(),
        Refusal::CountOutOfBounds { got, min, max } => {
            fill(t.refusal_count, &[&language.number(*got), &language.number(*min), &language.number(*max)])
        }
        Refusal::TopicTooLong { bytes, limit } => {
            fill(t.refusal_topic_long, &[&language.number(*bytes), &language.number(*limit)])
        }
        Refusal::Stopping => t.refusal_stopping.to_owned(),
    }
}

fn bad_request(why: BadRequest, language: Language, t: &Texts) -> String {
    match why {
        BadRequest::NotACommand { bytes } => fill(t.alert_not_a_command, &[&language.number(bytes)]),
        BadRequest::TooManyProperties { got, max } => {
            fill(t.alert_many_settings, &[&language.number(got), &language.number(max)])
        }
        BadRequest::PropertyTooLong { bytes, limit } => {
            fill(t.alert_long_setting, &[&language.number(bytes), &language.number(limit)])
        }
        BadRequest::TooManyConfigurations { limit } => fill(t.alert_settings_wait, &[&language.number(limit)]),
        BadRequest::TopicTooLong { bytes, limit } => {
            fill(t.refusal_topic_long, &[&language.number(bytes), &language.number(limit)])
        }
    }
}

fn list(topics: &[Arc<str>]) -> String {
    topics.join(", ")
}

/// Why a pasted line names no bridge.
pub(crate) const fn address_error(error: AddressError, t: &Texts) -> &'static str {
    match error {
        AddressError::Empty => t.address_empty,
        AddressError::NoAddress => t.address_no_address,
        AddressError::NotLoopback => t.address_not_loopback,
        AddressError::NoToken => t.address_no_token,
    }
}
