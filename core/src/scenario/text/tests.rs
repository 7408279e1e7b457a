use super::*;
use crate::bridge::Habit;
use crate::scenario::arbitrary;
use crate::scenario::check::{Change, Step};
use crate::scenario::{Act, Action, Arrival, Fate, Keys, Load, Properties, Scenario, Seed};

/// The first fault, and where it stands: line, column, field.
fn fault(text: &str) -> (usize, usize, String, TextFault) {
    let error = read(text).expect_err(text);
    (error.line, error.column, error.path.to_string(), error.fault)
}

fn in_line(text: &str) -> (usize, String, TextFault) {
    let (line, column, path, fault) = fault(text);
    assert_eq!(line, 1, "{text}");
    (column, path, fault)
}

#[test]
fn what_has_its_default_is_not_written() {
    assert_eq!(write(&Scenario::default()), "{\n  \"scenario\": 1\n}\n");
    assert_eq!(read("{\"scenario\":1}"), Ok((Scenario::default(), Vec::new())));
}

#[test]
fn a_scenario_is_written_as_a_person_would() {
    let text = r#"{
  "scenario": 1,
  "seed": "18446744073709551615",
  "warm": false,
  "topics": [{"partitions": 1, "settings": {"min.insync.replicas": "2"}}],
  "producers": [
    {
      "properties": {"acks": "1", "linger.ms": "0"},
      "callers": [
        {
          "habit": "callback",
          "loads": [
            {
              "count": 3,
              "arrival": {"steady": {"per_second": 50}},
              "keys": {"list": {"keys": ["a", null, ""]}}
            }
          ],
          "then": "exit"
        }
      ]
    }
  ],
  "rules": [{"on": {"api": "Produce"}, "nth": 2, "fate": {"error": {"error": "REQUEST_TIMED_OUT"}}}],
  "actions": [{"at_us": 1000000, "act": {"kill_broker": {"node": 2}}}, {"act": "nothing"}]
}
"#;
    let (scenario, notices) = read(text).expect("it is right");
    assert_eq!(notices, []);
    assert_eq!(scenario.seed, Seed(u64::MAX), "all 64 bits");
    let caller = &scenario.producers[0].callers[0];
    assert_eq!(caller.habit, Habit::Callback);
    assert_eq!(caller.loads[0].arrival, Arrival::Steady { per_second: 50 });
    assert_eq!(caller.loads[0].keys, Keys::List { keys: vec![Some("a".into()), None, Some("".into())] });
    assert!(matches!(&scenario.rules[0].fate, Fate::Error { error, .. } if error.name() == Some("REQUEST_TIMED_OUT")));
    let kill = Act::KillBroker { node: 2, down_us: None };
    assert_eq!(scenario.actions[0], Action { at_us: 1_000_000, act: kill, ..Action::default() });
    assert_eq!(write(&scenario), text);
}

#[test]
fn settings_may_be_written_as_numbers() {
    let text = r#"{"scenario": 1, "producers": [{"properties": {"linger.ms": 50, "enable.idempotence": false}}]}"#;
    let (scenario, _) = read(text).expect("it is right");
    let written = scenario.producers[0].properties.iter().collect::<Vec<_>>();
    assert_eq!(written, [("linger.ms", "50"), ("enable.idempotence", "false")]);
}

