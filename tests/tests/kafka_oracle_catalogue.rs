//! Rows of the catalogue in the Java client itself: its own accumulator, sender and network client on a clock that the
//! script moves, with the answers that each row's fault leads to. What the row says must come of it there, and the same
//! here.

use std::collections::{BTreeMap, BTreeSet};

use cross_tests::oracle::timelines::{self, Course, JavaClient, Script};

/// Fates of records in the order in which they are told: `acked #0 t-0 offset 1`, `failed #1 t-0 TimeoutException`.
fn fates(told: &[String]) -> Vec<String> {
    let is_fate = |line: &&String| matches!(line.split(' ').nth(1), Some("acked" | "failed"));
    let fate = |line: &String| {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        words.iter().take(if words[0] == "acked" { 5 } else { 4 }).copied().collect::<Vec<_>>().join(" ")
    };
    told.iter().filter(is_fate).map(fate).collect()
}

/// Produce requests: when, to whom, and the sequence numbers in them; −1: none.
fn produced(told: &[String]) -> Vec<(u64, String, Vec<i32>)> {
    let requests = told.iter().filter(|line| line.split(' ').nth(1) == Some("produce"));
    let request = requests.map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let numbers = words.windows(2).filter(|pair| pair[0] == "seq").map(|pair| pair[1].parse().expect("a number"));
        (words[0].parse().expect("an instant"), words[2].to_owned(), numbers.collect())
    });
    request.collect()
}

/// The scripts of the catalogue by their names.
fn scripts() -> BTreeMap<String, Script> {
    let scripts = timelines::scripts().expect("scripts").into_iter();
    scripts.filter(|script| script.name.starts_with("row ")).map(|script| (script.name.clone(), script)).collect()
}

/// What comes of each row, as the catalogue tells it: the records' fates.
const EXPECTED: &[(&str, &[&str])] = &[
    ("row 1: the connection ends before the answer, without idempotence", &["acked #0 t-0 offset 1"]),
    ("row 1: the connection ends before the answer, and the copy is recognised", &["acked #0 t-0 offset 0"]),
    ("row 2: the first of two is refused", &["acked #1 t-0 offset 0", "acked #0 t-0 offset 1"]),
    ("row 3: two on their way when the connection ends", &["acked #1 t-0 offset 0", "acked #0 t-0 offset 1"]),
    (
        "row 4: the first of five is refused, with one acknowledged before",
        &[
            "acked #0 t-0 offset 0",
            "acked #1 t-0 offset 1",
            "acked #2 t-0 offset 2",
            "acked #3 t-0 offset 3",
            "acked #4 t-0 offset 4",
            "acked #5 t-0 offset 5",
        ],
    ),
    (
        "row 8: with acks 0 the broker closes the connection, and that is all",
        &["acked #0 t-0 offset -1", "acked #1 t-0 offset -1"],
    ),
    ("row 12: refused after the append, without idempotence", &["acked #0 t-0 offset 2"]),
    ("row 14: nobody is there", &["acked #0 t-0 offset 0", "failed #1 t-0 TimeoutException"]),
    (
        "row 15: answers that come too late, and the program's second try",
        &["failed #0 t-0 TimeoutException", "acked #1 t-0 offset 1"],
    ),
    ("row 33: a topic that takes 10 000 bytes", &[]),
    (
        "row 34: one of ten is named",
        &[
            "failed #0 t-0 KafkaException",
            "failed #1 t-0 KafkaException",
            "failed #2 t-0 KafkaException",
            "failed #3 t-0 KafkaException",
            "failed #4 t-0 InvalidTimestampException",
            "failed #5 t-0 KafkaException",
            "failed #6 t-0 KafkaException",
            "failed #7 t-0 KafkaException",
            "failed #8 t-0 KafkaException",
            "failed #9 t-0 KafkaException",
        ],
    ),
    ("row 35: a pause of a second", &["acked #0 t-0 offset 0", "acked #1 t-0 offset 1", "acked #2 t-0 offset 2"]),
    ("row 36: the new leader is named", &["acked #0 t-0 offset 0", "acked #1 t-0 offset 1"]),
    ("row 36: nobody is named", &["acked #0 t-0 offset 0", "acked #1 t-0 offset 1"]),
    (
        "row 37: the oldest of five times out",
        &[
            "acked #4 t-0 offset 5",
            "acked #3 t-0 offset 6",
            "acked #2 t-0 offset 7",
            "acked #1 t-0 offset 8",
            "acked #0 t-0 offset 9",
        ],
    ),
    (
        "row 39: another one has the name, and this one sends",
        &["acked #0 t-0 offset 0", "failed #1 t-0 InvalidProducerEpochException"],
    ),
    ("row 39: another one has the name, and this one commits at once", &["acked #0 t-0 offset 0"]),
    (
        "row 43: close without patience",
        &["failed #0 t-0 KafkaException", "failed #1 t-0 KafkaException", "failed #2 t-0 KafkaException"],
    ),
    ("row 43: close with all patience", &["acked #0 t-0 offset 0", "acked #1 t-0 offset 1", "acked #2 t-0 offset 2"]),
    (
        "row 44: a partition that recovers and its neighbour",
        &[
            "acked #0 t-0 offset 0",
            "acked #1 t-1 offset 0",
            "acked #2 t-0 offset 1",
            "acked #4 t-1 offset 1",
            "acked #3 t-0 offset 2",
        ],
    ),
    (
        "row 45: a neighbour's slow batch under a new epoch",
        &[
            "acked #0 t-0 offset 0",
            "acked #1 t-1 offset 0",
            "failed #2 t-0 InvalidRecordException",
            "acked #5 t-1 offset 1",
            "acked #3 t-0 offset 1",
            "acked #6 t-1 offset 2",
            "acked #4 t-0 offset 2",
        ],
    ),
    (
        "row 46: two retries",
        &[
            "acked #0 t-0 offset 0",
            "failed #1 t-0 NotEnoughReplicasException",
            "failed #2 t-0 OutOfOrderSequenceException",
            "acked #3 t-0 offset 1",
        ],
    ),
    ("row 47: one that was fenced sends again", &["acked #0 t-0 offset 0", "failed #1 t-0 ProducerFencedException"]),
    (
        "row 48: the first of five, and none acknowledged before",
        &[
            "acked #1 t-0 offset 0",
            "acked #2 t-0 offset 1",
            "acked #3 t-0 offset 2",
            "acked #4 t-0 offset 3",
            "failed #0 t-0 TimeoutException",
        ],
    ),
];

