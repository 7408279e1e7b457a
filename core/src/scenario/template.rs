//! Texts with placeholders.
//!
//! `{{seq}}` number of the record in its load, from 0 · `{{now}}` the program's clock, milliseconds since 1970 ·
//! `{{uuid}}` · `{{int 1 9}}` a whole number from 1 to 9 · `{{pick a,b,c}}` · `{{name}}`. What a record draws depends on
//! its seed and on the placeholder's text alone: the same placeholder in key, headers and body of one record says the same.

use core::fmt;
use core::ops::Range;

use crate::rng::Rng;

/// A text with placeholders, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    parts: Vec<Part>,
}

/// A piece of a template; texts are pieces of the template's own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Range<usize>),
    Seq,
    Now,
    Uuid,
    Int { least: i64, most: i64, place: u64 },
    Pick { choices: Vec<Range<usize>>, place: u64 },
    Name,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The place of the placeholder's first brace, in characters from 1.
    pub position: usize,
    /// What is wrong with it.
    pub fault: TemplateFault,
}

/// What is wrong with a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateFault {
    /// It does not end.
    Unclosed,
    /// There is none of this name.
    Unknown {
        /// The name.
        name: String,
        /// The name that looks most like it.
        nearest: Option<&'static str>,
    },
    /// `int` takes two whole numbers, of which the second is not the smaller.
    Bounds,
    /// `pick` takes at least one choice.
    NoChoice,
    /// It takes nothing after its name.
    TakesNothing,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.position;
        match &self.fault {
            TemplateFault::Unclosed => write!(f, "the placeholder at character {place} has no }}}}"),
            TemplateFault::Unknown { name, nearest } => {
                write!(f, "there is no placeholder {{{{{name}}}}} (character {place})")?;
                nearest.map_or(Ok(()), |nearest| write!(f, "; did you mean {{{{{nearest}}}}}?"))
            }
            TemplateFault::Bounds => {
                write!(f, "{{{{int}}}} at character {place} takes two whole numbers, the smaller first")
            }
            TemplateFault::NoChoice => write!(f, "{{{{pick}}}} at character {place} takes choices, as in a,b,c"),
            TemplateFault::TakesNothing => {
                write!(f, "the placeholder at character {place} takes nothing after its name")
            }
        }
    }
}

impl std::error::Error for TemplateError {}

const PLACEHOLDERS: [&str; 6] = ["seq", "now", "uuid", "int", "pick", "name"];

/// What `{{name}}` chooses from.
const NAMES: [&str; 12] =
    ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "김철수", "이영희", "홍길동", "박민수"];

/// The draws that depend on no text.
const UUID_PLACE: u64 = 1;
const NAME_PLACE: u64 = 3;

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// The first placeholder that is none.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("{{") {
            let start = at + found;
            let error = |fault| TemplateError { position: text[..start].chars().count() + 1, fault };
            let length = text[start..].find("}}").ok_or_else(|| error(TemplateFault::Unclosed))?;
            if start > at {
                parts.push(Part::Literal(at..start));
            }
            parts.push(placeholder(text, start + 2..start + length).map_err(error)?);
            at = start + length + 2;
        }
        if at < text.len() {
            parts.push(Part::Literal(at..text.len()));
        }
        Ok(Self { text: text.into(), parts })
    }

    /// Writes the text of a record behind what is there.
    pub(super) fn write(&self, draws: &Draws, into: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(range) => into.extend_from_slice(self.text[range.clone()].as_bytes()),
                Part::Seq => push_number(into, i64::from(draws.index)),
                Part::Now => push_number(into, draws.wall_ms),
                Part::Uuid => push_uuid(into, draws.at(UUID_PLACE), draws.at(UUID_PLACE + 1)),
                Part::Int { least, most, place } => {
                    let span = most.wrapping_sub(*least).cast_unsigned();
                    let drawn = draws.rng.at(*place).below(span.saturating_add(1)).cast_signed();
                    push_number(into, least.wrapping_add(drawn));
                }
                Part::Pick { choices, place } => {
                    let choice = draws.choose(*place, choices);
                    into.extend_from_slice(self.text[choice.clone()].as_bytes());
                }
                Part::Name => into.extend_from_slice(draws.choose(NAME_PLACE, &NAMES).as_bytes()),
            }
        }
    }
}

/// A placeholder's name and what stands behind it.
fn placeholder(text: &str, range: Range<usize>) -> Result<Part, TemplateFault> {
    let inner = text[range.clone()].trim();
    let (name, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let rest = rest.trim();
    let plain = |part| if rest.is_empty() { Ok(part) } else { Err(TemplateFault::TakesNothing) };
    match name {
        "seq" => plain(Part::Seq),
        "now" => plain(Part::Now),
        "uuid" => plain(Part::Uuid),
        "name" => plain(Part::Name),
        "int" => {
            let (least, most) = rest.split_once(char::is_whitespace).ok_or(TemplateFault::Bounds)?;
            let number = |written: &str| written.trim().parse::<i64>().map_err(|_| TemplateFault::Bounds);
            let (least, most) = (number(least)?, number(most)?);
            if least > most {
                Err(TemplateFault::Bounds)
            } else {
                Ok(Part::Int { least, most, place: place_of(inner) })
            }
        }
        "pick" if rest.is_empty() => Err(TemplateFault::NoChoice),
        "pick" => {
            // `rest` is the end of `inner`, and `inner` of what stands between the braces.
            let end = range.start + text[range].trim_end().len();
            let mut at = end - rest.len();
            let mut choices = Vec::new();
            for choice in rest.split(',') {
                let lead = choice.len() - choice.trim_start().len();
                choices.push(at + lead..at + lead + choice.trim().len());
                at += choice.len() + 1;
            }
            Ok(Part::Pick { choices, place: place_of(inner) })
        }
        _ => {
            let nearest = super::settings::nearest(name, PLACEHOLDERS);
            Err(TemplateFault::Unknown { name: name.chars().take(40).collect(), nearest })
        }
    }
}

/// Where a placeholder draws in its record's stream: far from the places that have names, and the same wherever the same
/// placeholder stands (FNV-1a of its text).
fn place_of(inner: &str) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    inner.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step) | 1 << 63
}

