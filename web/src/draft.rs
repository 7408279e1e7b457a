//! What is being composed. Stays as it is whatever happens to the world.

use std::rc::Rc;

use producer_core::bridge::{Habit, HeaderSpec, MAX_SEND_COUNT, RecordSpec, Topology};
use producer_core::murmur2::partition_for_hash;
use producer_core::record::Header;
use producer_core::record_batch::{BATCH_OVERHEAD, MAX_RECORD_OVERHEAD, record_size_upper_bound};
use producer_core::trace::PartitionChoice;
use yew::Reducible;

/// What a record in mid-batch has beside key, value and headers: its length, attributes, time and place.
const RECORD_FRAME: usize = 5;

/// A payload's kind: three things that a box of text cannot tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8 text.
    #[default]
    Text,
    /// Zero bytes.
    Empty,
    /// Nothing at all.
    Null,
}

impl Kind {
    /// All of them, in the order of the list.
    pub(crate) const ALL: [Self; 3] = [Self::Text, Self::Empty, Self::Null];

    /// As the value of an `<option>`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Empty => "empty",
            Self::Null => "null",
        }
    }

    /// The reverse of [`code`](Self::code).
    pub(crate) fn from_code(code: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.code() == code).unwrap_or_default()
    }
}

/// A key, a value or a header's value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Payload {
    /// What it is.
    pub(crate) kind: Kind,
    /// What was typed; kept while the kind is another.
    pub(crate) text: Rc<str>,
}

impl Payload {
    fn text(text: &str) -> Self {
        Self { kind: Kind::Text, text: text.into() }
    }

    /// Its bytes; `None`: null.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self.kind {
            Kind::Text => Some(self.text.as_bytes()),
            Kind::Empty => Some(&[]),
            Kind::Null => None,
        }
    }

    /// Its size; −1: null.
    pub(crate) fn size(&self) -> i32 {
        self.bytes().map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX))
    }
}

/// One header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeaderDraft {
    /// Its key.
    pub(crate) key: Rc<str>,
    /// Its value.
    pub(crate) value: Payload,
}

/// The record, how it is sent, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) topic: Rc<str>,
    pub(crate) key: Payload,
    pub(crate) value: Payload,
    /// Empty: the partitioner chooses.
    pub(crate) partition: Rc<str>,
    /// Empty: now.
    pub(crate) timestamp: Rc<str>,
    pub(crate) headers: Vec<HeaderDraft>,
    pub(crate) habit: Habit,
    pub(crate) count: Rc<str>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            topic: "orders".into(),
            key: Payload::text("user-42"),
            value: Payload::text(r#"{"item":"tea","qty":1}"#),
            partition: "".into(),
            timestamp: "".into(),
            headers: Vec::new(),
            habit: Habit::Get,
            count: "1".into(),
        }
    }
}

/// A field that does not hold what it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DraftError {
    /// Not a whole number of 32 bits.
    Partition,
    /// Not a whole number of 64 bits.
    Timestamp,
    /// Not between 1 and [`MAX_SEND_COUNT`].
    Count,
}

/// Where the record will go, as far as that is known before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The record names its partition.
    Explicit(i32),
    /// It names one that the topic does not have, as far as is known: `send` waits for it.
    Missing {
        /// The partition named.
        partition: i32,
        /// The topic's partitions.
        partitions: i32,
    },
    /// It names a negative one: `ProducerRecord` throws.
    Negative(i32),
    /// The key decides.
    Hashed {
        /// murmur2 of the key, as Java prints it.
        hash: i32,
        /// The topic's partitions.
        partitions: i32,
        /// Where it goes.
        partition: i32,
    },
    /// No key, or keys are ignored: the sticky partition.
    Sticky,
    /// The topic's partition count is not known.
    Unknown,
}

impl Destination {
    /// The partition, where one is sure.
    pub(crate) const fn partition(self) -> Option<i32> {
        match self {
            Self::Explicit(partition) | Self::Hashed { partition, .. } => Some(partition),
            Self::Missing { .. } | Self::Negative(_) | Self::Sticky | Self::Unknown => None,
        }
    }
}

