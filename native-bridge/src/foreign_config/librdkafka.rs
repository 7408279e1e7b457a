//! librdkafka's names (`CONFIGURATION.md`), one `key=value` per line as its tools read them.

use producer_core::config::{ConfigNotice, KNOWN_KEYS, Kind, ProducerConfig, reference};

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

/// Further names of a producer; the Java client has nothing like them. `metadata.max.age.ms` is a mere namesake: in librdkafka it says
/// when metadata that were not asked for again are forgotten. How often they are asked for, which is what it says in Java, is
/// `topic.metadata.refresh.interval.ms` there.
const WITHOUT_A_LIKE: &[&str] = &[
    "metadata.max.age.ms",
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

/// Those of them that the Java client's consumer has as well (`ConsumerConfig`): a file that serves both may name them.
const ALSO_JAVAS_CONSUMERS: &[&str] = &["allow.auto.create.topics", "client.rack"];

/// Where librdkafka sends a record that names no partition, and the Java client does.
const ITS_PARTITIONER: &str = "consistent_random";
const JAVAS_PARTITIONER: &str = "murmur2_random";

/// Defaults of librdkafka 2.12 that are not the Java client's, under the Java client's name. What has no effect here is not among
/// them: buffers of sockets, and how to log in.
const OTHER_DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "rdkafka"),
    ("connections.max.idle.ms", "0"),
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
/// another, a notice says from which to which: above all `enable.idempotence`, which librdkafka leaves off, and the
/// partitioner, which sends keys elsewhere.
///
/// # Errors
/// The first line that is no pair.
pub fn from_librdkafka(text: &str) -> Result<Translated, ReadError> {
    let mut read = Translated::default();
    let mut level = None;
    let mut partitioner = ITS_PARTITIONER;
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
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
            "partitioner" => partitioner = value,
            _ => take(&mut read, key, value),
        }
    }
    if let Some(level) = level {
        take_level(&mut read, level);
    }
    if partitioner != JAVAS_PARTITIONER {
        read.changes("partitioner", partitioner, JAVAS_PARTITIONER, "the Java client");
    }
    let defaults = ProducerConfig::default();
    for (key, _) in OTHER_DEFAULTS {
        let ours = if *key == "client.id" { Some(defaults.client_id().to_owned()) } else { defaults.value_of(key) };
        if let (None, Some(theirs), Some(ours)) = (read.get(key), its_default(&read, key), ours)
            && theirs != ours
        {
            read.changes(key, theirs, ours, "librdkafka");
        }
    }
    Ok(read)
}

/// Does a text use a name that librdkafka has and the Java client has not? Then it was hardly written for the latter.
pub fn is_librdkafkas(text: &str) -> bool {
    let keys = text.lines().filter_map(|line| line.split_once('=')).map(|(key, _)| key.trim());
    keys.filter(|key| !KNOWN_KEYS.contains(key) && !ALSO_JAVAS_CONSUMERS.contains(key)).any(|key| {
        let is_deprecated = DEPRECATED.iter().any(|(deprecated, _)| *deprecated == key);
        is_known(key) || is_deprecated || WITHOUT_A_LIKE.contains(&key)
    })
}

/// What librdkafka makes of a key that is absent: with idempotence on, and transactions switch it on, it settles more
/// (`rd_kafka_conf_finalize`).
fn its_default(read: &Translated, key: &str) -> Option<String> {
    let has_transactions = read.get("transactional.id").is_some();
    let is_idempotent = has_transactions || read.get("enable.idempotence") == Some("true");
    match key {
        "enable.idempotence" if has_transactions => Some("true".to_owned()),
        "max.in.flight.requests.per.connection" if is_idempotent => Some("5".to_owned()),
        "delivery.timeout.ms" if has_transactions => {
            Some(read.get("transaction.timeout.ms").unwrap_or("60000").to_owned())
        }
        _ => OTHER_DEFAULTS.iter().find(|(other, _)| *other == key).map(|(_, theirs)| (*theirs).to_owned()),
    }
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
    let value = as_librdkafka_understands(java, value).unwrap_or_else(|| value.to_owned());
    let translated = match (key, java, value.as_str()) {
        ("queue.buffering.max.kbytes", _, kib) => {
            kib.parse::<i64>().ok().map(|kib| kib.saturating_mul(1024).to_string())
        }
        // For ever.
        (_, "delivery.timeout.ms", "0") => Some(i32::MAX.to_string()),
        ("topic.metadata.refresh.interval.ms", _, "-1") => Some(i64::MAX.to_string()),
        (_, "connections.max.idle.ms", "0") => Some("-1".to_owned()),
        // What the system chooses.
        (_, "send.buffer.bytes" | "receive.buffer.bytes", "0") => Some("-1".to_owned()),
        (_, "ssl.endpoint.identification.algorithm", none) if none.eq_ignore_ascii_case("none") => Some(String::new()),
        (_, "compression.type", inherit) if inherit.eq_ignore_ascii_case("inherit") => Some("none".to_owned()),
        _ => None,
    };
    translated.unwrap_or(value)
}

