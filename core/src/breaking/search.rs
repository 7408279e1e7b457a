//! The search, step by step.
//!
//! ```text
//!  Looking ──a world breaks the claim──► Shrinking ──nothing can be left out──► Counting ──► Changing ──► Done
//!     └─────────────all worlds held────────────────────────────────────────────────────────────────────────┘
//! ```
//! Of the configuration as it was given all worlds are counted: what a change comes to is held against that.

use super::changes::candidates;
use super::messages::{Progress, Task};
use super::question::Question;
use super::report::{ChangeReport, Counterexample, Report, Trials, faults_of, others_broken, records_of};
use super::trial::{Outcome, Played, play};
use super::{accident, draw, words};
use crate::codecs::Codecs;
use crate::config::{ConfigError, ProducerConfig};
use crate::judge::Isolation;
use crate::scenario::shrink::{PARTS, PLAIN, Shrinking};
use crate::scenario::{Properties, Scenario};

/// Worlds that shrinking may take.
const SHRINKING_WORLDS: u32 = 2_000;
/// One second of watching, in microseconds.
const SECOND_US: u64 = 1_000_000;

/// A search for a world that breaks a configuration. It can be dropped at any time; the same question is answered in the same
/// way, however it is cut into steps.
#[derive(Debug)]
pub struct Search {
    question: Question,
    config: ProducerConfig,
    codecs: Option<&'static dyn Codecs>,
    task: Task,
    /// The next world of this task.
    next: u32,
    /// The world that broke the claim, and how small it is by now.
    shrinking: Option<(u32, Shrinking)>,
    /// The configuration with the change that is being tried; `None`: it has not been tried on the counterexample yet.
    changed: Option<(Properties, ProducerConfig)>,
    played: u64,
    report: Report,
}

impl Search {
    /// Begins. `codecs` compress where this build has none of its own.
    ///
    /// # Errors
    /// The Java client refuses the configuration: there is nothing to break.
    pub fn new(mut question: Question, codecs: Option<&'static dyn Codecs>) -> Result<Self, ConfigError> {
        let (config, left_out) = question.settle()?;
        Ok(Self {
            question,
            config,
            codecs,
            task: Task::Looking,
            next: 0,
            shrinking: None,
            changed: None,
            played: 0,
            report: Report { left_out, ..Report::default() },
        })
    }

    /// What is known so far; all there is to know when the task is [`Task::Done`].
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The same, for keeps.
    pub fn into_report(self) -> Report {
        self.report
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let (done, of) = match self.task {
            Task::Shrinking => (self.next, SHRINKING_WORLDS),
            _ => (self.next, self.question.worlds),
        };
        let changes = u32::try_from(self.report.changes.len()).unwrap_or(u32::MAX);
        Progress { task: self.task, done, of, played: self.played, changes }
    }

    /// Goes on by so many worlds, or to its end.
    pub fn advance(&mut self, worlds: u32) -> Progress {
        for _ in 0..worlds {
            match self.task {
                Task::Looking => self.look(),
                Task::Shrinking => self.shrink(),
                Task::Counting => self.count(),
                Task::Changing(change) => self.try_change(change as usize),
                Task::Done => break,
            }
        }
        self.progress()
    }

    /// The only place where the task changes.
    fn turn_to(&mut self, task: Task) {
        let has_change = |change: u32| (change as usize) < self.report.changes.len();
        self.task = match task {
            Task::Changing(change) if !has_change(change) => Task::Done,
            task => task,
        };
        self.changed = None;
        self.next = match self.task {
            // The worlds before are counted already.
            Task::Counting => self.report.tried.trials.worlds,
            _ => 0,
        };
    }

    fn look(&mut self) {
        if self.next >= self.question.worlds {
            return self.turn_to(Task::Done);
        }
        let number = self.next;
        let scenario = self.play_as_given();
        if let Some(scenario) = scenario {
            let shrinking = Shrinking::new(&scenario, &[PARTS, PLAIN], SHRINKING_WORLDS);
            self.shrinking = Some((number, shrinking));
            self.turn_to(Task::Shrinking);
        }
    }

    fn count(&mut self) {
        if self.next >= self.question.worlds {
            return self.turn_to(Task::Changing(0));
        }
        self.play_as_given();
    }

    /// Plays the next world; if it breaks the claim, it comes back.
    fn play_as_given(&mut self) -> Option<Scenario> {
        let number = self.next;
        self.next += 1;
        let scenario = draw::draw(&self.question, &self.question.properties, &self.config, number);
        let Played { outcome, events, hearing } = self.play(&scenario);
        let tried = &mut self.report.tried;
        tried.count(number, &scenario, &outcome, events);
        let others = others_broken(&self.question.claim, &[&tried.also_broken], &hearing);
        tried.also_broken.extend(others.into_iter().map(|other| (other, number)));
        matches!(outcome, Outcome::Broken(_)).then_some(scenario)
    }

