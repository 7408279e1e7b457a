//! What happens over and over, in one line with its number: a producer that waits asks for metadata for a minute.

use producer_core::protocol::ApiKey;
use producer_core::time::Instant;
use producer_core::trace::Fact;

use super::narrate::Line;
use crate::texts::{Texts, fill};

/// Most lines of one round of what is repeated.
const LONGEST_ROUND: usize = 4;

/// A line, oldest first: when, what it says, and what makes it the same as another.
pub(super) type Told = (Instant, Line, Same);

/// What makes two lines the same: `None`, their words.
pub(super) type Same = Option<&'static str>;

/// Whoever is asked for metadata, it is the same question.
pub(super) const fn is_same_as(fact: &Fact) -> Same {
    match fact {
        Fact::RequestSent { api: ApiKey::Metadata, .. } => Some("metadata asked for"),
        Fact::ResponseReceived { api: ApiKey::Metadata, .. } => Some("metadata told"),
        _ => None,
    }
}

/// A line, or a round of lines that came again.
struct Entry {
    at: Instant,
    lines: Vec<(Line, Same)>,
    /// How often the round came again; 0: a line that stands for itself.
    again: u64,
}

impl Entry {
    fn is_same(&self, other: &Self) -> bool {
        let same = |(a, b): (&(Line, Same), &(Line, Same))| match (a.1, b.1) {
            (None, None) => a.0 == b.0,
            (a, b) => a == b,
        };
        self.lines.len() == other.lines.len() && self.lines.iter().zip(&other.lines).all(same)
    }
}

/// The lines with every round that repeats the one before it folded into one line, oldest first. The first round keeps its
/// lines.
pub(super) fn fold(told: impl Iterator<Item = Told>, t: &Texts) -> Vec<(Instant, Line)> {
    let mut entries: Vec<Entry> = Vec::new();
    for (at, line, same) in told {
        entries.push(Entry { at, lines: vec![(line, same)], again: 0 });
        for round in 1..=LONGEST_ROUND {
            if fold_last(&mut entries, round) {
                break;
            }
        }
    }
    entries.into_iter().map(|entry| (entry.at, line_of(entry, t))).collect()
}

/// Folds the last lines, if so many of them are a round that repeats what stands before them.
fn fold_last(entries: &mut Vec<Entry>, round: usize) -> bool {
    let Some(begin) = entries.len().checked_sub(round) else { return false };
    let (before, last) = entries.split_at(begin);
    if last.iter().any(|entry| entry.again > 0) {
        return false;
    }
    let repeats = match before.last() {
        Some(folded) if folded.again > 0 => {
            let newest = Entry { at: folded.at, lines: lines_of(last), again: 0 };
            folded.is_same(&newest)
        }
        _ => begin.checked_sub(round).is_some_and(|first| {
            before[first..].iter().zip(last).all(|(before, last)| before.again == 0 && before.is_same(last))
        }),
    };
    if !repeats {
        return false;
    }
    let newest = Entry { at: last[round - 1].at, lines: lines_of(last), again: 1 };
    entries.truncate(begin);
    match entries.last_mut() {
        Some(folded) if folded.again > 0 => *folded = Entry { again: folded.again + 1, ..newest },
        _ => entries.push(newest),
    }
    true
}

fn lines_of(entries: &[Entry]) -> Vec<(Line, Same)> {
    entries.iter().flat_map(|entry| entry.lines.iter().cloned()).collect()
}

fn line_of(entry: Entry, t: &Texts) -> Line {
    let Entry { mut lines, again, .. } = entry;
    let Some((last, _)) = lines.pop() else { return Line::default() };
    if again == 0 {
        return last;
    }
    let mut words: Vec<_> = lines.iter().map(|(line, _)| line.what.as_str()).collect();
    words.push(&last.what);
    let what = fill(t.history_again, &[&again, &words.join(" · ")]);
    Line { what, is_trouble: last.is_trouble || lines.iter().any(|(line, _)| line.is_trouble), ..last }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Language;

    fn line(what: &str) -> Line {
        Line { who: "sender".to_owned(), what: what.to_owned(), ..Line::default() }
    }

    fn folded(told: &[(&str, Same)]) -> Vec<String> {
        let told = told.iter().zip(0..).map(|((what, same), ms)| (Instant::from_millis(ms), line(what), *same));
        let lines = fold(told, Language::English.texts());
        lines.into_iter().map(|(at, line)| format!("{} {}", at.as_micros() / 1_000, line.what)).collect()
    }

    #[test]
    fn rounds_of_questions_for_metadata_become_one_line_whoever_is_asked() {
        let round = |asks, told| [(asks, Some("asked")), (told, Some("told")), ("3 brokers", None)];
        let mut lines = vec![("send() waits", None)];
        for place in 0..5 {
            lines.extend(if place % 2 == 0 { round("asks 1", "1 answers") } else { round("asks 2", "2 answers") });
        }
        let first = ["0 send() waits", "1 asks 1", "2 1 answers", "3 3 brokers"];
        assert_eq!(folded(&lines), [&first[..], &["15 again ×4: asks 1 · 1 answers · 3 brokers"]].concat());
        lines.push(("asks 2", Some("asked")));
        assert_eq!(folded(&lines).last().map(String::as_str), Some("16 asks 2"), "a round that is not over stands");
        lines.extend([("2 answers", Some("told")), ("4 brokers", None)]);
        assert_eq!(folded(&lines).len(), 8, "another answer is news");
    }

    #[test]
    fn a_line_alone_is_folded_too_and_what_differs_is_not() {
        assert_eq!(folded(&[("a", None), ("a", None), ("a", None)]), ["0 a", "2 again ×2: a"]);
        assert_eq!(folded(&[("a", None), ("b", None), ("a", None), ("c", None)]), ["0 a", "1 b", "2 a", "3 c"]);
        assert_eq!(folded(&[]), Vec::<String>::new());
    }
}
