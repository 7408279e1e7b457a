//! The one driver of the core on tokio: sockets, deadline and notifications in, requests out. It decides nothing.
//!
//! ```text
//!  program's threads                 the driver's task                     a task per connection
//!  ─────────────────                 ─────────────────                     ─────────────────────
//!  Driver::with ──lock──► producer ◄──lock── turn: input, drain, run,       connect, write, read,
//!        │                application         drain ── unlock ── outputs ──► decode
//!        └──── wakes ──────────────────────►   ▲                               │
//!                                              └────────── inputs ─────────────┘
//! ```
//!
//! The lock is held for state changes, and for compressing a batch where that is asked for: never across I/O, and never while
//! the program's own code (callbacks, wakers) runs.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use producer_core::application::Application;
use producer_core::ids::ConnectionId;
use producer_core::io::{Input, Output};
use producer_core::metrics::LoopTimes;
use producer_core::producer::{Producer, ReplacedTopic};
use producer_core::time::{Instant, Now};
use producer_core::trace::Observer;
use tokio::runtime::{self, Handle};
use tokio::sync::{Notify, mpsc};

use crate::clock::{CachedClock, Clock};
use crate::connection::{Connection, News};
use crate::deadlines;
use crate::loop_times::LoopWatch;
use crate::own_runtime::OwnRuntime;
use crate::transport::Connector;

/// Inputs taken in one turn, so that a flood of answers cannot keep the lock from the program.
const INPUTS_PER_TURN: usize = 64;
/// Rounds of `run` and draining in one turn; an application that still wants more gets it in the next.
const ROUNDS_PER_TURN: u32 = 8;

/// A producer, the application around it, and the task that connects both with sockets.
///
/// Dropping it ends the task: what is unsettled then is settled as by `close(0)`.
#[derive(Debug)]
pub struct Driver<O: Observer, A: Application<O>> {
    shared: Arc<Shared<O, A>>,
    /// Times the thread, where it is the driver's own and its producer is metered.
    watch: Option<Arc<LoopWatch>>,
    /// Where the thread is the driver's own.
    own: Option<OwnThread>,
}

/// A driver's own thread.
#[derive(Debug)]
struct OwnThread {
    id: ThreadId,
    /// Ends what waits for it.
    deadlines: Handle,
}

/// What the program's threads and the driver's task share.
#[derive(Debug)]
pub(crate) struct Shared<O: Observer, A: Application<O>> {
    state: Mutex<State<O, A>>,
    /// The task has something to do that no socket and no deadline tells it.
    wake: Notify,
    /// A blocked `send` is worth trying again.
    pub(crate) sends_may_proceed: Notify,
    /// A turn is over.
    turned: Notify,
}

#[derive(Debug)]
pub(crate) struct State<O: Observer, A: Application<O>> {
    pub(crate) producer: Producer<O>,
    pub(crate) application: A,
    pub(crate) clock: CachedClock,
    /// Counts the producers that stood here; connections belong to one of them.
    generation: u32,
    stopping: bool,
    ended: bool,
}

