//! One TCP connection in the life of one producer: a task that writes requests and reads their answers.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use producer_core::ids::{BrokerAddress, ConnectionId, CorrelationId};
use producer_core::io::{DisconnectReason, Input, OutgoingRequest};
use producer_core::metrics::Traffic;
use producer_core::protocol::ApiKey;
use producer_core::wire;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::frame::{FrameReader, ReadError};
use crate::transport::Connector;

/// What a connection tells its driver: an input for the core, and what went over the socket since it told last.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) input: Input,
    pub(crate) traffic: Traffic,
}

impl From<Input> for News {
    fn from(input: Input) -> Self {
        Self { input, traffic: Traffic::default() }
    }
}

/// A connection as its driver holds it. Dropping it closes the socket, and nothing more is heard of it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Bounded by the core: it hands over no more than `max.in.flight.requests.per.connection` unanswered requests.
    requests: mpsc::UnboundedSender<OutgoingRequest>,
    task: JoinHandle<()>,
}

impl Connection {
    /// Starts to connect; what happens is told to `inputs`, last of all that it ended.
    pub(crate) fn open(
        id: ConnectionId,
        address: BrokerAddress,
        connector: Connector,
        inputs: mpsc::UnboundedSender<News>,
    ) -> Self {
        let (requests, to_write) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let exchanged = Exchanged::default();
            let why = match connector.connect(&address).await {
                Err(error) => DisconnectReason::ConnectFailed(error.to_string().into()),
                Ok(stream) => {
                    let (read_half, write_half) = stream.into_split();
                    converse(id, read_half, write_half, to_write, &exchanged, &inputs).await
                }
            };
            match &why {
                // Who set this up has something to look into: no broker of Kafka's answers so.
                DisconnectReason::Malformed(what) => tracing::warn!(%address, %what, "an answer of no use"),
                why => tracing::debug!(connection = %id, %address, ?why, "disconnected"),
            }
            // Nobody listens any more when the driver has ended.
            let _ = inputs.send(exchanged.news(Input::Disconnected { connection: id, why }));
        });
        Self { requests, task }
    }

    /// Queues a request for writing.
    pub(crate) fn transmit(&self, request: OutgoingRequest) {
        // The task has ended only after it said so.
        let _ = self.requests.send(request);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request that was written, or is about to be, and whose answer is due.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    correlation: CorrelationId,
    api: ApiKey,
    version: i16,
}

/// What the two directions of a connection share.
#[derive(Debug, Default)]
struct Exchanged(Mutex<Exchange>);

#[derive(Debug, Default)]
struct Exchange {
    /// Requests in the order written; answers come in the same order.
    awaited: VecDeque<Awaited>,
    /// Not told yet.
    traffic: Traffic,
}

impl Exchanged {
    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An input with what has not been told yet.
    fn news(&self, input: Input) -> News {
        News { input, traffic: core::mem::take(&mut self.lock().traffic) }
    }
}

/// Writes and reads side by side until one of them ends.
async fn converse<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    id: ConnectionId,
    read_half: R,
    write_half: W,
    to_write: mpsc::UnboundedReceiver<OutgoingRequest>,
    exchanged: &Exchanged,
    inputs: &mpsc::UnboundedSender<News>,
) -> DisconnectReason {
    if inputs.send(Input::Connected { connection: id }.into()).is_err() {
        return DisconnectReason::ClosedByUs;
    }
    tokio::select! {
        why = write_requests(id, write_half, to_write, exchanged, inputs) => why,
        why = read_responses(id, FrameReader::new(read_half), exchanged, inputs) => why,
    }
}

