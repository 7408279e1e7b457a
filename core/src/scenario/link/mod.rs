//! Links: a demo by its name, or a whole scenario or lesson in the fragment.
//!
//! ```text
//! #demo/lost-ack                      a demo as it is
//! #demo/lost-ack?linger.ms=50&t=14803 with one setting changed, at a moment
//! #s=1.<data>&t=14803                 a scenario
//! #lesson=1.<data>                    demos and scenarios, one after the other
//! ```
//!
//! `<data>` is base64url without padding (RFC 4648 §5) of a deflate stream (RFC 1951) of the compact form, and four bytes
//! of CRC-32C over that stream. The version stands first, so that a newer one is recognised before anything is decoded. A
//! link is at most [`MAX_LINK_BYTES`] long and inflates to at most [`MAX_DATA_BYTES`].
//!
//! Links hold no address, user, password or token. What a link says and nobody understands is listed item by item.

mod compact;
#[cfg(test)]
mod tests;

use core::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

use crate::checksum::crc32c;
use crate::session::is_the_bridges_own;

use self::compact::Flaw;
use super::check::{self, Notice, Refusal};
use super::presets::{self, DEMOS, Demo};
use super::settings::nearest;
use super::written::{Properties, Written};
use super::{Lesson, Scenario};

/// The version of links that is written, and read.
pub const LINK_VERSION: u32 = 1;

/// Longest fragment that is looked at, in bytes.
pub const MAX_LINK_BYTES: usize = 64 * 1024;

/// Most bytes that a link's data inflates to.
pub const MAX_DATA_BYTES: usize = 1024 * 1024;

/// Most items after the `?` of a demo.
const MAX_ITEMS: usize = 200;

/// How hard deflate tries: as hard as it can, for data is small.
const LEVEL: u8 = 10;

/// Where a link leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// What it shows.
    pub shows: Shows,
    /// At which moment, in virtual microseconds; `None`: at the beginning.
    pub at_us: Option<u64>,
}

/// What a link shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shows {
    /// Nothing of its own: the page as it opens.
    #[default]
    Nothing,
    /// A demo.
    Demo {
        /// Its slug.
        slug: Arc<str>,
        /// What is turned ([`Scenario::turn`]).
        turned: Properties,
    },
    /// A scenario.
    Scenario(Box<Scenario>),
    /// A lesson.
    Lesson(Box<Lesson>),
}

/// Something in a link that has no effect, or was changed; the rest holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkNotice {
    /// An item that is unknown.
    Unknown {
        /// Its name.
        name: String,
        /// The known name that looks most like it.
        nearest: Option<&'static str>,
    },
    /// Where to connect, as whom and with what code is not for a link to say.
    BridgesOwn {
        /// The item's name. Its value is not repeated.
        name: String,
    },
    /// An item whose value means nothing.
    Damaged {
        /// Its name.
        name: String,
    },
    /// An item that is there again; the first one counts.
    Twice {
        /// Its name.
        name: String,
    },
    /// So many items more than are looked at.
    TooMany {
        /// How many.
        left_out: usize,
    },
    /// About the scenario.
    InScenario(Notice),
}

/// Why a link shows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// Longer than [`MAX_LINK_BYTES`]; so long.
    TooLong(usize),
    /// It begins like no link.
    NotALink,
    /// There is no demo of this name.
    NoSuchDemo {
        /// The name.
        slug: String,
        /// The demo whose name looks most like it.
        nearest: Option<&'static str>,
    },
    /// Made by a newer version.
    Newer {
        /// Its version; with ours, it holds something that came later.
        version: u32,
    },
    /// A character at this place, from 1, that belongs to no link: base64url has none like it.
    Character(usize),
    /// Its data was cut short or changed on the way: the checksum does not fit.
    Checksum,
    /// Its data inflates to more than [`MAX_DATA_BYTES`].
    TooLarge,
    /// Its data is none.
    Damaged,
    /// Its scenario says what cannot be.
    Refused(Refusal),
}

impl fmt::Display for LinkNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, nearest } => {
                write!(f, "{name} is unknown and has no effect")?;
                nearest.map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
            }
            Self::BridgesOwn { name } => write!(f, "{name} is not for a link to say and has no effect"),
            Self::Damaged { name } => write!(f, "the value of {name} means nothing and has no effect"),
            Self::Twice { name } => write!(f, "{name} is there twice; the first one counts"),
            Self::TooMany { left_out } => write!(f, "{left_out} more items have no effect"),
            Self::InScenario(notice) => notice.fmt(f),
        }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(f, "the link has {bytes} bytes, more than {MAX_LINK_BYTES}"),
            Self::NotALink => f.write_str("the link names neither a demo nor a scenario nor a lesson"),
            Self::NoSuchDemo { slug, nearest } => {
                write!(f, "there is no demo {slug}")?;
                nearest.map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
            }
            Self::Newer { version } => write!(f, "the link was made by a newer version of this page (links {version})"),
            Self::Character(place) => write!(f, "the link is damaged: character {place} belongs to no link"),
            Self::Checksum => f.write_str("the link is damaged: it was cut short or changed on the way"),
            Self::TooLarge => write!(f, "the link holds more than {MAX_DATA_BYTES} bytes"),
            Self::Damaged => f.write_str("the link is damaged: its data is no scenario"),
            Self::Refused(refusal) => write!(f, "the link's scenario is refused: {refusal}"),
        }
    }
}