/// A truth, a word of a few or a number as `rd_kafka_anyconf_set_prop` takes it: truths have short forms, words any case, and
/// numbers end where they no longer are one.
fn as_librdkafka_understands(java: &str, value: &str) -> Option<String> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(value));
    match reference().find(|option| option.name == java)?.kind {
        Kind::Boolean if is(&["true", "t", "1"]) => Some("true".to_owned()),
        Kind::Boolean if is(&["false", "f", "0"]) => Some("false".to_owned()),
        Kind::OneOf(allowed) if allowed.iter().any(|word| word.eq_ignore_ascii_case(value)) => {
            Some(value.to_ascii_lowercase())
        }
        // An INT there, whatever it is in Java.
        Kind::OneOf(_) if java == "acks" => whole_number(value),
        Kind::Long { .. } if java == "linger.ms" => whole_millis(value),
        Kind::Int { .. } | Kind::IntBetween { .. } | Kind::Long { .. } => whole_number(value),
        _ => None,
    }
}

/// As `strtol` in base 0: `0x` and `0` begin other bases.
fn whole_number(value: &str) -> Option<String> {
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    let (radix, digits) = match unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None if unsigned.starts_with('0') => (8, unsigned),
        None => (10, unsigned),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let magnitude = i64::from_str_radix(&digits[..end], radix).ok()?;
    Some(if value.starts_with('-') { -magnitude } else { magnitude }.to_string())
}

/// The next whole number of milliseconds: as `strtod` it may be a fraction, and shall not be shorter than asked for.
fn whole_millis(value: &str) -> Option<String> {
    let end = value.find(|c: char| !c.is_ascii_digit() && !".eE+-".contains(c)).unwrap_or(value.len());
    let millis = (1..=end).rev().find_map(|end| value[..end].parse::<f64>().ok())?;
    // Beyond these it is refused, there as here.
    (0.0..=900_000.0).contains(&millis).then(|| format!("{:.0}", millis.ceil()))
}

