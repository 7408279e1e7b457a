//! A `.properties` file, read simply.

use core::fmt;

/// A line that is neither empty, nor a comment, nor `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertiesError {
    /// Its number, from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

impl fmt::Display for PropertiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected key=value, found {:?}", self.line, self.text)
    }
}

impl std::error::Error for PropertiesError {}

/// Reads `key=value` (or `key: value`) lines; blanks around both are dropped, lines that begin with `#` or `!` are
/// comments. Of Java's format, escapes and continued lines are left out: no producer option needs them.
///
/// # Errors
/// The first line of another form.
pub fn read_properties(text: &str) -> Result<Vec<(String, String)>, PropertiesError> {
    let mut properties = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        match line.split_once(['=', ':']) {
            Some((key, value)) if !key.trim().is_empty() => {
                properties.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            _ => return Err(PropertiesError { line: number + 1, text: line.to_owned() }),
        }
    }
    Ok(properties)
}
