//! How a scenario's data shows itself to its written forms.
//!
//! Every type of [`scenario`](super) is declared once, with the macro `written!`: fields, defaults, bounds and meanings. From
//! that one table come the plain Rust type, the text form, the link form, the checks and `docs/scenario.md`. The forms
//! work through these traits as objects, so that no form costs code for every type. What has its default is written in
//! none of them.

mod declare;

use std::sync::Arc;

use crate::error::ErrorCode;

pub(super) use self::declare::{fields, limit, words, written};

/// What a value must keep to beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Whatever the type holds.
    Open,
    /// As [`Open`](Self::Open), of a choice that says what the whole is about: as text it is written though it be the
    /// default.
    Told,
    /// At least and at most, both included.
    Between(i64, i64),
    /// A broker: 1 to as many as there are.
    Node,
    /// A producer: 0 to one less than there are.
    Producer,
    /// A lane: 0 to one less than there are.
    Lane,
    /// At least 1, at most as many as there are brokers.
    UpToBrokers,
    /// Text for people, of so many characters: what would hide or turn it is shown as a sign, what is beyond is cut.
    Prose(u32),
    /// A name that other parts refer to, of at most [`MAX_NAME_CHARS`] characters that can all be seen.
    Name,
    /// A topic's name by Kafka's rules.
    Topic,
    /// A topic's name, or nothing: any topic.
    AnyTopic,
    /// A demo's slug, or nothing: small letters, digits and hyphens.
    Slug,
    /// Bytes of a record as text, at most so many.
    Data(u32),
    /// A [`Template`](super::Template), at most [`MAX_TEMPLATE_BYTES`] long.
    Template,
    /// So many entries: at least and at most.
    Items(u32, u32),
    /// So many entries, each with this limit.
    Each(u32, u32, &'static Limit),
    /// Settings of producers; unknown ones are named in a notice, as the Java client names them in its log.
    ProducerSettings,
    /// Settings of brokers that the simulated cluster knows.
    BrokerSettings,
    /// Settings of topics that Kafka knows.
    TopicSettings,
    /// All of these settings, and the dials beside them.
    Dials,
}

/// Longest name, in characters.
pub const MAX_NAME_CHARS: usize = 200;

/// Longest template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 100_000;

/// A field of a record, or of a choice's variant.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in the text form. Its place in the list is its number in links: new ones are added at the end.
    pub name: &'static str,
    /// What its value keeps to.
    pub limit: Limit,
    /// What it means.
    #[cfg(feature = "scenario-text")]
    pub meaning: &'static [&'static str],
}

/// A variant of a choice.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name in the text form. Its place in the list is its number in links: new ones are added at the end.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
    /// What it means.
    #[cfg(feature = "scenario-text")]
    pub meaning: &'static [&'static str],
}

/// A value, open for reading and writing.
pub enum Node<'a> {
    /// Yes or no.
    Bool(&'a mut bool),
    /// A whole number.
    Integer(&'a mut dyn Integer),
    /// 64 bits, written as text because JSON's numbers have 53.
    Seed(&'a mut u64),
    /// Text.
    Text(&'a mut Arc<str>),
    /// Keys and values as in a `.properties` file.
    Properties(&'a mut Properties),
    /// A broker's error, by Kafka's name.
    Error(&'a mut ErrorCode),
    /// Fields with names.
    Record(&'a mut dyn Record),
    /// One of several.
    Choice(&'a mut dyn Choice),
    /// Any number of values of one type.
    List(&'a mut dyn List),
    /// A value or none.
    Maybe(&'a mut dyn Maybe),
}

/// A type with written forms.
pub trait Written {
    /// Its value, open.
    fn node(&mut self) -> Node<'_>;
}

/// A whole number of some width.
pub trait Integer {
    /// Its value; beyond what 64 bits with a sign hold, the nearest they do.
    fn value(&self) -> i64;
    /// Takes a value. `false`: it does not fit.
    fn set(&mut self, value: i64) -> bool;
}

/// Fields with names.
pub trait Record {
    /// The type's name in the reference.
    fn type_name(&self) -> &'static str;
    /// What the type is.
    #[cfg(feature = "scenario-text")]
    fn meaning(&self) -> &'static [&'static str];
    /// Its fields.
    fn fields(&self) -> &'static [Field];
    /// One of them.
    fn field(&mut self, index: usize) -> Node<'_>;
    /// Has one of them its default?
    fn has_default(&self, index: usize) -> bool;
}

/// One of several variants, each with fields; those of the chosen one are the record's.
pub trait Choice: Record {
    /// All there are.
    fn variants(&self) -> &'static [Variant];
    /// The chosen one.
    fn chosen(&self) -> usize;
    /// Chooses, with defaults in all fields.
    fn choose(&mut self, index: usize);
    /// As a record.
    fn as_record(&mut self) -> &mut dyn Record;
}

/// Any number of values.
pub trait List {
    /// How many there are.
    fn count(&self) -> usize;
    /// One more, with its default.
    fn push(&mut self);
    /// One of them.
    fn item(&mut self, index: usize) -> Node<'_>;
}

/// A value or none.
pub trait Maybe {
    /// Is there one?
    fn is_some(&self) -> bool;
    /// The value, made if there was none.
    fn fill(&mut self) -> Node<'_>;
    /// None.
    fn clear(&mut self);
}

/// Settings as keys and values, in the order they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Properties(pub Vec<(Arc<str>, Arc<str>)>);

impl Properties {
    /// The value of a key; of several the last, as in a `.properties` file.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().filter(|(known, _)| *known == key).map(|(_, value)| value).last()
    }

    /// Gives a key this value, whether it had one or not.
    pub fn set(&mut self, key: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((key.into(), value.into())),
        }
    }

    /// These, with others that count before them.
    pub fn with(&self, others: Option<&Self>) -> Self {
        let mut all = self.clone();
        others.into_iter().flat_map(Self::iter).for_each(|(key, value)| all.set(key, value));
        all
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl Integer for $type {
            fn value(&self) -> i64 {
                i64::try_from(*self).unwrap_or(i64::MAX)
            }

            fn set(&mut self, value: i64) -> bool {
                <$type>::try_from(value).map(|value| *self = value).is_ok()
            }
        }

        impl Written for $type {
            fn node(&mut self) -> Node<'_> {
                Node::Integer(self)
            }
        }
    )*};
}

integers!(i32 u32 i64 u64);

macro_rules! leaves {
    ($($type:ty: $node:ident;)*) => {$(
        impl Written for $type {
            fn node(&mut self) -> Node<'_> {
                Node::$node(self)
            }
        }
    )*};
}

leaves! {
    bool: Bool;
    Arc<str>: Text;
    Properties: Properties;
    ErrorCode: Error;
}

impl<T: Written + Default> Written for Vec<T> {
    fn node(&mut self) -> Node<'_> {
        Node::List(self)
    }
}

impl<T: Written + Default> List for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn push(&mut self) {
        self.push(T::default());
    }

    fn item(&mut self, index: usize) -> Node<'_> {
        self[index].node()
    }
}

impl<T: Written + Default> Written for Option<T> {
    fn node(&mut self) -> Node<'_> {
        Node::Maybe(self)
    }
}

impl<T: Written + Default> Maybe for Option<T> {
    fn is_some(&self) -> bool {
        self.is_some()
    }

    fn fill(&mut self) -> Node<'_> {
        self.get_or_insert_default().node()
    }

    fn clear(&mut self) {
        *self = None;
    }
}
