//! Where this producer differs from the Java client on purpose, or where Java itself leaves the matter to chance.

use std::collections::BTreeSet;

use producer_core::error::ErrorCode;

use super::brokers;
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

pub(super) const EXCEPTIONS: [Exception; 15] = [
    Exception {
        name: "least-loaded-broker",
        reason: "NetworkClient.leastLoadedNode begins its search at a broker drawn from Java's own generator, so with several \
                 brokers the first that is connected to is chance, and whether a question is lost with a connection that ends \
                 in that very moment; what follows is not compared",
        forgive: |&Case { script, .. }, theirs, ours| {
            let place = first_difference(theirs, ours);
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
            is_met && end_at_first_difference(theirs, ours)
        },
    },
    Exception {
        name: "forgotten-in-flight",
        reason: "after UNKNOWN_PRODUCER_ID within a transaction the Java client forgets the partition with what is in flight; a \
                 batch of it that would be retried then meets an IllegalStateException in insertInSequenceOrder and is \
                 never completed; here it is retried",
        forgive: |case, theirs, ours| {
            let place = first_difference(theirs, ours);
            let told = |line: &String| word(line, 1) == "failed" && word(line, 4) == "UnknownProducerIdException";
            let is_met = case.script.has_transactions() && ours[..place].iter().any(told);
            is_met && end_at_first_difference(theirs, ours)
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
            let place = first_difference(theirs, ours);
            let is_later = |lines: &[String]| lines.get(place).is_none_or(|line| instant(line) >= since);
            let is_meant = is_later(theirs) && is_later(ours);
            is_meant && end_at_first_difference(theirs, ours)
        },
    },
    Exception {
        name: "equals-in-line",
        reason: "questions of a transaction that are equally urgent wait in a java.util.PriorityQueue, where each vain round of \
                 the sender may change which comes first; the player's rounds are more than a real sender's; what follows \
                 is not compared",
        forgive: |_, theirs, ours| {
            const EQUALS: [&str; 3] = ["add-partitions", "add-offsets", "commit-offsets"];
            let place = first_difference(theirs, ours);
            let is_equal = |lines: &[String]| lines.get(place).is_some_and(|line| EQUALS.contains(&word(line, 1)));
            let was_looked_up = theirs[..place].iter().rev().take(9).any(|line| word(line, 1) == "find-coordinator");
            let is_met = is_equal(theirs) && is_equal(ours) && was_looked_up;
            is_met && end_at_first_difference(theirs, ours)
        },
    },
    Exception {
        name: "close-while-waiting",
        reason: "a sender that waits for a coordinator's connection, or sleeps, hears of a forced close only after that; here it \
                 is closed at once; what follows is not compared",
        forgive: |case, theirs, ours| {
            let deadline = |words: &[String]| match words {
                [close, patience] if close == "close" => patience.parse::<u64>().ok(),
                _ => None,
            };
            let mut actions = case.script.actions.iter();
            let closed_at = actions.find_map(|action| Some(action.at + deadline(&action.words)?));
            let place = first_difference(theirs, ours);
            let is_later =
                |lines: &[String]| lines.get(place).is_none_or(|line| closed_at.is_some_and(|at| instant(line) >= at));
            let is_met = case.script.has_transactions() && closed_at.is_some() && is_later(theirs) && is_later(ours);
            is_met && end_at_first_difference(theirs, ours)
        },
    },
    Exception {
        name: "left-waiting",
        reason: "a call that waits behind a fatal error is not answered when the Java client is closed, and its program waits \
                 out max.block.ms; here closing fails it",
        forgive: |case, theirs, ours| {
            let is_answered = |line: &str| line.ends_with(" KafkaException The producer closed forcefully");
            let is_left = |line: &String| is_answered(line) && !theirs.contains(line);
            let left: Vec<String> = ours.iter().filter(|line| is_left(line)).cloned().collect();
            case.script.has_transactions() && leave_out(theirs, ours, |line| left.iter().any(|left| left == line))
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
        forgive: |&Case { script, .. }, theirs, ours| {
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
    Exception {
        name: "answers-out-of-step",
        reason: "of a Produce answer with a foreign correlation id, or without a batch that was asked about, the Java client \
                 makes nothing, and the batch expires; of one with a batch twice or with a foreign one it believes what \
                 comes first. Here the first cuts the connection, and none of the others is believed: the batch is sent \
                 again with its sequence. What follows is not compared",
        forgive: |&Case { script, .. }, theirs, ours| {
            says(script, brokers::is_fault) && end_at_first_difference(theirs, ours)
        },
    },
    Exception {
        name: "versions-in-a-circle",
        reason: "a broker that refuses ApiVersions and hints at the version it was asked in is hung up on, and dialled again \
                 after the back-off; the Java client asks again on the same connection for as long as it is answered so. \
                 What follows is not compared",
        forgive: |&Case { script, .. }, theirs, ours| {
            script.versions_refused.is_some() && end_at_first_difference(theirs, ours)
        },
    },
    Exception {
        name: "longest-pause",
        reason: "a broker that asks for a pause of more than a minute gets a minute; the Java client is silent for as long as \
                 it was told, up to 24 days. What follows is not compared",
        forgive: |&Case { script, .. }, theirs, ours| {
            let millis = |word: &str| word.strip_prefix("throttle=").and_then(|millis| millis.parse::<i32>().ok());
            says(script, |word| millis(word).is_some_and(|millis| millis > 60_000))
                && end_at_first_difference(theirs, ours)
        },
    },
    Exception {
        name: "leaders-without-end",
        reason: "a batch that was sent to ten new leaders waits for its back-off although yet another is named; the Java \
                 client asks brokers that name each other in ever newer epochs as fast as they answer. What follows is not \
                 compared",
        forgive: |&Case { script, .. }, theirs, ours| {
            let words = script.actions.iter().flat_map(|action| &action.words);
            let epochs: BTreeSet<_> = words
                .filter_map(|word| word.split_once(",leader=")?.1.split_once('/').map(|(_, epoch)| epoch))
                .collect();
            epochs.len() > 10 && end_at_first_difference(theirs, ours)
        },
    },
];

fn first_difference(theirs: &[String], ours: &[String]) -> usize {
    theirs.iter().zip(ours).take_while(|(theirs, ours)| theirs == ours).count()
}

fn says(script: &Script, is_meant: impl Fn(&str) -> bool) -> bool {
    script.actions.iter().flat_map(|action| &action.words).any(|word| is_meant(word))
}

/// Leaves only what both have in common up to the first difference.
fn end_at_first_difference(theirs: &mut Vec<String>, ours: &mut Vec<String>) -> bool {
    let place = first_difference(theirs, ours);
    theirs.truncate(place);
    ours.truncate(place);
    true
}

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
