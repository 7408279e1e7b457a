//! Transactions in the embedded brokers and in an Apache Kafka: the same stories, told alike. The real brokers are the
//! judge.

use std::path::Path;

use anyhow::Result;
use cross_tests::wire_story::{READ_COMMITTED, READ_UNCOMMITTED, Teller, batch, init_request, stamped, timestamp_ms};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use producer_core::cluster::{ClusterConfig, new_topic};
use producer_core::error::ErrorCode;
use producer_core::ids::ProducerIdentity;
use producer_core::protocol::{CommittedOffset, TxnOffsetCommitRequest, TxnOffsetCommitTopic};
use producer_core::record_batch::Stamp;
use tokio::runtime::Runtime;
use xtask::kafka::ApacheKafka;

/// Tells a story to one embedded broker and to one of Apache Kafka, and holds what was heard side by side.
#[test]
fn coordinator_and_leaders_answer_as_apache_kafkas_do() -> Result<()> {
    hold_side_by_side(&xtask::kafka::start(1)?, |_| {}, tell_all)
}

/// The same where version 1 of transactions is finalised: then the brokers themselves abort in the way of protocol 1.
#[test]
fn coordinator_and_leaders_of_protocol_1_answer_as_apache_kafkas_do() -> Result<()> {
    let kafka = xtask::kafka::start_with_feature(1, "transaction.version=1")?;
    hold_side_by_side(&kafka, |config| config.transaction_version = 1, tell_to_protocol_1)
}

type Story = fn(&mut Teller) -> Result<()>;

fn hold_side_by_side(kafka: &ApacheKafka, adjust: fn(&mut ClusterConfig), story: Story) -> Result<()> {
    let runtime = Runtime::new()?;
    let options = EmbeddedOptions { brokers: 1, topics: Vec::new(), adjust, ..EmbeddedOptions::default() };
    let embedded = runtime.block_on(EmbeddedBrokers::start(options))?;
    let (theirs, ours) = (kafka.client_ports()[0], embedded.addresses()[0].port);
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(move || tell(theirs, story));
        let ours = scope.spawn(move || tell(ours, story));
        (theirs.join(), ours.join())
    });
    let (theirs, ours) = (theirs.expect("no panic")?, ours.expect("no panic")?);
    assert_alike(theirs.iter().map(String::as_str), ours.iter().map(String::as_str));
    runtime.block_on(embedded.stop());
    Ok(())
}

#[test]
fn a_java_program_lives_through_the_same_with_the_embedded_brokers() -> Result<()> {
    let kafka = xtask::kafka::start(1)?;
    kafka.create_topic(TOPIC, 2)?;
    let runtime = Runtime::new()?;
    let topics = vec![new_topic(TOPIC, 2, 3)];
    let embedded =
        runtime.block_on(EmbeddedBrokers::start(EmbeddedOptions { topics, ..EmbeddedOptions::default() }))?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/Transactions.java");
    let live = |servers: String| kafka.jars().run_source(&source, [servers.as_str(), TOPIC]);
    let (theirs, ours) = (live(kafka.bootstrap_servers())?, live(embedded.bootstrap_servers())?);
    assert_alike(theirs.lines(), ours.lines());
    runtime.block_on(embedded.stop());
    Ok(())
}

const TOPIC: &str = "java-story";

/// Holds what was heard from Apache Kafka beside what was heard from the embedded brokers.
fn assert_alike<'a>(theirs: impl Iterator<Item = &'a str>, ours: impl Iterator<Item = &'a str>) {
    let (theirs, ours): (Vec<_>, Vec<_>) = (theirs.collect(), ours.collect());
    let differ = |(theirs, ours): &(&&str, &&str)| theirs != ours;
    let differences: Vec<String> = theirs
        .iter()
        .zip(&ours)
        .filter(differ)
        .map(|(theirs, ours)| format!("Apache Kafka  {theirs}\nembedded      {ours}"))
        .collect();
    let number = differences.len();
    assert!(number == 0, "{number} of {} lines differ\n{}", theirs.len(), differences.join("\n"));
    assert_eq!(theirs.len(), ours.len());
}

