//! Questions of a transaction that are equally urgent.

use super::super::script::Script;
use super::{first_difference, instant, word};

/// Do two timelines differ only in the order in which they ask what is equally urgent?
///
/// The first line that differs stands right behind the look-up of a coordinator. From there to the last line that differs both
/// ask the same, one question in the place of another at the same instant, or a back-off apart: a question that was asked
/// before waits for it where it comes first. The program's calls are told as their questions are answered; whatever else there
/// is stands where it stood.
pub(super) fn is_another_alone(script: &Script, theirs: &[String], ours: &[String]) -> bool {
    let place = first_difference(theirs, ours);
    let before = &theirs[..place];
    let last = before.last().map(|line| instant(line));
    let is_looked_up = before.iter().any(|line| Some(instant(line)) == last && word(line, 1) == "find-coordinator");
    let rest = [theirs, ours].map(|lines| &lines[place..]);
    let is_same = |(their, our): &(&String, &String)| their == our;
    let alike = rest[0].iter().rev().zip(rest[1].iter().rev()).take_while(is_same).count();
    let [their, our] = rest.map(|lines| lines.get(..lines.len() - alike).unwrap_or_default());
    let (their_questions, our_questions) = (those(their, is_question), those(our, is_question));
    let (their_calls, our_calls) = (those(their, is_call), those(our, is_call));
    let is_else = |line: &str| !is_question(line) && !is_call(line);
    is_looked_up
        && whats(&their_questions) != whats(&our_questions)
        && sorted(whats(&their_questions)) == sorted(whats(&our_questions))
        && is_at_its_time(&their_questions, &our_questions, script.millis("retry.backoff.ms"))
        && whats(&their_calls) == whats(&our_calls)
        && is_answered(their, &their_calls, script.latency_ms)
        && is_answered(our, &our_calls, script.latency_ms)
        && those(their, is_else) == those(our, is_else)
}

/// Does another equally urgent question have its turn behind a look-up, while some that are asked get no answer? One that waits
/// for its answer in vain is followed by another look-up, and so on: the two never come together again.
pub(super) fn is_another_while_one_is_held(script: &Script, theirs: &[String], ours: &[String]) -> bool {
    let place = first_difference(theirs, ours);
    let (Some(their), Some(our)) = (theirs.get(place), ours.get(place)) else { return false };
    let last = theirs[..place].last().map(|line| instant(line));
    let is_looked_up =
        theirs[..place].iter().any(|line| Some(instant(line)) == last && word(line, 1) == "find-coordinator");
    let is_held = script.actions.iter().any(|action| {
        let apis = ["AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit"];
        let [what, api] = &action.words[..] else { return false };
        what == "hold" && apis.contains(&&**api) && action.at <= instant(their)
    });
    let apart = instant(their).abs_diff(instant(our));
    is_looked_up
        && is_held
        && is_question(their)
        && is_question(our)
        && [0, script.millis("retry.backoff.ms")].contains(&apart)
}

/// Whoever asks first for a group looks its coordinator up.
fn is_question(line: &str) -> bool {
    let is_of_a_group = word(line, 1) == "find-coordinator" && word(line, 4) == "0";
    is_of_a_group || ["add-partitions", "add-offsets", "commit-offsets"].contains(&word(line, 1))
}

/// What the program's call of sendOffsetsToTransaction came to.
fn is_call(line: &str) -> bool {
    word(line, 1) == "offsets"
}

/// Instant and words.
fn those(lines: &[String], is_meant: impl Fn(&str) -> bool) -> Vec<(u64, String)> {
    let meant = lines.iter().filter(|line| is_meant(line));
    let words = |line: &String| {
        let words = line.split_once(' ').map_or("", |(_, words)| words);
        let group = words.starts_with("find-coordinator").then(|| words.rsplit_once(' ')).flatten();
        group.map_or(words, |(words, _)| words).to_owned()
    };
    meant.map(|line| (instant(line), words(line))).collect()
}

fn whats(lines: &[(u64, String)]) -> Vec<&str> {
    lines.iter().map(|(_, what)| what.as_str()).collect()
}

fn sorted(mut words: Vec<&str>) -> Vec<&str> {
    words.sort_unstable();
    words
}

fn is_at_its_time(theirs: &[(u64, String)], ours: &[(u64, String)], backoff: u64) -> bool {
    theirs.iter().zip(ours).all(|((their, _), (our, _))| [0, backoff].contains(&their.abs_diff(*our)))
}

