//! The scenario once more from its beginning to its end, for the judges or to write its trace, in slices.

use std::sync::Arc;

use super::future::{instant, micros, stopped};
use super::looking::{MOST_READ, told};
use super::messages::{Ending, Exported, Form, Judged, Standing, Verdict};
use crate::codecs;
use crate::export;
use crate::judge::{self, History, Isolation};
use crate::playback::{Goal, Playable as _, Playback, Progress};
use crate::scenario::Scenario;
use crate::staging::{BEGIN, Stage, StageError, playback};
use crate::trace::{Fact, TraceEvent};

/// Facts that a page writes at most.
const MOST_FACTS: usize = 300_000;
/// Arrows and notes of a sequence diagram: Mermaid refuses texts of more than 50 000 characters unless told otherwise.
const MOST_ARROWS: usize = 500;

/// Where FNV-1a begins.
const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over one more event in its binary form.
fn hash(so_far: u64, event: &TraceEvent) -> u64 {
    let bytes = postcard::to_allocvec(event).unwrap_or_default();
    bytes.iter().fold(so_far, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// FNV-1a over a whole trace: what two runs have in common that did the same.
pub fn trace_hash(events: &[TraceEvent]) -> u64 {
    events.iter().fold(FNV, hash)
}

/// A run that is judged or written.
#[derive(Debug)]
pub(super) struct Rerun {
    scenario: Arc<Scenario>,
    form: Option<Form>,
    /// The lane at work.
    lane: usize,
    playback: Option<Playback<Stage>>,
    /// Facts that judges read, or all that are written.
    facts: Vec<TraceEvent>,
    left_out: u64,
    hash: u64,
    events: u64,
    thinned: u64,
    endings: Vec<Ending>,
    exported: Option<Exported>,
}

impl Rerun {
    /// At the beginning of the first lane.
    pub(super) fn new(scenario: Arc<Scenario>, form: Option<Form>) -> Result<Self, StageError> {
        let mut rerun = Self {
            scenario,
            form,
            lane: 0,
            playback: None,
            facts: Vec::new(),
            left_out: 0,
            hash: FNV,
            events: 0,
            thinned: 0,
            endings: Vec::new(),
            exported: None,
        };
        rerun.begin_lane()?;
        Ok(rerun)
    }

    /// The form in which the trace is written; `None`: it is judged.
    pub(super) fn form(&self) -> Option<Form> {
        self.form
    }

    fn begin_lane(&mut self) -> Result<(), StageError> {
        self.playback = match self.lane < self.scenario.lane_count() {
            true => Some(playback(&self.scenario, self.lane, true, None)?),
            false => None,
        };
        (self.hash, self.events, self.thinned) = (FNV, 0, 0);
        Ok(())
    }

    /// Goes on, and says what the judges say once all lanes have ended.
    pub(super) fn judge(&mut self, max_events: usize) -> Judged {
        self.go_on(max_events);
        Judged {
            thousandths: self.thousandths(),
            lanes: if self.playback.is_none() { self.endings.clone() } else { Vec::new() },
        }
    }

    /// Goes on, and gives the text once all lanes have ended.
    pub(super) fn export(&mut self, max_events: usize) -> Exported {
        self.go_on(max_events);
        if self.playback.is_some() {
            return Exported { thousandths: self.thousandths(), ..Exported::default() };
        }
        let exported = self.exported.get_or_insert_with(|| {
            let facts = core::mem::take(&mut self.facts);
            let text = match self.form {
                Some(Form::TraceEvent) => export::trace_event_json(&facts, BEGIN),
                Some(Form::Mermaid) => export::mermaid(&facts, BEGIN, MOST_ARROWS),
                _ => export::json_lines(&facts, BEGIN),
            };
            Exported { thousandths: 1_000, text, left_out: self.left_out }
        });
        exported.clone()
    }

    fn thousandths(&self) -> u32 {
        let Some(playback) = &self.playback else { return 1_000 };
        let lanes = self.scenario.lane_count() as u64;
        let part = (micros(playback.now()) * 999 / self.scenario.duration_us.max(1)).min(999);
        u32::try_from((self.lane as u64 * 999 + part) / lanes).unwrap_or(999)
    }

    fn go_on(&mut self, max_events: usize) {
        let end = instant(self.scenario.duration_us);
        let mut left = max_events;
        while let Some(mut playback) = self.playback.take() {
            let before = playback.world().events();
            let goal = match playback.world().next_event_at() {
                Some(at) if at <= end => Goal::NextMoment,
                _ => Goal::Time(end),
            };
            let progress = playback.run(goal, left);
            left = left.saturating_sub(usize::try_from(playback.world().events() - before).unwrap_or(usize::MAX));
            match (progress, goal) {
                (Progress::Reached, Goal::NextMoment) => self.take(playback.last_events()),
                (Progress::Underway, _) => {}
                _ => {
                    self.end_lane(playback, progress);
                    continue;
                }
            }
            self.playback = Some(playback);
            if left == 0 {
                break;
            }
        }
    }

    fn take(&mut self, events: &[TraceEvent]) {
        for event in events {
            self.events += 1;
            self.hash = hash(self.hash, event);
            if let Fact::Thinned { dropped } = event.what {
                self.thinned += dropped;
            }
            match self.form {
                None if !History::reads(&event.what) => {}
                Some(_) if self.facts.len() >= MOST_FACTS => self.left_out += 1,
                _ => self.facts.push(event.clone()),
            }
        }
    }

    fn end_lane(&mut self, playback: Playback<Stage>, progress: Progress) {
        if self.form.is_none() {
            let facts = core::mem::take(&mut self.facts);
            let standing = stopped(self.lane, progress);
            let stage = playback.into_world();
            let ending = self.ending(&stage, &facts, standing);
            self.endings.push(ending);
        }
        self.lane += 1;
        // A lane that could be staged for the page can be again.
        let _ = self.begin_lane();
    }

    fn ending(&self, stage: &Stage, facts: &[TraceEvent], standing: Standing) -> Ending {
        let (trace_hash, events, thinned) = (self.hash, self.events, self.thinned);
        if told(stage)[0] > MOST_READ {
            let verdicts = self.scenario.goals_of(self.lane).map(|(place, goal)| Verdict {
                goal: u32::try_from(place).unwrap_or(u32::MAX),
                claim: goal.claim.clone(),
                held: None,
                why: format!("more than {MOST_READ} records: `playground run` judges them"),
            });
            return Ending { score: None, verdicts: verdicts.collect(), trace_hash, events, thinned, standing };
        }
        let history = stage.history(facts, codecs::simulated());
        let verdicts = stage.judge(&self.scenario, self.lane, &history).into_iter().map(|(place, verdict)| Verdict {
            goal: u32::try_from(place).unwrap_or(u32::MAX),
            claim: self.scenario.goals[place].claim.clone(),
            held: match &verdict {
                judge::Verdict::Held => Some(true),
                judge::Verdict::Broken(_) => Some(false),
                judge::Verdict::NotDecided(_) => None,
            },
            why: match &verdict {
                judge::Verdict::Held => String::new(),
                judge::Verdict::Broken(witness) => witness.to_string(),
                judge::Verdict::NotDecided(why) => why.to_string(),
            },
        });
        let score = Some(history.score(Isolation::ReadUncommitted));
        Ending { score, verdicts: verdicts.collect(), trace_hash, events, thinned, standing }
    }
}
