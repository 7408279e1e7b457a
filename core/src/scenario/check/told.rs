//! What is told of a scenario that was checked: where, and what.

use core::fmt;
use std::sync::Arc;

use crate::error::ErrorCode;
use crate::scenario::template::TemplateError;

use super::show_hidden;

/// A step on the way to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a field of this name, or the fields of the variant of this name.
    Field(&'static str),
    /// Into the list's entry of this number, from 0.
    Item(usize),
}

/// The way to a field, from the outside in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if place == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A number out of its bounds.
    OutOfBounds {
        /// The number.
        found: i64,
        /// The least it may be.
        least: i64,
        /// The most.
        most: i64,
    },
    /// A list with too few or too many entries.
    Entries {
        /// How many there are.
        found: usize,
        /// The least there may be.
        least: u32,
        /// The most.
        most: u32,
    },
    /// Too long a text.
    TooLong {
        /// The most bytes, or characters of a name.
        most: usize,
    },
    /// A name with characters that cannot be seen, or that turn what is around them.
    Hidden,
    /// Kafka takes no topic of this name.
    NotATopic,
    /// Other letters than a slug has.
    NotASlug,
    /// A template that is none.
    Template(TemplateError),
    /// There is no such setting.
    UnknownSetting {
        /// The key, as written.
        key: Arc<str>,
        /// The known key that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A name that is taken.
    Twice,
    /// An answer cannot say this after the broker acted.
    NotAfterAWrite {
        /// What it was to say.
        error: ErrorCode,
    },
    /// There is no demo of this name.
    NoSuchDemo {
        /// The demo whose name looks most like it.
        nearest: Option<&'static str>,
    },
    /// Neither one nor the other, or both.
    OneOfTwo,
}

/// A value that is refused, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The way to it.
    pub path: Path,
    /// Why.
    pub problem: Problem,
}

/// Something that was changed, or is without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The way to it.
    pub path: Path,
    /// What.
    pub what: Change,
}

/// What a [`Notice`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The Java client knows no such key and only logs it; it is kept.
    UnknownKey {
        /// The key, as written.
        key: Arc<str>,
        /// The known key that looks most like it.
        nearest: Option<&'static str>,
    },
    /// Where to connect, as whom and with what code belongs to the bridge's operator: left out.
    BridgesOwn {
        /// The key. Its value is not repeated.
        key: Arc<str>,
    },
    /// So many characters that hid or turned text are shown as signs.
    Shown {
        /// How many.
        characters: usize,
    },
    /// Only the beginning of a text is kept.
    Cut {
        /// So many characters of it.
        kept: usize,
        /// Of so many.
        of: usize,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds { found, least, most } if most < least => {
                write!(f, "there is no {found}, nor any other")
            }
            Self::OutOfBounds { found, least, most } => write!(f, "{found} is not between {least} and {most}"),
            Self::Entries { found, least, most } => write!(f, "{found} entries are not between {least} and {most}"),
            Self::TooLong { most } => write!(f, "longer than {most}"),
            Self::Hidden => f.write_str("a name with characters that cannot be seen, or that turn what is around them"),
            Self::NotATopic => {
                f.write_str("a topic's name has 1 to 249 letters, digits, '.', '_' and '-', and is not '.' or '..'")
            }
            Self::NotASlug => f.write_str("a slug has small letters, digits and hyphens"),
            Self::Template(error) => error.fmt(f),
            Self::UnknownSetting { key, nearest } => {
                write!(f, "there is no setting {}", shown(key))?;
                nearest.map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
            }
            Self::Twice => f.write_str("the name is taken"),
            Self::NotAfterAWrite { error } => {
                let name = error.name().unwrap_or("this error");
                write!(f, "after the broker acted, no answer says {name}")
            }
            Self::NoSuchDemo { nearest } => {
                f.write_str("there is no such demo")?;
                nearest.map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
            }
            Self::OneOfTwo => f.write_str("either a demo or a scenario"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        match &self.what {
            Change::UnknownKey { key, nearest } => {
                write!(f, "the Java client knows no {}", shown(key))?;
                nearest.map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
            }
            Change::BridgesOwn { key } => write!(f, "{} is the bridge's to set and was left out", shown(key)),
            Change::Shown { characters } => write!(f, "{characters} hidden characters are shown as signs"),
            Change::Cut { kept, of } => write!(f, "cut to {kept} of {of} characters"),
        }
    }
}

/// A key of somebody else's, fit to be shown.
fn shown(key: &str) -> String {
    let mut shown = key.to_owned();
    show_hidden(&mut shown);
    shown.chars().take(100).collect()
}
