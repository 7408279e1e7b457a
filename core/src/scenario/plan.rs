//! A load as it is sent: which record is due when, and its bytes.
//!
//! A record is a pure function of (load, seed, index, the program's clock). Chance comes from whole numbers and tables
//! alone, so that every target writes the same bytes.

use core::ops::Range;

use crate::record::Header;
use crate::rng::{Purpose, Rng};

use super::load::{Arrival, Keys, Load, Value};
use super::template::{Draws, Template, TemplateError};

/// Draws of a record that no placeholder makes.
const KEY_PLACE: u64 = 4;
const LENGTH_PLACE: u64 = 5;
const LETTERS_PLACE: u64 = 16;

/// Places of the stream that belong to one record.
const PLACES_PER_RECORD: u32 = 24;

/// A load, its templates read and its tables made.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    arrival: Arrival,
    count: u32,
    keys: KeyPlan,
    value: ValuePlan,
    headers: Vec<(Box<str>, Option<Template>)>,
    rng: Rng,
}

#[derive(Clone, Debug)]
enum KeyPlan {
    Null,
    Template(Template),
    InTurn(Vec<Option<Box<str>>>),
    /// The upper end of each key's share, in order.
    Weighted {
        shares: Vec<u64>,
        keys: Vec<Option<Box<str>>>,
    },
    Numbered {
        shares: Vec<u64>,
        prefix: Box<str>,
    },
}

#[derive(Clone, Debug)]
enum ValuePlan {
    Null,
    /// It has no bytes: no serialiser takes it.
    OfAnotherType,
    Template {
        template: Template,
        at_least_bytes: usize,
    },
    Letters {
        at_least_bytes: u64,
        span: u64,
    },
}

/// The bytes of one record, in memory that is used again for the next.
#[derive(Clone, Debug, Default)]
pub struct RecordBuffer {
    bytes: Vec<u8>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Vec<Option<Range<usize>>>,
}

impl RecordBuffer {
    /// Key bytes; `None`: null.
    pub fn key(&self) -> Option<&[u8]> {
        self.slice(&self.key)
    }

    /// Value bytes; `None`: null.
    pub fn value(&self) -> Option<&[u8]> {
        self.slice(&self.value)
    }

    /// The headers, in order; their keys are the plan's.
    pub fn headers<'a>(&'a self, plan: &'a LoadPlan) -> impl Iterator<Item = Header<'a>> {
        let values = self.headers.iter().map(|range| self.slice(range));
        plan.headers.iter().zip(values).map(|((key, _), value)| Header { key, value })
    }

    fn slice(&self, range: &Option<Range<usize>>) -> Option<&[u8]> {
        range.as_ref().map(|range| &self.bytes[range.clone()])
    }
}

impl LoadPlan {
    /// Reads a load. `seed` is the scenario's; `number` tells the loads of a scenario apart.
    ///
    /// # Errors
    /// A template that is none. What [`check`](super::check) let pass has none such.
    pub fn new(load: &Load, seed: u64, number: u64) -> Result<Self, TemplateError> {
        let keys = match &load.keys {
            Keys::Null {} => KeyPlan::Null,
            Keys::Template { text } => KeyPlan::Template(Template::parse(text)?),
            Keys::List { keys } => KeyPlan::InTurn(keys.iter().map(|key| key.as_deref().map(Box::from)).collect()),
            Keys::Weighted { keys } => KeyPlan::Weighted {
                shares: shares(keys.iter().map(|key| u64::from(key.weight))),
                keys: keys.iter().map(|key| key.key.as_deref().map(Box::from)).collect(),
            },
            Keys::Zipf { prefix, distinct, exponent } => {
                KeyPlan::Numbered { shares: shares(zipf_weights(*distinct, *exponent)), prefix: (**prefix).into() }
            }
        };
        let value = match &load.value {
            Value::Template { text, at_least_bytes } => {
                ValuePlan::Template { template: Template::parse(text)?, at_least_bytes: size(*at_least_bytes) }
            }
            Value::Letters { at_least_bytes, at_most_bytes } => ValuePlan::Letters {
                at_least_bytes: u64::from(*at_least_bytes),
                span: u64::from(at_most_bytes.saturating_sub(*at_least_bytes)) + 1,
            },
            Value::Null {} => ValuePlan::Null,
            Value::OfAnotherType {} => ValuePlan::OfAnotherType,
        };
        let template = |text: &std::sync::Arc<str>| Template::parse(text);
        let headers = load.headers.iter();
        let headers =
            headers.map(|header| Ok(((*header.key).into(), header.value.as_ref().map(template).transpose()?)));
        Ok(Self {
            arrival: load.arrival.clone(),
            count: load.count,
            keys,
            value,
            headers: headers.collect::<Result<_, _>>()?,
            rng: Rng::stream(seed, Purpose::Load).at(number << 56),
        })
    }