impl std::error::Error for LinkError {}

impl Link {
    /// Reads the part of an address behind `#`, with or without it.
    ///
    /// # Errors
    /// What keeps it from showing anything; then nothing of it is applied.
    pub fn parse(fragment: &str) -> Result<(Self, Vec<LinkNotice>), LinkError> {
        if fragment.len() > MAX_LINK_BYTES {
            return Err(LinkError::TooLong(fragment.len()));
        }
        let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
        let mut notices = Vec::new();
        let mut link = Self::default();
        if let Some(rest) = fragment.strip_prefix("demo/") {
            let (slug, items) = rest.split_once(['?', '&']).unwrap_or((rest, ""));
            let Some(demo) = Demo::of(slug) else {
                let nearest = nearest(slug, DEMOS.iter().map(|demo| demo.slug));
                return Err(LinkError::NoSuchDemo { slug: fit_to_show(slug), nearest });
            };
            let mut turned = Properties::default();
            link.read_items(items, Some(&mut turned), &mut notices);
            link.shows = Shows::Demo { slug: demo.slug.into(), turned };
        } else if !fragment.is_empty() {
            let (data, items) = fragment.split_once('&').unwrap_or((fragment, ""));
            let offset = |data: &str| fragment.len() - data.len() - if items.is_empty() { 0 } else { items.len() + 1 };
            if let Some(data) = data.strip_prefix("s=") {
                link.shows = Shows::Scenario(Box::new(read_scenario(data, offset(data), &mut notices)?));
            } else if let Some(data) = data.strip_prefix("lesson=") {
                link.shows = Shows::Lesson(Box::new(read_lesson(data, offset(data), &mut notices)?));
            } else {
                return Err(LinkError::NotALink);
            }
            link.read_items(items, None, &mut notices);
        }
        Ok((link, notices))
    }

    /// Reads `name=value` items. Dials are only known where there is a demo whose `turned` they go to.
    fn read_items(&mut self, items: &str, mut turned: Option<&mut Properties>, notices: &mut Vec<LinkNotice>) {
        let mut all = items.split(['&', '?']).filter(|item| !item.is_empty());
        for item in all.by_ref().take(MAX_ITEMS) {
            notices.extend(self.read_item(item, turned.as_deref_mut()));
        }
        match all.count() {
            0 => {}
            left_out => notices.push(LinkNotice::TooMany { left_out }),
        }
    }

    /// Takes one item, or says why not.
    fn read_item(&mut self, item: &str, turned: Option<&mut Properties>) -> Option<LinkNotice> {
        let (written, value) = item.split_once('=').map_or((item, None), |(name, value)| (name, unescaped(value)));
        let Some(name) = unescaped(written) else {
            return Some(LinkNotice::Damaged { name: fit_to_show(written) });
        };
        let shown = fit_to_show(&name);
        if is_the_bridges_own(&name) || is_about_a_bridge(&name) {
            return Some(LinkNotice::BridgesOwn { name: shown });
        }
        if name == "t" {
            let Some(at_us) = value.and_then(|value| value.parse().ok()) else {
                return Some(LinkNotice::Damaged { name: shown });
            };
            return if self.at_us.is_some() {
                Some(LinkNotice::Twice { name: shown })
            } else {
                self.at_us = Some(at_us);
                None
            };
        }
        let Some(turned) = turned else { return Some(LinkNotice::Unknown { name: shown, nearest: None }) };
        if !presets::is_dial(&name) {
            return Some(LinkNotice::Unknown { name: shown, nearest: nearest(&name, presets::dials()) });
        }
        match value {
            _ if turned.get(&name).is_some() => Some(LinkNotice::Twice { name: shown }),
            None => Some(LinkNotice::Damaged { name: shown }),
            Some(value) => {
                turned.set(&name, &value);
                None
            }
        }
    }
}

/// Names under which a link might try to say where to connect, with what token, or that it be done at once.
fn is_about_a_bridge(name: &str) -> bool {
    matches!(name, "bridge" | "token" | "url" | "connect" | "autoconnect" | "auto-connect")
}

impl fmt::Display for Link {
    /// The fragment, with its `#`; nothing for nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before_item = '&';
        match &self.shows {
            Shows::Nothing => return Ok(()),
            Shows::Demo { slug, turned } => {
                write!(f, "#demo/{slug}")?;
                before_item = '?';
                for (key, value) in turned.iter().filter(|(key, _)| presets::is_dial(key) && !is_the_bridges_own(key)) {
                    write!(f, "{before_item}{}={}", escaped(key), escaped(value))?;
                    before_item = '&';
                }
            }
            Shows::Scenario(scenario) => write!(f, "#s={LINK_VERSION}.{}", data_of(&mut (**scenario).clone()))?,
            Shows::Lesson(lesson) => write!(f, "#lesson={LINK_VERSION}.{}", data_of(&mut (**lesson).clone()))?,
        }
        self.at_us.map_or(Ok(()), |at_us| write!(f, "{before_item}t={at_us}"))
    }
}

