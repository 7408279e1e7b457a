//! From a broker's name to a connected socket.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use producer_core::config::SocketBuffers;
use producer_core::ids::BrokerAddress;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The name means nothing to the resolver.
    #[error("{address}: the name cannot be resolved: {error}")]
    Unresolvable { address: BrokerAddress, error: io::Error },
    /// None of the name's addresses took the connection; `error` is the last one's.
    #[error("{tried}: {error}")]
    Failed { tried: SocketAddr, error: io::Error },
}

/// Opens TCP connections and remembers, per broker, how far it got through the name's addresses.
///
/// An attempt tries all addresses in turn (`client.dns.lookup=use_all_dns_ips`). The core gives an attempt up after
/// `socket.connection.setup.timeout.ms`; if a silent first address used up that time, the next attempt begins with the
/// second, or a broker with one dead address would never be reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connector {
    buffers: SocketBuffers,
    given_up_on: Arc<Mutex<BTreeMap<BrokerAddress, SocketAddr>>>,
}

impl Connector {
    /// Its sockets get such buffers; those of the default have what the operating system chooses.
    pub(crate) fn with_buffers(buffers: SocketBuffers) -> Self {
        Self { buffers, ..Self::default() }
    }

    pub(crate) async fn connect(&self, address: &BrokerAddress) -> Result<TcpStream, ConnectError> {
        let candidates = resolve(address).await?;
        self.connect_to_one_of(address, candidates).await
    }

    async fn connect_to_one_of(
        &self,
        address: &BrokerAddress,
        mut candidates: Vec<SocketAddr>,
    ) -> Result<TcpStream, ConnectError> {
        if let Some(last) = self.given_up_on().get(address)
            && let Some(index) = candidates.iter().position(|candidate| candidate == last)
        {
            let next = (index + 1) % candidates.len();
            candidates.rotate_left(next);
        }
        let mut outcome = None;
        for candidate in candidates {
            // Written down before the attempt, because this future may be dropped while it waits.
            self.given_up_on().insert(address.clone(), candidate);
            match open(candidate, self.buffers).await {
                Ok(stream) => {
                    self.given_up_on().remove(address);
                    return Ok(stream);
                }
                Err(error) => outcome = Some(ConnectError::Failed { tried: candidate, error }),
            }
        }
        self.given_up_on().remove(address);
        Err(outcome.unwrap_or_else(|| no_address(address)))
    }

