//! Transactions that break the rules, and offsets within them. What a whole life with them is like is told elsewhere
//! (`kafka_transactions`); here every field of every answer counts.

use anyhow::{Context as _, Result};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    GroupId, OffsetFetchRequest, ProducerId, TopicName, TransactionalId, TxnOffsetCommitRequest,
};

use super::{GETS_READY, Identity, Story, UNDER_WAY};
use crate::side_by_side::STRANGER;
use crate::side_by_side::ask::{Fetch, Produce, add_offsets, add_partitions, end, init, text};
use crate::side_by_side::batch::RawBatch;
use crate::wire_story::timestamp_ms;

const TOPIC: &str = "transactions";

pub(super) fn tell(story: &mut Story) -> Result<()> {
    story.create(TOPIC, &[])?;
    ids_are_given(story)?;
    batches_are_refused(story)?;
    ends_are_refused(story)?;
    partitions_are_refused(story)?;
    offsets_are_refused(story)?;
    offsets_are_fetched(story)
}

/// A new epoch for a transactional id.
fn begin(story: &mut Story, id: &str) -> Result<Identity> {
    let request = init(5, Some(id), 60_000, None);
    let answer =
        story.teller.ask_until(&format!("{id} begins"), 5, &request, |answer| answer.error_code != UNDER_WAY)?;
    Ok((answer.producer_id.0, answer.producer_epoch))
}

fn raised((id, epoch): Identity) -> Identity {
    (id, epoch + 1)
}

fn batch(producer: Identity, sequence: i32) -> RawBatch {
    RawBatch::of(1, timestamp_ms()).by(producer, sequence).transactional()
}

fn ids_are_given(story: &mut Story) -> Result<()> {
    let known = begin(story, "known")?;
    let known = {
        let request = init(5, Some("known"), 60_000, Some(known));
        let answer = story.teller.ask("the same again", 5, &request)?.context("closed")?;
        (answer.producer_id.0, answer.producer_epoch)
    };
    for version in 0..=5 {
        for (what, id, timeout_ms, expected) in [
            ("no id", None, 60_000, None),
            ("no id, and no time", None, -1, None),
            ("an empty id", Some(""), 60_000, None),
            ("no time", Some("timeouts"), 0, None),
            ("time below none", Some("timeouts"), -1, None),
            ("the longest time", Some("timeouts"), 900_000, None),
            ("too long a time", Some("timeouts"), 900_001, None),
        ] {
            let what = format!("{what} v{version}");
            story.teller.ask(&what, version, &init(version, id, timeout_ms, expected))?;
        }
        for (what, id, expected) in [
            ("a stranger", Some("known"), STRANGER),
            ("a stranger to a new id", Some("fresh"), STRANGER),
            ("a later epoch", Some("known"), raised(known)),
            ("an epoch below none", Some("known"), (known.0, -2)),
            ("half an identity", Some("known"), (known.0, -1)),
            ("the other half", Some("known"), (-1, 0)),
            ("an identity without an id", None, STRANGER),
            ("half of one without an id", None, (5, -1)),
        ] {
            if version >= 3 {
                story.teller.ask(what, version, &init(version, id, 60_000, Some(expected)))?;
            }
        }
    }
    Ok(())
}

