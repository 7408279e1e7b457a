//! What a script's network carries, as a driver tells it (`TimelineTraffic.java`).

use anyhow::Result;
use producer_core::io::OutgoingRequest;
use producer_core::metrics::Traffic;
use producer_core::protocol::Request;
use producer_core::wire::encode_request;

/// What an answer counts as on both sides: how many bytes it takes is its broker's matter.
pub(super) fn one_answer() -> Traffic {
    Traffic { reads: 1, read_bytes: 100, responses: 1, ..Traffic::default() }
}

/// A request that is written in one go. What the client calls itself does not count: the two are no namesakes.
pub(super) fn written(request: &OutgoingRequest) -> Result<Traffic> {
    /// Since this version a client says its name.
    const NAMED_SINCE: i16 = 3;
    let name = match &request.body {
        Request::ApiVersions(body) if request.header.version >= NAMED_SINCE => {
            body.client_software_name.len() + body.client_software_version.len()
        }
        _ => 0,
    };
    let bytes = (encode_request(request)?.len_bytes() - name) as u64;
    Ok(Traffic {
        writes: 1,
        written_bytes: bytes,
        requests: 1,
        request_bytes: bytes,
        largest_request_bytes: bytes,
        ..Traffic::default()
    })
}
