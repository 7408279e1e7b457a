//! Where brokers tell what no sound broker does, and the Java client never gets on.

use std::collections::BTreeSet;

use super::super::script::Script;
use super::{Case, end_at_first_difference, first_difference, instant, numbers, word};

/// Is everything that still differs an id that is none, or one that is refused for a transaction that nobody has?
///
/// The Java client throws, and from then on an IllegalStateException is all that it says. Of an id that is none we ask again
/// and send what it refuses; of the refusal we say, at the same instants of the same records, what it is.
pub(super) fn poisoned_by_an_id(case: Case<'_>, theirs: &mut Vec<String>, ours: &mut Vec<String>) -> bool {
    /// `ErrorCode::TRANSACTION_ABORTABLE` within that of any unexpected refusal.
    const FATAL: &str = "thrown KafkaException Unexpected error in InitProducerIdResponse; The server encountered an error \
                         with the transaction.";
    let is_refused = |words: &[String]| words == ["refuse", "InitProducerId", "TRANSACTION_ABORTABLE"];
    let (from, is_asked_again) = if case.script.identity.0 < 0 {
        ("READY", true)
    } else if case.script.actions.iter().any(|action| is_refused(&action.words)) {
        ("ABORTABLE_ERROR", false)
    } else {
        return false;
    };
    let thrown = format!("Invalid transition attempted from state {from} to state INITIALIZING");
    let place = first_difference(theirs, ours);
    let (their, our) = (&theirs[place..], &ours[place..]);
    let is_since = |since| their.iter().chain(our).all(|line| instant(line) >= since);
    let is_poisoned = |line: &String| {
        let is_told = ["failed", "refused"].contains(&word(line, 1)) && line.contains(" IllegalStateException ");
        is_told && (line.contains(&thrown) || line.contains(" because of previous invalid state transition attempt"))
    };
    let is_meant = if is_asked_again {
        let is_question = |line: &&String| word(line, 1) == "init-producer-id";
        our.iter().filter(is_question).count() == 1
            && numbers(our, "acked") == numbers(their, "refused")
            && numbers(our, "failed").is_empty()
            && numbers(our, "refused").is_empty()
    } else {
        let told = |line: &String| (instant(line), word(line, 2).to_owned());
        let refused: BTreeSet<_> = their.iter().filter(|line| word(line, 1) == "refused").map(told).collect();
        our.iter().all(|line| word(line, 1) == "refused" && line.contains(FATAL))
            && our.iter().map(told).collect::<BTreeSet<_>>() == refused
    };
    let is_met = case.thrown(&thrown).is_some_and(is_since) && their.iter().all(is_poisoned) && is_meant;
    is_met && end_at_first_difference(theirs, ours)
}

/// Is everything that still differs a broker of which metadata told a port that is none?
///
/// The Java client dials port 0 without end. If it can ask another broker, the two take the same course but for that, and but
/// for the back-off that is left of the last attempt when the port is put right. Otherwise, or if the port is beyond 65535,
/// it has no course: it asks for metadata as they grow old, if it can. We ask a back-off after the answer, and say nothing to
/// the broker before it has a port.
pub(super) fn ports_that_are_none(case: Case<'_>, theirs: &mut Vec<String>, ours: &mut Vec<String>) -> bool {
    let mut told = case.script.actions.iter().filter(|action| action.words[0] == "port");
    let Some(wrong) = told.next() else { return false };
    let (node, port) = (format!("n{}", wrong.words[1]), wrong.words[2].as_str());
    let right = told.next().map_or(u64::MAX, |action| action.at);
    let is_nowhere = port == "0";
    if !is_nowhere && case.thrown("port out of range:").is_none() {
        return false;
    }
    let is_of_it = |line: &&String| word(line, 2) == node;
    if ours.iter().filter(is_of_it).any(|line| instant(line) < right) {
        return false;
    }
    let dialled = format!(" dialled {node} refuse");
    let course: Vec<String> = theirs.iter().filter(|line| !(is_nowhere && line.ends_with(&dialled))).cloned().collect();
    if is_nowhere && is_same_but_late(case.script, &course, ours, &node) {
        theirs.clone_from(ours);
        return true;
    }
    let place = first_difference(&course, ours);
    let is_question = |line: &&String| word(line, 1) == "metadata";
    let asked = ours[..place].iter().rfind(is_question).map(|line| instant(line));
    let again = asked.map(|at| at + case.script.latency_ms + case.script.millis("retry.backoff.ms"));
    let is_asked_again = ours.get(place).filter(is_question).is_some_and(|line| Some(instant(line)) == again);
    let is_stuck = is_asked_again && course[place..].iter().all(|line| is_question(&line));
    if is_stuck {
        *theirs = course;
        end_at_first_difference(theirs, ours);
    }
    is_stuck
}