async fn write_requests<W: AsyncWrite + Unpin>(
    id: ConnectionId,
    mut stream: W,
    mut requests: mpsc::UnboundedReceiver<OutgoingRequest>,
    exchanged: &Exchanged,
    inputs: &mpsc::UnboundedSender<News>,
) -> DisconnectReason {
    while let Some(request) = requests.recv().await {
        let header = &request.header;
        let mut frame = match wire::encode_request(&request) {
            Ok(frame) => frame,
            Err(error) => {
                // The core asked for a version that cannot carry its request: closing makes it fail instead of hang.
                tracing::error!(connection = %id, api = ?header.api, version = header.version, %error, "cannot encode");
                return DisconnectReason::ClosedByUs;
            }
        };
        let frame_bytes = frame.len_bytes() as u64;
        {
            let mut exchange = exchanged.lock();
            if request.expects_response {
                let (correlation, api, version) = (header.correlation, header.api, header.version);
                exchange.awaited.push_back(Awaited { correlation, api, version });
            }
            // Before it is written, where the lock is taken anyway: it is told with the answer, or when all is over.
            let traffic = &mut exchange.traffic;
            traffic.writes += 1;
            traffic.written_bytes += frame_bytes;
            traffic.requests += 1;
            traffic.request_bytes += frame_bytes;
            traffic.largest_request_bytes = traffic.largest_request_bytes.max(frame_bytes);
        }
        // To the core, written is news only where it was not to be expected, or nothing else will be: each input costs a turn of
        // the driver.
        let (correlation, mut tells) = (header.correlation, !request.expects_response);
        let mut writing = pin!(stream.write_all_buf(&mut frame));
        let at_once = poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await;
        let written = match at_once {
            Poll::Ready(written) => written,
            Poll::Pending => {
                tells = true;
                if inputs.send(exchanged.news(Input::Stalled { connection: id, correlation })).is_err() {
                    break;
                }
                writing.await
            }
        };
        if let Err(error) = written {
            tracing::debug!(connection = %id, %error, "write failed");
            return DisconnectReason::ClosedByPeer;
        }
        if tells && inputs.send(exchanged.news(Input::Written { connection: id, correlation })).is_err() {
            break;
        }
    }
    DisconnectReason::ClosedByUs
}

async fn read_responses<R: AsyncRead + Unpin>(
    id: ConnectionId,
    mut frames: FrameReader<R>,
    exchanged: &Exchanged,
    inputs: &mpsc::UnboundedSender<News>,
) -> DisconnectReason {
    loop {
        let frame = match frames.next().await {
            Ok(frame) => frame,
            Err(ReadError::Closed) => return DisconnectReason::ClosedByPeer,
            Err(ReadError::Io(error)) => {
                tracing::debug!(connection = %id, %error, "read failed");
                return DisconnectReason::ClosedByPeer;
            }
            Err(error @ ReadError::Length(_)) => return malformed(error),
        };
        let (next, mut traffic) = {
            let mut exchange = exchanged.lock();
            (exchange.awaited.pop_front(), core::mem::take(&mut exchange.traffic))
        };
        frames.count(&mut traffic);
        let Some(Awaited { correlation, api, version }) = next else {
            return malformed("an answer came that no request asked for");
        };
        let (told, response) = match wire::decode_response(api, version, frame) {
            Ok(decoded) => decoded,
            Err(error) => return malformed(format_args!("{api:?} v{version}: {error}")),
        };
        // Kafka's own client keeps a connection whose answers do not match; here it is closed, so that every request
        // on it is sent again with the same sequences.
        if told != correlation {
            return malformed(format_args!("an answer carries correlation id {told} where {correlation} was due"));
        }
        let input = Input::Received { connection: id, correlation, response };
        if inputs.send(News { input, traffic }).is_err() {
            return DisconnectReason::ClosedByUs;
        }
    }
}

