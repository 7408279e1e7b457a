//! JSON into data.

use core::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::ErrorCode;
use crate::scenario::check::{self, Notice, Path, Problem, Refusal, Step};
use crate::scenario::settings::nearest;
use crate::scenario::written::{Choice, Integer, Limit, List, Node, Properties, Record, Written};
use crate::scenario::{Lesson, Scenario};

use super::{MAX_EXACT, MAX_TEXT_BYTES, TEXT_VERSION, TextError, TextFault};

/// Reads a scenario, and checks it.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn read(text: &str) -> Result<(Scenario, Vec<Notice>), TextError> {
    let mut scenario = Scenario::default();
    let reader = read_whole(text, "scenario", &mut scenario)?;
    let notices = check::check(&mut scenario).map_err(|refusal| reader.refused(refusal))?;
    Ok((scenario, notices))
}

/// Reads a lesson, and checks it.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn read_lesson(text: &str) -> Result<(Lesson, Vec<Notice>), TextError> {
    let mut lesson = Lesson::default();
    let reader = read_whole(text, "lesson", &mut lesson)?;
    let notices = check::check_lesson(&mut lesson).map_err(|refusal| reader.refused(refusal))?;
    Ok((lesson, notices))
}

fn read_whole<'a>(text: &'a str, version: &str, into: &mut dyn Written) -> Result<Reader<'a>, TextError> {
    let at_start = |fault| TextError { line: 1, column: 1, path: Path::default(), fault };
    if text.len() > MAX_TEXT_BYTES {
        return Err(at_start(TextFault::TooLarge { bytes: text.len() }));
    }
    let root: &RawValue = serde_json::from_str(text).map_err(|error| TextError {
        line: error.line(),
        column: column_in_characters(text, error.line(), error.column()),
        path: Path::default(),
        fault: TextFault::Syntax(words_of(&error)),
    })?;
    let mut reader = Reader { text, root, path: Path::default() };
    let mut fields = reader.object(root)?;
    let Some(place) = fields.iter().position(|(name, _)| name == version) else {
        return Err(reader.error(root, TextFault::NoVersion));
    };
    let (_, written) = fields.remove(place);
    match written.get().parse::<u32>() {
        Ok(TEXT_VERSION) => {}
        Ok(newer) if newer > TEXT_VERSION => {
            return Err(reader.error(written, TextFault::Newer { version: newer.to_string() }));
        }
        _ => return Err(reader.error(written, TextFault::NoVersion)),
    }
    if let Node::Record(record) = into.node() {
        reader.read_fields(record, fields)?;
    }
    Ok(reader)
}

/// serde_json's own words, without the place that stands beside them.
fn words_of(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    words.strip_suffix(&place).map_or(words.clone(), str::to_owned)
}

/// serde_json counts bytes.
fn column_in_characters(text: &str, line: usize, bytes: usize) -> usize {
    let line = text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default();
    let until = line.as_bytes().get(..bytes.min(line.len())).unwrap_or_default();
    String::from_utf8_lossy(until).chars().count().max(1)
}

/// An object's fields in their order, also those that are there twice.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsFields;
        impl<'de> Visitor<'de> for AsFields {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(AsFields).map(Fields)
    }
}

struct Reader<'a> {
    text: &'a str,
    root: &'a RawValue,
    path: Path,
}

impl<'a> Reader<'a> {
    fn error(&self, at: &RawValue, fault: TextFault) -> TextError {
        self.error_at(self.offset_of(at), fault)
    }

