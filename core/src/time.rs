//! Time as plain integers, handed in by whoever drives the core.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// The two clocks of a driver, read once per input.
///
/// Timers use only [`elapsed_us`](Self::elapsed_us), which never goes back; record timestamps use only
/// [`wall_ms`](Self::wall_ms), which may. A scenario fixes both, so that a trace holds no date of today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Microseconds since the session began, monotonic.
    pub elapsed_us: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z, as the wall clock shows them.
    pub wall_ms: i64,
}

impl Now {
    /// The monotonic side, for timers.
    pub const fn instant(self) -> Instant {
        Instant::from_micros(self.elapsed_us)
    }
}

/// A moment on the monotonic clock: microseconds since the session began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instant(u64);

impl Instant {
    /// The moment the session began.
    pub const ZERO: Self = Self(0);

    /// The moment `us` microseconds after the session began.
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// The moment `ms` milliseconds after the session began.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000))
    }

    /// Microseconds since the session began.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The last of the moments 0, `interval`, 2 · `interval` … that does not lie after this one. An interval below a
    /// microsecond counts as one.
    pub fn last_multiple_of(self, interval: Duration) -> Self {
        let interval = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX).max(1);
        Self(self.0 / interval * interval)
    }

    /// Time passed since `earlier`; zero when `earlier` lies ahead.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of time, so that "infinite" timeouts need no special case.
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} ms", self.0 / 1_000, self.0 % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_last_multiple_of_every_interval() {
        let last = |us, interval| Instant::from_micros(us).last_multiple_of(interval);
        assert_eq!(last(25, Duration::from_micros(10)), Instant::from_micros(20));
        assert_eq!(last(30, Duration::from_micros(10)), Instant::from_micros(30));
        assert_eq!(last(9, Duration::from_micros(10)), Instant::ZERO);
        assert_eq!(last(7, Duration::ZERO), Instant::from_micros(7));
        assert_eq!(last(7, Duration::MAX), Instant::ZERO);
    }
}