fn malformed(what: impl core::fmt::Display) -> DisconnectReason {
    DisconnectReason::Malformed(what.to_string().into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use producer_core::protocol::{ApiVersionsRequest, MetadataRequest, Request, RequestHeader, Response};
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const ID: ConnectionId = ConnectionId(3);

    /// A connection to a peer played by the test.
    struct Played {
        connection: Connection,
        inputs: mpsc::UnboundedReceiver<News>,
        peer: TcpStream,
    }

    async fn next(inputs: &mut mpsc::UnboundedReceiver<News>) -> Option<Input> {
        inputs.recv().await.map(|news| news.input)
    }

    async fn open() -> Played {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let (told, mut inputs) = mpsc::unbounded_channel();
        let address = BrokerAddress { host: "127.0.0.1".into(), port };
        let connection = Connection::open(ID, address, Connector::default(), told);
        let (peer, _) = listener.accept().await.expect("connected to");
        assert_eq!(next(&mut inputs).await, Some(Input::Connected { connection: ID }));
        Played { connection, inputs, peer }
    }

    impl Played {
        /// Sends ApiVersions v0 and lets the peer read it: 4 bytes of length, 10 of header without client id.
        async fn ask(&mut self, correlation: i32) {
            let correlation = CorrelationId(correlation);
            self.connection.transmit(request(correlation, true));
            let mut request = [0; 14];
            self.peer.read_exact(&mut request).await.expect("a request");
            assert_eq!(request[..4], [0, 0, 0, 10]);
            assert_eq!(request[8..12], correlation.0.to_be_bytes());
        }

        async fn say(&mut self, bytes: &[u8]) {
            self.peer.write_all(bytes).await.expect("the connection stands");
        }

        async fn hears_end(&mut self) -> DisconnectReason {
            match next(&mut self.inputs).await {
                Some(Input::Disconnected { connection: ID, why }) => why,
                other => panic!("{other:?}"),
            }
        }
    }

    fn request(correlation: CorrelationId, expects_response: bool) -> OutgoingRequest {
        let header = RequestHeader { api: ApiKey::ApiVersions, version: 0, correlation, client_id: None };
        let body = Request::ApiVersions(ApiVersionsRequest::default());
        OutgoingRequest { header, body, expects_response }
    }

    /// ApiVersions v0: no error, no API.
    fn answer(correlation: i32) -> Vec<u8> {
        [&[0, 0, 0, 10][..], &correlation.to_be_bytes(), &[0, 0], &[0, 0, 0, 0]].concat()
    }

    #[tokio::test]
    async fn where_nobody_listens_the_connection_fails() {
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
            listener.local_addr().expect("bound").port()
        };
        let (told, mut inputs) = mpsc::unbounded_channel();
        let address = BrokerAddress { host: "127.0.0.1".into(), port };
        let _connection = Connection::open(ID, address, Connector::default(), told);
        let Some(Input::Disconnected { connection: ID, why: DisconnectReason::ConnectFailed(text) }) =
            next(&mut inputs).await
        else {
            panic!("nobody listens")
        };
        assert!(text.contains(&port.to_string()), "{text}");
    }

    #[tokio::test]
    async fn answers_come_home_in_the_order_of_the_requests() {
        let mut played = open().await;
        played.ask(5).await;
        played.ask(6).await;
        played.say(&[answer(5), answer(6)].concat()).await;
        for expected in [5, 6] {
            match next(&mut played.inputs).await {
                Some(Input::Received { correlation, response: Response::ApiVersions(response), .. }) => {
                    assert_eq!(correlation, CorrelationId(expected));
                    assert!(response.error.is_none() && response.api_keys.is_empty());
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn what_went_over_the_socket_is_told_with_the_answer() {
        let mut played = open().await;
        played.ask(5).await;
        played.ask(6).await;
        played.say(&[answer(5), answer(6)].concat()).await;
        let mut told = Traffic::default();
        for _ in 0..2 {
            let news = played.inputs.recv().await.expect("an answer");
            told.requests += news.traffic.requests;
            told.request_bytes += news.traffic.request_bytes;
            told.largest_request_bytes = told.largest_request_bytes.max(news.traffic.largest_request_bytes);
            told.responses += news.traffic.responses;
            told.read_bytes += news.traffic.read_bytes;
        }
        // Both ways a frame of 14 bytes, its length included.
        let expected = Traffic { requests: 2, request_bytes: 28, largest_request_bytes: 14, ..Traffic::default() };
        assert_eq!(told, Traffic { responses: 2, read_bytes: 28, ..expected });
    }

    #[tokio::test]
    async fn of_requests_written_at_once_only_one_that_gets_no_answer_is_told_of() {
        let mut played = open().await;
        played.ask(5).await;
        let correlation = CorrelationId(6);
        played.connection.transmit(request(correlation, false));
        assert_eq!(next(&mut played.inputs).await, Some(Input::Written { connection: ID, correlation }));
    }

    #[tokio::test]
    async fn a_request_that_the_socket_does_not_take_whole_stalls_until_it_is_written() {
        let mut played = open().await;
        let correlation = CorrelationId(7);
        // More than both ends of a socket keep.
        let topics = Some(vec![Arc::from("x".repeat(249)); 100_000]);
        let body = Request::Metadata(MetadataRequest { topics, ..MetadataRequest::default() });
        let header = RequestHeader { api: ApiKey::Metadata, version: 4, correlation, client_id: None };
        played.connection.transmit(OutgoingRequest { header, body, expects_response: true });
        assert_eq!(next(&mut played.inputs).await, Some(Input::Stalled { connection: ID, correlation }));
        let mut length = [0; 4];
        played.peer.read_exact(&mut length).await.expect("its beginning");
        let length = u64::from(u32::from_be_bytes(length));
        assert!(length > 25_000_000, "{length}");
        tokio::io::copy(&mut (&mut played.peer).take(length), &mut tokio::io::sink()).await.expect("the rest");
        assert_eq!(next(&mut played.inputs).await, Some(Input::Written { connection: ID, correlation }));
    }

    #[tokio::test]
    async fn a_peer_that_closes_is_told_of() {
        let mut played = open().await;
        played.ask(1).await;
        drop(core::mem::replace(&mut played.peer, open().await.peer));
        assert_eq!(played.hears_end().await, DisconnectReason::ClosedByPeer);
    }

    #[tokio::test]
    async fn an_end_at_any_byte_of_an_answer_delivers_nothing() {
        let whole = answer(1);
        for cut in 0..whole.len() {
            let mut played = open().await;
            played.ask(1).await;
            played.say(&whole[..cut]).await;
            played.peer.shutdown().await.expect("closed");
            assert_eq!(played.hears_end().await, DisconnectReason::ClosedByPeer, "cut after {cut} bytes");
        }
    }

    #[tokio::test]
    async fn lengths_that_are_none_end_the_connection() {
        for length in [-1, 0, 3, i32::MAX] {
            let mut played = open().await;
            played.ask(1).await;
            played.say(&[&length.to_be_bytes()[..], &[0; 12]].concat()).await;
            assert!(matches!(played.hears_end().await, DisconnectReason::Malformed(_)), "{length}");
        }
    }

    #[tokio::test]
    async fn a_wrong_correlation_id_ends_the_connection() {
        let mut played = open().await;
        played.ask(1).await;
        played.say(&answer(2)).await;
        let DisconnectReason::Malformed(why) = played.hears_end().await else { panic!("wrong id") };
        assert_eq!(&*why, "an answer carries correlation id 2 where 1 was due");
    }

    #[tokio::test]
    async fn an_answer_repeated_ends_the_connection_after_the_first() {
        let mut played = open().await;
        played.ask(1).await;
        played.say(&[answer(1), answer(1)].concat()).await;
        assert!(matches!(next(&mut played.inputs).await, Some(Input::Received { .. })));
        assert!(matches!(played.hears_end().await, DisconnectReason::Malformed(_)));
    }

    #[tokio::test]
    async fn bytes_that_are_not_kafkas_end_the_connection() {
        for bytes in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"SSH-2.0-x\r\n", &[0x15, 3, 3, 0, 2, 2, 50]] {
            let mut played = open().await;
            played.ask(1).await;
            played.say(bytes).await;
            played.peer.shutdown().await.expect("closed");
            assert!(!matches!(played.hears_end().await, DisconnectReason::ClosedByUs));
        }
    }

    #[tokio::test]
    async fn dropping_a_connection_closes_its_socket() {
        let Played { connection, mut peer, .. } = open().await;
        drop(connection);
        assert_eq!(peer.read(&mut [0; 1]).await.expect("closed, not broken"), 0);
    }
}
