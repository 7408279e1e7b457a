//! Bridges: the one that is spoken to, the one that is tried, and when to give up.

use gloo::events::{EventListener, EventListenerOptions};
use gloo::timers::callback::Timeout;
use producer_core::bridge::{Command, FrameError, Report};
use producer_core::time::Instant;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use yew::Callback;

use super::{Driver, Source, later, now_ms};
use crate::address::{AddressError, BridgeAddress, token_of};
use crate::alerts::Alert;
use crate::source::bridge::{Closed, Connection, Event, is_refused};
use crate::storage::{self, Memory};
use crate::view::{Ending, Link, Trial};

/// First pause before connecting again; doubles up to [`LONGEST_PAUSE_MS`].
const FIRST_PAUSE_MS: u32 = 250;
const LONGEST_PAUSE_MS: u32 = 4_000;
/// A bridge keeps a session for two minutes; after that there is nothing to come back to.
const GIVE_UP_AFTER_MS: f64 = 120_000.0;

/// The bridge that is spoken to.
pub(super) struct Bridge {
    address: BridgeAddress,
    /// With its number.
    connection: Option<(u32, Connection)>,
    /// Did it ever say hello?
    was_welcome: bool,
    /// Since when it is lost, on the browser's clock.
    lost_at_ms: Option<f64>,
    attempt: u32,
    /// The next try; dropped with the bridge, it does not go off.
    retry: Option<Timeout>,
    /// The world's time of the newest event, and when it came, on the browser's clock.
    heard: Option<(Instant, f64)>,
    /// The world's time when the connection broke: nobody tells it any more.
    stopped_at: Option<Instant>,
}

impl Bridge {
    fn at(address: BridgeAddress) -> Self {
        Self {
            address,
            connection: None,
            was_welcome: false,
            lost_at_ms: None,
            attempt: 0,
            retry: None,
            heard: None,
            stopped_at: None,
        }
    }

    /// Sends a command, if there is a connection to send it on.
    pub(super) fn command(&self, command: &Command) {
        if let Some((_, connection)) = &self.connection {
            connection.command(command);
        }
    }

    /// Its world's time, and whether it passes as far as anybody here can tell.
    pub(super) fn now(&self, now_ms: f64) -> (Instant, bool) {
        let goes_on = || self.heard.map_or(Instant::ZERO, |(at, then_ms)| later(at, now_ms - then_ms));
        (self.stopped_at.unwrap_or_else(goes_on), self.stopped_at.is_none())
    }

    fn stop_the_clock(&mut self, now_ms: f64) {
        self.stopped_at = Some(self.now(now_ms).0);
    }

    fn hear(&mut self, report: &Report) {
        match report {
            Report::Welcome { recovered, .. } => {
                self.was_welcome = true;
                self.lost_at_ms = None;
                self.stopped_at = None;
                // Another session's time is another.
                self.heard = self.heard.filter(|_| *recovered);
                self.attempt = 0;
            }
            Report::Trace { events } => {
                if let Some(last) = events.last() {
                    self.heard = Some((last.at, now_ms()));
                }
            }
            _ => {}
        }
    }

    /// The connection broke. How long to wait before the next one; `None`: there is nothing to come back to.
    fn lose(&mut self, now_ms: f64) -> Option<u32> {
        self.connection = None;
        self.stop_the_clock(now_ms);
        let lost_at_ms = *self.lost_at_ms.get_or_insert(now_ms);
        (self.was_welcome && now_ms - lost_at_ms < GIVE_UP_AFTER_MS).then(|| {
            self.attempt += 1;
            (FIRST_PAUSE_MS << (self.attempt - 1).min(10)).min(LONGEST_PAUSE_MS)
        })
    }
}

/// A bridge that has not said hello yet.
pub(super) struct Candidate {
    address: BridgeAddress,
    number: u32,
    connection: Connection,
    /// Told when it takes over.
    done: Callback<()>,
}

