//! What the Java client logs when it makes a producer: `ProducerConfig values:`, and a line for each of its keys.

use producer_core::config::{Kind, Reference, Status, reference};

use super::{ReadError, Translated};

const HEADER: &str = "ProducerConfig values:";

/// Java sorts the keys, and this is the last in every version.
const LAST: &str = "value.serializer";

/// Reads the first such list of a log, whose lines may all have what a logger or a container writes before them.
///
/// The list names every key, so what is its default counts as not given, unless that would change what the producer was: whether
/// a key was given decides more than one rule. The client logs what it made of the values: `acks` as a number, a `client.id` that
/// it counted (which counts as not given too), and `[hidden]` for a password, which becomes a notice. A setting that the list does
/// not have, because the client was older or a line is lost, becomes a notice if it is obeyed here. A text `null` cannot be told
/// from none.
///
/// # Errors
/// When there is no such list, or not all of it.
pub fn from_logged_values(log: &str) -> Result<Translated, ReadError> {
    let mut lines = log.lines();
    let prefix = lines.find_map(|line| line.split_once(HEADER)).map(|(prefix, _)| shape(prefix));
    let prefix = prefix.ok_or(ReadError::NoValues)?;
    let mut logged: Vec<(&str, &str)> = Vec::new();
    while logged.last().is_none_or(|(key, _)| *key != LAST) {
        logged.push(lines.next().and_then(|line| pair(line, &prefix)).ok_or(ReadError::ValuesEndEarly)?);
    }
    let mut read = Translated::default();
    for (key, value) in &logged {
        let kind = option(key).map(|option| option.kind);
        if *value == "[hidden]" && matches!(kind, None | Some(Kind::Password)) {
            read.has_no_effect(key);
            continue;
        }
        let value = kind.map_or_else(|| (*value).to_owned(), |kind| plain(kind, value));
        if !counts_as_not_given(key, &value, &logged) {
            read.set(*key, value);
        }
    }
    for absent in
        reference().filter(|option| option.status == Status::Obeyed && value_of(option.name, &logged).is_none())
    {
        read.changes(absent.name, "not in the list", absent.default.unwrap_or("null"), HEADER.trim_end_matches(':'));
    }
    Ok(read)
}

fn option(key: &str) -> Option<Reference> {
    reference().find(|option| option.name == key)
}

/// What stands before a line, with every number made alike: the instants of two lines may differ.
fn shape(prefix: &str) -> String {
    let mut shape = String::new();
    for c in prefix.trim_end().chars() {
        let c = if c.is_ascii_digit() { '0' } else { c };
        if c != '0' || !shape.ends_with(c) {
            shape.push(c);
        }
    }
    shape
}

/// `key = value`, behind nothing or what stands before the header: the logger writes its part once or on every line.
fn pair<'a>(line: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    line.match_indices(" =").find_map(|(at, equals)| {
        let (before, value) = (&line[..at], &line[at + equals.len()..]);
        let (own, key) = before.split_at(before.rfind(['\t', ' ']).map_or(0, |blank| blank + 1));
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        let is_one = is_key && (value.is_empty() || value.starts_with(' ')) && prefix.starts_with(&shape(own));
        // Java has trimmed the value so.
        is_one.then(|| (key, value.trim_matches(|c| c <= ' ')))
    })
}

fn value_of<'a>(key: &str, logged: &[(&str, &'a str)]) -> Option<&'a str> {
    logged.iter().find(|(other, _)| *other == key).map(|(_, value)| *value)
}

/// As it would stand in a `.properties` file.
fn plain(kind: Kind, value: &str) -> String {
    let elements = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match (kind, elements) {
        (Kind::List { .. }, Some(elements)) => elements.replace(", ", ","),
        (Kind::Class, _) => value.strip_prefix("class ").unwrap_or(value).to_owned(),
        _ => value.to_owned(),
    }
}

fn counts_as_not_given(key: &str, value: &str, logged: &[(&str, &str)]) -> bool {
    let is_the_default = option(key).is_some_and(|option| value == option.default.unwrap_or("null"));
    match key {
        "acks" => ["-1", "all"].contains(&value),
        // One with transactions is called by them.
        "client.id" => is_counted(value) && value_of("transactional.id", logged).is_none_or(|id| id == "null"),
        // A base that was given alone would already have become the maximum.
        "reconnect.backoff.max.ms" => {
            let base = "reconnect.backoff.ms";
            is_the_default && value_of(base, logged) == option(base).and_then(|base| base.default)
        }
        _ => is_the_default,
    }
}

