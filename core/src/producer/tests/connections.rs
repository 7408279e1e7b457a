//! Connections that break, back off and are asked to pause.

use super::story::{Story, sound_answer};
use crate::ids::NodeId;
use crate::io::Input;
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
    assert!((40..=150).contains(&pause), "{pause} ms; the pause before this one took about a second");
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
