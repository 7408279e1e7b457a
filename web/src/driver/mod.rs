//! The loop and the effects of the page for records of one's own: frames, the socket, timers, the address bar. What to do
//! is decided in [`Store`].

mod bridges;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use core::time::Duration;

use gloo::render::{AnimationFrame, request_animation_frame};
use producer_core::bridge::{Command, Habit, RecordSpec, Report};
use producer_core::time::Instant;
use yew::Callback;

use self::bridges::{Bridge, Candidate};
use crate::address::BridgeAddress;
use crate::alerts::Alert;
use crate::app::FIRST_SPEED;
use crate::dom::now_ms;
use crate::frame::{Canvas, Frame, LEG, LONGEST_FRAME_MS, VIEW_EVERY_MS};
use crate::progress::Pace;
use crate::settings::{self, Properties};
use crate::source::codecs::{self, PageCodecs};
use crate::source::in_page::InPage;
use crate::storage::{self, Memory};
use crate::store::Store;
use crate::view::{Clock, Link, Speed, Trial, View};

/// Of a frame's 16 ms, this much may go to the world; the rest is for folding its trace, for drawing and for the browser.
const WORLD_BUDGET_MS: f64 = 4.0;

/// The world that is spoken to.
enum Source {
    InPage(Box<InPage>),
    Bridge(Box<Bridge>),
}

struct Inner {
    store: RefCell<Store>,
    source: RefCell<Source>,
    /// A bridge that has not said hello yet; until it does, nothing of the present world is given up.
    candidate: RefCell<Option<Candidate>>,
    speed: Cell<Speed>,
    topic: RefCell<Arc<str>>,
    canvas: Canvas,
    on_view: Callback<View>,
    next_frame: RefCell<Option<AnimationFrame>>,
    last_frame_ms: Cell<Option<f64>>,
    last_view_ms: Cell<f64>,
    is_stale: Cell<bool>,
    pace: RefCell<Pace>,
    /// A change of configuration that waits for its codecs.
    held: RefCell<Option<Command>>,
    /// Are the codecs being fetched?
    fetches_codecs: Cell<bool>,
    /// Connections so far: each has a number, and what comes late from one that was given up is not heard.
    connections: Cell<u32>,
}

/// Hands between the panels and the world.
#[derive(Clone)]
pub(crate) struct Driver(Rc<Inner>);

impl PartialEq for Driver {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Driver {
    /// Begins with the bridge that the address or this tab's memory names, else in the page.
    pub(crate) fn start(topic: &str, canvas: Canvas, on_view: Callback<View>) -> Self {
        let driver = Self(Rc::new(Inner {
            store: RefCell::new(Store::new(Link::InPage, topic)),
            source: RefCell::new(world_in_page()),
            candidate: RefCell::new(None),
            speed: Cell::new(FIRST_SPEED),
            topic: RefCell::new(topic.into()),
            canvas,
            on_view,
            next_frame: RefCell::new(None),
            last_frame_ms: Cell::new(None),
            last_view_ms: Cell::new(f64::MIN),
            is_stale: Cell::new(true),
            pace: RefCell::new(Pace::default()),
            held: RefCell::new(None),
            fetches_codecs: Cell::new(false),
            connections: Cell::new(0),
        }));
        let inner = Rc::downgrade(&driver.0);
        driver.0.canvas.on_wake(Callback::from(move |()| {
            if let Some(inner) = inner.upgrade() {
                Self(inner).ask_for_frame();
            }
        }));
        driver.begin();
        driver
    }

    /// The state for the first rendering.
    pub(crate) fn view(&self) -> View {
        self.0.store.borrow().view().clone()
    }

    /// Sends records, if there is somebody to send to.
    pub(crate) fn send(&self, habit: Habit, record: RecordSpec, count: u32) {
        let command = self.0.store.borrow_mut().send(habit, record, count);
        self.tell(command);
    }

    /// Has the program break off its loops; what was handed to `send()` stays sent.
    pub(crate) fn break_off(&self) {
        self.tell(Some(Command::BreakOff));
    }

    /// The page is being left, and nobody will look at what its program does.
    fn leave(&self) {
        if let Source::Bridge(bridge) = &*self.0.source.borrow() {
            bridge.command(&Command::BreakOff);
        }
    }

