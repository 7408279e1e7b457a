//! A `.properties` file, read as `java.util.Properties.load` reads it.

use core::fmt;

/// A `\u` escape that names no character. What stands there is not repeated: it may belong to a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertiesError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with the escape.
    pub fault: EscapeFault,
}

/// What is wrong with a `\u` escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapeFault {
    /// Fewer than four hexadecimal digits follow. Java throws an IllegalArgumentException, `Malformed \uxxxx encoding.`
    Malformed,
    /// Half of a surrogate pair without its other half. Java takes it; no record and no name could carry it.
    HalfACharacter,
}

impl fmt::Display for PropertiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What happened, why, and what to do.
        let (why, what_to_do) = match self.fault {
            EscapeFault::Malformed => (
                "a \\u escape in it has fewer than four hexadecimal digits and names no character",
                "write all four, or \\\\ where a backslash is meant",
            ),
            EscapeFault::HalfACharacter => (
                "a \\u escape in it is half of a surrogate pair, and half a character is none",
                "write both halves, one after the other",
            ),
        };
        write!(f, "line {} cannot be read: {why}; {what_to_do}", self.line)
    }
}

impl std::error::Error for PropertiesError {}

/// A character and the number of the line it stands in.
type Numbered = (usize, char);

/// Java's white space here; the ends of lines are none of it.
const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// Reads keys and values in their order, a repeated key as often as it is there.
///
/// As in Java: `=`, `:` or white space ends a key, a key alone has an empty value, `#` and `!` begin a comment, a
/// backslash at the end of a line continues it with the next one's first visible character, other backslashes quote what
/// follows or write tab, line end, form feed and `\uXXXX`, and white space at the end of a value belongs to it.
///
/// # Errors
/// The first `\u` escape that names no character.
pub fn read_properties(text: &str) -> Result<Vec<(String, String)>, PropertiesError> {
    logical_lines(text)
        .iter()
        .map(|(_, line)| {
            let (key, value) = split(line);
            Ok((unescape(key)?, unescape(value)?))
        })
        .collect()
}

/// A form in which producers' settings are kept, other than Java's own `.properties`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherForm {
    /// Spring's `application.yml`.
    SpringYaml,
    /// A log of the Java client, with its list `ProducerConfig values:`.
    LoggedValues,
}

/// The other form in which a text is written, if it has a line that only that one has, and the number of that line, from 1.
pub fn other_form(text: &str) -> Option<(OtherForm, usize)> {
    let lines = || (1..).zip(text.lines());
    let logged = lines().find(|(_, line)| line.contains("ProducerConfig values:"));
    let logged = logged.map(|(number, _)| (OtherForm::LoggedValues, number));
    let is_springs = |line: &str| line.split('#').next().map(str::trim_end) == Some("spring:");
    logged.or_else(|| lines().find(|(_, line)| is_springs(line)).map(|(number, _)| (OtherForm::SpringYaml, number)))
}

/// The numbers of the lines with a value alone, which a `=` or `:` begins, or a backslash at the end of the text.
pub(super) fn lines_without_key(text: &str) -> impl Iterator<Item = usize> {
    let lines = logical_lines(text).into_iter();
    lines.filter(|(_, line)| split(line).0.is_empty()).map(|(number, _)| number)
}

/// Lines with their continuations, without comments and empty ones, and the number at which each begins.
fn logical_lines(text: &str) -> Vec<(usize, Vec<Numbered>)> {
    let (mut lines, mut line, mut is_continued) = (Vec::new(), Vec::new(), false);
    let mut begins_at = 0;
    for (number, natural) in natural_lines(text) {
        let natural = natural.trim_start_matches(BLANKS);
        is_continued = false;
        if line.is_empty() && (natural.is_empty() || natural.starts_with(['#', '!'])) {
            continue;
        }
        if line.is_empty() {
            begins_at = number;
        }
        line.extend(natural.chars().map(|character| (number, character)));
        let backslashes = natural.chars().rev().take_while(|&character| character == '\\').count();
        // In pairs they are backslashes of the text.
        is_continued = backslashes % 2 == 1;
        if is_continued {
            line.pop();
        } else {
            lines.push((begins_at, core::mem::take(&mut line)));
        }
    }
    // To Java a backslash by itself at the very end is a property without a name, except before both ends of a line.
    if is_continued && !(line.is_empty() && text.ends_with("\r\n")) {
        lines.push((begins_at, line));
    }
    lines
}

/// What `\n`, `\r` or both end, with its number.
fn natural_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    let lines = core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = rest.split_once(['\n', '\r']).unwrap_or((rest, ""));
        let ended_by_both = rest[line.len()..].starts_with("\r\n");
        rest = if ended_by_both { &after[1..] } else { after };
        Some(line)
    });
    (1..).zip(lines)
}

/// A line's key and value, still escaped.
fn split(line: &[Numbered]) -> (&[Numbered], &[Numbered]) {
    let mut is_escaped = false;
    let ends_the_key = |&(_, character): &Numbered| {
        let ends = !is_escaped && (BLANKS.contains(&character) || matches!(character, '=' | ':'));
        is_escaped = character == '\\' && !is_escaped;
        ends
    };
    let (key, rest) = line.split_at(line.iter().position(ends_the_key).unwrap_or(line.len()));
    match without_blanks(rest) {
        [(_, '=' | ':'), value @ ..] => (key, without_blanks(value)),
        value => (key, value),
    }
}

