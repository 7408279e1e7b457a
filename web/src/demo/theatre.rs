//! The only effects of a demo: its module, frames, the address bar, downloads. What happens is decided in the player.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use core::time::Duration;

use gloo::render::{AnimationFrame, request_animation_frame};
use producer_core::playback::Mark;
use producer_core::player::messages::{Acted, Ask, Form, Hand, Judged, Standing, Target, Tell};
use wasm_bindgen_futures::spawn_local;
use yew::Callback;

use super::effects::{download, now_ms, put_into_address_bar, write_to_clipboard};
use super::shown::{Phase, Said, Shown, Speed};
use super::world::{self, World};
use crate::frame::{Canvas, Frame};
use crate::shared::Shared;

/// The virtual DOM is compared at most this often.
const VIEW_EVERY_MS: f64 = 100.0;
/// Of a frame's 16 ms, this much may go to the world; the rest is for its pictures, for drawing and for the browser.
const WORLD_BUDGET_MS: f64 = 5.0;
/// A frame that comes later than this found the tab hidden or the machine asleep: time stood still meanwhile.
const LONGEST_FRAME_MS: f64 = 100.0;
/// Events between two looks at the clock.
const SLICE: u32 = 200;
/// What a move without a duration of its own takes for the eye.
const LEG: Duration = Duration::from_millis(320);
/// When nothing more is sent, what is left of the scenario takes no longer than so many seconds.
const HURRY_S: u64 = 4;

struct Inner {
    world: RefCell<Option<World>>,
    shown: RefCell<Shown>,
    canvases: [Canvas; 3],
    on_shown: Callback<Shown>,
    next_frame: RefCell<Option<AnimationFrame>>,
    last_frame_ms: Cell<Option<f64>>,
    last_view_ms: Cell<f64>,
    is_stale: Cell<bool>,
    /// Where the playhead is on its way to, whatever the speed.
    errand: Cell<Option<Target>>,
    /// Where it would be if the world had no grain, in microseconds.
    playhead: Cell<f64>,
    /// Is the present future to be judged?
    judges: Cell<bool>,
    writes: Cell<Option<Form>>,
    /// What is opened has a number: what comes late for another is not taken.
    openings: Cell<u32>,
}

/// Hands between the panels and the player.
#[derive(Clone)]
pub(crate) struct Theatre(Rc<Inner>);

