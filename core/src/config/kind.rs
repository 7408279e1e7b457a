//! What a value may be: `ConfigDef`'s types and validators, and the Java client's sentences for what they refuse.

use core::time::Duration;

use super::{ConfigError, refused};

/// What an option's value may be (`ConfigDef.Type` and validator).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A signed 32-bit number.
    Int {
        /// Smallest value allowed, when there is one.
        at_least: Option<i32>,
    },
    /// A signed 32-bit number between two others, both allowed.
    IntBetween {
        /// Smallest value allowed.
        least: i32,
        /// Largest value allowed.
        most: i32,
    },
    /// A level of gzip: 1 to 9, or −1 for the library's own choice.
    GzipLevel,
    /// A signed 64-bit number.
    Long {
        /// Smallest value allowed, when there is one.
        at_least: Option<i64>,
    },
    /// `true` or `false`, in any case.
    Boolean,
    /// One of these, exactly.
    OneOf(&'static [&'static str]),
    /// One of these in any case; in capitals and in the order of the Java client's sentence.
    OneOfAnyCase(&'static [&'static str]),
    /// Any text.
    Text,
    /// Any text but the empty one.
    NonEmptyText,
    /// A signed 16-bit number between 0 and another, both allowed.
    #[cfg(feature = "settings")]
    ShortUpTo(i16),
    /// A floating-point number, between two others as Java writes them.
    #[cfg(feature = "settings")]
    Double(Option<(&'static str, &'static str)>),
    /// Texts with commas between them, none of them empty.
    #[cfg(feature = "settings")]
    List {
        /// Must it hold one at least?
        non_empty: bool,
    },
    /// The name of a Java class. Whether there is one only a JVM could tell.
    #[cfg(feature = "settings")]
    Class,
    /// A text that is shown to nobody.
    #[cfg(feature = "settings")]
    Password,
}

pub(super) const INT_FROM_0: Kind = Kind::Int { at_least: Some(0) };
pub(super) const INT_FROM_MINUS_1: Kind = Kind::Int { at_least: Some(-1) };
pub(super) const LONG_FROM_0: Kind = Kind::Long { at_least: Some(0) };

/// A value that satisfied its option's type and bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(i64),
    Boolean(bool),
    Text(String),
}

impl Value {
    pub(super) fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            _ => 0,
        }
    }

    pub(super) fn unsigned(&self) -> u64 {
        u64::try_from(self.number()).unwrap_or(0)
    }

    pub(super) fn unsigned_32(&self) -> u32 {
        u32::try_from(self.number()).unwrap_or(0)
    }

    pub(super) fn signed_32(&self) -> i32 {
        i32::try_from(self.number()).unwrap_or(0)
    }

    pub(super) fn millis(&self) -> Duration {
        Duration::from_millis(self.unsigned())
    }

    pub(super) fn is_true(&self) -> bool {
        *self == Self::Boolean(true)
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }
}

/// As `String.trim`: what Java takes for white space there is every character up to the blank, and no other.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// Is the text this word of ASCII, whatever the case of its letters? As `String.toUpperCase(Locale.ROOT)` has it, to which a few
/// letters beyond ASCII become capitals of ASCII; the sign of the kelvin and the dotted capital i stay what they are.
/// `equalsIgnoreCase`, by which Java reads a BOOLEAN, differs in none of the letters of its two words.
pub(super) fn is_in_any_case(text: &str, word: &str) -> bool {
    let mut letters = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            'ſ' => letters.push('S'),
            'ı' => letters.push('I'),
            'ß' => letters.push_str("SS"),
            'ﬅ' | 'ﬆ' => letters.push_str("ST"),
            other => letters.push(other),
        }
    }
    letters.eq_ignore_ascii_case(word)
}

