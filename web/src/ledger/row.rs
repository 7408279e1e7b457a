//! A record with an outcome, as the ledger lists it.

use std::sync::Arc;

use producer_core::bridge::{Fate, Habit, SendCommand};
use producer_core::error::{Persistence, ProducerError, Surface};
use producer_core::record::readable;

/// Characters of a key that are kept; what is longer ends with `…`.
const LABEL_CHARACTERS: usize = 200;

/// A record with an outcome.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Order in which the program called `send`, from 1; `None`: the send is lost with its session.
    pub(crate) send_order: Option<u64>,
    /// Order in which metadata or exceptions reached the program, from 1; `None`: none did.
    pub(crate) answer_order: Option<u64>,
    /// How the program dealt with the future.
    pub(crate) habit: Habit,
    /// The key as text, as far as it is kept; `None`: a null key.
    pub(crate) label: Option<Arc<str>>,
    /// Topic.
    pub(crate) topic: Arc<str>,
    /// Microseconds from `send` to the answer.
    pub(crate) latency_us: Option<u64>,
    /// Its fate.
    pub(crate) end: End,
}

/// How a record ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// `RecordMetadata`.
    Acked {
        /// Partition.
        partition: i32,
        /// Offset; −1: not told (acks=0).
        offset: i64,
        /// Milliseconds since 1970.
        timestamp_ms: i64,
        /// The broker's time rather than the program's?
        log_append_time: bool,
        /// Bytes; −1: null.
        key_size: i32,
        /// Bytes; −1: null.
        value_size: i32,
        /// How often its batch was sent.
        attempts: u32,
    },
    /// The exception.
    Failed {
        /// Which.
        error: ProducerError,
        /// Where the program met it.
        surface: Surface,
        /// May it be in the log?
        persistence: Persistence,
        /// −1: not known.
        partition: i32,
    },
    /// Its session was lost before its outcome came.
    Unknown,
}

/// The topic that the program named, or that the metadata names.
pub(super) fn topic_of(fate: &Fate) -> Arc<str> {
    match fate {
        Fate::Acked(metadata) => Arc::clone(&metadata.topic),
        Fate::Failed { topic, .. } => Arc::clone(topic),
    }
}

/// How the record at this place of an outcome ended.
pub(super) fn end_of(fate: &Fate, place: u32) -> End {
    match fate {
        Fate::Acked(metadata) => End::Acked {
            partition: metadata.partition,
            offset: match metadata.first_offset {
                unknown if unknown < 0 => -1,
                first => first + i64::from(place),
            },
            timestamp_ms: metadata.timestamps_ms.get(place as usize).copied().unwrap_or(-1),
            log_append_time: metadata.log_append_time,
            key_size: metadata.key_size,
            value_size: metadata.value_size,
            attempts: metadata.attempts,
        },
        Fate::Failed { error, surface, persistence, partition, .. } => {
            End::Failed { error: error.clone(), surface: *surface, persistence: *persistence, partition: *partition }
        }
    }
}

/// A send's key as text, as far as it is kept; `None`: a null key.
pub(super) fn label(command: &SendCommand) -> Option<Arc<str>> {
    let key = command.record.key.as_deref()?;
    let text = readable(key);
    Some(match text.char_indices().nth(LABEL_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::bridge::RecordSpec;

    #[test]
    fn a_long_key_is_cut_at_a_character_and_says_so() {
        let key = Some("서".repeat(300).as_bytes().into());
        let record = RecordSpec { key, ..RecordSpec::default() };
        let command = SendCommand { id: 1, habit: Habit::Get, record, count: 1 };
        assert_eq!(label(&command).as_deref(), Some(&*format!("{}…", "서".repeat(LABEL_CHARACTERS))));
    }
}
