//! Java's DOUBLE as text. Four keys have one, all of them for logging in.

/// Reads a number as `Double.parseDouble` does, its hexadecimal form apart.
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
    let digits = magnitude.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(magnitude);
    // Rust knows more words for what is no number.
    let is_plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    digits.parse::<f64>().ok().filter(|_| is_plain).map(|number| sign * number)
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
        ] {
            assert_eq!(parse(written).map(to_text).as_deref(), Some(java), "{written}");
        }
        for no_number in ["", "inf", "nan", "infinity", "d", ".", "1e", "0,5", "1 2", "--1"] {
            assert_eq!(parse(no_number), None, "{no_number}");
        }
    }
}