/// Are two courses the same, but that `theirs` first speaks to a broker when the back-off of its last attempt is over?
fn is_same_but_late(script: &Script, theirs: &[String], ours: &[String], node: &str) -> bool {
    let contact = ours.iter().find(|line| word(line, 2) == node).map(|line| instant(line));
    let greets = |our: &str| word(our, 2) == node && Some(instant(our)) <= contact.map(|at| at + script.latency_ms);
    let what = |line: &str| line.split_once(' ').map(|(_, what)| what.to_owned());
    let is_alike = |(their, our): (&String, &String)| {
        let most = if greets(our) { script.millis("reconnect.backoff.ms") } else { 0 };
        what(their) == what(our) && instant(their).checked_sub(instant(our)).is_some_and(|late| late <= most)
    };
    theirs.len() == ours.len() && theirs.iter().zip(ours).all(is_alike)
}

/// Is everything that still differs a question for metadata that the Java client takes for one under way, once it has failed
/// for want of a version? Who waits for it is refused there when `max.block.ms` is over, and here before, for the reason that
/// both told the first time.
pub(super) fn metadata_is_asked_for_again(case: Case<'_>, theirs: &mut Vec<String>, ours: &mut Vec<String>) -> bool {
    // None that we speak, or only the one that no client asks in any more.
    let is_foreign = |(api, low, high): &(String, i16, i16)| api == "Metadata" && (*low > 13 || *high == 0);
    let reason = |line: &&String| word(line, 1) == "refused" && word(line, 4) == "UnsupportedVersionException";
    let Some(first) = theirs.iter().find(reason).filter(|_| case.script.versions.iter().any(is_foreign)) else {
        return false;
    };
    let (since, reason) = (instant(first), said(first).to_owned());
    let max_block = case.script.millis("max.block.ms");
    let mut met = Vec::new();
    for their in theirs.iter().filter(|line| word(line, 1) == "refused" && instant(line) > since) {
        let is_timeout = said(their).starts_with("future TimeoutException Topic ")
            && said(their).ends_with(&format!(" not present in metadata after {max_block} ms."));
        let is_before = |our: &&String| {
            let waits = instant(their).checked_sub(instant(our));
            let is_of_it = word(our, 1) == "refused" && word(our, 2) == word(their, 2);
            is_of_it && said(our) == reason && waits.is_some_and(|waits| 0 < waits && waits <= max_block)
        };
        if let Some(our) = ours.iter().find(is_before).filter(|_| is_timeout) {
            met.push((their.clone(), our.clone()));
        }
    }
    theirs.retain(|line| met.iter().all(|(their, _)| their != line));
    ours.retain(|line| met.iter().all(|(_, our)| our != line));
    !met.is_empty()
}

