//! Keys, values and headers: what is typed, and what travels.

use std::borrow::Cow;
use std::rc::Rc;

use producer_core::serializer::{Half, ParseError, Serializer};

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
    /// This text.
    pub(super) fn text(text: &str) -> Self {
        Self { kind: Kind::default(), text: text.into() }
    }

    /// The settings name a serialiser. What was typed stays; the text that the composer `began` with becomes one that suits.
    pub(super) fn follow(&mut self, serializer: Serializer, began: &str) {
        self.kind = self.kind.with(serializer);
        if *self.text == *began && self.bytes().is_err() {
            self.text = example(serializer).into();
        }
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

/// A text that this serialiser's class can be read from.
const fn example(serializer: Serializer) -> &'static str {
    match serializer {
        Serializer::Uuid => "123e4567-e89b-12d3-a456-426614174000",
        Serializer::Boolean => "true",
        // Digits of a number, and as many as bytes need.
        _ => "42",
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

impl HeaderDraft {
    /// Will it be sent with an empty key, which nobody may have meant?
    pub(crate) fn lacks_key(&self) -> bool {
        self.key.is_empty() && *self != Self::default()
    }
}
