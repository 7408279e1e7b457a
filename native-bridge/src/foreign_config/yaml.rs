//! YAML as Spring reads it: YAML 1.1 with `SnakeYAML`'s types, every leaf under the names that lead to it.
//!
//! The library parses; what a plain word is (`on`, `010`, `1:30`) is decided here, since YAML 1.2 decides otherwise.

use std::collections::BTreeMap;
use std::rc::Rc;

use producer_core::config::double_as_java_writes_it;
use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::TScalarStyle;

use super::ReadError;

/// As deep as `SnakeYAML` goes.
const MOST_LEVELS: usize = 50;

/// Aliases can make a large tree of a small text.
const MOST_NODES: usize = 100_000;

/// A value with the names that lead to it. A name with points in it has become several, one in brackets has not.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    pub(super) value: String,
}

/// All leaves, document by document. Null and an empty list are the empty text.
pub(super) fn documents(text: &str) -> Result<Vec<Vec<Leaf>>, ReadError> {
    let mut reading = Reading::default();
    let mut documents = Vec::new();
    let mut parser = Parser::new_from_str(text.trim_start_matches('\u{feff}'));
    loop {
        let (event, mark) = parser.next_token().map_err(|error| ReadError::NotYaml { line: error.marker().line() })?;
        let at_line = |fault| match fault {
            Fault::NotYaml => ReadError::NotYaml { line: mark.line() },
            Fault::TooMuch => ReadError::TooMuchYaml { line: mark.line() },
        };
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentEnd => {
                let mut leaves = Leaves::default();
                if let Some(root) = reading.root.take() {
                    leaves.collect(&root, &mut Vec::new()).map_err(at_line)?;
                }
                documents.push(leaves.found);
                reading = Reading::default();
            }
            event => reading.on_event(event).map_err(at_line)?,
        }
    }
}

enum Fault {
    NotYaml,
    TooMuch,
}

struct Node {
    content: Content,
    levels: usize,
}

/// A key's names, and what it leads to.
type Entry = (Vec<String>, Rc<Node>);

enum Content {
    Text(String),
    /// `<<`, before a mapping to be taken in, or a list of them.
    Merge,
    Map(Vec<Entry>),
    List(Vec<Rc<Node>>),
}

/// A collection of which the end is still to come.
struct Open {
    anchor: usize,
    is_map: bool,
    /// Of a mapping: keys and values in turn.
    nodes: Vec<Rc<Node>>,
}