impl Driver {
    /// Begins with the bridge that the address or this tab's memory names, else in the page; and follows the address.
    pub(super) fn begin(&self) {
        match bridge_of_this_page() {
            Some(Ok(address)) => self.go_to(address),
            Some(Err(error)) => {
                self.stay_in_page();
                self.0.store.borrow_mut().alert(Alert::BadAddress(error));
            }
            None => {
                self.stay_in_page();
                if is_served_by_a_bridge() {
                    self.0.store.borrow_mut().alert(Alert::NoToken);
                }
            }
        }
        let driver = self.clone();
        if let Some(window) = web_sys::window() {
            // The printed line opened in a tab that shows the page already changes the fragment alone.
            let listener = EventListener::new(&window, "hashchange", move |_| match token_in_the_address() {
                Some(Ok(address)) => driver.connect(address, Callback::noop()),
                Some(Err(error)) => {
                    driver.0.store.borrow_mut().alert(Alert::BadAddress(error));
                    driver.changed();
                }
                None => {}
            });
            let driver = self.clone();
            let leaving = EventListener::new(&window, "pagehide", move |_| driver.leave());
            let driver = self.clone();
            let passive = EventListenerOptions::enable_prevent_default();
            let asked = EventListener::new_with_options(&window, "beforeunload", passive, move |event| {
                // The browser asks in its own words whether to stay.
                if driver.would_lose() {
                    event.prevent_default();
                }
            });
            // For as long as the page lives.
            [listener, leaving, asked].into_iter().for_each(EventListener::forget);
        }
    }

    /// Opens a connection to a bridge that may take the place of the present world.
    pub(super) fn try_bridge(&self, address: BridgeAddress, done: Callback<()>) {
        let number = self.next_number();
        self.0.store.borrow_mut().set_trial(Trial::Trying);
        let host = address.host.clone();
        match self.open(&address, number) {
            Ok(connection) => {
                self.0.candidate.replace(Some(Candidate { address, number, connection, done }));
            }
            Err(_) => self.reject_candidate(not_admitted_by(&host)),
        }
    }

    /// Opens a connection to the bridge that was given up.
    pub(super) fn go_back_to_bridge(&self) {
        let address = match &*self.0.source.borrow() {
            Source::Bridge(bridge) => bridge.address.clone(),
            Source::InPage(_) => return,
        };
        self.go_to(address);
    }

    /// Speaks to this bridge and no other; what the store holds stays.
    fn go_to(&self, address: BridgeAddress) {
        self.remember(&address);
        self.0.store.borrow_mut().set_link(Link::Connecting);
        self.0.source.replace(Source::Bridge(Box::new(Bridge::at(address))));
        self.open_connection();
    }

    fn remember(&self, address: &BridgeAddress) {
        Memory::Tab.set(storage::BRIDGE, Some(&address.line()));
    }

    fn next_number(&self) -> u32 {
        let number = self.0.connections.get() + 1;
        self.0.connections.set(number);
        number
    }

    fn open(&self, address: &BridgeAddress, number: u32) -> Result<Connection, JsValue> {
        let driver = std::rc::Rc::downgrade(&self.0);
        Connection::open(address, move |event| {
            if let Some(inner) = driver.upgrade() {
                Self(inner).on_event(number, event);
            }
        })
    }

    fn open_connection(&self) {
        let number = self.next_number();
        let address = match &*self.0.source.borrow() {
            Source::Bridge(bridge) => bridge.address.clone(),
            Source::InPage(_) => return,
        };
        match self.open(&address, number) {
            Ok(connection) => {
                if let Source::Bridge(bridge) = &mut *self.0.source.borrow_mut() {
                    bridge.connection = Some((number, connection));
                }
            }
            Err(_) => self.give_up(not_admitted_by(&address.host)),
        }
    }

