//! Java's DOUBLE as text. Four keys have one, all of them for logging in.

/// Reads a number as `Double.parseDouble` does.
pub(super) fn parse(text: &str) -> Option<f64> {
    let (sign, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    match magnitude {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(sign * f64::INFINITY),
        _ => {}
    }
    if let Some(digits) = magnitude.strip_prefix("0x").or_else(|| magnitude.strip_prefix("0X")) {
        return hexadecimal(digits).map(|number| sign * number);
    }
    let digits = magnitude.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(magnitude);
    // Rust knows more words for what is no number.
    let is_plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    digits.parse::<f64>().ok().filter(|_| is_plain).map(|number| sign * number)
}

/// Reads `1.8p-3`: hexadecimal digits times a power of two that is never left out (Java's `HexadecimalFloatingPointLiteral`).
fn hexadecimal(text: &str) -> Option<f64> {
    let (significand, exponent) = text.split_once(['p', 'P'])?;
    let exponent = exponent.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(exponent);
    let (is_small, power) = match exponent.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    if power.is_empty() || !power.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // Beyond this nothing changes any more: no text has so many digits.
    let power = power.parse().unwrap_or(i64::MAX).min(1 << 40);
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut scale = if is_small { -power } else { power } - 4 * i64::try_from(fraction.len()).ok()?;
    let mut bits = 0_u64;
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = u64::from(digit.to_digit(16)?);
        if bits >> 60 == 0 {
            bits = bits << 4 | digit;
        } else {
            // Of what has no place any more it only matters whether it is something.
            bits |= u64::from(digit != 0);
            scale += 4;
        }
    }
    Some(rounded(bits, scale))
}

/// `bits` times two to the power of `scale`, rounded once, half to even.
fn rounded(bits: u64, scale: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let top = i64::from(bits.ilog2()) + scale;
    if top > 1023 {
        return f64::INFINITY;
    }
    // What the last place of the result counts: 53 bits, fewer near zero.
    let last = (top - 52).max(-1074);
    let cut = last - scale;
    let whole = match cut {
        ..=0 => bits << cut.unsigned_abs(),
        1..=64 => {
            let (whole, rest) = (u128::from(bits) >> cut, u128::from(bits) & ((1 << cut) - 1));
            let half = 1 << (cut - 1);
            let is_up = rest > half || (rest == half && whole & 1 == 1);
            u64::try_from(whole).unwrap_or(u64::MAX) + u64::from(is_up)
        }
        _ => 0,
    };
    // Each step is exact, or ends in infinity.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^53")]
    let whole = whole as f64;
    let factor = if last < 0 { 0.5 } else { 2.0 };
    (0..last.unsigned_abs()).fold(whole, |number, _| number * factor)
}

/// Is the number within its bounds? What is not a number is within all of them.
pub(super) fn check(number: f64, bounds: Option<(&str, &str)>) -> Result<(), String> {
    let Some((least, most)) = bounds else { return Ok(()) };
    if parse(least).is_some_and(|bound| number < bound) {
        return Err(format!("Value must be at least {least}"));
    }
    if parse(most).is_some_and(|bound| number > bound) {
        return Err(format!("Value must be no more than {most}"));
    }
    Ok(())
}

/// As `Double.toString` writes it.
pub fn to_text(number: f64) -> String {
    if number.is_infinite() {
        return if number < 0.0 { "-Infinity" } else { "Infinity" }.to_owned();
    }
    let size = number.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{number:?}");
    }
    let scientific = format!("{number:E}");
    match scientific.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The left side as written in a properties file, the right side as `Double.toString(Double.parseDouble(left))`
    /// writes it.
    #[test]
    fn numbers_are_read_and_written_as_java_does() {
        for (written, java) in [
            ("0.8", "0.8"),
            ("1", "1.0"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("+2d", "2.0"),
            ("-0", "-0.0"),
            ("1e3f", "1000.0"),
            ("12345678", "1.2345678E7"),
            ("1e10", "1.0E10"),
            ("0.0001", "1.0E-4"),
            ("-Infinity", "-Infinity"),
            ("1e999", "Infinity"),
            ("0x1p3", "8.0"),
            ("-0X.8P+0d", "-0.5"),
            ("0x1.p-1f", "0.5"),
            ("0xfp0", "15.0"),
            // Half a last place: to the even neighbour; and a little more than half.
            ("0x1.00000000000008p0", "1.0"),
            ("0x1.00000000000018p0", "1.0000000000000004"),
            ("0x1.000000000000080000000001p0", "1.0000000000000002"),
            ("0x1.fffffffffffff8p1023", "Infinity"),
            ("0x1.fffffffffffff7p1023", "1.7976931348623157E308"),
            ("0x1p99999999999999999999", "Infinity"),
            ("0x0p99999999999999999999", "0.0"),
            ("-0x1p-99999999999999999999", "-0.0"),
            ("0x1p-1022", "2.2250738585072014E-308"),
            ("0x0.fffffffffffff8p-1022", "2.2250738585072014E-308"),
            // Half of the smallest number, and three halves.
            ("0x1p-1075", "0.0"),
            ("0x3p-1075", "1.0E-323"),
        ] {
            assert_eq!(parse(written).map(to_text).as_deref(), Some(java), "{written}");
        }
        for no_number in [
            "", "inf", "nan", "infinity", "d", ".", "1e", "0,5", "1 2", "--1", "0x1", "0x", "0xp1", "0x.p1", "0x1p",
            "0x1p+", "0x1p-+1", "0x1p1.0", "0x1g.p1", "0x+1p1", "x1p1",
        ] {
            assert_eq!(parse(no_number), None, "{no_number}");
        }
    }
}