    /// Makes a new producer with these properties.
    pub(crate) fn configure(&self, properties: Properties) {
        let command = self.0.store.borrow_mut().configure(properties);
        self.tell(Some(command));
    }

    /// Allows writes to a real cluster.
    pub(crate) fn arm(&self) {
        self.tell(Some(Command::Arm));
    }

    /// The composer names another topic.
    pub(crate) fn look_at(&self, topic: &str) {
        *self.0.topic.borrow_mut() = topic.into();
        let command = self.0.store.borrow_mut().look_at(topic.into());
        self.tell(Some(command));
    }

    /// A person has read it.
    pub(crate) fn dismiss(&self, alert: &Alert) {
        self.0.store.borrow_mut().dismiss(alert);
        self.changed();
    }

    /// How fast the world in the page goes.
    pub(crate) fn set_speed(&self, speed: Speed) {
        self.0.speed.set(speed);
        self.changed();
    }

    /// Lets the world in the page go on to the next moment at which anything happens, and stops it there.
    pub(crate) fn step(&self) {
        self.0.speed.set(Speed::Paused);
        let reports = match &mut *self.0.source.borrow_mut() {
            Source::InPage(world) => world.step(),
            Source::Bridge(_) => Vec::new(),
        };
        self.take(reports);
        self.changed();
    }

    /// Goes to a bridge once it has said hello; until then, and if it never does, everything stays as it is.
    /// `done` is told when it takes over.
    pub(crate) fn connect(&self, address: BridgeAddress, done: Callback<()>) {
        self.try_bridge(address, done);
        self.changed();
    }

    /// A person has read why another bridge did not come about, or does not wait for it any more.
    pub(crate) fn forget_trial(&self) {
        self.0.candidate.replace(None);
        self.0.store.borrow_mut().set_trial(Trial::Idle);
        // Together with the dialog that closes: a frame later, the message would flash up where the dialog was.
        self.0.on_view.emit(self.view());
    }

    /// Tries the bridge once more that was given up. What the ledger holds stays.
    pub(crate) fn connect_again(&self) {
        self.go_back_to_bridge();
        self.changed();
    }

    /// Leaves the bridge for a new world in the page.
    pub(crate) fn stay_in_page(&self) {
        Memory::Tab.set(storage::BRIDGE, None);
        self.0.candidate.replace(None);
        self.begin_world(Link::InPage, world_in_page());
        let hello = self.0.store.borrow().hello();
        self.tell(Some(hello));
    }

    /// Another world: what is out in the old one is unknown from now on, and the new ledger says what it begins without.
    fn begin_world(&self, link: Link, source: Source) {
        let store = self.0.store.borrow().leave_for(link, &self.0.topic.borrow());
        self.0.store.replace(store);
        self.0.source.replace(source);
        self.0.held.replace(None);
    }

    /// Gives the world a command, and shows what that changed.
    fn tell(&self, command: Option<Command>) {
        if let Some(command) = command {
            self.pass(command);
        }
        self.changed();
    }

    fn pass(&self, command: Command) {
        if let Command::Configure { properties } = &command {
            // The newest one counts.
            let waits = self.must_fetch_codecs_for(properties);
            self.0.store.borrow_mut().set_fetches_codecs(waits);
            self.0.held.replace(waits.then(|| command.clone()));
            if waits {
                return self.fetch_codecs();
            }
        }
        match &mut *self.0.source.borrow_mut() {
            Source::InPage(world) => world.command(command),
            // What does not reach the bridge is said again on its next hello (`Store::apply`).
            Source::Bridge(bridge) => bridge.command(&command),
        }
    }

    /// A bridge has codecs of its own.
    fn must_fetch_codecs_for(&self, properties: &Properties) -> bool {
        let is_in_page = matches!(&*self.0.source.borrow(), Source::InPage(_));
        is_in_page && settings::compresses(properties) && !codecs::are_loaded()
    }

    fn fetch_codecs(&self) {
        if !self.0.fetches_codecs.replace(true) {
            let driver = self.clone();
            codecs::load(move |loaded| driver.on_codecs(loaded));
        }
    }

    /// The change of configuration takes its place in the program now; meanwhile the program went on as before.
    fn on_codecs(&self, loaded: Result<(), String>) {
        self.0.fetches_codecs.set(false);
        let Some(command) = self.0.held.take() else { return };
        match loaded {
            Ok(()) => self.pass(command),
            Err(reason) => self.0.store.borrow_mut().codecs_missing(reason),
        }
        self.changed();
    }

