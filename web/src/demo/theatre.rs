//! The only effects of a demo: its module, frames, the address bar, downloads. What happens is decided in the player.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use gloo::render::{AnimationFrame, request_animation_frame};
use producer_core::playback::Mark;
use producer_core::player::messages::{Acted, Ask, Fault, Form, Hand, Judged, Standing, Target, Tell};
use wasm_bindgen_futures::spawn_local;
use yew::Callback;

use super::effects::{go_to, put_into_address_bar};
use super::shown::{Phase, Said, Shown, Speed};
use super::world;
use crate::dom;
use crate::frame::Canvas;
use crate::shared::Shared;

pub(super) struct Inner {
    pub(super) shown: RefCell<Shown>,
    pub(super) canvases: [Canvas; 3],
    pub(super) on_shown: Callback<Shown>,
    pub(super) next_frame: RefCell<Option<AnimationFrame>>,
    pub(super) last_frame_ms: Cell<Option<f64>>,
    pub(super) last_view_ms: Cell<f64>,
    pub(super) is_stale: Cell<bool>,
    /// Where the playhead is on its way to, whatever the speed.
    pub(super) errand: Cell<Option<Target>>,
    /// Where it would be if the world had no grain, in microseconds.
    pub(super) playhead: Cell<f64>,
    /// Is the present future to be judged?
    pub(super) judges: Cell<bool>,
    /// What is opened has a number: what comes late for another is not taken.
    pub(super) openings: Cell<u32>,
    /// The fragment of what stands there already, from a file, before the address bar has it.
    stands_for: RefCell<Option<String>>,
}

/// The fragment of a file that is too large for a link: it shows nothing to anybody else.
pub(super) const FILE: &str = "#file";
/// Links up to this length are opened.
const LONGEST_LINK: usize = 65_536;

/// Hands between the panels and the player.
#[derive(Clone)]
pub(crate) struct Theatre(pub(super) Rc<Inner>);

impl PartialEq for Theatre {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Theatre {
    /// With nothing on its stage.
    pub(crate) fn new(on_shown: Callback<Shown>) -> Self {
        let theatre = Self(Rc::new(Inner {
            shown: RefCell::new(Shown::default()),
            canvases: Default::default(),
            on_shown,
            next_frame: RefCell::new(None),
            last_frame_ms: Cell::new(None),
            last_view_ms: Cell::new(f64::MIN),
            is_stale: Cell::new(true),
            errand: Cell::new(None),
            playhead: Cell::new(0.0),
            judges: Cell::new(false),
            openings: Cell::new(0),
            stands_for: RefCell::new(None),
        }));
        for canvas in &theatre.0.canvases {
            let inner = Rc::downgrade(&theatre.0);
            canvas.on_wake(Callback::from(move |()| {
                if let Some(inner) = inner.upgrade() {
                    Self(inner).ask_for_frame();
                }
            }));
        }
        theatre
    }

    /// The state for the first rendering.
    pub(crate) fn shown(&self) -> Shown {
        self.0.shown.borrow().clone()
    }

    /// Where the painter of a lane is left.
    pub(crate) fn canvas(&self, lane: usize) -> Canvas {
        self.0.canvases.get(lane).cloned().unwrap_or_default()
    }

    /// Puts on the stage what this fragment of an address shows.
    pub(crate) fn open(&self, fragment: &str) {
        if self.0.stands_for.take().as_deref() == Some(fragment) {
            return;
        }
        let number = self.halt();
        self.0.shown.replace(Shown::default());
        self.changed();
        let (theatre, fragment) = (self.clone(), fragment.to_owned());
        spawn_local(async move {
            let phase = theatre.fetch_and_open(&fragment, number).await;
            if theatre.0.openings.get() == number {
                theatre.stand(phase);
            }
        });
    }

    /// Puts the scenario of a file on the stage, and its link into the address bar as going there does. What cannot be
    /// opened changes nothing.
    pub(super) async fn open_file(&self, name: String, text: String) {
        if let Err(reason) = world::load().await {
            return self.say(Said::FileRefused(name, reason));
        }
        let opened = match world::ask(&Ask::OpenFile(text)) {
            Tell::Opened(opened) => opened,
            Tell::NotOpened(Fault::Refused(why)) => return self.say(Said::FileRefused(name, why)),
            _ => return self.say(Said::FileRefused(name, String::new())),
        };
        self.halt();
        self.stand(Phase::Open(Shared::new(*opened)));
        let Tell::Link { fragment, left_out } = world::ask(&Ask::Link { at: false }) else { return };
        let (fragment, said) = match fragment.len() {
            ..=LONGEST_LINK => (fragment, Said::FileOpened(name, left_out.len())),
            _ => (FILE.to_owned(), Said::FileWithoutLink(name)),
        };
        if fragment != super::fragment() {
            self.0.stands_for.replace(Some(fragment.clone()));
            go_to(&fragment);
        }
        self.say(said);
    }