fn tell(port: u16, story: Story) -> Result<Vec<String>> {
    let mut teller = Teller::connect(port)?;
    // The first question has a broker create the topics that coordinators keep what they know in; ours do without.
    teller.find_coordinator("coordinator of transactions", 4, 1, "slow")?;
    teller.find_coordinator("coordinator of groups", 4, 0, "group")?;
    for topic in ["committed", "mixed", "fenced", "old", "offsets", "long-lived", "slow", "__consumer_offsets"] {
        teller.create_topic(topic)?;
    }
    story(&mut teller)?;
    Ok(teller.finish())
}

fn tell_all(teller: &mut Teller) -> Result<()> {
    // Begun first, so that it is too old by the end.
    let slow = begin_a_slow_one(teller)?;
    tell_most(teller, 6)?;
    epochs_are_used_up(teller)?;
    the_slow_one_was_aborted(teller, slow)
}

/// The same to brokers of protocol 1, but for the epochs, which take long to use up.
fn tell_to_protocol_1(teller: &mut Teller) -> Result<()> {
    let slow = begin_a_slow_one(teller)?;
    // The heir fences itself there, so that nothing of its transaction is left to be ended.
    tell_most(teller, 5)?;
    the_slow_one_was_aborted(teller, slow)
}

/// `fenced_end`: where the partition ends of which a zombie was kept away.
fn tell_most(teller: &mut Teller, fenced_end: i64) -> Result<()> {
    ids_are_given(teller)?;
    a_commit_and_its_repetitions(teller)?;
    aborts_between_commits(teller)?;
    zombies_are_fenced(teller, fenced_end)?;
    requests_that_break_the_rules(teller)?;
    old_clients(teller)?;
    offsets_with_a_transaction(teller)
}

const STRANGER: ProducerIdentity = ProducerIdentity { id: 1 << 40, epoch: 0 };

fn raised(identity: ProducerIdentity) -> ProducerIdentity {
    ProducerIdentity { epoch: identity.epoch + 1, ..identity }
}

fn ids_are_given(teller: &mut Teller) -> Result<()> {
    for (key_type, key) in [(0, "group"), (1, "tx"), (2, "share"), (9, "nothing")] {
        for version in [1, 3] {
            teller.find_coordinator(&format!("coordinator v{version} {key_type} {key}"), version, key_type, key)?;
        }
    }
    let first = teller.init("first", "ids", None)?;
    let second = teller.init("recovers", "ids", Some(first))?;
    teller.init("recovers again", "ids", Some(first))?;
    let third = teller.init("next", "ids", None)?;
    teller.init("zombie", "ids", Some(second))?;
    teller.init("zombie of another id", "ids", Some(STRANGER))?;
    teller.init("later epoch than any", "ids", Some(raised(third)))?;
    teller.init("expected but fresh", "ids-fresh", Some(STRANGER))?;
    for timeout_ms in [i32::MIN, -1, 0, 1, 900_000, 900_001] {
        let error = teller.init_once(5, init_request("timeouts", timeout_ms, None))?.error;
        teller.tell(&format!("timeout {timeout_ms}"), error);
    }
    for version in 0..=5 {
        let error = teller.init_once(version, init_request("", 1_000, None))?.error;
        teller.tell(&format!("empty id v{version}"), error);
    }
    for version in 3..=5 {
        let error = teller.init_once(version, init_request("ids", 1_000, Some(second)))?.error;
        teller.tell(&format!("zombie v{version}"), error);
        for (id, epoch) in [(-1, 0), (0, -1)] {
            let half = init_request("ids", 1_000, Some(ProducerIdentity { id, epoch }));
            let error = teller.init_once(version, half)?.error;
            teller.tell(&format!("half an identity v{version}"), error);
        }
    }
    Ok(())
}

