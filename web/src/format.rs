//! Numbers as text, without floating point: formatting that costs tens of kilobytes of wasm.

use producer_core::time::Instant;

/// Milliseconds with one decimal.
pub(crate) fn millis(us: u64) -> String {
    format!("{}.{}", us / 1_000, us % 1_000 / 100)
}

/// A moment in milliseconds with one decimal.
pub(crate) fn moment(at: Instant) -> String {
    millis(at.as_micros())
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
    fn moments_have_one_decimal() {
        assert_eq!(moment(Instant::from_micros(86_049)), "86.0");
        assert_eq!(millis(1_999), "1.9");
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
