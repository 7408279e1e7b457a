//! Every field of the text form, for people: `docs/scenario.md` is this.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::write::json_of;
use crate::scenario::written::{Field, Limit, Node, Record, Written};
use crate::scenario::{BROKER_SETTINGS, TOPIC_SETTINGS};
use crate::scenario::{Lesson, Scenario};

const HEAD: &str = "# Scenario files

A scenario is a world, what is done in it, and what is asked about it: brokers, topics, producers and the loads they send,
timed actions, faults, a seed, goals, and a card with a question in two languages. As text it is JSON with its version in
front, `{\"scenario\": 1, …}`; a lesson is `{\"lesson\": 1, …}`. As a link it is `#s=1.…`, with the same data.

A whole one is [lost-answer.json](lost-answer.json): three records of which one's answer is lost, a leader that moves, and three
goals. `cargo run -p native-bridge -- run docs/lost-answer.json` plays it and tells which goals hold; with `--link` it prints the
link that opens it in the page. The demos' files are in [core/presets](../core/presets).

- A field that is left out has its default. What has its default is left out when a scenario is written, but for what a
  rule, an action or a goal is about.
- A *choice* is the name of a variant, `\"exit\"`, or an object with that name and the variant's fields,
  `{\"steady\": {\"per_second\": 50}}`.
- Numbers are whole, with their unit in the field's name, and at most 2^53; a seed has 64 bits and is text.
- Settings are an object of Kafka's keys; values are text, numbers, or true or false. Producers' keys that the Java client
  does not know are kept and told; those of topics and brokers must be known. Keys that say where to connect or who one is
  (`bootstrap.servers`, `security.*`, `ssl.*`, `sasl.*` and the like) are left out, with a notice.
- In texts with placeholders, `{{seq}}` is the record's number in its load, from 0; `{{now}}` the program's clock in
  milliseconds since 1970; `{{uuid}}` a random UUID; `{{int 1 9}}` a whole number from 1 to 9; `{{pick a,b,c}}` one of these;
  `{{name}}` a name. The same placeholder says the same in key, headers and value of one record.
- Whatever is unknown, there twice, of another type or out of bounds is refused with line, column, field and the word that
  was probably meant.

This file is generated: `UPDATE=1 cargo test -p cross-tests --test scenario_files` writes it, and the same test fails
while it is stale.
";

/// All types in the order in which they are met.
#[derive(Default)]
struct Types {
    seen: BTreeSet<&'static str>,
    pages: Vec<String>,
}

impl Types {
    /// Describes a type and then those it is made of.
    fn meet(&mut self, node: Node<'_>) {
        match node {
            Node::Record(record) if self.seen.insert(record.type_name()) => {
                let mut page = heading(record);
                page += &table(record);
                self.pages.push(page);
                self.meet_fields(record);
            }
            Node::Choice(choice) if self.seen.insert(choice.type_name()) => {
                let mut page = heading(choice.as_record());
                for index in 0..choice.variants().len() {
                    choice.choose(index);
                    let variant = &choice.variants()[index];
                    write!(page, "\n`{}`: {}\n", variant.name, told(variant.meaning)).expect("a String grows");
                    if !variant.fields.is_empty() {
                        page += &table(choice.as_record());
                    }
                }
                self.pages.push(page);
                for index in 0..choice.variants().len() {
                    choice.choose(index);
                    self.meet_fields(choice.as_record());
                }
            }
            Node::List(list) => {
                list.push();
                self.meet(list.item(list.count() - 1));
            }
            Node::Maybe(maybe) => self.meet(maybe.fill()),
            _ => {}
        }
    }

    fn meet_fields(&mut self, record: &mut dyn Record) {
        (0..record.fields().len()).for_each(|index| self.meet(record.field(index)));
    }
}

