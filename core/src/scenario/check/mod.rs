//! What every scenario keeps to, however it was written: bounds, references, names, and text that shows what it holds.
//!
//! A refusal names the field. What is merely changed (prose that hid something, settings that belong to the bridge) is
//! told in a [`Notice`]: nothing is trimmed in silence.

mod told;

use std::sync::Arc;

use crate::config;
use crate::session::is_the_bridges_own;

pub use self::told::{Change, Notice, Path, Problem, Refusal, Step};
use super::presets::{DEMOS, is_dial};
use super::settings::nearest;
use super::template::Template;
use super::written::{Limit, MAX_NAME_CHARS, MAX_TEMPLATE_BYTES, Node, Properties, Record, Written};
use super::{Act, Arrival, BROKER_SETTINGS, Direction, Fate, Lesson, Load, Rule, Scenario, TOPIC_SETTINGS, Value};

/// Checks a scenario, and mends what may be mended.
///
/// # Errors
/// The first field that is out of bounds, refers to nothing or says what cannot be.
pub fn check(scenario: &mut Scenario) -> Result<Vec<Notice>, Refusal> {
    let mut checker = Checker::of(scenario);
    checker.walk(scenario.node(), Limit::Open)?;
    checker.check_topics(scenario)?;
    checker.check_loads(scenario)?;
    checker.check_rules(scenario)?;
    Ok(checker.notices)
}

/// Checks a lesson, and every scenario in it.
///
/// # Errors
/// As [`check`].
pub fn check_lesson(lesson: &mut Lesson) -> Result<Vec<Notice>, Refusal> {
    // The scenarios are checked each against its own brokers and producers, the rest without them.
    let mut scenarios: Vec<Option<Scenario>> = lesson.items.iter_mut().map(|item| item.scenario.take()).collect();
    let mut checker = Checker::default();
    checker.walk(lesson.node(), Limit::Open)?;
    for (index, (item, scenario)) in lesson.items.iter_mut().zip(&mut scenarios).enumerate() {
        checker.path = Path(vec![Step::Field("items"), Step::Item(index)]);
        if item.demo.is_empty() == scenario.is_none() {
            return checker.refuse(Problem::OneOfTwo).map(|()| Vec::new());
        }
        if !item.demo.is_empty() && !DEMOS.iter().any(|demo| *demo.slug == *item.demo) {
            checker.path.0.push(Step::Field("demo"));
            let nearest = nearest(&item.demo, DEMOS.iter().map(|demo| demo.slug));
            return checker.refuse(Problem::NoSuchDemo { nearest }).map(|()| Vec::new());
        }
        if let Some(scenario) = scenario {
            let below = |path: Path| {
                Path(checker.path.0.iter().copied().chain([Step::Field("scenario")]).chain(path.0).collect())
            };
            let found = check(scenario).map_err(|refusal| Refusal { path: below(refusal.path), ..refusal })?;
            let found = found.into_iter().map(|notice| Notice { path: below(notice.path), ..notice });
            checker.notices.extend(found.collect::<Vec<_>>());
        }
        item.scenario = scenario.take();
    }
    Ok(checker.notices)
}

#[derive(Default)]
struct Checker {
    brokers: i64,
    producers: i64,
    lanes: i64,
    path: Path,
    notices: Vec<Notice>,
}

impl Checker {
    fn of(scenario: &Scenario) -> Self {
        let joining = scenario.actions.iter().filter(|action| matches!(action.act, Act::AddBroker {}));
        let joining: i64 = joining.map(|action| i64::from(action.times)).sum();
        Self {
            brokers: i64::from(scenario.cluster.brokers).saturating_add(joining).min(9),
            producers: count_of(&scenario.producers),
            lanes: i64::try_from(scenario.lane_count()).unwrap_or(i64::MAX),
            ..Self::default()
        }
    }

    fn refuse(&self, problem: Problem) -> Result<(), Refusal> {
        Err(Refusal { path: self.path.clone(), problem })
    }

    fn note(&mut self, what: Change) {
        self.notices.push(Notice { path: self.path.clone(), what });
    }

