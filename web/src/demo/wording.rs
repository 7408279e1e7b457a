//! Facts of the player as words.

use producer_core::ids::Direction;
use producer_core::playback::Mark;
use producer_core::player::messages::{Fault, Hand, Note, Standing, Within};
use producer_core::scenario::{Claim, Comparison, Counted, Fate, Words};
use producer_core::simulation::MessageName;
use producer_core::trace::BrokerState;
use yew::prelude::*;

use super::shown::Speed;
use super::texts::{self, Texts};
use crate::format;
use crate::texts::{Language, fill};

/// A text of the scenario's own in this language, or in the one that it has.
pub(crate) fn own(words: &Words, language: Language) -> String {
    let (first, second) = match language {
        Language::English => (&words.en, &words.ko),
        Language::Korean => (&words.ko, &words.en),
    };
    if first.is_empty() { second.to_string() } else { first.to_string() }
}

/// What was done, in a few words.
pub(super) fn hand(hand: &Hand, t: &Texts) -> String {
    match hand {
        Hand::KillBroker(node) => fill(t.deed_kill, &[node]),
        Hand::RestartBroker(node) => fill(t.deed_restart, &[node]),
        Hand::StartBroker(node) => fill(t.deed_start, &[node]),
        Hand::PauseBroker(node) => fill(t.deed_pause, &[node]),
        Hand::ResumeBroker(node) => fill(t.deed_resume, &[node]),
        Hand::SlowBroker(node, times) => fill(t.deed_slow, &[node, times]),
        Hand::PauseProducer(producer, for_us) => fill(t.deed_client, &[&(producer + 1), &format::millis(*for_us)]),
        Hand::Message(name, fate) => fill(t.deed_message, &[&message(name, t), &self::fate(fate, t)]),
    }
}

/// `request Produce 3, connection 2`.
pub(super) fn message(name: &MessageName, t: &Texts) -> String {
    let connection = fill(t.message_connection, &[&(name.connection.0 + 1)]);
    format!("{} {:?} {}, {connection}", kind(name, t), name.api, name.ordinal)
}

/// Request or answer.
pub(super) fn kind(name: &MessageName, t: &Texts) -> &'static str {
    match name.direction {
        Direction::ToBroker => t.message_request,
        Direction::ToClient => t.message_answer,
    }
}

fn fate(fate: &Fate, t: &Texts) -> String {
    match fate {
        Fate::Pass {} => t.fate_pass.to_owned(),
        Fate::Break {} => t.fate_break.to_owned(),
        Fate::Swallow {} => t.fate_swallow.to_owned(),
        Fate::Delay { by_us } => fill(t.fate_delay, &[&format::millis(*by_us)]),
        Fate::Error { error, .. } => fill(t.fate_error, &[error]),
        Fate::Throttle { for_ms } => fill(t.fate_throttle, &[for_ms]),
    }
}

pub(super) const fn state(state: BrokerState, t: &Texts) -> &'static str {
    match state {
        BrokerState::Running => t.state_running,
        BrokerState::ShuttingDown => t.state_shutting_down,
        BrokerState::Stopped => t.state_stopped,
        BrokerState::Killed => t.state_killed,
        BrokerState::Paused => t.state_paused,
        BrokerState::Starting => t.state_starting,
    }
}

/// What is to hold.
pub(super) fn claim(claim: &Claim, language: Language) -> String {
    let t = texts::of(language);
    match claim {
        Claim::NothingLost {} => t.claim_nothing_lost.to_owned(),
        Claim::StoredOnce {} => t.claim_stored_once.to_owned(),
        Claim::OrderPerKey {} => t.claim_order.to_owned(),
        Claim::NoSendBlocked { longer_than_us } => fill(t.claim_blocked, &[&language.number(longer_than_us / 1_000)]),
        Claim::FailedMeansNotStored {} => t.claim_failed.to_owned(),
        Claim::Raised { class } => fill(t.claim_raised, &[class]),
        Claim::Count { of, is, number } => {
            let compare = match is {
                Comparison::Equal => t.compare_equal,
                Comparison::AtLeast => t.compare_at_least,
                Comparison::AtMost => t.compare_at_most,
            };
            fill(t.claim_count, &[&counted(*of, language), &compare, &language.number(*number)])
        }
    }
}

