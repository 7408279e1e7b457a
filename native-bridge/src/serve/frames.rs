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
                    Ok((first, second)) => self.parts.extend([second, first]),
                    Err(whole) => self.parts.push(too_large(&whole, encoded.len())),
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

/// Halves a report that is a list; gives back any other.
fn in_two(report: Report) -> Result<(Report, Report), Report> {
    match report {
        Report::Outcomes { mut outcomes } if outcomes.len() > 1 => {
            let rest = outcomes.split_off(outcomes.len() / 2);
            Ok((Report::Outcomes { outcomes }, Report::Outcomes { outcomes: rest }))
        }
        Report::Trace { mut events } if events.len() > 1 => {
            let rest = events.split_off(events.len() / 2);
            Ok((Report::Trace { events }, Report::Trace { events: rest }))
        }
        whole => Err(whole),
    }
}

/// What the page is told instead of a report that no frame holds: with a cluster of hundreds of thousands of partitions,
/// a topology would be one. Never an outcome: [`MAX_SEND_COUNT`](producer_core::bridge::MAX_SEND_COUNT) of them fit.
fn too_large(report: &Report, bytes: usize) -> Report {
    let name = match report {
        Report::Welcome { .. } => "Welcome",
        Report::Configured { .. } => "Configured",
        Report::Topology(_) => "Topology",
        Report::Outcomes { .. } => "Outcomes",
        Report::Trace { .. } => "Trace",
        _ => "Report",
    };
    tracing::error!(report = name, bytes, "too large for a frame");
    Report::Omitted { report: name.into(), bytes: bytes as u64, limit: MAX_FRAME_BYTES as u64 }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use producer_core::bridge::{
        Fate, MAX_PROPERTIES, MAX_PROPERTY_BYTES, MAX_SEND_COUNT, Outcome, Partition, RecordsMetadata, Topology, decode,
    };
    use producer_core::config::ConfigNotice;
    use producer_core::ids::{BatchId, NodeId, ProducerIndex, RecordName};

    use super::*;

    fn outcome(number: u64, topic_bytes: usize) -> Outcome {
        let metadata = RecordsMetadata {
            first: RecordName { producer: ProducerIndex(0), batch: BatchId(number), index: 0 },
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

    fn reports(frames: Frames<impl Iterator<Item = Report>>) -> Vec<Report> {
        frames.flat_map(|frame| decode::<Vec<Report>>(&frame).expect("a frame the page can read")).collect()
    }

    #[test]
    fn a_report_that_no_frame_holds_is_told_to_be_missing_and_those_around_it_arrive() {
        let partition = |partition| {
            let replicas = vec![NodeId(1); 3];
            Partition { partition, leader: NodeId(1), replicas: replicas.clone(), isr: replicas }
        };
        let topology = Topology { partitions: (0..300_000).map(partition).collect(), ..Topology::default() };
        let told = reports(Frames::of([Report::Armed, Report::Topology(topology), Report::Stopping]));
        let [Report::Armed, Report::Omitted { report, bytes, limit }, Report::Stopping] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!((&**report, *limit), ("Topology", 2_097_152));
        assert!(bytes > limit, "{bytes}");
    }

    #[test]
    fn the_largest_outcome_and_the_largest_configuration_fit() {
        let count = MAX_SEND_COUNT as usize;
        let mut largest = outcome(u64::MAX, 1_000);
        // A year's wait, and the last moment that a timestamp can name.
        largest.latency_us = vec![365 * 86_400 * 1_000_000; count];
        let Fate::Acked(metadata) = &mut largest.fate else { unreachable!() };
        metadata.timestamps_ms = vec![i64::MAX; count];
        let key: Arc<str> = "k".repeat(MAX_PROPERTY_BYTES - 1).into();
        let notice = ConfigNotice::UnknownKey { key: Arc::clone(&key), nearest: None };
        let configured = Report::Configured {
            properties: vec![(key, "v".into()); MAX_PROPERTIES],
            notices: vec![notice; MAX_PROPERTIES],
        };
        let sent = [Report::Outcomes { outcomes: vec![largest] }, configured];
        assert_eq!(reports(Frames::of(sent.clone())), sent);
    }
}
