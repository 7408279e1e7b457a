//! A TCP proxy between a client and one broker, or between a browser and a bridge, whose connections a test can cut.

mod seizing;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering},
    },
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    task::JoinHandle,
};

use self::seizing::Seized;
pub use self::seizing::Seizer;

/// Listens on a loopback port and passes bytes to a broker and back. Ends when dropped.
#[derive(Debug)]
pub struct CuttingProxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    broker_port: AtomicU16,
    cut: Notify,
    /// What the broker says goes nowhere.
    swallowing: AtomicBool,
    /// Something was swallowed.
    swallowed: Notify,
    /// A client said something.
    said: Notify,
    open: AtomicUsize,
    /// What clients said, per connection.
    heard: Mutex<Vec<Vec<u8>>>,
    /// For browsers: what they call us, and what the server behind calls itself.
    names: Option<Names>,
    /// For Kafka: which request is seized next.
    seizer: Option<Seizer>,
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CuttingProxy {
    /// A proxy that listens already and refuses connections until it knows its broker.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::begin(listener, Shared::default())
    }

    /// A proxy before a Kafka, whose requests may be seized.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn listen_with(seizer: Seizer) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Self::begin(listener, Shared { seizer: Some(seizer), ..Shared::default() })
    }

    /// A proxy before a web server that insists on its own address: the heads of a browser's requests name us, and are
    /// passed on as if they named the server.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn listen_before_web_server(server_port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let names = Names { ours: address_text(listener.local_addr()?.port()), servers: address_text(server_port) };
        Self::begin(listener, Shared { broker_port: server_port.into(), names: Some(names), ..Shared::default() })
    }

    fn begin(listener: TcpListener, shared: Shared) -> io::Result<Self> {
        let port = listener.local_addr()?.port();
        let shared = Arc::new(shared);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, accepting })
    }

    /// Where clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The broker behind it, from now on.
    pub fn forward_to(&self, broker_port: u16) {
        self.shared.broker_port.store(broker_port, Ordering::SeqCst);
    }

    /// Connections that stand.
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Every byte that clients have sent so far, per connection in the order of accepting; also what a cut kept from the
    /// broker.
    pub fn heard(&self) -> Vec<Vec<u8>> {
        self.shared.heard().clone()
    }

    /// How many bytes those are.
    pub fn heard_bytes(&self) -> usize {
        self.shared.heard().iter().map(Vec::len).sum()
    }

    /// Waits until a client says something. The broker may not have heard it yet.
    pub async fn heard_more(&self) {
        self.shared.said.notified().await;
    }

    /// Cuts every connection that stands, in whatever it is doing.
    pub fn cut(&self) {
        self.shared.cut.notify_waiters();
    }

    /// Lets the broker hear everything and the client nothing until the broker has answered something, and cuts every
    /// connection then: what was asked is done, and the client cannot know.
    pub async fn cut_before_the_next_answer(&self) {
        let swallowed = self.shared.swallowed.notified();
        let _swallowing = Swallowing::begin(&self.shared.swallowing);
        swallowed.await;
        self.cut();
    }
}

fn address_text(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Two names of the same web server.
#[derive(Debug)]
struct Names {
    ours: String,
    servers: String,
}

/// The heads of one connection's HTTP requests, with the server's name in them instead of ours. Requests without a body
/// follow one another until one asks for another protocol, whose bytes are nobody's to change.
#[derive(Debug, Default)]
struct Heads {
    unfinished: Vec<u8>,
    upgraded: bool,
}

impl Heads {
    /// Takes what the client said, and returns what may be passed on by now.
    fn rename(&mut self, said: &[u8], names: &Names) -> Vec<u8> {
        if self.upgraded {
            return said.to_vec();
        }
        self.unfinished.extend_from_slice(said);
        let mut passed = Vec::new();
        while !self.upgraded
            && let Some(end) = self.unfinished.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let rest = self.unfinished.split_off(end + 4);
            let head = String::from_utf8_lossy(&self.unfinished).replace(&names.ours, &names.servers);
            self.upgraded = head.to_ascii_lowercase().contains("\r\nupgrade: websocket");
            passed.extend_from_slice(head.as_bytes());
            self.unfinished = rest;
        }
        if self.upgraded {
            passed.append(&mut self.unfinished);
        }
        passed
    }
}

/// Lets answers through again when dropped, also when nobody waits for the cut any more.
struct Swallowing<'a>(&'a AtomicBool);

