//! Connections that break, back off and are asked to pause.

use super::story::{Story, sound_answer};
use crate::ids::{ConnectionId, NodeId};
use crate::io::{Input, WaitReason};
use crate::protocol::Response;

#[test]
fn a_connection_that_stood_begins_its_pauses_anew() {
    let mut story = Story::new(&[]).started();
    story.put(0, "a");
    story.at_ms(5);
    story.store(0);
    story.refuse_connections = true;
    story.break_all();
    story.at_ms(5_000);
    story.refuse_connections = false;
    story.at_ms(6_500);
    story.put(0, "b");
    story.at_ms(7_500);
    story.store(0);
    let (dials, broken_at) = (story.dials.len(), story.now_ms());
    story.break_all();
    story.at_ms(broken_at + 2_000);
    // The bootstrap address may be tried at once.
    let known = story.dials[dials..].iter().find(|(_, node)| *node == NodeId(1)).expect("tried again");
    let pause = known.0 - broken_at;
    // At most that of metadata asked for twice without news.
    assert!((40..=240).contains(&pause), "{pause} ms; the pause before this one took about a second");
}

#[test]
fn a_connection_that_breaks_has_metadata_asked_for_although_nothing_was_out() {
    let mut story = Story::new(&[("linger.ms", "0")]).started();
    story.put(0, "a");
    story.store(0);
    let asked = story.asked.len();
    story.break_all();
    story.at_ms(500);
    assert!(story.asked[asked..].contains(&"Metadata"), "{:?}", &story.asked[asked..]);
}

/// Mirrors `NetworkClientTest.testConnectionTimeoutAfterThrottling`: a request that is out does not time out for the
/// time that a throttle took.
#[test]
fn a_pause_that_the_broker_asked_for_counts_for_no_requests_patience() {
    let mut story = Story::new(&[("linger.ms", "0"), ("request.timeout.ms", "2000")]).started();
    story.put(0, "a");
    story.put(0, "b");
    story.at_ms(1_000);
    story.throttle(1_500);
    story.at_ms(3_500);
    assert!(story.closed.is_empty(), "b was out for 2 s and the pause");
    story.at_ms(3_501);
    assert_eq!(story.closed, [story.carried[0].connection]);
}

#[test]
fn every_answer_that_is_there_is_heard_before_patience_ends() {
    let mut story = Story::with(2, 2, &[("linger.ms", "0"), ("request.timeout.ms", "2000")]).started();
    story.put(0, "a");
    story.put(1, "b");
    let asked = core::mem::take(&mut story.carried);
    assert_eq!(asked.len(), 2, "one broker each");
    story.now_us += 2_001_000;
    for carried in &asked {
        let correlation = carried.request.header.correlation;
        let response = Response::Produce(sound_answer(carried));
        story
            .producer
            .handle_input(story.now(), Input::Received { connection: carried.connection, correlation, response });
    }
    story.settle();
    assert_eq!(story.completed.len(), 2);
    assert!(story.closed.is_empty());
}

/// Mirrors `NetworkClientTest.testDefaultRequestTimeout`: a request that is answered asks for no metadata; one that is
/// not is given up after request.timeout.ms, with its connection, as timed out, and metadata is asked for.
/// Mirrors `NetworkClientTest.testRequestTimeout`: the same with a timeout of five seconds more.
#[test]
fn a_request_without_an_answer_ends_its_connection_and_makes_metadata_due() {
    for timeout_ms in [1_000, 6_000] {
        let timeout = timeout_ms.to_string();
        let properties = [("enable.idempotence", "false"), ("linger.ms", "0"), ("retries", "0")];
        let mut story = Story::new(&[properties.as_slice(), &[("request.timeout.ms", &timeout)]].concat()).started();
        let asked = |story: &Story| story.asked.iter().filter(|asked| **asked == "Metadata").count();
        let before = asked(&story);
        story.put(0, "a");
        story.store(0);
        assert!(story.completed[0].result.is_ok());
        assert_eq!(asked(&story), before);
        story.put(0, "b");
        story.carried.clear();
        let sent_at = story.now_ms();
        story.at_ms(sent_at + timeout_ms + 1);
        let failure = story.completed[1].result.as_ref().expect_err("never answered");
        assert_eq!(failure.error.java_class(), "TimeoutException");
        assert_eq!(story.closed.len(), 1);
        story.at_ms(sent_at + timeout_ms + 200);
        assert!(asked(&story) > before);
    }
}

