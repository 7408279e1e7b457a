//! Sequences, epochs, acks, and topics that are not there.

use anyhow::Result;

use super::Story;
use crate::side_by_side::STRANGER;
use crate::side_by_side::ask::{Fetch, Produce, Topic};
use crate::side_by_side::batch::RawBatch;
use crate::wire_story::timestamp_ms;

pub(super) fn tell(story: &mut Story) -> Result<()> {
    for name in ["sequences", "memory", "epochs", "strangers", "acks"] {
        story.create(name, &[])?;
    }
    duplicates_and_gaps(story)?;
    five_batches_are_remembered(story)?;
    epochs_rise(story)?;
    strangers_come(story)?;
    acks_are_checked(story)?;
    what_is_not_there(story)
}

fn batch(count: i32) -> RawBatch {
    RawBatch::of(count, timestamp_ms())
}

fn duplicates_and_gaps(story: &mut Story) -> Result<()> {
    let topic = story.topic("sequences");
    for version in 3..=13 {
        let producer = story.producer()?;
        for (what, sequence, count) in [
            ("the first", 0, 3),
            ("a duplicate", 0, 3),
            ("an overlap", 1, 3),
            ("less of the first", 0, 2),
            ("more of the first", 0, 4),
            ("a gap", 5, 1),
            ("the next", 3, 2),
            ("a duplicate of the one before the last", 0, 3),
            ("a part of the last", 3, 1),
        ] {
            let produce = Produce::one(&topic, batch(count).by(producer, sequence).bytes());
            story.teller.ask(what, version, &produce.request(version))?;
        }
    }
    story.teller.ask("what is there", 12, &Fetch::from(&topic, 0).request(12))?;
    Ok(())
}

fn five_batches_are_remembered(story: &mut Story) -> Result<()> {
    let topic = story.topic("memory");
    let producer = story.producer()?;
    for round in ["first", "again"] {
        for sequence in 0..7 {
            let produce = Produce::one(&topic, batch(1).by(producer, sequence).bytes());
            story.teller.ask(&format!("{sequence}, {round}"), 9, &produce.request(9))?;
        }
    }
    story.teller.ask("what is there", 12, &Fetch::from(&topic, 0).request(12))?;
    Ok(())
}

fn epochs_rise(story: &mut Story) -> Result<()> {
    let topic = story.topic("epochs");
    let (id, epoch) = story.producer()?;
    for (what, epoch, sequence) in [
        ("the first", epoch, 0),
        ("a new epoch from 1 on", epoch + 1, 1),
        ("a new epoch from where the old one stands", epoch + 1, 2),
        ("a new epoch from 0 on", epoch + 1, 0),
        ("the old epoch, the next", epoch, 1),
        ("the old epoch, a duplicate", epoch, 0),
        ("a far epoch from 0 on", epoch + 7, 0),
        ("the one between", epoch + 3, 0),
        ("no epoch", -1, 1),
        ("an epoch below none", -2, 1),
        ("the last epoch", i16::MAX, 0),
        ("its next", i16::MAX, 1),
        ("no sequence", i16::MAX, -1),
        ("a sequence below none", i16::MAX, -2),
    ] {
        for version in [3, 9, 13] {
            let produce = Produce::one(&topic, batch(1).by((id, epoch), sequence).bytes());
            story.teller.ask(what, version, &produce.request(version))?;
        }
    }
    story.teller.ask("what is there", 12, &Fetch::from(&topic, 0).request(12))?;
    Ok(())
}