    fn error_at(&self, offset: usize, fault: TextFault) -> TextError {
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        TextError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            path: self.path.clone(),
            fault,
        }
    }

    /// Every raw value is a piece of the text.
    fn offset_of(&self, raw: &RawValue) -> usize {
        (raw.get().as_ptr() as usize - self.text.as_ptr() as usize).min(self.text.len())
    }

    /// Where the name of a field begins, from where its value does.
    fn offset_of_name(&self, name: &str, value: &RawValue) -> usize {
        let before = self.text[..self.offset_of(value)].trim_end().trim_end_matches(':').trim_end();
        // As long as its name is written without escapes, it stands right before.
        let length = name.len() + 2;
        if before.ends_with(&format!("\"{name}\"")) { before.len() - length } else { before.len() }
    }

    /// A refusal with the place of what is refused; of what has its default, the place of what surrounds it.
    fn refused(&self, refusal: Refusal) -> TextError {
        let mut at = self.root;
        for step in &refusal.path.0 {
            let inner = match step {
                Step::Field(name) => {
                    let fields =
                        serde_json::from_str::<Fields<'a>>(at.get()).map(|fields| fields.0).unwrap_or_default();
                    fields.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
                }
                Step::Item(index) => {
                    let items = serde_json::from_str::<Vec<&'a RawValue>>(at.get()).unwrap_or_default();
                    items.get(*index).copied()
                }
            };
            at = inner.unwrap_or(at);
        }
        TextError { path: refusal.path, ..self.error(at, TextFault::Refused(refusal.problem)) }
    }

    fn mistyped(&self, raw: &RawValue, expected: &'static str) -> TextError {
        self.error(raw, TextFault::Type { expected, found: kind_of(raw) })
    }

    fn object(&self, raw: &'a RawValue) -> Result<Vec<(String, &'a RawValue)>, TextError> {
        match serde_json::from_str::<Fields<'a>>(raw.get()) {
            Ok(fields) => Ok(fields.0),
            Err(_) => Err(self.mistyped(raw, "an object")),
        }
    }

    fn string(&self, raw: &RawValue, expected: &'static str) -> Result<String, TextError> {
        serde_json::from_str(raw.get()).map_err(|_| self.mistyped(raw, expected))
    }

    fn within(&mut self, step: Step, then: impl FnOnce(&mut Self) -> Result<(), TextError>) -> Result<(), TextError> {
        self.path.0.push(step);
        then(self)?;
        self.path.0.pop();
        Ok(())
    }

    fn read(&mut self, node: Node<'_>, limit: Limit, raw: &'a RawValue) -> Result<(), TextError> {
        match node {
            Node::Bool(value) => {
                *value = serde_json::from_str(raw.get()).map_err(|_| self.mistyped(raw, "true or false"))?;
            }
            Node::Integer(integer) => self.read_integer(integer, limit, raw)?,
            Node::Seed(seed) => {
                let expected = "a whole number of 64 bits, as text,";
                let written = self.string(raw, expected)?;
                *seed = written.parse().map_err(|_| self.mistyped(raw, expected))?;
            }
            Node::Text(text) => *text = self.string(raw, "text")?.into(),
            Node::Properties(properties) => self.read_properties(properties, raw)?,
            Node::Error(error) => self.read_error(error, raw)?,
            Node::Record(record) => {
                let fields = self.object(raw)?;
                self.read_fields(record, fields)?;
            }
            Node::Choice(choice) => self.read_choice(choice, raw)?,
            Node::List(list) => self.read_list(list, limit, raw)?,
            Node::Maybe(maybe) if raw.get() == "null" => maybe.clear(),
            Node::Maybe(maybe) => self.read(maybe.fill(), limit, raw)?,
        }
        Ok(())
    }

    fn read_fields(&mut self, record: &mut dyn Record, fields: Vec<(String, &'a RawValue)>) -> Result<(), TextError> {
        let known = record.fields();
        let mut seen = vec![false; known.len()];
        for (name, raw) in fields {
            let Some(index) = known.iter().position(|field| field.name == name) else {
                let nearest = nearest(&name, known.iter().map(|field| field.name));
                return Err(self.error_at(self.offset_of_name(&name, raw), TextFault::UnknownField { name, nearest }));
            };
            if core::mem::replace(&mut seen[index], true) {
                return Err(self.error_at(self.offset_of_name(&name, raw), TextFault::Twice { name }));
            }
            let field = &known[index];
            self.within(Step::Field(field.name), |reader| reader.read(record.field(index), field.limit, raw))?;
        }
        Ok(())
    }

    fn read_choice(&mut self, choice: &mut dyn Choice, raw: &'a RawValue) -> Result<(), TextError> {
        let expected = "a word, or an object with one word and its fields,";
        let (word, fields) = match kind_of(raw) {
            "text" => (self.string(raw, expected)?, Vec::new()),
            "an object" => {
                let mut variants = self.object(raw)?;
                let (Some((word, inner)), true) = (variants.pop(), variants.is_empty()) else {
                    return Err(self.mistyped(raw, expected));
                };
                (word, vec![inner])
            }
            _ => return Err(self.mistyped(raw, expected)),
        };
        let variants = choice.variants();
        let Some(index) = variants.iter().position(|variant| variant.name == word) else {
            let nearest = nearest(&word, variants.iter().map(|variant| variant.name));
            return Err(self.error(raw, TextFault::UnknownWord { word, nearest }));
        };
        choice.choose(index);
        let Some(inner) = fields.first() else { return Ok(()) };
        self.within(Step::Field(variants[index].name), |reader| {
            let fields = reader.object(inner)?;
            reader.read_fields(choice.as_record(), fields)
        })
    }

    fn read_list(&mut self, list: &mut dyn List, limit: Limit, raw: &'a RawValue) -> Result<(), TextError> {
        let items: Vec<&'a RawValue> = serde_json::from_str(raw.get()).map_err(|_| self.mistyped(raw, "a list"))?;
        let each = if let Limit::Each(_, _, each) = limit { *each } else { Limit::Open };
        for (index, item) in items.into_iter().enumerate() {
            list.push();
            self.within(Step::Item(index), |reader| reader.read(list.item(index), each, item))?;
        }
        Ok(())
    }

    fn read_integer(&self, integer: &mut dyn Integer, limit: Limit, raw: &RawValue) -> Result<(), TextError> {
        if kind_of(raw) != "a number" || raw.get().contains(['.', 'e', 'E']) {
            return Err(self.mistyped(raw, "a whole number"));
        }
        let value: i64 = raw.get().parse().map_err(|_| self.error(raw, TextFault::NotExact))?;
        if value.unsigned_abs() > MAX_EXACT.unsigned_abs() {
            return Err(self.error(raw, TextFault::NotExact));
        }
        if integer.set(value) {
            return Ok(());
        }
        // Beyond the type, and so beyond the bounds.
        let (least, most) =
            if let Limit::Between(least, most) = limit { (least, most) } else { (0, i64::from(u32::MAX)) };
        Err(self.error(raw, TextFault::Refused(Problem::OutOfBounds { found: value, least, most })))
    }

    fn read_properties(&self, properties: &mut Properties, raw: &'a RawValue) -> Result<(), TextError> {
        for (name, raw) in self.object(raw)? {
            if properties.get(&name).is_some() {
                return Err(self.error_at(self.offset_of_name(&name, raw), TextFault::Twice { name }));
            }
            let value: Arc<str> = match kind_of(raw) {
                "text" => self.string(raw, "text")?.into(),
                "a number" | "true or false" => raw.get().into(),
                _ => return Err(self.mistyped(raw, "text, a number, or true or false,")),
            };
            properties.0.push((name.into(), value));
        }
        Ok(())
    }

    fn read_error(&self, error: &mut ErrorCode, raw: &RawValue) -> Result<(), TextError> {
        if kind_of(raw) == "a number" {
            let number = raw.get().parse::<i16>();
            *error = ErrorCode(number.map_err(|_| self.mistyped(raw, "the name or the number of an error"))?);
            return Ok(());
        }
        let word = self.string(raw, "the name or the number of an error")?;
        // Kafka's errors are numbered from −1 on, without large gaps.
        let all = || (-1..1_000).map(ErrorCode).filter_map(|code| code.name().map(|name| (code, name)));
        let Some((code, _)) = all().find(|(_, name)| *name == word) else {
            let nearest = nearest(&word, all().map(|(_, name)| name));
            return Err(self.error(raw, TextFault::UnknownWord { word, nearest }));
        };
        *error = code;
        Ok(())
    }
}

fn kind_of(raw: &RawValue) -> &'static str {
    match raw.get().bytes().next() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}
