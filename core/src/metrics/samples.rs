//! What was measured lately: samples of `metrics.sample.window.ms` each (`SampledStat`), and what is made of them.

/// How long one sample takes, and how many make a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// `metrics.num.samples`, at least 1.
    pub samples: i32,
    /// `metrics.sample.window.ms`.
    pub window_ms: i64,
}

impl Windows {
    /// Age beyond which a sample says nothing any more. Overflows as Java's arithmetic does.
    const fn lifetime_ms(self) -> i64 {
        (self.samples as i64).wrapping_mul(self.window_ms)
    }
}

/// What is told of a sensor's values (`org.apache.kafka.common.metrics.stats`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stat {
    /// Mean of the values in the windows; NaN without any (`Avg`).
    Avg,
    /// The largest of them; NaN without any (`Max`).
    Max,
    /// Their sum over the seconds that the windows cover (`Rate` of a `WindowedSum`).
    Rate,
    /// Their number over those seconds (`Rate` of a `WindowedCount`).
    CountRate,
    /// As [`Rate`](Self::Rate) per nanosecond: of values in nanoseconds, the fraction of time.
    Fraction,
    /// Sum of all values ever (`CumulativeSum`).
    Total,
    /// Number of all values ever (`CumulativeCount`).
    Count,
}

impl Stat {
    /// Is it something over the time that the windows cover?
    pub(crate) const fn is_rate(self) -> bool {
        matches!(self, Self::Rate | Self::CountRate | Self::Fraction)
    }
}

/// Values that were recorded at one moment; usually a single one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The largest.
    pub max: f64,
}

impl From<f64> for Values {
    fn from(value: f64) -> Self {
        Self { count: 1, sum: value, max: value }
    }
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    values: Values,
    start_ms: i64,
    last_ms: i64,
}

impl Sample {
    fn begin(now_ms: i64) -> Self {
        Self { values: Values { count: 0, sum: 0.0, max: f64::NEG_INFINITY }, start_ms: now_ms, last_ms: now_ms }
    }
}

/// A series of samples; one more is kept than makes a measurement, for the oldest may still reach into the windows.
///
/// The Java client keeps a series per statistic. Those that begin and end their samples in the same moments share one
/// here: average and maximum do; a rate does not, since reading it for the first time begins its first sample.
#[derive(Clone, Debug)]
pub struct Samples {
    /// The sample that takes values, kept apart: to record one is a comparison and a few additions.
    current: Sample,
    /// When the current sample is complete; the beginning of time as long as there is none.
    complete_at_ms: i64,
    /// Its place among all.
    place: usize,
    /// All, with the current one as it was when it was last looked at.
    samples: Vec<Sample>,
}

impl Default for Samples {
    fn default() -> Self {
        Self { current: Sample::begin(0), complete_at_ms: i64::MIN, place: 0, samples: Vec::new() }
    }
}

impl Samples {
    /// Takes values.
    #[inline]
    pub fn record(&mut self, windows: Windows, now_ms: i64, values: Values) {
        if now_ms >= self.complete_at_ms {
            self.begin_next(windows, now_ms);
        }
        let sum = &mut self.current.values;
        sum.count += values.count;
        sum.sum += values.sum;
        sum.max = sum.max.max(values.max);
        self.current.last_ms = now_ms;
    }

    /// Begins the next sample, or the first, where the oldest was if there are enough.
    #[cold]
    fn begin_next(&mut self, windows: Windows, now_ms: i64) {
        if let Some(last) = self.samples.get_mut(self.place) {
            *last = self.current;
            let kept = usize::try_from(windows.samples).unwrap_or(1) + 1;
            self.place = (self.place + 1) % kept;
        }
        self.take_up(windows, Sample::begin(now_ms));
        match self.samples.get_mut(self.place) {
            Some(oldest) => *oldest = self.current,
            None => self.samples.push(self.current),
        }
    }

    fn take_up(&mut self, windows: Windows, current: Sample) {
        self.current = current;
        self.complete_at_ms = current.start_ms.saturating_add(windows.window_ms);
    }

