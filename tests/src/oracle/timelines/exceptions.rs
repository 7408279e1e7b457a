//! Where this producer differs from the Java client on purpose, or where Java itself leaves the matter to chance.

use std::collections::BTreeSet;

use producer_core::error::ErrorCode;

use super::script::Script;

/// A difference that is meant.
#[derive(Debug)]
pub(super) struct Exception {
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
    /// Takes what is concerned out of both timelines, Java's first. Says whether there was any.
    pub(super) forgive: fn(&Case<'_>, &mut Vec<String>, &mut Vec<String>) -> bool,
}

/// What was played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) script: &'a Script,
    /// When the Java client's sender fell asleep, the first time that something arrived meanwhile.
    pub(super) deaf_since: Option<u64>,
}

pub(super) const EXCEPTIONS: [Exception; 6] = [
    Exception {
        name: "least-loaded-broker",
        reason: "NetworkClient.leastLoadedNode begins its search at a broker drawn from Java's own generator, so with several \
                 brokers the first that is connected to is chance; what follows is not compared",
        forgive: |&Case { script, .. }, theirs, ours| {
            let place = theirs.iter().zip(&*ours).take_while(|(theirs, ours)| theirs == ours).count();
            let is_connected = |lines: &[String]| lines.get(place).is_some_and(|line| word(line, 1) == "versions");
            let is_met = script.nodes > 1 && (is_connected(theirs) || is_connected(ours));
            if is_met {
                theirs.truncate(place);
                ours.truncate(place);
            }
            is_met
        },
    },
    Exception {
        name: "send-after-a-fatal-error",
        reason: "KafkaProducer.send appends the record, throws a KafkaException around the fatal error, and fails the \
                 record once more from the sender; here send refuses the record with the fatal error, once",
        forgive: |_, theirs, ours| {
            let both = &numbers(theirs, "refused") & &numbers(ours, "refused");
            let told_twice = &both & &numbers(theirs, "failed");
            leave_out(theirs, ours, |line| told_twice.contains(word(line, 2)))
        },
    },
    Exception {
        name: "epochs-used-up",
        reason: "TransactionManager.resetIdempotentProducerId leaves batches in flight without a producer id, so they are sent \
                 again without protection against duplicates; here they get the new id and its first sequences",
        forgive: |&Case { script, .. }, theirs, ours| {
            let is_plain = |line: &String| word(line, 1) == "produce" && line.contains(" pid -1/-1 ");
            let is_met = script.identity.1 == i16::MAX && theirs.iter().any(is_plain) && !ours.iter().any(is_plain);
            if is_met {
                theirs.iter_mut().chain(ours).for_each(|line| *line = without_stamps(line));
            }
            is_met
        },
    },
    Exception {
        name: "sleep-before-a-question",
        reason: "before it asks for a producer id, or anything of a transaction's, once more, the Java client's I/O thread sleeps \
                 for retry.backoff.ms and hears nothing; here only the question waits; what follows something unheard is \
                 not compared",
        forgive: |case, theirs, ours| {
            let Some(since) = case.deaf_since else { return false };
            let place = theirs.iter().zip(&*ours).take_while(|(theirs, ours)| theirs == ours).count();
            let is_later = |lines: &[String]| lines.get(place).is_none_or(|line| instant(line) >= since);
            let is_meant = is_later(theirs) && is_later(ours);
            if is_meant {
                theirs.truncate(place);
                ours.truncate(place);
            }
            is_meant
        },
    },
    Exception {
        name: "forgotten-in-flight",
        reason: "after UNKNOWN_PRODUCER_ID within a transaction the Java client forgets the partition with what is in flight; a \
                 batch of it that would be retried then meets an IllegalStateException in insertInSequenceOrder and is \
                 never completed; here it is retried",
        forgive: |case, theirs, ours| {
            let has_transactions = case.script.config.iter().any(|(key, _)| key == "transactional.id");
            let place = theirs.iter().zip(&*ours).take_while(|(theirs, ours)| theirs == ours).count();
            let told = |line: &String| word(line, 1) == "failed" && word(line, 4) == "UnknownProducerIdException";
            let is_met = has_transactions && ours[..place].iter().any(told);
            if is_met {
                theirs.truncate(place);
                ours.truncate(place);
            }
            is_met
        },
    },
    Exception {
        name: "codes-of-other-apis",
        reason: "codes that no broker answers Produce with, and that the Java client does not retry, are left out of the \
                 page for its size, so they become UnknownServerException",
        forgive: |&Case { script, .. }, theirs, ours| {
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

/// A request without its batches' ids, epochs and sequences.
fn without_stamps(line: &str) -> String {
    let mut words = line.split(' ');
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if ["pid", "seq"].contains(&word) {
            words.next();
        } else {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// Numbers of the records of which a timeline says this.
fn numbers(lines: &[String], kind: &str) -> BTreeSet<String> {
    lines.iter().filter(|line| word(line, 1) == kind).map(|line| word(line, 2).to_owned()).collect()
}

fn instant(line: &str) -> u64 {
    word(line, 0).parse().unwrap_or(u64::MAX)
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
