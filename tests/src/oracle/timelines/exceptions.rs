//! Where this producer differs from the Java client on purpose, or where Java itself leaves the matter to chance.

use std::collections::BTreeSet;

use producer_core::error::ErrorCode;

use super::script::Script;

/// A difference that is meant.
#[derive(Debug)]
pub(super) struct Exception {
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
    /// Takes the lines concerned out of both timelines, Java's first. Says whether there were any.
    pub(super) leave_out: fn(&Script, &mut Vec<String>, &mut Vec<String>) -> bool,
}

pub(super) const EXCEPTIONS: [Exception; 3] = [
    Exception {
        name: "least-loaded-broker",
        reason: "NetworkClient.leastLoadedNode begins its search at a broker drawn from Java's own generator, so which \
                 connections stand before they are needed is chance on both sides",
        leave_out: |script, theirs, ours| {
            script.nodes > 1 && leave_out(theirs, ours, |line| word(line, 1) == "versions")
        },
    },
    Exception {
        name: "send-after-a-fatal-error",
        reason: "KafkaProducer.send appends the record, throws a KafkaException around the fatal error, and fails the \
                 record once more from the sender; here send refuses the record with the fatal error, once",
        leave_out: |_, theirs, ours| {
            let both = &numbers(theirs, "refused") & &numbers(ours, "refused");
            let told_twice = &both & &numbers(theirs, "failed");
            leave_out(theirs, ours, |line| told_twice.contains(word(line, 2)))
        },
    },
    Exception {
        name: "codes-of-other-apis",
        reason: "codes that no broker answers Produce with, and that the Java client does not retry, are left out of the \
                 page for its size, so they become UnknownServerException",
        leave_out: |script, theirs, ours| {
            let words = script.actions.iter().flat_map(|action| &action.words);
            let is_other = |word: &String| word.parse().is_ok_and(|code| code > 0 && ErrorCode(code).name().is_none());
            if !words.clone().any(is_other) {
                return false;
            }
            let unknown = |line: &str| word(line, 1) == "failed" && word(line, 4) == "UnknownServerException";
            let ours_only: BTreeSet<_> =
                ours.iter().filter(|line| unknown(line)).map(|line| word(line, 2).to_owned()).collect();
            leave_out(theirs, ours, |line| word(line, 1) == "failed" && ours_only.contains(word(line, 2)))
        },
    },
];

/// Numbers of the records of which a timeline says this.
fn numbers(lines: &[String], kind: &str) -> BTreeSet<String> {
    lines.iter().filter(|line| word(line, 1) == kind).map(|line| word(line, 2).to_owned()).collect()
}

fn word(line: &str, place: usize) -> &str {
    line.split(' ').nth(place).unwrap_or_default()
}

fn leave_out(theirs: &mut Vec<String>, ours: &mut Vec<String>, is_meant: impl Fn(&str) -> bool) -> bool {
    let before = theirs.len() + ours.len();
    theirs.retain(|line| !is_meant(line));
    ours.retain(|line| !is_meant(line));
    theirs.len() + ours.len() < before
}
