//! Fetch and ListOffsets.

use anyhow::Result;
use bytes::Bytes;

use super::Story;
use crate::side_by_side::ask::{Fetch, Produce, Topic, list_offsets};
use crate::side_by_side::batch::RawBatch;
use crate::wire_story::timestamp_ms;

const BATCHES: i64 = 5;
const RECORDS: i32 = 3;

pub(super) fn tell(story: &mut Story) -> Result<()> {
    story.create("read", &[])?;
    let topic = story.topic("read");
    for nth in 0..BATCHES {
        let batch = RawBatch::of(RECORDS, timestamp_ms() + nth * 1_000);
        story.teller.ask("to be read", 12, &Produce::one(&topic, batch.bytes()).request(12))?;
    }
    batches_are_fetched(story)?;
    sessions(story)?;
    offsets_are_listed(story)
}

fn batches_are_fetched(story: &mut Story) -> Result<()> {
    let topic = story.topic("read");
    let end = BATCHES * i64::from(RECORDS);
    let size = i32::try_from(RawBatch::of(RECORDS, timestamp_ms()).bytes().len())?;
    let unknown = Topic::unknown("never-there");
    let nil = Topic { name: String::new(), id: uuid::Uuid::nil() };
    let from = |offset| Fetch::from(&topic, offset);
    for version in 4..=18 {
        for (what, fetch) in [
            ("from the beginning", from(0)),
            ("from within a batch", from(4)),
            ("from the last batch", from(end - 1)),
            ("from the end", from(end)),
            ("from beyond the end", from(end + 1)),
            ("from below the beginning", from(-1)),
            ("from the last offset there can be", from(i64::MAX)),
            ("committed alone", Fetch { isolation_level: 1, ..from(0) }),
            ("in an isolation that nobody has", Fetch { isolation_level: 2, ..from(0) }),
            ("no bytes at all", Fetch { max_bytes: [0, 0], ..from(0) }),
            ("no bytes of the partition", Fetch { max_bytes: [1 << 20, 0], ..from(0) }),
            ("a byte less than a batch", Fetch { max_bytes: [1 << 20, size - 1], ..from(0) }),
            ("a batch's bytes", Fetch { max_bytes: [1 << 20, size], ..from(0) }),
            ("a byte less than two", Fetch { max_bytes: [1 << 20, 2 * size - 1], ..from(0) }),
            ("two batches' bytes in all", Fetch { max_bytes: [2 * size, 1 << 20], ..from(0) }),
            ("bytes below none", Fetch { max_bytes: [-1, -1], ..from(0) }),
            ("bytes of the partition below none", Fetch { max_bytes: [1 << 20, -1], ..from(0) }),
            ("bytes in all below none", Fetch { max_bytes: [-1, 1 << 20], ..from(0) }),
            ("bytes below none at the end", Fetch { max_bytes: [-1, -1], ..from(end) }),
            ("more than there is, at once", Fetch { min_bytes: 1 << 20, ..from(0) }),
            ("more than there is, after a while", Fetch { min_bytes: 1 << 20, max_wait_ms: 20, ..from(0) }),
            ("a partition that is not there", Fetch { partition: 2, ..from(0) }),
            ("a partition below none", Fetch { partition: -1, ..from(0) }),
            ("an empty partition", Fetch { partition: 1, ..from(0) }),
            ("an unknown topic", Fetch::from(&unknown, 0)),
            ("a nameless topic", Fetch::from(&nil, 0)),
        ] {
            story.teller.ask(what, version, &fetch.request(version))?;
        }
        for epoch in [-2, 0, 1, i32::MAX] {
            // Before version 9 nobody says one.
            if version >= 9 {
                let fetch = Fetch { leader_epoch: epoch, ..from(0) };
                story.teller.ask(&format!("leader epoch {epoch}"), version, &fetch.request(version))?;
            }
        }
        story.teller.ask("nothing", version, &from(0).request(version).with_topics(Vec::new()))?;
    }
    Ok(())
}

fn sessions(story: &mut Story) -> Result<()> {
    let topic = story.topic("read");
    for version in [7, 12, 13] {
        for session in [(0, 0), (7, -1), (7, 0), (7, 1), (0, 1)] {
            let fetch = Fetch { session, ..Fetch::from(&topic, 12) };
            story.teller.ask(&format!("session {} at {}", session.0, session.1), version, &fetch.request(version))?;
        }
    }
    Ok(())
}

fn offsets_are_listed(story: &mut Story) -> Result<()> {
    let topic = story.topic("read");
    // One whose latest time is not its last.
    let odd = RawBatch::of(1, timestamp_ms() + 500);
    story.teller.ask("an earlier time at the end", 12, &Produce::one(&topic, odd.bytes()).request(12))?;
    for version in 1..=7 {
        for (what, time) in [
            ("latest", -1),
            ("earliest", -2),
            ("of the latest time", -3),
            ("earliest local", -4),
            ("latest tiered", -5),
            ("earliest to be uploaded", -6),
            ("of no time", i64::MIN),
            ("at the beginning of time", 0),
            ("at the first time", timestamp_ms()),
            ("after the first time", timestamp_ms() + 1),
            ("at the last time", timestamp_ms() + 4_000),
            ("after the last time", timestamp_ms() + 4_001),
        ] {
            for isolation in [0, 1, 2] {
                let request = list_offsets(version, ("read", 0), time, -1, isolation);
                story.teller.ask(&format!("{what}, isolation {isolation}"), version, &request)?;
            }
        }
        for epoch in [0, 1, -2] {
            let request = list_offsets(version, ("read", 0), -1, epoch, 0);
            story.teller.ask(&format!("leader epoch {epoch}"), version, &request)?;
        }
        for place in [("read", 1), ("read", 2), ("read", -1), ("never-there", 0), ("", 0)] {
            for time in [-1, -2, -3, 5] {
                let request = list_offsets(version, place, time, -1, 0);
                story.teller.ask(&format!("{place:?} at {time}"), version, &request)?;
            }
        }
        let twice = {
            let mut request = list_offsets(version, ("read", 0), -1, -1, 0);
            let asked = request.topics[0].partitions[0].clone();
            request.topics[0].partitions.push(asked);
            request
        };
        story.teller.ask("a partition twice", version, &twice)?;
    }
    let empty = Produce { batches: vec![(1, Some(Bytes::new()))], ..Produce::one(&topic, Bytes::new()) };
    story.teller.ask("nothing to a partition", 12, &empty.request(12))?;
    Ok(())
}
