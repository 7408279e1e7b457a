//! When metadata is asked for, and for what.

use super::*;

/// The longest first pause: 100 ms and a fifth.
const FIRST_PAUSE: u64 = 120;

/// Mirrors `ProducerMetadataTest.testMetadata`: an update that is wanted waits for the pause after the last one; two
/// that wait for a topic both have it after one answer; then nothing is due until metadata is too old.
/// Mirrors `ProducerMetadataTest.testMetadataAwaitAfterClose`: an update that is wanted is put off by the pause after
/// the last one, and due when that is over.
#[test]
fn metadata_is_asked_for_when_it_is_wanted_after_a_pause_and_when_it_is_old() {
    let mut believed = Believed::new();
    believed.add(0);
    believed.update(false, vec![]);
    assert!(believed.due_in() > 0);
    believed.metadata.request_update();
    assert!(believed.due_in() > 0, "it backs off");
    believed.sleep(FIRST_PAUSE);
    assert_eq!(believed.due_in(), 0);
    // Two that wait for the topic.
    let mut answers = 0;
    while [(), ()].iter().any(|()| believed.add(0).is_none()) {
        believed.metadata.request_update();
        if believed.due_in() == 0 {
            believed.update(false, vec![sound(0, 1, -1)]);
            answers += 1;
            believed.sleep(FIRST_PAUSE);
        }
    }
    assert_eq!(answers, 1);
    assert!(believed.due_in() > 0, "nobody wants it");
    believed.sleep(1_000);
    assert_eq!(believed.due_in(), 0, "it is old");
}

/// Mirrors `ProducerMetadataTest.testMetadataEquivalentResponsesBackoff`: after a second answer without news the pause
/// is not over when the first one would have been, and over after twice that.
#[test]
fn answers_without_news_make_the_pauses_longer() {
    let mut believed = Believed::new();
    believed.update(false, vec![]);
    assert!(believed.due_in() > 0);
    believed.metadata.request_update();
    assert!(believed.due_in() > 0, "it backs off");
    believed.sleep(FIRST_PAUSE);
    believed.update(false, vec![]);
    assert!(believed.due_in() > 0);
    believed.metadata.request_update();
    assert!(believed.due_in() > 100, "and longer, for the answers were the same");
    believed.sleep(2 * FIRST_PAUSE);
    assert_eq!(believed.due_in(), 0);
}

#[test]
fn answers_to_what_was_asked_for_its_age_alone_do_not_count_as_the_same() {
    let mut believed = Believed::aging(100, 1_000, 300_000);
    for _ in 0..10 {
        believed.ask();
        believed.update(false, vec![]);
        believed.sleep(300_000);
    }
    believed.ask();
    believed.update(false, vec![]);
    believed.metadata.request_update();
    assert!(believed.due_in() <= FIRST_PAUSE, "{}", believed.due_in());
}

/// Mirrors `ProducerMetadataTest.testTimeToNextUpdateOverwriteBackoff`: a new topic makes metadata due at once in spite
/// of the pause; adding it again after its answer leaves the age of the metadata; another new topic makes it due at
/// once again.
#[test]
fn what_is_new_is_asked_for_at_once_and_once() {
    let mut believed = Believed::new();
    believed.update(false, vec![]);
    believed.add(0);
    assert_eq!(believed.due_in(), 0);
    believed.update(false, vec![sound(0, 1, -1)]);
    believed.add(0);
    assert_eq!(believed.due_in(), 1_000, "it is not new any more");
    believed.add(1);
    assert_eq!(believed.due_in(), 0);
}

/// Mirrors `ProducerMetadataTest.testTopicExpiry`: a topic that is not used for metadata.max.idle.ms is dropped with
/// the next answer, one that is used within that is kept, and so is a new one whose first answer comes later than that.
#[test]
fn a_topic_is_kept_as_long_as_it_is_used_or_waited_for() {
    let mut believed = Believed::new();
    believed.add(1);
    believed.update(false, vec![sound(1, 1, -1)]);
    assert!(believed.is_kept(1));
    believed.sleep(60_000);
    believed.update(false, vec![sound(1, 1, -1)]);
    assert!(!believed.is_kept(1), "nobody used it");

    believed.add(2);
    believed.update(false, vec![sound(2, 1, -1)]);
    for _ in 0..3 {
        believed.sleep(30_000);
        believed.update(false, vec![sound(2, 1, -1)]);
        assert!(believed.is_kept(2));
        believed.add(2);
    }

    believed.add(3);
    believed.sleep(120_000);
    believed.update(false, vec![sound(3, 1, -1)]);
    assert!(believed.is_kept(3), "its first answer is still to come when it grows old");
}

