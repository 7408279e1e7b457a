//! The player: every question, and what it does to the futures.

use std::sync::Arc;

use super::future::Future;
use super::hands;
use super::looking::count;
use super::messages::{self, Acted, Ask, Form, Frame, Hand, Standing, Tell, Why};
use super::opening::{self, Source};
use super::rerun::Rerun;
use crate::scenario::Scenario;
use crate::scenario::check::check;
use crate::scenario::link::{Link, Shows, left_out};

/// Futures that are kept side by side.
pub const MOST_FUTURES: usize = 8;

/// A scenario's futures, of which one is shown.
#[derive(Debug, Default)]
pub struct Player {
    play: Option<Play>,
}

/// What stands on the stage.
#[derive(Debug)]
pub(super) struct Play {
    source: Source,
    pub(super) futures: Vec<Future>,
    pub(super) current: usize,
    /// The number of the newest future.
    numbers: u32,
    /// What is being judged or written, of the present future.
    rerun: Option<Rerun>,
}

impl Player {
    /// Answers.
    pub fn ask(&mut self, ask: Ask) -> Tell {
        match ask {
            Ask::Read(fragment) => Tell::Needs(opening::needs(&fragment)),
            Ask::Open { fragment, demo } => self.open(&fragment, demo.as_deref()),
            Ask::OpenFile(text) => self.open_file(&text),
            ask => self.play.as_mut().map_or(Tell::Nothing, |play| play.ask(ask)),
        }
    }

    fn open(&mut self, fragment: &str, demo: Option<&str>) -> Tell {
        self.play = None;
        match opening::open(fragment, demo) {
            Ok(opening) => self.put_on_stage(opening),
            Err(fault) => Tell::NotOpened(fault),
        }
    }

    /// What cannot be opened leaves everything as it was.
    fn open_file(&mut self, text: &str) -> Tell {
        match opening::open_file(text) {
            Ok(opening) => self.put_on_stage(opening),
            Err(fault) => Tell::NotOpened(fault),
        }
    }

    fn put_on_stage(&mut self, opening: opening::Opening) -> Tell {
        let (source, scenario, at_us, notes) = match opening {
            opening::Opening::Lesson(lesson) => return Tell::Lesson(lesson),
            opening::Opening::Scenario { source, scenario, at_us, notes } => (source, scenario, at_us, notes),
        };
        match Future::new(1, Arc::new(*scenario), 0) {
            Ok(future) => {
                let told = opening::told(&source, &future, at_us, notes);
                self.play = Some(Play { source, futures: vec![future], current: 0, numbers: 1, rerun: None });
                Tell::Opened(Box::new(told))
            }
            Err(error) => Tell::NotOpened(messages::Fault::Refused(error.to_string())),
        }
    }
}

impl Play {
    fn ask(&mut self, ask: Ask) -> Tell {
        let future = &mut self.futures[self.current];
        match ask {
            Ask::Run { to, max_events } => {
                let standing = future.run(to, max_events as usize);
                Tell::Frame(Frame { now_us: future.now_us(), standing, scenes: Vec::new() })
            }
            Ask::Scenes => Tell::Frame(future.frame()),
            Ask::Rewind(to_us) => {
                future.rewind_to(to_us);
                let is_there = future.now_us() >= to_us;
                let standing = if is_there { Standing::Reached } else { Standing::Underway };
                Tell::Frame(Frame { now_us: future.now_us(), standing, scenes: Vec::new() })
            }
            Ask::MomentBefore => Tell::Moment(future.moment_before()),
            Ask::Look { producer, topic, read_back } => {
                future.look_at(producer);
                Tell::View(Box::new(self.view(&topic, read_back)))
            }
            Ask::Act { lane, hand } => self.act(lane, &hand),
            Ask::Fork => self.fork(),
            Ask::Switch(place) => self.switch(place as usize),
            Ask::Link { at } => self.link(at),
            Ask::Turned { key, value } => self.turned(&key, &value),
            Ask::Judge { max_events } => self.judge(max_events as usize),
            Ask::Export { form, max_events } => self.export(form, max_events as usize),
            Ask::Read(_) | Ask::Open { .. } | Ask::OpenFile(_) => Tell::Nothing,
        }
    }