/// The settings of a scenario that its link leaves out, because they are the bridge's or nobody knows what they mean.
pub fn left_out(scenario: &Scenario) -> Vec<Notice> {
    let mut copy = scenario.clone();
    // A scenario that is refused has no link that could be opened.
    let notices = check::check(&mut copy).unwrap_or_default();
    let is_left_out =
        |what: &check::Change| matches!(what, check::Change::BridgesOwn { .. } | check::Change::UnknownKey { .. });
    notices.into_iter().filter(|notice| is_left_out(&notice.what)).collect()
}

/// A scenario in the compact form alone, as demos are kept beside the page.
pub fn to_compact(scenario: &Scenario) -> Vec<u8> {
    let mut bytes = Vec::new();
    compact::write(scenario.clone().node(), &mut bytes);
    bytes
}

/// The reverse of [`to_compact`].
///
/// # Errors
/// Bytes that are not one whole scenario, or one that is refused.
pub fn from_compact(bytes: &[u8]) -> Result<(Scenario, Vec<Notice>), LinkError> {
    let mut scenario = Scenario::default();
    take_whole(&mut scenario, bytes)?;
    let notices = check::check(&mut scenario).map_err(LinkError::Refused)?;
    Ok((scenario, notices))
}

fn data_of(written: &mut dyn Written) -> String {
    let mut bytes = Vec::new();
    compact::write(written.node(), &mut bytes);
    let mut deflated = compress_to_vec(&bytes, LEVEL);
    let checksum = crc32c(&deflated);
    deflated.extend_from_slice(&checksum.to_be_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(deflated)
}

fn read_scenario(data: &str, offset: usize, notices: &mut Vec<LinkNotice>) -> Result<Scenario, LinkError> {
    let (scenario, found) = from_compact(&bytes_of(data, offset)?)?;
    notices.extend(found.into_iter().map(LinkNotice::InScenario));
    Ok(scenario)
}

fn read_lesson(data: &str, offset: usize, notices: &mut Vec<LinkNotice>) -> Result<Lesson, LinkError> {
    let mut lesson = Lesson::default();
    take_whole(&mut lesson, &bytes_of(data, offset)?)?;
    let found = check::check_lesson(&mut lesson).map_err(LinkError::Refused)?;
    notices.extend(found.into_iter().map(LinkNotice::InScenario));
    Ok(lesson)
}

/// The bytes behind `1.`; `offset` is the place of `data` in the fragment.
fn bytes_of(data: &str, offset: usize) -> Result<Vec<u8>, LinkError> {
    let (version, data) = data.split_once('.').ok_or(LinkError::Damaged)?;
    let offset = offset + version.len() + 1;
    match version.parse::<u32>() {
        Ok(LINK_VERSION) => {}
        Ok(version) if version > LINK_VERSION => return Err(LinkError::Newer { version }),
        _ => return Err(LinkError::Damaged),
    }
    let framed = BASE64_URL_SAFE_NO_PAD.decode(data).map_err(|error| match error {
        base64::DecodeError::InvalidByte(place, _) => LinkError::Character(offset + place + 1),
        // A letter short, or bits left over: what base64 itself can see of a link that was cut.
        _ => LinkError::Checksum,
    })?;
    let (deflated, checksum) = framed.split_last_chunk().ok_or(LinkError::Checksum)?;
    if crc32c(deflated) != u32::from_be_bytes(*checksum) {
        return Err(LinkError::Checksum);
    }
    decompress_to_vec_with_limit(deflated, MAX_DATA_BYTES).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => LinkError::TooLarge,
        _ => LinkError::Damaged,
    })
}

fn take_whole(written: &mut dyn Written, mut bytes: &[u8]) -> Result<(), LinkError> {
    compact::read(written.node(), &mut bytes).map_err(|flaw| match flaw {
        Flaw::Damaged => LinkError::Damaged,
        Flaw::Newer => LinkError::Newer { version: LINK_VERSION },
    })?;
    if bytes.is_empty() { Ok(()) } else { Err(LinkError::Damaged) }
}

/// A piece of a link, fit to be shown.
fn fit_to_show(text: &str) -> String {
    let mut shown: String = text.chars().take(100).collect();
    check::show_hidden(&mut shown);
    shown
}

/// Percent-encoding (RFC 3986 §2.1) of all but what needs none in a fragment's item.
fn escaped(text: &str) -> String {
    use fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,:/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a String grows as needed");
        }
    }
    escaped
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(digits[0])? << 4 | digit(digits[1])?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}
