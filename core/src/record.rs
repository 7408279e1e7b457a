//! A record as the application hands it over: borrowed, until it has been written into its batch.

use std::borrow::Cow;

/// One header: keys may repeat, and a null value differs from an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Header key, UTF-8.
    pub key: &'a str,
    /// Header value; `None` is null.
    pub value: Option<&'a [u8]>,
}

/// One record, borrowed from the application (`ProducerRecord` with serialised key and value).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Topic name.
    pub topic: &'a str,
    /// An explicit partition; `None` lets the partitioner choose.
    pub partition: Option<i32>,
    /// CreateTime in milliseconds since 1970; `None` takes the clock's.
    pub timestamp_ms: Option<i64>,
    /// Key bytes; `None` is null, and only null means "no key": an empty key is a key.
    pub key: Option<&'a [u8]>,
    /// Value bytes; `None` is null, a tombstone on compacted topics.
    pub value: Option<&'a [u8]>,
    /// Headers, in order.
    pub headers: &'a [Header<'a>],
}

impl<'a> Record<'a> {
    /// A record for `topic` with this key and value and everything else left open.
    pub const fn keyed(topic: &'a str, key: &'a [u8], value: &'a [u8]) -> Self {
        Self { topic, partition: None, timestamp_ms: None, key: Some(key), value: Some(value), headers: &[] }
    }
}

/// A key or value as a person reads it: text as it is, though it be cut within a character, and what is no text as
/// hexadecimal digits behind `0x`.
pub fn readable(bytes: &[u8]) -> Cow<'_, str> {
    let is_text = core::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true);
    let is_told = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    if is_text && bytes.iter().all(is_told) {
        return String::from_utf8_lossy(bytes);
    }
    hexadecimal(bytes).into()
}

/// Bytes as hexadecimal digits behind `0x`.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    "0x".chars().chain(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_text_and_numbers_as_their_bytes() {
        for text in ["user-42", "서울", "", "two\nlines"] {
            assert_eq!(readable(text.as_bytes()), text);
        }
        assert_eq!(readable(&"서울".as_bytes()[..5]), "서\u{fffd}", "cut within a character");
        assert_eq!(readable(&42_i32.to_be_bytes()), "0x0000002a");
        assert_eq!(readable(&[0xff, b'a']), "0xff61");
    }
}