/// Mirrors `NetworkClientTest.testInflightRequestsDuringRebootstrap`: a Produce request that is out when metadata was
/// asked for in vain for too long fails as disconnected, and the connections to all brokers known are given up.
#[test]
fn what_is_out_when_the_bootstrap_addresses_are_asked_anew_is_given_up() {
    let properties = [
        ("metadata.recovery.rebootstrap.trigger.ms", "1000"),
        ("metadata.max.age.ms", "500"),
        ("request.timeout.ms", "5000"),
        ("enable.idempotence", "false"),
        ("retries", "0"),
        ("linger.ms", "0"),
    ];
    let mut story = Story::with(2, 2, &properties).started();
    story.put(0, "a");
    story.hold_questions = true;
    story.at_ms(600);
    assert!(story.completed.is_empty() && story.closed.is_empty());
    assert_eq!(story.questions.len(), 1, "metadata is asked for, and not answered");
    story.at_ms(1_600);
    let failure = story.completed[0].result.as_ref().expect_err("its connection is given up");
    assert_eq!(failure.error.java_class(), "NetworkException");
    assert!(story.closed.len() >= 2, "all connections to brokers that were known: {:?}", story.closed);
}

/// Uses the connection to broker 1 at this instant.
fn use_at(story: &mut Story, ms: u64) {
    story.at_ms(ms);
    story.put(0, "a");
    story.store(0);
}

/// Flow: the bootstrap connection was used last at 0, broker 1's at 5 s → only more than ten idle seconds are too many → that
/// a connection ended makes metadata due, which uses broker 1's → it has ten seconds more
/// (`SelectorTest.testCloseOldestConnection`, and `NetworkClient.processDisconnection` for what follows).
#[test]
fn a_connection_that_nobody_uses_is_closed_and_metadata_asked_for() {
    let properties = [("linger.ms", "0"), ("connections.max.idle.ms", "10000"), ("metadata.max.age.ms", "1000000")];
    let mut story = Story::new(&properties).started();
    use_at(&mut story, 0);
    use_at(&mut story, 5_000);
    story.at_ms(10_000);
    assert!(story.closed.is_empty());
    assert_eq!(story.wait, (Some(10_000_001), WaitReason::Idle));
    let asked = story.asked.len();
    story.at_ms(10_001);
    assert_eq!(story.closed, [ConnectionId(0)]);
    assert_eq!(&story.asked[asked..], ["Metadata"]);
    story.at_ms(20_000);
    assert_eq!(story.closed.len(), 1);
    story.at_ms(20_001);
    assert_eq!(story.closed, [ConnectionId(0), ConnectionId(1)]);
    use_at(&mut story, 21_000);
    assert_eq!(story.completed.len(), 3, "it is made anew when there is something to send");
}

/// `Selector` has no `IdleExpiryManager` then.
#[test]
fn below_zero_an_idle_connection_stays() {
    let properties = [("linger.ms", "0"), ("connections.max.idle.ms", "-1"), ("metadata.max.age.ms", "100000000")];
    let mut story = Story::new(&properties).started();
    use_at(&mut story, 0);
    story.at_ms(90_000_000);
    assert!(story.closed.is_empty());
}

#[test]
fn by_default_nine_minutes_are_too_long() {
    let mut story = Story::new(&[("linger.ms", "0"), ("metadata.max.age.ms", "1000000")]).started();
    use_at(&mut story, 0);
    story.at_ms(540_000);
    assert!(story.closed.is_empty());
    story.at_ms(540_001);
    assert_eq!(story.closed.len(), 1, "the other is asked for metadata, and so used");
}

/// Mirrors `SenderTest.testNodeLatencyStats`: while a broker takes what is ready, both its moments are the same; while it is
/// throttled, the moment of being ready goes on and that of draining stands; nothing to send moves neither.
#[test]
fn a_broker_that_takes_nothing_is_known_by_how_long_something_was_ready_for_it() {
    let properties = [("linger.ms", "0"), ("partitioner.availability.timeout.ms", "42")];
    let mut story = Story::new(&properties).started();
    let moments = |story: &Story| {
        let (ready, drained) = story.producer.latencies.of(NodeId(1)).expect("it had something to get");
        (ready.as_micros() / 1_000, drained.as_micros() / 1_000)
    };
    story.at_ms(5);
    story.put(0, "a");
    assert_eq!(moments(&story), (5, 5));
    story.throttle(100);
    story.at_ms(15);
    story.settle();
    assert_eq!(moments(&story), (5, 5), "nothing is ready");
    story.put(0, "b");
    assert_eq!(moments(&story), (15, 5));
    story.at_ms(25);
    story.input(Input::Wake);
    assert_eq!(moments(&story), (25, 5));
    story.at_ms(105);
    assert_eq!(story.carried_values(), ["b"]);
    assert_eq!(moments(&story), (105, 105));
}