    /// Says what was done, until something else is said.
    pub(super) fn say(&self, said: Said) {
        self.0.shown.borrow_mut().said = Some(said);
        self.changed();
    }

    async fn fetch_and_open(&self, fragment: &str, number: u32) -> Phase {
        if let Err(reason) = world::load().await {
            return Phase::Missing(reason);
        }
        let Tell::Needs(slug) = world::ask(&Ask::Read(fragment.to_owned())) else {
            return Phase::Missing(String::new());
        };
        let demo = match slug {
            Some(slug) => match world::demo_file(&slug).await {
                Ok(text) => Some(text),
                // A scenario of its own can do without the demo's card.
                Err(_) if !fragment.trim_start_matches('#').starts_with("demo/") => None,
                Err(reason) => return Phase::Missing(reason),
            },
            None => None,
        };
        if self.0.openings.get() != number {
            return Phase::Loading;
        }
        match world::ask(&Ask::Open { fragment: fragment.to_owned(), demo }) {
            Tell::Opened(opened) => Phase::Open(Shared::new(*opened)),
            Tell::Lesson(lesson) => Phase::Lesson(Rc::new(lesson)),
            Tell::NotOpened(fault) => Phase::NotOpened(fault),
            _ => Phase::Missing(String::new()),
        }
    }

    /// It has come: paused, at the moment that the link names.
    fn stand(&self, phase: Phase) {
        let mut shown = self.0.shown.borrow_mut();
        match phase {
            Phase::Open(opened) => {
                self.0.errand.set(opened.at_us.map(Target::Time));
                shown.begin(opened);
                drop(shown);
                // The pictures of the beginning, before anything has happened.
                return self.rewind_to(0);
            }
            phase => {
                *shown = Shown::default();
                shown.phase = phase;
            }
        }
        drop(shown);
        self.changed();
    }

    /// Nobody looks any more, nor ever will: time stands still, and nothing that is still to come is taken.
    pub(super) fn leave(&self) {
        self.halt();
        // The stages leave after it, and take their painters with them.
        for canvas in &self.0.canvases {
            canvas.on_wake(Callback::noop());
        }
        // It holds this theatre, which holds it.
        self.0.next_frame.take();
    }

    /// Drops what is underway; returns the number of what comes instead.
    fn halt(&self) -> u32 {
        self.0.errand.set(None);
        self.0.judges.set(false);
        self.0.playhead.set(0.0);
        let mut shown = self.0.shown.borrow_mut();
        (shown.running, shown.writes) = (false, None);
        let number = self.0.openings.get() + 1;
        self.0.openings.set(number);
        number
    }

    /// Does a scenario stand on the stage?
    pub(super) fn is_open(&self) -> bool {
        self.0.shown.borrow().opened().is_some()
    }

    /// Time goes on, or stops. At the end it begins anew.
    pub(crate) fn play_or_pause(&self) {
        if !self.is_open() {
            return;
        }
        let (running, standing) = {
            let shown = self.0.shown.borrow();
            (shown.running, shown.standing)
        };
        if !running && standing == Standing::Over {
            self.seek(0);
        }
        self.0.playhead.set(self.position());
        self.0.shown.borrow_mut().running = !running;
        self.changed();
    }

    #[expect(clippy::cast_precision_loss, reason = "a scenario lasts a day at most")]
    pub(super) fn position(&self) -> f64 {
        self.0.shown.borrow().now_us as f64
    }

    fn run_errand(&self, target: Target) {
        if self.is_open() {
            self.0.shown.borrow_mut().running = false;
            self.0.errand.set(Some(target));
            self.changed();
        }
    }

    /// To the next moment at which anything happens.
    pub(crate) fn step(&self) {
        self.run_errand(Target::NextMoment);
    }

    /// To the next moment at which this happens.
    pub(crate) fn next(&self, mark: Mark) {
        self.run_errand(Target::Next(mark));
    }

    /// To this place of the time bar; at its beginning nothing has happened yet.
    pub(crate) fn seek(&self, to_us: u64) {
        self.go_to(to_us);
        if to_us == 0 {
            self.0.errand.set(None);
        }
    }

    /// To the end of this moment, wherever it lies.
    pub(crate) fn go_to(&self, to_us: u64) {
        self.0.shown.borrow_mut().running = false;
        self.0.errand.set(Some(Target::Time(to_us)));
        self.rewind_to(to_us);
    }

    fn rewind_to(&self, to_us: u64) {
        if let Tell::Frame(frame) = world::ask(&Ask::Rewind(to_us)) {
            self.take_frame(&frame);
            self.0.playhead.set(self.position());
        }
        self.changed();
    }

    /// To the moment before.
    pub(crate) fn back(&self) {
        match world::ask(&Ask::MomentBefore) {
            Tell::Moment(Some(before)) => self.go_to(before),
            _ => self.seek(0),
        }
    }

