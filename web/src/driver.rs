//! The page's only loop and only effects: frames, the socket, timers, the address bar. What to do is decided in [`Store`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use core::time::Duration;

use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use producer_core::bridge::{Command, FrameError, Habit, RecordSpec, Report};
use producer_core::time::Instant;
use wasm_bindgen::JsValue;
use yew::Callback;

use crate::address::{BridgeAddress, token_of};
use crate::alerts::Alert;
use crate::app::FIRST_SPEED;
use crate::frame::{Canvas, Frame};
use crate::source::bridge::{Connection, Event};
use crate::source::in_page::InPage;
use crate::storage::{self, Memory};
use crate::store::Store;
use crate::view::{Clock, Ending, Link, Speed, View};

/// The virtual DOM is compared at most this often.
const VIEW_EVERY_MS: f64 = 100.0;
/// Of a frame's 16 ms, this much may go to the world; the rest is for drawing and for the browser.
const WORLD_BUDGET_MS: f64 = 6.0;
/// A frame that comes later than this found the tab hidden or the machine asleep: time stood still meanwhile.
const LONGEST_FRAME_MS: f64 = 100.0;
/// What a move without a duration of its own takes for the eye.
const LEG: Duration = Duration::from_millis(320);
/// First pause before connecting again; doubles up to [`LONGEST_PAUSE_MS`].
const FIRST_PAUSE_MS: u32 = 250;
const LONGEST_PAUSE_MS: u32 = 4_000;
/// A bridge keeps a session for two minutes; after that there is nothing to come back to.
const GIVE_UP_AFTER_MS: f64 = 120_000.0;

/// The world that is spoken to.
enum Source {
    InPage(Box<InPage>),
    Bridge(Box<Bridge>),
}

struct Bridge {
    address: BridgeAddress,
    connection: Option<Connection>,
    /// Did it ever say hello?
    was_welcome: bool,
    /// When the connection broke, on the browser's clock.
    lost_at_ms: Option<f64>,
    attempt: u32,
    /// The next try; dropped with the bridge, it does not go off.
    retry: Option<Timeout>,
    /// The world's time of the newest event, and when it came, on the browser's clock.
    heard: Option<(Instant, f64)>,
}

