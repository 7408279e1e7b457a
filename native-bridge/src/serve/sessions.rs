//! The sessions of this process: each a page's session with a producer of its own, alive beyond the socket it speaks
//! through.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafka_producer::driver::Driver;
use kafka_producer::{Clock, ConfigNotice, ProducerConfig};
use producer_core::bridge::{Command, Report, Resume, SessionId};
use producer_core::ids::{Lane, ProducerIndex};
use producer_core::producer::Producer;
use producer_core::session::{Session, SessionLimits, SessionRequest};
use producer_core::trace::TraceBuffer;
use tokio::sync::{Notify, watch};

use super::world::Backend;

/// How long a session waits for its page to come back.
pub(crate) const RETENTION: Duration = Duration::from_secs(120);
/// Sessions kept at most; the one detached longest makes room.
const MAX_SESSIONS: usize = 32;
/// Sessions without an attached page are looked at this often.
const REAPING: Duration = Duration::from_secs(5);

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
    live: Mutex<BTreeMap<SessionId, Arc<Live>>>,
}

/// One session.
#[derive(Debug)]
pub(crate) struct Live {
    driver: Driver<TraceBuffer, Session>,
    clock: Clock,
    /// There may be reports for the page.
    news: Arc<Notify>,
    /// There may be requests of the session.
    errands: Arc<Notify>,
    /// Counts the sockets that attached; the newest one wins.
    attachment: watch::Sender<u64>,
    detached_since: Mutex<Option<Instant>>,
}

/// A socket's hold on a session.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) live: Arc<Live>,
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
    /// When the operating system has no entropy for a new session's id.
    pub(crate) fn attach(self: &Arc<Self>, resume: Option<Resume>) -> Result<Attachment, getrandom::Error> {
        let known = resume.and_then(|resume| self.lock().get(&resume.session).cloned());
        let live = match known {
            Some(live) => {
                live.driver.with(|_, session, _| session.attach(resume));
                live
            }
            None => {
                let live = self.begin()?;
                live.driver.with(|_, session, _| session.attach(None));
                live
            }
        };
        let mut number = 0;
        live.attachment.send_modify(|newest| {
            *newest += 1;
            number = *newest;
        });
        *live.detached_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let newest = live.attachment.subscribe();
        Ok(Attachment { live, number, newest })
    }

    /// Stops all sessions: no new sends, everything taken is settled, producers closed.
    pub(crate) async fn finish(&self) {
        let all: Vec<_> = self.lock().values().cloned().collect();
        for live in &all {
            live.driver.with(|_, session, _| session.stop());
        }
        for live in all {
            live.close().await;
        }
    }

    /// Closes sessions whose page has not come back.
    pub(crate) async fn reap(self: Arc<Self>) {
        loop {
            tokio::time::sleep(REAPING).await;
            let gone: Vec<_> = {
                let mut live = self.lock();
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

    fn begin(self: &Arc<Self>) -> Result<Arc<Live>, getrandom::Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        let id = SessionId(id);
        let mut session = Session::new(id, self.backend.world(), SessionLimits::default());
        session.set_properties(self.defaults.properties.clone(), self.defaults.notices.clone());
        let producer = self.producer(&self.defaults.config)?;
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
            clock: self.clock,
            news,
            errands,
            attachment: watch::Sender::new(0),
            detached_since: Mutex::new(None),
        });
        tokio::spawn(run_errands(Arc::downgrade(&live), Arc::clone(self)));
        let crowded_out = {
            let mut all = self.lock();
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

    fn producer(&self, config: &Arc<ProducerConfig>) -> Result<Producer<TraceBuffer>, getrandom::Error> {
        let observer = TraceBuffer::new(Lane::default(), ProducerIndex::default());
        let seed = getrandom::u64()?;
        Ok(Producer::new(Arc::clone(config), self.backend.bootstrap_addresses(), seed, observer))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what a session asks for, for as long as it lives, whether or not a page is attached.
async fn run_errands(live: std::sync::Weak<Live>, sessions: Arc<Sessions>) {
    loop {
        let Some(errands) = live.upgrade().map(|live| Arc::clone(&live.errands)) else { return };
        // The session may end while nothing is asked for: look again from time to time.
        let _ = tokio::time::timeout(RETENTION, errands.notified()).await;
        let Some(live) = live.upgrade() else { return };
        while let Some(request) = live.driver.inspect(|_, session| session.next_request()) {
            match request {
                SessionRequest::Reconfigure(config) => {
                    live.driver.with(|producer, _, now| producer.close(now, None));
                    live.driver.until(|producer, _, _| producer.is_closed()).await;
                    match sessions.producer(&config) {
                        Ok(producer) => {
                            live.driver.replace_producer(producer);
                            live.driver.with(|_, session, _| session.on_new_producer());
                        }
                        Err(error) => tracing::error!(%error, "no entropy for a new producer"),
                    }
                }
                SessionRequest::Describe(topic) => {
                    let (backend, live) = (Arc::clone(&sessions.backend), Arc::clone(&live));
                    tokio::spawn(async move {
                        if let Some(topology) = backend.describe(&topic).await {
                            live.driver.with(|_, session, _| session.set_topology(topology));
                        }
                    });
                }
            }
        }
    }
}

impl Live {
    /// Hands a command to the session.
    pub(crate) fn command(&self, command: Command) {
        self.driver.with(|_, session, _| session.handle_command(command));
    }

    /// The next reports, at most `limit`, what happened since the last time among them if the page has credit for it.
    pub(crate) fn take_reports(&self, limit: usize) -> Vec<Report> {
        self.driver.inspect(|producer, session| {
            if session.wants_trace() {
                let observer = producer.observer_mut();
                if !observer.is_empty() {
                    let events = observer.take(self.clock.now().instant());
                    session.offer_trace(events);
                }
            }
            core::iter::from_fn(|| session.next_report()).take(limit).collect()
        })
    }

    /// Waits until there may be reports.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    fn detached_for(&self) -> Option<Duration> {
        let since = *self.detached_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map(|since| since.elapsed())
    }

    /// Settles everything and closes the producer.
    async fn close(&self) {
        self.driver.with(|_, session, _| session.stop());
        self.driver.until(|_, session, _| session.is_settled()).await;
        self.driver.with(|producer, _, now| producer.close(now, None));
        self.driver.until(|producer, _, _| producer.is_closed()).await;
    }
}

impl Attachment {
    /// Waits until another socket attaches to the same session.
    pub(crate) async fn superseded(&mut self) {
        let number = self.number;
        // An error means that the session is gone, which ends the attachment just as well.
        let _ = self.newest.wait_for(|&newest| newest > number).await;
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if *self.newest.borrow() == self.number {
            *self.live.detached_since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }
}