impl<'a> Swallowing<'a> {
    fn begin(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::SeqCst);
        Self(flag)
    }
}

impl Drop for Swallowing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            shared.open.fetch_add(1, Ordering::SeqCst);
            // How a connection ends is the test's business, and either side sees it.
            let _ = pass(client, &shared).await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

async fn pass(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let cut = shared.cut.notified();
    let broker_port = shared.broker_port.load(Ordering::SeqCst);
    if broker_port == 0 {
        return Ok(());
    }
    let broker = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, broker_port))).await?;
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    let (client_reads, client_writes) = client.into_split();
    let (broker_reads, broker_writes) = broker.into_split();
    let ear = {
        let mut heard = shared.heard();
        heard.push(Vec::new());
        heard.len() - 1
    };
    let seized = shared.seizer.clone().map(Seized::on);
    let seized = seized.as_ref();
    tokio::select! {
        ended = pass_requests(client_reads, broker_writes, shared, seized, ear) => ended,
        ended = pass_answers(broker_reads, client_writes, shared, seized) => ended,
        () = cut => Ok(()),
    }
}

async fn pass_requests(
    mut client: OwnedReadHalf,
    mut broker: OwnedWriteHalf,
    shared: &Shared,
    seized: Option<&Seized>,
    ear: usize,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut heads = Heads::default();
    let mut unfinished = BytesMut::new();
    loop {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        shared.heard()[ear].extend_from_slice(&buffer[..read]);
        shared.said.notify_waiters();
        let said = &buffer[..read];
        match (&shared.names, seized) {
            (Some(names), _) => broker.write_all(&heads.rename(said, names)).await?,
            (None, Some(seized)) => broker.write_all(&seized.requests(&mut unfinished, said)?).await?,
            (None, None) => broker.write_all(said).await?,
        }
    }
}

async fn pass_answers(
    mut broker: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    shared: &Shared,
    seized: Option<&Seized>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut unfinished = BytesMut::new();
    let mut has_gap = false;
    loop {
        let read = broker.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if shared.swallowing.load(Ordering::SeqCst) {
            has_gap = true;
            shared.swallowed.notify_waiters();
        } else if has_gap {
            // Behind a gap nothing may follow: the client would take it for the answer that is missing. The connection is
            // being cut, or whoever was to cut it has lost patience.
            return Ok(());
        } else if let Some(seized) = seized {
            client.write_all(&seized.answers(&mut unfinished, &buffer[..read])?).await?;
        } else {
            client.write_all(&buffer[..read]).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n";
    const UPGRADE: &str =
        "GET /socket HTTP/1.1\r\nHost: 127.0.0.1:1\r\nOrigin: http://127.0.0.1:1\r\nUpgrade: websocket\r\n\r\n";
    const FRAMES: &str = "127.0.0.1:1\r\n\r\n in a frame";

    /// Nobody cuts the connection whose answer was swallowed.
    #[tokio::test]
    async fn behind_an_answer_that_was_swallowed_nothing_comes_through() -> io::Result<()> {
        let broker = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let proxy = CuttingProxy::listen().await?;
        proxy.forward_to(broker.local_addr()?.port());
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await?;
        let (mut answers, _) = broker.accept().await?;
        answers.write_all(b"whole").await?;
        client.read_exact(&mut [0; 5]).await?;

        let swallowed = proxy.shared.swallowed.notified();
        let swallowing = Swallowing::begin(&proxy.shared.swallowing);
        answers.write_all(b"first").await?;
        swallowed.await;
        drop(swallowing);
        answers.write_all(b"second").await?;
        drop(answers);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await?;
        assert_eq!(heard, b"", "it ends instead");
        Ok(())
    }

    #[test]
    fn heads_name_the_server_however_they_are_cut_and_frames_stay_as_they_are() {
        let names = Names { ours: "127.0.0.1:1".to_owned(), servers: "127.0.0.1:23".to_owned() };
        let said = [GET, UPGRADE, FRAMES].concat();
        let expected = [GET, UPGRADE].concat().replace(&names.ours, &names.servers) + FRAMES;
        for length in 1..said.len() {
            let mut heads = Heads::default();
            let passed: Vec<u8> = said.as_bytes().chunks(length).flat_map(|part| heads.rename(part, &names)).collect();
            assert_eq!(String::from_utf8_lossy(&passed), expected, "in parts of {length} bytes");
        }
    }
}
