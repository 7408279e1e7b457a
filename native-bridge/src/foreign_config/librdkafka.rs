//! librdkafka's names (`CONFIGURATION.md`), one `key=value` per line as its tools read them.

use producer_core::config::{ConfigNotice, KNOWN_KEYS, ProducerConfig};

use super::{ReadError, Translated};

/// A name of librdkafka's, and the Java client's for the same.
const NAMES: &[(&str, &str)] = &[
    ("metadata.broker.list", "bootstrap.servers"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("queue.buffering.max.kbytes", "buffer.memory"),
    ("message.send.max.retries", "retries"),
    ("message.max.bytes", "max.request.size"),
    ("message.timeout.ms", "delivery.timeout.ms"),
    ("request.required.acks", "acks"),
    ("compression.codec", "compression.type"),
    ("topic.metadata.refresh.interval.ms", "metadata.max.age.ms"),
    ("socket.send.buffer.bytes", "send.buffer.bytes"),
    ("socket.receive.buffer.bytes", "receive.buffer.bytes"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("sasl.oauthbearer.client.id", "sasl.oauthbearer.client.credentials.client.id"),
    ("sasl.oauthbearer.client.secret", "sasl.oauthbearer.client.credentials.client.secret"),
    ("sasl.oauthbearer.assertion.jwt.template.file", "sasl.oauthbearer.assertion.template.file"),
];

/// What librdkafka itself calls deprecated, and what took its place.
const DEPRECATED: &[(&str, Option<&str>)] = &[
    ("topic.metadata.refresh.fast.cnt", None),
    ("socket.blocking.max.ms", None),
    ("reconnect.backoff.jitter.ms", Some("reconnect.backoff.ms")),
    ("api.version.request", None),
    ("api.version.fallback.ms", None),
    ("broker.version.fallback", None),
    ("ssl.engine.location", Some("ssl.providers")),
    ("queuing.strategy", None),
    ("produce.offset.report", None),
];

/// Further names of a producer; the Java client has nothing like them.
const WITHOUT_A_LIKE: &[&str] = &[
    "builtin.features",
    "message.copy.max.bytes",
    "receive.message.max.bytes",
    "topic.metadata.refresh.fast.interval.ms",
    "topic.metadata.refresh.sparse",
    "topic.metadata.propagation.max.ms",
    "topic.blacklist",
    "debug",
    "socket.keepalive.enable",
    "socket.nagle.disable",
    "socket.max.fails",
    "broker.address.ttl",
    "broker.address.family",
    "statistics.interval.ms",
    "log_level",
    "log.queue",
    "log.thread.name",
    "enable.random.seed",
    "log.connection.close",
    "internal.termination.signal",
    "api.version.request.timeout.ms",
    "allow.auto.create.topics",
    "ssl.curves.list",
    "ssl.sigalgs.list",
    "ssl.key.location",
    "ssl.key.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.ca.location",
    "https.ca.location",
    "https.ca.pem",
    "ssl.ca.pem",
    "ssl.ca.certificate.stores",
    "ssl.crl.location",
    "ssl.providers",
    "ssl.engine.id",
    "enable.ssl.certificate.verification",
    "sasl.kerberos.principal",
    "sasl.kerberos.keytab",
    "sasl.username",
    "sasl.password",
    "sasl.oauthbearer.config",
    "enable.sasl.oauthbearer.unsecure.jwt",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.extensions",
    "sasl.oauthbearer.grant.type",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.metadata.authentication.type",
    "plugin.library.paths",
    "client.rack",
    "enable.gapless.guarantee",
    "queue.buffering.max.messages",
    "queue.buffering.backpressure.threshold",
    "batch.num.messages",
    "delivery.report.only.error",
    "sticky.partitioning.linger.ms",
    "socket.timeout.ms",
];

/// Defaults of librdkafka 2.12 that are not the Java client's, under the Java client's name.
const OTHER_DEFAULTS: &[(&str, &str)] = &[
    ("enable.idempotence", "false"),
    ("max.in.flight.requests.per.connection", "1000000"),
    ("batch.size", "1000000"),
    ("buffer.memory", "1073741824"),
    ("delivery.timeout.ms", "300000"),
    ("max.request.size", "1000000"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "10000"),
    ("socket.connection.setup.timeout.ms", "30000"),
];

/// Reads `key=value` lines, `#` beginning a comment.
///
/// Names and values become the Java client's. A key that is absent takes the Java client's default; where librdkafka's is
/// another, a notice says from which to which: above all `enable.idempotence`, which librdkafka leaves off.
///
/// # Errors
/// The first line that is no pair.
pub fn from_librdkafka(text: &str) -> Result<Translated, ReadError> {
    let mut read = Translated::default();
    let mut level = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').ok_or(ReadError::NoPair { line: number })?;
        let (key, value) = (key.trim(), value.trim());
        // A topic's own settings may be marked so.
        let key = key.strip_prefix("topic.").filter(|rest| is_known(rest)).unwrap_or(key);
        match key {
            "compression.level" => level = Some(value),
            "partitioner" => take_partitioner(&mut read, value),
            _ => take(&mut read, key, value),
        }
    }
    if let Some(level) = level {
        take_level(&mut read, level);
    }
    let defaults = ProducerConfig::default();
    for (key, theirs) in OTHER_DEFAULTS {
        if let (None, Some(ours)) = (read.get(key), defaults.value_of(key)) {
            read.changes(key, *theirs, ours, "librdkafka");
        }
    }
    Ok(read)
}

fn java_name(key: &str) -> Option<&'static str> {
    let translated = NAMES.iter().find(|(theirs, _)| *theirs == key).map(|(_, java)| *java);
    translated.or_else(|| KNOWN_KEYS.into_iter().find(|known| *known == key))
}