    fn given_up_on(&self) -> std::sync::MutexGuard<'_, BTreeMap<BrokerAddress, SocketAddr>> {
        self.given_up_on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All addresses of a broker's name, in the resolver's order, at least one.
pub(crate) async fn resolve(address: &BrokerAddress) -> Result<Vec<SocketAddr>, ConnectError> {
    let found = lookup_host((&*address.host, address.port)).await;
    let found: Vec<_> =
        found.map_err(|error| ConnectError::Unresolvable { address: address.clone(), error })?.collect();
    if found.is_empty() { Err(no_address(address)) } else { Ok(found) }
}

fn no_address(address: &BrokerAddress) -> ConnectError {
    let error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    ConnectError::Unresolvable { address: address.clone(), error }
}

async fn open(address: SocketAddr, buffers: SocketBuffers) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Before it connects, for that is when the receive window is settled. Sizes are wishes: an operating system that grants
    // less, or takes no 0, still gives a working connection.
    let _ = buffers.send.map(|bytes| socket.set_send_buffer_size(bytes));
    let _ = buffers.receive.map(|bytes| socket.set_recv_buffer_size(bytes));
    // A broker that is gone without a word is noticed (`Selector.configureSocketChannel`).
    socket.set_keepalive(true)?;
    let stream = socket.connect(address).await?;
    // Requests are whole writes; waiting for more would only delay them.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn broker() -> BrokerAddress {
        BrokerAddress { host: "broker".into(), port: 9092 }
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        (listener, address)
    }

    async fn nobody() -> SocketAddr {
        listener().await.1
    }

    /// Mirrors `ClusterConnectionStatesTest.testMultipleIPs`: of a name with several addresses another one is tried
    /// after the one that failed.
    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let (_listener, good) = listener().await;
        let stream = Connector::default().connect_to_one_of(&broker(), vec![nobody().await, good]).await;
        assert_eq!(stream.expect("connected").peer_addr().expect("peer"), good);
    }

    /// Mirrors `ClusterConnectionStatesTest.testSkipLastAttemptedIp`: the address tried last is skipped by the next
    /// attempt.
    #[tokio::test]
    async fn an_attempt_that_was_given_up_on_a_silent_address_goes_on_with_the_next() {
        let (_first, silent) = listener().await;
        let (_second, good) = listener().await;
        let connector = Connector::default();
        // Flow: an attempt dropped while `silent` kept it waiting leaves this behind.
        connector.given_up_on().insert(broker(), silent);
        let stream = connector.connect_to_one_of(&broker(), vec![silent, good]).await.expect("connected");
        assert_eq!(stream.peer_addr().expect("peer"), good);
        assert!(connector.given_up_on().is_empty(), "success starts over");
    }

    #[tokio::test]
    async fn when_all_refuse_the_last_refusal_is_told() {
        let last = nobody().await;
        let error = Connector::default().connect_to_one_of(&broker(), vec![nobody().await, last]).await;
        match error.expect_err("nobody listens") {
            ConnectError::Failed { tried, error } => {
                assert_eq!((tried, error.kind()), (last, io::ErrorKind::ConnectionRefused));
            }
            other => panic!("{other}"),
        }
    }

    /// Mirrors `NetworkClientTest.testDnsLookupFailure`: a broker whose name does not resolve is not ready, and nothing
    /// breaks.
    #[tokio::test]
    async fn a_name_nobody_knows_is_unresolvable() {
        let address = BrokerAddress { host: "no-such-host.invalid".into(), port: 9092 };
        let error = Connector::default().connect(&address).await.expect_err(".invalid never resolves");
        assert!(matches!(error, ConnectError::Unresolvable { .. }), "{error}");
    }

    /// What the kernel says of a connected socket: bytes to send, bytes to receive.
    fn buffers_of(stream: TcpStream) -> (u32, u32) {
        let socket = TcpSocket::from_std_stream(stream.into_std().expect("a socket"));
        (socket.send_buffer_size().expect("option"), socket.recv_buffer_size().expect("option"))
    }

    /// Linux grants twice what it is asked for, and keeps that (socket(7)); others grant what is asked for.
    #[tokio::test]
    async fn a_socket_has_the_buffers_that_it_is_to_have_or_those_of_the_system() {
        let (_listener, good) = listener().await;
        let connect = async |buffers| {
            let connector = Connector::with_buffers(buffers);
            buffers_of(connector.connect_to_one_of(&broker(), vec![good]).await.expect("connected"))
        };
        let (send, receive) = connect(SocketBuffers { send: Some(24_000), receive: Some(12_000) }).await;
        assert!((24_000..=48_000).contains(&send) && (12_000..=24_000).contains(&receive), "{send}, {receive}");
        let untouched = buffers_of(TcpStream::connect(good).await.expect("connected"));
        assert_eq!(connect(SocketBuffers::default()).await, untouched);
    }

    /// As `Selector.configureSocketChannel` of the Java client does with every socket; a system's own default is off.
    #[tokio::test]
    async fn the_system_looks_whether_a_quiet_broker_is_still_there() {
        let (_listener, good) = listener().await;
        let asks = |stream| TcpSocket::from_std_stream(TcpStream::into_std(stream).expect("a socket")).keepalive();
        let ours = Connector::default().connect_to_one_of(&broker(), vec![good]).await.expect("connected");
        assert!(asks(ours).expect("option"));
        assert!(!asks(TcpStream::connect(good).await.expect("connected")).expect("option"));
    }

    #[tokio::test]
    async fn localhost_reaches_a_listener_on_ipv4_only() {
        let (_listener, good) = listener().await;
        let address = BrokerAddress { host: "localhost".into(), port: good.port() };
        let stream = Connector::default().connect(&address).await.expect("connected");
        assert!(stream.nodelay().expect("option"));
    }
}
