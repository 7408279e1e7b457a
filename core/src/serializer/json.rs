//! Is a text JSON (RFC 8259)?

use super::ParseError;

/// Deeper nesting than this is refused: readers give up there as well.
const MOST_LEVELS: usize = 128;

/// The text, if it is JSON.
pub(super) fn checked(text: &str) -> Result<&str, ParseError> {
    let mut rest = text.as_bytes();
    let is_json = value(&mut rest, MOST_LEVELS).is_some() && rest.is_empty();
    if is_json {
        return Ok(text);
    }
    let place = text.len() - rest.len();
    // Places are counted in characters by those who read the sentence.
    let place = text.as_bytes()[..place].iter().filter(|&&byte| byte & 0xc0 != 0x80).count() + 1;
    Err(ParseError::ours(format!("not JSON at character {place}"), Some(place)))
}

/// Takes a value and the blanks around it off the front. `None`: the rest begins with what does not belong there.
fn value(rest: &mut &[u8], levels: usize) -> Option<()> {
    blanks(rest);
    match rest.first()? {
        b'{' => list(rest, levels, b'}', |rest, levels| {
            blanks(rest);
            string(rest)?;
            blanks(rest);
            expect(rest, b":")?;
            value(rest, levels)
        })?,
        b'[' => list(rest, levels, b']', value)?,
        b'"' => string(rest)?,
        b't' => expect(rest, b"true")?,
        b'f' => expect(rest, b"false")?,
        b'n' => expect(rest, b"null")?,
        _ => number(rest)?,
    }
    blanks(rest);
    Some(())
}

/// Items between commas, between a bracket and its other half.
fn list(rest: &mut &[u8], levels: usize, end: u8, item: impl Fn(&mut &[u8], usize) -> Option<()>) -> Option<()> {
    let levels = levels.checked_sub(1)?;
    *rest = &rest[1..];
    blanks(rest);
    if expect(rest, &[end]).is_some() {
        return Some(());
    }
    loop {
        item(rest, levels)?;
        if expect(rest, &[end]).is_some() {
            return Some(());
        }
        expect(rest, b",")?;
    }
}

fn string(rest: &mut &[u8]) -> Option<()> {
    expect(rest, b"\"")?;
    loop {
        match rest.first()? {
            b'"' => return expect(rest, b"\""),
            b'\\' => match rest.get(1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => *rest = &rest[2..],
                b'u' if rest.get(2..6)?.iter().all(u8::is_ascii_hexdigit) => *rest = &rest[6..],
                _ => return None,
            },
            0..b' ' => return None,
            _ => *rest = &rest[1..],
        }
    }
}

fn number(rest: &mut &[u8]) -> Option<()> {
    let _ = expect(rest, b"-");
    // Nothing follows a leading zero but a fraction.
    expect(rest, b"0").or_else(|| digits(rest))?;
    if expect(rest, b".").is_some() {
        digits(rest)?;
    }
    if let Some(b'e' | b'E') = rest.first() {
        *rest = &rest[1..];
        let _ = expect(rest, b"+").or_else(|| expect(rest, b"-"));
        digits(rest)?;
    }
    Some(())
}

fn digits(rest: &mut &[u8]) -> Option<()> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    *rest = &rest[count..];
    (count > 0).then_some(())
}

fn blanks(rest: &mut &[u8]) {
    let count = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    *rest = &rest[count..];
}

fn expect(rest: &mut &[u8], what: &[u8]) -> Option<()> {
    *rest = rest.strip_prefix(what)?;
    Some(())
}