/// One level for whichever codec; `-1` is the codec's own.
fn take_level(read: &mut Translated, level: &str) {
    match read.get("compression.type") {
        // The codec's own; of lz4 0 is that too.
        Some("lz4") if level == "0" => read.has_no_effect("compression.level"),
        _ if level == "-1" => read.has_no_effect("compression.level"),
        Some("gzip") if ["10", "11", "12"].contains(&level) => {
            read.changes("compression.level", level, "9", "compression.type");
            read.set("compression.gzip.level", "9");
        }
        Some(codec @ ("gzip" | "lz4" | "zstd")) => {
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

    /// From where to where each setting is changed that is told.
    fn changes(text: &str) -> Vec<(String, String, String)> {
        let change = |notice| match notice {
            ConfigNotice::SilentlyChanged { key, from, to, .. } => {
                Some((key.to_string(), from.to_string(), to.to_string()))
            }
            _ => None,
        };
        read(text).notices.into_iter().filter_map(change).collect()
    }

    #[test]
    fn keys_go_elsewhere_unless_the_partitioner_is_javas_and_that_is_told() {
        for (text, theirs) in [("", "consistent_random"), ("partitioner=fnv1a", "fnv1a")] {
            let told = ("partitioner".to_owned(), theirs.to_owned(), "murmur2_random".to_owned());
            assert!(changes(text).contains(&told), "{text}");
        }
        assert!(!changes("partitioner=murmur2_random").iter().any(|(key, ..)| key == "partitioner"));
    }

    /// The left of librdkafka 2.12.1's `CONFIGURATION.md` against the right of the Java client 4.3.1's definitions, for every
    /// setting that a producer of both has.
    #[test]
    fn every_default_that_differs_is_told() {
        let expected = [
            ("partitioner", "consistent_random", "murmur2_random"),
            ("client.id", "rdkafka", "producer-1"),
            ("connections.max.idle.ms", "0", "540000"),
            ("enable.idempotence", "false", "true"),
            ("max.in.flight.requests.per.connection", "1000000", "5"),
            ("batch.size", "1000000", "16384"),
            ("buffer.memory", "1073741824", "33554432"),
            ("delivery.timeout.ms", "300000", "120000"),
            ("max.request.size", "1000000", "1048576"),
            ("reconnect.backoff.ms", "100", "50"),
            ("reconnect.backoff.max.ms", "10000", "1000"),
            ("socket.connection.setup.timeout.ms", "30000", "10000"),
        ];
        assert_eq!(changes(""), expected.map(|(key, from, to)| (key.to_owned(), from.to_owned(), to.to_owned())));
    }

    /// `rd_kafka_conf_finalize` and `rd_kafka_topic_conf_finalize` of 2.12.1.
    #[test]
    fn with_transactions_librdkafka_itself_settles_more() {
        let told = changes("transactional.id=orders");
        assert!(
            !told.iter().any(|(key, ..)| key == "enable.idempotence" || key.starts_with("max.in.flight")),
            "{told:?}"
        );
        assert!(
            told.contains(&("delivery.timeout.ms".to_owned(), "60000".to_owned(), "120000".to_owned())),
            "{told:?}"
        );
    }

    /// What `rd_kafka_anyconf_set_prop` of 2.12.1 takes.
    #[test]
    fn values_are_understood_as_librdkafka_does() {
        for (line, key, java) in [
            ("enable.idempotence=1", "enable.idempotence", "true"),
            ("enable.idempotence=T", "enable.idempotence", "true"),
            ("enable.idempotence=f", "enable.idempotence", "false"),
            ("enable.idempotence=0", "enable.idempotence", "false"),
            ("enable.idempotence=FALSE", "enable.idempotence", "false"),
            ("enable.idempotence=on", "enable.idempotence", "on"),
            ("compression.codec=ZSTD", "compression.type", "zstd"),
            ("compression.type=Inherit", "compression.type", "none"),
            ("acks=ALL", "acks", "all"),
            ("acks=0x1", "acks", "1"),
            ("client.dns.lookup=Use_All_Dns_Ips", "client.dns.lookup", "use_all_dns_ips"),
            ("retries=010", "retries", "8"),
            ("retries=5 # five", "retries", "5"),
            ("batch.size=0x4000", "batch.size", "16384"),
            ("linger.ms=5 # five", "linger.ms", "5"),
            ("linger.ms=1e1", "linger.ms", "10"),
            ("linger.ms=.5", "linger.ms", "1"),
            ("linger.ms=-0.5", "linger.ms", "-0.5"),
            ("linger.ms=five", "linger.ms", "five"),
        ] {
            assert_eq!(read(line).get(key), Some(java), "{line}");
        }
        assert_eq!(read("compression.codec=gzip\ncompression.level=12").get("compression.gzip.level"), Some("9"));
        assert_eq!(read("compression.codec=lz4\ncompression.level=0").get("compression.lz4.level"), None);
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

    /// `CONFIGURATION.md` of 2.12.1: "Metadata cache max age", by default three times `topic.metadata.refresh.interval.ms`.
    #[test]
    fn the_age_of_librdkafkas_metadata_is_not_how_often_java_asks_for_them() {
        let theirs = "metadata.max.age.ms";
        for text in [
            "metadata.max.age.ms=900000",
            "metadata.max.age.ms=900000\ntopic.metadata.refresh.interval.ms=60000",
            "topic.metadata.refresh.interval.ms=60000\nmetadata.max.age.ms=900000",
        ] {
            let read = read(text);
            let (config, notices) = read.verdict().expect("accepted");
            assert_eq!(read.get(theirs), text.contains("refresh").then_some("60000"), "{text}");
            assert!(notices.contains(&ConfigNotice::NoEffect { key: theirs.into() }), "{notices:?}");
            let asked_every = if text.contains("refresh") { "60000" } else { "300000" };
            assert_eq!(config.value_of(theirs).as_deref(), Some(asked_every), "{text}");
        }
    }

    #[test]
    fn a_text_is_librdkafkas_by_a_name_that_no_client_of_java_has() {
        for theirs in ["metadata.broker.list=a:1", "acks=1\nqueuing.strategy = fifo", "client.rack=r1\nlog_level=7"] {
            assert!(is_librdkafkas(theirs), "{theirs}");
        }
        for javas in [
            "bootstrap.servers=a:1\nmetadata.max.age.ms=900000",
            "acks=1\nclient.rack=r1\nallow.auto.create.topics=false",
            "# log_level=7",
            "",
        ] {
            assert!(!is_librdkafkas(javas), "{javas}");
        }
    }

    #[test]
    fn a_line_without_a_pair_is_named_by_its_number_alone() {
        let error = from_librdkafka("acks=1\n\nswordfish\n").expect_err("no pair");
        assert_eq!(error, ReadError::NoPair { line: 3 });
        assert!(!error.to_string().contains("swordfish"));
    }
}
