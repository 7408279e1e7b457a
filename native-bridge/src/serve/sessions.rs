//! The sessions of this process: each a page's session with a producer of its own, alive beyond the socket it speaks
//! through.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_producer::client_id;
use kafka_producer::codecs::NativeCodecs;
use kafka_producer::driver::Driver;
use kafka_producer::{Clock, ConfigNotice, ProducerConfig};
use producer_core::bridge::{Command, Report, Resume, SessionId, Topology};
use producer_core::ids::{Lane, ProducerIndex};
use producer_core::producer::Producer;
use producer_core::session::{NextProducer, Session, SessionLimits, SessionRequest};
use producer_core::trace::TraceBuffer;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::errands;
use super::world::Backend;

/// How long a session waits for its page to come back.
pub(crate) const RETENTION: Duration = Duration::from_secs(120);
/// Sessions kept at most; the one detached longest makes room.
const MAX_SESSIONS: usize = 32;
/// Sessions without an attached page are looked at this often.
const REAPING: Duration = Duration::from_secs(5);
/// How long a session's program may go on with what it was asked for, when the session is to end.
const PROGRAM_ENDS_WITHIN: Duration = Duration::from_secs(5);
/// While it does, nothing lingers longer than this.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// How long batches under way may take then (`close(Duration)`); what has no answer by then may be stored or not.
const BATCHES_END_WITHIN: Duration = Duration::from_secs(30);

/// What every producer begins with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) config: Arc<ProducerConfig>,
    pub(crate) properties: Vec<(Arc<str>, Arc<str>)>,
    pub(crate) notices: Vec<ConfigNotice>,
}

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    backend: Arc<Backend>,
    defaults: Defaults,
    clock: Clock,
    live: Mutex<LiveSessions>,
}

#[derive(Debug, Default)]
struct LiveSessions {
    by_id: BTreeMap<SessionId, Arc<Live>>,
    /// The bridge is stopping.
    closed_to_new: bool,
}

/// Why a page got no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSession {
    #[error("the bridge is stopping")]
    Stopping,
    #[error("no entropy for a new session: {0}")]
    NoEntropy(#[from] getrandom::Error),
}

/// One session.
#[derive(Debug)]
pub(crate) struct Live {
    driver: Driver<TraceBuffer, Session>,
    /// There may be reports for the page.
    news: Arc<Notify>,
    /// There may be requests of the session.
    errands: Arc<Notify>,
    /// Counts the sockets that attached; the newest one wins. Changed under the driver's lock only, so that whoever
    /// holds the lock and is the newest stays it.
    attachment: watch::Sender<u64>,
    /// Since when no socket is attached. Changed under the driver's lock only.
    detached_since: Mutex<Option<Instant>>,
}

/// A socket's hold on a session.
#[derive(Debug)]
pub(crate) struct Attachment {
    live: Arc<Live>,
    number: u64,
    newest: watch::Receiver<u64>,
}

impl Sessions {
    pub(crate) fn new(backend: Arc<Backend>, defaults: Defaults) -> Arc<Self> {
        Arc::new(Self { backend, defaults, clock: Clock::start(), live: Mutex::default() })
    }

    /// Attaches a socket: to the session asked for if it is here, else to a new one.
    ///
    /// # Errors
    /// [`NoSession`].
    pub(crate) fn attach(self: &Arc<Self>, resume: Option<Resume>) -> Result<Attachment, NoSession> {
        if let Some(resume) = resume {
            // Attached under the lock, or the session could be given up as abandoned in the same moment.
            let all = self.lock();
            if let Some(live) = all.by_id.get(&resume.session) {
                return Ok(Live::attach(live, Some(resume)));
            }
        }
        Ok(Live::attach(&self.begin()?, None))
    }

    /// Stops all sessions: no new ones, no new sends, everything taken is settled, producers closed.
    pub(crate) async fn finish(&self) {
        let all: Vec<_> = {
            let mut live = self.lock();
            live.closed_to_new = true;
            live.by_id.values().cloned().collect()
        };
        let closings: Vec<_> = all.into_iter().map(|live| tokio::spawn(async move { live.close().await })).collect();
        for closing in closings {
            if let Err(error) = closing.await {
                tracing::error!(%error, "a session broke down while it was closed");
            }
        }
    }

