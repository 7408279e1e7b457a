//! Whole numbers, as `Integer.parseInt`, `Short.parseShort`, `Long.parseLong` and `UUID.fromString` read them.

use super::ParseError;

/// Where ten digits in a row begin in the Basic Multilingual Plane, beside those of ASCII: Java takes all of Unicode's
/// decimal digits. As of Unicode 13, which JDK 17 knows.
const ZEROS: [u16; 36] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50,
    0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];
/// Letters as wide as ideographs, which are digits beyond nine as well.
const WIDE_A: [u16; 2] = [0xff21, 0xff41];

/// `Character.digit`.
fn digit(character: char, radix: u32) -> Option<u32> {
    let after = |zero: u16, count: u32| u32::from(character).checked_sub(zero.into()).filter(|&digit| digit < count);
    let value = character
        .to_digit(36)
        .or_else(|| ZEROS.iter().find_map(|&zero| after(zero, 10)))
        .or_else(|| WIDE_A.iter().find_map(|&a| after(a, 26)).map(|letter| letter + 10))?;
    (value < radix).then_some(value)
}

/// A number of 64 bits, or the place, in Java's 16-bit units, of what makes it none.
fn parse(text: &str, radix: u32) -> Result<i64, usize> {
    let sign_len = usize::from(text.starts_with(['-', '+']));
    let is_negative = text.starts_with('-');
    if text.len() == sign_len {
        return Err(sign_len);
    }
    // Downwards, for there is one more number below zero than above.
    let limit = if is_negative { i64::MIN } else { -i64::MAX };
    let (mut number, mut place) = (0_i64, sign_len);
    for character in text[sign_len..].chars() {
        let longer = digit(character, radix)
            .and_then(|digit| number.checked_mul(radix.into())?.checked_sub(digit.into()))
            .filter(|&number| number >= limit);
        number = longer.ok_or(place)?;
        place += character.len_utf16();
    }
    Ok(if is_negative { number } else { -number })
}

fn refused(text: &str) -> ParseError {
    ParseError::number(format!("For input string: \"{text}\""))
}

pub(super) fn parse_int(text: &str) -> Result<i32, ParseError> {
    let number = parse(text, 10).ok().and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| refused(text))
}

pub(super) fn parse_short(text: &str) -> Result<i16, ParseError> {
    let out_of_range = |_| ParseError::number(format!("Value out of range. Value:\"{text}\" Radix:10"));
    i16::try_from(parse_int(text)?).map_err(out_of_range)
}

pub(super) fn parse_long(text: &str) -> Result<i64, ParseError> {
    parse(text, 10).map_err(|_| refused(text))
}

/// Five numbers between hyphens; of each as many low bits count as it has digits in the long form.
pub(super) fn parse_uuid(text: &str) -> Result<u128, ParseError> {
    const BITS: [u32; 5] = [32, 16, 16, 16, 48];
    // Java counts in 16-bit units.
    if text.encode_utf16().count() > 36 {
        return Err(ParseError::argument("UUID string too large".to_owned()));
    }
    let parts: Vec<&str> = text.split('-').collect();
    if parts.len() != BITS.len() {
        return Err(ParseError::argument(format!("Invalid UUID string: {text}")));
    }
    let mut uuid = 0;
    for (part, bits) in parts.into_iter().zip(BITS) {
        let number = parse(part, 16).map_err(|place| {
            ParseError::number(match part {
                "" => String::new(),
                _ => format!("Error at index {place} in: \"{part}\""),
            })
        })?;
        let low_bits = number.cast_unsigned() & ((1 << bits) - 1);
        uuid = uuid << bits | u128::from(low_bits);
    }
    Ok(uuid)
}
