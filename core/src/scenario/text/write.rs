//! Data into JSON: what is default left out, what fits into a line in one line.

use crate::scenario::written::{Limit, Node, Record, Written};
use crate::scenario::{Lesson, Scenario};

use super::TEXT_VERSION;

/// Longest line that holds more than one value, in characters.
const MAX_LINE: usize = 110;

/// Writes a scenario as text.
pub fn write(scenario: &Scenario) -> String {
    write_whole("scenario", scenario.clone().node())
}

/// Writes a lesson as text.
pub fn write_lesson(lesson: &Lesson) -> String {
    write_whole("lesson", lesson.clone().node())
}

fn write_whole(version: &str, node: Node<'_>) -> String {
    let mut parts = vec![(version.to_owned(), Json::Leaf(TEXT_VERSION.to_string()))];
    if let Node::Record(record) = node {
        parts.extend(fields_of(record));
    }
    let mut text = String::new();
    Json::Object(parts).write(0, 0, &mut text);
    text.push('\n');
    text
}

/// JSON as it is about to be written.
pub(super) enum Json {
    Leaf(String),
    Object(Vec<(String, Json)>),
    List(Vec<Json>),
}

/// A value as JSON.
pub(super) fn json_of(node: Node<'_>) -> Json {
    match node {
        Node::Bool(value) => Json::Leaf(value.to_string()),
        Node::Integer(integer) => Json::Leaf(integer.value().to_string()),
        Node::Seed(seed) => Json::Leaf(quoted(&seed.to_string())),
        Node::Text(text) => Json::Leaf(quoted(text)),
        Node::Properties(properties) => {
            let pairs = properties.iter().map(|(key, value)| (key.to_owned(), Json::Leaf(quoted(value))));
            Json::Object(pairs.collect())
        }
        Node::Error(error) => Json::Leaf(error.name().map_or_else(|| error.0.to_string(), quoted)),
        Node::Record(record) => Json::Object(fields_of(record)),
        Node::Choice(choice) => {
            let word = choice.variants()[choice.chosen()].name;
            match fields_of(choice.as_record()) {
                fields if fields.is_empty() => Json::Leaf(quoted(word)),
                fields => Json::Object(vec![(word.to_owned(), Json::Object(fields))]),
            }
        }
        Node::List(list) => Json::List((0..list.count()).map(|index| json_of(list.item(index))).collect()),
        Node::Maybe(maybe) if maybe.is_some() => json_of(maybe.fill()),
        Node::Maybe(_) => Json::Leaf("null".to_owned()),
    }
}

fn fields_of(record: &mut dyn Record) -> Vec<(String, Json)> {
    let is_told = |index: usize| record.fields()[index].limit == Limit::Told || !record.has_default(index);
    let differing = (0..record.fields().len()).filter(|&index| is_told(index)).collect::<Vec<_>>();
    differing.into_iter().map(|index| (record.fields()[index].name.to_owned(), json_of(record.field(index)))).collect()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

impl Json {
    /// In one line.
    pub(super) fn in_line(&self) -> String {
        match self {
            Self::Leaf(text) => text.clone(),
            Self::Object(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{}: {}", quoted(name), value.in_line())).collect();
                format!("{{{}}}", fields.join(", "))
            }
            Self::List(items) => format!("[{}]", items.iter().map(Self::in_line).collect::<Vec<_>>().join(", ")),
        }
    }

    /// In one line if it fits behind what stands in it already, else over several.
    fn write(&self, indent: usize, used: usize, into: &mut String) {
        let line = self.in_line();
        let parts: Vec<(Option<&str>, &Self)> = match self {
            Self::Object(fields) if indent == 0 || !fits(&line, used) => {
                fields.iter().map(|(name, value)| (Some(&**name), value)).collect()
            }
            Self::List(items) if !fits(&line, used) => items.iter().map(|item| (None, item)).collect(),
            _ => {
                into.push_str(&line);
                return;
            }
        };
        let (open, close) = if matches!(self, Self::List(_)) { ('[', ']') } else { ('{', '}') };
        into.push(open);
        let indent = indent + 2;
        for (place, (name, value)) in parts.iter().enumerate() {
            into.push_str(if place == 0 { "\n" } else { ",\n" });
            into.extend(core::iter::repeat_n(' ', indent));
            let name = name.map(|name| format!("{}: ", quoted(name))).unwrap_or_default();
            into.push_str(&name);
            value.write(indent, indent + name.chars().count(), into);
        }
        into.push('\n');
        into.extend(core::iter::repeat_n(' ', indent - 2));
        into.push(close);
    }
}

fn fits(line: &str, used: usize) -> bool {
    used + line.chars().count() <= MAX_LINE
}