fn batches_are_refused(story: &mut Story) -> Result<()> {
    let topic = story.topic(TOPIC);
    let producer = begin(story, "writer")?;
    let other = begin(story, "other")?;
    let plain = |sequence| RawBatch::of(1, timestamp_ms()).by(producer, sequence);
    for version in [3, 8, 10, 11, 12, 13] {
        for (what, id, batch) in [
            ("without an id", None, batch(producer, 0)),
            ("an empty id", Some(""), batch(producer, 0)),
            ("an unknown id", Some("unknown"), batch(producer, 0)),
            ("another's id", Some("other"), batch(producer, 0)),
            ("a stranger", Some("writer"), batch(STRANGER, 0)),
            ("a later epoch", Some("writer"), batch(raised(producer), 0)),
            ("an epoch below none", Some("writer"), batch((producer.0, -2), 0)),
        ] {
            let produce = Produce::one(&topic, batch.bytes()).within(id.unwrap_or_default());
            let produce = Produce { transactional_id: id, ..produce };
            story.teller.ask(what, version, &produce.request(version))?;
        }
        // Older clients must have added the partition.
        if version < 12 {
            let produce = Produce::one(&topic, batch(producer, 0).bytes()).within("writer");
            story.teller.ask("not added", version, &produce.request(version))?;
        }
        let two = vec![(0, Some(batch(producer, 0).bytes())), (1, Some(batch(other, 0).bytes()))];
        let produce = Produce { batches: two, ..Produce::one(&topic, plain(0).bytes()).within("writer") };
        story.teller.ask("two producers", version, &produce.request(version))?;
    }
    let produce = |sequence| Produce::one(&topic, batch(producer, sequence).bytes()).within("writer");
    story.teller.ask_until("the first adds its partition", 12, &produce(0).request(12), |answer| {
        answer.responses[0].partition_responses[0].error_code != UNDER_WAY
    })?;
    for version in [10, 11, 12, 13] {
        story.teller.ask("a duplicate", version, &produce(0).request(version))?;
        story.teller.ask("a gap", version, &produce(5).request(version))?;
        let outside = Produce::one(&topic, plain(1).bytes());
        story.teller.ask("outside the transaction", version, &outside.request(version))?;
    }
    let fetch = Fetch { isolation_level: 1, ..Fetch::from(&topic, 0) };
    story.teller.ask("open, committed alone", 12, &fetch.request(12))?;
    story.teller.ask("open, all", 12, &Fetch::from(&topic, 0).request(12))?;
    story.teller.ask_until("commits", 5, &end("writer", producer, true), |answer| answer.error_code != UNDER_WAY)?;
    // The marker is written after the end is answered.
    story.teller.ask_until("committed", 12, &fetch.request(12), |answer| {
        answer.responses[0].partitions[0].last_stable_offset == 2
    })?;
    for version in [3, 10, 11, 12, 13] {
        story.teller.ask("a stale epoch", version, &produce(1).request(version))?;
        story.teller.ask("a stale epoch elsewhere", version, &produce(1).to(1).request(version))?;
    }
    Ok(())
}

fn ends_are_refused(story: &mut Story) -> Result<()> {
    let topic = story.topic(TOPIC);
    let producer = begin(story, "ender")?;
    for version in 0..=5 {
        for (what, id, identity) in [
            ("an unknown id", "unknown", producer),
            ("no id", "", producer),
            ("a stranger", "ender", STRANGER),
            ("a later epoch", "ender", raised(producer)),
            ("an epoch below none", "ender", (producer.0, -2)),
        ] {
            for committed in [true, false] {
                story.teller.ask(&format!("{what}, commit {committed}"), version, &end(id, identity, committed))?;
            }
        }
        // Of nothing: an abort of protocol 2 raises the epoch.
        if version < 5 {
            for committed in [true, false] {
                story.teller.ask(
                    &format!("nothing, commit {committed}"),
                    version,
                    &end("ender", producer, committed),
                )?;
            }
        }
    }
    story.teller.ask("a commit of nothing", 5, &end("ender", producer, true))?;
    let first = Produce::one(&topic, batch(producer, 0).bytes()).within("ender").to(1);
    story.teller.ask_until("something", 12, &first.request(12), |answer| {
        answer.responses[0].partition_responses[0].error_code != UNDER_WAY
    })?;
    let settled = |story: &mut Story, what: &str, identity, committed| {
        let request = end("ender", identity, committed);
        story.teller.ask_until(what, 5, &request, |answer| answer.error_code != UNDER_WAY)
    };
    let aborted = settled(story, "abort", producer, false)?;
    let next = (aborted.producer_id.0, aborted.producer_epoch);
    settled(story, "abort again", producer, false)?;
    settled(story, "commit instead", producer, true)?;
    settled(story, "commit of nothing more", next, true)?;
    settled(story, "abort of nothing more", next, false)?;
    Ok(())
}

