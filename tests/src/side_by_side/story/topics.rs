//! Topics that are created, described and deleted, and coordinators that are looked for.

use anyhow::Result;
use kafka_protocol::messages::create_topics_request::CreatableReplicaAssignment;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{BrokerId, DeleteTopicsRequest, MetadataRequest, TopicName};
use uuid::Uuid;

use super::Story;
use crate::side_by_side::NOBODYS_TOPIC;
use crate::side_by_side::ask::{create_topics, find_coordinator, metadata, new_topic, text};

pub(super) fn tell(story: &mut Story) -> Result<()> {
    coordinators_are_looked_for(story)?;
    topics_are_refused(story)?;
    settings_are_refused(story)?;
    topics_are_described(story)?;
    topics_are_deleted(story)
}

fn coordinators_are_looked_for(story: &mut Story) -> Result<()> {
    for version in 0..=6 {
        for (key_type, key) in [(0, "group"), (1, "transaction"), (0, ""), (1, ""), (3, "nobody"), (-1, "nobody")] {
            // Version 0 knows groups alone.
            if version > 0 || key_type == 0 {
                let request = find_coordinator(version, key_type, &[key]);
                story.teller.ask(&format!("of {key:?}, type {key_type}"), version, &request)?;
            }
        }
        if version >= 4 {
            let request = find_coordinator(version, 0, &["one", "two", "one"]);
            story.teller.ask("of three at once", version, &request)?;
            story.teller.ask("of nobody", version, &find_coordinator(version, 0, &[]))?;
        }
    }
    Ok(())
}

fn topics_are_refused(story: &mut Story) -> Result<()> {
    story.create("there.already", &[])?;
    let long = "t".repeat(250);
    for version in 2..=7 {
        for (what, topic) in [
            ("there already", new_topic("there.already", 1, 1, &[])),
            ("colliding", new_topic("there_already", 1, 1, &[])),
            ("nameless", new_topic("", 1, 1, &[])),
            ("a dot", new_topic(".", 1, 1, &[])),
            ("two dots", new_topic("..", 1, 1, &[])),
            ("a slash", new_topic("a/b", 1, 1, &[])),
            ("too long a name", new_topic(&long, 1, 1, &[])),
            ("no partition", new_topic("no-partition", 0, 1, &[])),
            ("-2 partitions", new_topic("less", -2, 1, &[])),
            ("too many partitions", new_topic("many", 10_001, 1, &[])),
            ("no copies", new_topic("no-copies", 1, 0, &[])),
            ("too many copies", new_topic("copies", 1, 2, &[])),
            ("-2 copies", new_topic("less-copies", 1, -2, &[])),
        ] {
            story.teller.ask(what, version, &create_topics(vec![topic]))?;
        }
        let twice = vec![new_topic("twice", 1, 1, &[]), new_topic("twice", 2, 1, &[]), new_topic(".", 1, 1, &[])];
        story.teller.ask("twice the same", version, &create_topics(twice))?;
        story.teller.ask("none at all", version, &create_topics(Vec::new()))?;
        let checked = vec![new_topic("checked", 3, 1, &[])];
        story.teller.ask("only checked", version, &create_topics(checked).with_validate_only(true))?;
        let defaults = vec![new_topic("defaults", -1, -1, &[])];
        // Before version 4 a number must be said.
        story.teller.ask("of the broker's numbers", version, &create_topics(defaults).with_validate_only(true))?;
    }
    let assigned = |partition, brokers: &[i32]| {
        let brokers = brokers.iter().map(|&broker| BrokerId(broker)).collect();
        CreatableReplicaAssignment::default().with_partition_index(partition).with_broker_ids(brokers)
    };
    for (what, partitions, copies, assignments) in [
        ("assigned", -1, -1, vec![assigned(0, &[1]), assigned(1, &[1])]),
        ("assigned and counted", 2, 1, vec![assigned(0, &[1])]),
        ("assigned to nobody", -1, -1, vec![assigned(0, &[9])]),
        ("assigned with a gap", -1, -1, vec![assigned(1, &[1])]),
        ("assigned twice to one", -1, -1, vec![assigned(0, &[1, 1])]),
        ("assigned twice", -1, -1, vec![assigned(0, &[1]), assigned(0, &[1])]),
        ("assigned to none", -1, -1, vec![assigned(0, &[])]),
        ("assigned unevenly", -1, -1, vec![assigned(0, &[1]), assigned(1, &[1, 9])]),
        ("assigned below zero", -1, -1, vec![assigned(-1, &[1])]),
        ("assigned in another order", -1, -1, vec![assigned(1, &[1]), assigned(0, &[1])]),
        ("assigned with partitions counted", 1, -1, vec![assigned(0, &[1])]),
        ("assigned in part", -1, -1, vec![assigned(1, &[1]), assigned(2, &[1])]),
    ] {
        let topic = new_topic(&what.replace(' ', "-"), partitions, copies, &[]).with_assignments(assignments);
        for version in [2, 7] {
            let request = create_topics(vec![topic.clone()]).with_validate_only(true);
            story.teller.ask(what, version, &request)?;
        }
    }
    Ok(())
}

