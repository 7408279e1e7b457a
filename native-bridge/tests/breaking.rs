//! `playground break`: what it prints, what it writes, and the code it ends with.

mod common;

use common::{Ended, Folder, playground};

/// A search in a few worlds.
fn search(config: &str, claim: &str, more: &[&str]) -> Ended {
    let few = ["break", config, "--claim", claim, "--worlds", "100"];
    playground(&[&few[..], more].concat())
}

const NOT_IDEMPOTENT: &str = "bootstrap.servers=kafka.example.com:9092\nacks=1\nenable.idempotence=false\n";

#[test]
fn a_broken_claim_is_a_file_and_a_link_that_show_it_again() {
    let folder = Folder::new("again");
    let (config, out) = (folder.write("producer.properties", NOT_IDEMPOTENT), folder.path("broken.json"));
    let ended = search(&config, "stored-once", &["--faults", "cut=1", "--out", &out]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("stored once: broken in world "), "{}", ended.out);
    assert!(ended.out.contains("\n  1 record sent, 2 stored\n"), "{}", ended.out);
    assert!(ended.out.contains("shrunk to 1 record and 1 fault (cut)"), "{}", ended.out);
    assert!(ended.out.contains("left out of all worlds: bootstrap.servers"), "{}", ended.out);
    assert!(
        ended.out.contains("refused: Must set acks to all in order to use the idempotent producer."),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("survived 100 of 100"), "{}", ended.out);
    assert!(ended.out.contains("not proofs"), "{}", ended.out);
    let written = folder.read("broken.json");
    assert!(!written.contains("kafka.example.com"), "{written}");
    let link = ended.out.lines().find_map(|line| line.trim().strip_prefix("link: ")).expect("a link");
    assert!(link.len() < 2_000);
    let told = "broken       stored once: record 0 is there once more, at orders-0@";
    for again in [&out, link] {
        let ended = playground(&["run", again]);
        assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.err);
        assert!(ended.out.contains(told), "{}", ended.out);
    }
}

#[test]
fn the_same_search_prints_the_same() {
    let folder = Folder::new("same");
    let config = folder.write("producer.properties", NOT_IDEMPOTENT);
    let [first, second] = [(); 2].map(|()| search(&config, "order-per-key", &["--seed", "7", "--quiet"]));
    assert_eq!((first.code, &first.out), (second.code, &second.out));
    assert_eq!(first.err, "");
    assert_eq!(first.code, Some(1), "{}", first.out);
}