fn is_known(key: &str) -> bool {
    java_name(key).is_some() || ["compression.level", "partitioner"].contains(&key)
}

fn take(read: &mut Translated, key: &str, value: &str) {
    if let Some((_, instead)) = DEPRECATED.iter().find(|(deprecated, _)| *deprecated == key) {
        let instead = instead.map(Into::into);
        return read.notices.push(ConfigNotice::Deprecated { key: key.into(), instead });
    }
    if WITHOUT_A_LIKE.contains(&key) {
        return read.has_no_effect(key);
    }
    // What neither knows is left to the verdict, which names the nearest.
    let java = java_name(key).unwrap_or(key);
    let translated = java_value(key, java, value);
    if translated != value && !java.starts_with("sasl.") && !java.starts_with("ssl.") {
        read.changes(key, value, translated.as_str(), java);
    }
    read.set(java, translated);
}

/// A value in the Java client's units and words; what cannot be translated is left to its verdict.
fn java_value(key: &str, java: &str, value: &str) -> String {
    let translated = match (key, java, value) {
        ("queue.buffering.max.kbytes", ..) => value.parse::<i64>().ok().map(|kib| kib.saturating_mul(1024).to_string()),
        // For ever.
        (_, "delivery.timeout.ms", "0") => Some(i32::MAX.to_string()),
        ("topic.metadata.refresh.interval.ms", _, "-1") => Some(i64::MAX.to_string()),
        (_, "connections.max.idle.ms", "0") => Some("-1".to_owned()),
        // What the system chooses.
        (_, "send.buffer.bytes" | "receive.buffer.bytes", "0") => Some("-1".to_owned()),
        (_, "ssl.endpoint.identification.algorithm", "none") => Some(String::new()),
        (_, "compression.type", "inherit") => Some("none".to_owned()),
        // It may be a fraction, and shall not be shorter than asked for.
        (_, "linger.ms", _) => whole_millis(value),
        _ => None,
    };
    translated.unwrap_or_else(|| value.to_owned())
}

/// The next whole number of milliseconds.
fn whole_millis(value: &str) -> Option<String> {
    let (whole, fraction) = value.split_once('.')?;
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let is_more = fraction.bytes().any(|digit| digit != b'0');
    Some(whole.saturating_add(is_more.into()).to_string())
}