impl PartialEq for Theatre {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Theatre {
    /// With nothing on its stage.
    pub(crate) fn new(on_shown: Callback<Shown>) -> Self {
        let theatre = Self(Rc::new(Inner {
            world: RefCell::new(None),
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
            writes: Cell::new(None),
            openings: Cell::new(0),
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
        let number = self.0.openings.get() + 1;
        self.0.openings.set(number);
        self.halt();
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

    async fn fetch_and_open(&self, fragment: &str, number: u32) -> Phase {
        if self.0.world.borrow().is_none() {
            match world::load().await {
                Ok(world) => drop(self.0.world.replace(Some(world))),
                Err(reason) => return Phase::Missing(reason),
            }
        }
        let Tell::Needs(slug) = self.ask(&Ask::Read(fragment.to_owned())) else {
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
        match self.ask(&Ask::Open { fragment: fragment.to_owned(), demo }) {
            Tell::Opened(opened) => Phase::Open(Rc::new(*opened)),
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
                self.0.errand.set(Some(Target::Time(opened.at_us.unwrap_or(0))));
                shown.begin(opened);
            }
            phase => {
                *shown = Shown::default();
                shown.phase = phase;
            }
        }
        drop(shown);
        self.changed();
    }

    fn halt(&self) {
        self.0.errand.set(None);
        self.0.judges.set(false);
        self.0.writes.set(None);
        self.0.playhead.set(0.0);
        self.0.shown.borrow_mut().running = false;
    }

    fn ask(&self, ask: &Ask) -> Tell {
        self.0.world.borrow().as_ref().map_or(Tell::Nothing, |world| world.ask(ask))
    }

    fn is_open(&self) -> bool {
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
    fn position(&self) -> f64 {
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

    /// To this moment, wherever it lies.
    pub(crate) fn seek(&self, to_us: u64) {
        if let Tell::Frame(frame) = self.ask(&Ask::Rewind(to_us)) {
            self.take_frame(frame);
            self.run_errand(Target::Time(to_us));
        }
    }

    /// To the moment before.
    pub(crate) fn back(&self) {
        match self.ask(&Ask::MomentBefore) {
            Tell::Moment(before) => self.seek(before.unwrap_or(0)),
            _ => self.changed(),
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
        let told = self.ask(&Ask::Act { lane, hand });
        self.acted(told, false);
    }

    /// Keeps this future, and goes on with a copy.
    pub(crate) fn fork(&self) {
        let told = self.ask(&Ask::Fork);
        self.acted(told, true);
    }

    /// Goes on with another future.
    pub(crate) fn switch(&self, place: usize) {
        let told = self.ask(&Ask::Switch(u32::try_from(place).unwrap_or(u32::MAX)));
        self.acted(told, false);
        self.0.shown.borrow_mut().said = None;
    }

    fn acted(&self, told: Tell, was_fork: bool) {
        match told {
            Tell::Acted(Acted { at_us, forked }) => {
                let running = self.0.shown.borrow().running;
                self.0.judges.set(false);
                {
                    let mut shown = self.0.shown.borrow_mut();
                    shown.judged = Rc::new(Judged::default());
                    shown.said = Some(if was_fork || forked { Said::Forked } else { Said::Acted });
                    shown.link = None;
                }
                self.0.errand.set(Some(Target::Time(at_us)));
                self.0.shown.borrow_mut().running = running && !was_fork;
            }
            Tell::Refused(why) => self.0.shown.borrow_mut().said = Some(Said::Refused(why)),
            _ => {}
        }
        self.changed();
    }

    /// The link of this future at the playhead goes to the clipboard and into the address bar.
    pub(crate) fn copy_link(&self) {
        if let Tell::Link { fragment, left_out } = self.ask(&Ask::Link { at: true }) {
            let address = put_into_address_bar(&fragment);
            write_to_clipboard(&address);
            let mut shown = self.0.shown.borrow_mut();
            shown.link = Some(address.into());
            shown.said = Some(Said::Copied(left_out.len()));
        }
        self.changed();
    }

    /// The fragment that shows the scenario with a dial turned.
    pub(crate) fn turned(&self, key: &str, value: &str) -> Option<String> {
        match self.ask(&Ask::Turned { key: key.to_owned(), value: value.to_owned() }) {
            Tell::Link { fragment, .. } => return Some(fragment),
            Tell::Refused(why) => self.0.shown.borrow_mut().said = Some(Said::Refused(why)),
            _ => {}
        }
        self.changed();
        None
    }

    /// Writes the trace of this future in this form, in slices, and has the browser save it.
    pub(crate) fn export(&self, form: Form) {
        if self.is_open() {
            self.0.writes.set(Some(form));
            self.0.shown.borrow_mut().writes = Some(0);
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
        self.look();
        // Its picture comes with the next frame.
        if self.0.errand.get().is_none() {
            self.0.errand.set(Some(Target::Time(self.0.shown.borrow().now_us)));
        }
        self.changed();
    }

    pub(crate) fn choose_topic(&self, topic: Arc<str>) {
        self.0.shown.borrow_mut().chosen.topic = topic;
        self.changed();
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
            let theatre = self.clone();
            *next = Some(request_animation_frame(move |now_ms| theatre.frame(now_ms)));
        }
    }

    fn frame(&self, at_ms: f64) {
        self.0.next_frame.borrow_mut().take();
        let elapsed_ms = self.0.last_frame_ms.get().map_or(0.0, |last| (at_ms - last).clamp(0.0, LONGEST_FRAME_MS));
        let deadline_ms = now_ms() + WORLD_BUDGET_MS;
        let is_busy = self.let_the_world_go_on(elapsed_ms, deadline_ms) | self.do_what_is_not_urgent(deadline_ms);
        let moves = self.paint();
        if self.0.is_stale.get() && at_ms - self.0.last_view_ms.get() >= VIEW_EVERY_MS {
            self.0.is_stale.set(false);
            self.0.last_view_ms.set(at_ms);
            self.look();
            self.0.on_shown.emit(self.shown());
        }
        let running = self.0.shown.borrow().running;
        if is_busy || running || (moves && running) || self.0.is_stale.get() {
            self.0.last_frame_ms.set(Some(at_ms));
            self.ask_for_frame();
        } else {
            // The next frame begins anew: what passes until then is nobody's time.
            self.0.last_frame_ms.set(None);
        }
    }

    /// Says whether there is more to do.
    fn let_the_world_go_on(&self, elapsed_ms: f64, deadline_ms: f64) -> bool {
        if let Some(target) = self.0.errand.get() {
            if self.run(target, deadline_ms) == Standing::Underway {
                return true;
            }
            self.0.errand.set(None);
            self.0.playhead.set(self.position());
            self.begin_to_judge();
            return false;
        }
        if !self.0.shown.borrow().running {
            return false;
        }
        let target_us = self.advance_playhead(elapsed_ms);
        let standing = self.run(Target::Time(target_us), deadline_ms);
        match standing {
            // The world cannot keep up: the clock shows how far it is.
            Standing::Underway => self.0.playhead.set(self.position()),
            Standing::Over | Standing::Stopped { .. } => {
                self.0.shown.borrow_mut().running = false;
                self.changed();
            }
            Standing::Reached => {}
        }
        self.begin_to_judge();
        self.0.shown.borrow().running
    }

    /// Where the playhead is to be after so much of a person's time.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a day of microseconds at most"
    )]
    fn advance_playhead(&self, elapsed_ms: f64) -> u64 {
        let (rate, end_us, is_quiet) = {
            let shown = self.0.shown.borrow();
            let end_us = shown.opened().map_or(0, |opened| opened.end_us);
            let lanes = &shown.view.lanes;
            let to_come = shown.view.deeds.iter().any(|deed| deed.at_us > shown.now_us);
            let is_quiet = !to_come && !lanes.is_empty() && lanes.iter().all(|lane| lane.is_settled);
            (shown.speed.rate(), end_us, is_quiet)
        };
        let hurry = end_us / HURRY_S;
        let hurries = is_quiet && rate.is_some_and(|rate| rate < hurry);
        self.0.shown.borrow_mut().hurries = hurries;
        let Some(rate) = rate else { return end_us };
        let rate = if hurries { hurry } else { rate };
        let playhead = (self.0.playhead.get() + elapsed_ms / 1_000.0 * rate as f64).min(end_us as f64);
        self.0.playhead.set(playhead);
        playhead as u64
    }

    /// Runs towards a target until it is there or this frame's time is over.
    fn run(&self, to: Target, deadline_ms: f64) -> Standing {
        loop {
            let Tell::Frame(frame) = self.ask(&Ask::Run { to, max_events: SLICE }) else { return Standing::Over };
            let standing = frame.standing;
            self.take_frame(frame);
            if standing != Standing::Underway || now_ms() >= deadline_ms {
                return standing;
            }
        }
    }

    fn take_frame(&self, frame: producer_core::player::messages::Frame) {
        let mut shown = self.0.shown.borrow_mut();
        if shown.now_us != frame.now_us || frame.scenes.iter().any(Option::is_some) {
            self.0.is_stale.set(true);
        }
        (shown.now_us, shown.standing) = (frame.now_us, frame.standing);
        for (place, scene) in frame.scenes.into_iter().enumerate() {
            if let (Some(old), Some(scene)) = (shown.scenes.get_mut(place), scene) {
                *old = Shared::new(*scene);
            }
        }
    }

    /// At the end of a scenario its goals are judged.
    fn begin_to_judge(&self) {
        let shown = self.0.shown.borrow();
        let is_at_end = matches!(shown.standing, Standing::Over | Standing::Stopped { .. });
        if is_at_end && shown.judged.lanes.is_empty() {
            self.0.judges.set(true);
        }
    }

    /// Judges or writes, in what is left of a frame.
    fn do_what_is_not_urgent(&self, deadline_ms: f64) -> bool {
        if self.0.errand.get().is_some() {
            return false;
        }
        while now_ms() < deadline_ms {
            if let Some(form) = self.0.writes.get() {
                self.write(form);
            } else if self.0.judges.get() {
                self.judge();
            } else {
                return false;
            }
        }
        self.0.writes.get().is_some() || self.0.judges.get()
    }

    fn judge(&self) {
        let Tell::Judged(judged) = self.ask(&Ask::Judge { max_events: SLICE }) else {
            return self.0.judges.set(false);
        };
        self.0.judges.set(judged.lanes.is_empty());
        if !judged.lanes.is_empty() {
            self.0.shown.borrow_mut().judged = Rc::new(judged);
            self.0.is_stale.set(true);
        }
    }

    fn write(&self, form: Form) {
        let Tell::Exported(exported) = self.ask(&Ask::Export { form, max_events: SLICE }) else {
            return self.0.writes.set(None);
        };
        let is_done = exported.thousandths == 1_000;
        let mut shown = self.0.shown.borrow_mut();
        shown.writes = (!is_done).then_some(exported.thousandths);
        if is_done {
            self.0.writes.set(None);
            shown.said = Some(Said::Written(exported.left_out));
            let name = shown.opened().map(|opened| Arc::clone(&opened.demo)).filter(|demo| !demo.is_empty());
            download(&exported.text, form, &name.unwrap_or_else(|| "scenario".into()));
        }
        drop(shown);
        self.0.is_stale.set(true);
    }

    /// Everything beside the scenes, as it is now.
    fn look(&self) {
        let (chosen, rests) = {
            let shown = self.0.shown.borrow();
            (shown.chosen.clone(), !shown.running && self.0.errand.get().is_none())
        };
        let ask = Ask::Look { producer: chosen.producer, topic: chosen.topic, read_back: rests };
        if let Tell::View(view) = self.ask(&ask) {
            self.0.shown.borrow_mut().take(*view);
        }
    }

    fn paint(&self) -> bool {
        let shown = self.0.shown.borrow();
        let leg = match shown.speed.rate() {
            Some(rate) => LEG.mul_f64(ratio(rate)),
            None => Duration::from_micros(1),
        };
        let mut moves = false;
        for (canvas, scene) in self.0.canvases.iter().zip(&shown.scenes) {
            moves |= canvas.paint(&Frame { scene, now: shown.now().max(scene.at), leg });
        }
        moves
    }
}

/// Seconds of the world in a second of a person.
#[expect(clippy::cast_precision_loss, reason = "the fastest rate is far below 2^53")]
fn ratio(rate: u64) -> f64 {
    rate as f64 / 1_000_000.0
}