#[test]
fn who_wants_no_progress_still_hears_what_became_of_a_setting() {
    let folder = Folder::new("quiet");
    let config = folder.write("producer.properties", "acks=all\nlinger.mss=5\n");
    let ended = search(&config, "stored-once", &["--quiet"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert_eq!(
        ended.err,
        "notice: linger.mss is not a Kafka setting; it is accepted and ignored, as the Java client does. Did you mean \
         linger.ms?\n"
    );
}

#[test]
fn a_claim_that_held_is_a_count_and_no_proof() {
    let folder = Folder::new("held");
    let config = folder.write("producer.properties", "acks=all\nenable.idempotence=true\n");
    let ended = search(&config, "stored-once", &["--faults", "cut=2"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.out.starts_with("stored once: 100 worlds, none broke it: not a proof\n  tried: "), "{}", ended.out);
    assert!(ended.out.contains("faults: cut "), "{}", ended.out);
}

#[test]
fn a_configuration_may_be_written_for_others() {
    let folder = Folder::new("forms");
    let spring = "spring:\n  kafka:\n    producer:\n      acks: 0\n";
    let librdkafka = "queue.buffering.max.ms=5\nrequest.required.acks=0\n";
    for (name, text) in [("application.yml", spring), ("producer.conf", librdkafka)] {
        let config = folder.write(name, text);
        let ended = search(&config, "nothing-lost", &["--faults", "cut=1"]);
        assert_eq!(ended.code, Some(1), "{name}: {}{}", ended.out, ended.err);
        assert!(ended.out.contains("1 record acknowledged, 1 of them lost"), "{name}: {}", ended.out);
    }
    let config = folder.write("app.log", "INFO ProducerConfig values: \n\tacks = 0\n");
    let ended = search(&config, "nothing-lost", &[]);
    assert_eq!(ended.code, Some(2), "the list is cut short: {}", ended.out);
    assert!(ended.err.contains("ends before value.serializer"), "{}", ended.err);
}

#[test]
fn yaml_is_known_by_its_words_and_by_its_name_however_that_is_written() {
    let folder = Folder::new("yaml");
    let words = "spring: # boot\n  kafka:\n    producer:\n      acks: 1\n";
    let flat = "spring.kafka.producer.acks: 1\n";
    for (name, text) in [("settings", words), ("application.YAML", flat)] {
        let config = folder.write(name, text);
        // acks=1 as it was given, and not Java's default, keeps the producer from being idempotent.
        let ended = search(&config, "stored-once", &["--faults", "cut=1", "--quiet"]);
        assert_eq!(ended.code, Some(1), "{name}: {}{}", ended.out, ended.err);
        assert!(!ended.err.contains("is not a Kafka setting"), "{name}: {}", ended.err);
    }
}

#[test]
fn a_properties_file_may_have_a_mark_at_its_head_or_be_of_the_old_encoding() {
    let folder = Folder::new("encodings");
    for (name, bytes) in [
        ("marked", &b"\xef\xbb\xbfenable.idempotence=false\nacks=1\n"[..]),
        ("latin", &b"# na\xefve\nenable.idempotence=false\nacks=1\n"[..]),
    ] {
        let config = folder.write(name, bytes);
        let ended = search(&config, "stored-once", &["--faults", "cut=1", "--quiet"]);
        assert_eq!(ended.code, Some(1), "{name}: {}{}", ended.out, ended.err);
        assert_eq!(ended.err, "", "{name}");
    }
}

#[test]
fn a_line_without_a_key_is_told_with_its_number() {
    let folder = Folder::new("no-key");
    let config = folder.write("producer.properties", "acks=all\n\n=swordfish\n");
    let ended = search(&config, "stored-once", &["--quiet"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.err.starts_with("notice: Line 3 has no key"), "{}", ended.err);
    assert!(!ended.err.contains("swordfish"), "{}", ended.err);
}

#[test]
fn a_file_that_holds_no_settings_in_any_form_is_refused_and_not_searched_with_defaults() {
    let folder = Folder::new("nothing");
    for (name, text, format, words) in [
        ("producer.json", "\n{\n  \"acks\": \"swordfish\"\n}\n", "", "line 2: from here on, nothing is a setting"),
        ("spring.properties", "# ours\nspring.kafka.producer.acks=swordfish\n", "", "line 2: from here on"),
        ("application.yml", "spring:\n  kafka: [swordfish\n", "", "read as Spring's YAML: line "),
        ("server.yaml", "server.port: 8080\n", "", "read as Spring's YAML: nothing lies under spring.kafka"),
        ("app.log", "started\nProducerConfig values: \n\tacks = -1\nswordfish\n", "", "line 2: the list"),
        ("escape.properties", "acks=1\nssl.key.password=swordfish\\u12\n", "", "line 2"),
        ("rdkafka.conf", "log_level=7\nswordfish\n", "", "read as librdkafka's names: line 2: key=value is missing"),
        (
            "settings",
            "acks=swordfish\n",
            "--format=log",
            "read as a log with \"ProducerConfig values:\": there is no line \"ProducerConfig values:\"",
        ),
        ("values", "acks: swordfish\n", "--format=spring", "nothing lies under spring.kafka"),
    ] {
        let config = folder.write(name, text);
        let format: &[&str] = if format.is_empty() { &[] } else { &[format] };
        let ended = search(&config, "stored-once", format);
        assert_eq!(ended.code, Some(2), "{name}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains(&config) && ended.err.contains(words), "{name}: {}", ended.err);
        assert!(!ended.err.contains("swordfish"), "{name}: {}", ended.err);
        assert_eq!(ended.out, "", "{name}");
    }
}

#[test]
fn what_is_wrong_is_named_and_ends_with_code_2() {
    let folder = Folder::new("wrong");
    let config = folder.write("producer.properties", "acks=1\nenable.idempotence=true\n");
    let good = folder.write("good.properties", "acks=1\n");
    for (arguments, words) in [
        (vec![&*good, "--claim", "stored-onec"], "did you mean stored-once?"),
        (vec![&*good, "--claim", "stored-once", "--faults", "cuts=1"], "did you mean cut?"),
        (vec![&*good, "--claim", "stored-once", "--faults", "cut=x"], "is no number from 0 to 9"),
        (vec![&*good], "--claim"),
        (vec![&*config, "--claim", "stored-once"], "Must set acks to all in order to use the idempotent producer."),
        (vec!["/nowhere.properties", "--claim", "stored-once"], "cannot read /nowhere.properties"),
    ] {
        let ended = playground(&[&["break"], &arguments[..]].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains(words), "{arguments:?}: {}", ended.err);
        assert_eq!(ended.out, "");
    }
}

#[test]
fn help_names_claims_faults_and_exit_codes() {
    let ended = playground(&["break", "--help"]);
    assert_eq!(ended.code, Some(0));
    for word in ["nothing-lost", "failed-means-not-stored", "no-send-blocked[=MS]", "shrink-isr", "Exit codes", "20000"]
    {
        assert!(ended.out.contains(word), "{word}: {}", ended.out);
    }
}
