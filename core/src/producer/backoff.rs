//! Pauses that double with every failure (`ExponentialBackoff`): integers only, jitter from the seed.

use core::time::Duration;

use crate::rng::Rng;

/// Jitter in thousandths, either way (`RETRY_BACKOFF_JITTER`).
const JITTER: u64 = 200;

/// An exponential pause: base 2, ±20 %, never above its maximum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    base_ms: u64,
    max_ms: u64,
}

impl Backoff {
    pub(super) fn new(base: Duration, max: Duration) -> Self {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self { base_ms: millis(base), max_ms: millis(max) }
    }

    /// Of milliseconds that may be below zero; none if the first pause is, for then all are.
    pub(super) fn signed(base_ms: i64, max_ms: i64) -> Option<Self> {
        Some(Self { base_ms: u64::try_from(base_ms.min(max_ms)).ok()?, max_ms: u64::try_from(max_ms).ok()? })
    }

    /// The pause after `failures` earlier pauses, in whole milliseconds as in the Java client. A base at or above the
    /// maximum gives the maximum, without jitter.
    pub(super) fn pause(&self, failures: u32, rng: &mut Rng) -> Duration {
        if self.base_ms >= self.max_ms {
            return Duration::from_millis(self.max_ms);
        }
        let doubled = 1_u64.checked_shl(failures).map_or(u64::MAX, |factor| self.base_ms.saturating_mul(factor));
        let term = doubled.min(self.max_ms);
        let thousandths = 1_000 - JITTER + rng.below(2 * JITTER);
        Duration::from_millis((term.saturating_mul(thousandths) / 1_000).min(self.max_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    fn draws(backoff: Backoff, failures: u32) -> (u128, u128) {
        let mut rng = Rng::stream(5, Purpose::RetryBackoff);
        let draws: Vec<_> = (0..2_000).map(|_| backoff.pause(failures, &mut rng).as_millis()).collect();
        (*draws.iter().min().expect("some"), *draws.iter().max().expect("some"))
    }

    #[test]
    fn with_the_defaults_each_attempt_stays_in_kafkas_bounds() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(1_000));
        for (failures, least, most) in [(0, 80, 120), (1, 160, 240), (2, 320, 480), (3, 640, 960), (4, 800, 1_000)] {
            let (min, max) = draws(backoff, failures);
            assert!(min >= least && max <= most, "{failures}: {min}..{max}");
            assert!(min < least + 10 && max > most - 10, "{failures}: {min}..{max} uses the whole range");
        }
        assert_eq!(draws(backoff, 200).1, 1_000);
    }

    /// Mirrors `ExponentialBackoffTest.testExponentialBackoff`: with 100 ms and at most 2000, the first five pauses
    /// double within a fifth, and later ones are at most the maximum and a fifth.
    #[test]
    fn pauses_double_up_to_the_maximum_give_or_take_a_fifth() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(2_000));
        for attempts in 0..=10_u32 {
            let (min, max) = draws(backoff, attempts);
            let doubled = 100 * 2_u128.pow(attempts);
            if attempts <= 4 {
                assert!(min >= doubled * 8 / 10 && max <= doubled * 12 / 10, "{attempts}: {min}..{max}");
            } else {
                assert!(max <= 2_000 * 12 / 10, "{attempts}: {max}");
            }
        }
    }

    #[test]
    fn a_base_at_its_maximum_is_constant() {
        let backoff = Backoff::new(Duration::from_millis(300), Duration::from_millis(300));
        assert_eq!((draws(backoff, 0), draws(backoff, 9)), ((300, 300), (300, 300)));
    }

    #[test]
    fn no_pause_stays_no_pause() {
        assert_eq!(draws(Backoff::new(Duration::ZERO, Duration::from_millis(50)), 3), (0, 0));
    }
}