const fn counted(of: Counted, language: Language) -> &'static str {
    let (t, page) = (texts::of(language), language.texts());
    match of {
        Counted::Sent => t.score_sent,
        Counted::Acked => page.score_acked,
        Counted::Failed => page.score_failed,
        Counted::Unknown => page.score_unknown,
        Counted::Stored => t.counted_stored,
        Counted::Duplicates => t.counted_duplicates,
        Counted::Lost => t.score_lost,
        Counted::OutOfOrder => t.score_out_of_order,
        Counted::FailedButStored => t.counted_failed_stored,
        Counted::Requests => t.counted_requests,
        Counted::Retries => t.counted_retries,
        Counted::Partitions => t.counted_partitions,
        Counted::ScatteredKeys => t.counted_scattered_keys,
        Counted::LargestShare => t.counted_largest_share,
        Counted::Bytes => t.counted_bytes,
        Counted::SpanMs => t.counted_span_ms,
        Counted::SlowestMs => t.counted_slowest_ms,
    }
}

/// `10× slower`.
pub(super) fn speed(speed: Speed, language: Language) -> String {
    let (t, page) = (texts::of(language), language.texts());
    match speed.rate() {
        None => t.speed_max.to_owned(),
        Some(1_000_000) => page.speed_real.to_owned(),
        Some(rate) if rate < 1_000_000 => fill(page.speed_slower, &[&language.number(1_000_000 / rate)]),
        Some(rate) => fill(t.speed_faster, &[&language.number(rate / 1_000_000)]),
    }
}

/// Why the world does not go on; nothing where it does.
pub(super) fn stopped(standing: Standing, language: Language) -> Option<String> {
    let t = texts::of(language);
    let Standing::Stopped { at_us, events, within, .. } = standing else { return None };
    let template = match within {
        Within::Moment => t.stopped_moment,
        Within::Second => t.stopped_second,
        Within::Run => t.stopped_run,
    };
    Some(fill(template, &[&format::millis(at_us), &language.number(events)]))
}

/// What may be looked for, and its name.
pub(super) const fn kinds(t: &'static Texts) -> [(Mark, &'static str, &'static str); 5] {
    [
        (Mark::Ack, "ack", t.next_ack),
        (Mark::Retry, "retry", t.next_retry),
        (Mark::Expiry, "expiry", t.next_expiry),
        (Mark::Fault, "fault", t.next_fault),
        (Mark::Callback, "callback", t.next_callback),
    ]
}

/// What of a link has no effect.
pub(super) fn note(note: &Note, t: &Texts) -> Html {
    let nearest = |nearest: &std::sync::Arc<str>| format!(" {}", fill(t.did_you_mean, &[nearest]));
    let (words, core) = match note {
        Note::Unknown(name, near) => {
            (fill(t.note_unknown, &[name]) + &near.as_ref().map(nearest).unwrap_or_default(), None)
        }
        Note::BridgesOwn(name) => (fill(t.note_bridges_own, &[name]), None),
        Note::Damaged(name) => (fill(t.note_damaged, &[name]), None),
        Note::Twice(name) => (fill(t.note_twice, &[name]), None),
        Note::TooMany(count) => (fill(t.note_too_many, &[count]), None),
        Note::NotTurned(key, why) => (fill(t.note_not_turned, &[key]), Some(why)),
        Note::InScenario(what) => (t.note_in_scenario.to_owned(), Some(what)),
        Note::LeftOut(place, why) => (fill(t.note_left_out, &[&(place + 1)]), Some(why)),
        Note::WithoutEffect(key) => (fill(t.note_without_effect, &[key]), None),
        Note::BeyondEnd => (t.note_beyond_end.to_owned(), None),
    };
    html! { <>{ words }if let Some(core) = core { { " " }<code lang="en">{ core.clone() }</code> }</> }
}

/// Why a link shows nothing.
pub(super) fn fault(fault: &Fault, t: &Texts) -> Html {
    let words = match fault {
        Fault::TooLong(bytes, most) => fill(t.fault_too_long, &[bytes, most]),
        Fault::NotALink => t.fault_not_a_link.to_owned(),
        Fault::NoSuchDemo(slug, None) => fill(t.fault_no_demo, &[slug]),
        Fault::NoSuchDemo(slug, Some(nearest)) => {
            let near = html! { <a href={format!("#demo/{nearest}")}>{ fill(t.did_you_mean, &[nearest]) }</a> };
            return html! { <>{ fill(t.fault_no_demo, &[slug]) }{ " " }{ near }</> };
        }
        Fault::Newer(version) => fill(t.fault_newer, &[version]),
        Fault::Character(place) => fill(t.fault_character, &[place]),
        Fault::Checksum => t.fault_checksum.to_owned(),
        Fault::TooLarge => t.fault_too_large.to_owned(),
        Fault::Damaged => t.fault_damaged.to_owned(),
        Fault::Refused(why) => return html! { <>{ t.fault_refused }{ " " }<code lang="en">{ why.clone() }</code></> },
    };
    html! { words }
}
