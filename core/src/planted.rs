//! Mistakes that are made on purpose, to see whether the judges see them.
//!
//! They are there only in a build with `--cfg planted`, which is for `cargo xtask planted` alone: in every other one
//! [`planted`] is a constant, and nothing of this is left.

/// Declares the defects once: as names for the places where they are made, and as a table for who plays them.
macro_rules! defects {
    ($($variant:ident = $name:literal, in $place:literal, law $law:literal, needs $needs:literal: $what:literal;)*) => {
        /// A mistake that can be made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Defect {
            $(#[doc = $what] $variant,)*
        }

        /// All of them.
        #[cfg(planted)]
        pub static DEFECTS: &[Planted] = &[
            $(Planted {
                name: $name, place: $place, law: $law, needs: $needs, what: $what,
            },)*
        ];
    };
}

defects! {
    RetryTakesNewSequence = "retry-takes-new-sequence", in "producer/completion", law 2,
        needs "a lost answer, then another failure":
        "A batch that is tried for the third time gets new sequences: brokers cannot know it.";
    RetryGoesToTheTail = "retry-goes-to-the-tail", in "producer/accumulator", law 3, needs "a batch that is tried again":
        "A batch that is to be sent again waits behind those that came after it.";
    RetriesOutOfOrder = "retries-out-of-order", in "producer/sequence", law 6, needs "a cut connection":
        "Batches that are sent again need not be the oldest of their partition, and come back in reverse.";
    LostAnswerForgotten = "lost-answer-forgotten", in "producer/completion", law 4,
        needs "a lost answer, then a leader that is away":
        "A batch whose answer was lost is said to have failed for certain when its time is over.";
    GivenUpInSilence = "given-up-in-silence", in "producer/completion", law 5, needs "a broker that does not answer":
        "What expires in a request is given up without a word to its program.";
    ExpiryTwoTicksLate = "expiry-two-ticks-late", in "producer/sender", law 7, needs "a leader that is away":
        "Batches live two milliseconds longer than `delivery.timeout.ms`.";
    OneRequestTooMany = "one-request-too-many", in "producer/connections", law 8, needs "nothing":
        "One request more than `max.in.flight.requests.per.connection` is sent.";
    EpochGoesBack = "epoch-goes-back", in "producer/identity", law 9, needs "two batches that fail":
        "The second bump of a producer epoch takes the first one back.";
    RefusalHidesLostAnswer = "refusal-hides-lost-answer", in "producer/completion", law 4,
        needs "a lost answer, then a refusal for good":
        "A batch whose answer was lost, and which is refused for good when it comes again, is said to have failed for certain.";
    ThrottleForADay = "throttle-for-a-day", in "producer/connections", law 17,
        needs "a throttled producer, then a cut connection":
        "A broker whose connection breaks during a pause that it asked for is not sent to for a day.";
    RequestWithoutLimit = "request-without-limit", in "producer/sender", law 11, needs "nothing":
        "A request takes a batch of every partition, whatever `max.request.size` says.";
    BufferNotReturned = "buffer-not-returned", in "producer/completion", law 12, needs "a leader that is away":
        "The memory of a batch that expires in its queue is not given back.";
    BackoffDoesNotDouble = "backoff-does-not-double", in "producer/completion", law 13, needs "a batch refused twice":
        "The pause before an attempt is always that before the first.";
    KeysByLeaders = "keys-by-leaders", in "producer/send", law 15, needs "a partition without a leader":
        "Keys are spread over as many partitions as have a leader.";
    MutedForEver = "muted-for-ever", in "producer/completion", law 17, needs "a cut connection":
        "With one request in flight, a partition whose connection broke is never sent to again.";
    FlushOneBatchEarly = "flush-one-batch-early", in "producer", law 18, needs "nothing":
        "`flush()` does not wait for the last batch.";
    DuplicateGetsNewOffset = "duplicate-gets-new-offset", in "cluster/append", law 1, needs "a lost answer":
        "A batch that is there already is answered with the offset that the next one will get.";
    GapAccepted = "gap-accepted", in "cluster/producer_state", law 9, needs "a batch that is refused before the next one":
        "A broker stores a batch although the one before it is missing.";
    FollowerLearnsNothing = "follower-learns-nothing", in "cluster/replica", law 2,
        needs "a lost answer, and a new leader":
        "A follower remembers nothing of the producers whose batches it repeats.";
    LeaderEpochGoesBack = "leader-epoch-goes-back", in "cluster/registration", law 14, needs "a leader that is lost":
        "A partition that nobody led begins again with epoch 0.";
    LeaderEpochInTwoBits = "leader-epoch-in-two-bits", in "cluster/registration", law 14,
        needs "two leaders that are lost":
        "The leader epoch of a partition is kept in two bits.";
    FifthBatchForgotten = "fifth-batch-forgotten", in "cluster/producer_state", law 10,
        needs "a cut connection with five requests in flight":
        "Of the last five batches of a producer, the oldest is not recognised.";
    AppendTimeWithoutCrc = "append-time-without-crc", in "cluster/log", law 16, needs "nothing":
        "A broker writes its time into a batch and leaves the CRC as it was.";
}

#[cfg(planted)]
pub use self::chosen::{Planted, choose};

/// Is this mistake to be made?
#[cfg(not(planted))]
#[inline(always)]
pub(crate) const fn planted(_: Defect) -> bool {
    false
}

#[cfg(planted)]
pub(crate) use self::chosen::planted;

#[cfg(planted)]
mod chosen {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::{DEFECTS, Defect};

    /// Where the name stands of the one that is made; 0: none is. So the names of all that can be made stand in every
    /// program in which one can, and can be looked for there.
    static CHOSEN: AtomicUsize = AtomicUsize::new(0);

    fn place_of(name: &'static str) -> usize {
        name.as_ptr().addr()
    }

    /// A mistake as it is told of.
    #[derive(Clone, Copy, Debug)]
    pub struct Planted {
        /// Its name.
        pub name: &'static str,
        /// The module of this crate in which it is made.
        pub place: &'static str,
        /// The invariant that is to see it, 1 to 18.
        pub law: u8,
        /// What must happen for it to show.
        pub needs: &'static str,
        /// What is wrong.
        pub what: &'static str,
    }

    /// From now on this mistake is made, and no other; `None`: none is.
    pub fn choose(planted: Option<&Planted>) {
        CHOSEN.store(planted.map_or(0, |planted| place_of(planted.name)), Ordering::Relaxed);
    }

    pub(crate) fn planted(defect: Defect) -> bool {
        CHOSEN.load(Ordering::Relaxed) == place_of(DEFECTS[defect as usize].name)
    }
}
