//! Metadata, new topics, producer ids, and what the brokers say of themselves.

use super::*;
use crate::protocol::{CreateTopicsRequest, CreatedTopic, InitProducerIdRequest, NewTopic};

fn create(world: &mut World, topics: Vec<NewTopic>, validate_only: bool) -> Vec<CreatedTopic> {
    let link = world.connect(1);
    let request = CreateTopicsRequest { topics, timeout_ms: 1_000, validate_only };
    match world.ask(link, Request::CreateTopics(request)) {
        Some(Response::CreateTopics(response)) => response.topics,
        other => panic!("{other:?}"),
    }
}

fn refusal(world: &mut World, topic: NewTopic) -> (ErrorCode, String) {
    let answer = create(world, vec![topic], false).remove(0);
    (answer.error, answer.error_message.as_deref().unwrap_or_default().to_owned())
}

#[test]
fn leaders_are_spread_over_the_brokers() {
    let mut world = World::new();
    let orders = world.describe("orders", false);
    assert_eq!(orders.error, ErrorCode::NONE);
    assert_ne!(orders.id, Default::default());
    let leaders: Vec<_> = orders.partitions.iter().map(|partition| (partition.partition, partition.leader)).collect();
    assert_eq!(leaders, [(0, NodeId(1)), (1, NodeId(2)), (2, NodeId(3))]);
    for partition in &orders.partitions {
        assert_eq!(partition.replicas.len(), 3);
        assert_eq!(partition.replicas[0], partition.leader);
        assert_eq!(partition.isr, partition.replicas);
    }
}

#[test]
fn metadata_names_all_brokers_and_all_topics_or_none() {
    let mut world = World::new();
    let link = world.connect(2);
    let mut ask = |topics: Option<Vec<Arc<str>>>| {
        let request = MetadataRequest { topics, allow_auto_topic_creation: true, ..Default::default() };
        match world.ask(link, Request::Metadata(request)) {
            Some(Response::Metadata(response)) => response,
            other => panic!("{other:?}"),
        }
    };
    let none = ask(Some(Vec::new()));
    let brokers: Vec<_> = none.brokers.iter().map(|broker| (broker.node.0, &*broker.host, broker.port)).collect();
    assert_eq!(brokers, [(1, "broker-1", 9092), (2, "broker-2", 9092), (3, "broker-3", 9092)]);
    assert!(none.topics.is_empty());
    assert_eq!(none.cluster_id.map(|id| id.len()), Some(22));
    assert_eq!(ask(None).topics.iter().map(|topic| &*topic.name).collect::<Vec<_>>(), ["orders"]);
}