fn without_blanks(text: &[Numbered]) -> &[Numbered] {
    let blanks = text.iter().take_while(|(_, character)| BLANKS.contains(character)).count();
    &text[blanks..]
}

fn unescape(escaped: &[Numbered]) -> Result<String, PropertiesError> {
    // Two \u escapes may make one character, so this goes by Java's 16-bit units.
    let (mut units, mut lines) = (Vec::new(), Vec::new());
    let mut rest = escaped.iter().copied();
    while let Some((line, character)) = rest.next() {
        let escaped = if character == '\\' { rest.next().map(|(_, escaped)| escaped) } else { None };
        let plain = match escaped {
            None => character,
            Some('t') => '\t',
            Some('r') => '\r',
            Some('n') => '\n',
            Some('f') => '\x0c',
            Some('u') => {
                let unit = hexadecimal(&mut rest).ok_or(PropertiesError { line, fault: EscapeFault::Malformed })?;
                units.push(unit);
                lines.push(line);
                continue;
            }
            Some(other) => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
        lines.resize(units.len(), line);
    }
    let mut text = String::with_capacity(units.len());
    let mut unit = 0;
    for character in char::decode_utf16(units) {
        let line = lines[unit];
        let character = character.map_err(|_| PropertiesError { line, fault: EscapeFault::HalfACharacter })?;
        unit += character.len_utf16();
        text.push(character);
    }
    Ok(text)
}

/// The 16 bits that four digits write.
fn hexadecimal(digits: &mut impl Iterator<Item = Numbered>) -> Option<u16> {
    let mut unit = 0;
    for _ in 0..4 {
        let digit = digits.next()?.1.to_digit(16)?;
        unit = unit << 4 | u16::try_from(digit).ok()?;
    }
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        read_properties(text).expect("readable")
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// The examples of `java.util.Properties.load`'s documentation.
    #[test]
    fn javas_own_examples_are_read_as_java_says() {
        assert_eq!(
            read("Truth = Beauty\n Truth:Beauty\nTruth                    :Beauty"),
            pairs(&[("Truth", "Beauty"); 3])
        );
        let fruits = "fruits                           apple, banana, pear, \\
                                  cantaloupe, watermelon, \\
                                  kiwi, mango";
        assert_eq!(read(fruits), pairs(&[("fruits", "apple, banana, pear, cantaloupe, watermelon, kiwi, mango")]));
        assert_eq!(read("cheeses\n"), pairs(&[("cheeses", "")]));
        assert_eq!(read("\\:\\= x"), pairs(&[(":=", "x")]));
    }

    #[test]
    fn a_login_over_three_lines_is_one_value() {
        let text = "sasl.jaas.config=org.example.PlainLoginModule required \\\n  username=\"alice\" \\\r\n\tpassword=\"a=b:c\";\nacks=all";
        let login = "org.example.PlainLoginModule required username=\"alice\" password=\"a=b:c\";";
        assert_eq!(read(text), pairs(&[("sasl.jaas.config", login), ("acks", "all")]));
    }

    #[test]
    fn comments_and_empty_lines_are_no_properties_and_a_comment_is_not_continued() {
        assert_eq!(read("# a \\\n  ! b\r\n\n \t\nacks=0\\\n# c"), pairs(&[("acks", "0# c")]));
    }

    #[test]
    fn a_key_that_stands_there_twice_is_read_twice_in_its_order() {
        assert_eq!(read("a=1\nb=2\na=3"), pairs(&[("a", "1"), ("b", "2"), ("a", "3")]));
    }

    /// As `java.util.Properties` of JDK 17 reads them.
    #[test]
    fn a_backslash_at_the_end_of_the_file_is_a_nameless_property_unless_both_ends_of_a_line_follow() {
        for (text, read_as) in [
            ("\\", &[("", "")][..]),
            ("\\\n", &[("", "")]),
            ("\\\r\n", &[]),
            ("\\\n\\\r\n", &[]),
            ("a=1\\", &[("a", "1")]),
            ("a=1\\\r\n", &[("a", "1")]),
            ("a=1\n\\", &[("a", "1"), ("", "")]),
            ("a=1\n\\\r\n", &[("a", "1")]),
        ] {
            assert_eq!(read(text), pairs(read_as), "{text:?}");
        }
    }

    #[test]
    fn two_escapes_may_make_one_character() {
        assert_eq!(read("client.id=\\uc11c\\uC6B8 \\uD83D\\uDE00"), pairs(&[("client.id", "서울 😀")]));
    }

    #[test]
    fn a_bad_escape_is_told_with_its_line_and_without_what_stands_there() {
        for (text, line, fault) in [
            ("a=1\n\nb=swordfish\\u12x4", 3, EscapeFault::Malformed),
            ("a=\\\n1\\\n\\u123", 3, EscapeFault::Malformed),
            ("swordfish\\ud83d=1", 1, EscapeFault::HalfACharacter),
            ("a=1\r\nb=\\ude00", 2, EscapeFault::HalfACharacter),
        ] {
            let error = read_properties(text).expect_err(text);
            assert_eq!(error, PropertiesError { line, fault });
            let sentence = error.to_string();
            assert!(!sentence.contains("swordfish"));
            assert!(sentence.starts_with(&format!("line {line} cannot be read: ")), "{sentence}");
            assert!(sentence.contains("; write "), "and what to do: {sentence}");
        }
    }
}