struct Inner {
    store: RefCell<Store>,
    source: RefCell<Source>,
    speed: Cell<Speed>,
    topic: RefCell<Arc<str>>,
    canvas: Canvas,
    on_view: Callback<View>,
    next_frame: RefCell<Option<AnimationFrame>>,
    last_frame_ms: Cell<Option<f64>>,
    last_view_ms: Cell<f64>,
    is_stale: Cell<bool>,
    /// Which connection events count: those of a connection that was given up come late.
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
            source: RefCell::new(Source::InPage(Box::new(InPage::new(seed())))),
            speed: Cell::new(FIRST_SPEED),
            topic: RefCell::new(topic.into()),
            canvas,
            on_view,
            next_frame: RefCell::new(None),
            last_frame_ms: Cell::new(None),
            last_view_ms: Cell::new(f64::MIN),
            is_stale: Cell::new(true),
            connections: Cell::new(0),
        }));
        let inner = Rc::downgrade(&driver.0);
        driver.0.canvas.on_wake(Callback::from(move |()| {
            if let Some(inner) = inner.upgrade() {
                Self(inner).ask_for_frame();
            }
        }));
        match bridge_of_this_page() {
            Some(address) => driver.connect(address),
            None => driver.stay_in_page(),
        }
        driver
    }

    /// The state for the first rendering.
    pub(crate) fn view(&self) -> View {
        self.0.store.borrow().view().clone()
    }

    /// Sends records.
    pub(crate) fn send(&self, habit: Habit, record: RecordSpec, count: u32) {
        let command = self.0.store.borrow_mut().send(habit, record, count);
        self.tell(command);
    }

    /// Makes a new producer with these properties.
    pub(crate) fn configure(&self, properties: Vec<(Arc<str>, Arc<str>)>) {
        self.tell(Command::Configure { properties });
    }

    /// Allows writes to a real cluster.
    pub(crate) fn arm(&self) {
        self.tell(Command::Arm);
    }

    /// The composer names another topic.
    pub(crate) fn look_at(&self, topic: &str) {
        *self.0.topic.borrow_mut() = topic.into();
        let command = self.0.store.borrow_mut().look_at(topic.into());
        self.tell(command);
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

    /// Goes to a bridge, and remembers it for this tab.
    pub(crate) fn connect(&self, address: BridgeAddress) {
        let store = Store::new(Link::Connecting, &self.0.topic.borrow());
        self.0.store.replace(store);
        self.go_to(address);
    }

    /// Tries the bridge once more that was given up. What the ledger holds stays.
    pub(crate) fn connect_again(&self) {
        let address = match &*self.0.source.borrow() {
            Source::Bridge(bridge) => bridge.address.clone(),
            Source::InPage(_) => return,
        };
        self.0.store.borrow_mut().set_link(Link::Connecting);
        self.go_to(address);
    }

    fn go_to(&self, address: BridgeAddress) {
        Memory::Tab.set(storage::BRIDGE, Some(&format!("http://{}/#token={}", address.host, address.token)));
        self.0.source.replace(Source::Bridge(Box::new(Bridge {
            address,
            connection: None,
            was_welcome: false,
            lost_at_ms: None,
            attempt: 0,
            retry: None,
            heard: None,
        })));
        self.open_connection();
        self.changed();
    }

    /// Leaves the bridge for a new world in the page.
    pub(crate) fn stay_in_page(&self) {
        Memory::Tab.set(storage::BRIDGE, None);
        let store = Store::new(Link::InPage, &self.0.topic.borrow());
        let hello = store.hello();
        self.0.store.replace(store);
        self.0.source.replace(Source::InPage(Box::new(InPage::new(seed()))));
        self.tell(hello);
    }

    /// Gives the world a command.
    fn tell(&self, command: Command) {
        self.pass(command);
        self.changed();
    }

    fn pass(&self, command: Command) {
        match &mut *self.0.source.borrow_mut() {
            Source::InPage(world) => world.command(command),
            Source::Bridge(bridge) => {
                // Without a connection only Hello and Describe are said, and both are said again on the next one.
                if let Some(connection) = &bridge.connection {
                    connection.command(&command);
                }
            }
        }
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
                let now = bridge.heard.map_or(Instant::ZERO, |(at, then_ms)| at + duration(now_ms() - then_ms));
                (Vec::new(), Clock { now, running: true, speed: Speed::Slower(1) }, false)
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
            Speed::Paused | Speed::Unbounded => Duration::from_micros(1),
        };
        let frame = Frame { scene: &store.view().scene, now: now.max(store.view().scene.at), leg };
        self.0.canvas.paint(&frame)
    }

    fn open_connection(&self) {
        let number = self.0.connections.get() + 1;
        self.0.connections.set(number);
        let mut source = self.0.source.borrow_mut();
        let Source::Bridge(bridge) = &mut *source else { return };
        let driver = Rc::downgrade(&self.0);
        let opened = Connection::open(&bridge.address, move |event| {
            if let Some(inner) = driver.upgrade().filter(|inner| inner.connections.get() == number) {
                Self(inner).on_event(event);
            }
        });
        match opened {
            Ok(connection) => bridge.connection = Some(connection),
            Err(_) => {
                drop(source);
                self.give_up(Ending::NotAdmitted);
            }
        }
    }

    fn on_event(&self, event: Event) {
        match event {
            Event::Opened => {
                let hello = self.0.store.borrow().hello();
                self.pass(hello);
            }
            Event::Reports(reports) => self.on_reports(reports),
            Event::Unreadable(FrameError::Version(version)) => self.give_up(Ending::OtherVersion(version)),
            Event::Unreadable(_) => self.give_up(Ending::Unreadable),
            Event::Closed { superseded: true } => self.give_up(Ending::TakenOver),
            Event::Closed { superseded: false } => self.on_lost(),
        }
    }

    fn on_reports(&self, reports: Vec<Report>) {
        if let Source::Bridge(bridge) = &mut *self.0.source.borrow_mut() {
            for report in &reports {
                match report {
                    Report::Welcome { .. } => {
                        bridge.was_welcome = true;
                        bridge.lost_at_ms = None;
                        bridge.attempt = 0;
                    }
                    Report::Trace { events } => {
                        if let Some(last) = events.last() {
                            bridge.heard = Some((last.at, now_ms()));
                        }
                    }
                    _ => {}
                }
            }
        }
        self.take(reports);
        self.ask_for_frame();
    }

    fn on_lost(&self) {
        let now_ms = now_ms();
        let attempt = match &mut *self.0.source.borrow_mut() {
            Source::Bridge(bridge) => {
                bridge.connection = None;
                let lost_at_ms = *bridge.lost_at_ms.get_or_insert(now_ms);
                (bridge.was_welcome && now_ms - lost_at_ms < GIVE_UP_AFTER_MS).then(|| {
                    bridge.attempt += 1;
                    let pause_ms = (FIRST_PAUSE_MS << (bridge.attempt - 1).min(10)).min(LONGEST_PAUSE_MS);
                    let driver = self.clone();
                    bridge.retry = Some(Timeout::new(pause_ms, move || driver.open_connection()));
                    bridge.attempt
                })
            }
            Source::InPage(_) => return,
        };
        match attempt {
            Some(attempt) => {
                self.0.store.borrow_mut().set_link(Link::Lost { attempt });
                self.changed();
            }
            None => self.give_up(Ending::NotAdmitted),
        }
    }

    fn give_up(&self, ending: Ending) {
        if let Source::Bridge(bridge) = &mut *self.0.source.borrow_mut() {
            bridge.connection = None;
            bridge.retry = None;
        }
        // What the closing connection still has to say is not heard any more.
        self.0.connections.set(self.0.connections.get() + 1);
        self.0.store.borrow_mut().give_up(ending);
        self.changed();
    }
}

/// The bridge that this page was opened for: by the token behind the address, or as this tab remembers. The token is
/// removed from the address bar, where it would be copied with the link.
fn bridge_of_this_page() -> Option<BridgeAddress> {
    let window = web_sys::window()?;
    let location = window.location();
    let fragment = location.hash().ok().unwrap_or_default();
    match token_of(fragment.trim_start_matches('#')) {
        Some(token) => {
            let path = format!("{}{}", location.pathname().ok()?, location.search().ok()?);
            // Fails only where pages may not change their own address (a local file).
            let _ = window.history().ok()?.replace_state_with_url(&JsValue::NULL, "", Some(&path));
            Some(BridgeAddress { host: location.host().ok()?, token })
        }
        None => BridgeAddress::parse(&Memory::Tab.get(storage::BRIDGE)?).ok(),
    }
}

/// Milliseconds since the page was loaded, as frames count them.
fn now_ms() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a frame or a session's length")]
fn duration(ms: f64) -> Duration {
    Duration::from_micros((ms.max(0.0) * 1_000.0) as u64)
}

/// The world in the page is the same at every visit.
const fn seed() -> u64 {
    42
}
