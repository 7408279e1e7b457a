//! Reports into frames: many small ones together, and a large one in parts.

use producer_core::bridge::{MAX_FRAME_BYTES, Report, encode};

/// A frame this full is written before more is gathered.
const FULL_BYTES: usize = 64 * 1024;
/// What precedes every message.
const VERSION_BYTES: usize = 1;
/// Room for the version and the number of reports.
const HEAD_BYTES: usize = VERSION_BYTES + 10;

/// Frames of reports, in order; each is the encoding of a `Vec<Report>`.
///
/// Lazy: what is not asked for is not taken from `reports`, so it stays where it can be taken later.
#[derive(Debug)]
pub(crate) struct Frames<I> {
    reports: I,
    /// Reports in parts, the next one last.
    parts: Vec<Report>,
}

impl<I: Iterator<Item = Report>> Frames<I> {
    pub(crate) fn of(reports: impl IntoIterator<IntoIter = I>) -> Self {
        Self { reports: reports.into_iter(), parts: Vec::new() }
    }
}

impl<I: Iterator<Item = Report>> Iterator for Frames<I> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let (mut body, mut count) = (Vec::new(), 0_usize);
        while body.len() < FULL_BYTES
            && let Some(report) = self.parts.pop().or_else(|| self.reports.next())
        {
            let encoded = &encode(&report)[VERSION_BYTES..];
            if HEAD_BYTES + body.len() + encoded.len() <= MAX_FRAME_BYTES {
                body.extend_from_slice(encoded);
                count += 1;
            } else if count > 0 {
                self.parts.push(report);
                break;
            } else {
                match in_two(report) {
                    Some((first, second)) => self.parts.extend([second, first]),
                    None => tracing::error!(bytes = encoded.len(), "a report is too large for any frame"),
                }
            }
        }
        (count > 0).then(|| {
            // As postcard writes a list: how many, then one after the other.
            let mut frame = encode(&count);
            frame.append(&mut body);
            frame
        })
    }
}

/// Halves a report that is a list.
fn in_two(report: Report) -> Option<(Report, Report)> {
    match report {
        Report::Outcomes { mut outcomes } if outcomes.len() > 1 => {
            let rest = outcomes.split_off(outcomes.len() / 2);
            Some((Report::Outcomes { outcomes }, Report::Outcomes { outcomes: rest }))
        }
        Report::Trace { mut events } if events.len() > 1 => {
            let rest = events.split_off(events.len() / 2);
            Some((Report::Trace { events }, Report::Trace { events: rest }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use producer_core::bridge::{Fate, Outcome, RecordsMetadata, decode};
    use producer_core::ids::BatchId;

    use super::*;

    fn outcome(number: u64, topic_bytes: usize) -> Outcome {
        let metadata = RecordsMetadata {
            batch: BatchId(number),
            first_index: 0,
            topic: "t".repeat(topic_bytes).into(),
            partition: 0,
            first_offset: 0,
            timestamps_ms: vec![0],
            log_append_time: false,
            key_size: -1,
            value_size: -1,
            attempts: 1,
        };
        let fate = Fate::Acked(metadata);
        Outcome { number, send: 0, first_record: 0, first_ordinal: 0, count: 1, latency_us: vec![0], fate }
    }

    fn numbers(frames: &[Vec<u8>]) -> Vec<u64> {
        let reports = frames.iter().flat_map(|frame| decode::<Vec<Report>>(frame).expect("a frame the page can read"));
        let outcomes = reports.flat_map(|report| match report {
            Report::Outcomes { outcomes } => outcomes,
            other => panic!("{other:?}"),
        });
        outcomes.map(|outcome| outcome.number).collect()
    }

    #[test]
    fn small_reports_share_a_frame_and_are_written_as_a_list() {
        let reports = vec![Report::Armed, Report::Stopping, Report::Armed];
        let frames: Vec<_> = Frames::of(reports.clone()).collect();
        assert_eq!(frames, [encode(&reports)]);
        assert_eq!(Frames::of([]).next(), None, "no report, no frame");
    }

    #[test]
    fn a_report_larger_than_a_frame_is_told_in_parts_and_in_order() {
        let outcomes = (1..=40).map(|number| outcome(number, 100_000)).collect();
        let frames: Vec<_> = Frames::of([Report::Outcomes { outcomes }]).collect();
        assert!(frames.len() > 1);
        assert_eq!(numbers(&frames), (1..=40).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_frame_leaves_the_rest_where_it_is() {
        let mut taken = 0;
        let reports = core::iter::from_fn(|| {
            taken += 1;
            Some(Report::Outcomes { outcomes: vec![outcome(taken, 30_000)] })
        });
        let frame = Frames::of(reports).next().expect("a frame");
        assert_eq!(numbers(&[frame]), [1, 2, 3]);
        assert_eq!(taken, 3);
    }
}
