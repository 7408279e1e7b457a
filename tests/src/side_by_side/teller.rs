//! One who tells a story to a broker: asks, frame by frame, and writes down what was answered.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable as _, Encodable as _, HeaderVersion, Request, StrBytes};

use super::compare::Heard;
use super::fields::fields;
use super::names::{Answer, Names};

/// Patience with a young cluster, and with a broker that others keep from working.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(30);

/// How a broker takes a frame.
pub(super) enum Reply {
    /// With this one, its length taken off.
    Frame(Bytes),
    /// It closes the connection.
    Closed,
}

/// A connection, what was heard so far, and what the cluster calls what both have.
pub struct Teller {
    port: u16,
    socket: TcpStream,
    next: i32,
    heard: Vec<Heard>,
    names: Names,
}

impl Teller {
    /// Connects to a broker on this machine.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(port: u16) -> Result<Self> {
        Ok(Self { port, socket: connect(port)?, next: 0, heard: Vec::new(), names: Names::default() })
    }

    /// Goes on with another broker of the same cluster.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn turn_to(&mut self, port: u16) -> Result<()> {
        (self.port, self.socket) = (port, connect(port)?);
        Ok(())
    }

    /// From now on calls these nodes 1, 2, 3 …
    pub(super) fn name_nodes(&mut self, nodes: Vec<i32>) {
        self.names.nodes = nodes;
    }

    /// Everything told.
    pub fn finish(self) -> Vec<Heard> {
        self.heard
    }

    /// Asks, and writes down what is answered.
    ///
    /// # Errors
    /// When the answer is none.
    pub(super) fn ask<Q: Request>(&mut self, what: &str, version: i16, request: &Q) -> Result<Option<Q::Response>>
    where
        Q::Response: Answer + Clone,
    {
        let answer = self.try_ask(version, request).with_context(|| what.to_owned())?;
        self.note(&title::<Q>(version, what), answer.clone());
        Ok(answer)
    }

    /// Asks again as long as an answer is not worth writing down: a cluster gets ready, or is about to do something.
    ///
    /// # Errors
    /// As `ask`; when patience ends.
    pub(super) fn ask_until<Q: Request>(
        &mut self,
        what: &str,
        version: i16,
        request: &Q,
        is_meant: impl Fn(&Q::Response) -> bool,
    ) -> Result<Q::Response>
    where
        Q::Response: Answer + Clone,
    {
        let answer = self.wait_for(version, request, is_meant).with_context(|| what.to_owned())?;
        self.note(&title::<Q>(version, what), Some(answer.clone()));
        Ok(answer)
    }

    /// As `ask_until`, without a note.
    ///
    /// # Errors
    /// As `ask_until`.
    pub(super) fn wait_for<Q: Request>(
        &mut self,
        version: i16,
        request: &Q,
        is_meant: impl Fn(&Q::Response) -> bool,
    ) -> Result<Q::Response>
    where
        Q::Response: Answer,
    {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.try_ask(version, request)? {
                Some(answer) if is_meant(&answer) => return Ok(answer),
                Some(answer) if Instant::now() > deadline => bail!("still {answer:?}"),
                None if Instant::now() > deadline => bail!("still closed"),
                _ => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Asks something to which nothing is to be said, and writes down whether that is so: the connection then answers the
    /// next question, or is closed.
    ///
    /// # Errors
    /// When another answer comes than to the next question.
    pub(super) fn ask_without_answer<Q: Request>(&mut self, what: &str, version: i16, request: &Q) -> Result<()> {
        let frame = self.frame(version, Some("teller"), request)?;
        let next = kafka_protocol::messages::ApiVersionsRequest::default();
        let frames = [frame, self.frame(0, Some("teller"), &next)?].concat();
        let told = match self.exchange(&frames)? {
            Reply::Closed => "closed",
            Reply::Frame(frame) => {
                let answered = (&frame[..4]).get_i32();
                ensure!(answered == self.next - 1, "an answer to question {answered}, {what}");
                "silence"
            }
        };
        let fields = vec![("connection".to_owned(), told.to_owned())];
        self.heard.push(Heard { request: title::<Q>(version, what), fields });
        Ok(())
    }

    /// Sends bytes as they are, and writes down what comes back as an answer of this type and version.
    ///
    /// # Errors
    /// When the answer is none.
    pub(super) fn ask_raw<Q: Request>(&mut self, what: &str, version: i16, frame: &[u8]) -> Result<()>
    where
        Q::Response: Answer,
    {
        let mut sized = BytesMut::new();
        sized.put_u32(u32::try_from(frame.len())?);
        sized.put_slice(frame);
        let answer = match self.exchange(&sized)? {
            Reply::Closed => None,
            Reply::Frame(frame) => Some(decode::<Q>(version, frame)?.1),
        };
        self.note(&title::<Q>(version, what), answer);
        Ok(())
    }

    /// A request's frame, with its length.
    pub(super) fn frame<Q: Request>(&mut self, version: i16, client_id: Option<&str>, request: &Q) -> Result<Bytes> {
        let header = RequestHeader::default()
            .with_request_api_key(Q::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.next)
            .with_client_id(client_id.map(|id| StrBytes::from_string(id.to_owned())));
        self.next += 1;
        let mut frame = BytesMut::from(&[0; 4][..]);
        header.encode(&mut frame, Q::header_version(version))?;
        request.encode(&mut frame, version)?;
        let length = u32::try_from(frame.len() - 4)?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        Ok(frame.freeze())
    }

    fn try_ask<Q: Request>(&mut self, version: i16, request: &Q) -> Result<Option<Q::Response>> {
        let frame = self.frame(version, Some("teller"), request)?;
        match self.exchange(&frame)? {
            Reply::Closed => Ok(None),
            Reply::Frame(frame) => {
                let (answered, response) = decode::<Q>(version, frame)?;
                ensure!(answered == self.next - 1, "an answer to question {answered}");
                Ok(Some(response))
            }
        }
    }

    fn exchange(&mut self, frames: &[u8]) -> Result<Reply> {
        let mut length = [0; 4];
        if let Err(error) = self.socket.write_all(frames).and_then(|()| self.socket.read_exact(&mut length)) {
            const CLOSED: [ErrorKind; 3] =
                [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            ensure!(CLOSED.contains(&error.kind()), error);
            self.socket = connect(self.port)?;
            return Ok(Reply::Closed);
        }
        let mut frame = BytesMut::zeroed(usize::try_from(u32::from_be_bytes(length))?);
        self.socket.read_exact(&mut frame)?;
        Ok(Reply::Frame(frame.freeze()))
    }

    fn note(&mut self, request: &str, answer: Option<impl Answer>) {
        let fields = match answer {
            None => vec![("connection".to_owned(), "closed".to_owned())],
            Some(mut answer) => {
                let more = answer.rename(&mut self.names);
                fields(&answer).into_iter().chain(more).collect()
            }
        };
        self.heard.push(Heard { request: request.to_owned(), fields });
    }
}

fn connect(port: u16) -> Result<TcpStream> {
    let socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

fn decode<Q: Request>(version: i16, mut frame: Bytes) -> Result<(i32, Q::Response)> {
    let header = ResponseHeader::decode(&mut frame, Q::Response::header_version(version))?;
    let answer = <Q::Response as kafka_protocol::protocol::Decodable>::decode(&mut frame, version)?;
    ensure!(frame.is_empty(), "{} bytes too many", frame.len());
    Ok((header.correlation_id, answer))
}

fn title<Q: Request>(version: i16, what: &str) -> String {
    let api = ApiKey::try_from(Q::KEY).map_or_else(|()| Q::KEY.to_string(), |api| format!("{api:?}"));
    format!("{api} v{version}: {what}")
}
