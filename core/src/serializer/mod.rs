//! Kafka's serialisers (`org.apache.kafka.common.serialization`): from what a person typed, or a program hands over, to the
//! bytes of a key or value.
//!
//! Two steps, as in a Java program: [`Serializer::parse`] makes a [`Value`] of a text, as `Integer.parseInt` and its like do;
//! [`Serializer::serialize`] makes bytes of a value and refuses one of another type, as `KafkaProducer.send` does.
//!
//! Where a text is read otherwise than in Java:
//!
//! - *Boolean*: `Boolean.parseBoolean` takes every text but `true` for false; here only `false` is, lest a slip of the finger
//!   be sent.
//! - *Bytes*: Java has no way of writing bytes as text that everybody uses; here they are pairs of hexadecimal digits, as
//!   `HexFormat.of()` reads them.
//! - *JSON*: the Java client has no serialiser for it; the text travels as it is, through `StringSerializer`, once it is
//!   known to be JSON.
//! - *String*: Java writes `?` for half a surrogate pair; no text here can hold one.
//!
//! [`Serializer`] alone writes text as UTF-8, as a serialiser of Java's does that nobody configured; [`Configured`] is one with
//! its charset.

pub mod charset;
mod configured;
mod float;
mod integer;
mod json;

use core::fmt;
use std::borrow::Cow;

pub use self::configured::{Configured, Unserializable};

/// A serialiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serializer {
    /// Text, as UTF-8 unless it is [configured](Configured) otherwise.
    String,
    /// Bytes as they are.
    ByteArray,
    /// The bytes of a buffer.
    ByteBuffer,
    /// Bytes that can be compared.
    Bytes,
    /// 32 bits, big-endian.
    Integer,
    /// 16 bits, big-endian.
    Short,
    /// 64 bits, big-endian.
    Long,
    /// IEEE 754, 32 bits, big-endian.
    Float,
    /// IEEE 754, 64 bits, big-endian.
    Double,
    /// The 36 characters of a UUID.
    Uuid,
    /// One byte, 0 or 1.
    Boolean,
    /// Nothing but null.
    Void,
    /// JSON as text.
    Json,
}

/// What a Java program hands to a serialiser.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`: every serialiser takes it.
    Null,
    /// `String`.
    String(Cow<'a, str>),
    /// `byte[]`.
    ByteArray(Cow<'a, [u8]>),
    /// `ByteBuffer`; from its beginning to its limit.
    ByteBuffer(Cow<'a, [u8]>),
    /// `org.apache.kafka.common.utils.Bytes`.
    Bytes(Cow<'a, [u8]>),
    /// `Integer`.
    Integer(i32),
    /// `Short`.
    Short(i16),
    /// `Long`.
    Long(i64),
    /// `Float`.
    Float(f32),
    /// `Double`.
    Double(f64),
    /// `java.util.UUID`, the most significant bits first.
    Uuid(u128),
    /// `Boolean`.
    Boolean(bool),
}

impl Value<'_> {
    /// The class's name as Java prints it; `None` for null.
    pub const fn java_class(&self) -> Option<&'static str> {
        Some(match self {
            Self::Null => return None,
            Self::String(_) => "java.lang.String",
            Self::ByteArray(_) => "[B",
            Self::ByteBuffer(_) => "java.nio.HeapByteBuffer",
            Self::Bytes(_) => "org.apache.kafka.common.utils.Bytes",
            Self::Integer(_) => "java.lang.Integer",
            Self::Short(_) => "java.lang.Short",
            Self::Long(_) => "java.lang.Long",
            Self::Float(_) => "java.lang.Float",
            Self::Double(_) => "java.lang.Double",
            Self::Uuid(_) => "java.util.UUID",
            Self::Boolean(_) => "java.lang.Boolean",
        })
    }
}

/// Which half of a record, and so which setting names its serialiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// `key.serializer`.
    Key,
    /// `value.serializer`.
    Value,
}

impl Half {
    const fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

/// A value of another type than its serialiser takes (`SerializationException`, thrown by `send`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongType {
    /// Of which half of the record.
    pub half: Half,
    /// The value's class.
    pub class: &'static str,
    /// Its serialiser.
    pub serializer: Serializer,
}

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (half, class, serializer) = (self.half.word(), self.class, self.serializer.java_class());
        write!(f, "Can't convert {half} of class {class} to class {serializer} specified in {half}.serializer")
    }
}

impl std::error::Error for WrongType {}

/// A text that is no value of the type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Simple name of the exception that a Java program gets; `None`: Java takes it, or reads nothing of the kind, and the
    /// sentence is ours.
    pub class: Option<&'static str>,
    /// The sentence.
    pub message: String,
    /// The character, from 1, at which a text stops being what it should, where a place can be told.
    pub place: Option<usize>,
}

impl ParseError {
    fn number(message: String) -> Self {
        Self { class: Some("NumberFormatException"), message, place: None }
    }

    fn argument(message: String) -> Self {
        Self { class: Some("IllegalArgumentException"), message, place: None }
    }

