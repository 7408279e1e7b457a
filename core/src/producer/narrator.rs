//! Tells the observer what happens, and folds records it does not want one by one into ranges.

use std::sync::Arc;

use crate::ids::BatchId;
use crate::record::readable;
use crate::time::Instant;
use crate::trace::{Fact, Observer, PartitionChoice};

/// Bytes of a key shown as its label: a UUID is shown whole.
const LABEL_BYTES: usize = 36;

/// Records of one batch, appended one after the other.
#[derive(Clone, Copy, Debug)]
struct Range {
    first_ordinal: u64,
    batch: BatchId,
    first_index: u32,
    count: u32,
    batch_bytes: u32,
    at: Instant,
}

/// A record that was just written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'a> {
    pub(super) ordinal: u64,
    pub(super) batch: BatchId,
    pub(super) index: u32,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) batch_bytes: usize,
    pub(super) choice: PartitionChoice,
}

/// The observer, and the range not told yet.
#[derive(Clone, Debug)]
pub(super) struct Narrator<O> {
    observer: O,
    range: Option<Range>,
}

impl<O: Observer> Narrator<O> {
    pub(super) fn new(observer: O) -> Self {
        Self { observer, range: None }
    }

    /// Tells a fact, after the records before it.
    #[inline]
    pub(super) fn note(&mut self, at: Instant, what: impl FnOnce() -> Fact) {
        if O::WATCHES {
            self.tell_range();
            self.observer.note(at, what);
        }
    }

    /// Tells of a record: by itself while the observer wants that, else as part of a range.
    #[inline]
    pub(super) fn appended(&mut self, at: Instant, written: Written<'_>) {
        if !O::WATCHES {
            return;
        }
        let batch_bytes = u32::try_from(written.batch_bytes).unwrap_or(u32::MAX);
        if self.observer.wants_detail() {
            self.note(at, || Fact::Appended {
                ordinal: written.ordinal,
                batch: written.batch,
                index: written.index,
                key_size: size(written.key),
                value_size: size(written.value),
                batch_bytes,
                choice: written.choice,
                label: label(written.key),
            });
            return;
        }
        match &mut self.range {
            Some(range)
                if range.batch == written.batch && range.first_ordinal + u64::from(range.count) == written.ordinal =>
            {
                range.count += 1;
                range.batch_bytes = batch_bytes;
                range.at = at;
            }
            _ => {
                self.tell_range();
                self.range = Some(Range {
                    first_ordinal: written.ordinal,
                    batch: written.batch,
                    first_index: written.index,
                    count: 1,
                    batch_bytes,
                    at,
                });
            }
        }
    }

    /// The observer, with nothing kept back from it.
    pub(super) fn observer_mut(&mut self) -> &mut O {
        self.tell_range();
        &mut self.observer
    }

    /// Keeps nothing back.
    pub(super) fn tell_range(&mut self) {
        if let Some(range) = self.range.take() {
            self.observer.note(range.at, || Fact::AppendedMany {
                first_ordinal: range.first_ordinal,
                batch: range.batch,
                first_index: range.first_index,
                count: range.count,
                batch_bytes: range.batch_bytes,
            });
        }
    }
}

/// −1: null.
fn size(bytes: Option<&[u8]>) -> i32 {
    bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX))
}

fn label(key: Option<&[u8]>) -> Arc<str> {
    let key = key.unwrap_or_default();
    if key.len() <= LABEL_BYTES {
        return readable(key).into();
    }
    let shown = readable(&key[..LABEL_BYTES]);
    // Half of a character is none.
    format!("{}…", shown.trim_end_matches('\u{fffd}')).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Lane, ProducerIndex};
    use crate::trace::TraceBuffer;

    fn written(ordinal: u64, batch: u64, index: u32) -> Written<'static> {
        Written {
            ordinal,
            batch: BatchId(batch),
            index,
            key: Some(b"user-42"),
            value: None,
            batch_bytes: 100,
            choice: PartitionChoice::Sticky,
        }
    }

    #[test]
    fn a_key_is_shown_whole_up_to_a_uuid_and_a_longer_one_says_that_it_goes_on() {
        let uuid = "123e4567-e89b-12d3-a456-426614174000";
        assert_eq!(&*label(Some(uuid.as_bytes())), uuid);
        assert_eq!(*label(Some(format!("{uuid}0").as_bytes())), format!("{uuid}…"));
        let cut_in_half = format!("a{}", "서울".repeat(10));
        assert_eq!(*label(Some(cut_in_half.as_bytes())), format!("a{}서…", "서울".repeat(5)));
        assert_eq!(*label(Some(&[0; 40])), format!("0x{}…", "00".repeat(36)));
        assert_eq!(&*label(None), "");
    }

    #[test]
    fn records_beyond_the_budget_are_told_as_ranges_before_what_follows_them() {
        let buffer = TraceBuffer::new(Lane(0), ProducerIndex(0)).with_budgets(100, 1);
        let mut narrator = Narrator::new(buffer);
        for (ordinal, batch, index) in [(0, 0, 0), (1, 0, 1), (2, 0, 2), (3, 1, 0)] {
            narrator.appended(Instant::ZERO, written(ordinal, batch, index));
        }
        narrator.note(Instant::ZERO, || Fact::MemoryUsed { used_bytes: 7 });
        let told: Vec<_> = narrator.observer_mut().take().into_iter().map(|event| event.what).collect();
        let many = |first_ordinal, batch, first_index, count| Fact::AppendedMany {
            first_ordinal,
            batch: BatchId(batch),
            first_index,
            count,
            batch_bytes: 100,
        };
        assert_eq!(told[1..], [many(1, 0, 1, 2), many(3, 1, 0, 1), Fact::MemoryUsed { used_bytes: 7 }]);
        assert!(matches!(&told[0], Fact::Appended { label, key_size: 7, value_size: -1, .. } if &**label == "user-42"));
    }
}