    pub(crate) fn set_speed(&self, speed: Speed) {
        self.0.shown.borrow_mut().speed = speed;
        self.changed();
    }

    pub(crate) fn faster_by(&self, steps: isize) {
        let speed = self.0.shown.borrow().speed.faster_by(steps);
        self.set_speed(speed);
    }

    /// Does something at the playhead.
    pub(crate) fn act(&self, lane: usize, hand: Hand) {
        let lane = u32::try_from(lane).unwrap_or(u32::MAX);
        self.acted(world::ask(&Ask::Act { lane, hand }));
    }

    /// Keeps this future, and goes on with a copy.
    pub(crate) fn fork(&self) {
        // Who forks means to do something else here: time waits for it.
        self.0.shown.borrow_mut().running = false;
        self.acted(world::ask(&Ask::Fork));
    }

    /// Goes on with another future.
    pub(crate) fn switch(&self, place: usize) {
        self.acted(world::ask(&Ask::Switch(u32::try_from(place).unwrap_or(u32::MAX))));
        self.0.shown.borrow_mut().said = None;
    }

    fn acted(&self, told: Tell) {
        match told {
            Tell::Acted(Acted { at_us, forked }) => {
                self.0.judges.set(false);
                self.0.errand.set(Some(Target::Time(at_us)));
                let mut shown = self.0.shown.borrow_mut();
                shown.judged = Rc::new(Judged::default());
                shown.said = Some(if forked { Said::Forked } else { Said::Acted });
                shown.link = None;
            }
            Tell::Refused(why) => self.0.shown.borrow_mut().said = Some(Said::Refused(why)),
            _ => {}
        }
        self.changed();
    }

    /// The link of this future at the playhead goes to the clipboard and into the address bar.
    pub(crate) fn copy_link(&self) {
        if let Tell::Link { fragment, left_out } = world::ask(&Ask::Link { at: true }) {
            let link: Rc<str> = put_into_address_bar(&fragment).into();
            let mut shown = self.0.shown.borrow_mut();
            (shown.said, shown.link) = (None, Some(Rc::clone(&link)));
            drop(shown);
            let (theatre, number) = (self.clone(), self.0.openings.get());
            spawn_local(async move {
                let said = if dom::copy(&link).await { Said::Copied } else { Said::Linked };
                theatre.say_of_link(number, &link, said(left_out.len()));
            });
        }
        self.changed();
    }

    /// What became of a link, unless there is another one meanwhile, or none.
    fn say_of_link(&self, number: u32, link: &Rc<str>, said: Said) {
        let is_shown = self.0.shown.borrow().link.as_ref() == Some(link);
        if is_shown && self.0.openings.get() == number {
            self.0.shown.borrow_mut().said = Some(said);
            self.changed();
        }
    }

    /// A person has read what was said.
    pub(crate) fn forget_what_was_said(&self) {
        let mut shown = self.0.shown.borrow_mut();
        (shown.said, shown.link) = (None, None);
        drop(shown);
        self.changed();
    }

    /// Goes to the scenario with a dial turned.
    pub(crate) fn turn(&self, key: &str, value: &str) {
        match world::ask(&Ask::Turned { key: key.to_owned(), value: value.to_owned() }) {
            Tell::Link { fragment, .. } => go_to(&fragment),
            Tell::Refused(why) => {
                self.0.shown.borrow_mut().said = Some(Said::Refused(why));
                self.changed();
            }
            _ => {}
        }
    }

    /// Writes the trace of this future in this form, in slices, and has the browser save it.
    pub(crate) fn export(&self, form: Form) {
        if self.is_open() {
            self.0.shown.borrow_mut().writes = Some((form, 0));
            self.changed();
        }
    }

    pub(crate) fn choose_lane(&self, lane: usize) {
        self.0.shown.borrow_mut().chosen.lane = lane;
        self.changed();
    }

    pub(crate) fn choose_producer(&self, producer: u32) {
        let mut shown = self.0.shown.borrow_mut();
        shown.chosen.producer = producer;
        shown.read_configs();
        drop(shown);
        // Its picture comes with the next frame.
        self.look();
        self.changed();
    }

    pub(crate) fn choose_topic(&self, topic: Arc<str>) {
        self.0.shown.borrow_mut().chosen.topic = topic;
        self.changed();
    }

    /// Something is to be shown: with the next frame, not with the next tenth of a second.
    pub(super) fn changed(&self) {
        self.0.is_stale.set(true);
        self.0.last_view_ms.set(f64::MIN);
        self.ask_for_frame();
    }

    pub(super) fn ask_for_frame(&self) {
        let mut next = self.0.next_frame.borrow_mut();
        if next.is_none() {
            let theatre = self.clone();
            *next = Some(request_animation_frame(move |now_ms| theatre.frame(now_ms)));
        }
    }
}
