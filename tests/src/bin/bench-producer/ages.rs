//! How old the timestamps are that `send` gives: the producer reads its clock once for many calls.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// One call in so many is looked at: no divisor of how many share a reading or are due at once, and no other call reads a
/// clock for it.
pub(crate) const EVERY: u64 = 101;

/// The wall clock in the unit of timestamps, whole milliseconds since 1970.
pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Ages of the timestamps of the records looked at, in whole milliseconds, as timestamps are.
#[derive(Debug)]
pub(crate) struct Ages(Mutex<Vec<i64>>);

impl Ages {
    pub(crate) fn with_room_for(records: u64) -> Self {
        let samples = usize::try_from(records / EVERY + 1).expect("fits in memory");
        Self(Mutex::new(Vec::with_capacity(samples)))
    }

    /// The wall clock showed `called_ms` just before `send` was called, and its record got this timestamp; one that is later
    /// is not old.
    pub(crate) fn note(&self, called_ms: i64, timestamp_ms: i64) {
        let mut ages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ages.push((called_ms - timestamp_ms).max(0));
    }

    /// How many there are, the median, the age that one in a thousand exceeds, and the longest; `None` without any.
    pub(crate) fn told(&self) -> Option<Value> {
        let mut ages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ages.sort_unstable();
        let longest = *ages.last()?;
        let at = |permille: usize| ages[(ages.len() - 1) * permille / 1_000];
        Some(json!({ "samples": ages.len(), "median": at(500), "p999": at(999), "longest": longest }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_ranked_and_a_timestamp_of_a_later_reading_is_not_old() {
        let ages = Ages::with_room_for(2_001 * EVERY);
        assert_eq!(ages.told(), None);
        (0..2_000).for_each(|number| ages.note(1_000, 1_000 - number / 1_000));
        ages.note(1_000, 1_001);
        let told =
            |median, p999, longest| json!({ "samples": 2_001, "median": median, "p999": p999, "longest": longest });
        assert_eq!(ages.told(), Some(told(0, 1, 1)));
        let ages = Ages::with_room_for(0);
        [7, 1_001, 1_000].into_iter().for_each(|timestamp_ms| ages.note(1_000, timestamp_ms));
        assert_eq!(ages.told(), Some(json!({ "samples": 3, "median": 0, "p999": 0, "longest": 993 })));
    }
}