impl Draft {
    /// The record to send.
    ///
    /// # Errors
    /// The first field that does not hold what it must. What Kafka judges (names, sizes, negative numbers) is left to it.
    pub(crate) fn record(&self) -> Result<RecordSpec, DraftError> {
        Ok(RecordSpec {
            topic: (&*self.topic).into(),
            partition: optional(&self.partition).map_err(|()| DraftError::Partition)?,
            timestamp_ms: optional(&self.timestamp).map_err(|()| DraftError::Timestamp)?,
            key: self.key.bytes().map(Into::into),
            value: self.value.bytes().map(Into::into),
            headers: self
                .headers
                .iter()
                .map(|header| HeaderSpec { key: (&*header.key).into(), value: header.value.bytes().map(Into::into) })
                .collect(),
        })
    }

    /// How many of it.
    ///
    /// # Errors
    /// Not a number, or out of bounds.
    pub(crate) fn count(&self) -> Result<u32, DraftError> {
        let count = self.count.trim().parse().map_err(|_| DraftError::Count)?;
        if (1..=MAX_SEND_COUNT).contains(&count) { Ok(count) } else { Err(DraftError::Count) }
    }

    /// How many of it may share a batch; `get()` sends every record alone, for nothing follows before its answer.
    pub(crate) fn fit_into_a_batch(&self, batch_size: usize) -> u32 {
        if self.habit == Habit::Get {
            return 1;
        }
        let headers: Vec<_> =
            self.headers.iter().map(|header| Header { key: &header.key, value: header.value.bytes() }).collect();
        let bound = record_size_upper_bound(self.key.bytes(), self.value.bytes(), &headers);
        let record = bound - BATCH_OVERHEAD - MAX_RECORD_OVERHEAD + RECORD_FRAME;
        u32::try_from(batch_size.saturating_sub(BATCH_OVERHEAD) / record).unwrap_or(u32::MAX).max(1)
    }

    /// Where it will go, asked from the core's own partitioner.
    pub(crate) fn destination(&self, topology: &Topology, ignores_keys: bool) -> Destination {
        let partitions = match i32::try_from(topology.partitions.len()) {
            Ok(partitions @ 1..) if *topology.topic == *self.topic => Some(partitions),
            _ => None,
        };
        if let Some(partition) = optional(&self.partition).transpose() {
            let Ok(partition) = partition else { return Destination::Unknown };
            return match partitions {
                _ if partition < 0 => Destination::Negative(partition),
                Some(partitions) if partition >= partitions => Destination::Missing { partition, partitions },
                _ => Destination::Explicit(partition),
            };
        }
        let Some(partitions) = partitions else { return Destination::Unknown };
        match PartitionChoice::of(None, self.key.bytes(), ignores_keys) {
            PartitionChoice::KeyHash { hash } => {
                Destination::Hashed { hash, partitions, partition: partition_for_hash(hash, partitions) }
            }
            PartitionChoice::Explicit | PartitionChoice::Sticky => Destination::Sticky,
        }
    }
}

fn optional<T: core::str::FromStr>(text: &str) -> Result<Option<T>, ()> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| ()),
    }
}

/// Something was typed or chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    Topic(Rc<str>),
    Key(Payload),
    Value(Payload),
    Partition(Rc<str>),
    Timestamp(Rc<str>),
    AddHeader,
    Header(usize, HeaderDraft),
    RemoveHeader(usize),
    Habit(Habit),
    Count(Rc<str>),
}

impl Reducible for Draft {
    type Action = Edit;

