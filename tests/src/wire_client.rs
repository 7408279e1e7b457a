//! A client that says exactly what it is told to: one connection, one request at a time, any version we speak.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::{Buf as _, Bytes, BytesMut};
use producer_core::error::ErrorCode;
use producer_core::ids::CorrelationId;
use producer_core::io::OutgoingRequest;
use producer_core::protocol::{Request, RequestHeader, Response};
use producer_core::wire::{MAX_FRAME_BYTES, decode_response, encode_request, take_frame};

/// A connection to one broker.
#[derive(Debug)]
pub struct WireClient {
    socket: TcpStream,
    next: i32,
}

impl WireClient {
    /// Connects to a broker on this machine.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(port: u16) -> Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { socket, next: 0 })
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When the broker closes the connection, or the answer is none.
    pub fn ask(&mut self, version: i16, body: Request) -> Result<Response> {
        let (api, correlation) = (body.api(), CorrelationId(self.next));
        self.next += 1;
        let header = RequestHeader { api, version, correlation, client_id: Some("wire".into()) };
        let mut frame = encode_request(&OutgoingRequest { header, body, expects_response: true })?;
        self.socket.write_all(&frame.copy_to_bytes(frame.remaining()))?;
        let frame = self.read_frame().with_context(|| format!("the answer to {api:?} {version}"))?;
        let (answered, response) =
            decode_response(api, version, frame).with_context(|| format!("the answer to {api:?} {version}"))?;
        ensure!(answered == correlation, "answer {answered} to request {correlation}");
        Ok(response)
    }

    fn read_frame(&mut self) -> Result<Bytes> {
        let mut received = BytesMut::new();
        loop {
            if let Some(frame) = take_frame(&mut received, MAX_FRAME_BYTES)? {
                return Ok(frame);
            }
            let mut piece = [0; 4096];
            let read = self.socket.read(&mut piece)?;
            ensure!(read > 0, "the broker closed the connection");
            received.extend_from_slice(&piece[..read]);
        }
    }
}

/// Asks again while a young cluster says that it is not ready, for a minute.
///
/// # Errors
/// Those of `ask`; or when the minute is over.
pub fn once_ready<T>(mut ask: impl FnMut() -> Result<(ErrorCode, T)>) -> Result<T> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (error, answer) = ask()?;
        if !error.is_retriable() {
            return Ok(answer);
        }
        ensure!(Instant::now() < deadline, "still {error} after a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}