/// Only one of its partitioners sends keys where the Java client does.
fn take_partitioner(read: &mut Translated, value: &str) {
    if value != "murmur2_random" {
        read.changes("partitioner", value, "murmur2_random", "the Java client");
    }
}

/// One level for whichever codec; `-1` is the codec's own.
fn take_level(read: &mut Translated, level: &str) {
    match read.get("compression.type") {
        Some(codec @ ("gzip" | "lz4" | "zstd")) if level != "-1" => {
            let key = format!("compression.{codec}.level");
            read.set(key, level);
        }
        _ => read.has_no_effect("compression.level"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Translated {
        from_librdkafka(text).expect("readable")
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn names_and_values_become_the_java_clients() {
        let text = "# for kcat\nmetadata.broker.list=a:1,b:2\nqueue.buffering.max.ms = 0.5\nrequest.required.acks=-1\n\
            queue.buffering.max.kbytes=2048\ncompression.level=5\ncompression.codec=zstd\nmessage.timeout.ms=0\n\
            message.send.max.retries=3\nsocket.send.buffer.bytes=0\ntopic.partitioner=murmur2_random\n";
        let expected = [
            ("bootstrap.servers", "a:1,b:2"),
            ("linger.ms", "1"),
            ("acks", "-1"),
            ("buffer.memory", "2097152"),
            ("compression.type", "zstd"),
            ("delivery.timeout.ms", "2147483647"),
            ("retries", "3"),
            ("send.buffer.bytes", "-1"),
            ("compression.zstd.level", "5"),
        ];
        assert_eq!(read(text).properties, pairs(&expected));
        assert!(read(text).verdict().is_ok());
    }

    #[test]
    fn idempotence_that_librdkafka_leaves_off_is_on_and_told() {
        let (config, notices) = read("").verdict().expect("accepted");
        assert!(config.is_idempotent());
        let told = ConfigNotice::SilentlyChanged {
            key: "enable.idempotence".into(),
            from: "false".into(),
            to: "true".into(),
            because_of: "librdkafka".into(),
        };
        assert!(notices.contains(&told), "{notices:?}");
        let (config, notices) = read("enable.idempotence=false").verdict().expect("accepted");
        assert!(!config.is_idempotent() && !notices.contains(&told));
    }

    #[test]
    fn a_conflict_is_refused_in_the_java_clients_words() {
        let error = read("enable.idempotence=true\nrequest.required.acks=1").verdict().expect_err("refused");
        assert_eq!(
            &*error.message,
            "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence."
        );
    }

    #[test]
    fn keys_go_elsewhere_unless_the_partitioner_is_javas_and_that_is_told() {
        let notices = read("partitioner=consistent_random").notices;
        assert!(notices.iter().any(|notice| {
            matches!(notice, ConfigNotice::SilentlyChanged { key, to, .. } if &**key == "partitioner" && &**to == "murmur2_random")
        }));
    }

    #[test]
    fn what_the_java_client_has_nothing_for_is_told_by_name_and_a_password_is_not_repeated() {
        let read = read("sasl.password=swordfish\nsocket.nagle.disable=true\nqueuing.strategy=fifo\nlinger.mss=5");
        let (_, notices) = read.verdict().expect("accepted");
        for expected in [
            ConfigNotice::NoEffect { key: "sasl.password".into() },
            ConfigNotice::NoEffect { key: "socket.nagle.disable".into() },
            ConfigNotice::Deprecated { key: "queuing.strategy".into(), instead: None },
            ConfigNotice::UnknownKey { key: "linger.mss".into(), nearest: Some("linger.ms".into()) },
        ] {
            assert!(notices.contains(&expected), "{expected:?} is missing in {notices:?}");
        }
        assert!(!format!("{notices:?}{:?}", read.properties).contains("swordfish"));
    }

    #[test]
    fn a_line_without_a_pair_is_named_by_its_number_alone() {
        let error = from_librdkafka("acks=1\n\nswordfish\n").expect_err("no pair");
        assert_eq!(error, ReadError::NoPair { line: 3 });
        assert!(!error.to_string().contains("swordfish"));
    }
}