fn a_commit_and_its_repetitions(teller: &mut Teller) -> Result<()> {
    const TX: &str = "commits";
    const TOPIC: &str = "committed";
    let first = teller.init("init", TX, None)?;
    teller.end("commit of nothing", 5, TX, first, true)?;
    teller.produce("a, b", 12, Some(TX), TOPIC, &[(0, batch(first, 0, &["a", "b"]))])?;
    teller.read("open, committed", TOPIC, READ_COMMITTED, 0, 2)?;
    teller.read("open, all", TOPIC, READ_UNCOMMITTED, 0, 2)?;
    for (isolation, name) in [(READ_COMMITTED, "committed"), (READ_UNCOMMITTED, "all")] {
        for (what, timestamp_ms) in
            [("latest", -1), ("earliest", -2), ("max", -3), ("then", timestamp_ms()), ("later", timestamp_ms() + 1)]
        {
            teller.list_offsets(&format!("open, {name} {what}"), TOPIC, isolation, timestamp_ms)?;
        }
    }
    let second = teller.end("commit", 5, TX, first, true)?;
    teller.read("committed", TOPIC, READ_COMMITTED, 0, 3)?;
    teller.read("from the marker", TOPIC, READ_COMMITTED, 2, 3)?;
    teller.list_offsets("committed", TOPIC, READ_COMMITTED, -1)?;
    teller.list_offsets("earliest", TOPIC, READ_COMMITTED, -2)?;
    teller.end("commit again", 5, TX, first, true)?;
    teller.end("abort again", 5, TX, first, false)?;
    teller.end("commit of nothing more", 5, TX, second, true)?;
    teller.produce("an old epoch", 12, Some(TX), TOPIC, &[(0, batch(first, 2, &["late"]))])?;
    teller.produce("an old epoch elsewhere", 12, Some(TX), TOPIC, &[(1, batch(first, 0, &["late"]))])?;
    teller.produce("not from zero", 12, Some(TX), TOPIC, &[(0, batch(second, 2, &["gap"]))])?;
    teller.produce("from zero", 12, Some(TX), TOPIC, &[(0, batch(second, 0, &["c"]))])?;
    teller.produce("once more", 12, Some(TX), TOPIC, &[(0, batch(second, 0, &["c"]))])?;
    teller.produce("not from zero where it is new", 12, Some(TX), TOPIC, &[(1, batch(second, 1, &["gap"]))])?;
    teller.produce(
        "outside the transaction",
        12,
        None,
        TOPIC,
        &[(0, stamped(Stamp { identity: Some(second), base_sequence: 1, transactional: false }, &["plain"]))],
    )?;
    let third = teller.end("second commit", 5, TX, second, true)?;
    teller.read("twice committed", TOPIC, READ_COMMITTED, 0, 5)?;
    teller.end("abort to be sure", 5, TX, third, false)?;
    Ok(())
}

fn aborts_between_commits(teller: &mut Teller) -> Result<()> {
    const TOPIC: &str = "mixed";
    let one = teller.init("one", "mixed-1", None)?;
    let two = teller.init("two", "mixed-2", None)?;
    teller.produce("one", 12, Some("mixed-1"), TOPIC, &[(0, batch(one, 0, &["1a", "1b"]))])?;
    teller.produce("two", 12, Some("mixed-2"), TOPIC, &[(0, batch(two, 0, &["2a"]))])?;
    teller.produce("plain", 12, None, TOPIC, &[(0, stamped(Stamp::PLAIN, &["plain"]))])?;
    let one = teller.end("one aborts", 5, "mixed-1", one, false)?;
    teller.read("one aborted, two open", TOPIC, READ_COMMITTED, 0, 5)?;
    teller.end("two commits", 5, "mixed-2", two, true)?;
    teller.settle(TOPIC, READ_UNCOMMITTED, 0, 6)?;
    teller.produce("one again", 12, Some("mixed-1"), TOPIC, &[(0, batch(one, 0, &["1c"]))])?;
    teller.end("one aborts again", 5, "mixed-1", one, false)?;
    for offset in 0..=8 {
        teller.read(&format!("from {offset}"), TOPIC, READ_COMMITTED, offset, 8)?;
    }
    teller.read("beyond", TOPIC, READ_COMMITTED, 9, 8)?;
    teller.read("all", TOPIC, READ_UNCOMMITTED, 0, 8)
}

