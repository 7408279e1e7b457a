//! Requests and responses as frames on a socket (feature `wire`).
//!
//! A frame is a 32-bit length and as many bytes: a header and a body whose fields depend on API and version. A client
//! uses [`encode_request`] and [`decode_response`], a broker [`decode_request`] and [`encode_response`]; both cut what
//! they read from a socket into frames with [`take_frame`].
//!
//! What leaves is encoded by `kafka-protocol`, all but the Produce request: that is a few small pieces around the batches,
//! which are shared, not copied, and go out in one vectored write ([`Frame`]). What arrives is decoded here, by a
//! reader that takes no length on trust: it allocates in proportion to the bytes that are there, never
//! to the number that a peer claims.

mod decode_request;
mod decode_response;
mod encode_request;
mod encode_response;
mod error;
mod frame;
mod produce;
mod reader;
mod transactions;

use bytes::{BufMut, BytesMut};

pub use self::decode_request::decode_request;
pub use self::decode_response::decode_response;
pub use self::encode_request::encode_request;
pub use self::encode_response::{encode_response, unsupported_api_versions};
pub use self::error::{EncodeError, Malformation, RequestError, WireError};
pub use self::frame::{Frame, FrameError, MAX_FRAME_BYTES, take_frame};
use crate::ids::CorrelationId;
use crate::protocol::RequestHeader;
use crate::versions::is_flexible;

/// The length field, to be filled in when the frame is whole.
const LENGTH_FIELD: [u8; 4] = [0; 4];

/// Begins a frame with room for its length and the request's header: version 1, or 2 where the body is flexible.
fn put_request_header(frame: &mut BytesMut, header: &RequestHeader) -> Result<(), EncodeError> {
    frame.put_slice(&LENGTH_FIELD);
    frame.put_i16(header.api.code());
    frame.put_i16(header.version);
    frame.put_i32(header.correlation.0);
    match &header.client_id {
        None => frame.put_i16(-1),
        Some(client_id) => produce::put_short_string(frame, client_id)
            .ok_or_else(|| EncodeError::refused(header.api, header.version, "client.id is too long"))?,
    }
    if is_flexible(header.api, header.version) {
        frame.put_u8(0); // no tagged fields
    }
    Ok(())
}

/// Begins a frame with room for its length and the response's header: version 0, or 1 where it is flexible.
fn put_response_header(frame: &mut BytesMut, correlation: CorrelationId, flexible: bool) {
    frame.put_slice(&LENGTH_FIELD);
    frame.put_i32(correlation.0);
    if flexible {
        frame.put_u8(0); // no tagged fields
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    fn bytes_of(mut frame: Frame) -> Vec<u8> {
        frame.copy_to_bytes(frame.len_bytes()).into()
    }

    #[test]
    fn a_client_with_a_newer_api_versions_is_told_our_range_in_the_oldest_form() {
        // As Apache Kafka 4.3.1 answers version 99: no tagged fields, error 35, one row, 18: 0 to 4.
        let expected = [0, 0, 0, 16, 0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4];
        assert_eq!(bytes_of(unsupported_api_versions(CorrelationId(7))), expected);
    }
}