    /// Of which Java says nothing.
    fn ours(message: String, place: Option<usize>) -> Self {
        Self { class: None, message, place }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseError {}

impl Serializer {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::String,
        Self::ByteArray,
        Self::ByteBuffer,
        Self::Bytes,
        Self::Integer,
        Self::Short,
        Self::Long,
        Self::Float,
        Self::Double,
        Self::Uuid,
        Self::Boolean,
        Self::Void,
        Self::Json,
    ];

    /// The class to write into `key.serializer` or `value.serializer`.
    pub const fn java_class(self) -> &'static str {
        match self {
            Self::String | Self::Json => "org.apache.kafka.common.serialization.StringSerializer",
            Self::ByteArray => "org.apache.kafka.common.serialization.ByteArraySerializer",
            Self::ByteBuffer => "org.apache.kafka.common.serialization.ByteBufferSerializer",
            Self::Bytes => "org.apache.kafka.common.serialization.BytesSerializer",
            Self::Integer => "org.apache.kafka.common.serialization.IntegerSerializer",
            Self::Short => "org.apache.kafka.common.serialization.ShortSerializer",
            Self::Long => "org.apache.kafka.common.serialization.LongSerializer",
            Self::Float => "org.apache.kafka.common.serialization.FloatSerializer",
            Self::Double => "org.apache.kafka.common.serialization.DoubleSerializer",
            Self::Uuid => "org.apache.kafka.common.serialization.UUIDSerializer",
            Self::Boolean => "org.apache.kafka.common.serialization.BooleanSerializer",
            Self::Void => "org.apache.kafka.common.serialization.VoidSerializer",
        }
    }

    /// The serialiser of this class; `StringSerializer` is the one of text.
    pub fn of_java_class(class: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|serializer| serializer.java_class() == class)
    }

    /// Reads what a person typed as the type that this serialiser takes. [`Void`](Self::Void) takes none, so that any text
    /// stays a text, which [`serialize`](Self::serialize) refuses.
    ///
    /// # Errors
    /// [`ParseError`], in Java's words where it has some.
    pub fn parse(self, typed: &str) -> Result<Value<'_>, ParseError> {
        Ok(match self {
            Self::String | Self::Void => Value::String(typed.into()),
            Self::Json => Value::String(json::checked(typed)?.into()),
            Self::ByteArray => Value::ByteArray(bytes(typed)?.into()),
            Self::ByteBuffer => Value::ByteBuffer(bytes(typed)?.into()),
            Self::Bytes => Value::Bytes(bytes(typed)?.into()),
            Self::Integer => Value::Integer(integer::parse_int(typed)?),
            Self::Short => Value::Short(integer::parse_short(typed)?),
            Self::Long => Value::Long(integer::parse_long(typed)?),
            Self::Float => Value::Float(float::parse_float(typed)?),
            Self::Double => Value::Double(float::parse_double(typed)?),
            Self::Uuid => Value::Uuid(integer::parse_uuid(typed)?),
            Self::Boolean => Value::Boolean(boolean(typed)?),
        })
    }

    /// The bytes that travel; `None` is null.
    ///
    /// # Errors
    /// [`WrongType`], the Java client's `SerializationException`.
    pub fn serialize(self, half: Half, value: &Value<'_>) -> Result<Option<Vec<u8>>, WrongType> {
        self.serialize_with(half, value, |text| text.into_owned().into_bytes())
    }

    /// The same with `encode` for what is text before it is bytes.
    fn serialize_with(
        self,
        half: Half,
        value: &Value<'_>,
        encode: impl FnOnce(Cow<'_, str>) -> Vec<u8>,
    ) -> Result<Option<Vec<u8>>, WrongType> {
        let Some(class) = value.java_class() else { return Ok(None) };
        let bytes = match (self, value) {
            (Self::String | Self::Json, Value::String(text)) => encode((&**text).into()),
            (Self::ByteArray, Value::ByteArray(bytes))
            | (Self::ByteBuffer, Value::ByteBuffer(bytes))
            | (Self::Bytes, Value::Bytes(bytes)) => bytes.to_vec(),
            (Self::Integer, Value::Integer(number)) => number.to_be_bytes().into(),
            (Self::Short, Value::Short(number)) => number.to_be_bytes().into(),
            (Self::Long, Value::Long(number)) => number.to_be_bytes().into(),
            (Self::Float, Value::Float(number)) => number.to_be_bytes().into(),
            // All that are no numbers become one (`doubleToLongBits`); for floats Java keeps them apart.
            (Self::Double, Value::Double(number)) if number.is_nan() => f64::NAN.to_be_bytes().into(),
            (Self::Double, Value::Double(number)) => number.to_be_bytes().into(),
            (Self::Uuid, Value::Uuid(uuid)) => encode(uuid_text(*uuid).into()),
            (Self::Boolean, Value::Boolean(is_true)) => vec![u8::from(*is_true)],
            _ => return Err(WrongType { half, class, serializer: self }),
        };
        Ok(Some(bytes))
    }
}

/// Pairs of hexadecimal digits.
fn bytes(typed: &str) -> Result<Vec<u8>, ParseError> {
    let digits: Option<Vec<u8>> =
        typed.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()),
        _ => Err(ParseError::ours("bytes are written as pairs of hexadecimal digits".to_owned(), None)),
    }
}

fn boolean(typed: &str) -> Result<bool, ParseError> {
    if typed.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if typed.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(ParseError::ours("a Boolean is true or false".to_owned(), None))
    }
}

/// `UUID.toString`.
fn uuid_text(uuid: u128) -> String {
    let digits = format!("{uuid:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests;
