//! Five batches in flight, and a broker that refuses the first, the middle or the last of them.
//!
//! The Java client takes the same course, instant by instant, in `tests/oracle/timelines/hostile.txt`.

use super::story::{Story, failed, record};
use crate::error::{ErrorCode, Persistence, ProducerError, TransactionError};
use crate::ids::ProducerIdentity;

const VALUES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// The code refuses the batch at this place; those before it are stored, and those behind it are out of order then.
fn five_with_one_refused(code: ErrorCode, place: usize) -> Story {
    let mut story = Story::new(&[("linger.ms", "0")]).started();
    for value in VALUES {
        story.put(0, value);
    }
    assert_eq!(story.carried.len(), 5);
    for offset in (0..).take(place) {
        story.store(offset);
    }
    story.reply(|told| {
        told.error = code;
        told.log_start_offset = 10;
    });
    for _ in place + 1..5 {
        story.refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    }
    story.at_ms(2_000);
    story
}

/// Stores whatever is sent from here on: (value, base sequence, epoch) in the order in which it came, one at a time.
fn stored_one_by_one(story: &mut Story) -> Vec<(String, i32, i16)> {
    let mut sent = Vec::new();
    for offset in 100.. {
        if story.carried.is_empty() {
            break;
        }
        assert_eq!(story.carried.len(), 1, "one at a time until all is well again");
        let (_, values, sequence, epoch) = story.store(offset).batches().remove(0);
        sent.push((values.concat(), sequence, epoch));
    }
    sent
}

/// Values from this place on, with sequences from this one on.
fn resent(from: usize, first_sequence: i32, epoch: i16) -> Vec<(String, i32, i16)> {
    (first_sequence..).zip(&VALUES[from..]).map(|(sequence, value)| ((*value).to_owned(), sequence, epoch)).collect()
}

fn fates_in_order(story: &Story) -> Vec<bool> {
    assert!(story.completed.is_sorted_by_key(|completion| completion.batch), "in the order of their sends");
    story.completed.iter().map(|completion| completion.result.is_ok()).collect()
}

/// Row 72: the epoch is bumped, and what is out is renumbered and sent again in order.
#[test]
fn a_gap_in_the_sequences_bumps_the_epoch_wherever_it_is() {
    for code in [ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode::UNKNOWN_PRODUCER_ID] {
        for place in [0, 2, 4] {
            let mut story = five_with_one_refused(code, place);
            assert_eq!(stored_one_by_one(&mut story), resent(place, 0, 1), "{code} at {place}");
            assert_eq!(fates_in_order(&story), [true; 5], "{code} at {place}");
        }
    }
}

/// Row 72: the batch is failed, and those behind it go on under the next epoch.
#[test]
fn an_old_epoch_fails_its_batch_and_bumps_the_epoch_for_the_others() {
    for place in [0, 2, 4] {
        let mut story = five_with_one_refused(ErrorCode::INVALID_PRODUCER_EPOCH, place);
        assert_eq!(stored_one_by_one(&mut story), resent(place + 1, 0, 1), "{place}");
        let fates = fates_in_order(&story);
        assert_eq!((fates.len(), fates.iter().position(|is_ok| !is_ok)), (5, Some(place)));
        let failure = story.completed[place].result.clone().expect_err("refused");
        assert_eq!(failure.error.java_class(), "InvalidProducerEpochException");
        assert_eq!(failure.persistence, Persistence::NotPersisted);
        story.put(0, "f");
        let epochs: Vec<_> = story.carried[0].batches().iter().map(|&(_, _, _, epoch)| epoch).collect();
        assert_eq!(epochs, [1], "sequences go on in it");
    }
}

/// Row 72: a fenced producer is over, and what is out fails with it.
#[test]
fn a_fenced_producer_ends_with_all_that_is_out() {
    for place in [0, 2, 4] {
        let mut story = five_with_one_refused(ErrorCode::PRODUCER_FENCED, place);
        assert_eq!(stored_one_by_one(&mut story), [], "nothing is sent again");
        let fates = fates_in_order(&story);
        assert_eq!(fates, (0..5).map(|batch| batch < place).collect::<Vec<_>>());
        let error = ProducerError::Broker { code: ErrorCode::PRODUCER_FENCED, message: None };
        for completion in &story.completed[place..] {
            assert_eq!(completion.result.clone().expect_err("failed").error, error);
        }
        for completion in &story.completed[place + 1..] {
            let failure = completion.result.clone().expect_err("failed");
            assert_eq!(failure.persistence, Persistence::PossiblyPersisted, "no answer of its own was heard");
        }
        let identity = Some(ProducerIdentity { id: 1_000, epoch: 0 });
        let anew = TransactionError::Fenced { transactional_id: "null".into(), identity };
        assert_eq!(story.send(&record(0, "f")), Err(failed(Some(0), anew.into())));
    }
}

/// Row 72: a fenced leader is the leader's trouble: same epoch, same sequences.
#[test]
fn a_fenced_leader_costs_the_producer_no_epoch() {
    for place in [0, 2, 4] {
        let mut story = five_with_one_refused(ErrorCode::FENCED_LEADER_EPOCH, place);
        let first = i32::try_from(place).expect("small");
        assert_eq!(stored_one_by_one(&mut story), resent(place, first, 0), "{place}");
        assert_eq!(fates_in_order(&story), [true; 5]);
    }
}
