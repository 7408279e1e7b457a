//! The lines that a node logs, and when.

/// How `simpleLogger` writes the time at the beginning of a line, for a JVM whose time zone is UTC.
pub(super) const TIME_FORMAT: &str = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'";

/// When a line was logged, in milliseconds since 1970, and what it says; `None`: it goes on with the one before it.
pub fn stamped(line: &str) -> Option<(i64, &str)> {
    let (stamp, said) = line.split_once(' ')?;
    let fields: Vec<i64> = stamp
        .strip_suffix('Z')?
        .split(['-', 'T', ':', '.'])
        .map(|digits| digits.parse().ok())
        .collect::<Option<_>>()?;
    let [year, month, day, hour, minute, second, millisecond] = fields[..] else { return None };
    // Years begin with March here, so that the day between February and March is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let hours = (days - DAYS_TO_1970) * 24 + hour;
    Some((((hours * 60 + minute) * 60 + second) * 1_000 + millisecond, said))
}

/// From the first of March of the year 0.
const DAYS_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_when_it_was_logged_and_its_continuation_does_not() {
        for (line, milliseconds) in [
            ("1970-01-01T00:00:00.000Z [main] INFO a", 0),
            ("2000-02-29T23:59:59.999Z [main] INFO a", 951_868_799_999),
            ("2000-03-01T00:00:00.000Z [main] INFO a", 951_868_800_000),
            // What `date -u -d @1795692000` says.
            ("2026-11-26T11:20:00.250Z [main] INFO a", 1_795_692_000_250),
        ] {
            assert_eq!(stamped(line), Some((milliseconds, "[main] INFO a")), "{line}");
        }
        assert_eq!(stamped("Topic and partition to exceptions: orders-0 -> NotLeaderOrFollowerException"), None);
        assert_eq!(stamped("\tat java.base/java.lang.Thread.run"), None);
    }
}
