//! What can be said of a finished run: goals of a scenario and claims about a configuration are one type.

use std::sync::Arc;

use super::written::{words, written};

written! {
    /// A claim that is to hold in the end.
    pub struct Goal {
        /// In this lane; absent: in every one.
        lane: Option<u32> = None, Lane;
        /// What is to hold.
        claim: Claim = Claim::default(), Told;
    }
}

written! {
    /// Something that is true of a run or is not.
    pub enum Claim {
        /// Every acknowledged record can be read.
        NothingLost "nothing_lost" {}
        /// No record is stored twice.
        StoredOnce "stored_once" {}
        /// The records of every key are read in the order in which they were sent.
        OrderPerKey "order_per_key" {}
        /// No call of send() took longer.
        NoSendBlocked "no_send_blocked" {
            /// Than this, in microseconds.
            longer_than_us: u64 = 1_000_000, Between(0, 86_400_000_000);
        }
        /// No record whose send failed is stored.
        FailedMeansNotStored "failed_means_not_stored" {}
        /// A number compares so with another.
        Count "count" {
            /// What is counted.
            of: Counted = Counted::Sent, Told;
            /// How it compares.
            is: Comparison = Comparison::Equal;
            /// With what.
            number: u64 = 0, Between(0, 1_000_000_000_000);
        }
        /// A program met an exception of this class, thrown, in a future or in a callback.
        Raised "raised" {
            /// Simple name of the Java class.
            class: Arc<str> = "".into(), Name;
        }
    }
}

words! {
    /// What can be counted when a run is over.
    pub enum Counted {
        /// Calls of send() that handed over a record.
        Sent "sent"
        /// Records acknowledged.
        Acked "acked"
        /// Records whose send failed, wherever the program met it.
        Failed "failed"
        /// Records whose fate the program never learnt.
        Unknown "unknown"
        /// Records in the logs, each copy counted.
        Stored "stored"
        /// Copies in the logs beyond the first.
        Duplicates "duplicates"
        /// Records acknowledged that cannot be read.
        Lost "lost"
        /// Records that a reader meets after a later one of the same key.
        OutOfOrder "out_of_order"
        /// Records whose send failed, and which are stored all the same.
        FailedButStored "failed_but_stored"
        /// Produce requests written to sockets.
        Requests "requests"
        /// Batches sent again.
        Retries "retries"
        /// Partitions that hold records.
        Partitions "partitions"
        /// Keys whose records are in several partitions of a topic.
        ScatteredKeys "scattered_keys"
        /// Of a hundred records, how many the fullest partition holds, rounded down.
        LargestShare "largest_share"
        /// Bytes of the batches in Produce requests, each attempt counted.
        Bytes "bytes"
        /// Milliseconds from the first call of send() to the last result.
        SpanMs "span_ms"
        /// Milliseconds from a call of send() to its result, where that took longest.
        SlowestMs "slowest_ms"
    }
}

impl Comparison {
    /// Does it hold between what was counted and what was named?
    pub const fn holds(self, counted: u64, number: u64) -> bool {
        match self {
            Self::Equal => counted == number,
            Self::AtLeast => counted >= number,
            Self::AtMost => counted <= number,
        }
    }
}

words! {
    /// How two numbers compare.
    pub enum Comparison {
        /// The same.
        Equal "equal"
        /// The same or more.
        AtLeast "at_least"
        /// The same or less.
        AtMost "at_most"
    }
}
