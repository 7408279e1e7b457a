//! The one cluster behind all ports, and who waits for its answers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use producer_core::cluster::{Cluster, ClusterInput, ClusterOutput, LinkId};
use producer_core::ids::{ConnectionId, CorrelationId, NodeId};
use producer_core::protocol::{Request, RequestHeader, Response};
use producer_core::time::{Instant, Now};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;

/// What a connection is told.
#[derive(Debug)]
pub(super) enum ToConnection {
    /// Write this.
    Respond { version: i16, correlation: CorrelationId, response: Response },
    /// Close.
    Cut,
}

/// Where a connection is told. Never more than a few: a connection asks one thing at a time.
pub(super) type Mailbox = mpsc::UnboundedReceiver<ToConnection>;

/// The cluster behind one lock: taken per request, never across an await.
#[derive(Debug)]
pub(super) struct Switchboard {
    clock: Clock,
    behind_lock: Mutex<BehindLock>,
    /// When the cluster wants to be woken.
    wake_at: watch::Sender<Option<Instant>>,
}

#[derive(Debug)]
struct BehindLock {
    cluster: Cluster,
    mailboxes: BTreeMap<LinkId, mpsc::UnboundedSender<ToConnection>>,
    connections_so_far: u32,
}

impl Switchboard {
    pub(super) fn new(cluster: Cluster) -> Self {
        let behind_lock = BehindLock { cluster, mailboxes: BTreeMap::new(), connections_so_far: 0 };
        Self { clock: Clock::start(), behind_lock: Mutex::new(behind_lock), wake_at: watch::Sender::new(None) }
    }

    /// A client connected to a broker.
    pub(super) fn open(&self, node: NodeId) -> (LinkId, Mailbox) {
        let (sender, mailbox) = mpsc::unbounded_channel();
        let mut inner = self.lock();
        // Wraps after four thousand million connections; by then number 0 is long gone.
        inner.connections_so_far = inner.connections_so_far.wrapping_add(1);
        let link = LinkId { client: 0, connection: ConnectionId(inner.connections_so_far) };
        inner.mailboxes.insert(link, sender);
        self.turn(&mut inner, ClusterInput::Opened { link, node });
        (link, mailbox)
    }

    /// A request arrived; the answer comes into the connection's mailbox.
    pub(super) fn ask(&self, link: LinkId, header: RequestHeader, body: Request) {
        self.turn(&mut self.lock(), ClusterInput::Request { link, header, body });
    }

    /// A connection ended.
    pub(super) fn close(&self, link: LinkId) {
        let mut inner = self.lock();
        inner.mailboxes.remove(&link);
        self.turn(&mut inner, ClusterInput::Closed { link });
    }

    pub(super) fn with_cluster<R>(&self, interfere: impl FnOnce(&mut Cluster, Now) -> R) -> R {
        let mut inner = self.lock();
        let result = interfere(&mut inner.cluster, self.clock.now());
        // What was done may have given somebody an answer.
        self.turn(&mut inner, ClusterInput::Wake);
        result
    }

    /// Wakes the cluster whenever it wants to be.
    pub(super) async fn keep_time(self: std::sync::Arc<Self>) {
        let mut wake_at = self.wake_at.subscribe();
        loop {
            let deadline = wake_at.borrow_and_update().and_then(|at| self.clock.deadline(at));
            let sleep = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => self.turn(&mut self.lock(), ClusterInput::Wake),
                // Never an error: the sender is ours.
                _ = wake_at.changed() => {}
            }
        }
    }

    /// One input, then everything out.
    fn turn(&self, inner: &mut BehindLock, input: ClusterInput) {
        inner.cluster.handle_input(self.clock.now(), input);
        loop {
            let (link, message) = match inner.cluster.poll_output() {
                ClusterOutput::Respond { link, correlation, version, response, .. } => {
                    (link, ToConnection::Respond { version, correlation, response })
                }
                ClusterOutput::Cut { link } => (link, ToConnection::Cut),
                ClusterOutput::Wait { until } => {
                    self.wake_at.send_if_modified(|wake_at| core::mem::replace(wake_at, until) != until);
                    return;
                }
            };
            if let Some(mailbox) = inner.mailboxes.get(&link) {
                // Fails only when the connection has just ended, and then nobody wants the answer.
                let _ = mailbox.send(message);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BehindLock> {
        // A panic in one request must not take the other clients down with it.
        self.behind_lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