    /// Forgets a session that broke down: a page that asks for it must not be told that it was recovered.
    pub(crate) fn forget(&self, attachment: &Attachment) {
        self.lock().by_id.retain(|_, live| !Arc::ptr_eq(live, &attachment.live));
    }

    /// Closes sessions whose page has not come back.
    pub(crate) async fn reap(self: Arc<Self>) {
        loop {
            tokio::time::sleep(REAPING).await;
            let gone: Vec<_> = {
                let live = &mut self.lock().by_id;
                let overdue = |session: &Live| session.detached_for().is_some_and(|since| since >= RETENTION);
                let ids: Vec<_> = live.iter().filter(|(_, session)| overdue(session)).map(|(&id, _)| id).collect();
                ids.into_iter().filter_map(|id| live.remove(&id)).collect()
            };
            for session in gone {
                tracing::info!("a session ends: its page did not come back");
                tokio::spawn(async move { session.close().await });
            }
        }
    }

    fn begin(self: &Arc<Self>) -> Result<Arc<Live>, NoSession> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        let id = SessionId(id);
        let mut session = Session::new(id, self.backend.world(), SessionLimits::default());
        session.set_properties(self.defaults.properties.clone(), self.defaults.notices.clone());
        let observer = TraceBuffer::new(Lane::default(), ProducerIndex::default());
        let producer = new_producer(&self.backend, &self.defaults.config, getrandom::u64()?, observer);
        let (news, errands) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let after_turn = {
            let (news, errands) = (Arc::clone(&news), Arc::clone(&errands));
            move || {
                news.notify_one();
                errands.notify_one();
            }
        };
        let live = Arc::new(Live {
            driver: Driver::start(producer, session, self.clock, after_turn),
            news,
            errands,
            attachment: watch::Sender::new(0),
            detached_since: Mutex::new(None),
        });
        tokio::spawn(errands::run(Arc::downgrade(&live), Arc::clone(&self.backend)));
        let crowded_out = {
            let mut all = self.lock();
            if all.closed_to_new {
                return Err(NoSession::Stopping);
            }
            let all = &mut all.by_id;
            let oldest = all.iter().filter_map(|(&id, live)| Some((live.detached_for()?, id))).max();
            let crowded_out = oldest.filter(|_| all.len() >= MAX_SESSIONS).and_then(|(_, id)| all.remove(&id));
            all.insert(id, Arc::clone(&live));
            crowded_out
        };
        if let Some(session) = crowded_out {
            tracing::info!("a session ends: there are too many, and its page is away the longest");
            tokio::spawn(async move { session.close().await });
        }
        Ok(live)
    }

    fn lock(&self) -> MutexGuard<'_, LiveSessions> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A producer that begins to look for its cluster at the backend's addresses.
fn new_producer(
    backend: &Backend,
    config: &Arc<ProducerConfig>,
    seed: u64,
    observer: TraceBuffer,
) -> Producer<TraceBuffer> {
    Producer::new(client_id::counted(config), backend.bootstrap_addresses(), seed, observer).with_codecs(&NativeCodecs)
}

impl Live {
    /// Takes the session for a socket; the one that had it before loses it.
    fn attach(live: &Arc<Self>, resume: Option<Resume>) -> Attachment {
        let number = live.driver.with(|_, session, _| {
            session.attach(resume);
            live.set_detached(None);
            let number = *live.attachment.borrow() + 1;
            live.attachment.send_replace(number);
            number
        });
        Attachment { live: Arc::clone(live), number, newest: live.attachment.subscribe() }
    }

    /// Tells when the session may have asked for something.
    pub(super) fn errands(&self) -> Arc<Notify> {
        Arc::clone(&self.errands)
    }

    /// What the session asks for next.
    pub(super) fn next_request(&self) -> Option<SessionRequest> {
        self.driver.inspect(|_, session| session.next_request())
    }