/// Is each call told when a commit of offsets is answered?
fn is_answered(lines: &[String], calls: &[(u64, String)], latency: u64) -> bool {
    let answered: Vec<u64> =
        those(lines, |line| word(line, 1) == "commit-offsets").iter().map(|(at, _)| at + latency).collect();
    calls.iter().all(|(at, _)| answered.contains(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(latency_ms: u64) -> Script {
        let mut script = Script { latency_ms, ..Script::new("a script") };
        script.add("config retry.backoff.ms=100").expect("a line of a script");
        script
    }

    /// Of a script that was drawn: a disconnect, and then whichever group comes first.
    const ASKED: [&str; 9] = [
        "697 find-coordinator n1 v6 1 tx",
        "698 add-offsets n1 v4 1000/0 group",
        "799 add-partitions n1 v3 1000/0 [t-1]",
        "800 find-coordinator n1 v6 0 group",
        "901 commit-offsets n1 v4 1000/0 group [t-2@3]",
        "902 add-offsets n1 v4 1000/0 club",
        "903 commit-offsets n1 v4 1000/0 club [t-2@3]",
        "904 offsets ok",
        "904 produce n1 v11 acks -1 t-1 pid 1000/0 seq 0",
    ];

    /// The same with groups in the place of one another.
    fn swapped() -> Vec<String> {
        let other = |line: &str| line.replace("group", "?").replace("club", "group").replace('?', "club");
        ASKED.map(other).to_vec()
    }

    fn is_forgiven(ours: &[String]) -> bool {
        is_another_alone(&script(1), &ASKED.map(str::to_owned), ours)
    }

    #[test]
    fn the_same_questions_in_another_order_behind_a_look_up_are_forgiven() {
        assert!(is_forgiven(&swapped()));
        let (theirs, ours) = (ASKED[1..].iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), &swapped()[1..]);
        assert!(!is_another_alone(&script(1), &theirs, ours), "nobody was looked up");
        assert!(!is_forgiven(&ASKED.map(str::to_owned)), "there is no other order");
    }

    #[test]
    fn a_question_that_was_asked_before_is_asked_a_back_off_later() {
        let looked_up = "668 find-coordinator n1 v6 0 group";
        let theirs = [
            looked_up,
            "671 commit-offsets n1 v5 1000/0 club [t-0@4]",
            "674 offsets ok",
            "774 commit-offsets n1 v5 1000/0 group [t-0@5]",
            "777 offsets ok",
        ];
        let theirs = theirs.map(str::to_owned);
        let ours = |at| {
            [
                looked_up.to_owned(),
                format!("{at} commit-offsets n1 v5 1000/0 group [t-0@5]"),
                "774 commit-offsets n1 v5 1000/0 club [t-0@4]".to_owned(),
                "774 offsets ok".to_owned(),
                "777 offsets ok".to_owned(),
            ]
        };
        assert!(is_another_alone(&script(3), &theirs, &ours(771)));
        assert!(!is_another_alone(&script(3), &theirs, &ours(772)), "a millisecond later still");
    }

    #[test]
    fn while_a_question_is_held_another_may_have_its_turn_behind_a_look_up() {
        let lines = |asked: &str| vec!["485 find-coordinator n1 v6 1 tx".to_owned(), asked.to_owned()];
        let theirs = lines("598 add-offsets n1 v4 1000/0 club");
        let is_forgiven = |script: &Script, our: &str| is_another_while_one_is_held(script, &theirs, &lines(our));
        let mut held = script(3);
        assert!(!is_forgiven(&held, "498 add-partitions n1 v3 1000/0 [t-0]"), "nothing is held");
        held.add("200 hold AddPartitionsToTxn").expect("an action");
        for (our, is_meant) in [
            ("498 add-partitions n1 v3 1000/0 [t-0]", true),
            ("598 add-partitions n1 v3 1000/0 [t-0]", true),
            ("599 add-partitions n1 v3 1000/0 [t-0]", false),
            ("598 produce n1 v11 acks -1 t-1 pid 1000/0 seq 0", false),
            ("598 offsets ok", false),
        ] {
            assert_eq!(is_forgiven(&held, our), is_meant, "{our}");
        }
    }

    #[test]
    fn whatever_else_differs_is_not_forgiven() {
        let with = |place: usize, line: &str| {
            let mut ours = swapped();
            ours[place] = line.to_owned();
            ours
        };
        let without = |place| {
            let mut ours = swapped();
            ours.remove(place);
            ours
        };
        for (what, ours) in [
            ("a question is lost", without(2)),
            ("a batch is lost", without(8)),
            ("a call is not told of", without(7)),
            ("a question is asked twice", with(6, "903 commit-offsets n1 v4 1000/0 club [t-2@3]")),
            ("another partition is added", with(2, "799 add-partitions n1 v3 1000/0 [t-2]")),
            ("a question is late", with(2, "800 add-partitions n1 v3 1000/0 [t-1]")),
            ("a batch is late", with(8, "905 produce n1 v11 acks -1 t-1 pid 1000/0 seq 0")),
            ("a batch has another sequence", with(8, "904 produce n1 v11 acks -1 t-1 pid 1000/0 seq 1")),
            ("a call is late", with(7, "905 offsets ok")),
            ("a call fails", with(7, "904 offsets TimeoutException")),
        ] {
            assert!(!is_forgiven(&ours), "{what}");
        }
    }
}