    /// What a statistic comes to now. Of [`Stat::Total`] and [`Stat::Count`], which no window forgets, it knows nothing:
    /// NaN.
    ///
    /// A rate is NaN when `metrics.sample.window.ms` is 0, where reading it in the Java client fails with an
    /// `ArithmeticException`.
    pub fn measure(&mut self, windows: Windows, now_ms: i64, stat: Stat) -> f64 {
        self.forget_what_is_old(windows, now_ms);
        let count: u64 = self.samples.iter().map(|sample| sample.values.count).sum();
        let sum = || self.samples.iter().fold(0.0, |sum, sample| sum + sample.values.sum);
        let max = || self.samples.iter().fold(f64::NEG_INFINITY, |max, sample| max.max(sample.values.max));
        match stat {
            Stat::Avg | Stat::Max if count == 0 => f64::NAN,
            Stat::Avg => sum() / count as f64,
            Stat::Max => max(),
            Stat::Rate => sum() / (self.covered_ms(windows, now_ms) / 1_000.0),
            Stat::CountRate => count as f64 / (self.covered_ms(windows, now_ms) / 1_000.0),
            Stat::Fraction => sum() / (self.covered_ms(windows, now_ms) * 1_000.0 * 1_000.0),
            Stat::Total | Stat::Count => f64::NAN,
        }
    }

    /// Samples in which nothing came for all windows begin anew (`SampledStat.purgeObsoleteSamples`).
    fn forget_what_is_old(&mut self, windows: Windows, now_ms: i64) {
        let Some(current) = self.samples.get_mut(self.place) else { return };
        *current = self.current;
        let lifetime = windows.lifetime_ms();
        for sample in &mut self.samples {
            if now_ms - sample.last_ms >= lifetime {
                *sample = Sample::begin(now_ms);
            }
        }
        self.take_up(windows, self.samples[self.place]);
    }

    /// The time that a rate is over (`Rate.windowSize`): since the oldest sample began, but at least all windows but one
    /// in full, so that the first second of a producer's life does not look like its pace.
    fn covered_ms(&mut self, windows: Windows, now_ms: i64) -> f64 {
        if windows.window_ms == 0 {
            return f64::NAN;
        }
        if self.samples.is_empty() {
            self.begin_next(windows, now_ms);
        }
        let oldest = self.samples.iter().map(|sample| sample.start_ms).min().unwrap_or(now_ms);
        let elapsed = now_ms - oldest;
        let (full, least) = (elapsed / windows.window_ms, i64::from(windows.samples) - 1);
        let missing = (least - full).max(0);
        let covered = elapsed.wrapping_add(missing.wrapping_mul(windows.window_ms));
        covered.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KAFKAS: Windows = Windows { samples: 2, window_ms: 30_000 };

    fn recorded(values: &[(i64, f64)]) -> Samples {
        let mut samples = Samples::default();
        for &(at, value) in values {
            samples.record(KAFKAS, at, value.into());
        }
        samples
    }

    #[test]
    fn before_the_first_value_averages_are_nan_and_rates_zero() {
        let mut samples = Samples::default();
        for (stat, expected) in
            [(Stat::Avg, f64::NAN), (Stat::Max, f64::NAN), (Stat::Rate, 0.0), (Stat::CountRate, 0.0)]
        {
            let measured = samples.measure(KAFKAS, 7, stat);
            assert!(measured == expected || measured.is_nan() && expected.is_nan(), "{stat:?} {measured}");
        }
    }

    #[test]
    fn a_young_rate_is_over_one_window_more_than_has_passed() {
        // `Rate.windowSize`: 300 in the first second are not 300 a second.
        let mut samples = recorded(&[(0, 100.0), (500, 200.0)]);
        assert_eq!(samples.measure(KAFKAS, 1_000, Stat::Rate), 300.0 / 31.0);
        assert_eq!(samples.measure(KAFKAS, 1_000, Stat::CountRate), 2.0 / 31.0);
        assert_eq!(samples.measure(KAFKAS, 1_000, Stat::Avg), 150.0);
    }

    #[test]
    fn samples_are_forgotten_when_nothing_came_for_all_windows() {
        let mut samples = recorded(&[(0, 9.0), (30_000, 4.0)]);
        assert_eq!(samples.measure(KAFKAS, 59_999, Stat::Max), 9.0);
        assert_eq!(samples.measure(KAFKAS, 60_000, Stat::Max), 4.0, "the first is a minute old");
        assert!(samples.measure(KAFKAS, 90_000, Stat::Max).is_nan(), "and so is the second");
        assert_eq!(samples.measure(KAFKAS, 90_000, Stat::Rate), 0.0);
    }

    #[test]
    fn a_window_of_no_length_has_no_rate() {
        let windows = Windows { window_ms: 0, ..KAFKAS };
        let mut samples = Samples::default();
        samples.record(windows, 5, 3.0.into());
        assert!(samples.measure(windows, 6, Stat::Rate).is_nan());
    }
}
