//! Numbers as text, without floating point: formatting that costs tens of kilobytes of wasm.

use core::time::Duration;

use producer_core::time::Instant;

/// Milliseconds with one decimal.
pub(crate) fn millis(us: u64) -> String {
    format!("{}.{}", us / 1_000, us % 1_000 / 100)
}

/// A moment with its unit: `86.0 ms`, from a second on `12.345 s`, from a hundred on `123.4 s`.
pub(crate) fn moment(at: Instant) -> String {
    let us = at.as_micros();
    match us {
        0..1_000_000 => format!("{} ms", millis(us)),
        1_000_000..100_000_000 => format!("{}.{:03} s", us / 1_000_000, us % 1_000_000 / 1_000),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

/// A length of time in two figures or three: `8.4 ms`, `84 ms`, `9.7 s`, `98 s`.
pub(crate) fn span(time: Duration) -> String {
    let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    match us {
        0..10_000 => tenths(us / 100, "ms"),
        10_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..10_000_000 => tenths(us / 100_000, "s"),
        _ => format!("{} s", us / 1_000_000),
    }
}

/// Tenths of a unit, without a decimal that says nothing.
pub(crate) fn tenths(tenths: u64, unit: &str) -> String {
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        rest => format!("{}.{rest} {unit}", tenths / 10),
    }
}

/// The partitions of a topic that has so many: `p0–p5`.
pub(crate) fn partitions(count: u32) -> String {
    match count {
        0 | 1 => "p0".to_owned(),
        many => format!("p0–p{}", many - 1),
    }
}

/// `orders-1@0`.
pub(crate) fn position(topic: &str, partition: i32, offset: i64) -> String {
    match offset {
        0.. => format!("{topic}-{partition}@{offset}"),
        _ => format!("{topic}-{partition}@−1"),
    }
}

/// `orders-1@0`, or `orders-1@0–11` for several records.
pub(crate) fn range(topic: &str, partition: i32, first: i64, records: u32) -> String {
    let position = position(topic, partition, first);
    match records {
        2.. if first >= 0 => format!("{position}–{}", first + i64::from(records) - 1),
        _ => position,
    }
}

/// Milliseconds since 1970 as `2026-01-01 00:00:00.012` in UTC.
pub(crate) fn utc(timestamp_ms: i64) -> String {
    let (days, ms) = (timestamp_ms.div_euclid(86_400_000), timestamp_ms.rem_euclid(86_400_000));
    // Civil date from days (Howard Hinnant): years begin in March, so that the leap day is the last one.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_a_unit_that_fits_them() {
        let moments = [0, 86_049, 999_999, 1_000_000, 75_432_100, 99_999_999, 100_000_000, 601_250_000];
        let written = ["0.0 ms", "86.0 ms", "999.9 ms", "1.000 s", "75.432 s", "99.999 s", "100.0 s", "601.2 s"];
        assert_eq!(moments.map(|us| moment(Instant::from_micros(us))), written);
        assert_eq!(millis(1_999), "1.9");
    }

    #[test]
    fn lengths_of_time_are_short() {
        let spans = [0, 8_400, 84_999, 9_700_000, 98_000_000].map(|us| span(Duration::from_micros(us)));
        assert_eq!(spans, ["0 ms", "8.4 ms", "84 ms", "9.7 s", "98 s"]);
    }

    #[test]
    fn positions_are_written_as_kafka_prints_them() {
        assert_eq!(position("orders", 1, 0), "orders-1@0");
        assert_eq!(position("orders", 1, -1), "orders-1@−1");
        assert_eq!(range("orders", 2, 38, 4), "orders-2@38–41");
        assert_eq!(range("orders", 2, 38, 1), "orders-2@38");
        assert_eq!(range("orders", 2, -1, 4), "orders-2@−1");
    }

    /// From `date -u -d @SECONDS`.
    #[test]
    fn timestamps_are_dates() {
        assert_eq!(utc(0), "1970-01-01 00:00:00.000");
        assert_eq!(utc(1_767_225_600_012), "2026-01-01 00:00:00.012");
        assert_eq!(utc(951_782_399_999), "2000-02-28 23:59:59.999");
        assert_eq!(utc(1_709_164_800_000), "2024-02-29 00:00:00.000");
        assert_eq!(utc(-1), "1969-12-31 23:59:59.999");
    }
}
