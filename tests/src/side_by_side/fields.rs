//! An answer's fields, each with its path: read from what `Debug` writes of it, which names every one.

use std::fmt::Debug;

/// A field's path and its value, as text.
pub type Field = (String, String);

/// How the reader says that an answer holds nothing that it does not know.
const NOTHING_MORE: &str = "unknown_tagged_fields: {}";

/// Something that is open while `Debug` is read: a structure, a list, a tuple.
struct Open {
    path: String,
    is_list: bool,
    members: usize,
}

/// All fields of an answer in their order. A list that has no members is a field of its own.
pub(super) fn fields(answer: &impl Debug) -> Vec<Field> {
    let text = format!("{answer:#?}");
    let mut open: Vec<Open> = Vec::new();
    let mut fields = Vec::new();
    for line in text.lines() {
        let line = line.trim().trim_end_matches(',');
        if matches!(line, "}" | "]" | ")") {
            open.pop();
            continue;
        }
        let (path, value) = place(&mut open, line);
        if value.ends_with(['{', '[', '(']) {
            open.push(Open { path, is_list: value.ends_with(['[', '(']), members: 0 });
        } else if (line, value) != (NOTHING_MORE, "{}") {
            fields.push((path, value.to_owned()));
        }
    }
    fields
}

/// Where the thing of this line stands, and what it is.
fn place<'a>(open: &mut [Open], line: &'a str) -> (String, &'a str) {
    let Some(within) = open.last_mut() else { return (String::new(), line) };
    if within.is_list {
        within.members += 1;
        // A tuple of one and what it holds are the same place: a name in a type of its own, or an optional list.
        return (format!("{}.{}", within.path, within.members - 1), line);
    }
    let (name, value) = line.split_once(": ").unwrap_or((line, ""));
    let path = if within.path.is_empty() { name.to_owned() } else { format!("{}.{name}", within.path) };
    (path, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    #[expect(dead_code, reason = "read through Debug")]
    struct Answer {
        error: i16,
        topics: Vec<Topic>,
        none: Option<&'static str>,
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "read through Debug")]
    struct Topic {
        name: &'static str,
        numbers: Vec<i32>,
    }

    #[test]
    fn every_field_has_its_path() {
        let topics = vec![Topic { name: "a: {", numbers: vec![7, 8] }, Topic { name: "b", numbers: Vec::new() }];
        let told = fields(&Answer { error: 3, topics, none: None });
        let told: Vec<String> = told.iter().map(|(path, value)| format!("{path}={value}")).collect();
        assert_eq!(
            told,
            [
                "error=3",
                "topics.0.name=\"a: {\"",
                "topics.0.numbers.0=7",
                "topics.0.numbers.1=8",
                "topics.1.name=\"b\"",
                "topics.1.numbers=[]",
                "none=None",
            ]
        );
    }
}