    /// Closes the producer, settling everything, and puts another in its place.
    pub(super) async fn change_producer(&self, backend: &Backend, next: &NextProducer) {
        self.driver.with(|producer, _, now| producer.close(now, None));
        self.driver.until(|producer, _, _| producer.is_closed()).await;
        match getrandom::u64() {
            Ok(seed) => {
                drop(self.driver.replace_producer(|old| {
                    // What the page has not been told of the old one comes before what the new one does.
                    let observer = old.observer_mut().hand_over(next.index);
                    new_producer(backend, &next.config, seed, observer).counting_from(next.first_ordinal)
                }));
                self.driver.with(|producer, session, now| session.on_new_producer(now, producer));
            }
            Err(error) => tracing::error!(%error, "no entropy for a new producer"),
        }
    }

    /// Tells the page, if it is news.
    pub(super) fn set_topology(&self, topology: Topology) {
        self.driver.with(|_, session, _| session.set_topology(topology));
    }

    /// Is a page there?
    pub(super) fn is_attached(&self) -> bool {
        self.detached_for().is_none()
    }

    fn set_detached(&self, since: Option<Instant>) {
        *self.detached_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn detached_for(&self) -> Option<Duration> {
        let since = *self.detached_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map(|since| since.elapsed())
    }

    /// Settles everything and closes the producer: first as asked for; then what the program has not sent is refused,
    /// and what is under way gets a last chance.
    async fn close(&self) {
        self.driver.with(|_, session, _| session.stop());
        let program_ends = Instant::now() + PROGRAM_ENDS_WITHIN;
        while Instant::now() < program_ends {
            self.driver.with(|producer, _, now| producer.begin_flush(now));
            let settled = self.driver.until(|_, session, _| session.is_settled());
            if tokio::time::timeout(FLUSH_EVERY, settled).await.is_ok() {
                break;
            }
        }
        loop {
            // Again and again: a change of producers that was asked for earlier brings one that is open.
            self.driver.with(|producer, _, now| producer.close(now, Some(BATCHES_END_WITHIN)));
            let closed = self.driver.until(|producer, session, _| producer.is_closed() && session.is_settled());
            if tokio::time::timeout(FLUSH_EVERY, closed).await.is_ok() {
                break;
            }
        }
    }
}

impl Attachment {
    /// Hands a command to the session, unless another socket has taken it over.
    pub(crate) fn command(&self, command: Command) {
        self.live.driver.with(|_, session, _| {
            if self.is_newest() {
                session.handle_command(command);
            }
        });
    }

    /// The next report; when none is due, what happened since the last time, if the page has credit for it. `None` also
    /// when another socket has taken the session over: its reports are not ours to take.
    pub(crate) fn next_report(&self) -> Option<Report> {
        self.live.driver.inspect(|producer, session| {
            if !self.is_newest() {
                return None;
            }
            session.next_report().or_else(|| {
                let observer = producer.observer_mut();
                if session.wants_trace() && !observer.is_empty() {
                    session.offer_trace(observer.take());
                }
                session.next_report()
            })
        })
    }

    /// Waits until there may be reports.
    pub(crate) async fn news(&self) {
        self.live.news.notified().await;
    }

    /// Waits until the session broke down. That is a defect of ours, and no more can be learnt from it.
    pub(crate) async fn broke_down(&self) {
        self.live.driver.ended().await;
    }

    fn is_newest(&self) -> bool {
        *self.newest.borrow() == self.number
    }

    /// Waits until another socket attaches to the same session.
    pub(crate) async fn superseded(&self) {
        let number = self.number;
        // An error means that the session is gone, which ends the attachment just as well.
        let _ = self.newest.clone().wait_for(|&newest| newest > number).await;
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // Under the lock, or a socket that attaches meanwhile would count as gone.
        self.live.driver.inspect(|_, _| {
            if self.is_newest() {
                self.live.set_detached(Some(Instant::now()));
            }
        });
    }
}

#[cfg(test)]
pub(super) mod tests;