impl<O, A> Driver<O, A>
where
    O: Observer + Send + 'static,
    A: Application<O> + Send + 'static,
{
    /// Starts the task on the current tokio runtime; many of them share its threads. `after_turn` runs on it after every
    /// turn, without the lock: the place for what the application has for the outside world.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        producer: Producer<O>,
        application: A,
        clock: Clock,
        after_turn: impl FnMut() + Send + 'static,
    ) -> Self {
        let (driver, task) = Self::parts(producer, application, clock, Box::new(after_turn), None);
        tokio::spawn(task.run());
        driver
    }

    /// As [`start`](Self::start), with a thread and a runtime for the task alone, as the Java client has its sender's
    /// thread: whatever the program does on its own runtime keeps nothing from being sent or timed, and a `send` wakes one
    /// thread where a runtime of several would wake another one to look for more work. If the producer is metered, the
    /// thread's time is measured.
    ///
    /// # Errors
    /// The operating system gives no thread, or no descriptors to wait for sockets with.
    pub fn start_on_own_thread(
        name: &str,
        mut producer: Producer<O>,
        application: A,
        clock: Clock,
        after_turn: impl FnMut() + Send + 'static,
    ) -> io::Result<Self> {
        let deadlines = deadlines::runtime()?;
        let mut runtime = runtime::Builder::new_current_thread();
        let watch = producer.times_loop().then(|| LoopWatch::of(&mut runtime, clock));
        let runtime = OwnRuntime::from(runtime.enable_all().build()?);
        let (mut driver, task) = Self::parts(producer, application, clock, Box::new(after_turn), watch);
        // A name that the operating system cannot take would be a panic.
        let thread = thread::Builder::new().name(name.replace('\0', " "));
        let thread = thread.spawn(move || runtime.block_on(task.run()))?;
        driver.own = Some(OwnThread { id: thread.thread().id(), deadlines });
        Ok(driver)
    }

    fn parts(
        producer: Producer<O>,
        application: A,
        clock: Clock,
        after_turn: Box<dyn FnMut() + Send>,
        watch: Option<Arc<LoopWatch>>,
    ) -> (Self, Task<O, A>) {
        let connector = Connector::with_buffers(producer.socket_buffers());
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                producer,
                application,
                clock: CachedClock::new(clock),
                generation: 0,
                stopping: false,
                ended: false,
            }),
            wake: Notify::new(),
            sends_may_proceed: Notify::new(),
            turned: Notify::new(),
        });
        let task = Task::new(Arc::clone(&shared), clock, after_turn, watch.clone(), connector);
        (Self { shared, watch, own: None }, task)
    }

    /// Is the caller on the driver's own thread, as `after_turn` is? What waits for the driver there waits for ever.
    pub(crate) fn is_own_thread(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.id == thread::current().id())
    }

    /// Waits for `what`, until `deadline` at most; `None`: in vain. Where the driver has a thread of its own, neither what that
    /// thread does nor the caller's clock, which may be paused, makes it longer.
    pub(crate) async fn before<T>(
        &self,
        deadline: Option<std::time::Instant>,
        what: impl Future<Output = T>,
    ) -> Option<T> {
        let Some(deadline) = deadline else { return Some(what.await) };
        let over = {
            let _entered = self.own.as_ref().map(|own| own.deadlines.enter());
            tokio::time::sleep_until(deadline.into())
        };
        tokio::select! {
            biased;
            outcome = what => Some(outcome),
            () = over => None,
        }
    }

    /// Somebody reads metrics: from now on the thread's time is measured.
    pub(crate) fn time_the_loop(&self) {
        if let Some(watch) = &self.watch {
            watch.ask();
        }
    }

    /// Does something with producer and application, then has the task take a turn. Keep it short: the sender waits.
    pub fn with<R>(&self, act: impl FnOnce(&mut Producer<O>, &mut A, Now) -> R) -> R {
        let mut state = self.shared.lock();
        let state = &mut *state;
        let now = state.clock.read();
        let result = act(&mut state.producer, &mut state.application, now);
        self.shared.wake();
        result
    }

    /// As [`with`](Self::with), but the task is not woken: for what changes nothing the producer could act upon, such as
    /// taking reports from the application.
    pub fn inspect<R>(&self, look: impl FnOnce(&mut Producer<O>, &mut A) -> R) -> R {
        let mut state = self.shared.lock();
        let state = &mut *state;
        look(&mut state.producer, &mut state.application)
    }

    /// Waits until `holds`, asked now and after every turn. `false`: it does not hold, and the task has ended.
    pub async fn until(&self, mut holds: impl FnMut(&mut Producer<O>, &mut A, Now) -> bool) -> bool {
        loop {
            let turned = self.shared.turned.notified();
            {
                let mut state = self.shared.lock();
                let state = &mut *state;
                let now = state.clock.read();
                if holds(&mut state.producer, &mut state.application, now) {
                    return true;
                }
                if state.ended {
                    return false;
                }
            }
            turned.await;
        }
    }

    /// Waits until the task has ended.
    pub async fn ended(&self) {
        self.until(|_, _, _| false).await;
    }

    /// Puts another producer in the place of the present one, which should be closed: its connections are dropped, and
    /// with them the answers it might still wait for.
    ///
    /// `successor` makes the new one from the old one, whose observer may hold facts that nobody has taken; it runs under
    /// the lock. Gives the old one back.
    pub fn replace_producer(&self, successor: impl FnOnce(&mut Producer<O>) -> Producer<O>) -> Producer<O> {
        let mut state = self.shared.lock();
        let producer = successor(&mut state.producer);
        state.generation += 1;
        self.shared.wake();
        core::mem::replace(&mut state.producer, producer)
    }

    /// Ends the task; what is unsettled is settled as by `close(0)`. Close the producer before to avoid that.
    pub async fn stop(&self) {
        self.shared.stop();
        self.ended().await;
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<O, A>> {
        &self.shared
    }
}

