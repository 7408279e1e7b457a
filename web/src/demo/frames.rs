//! What a theatre does in a frame: lets the world go on for a part of it, judges and writes in what is left, paints, and
//! shows what there is to be shown.

use std::rc::Rc;
use std::sync::Arc;

use core::time::Duration;

use producer_core::player::messages::{self, Ask, Form, Standing, Target, Tell};

use super::effects::download;
use super::shown::Said;
use super::theatre::Theatre;
use super::world;
use crate::dom::now_ms;
use crate::frame::{Frame, LEG, LONGEST_FRAME_MS, VIEW_EVERY_MS};
use crate::shared::Shared;

/// Of a frame's 16 ms, this much may go to the world; the rest is for its pictures, for drawing and for the browser.
const WORLD_BUDGET_MS: f64 = 8.0;
/// Events between two looks at the clock.
const SLICE: u32 = 500;
/// When nothing more is sent, what is left of the scenario takes no longer than so many seconds.
const HURRY_S: u64 = 4;

impl Theatre {
    pub(super) fn frame(&self, at_ms: f64) {
        self.0.next_frame.borrow_mut().take();
        let elapsed_ms = self.0.last_frame_ms.get().map_or(0.0, |last| (at_ms - last).clamp(0.0, LONGEST_FRAME_MS));
        let deadline_ms = now_ms() + WORLD_BUDGET_MS;
        let is_busy = self.let_the_world_go_on(elapsed_ms, deadline_ms) | self.do_what_is_not_urgent(deadline_ms);
        self.take_scenes();
        self.paint();
        if self.0.is_stale.get() && at_ms - self.0.last_view_ms.get() >= VIEW_EVERY_MS {
            self.0.is_stale.set(false);
            self.0.last_view_ms.set(at_ms);
            self.look();
            self.0.on_shown.emit(self.shown());
        }
        let running = self.0.shown.borrow().running;
        if is_busy || running || self.0.is_stale.get() {
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
            let Tell::Frame(frame) = world::ask(&Ask::Run { to, max_events: SLICE }) else { return Standing::Over };
            let standing = frame.standing;
            self.take_frame(&frame);
            if standing != Standing::Underway || now_ms() >= deadline_ms {
                return standing;
            }
        }
    }

    pub(super) fn take_frame(&self, frame: &messages::Frame) {
        let mut shown = self.0.shown.borrow_mut();
        if shown.now_us != frame.now_us || shown.standing != frame.standing {
            self.0.is_stale.set(true);
        }
        (shown.now_us, shown.standing) = (frame.now_us, frame.standing);
    }

    /// The pictures that have changed: once in a frame, however many slices it held.
    fn take_scenes(&self) {
        let Tell::Frame(frame) = world::ask(&Ask::Scenes) else { return };
        let mut shown = self.0.shown.borrow_mut();
        for (place, scene) in frame.scenes.into_iter().enumerate() {
            if let (Some(old), Some(scene)) = (shown.scenes.get_mut(place), scene) {
                *old = Shared::new(*scene);
                self.0.is_stale.set(true);
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
            let writes = self.0.shown.borrow().writes;
            if let Some((form, _)) = writes {
                self.write(form);
            } else if self.0.judges.get() {
                self.judge();
            } else {
                return false;
            }
        }
        self.0.shown.borrow().writes.is_some() || self.0.judges.get()
    }

    fn judge(&self) {
        let Tell::Judged(judged) = world::ask(&Ask::Judge { max_events: SLICE }) else {
            return self.0.judges.set(false);
        };
        self.0.judges.set(judged.lanes.is_empty());
        if !judged.lanes.is_empty() {
            self.0.shown.borrow_mut().judged = Rc::new(judged);
            self.0.is_stale.set(true);
        }
    }

    fn write(&self, form: Form) {
        self.0.is_stale.set(true);
        let told = world::ask(&Ask::Export { form, max_events: SLICE });
        let mut shown = self.0.shown.borrow_mut();
        let Tell::Exported(exported) = told else {
            shown.writes = None;
            return;
        };
        let is_done = exported.thousandths == 1_000;
        shown.writes = (!is_done).then_some((form, exported.thousandths));
        if is_done {
            shown.said = Some(Said::Written(exported.left_out));
            let name = shown.opened().map(|opened| Arc::clone(&opened.demo)).filter(|demo| !demo.is_empty());
            download(&exported.text, form, &name.unwrap_or_else(|| "scenario".into()));
        }
    }

    /// Everything beside the scenes, as it is now.
    pub(super) fn look(&self) {
        let (chosen, rests) = {
            let shown = self.0.shown.borrow();
            (shown.chosen.clone(), !shown.running && self.0.errand.get().is_none())
        };
        let ask = Ask::Look { producer: chosen.producer, topic: chosen.topic, read_back: rests };
        if let Tell::View(view) = world::ask(&ask) {
            self.0.shown.borrow_mut().take(*view);
        }
    }

    /// What moves goes on while time does, and stands while it stands.
    fn paint(&self) {
        let shown = self.0.shown.borrow();
        let leg = match shown.speed.rate() {
            Some(rate) => LEG.mul_f64(ratio(rate)),
            None => Duration::from_micros(1),
        };
        for (canvas, scene) in self.0.canvases.iter().zip(&shown.scenes) {
            canvas.paint(&Frame { scene, now: shown.now().max(scene.at), leg });
        }
    }
}

/// Seconds of the world in a second of a person.
#[expect(clippy::cast_precision_loss, reason = "the fastest rate is far below 2^53")]
fn ratio(rate: u64) -> f64 {
    rate as f64 / 1_000_000.0
}
