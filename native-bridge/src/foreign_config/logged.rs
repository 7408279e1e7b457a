//! What the Java client logs when it makes a producer: `ProducerConfig values:`, and a line for each of its keys.

use producer_core::config::{Reference, reference};

use super::{ReadError, Translated};

/// Reads the first such list of a log.
///
/// The list names every key, so what is its default counts as not given: whether a key was given decides more than one
/// rule. The client logs what it made of the values: `acks` as a number, a `client.id` that it counted, and `[hidden]` for
/// a password, which becomes a notice.
///
/// # Errors
/// When there is no such list.
pub fn from_logged_values(log: &str) -> Result<Translated, ReadError> {
    let mut lines = log.lines().skip_while(|line| !line.contains("ProducerConfig values:"));
    lines.next().ok_or(ReadError::NoValues)?;
    let mut read = Translated::default();
    for (key, value) in lines.map_while(pair) {
        let value = plain(value);
        if value == "[hidden]" {
            read.has_no_effect(key);
        } else if !is_the_default(key, &value) {
            read.set(key, value);
        }
    }
    Ok(read)
}

/// `key = value`; anything else ends the list.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim().split_once(" =")?;
    (!key.contains(char::is_whitespace)).then(|| (key, value.trim()))
}

/// As it would stand in a `.properties` file.
fn plain(value: &str) -> String {
    if value == "[hidden]" {
        return value.to_owned();
    }
    let list = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match list {
        Some(elements) => elements.replace(", ", ","),
        None => value.strip_prefix("class ").unwrap_or(value).to_owned(),
    }
}

fn is_the_default(key: &str, value: &str) -> bool {
    let is_counted = |id: &str| id.strip_prefix("producer-").is_some_and(|n| n.parse::<u64>().is_ok());
    match key {
        "acks" => value == "-1",
        "client.id" => is_counted(value),
        _ => reference().find(|option| option.name == key).is_some_and(|option| matches_default(&option, value)),
    }
}

fn matches_default(option: &Reference, value: &str) -> bool {
    match option.default {
        Some(default) => value == default,
        None => value == "null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some lines as kafka-clients 4.3.1 with slf4j-simple wrote them for `acks=1`, `linger.ms=20` and a password.
    const LOG: &str = "[main] INFO org.apache.kafka.common.config.AbstractConfig - ProducerConfig values: \n\
        \tacks = 1\n\tbatch.size = 16384\n\tbootstrap.servers = [127.0.0.1:9092, 127.0.0.1:9093]\n\
        \tclient.id = producer-1\n\tenable.idempotence = false\n\tinterceptor.classes = []\n\
        \tkey.serializer = class org.apache.kafka.common.serialization.ByteArraySerializer\n\tlinger.ms = 20\n\
        \tpartitioner.class = null\n\tssl.key.password = [hidden]\n\ttransactional.id = null\n\
        \n[main] INFO org.apache.kafka.common.utils.AppInfoParser - Kafka version: 4.3.1\nretries = 7\n";

    #[test]
    fn what_differs_from_the_defaults_is_read_and_nothing_after_the_list() {
        let read = from_logged_values(LOG).expect("a list");
        let expected = [
            ("acks", "1"),
            ("bootstrap.servers", "127.0.0.1:9092,127.0.0.1:9093"),
            ("enable.idempotence", "false"),
            ("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
            ("linger.ms", "20"),
        ];
        assert_eq!(read.properties, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let (config, notices) = read.verdict().expect("accepted");
        assert!(!config.is_idempotent());
        assert!(notices.contains(&producer_core::config::ConfigNotice::NoEffect { key: "ssl.key.password".into() }));
    }

    #[test]
    fn a_log_without_the_list_is_told() {
        assert_eq!(from_logged_values("acks = 1\n"), Err(ReadError::NoValues));
    }
}
