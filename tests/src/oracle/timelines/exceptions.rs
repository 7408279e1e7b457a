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
    pub(super) forgive: fn(&Script, &mut Vec<String>, &mut Vec<String>) -> bool,
}

pub(super) const EXCEPTIONS: [Exception; 7] = [
    Exception {
        name: "least-loaded-broker",
        reason: "NetworkClient.leastLoadedNode begins its search at a broker drawn from Java's own generator, so with several \
                 brokers the first that is connected to is chance, and whether a question is lost with a connection that ends \
                 in that very moment; what follows is not compared",
        forgive: |script, theirs, ours| {
            let place = theirs.iter().zip(&*ours).take_while(|(theirs, ours)| theirs == ours).count();
            let is_connected = |lines: &[String]| lines.get(place).is_some_and(|line| word(line, 1) == "versions");
            let asked_at = |lines: &[String]| {
                let line = lines.get(place).filter(|line| ["metadata", "init-producer-id"].contains(&word(line, 1)))?;
                word(line, 0).parse::<u64>().ok()
            };
            let is_lost = asked_at(theirs).zip(asked_at(ours)).is_some_and(|(theirs, ours)| {
                let cuts = script.actions.iter().filter(|action| action.words[0] == "disconnect");
                cuts.map(|action| action.at).any(|at| at == theirs.min(ours))
            });
            let is_met = script.nodes > 1 && (is_connected(theirs) || is_connected(ours) || is_lost);
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
        forgive: |script, theirs, ours| {
            let is_plain = |line: &String| word(line, 1) == "produce" && line.contains(" pid -1/-1 ");
            let is_met = script.identity.1 == i16::MAX && theirs.iter().any(is_plain) && !ours.iter().any(is_plain);
            if is_met {
                theirs.iter_mut().chain(ours).for_each(|line| *line = without_stamps(line));
            }
            is_met
        },
    },
    Exception {
        name: "sleep-before-an-id",
        reason: "before it asks for a producer id again, the Java client's I/O thread sleeps for retry.backoff.ms and neither \
                 asks for metadata nor hears answers; here only the question waits",
        forgive: |script, theirs, ours| {
            let is_retried = |line: &String| word(line, 1) == "init-producer-id";
            let mut words = script.actions.iter().flat_map(|action| &action.words);
            words.any(|word| word == "InitProducerId" || word == "identity-error")
                && theirs.iter().filter(|line| is_retried(line)).count() > 1
                && leave_out(theirs, ours, |line| ["metadata", "versions", "dialled"].contains(&word(line, 1)))
        },
    },
    Exception {
        name: "answers-without-an-id",
        reason: "a broker that wants ids refuses a topic for which it told none, with neither id nor name; the Java client's \
                 callback then throws, so this batch and those whose answers stand behind it meet their delivery deadline; \
                 here the answer is the batch's that was sent without an id, and it is tried again",
        forgive: |_, theirs, ours| {
            let is_met = |line: &String| word(line, 1) == "produce" && line.contains("#none-");
            let Some(place) = theirs.iter().position(is_met) else { return false };
            if theirs.get(..=place) != ours.get(..=place) {
                return false;
            }
            // From there on, what becomes of each record.
            let is_fate = |line: &String| ["acked", "failed"].contains(&word(line, 1));
            for lines in [theirs, ours] {
                let fates = lines.split_off(place + 1);
                lines.extend(fates.into_iter().filter(is_fate));
            }
            true
        },
    },
    Exception {
        name: "close-before-the-fate-is-told",
        reason: "batches whose request could not be built are neither queued nor in a request, so the Java client's close does \
                 not wait for them, and nobody ever hears what became of their records; here close waits, at most until their \
                 delivery deadline, and every record's fate is told",
        forgive: |script, theirs, ours| {
            let is_zstd = script.config.iter().any(|(key, value)| key == "compression.type" && value == "zstd");
            let closed = theirs.iter().position(|line| is_zstd && word(line, 1) == "closed");
            if let Some(place) = closed {
                theirs.truncate(place);
                ours.truncate(place);
            }
            closed.is_some()
        },
    },
    Exception {
        name: "codes-of-other-apis",
        reason: "codes that no broker answers Produce with, and that the Java client does not retry, are left out of the \
                 page for its size, so they become UnknownServerException",
        forgive: |script, theirs, ours| {
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

fn word(line: &str, place: usize) -> &str {
    line.split(' ').nth(place).unwrap_or_default()
}

fn leave_out(theirs: &mut Vec<String>, ours: &mut Vec<String>, is_meant: impl Fn(&str) -> bool) -> bool {
    let before = theirs.len() + ours.len();
    theirs.retain(|line| !is_meant(line));
    ours.retain(|line| !is_meant(line));
    theirs.len() + ours.len() < before
}