fn partitions_are_refused(story: &mut Story) -> Result<()> {
    let producer = begin(story, "adder")?;
    for version in 0..=3 {
        for (what, id, identity, topics) in [
            ("an unknown partition", "adder", producer, &[(TOPIC, &[0, 9][..])][..]),
            ("a partition below none", "adder", producer, &[(TOPIC, &[-1])]),
            ("an unknown topic", "adder", producer, &[(TOPIC, &[0]), ("never-there", &[0])]),
            ("a topic of the brokers' own", "adder", producer, &[("__consumer_offsets", &[0])]),
            ("nothing", "adder", producer, &[]),
            ("an unknown id", "unknown", producer, &[(TOPIC, &[0])]),
            ("no id", "", producer, &[(TOPIC, &[0])]),
            ("a stranger", "adder", STRANGER, &[(TOPIC, &[0])]),
            ("a later epoch", "adder", raised(producer), &[(TOPIC, &[0])]),
        ] {
            story.teller.ask(what, version, &add_partitions(id, identity, topics))?;
        }
    }
    for version in 0..=4 {
        for (what, id, identity, group) in [
            ("an unknown id", "unknown", producer, "group"),
            ("no id", "", producer, "group"),
            ("a stranger", "adder", STRANGER, "group"),
            ("a later epoch", "adder", raised(producer), "group"),
        ] {
            story.teller.ask(what, version, &add_offsets(id, identity, group))?;
        }
    }
    let request = add_partitions("adder", producer, &[(TOPIC, &[0, 1])]);
    story.teller.ask_until("added", 3, &request, |answer| {
        let results = answer.results_by_topic_v3_and_below.iter().flat_map(|topic| &topic.results_by_partition);
        !results.map(|result| result.partition_error_code).any(|error| error == UNDER_WAY)
    })?;
    story.teller.ask("aborts", 4, &end("adder", producer, false))?;
    Ok(())
}

/// Offsets of a group.
struct Commit<'a> {
    id: &'a str,
    producer: Identity,
    group: &'a str,
    generation: i32,
    member: &'a str,
    instance: Option<&'a str>,
    places: &'a [(&'a str, i32)],
}

impl Commit<'_> {
    fn request(&self, version: i16) -> TxnOffsetCommitRequest {
        let topic = |&(name, partition): &(&str, i32)| {
            let offset = TxnOffsetCommitRequestPartition::default()
                .with_partition_index(partition)
                .with_committed_offset(7)
                .with_committed_metadata(Some(text("so far")));
            TxnOffsetCommitRequestTopic::default().with_name(TopicName(text(name))).with_partitions(vec![offset])
        };
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(TransactionalId(text(self.id)))
            .with_producer_id(ProducerId(self.producer.0))
            .with_producer_epoch(self.producer.1)
            .with_group_id(GroupId(text(self.group)))
            .with_topics(self.places.iter().map(topic).collect());
        if version < 3 {
            return request;
        }
        request
            .with_generation_id(self.generation)
            .with_member_id(text(self.member))
            .with_group_instance_id(self.instance.map(text))
    }
}

