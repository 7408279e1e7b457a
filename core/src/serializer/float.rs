//! Numbers with a fraction, as `Float.parseFloat` and `Double.parseDouble` read them.

use core::str::FromStr;

use super::ParseError;

/// What a text says, before it is rounded to a type.
enum Read<'a> {
    NotANumber,
    Infinite,
    /// In a form that Rust reads as Java does.
    Decimal(&'a str),
    Hexadecimal(Hexadecimal),
}

/// ± is elsewhere: `significand` × 2^`exponent`, and a little more where digits were dropped that are not all zero.
#[derive(Clone, Copy)]
struct Hexadecimal {
    significand: u64,
    dropped: bool,
    exponent: i64,
}

pub(super) fn parse_double(text: &str) -> Result<f64, ParseError> {
    parse(
        text,
        f64::NAN,
        f64::INFINITY,
        |hexadecimal| f64::from_bits(rounded(hexadecimal, 53, 1_023)),
        |number| -number,
    )
}

pub(super) fn parse_float(text: &str) -> Result<f32, ParseError> {
    let narrow = |hexadecimal| f32::from_bits(rounded(hexadecimal, 24, 127) as u32);
    parse(text, f32::NAN, f32::INFINITY, narrow, |number| -number)
}

fn parse<T: FromStr>(
    text: &str,
    not_a_number: T,
    infinite: T,
    round: impl Fn(Hexadecimal) -> T,
    negate: impl Fn(T) -> T,
) -> Result<T, ParseError> {
    // `String.trim`: everything up to the blank.
    let text = text.trim_matches(|character| character <= ' ');
    let refused = || ParseError::number(format!("For input string: \"{text}\""));
    if text.is_empty() {
        return Err(ParseError::number("empty String".to_owned()));
    }
    let is_negative = text.starts_with('-');
    let unsigned = if text.starts_with(['-', '+']) { &text[1..] } else { text };
    let number = match read(unsigned) {
        // One without a sign, whatever was written.
        Some(Read::NotANumber) => return Ok(not_a_number),
        Some(Read::Infinite) => infinite,
        Some(Read::Decimal(decimal)) => decimal.parse().map_err(|_| refused())?,
        Some(Read::Hexadecimal(hexadecimal)) => round(hexadecimal),
        None if has_two_points(unsigned) => return Err(ParseError::number("multiple points".to_owned())),
        None => return Err(refused()),
    };
    Ok(if is_negative { negate(number) } else { number })
}

fn read(text: &str) -> Option<Read<'_>> {
    match text {
        "NaN" => return Some(Read::NotANumber),
        "Infinity" => return Some(Read::Infinite),
        _ => {}
    }
    // The type of a literal may be written behind it, and says nothing here.
    let number = text.strip_suffix(['f', 'F', 'd', 'D']);
    if text.starts_with("0x") || text.starts_with("0X") {
        // There it belongs to the exponent's end, never to the digits.
        return hexadecimal(number.unwrap_or(text)).map(Read::Hexadecimal);
    }
    let number = number.unwrap_or(text);
    is_decimal(number).then_some(Read::Decimal(number))
}

/// Digits with at most one point among them, and perhaps an exponent.
fn is_decimal(text: &str) -> bool {
    let (significand, exponent) = match text.split_once(['e', 'E']) {
        Some((significand, exponent)) => (significand, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole)
        && are_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && are_digits(exponent)
        && !exponent.is_empty()
}

/// Java complains of the second point as soon as it meets it among the digits.
fn has_two_points(text: &str) -> bool {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.');
    digits.filter(|&byte| byte == b'.').count() > 1
}

/// `0x`, hexadecimal digits with at most one point among them, `p` and a decimal exponent.
fn hexadecimal(text: &str) -> Option<Hexadecimal> {
    let (significand, exponent) = text[2..].split_once(['p', 'P'])?;
    let exponent = exponent_of(exponent)?;
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
    // A point wants digits behind it, or in front.
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut read = Hexadecimal { significand: 0, dropped: false, exponent };
    for (part, is_fraction) in [(whole, false), (fraction, true)] {
        for digit in part.bytes() {
            let digit = char::from(digit).to_digit(16)?;
            if read.significand >> 60 == 0 {
                read.significand = read.significand << 4 | u64::from(digit);
                read.exponent -= if is_fraction { 4 } else { 0 };
            } else {
                read.dropped |= digit != 0;
                read.exponent += if is_fraction { 0 } else { 4 };
            }
        }
    }
    Some(read)
}

/// An exponent beyond any use is as good as a very large one.
fn exponent_of(text: &str) -> Option<i64> {
    const BEYOND: i64 = 1 << 40;
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exponent = digits.iter().fold(0, |number: i64, digit| (number * 10 + i64::from(digit - b'0')).min(BEYOND));
    Some(if is_negative { -exponent } else { exponent })
}

/// The bits of the nearest number whose significand has `precision` bits, of two as near the even one; IEEE 754.
fn rounded(number: Hexadecimal, precision: u32, bias: i64) -> u64 {
    let Hexadecimal { significand, dropped, exponent } = number;
    if significand == 0 {
        return 0;
    }
    let infinite = (2 * bias.cast_unsigned() + 1) << (precision - 1);
    // Of the highest bit, were it alone.
    let top = exponent + i64::from(63 - significand.leading_zeros());
    if top > bias {
        return infinite;
    }
    // Below the least exponent there are fewer bits, down to none.
    let least = 1 - bias;
    let lowest_bit = top.max(least) - i64::from(precision - 1);
    let shift = lowest_bit - exponent;
    let kept = if shift < 0 { significand << shift.unsigned_abs() } else { round_off(significand, shift, dropped) };
    // A carry beyond the precision arrives in the exponent by itself, where it belongs.
    let exponent_field = (top.max(least) - least).cast_unsigned() << (precision - 1);
    exponent_field + kept
}

/// Drops so many low bits.
fn round_off(significand: u64, bits: i64, dropped: bool) -> u64 {
    let wide = u128::from(significand) << 1 | u128::from(dropped);
    // Of so many nothing is left, not even a half.
    if bits > 65 {
        return 0;
    }
    let kept = (wide >> (bits + 1)) as u64;
    let rest = wide & ((1 << (bits + 1)) - 1);
    let half = 1_u128 << bits;
    kept + u64::from(rest > half || (rest == half && kept & 1 == 1))
}