/// What a line says behind the record that it is about.
fn said(line: &str) -> &str {
    line.splitn(4, ' ').nth(3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Forgive = fn(Case<'_>, &mut Vec<String>, &mut Vec<String>) -> bool;

    /// Is nothing left of what differs, in a script of these lines, in which Java threw this?
    fn is_forgiven(forgive: Forgive, script: &[&str], thrown: &[&str], theirs: &[&str], ours: &[&str]) -> bool {
        let mut played = Script::new("a script");
        script.iter().for_each(|line| played.add(line).expect("a line of a script"));
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let (thrown, mut theirs, mut ours) = (lines(thrown), lines(theirs), lines(ours));
        let case = Case { script: &played, refusals: &BTreeMap::new(), thrown: &thrown };
        let is_met = forgive(case, &mut theirs, &mut ours);
        is_met && theirs == ours
    }

    #[test]
    fn of_an_id_that_is_none_what_java_refuses_is_sent_and_acknowledged() {
        let thrown = ["! 10 IllegalStateException Invalid transition attempted from state READY to state INITIALIZING"];
        let theirs = [
            "40 failed #0 t-0 IllegalStateException Invalid transition attempted from state READY to state INITIALIZING",
            "40 refused #0 thrown IllegalStateException Producer cannot execute transactional method because of previous \
             invalid state transition attempt",
        ];
        let asked = "115 init-producer-id n1 v5 -1/-1 id -";
        let judge =
            |id: &str, theirs: &[&str], ours: &[&str]| is_forgiven(poisoned_by_an_id, &[id], &thrown, theirs, ours);
        let none = "identity -1 -1";
        assert!(judge(none, &theirs, &[asked, "300 acked #0 t-0 offset 0"]));
        assert!(!judge("identity 7 0", &theirs, &[asked, "300 acked #0 t-0 offset 0"]), "the id is one");
        assert!(!judge(none, &theirs, &["300 acked #0 t-0 offset 0"]), "it is not asked again");
        assert!(!judge(none, &theirs, &[asked, asked, "300 acked #0 t-0 offset 0"]), "it is asked twice");
        assert!(!judge(none, &theirs, &[asked]), "the record is lost");
        assert!(!judge(none, &theirs, &[asked, "300 failed #0 t-0 TimeoutException"]));
        assert!(!judge(none, &theirs, &["9 hung up n1", asked, "300 acked #0 t-0 offset 0"]), "before it was thrown");
        let more = [&theirs[..], &["50 produce n1"]].concat();
        assert!(!judge(none, &more, &[asked, "300 acked #0 t-0 offset 0"]), "Java gets on");
    }

    #[test]
    fn an_id_refused_for_a_transaction_is_refused_at_once_in_kafkas_words() {
        let thrown =
            "! 10 IllegalStateException Invalid transition attempted from state ABORTABLE_ERROR to state INITIALIZING";
        let theirs = "40 refused #0 thrown IllegalStateException because of previous invalid state transition attempt";
        let judge = |script: &str, ours: &[&str]| is_forgiven(poisoned_by_an_id, &[script], &[thrown], &[theirs], ours);
        let refused = "0 refuse InitProducerId TRANSACTION_ABORTABLE";
        let words = "thrown KafkaException Unexpected error in InitProducerIdResponse; The server encountered an error with \
                     the transaction.";
        assert!(judge(refused, &[&format!("40 refused #0 {words}")]));
        assert!(!judge("0 refuse InitProducerId PRODUCER_FENCED", &[&format!("40 refused #0 {words}")]));
        assert!(!judge(refused, &[&format!("41 refused #0 {words}")]), "late");
        assert!(!judge(refused, &["40 refused #0 thrown ProducerFencedException"]), "in other words");
        assert!(!judge(refused, &[&format!("40 refused #0 {words}"), "50 produce n1"]), "more is sent");
    }

    #[test]
    fn a_broker_without_a_port_is_forgiven_its_dialling_and_a_late_greeting() {
        let script = ["config reconnect.backoff.ms=50", "latency 5", "0 port 2 0", "600 port 2 9094"];
        let dialled = |course: &[&'static str]| [&["10 dialled n2 refuse"], course].concat();
        let theirs =
            dialled(&["110 metadata n1", "660 versions n2 v4", "665 produce n2", "800 acked #0", "900 produce n2"]);
        let judge = |ours: &[&str]| is_forgiven(ports_that_are_none, &script, &[], &theirs, ours);
        assert!(judge(&["110 metadata n1", "640 versions n2 v4", "645 produce n2", "800 acked #0", "900 produce n2"]));
        let asked = "110 metadata n1";
        let (greeted, sent) = ("640 versions n2 v4", "645 produce n2");
        for (what, course) in [
            ("it is dialled", vec!["20 dialled n2 refuse", asked, greeted, sent, "800 acked #0"]),
            ("Java greets too late", vec![asked, "600 versions n2 v4", sent, "800 acked #0"]),
            ("Java greets first", vec![asked, "661 versions n2 v4", "666 produce n2", "800 acked #0"]),
            ("metadata are asked for later", vec!["111 metadata n1", greeted, sent, "800 acked #0"]),
            ("a record fails", vec![asked, greeted, sent, "800 failed #0"]),
            ("nothing is asked", vec![greeted, sent, "800 acked #0"]),
        ] {
            assert!(!judge(&[&course[..], &["900 produce n2"]].concat()), "{what}");
        }
        assert!(
            !judge(&[asked, greeted, sent, "800 acked #0", "890 produce n2"]),
            "what follows comes at another instant"
        );
    }

    #[test]
    fn where_java_is_stuck_metadata_are_asked_for_again() {
        let script = ["latency 5", "config retry.backoff.ms=100", "0 port 1 70000", "600 port 1 9093"];
        let thrown = ["! 10 IllegalArgumentException port out of range:70000"];
        let judge = |thrown: &[&str], theirs: &[&str], ours: &[&str]| {
            let [theirs, ours] = [theirs, ours].map(|course| [&["5 metadata n-1"], course].concat());
            is_forgiven(ports_that_are_none, &script, thrown, &theirs, &ours)
        };
        let again = ["110 metadata n-1", "700 versions n1", "800 acked #0"];
        assert!(judge(&thrown, &[], &again));
        assert!(judge(&thrown, &["510 metadata n1"], &["110 metadata n-1"]));
        assert!(!judge(&[], &[], &again), "Java has thrown nothing");
        assert!(!judge(&thrown, &["20 failed #0"], &again), "Java gets on");
        assert!(!judge(&thrown, &[], &again[1..]), "it is not asked for");
        assert!(!judge(&thrown, &[], &["215 metadata n-1"]), "it is asked for late");
        assert!(!judge(&thrown, &[], &["110 metadata n-1", "200 versions n1"]), "who has no port is spoken to");
    }

    #[test]
    fn who_waits_for_metadata_that_nobody_speaks_hears_the_reason_again() {
        let script = ["config max.block.ms=200", "versions Metadata 40 41"];
        let reason = "future UnsupportedVersionException The node does not support METADATA";
        let first = format!("10 refused #0 {reason}");
        let theirs = [&first, "500 refused #1 future TimeoutException Topic t not present in metadata after 200 ms."];
        let judge = |theirs: &[&str], ours: &str| {
            is_forgiven(metadata_is_asked_for_again, &script, &[], theirs, &[&first, ours])
        };
        assert!(judge(&theirs, &format!("300 refused #1 {reason}")));
        assert!(!judge(&theirs, &format!("299 refused #1 {reason}")), "before Java was asked");
        assert!(!judge(&theirs, &format!("500 refused #1 {reason}")), "no sooner than Java");
        assert!(!judge(&theirs, &format!("300 refused #2 {reason}")), "another record");
        assert!(!judge(&theirs, "300 refused #1 future TimeoutException"), "another reason");
        assert!(
            !judge(&[theirs[0], "500 failed #1 t-0"], &format!("300 refused #1 {reason}")),
            "Java tells another story"
        );
    }
}