impl<O: Observer, A: Application<O>> Drop for Driver<O, A> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl<O: Observer, A: Application<O>> Shared<O, A> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<O, A>> {
        // Poisoned: the core broke off in mid-change. Its panic was told; refusing every later call as well would turn one
        // failed producer into a failed program.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn stop(&self) {
        self.lock().stopping = true;
        self.wake();
    }
}

impl<O: Observer, A: Application<O>> State<O, A> {
    /// Drains the producer: completions go to the application, the rest to `outputs`.
    fn drain(&mut self, now: Now, outputs: &mut Vec<Output>) -> Drained {
        let mut application_has_news = false;
        loop {
            match self.producer.poll_output(now) {
                Output::Completed(completion) => {
                    application_has_news = true;
                    self.application.on_completed(now, &completion, &mut self.producer);
                }
                Output::Wait { until, .. } => return Drained { until, application_has_news },
                output => {
                    application_has_news |= output == Output::SendsMayProceed;
                    outputs.push(output);
                }
            }
        }
    }

    /// Takes the inputs one by one and lets the application have its turn. Returns the next deadline.
    fn turn(&mut self, now: Now, inputs: &mut Vec<News>, outputs: &mut Vec<Output>) -> Option<Instant> {
        for News { input, traffic } in inputs.drain(..) {
            if let Some(connection) = input.connection() {
                self.producer.note_traffic(now, connection, traffic);
            }
            self.producer.handle_input(now, input);
            self.drain(now, outputs);
        }
        for _ in 0..ROUNDS_PER_TURN {
            let wish = self.application.run(now, &mut self.producer);
            let drained = self.drain(now, outputs);
            if !drained.application_has_news {
                return earlier(wish, drained.until);
            }
        }
        Some(now.instant())
    }
}

/// What draining the producer led to.
struct Drained {
    until: Option<Instant>,
    /// Was anything said that the application may be waiting for?
    application_has_news: bool,
}

fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The driver's task.
struct Task<O: Observer, A: Application<O>> {
    shared: Arc<Shared<O, A>>,
    clock: Clock,
    after_turn: Box<dyn FnMut() + Send>,
    /// Of the thread, if it is the task's own and somebody asked.
    watch: Option<Arc<LoopWatch>>,
    connector: Connector,
    connections: BTreeMap<ConnectionId, Connection>,
    generation: u32,
    inputs_in: mpsc::UnboundedSender<News>,
    inputs_out: mpsc::UnboundedReceiver<News>,
}

impl<O: Observer, A: Application<O>> Task<O, A> {
    fn new(
        shared: Arc<Shared<O, A>>,
        clock: Clock,
        after_turn: Box<dyn FnMut() + Send>,
        watch: Option<Arc<LoopWatch>>,
        connector: Connector,
    ) -> Self {
        // Unbounded, yet small: every input answers one request, and the core bounds those by
        // max.in.flight.requests.per.connection.
        let (inputs_in, inputs_out) = mpsc::unbounded_channel();
        Self {
            shared,
            clock,
            after_turn,
            watch,
            connector,
            connections: BTreeMap::new(),
            generation: 0,
            inputs_in,
            inputs_out,
        }
    }