/// Reads a value as `ConfigDef.parseType` and the option's validator do.
///
/// A value of the wrong type is repeated as it was written, one beyond the bounds as it was understood.
pub(super) fn parse(name: &str, kind: Kind, written: &str) -> Result<Value, ConfigError> {
    let text = trim(written);
    let bad = |value: &dyn core::fmt::Display, why: String| {
        refused(&[name], format!("Invalid value {value} for configuration {name}: {why}"))
    };
    let bounded = |parsed: Option<i64>, type_name: &str, least: Option<i64>, most: Option<i64>| {
        let number = parsed.ok_or_else(|| bad(&written, format!("Not a number of type {type_name}")))?;
        match (least, most) {
            (Some(least), _) if number < least => Err(bad(&number, format!("Value must be at least {least}"))),
            (_, Some(most)) if number > most => Err(bad(&number, format!("Value must be no more than {most}"))),
            _ => Ok(Value::Number(number)),
        }
    };
    let number = ascii_digits(text);
    let int = || number.parse::<i32>().ok().map(i64::from);
    match kind {
        Kind::Int { at_least } => bounded(int(), "INT", at_least.map(i64::from), None),
        Kind::IntBetween { least, most } => bounded(int(), "INT", Some(least.into()), Some(most.into())),
        Kind::GzipLevel => match bounded(int(), "INT", None, None)? {
            level @ Value::Number(-1 | 1..=9) => Ok(level),
            level => Err(bad(&level.number(), "Value must be between 1 and 9 or equal to -1".to_owned())),
        },
        Kind::Long { at_least } => bounded(number.parse().ok(), "LONG", at_least, None),
        Kind::Boolean if is_in_any_case(text, "true") => Ok(Value::Boolean(true)),
        Kind::Boolean if is_in_any_case(text, "false") => Ok(Value::Boolean(false)),
        Kind::Boolean => Err(bad(&written, "Expected value to be either true or false".to_owned())),
        Kind::OneOf(allowed) if !allowed.contains(&text) => {
            Err(bad(&text, format!("String must be one of: {}", allowed.join(", "))))
        }
        Kind::OneOfAnyCase(allowed) if !allowed.iter().any(|one| is_in_any_case(text, one)) => {
            Err(bad(&text, format!("String must be one of (case insensitive): {}", allowed.join(", "))))
        }
        Kind::NonEmptyText if text.is_empty() => Err(bad(&text, "String must be non-empty".to_owned())),
        #[cfg(feature = "settings")]
        Kind::ShortUpTo(most) => {
            bounded(number.parse::<i16>().ok().map(i64::from), "SHORT", Some(0), Some(most.into()))
        }
        #[cfg(feature = "settings")]
        Kind::Double(bounds) => {
            let number =
                super::double::parse(text).ok_or_else(|| bad(&written, "Not a number of type DOUBLE".to_owned()))?;
            super::double::check(number, bounds).map_err(|why| bad(&super::double::to_text(number), why))?;
            Ok(Value::Text(text.to_owned()))
        }
        #[cfg(feature = "settings")]
        Kind::List { non_empty: true } if text.is_empty() => Err(refused(
            &[name],
            format!("Configuration '{name}' must not be empty. Valid values include: any non-empty value"),
        )),
        #[cfg(feature = "settings")]
        Kind::List { .. } if !text.is_empty() && elements(text).any(str::is_empty) => {
            Err(refused(&[name], format!("Configuration '{name}' values must not be empty.")))
        }
        // No class has such a name; of any other only a JVM could say.
        #[cfg(feature = "settings")]
        Kind::Class if text.is_empty() || text.contains(char::is_whitespace) => {
            Err(bad(&written, format!("Class {written} could not be found.")))
        }
        _ => Ok(Value::Text(text.to_owned())),
    }
}

/// Zero in every other script whose digits Java reads as numbers (`Character.digit` of a `char`).
const ZEROS: [u16; 36] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50,
    0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// A number as it would be written in ASCII; a keyboard for Korean or Japanese also types digits of full width.
fn ascii_digits(number: &str) -> String {
    let digit = |c: char| {
        let digits = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub((*zero).into()).filter(|digit| *digit < 10));
        digits.and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c)
    };
    number.chars().map(digit).collect()
}

/// The elements of a LIST, without the white space around their commas.
#[cfg(feature = "settings")]
pub(super) fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(|element| element.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']))
}
