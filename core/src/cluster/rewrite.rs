//! Batches in another form than they came in (`LogValidator.buildRecordsAndAssignOffsets`).
//!
//! *Models*: `compression.type` of a topic, and compressed batches whose records are not numbered as they stand. *Leaves
//! out*: the levels of codecs, of which those here have one each.

use bytes::Bytes;

use super::topics::TopicSettings;
use crate::error::ErrorCode;
use crate::record_batch::BatchView;

/// The batch as the topic wants it; `None`: as it is.
///
/// # Errors
/// A record from before 1970, which Java's builder refuses, and the broker has no code for that.
#[cfg(feature = "compression")]
pub(super) fn rewrite(
    batch: &BatchView<'_>,
    plain: &[u8],
    settings: &TopicSettings,
    is_numbered: bool,
) -> Result<Option<Bytes>, ErrorCode> {
    use std::borrow::Cow;

    use bytes::BytesMut;

    use crate::codecs::{Codec, Compression, Portable};
    use crate::record::Header;
    use crate::record_batch::{BatchBuilder, Estimate, Stamp};

    let number = settings.codec_of(batch);
    if number == batch.codec() && (number == 0 || is_numbered) {
        return Ok(None);
    }
    let codec = Codec::ALL.into_iter().find(|codec| codec.number() == number);
    let estimate = codec.map(|codec| {
        let compression = Compression { codec, level: codec.default_level().unwrap_or_default() };
        Estimate { compression, ratio: 1.0 }
    });
    let mut builder = BatchBuilder::new(BytesMut::new(), usize::MAX).compressed(estimate);
    for record in batch.records_in(plain).map_while(Result::ok) {
        if record.timestamp_ms < -1 {
            return Err(ErrorCode::UNKNOWN_SERVER_ERROR);
        }
        let keys: Vec<Cow<'_, str>> =
            record.headers.clone().map(|header| String::from_utf8_lossy(header.key)).collect();
        let headers = keys.iter().zip(record.headers).map(|(key, header)| Header { key, value: header.value });
        builder.try_append(record.timestamp_ms, record.key, record.value, &headers.collect::<Vec<_>>());
    }
    let (identity, base_sequence) = (batch.identity(), batch.base_sequence());
    let stamp = Stamp { identity, base_sequence, transactional: batch.is_transactional() };
    Ok(Some(builder.close_with(stamp, &Portable).bytes))
}

/// Without codecs everything stays as it is.
#[cfg(not(feature = "compression"))]
pub(super) fn rewrite(
    _batch: &BatchView<'_>,
    _plain: &[u8],
    _settings: &TopicSettings,
    _is_numbered: bool,
) -> Result<Option<Bytes>, ErrorCode> {
    Ok(None)
}