#[test]
fn every_row_that_the_client_alone_decides_comes_out_so_in_the_java_client_and_here() {
    let mut java = JavaClient::start().expect("started");
    let scripts = scripts();
    let expected: BTreeSet<&str> = EXPECTED.iter().map(|(name, _)| *name).collect();
    assert_eq!(scripts.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    for (name, expected) in EXPECTED {
        let course = Course::of(&mut java, &scripts[*name]).expect("played");
        assert_eq!(course.difference(), None);
        let told = course.java();
        assert_eq!(fates(told), *expected, "{name}");
        let requests = produced(told);
        let numbers: Vec<i32> = requests.iter().flat_map(|(_, _, numbers)| numbers.clone()).collect();
        let last = requests.last().map(|(at, node, _)| (*at, node.as_str()));
        match name.split(':').next() {
            // Four retries in five seconds, and a new epoch's first number for the second try.
            Some("row 15") => {
                assert_eq!((requests.len(), numbers), (6, vec![0; 6]));
                assert!(told.iter().any(|line| line.contains("pid 1000/1 seq 0")));
            }
            // As it was, and then in halves.
            Some("row 33") => {
                let records: Vec<&str> = told.iter().filter_map(|line| line.split("records ").nth(1)).collect();
                let records: Vec<&str> = records.iter().filter_map(|rest| rest.split(' ').next()).collect();
                assert_eq!(records, ["60", "60", "29", "14", "6"]);
            }
            Some("row 35") => assert_eq!((last, requests.len()), (Some((1_010, "n1")), 2)),
            // At once where the leader was named, after the back-off where it was not. The refusal comes at 20 ms.
            Some("row 36") => {
                let expected = if name.ends_with("the new leader is named") { 20 } else { 100 };
                assert_eq!(last, Some((expected, "n2")));
            }
            Some("row 44") => assert_eq!((requests[4].0, &requests[4].2), (560, &vec![1, 1]), "the neighbour waits"),
            Some("row 45") => {
                assert!(requests.iter().all(|request| !(21..500).contains(&request.0)), "all of them wait");
            }
            Some("row 46") => assert!(told.iter().any(|line| line.contains("pid 1000/1 seq 0"))),
            // Sent again and again with its number, never under a new epoch.
            Some("row 48") => {
                assert!(numbers[5..].iter().all(|number| *number == 0) && numbers.len() > 10);
                assert!(!told.iter().any(|line| line.contains("pid 1000/1")));
            }
            // Told twice: by send() and by the sender.
            Some("row 47") => {
                let refused = "refused #1 future ProducerFencedException ";
                assert!(told.iter().any(|line| line.contains(refused)), "{told:?}");
            }
            _ => {}
        }
    }
}
