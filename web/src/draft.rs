//! What is being composed. Stays as it is whatever happens to the world.

use std::borrow::Cow;
use std::rc::Rc;

use producer_core::bridge::{Habit, HeaderSpec, MAX_SEND_COUNT, RecordSpec, Topology};
use producer_core::murmur2::partition_for_hash;
use producer_core::record::Header;
use producer_core::record_batch::{BATCH_OVERHEAD, MAX_RECORD_OVERHEAD, record_size_upper_bound};
use producer_core::serializer::{Half, ParseError, Serializer};
use producer_core::trace::PartitionChoice;
use yew::Reducible;

/// What a record in mid-batch has beside key, value and headers: its length, attributes, time and place.
const RECORD_FRAME: usize = 5;

/// What a payload is: the class of a Java program's object, or one of two things that a box of text cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Typed, and read as this serialiser's class.
    Typed(Serializer),
    /// Zero bytes.
    Empty,
    /// Nothing at all.
    Null,
}

impl Default for Kind {
    fn default() -> Self {
        Self::Typed(Serializer::String)
    }
}

/// Every kind, as the value of an `<option>`.
const CODES: [(Kind, &str); 14] = [
    (Kind::Typed(Serializer::String), "text"),
    (Kind::Typed(Serializer::Json), "json"),
    (Kind::Typed(Serializer::Integer), "integer"),
    (Kind::Typed(Serializer::Long), "long"),
    (Kind::Typed(Serializer::Short), "short"),
    (Kind::Typed(Serializer::Float), "float"),
    (Kind::Typed(Serializer::Double), "double"),
    (Kind::Typed(Serializer::Uuid), "uuid"),
    (Kind::Typed(Serializer::Boolean), "boolean"),
    (Kind::Typed(Serializer::ByteArray), "bytes"),
    (Kind::Typed(Serializer::ByteBuffer), "byte-buffer"),
    (Kind::Typed(Serializer::Bytes), "kafka-bytes"),
    (Kind::Empty, "empty"),
    (Kind::Null, "null"),
];

impl Kind {
    /// Those of a header's value, which has no serialiser.
    pub(crate) const OF_HEADERS: [Self; 3] = [Self::Typed(Serializer::String), Self::Empty, Self::Null];

    /// Those of a key or value, in the order of the list. Of the three classes that hold bytes one is offered; the others
    /// are there when the settings name them.
    pub(crate) fn of_records(chosen: Self) -> impl Iterator<Item = Self> {
        let is_offered = move |kind: &Self| {
            *kind == chosen || !matches!(kind, Self::Typed(Serializer::ByteBuffer | Serializer::Bytes))
        };
        CODES.into_iter().map(|(kind, _)| kind).filter(is_offered)
    }

    /// As the value of an `<option>`.
    pub(crate) fn code(self) -> &'static str {
        CODES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, code)| code)
    }

    /// The reverse of [`code`](Self::code).
    pub(crate) fn from_code(code: &str) -> Self {
        CODES.iter().find(|(_, known)| *known == code).map(|(kind, _)| *kind).unwrap_or_default()
    }

    /// Who makes bytes of it.
    pub(crate) const fn serializer(self) -> Serializer {
        match self {
            Self::Typed(serializer) => serializer,
            Self::Empty => Serializer::String,
            Self::Null => Serializer::Void,
        }
    }

    /// What a program with this serialiser hands over, unless it is of that kind already.
    fn with(self, serializer: Serializer) -> Self {
        match serializer {
            _ if self.serializer().java_class() == serializer.java_class() => self,
            Serializer::Void => Self::Null,
            other => Self::Typed(other),
        }
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
        Self { kind: Kind::default(), text: text.into() }
    }

    /// Its bytes; `None`: null.
    ///
    /// # Errors
    /// What a Java program gets that reads the text as this class.
    pub(crate) fn bytes(&self) -> Result<Option<Cow<'_, [u8]>>, ParseError> {
        Ok(match self.kind {
            Kind::Typed(Serializer::String) => Some(self.text.as_bytes().into()),
            Kind::Typed(serializer) => {
                // What a serialiser reads, it takes, whichever half it is of.
                let bytes = serializer.serialize(Half::Value, &serializer.parse(&self.text)?);
                bytes.unwrap_or_default().map(Cow::Owned)
            }
            Kind::Empty => Some(Cow::Borrowed(&[])),
            Kind::Null => None,
        })
    }

    /// As [`bytes`](Self::bytes), with nothing where the text cannot be read.
    pub(crate) fn bytes_so_far(&self) -> Option<Cow<'_, [u8]>> {
        self.bytes().ok().flatten()
    }
}

