//! A TCP proxy between a client and one broker, whose connections a test can cut.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    task::JoinHandle,
};

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
    open: AtomicUsize,
    /// What clients said, per connection.
    heard: Mutex<Vec<Vec<u8>>>,
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
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
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
    tokio::select! {
        ended = pass_requests(client_reads, broker_writes, shared, ear) => ended,
        ended = pass_answers(broker_reads, client_writes, shared) => ended,
        () = cut => Ok(()),
    }
}

async fn pass_requests(
    mut client: OwnedReadHalf,
    mut broker: OwnedWriteHalf,
    shared: &Shared,
    ear: usize,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        shared.heard()[ear].extend_from_slice(&buffer[..read]);
        broker.write_all(&buffer[..read]).await?;
    }
}

async fn pass_answers(mut broker: OwnedReadHalf, mut client: OwnedWriteHalf, shared: &Shared) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = broker.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if shared.swallowing.load(Ordering::SeqCst) {
            shared.swallowed.notify_waiters();
        } else {
            client.write_all(&buffer[..read]).await?;
        }
    }
}
