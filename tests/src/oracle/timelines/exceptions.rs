//! Where this producer differs from the Java client on purpose, or where Java itself leaves the matter to chance.

mod hostile;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use super::brokers;
use super::script::Script;

/// What a difference is judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) script: &'a Script,
    /// By the number of a record that our `send` refused: class and sentence of its error.
    pub(super) refusals: &'a BTreeMap<String, String>,
    /// What the Java client threw and only logged, each `! INSTANT CLASS SENTENCE`.
    pub(super) thrown: &'a [String],
}

impl Case<'_> {
    /// When an answer first found its partition forgotten in the Java client.
    pub(super) fn answered_after_the_transaction(self) -> Option<u64> {
        self.thrown("Trying to get txnPartitionEntry for ").filter(|_| self.script.has_transactions())
    }

    /// When the Java client first threw something with these words.
    fn thrown(self, words: &str) -> Option<u64> {
        self.thrown.iter().find(|line| line.contains(words)).and_then(|line| word(line, 1).parse().ok())
    }
}

/// A difference that is meant.
#[derive(Debug)]
pub(super) struct Exception {
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
    /// Takes what is concerned out of both timelines, Java's first. Says whether there was any.
    pub(super) forgive: fn(Case<'_>, &mut Vec<String>, &mut Vec<String>) -> bool,
}

/// Name and reason, of what is told and of what is measured.
pub(super) const ANSWERS_AFTER_THE_TRANSACTION: (&str, &str) = (
    "answers-after-the-transaction",
    "a batch expires in flight, its transaction ends in an epoch of its own, and the Java client forgets the partition; the good \
     answer that comes then meets an IllegalStateException in TxnPartitionMap.get, so that the batch's memory is never given \
     back, its latency is not counted, its partition stays muted with one request in flight, and the answers behind it are \
     not read; here they are",
);

pub(super) const EXCEPTIONS: [Exception; 18] = [
    Exception {
        name: "forgotten-in-flight",
        reason: "after UNKNOWN_PRODUCER_ID within a transaction the Java client forgets the partition with what is in flight; a \
                 batch of it that would be retried then meets an IllegalStateException in insertInSequenceOrder and is \
                 never completed; here it is retried. What follows is not compared",
        forgive: |case, theirs, ours| {
            let told = |line: &String| word(line, 1) == "failed" && word(line, 4) == "UnknownProducerIdException";
            let since = case.thrown("a batch which is not tracked as part of the in flight requests");
            let is_met = case.script.has_transactions() && theirs.iter().any(told);
            since.is_some_and(|since| is_met && end_at_first_difference_since(since, theirs, ours))
        },
    },
    Exception {
        name: ANSWERS_AFTER_THE_TRANSACTION.0,
        reason: ANSWERS_AFTER_THE_TRANSACTION.1,
        forgive: |case, theirs, ours| {
            let since = case.answered_after_the_transaction();
            since.is_some_and(|since| end_at_first_difference_since(since, theirs, ours))
        },
    },
    Exception {
        name: "send-after-a-fatal-error",
        reason: "KafkaProducer.send appends the record, throws a KafkaException around the fatal error, and fails the \
                 record once more from the sender; here send refuses the record with the fatal error, once",
        forgive: |Case { refusals, .. }, theirs, ours| {
            let told_once = &numbers(ours, "refused") - &numbers(ours, "failed");
            let told_twice = &(&told_once & &numbers(theirs, "refused")) & &numbers(theirs, "failed");
            // The sender tells of the error that `send` wraps.
            let is_same = |number: &String| {
                let said = theirs.iter().find(|line| word(line, 1) == "failed" && word(line, 2) == number);
                let said = said.and_then(|line| line.splitn(5, ' ').nth(4));
                said.is_some() && said == refusals.get(number).map(String::as_str)
            };
            let meant: BTreeSet<String> = told_twice.into_iter().filter(is_same).collect();
            theirs.retain(|line| word(line, 1) != "failed" || !meant.contains(word(line, 2)));
            for line in ours.iter_mut().filter(|line| word(line, 1) == "refused" && meant.contains(word(line, 2))) {
                let thrown = format!("{} refused {} thrown KafkaException ", word(line, 0), word(line, 2));
                if let Some(wrapped) = theirs.iter().find(|line| line.starts_with(&thrown)) {
                    line.clone_from(wrapped);
                }
            }
            !meant.is_empty()
        },
    },
    Exception {
        name: "called-back-and-thrown",
        reason: "of a record that is refused with an error of its future while no transaction may fail for it, \
                 KafkaProducer.doSend runs the callback with that error and then throws an IllegalStateException; here send \
                 fails with the latter, and the callback does not run",
        forgive: |_, theirs, ours| {
            let is_thrown = |line: &&String| word(line, 3) == "thrown" && word(line, 4) == "IllegalStateException";
            let thrown: Vec<String> = ours.iter().filter(is_thrown).cloned().collect();
            let is_of_both = |number: &str| {
                let mut refused = thrown.iter().filter(|line| word(line, 1) == "refused" && word(line, 2) == number);
                refused.any(|line| theirs.contains(line))
            };
            let called: BTreeSet<String> =
                numbers(theirs, "called-back").into_iter().filter(|number| is_of_both(number)).collect();
            leave_out(theirs, ours, |line| word(line, 1) == "called-back" && called.contains(word(line, 2)))
        },
    },
    Exception {
        name: "epochs-used-up",
        reason: "TransactionManager.resetIdempotentProducerId leaves batches in flight without a producer id, so they are sent \
                 again without protection against duplicates, one at a time for ever; here they get the new id and its \
                 first sequences. Where that takes another course, what follows is not compared",
        forgive: |Case { script, .. }, theirs, ours| {
            // A producer that has sent with an id asks for another when there is no epoch left, if not before the first batch
            // without one leaves. Several epochs may go at once.
            const FEW: i16 = 10;
            let begins_at_the_end = script.identity.1 > i16::MAX - FEW && !script.has_transactions();
            let is_stamped = |line: &String| line.contains(&format!(" pid {}/", script.identity.0));
            let is_asked = |line: &String| word(line, 1) == "init-producer-id" || line.contains(" pid -1/-1 ");
            let Some(first) = theirs.iter().position(is_stamped).filter(|_| begins_at_the_end) else { return false };
            let Some(since) = theirs[first..].iter().position(is_asked).map(|place| first + place) else {
                return false;
            };
            // Before that every number counts.
            for lines in [&mut *theirs, &mut *ours] {
                lines.iter_mut().skip(since).for_each(|line| *line = without_stamps(line));
            }
            if first_difference(theirs, ours) >= since {
                end_at_first_difference(theirs, ours);
            }
            true
        },
    },
    Exception {
        name: "equals-in-line",
        reason: "questions of a transaction that are equally urgent wait in a java.util.PriorityQueue, where each vain round of \
                 the sender may change which comes first; the player's rounds are more than a real sender's. Behind a look-up \
                 both ask the same in another order, one that is asked again after its back-off. Where one of them gets no answer, \
                 what follows its time-out is not compared",
        forgive: |Case { script, .. }, theirs, ours| {
            if order::is_another_while_one_is_held(script, theirs, ours) {
                return end_at_first_difference(theirs, ours);
            }
            let is_met = order::is_another_alone(script, theirs, ours);
            if is_met {
                ours.clone_from(theirs);
            }
            is_met
        },
    },
    Exception {
        name: "left-waiting",
        reason: "a call that waits behind a fatal error, or for an answer when the Java client is closed by force, or for a \
                 producer id, which Sender.run does not wait for when it closes, is not answered by the close, and its program \
                 waits out max.block.ms; here closing fails it",
        forgive: |Case { script, .. }, theirs, ours| {
            let is_answered = |line: &str| line.ends_with(" KafkaException The producer closed forcefully");
            // A fatal error that is the close itself does not count; one of another kind may come in its millisecond.
            let fatal = theirs.iter().find(|line| line.ends_with(" phase FATAL_ERROR")).map(|line| instant(line));
            let closed = theirs.iter().find(|line| word(line, 1) == "closed").map(|line| instant(line));
            let is_forced = |line: &str| {
                let closes =
                    script.actions.iter().filter(|action| action.words[0] == "close" && action.words.len() > 1);
                closes.count() > 0 && closed == Some(instant(line))
            };
            let last_phase = theirs.iter().rfind(|line| word(line, 1) == "phase");
            let is_without_id = |line: &str| {
                closed == Some(instant(line)) && last_phase.is_some_and(|phase| word(phase, 2) == "INITIALIZING")
            };
            let is_of_another_kind = |line: &String| {
                Some(instant(line)) == fatal && word(line, 1) == "failed" && !line.contains("forcefully")
            };
            let is_before = |line: &str| match fatal {
                Some(fatal) if fatal == instant(line) => theirs.iter().any(is_of_another_kind),
                Some(fatal) => fatal < instant(line),
                None => false,
            };
            let is_behind = |line: &str| is_before(line) || is_forced(line) || is_without_id(line);
            let is_left = |line: &String| is_answered(line) && is_behind(line) && !theirs.contains(line);
            let left: Vec<String> = ours.iter().filter(|line| is_left(line)).cloned().collect();
            script.has_transactions() && leave_out(theirs, ours, |line| left.iter().any(|left| left == line))
        },
    },
    Exception {
        name: "answers-without-an-id",
        reason: "a broker that wants ids refuses a topic for which it told none, with neither id nor name; the Java client's \
                 callback then throws, so this batch and those whose answers stand behind it meet their delivery deadline; \
                 here the answer is the batch's that was sent without an id, and it is tried again",
        forgive: |case, theirs, ours| {
            let is_met = |line: &String| word(line, 1) == "produce" && line.contains("#none-");
            let Some(place) = theirs.iter().position(is_met) else { return false };
            if case.thrown("Can't find batch created for topic id").is_none()
                || theirs.get(..=place) != ours.get(..=place)
            {
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
        forgive: |Case { script, .. }, theirs, ours| {
            let is_meant = script.has_zstd_for_old_brokers();
            let closed = theirs.iter().position(|line| is_meant && word(line, 1) == "closed");
            // A record whose fate is told here alone.
            let untold = &numbers(ours, "failed") - &numbers(theirs, "failed");
            let closed = closed.filter(|_| !untold.is_empty());
            if let Some(place) = closed {
                theirs.truncate(place);
                ours.truncate(place);
            }
            closed.is_some()
        },
    },
    Exception {
        name: "answers-out-of-step",
        reason: "of a Produce answer with a foreign correlation id, or without a batch that was asked about, the Java client \
                 makes nothing, and the batch expires; of one with a batch twice or with a foreign one it believes what \
                 comes first. Here the first cuts the connection, and none of the others is believed: the batch is sent \
                 again with its sequence. What follows is not compared",
        forgive: |Case { script, .. }, theirs, ours| {
            let since = says(script, brokers::is_fault);
            since.is_some_and(|since| end_at_first_difference_since(since, theirs, ours))
        },
    },
    Exception {
        name: "versions-in-a-circle",
        reason: "a broker that refuses ApiVersions and hints at the version it was asked in is hung up on, and dialled again \
                 after the back-off; the Java client asks again on the same connection for as long as it is answered so. \
                 What follows is not compared",
        forgive: |Case { script, .. }, theirs, ours| {
            let asked =
                theirs.iter().find(|line| word(line, 1) == "versions").filter(|_| script.versions_refused.is_some());
            let since = asked.map(|line| instant(line) + script.latency_ms);
            since.is_some_and(|since| end_at_first_difference_since(since, theirs, ours))
        },
    },
    Exception {
        name: "longest-pause",
        reason: "a broker that asks for a pause of more than a minute gets a minute; the Java client is silent for as long as \
                 it was told, up to 24 days. What follows is not compared",
        forgive: |Case { script, .. }, theirs, ours| {
            let millis = |word: &str| word.strip_prefix("throttle=").and_then(|millis| millis.parse::<i32>().ok());
            let since = says(script, |word| millis(word).is_some_and(|millis| millis > 60_000));
            since.is_some_and(|since| end_at_first_difference_since(since + 60_000, theirs, ours))
        },
    },
    Exception {
        name: "leaders-without-end",
        reason: "a batch that was sent to ten new leaders waits for its back-off although yet another is named; the Java \
                 client asks brokers that name each other in ever newer epochs as fast as they answer. What follows is not \
                 compared",
        forgive: |Case { script, .. }, theirs, ours| {
            let epoch = |word: &str| Some(word.split_once(",leader=")?.1.split_once('/')?.1.to_owned());
            let mut epochs = BTreeSet::new();
            let eleventh =
                says(script, |word| epoch(word).is_some_and(|epoch| epochs.insert(epoch)) && epochs.len() > 10);
            eleventh.is_some_and(|since| end_at_first_difference_since(since, theirs, ours))
        },
    },
    Exception {
        name: "poisoned-by-an-id",
        reason: "granted an id that is none, or refused one with TRANSACTION_ABORTABLE, the Java client's producer without \
                 transactions attempts a transition that its own states forbid, and is poisoned with an \
                 IllegalStateException for good; here the first is asked about once more, and what Java refuses is sent, and \
                 the second is as fatal as any other unexpected error, with its name",
        forgive: hostile::poisoned_by_an_id,
    },
    Exception {
        name: "ports-that-are-none",
        reason: "a broker of which metadata tells port 0, or one beyond 65535, is none, and metadata is asked for again; the \
                 Java client dials the first without end, and of the second an IllegalArgumentException in each attempt \
                 leaves it as if it were being connected to. Where it gets no further, what follows is not compared",
        forgive: hostile::ports_that_are_none,
    },
    Exception {
        name: "metadata-is-asked-for-again",
        reason: "DefaultMetadataUpdater.maybeUpdate notes a question as under way after NetworkClient.doSend has failed it for \
                 want of a version, so the Java client never asks for metadata again, of no broker; here it is asked for \
                 after the back-off, and who waits hears the reason rather than of max.block.ms",
        forgive: hostile::metadata_is_asked_for_again,
    },
    Exception {
        name: "estimates-of-the-process",
        reason: "CompressionRatioEstimator keeps how far a topic's batches shrink for all producers of a process, so a second one's \
                 first batches hold what the estimate that another left behind makes room for; here each producer learns its \
                 own, from 1 on, for the core owns nothing that outlives one. The scripts' producers begin with nothing learnt \
                 on both sides but where a script is after-another. Of those the batches, and when their records are \
                 acknowledged, are not compared; each record's place, offset and timestamp are",
        forgive: |Case { script, .. }, theirs, ours| {
            let place = first_difference(theirs, ours);
            let is_batch = |lines: &[String]| lines.get(place).is_some_and(|line| word(line, 1) == "produce");
            let is_met = script.comes_second && script.compresses() && is_batch(theirs) && is_batch(ours);
            if is_met {
                for lines in [theirs, ours] {
                    let after = lines.split_off(place);
                    let mut kept: Vec<String> = after.into_iter().filter(|line| word(line, 1) != "produce").collect();
                    for line in kept.iter_mut().filter(|line| word(line, 1) == "acked") {
                        line.replace_range(..word(line, 0).len(), "later");
                    }
                    kept.sort();
                    lines.extend(kept);
                }
            }
            is_met
        },
    },
    Exception {
        name: "without-patience",
        reason: "with request.timeout.ms=0 DefaultMetadataUpdater.maybeUpdate takes no question for one that is out, so the Java \
                 client asks for metadata again with every look until its connection takes no more, and Selector.poll never \
                 waits; here metadata is asked for once. With 1 or 2, and no retry.backoff.ms, it chooses whom to ask for a \
                 producer id anew before it asks for metadata, and here after that. What follows is not compared",
        forgive: |Case { script, .. }, theirs, ours| {
            let last = |wanted: &str| script.config.iter().rfind(|(key, _)| key == wanted).map(|(_, value)| &**value);
            let is_hasty = match last("request.timeout.ms") {
                Some("0") => true,
                Some("1" | "2") => last("retry.backoff.ms") == Some("0"),
                _ => false,
            };
            let asked = theirs.iter().find(|line| is_hasty && word(line, 1) == "metadata");
            let since = asked.map(|line| instant(line));
            since.is_some_and(|since| end_at_first_difference_since(since, theirs, ours))
        },
    },
];

fn first_difference(theirs: &[String], ours: &[String]) -> usize {
    theirs.iter().zip(ours).take_while(|(theirs, ours)| theirs == ours).count()
}

/// When the script first says such a word.
fn says(script: &Script, mut is_meant: impl FnMut(&str) -> bool) -> Option<u64> {
    script.actions.iter().find(|action| action.words.iter().any(|word| is_meant(word))).map(|action| action.at)
}

/// As [`end_at_first_difference`], if that is not before the cause.
fn end_at_first_difference_since(since: u64, theirs: &mut Vec<String>, ours: &mut Vec<String>) -> bool {
    let place = first_difference(theirs, ours);
    let differs_at = [&theirs, &ours].iter().filter_map(|lines| lines.get(place)).map(|line| instant(line)).min();
    differs_at.is_some_and(|at| at >= since) && end_at_first_difference(theirs, ours)
}

fn instant(line: &str) -> u64 {
    word(line, 0).parse().unwrap_or_default()
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

fn word(line: &str, place: usize) -> &str {
    line.split(' ').nth(place).unwrap_or_default()
}

fn leave_out(theirs: &mut Vec<String>, ours: &mut Vec<String>, is_meant: impl Fn(&str) -> bool) -> bool {
    let before = theirs.len() + ours.len();
    theirs.retain(|line| !is_meant(line));
    ours.retain(|line| !is_meant(line));
    theirs.len() + ours.len() < before
}