    async fn run(mut self) {
        let mut inputs = Vec::with_capacity(INPUTS_PER_TURN);
        let mut outputs = Vec::new();
        loop {
            let times = self.watch.as_deref().map(LoopWatch::turn_begins);
            let Some(deadline) = self.turn(times, &mut inputs, &mut outputs) else { return };
            for output in outputs.drain(..) {
                self.execute(output);
            }
            (self.after_turn)();
            self.shared.turned.notify_waiters();
            if let Some(watch) = &self.watch {
                watch.turn_ends();
            }
            self.wait(deadline, &mut inputs).await;
        }
    }

    /// Waits until there is something to do.
    async fn wait(&mut self, deadline: Option<tokio::time::Instant>, inputs: &mut Vec<News>) {
        tokio::select! {
            _ = self.inputs_out.recv_many(inputs, INPUTS_PER_TURN) => {}
            () = self.shared.wake.notified() => {}
            () = sleep_until(deadline) => inputs.push(Input::Wake.into()),
        }
    }

    /// One turn under the lock. `None`: the driver is to end; else the runtime's instant of the next deadline, if any.
    fn turn(
        &mut self,
        times: Option<LoopTimes>,
        inputs: &mut Vec<News>,
        outputs: &mut Vec<Output>,
    ) -> Option<Option<tokio::time::Instant>> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if state.stopping {
            return None;
        }
        if state.generation != self.generation {
            // What the old producer's connections still say must not reach the new one, which uses the same names.
            self.generation = state.generation;
            self.connections.clear();
            (self.inputs_in, self.inputs_out) = mpsc::unbounded_channel();
            inputs.clear();
        }
        for news in &*inputs {
            if let Input::Disconnected { connection, .. } = &news.input {
                self.connections.remove(connection);
            }
        }
        let now = self.clock.now();
        state.clock.set(now);
        match times {
            Some(times) => state.producer.note_loop(now, times),
            None => state.producer.note_turn(now),
        }
        let until = state.turn(now, inputs, outputs);
        let replaced = state.producer.take_replaced_topics();
        drop(state);
        replaced.iter().for_each(warn_of);
        Some(until.and_then(|until| self.clock.deadline(until)).map(Into::into))
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::Connect { connection, node, address } => {
                tracing::debug!(%connection, %node, %address, "connecting");
                let opened = Connection::open(connection, address, self.connector.clone(), self.inputs_in.clone());
                self.connections.insert(connection, opened);
            }
            Output::Transmit { connection, request } => {
                // A connection that is gone has said so, and the core will hear it.
                if let Some(connection) = self.connections.get(&connection) {
                    connection.transmit(request);
                }
            }
            Output::Close { connection } => {
                self.connections.remove(&connection);
            }
            Output::SendsMayProceed => self.shared.sends_may_proceed.notify_waiters(),
            Output::Completed(_) | Output::Wait { .. } => unreachable!("taken by State::drain"),
        }
    }
}

fn warn_of(ReplacedTopic { name, before, id }: &ReplacedTopic) {
    // As Kafka's tools print ids.
    let [before, now] = [before, id].map(|id| URL_SAFE_NO_PAD.encode(id.0));
    tracing::warn!(topic = %name, %before, %now, "the topic was deleted and made anew; records meant for the old one go on to it");
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => core::future::pending().await,
    }
}

impl<O: Observer, A: Application<O>> Drop for Task<O, A> {
    /// However the task ends (stopped, runtime shut down, a panic in a callback), nobody is left waiting for a batch.
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        let broken = shared.state.is_poisoned();
        {
            let mut state = shared.lock();
            let state = &mut *state;
            state.ended = true;
            if !broken {
                let now = self.clock.now();
                state.producer.close(now, Some(Duration::ZERO));
                state.turn(now, &mut vec![Input::Wake.into()], &mut Vec::new());
            }
        }
        (self.after_turn)();
        shared.sends_may_proceed.notify_waiters();
        shared.turned.notify_waiters();
    }
}