    fn within(&mut self, step: Step, then: impl FnOnce(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        self.path.0.push(step);
        then(self)?;
        self.path.0.pop();
        Ok(())
    }

    fn walk(&mut self, node: Node<'_>, limit: Limit) -> Result<(), Refusal> {
        match node {
            Node::Bool(_) | Node::Seed(_) | Node::Error(_) => Ok(()),
            Node::Integer(integer) => self.check_number(integer.value(), limit),
            Node::Text(text) => self.check_text(text, limit),
            Node::Properties(properties) => self.check_properties(properties, limit),
            Node::Record(record) => self.walk_fields(record),
            Node::Choice(choice) => {
                let step = Step::Field(choice.variants()[choice.chosen()].name);
                self.within(step, |checker| checker.walk_fields(choice.as_record()))
            }
            Node::List(list) => {
                let (least, most, each) = match limit {
                    Limit::Each(least, most, each) => (least, most, *each),
                    Limit::Items(least, most) => (least, most, Limit::Open),
                    _ => (0, u32::MAX, Limit::Open),
                };
                let found = list.count();
                if (found as u64) < u64::from(least) || (found as u64) > u64::from(most) {
                    return self.refuse(Problem::Entries { found, least, most });
                }
                (0..found).try_for_each(|index| {
                    self.within(Step::Item(index), |checker| checker.walk(list.item(index), each))
                })
            }
            Node::Maybe(maybe) if maybe.is_some() => self.walk(maybe.fill(), limit),
            Node::Maybe(_) => Ok(()),
        }
    }

    fn walk_fields(&mut self, record: &mut dyn Record) -> Result<(), Refusal> {
        for (index, field) in record.fields().iter().enumerate() {
            self.within(Step::Field(field.name), |checker| checker.walk(record.field(index), field.limit))?;
        }
        Ok(())
    }

    fn check_number(&self, found: i64, limit: Limit) -> Result<(), Refusal> {
        let (least, most) = match limit {
            Limit::Between(least, most) => (least, most),
            Limit::Node | Limit::UpToBrokers => (1, self.brokers),
            Limit::Producer => (0, self.producers - 1),
            Limit::Lane => (0, self.lanes - 1),
            _ => return Ok(()),
        };
        if (least..=most).contains(&found) { Ok(()) } else { self.refuse(Problem::OutOfBounds { found, least, most }) }
    }

    fn check_text(&mut self, text: &mut Arc<str>, limit: Limit) -> Result<(), Refusal> {
        let is_too_long = |most: usize| if text.len() > most { self.refuse(Problem::TooLong { most }) } else { Ok(()) };
        match limit {
            Limit::Prose(most) => {
                self.mend(text, most);
                Ok(())
            }
            Limit::Name if text.chars().count() > MAX_NAME_CHARS => {
                self.refuse(Problem::TooLong { most: MAX_NAME_CHARS })
            }
            Limit::Name if text.chars().any(hides) => self.refuse(Problem::Hidden),
            Limit::Topic if !is_topic(text) => self.refuse(Problem::NotATopic),
            Limit::AnyTopic if !text.is_empty() && !is_topic(text) => self.refuse(Problem::NotATopic),
            Limit::Slug if !is_slug(text) => self.refuse(Problem::NotASlug),
            Limit::Data(most) => is_too_long(usize::try_from(most).unwrap_or(usize::MAX)),
            Limit::Template => {
                is_too_long(MAX_TEMPLATE_BYTES)?;
                Template::parse(text).map(drop).or_else(|error| self.refuse(Problem::Template(error)))
            }
            _ => Ok(()),
        }
    }

    /// Prose that shows all that it holds, and no more than it may.
    fn mend(&mut self, text: &mut Arc<str>, most: u32) {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if text.chars().count() <= most && !text.chars().any(hides_in_prose) {
            return;
        }
        let mut mended = text.to_string();
        let characters = show_hidden(&mut mended);
        if characters > 0 {
            self.note(Change::Shown { characters });
        }
        let of = mended.chars().count();
        if of > most {
            // With the sign that there was more, so that what is mended once stays as it is.
            let kept = most.saturating_sub(1);
            mended = mended.chars().take(kept).chain(['…']).collect();
            self.note(Change::Cut { kept, of });
        }
        *text = mended.into();
    }

    fn check_properties(&mut self, properties: &mut Properties, limit: Limit) -> Result<(), Refusal> {
        let found = properties.0.len();
        if found > crate::bridge::MAX_PROPERTIES {
            return self.refuse(Problem::Entries { found, least: 0, most: crate::bridge::MAX_PROPERTIES as u32 });
        }
        let kept = properties.0.extract_if(.., |(key, _)| is_the_bridges_own(key)).map(|(key, _)| key);
        for key in kept.collect::<Vec<_>>() {
            self.note(Change::BridgesOwn { key });
        }
        for (key, value) in &properties.0 {
            if key.len() + value.len() > crate::bridge::MAX_PROPERTY_BYTES {
                return self.refuse(Problem::TooLong { most: crate::bridge::MAX_PROPERTY_BYTES });
            }
            let known: &[&'static str] = match limit {
                Limit::BrokerSettings => &BROKER_SETTINGS,
                Limit::TopicSettings => &TOPIC_SETTINGS,
                _ => &config::KNOWN_KEYS,
            };
            let is_known_besides = match limit {
                Limit::ProducerSettings => config::is_known(key),
                Limit::Dials => is_dial(key),
                _ => false,
            };
            if known.contains(&&**key) || is_known_besides {
                continue;
            }
            let (key, nearest) = (Arc::clone(key), nearest(key, known.iter().copied()));
            if limit != Limit::ProducerSettings {
                return self.refuse(Problem::UnknownSetting { key, nearest });
            }
            self.note(Change::UnknownKey { key, nearest });
        }
        Ok(())
    }

    fn check_topics(&mut self, scenario: &Scenario) -> Result<(), Refusal> {
        for (index, topic) in scenario.topics.iter().enumerate() {
            if scenario.topics[..index].iter().any(|other| other.name == topic.name) {
                self.path = Path(vec![Step::Field("topics"), Step::Item(index), Step::Field("name")]);
                return self.refuse(Problem::Twice);
            }
        }
        Ok(())
    }

    fn check_loads(&mut self, scenario: &Scenario) -> Result<(), Refusal> {
        for (producer, setup) in scenario.producers.iter().enumerate() {
            for (caller, program) in setup.callers.iter().enumerate() {
                for (index, load) in program.loads.iter().enumerate() {
                    self.path = Path(vec![
                        Step::Field("producers"),
                        Step::Item(producer),
                        Step::Field("callers"),
                        Step::Item(caller),
                        Step::Field("loads"),
                        Step::Item(index),
                    ]);
                    self.check_load(load)?;
                }
            }
        }
        for (index, action) in scenario.actions.iter().enumerate() {
            if let Act::Send { load, .. } = &action.act {
                self.path = Path(in_action(index, "send", "load"));
                self.check_load(load)?;
            }
        }
        Ok(())
    }

    fn check_load(&mut self, load: &Load) -> Result<(), Refusal> {
        if let Value::Letters { at_least_bytes, at_most_bytes } = load.value
            && at_most_bytes < at_least_bytes
        {
            self.path.0.extend(["value", "letters", "at_most_bytes"].map(Step::Field));
            let (found, least) = (at_most_bytes.into(), at_least_bytes.into());
            return self.refuse(Problem::OutOfBounds { found, least, most: 2_000_000 });
        }
        // A million records a second are one in a microsecond.
        if let Arrival::Bursts { size, every_us } = load.arrival
            && every_us < size.into()
        {
            self.path.0.extend(["arrival", "bursts", "every_us"].map(Step::Field));
            let (found, least) = (i64::try_from(every_us).unwrap_or(i64::MAX), size.into());
            return self.refuse(Problem::OutOfBounds { found, least, most: 86_400_000_000 });
        }
        Ok(())
    }

    fn check_rules(&mut self, scenario: &Scenario) -> Result<(), Refusal> {
        for (index, rule) in scenario.rules.iter().enumerate() {
            self.path = Path(vec![Step::Field("rules"), Step::Item(index)]);
            self.check_rule(rule)?;
        }
        for (index, action) in scenario.actions.iter().enumerate() {
            if let Act::AddRule { rule } = &action.act {
                self.path = Path(in_action(index, "add_rule", "rule"));
                self.check_rule(rule)?;
            }
            if let Act::Strike { direction, fate, .. } = &action.act {
                self.path = Path(in_action(index, "strike", "fate"));
                self.check_fate(*direction, fate)?;
            }
        }
        Ok(())
    }

    fn check_rule(&mut self, rule: &Rule) -> Result<(), Refusal> {
        self.path.0.push(Step::Field("fate"));
        self.check_fate(rule.on.direction, &rule.fate)
    }

    fn check_fate(&mut self, direction: Direction, fate: &Fate) -> Result<(), Refusal> {
        match *fate {
            Fate::Error { error, .. } if direction == Direction::Answer && !error.may_follow_a_write() => {
                self.path.0.extend(["error", "error"].map(Step::Field));
                self.refuse(Problem::NotAfterAWrite { error })
            }
            _ => Ok(()),
        }
    }
}

fn in_action(index: usize, act: &'static str, field: &'static str) -> Vec<Step> {
    let act = ["act", act, field].map(Step::Field);
    [Step::Field("actions"), Step::Item(index)].into_iter().chain(act).collect()
}

fn count_of<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap_or(i64::MAX)
}

fn is_topic(name: &str) -> bool {
    crate::cluster::check_topic_name(name).is_ok()
}

fn is_slug(text: &str) -> bool {
    let is_one = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    text.len() <= 64 && text.chars().all(is_one)
}

/// Does a character hide itself or what is around it, or turn its direction? Letters of right-to-left scripts do not.
fn hides(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// Lines end in prose.
fn hides_in_prose(character: char) -> bool {
    character != '\n' && hides(character)
}

/// Shows such characters as signs, and counts them.
pub(super) fn show_hidden(text: &mut String) -> usize {
    let hidden = text.chars().filter(|&character| hides_in_prose(character)).count();
    if hidden > 0 {
        let show = |character: char| match u32::from(character) {
            _ if !hides_in_prose(character) => character.to_string(),
            // Unicode has pictures for the oldest ones.
            code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}').to_string(),
            0x7f => '\u{2421}'.to_string(),
            code => format!("⟨{code:04X}⟩"),
        };
        *text = text.chars().map(show).collect();
    }
    hidden
}