fn told(meaning: &[&str]) -> String {
    meaning.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

fn heading(record: &mut dyn Record) -> String {
    format!("\n## {}\n\n{}\n", record.type_name(), told(record.meaning()))
}

fn table(record: &mut dyn Record) -> String {
    let mut table = "\n| field | type | default | bounds | meaning |\n|---|---|---|---|---|\n".to_owned();
    for (index, field) in record.fields().iter().enumerate() {
        let default = json_of(record.field(index)).in_line();
        let shape = shape(record.field(index));
        let Field { name, limit, meaning } = field;
        writeln!(table, "| `{name}` | {shape} | `{default}` | {} | {} |", bounds(*limit), told(meaning))
            .expect("a String grows");
    }
    table
}

fn shape(node: Node<'_>) -> String {
    let link = |name: &str| format!("[{name}](#{})", name.to_lowercase());
    match node {
        Node::Bool(_) => "true or false".to_owned(),
        Node::Integer(_) => "number".to_owned(),
        Node::Seed(_) => "64 bits as text".to_owned(),
        Node::Text(_) => "text".to_owned(),
        Node::Properties(_) => "settings".to_owned(),
        Node::Error(_) => "name or number of an error".to_owned(),
        Node::Record(record) => link(record.type_name()),
        Node::Choice(choice) => link(choice.type_name()),
        Node::List(list) => {
            list.push();
            format!("list of {}", shape(list.item(list.count() - 1)))
        }
        Node::Maybe(maybe) => format!("{} or null", shape(maybe.fill())),
    }
}

fn bounds(limit: Limit) -> String {
    match limit {
        Limit::Open | Limit::Told => String::new(),
        Limit::Between(least, most) => format!("{least} to {most}"),
        Limit::Node => "a broker: 1 to `cluster.brokers`".to_owned(),
        Limit::Producer => "a producer, from 0".to_owned(),
        Limit::Lane => "a lane, from 0".to_owned(),
        Limit::UpToBrokers => "1 to `cluster.brokers`".to_owned(),
        Limit::Prose(most) => format!("prose, cut at {most} characters"),
        Limit::Name => "at most 200 characters that can be seen".to_owned(),
        Limit::Topic => "a topic's name".to_owned(),
        Limit::AnyTopic => "a topic's name, or empty".to_owned(),
        Limit::Slug => "small letters, digits, hyphens".to_owned(),
        Limit::Data(most) => format!("at most {most} bytes"),
        Limit::Template => "with placeholders, at most 100000 bytes".to_owned(),
        Limit::Items(least, most) => format!("{least} to {most} entries"),
        Limit::Each(least, most, each) => format!("{least} to {most} entries, each: {}", bounds(*each)),
        Limit::ProducerSettings => "of producers ([reference](configuration.md))".to_owned(),
        Limit::BrokerSettings => "of brokers, below".to_owned(),
        Limit::TopicSettings => "of topics, below".to_owned(),
        Limit::Dials => "settings of producers, topics and brokers, and dials".to_owned(),
    }
}

/// The reference as a page of Markdown.
pub fn reference() -> String {
    let mut types = Types::default();
    types.meet(Scenario::default().node());
    types.meet(Lesson::default().node());
    let list = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let settings =
        format!("\n## Settings\n\nOf topics: {}.\n\nOf brokers: {}.\n", list(&TOPIC_SETTINGS), list(&BROKER_SETTINGS));
    format!("{HEAD}{}{settings}", types.pages.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number, a text or a list without bounds is one that a link can fill memory with.
    #[test]
    fn every_field_that_could_grow_has_its_bounds() {
        fn walk(node: Node<'_>, limit: Limit, at: &str, types: &mut BTreeSet<&'static str>) {
            let is_bounded = limit != Limit::Open;
            match node {
                Node::Integer(_) | Node::Text(_) | Node::Properties(_) => assert!(is_bounded, "{at} has no bounds"),
                Node::List(list) => {
                    assert!(is_bounded, "{at} has no bounds");
                    list.push();
                    let each = if let Limit::Each(_, _, each) = limit { *each } else { Limit::Open };
                    walk(list.item(list.count() - 1), each, at, types);
                }
                Node::Maybe(maybe) => walk(maybe.fill(), limit, at, types),
                Node::Record(record) => {
                    if types.insert(record.type_name()) {
                        walk_fields(record, at, types);
                    }
                }
                Node::Choice(choice) => {
                    if types.insert(choice.type_name()) {
                        for index in 0..choice.variants().len() {
                            choice.choose(index);
                            walk_fields(choice.as_record(), at, types);
                        }
                    }
                }
                Node::Bool(_) | Node::Seed(_) | Node::Error(_) => {}
            }
        }
        fn walk_fields(record: &mut dyn Record, at: &str, types: &mut BTreeSet<&'static str>) {
            for (index, field) in record.fields().iter().enumerate() {
                walk(record.field(index), field.limit, &format!("{at}.{}", field.name), types);
            }
        }
        let mut types = BTreeSet::new();
        walk(Scenario::default().node(), Limit::Open, "scenario", &mut types);
        walk(Lesson::default().node(), Limit::Open, "lesson", &mut types);
        assert!(types.len() > 30, "{types:?}");
    }
}
