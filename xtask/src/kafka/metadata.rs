//! One question to a broker: how many brokers do you know? A Metadata v1 request by hand, so that waiting for a
//! cluster costs milliseconds instead of a JVM.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Result, ensure};

/// Size prefix; api key 3 (Metadata), version 1, correlation id 7, client id null; an empty array of topics.
const METADATA_REQUEST: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];

/// No answer with three brokers and no topics comes near this; a claimed length is not to be trusted.
const MAX_ANSWER_BYTES: u32 = 64 * 1024;

/// How many brokers the one at `address` has in its metadata.
///
/// # Errors
/// When it cannot be reached, is silent for five seconds, or answers something else.
pub(super) fn known_brokers(address: SocketAddr) -> Result<usize> {
    let patience = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(&METADATA_REQUEST)?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let field = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (size, correlation_id, brokers) = (field(0), field(4), field(8));
    ensure!((8..=MAX_ANSWER_BYTES).contains(&size) && correlation_id == 7, "{address} does not answer like a broker");
    Ok(usize::try_from(brokers)?)
}