    fn reduce(self: Rc<Self>, edit: Edit) -> Rc<Self> {
        let mut next = (*self).clone();
        match edit {
            Edit::Topic(topic) => next.topic = topic,
            Edit::Key(key) => next.key = key,
            Edit::Value(value) => next.value = value,
            Edit::Partition(partition) => next.partition = partition,
            Edit::Timestamp(timestamp) => next.timestamp = timestamp,
            Edit::AddHeader => next.headers.push(HeaderDraft::default()),
            Edit::Header(place, header) => {
                if let Some(old) = next.headers.get_mut(place) {
                    *old = header;
                }
            }
            Edit::RemoveHeader(place) => {
                if place < next.headers.len() {
                    next.headers.remove(place);
                }
            }
            Edit::Habit(habit) => next.habit = habit,
            Edit::Count(count) => next.count = count,
        }
        if next == *self { self } else { Rc::new(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::bridge::Partition;
    use producer_core::ids::NodeId;

    fn topology(partitions: i32) -> Topology {
        let partition = |partition| Partition { partition, leader: NodeId(1), replicas: Vec::new(), isr: Vec::new() };
        Topology { topic: "orders".into(), partitions: (0..partitions).map(partition).collect(), ..Topology::default() }
    }

    fn keyed(text: &str) -> Draft {
        Draft { key: Payload::text(text), ..Draft::default() }
    }

    /// The placements that Kafka's own vectors give for three partitions.
    #[test]
    fn keys_are_announced_where_java_puts_them() {
        for (key, partition) in [("user-42", 1), ("user-1", 2), ("서울", 0), ("부산", 1), ("", 0), ("seoul", 0)] {
            let destination = keyed(key).destination(&topology(3), false);
            assert_eq!(destination.partition(), Some(partition), "{key}");
        }
    }

    #[test]
    fn null_empty_and_text_are_three_things() {
        let record = |kind| Draft { key: Payload { kind, text: "x".into() }, ..Draft::default() }.record();
        let key = |kind| record(kind).expect("valid").key.map(|key| key.to_vec());
        assert_eq!(key(Kind::Text), Some(b"x".to_vec()));
        assert_eq!(key(Kind::Empty), Some(Vec::new()));
        assert_eq!(key(Kind::Null), None);
    }

    #[test]
    fn without_a_key_or_a_topic_the_partition_is_not_guessed() {
        let null = Draft { key: Payload { kind: Kind::Null, text: "x".into() }, ..Draft::default() };
        assert_eq!(null.destination(&topology(3), false), Destination::Sticky);
        assert_eq!(keyed("user-42").destination(&topology(3), true), Destination::Sticky);
        assert_eq!(keyed("user-42").destination(&topology(0), false), Destination::Unknown);
        let other = Draft { topic: "payments".into(), ..Draft::default() };
        assert_eq!(other.destination(&topology(3), false), Destination::Unknown);
    }

    #[test]
    fn a_partition_that_is_named_is_looked_up_where_the_topic_is_known() {
        let to = |partition: &str, partitions| {
            Draft { partition: partition.into(), ..Draft::default() }.destination(&topology(partitions), false)
        };
        assert_eq!(to("2", 3), Destination::Explicit(2));
        assert_eq!(to("3", 3), Destination::Missing { partition: 3, partitions: 3 });
        assert_eq!(to("3", 0), Destination::Explicit(3), "nobody knows yet");
        assert_eq!(to("-1", 3), Destination::Negative(-1));
        assert_eq!(to("-1", 0), Destination::Negative(-1));
        assert_eq!(to("two", 3), Destination::Unknown, "what is no number leads nowhere");
    }

    #[test]
    fn as_many_share_a_batch_as_kafkas_own_would_and_get_shares_none() {
        let draft = Draft { habit: Habit::Callback, ..keyed("user-42") };
        let mut batch = producer_core::record_batch::BatchBuilder::new(Default::default(), 16_384);
        let mut count = 0;
        while batch.try_append(0, draft.key.bytes(), draft.value.bytes(), &[]).is_some() {
            count += 1;
        }
        let told = draft.fit_into_a_batch(16_384);
        assert!(told.abs_diff(count) * 20 <= count, "{told} of {count}: within a twentieth");
        assert_eq!(Draft { habit: Habit::Get, ..draft }.fit_into_a_batch(16_384), 1);
        assert_eq!(Draft { habit: Habit::Forget, ..keyed("k") }.fit_into_a_batch(0), 1, "a first record always fits");
    }

    #[test]
    fn fields_that_hold_no_number_are_named() {
        let partition = Draft { partition: "two".into(), ..Draft::default() };
        assert_eq!(partition.record(), Err(DraftError::Partition));
        let timestamp = Draft { timestamp: "now".into(), ..Draft::default() };
        assert_eq!(timestamp.record(), Err(DraftError::Timestamp));
        for count in ["", "0", "-1", "1.5", "100001", "99999999999"] {
            let draft = Draft { count: count.into(), ..Draft::default() };
            assert_eq!(draft.count(), Err(DraftError::Count), "{count}");
        }
        assert_eq!(Draft { count: " 100000 ".into(), ..Draft::default() }.count(), Ok(100_000));
    }

    #[test]
    fn an_edit_that_changes_nothing_is_no_new_draft() {
        let draft = Rc::new(Draft::default());
        let same = Rc::clone(&draft).reduce(Edit::Topic("orders".into()));
        assert!(Rc::ptr_eq(&draft, &same));
        let longer = draft.reduce(Edit::AddHeader);
        let named = HeaderDraft { key: "trace".into(), value: Payload::text("1") };
        let filled = longer.reduce(Edit::Header(0, named.clone()));
        assert_eq!(filled.headers, [named]);
        assert!(filled.reduce(Edit::RemoveHeader(0)).headers.is_empty());
    }
}