#[test]
fn faults_name_line_column_field_and_the_nearest_word() {
    let text = "{\n  \"scenario\": 1,\n  \"producers\": [\n    {\"서울\": 1, \"propertees\": {}}\n  ]\n}";
    let name = "서울".to_owned();
    assert_eq!(fault(text), (4, 6, "producers[0]".into(), TextFault::UnknownField { name, nearest: None }));
    let nearest = |name: &str, nearest| TextFault::UnknownField { name: name.into(), nearest: Some(nearest) };
    let text = "{\"scenario\": 1, \"sed\": \"7\"}";
    assert_eq!(in_line(text), (17, String::new(), nearest("sed", "seed")));
    let text = "{\"scenario\": 1,\n\n \"rules\": [{\"fate\": {\"delay\": {\"by_ms\": 5}}}]}";
    assert_eq!(fault(text), (3, 32, "rules[0].fate.delay".into(), nearest("by_ms", "by_us")));
    let text = "{\"scenario\": 1, \"actions\": [{\"act\": \"kill_brokr\"}]}";
    let word = TextFault::UnknownWord { word: "kill_brokr".into(), nearest: Some("kill_broker") };
    assert_eq!(in_line(text), (37, "actions[0].act".into(), word));
    assert_eq!(
        read(text).expect_err("no such act").to_string(),
        "line 1, column 37: actions[0].act: \"kill_brokr\" cannot stand here; did you mean kill_broker?"
    );
    let text = r#"{"scenario": 1, "rules": [{"fate": {"error": {"error": "NOT_ENOUGH_REPLICA"}}}]}"#;
    let word = TextFault::UnknownWord { word: "NOT_ENOUGH_REPLICA".into(), nearest: Some("NOT_ENOUGH_REPLICAS") };
    assert_eq!(in_line(text), (56, "rules[0].fate.error.error".into(), word));
}

#[test]
fn what_is_no_json_is_told_in_the_parsers_words() {
    let (line, column, path, fault) = fault("{\"scenario\": 1,\n \"name\": \"서울\" x}");
    assert_eq!((line, column, path.as_str()), (2, 15, ""));
    assert_eq!(fault, TextFault::Syntax("expected `,` or `}`".into()));
    for text in
        ["", "{", "{\"scenario\": 1} x", "{\"scenario\": NaN}", "{\"scenario\": 1, \"name\": \"\u{1}\"}", "{a: 1}"]
    {
        assert!(matches!(self::fault(text).3, TextFault::Syntax(_)), "{text}");
    }
}

#[test]
fn versions_stand_in_front() {
    assert_eq!(in_line("{}"), (1, String::new(), TextFault::NoVersion));
    assert_eq!(in_line("{\"scenario\": \"one\"}").2, TextFault::NoVersion);
    assert_eq!(in_line("{\"scenario\": 2, \"new\": 1}"), (14, String::new(), TextFault::Newer { version: "2".into() }));
    assert_eq!(in_line("[]").2, TextFault::Type { expected: "an object", found: "a list" });
}

#[test]
fn values_of_another_type_are_refused_by_name() {
    for (value, expected, found) in [
        ("\"warm\": 1", "true or false", "a number"),
        ("\"slower\": \"2\"", "a whole number", "text"),
        ("\"slower\": 1.5", "a whole number", "a number"),
        ("\"slower\": 1e400", "a whole number", "a number"),
        ("\"slower\": null", "a whole number", "null"),
        ("\"name\": []", "text", "a list"),
        ("\"topics\": {}", "a list", "an object"),
        ("\"cluster\": 3", "an object", "a number"),
    ] {
        let (column, path, fault) = in_line(&format!("{{\"scenario\": 1, {value}}}"));
        let name = value.split('"').nth(1).expect("its name");
        assert_eq!((column, path.as_str()), (21 + name.len(), name), "{value}");
        assert_eq!(fault, TextFault::Type { expected, found }, "{value}");
    }
}

#[test]
fn what_is_out_of_bounds_is_refused_with_its_place() {
    let refused = |text: &str| {
        let error = read(text).expect_err(text);
        (error.line, error.path.to_string(), error.fault.to_string())
    };
    let text = "{\"scenario\": 1,\n\"producers\": [{\"callers\": [{\"loads\": [{},\n{\"count\": 1000000000}]}]}]}";
    let path = "producers[0].callers[0].loads[1].count";
    assert_eq!(refused(text), (3, path.into(), "1000000000 is not between 1 and 1000000".into()));
    // Beyond 32 bits as well.
    let text = text.replace("1000000000", "9000000000");
    assert_eq!(refused(&text), (3, path.into(), "9000000000 is not between 1 and 1000000".into()));
}

