//! The embedded brokers beside Apache Kafka: the same requests, and every field of every answer the same. The real brokers
//! are the judge.

use anyhow::Result;
use cross_tests::side_by_side::{Comparison, Difference, Exception, Heard, SETTINGS_OF_NEW_TOPICS, tell};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};

/// Differences that are meant.
const ONE_BROKER: &[Exception] = &[
    SETTINGS_OF_NEW_TOPICS,
    Exception {
        name: "APIs that are not spoken",
        reason: "what producers and assigned consumers need is spoken, and ApiVersions tells so",
        covers: |found, _| is_api(found) && found.ours.is_none(),
    },
    Exception {
        name: "fewer versions",
        reason: "of three APIs that are spoken, those that our clients need; ApiVersions tells so",
        covers: |found, _| {
            let ours = FEWER_VERSIONS.iter().find(|(api, _)| found.field == *api).map(|(_, versions)| *versions);
            let newest = |versions: &str| versions.split_once(" to ")?.1.parse::<i16>().ok();
            let are_fewer = || found.theirs.as_deref().and_then(newest) > ours.and_then(newest);
            is_api(found) && ours.is_some() && found.ours.as_deref() == ours && are_fewer()
        },
    },
    Exception {
        name: "features",
        reason: "of those that a cluster finalises only transaction.version changes what producers do",
        covers: |found, _| {
            let is_feature = ["finalized ", "supported "].iter().any(|kind| found.field.starts_with(kind));
            let is_unknown = is_feature && found.ours.is_none() && !found.field.ends_with(" transaction.version");
            // How often a cluster has changed its mind on them.
            let is_epoch = found.field == "finalized_features_epoch" && found.ours.as_deref() == Some("0");
            found.api() == "ApiVersions" && (is_unknown || is_epoch)
        },
    },
    Exception {
        name: "the brokers' own topics",
        reason: "coordinators keep what they know in memory: there is no __consumer_offsets that could be described or \
                 written to, and it is answered for as any other topic that is not there",
        covers: |found, answers| match (found.api(), found.about()) {
            ("Metadata", "of the brokers' own") => {
                let unknown = found.request.replace(found.about(), "not there");
                answers.ours_are_kafkas_to(&unknown, Some("topics.0.name.0"))
            }
            // To Apache Kafka it is no topic for programs.
            ("Produce", "a topic of the brokers' own") => {
                found.field == "responses.0.partition_responses.0.error_code" && found.is(Some("17"), Some("3"))
            }
            _ => false,
        },
    },
    Exception {
        name: "what is allowed",
        reason: "there is no authorisation",
        covers: |found, _| {
            let is_asked = found.about() == "with what is allowed" && found.field.ends_with("authorized_operations");
            is_asked && found.ours.as_deref() == Some(NOT_TOLD)
        },
    },
    Exception {
        name: "lenient frames",
        reason: "what no client writes (lengths below -1, bytes behind a request, names that are no text) ends a \
                 connection to the embedded brokers, where Java reads on",
        covers: |found, answers| {
            let is_answered = answers.theirs("controller_id").is_some();
            LENIENT.contains(&&*found.request) && is_answered && answers.ours_are(&[("connection", "closed")])
        },
    },
    Exception {
        name: "topics by neither name nor id",
        reason: "no client asks so; Java fails unforeseen there, and the embedded brokers take it for no question",
        covers: |found, answers| {
            // UNKNOWN_SERVER_ERROR, and not even the brokers are told.
            let fails = answers.theirs("topics.0.error_code") == Some("-1") && answers.theirs("brokers") == Some("[]");
            let of_no_topic = found.request.replace(found.about(), "no topic");
            found.api() == "Metadata"
                && found.about() == "by nothing"
                && fails
                && answers.ours_are_kafkas_to(&of_no_topic, None)
        },
    },
    Exception {
        name: "fetch sessions",
        reason: "none is begun (KIP-227), which every client takes for: send everything again",
        covers: |found, _| {
            let begins = found.about().starts_with("session ") && found.about().ends_with(" at 0");
            begins && found.field == "session_id" && found.ours.as_deref() == Some("0")
        },
    },
    Exception {
        name: "a part of a batch",
        reason: "Kafka cuts at the limit and leaves it to clients to drop the rest; the embedded brokers send whole batches",
        covers: |found, _| {
            let is_cut = found.theirs.as_deref().is_some_and(|theirs| theirs.ends_with(" bytes after 1 batches"));
            found.about() == "a byte less than two"
                && found.field == "responses.0.partitions.0.records.rest"
                && is_cut
                && found.ours.as_deref() == Some("0 bytes after 1 batches")
        },
    },
];