/// Mirrors `ProducerMetadataTest.testMetadataPartialUpdate`: a new topic is wanted at once and new until its partial
/// answer; added again it is neither; of two new topics the one not named in the answer stays new.
#[test]
fn an_answer_about_new_topics_leaves_those_it_does_not_name_new() {
    let mut believed = Believed::new();
    believed.update(false, vec![]);
    believed.add(1);
    assert!(believed.is_wanted());
    assert_eq!((believed.due_in(), believed.all_topics(), believed.new_topics()), (0, vec![1], vec![1]));
    believed.update(true, vec![sound(1, 1, -1)]);
    assert!(!believed.is_wanted());
    assert_eq!((believed.all_topics(), believed.new_topics()), (vec![1], vec![]));
    believed.add(1);
    assert!(!believed.is_wanted() && believed.due_in() > 0);
    assert_eq!((believed.all_topics(), believed.new_topics()), (vec![1], vec![]));

    believed.add(2);
    believed.add(3);
    assert!(believed.is_wanted());
    assert_eq!((believed.due_in(), believed.all_topics(), believed.new_topics()), (0, vec![1, 2, 3], vec![2, 3]));
    believed.update(true, vec![sound(2, 1, -1)]);
    assert_eq!((believed.all_topics(), believed.new_topics()), (vec![1, 2, 3], vec![3]));
}

/// Mirrors `ProducerMetadataTest.testRequestUpdateForTopic`: waiting for a new topic wants no more than its partial
/// answer; waiting for a known one wants a full answer, and a partial one does not do.
#[test]
fn whoever_waits_for_a_known_topic_wants_all_of_the_metadata() {
    let mut believed = Believed::new();
    believed.update(false, vec![]);
    believed.add(1);
    believed.add(2);
    assert!(believed.is_wanted());
    believed.metadata.request_update_for(topic(1));
    assert!(believed.is_wanted());
    believed.update(true, vec![sound(1, 1, -1)]);
    assert!(!believed.is_wanted(), "it was new, and that was all");
    believed.metadata.request_update_for(topic(1));
    assert!(believed.is_wanted());
    believed.update(true, vec![sound(1, 1, -1)]);
    assert!(believed.is_wanted(), "part of it does not do");
    believed.update(false, vec![sound(1, 1, -1), sound(2, 1, -1)]);
    assert!(!believed.is_wanted());
}

/// Mirrors `MetadataTest.testUpdateMetadataAllowedImmediatelyAfterBootstrap`: with nothing but bootstrap addresses,
/// asking is allowed and due at once.
#[test]
fn the_first_question_waits_for_nothing() {
    assert_eq!(Believed::new().due_in(), 0);
}

/// Mirrors `MetadataTest.testTimeToNextUpdate`: for five pairs of pause and age: due at first; after an answer, when
/// both are over; when it is wanted, when the pause is over; and due once both have passed.
#[test]
fn the_next_question_comes_when_metadata_is_old_and_the_pause_over() {
    for (backoff, max_age) in [(100, 1_000), (1_000, 100), (0, 0), (0, 100), (100, 0)] {
        let mut believed = Believed::aging(backoff, backoff, max_age);
        let later = backoff.max(max_age);
        assert_eq!(believed.due_in(), 0);
        believed.update(false, vec![]);
        assert_eq!(believed.due_in(), later);
        believed.metadata.request_update();
        assert_eq!(believed.due_in(), backoff, "its age does not matter when it is wanted");
        believed.update(false, vec![]);
        assert_eq!(believed.due_in(), later);
        believed.sleep(later);
        assert_eq!(believed.due_in(), 0);
        believed.sleep(1);
        assert_eq!(believed.due_in(), 0);
    }
}

/// Mirrors `MetadataTest.testTimeToNextUpdateRetryBackoff`: after a failure the next question waits for the pause
/// within its jitter, also when metadata is wanted, and is due then.
#[test]
fn after_a_failure_even_what_is_wanted_waits() {
    let mut believed = Believed::new();
    believed.fail();
    assert!((80..=FIRST_PAUSE).contains(&believed.due_in()));
    believed.metadata.request_update();
    assert!((80..=FIRST_PAUSE).contains(&believed.due_in()));
    believed.sleep(FIRST_PAUSE);
    assert_eq!(believed.due_in(), 0);
    believed.sleep(1);
    assert_eq!(believed.due_in(), 0);
}

/// Mirrors `MetadataTest.testFailedUpdate`: a failure makes the next question wait for its pause, and leaves the time
/// of the last successful answer.
#[test]
fn a_failure_puts_the_question_off_and_not_the_age() {
    let mut believed = Believed::new();
    believed.now = 100;
    believed.update(false, vec![]);
    believed.now = 1_000;
    assert_eq!(believed.due_in(), 100, "a second after the last answer");
    believed.now = 1_100;
    believed.fail();
    assert!((80..=FIRST_PAUSE).contains(&believed.due_in()));
    assert_eq!(believed.metadata.last_success, Some(Instant::from_millis(100)));
    believed.now = 100;
    believed.update(false, vec![]);
    believed.now = 1_000;
    assert!((80..=FIRST_PAUSE).contains(&believed.due_in()));
}