/// Producers of which the partition knows nothing.
fn strangers_come(story: &mut Story) -> Result<()> {
    let topic = story.topic("strangers");
    let stranger = |nth| (STRANGER.0 + nth, STRANGER.1);
    for (what, producer, sequence, count) in [
        ("from 7 on", stranger(1), 7, 1),
        ("its next", stranger(1), 8, 1),
        ("a gap", stranger(1), 10, 1),
        ("its first again", stranger(1), 7, 1),
        ("from the last number on", stranger(2), i32::MAX, 1),
        ("from zero again", stranger(2), 0, 1),
        ("and on", stranger(2), 1, 1),
        ("over the last number", stranger(3), i32::MAX - 1, 4),
        ("a duplicate of that", stranger(3), i32::MAX - 1, 4),
        ("after that", stranger(3), 2, 1),
        ("without a sequence", stranger(4), -1, 1),
        ("without an epoch", (stranger(5).0, -1), 0, 1),
        ("without an id", (-1, 0), 0, 1),
        ("an id below none", (-2, 0), 0, 1),
        ("a sequence alone", (-1, -1), 5, 1),
    ] {
        for version in [3, 13] {
            let produce = Produce::one(&topic, batch(count).by(producer, sequence).bytes());
            story.teller.ask(what, version, &produce.request(version))?;
        }
    }
    story.teller.ask("what is there", 12, &Fetch::from(&topic, 0).request(12))?;
    Ok(())
}

fn acks_are_checked(story: &mut Story) -> Result<()> {
    let topic = story.topic("acks");
    let unknown = Topic::unknown("never-there");
    for version in 3..=13 {
        for acks in [1, 2, -2, i16::MAX] {
            let produce = Produce::one(&topic, batch(1).bytes()).acks(acks);
            story.teller.ask(&format!("acks={acks}"), version, &produce.request(version))?;
        }
        let none = Produce::one(&topic, batch(1).bytes()).acks(0);
        story.teller.ask_without_answer("acks=0", version, &none.request(version))?;
        let bad = Produce { batches: vec![(9, Some(batch(1).bytes()))], ..none.clone() };
        story.teller.ask_without_answer("acks=0, no such partition", version, &bad.request(version))?;
        let bad = RawBatch { crc_off_by: 1, ..batch(1) };
        let bad = Produce { batches: vec![(0, Some(bad.bytes()))], ..none.clone() };
        story.teller.ask_without_answer("acks=0, a wrong CRC", version, &bad.request(version))?;
        let bad = Produce { topic: &unknown, ..none };
        story.teller.ask_without_answer("acks=0, no such topic", version, &bad.request(version))?;
    }
    for (what, timeout_ms) in [("no time", 0), ("time below none", -1)] {
        let produce = Produce { timeout_ms, ..Produce::one(&topic, batch(1).bytes()) };
        story.teller.ask(what, 9, &produce.request(9))?;
    }
    let nothing = Produce { batches: Vec::new(), ..Produce::one(&topic, batch(1).bytes()) };
    story.teller.ask("no partitions", 9, &nothing.request(9))?;
    story.teller.ask("no topics", 9, &nothing.request(9).with_topic_data(Vec::new()))?;
    story.teller.ask("what is there", 12, &Fetch::from(&topic, 0).request(12))?;
    Ok(())
}

fn what_is_not_there(story: &mut Story) -> Result<()> {
    let topic = story.topic("acks");
    let unknown = Topic::unknown("never-there");
    let nil = Topic { name: String::new(), id: uuid::Uuid::nil() };
    let odd = Topic::unknown("a/b");
    let internal = Topic::unknown("__consumer_offsets");
    for version in 3..=13 {
        for partition in [2, -1, i32::MAX] {
            let produce = Produce::one(&topic, batch(1).bytes()).to(partition);
            story.teller.ask(&format!("partition {partition}"), version, &produce.request(version))?;
        }
        for (what, topic) in [("an unknown topic", &unknown), ("a nameless one", &nil), ("a bad name", &odd)] {
            let produce = Produce::one(topic, batch(1).bytes());
            story.teller.ask(what, version, &produce.request(version))?;
        }
        if version < 13 {
            let produce = Produce::one(&internal, batch(1).bytes());
            story.teller.ask("a topic of the brokers' own", version, &produce.request(version))?;
        }
        let sound = || Some(batch(1).bytes());
        let mixed = Produce {
            batches: vec![(0, sound()), (7, sound()), (1, sound())],
            ..Produce::one(&topic, batch(1).bytes())
        };
        story.teller.ask("one of three partitions unknown", version, &mixed.request(version))?;
    }
    Ok(())
}
