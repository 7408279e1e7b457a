//! A record as the application hands it over: borrowed, until it has been written into its batch.

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