    fn on_event(&self, number: u32, event: Event) {
        let is_spoken_to = match &*self.0.source.borrow() {
            Source::Bridge(bridge) => bridge.connection.as_ref().is_some_and(|(current, _)| *current == number),
            Source::InPage(_) => false,
        };
        if is_spoken_to {
            return self.on_bridge_event(event);
        }
        let is_candidate = self.0.candidate.borrow().as_ref().is_some_and(|candidate| candidate.number == number);
        if is_candidate {
            self.on_candidate_event(event);
        }
        // Else it comes late, from a connection that was given up.
    }

    fn on_candidate_event(&self, event: Event) {
        match event {
            Event::Opened => {
                if let Some(candidate) = &*self.0.candidate.borrow() {
                    candidate.connection.command(&Command::Hello { resume: None });
                }
            }
            Event::Reports(reports) => {
                let Some(Candidate { address, number, connection, done }) = self.0.candidate.take() else { return };
                self.remember(&address);
                let bridge = Bridge { connection: Some((number, connection)), ..Bridge::at(address) };
                self.begin_world(Link::Connecting, Source::Bridge(Box::new(bridge)));
                self.on_reports(reports);
                self.changed();
                done.emit(());
            }
            Event::Unreadable(error) => self.reject_candidate(unreadable(error)),
            Event::Closed(closed) => {
                let address = self.0.candidate.borrow().as_ref().map(|candidate| candidate.address.clone());
                match (ending(closed), address) {
                    (Some(ending), _) => self.reject_candidate(ending),
                    (None, Some(address)) => {
                        self.reject_candidate(not_admitted_by(&address.host));
                        self.ask_whether_it_was_the_token(address);
                    }
                    (None, None) => {}
                }
            }
        }
    }

    fn reject_candidate(&self, ending: Ending) {
        self.0.candidate.replace(None);
        self.0.store.borrow_mut().set_trial(Trial::Failed(ending));
        self.changed();
    }

    fn on_bridge_event(&self, event: Event) {
        match event {
            Event::Opened => {
                let hello = self.0.store.borrow().hello();
                self.pass(hello);
            }
            Event::Reports(reports) => self.on_reports(reports),
            Event::Unreadable(error) => self.give_up(unreadable(error)),
            Event::Closed(closed) => match ending(closed) {
                Some(ending) => self.give_up(ending),
                None => self.on_lost(),
            },
        }
    }

    fn on_reports(&self, reports: Vec<Report>) {
        if let Source::Bridge(bridge) = &mut *self.0.source.borrow_mut() {
            reports.iter().for_each(|report| bridge.hear(report));
        }
        self.take(reports);
        self.ask_for_frame();
    }

    fn on_lost(&self) {
        let attempt = match &mut *self.0.source.borrow_mut() {
            Source::Bridge(bridge) => bridge.lose(now_ms()).map(|pause_ms| {
                let driver = self.clone();
                bridge.retry = Some(Timeout::new(pause_ms, move || driver.open_connection()));
                bridge.attempt
            }),
            Source::InPage(_) => return,
        };
        match attempt {
            Some(attempt) => {
                self.0.store.borrow_mut().set_link(Link::Lost { attempt });
                self.changed();
                self.ask_whether_admitted();
            }
            None => {
                let address = match &*self.0.source.borrow() {
                    Source::Bridge(bridge) => bridge.address.clone(),
                    Source::InPage(_) => return,
                };
                self.give_up(not_admitted_by(&address.host));
                self.ask_whether_admitted();
            }
        }
    }

    /// Gives a lost bridge up at once if another start of it answers there, which has another token.
    fn ask_whether_admitted(&self) {
        let address = match &*self.0.source.borrow() {
            Source::Bridge(bridge) => bridge.address.clone(),
            Source::InPage(_) => return,
        };
        let driver = self.clone();
        spawn_local(async move {
            if !is_refused(&address).await {
                return;
            }
            let is_still_lost = match &*driver.0.source.borrow() {
                Source::Bridge(bridge) => bridge.address == address && bridge.lost_at_ms.is_some(),
                Source::InPage(_) => false,
            };
            if is_still_lost {
                driver.give_up(Ending::OldToken);
            }
        });
    }