/// What one record draws from.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    pub(super) rng: Rng,
    pub(super) index: u32,
    pub(super) wall_ms: i64,
}

impl Draws {
    fn at(&self, place: u64) -> u64 {
        self.rng.at(place).next()
    }

    fn choose<'a, T>(&self, place: u64, from: &'a [T]) -> &'a T {
        let index = self.rng.at(place).below(from.len() as u64);
        &from[usize::try_from(index).unwrap_or(0)]
    }
}

pub(super) fn push_number(into: &mut Vec<u8>, number: i64) {
    if number < 0 {
        into.push(b'-');
    }
    let start = into.len();
    let mut rest = number.unsigned_abs();
    loop {
        into.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    into[start..].reverse();
}

/// A random UUID, version 4 (RFC 9562).
fn push_uuid(into: &mut Vec<u8>, high: u64, low: u64) {
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    for (place, byte) in high.to_be_bytes().into_iter().chain(low.to_be_bytes()).enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            into.push(b'-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            into.push(b"0123456789abcdef"[usize::from(digit)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    fn draws(index: u32) -> Draws {
        Draws { rng: Rng::stream(7, Purpose::Load).at(u64::from(index) << 32), index, wall_ms: 1_767_225_600_123 }
    }

    fn written(text: &str, index: u32) -> String {
        let mut bytes = Vec::new();
        Template::parse(text).expect(text).write(&draws(index), &mut bytes);
        String::from_utf8(bytes).expect("text stays text")
    }

    #[test]
    fn what_is_no_placeholder_stays_as_it_is() {
        for text in ["", "plain", "{\"a\":{\"b\":1}}", "서울 { } }}", "{ {seq}"] {
            assert_eq!(written(text, 3), text);
        }
        assert_eq!(written("n={{seq}} at {{ now }}.", 3), "n=3 at 1767225600123.");
    }

    #[test]
    fn equal_placeholders_of_one_record_say_the_same() {
        for text in ["{{int 1 1000000}}", "{{uuid}}", "{{name}}", "{{pick a,b,c,d,e,f,g,h}}"] {
            let twice = written(&format!("{text}|{text}"), 5);
            let (first, second) = twice.split_once('|').expect("both");
            assert_eq!(first, second, "{text}");
            let others: std::collections::BTreeSet<_> = (0..20).map(|index| written(text, index)).collect();
            assert!(others.len() > 3, "{text} differs from record to record: {others:?}");
        }
    }

    #[test]
    fn numbers_reach_both_bounds_and_nothing_beyond() {
        let mut seen = [0; 3];
        for index in 0..300 {
            let drawn: i64 = written("{{int -1 1}}", index).parse().expect("a number");
            seen[usize::try_from(drawn + 1).expect("not below -1")] += 1;
        }
        assert!(seen.iter().all(|&times| times > 60), "{seen:?}");
        assert_eq!(written("{{int 5 5}}", 0), "5");
        written(&format!("{{{{int {} {}}}}}", i64::MIN, i64::MAX), 0).parse::<i64>().expect("any number");
    }

    #[test]
    fn choices_are_trimmed_and_may_be_empty() {
        let seen: std::collections::BTreeSet<_> =
            (0..50).map(|index| written("<{{pick  서울 , b,,c }}>", index)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["<>", "<b>", "<c>", "<서울>"]);
    }

    #[test]
    fn a_uuid_says_that_it_is_random() {
        let uuid = written("{{uuid}}", 1);
        let dashes: Vec<usize> = uuid.match_indices('-').map(|(place, _)| place).collect();
        assert_eq!((uuid.len(), dashes), (36, vec![8, 13, 18, 23]));
        assert_eq!(&uuid[14..15], "4", "version, RFC 9562");
        assert!("89ab".contains(&uuid[19..20]), "variant, RFC 9562: {uuid}");
    }

    #[test]
    fn errors_name_the_position() {
        let error = |text: &str| Template::parse(text).expect_err(text);
        assert_eq!(error("서울 {{seq"), TemplateError { position: 4, fault: TemplateFault::Unclosed });
        assert_eq!(error("a{{sq}}").to_string(), "there is no placeholder {{sq}} (character 2); did you mean {{seq}}?");
        for (text, fault) in [
            ("{{int 9 1}}", TemplateFault::Bounds),
            ("{{int 1}}", TemplateFault::Bounds),
            ("{{int a b}}", TemplateFault::Bounds),
            ("{{pick}}", TemplateFault::NoChoice),
            ("{{seq 1}}", TemplateFault::TakesNothing),
            ("{{}}", TemplateFault::Unknown { name: String::new(), nearest: None }),
        ] {
            assert_eq!(error(text), TemplateError { position: 1, fault }, "{text}");
        }
    }
}
