//! Numbers with a fraction, as `Float.parseFloat` and `Double.parseDouble` read them.
//!
//! Decimal ones are computed exactly instead of by the standard library, whose table of powers of five is ten kilobytes
//! that the page would carry.

use super::ParseError;

/// What a text says, before it is rounded to a type.
enum Read {
    NotANumber,
    Infinite,
    Number(Number),
}

/// ± is elsewhere: `significand` × 2^`exponent`, and a little more where digits were dropped that are not all zero.
#[derive(Clone, Copy)]
struct Number {
    significand: u64,
    dropped: bool,
    exponent: i64,
}

pub(super) fn parse_double(text: &str) -> Result<f64, ParseError> {
    parse(text, f64::NAN, f64::INFINITY, |number| f64::from_bits(rounded(number, 53, 1_023)), |number| -number)
}

pub(super) fn parse_float(text: &str) -> Result<f32, ParseError> {
    let narrow = |number| f32::from_bits(rounded(number, 24, 127) as u32);
    parse(text, f32::NAN, f32::INFINITY, narrow, |number| -number)
}

fn parse<T>(
    text: &str,
    not_a_number: T,
    infinite: T,
    round: impl Fn(Number) -> T,
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
        Some(Read::Number(number)) => round(number),
        None if has_two_points(unsigned) => return Err(ParseError::number("multiple points".to_owned())),
        None => return Err(refused()),
    };
    Ok(if is_negative { negate(number) } else { number })
}

fn read(text: &str) -> Option<Read> {
    match text {
        "NaN" => return Some(Read::NotANumber),
        "Infinity" => return Some(Read::Infinite),
        _ => {}
    }
    // The type of a literal may be written behind it, and says nothing here.
    let number = text.strip_suffix(['f', 'F', 'd', 'D']);
    if text.starts_with("0x") || text.starts_with("0X") {
        // There it belongs to the exponent's end, never to the digits.
        return hexadecimal(number.unwrap_or(text)).map(Read::Number);
    }
    decimal(number.unwrap_or(text)).map(Read::Number)
}

/// Digits with at most one point among them, and perhaps an exponent.
fn decimal(text: &str) -> Option<Number> {
    let (significand, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent_of(exponent)?;
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits = Vec::new();
    for byte in whole.bytes().chain(fraction.bytes()) {
        let digit = char::from(byte).to_digit(10)?;
        if digit > 0 || !digits.is_empty() {
            digits.push(digit);
        }
    }
    Some(exactly(&digits, exponent - count(fraction.len())))
}

/// `digits`, of which the first is not 0, × 10^`power`.
fn exactly(digits: &[u32], power: i64) -> Number {
    /// No number halfway between two doubles has more digits: of what follows, it matters only whether it is zero.
    const MOST_DIGITS: usize = 800;
    /// Far beyond the largest and the smallest double, in decimal places.
    const BEYOND: i64 = 400;
    let (told, untold) = digits.split_at(digits.len().min(MOST_DIGITS));
    let power = power + count(untold.len());
    let places = count(told.len()) + power;
    if told.is_empty() || places.abs() > BEYOND {
        let exponent = if places > 0 { 1 << 20 } else { -1 << 20 };
        return Number { significand: u64::from(!told.is_empty()), dropped: false, exponent };
    }
    let mut natural = Natural(Vec::new());
    told.iter().for_each(|digit| natural.times(10, *digit));
    (0..power).for_each(|_| natural.times(10, 0));
    // As many zeros behind the point as leave 64 bits of the quotient, for ten is less than 2⁴.
    let limbs = if power < 0 { 2 + (7 - power) / 8 } else { 0 };
    natural.0.splice(..0, (0..limbs).map(|_| 0));
    let mut dropped = untold.iter().any(|digit| *digit != 0);
    (power..0).for_each(|_| dropped |= natural.divided(10) != 0);
    let number = natural.highest_bits();
    Number { dropped: dropped || number.dropped, exponent: number.exponent - 32 * limbs, ..number }
}

fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

/// A natural number of any length, in limbs of 32 bits from the lowest.
struct Natural(Vec<u32>);

impl Natural {
    fn times(&mut self, factor: u32, and: u32) {
        let mut carry = u64::from(and);
        for limb in &mut self.0 {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    /// Gives the remainder.
    fn divided(&mut self, divisor: u32) -> u64 {
        let mut rest = 0;
        for limb in self.0.iter_mut().rev() {
            rest = rest << 32 | u64::from(*limb);
            *limb = (rest / u64::from(divisor)) as u32;
            rest %= u64::from(divisor);
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        rest
    }

    /// Its highest 64 bits, how far up they are, and whether any below them is set.
    fn highest_bits(&self) -> Number {
        let low = self.0.len().saturating_sub(3);
        let window = self.0[low..].iter().rev().fold(0, |window: u128, limb| window << 32 | u128::from(*limb));
        let shift = 64_u32.saturating_sub(window.leading_zeros());
        let below = window & ((1 << shift) - 1);
        Number {
            significand: (window >> shift) as u64,
            dropped: below != 0 || self.0[..low].iter().any(|limb| *limb != 0),
            exponent: i64::from(shift) + 32 * count(low),
        }
    }
}

/// Java complains of the second point as soon as it meets it among the digits.
fn has_two_points(text: &str) -> bool {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.');
    digits.filter(|&byte| byte == b'.').count() > 1
}

/// `0x`, hexadecimal digits with at most one point among them, `p` and a decimal exponent.
fn hexadecimal(text: &str) -> Option<Number> {
    let (significand, exponent) = text[2..].split_once(['p', 'P'])?;
    let exponent = exponent_of(exponent)?;
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
    // A point wants digits behind it, or in front.
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut read = Number { significand: 0, dropped: false, exponent };
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
fn rounded(number: Number, precision: u32, bias: i64) -> u64 {
    let Number { significand, dropped, exponent } = number;
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
