//! What is sent: how many records, when each is due, and what is in them.

use std::sync::Arc;

use super::written::written;

written! {
    /// Records to send.
    pub struct Load {
        /// To which topic.
        topic: Arc<str> = "orders".into(), Name;
        /// To which partition; absent: the partitioner chooses.
        partition: Option<u32> = None, Between(0, 2_147_483_647);
        /// How many.
        count: u32 = 1, Between(1, 1_000_000);
        /// When they are due.
        arrival: Arrival = Arrival::default();
        /// Their keys.
        keys: Keys = Keys::default();
        /// Their values.
        value: Value = Value::default();
        /// Their headers.
        headers: Vec<HeaderTemplate> = Vec::new(), Items(0, 20);
        /// Their timestamp, as so many milliseconds after the program's clock; absent: the producer sets it.
        timestamp_offset_ms: Option<i64> = None, Between(-3_155_760_000_000, 3_155_760_000_000);
    }
}

written! {
    /// When records are due. A program that is behind sends at once.
    pub enum Arrival {
        /// All at once.
        AtOnce "at_once" {}
        /// Evenly.
        Steady "steady" {
            /// Records per second.
            per_second: u64 = 100, Between(1, 1_000_000);
        }
        /// So many at once, again and again.
        Bursts "bursts" {
            /// Records in one burst.
            size: u32 = 10, Between(1, 1_000_000);
            /// From burst to burst, in microseconds.
            every_us: u64 = 1_000_000, Between(1, 86_400_000_000);
        }
    }
}

written! {
    /// The keys of a load.
    pub enum Keys {
        /// No key.
        Null "null" {}
        /// One text for all, with placeholders.
        Template "template" {
            /// The text.
            text: Arc<str> = "user-{{int 1 9}}".into(), Template;
        }
        /// These in turn; null is no key, the empty text is one.
        List "list" {
            /// The keys.
            keys: Vec<Option<Arc<str>>> = Vec::new(), Each(1, 1_000, &Data(100_000));
        }
        /// These by chance, each as often as it weighs.
        Weighted "weighted" {
            /// The keys and their weights.
            keys: Vec<WeightedKey> = Vec::new(), Items(1, 1_000);
        }
        /// `prefix1`, `prefix2` and so on by chance, the k-th in proportion to 1 / k^exponent.
        Zipf "zipf" {
            /// What stands before the number.
            prefix: Arc<str> = "user-".into(), Data(1_000);
            /// How many different keys.
            distinct: u32 = 100, Between(1, 10_000);
            /// How steep: 0 is even, 1 is Zipf's law.
            exponent: u32 = 1, Between(0, 4);
        }
    }
}

written! {
    /// A key and how often it comes.
    pub struct WeightedKey {
        /// The key; absent: none.
        key: Option<Arc<str>> = None, Data(100_000);
        /// Its share of the sum of all weights.
        weight: u32 = 1, Between(1, 1_000_000);
    }
}

written! {
    /// The value of a record.
    pub enum Value {
        /// A text with placeholders.
        Template "template" {
            /// The text.
            text: Arc<str> = "{\"seq\":{{seq}}}".into(), Template;
            /// Filled up with blanks to so many bytes.
            at_least_bytes: u32 = 0, Between(0, 2_000_000);
        }
        /// Letters by chance, which hardly compress.
        Letters "letters" {
            /// At least so many bytes.
            at_least_bytes: u32 = 100, Between(0, 2_000_000);
            /// At most so many bytes.
            at_most_bytes: u32 = 100, Between(0, 2_000_000);
        }
        /// None: a tombstone.
        Null "null" {}
        /// An object of a type that the value's serialiser does not take.
        OfAnotherType "of_another_type" {}
    }
}

written! {
    /// A header, with placeholders in its value.
    pub struct HeaderTemplate {
        /// Its key; keys may repeat.
        key: Arc<str> = "".into(), Data(1_000);
        /// Its value; absent: null.
        value: Option<Arc<str>> = None, Template;
    }
}
