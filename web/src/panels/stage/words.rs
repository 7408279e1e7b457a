//! Figures and short sentences of the stage.

use producer_core::io::WaitReason;
use producer_core::scene::{BatchScene, BatchState, Scene};
use producer_core::trace::{BlockedOn, DrainReason, PartitionChoice, Statement};

use super::Preview;
use super::picture::Picture;
pub(super) use crate::format::span;
use crate::format::tenths;
use crate::texts::{Language, Texts, fill};

/// Characters that the widest tile has room for, an East Asian one counting twice.
const LONG_LABEL: usize = 7;

/// A size as Kafka's documentation counts it: `144 B`, `4.2 KiB`, `32 MiB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => binary(bytes, 1_024, "KiB"),
        _ => binary(bytes, 1_048_576, "MiB"),
    }
}

fn binary(bytes: u64, unit: u64, name: &str) -> String {
    let in_tenths = bytes / unit * 10 + bytes % unit * 10 / unit;
    if in_tenths < 1_000 { tenths(in_tenths, name) } else { format!("{} {name}", in_tenths / 10) }
}

/// The key of what the composer holds.
pub(super) fn preview_label(preview: &Preview, texts: &Texts) -> String {
    preview.label.as_deref().map_or_else(|| texts.stage_null.to_owned(), long_label)
}

/// Of a key that has blanks alone, so that its tile does not look empty.
fn blanks(key: &str) -> Option<String> {
    (!key.is_empty() && key.trim().is_empty()).then(|| "␣".to_owned())
}

/// A key as a tile of 60 px shows it. Of one in hexadecimal digits the last tell most: a number begins with zeros.
pub(super) fn long_label(key: &str) -> String {
    if let Some(blanks) = blanks(key) {
        return blanks;
    }
    match hexadecimal(key) {
        Some(digits) if key.len() > LONG_LABEL => format!("…{}", &digits[digits.len() + 1 - LONG_LABEL..]),
        _ => cut(key, LONG_LABEL),
    }
}

/// The digits of a key that is no text.
fn hexadecimal(key: &str) -> Option<&str> {
    let is_digit = |byte: u8| byte.is_ascii_hexdigit();
    // One that goes on says so at its end.
    key.strip_prefix("0x").map(|digits| digits.trim_end_matches('…')).filter(|digits| digits.bytes().all(is_digit))
}

/// A key as a tile of 28 px shows it: its number if it ends in one, else its first letters.
pub(super) fn short_label(key: &str) -> String {
    if let Some(digits) = hexadecimal(key) {
        return digits[digits.len().saturating_sub(2)..].to_owned();
    }
    if let Some(blanks) = blanks(key) {
        return blanks;
    }
    let digits: Vec<char> = key.chars().rev().take_while(char::is_ascii_digit).take(2).collect();
    if digits.is_empty() { key.chars().take(2).collect() } else { digits.into_iter().rev().collect() }
}

/// About how wide words of 12 px are, in pixels: measuring on the canvas costs more than it is worth here.
pub(super) fn width(words: &str) -> f64 {
    words.chars().map(|c| if u32::from(c) < 0x1100 { 7.4 } else { 12.0 }).sum()
}

/// As many characters as fit, with a mark when some do not.
fn cut(key: &str, room: usize) -> String {
    let width = |c: char| if u32::from(c) < 0x1100 { 1 } else { 2 };
    if key.chars().map(width).sum::<usize>() <= room {
        return key.to_owned();
    }
    let mut used = 1;
    let mut shown: String = key
        .chars()
        .take_while(|c| {
            used += width(*c);
            used <= room
        })
        .collect();
    shown.push('…');
    shown
}

/// The caller's one word, and whether it means waiting.
pub(super) fn caller(picture: &Picture<'_>) -> (&'static str, bool) {
    let (scene, texts) = (picture.scene, picture.texts);
    if !picture.view.link.is_up() {
        return (texts.row_unknown, false);
    }
    match (scene.caller.stands, scene.caller.blocked_on) {
        (Statement::Get | Statement::Flush | Statement::Close, _) | (Statement::Send, Some(_)) => {
            (texts.stage_waiting, true)
        }
        (Statement::Loop, _) if scene.caller.sent + scene.caller.refused == 0 => (texts.stage_ready, false),
        _ => (texts.stage_free, false),
    }
}

/// The statement that the caller stands on and what it waits for there.
pub(super) fn stands(scene: &Scene, texts: &'static Texts) -> (&'static str, &'static str) {
    match scene.caller.stands {
        Statement::Loop | Statement::Callback => ("", ""),
        Statement::Send => match scene.caller.blocked_on {
            None => (texts.stage_in_send, ""),
            Some(BlockedOn::Metadata) => (texts.stage_in_send, texts.stage_for_metadata),
            Some(BlockedOn::Memory) => (texts.stage_in_send, texts.stage_for_memory),
        },
        Statement::Get => (texts.stage_in_get, ""),
        Statement::Flush => (texts.stage_in_flush, ""),
        Statement::Close => (texts.stage_in_close, ""),
    }
}