    /// Are the values objects of a type that their serialiser does not take?
    pub const fn is_of_another_type(&self) -> bool {
        matches!(self.value, ValuePlan::OfAnotherType)
    }

    /// How many records there are.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// When a record is due, in microseconds after the load began.
    pub fn due_us(&self, index: u32) -> u64 {
        match self.arrival {
            Arrival::AtOnce {} => 0,
            Arrival::Steady { per_second } => u64::from(index) * 1_000_000 / per_second.max(1),
            Arrival::Bursts { size, every_us } => u64::from(index / size.max(1)).saturating_mul(every_us),
        }
    }

    /// Writes a record's bytes. `wall_ms` is the program's clock, for `{{now}}`. Takes memory only where `into` has less
    /// than the record needs.
    pub fn write(&self, index: u32, wall_ms: i64, into: &mut RecordBuffer) {
        let draws = Draws { rng: self.rng.at(u64::from(index) << PLACES_PER_RECORD), index, wall_ms };
        let RecordBuffer { bytes, key, value, headers } = into;
        bytes.clear();
        headers.clear();
        *key = self.write_key(&draws, bytes).then_some(0..bytes.len());
        let start = bytes.len();
        *value = self.write_value(&draws, bytes).then_some(start..bytes.len());
        for (_, template) in &self.headers {
            let start = bytes.len();
            headers.push(template.as_ref().map(|template| {
                template.write(&draws, bytes);
                start..bytes.len()
            }));
        }
    }

    /// `false`: null.
    fn write_key(&self, draws: &Draws, bytes: &mut Vec<u8>) -> bool {
        let listed = match &self.keys {
            KeyPlan::Null => None,
            KeyPlan::Template(template) => {
                template.write(draws, bytes);
                return true;
            }
            KeyPlan::InTurn(keys) => keys.get(draws.index as usize % keys.len().max(1)).and_then(Option::as_deref),
            KeyPlan::Weighted { shares, keys } => keys.get(drawn(draws, shares)).and_then(Option::as_deref),
            KeyPlan::Numbered { shares, prefix } => {
                bytes.extend_from_slice(prefix.as_bytes());
                let number = i64::try_from(drawn(draws, shares)).unwrap_or(i64::MAX - 1) + 1;
                super::template::push_number(bytes, number);
                return true;
            }
        };
        bytes.extend_from_slice(listed.unwrap_or_default().as_bytes());
        listed.is_some()
    }

    /// `false`: null.
    fn write_value(&self, draws: &Draws, bytes: &mut Vec<u8>) -> bool {
        match &self.value {
            ValuePlan::Null | ValuePlan::OfAnotherType => false,
            ValuePlan::Template { template, at_least_bytes } => {
                let start = bytes.len();
                template.write(draws, bytes);
                if bytes.len() - start < *at_least_bytes {
                    bytes.resize(start + at_least_bytes, b' ');
                }
                true
            }
            ValuePlan::Letters { at_least_bytes, span } => {
                let length = at_least_bytes + draws.rng.at(LENGTH_PLACE).below(*span);
                push_letters(bytes, length, draws.rng.at(LETTERS_PLACE));
                true
            }
        }
    }
}