    fn act(&mut self, lane: u32, hand: &Hand) -> Tell {
        let future = &self.futures[self.current];
        let at_us = future.now_us();
        if at_us >= future.scenario.duration_us {
            return Tell::Refused(Why::AtEnd);
        }
        let mut scenario = (*future.scenario).clone();
        // What was done later in this future is not known any more.
        let mut place = 0;
        scenario.actions.retain(|action| {
            place += 1;
            place <= future.scripted || action.at_us <= at_us
        });
        let lane = (scenario.lane_count() > 1).then_some(lane);
        scenario.actions.push(hands::action(at_us + 1, lane, hand));
        if let Err(refusal) = check(&mut scenario) {
            return Tell::Refused(Why::Said(refusal.to_string()));
        }
        let keeps = future.known_until_us() > at_us + 1;
        if keeps && self.futures.len() >= MOST_FUTURES {
            return too_many();
        }
        let (number, parted) = if keeps { (self.numbers + 1, at_us) } else { (future.number, future.parted_us) };
        let next = match Future::new(number, Arc::new(scenario), parted) {
            Ok(next) => Future { scripted: future.scripted, producer: future.producer, ..next },
            Err(error) => return Tell::Refused(Why::Said(error.to_string())),
        };
        self.rerun = None;
        if keeps {
            self.numbers = number;
            self.futures.push(next);
            self.current = self.futures.len() - 1;
        } else {
            self.futures[self.current] = next;
        }
        Tell::Acted(Acted { at_us: at_us + 1, forked: keeps })
    }

    fn fork(&mut self) -> Tell {
        if self.futures.len() >= MOST_FUTURES {
            return too_many();
        }
        self.numbers += 1;
        let future = &self.futures[self.current];
        let at_us = future.now_us();
        let next = Future { number: self.numbers, parted_us: at_us, ..future.clone() };
        self.futures.push(next);
        self.switch(self.futures.len() - 1)
    }

    fn switch(&mut self, place: usize) -> Tell {
        let Some(future) = self.futures.get_mut(place) else { return Tell::Nothing };
        future.tell_all_again();
        self.rerun = None;
        self.current = place;
        Tell::Acted(Acted { at_us: self.futures[place].now_us(), forked: true })
    }

    fn link(&self, at: bool) -> Tell {
        let future = &self.futures[self.current];
        let at_us = Some(future.now_us()).filter(|at_us| at && *at_us > 0);
        let shows = self.shows(&future.scenario, future.is_as_opened());
        let left_out = left_out(&future.scenario).iter().map(|notice| notice.to_string().into()).collect();
        Tell::Link { fragment: Link { shows, at_us }.to_string(), left_out }
    }

    /// A demo with its dials where that is all there is to it, else the scenario itself.
    fn shows(&self, scenario: &Scenario, is_as_opened: bool) -> Shows {
        match &self.source.turned {
            Some(turned) if is_as_opened => Shows::Demo { slug: Arc::clone(&self.source.slug), turned: turned.clone() },
            _ => {
                let mut scenario = scenario.clone();
                if let Some(demo) = &self.source.demo {
                    scenario.refer_to_card_of(&self.source.slug, demo);
                }
                Shows::Scenario(Box::new(scenario))
            }
        }
    }

    fn turned(&self, key: &str, value: &str) -> Tell {
        let mut scenario = (*self.futures[self.current].scenario).clone();
        let turned = scenario.turn(key, value).map_err(|error| error.to_string());
        if let Err(why) = turned.and_then(|()| check(&mut scenario).map(drop).map_err(|refusal| refusal.to_string())) {
            return Tell::Refused(Why::Said(why));
        }
        let is_as_opened = self.futures[self.current].is_as_opened();
        let shows = match self.shows(&scenario, is_as_opened) {
            Shows::Demo { slug, mut turned } => {
                turned.set(key, value);
                Shows::Demo { slug, turned }
            }
            shows => shows,
        };
        Tell::Link { fragment: Link { shows, at_us: None }.to_string(), left_out: Vec::new() }
    }

    fn judge(&mut self, max_events: usize) -> Tell {
        self.rerun_for(None).map_or(Tell::Nothing, |rerun| Tell::Judged(rerun.judge(max_events)))
    }

    fn export(&mut self, form: Form, max_events: usize) -> Tell {
        self.rerun_for(Some(form)).map_or(Tell::Nothing, |rerun| Tell::Exported(rerun.export(max_events)))
    }

    /// The one that is at work, or a new one.
    fn rerun_for(&mut self, form: Option<Form>) -> Option<&mut Rerun> {
        if self.rerun.as_ref().is_none_or(|rerun| rerun.form() != form) {
            self.rerun = Rerun::new(Arc::clone(&self.futures[self.current].scenario), form).ok();
        }
        self.rerun.as_mut()
    }
}

fn too_many() -> Tell {
    Tell::Refused(Why::TooManyFutures(count(MOST_FUTURES)))
}