fn settings_are_refused(story: &mut Story) -> Result<()> {
    for (key, value) in [
        ("no.such.setting", Some("1")),
        ("retention.ms", None),
        ("max.message.bytes", Some("-1")),
        ("max.message.bytes", Some("many")),
        ("max.message.bytes", Some("2147483648")),
        ("min.insync.replicas", Some("0")),
        ("min.insync.replicas", Some("2")),
        ("cleanup.policy", Some("burn")),
        ("cleanup.policy", Some("compact,delete")),
        ("cleanup.policy", Some("")),
        ("compression.type", Some("zip")),
        ("compression.type", Some("gzip")),
        ("message.timestamp.type", Some("Now")),
        ("message.timestamp.before.max.ms", Some("-1")),
        ("message.timestamp.after.max.ms", Some("soon")),
        ("unclean.leader.election.enable", Some("perhaps")),
        ("unclean.leader.election.enable", Some("TRUE")),
        ("segment.bytes", Some("1048576")),
        ("retention.ms", Some("-1")),
    ] {
        let topic = new_topic("set", 1, 1, &[(key, value)]);
        let request = create_topics(vec![topic]).with_validate_only(true);
        story.teller.ask(&format!("{key}={value:?}"), 7, &request)?;
    }
    Ok(())
}

fn topics_are_described(story: &mut Story) -> Result<()> {
    for version in 0..=13 {
        for (what, names) in [
            ("there", &["there.already"][..]),
            ("not there", &["never-there"]),
            ("of a bad name", &["a/b"]),
            ("both", &["there.already", "never-there"]),
            ("of the brokers' own", &["__consumer_offsets"]),
        ] {
            // Before version 4 a broker may create what is missing.
            if version >= 4 || what == "there" {
                story.teller.ask(what, version, &metadata(version, names))?;
            }
        }
        if version >= 1 {
            story.teller.ask("no topic", version, &metadata(version, &[]))?;
        }
        if version >= 8 {
            let operations = metadata(version, &["there.already"]).with_include_topic_authorized_operations(true);
            let operations =
                if version <= 10 { operations.with_include_cluster_authorized_operations(true) } else { operations };
            story.teller.ask("with what is allowed", version, &operations)?;
        }
    }
    let known = story.topic("there.already").id;
    let by_id = |id| MetadataRequestTopic::default().with_topic_id(id);
    for version in [12, 13] {
        for (what, topics) in [
            ("by its id", vec![by_id(known).with_name(None)]),
            ("by nobody's id", vec![by_id(NOBODYS_TOPIC).with_name(None)]),
            ("by id, with another's name", vec![by_id(known).with_name(Some(TopicName(text("else"))))]),
            ("by nothing", vec![by_id(Uuid::nil()).with_name(None)]),
        ] {
            let request = MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(false);
            story.teller.ask(what, version, &request)?;
        }
    }
    Ok(())
}

fn topics_are_deleted(story: &mut Story) -> Result<()> {
    for version in 1..=6 {
        let request = DeleteTopicsRequest::default().with_timeout_ms(30_000);
        let named = |name: &str| DeleteTopicState::default().with_name(Some(TopicName(text(name))));
        for (what, names) in
            [("never there", &["never-there"][..]), ("twice", &["never-there", "never-there"]), ("", &[])]
        {
            let request = match version {
                ..6 => request.clone().with_topic_names(names.iter().map(|name| TopicName(text(name))).collect()),
                _ => request.clone().with_topics(names.iter().map(|name| named(name)).collect()),
            };
            story.teller.ask(what, version, &request)?;
        }
    }
    Ok(())
}