#[test]
fn a_missing_topic_is_created_where_allowed_and_known_the_next_time() {
    let mut world = World::new();
    assert_eq!(world.describe("new", false).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(world.describe("new", true).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let created = world.describe("new", false);
    assert_eq!((created.error, created.partitions.len()), (ErrorCode::NONE, 1));
}

#[test]
fn names_that_no_topic_may_have_are_invalid_everywhere() {
    let long = "a".repeat(250);
    let cases = [
        ("", "the empty string is not allowed".to_owned()),
        (".", "'.' is not allowed".to_owned()),
        ("..", "'..' is not allowed".to_owned()),
        (&long, format!("the length of '{long}' is longer than the max allowed length 249")),
        ("a/b", "'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'".to_owned()),
    ];
    for (name, problem) in cases {
        let mut world = World::new();
        assert_eq!(world.describe(name, true).error, ErrorCode::INVALID_TOPIC_EXCEPTION, "{name}");
        let expected = (ErrorCode::INVALID_TOPIC_EXCEPTION, format!("Topic name is invalid: {problem}"));
        assert_eq!(refusal(&mut world, new_topic(name, 1, 1)), expected);
    }
    let mut world = World::new();
    assert_eq!(create(&mut world, vec![new_topic(&long[1..], 1, 1)], false)[0].error, ErrorCode::NONE);
}

#[test]
fn topics_that_cannot_be_created_are_refused_in_kafkas_words() {
    let mut world = World::new();
    create(&mut world, vec![new_topic("a.b", 1, 1)], false);
    let with = |name: &str, value: Option<&str>| NewTopic {
        configs: vec![(name.into(), value.map(Into::into))],
        ..new_topic("configured", 1, 1)
    };
    let cases = [
        (new_topic("orders", 1, 1), ErrorCode::TOPIC_ALREADY_EXISTS, "Topic 'orders' already exists."),
        (new_topic("a_b", 1, 1), ErrorCode::INVALID_TOPIC_EXCEPTION, "Topic 'a_b' collides with existing topic: a.b"),
        (
            new_topic("x", 0, 1),
            ErrorCode::INVALID_PARTITIONS,
            "Number of partitions was set to an invalid non-positive value.",
        ),
        (
            new_topic("x", 1, 0),
            ErrorCode::INVALID_REPLICATION_FACTOR,
            "Replication factor must be larger than 0, or -1 to use the default value.",
        ),
        (
            new_topic("x", 1, 4),
            ErrorCode::INVALID_REPLICATION_FACTOR,
            "Unable to replicate the partition 4 time(s): The target replication factor of 4 cannot be reached because only 3 broker(s) are registered or some brokers have all their log directories cordoned.",
        ),
        (with("no.such.key", Some("1")), ErrorCode::INVALID_CONFIG, "Unknown topic config name: no.such.key"),
        (
            with("max.message.bytes", Some("many")),
            ErrorCode::INVALID_CONFIG,
            "Invalid value many for configuration max.message.bytes: Not a number of type INT",
        ),
        (
            with("compression.type", Some("none")),
            ErrorCode::INVALID_CONFIG,
            "Invalid value none for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer",
        ),
        (
            with("remote.storage.enable", Some("true")),
            ErrorCode::INVALID_CONFIG,
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.",
        ),
        (
            with("retention.ms", None),
            ErrorCode::INVALID_CONFIG,
            "Null value not supported for topic configs: retention.ms",
        ),
    ];
    for (topic, error, message) in cases {
        assert_eq!(refusal(&mut world, topic), (error, message.to_owned()));
    }
}

#[test]
fn a_name_asked_for_twice_is_answered_once_and_not_created() {
    let mut world = World::new();
    let answers = create(&mut world, vec![new_topic("twice", 1, 1), new_topic("twice", 2, 1)], false);
    assert_eq!(answers.len(), 1);
    assert_eq!(
        (answers[0].error, answers[0].error_message.as_deref()),
        (ErrorCode::INVALID_REQUEST, Some("Duplicate topic name."))
    );
    assert_eq!(world.describe("twice", false).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn only_checking_a_topic_creates_nothing_and_defaults_are_told() {
    let mut world = World::new();
    let checked = create(&mut world, vec![new_topic("later", -1, -1)], true).remove(0);
    assert_eq!((checked.error, checked.num_partitions, checked.replication_factor), (ErrorCode::NONE, 1, 1));
    assert_eq!(world.describe("later", false).error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn every_topic_has_an_id_of_its_own() {
    let mut world = World::new();
    let names: Vec<String> = (0..100).map(|number| format!("t{number}")).collect();
    let mut ids: Vec<_> = create(&mut world, names.iter().map(|name| new_topic(name, 1, 1)).collect(), false)
        .iter()
        .map(|t| t.id)
        .collect();
    ids.push(world.describe("orders", false).id);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 101);
}

#[test]
fn producer_ids_grow_and_begin_in_epoch_zero() {
    let mut world = World::new();
    let mut ask = |transactional_id: Option<&str>, producer_id, producer_epoch| {
        let link = world.connect(3);
        let request = InitProducerIdRequest {
            transactional_id: transactional_id.map(Into::into),
            transaction_timeout_ms: i32::MAX,
            producer_id,
            producer_epoch,
        };
        match world.ask(link, Request::InitProducerId(request)) {
            Some(Response::InitProducerId(granted)) => (granted.error, granted.producer_id, granted.producer_epoch),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(None, -1, -1), (ErrorCode::NONE, 0, 0));
    assert_eq!(ask(None, 0, 5), (ErrorCode::NONE, 1, 0), "whatever the request names");
    assert_eq!(ask(None, 0, -1), (ErrorCode::INVALID_REQUEST, -1, -1));
    assert_eq!(ask(Some(""), -1, -1), (ErrorCode::INVALID_REQUEST, -1, -1));
}

#[test]
fn brokers_tell_what_they_speak_to_clients_with_a_decent_name() {
    let mut world = World::new();
    let link = world.connect(1);
    let mut ask = |version, name: &str| {
        let request = ApiVersionsRequest { client_software_name: name.into(), client_software_version: "4.3.1".into() };
        match world.ask_in_version(link, version, Request::ApiVersions(request)) {
            Some(Response::ApiVersions(response)) => response,
            other => panic!("{other:?}"),
        }
    };
    let told = ask(4, "apache-kafka-java");
    assert_eq!((told.error, told.transaction_version), (ErrorCode::NONE, 2), "as a new Apache Kafka finalises it");
    assert!(told.finalized_features_epoch >= Some(0), "without an epoch, no client believes the level");
    let produce = told.api_keys.iter().find(|range| range.api_key == 0).unwrap();
    assert_eq!(produce.min, 0, "or librdkafka does not compress");
    assert!(!told.api_keys.iter().any(|range| matches!(range.api_key, 71 | 72)), "clients would push telemetry");
    assert_eq!(ask(3, "-java").error, ErrorCode::INVALID_REQUEST);
    assert_eq!(ask(3, "").error, ErrorCode::INVALID_REQUEST);
    assert_eq!(ask(2, "").error, ErrorCode::NONE, "names exist since version 3");
}

#[test]
fn a_partition_without_a_leader_says_so() {
    let mut world = World::new();
    world.cluster.move_leader(world.now(), &orders(1), NodeId(-1)).unwrap();
    let partition = &world.describe("orders", false).partitions[1];
    assert_eq!((partition.error, partition.leader), (ErrorCode::LEADER_NOT_AVAILABLE, NodeId(-1)));
    assert_eq!(world.produce_at(2, 1, plain(&["a"])).error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(world.cluster.move_leader(world.now(), &orders(1), NodeId(9)), Err(Refusal::NotAReplica));
    assert_eq!(world.cluster.move_leader(world.now(), &orders(9), NodeId(1)), Err(Refusal::UnknownPartition));
}

#[test]
fn a_topic_grows_and_does_not_shrink() {
    let mut world = World::new();
    assert_eq!(world.cluster.add_partitions("orders", 5), Ok(()));
    let told = |world: &mut World, topic: &str, count| {
        let refusal = world.cluster.add_partitions(topic, count).unwrap_err();
        (refusal.error, refusal.message.to_string())
    };
    for (count, sentence) in [
        (5, "Topic already has 5 partition(s)."),
        (4, "The topic orders currently has 5 partition(s); 4 would not be an increase."),
    ] {
        assert_eq!(told(&mut world, "orders", count), (ErrorCode::INVALID_PARTITIONS, sentence.to_owned()));
    }
    assert_eq!(told(&mut world, "absent", 2).0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let orders = |partition| TopicPartition { topic: "orders".into(), partition };
    assert_eq!(world.cluster.leader(&orders(4)), Some((NodeId(2), 0)), "the fifth of three brokers' turn");
    assert_eq!(world.produce(4, plain(&["a"])).base_offset, 0);
}

/// What is refused is compared with Apache Kafka's refusals in `kafka_side_by_side`.
#[cfg(feature = "wire")]
#[test]
fn copies_are_where_a_topics_creator_says_the_leader_first() {
    let mut world = World::new();
    let assignments = vec![(1, vec![NodeId(2), NodeId(3)]), (0, vec![NodeId(3), NodeId(1)])];
    let created = create(&mut world, vec![NewTopic { assignments, ..new_topic("placed", -1, -1) }], false).remove(0);
    assert_eq!((created.error, created.num_partitions, created.replication_factor), (ErrorCode::NONE, 2, 2));
    let placed = world.describe("placed", false);
    let leaders: Vec<_> = placed.partitions.iter().map(|partition| partition.leader.0).collect();
    assert_eq!(leaders, [3, 2]);
    assert_eq!(placed.partitions[1].replicas, [NodeId(2), NodeId(3)]);

    let twice = vec![(0, vec![NodeId(1), NodeId(1)])];
    let refused = refusal(&mut world, NewTopic { assignments: twice, ..new_topic("twice", -1, -1) });
    let message = "The manual partition assignment includes the broker 1 more than once.";
    assert_eq!(refused, (ErrorCode(39), message.to_owned()));
}