fn size(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Twelve letters of five bits from each number.
fn push_letters(bytes: &mut Vec<u8>, length: u64, mut rng: Rng) {
    let mut left = length;
    while left > 0 {
        let mut number = rng.next();
        for _ in 0..left.min(12) {
            bytes.push(b"abcdefghijklmnopqrstuvwxyz012345"[(number & 31) as usize]);
            number >>= 5;
        }
        left -= left.min(12);
    }
}

/// The upper end of each one's share of the whole.
fn shares(weights: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut sum = 0_u64;
    weights
        .map(|weight| {
            sum = sum.saturating_add(weight);
            sum
        })
        .collect()
}

/// 1 / k^exponent for k from 1 on, in units of 2⁻⁴⁴, and never nothing: ten thousand keys of weight 1 stay below 2⁵⁸.
fn zipf_weights(distinct: u32, exponent: u32) -> impl Iterator<Item = u64> {
    let weight = move |k: u32| ((1_u128 << 44) / u128::from(k).pow(exponent)).max(1);
    (1..=distinct).map(move |k| u64::try_from(weight(k)).unwrap_or(u64::MAX))
}

/// Whose share a record's draw falls into.
fn drawn(draws: &Draws, shares: &[u64]) -> usize {
    let draw = draws.rng.at(KEY_PLACE).below(shares.last().copied().unwrap_or(0));
    shares.partition_point(|&end| end <= draw)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::load::{HeaderTemplate, WeightedKey};
    use super::*;

    const NOW_MS: i64 = 1_767_225_600_000;

    fn plan(load: &Load) -> LoadPlan {
        LoadPlan::new(load, 7, 0).expect("its templates are ones")
    }

    fn keys_of(load: &Load) -> Vec<Option<String>> {
        let plan = plan(load);
        let mut buffer = RecordBuffer::default();
        (0..load.count)
            .map(|index| {
                plan.write(index, NOW_MS, &mut buffer);
                buffer.key().map(|key| String::from_utf8(key.to_vec()).expect("text"))
            })
            .collect()
    }

    fn counts(load: &Load) -> BTreeMap<Option<String>, u32> {
        let mut counts = BTreeMap::new();
        for key in keys_of(load) {
            *counts.entry(key).or_default() += 1;
        }
        counts
    }

    #[test]
    fn records_are_due_as_their_arrival_says() {
        let due = |arrival: Arrival| {
            let plan = plan(&Load { count: 7, arrival, ..Load::default() });
            (0..7).map(|index| plan.due_us(index)).collect::<Vec<_>>()
        };
        assert_eq!(due(Arrival::AtOnce {}), [0; 7]);
        assert_eq!(due(Arrival::Steady { per_second: 1_000 }), [0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000]);
        assert_eq!(due(Arrival::Steady { per_second: 3 })[3..5], [1_000_000, 1_333_333], "no error adds up");
        assert_eq!(due(Arrival::Bursts { size: 3, every_us: 500 }), [0, 0, 0, 500, 500, 500, 1_000]);
    }

    #[test]
    fn a_record_depends_on_its_index_and_on_nothing_before_it() {
        let load = Load {
            count: 100,
            keys: Keys::Template { text: "{{name}}-{{int 1 9}}".into() },
            value: Value::Template { text: "{{uuid}} {{int 1 9}}".into(), at_least_bytes: 0 },
            headers: vec![HeaderTemplate { key: "n".into(), value: Some("{{int 1 9}}".into()) }],
            ..Load::default()
        };
        let plan = plan(&load);
        let (mut walked, mut alone) = (RecordBuffer::default(), RecordBuffer::default());
        for index in 0..100 {
            plan.write(index, NOW_MS, &mut walked);
            plan.clone().write(index, NOW_MS, &mut alone);
            assert_eq!((walked.key(), walked.value()), (alone.key(), alone.value()), "{index}");
            let last_word = |bytes: &[u8]| bytes.last().copied();
            let header = walked.headers(&plan).next().expect("one").value.map(<[u8]>::to_vec);
            assert_eq!(header.as_deref().and_then(last_word), walked.value().and_then(last_word), "{index}");
            assert_eq!(walked.key().and_then(last_word), walked.value().and_then(last_word), "{index}");
        }
    }

    #[test]
    fn another_seed_or_another_load_draws_other_records() {
        let load = Load { value: Value::Letters { at_least_bytes: 24, at_most_bytes: 24 }, ..Load::default() };
        let value = |seed, number| {
            let mut buffer = RecordBuffer::default();
            LoadPlan::new(&load, seed, number).expect("no templates").write(0, NOW_MS, &mut buffer);
            buffer.value().expect("letters").to_vec()
        };
        assert_eq!(value(7, 0), value(7, 0));
        assert_ne!(value(7, 0), value(8, 0));
        assert_ne!(value(7, 0), value(7, 1));
    }

    #[test]
    fn null_and_empty_keys_stay_two_things() {
        let keys = vec![Some("".into()), None, Some("서울".into())];
        let load = Load { count: 4, keys: Keys::List { keys }, ..Load::default() };
        assert_eq!(keys_of(&load), [Some(String::new()), None, Some("서울".to_owned()), Some(String::new())]);
    }

    #[test]
    fn weights_are_kept() {
        let keys = [(Some("hot"), 8), (None, 2)].map(|(key, weight)| WeightedKey { key: key.map(Into::into), weight });
        let counts = counts(&Load { count: 10_000, keys: Keys::Weighted { keys: keys.to_vec() }, ..Load::default() });
        // Eight of ten; the standard deviation of 10 000 draws is 40.
        assert!(counts[&Some("hot".to_owned())].abs_diff(8_000) < 200, "{counts:?}");
        assert_eq!(counts.len(), 2);
    }

    #[test]
    fn zipfs_law_holds_for_its_first_keys() {
        let keys = Keys::Zipf { prefix: "user-".into(), distinct: 100, exponent: 1 };
        let counts = counts(&Load { count: 100_000, keys, ..Load::default() });
        let count = |k: u32| counts[&Some(format!("user-{k}"))];
        // The first of 100 gets 1 / H(100) of all, H(100) = 5.187: 19 278, the second half of that, the fourth a quarter.
        for (k, expected) in [(1, 19_278_u32), (2, 9_639), (4, 4_820)] {
            assert!(count(k).abs_diff(expected) < expected / 20, "user-{k}: {} instead of {expected}", count(k));
        }
        let even = Keys::Zipf { prefix: "".into(), distinct: 4, exponent: 0 };
        let counts = self::counts(&Load { count: 4_000, keys: even, ..Load::default() });
        assert!(counts.values().all(|times| times.abs_diff(1_000) < 150), "{counts:?}");
    }

    #[test]
    fn values_have_the_size_asked_for() {
        let letters = Value::Letters { at_least_bytes: 10, at_most_bytes: 13 };
        let plan = plan(&Load { value: letters, ..Load::default() });
        let mut buffer = RecordBuffer::default();
        let mut seen = std::collections::BTreeSet::new();
        for index in 0..200 {
            plan.write(index, NOW_MS, &mut buffer);
            seen.insert(buffer.value().expect("letters").len());
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [10, 11, 12, 13]);
        let padded = Value::Template { text: "{{seq}}".into(), at_least_bytes: 100 };
        self::plan(&Load { value: padded, ..Load::default() }).write(0, NOW_MS, &mut buffer);
        assert_eq!(buffer.value().map(<[u8]>::len), Some(100));
    }

    #[test]
    fn memory_is_taken_once() {
        let load = Load { value: Value::Letters { at_least_bytes: 100, at_most_bytes: 100 }, ..Load::default() };
        let plan = plan(&load);
        let mut buffer = RecordBuffer::default();
        plan.write(0, NOW_MS, &mut buffer);
        let (memory, capacity) = (buffer.bytes.as_ptr(), buffer.bytes.capacity());
        for index in 1..1_000 {
            plan.write(index, NOW_MS, &mut buffer);
        }
        assert_eq!((buffer.bytes.as_ptr(), buffer.bytes.capacity()), (memory, capacity));
    }
}