    fn play(&mut self, scenario: &Scenario) -> Played {
        self.played += 1;
        play(scenario, &self.question.claim, self.codecs)
    }

    fn shrink(&mut self) {
        let Some((number, mut shrinking)) = self.shrinking.take() else { return self.turn_to(Task::Done) };
        self.next += 1;
        let Some(candidate) = shrinking.candidate() else {
            self.report.counterexample = self.present(number, shrinking.best().clone());
            let changes = candidates(&self.question.claim, &self.question.properties, &self.config).into_iter();
            self.report.changes = changes
                .map(|change| ChangeReport {
                    verdict: change.verdict(&self.question.properties).map(|(_, notices)| notices),
                    change,
                    on_counterexample: None,
                    trials: Trials::default(),
                    price: Vec::new(),
                })
                .collect();
            return self.turn_to(Task::Counting);
        };
        let Played { outcome, .. } = self.play(candidate);
        shrinking.tell(matches!(outcome, Outcome::Broken(_)));
        self.shrinking = Some((number, shrinking));
    }

    /// What is left of a world, no longer than it takes, with what there is to say about it. Played again, it is broken again.
    fn present(&mut self, world: u32, mut scenario: Scenario) -> Option<Counterexample> {
        let claim = self.question.claim.clone();
        let accident::Accident { at_us, settled_us } = accident::find(&scenario, &claim, self.codecs)?;
        let whole = scenario.duration_us;
        scenario.duration_us = (at_us.max(settled_us) / SECOND_US + 2) * SECOND_US;
        let mut played = self.play(&scenario);
        if scenario.duration_us > whole || !matches!(played.outcome, Outcome::Broken(_)) {
            scenario.duration_us = whole;
            played = self.play(&scenario);
        }
        let Played { outcome: Outcome::Broken(witness), hearing, .. } = played else { return None };
        scenario.slower = match at_us {
            0..SECOND_US => 50,
            SECOND_US..10_000_000 => 5,
            _ => 1,
        };
        let mut found = Counterexample {
            world,
            accident_us: at_us,
            watch_from_us: at_us.saturating_sub(SECOND_US / u64::from(scenario.slower)),
            witness,
            score: hearing.history().score(Isolation::ReadUncommitted),
            records: records_of(&scenario),
            faults: faults_of(&scenario).collect(),
            also_broken: others_broken(&claim, &[], &hearing),
            scenario,
        };
        found.scenario.card.title = words::happened(&found);
        Some(found)
    }

    /// One step of a change: on the counterexample first, then on one world.
    fn try_change(&mut self, place: usize) {
        let later = Task::Changing(u32::try_from(place + 1).unwrap_or(u32::MAX));
        let report = &self.report.changes[place];
        let is_broken = |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::Broken(_)));
        let is_settled = report.trials.broken > 0 || is_broken(&report.on_counterexample);
        let is_at_its_end = self.changed.is_some() && self.next >= self.question.worlds;
        let found = self.report.counterexample.as_ref();
        let Some(found) = found.filter(|_| !is_at_its_end && (self.question.counts_all || !is_settled)) else {
            return self.turn_to(later);
        };
        let Some((properties, config)) = &self.changed else {
            let Ok((config, _)) = report.change.verdict(&self.question.properties) else { return self.turn_to(later) };
            let properties = report.change.applied_to(&self.question.properties);
            let mut scenario = found.scenario.clone();
            with_properties(&mut scenario, &properties, &config);
            self.changed = Some((properties, config));
            self.report.changes[place].on_counterexample = Some(self.play(&scenario).outcome);
            return;
        };
        let number = self.next;
        let scenario = draw::draw(&self.question, properties, config, number);
        self.next += 1;
        let Played { outcome, hearing, .. } = self.play(&scenario);
        let report = &mut self.report.changes[place];
        report.trials.count(number, &outcome);
        // What is broken without the change is not its price.
        let known = [&self.report.tried.also_broken[..], &report.price];
        let others = others_broken(&self.question.claim, &known, &hearing);
        report.price.extend(others.into_iter().map(|other| (other, number)));
    }
}

/// Gives a world another configuration, and the time that it takes with it.
fn with_properties(scenario: &mut Scenario, properties: &Properties, config: &ProducerConfig) {
    for producer in &mut scenario.producers {
        producer.properties.clone_from(properties);
    }
    scenario.duration_us = scenario.duration_us.max(draw::duration_us(config, scenario));
}
