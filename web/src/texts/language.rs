//! The languages, and how a text gets its values.

use super::{ENGLISH, KOREAN, Texts};

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// As in `<html lang>`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// The reverse of [`code`](Self::code); also takes `ko-KR` and the like.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        match code.split('-').next()? {
            "en" => Some(Self::English),
            "ko" => Some(Self::Korean),
            _ => None,
        }
    }

    /// The texts of this language.
    pub(crate) const fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::Korean => &KOREAN,
        }
    }

    /// Thousands as this language writes them: `1 400`, `1,400`.
    pub(crate) fn number(self, number: impl Into<i128>) -> String {
        let number: i128 = number.into();
        let digits = number.unsigned_abs().to_string();
        let separator = match self {
            Self::English => '\u{202f}',
            Self::Korean => ',',
        };
        let mut text = String::with_capacity(digits.len() * 2);
        if number < 0 {
            text.push('−');
        }
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        text
    }
}

/// Fills `{}` in order, and `{0}` `{1}` … by place.
pub(crate) fn fill(template: &str, values: &[&dyn core::fmt::Display]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut next = 0;
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((place, after)) = after.split_once('}') else {
            rest = after;
            break;
        };
        let index = place.parse().unwrap_or_else(|_| {
            next += 1;
            next - 1
        });
        if let Some(value) = values.get(index) {
            text.push_str(&value.to_string());
        }
        rest = after;
    }
    text.push_str(rest);
    text
}