/// ListOffsets without what is asked of tiered storage, OffsetFetch without topic ids, AddPartitionsToTxn without what only
/// brokers ask.
const FEWER_VERSIONS: [(&str, &str); 3] = [("api 2", "1 to 7"), ("api 9", "1 to 9"), ("api 24", "0 to 3")];

/// Of operations that may be done.
const NOT_TOLD: &str = "-2147483648";

/// What Java makes something of.
const LENIENT: [&str; 4] = [
    "Metadata v4: a client id of -2 bytes",
    "Metadata v4: a client id that is no text",
    "Metadata v4: more bytes than it takes",
    "Metadata v4: -2 topics",
];

fn is_api(found: &Difference) -> bool {
    found.api() == "ApiVersions" && found.field.starts_with("api ")
}

#[test]
fn one_broker_answers_every_request_field_by_field_as_apache_kafka_does() -> Result<()> {
    let kafka = xtask::kafka::start(1)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let options = EmbeddedOptions { brokers: 1, topics: Vec::new(), ..EmbeddedOptions::default() };
    let embedded = runtime.block_on(EmbeddedBrokers::start(options))?;
    let (theirs, ours) = (kafka.client_ports()[0], embedded.addresses()[0].port);
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(move || tell(theirs));
        let ours = scope.spawn(move || tell(ours));
        (theirs.join().expect("no panic"), ours.join().expect("no panic"))
    });
    Comparison::of(&theirs?, &ours?, ONE_BROKER).expect_none_unexplained(ONE_BROKER);
    runtime.block_on(embedded.stop());
    Ok(())
}

#[test]
fn an_exception_forgives_no_other_answer_to_its_request() {
    let rest = "responses.0.partitions.0.records.rest";
    let stored = "responses.0.partition_responses.0.error_code";
    for (request, theirs, ours) in [
        ("Metadata v4: -2 topics", &[("controller_id", "1")][..], &[("controller_id", "2")][..]),
        ("Metadata v4: -2 topics", &[("connection", "closed")], &[("controller_id", "1")]),
        ("Metadata v12: by nothing", &[("brokers", "[]"), ("topics.0.error_code", "-1")], &[("topics", "None")]),
        ("Metadata v12: of the brokers' own", &[("topics.0.error_code", "0")], &[("topics.0.error_code", "5")]),
        ("Produce v9: a topic of the brokers' own", &[(stored, "17")], &[(stored, "0")]),
        ("ApiVersions v3: what is spoken", &[("api 0", "0 to 13")], &[("api 0", "0 to 9")]),
        ("ApiVersions v3: what is spoken", &[("api 9", "1 to 10")], &[("api 9", "1 to 8")]),
        ("ApiVersions v3: what is spoken", &[("api 9", "1 to 8")], &[("api 9", "1 to 9")]),
        ("ApiVersions v3: what is spoken", &[("supported a.version", "0 to 1")], &[("supported a.version", "0 to 2")]),
        ("ApiVersions v3: what is spoken", &[], &[("finalized a.version", "1 to 1")]),
        ("Metadata v8: there", &[("cluster_authorized_operations", NOT_TOLD)], &[]),
        ("CreateTopics v7: one", &[], &[("topics.0.configs.0.0.name", "\"retention.ms\"")]),
        ("Fetch v7: session 7 at 1", &[("session_id", "7")], &[("session_id", "0")]),
        (
            "Fetch v7: a byte less than two",
            &[(rest, "111 bytes after 1 batches")],
            &[(rest, "0 bytes after 0 batches")],
        ),
    ] {
        // Both answer alike what is not there, and what is not asked.
        let alike = ["Metadata v12: not there", "Metadata v12: no topic"];
        let both = alike.map(|request| heard(request, &[("topics", "[]"), ("topics.0.error_code", "3")]));
        let [theirs, ours] = [theirs, ours].map(|fields| [&both[..], &[heard(request, fields)]].concat());
        let comparison = Comparison::of(&theirs, &ours, ONE_BROKER);
        assert!(!comparison.unexplained.is_empty(), "{request}: {:?}", comparison.excepted);
    }
}

fn heard(request: &str, fields: &[(&str, &str)]) -> Heard {
    let fields = fields.iter().map(|&(path, value)| (path.to_owned(), value.to_owned())).collect();
    Heard { request: request.to_owned(), fields }
}