fn zombies_are_fenced(teller: &mut Teller, end: i64) -> Result<()> {
    const TX: &str = "fenced";
    let zombie = teller.init("zombie", TX, None)?;
    teller.produce("zombie", 12, Some(TX), TX, &[(0, batch(zombie, 0, &["a"]))])?;
    let refused = teller.init_once(5, init_request(TX, 60_000, None))?;
    teller.tell("while it is open", (refused.error, refused.producer_id, refused.producer_epoch));
    let heir = teller.init("heir", TX, None)?;
    teller.read("aborted for it", TX, READ_COMMITTED, 0, 2)?;
    teller.produce("zombie", 12, Some(TX), TX, &[(0, batch(zombie, 1, &["b"]))])?;
    teller.produce("zombie elsewhere", 12, Some(TX), TX, &[(1, batch(zombie, 0, &["b"]))])?;
    teller.end("zombie commits", 5, TX, zombie, true)?;
    teller.end("zombie aborts", 5, TX, zombie, false)?;
    for version in [0, 2, 4] {
        teller.end(&format!("zombie commits v{version}"), version, TX, zombie, true)?;
        teller.add_partitions(
            &format!("zombie adds v{}", version.min(3)),
            version.min(3),
            TX,
            zombie,
            &[(TX, &[0])],
        )?;
        teller.add_offsets(&format!("zombie adds offsets v{version}"), version, TX, zombie, "group")?;
    }
    // The heir recovers from an error while its transaction is open.
    teller.produce("heir", 12, Some(TX), TX, &[(0, batch(heir, 0, &["c"]))])?;
    let again = teller.init("heir recovers", TX, Some(heir))?;
    teller.produce("heir goes on", 12, Some(TX), TX, &[(0, batch(again, 0, &["d"]))])?;
    teller.end("heir commits", 5, TX, again, true)?;
    teller.read("in the end", TX, READ_COMMITTED, 0, end)
}

fn requests_that_break_the_rules(teller: &mut Teller) -> Result<()> {
    const TX: &str = "rules";
    let producer = teller.init("init", TX, None)?;
    let records = || batch(producer, 0, &["a"]);
    teller.end("commit of a stranger", 5, TX, STRANGER, true)?;
    teller.end("commit of a later epoch", 5, TX, raised(producer), true)?;
    for version in 0..=5 {
        teller.end(&format!("commit of an unknown id v{version}"), version, "unknown", producer, true)?;
        teller.end(&format!("commit of no id v{version}"), version, "", producer, true)?;
    }
    for version in [10, 11, 12] {
        let mut produce = |what: &str, id: Option<&str>, batches: &[_]| {
            teller.produce(&format!("{what} v{version}"), version, id, "committed", batches)
        };
        produce("without an id", None, &[(0, records())])?;
        produce("an empty id", Some(""), &[(0, records())])?;
        produce("an unknown id", Some("unknown"), &[(0, records())])?;
        produce("a stranger", Some(TX), &[(0, batch(STRANGER, 0, &["a"]))])?;
        produce("a later epoch", Some(TX), &[(0, batch(raised(producer), 0, &["a"]))])?;
        produce("two producers", Some(TX), &[(0, records()), (1, batch(STRANGER, 0, &["b"]))])?;
        produce("outside with an id", Some(TX), &[(1, stamped(Stamp::PLAIN, &["x"]))])?;
    }
    Ok(())
}

fn old_clients(teller: &mut Teller) -> Result<()> {
    const TX: &str = "old";
    let producer = teller.init("init", TX, None)?;
    teller.end("commit of nothing", 4, TX, producer, true)?;
    teller.end("abort of nothing", 4, TX, producer, false)?;
    for version in [3, 7, 8, 10, 11] {
        let batches = [(0, batch(producer, 0, &["a"]))];
        teller.produce(&format!("not added v{version}"), version, Some(TX), TX, &batches)?;
    }
    for version in 0..=3 {
        let mut add = |what: &str, id, identity, topics: &[(&str, &[i32])]| {
            teller.add_partitions(&format!("{what} v{version}"), version, id, identity, topics)
        };
        add("unknown partition", TX, producer, &[(TX, &[0, 9])])?;
        add("unknown topic", TX, producer, &[(TX, &[0]), ("no-such-topic", &[0])])?;
        add("internal topic", TX, producer, &[(TX, &[0]), ("__consumer_offsets", &[0])])?;
        add("stranger", TX, STRANGER, &[(TX, &[0])])?;
        add("later epoch", TX, raised(producer), &[(TX, &[0])])?;
        add("unknown id", "unknown", producer, &[(TX, &[0])])?;
        add("no id", "", producer, &[(TX, &[0])])?;
    }
    let mut sequence = 0;
    for (version, committed) in [(0, true), (1, false), (2, true), (3, false), (4, true)] {
        teller.add_partitions(&format!("added v{version}"), 3, TX, producer, &[(TX, &[0])])?;
        teller.add_partitions(&format!("added twice v{version}"), 0, TX, producer, &[(TX, &[0])])?;
        let batches = [(0, batch(producer, sequence, &["a"]))];
        teller.produce(&format!("written v{version}"), 7 + version, Some(TX), TX, &batches)?;
        sequence += 1;
        teller.produce(&format!("elsewhere v{version}"), 10, Some(TX), TX, &[(1, batch(producer, 0, &["x"]))])?;
        teller.end(&format!("ended v{version}"), version, TX, producer, committed)?;
        teller.end(&format!("ended again v{version}"), version, TX, producer, committed)?;
        teller.end(&format!("ended otherwise v{version}"), version, TX, producer, !committed)?;
        teller.produce(&format!("late v{version}"), 10, Some(TX), TX, &[(0, batch(producer, sequence, &["late"]))])?;
    }
    teller.read("all of it", TX, READ_COMMITTED, 0, 10)?;
    // From here on a client of protocol 2.
    teller.produce("protocol 2", 12, Some(TX), TX, &[(0, batch(producer, sequence, &["b"]))])?;
    teller.end("protocol 2 ends", 5, TX, producer, true)?;
    teller.read("the change", TX, READ_COMMITTED, 10, 12)
}