fn offsets_are_refused(story: &mut Story) -> Result<()> {
    let producer = begin(story, "offsets")?;
    let there: &[_] = &[(TOPIC, 0)];
    let sound = || Commit {
        id: "offsets",
        producer,
        group: "offsets-group",
        generation: -1,
        member: "",
        instance: None,
        places: there,
    };
    for version in 0..=5 {
        for (what, commit) in [
            ("an unknown id", Commit { id: "unknown", ..sound() }),
            ("no id", Commit { id: "", ..sound() }),
            ("a stranger", Commit { producer: STRANGER, ..sound() }),
            ("a later epoch", Commit { producer: raised(producer), ..sound() }),
            ("no group", Commit { group: "", ..sound() }),
            ("an unknown topic", Commit { places: &[("never-there", 0)], ..sound() }),
            ("an unknown partition", Commit { places: &[(TOPIC, 9)], ..sound() }),
        ] {
            let request = commit.request(version);
            story.teller.ask_until(what, version, &request, |answer| {
                let results = answer.topics.iter().flat_map(|topic| &topic.partitions);
                !results.map(|result| result.error_code).any(|error| GETS_READY.contains(&error))
            })?;
        }
        if version >= 3 {
            for (what, commit) in [
                ("a generation of nobody", Commit { generation: 5, ..sound() }),
                ("a member of nobody", Commit { member: "nobody", ..sound() }),
                ("both", Commit { generation: 5, member: "nobody", ..sound() }),
                ("an instance of nobody", Commit { instance: Some("nobody"), ..sound() }),
                ("all of nobody", Commit { generation: 5, member: "nobody", instance: Some("no"), ..sound() }),
            ] {
                story.teller.ask(what, version, &commit.request(version))?;
            }
        }
    }
    story.teller.ask_until("committed within", 5, &sound().request(5), |answer| {
        let results = answer.topics.iter().flat_map(|topic| &topic.partitions);
        !results.map(|result| result.error_code).any(|error| error == UNDER_WAY)
    })?;
    Ok(())
}

/// While the transaction is open, and after it.
fn offsets_are_fetched(story: &mut Story) -> Result<()> {
    fetch_all(story, "open")?;
    // A producer that begins anew has what was open aborted.
    story.teller.wait_for(5, &init(5, Some("offsets"), 60_000, None), |answer| answer.error_code == 0)?;
    let stable = OffsetFetchRequest::default().with_require_stable(true).with_groups(vec![group_of(&[(TOPIC, 0)])]);
    story.teller.wait_for(9, &stable, |answer| answer.groups[0].topics[0].partitions[0].error_code == 0)?;
    fetch_all(story, "aborted")
}

fn group_of(places: &[(&str, i32)]) -> OffsetFetchRequestGroup {
    let topic = |&(name, partition): &(&str, i32)| {
        OffsetFetchRequestTopics::default().with_name(TopicName(text(name))).with_partition_indexes(vec![partition])
    };
    OffsetFetchRequestGroup::default()
        .with_group_id(GroupId(text("offsets-group")))
        .with_topics(Some(places.iter().map(topic).collect()))
}

fn fetch_all(story: &mut Story, when: &str) -> Result<()> {
    for version in 1..=9 {
        for (what, places) in [
            ("of a partition", Some(&[(TOPIC, 0)][..])),
            ("of one that has none", Some(&[(TOPIC, 1)])),
            ("of one that is not there", Some(&[("never-there", 0)])),
            ("of all", None),
        ] {
            // Version 1 cannot ask for all.
            if version < 2 && places.is_none() {
                continue;
            }
            for require_stable in [false, true] {
                if require_stable && version < 7 {
                    continue;
                }
                let request = OffsetFetchRequest::default();
                let request = if version >= 7 { request.with_require_stable(require_stable) } else { request };
                let topic = |&(name, partition): &(&str, i32)| {
                    OffsetFetchRequestTopic::default()
                        .with_name(TopicName(text(name)))
                        .with_partition_indexes(vec![partition])
                };
                let request = if version < 8 {
                    request
                        .with_group_id(GroupId(text("offsets-group")))
                        .with_topics(places.map(|places| places.iter().map(topic).collect()))
                } else {
                    let group = places.map_or_else(|| group_of(&[]).with_topics(None), group_of);
                    request.with_groups(vec![group])
                };
                story.teller.ask(&format!("{what}, {when}, stable {require_stable}"), version, &request)?;
            }
        }
    }
    Ok(())
}