#[derive(Default)]
struct Reading {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl Reading {
    fn on_event(&mut self, event: Event) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let content = scalar(text, style, tag.as_ref())?;
                self.put(Rc::new(Node { content, levels: 0 }), anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, false),
            Event::MappingStart(anchor, _) => self.begin(anchor, true),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { anchor, is_map, nodes }) = self.open.pop() else { return Ok(()) };
                let levels = 1 + nodes.iter().map(|node| node.levels).max().unwrap_or(0);
                if levels > MOST_LEVELS {
                    return Err(Fault::TooMuch);
                }
                let content = if is_map { Content::Map(entries(&nodes)?) } else { Content::List(nodes) };
                self.put(Rc::new(Node { content, levels }), anchor)
            }
            // Inside of what it is a name of, there is nothing yet.
            Event::Alias(anchor) => {
                let node = Rc::clone(self.anchors.get(&anchor).ok_or(Fault::NotYaml)?);
                self.put(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, is_map: bool) -> Result<(), Fault> {
        if self.open.len() >= MOST_LEVELS {
            return Err(Fault::TooMuch);
        }
        self.open.push(Open { anchor, is_map, nodes: Vec::new() });
        Ok(())
    }

    fn put(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut() {
            Some(open) => open.nodes.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

/// The pairs of a mapping, with what its merges bring; its own keys win, and then the first to bring one.
fn entries(nodes: &[Rc<Node>]) -> Result<Vec<Entry>, Fault> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut merged = Vec::new();
    for pair in nodes.chunks_exact(2) {
        match &pair[0].content {
            Content::Text(key) => {
                let key = names(key);
                if entries.iter().any(|(known, _)| *known == key) {
                    return Err(Fault::NotYaml);
                }
                entries.push((key, Rc::clone(&pair[1])));
            }
            Content::Merge => merged.push(&pair[1]),
            // A collection as a key names nothing of ours.
            Content::Map(_) | Content::List(_) => {}
        }
    }
    for source in merged {
        let sources = match &source.content {
            Content::List(sources) => sources.iter().collect(),
            _ => vec![source],
        };
        for source in sources {
            let Content::Map(pairs) = &source.content else { return Err(Fault::NotYaml) };
            for (key, value) in pairs {
                if !entries.iter().any(|(known, _)| known == key) {
                    entries.push((key.clone(), Rc::clone(value)));
                }
            }
        }
    }
    Ok(entries)
}

/// `a.b[c.d]`: a, b, c.d.
fn names(key: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut brackets = 0_u32;
    for c in key.chars() {
        match (c, brackets) {
            ('.', 0) => names.push(String::new()),
            ('[', _) => brackets += 1,
            (']', 1..) => brackets -= 1,
            _ => names.last_mut().expect("one at least").push(c),
        }
        if (c, brackets) == ('[', 1) || (c, brackets) == (']', 0) {
            names.push(String::new());
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[derive(Default)]
struct Leaves {
    found: Vec<Leaf>,
    nodes: usize,
}

impl Leaves {
    fn collect(&mut self, node: &Node, path: &mut Vec<String>) -> Result<(), Fault> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Fault::TooMuch);
        }
        let leaf = match &node.content {
            Content::Map(entries) => {
                for (key, child) in entries {
                    path.extend_from_slice(key);
                    self.collect(child, path)?;
                    path.truncate(path.len() - key.len());
                }
                return Ok(());
            }
            Content::List(elements) if !elements.is_empty() => {
                for (index, child) in elements.iter().enumerate() {
                    path.push(index.to_string());
                    self.collect(child, path)?;
                    path.pop();
                }
                return Ok(());
            }
            Content::List(_) => "",
            Content::Merge => "<<",
            Content::Text(text) => text.as_str(),
        };
        self.found.push(Leaf { path: path.clone(), value: leaf.to_owned() });
        Ok(())
    }
}

/// What stands in quotes or a block is as it stands there; a plain word has the type it looks like; a tag decides first.
fn scalar(text: String, style: TScalarStyle, tag: Option<&Tag>) -> Result<Content, Fault> {
    let is_plain = style == TScalarStyle::Plain;
    let resolved = match tag.map(|tag| (tag.handle.as_str(), tag.suffix.as_str())) {
        Some(("tag:yaml.org,2002:", "str")) => Some(text),
        Some(("tag:yaml.org,2002:", "null")) => Some(String::new()),
        Some(("tag:yaml.org,2002:", "bool")) => boolean(&text).map(str::to_owned),
        Some(("tag:yaml.org,2002:", "int")) => integer(&text),
        Some(("tag:yaml.org,2002:", "float")) => {
            float(&text).or_else(|| integer(&text)?.parse().ok()).map(double_as_java_writes_it)
        }
        Some((handle, suffix)) if (handle, suffix) != ("", "!") && (handle, suffix) != ("!", "") => None,
        _ if is_plain && text == "<<" => return Ok(Content::Merge),
        _ if is_plain => Some(plain(&text).unwrap_or(text)),
        _ => Some(text),
    };
    resolved.map(Content::Text).ok_or(Fault::NotYaml)
}

fn plain(word: &str) -> Option<String> {
    let is_null = ["", "~", "null", "Null", "NULL"].contains(&word);
    let null = is_null.then(String::new);
    null.or_else(|| boolean(word).map(str::to_owned))
        .or_else(|| integer(word))
        .or_else(|| float(word).map(double_as_java_writes_it))
}

fn boolean(word: &str) -> Option<&'static str> {
    match word {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some("true"),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some("false"),
        _ => None,
    }
}

fn signed(word: &str) -> (&str, &str) {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    (if word.starts_with('-') { "-" } else { "" }, digits)
}

/// Decimal, `0b`, `0x`, octal behind any other 0, or parts of sixty (`1:30` is 90); digits may stand in groups (`1_000`).
fn integer(word: &str) -> Option<String> {
    let (sign, digits) = signed(word);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    let magnitude = if digits.contains(':') {
        sixties(&digits)?
    } else {
        let (radix, digits) = match digits.as_bytes() {
            [b'0', b'b', ..] => (2, &digits[2..]),
            [b'0', b'x', ..] => (16, &digits[2..]),
            [b'0', _, ..] => (8, &digits[1..]),
            _ => (10, digits.as_str()),
        };
        // Rust would take a sign here.
        digits.chars().all(|c| c.is_digit(radix)).then(|| u128::from_str_radix(digits, radix).ok())??
    };
    Some(format!("{}{magnitude}", if magnitude == 0 { "" } else { sign }))
}

/// The first part does not begin with 0, the others are below 60 and have at most two digits.
fn sixties(digits: &str) -> Option<u128> {
    let mut parts = digits.split(':');
    let first = parts.next().filter(|first| !first.starts_with('0'))?.parse().ok()?;
    parts.try_fold(first, |sum: u128, part| sum.checked_mul(60)?.checked_add(sixtieth(part)?.into()))
}

fn sixtieth(part: &str) -> Option<u8> {
    let is_short = matches!(part.len(), 1 | 2) && part.bytes().all(|digit| digit.is_ascii_digit());
    part.parse().ok().filter(|number| is_short && *number < 60)
}

/// With a point or an exponent.
fn float(word: &str) -> Option<f64> {
    if [".nan", ".NaN", ".NAN"].contains(&word) {
        return Some(f64::NAN);
    }
    let (sign, digits) = signed(word);
    let magnitude = if [".inf", ".Inf", ".INF"].contains(&digits) {
        f64::INFINITY
    } else {
        let digits = digits.replace('_', "");
        let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && digits.contains(['.', 'e', 'E'])
            && digits.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c));
        is_number.then(|| digits.parse().ok())??
    };
    Some(if sign == "-" { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Vec<(String, String)> {
        let documents = documents(text).expect("YAML");
        documents.into_iter().flatten().map(|Leaf { path, value }| (path.join("/"), value)).collect()
    }

    fn value(word: &str) -> String {
        leaves(&format!("x: {word}")).remove(0).1
    }

    /// The right side is what `SnakeYAML` 2.3 under Spring Boot 3.4.5 made of the left.
    #[test]
    fn a_plain_word_has_the_type_that_yaml_1_1_gives_it() {
        for (word, java) in [
            ("010", "8"),
            ("0o10", "0o10"),
            ("0x1F", "31"),
            ("0x_1F", "31"),
            ("0b101", "5"),
            ("1:30", "90"),
            ("-1:30", "-90"),
            ("1:30:00", "5400"),
            ("1:60", "1:60"),
            ("0:30", "0:30"),
            ("1_000", "1000"),
            ("5_", "5"),
            ("0_7", "7"),
            ("00", "0"),
            ("-0", "0"),
            ("-010", "-8"),
            ("+5", "5"),
            ("08", "08"),
            ("0xg", "0xg"),
            ("12345678901234567890", "12345678901234567890"),
            ("1e3", "1000.0"),
            ("1.5e+3", "1500.0"),
            ("1e", "1e"),
            (".5", "0.5"),
            ("-.5", "-0.5"),
            ("._5", "0.5"),
            ("1.", "1.0"),
            ("-0.0", "-0.0"),
            ("100000000.0", "1.0E8"),
            ("0.0001", "1.0E-4"),
            (".inf", "Infinity"),
            ("-.inf", "-Infinity"),
            (".nan", "NaN"),
            ("+.nan", "+.nan"),
            ("yes", "true"),
            ("OFF", "false"),
            ("y", "y"),
            ("tRUE", "tRUE"),
            ("~", ""),
            ("NULL", ""),
            ("nULL", "nULL"),
            ("2024-01-01", "2024-01-01"),
            ("! 010", "8"),
        ] {
            assert_eq!(value(word), java, "{word}");
        }
    }

    /// As above.
    #[test]
    fn what_is_quoted_or_tagged_as_text_stays_as_it_is() {
        for (word, java) in [
            ("'on'", "on"),
            ("\"1_000\"", "1_000"),
            ("\"no\"", "no"),
            ("'010'", "010"),
            ("\"~\"", "~"),
            ("!!str 010", "010"),
            ("!!str yes", "yes"),
            ("!!int '7'", "7"),
            ("!!float 5", "5.0"),
            ("!!bool 'yes'", "true"),
            ("|\n  on", "on\n"),
            (">-\n  on", "on"),
        ] {
            assert_eq!(value(word), java, "{word}");
        }
        assert!(matches!(documents("x: !foo 5"), Err(ReadError::NotYaml { line: 1 })));
    }

    #[test]
    fn a_merge_brings_what_a_mapping_has_not() {
        let text = "b: &b {a: 1, r: 5}\nc: &c {a: 0, s: 7}\nx: {<<: [*b, *c], r: 2}\n";
        let x: Vec<_> = leaves(text).into_iter().filter(|(path, _)| path.starts_with("x/")).collect();
        let expected = [("x/r", "2"), ("x/a", "1"), ("x/s", "7")];
        assert_eq!(x, expected.map(|(path, value)| (path.to_owned(), value.to_owned())));
    }

    #[test]
    fn names_have_points_unless_they_are_in_brackets() {
        assert_eq!(names("a.b[c.d]"), ["a", "b", "c.d"]);
        assert_eq!(names("[a][b].c"), ["a", "b", "c"]);
        assert_eq!(names("servers[10]"), ["servers", "10"]);
    }

    #[test]
    fn a_key_may_not_stand_twice() {
        assert!(matches!(documents("a: 1\na: 2\n"), Err(ReadError::NotYaml { .. })));
    }

    #[test]
    fn a_small_text_cannot_become_a_tree_without_end() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            text += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
        }
        assert!(matches!(documents(&text), Err(ReadError::TooMuchYaml { .. })));
        let deep = "- ".repeat(5_000) + "x";
        assert!(matches!(documents(&deep), Err(ReadError::TooMuchYaml { line: 1 })));
        assert!(matches!(documents("a: &a [*a]"), Err(ReadError::NotYaml { .. })));
    }
}