fn offsets_with_a_transaction(teller: &mut Teller) -> Result<()> {
    const TX: &str = "offsets";
    const GROUP: &str = "group";
    let asked: &[(&str, &[i32])] = &[(TX, &[0, 1])];
    teller.find_coordinator("group", 4, 0, GROUP)?;
    for version in 1..=9 {
        teller.fetch_offsets(&format!("unknown group v{version}"), version, GROUP, Some(asked), false)?;
        if version > 1 {
            teller.fetch_offsets(&format!("all of an unknown group v{version}"), version, GROUP, None, false)?;
        }
    }
    let producer = teller.init("init", TX, None)?;
    let request = |identity, partition, offset| TxnOffsetCommitRequest {
        transactional_id: TX.into(),
        group: GROUP.into(),
        identity,
        generation: -1,
        member_id: "".into(),
        group_instance_id: None,
        topics: vec![TxnOffsetCommitTopic {
            name: TX.into(),
            partitions: vec![(partition, CommittedOffset { offset, leader_epoch: 0, metadata: Some("note".into()) })],
        }],
    };
    teller.commit_offsets(
        "member of an unknown group",
        5,
        &TxnOffsetCommitRequest { generation: 3, ..request(producer, 0, 5) },
    )?;
    teller.commit_offsets("5", 5, &request(producer, 0, 5))?;
    for version in [6, 7, 8, 9] {
        teller.fetch_offsets(&format!("pending v{version}"), version, GROUP, Some(asked), false)?;
        if version >= 7 {
            teller.fetch_offsets(&format!("pending, stable v{version}"), version, GROUP, Some(asked), true)?;
        }
    }
    teller.commit_offsets("unknown partition", 5, &request(producer, 9, 5))?;
    teller.commit_offsets("no group", 5, &TxnOffsetCommitRequest { group: "".into(), ..request(producer, 0, 5) })?;
    teller.commit_offsets("later epoch", 5, &request(raised(producer), 0, 5))?;
    teller.commit_offsets("stranger", 5, &request(STRANGER, 0, 5))?;
    teller.commit_offsets(
        "member",
        5,
        &TxnOffsetCommitRequest { generation: 3, member_id: "m".into(), ..request(producer, 0, 5) },
    )?;
    let mut wordy = request(producer, 1, 5);
    wordy.topics[0].partitions[0].1.metadata = Some("x".repeat(4_097).into());
    teller.commit_offsets("wordy", 5, &wordy)?;
    let mut silent = request(producer, 1, 6);
    silent.topics[0].partitions[0].1.metadata = None;
    teller.commit_offsets("silent", 5, &silent)?;
    let producer = teller.end("commit", 5, TX, producer, true)?;
    teller.offsets_settle(GROUP, asked)?;
    for version in 1..=9 {
        teller.fetch_offsets(&format!("committed v{version}"), version, GROUP, Some(asked), version >= 7)?;
        if version > 1 {
            teller.fetch_offsets(&format!("all committed v{version}"), version, GROUP, None, false)?;
        }
    }
    teller.commit_offsets("7", 5, &request(producer, 0, 7))?;
    let producer = teller.end("abort", 5, TX, producer, false)?;
    teller.offsets_settle(GROUP, asked)?;
    teller.fetch_offsets("aborted", 8, GROUP, Some(asked), true)?;
    let of_another = |producer, generation| TxnOffsetCommitRequest {
        group: "group-of-the-aborted".into(),
        generation,
        ..request(producer, 0, 7)
    };
    teller.commit_offsets("another group's", 5, &of_another(producer, -1))?;
    let producer = teller.end("abort that, too", 5, TX, producer, false)?;
    teller.commit_offsets("another group's member", 5, &of_another(producer, 3))?;
    let producer = teller.end("and that", 5, TX, producer, false)?;

    for version in 0..=4 {
        teller.commit_offsets(&format!("not added v{version}"), version, &request(producer, 0, 8))?;
    }
    for version in 0..=4 {
        teller.add_offsets(&format!("added v{version}"), version, TX, producer, GROUP)?;
        teller.commit_offsets(&format!("old v{version}"), version, &request(producer, 0, 10 + i64::from(version)))?;
        teller.end(&format!("old commit v{version}"), version, TX, producer, true)?;
        teller.offsets_settle(GROUP, asked)?;
        teller.fetch_offsets(&format!("old v{version}"), 7, GROUP, Some(asked), true)?;
    }
    for version in [0, 2, 4] {
        teller.add_offsets(&format!("unknown id v{version}"), version, "unknown", producer, GROUP)?;
        teller.add_offsets(&format!("no id v{version}"), version, "", producer, GROUP)?;
        teller.add_offsets(&format!("stranger v{version}"), version, TX, STRANGER, GROUP)?;
    }
    // Clients do not write where coordinators keep what they know.
    teller.produce("internal topic", 12, None, "__consumer_offsets", &[(0, stamped(Stamp::PLAIN, &["x"]))])
}