fn is_counted(client_id: &str) -> bool {
    client_id.strip_prefix("producer-").is_some_and(|number| number.parse::<u64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use producer_core::config::{ConfigNotice, ProducerConfig};

    /// All that kafka-clients 4.3.1 with slf4j-simple wrote for `acks=1`, `linger.ms=20`, two addresses and a password, the keys
    /// of `sasl` and most of `ssl` apart.
    const LOG: &str = include_str!("logged.txt");

    fn read(log: &str) -> Translated {
        from_logged_values(log).expect("a list")
    }

    /// The log with other values.
    fn with(changed: &[(&str, &str)]) -> String {
        let line = |line: &str| match changed.iter().find(|(key, _)| line.starts_with(&format!("\t{key} ="))) {
            Some((key, value)) => format!("\t{key} = {value}\n"),
            None => format!("{line}\n"),
        };
        LOG.lines().map(line).collect()
    }

    fn config(log: &str) -> ProducerConfig {
        read(log).verdict().expect("accepted").0
    }

    #[test]
    fn what_differs_from_the_defaults_is_read_and_nothing_after_the_list() {
        let serialiser = "org.apache.kafka.common.serialization.ByteArraySerializer";
        let expected = [
            ("acks", "1"),
            ("bootstrap.servers", "127.0.0.1:9092,127.0.0.1:9093"),
            ("enable.idempotence", "false"),
            ("key.serializer", serialiser),
            ("linger.ms", "20"),
            ("value.serializer", serialiser),
        ];
        let read = read(LOG);
        assert_eq!(read.properties, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(read.notices, [ConfigNotice::NoEffect { key: "ssl.key.password".into() }]);
        assert!(!read.verdict().expect("accepted").0.is_idempotent());
    }

    #[test]
    fn a_longest_pause_that_the_java_client_kept_at_its_default_is_kept() {
        let config = config(&with(&[("reconnect.backoff.ms", "2000"), ("reconnect.backoff.max.ms", "1000")]));
        assert_eq!(config.value_of("reconnect.backoff.max.ms").as_deref(), Some("1000"));
    }

    #[test]
    fn a_longest_pause_that_the_java_client_made_of_the_base_is_kept() {
        let config = config(&with(&[("reconnect.backoff.max.ms", "50")]));
        assert_eq!(config.value_of("reconnect.backoff.max.ms").as_deref(), Some("50"));
    }

    #[test]
    fn a_name_that_was_given_stays_also_when_it_is_empty_or_looks_counted() {
        assert_eq!(config(&with(&[("client.id", "")])).with_client_id(|| "counted".to_owned()).client_id(), "");
        let transactions = [("acks", "-1"), ("enable.idempotence", "true"), ("transactional.id", "orders")];
        let named: Vec<_> = transactions.into_iter().chain([("client.id", "producer-3")]).collect();
        assert_eq!(config(&with(&named)).client_id(), "producer-3");
    }

    #[test]
    fn brackets_and_the_word_class_belong_to_a_text() {
        let read = read(&with(&[("client.id", "class [hidden]"), ("transactional.id", "[a, b]")]));
        assert_eq!((read.get("client.id"), read.get("transactional.id")), (Some("class [hidden]"), Some("[a, b]")));
    }

    #[test]
    fn every_line_may_have_what_stands_before_the_first() {
        let plain = read(LOG);
        let mut at = 6;
        let container: String = LOG
            .lines()
            .map(|line| {
                at += 7;
                format!("2026-01-02T03:04:05.{at}Z {line}\n")
            })
            .collect();
        assert_eq!(read(&container), plain);
        let logger = "2026-01-02 03:04:05,678 INFO  [main] ProducerConfig:376 - ";
        let lines: String =
            LOG.split(" - ").nth(1).expect("a message").lines().map(|line| format!("{logger}{line}\r\n")).collect();
        assert_eq!(read(&lines), plain);
        let fields = "level=INFO [thread = main] ";
        assert_eq!(read(&LOG.lines().map(|line| format!("{fields}{line}\n")).collect::<String>()), plain);
    }

    #[test]
    fn a_list_that_is_cut_is_told() {
        assert_eq!(from_logged_values("ProducerConfig values: \n"), Err(ReadError::ValuesEndEarly));
        let most = LOG.split("\tvalue.serializer").next().expect("most of it");
        assert_eq!(from_logged_values(most), Err(ReadError::ValuesEndEarly));
        let other = most.to_owned() + "[main] INFO org.example.Main - value.serializer = x\n";
        assert_eq!(from_logged_values(&other), Err(ReadError::ValuesEndEarly));
    }

    /// As of a client before 3.7, which could not start again from its first addresses.
    #[test]
    fn a_setting_that_is_not_in_the_list_is_told() {
        let older: String = LOG
            .lines()
            .filter(|line| !line.contains("metadata.recovery.strategy"))
            .map(|line| format!("{line}\n"))
            .collect();
        let told = ConfigNotice::SilentlyChanged {
            key: "metadata.recovery.strategy".into(),
            from: "not in the list".into(),
            to: "rebootstrap".into(),
            because_of: "ProducerConfig values".into(),
        };
        assert_eq!(read(&older).notices.last(), Some(&told));
    }

    #[test]
    fn a_log_without_the_list_is_told() {
        assert_eq!(from_logged_values("acks = 1\n"), Err(ReadError::NoValues));
    }
}