    /// Says of a bridge that did not let us in that it was for the token, if it was.
    fn ask_whether_it_was_the_token(&self, address: BridgeAddress) {
        let driver = self.clone();
        spawn_local(async move {
            let is_told = |driver: &Self| {
                matches!(driver.0.store.borrow().view().trial, Trial::Failed(Ending::NotAdmitted { .. }))
            };
            if is_refused(&address).await && is_told(&driver) {
                driver.reject_candidate(Ending::OldToken);
            }
        });
    }

    /// Records are out whose outcome a page that is loaded again will not be told.
    fn would_lose(&self) -> bool {
        let is_bridge = matches!(&*self.0.source.borrow(), Source::Bridge(_));
        is_bridge && self.view().link.is_up() && self.view().ledger.counts().waiting > 0
    }

    fn give_up(&self, ending: Ending) {
        if let Source::Bridge(bridge) = &mut *self.0.source.borrow_mut() {
            bridge.connection = None;
            bridge.retry = None;
            bridge.stop_the_clock(now_ms());
        }
        self.0.store.borrow_mut().give_up(ending);
        self.changed();
    }
}

/// Does this page come from a bridge? The bridge says so in the page's head.
fn is_served_by_a_bridge() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    document.is_some_and(|document| {
        document.query_selector("meta[name=playground-bridge]").is_ok_and(|meta| meta.is_some())
    })
}

/// A bridge at this host did not let us in.
fn not_admitted_by(host: &str) -> Ending {
    let here = web_sys::window().and_then(|window| window.location().host().ok());
    Ending::NotAdmitted { own: here.as_deref() == Some(host) }
}

fn unreadable(error: FrameError) -> Ending {
    match error {
        FrameError::Version(version) => Ending::OtherVersion(version),
        _ => Ending::Unreadable,
    }
}

/// Does this close mean that trying again would not help?
fn ending(closed: Closed) -> Option<Ending> {
    match closed.code {
        4001 => Some(Ending::TakenOver),
        4002 => Some(Ending::OtherVersion(last_number(&closed.reason))),
        // Something of ours could not be taken: said again, it would be refused again.
        1002 | 1003 | 1007..=1009 => Some(Ending::Refused(closed.reason.into())),
        _ => None,
    }
}

/// The bridge names both versions, its own last.
fn last_number(reason: &str) -> Option<u8> {
    reason.split(|c: char| !c.is_ascii_digit()).rfind(|digits| !digits.is_empty())?.parse().ok()
}

/// The bridge that this page was opened for: by the token behind the address, or as this tab remembers.
fn bridge_of_this_page() -> Option<Result<BridgeAddress, AddressError>> {
    token_in_the_address().or_else(|| Some(Ok(BridgeAddress::parse(&Memory::Tab.get(storage::BRIDGE)?).ok()?)))
}

/// The token behind the address, whole or not; it is removed from there, where it would be copied with the link.
fn token_in_the_address() -> Option<Result<BridgeAddress, AddressError>> {
    let window = web_sys::window()?;
    let location = window.location();
    let fragment = location.hash().ok().unwrap_or_default();
    if !fragment.contains("token=") {
        return None;
    }
    let path = format!("{}{}", location.pathname().ok()?, location.search().ok()?);
    // Fails only where pages may not change their own address (a local file).
    let _ = window.history().ok()?.replace_state_with_url(&JsValue::NULL, "", Some(&path));
    let host = location.host().ok()?;
    Some(match token_of(fragment.trim_start_matches('#')) {
        Some(token) => Ok(BridgeAddress { host, token }),
        None => Err(AddressError::NoToken),
    })
}
