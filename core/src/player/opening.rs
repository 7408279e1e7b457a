//! From a fragment of an address to a scenario, with everything that is to be said of it.

use std::sync::Arc;

use super::future::Future;
use super::messages::{Fault, Lesson, Note, Opened};
use crate::bridge::Habit;
use crate::scenario::check::Notice;
use crate::scenario::link::{Link, LinkError, LinkNotice, MAX_LINK_BYTES, Shows};
use crate::scenario::{Demo, Dial, LessonItem, Properties, Scenario, Words, text};
use crate::staging::BEGIN;

/// Where the scenario comes from.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// The demo that it is or was made from; empty: none.
    pub(super) slug: Arc<str>,
    /// That demo, as its file has it.
    pub(super) demo: Option<Box<Scenario>>,
    /// What is turned in it; `None`: it is a scenario of its own.
    pub(super) turned: Option<Properties>,
}

/// What a fragment shows.
pub(super) enum Opening {
    Scenario { source: Source, scenario: Box<Scenario>, at_us: Option<u64>, notes: Vec<Note> },
    Lesson(Lesson),
}

/// The demo whose file is needed, if one is.
pub(super) fn needs(fragment: &str) -> Option<Arc<str>> {
    match Link::parse(fragment).ok()?.0.shows {
        Shows::Demo { slug, .. } => Some(slug),
        Shows::Scenario(scenario) => Demo::of(&scenario.demo).map(|demo| demo.slug.into()),
        Shows::Nothing | Shows::Lesson(_) => None,
    }
}

/// Opens a link; `demo` is the file that it needs.
pub(super) fn open(fragment: &str, demo: Option<&str>) -> Result<Opening, Fault> {
    let (Link { shows, at_us }, told) = Link::parse(fragment).map_err(fault)?;
    let mut notes: Vec<Note> = told.into_iter().map(note).collect();
    let read = demo.map(text::read).transpose().map_err(|error| Fault::Refused(error.to_string()))?;
    let mut demo = read.map(|(demo, told)| {
        notes.extend(told.iter().map(in_scenario));
        Box::new(demo)
    });
    let (source, scenario) = match shows {
        Shows::Nothing => return Err(Fault::NotALink),
        Shows::Lesson(lesson) => {
            let items = lesson.items.iter().map(item).collect();
            return Ok(Opening::Lesson(Lesson { title: lesson.title, items, notes }));
        }
        Shows::Demo { slug, turned } => {
            let missing = || Fault::Refused(format!("demos/{slug}.json is not there"));
            let mut scenario = demo.clone().ok_or_else(missing)?;
            scenario.demo = Arc::clone(&slug);
            let refused = scenario.turn_all(&turned);
            let mut in_force = Properties::default();
            for (key, value) in turned.iter().filter(|(key, _)| !refused.iter().any(|(refused, _)| **refused == **key))
            {
                in_force.set(key, value);
            }
            notes.extend(refused.into_iter().map(|(key, error)| Note::NotTurned(key, error.to_string())));
            (Source { slug, demo, turned: Some(in_force) }, scenario)
        }
        Shows::Scenario(mut scenario) => {
            if let Some(demo) = &mut demo {
                scenario.take_card_of(demo);
            }
            (Source { slug: Arc::clone(&scenario.demo), demo, turned: None }, scenario)
        }
    };
    if at_us.is_some_and(|at_us| at_us > scenario.duration_us) {
        notes.push(Note::BeyondEnd);
    }
    Ok(Opening::Scenario { source, scenario, at_us, notes })
}

/// Opens a file, whose own card it has.
pub(super) fn open_file(written: &str) -> Result<Opening, Fault> {
    let (scenario, told) = text::read(written).map_err(|error| Fault::Refused(error.to_string()))?;
    let notes = told.iter().map(in_scenario).collect();
    Ok(Opening::Scenario { source: Source::default(), scenario: Box::new(scenario), at_us: None, notes })
}

/// An item of a lesson as a link of its own.
fn item(item: &LessonItem) -> (Words, String) {
    let (title, shows) = match &item.scenario {
        Some(scenario) => (scenario.card.title.clone(), Shows::Scenario(Box::new(scenario.clone()))),
        None => (Words::default(), Shows::Demo { slug: Arc::clone(&item.demo), turned: item.turned.clone() }),
    };
    (title, Link { shows, at_us: None }.to_string())
}