fn epochs_are_used_up(teller: &mut Teller) -> Result<()> {
    const TX: &str = "long-lived";
    const LAST: i16 = i16::MAX - 1;
    let mut producer = teller.init("first epoch", TX, None)?;
    while producer.epoch < LAST {
        let answer = teller.init_once(5, init_request(TX, 60_000, None))?;
        assert_eq!((answer.error, answer.producer_id), (ErrorCode::NONE, producer.id));
        producer.epoch = answer.producer_epoch;
    }
    teller.produce("last epoch", 12, Some(TX), TX, &[(0, batch(producer, 0, &["a"]))])?;
    let after = teller.end("commit in the last epoch", 5, TX, producer, true)?;
    teller.end("again", 5, TX, producer, true)?;
    teller.end("otherwise", 5, TX, producer, false)?;
    teller.init("recovers", TX, Some(producer))?;
    teller.produce("the id before", 12, Some(TX), TX, &[(0, batch(producer, 1, &["b"]))])?;
    teller.produce("the new id", 12, Some(TX), TX, &[(0, batch(after, 0, &["c"]))])?;
    teller.end("commit", 5, TX, after, true)?;
    teller.read("both ids", TX, READ_COMMITTED, 0, 4)
}

fn begin_a_slow_one(teller: &mut Teller) -> Result<ProducerIdentity> {
    let answer = teller.init_once(5, init_request("slow", 1_000, None))?;
    assert_eq!(answer.error, ErrorCode::NONE);
    let producer = ProducerIdentity { id: answer.producer_id, epoch: answer.producer_epoch };
    teller.produce("slow", 12, Some("slow"), "slow", &[(0, batch(producer, 0, &["a"]))])?;
    Ok(producer)
}

fn the_slow_one_was_aborted(teller: &mut Teller, producer: ProducerIdentity) -> Result<()> {
    teller.read("in time", "slow", READ_COMMITTED, 0, 2)?;
    teller.produce("too late", 12, Some("slow"), "slow", &[(0, batch(producer, 1, &["b"]))])?;
    teller.produce("too late elsewhere", 12, Some("slow"), "slow", &[(1, batch(producer, 0, &["b"]))])?;
    teller.end("too late to commit", 5, "slow", producer, true)?;
    teller.end("too late to abort", 5, "slow", producer, false)?;
    teller.init("after that", "slow", Some(producer))?;
    Ok(())
}
