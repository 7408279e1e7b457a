//! Batches in another form than they came in (`LogValidator.buildRecordsAndAssignOffsets`).
//!
//! *Models*: `compression.type` of a topic, and what Java's builder refuses to write. *Leaves out*: the levels of codecs, of
//! which those here have one each.

use bytes::Bytes;

use super::topics::TopicSettings;
use crate::codecs::Codecs;
use crate::error::ErrorCode;
use crate::record_batch::BatchView;

/// The batch as the topic wants it; `None`: as it is.
///
/// # Errors
/// What fails unforeseen in Kafka, so that it has no code for it: records that a compressed batch does not number as they
/// stand, for it is to be written anew then, and its keys were not read; and what Java's builder does not take: a time
/// before 1970, half an identity (`MemoryRecordsBuilder.validateProducerState`).
#[cfg(feature = "compression")]
pub(super) fn rewrite(
    batch: &BatchView<'_>,
    plain: &[u8],
    settings: &TopicSettings,
    is_numbered: bool,
    codecs: Option<&dyn Codecs>,
) -> Result<Option<Bytes>, ErrorCode> {
    use std::borrow::Cow;

    use bytes::BytesMut;

    use crate::codecs::{Codec, Compression};
    use crate::record::Header;
    use crate::record_batch::{BatchBuilder, Estimate, Stamp, with_producer_of};

    const UNFORESEEN: ErrorCode = ErrorCode::UNKNOWN_SERVER_ERROR;
    let Some(codecs) = codecs else { return Ok(None) };
    let number = settings.codec_of(batch);
    if number == batch.codec() {
        return if number == 0 || is_numbered { Ok(None) } else { Err(UNFORESEEN) };
    }
    let is_whole = match batch.producer_id() {
        -1 => !batch.is_transactional(),
        _ => batch.producer_epoch() != -1 && batch.base_sequence() >= 0,
    };
    if !is_whole {
        return Err(UNFORESEEN);
    }
    let codec = Codec::ALL.into_iter().find(|codec| codec.number() == number);
    let estimate = codec.map(|codec| {
        let compression = Compression { codec, level: codec.default_level().unwrap_or_default() };
        Estimate { compression, ratio: 1.0 }
    });
    let mut builder = BatchBuilder::new(BytesMut::new(), usize::MAX).compressed(estimate);
    for record in batch.records_in(plain).map_while(Result::ok) {
        if record.timestamp_ms < -1 {
            return Err(UNFORESEEN);
        }
        let keys: Vec<Cow<'_, str>> =
            record.headers.clone().map(|header| String::from_utf8_lossy(header.key)).collect();
        let headers = keys.iter().zip(record.headers).map(|(key, header)| Header { key, value: header.value });
        builder.try_append(record.timestamp_ms, record.key, record.value, &headers.collect::<Vec<_>>());
    }
    let stamp = Stamp { transactional: batch.is_transactional(), ..Stamp::PLAIN };
    Ok(Some(with_producer_of(builder.close_with(stamp, codecs).bytes, batch)))
}

/// In a build without codecs everything stays as it is.
#[cfg(not(feature = "compression"))]
pub(super) fn rewrite(
    _batch: &BatchView<'_>,
    _plain: &[u8],
    _settings: &TopicSettings,
    _is_numbered: bool,
    _codecs: Option<&dyn Codecs>,
) -> Result<Option<Bytes>, ErrorCode> {
    Ok(None)
}