/// What is told of a scenario that stands on its stage.
pub(super) fn told(source: &Source, future: &Future, at_us: Option<u64>, mut notes: Vec<Note>) -> Opened {
    let scenario = &*future.scenario;
    let (mut refused, mut lanes) = (Vec::new(), Vec::new());
    for (place, lane) in (0..).zip(&future.lanes) {
        let stage = lane.playback.world();
        refused.extend(stage.refused().iter().map(|(producer, error)| (place, *producer, error.to_string())));
        for (action, why) in stage.left_out() {
            let left_out = Note::LeftOut(u32::try_from(*action).unwrap_or(u32::MAX), (*why).to_owned());
            if !notes.contains(&left_out) {
                notes.push(left_out);
            }
        }
        let without_effect = stage.without_effect().iter().map(|key| Note::WithoutEffect(Arc::clone(key)));
        notes.extend(without_effect.filter(|_| place == 0));
        let own = scenario.lanes.get(place as usize);
        lanes.push(own.map(|lane| lane.title.clone()).unwrap_or_default());
    }
    let properties = (0..future.lanes.len()).map(|lane| properties(scenario, lane)).collect();
    let habits = (0..future.lanes.len()).map(|lane| habit(scenario, lane)).collect();
    let card = scenario.card.clone();
    Opened {
        name: Arc::clone(&scenario.name),
        demo: Arc::clone(&source.slug),
        dial_at: card.dial.as_ref().and_then(|dial| position(scenario, dial)),
        card,
        lanes,
        habits,
        producers: u32::try_from(scenario.producers.len().max(1)).unwrap_or(1),
        topics: scenario.topics.iter().map(|topic| Arc::clone(&topic.name)).collect(),
        properties,
        refused,
        slower: scenario.slower,
        end_us: scenario.duration_us,
        at_us: at_us.map(|at_us| at_us.min(scenario.duration_us)),
        notes,
        begins: BEGIN,
    }
}

fn properties(scenario: &Scenario, lane: usize) -> Vec<Properties> {
    let own = scenario.lanes.get(lane).map(|lane| &lane.properties);
    scenario.producers.iter().map(|producer| producer.properties.with(own)).collect()
}

/// What all of a lane's programs do with their futures.
fn habit(scenario: &Scenario, lane: usize) -> Option<Habit> {
    let own = scenario.lanes.get(lane).and_then(|lane| lane.habit);
    let mut callers = scenario.producers.iter().flat_map(|producer| &producer.callers);
    let first = own.or_else(|| callers.next().map(|caller| caller.habit))?;
    (own.is_some() || callers.all(|caller| caller.habit == first)).then_some(first)
}

/// The dial's position that changes nothing: the one in force.
fn position(scenario: &Scenario, dial: &Dial) -> Option<u32> {
    let is_in_force = |value: &Arc<str>| {
        let mut turned = scenario.clone();
        turned.turn(&dial.key, value).is_ok() && turned == *scenario
    };
    dial.values.iter().position(is_in_force).and_then(|place| u32::try_from(place).ok())
}

fn in_scenario(notice: &Notice) -> Note {
    Note::InScenario(notice.to_string())
}

fn note(notice: LinkNotice) -> Note {
    match notice {
        LinkNotice::Unknown { name, nearest } => Note::Unknown(name, nearest.map(Into::into)),
        LinkNotice::BridgesOwn { name } => Note::BridgesOwn(name),
        LinkNotice::Damaged { name } => Note::Damaged(name),
        LinkNotice::Twice { name } => Note::Twice(name),
        LinkNotice::TooMany { left_out } => Note::TooMany(left_out as u64),
        LinkNotice::InScenario(notice) => in_scenario(&notice),
    }
}

fn fault(error: LinkError) -> Fault {
    match error {
        LinkError::TooLong(bytes) => Fault::TooLong(bytes as u64, MAX_LINK_BYTES as u64),
        LinkError::NotALink => Fault::NotALink,
        LinkError::NoSuchDemo { slug, nearest } => Fault::NoSuchDemo(slug, nearest.map(Into::into)),
        LinkError::Newer { version } => Fault::Newer(version),
        LinkError::Character(place) => Fault::Character(place as u64),
        LinkError::Checksum => Fault::Checksum,
        LinkError::TooLarge => Fault::TooLarge,
        LinkError::Damaged => Fault::Damaged,
        LinkError::Refused(refusal) => Fault::Refused(refusal.to_string()),
    }
}