    fn take(&self, reports: Vec<Report>) {
        for report in reports {
            self.0.is_stale.set(true);
            let answers = self.0.store.borrow_mut().apply(report);
            for answer in answers {
                self.pass(answer);
            }
        }
    }

    /// Something is to be shown: with the next frame, not with the next tenth of a second.
    fn changed(&self) {
        self.0.is_stale.set(true);
        self.0.last_view_ms.set(f64::MIN);
        self.ask_for_frame();
    }

    fn ask_for_frame(&self) {
        let mut next = self.0.next_frame.borrow_mut();
        if next.is_none() {
            let driver = self.clone();
            *next = Some(request_animation_frame(move |now_ms| driver.frame(now_ms)));
        }
    }

    fn frame(&self, now_ms: f64) {
        self.0.next_frame.borrow_mut().take();
        let elapsed_ms = self.0.last_frame_ms.get().map_or(0.0, |last| (now_ms - last).clamp(0.0, LONGEST_FRAME_MS));
        let goes_on = self.let_time_pass(elapsed_ms);
        let moves = self.paint();
        if self.0.is_stale.get() && now_ms - self.0.last_view_ms.get() >= VIEW_EVERY_MS {
            self.0.is_stale.set(false);
            self.0.last_view_ms.set(now_ms);
            let progress = {
                let store = self.0.store.borrow();
                let view = store.view();
                let look = || self.0.pace.borrow_mut().look(now_ms, &view.ledger, view.clock);
                // Nobody can tell how far a lost bridge is.
                view.link.is_up().then(look).flatten()
            };
            self.0.store.borrow_mut().set_progress(progress);
            self.0.on_view.emit(self.view());
        }
        let time_passes = self.0.store.borrow().view().clock.running;
        if goes_on || (moves && time_passes) || self.0.is_stale.get() {
            self.0.last_frame_ms.set(Some(now_ms));
            self.ask_for_frame();
        } else {
            // The next frame begins anew: what passes until then is nobody's time.
            self.0.last_frame_ms.set(None);
        }
    }

    /// Says whether the world has more to do by itself.
    fn let_time_pass(&self, elapsed_ms: f64) -> bool {
        let speed = self.0.speed.get();
        let (reports, clock, goes_on) = match &mut *self.0.source.borrow_mut() {
            Source::InPage(world) => {
                let deadline = now_ms() + WORLD_BUDGET_MS;
                let reports = world.advance(duration(elapsed_ms), speed, || now_ms() < deadline);
                let running = speed != Speed::Paused;
                let clock = Clock { now: world.now(), running, speed };
                (reports, clock, running && world.is_busy())
            }
            Source::Bridge(bridge) => {
                let (now, running) = bridge.now(now_ms());
                let clock = Clock { now, running, speed: Speed::Slower(1) };
                (Vec::new(), clock, false)
            }
        };
        self.take(reports);
        if goes_on {
            // Rings and clocks on the screen go on even when nothing is told.
            self.0.is_stale.set(true);
        }
        self.0.store.borrow_mut().set_clock(clock);
        goes_on
    }

    fn paint(&self) -> bool {
        let store = self.0.store.borrow();
        let Clock { now, speed, .. } = store.view().clock;
        let leg = match speed {
            Speed::Slower(times) => LEG / times.max(1),
            Speed::Paused => Duration::from_micros(1),
            // Nothing is followed: at this speed a way has neither beginning nor end for the eye.
            Speed::Unbounded => Duration::ZERO,
        };
        let frame = Frame { scene: &store.view().scene, now: now.max(store.view().scene.at), leg };
        self.0.canvas.paint(&frame)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a frame or a session's length")]
fn duration(ms: f64) -> Duration {
    Duration::from_micros((ms.max(0.0) * 1_000.0) as u64)
}

/// The instant `since_ms` after another.
fn later(at: Instant, since_ms: f64) -> Instant {
    at + duration(since_ms)
}

fn world_in_page() -> Source {
    Source::InPage(Box::new(InPage::new(seed(), &PageCodecs)))
}

/// The world in the page is the same at every visit.
const fn seed() -> u64 {
    42
}