/// Its size; −1: null.
pub(crate) fn size(bytes: Option<&[u8]>) -> i32 {
    bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX))
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DraftError {
    /// No value of the class that is chosen for this half of the record.
    Payload(Half, ParseError),
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
    /// The topic's partition count is not known, or the key cannot be read.
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
            key: bytes_of(Half::Key, &self.key)?.map(Into::into),
            value: bytes_of(Half::Value, &self.value)?.map(Into::into),
            headers: self
                .headers
                .iter()
                .map(|header| HeaderSpec {
                    key: (&*header.key).into(),
                    value: header.value.bytes_so_far().map(Into::into),
                })
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
        let values: Vec<_> = self.headers.iter().map(|header| header.value.bytes_so_far()).collect();
        let headers: Vec<_> = self
            .headers
            .iter()
            .zip(&values)
            .map(|(header, value)| Header { key: &header.key, value: value.as_deref() })
            .collect();
        let (key, value) = (self.key.bytes_so_far(), self.value.bytes_so_far());
        let bound = record_size_upper_bound(key.as_deref(), value.as_deref(), &headers);
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
        let Ok(key) = self.key.bytes() else { return Destination::Unknown };
        match PartitionChoice::of(None, key.as_deref(), ignores_keys) {
            PartitionChoice::KeyHash { hash } => {
                Destination::Hashed { hash, partitions, partition: partition_for_hash(hash, partitions) }
            }
            PartitionChoice::Explicit | PartitionChoice::Sticky => Destination::Sticky,
        }
    }
}

fn bytes_of(half: Half, payload: &Payload) -> Result<Option<Cow<'_, [u8]>>, DraftError> {
    payload.bytes().map_err(|error| DraftError::Payload(half, error))
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
    /// The settings name a serialiser.
    Serializer(Half, Serializer),
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
            Edit::Serializer(Half::Key, serializer) => next.key.kind = next.key.kind.with(serializer),
            Edit::Serializer(Half::Value, serializer) => next.value.kind = next.value.kind.with(serializer),
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
        assert_eq!(key(Kind::default()), Some(b"x".to_vec()));
        assert_eq!(key(Kind::Empty), Some(Vec::new()));
        assert_eq!(key(Kind::Null), None);
    }

    /// The bytes that Kafka's serialisers give for these objects.
    #[test]
    fn what_is_typed_travels_as_the_bytes_of_its_class() {
        let bytes = |code, text: &str| {
            let draft = Draft { value: Payload { kind: Kind::from_code(code), text: text.into() }, ..Draft::default() };
            draft.record().expect("valid").value.map(|value| value.to_vec())
        };
        for (code, text, expected) in [
            ("integer", "42", &[0, 0, 0, 42][..]),
            ("long", "-2", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]),
            ("short", "+258", &[1, 2]),
            ("float", "1.5", &[0x3f, 0xc0, 0, 0]),
            ("double", "1.5", &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
            ("boolean", "true", &[1]),
            ("bytes", "00FFa0", &[0, 0xff, 0xa0]),
            ("json", " {}", b" {}"),
            ("uuid", "1-2-3-4-5", b"00000001-0002-0003-0004-000000000005"),
        ] {
            assert_eq!(bytes(code, text).as_deref(), Some(expected), "{code} {text}");
        }
    }

    #[test]
    fn what_is_no_value_of_its_class_is_refused_in_javas_words_and_goes_nowhere() {
        let draft =
            Draft { key: Payload { kind: Kind::from_code("integer"), ..keyed("user-42").key }, ..Draft::default() };
        let message = "For input string: \"user-42\"".to_owned();
        let error = ParseError { class: "NumberFormatException", message };
        assert_eq!(draft.record(), Err(DraftError::Payload(Half::Key, error)));
        assert_eq!(draft.destination(&topology(3), false), Destination::Unknown);
    }

    #[test]
    fn a_serialiser_that_the_settings_name_is_chosen_and_what_was_typed_stays() {
        let draft = Rc::new(keyed("42")).reduce(Edit::Serializer(Half::Key, Serializer::ByteBuffer));
        assert_eq!(draft.key, Payload { kind: Kind::Typed(Serializer::ByteBuffer), text: "42".into() });
        assert!(Kind::of_records(draft.key.kind).any(|kind| kind == draft.key.kind), "and is in the list");
        let null = draft.reduce(Edit::Serializer(Half::Key, Serializer::Void));
        assert_eq!(null.key, Payload { kind: Kind::Null, text: "42".into() });
        let json = Draft { value: Payload { kind: Kind::from_code("json"), text: "1".into() }, ..Draft::default() };
        let json = Rc::new(json);
        let same = Rc::clone(&json).reduce(Edit::Serializer(Half::Value, Serializer::String));
        assert!(Rc::ptr_eq(&json, &same), "JSON travels through StringSerializer");
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
        let (key, value) = (draft.key.bytes_so_far(), draft.value.bytes_so_far());
        while batch.try_append(0, key.as_deref(), value.as_deref(), &[]).is_some() {
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