#[test]
fn settings_of_topics_and_brokers_are_known_or_refused_and_those_of_producers_told() {
    let (column, path, fault) = in_line(r#"{"scenario": 1, "topics": [{"settings": {"min.insync.replica": "2"}}]}"#);
    assert_eq!((column, path.as_str()), (41, "topics[0].settings"));
    let told = "there is no setting min.insync.replica; did you mean min.insync.replicas?";
    assert_eq!(fault.to_string(), told);
    let (scenario, notices) =
        read(r#"{"scenario": 1, "producers": [{"properties": {"linger.msec": "5"}}]}"#).expect("Java only logs it");
    let what = Change::UnknownKey { key: "linger.msec".into(), nearest: Some("linger.ms") };
    assert_eq!(notices.iter().map(|notice| &notice.what).collect::<Vec<_>>(), [&what]);
    assert_eq!(scenario.producers[0].properties.get("linger.msec"), Some("5"));
}

#[test]
fn nesting_without_end_is_no_trouble() {
    let deep = format!("{{\"scenario\": 1, \"name\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(in_line(&deep).2, TextFault::Type { expected: "text", found: "a list" });
    let cut = format!("{{\"scenario\": 1, \"name\": {}", "[".repeat(100_000));
    assert!(matches!(in_line(&cut).2, TextFault::Syntax(_)));
}

#[test]
fn a_text_beyond_the_limit_is_not_looked_at() {
    let text = " ".repeat(MAX_TEXT_BYTES + 1);
    assert_eq!(in_line(&text).2, TextFault::TooLarge { bytes: MAX_TEXT_BYTES + 1 });
}

#[test]
fn a_refusal_of_something_that_has_its_default_stands_at_what_surrounds_it() {
    let text = "{\"scenario\": 1, \"actions\": [\n{\"act\": \"send\"}]}";
    let (line, _, path, fault) = fault(text);
    assert_eq!((line, path.as_str()), (2, "actions[0].act.send.producer"), "there is no producer 0");
    assert_eq!(fault.to_string(), "there is no 0, nor any other");
}

proptest::proptest! {
    #[test]
    fn text_to_data_to_text_is_stable(number: u64) {
        let scenario = arbitrary::scenario(number);
        let text = write(&scenario);
        let (again, notices) = read(&text).map_err(|error| error.to_string()).expect(&text);
        assert_eq!(again, scenario);
        assert_eq!(notices, []);
        assert_eq!(write(&again), text);
        let lesson = arbitrary::lesson(number);
        assert_eq!(read_lesson(&write_lesson(&lesson)), Ok((lesson, Vec::new())));
    }

    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = read(&text);
        let _ = read(&format!("{{\"scenario\": 1, \"producers\": [{{\"callers\": {text}}}]}}"));
    }
}

#[test]
fn values_that_are_wrong_anywhere_never_make_it_panic() {
    // Every piece of a right text, replaced by something else.
    let text = write(&arbitrary::scenario(5));
    for (start, _) in text.match_indices(['"', ':', '{', '[']) {
        for instead in ["", "null", "[]", "{}", "\"x\"", "-1", "1e9", "true", "\\"] {
            let _ = read(&format!("{}{instead}{}", &text[..start], &text[start + 1..]));
        }
    }
}

#[test]
fn loads_that_contradict_themselves_are_refused() {
    let load =
        Load { value: crate::scenario::Value::Letters { at_least_bytes: 10, at_most_bytes: 9 }, ..Load::default() };
    let mut scenario = arbitrary::scenario(1);
    scenario.actions = vec![Action { act: Act::Send { producer: 0, load }, ..Action::default() }];
    let error = read(&write(&scenario)).expect_err("at most is less than at least");
    assert_eq!(error.path.to_string(), "actions[0].act.send.load.value.letters.at_most_bytes");
    assert_eq!(error.path.0.last(), Some(&Step::Field("at_most_bytes")));
    assert_eq!(Properties::default().get("x"), None);
}
