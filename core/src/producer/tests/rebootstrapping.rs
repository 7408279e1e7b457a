//! When the brokers known are forgotten and the bootstrap addresses asked anew (KIP-899, KIP-1102).

use super::story::Story;
use crate::error::ErrorCode;
use crate::io::Input;

/// The brokers that the producer would talk to; those of bootstrap addresses count down from −1.
fn known(story: &Story) -> Vec<i32> {
    story.producer.metadata.nodes().keys().map(|node| node.0).collect()
}

/// Metadata is wanted from now on.
fn want_metadata(story: &mut Story) {
    story.producer.metadata.request_update();
    story.input(Input::Wake);
}

fn metadata_asked(story: &Story) -> usize {
    story.asked.iter().filter(|asked| **asked == "Metadata").count()
}

/// Flow: metadata is asked for in vain → when the trigger is over, all brokers known are given up → once more when it is
/// over again → answers come → one of them asks for a rebootstrap: the brokers are given up at once.
///
/// Mirrors `NetworkClientTest.testRebootstrap`: metadata that does not come for longer than the trigger makes the client
/// rebootstrap once, and not again before the trigger is over once more; a broker's answer REBOOTSTRAP_REQUIRED makes it do so
/// at once.
#[test]
fn brokers_are_forgotten_when_the_trigger_is_over_and_when_one_of_them_asks_for_it() {
    let properties = [("metadata.recovery.rebootstrap.trigger.ms", "1000"), ("linger.ms", "0")];
    let mut story = Story::new(&properties).started();
    story.put(0, "a");
    story.store(0);
    story.at_ms(1_000);
    story.hold_questions = true;
    want_metadata(&mut story);
    story.at_ms(2_000);
    assert_eq!((known(&story), story.closed.len()), (vec![1], 0));
    story.at_ms(2_001);
    assert_eq!((known(&story), story.closed.len()), (vec![-1], 1), "the first time");
    story.at_ms(3_000);
    assert_eq!(story.closed.len(), 1);
    story.at_ms(3_001);
    assert_eq!((known(&story), story.closed.len()), (vec![-1], 2), "the second time");

    story.hold_questions = false;
    story.settle();
    story.at_ms(4_000);
    assert_eq!(known(&story), [1]);
    story.put(0, "b");
    story.store(1);
    let closed = story.closed.len();
    story.metadata_error = ErrorCode::REBOOTSTRAP_REQUIRED;
    want_metadata(&mut story);
    assert_eq!((known(&story), story.closed.len()), (vec![-1], closed + 1), "the third time, at once");

    story.metadata_error = ErrorCode::NONE;
    story.at_ms(5_000);
    assert_eq!(known(&story), [1]);
    story.put(0, "c");
    story.store(2);
    assert!(story.completed.iter().all(|completion| completion.result.is_ok()));
    assert_eq!(story.completed.len(), 3);
}

/// `DefaultMetadataUpdater.handleSuccessfulResponse`: without recovery, an answer that asks for a rebootstrap is taken for what
/// else it says.
#[test]
fn without_recovery_brokers_that_ask_for_a_rebootstrap_stay_known() {
    let mut story = Story::new(&[("metadata.recovery.strategy", "none"), ("linger.ms", "0")]).started();
    story.put(0, "a");
    story.store(0);
    story.at_ms(1_000);
    story.metadata_error = ErrorCode::REBOOTSTRAP_REQUIRED;
    let asked = metadata_asked(&story);
    want_metadata(&mut story);
    story.at_ms(10_000);
    assert_eq!((known(&story), metadata_asked(&story)), (vec![1], asked + 1), "it told of brokers and is believed");

    story.brokers = 0;
    want_metadata(&mut story);
    assert_eq!(metadata_asked(&story), asked + 2);
    story.at_ms(10_500);
    assert_eq!(known(&story), [1]);
    assert!(metadata_asked(&story) > asked + 2, "without brokers it is none, and is asked for again");
    assert!(story.closed.is_empty());
}

/// Flow: the only broker has as many requests as it may have → metadata becomes due → the broker is there all the same.
///
/// Mirrors `NetworkClientTest.testHasNodeAvailableOrConnectionReady`: a broker that is ready, and can take no more requests,
/// cannot be chosen and counts as available, so that nothing makes the client rebootstrap.
#[test]
fn a_busy_broker_is_available_and_the_bootstrap_addresses_are_left_alone() {
    let properties = [("max.in.flight.requests.per.connection", "1"), ("linger.ms", "0")];
    let mut story = Story::new(&properties).started();
    story.at_ms(1_000);
    story.put(0, "a");
    let asked = metadata_asked(&story);
    want_metadata(&mut story);
    story.at_ms(2_000);
    assert_eq!((known(&story), metadata_asked(&story)), (vec![1], asked), "nobody can be asked");
    story.store(0);
    assert_eq!((known(&story), metadata_asked(&story)), (vec![1], asked + 1));
}

/// Flow: a batch is out, and behind it the question for metadata → in one moment the batch is refused, which makes metadata
/// due once more, and the question is answered with the wish → the brokers are hung up on while metadata is due, which counts
/// as a failure (`DefaultMetadataUpdater.handleServerDisconnect`) → the bootstrap address is asked after a pause.
#[test]
fn metadata_that_an_answer_before_the_wish_asked_for_waits_out_a_pause() {
    let properties = [("linger.ms", "0"), ("retry.backoff.ms", "100"), ("retry.backoff.max.ms", "100")];
    let mut story = Story::new(&properties).started();
    story.at_ms(1_000);
    story.put(0, "a");
    want_metadata(&mut story);
    let asked = metadata_asked(&story);
    story.metadata_error = ErrorCode::REBOOTSTRAP_REQUIRED;
    story.refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!((known(&story), metadata_asked(&story)), (vec![-1], asked));
    story.metadata_error = ErrorCode::NONE;
    story.at_ms(1_099);
    assert_eq!(metadata_asked(&story), asked);
    story.at_ms(1_100);
    assert_eq!((known(&story), metadata_asked(&story)), (vec![1], asked + 1));
}