/// What the sender thread is about, with the time left.
pub(super) fn sender(picture: &Picture<'_>) -> String {
    let (scene, now, texts) = (picture.scene, picture.now, picture.texts);
    if !picture.view.link.is_up() {
        return texts.row_unknown.to_owned();
    }
    let left = |template: &'static str| {
        let left = scene.sender.until.map(|until| span(until - now)).unwrap_or_default();
        fill(template, &[&left])
    };
    match scene.sender.why {
        WaitReason::Idle | WaitReason::MetadataRefresh => texts.stage_idle.to_owned(),
        WaitReason::Linger => left(texts.stage_lingers),
        WaitReason::RetryBackoff => left(texts.stage_backs_off),
        WaitReason::ReconnectBackoff => left(texts.stage_reconnects),
        WaitReason::RequestTimeout => texts.stage_awaits_answers.to_owned(),
        WaitReason::ConnectTimeout => texts.stage_connecting.to_owned(),
        WaitReason::DeliveryTimeout => left(texts.stage_expires),
        WaitReason::Throttle => left(texts.stage_throttled),
        WaitReason::Close => texts.stage_closing.to_owned(),
    }
}

/// Who chose the partition, and which.
pub(super) fn choice(choice: Option<PartitionChoice>, partition: i32, texts: &Texts) -> String {
    let template = match choice {
        Some(PartitionChoice::Explicit) => texts.stage_explicit,
        Some(PartitionChoice::Sticky) => texts.stage_sticky,
        Some(PartitionChoice::KeyHash { .. }) => texts.stage_hash,
        None => texts.stage_chosen,
    };
    fill(template, &[&partition])
}

/// So many records.
pub(super) fn records(count: u64, language: Language) -> String {
    let texts = language.texts();
    if count == 1 { texts.stage_one_record.to_owned() } else { fill(texts.stage_records, &[&language.number(count)]) }
}

/// Everything about a batch, for pointing at it.
pub(super) fn batch_title(id: u64, batch: &BatchScene, language: Language) -> String {
    let texts = language.texts();
    let mut title = fill(
        texts.stage_batch,
        &[
            &id,
            &batch.partition,
            &records(u64::from(batch.records), language),
            &size(u64::from(batch.bytes)),
            &size(u64::from(batch.capacity_bytes)),
        ],
    );
    let mut add = |part: String| {
        title.push('\n');
        title.push_str(&part);
    };
    if batch.attempts > 0 {
        add(fill(texts.stage_attempt, &[&batch.attempts]));
    }
    if let Some(why) = batch.drained_because {
        add(drained(why, texts).to_owned());
    }
    if let Some(identity) = batch.identity {
        add(fill(texts.stage_identity, &[&identity.id, &identity.epoch, &batch.base_sequence]));
    }
    match &batch.state {
        BatchState::Retrying { error, .. } => add(error.to_string()),
        BatchState::Failed { error, .. } => add(error.to_string()),
        _ => {}
    }
    title
}

/// Why a batch left its shelf.
const fn drained(why: DrainReason, texts: &Texts) -> &'static str {
    match why {
        DrainReason::Full => texts.stage_drained_full,
        DrainReason::LingerOver => texts.stage_drained_linger,
        DrainReason::BackoffOver => texts.stage_drained_backoff,
        DrainReason::MemoryExhausted => texts.stage_drained_memory,
        DrainReason::Flush => texts.stage_drained_flush,
        DrainReason::Close => texts.stage_drained_close,
        DrainReason::RodeAlong => texts.stage_drained_along,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let sizes = [0, 1_023, 4_301, 16_384, 147_456, 33_554_432].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "4.2 KiB", "16 KiB", "144 KiB", "32 MiB"]);
    }

    #[test]
    fn labels_fit_their_tiles() {
        assert_eq!(["user-42", "user-1", "seoul", "서울", ""].map(short_label), ["42", "1", "se", "서울", ""]);
        assert_eq!(
            ["user-42", "user-421", "홍길동", "홍길동님"].map(long_label),
            ["user-42", "user-4…", "홍길동", "홍길동…"]
        );
        assert_eq!(["0x01", "0x0000002a", "0xyz", "0x00ff…"].map(short_label), ["01", "2a", "0x", "ff"]);
        assert_eq!([" ", "\n\t"].map(short_label), ["␣", "␣"], "no tile looks empty");
        assert_eq!([" ", "\n\t"].map(long_label), ["␣", "␣"]);
        assert_eq!(["0x01", "0x0000002a", "0x서울서울"].map(long_label), ["0x01", "…00002a", "0x서울…"]);
    }
}
