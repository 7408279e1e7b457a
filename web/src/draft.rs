//! What is being composed. Stays as it is whatever happens to the world.

mod destination;
mod payload;

use std::borrow::Cow;
use std::rc::Rc;

use producer_core::bridge::{Habit, HeaderSpec, MAX_SEND_COUNT, RecordSpec};
use producer_core::record::Header;
use producer_core::record_batch::{BATCH_OVERHEAD, MAX_RECORD_OVERHEAD, record_size_upper_bound};
use producer_core::serializer::{Half, ParseError, Serializer};
use yew::Reducible;

pub(crate) use self::destination::Destination;
pub(crate) use self::payload::{HeaderDraft, Kind, Payload, size};

/// What a record in mid-batch has beside key, value and headers: its length, attributes, time and place.
const RECORD_FRAME: usize = 5;

/// What the composer begins with.
const FIRST_KEY: &str = "user-42";
const FIRST_VALUE: &str = r#"{"item":"tea","qty":1}"#;

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
            key: Payload::text(FIRST_KEY),
            value: Payload::text(FIRST_VALUE),
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

impl Draft {
    /// Every field that does not hold what it must.
    pub(crate) fn errors(&self) -> Vec<DraftError> {
        let payload = |half, payload| bytes_of(half, payload).err();
        let partition = optional::<i32>(&self.partition).err().map(|()| DraftError::Partition);
        let timestamp = optional::<i64>(&self.timestamp).err().map(|()| DraftError::Timestamp);
        let key = payload(Half::Key, &self.key);
        [key, payload(Half::Value, &self.value), partition, timestamp, self.count().err()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The record to send.
    ///
    /// # Errors
    /// A field that does not hold what it must; [`errors`](Self::errors) names all of them. What Kafka judges (names, sizes, negative numbers) is left to it.
    pub(crate) fn record(&self) -> Result<RecordSpec, DraftError> {
        Ok(RecordSpec {
            topic: (&*self.topic).into(),
            partition: optional(&self.partition).map_err(|()| DraftError::Partition)?,
            timestamp_ms: optional(&self.timestamp).map_err(|()| DraftError::Timestamp)?,
            key: bytes_of(Half::Key, &self.key)?.map(Into::into),
            value: bytes_of(Half::Value, &self.value)?.map(Into::into),
            headers: self
                .headers_to_send()
                .map(|header| HeaderSpec {
                    key: (&*header.key).into(),
                    value: header.value.bytes_so_far().map(Into::into),
                })
                .collect(),
        })
    }

    /// Its headers, without rows that nobody has touched.
    pub(crate) fn headers_to_send(&self) -> impl Iterator<Item = &HeaderDraft> {
        self.headers.iter().filter(|header| **header != HeaderDraft::default())
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
        let values: Vec<_> = self.headers_to_send().map(|header| header.value.bytes_so_far()).collect();
        let headers: Vec<_> = self
            .headers_to_send()
            .zip(&values)
            .map(|(header, value)| Header { key: &header.key, value: value.as_deref() })
            .collect();
        let (key, value) = (self.key.bytes_so_far(), self.value.bytes_so_far());
        let bound = record_size_upper_bound(key.as_deref(), value.as_deref(), &headers);
        let record = bound - BATCH_OVERHEAD - MAX_RECORD_OVERHEAD + RECORD_FRAME;
        u32::try_from(batch_size.saturating_sub(BATCH_OVERHEAD) / record).unwrap_or(u32::MAX).max(1)
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
            Edit::Serializer(Half::Key, serializer) => next.key.follow(serializer, FIRST_KEY),
            Edit::Serializer(Half::Value, serializer) => next.value.follow(serializer, FIRST_VALUE),
        }
        if next == *self { self } else { Rc::new(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::bridge::{Partition, Topology};
    use producer_core::ids::NodeId;

    pub(super) fn topology(partitions: i32) -> Topology {
        let partition = |partition| Partition { partition, leader: NodeId(1), replicas: Vec::new(), isr: Vec::new() };
        Topology { topic: "orders".into(), partitions: (0..partitions).map(partition).collect(), ..Topology::default() }
    }

    pub(super) fn keyed(text: &str) -> Draft {
        Draft { key: Payload::text(text), ..Draft::default() }
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
        let error = ParseError { class: Some("NumberFormatException"), message, place: None };
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
    fn what_the_composer_begins_with_suits_every_serialiser_that_the_settings_name() {
        for serializer in Serializer::ALL {
            for half in [Half::Key, Half::Value] {
                let draft = Rc::new(Draft::default()).reduce(Edit::Serializer(half, serializer));
                assert_eq!(draft.errors(), [], "{serializer:?}");
            }
        }
        let typed = Rc::new(keyed("user-43")).reduce(Edit::Serializer(Half::Key, Serializer::Integer));
        assert_eq!(&*typed.key.text, "user-43", "what a person typed stays, whatever it is");
        let text = Rc::new(Draft::default()).reduce(Edit::Serializer(Half::Key, Serializer::String));
        assert_eq!(&*text.key.text, FIRST_KEY);
    }

    #[test]
    fn a_header_row_that_nobody_touched_is_not_sent() {
        let with = |headers: Vec<HeaderDraft>| Draft { headers, ..Draft::default() };
        let header = |key: &str, value: Payload| HeaderDraft { key: key.into(), value };
        let null = Payload { kind: Kind::Null, text: "".into() };
        let draft = with(vec![
            HeaderDraft::default(),
            header("trace", Payload::default()),
            header("", Payload::text("1")),
            header("", null),
            HeaderDraft::default(),
        ]);
        let sent = draft.record().expect("valid").headers;
        let sent: Vec<_> = sent.iter().map(|header| (&*header.key, header.value.as_deref())).collect();
        assert_eq!(sent, [("trace", Some(&b""[..])), ("", Some(&b"1"[..])), ("", None)]);
        let without_key: Vec<_> = draft.headers.iter().map(HeaderDraft::lacks_key).collect();
        assert_eq!(without_key, [false, false, true, true, false]);
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
    fn every_field_that_is_wrong_is_named_at_once() {
        let number = |text: &str| Payload { kind: Kind::from_code("integer"), text: text.into() };
        let draft = Draft {
            key: number("k"),
            value: number("v"),
            partition: "two".into(),
            timestamp: "now".into(),
            count: "0".into(),
            ..Draft::default()
        };
        let halves = |error: &DraftError| match error {
            DraftError::Payload(half, _) => Some(*half),
            _ => None,
        };
        let errors = draft.errors();
        assert_eq!(errors.iter().filter_map(halves).collect::<Vec<_>>(), [Half::Key, Half::Value]);
        assert_eq!(errors[2..], [DraftError::Partition, DraftError::Timestamp, DraftError::Count]);
        assert_eq!(Draft::default().errors(), []);
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
