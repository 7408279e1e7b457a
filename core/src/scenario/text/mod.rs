//! Scenarios as text: JSON (RFC 8259) with a version in front, for files, for pasting and for people.
//!
//! A field that is left out has its default. A choice is its variant's name, or an object with that name and the variant's
//! fields: `"exit"`, `{"steady": {"per_second": 50}}`. What is unknown, there twice or of another type is refused with line,
//! column, field and the word that was probably meant. `docs/scenario.md` lists every field.

mod read;
mod reference;
#[cfg(test)]
mod tests;
mod write;

use core::fmt;

use super::check::{Path, Problem};

pub use self::read::{read, read_lesson};
pub use self::reference::reference;
pub use self::write::{write, write_lesson};

/// The version of the text form that is written, and read.
pub const TEXT_VERSION: u32 = 1;

/// Largest text that is read, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// JSON's numbers are exact up to here.
const MAX_EXACT: i64 = 1 << 53;

/// Why a text is no scenario, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// Number of the line, from 1.
    pub line: usize,
    /// Number of the character in it, from 1.
    pub column: usize,
    /// The way to the field; empty: the text as a whole.
    pub path: Path,
    /// What is wrong.
    pub fault: TextFault,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// Larger than [`MAX_TEXT_BYTES`].
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// No JSON.
    Syntax(String),
    /// Without a version in front.
    NoVersion,
    /// Of a newer version.
    Newer {
        /// Which, as written.
        version: String,
    },
    /// A field that is unknown.
    UnknownField {
        /// Its name.
        name: String,
        /// The known name that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A word that is none of those that can stand here.
    UnknownWord {
        /// The word.
        word: String,
        /// The known word that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A field that was there before.
    Twice {
        /// Its name.
        name: String,
    },
    /// A value of another type.
    Type {
        /// What belongs here.
        expected: &'static str,
        /// What is here.
        found: &'static str,
    },
    /// A number beyond 2⁵³, which JSON's numbers do not hold exactly.
    NotExact,
    /// A value that is refused.
    Refused(Problem),
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meant = |f: &mut fmt::Formatter<'_>, nearest: &Option<&'static str>| {
            nearest.map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
        };
        match self {
            Self::TooLarge { bytes } => write!(f, "the text has {bytes} bytes, more than {MAX_TEXT_BYTES}"),
            Self::Syntax(what) => f.write_str(what),
            Self::NoVersion => write!(f, "the version is missing: \"scenario\": {TEXT_VERSION}"),
            Self::Newer { version } => write!(f, "written for a newer version: {version}"),
            Self::UnknownField { name, nearest } => {
                write!(f, "there is no field {name}")?;
                meant(f, nearest)
            }
            Self::UnknownWord { word, nearest } => {
                write!(f, "\"{word}\" cannot stand here")?;
                meant(f, nearest)
            }
            Self::Twice { name } => write!(f, "the field {name} is there twice"),
            Self::Type { expected, found } => write!(f, "{expected} belongs here, and not {found}"),
            Self::NotExact => f.write_str("beyond 2^53 a number in JSON is not exact; a seed is written as text"),
            Self::Refused(problem) => problem.fmt(f),
        }
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.path.0.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.fault.fmt(f)
    }
}

impl std::error::Error for TextError {}
