//! A serialiser with what it was configured with (`Serializer.configure`).

use core::fmt;
use std::sync::Arc;

use super::charset::Charset;
use super::{Half, Serializer, Value, WrongType};

/// A serialiser, and what it writes text as; made by `ProducerConfig::configured_serializer`. Only those of text and of UUIDs heed
/// the charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configured<'c> {
    /// The serialiser.
    pub(crate) serializer: Serializer,
    /// The charset; or the name of none, which only `UUIDSerializer` can have, for it says nothing until it has something to
    /// write.
    pub(crate) charset: Result<Charset, &'c str>,
}

/// As a program hands it over: nobody configured it, and it writes UTF-8.
impl From<Serializer> for Configured<'_> {
    fn from(serializer: Serializer) -> Self {
        Self { serializer, charset: Ok(Charset::default()) }
    }
}

impl Configured<'_> {
    /// As [`Serializer::serialize`], in its charset.
    ///
    /// # Errors
    /// [`Unserializable`], the Java client's `SerializationException`.
    pub fn serialize(self, half: Half, value: &Value<'_>) -> Result<Option<Vec<u8>>, Unserializable> {
        let Self { serializer, charset } = self;
        match charset {
            Ok(charset) => {
                Ok(serializer.serialize_with(half, value, |text| charset.encode(text)).map_err(Unserializable::Type)?)
            }
            Err(name) => {
                // Null and another type are seen first.
                let bytes = serializer.serialize(half, value).map_err(Unserializable::Type)?;
                if serializer == Serializer::Uuid && bytes.is_some() {
                    return Err(Unserializable::Encoding(name.into()));
                }
                Ok(bytes)
            }
        }
    }
}

/// What a configured serialiser makes no bytes of (`SerializationException`, thrown by `send`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unserializable {
    /// A value of another type.
    Type(WrongType),
    /// A UUID, in a charset of this name, which nobody has.
    Encoding(Arc<str>),
}

impl fmt::Display for Unserializable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(wrong) => wrong.fmt(f),
            Self::Encoding(name) => {
                write!(f, "Error when serializing UUID to byte[] due to unsupported encoding {name}")
            }
        }
    }
}

impl std::error::Error for Unserializable {}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(serializer: Serializer, charset: Result<Charset, &str>, value: &Value<'_>) -> Result<Vec<u8>, String> {
        let bytes = Configured { serializer, charset }.serialize(Half::Key, value);
        bytes.map(Option::unwrap_or_default).map_err(|error| error.to_string())
    }

    /// The first bytes are those of `"a".getBytes("UTF-16")`; of a UUID's 36 characters each takes two, behind the mark.
    #[test]
    fn text_and_uuids_are_written_in_the_charset_and_nothing_else_is() {
        let utf_16 = Ok(Charset::Utf16);
        assert_eq!(written(Serializer::String, utf_16, &Value::String("a".into())), Ok(vec![0xfe, 0xff, 0, b'a']));
        let uuid = written(Serializer::Uuid, utf_16, &Value::Uuid(0xa << 124)).expect("it is written");
        assert_eq!((uuid.len(), &uuid[..6]), (74, &[0xfe, 0xff, 0, b'a', 0, b'0'][..]));
        assert_eq!(written(Serializer::Integer, utf_16, &Value::Integer(5)), Ok(vec![0, 0, 0, 5]));
        assert_eq!(written(Serializer::ByteArray, utf_16, &Value::ByteArray(b"a"[..].into())), Ok(vec![b'a']));
        assert_eq!(written(Serializer::String, utf_16, &Value::Null), Ok(vec![]));
    }

    /// `UUIDSerializer.serialize`; a value of another type does not get that far.
    #[test]
    fn a_uuid_in_a_charset_that_nobody_has_is_refused_when_it_is_sent() {
        let none = Err("no-such");
        let words = "Error when serializing UUID to byte[] due to unsupported encoding no-such";
        assert_eq!(written(Serializer::Uuid, none, &Value::Uuid(7)), Err(words.to_owned()));
        assert_eq!(written(Serializer::Uuid, none, &Value::Null), Ok(vec![]));
        let wrong = written(Serializer::Uuid, none, &Value::Integer(7)).expect_err("no UUID");
        assert!(wrong.starts_with("Can't convert key of class java.lang.Integer to class "), "{wrong}");
    }
}
