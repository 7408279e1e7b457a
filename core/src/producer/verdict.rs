//! What a broker's error code in a Produce response obliges the producer to do.
//!
//! The table of all codes is [`ErrorCode`]; this adds what depends on the batch and on idempotence.

use crate::config::Acks;
use crate::error::{ErrorCode, Persistence};

/// What the producer does with a batch after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is stored.
    Stored,
    /// It was stored before, the broker no longer knows where (DUPLICATE_SEQUENCE_NUMBER).
    StoredEarlier,
    /// Smaller batches of it may pass: it is split, and no retry is used up.
    Split,
    /// Once more.
    Retry,
    /// It failed.
    Fail,
    /// It failed, and no other batch can succeed.
    FailProducer,
}

/// The facts beside the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) code: ErrorCode,
    pub(super) record_count: u32,
    /// Are there attempts and time left?
    pub(super) may_retry: bool,
    /// Does sequence bookkeeping want another attempt although the class is not retriable?
    pub(super) sequences_say_retry: bool,
    /// Is the producer idempotent?
    pub(super) is_idempotent: bool,
}

/// `Sender.completeBatch` as a table.
pub(super) fn verdict(case: Case) -> Verdict {
    match case.code {
        ErrorCode::NONE => Verdict::Stored,
        ErrorCode::MESSAGE_TOO_LARGE if case.record_count > 1 => Verdict::Split,
        code if case.may_retry && (code.is_retriable() || case.sequences_say_retry) => Verdict::Retry,
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Verdict::StoredEarlier,
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED
        | ErrorCode::UNSUPPORTED_VERSION
        | ErrorCode::INVALID_PRODUCER_ID_MAPPING
        | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        | ErrorCode::PRODUCER_FENCED
            if case.is_idempotent =>
        {
            Verdict::FailProducer
        }
        _ => Verdict::Fail,
    }
}

/// Does this answer prove that the broker did not append the batch of this attempt?
///
/// With acks=all a leader may say what it says before an append after it as well: when it is no leader any more, or the
/// topic is gone, while it waits for its followers (`DelayedProduce.tryComplete`).
pub(super) fn persistence_after(code: ErrorCode, acks: Acks) -> Persistence {
    match code {
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION if acks == Acks::All => {
            Persistence::PossiblyPersisted
        }
        ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Persistence::Persisted,
        // No answer, appended but not replicated, or an accident in mid-append.
        ErrorCode::REQUEST_TIMED_OUT
        | ErrorCode::NETWORK_EXCEPTION
        | ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND
        | ErrorCode::UNKNOWN_SERVER_ERROR
        | ErrorCode::KAFKA_STORAGE_ERROR => Persistence::PossiblyPersisted,
        code if code.name().is_none() => Persistence::PossiblyPersisted,
        _ => Persistence::NotPersisted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(code: ErrorCode) -> Verdict {
        let case = Case { code, record_count: 1, may_retry: true, sequences_say_retry: false, is_idempotent: true };
        verdict(case)
    }

    #[test]
    fn codes_are_judged_as_in_kafkas_sender() {
        use ErrorCode as Code;
        for code in [
            Code::CORRUPT_MESSAGE,
            Code::UNKNOWN_TOPIC_OR_PARTITION,
            Code::LEADER_NOT_AVAILABLE,
            Code::NOT_LEADER_OR_FOLLOWER,
            Code::REQUEST_TIMED_OUT,
            Code::NETWORK_EXCEPTION,
            Code::NOT_ENOUGH_REPLICAS,
            Code::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            Code::KAFKA_STORAGE_ERROR,
            Code::FENCED_LEADER_EPOCH,
            Code::THROTTLING_QUOTA_EXCEEDED,
            Code::UNKNOWN_TOPIC_ID,
        ] {
            assert_eq!(judge(code), Verdict::Retry, "{code}");
        }
        for code in [
            Code::UNKNOWN_SERVER_ERROR,
            Code::INVALID_TOPIC_EXCEPTION,
            Code::RECORD_LIST_TOO_LARGE,
            Code::TOPIC_AUTHORIZATION_FAILED,
            Code::INVALID_RECORD,
            Code::INVALID_PRODUCER_EPOCH,
            Code::MESSAGE_TOO_LARGE,
            Code(32_000),
        ] {
            assert_eq!(judge(code), Verdict::Fail, "{code}");
        }
        for code in [Code::CLUSTER_AUTHORIZATION_FAILED, Code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED] {
            assert_eq!(judge(code), Verdict::FailProducer, "{code}");
        }
        assert_eq!(judge(Code::DUPLICATE_SEQUENCE_NUMBER), Verdict::StoredEarlier);
    }

    #[test]
    fn a_batch_of_many_that_is_too_large_is_split_even_without_retries_left() {
        let case = Case {
            code: ErrorCode::MESSAGE_TOO_LARGE,
            record_count: 2,
            may_retry: false,
            sequences_say_retry: false,
            is_idempotent: false,
        };
        assert_eq!(verdict(case), Verdict::Split);
    }

    #[test]
    fn only_an_answer_that_comes_before_the_append_proves_it_did_not_happen() {
        use ErrorCode as Code;
        let after = |code| [Acks::All, Acks::Leader].map(|acks| persistence_after(code, acks));
        assert_eq!(after(Code::NOT_ENOUGH_REPLICAS), [Persistence::NotPersisted; 2]);
        assert_eq!(after(Code::NOT_ENOUGH_REPLICAS_AFTER_APPEND), [Persistence::PossiblyPersisted; 2]);
        assert_eq!(after(Code::NETWORK_EXCEPTION), [Persistence::PossiblyPersisted; 2]);
        assert_eq!(after(Code(32_000)), [Persistence::PossiblyPersisted; 2]);
        // A leader that waits for its followers may lose its place meanwhile.
        for code in [Code::NOT_LEADER_OR_FOLLOWER, Code::UNKNOWN_TOPIC_OR_PARTITION] {
            assert_eq!(after(code), [Persistence::PossiblyPersisted, Persistence::NotPersisted]);
        }
    }
}
