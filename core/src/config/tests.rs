use super::rules::changed;
use super::*;

mod producers;

fn read(properties: &[(&str, &str)]) -> Result<(ProducerConfig, Vec<ConfigNotice>), ConfigError> {
    ProducerConfig::from_properties(properties.iter().copied())
}

fn message(properties: &[(&str, &str)]) -> String {
    read(properties).expect_err("refused").message.to_string()
}

/// Mirrors `ProducerConfigTest.testDefaultMetadataRecoveryStrategy`: the metadata recovery strategy is rebootstrap
/// where nothing is set.
#[test]
fn every_default_is_the_java_clients() {
    // As `ProducerConfig.configDef()` of kafka-clients 4.3.1 prints them.
    let java = [
        ("buffer.memory", "33554432"),
        ("retries", "2147483647"),
        ("acks", "all"),
        ("compression.type", "none"),
        ("compression.gzip.level", "-1"),
        ("compression.lz4.level", "9"),
        ("compression.zstd.level", "3"),
        ("batch.size", "16384"),
        ("partitioner.adaptive.partitioning.enable", "true"),
        ("partitioner.availability.timeout.ms", "0"),
        ("partitioner.ignore.keys", "false"),
        ("linger.ms", "5"),
        ("delivery.timeout.ms", "120000"),
        ("client.id", ""),
        #[cfg(feature = "settings")]
        ("send.buffer.bytes", "131072"),
        #[cfg(feature = "settings")]
        ("receive.buffer.bytes", "32768"),
        ("max.request.size", "1048576"),
        ("reconnect.backoff.ms", "50"),
        ("reconnect.backoff.max.ms", "1000"),
        ("retry.backoff.ms", "100"),
        ("retry.backoff.max.ms", "1000"),
        ("max.block.ms", "60000"),
        ("request.timeout.ms", "30000"),
        ("metadata.max.age.ms", "300000"),
        ("metadata.max.idle.ms", "300000"),
        #[cfg(feature = "metrics")]
        ("metrics.sample.window.ms", "30000"),
        #[cfg(feature = "metrics")]
        ("metrics.num.samples", "2"),
        #[cfg(feature = "metrics")]
        ("metrics.recording.level", "INFO"),
        ("max.in.flight.requests.per.connection", "5"),
        ("socket.connection.setup.timeout.ms", "10000"),
        ("socket.connection.setup.timeout.max.ms", "30000"),
        ("connections.max.idle.ms", "540000"),
        ("enable.idempotence", "true"),
        ("transaction.timeout.ms", "60000"),
        // Null; the empty text stands for it.
        ("transactional.id", ""),
        ("metadata.recovery.strategy", "rebootstrap"),
        ("metadata.recovery.rebootstrap.trigger.ms", "300000"),
    ];
    let config = ProducerConfig::default();
    for (key, value) in java {
        assert_eq!(config.value_of(key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(ProducerConfig::properties().count(), java.len());
    assert_eq!(read(&[]), Ok((config, vec![])));
}

#[test]
fn every_row_is_a_key_of_kafka_in_kafkas_order() {
    let places: Vec<_> = ProducerConfig::properties()
        .map(|property| KNOWN_KEYS.iter().position(|known| *known == property.name).expect(property.name))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn every_default_satisfies_its_own_bounds() {
    for property in ProducerConfig::properties().filter(|property| property.kind != Kind::NonEmptyText) {
        assert!(kind::parse(property.name, property.kind, property.default).is_ok(), "{}", property.name);
    }
}

/// Mirrors `ProducerConfigTest.testInvalidMetadataRecoveryStrategy`: an unknown recovery strategy is refused, and the
/// sentence names the key.
#[test]
fn a_bad_value_is_refused_in_the_java_clients_words() {
    for (key, value, words) in [
        ("linger.ms", "-1", "Invalid value -1 for configuration linger.ms: Value must be at least 0"),
        // What cannot be read is repeated as it was written, what can as it was read.
        ("linger.ms", " x ", "Invalid value  x  for configuration linger.ms: Not a number of type LONG"),
        ("linger.ms", " -007 ", "Invalid value -7 for configuration linger.ms: Value must be at least 0"),
        // To Java this is no white space.
        ("retries", "\u{a0}5", "Invalid value \u{a0}5 for configuration retries: Not a number of type INT"),
        (
            "compression.gzip.level",
            "10",
            "Invalid value 10 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
        ),
        (
            "compression.zstd.level",
            "23",
            "Invalid value 23 for configuration compression.zstd.level: Value must be no more than 22",
        ),
        ("transactional.id", " ", "Invalid value  for configuration transactional.id: String must be non-empty"),
        (
            "metadata.recovery.strategy",
            "never",
            "Invalid value never for configuration metadata.recovery.strategy: String must be one of (case insensitive): REBOOTSTRAP, NONE",
        ),
        ("linger.ms", "16k", "Invalid value 16k for configuration linger.ms: Not a number of type LONG"),
        ("batch.size", "2147483648", "Invalid value 2147483648 for configuration batch.size: Not a number of type INT"),
        ("acks", "ALL", "Invalid value ALL for configuration acks: String must be one of: all, -1, 0, 1"),
        (
            "enable.idempotence",
            "yes",
            "Invalid value yes for configuration enable.idempotence: Expected value to be either true or false",
        ),
        (
            "max.in.flight.requests.per.connection",
            "0",
            "Invalid value 0 for configuration max.in.flight.requests.per.connection: Value must be at least 1",
        ),
        (
            "metadata.max.idle.ms",
            "1",
            "Invalid value 1 for configuration metadata.max.idle.ms: Value must be at least 5000",
        ),
    ] {
        assert_eq!(message(&[(key, value)]), words);
    }
}

#[test]
fn the_first_bad_value_in_kafkas_order_is_named_not_the_first_given() {
    let error = read(&[("linger.ms", "x"), ("retries", "-1")]).expect_err("two bad values");
    assert_eq!(error.keys, [Arc::from("retries")]);
}

#[test]
fn a_key_given_twice_counts_the_last_time() {
    let (config, notices) = read(&[("linger.ms", "x"), ("acks", "1"), ("linger.ms", "7")]).expect("accepted");
    assert_eq!(config.linger, Duration::from_millis(7));
    assert_eq!(notices, [changed("enable.idempotence", "true", "false", "acks=1")]);
    assert!(read(&[("linger.ms", "7"), ("linger.ms", "x")]).is_err());
}

#[test]
fn values_are_trimmed_and_booleans_ignore_case() {
    let (config, notices) = read(&[("batch.size", " 5 "), ("enable.idempotence", "FALSE")]).expect("accepted");
    assert_eq!((config.batch_size, config.enable_idempotence), (5, false));
    assert_eq!(notices, []);
}

/// As `String.equalsIgnoreCase` and `String.toUpperCase(Locale.ROOT)` of JDK 17 have it.
#[test]
fn where_case_does_not_matter_a_letter_is_the_one_that_its_capital_is() {
    let (config, _) = read(&[("enable.idempotence", "fal\u{17f}e")]).expect("a long s");
    assert!(!config.enable_idempotence);
    let recovery = |value| read(&[("metadata.recovery.strategy", value)]).map(|(config, _)| config.rebootstraps);
    for one in ["reboot\u{17f}trap", "Reboot\u{fb06}rap", "REBOOT\u{fb05}RAP"] {
        assert_eq!(recovery(one), Ok(true), "{one}");
    }
    for other in ["reboot\u{df}trap", "rebootstrap\u{307}", "non\u{e9}"] {
        assert!(recovery(other).is_err(), "{other}");
    }
    let alike = kind::is_in_any_case;
    assert!(alike("pla\u{131}ntext", "PLAINTEXT") && alike("\u{df}l", "SSL"));
    assert!(!alike("pla\u{130}ntext", "PLAINTEXT") && !alike("\u{212a}", "K"), "neither is a capital of ASCII");
}

#[test]
fn idempotence_follows_kafkas_truth_table() {
    let idempotent = |properties: &[(&str, &str)]| read(properties).map(|(config, _)| config.enable_idempotence);
    assert_eq!(idempotent(&[]), Ok(true));
    assert_eq!(idempotent(&[("acks", "1")]), Ok(false));
    assert_eq!(idempotent(&[("acks", "0")]), Ok(false));
    assert_eq!(idempotent(&[("acks", "-1")]), Ok(true));
    assert_eq!(idempotent(&[("retries", "0")]), Ok(false));
    assert_eq!(
        idempotent(&[("enable.idempotence", "false"), ("max.in.flight.requests.per.connection", "6")]),
        Ok(false)
    );
    assert_eq!(
        message(&[("max.in.flight.requests.per.connection", "6")]),
        "To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. Current value is 6."
    );
    // The check does not look at whether acks has just switched idempotence off.
    assert!(idempotent(&[("max.in.flight.requests.per.connection", "6"), ("acks", "1")]).is_err());
    assert_eq!(
        message(&[("enable.idempotence", "true"), ("acks", "1")]),
        "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence."
    );
    assert_eq!(
        message(&[("enable.idempotence", "true"), ("retries", "0")]),
        "Must set retries to non-zero when using the idempotent producer."
    );
}

#[test]
fn idempotence_lost_to_acks_is_told() {
    let (_, notices) = read(&[("acks", "1")]).expect("accepted");
    assert_eq!(notices, [changed("enable.idempotence", "true", "false", "acks=1")]);
}

#[test]
fn a_delivery_timeout_too_short_is_raised_unless_it_was_asked_for() {
    let (config, notices) = read(&[("linger.ms", "100000")]).expect("accepted");
    assert_eq!(config.delivery_timeout, Duration::from_millis(130_000));
    assert_eq!(notices, [changed("delivery.timeout.ms", "120000", "130000", "linger.ms")]);
    assert_eq!(
        message(&[("linger.ms", "100000"), ("delivery.timeout.ms", "120000")]),
        "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms"
    );
}

#[test]
fn a_linger_of_centuries_is_clipped_before_it_is_compared() {
    let (config, _) = read(&[("linger.ms", "9223372036854775807")]).expect("accepted");
    assert_eq!(config.delivery_timeout, Duration::from_millis(2_147_483_647));
}

#[test]
fn a_reconnect_backoff_given_alone_does_not_grow() {
    let (config, _) = read(&[("reconnect.backoff.ms", "200")]).expect("accepted");
    assert_eq!(config.reconnect_backoff_max, Duration::from_millis(200));
}

#[test]
fn a_retry_backoff_above_its_maximum_is_told_to_be_constant_at_the_maximum_and_kept_for_what_does_not_grow() {
    let (config, notices) = read(&[("retry.backoff.ms", "5000")]).expect("accepted");
    assert_eq!((config.retry_backoff.as_millis(), config.retry_backoff_max.as_millis()), (5_000, 1_000));
    assert_eq!(notices, [changed("retry.backoff.ms", "5000", "1000", "retry.backoff.max.ms")]);
}

#[test]
fn a_misspelt_key_is_accepted_with_the_nearest_known_name() {
    let (_, notices) =
        read(&[("linger.msec", "5"), ("enable.metrics.push", "true"), ("colour", "red")]).expect("accepted");
    assert_eq!(
        notices,
        [
            ConfigNotice::UnknownKey { key: "colour".into(), nearest: None },
            ConfigNotice::NoEffect { key: "enable.metrics.push".into() },
            ConfigNotice::UnknownKey { key: "linger.msec".into(), nearest: Some("linger.ms".into()) },
        ]
    );
    assert_eq!(nearest_known_key("batch_size"), Some("batch.size"));
    assert_eq!(nearest_known_key("enable.idempotance"), Some("enable.idempotence"));
}

#[test]
fn a_key_of_a_megabyte_looks_like_none_and_costs_nothing() {
    assert_eq!(nearest_known_key(&"linger.ms".repeat(120_000)), None);
}

/// Row 57: each of the three keys that exclude it.
#[test]
fn row_57_idempotence_asked_for_and_what_excludes_it_are_both_named() {
    let idempotent = ("enable.idempotence", "true");
    for (key, value) in [("max.in.flight.requests.per.connection", "6"), ("acks", "1"), ("retries", "0")] {
        let error = read(&[idempotent, (key, value)]).expect_err(key);
        assert_eq!(error.keys, [Arc::from("enable.idempotence"), Arc::from(key)]);
        assert!(error.message.contains(key), "{}", error.message);
    }
}

/// Row 58: with `delivery.timeout.ms` given.
#[test]
fn row_58_a_delivery_timeout_that_holds_no_request_is_an_error_where_it_was_asked_for() {
    let short = |timeout| [("linger.ms", "1"), ("request.timeout.ms", "2"), ("delivery.timeout.ms", timeout)];
    assert!(read(&short("3")).is_ok());
    assert_eq!(
        message(&short("2")),
        "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms"
    );
}

/// Row 60: the verdict is Java's; that a batch then never fits is said when a record is sent.
#[test]
fn row_60_sizes_are_whole_numbers_of_their_type_and_nothing_else() {
    for (key, value) in [("buffer.memory", "100"), ("batch.size", "0"), ("batch.size", " 5 "), ("batch.size", "９")] {
        assert!(read(&[(key, value)]).is_ok(), "{key}={value}");
    }
    for value in ["9223372036854775808", "16k", "NaN", "1e3", "1.5", ""] {
        let words = format!("Invalid value {value} for configuration buffer.memory: Not a number of type LONG");
        assert_eq!(message(&[("buffer.memory", value)]), words);
    }
    let words = "Invalid value -1 for configuration buffer.memory: Value must be at least 0";
    assert_eq!(message(&[("buffer.memory", "-1")]), words);
}

/// Row 61: for what a user configures the Java client's verdict wins over the row: a notice, and no error.
#[test]
fn row_61_a_misspelt_key_is_a_notice_with_the_nearest_name() {
    let (_, notices) = read(&[("enable.idempotance", "false")]).expect("accepted");
    let (key, nearest) = ("enable.idempotance".into(), Some("enable.idempotence".into()));
    assert_eq!(notices, [ConfigNotice::UnknownKey { key, nearest }]);
}

#[test]
fn a_key_that_the_client_lost_is_told_with_what_took_its_place() {
    let (_, notices) = read(&[("auto.include.jmx.reporter", "true")]).expect("accepted");
    let (key, instead) = ("auto.include.jmx.reporter".into(), Some("metric.reporters".into()));
    assert_eq!(notices, [ConfigNotice::Deprecated { key, instead }]);
}

#[test]
fn a_transactional_id_wants_idempotence_and_names_the_client() {
    let (config, _) = read(&[("transactional.id", "orders")]).expect("accepted");
    assert_eq!(config.client_id(), "producer-orders");
    let (config, _) = read(&[("transactional.id", "orders"), ("client.id", "mine")]).expect("accepted");
    assert_eq!(config.client_id(), "mine");
    let words = "Cannot set a transactional.id without also enabling idempotence.";
    for off in [("acks", "1"), ("enable.idempotence", "false"), ("retries", "0")] {
        assert_eq!(message(&[("transactional.id", "orders"), off]), words);
    }
    // This check comes before.
    let in_flight = ("max.in.flight.requests.per.connection", "6");
    assert!(message(&[("transactional.id", "orders"), ("acks", "1"), in_flight]).starts_with("To use the idempotent"));
}

#[test]
fn a_transaction_timeout_is_kept_as_it_was_given_also_below_zero() {
    let (config, _) = read(&[("transaction.timeout.ms", "-5")]).expect("the Java client takes it");
    assert_eq!(config.value_of("transaction.timeout.ms").as_deref(), Some("-5"));
}

#[test]
fn with_two_phase_commit_transactions_know_no_timeout() {
    let two_phase = ("transaction.two.phase.commit.enable", "true");
    #[cfg(not(feature = "settings"))]
    assert!(read(&[two_phase]).is_ok());
    #[cfg(feature = "settings")]
    assert!(message(&[two_phase]).starts_with("transaction.two.phase.commit.enable is refused: "));
    assert_eq!(
        message(&[two_phase, ("transaction.timeout.ms", "60000")]),
        "Cannot set transaction.timeout.ms when transaction.two.phase.commit.enable is set to true. Transactions will not expire with two-phase commit enabled."
    );
}

#[test]
fn an_empty_client_id_is_a_name_and_an_absent_one_is_the_drivers_to_give() {
    let named = |properties: &[(&str, &str)]| {
        let (config, _) = read(properties).expect("accepted");
        config.with_client_id(|| "producer-7".to_owned()).client_id().to_owned()
    };
    assert_eq!(named(&[("client.id", "")]), "");
    assert_eq!(named(&[]), "producer-7");
}

#[test]
fn a_key_is_obeyed_or_has_a_row_of_its_own_and_never_both() {
    for key in KNOWN_KEYS {
        assert!(!(table::row(key).is_some() && others::row(key).is_some()), "{key}");
        #[cfg(feature = "settings")]
        assert!(table::row(key).is_some() || others::row(key).is_some(), "{key}");
        // Without the bridge's own keys nothing that a page may set is missing.
        let is_judged = table::row(key).is_some() || others::row(key).is_some();
        assert!(is_judged || crate::session::is_the_bridges_own(key), "{key}");
    }
}

/// What a page may set must not hold what would be refused here, but for what does no harm in a page.
#[cfg(feature = "settings")]
#[test]
fn what_is_refused_is_the_bridges_own_to_set_and_its_value_is_not_repeated() {
    for option in reference() {
        if let Status::Refused { reason } = option.status {
            let is_harmless_in_a_page = option.name == "transaction.two.phase.commit.enable";
            assert!(crate::session::is_the_bridges_own(option.name) != is_harmless_in_a_page, "{}", option.name);
            let value = match option.name {
                "security.protocol" => "SSL",
                "transaction.two.phase.commit.enable" => " True ",
                _ => "swordfish",
            };
            assert_eq!(message(&[(option.name, value)]), format!("{} is refused: {reason}", option.name));
            let default = option.default.map(|default| (option.name, default));
            assert_eq!(read(default.as_slice()).expect("accepted").1, [], "{}", option.name);
        }
    }
}

/// The Java client trims the name of a class.
#[cfg(feature = "settings")]
#[test]
fn kafkas_round_robin_partitioner_is_obeyed_and_no_other() {
    let class = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
    let (config, notices) = read(&[("partitioner.class", &format!(" {class}\t"))]).expect("accepted");
    assert!(config.partitioner_is_round_robin() && config.ignores_keys());
    assert_eq!(notices, []);
    assert!(!read(&[]).expect("accepted").0.partitioner_is_round_robin());
    for other in ["com.example.RoundRobinPartitioner", "org.apache.kafka.clients.producer.roundRobinPartitioner"] {
        assert!(message(&[("partitioner.class", other)]).starts_with("partitioner.class is refused: "), "{other}");
    }
}

/// Row 43: a page is told the keys of what has no effect, and an operator no password.
#[cfg(feature = "settings")]
#[test]
fn row_43_no_sentence_and_no_notice_repeats_a_password() {
    let passwords: Vec<_> =
        reference().filter(|option| option.kind == Kind::Password).map(|option| option.name).collect();
    assert_eq!(passwords.len(), 9, "{passwords:?}");
    for key in passwords {
        let told = format!("{:?}", read(&[(key, "swordfish")]).expect("accepted").1);
        assert!(told.contains(key) && !told.contains("swordfish"), "{told}");
    }
}

#[cfg(feature = "settings")]
#[test]
fn who_logs_in_without_a_mechanism_is_refused_in_the_java_clients_words() {
    assert_eq!(
        message(&[("security.protocol", "sasl_ssl"), ("sasl.mechanism", " ")]),
        "Invalid value null for configuration sasl.mechanism: When the security.protocol configuration enables SASL, mechanism must be non-null and non-empty string."
    );
}
mod compression {
    use super::*;

    #[test]
    fn the_level_is_that_of_the_codec_in_use() {
        let compression = |properties: &[(&str, &str)]| read(properties).map(|(config, _)| config.compression());
        let of = |codec, level| Ok(Some(Compression { codec, level }));
        assert_eq!(compression(&[("compression.zstd.level", "19")]), Ok(None));
        assert_eq!(compression(&[("compression.type", "gzip")]), of(Codec::Gzip, -1));
        assert_eq!(compression(&[("compression.type", "snappy")]), of(Codec::Snappy, 0));
        let both = [("compression.type", "zstd"), ("compression.zstd.level", "-5"), ("compression.lz4.level", "17")];
        assert_eq!(compression(&both), of(Codec::Zstd, -5));
        assert_eq!(compression(&[("compression.type", "lz4"), both[2]]), of(Codec::Lz4, 17));
    }

    /// Mirrors `ProducerConfigTest.testInvalidCompressionType`: a compression type of that name is refused.
    #[test]
    fn bad_codecs_and_levels_are_refused_in_the_java_clients_words() {
        for (key, value, why) in [
            ("compression.type", "GZIP", "String must be one of: none, gzip, snappy, lz4, zstd"),
            ("compression.type", "abc", "String must be one of: none, gzip, snappy, lz4, zstd"),
            ("compression.gzip.level", "0", "Value must be between 1 and 9 or equal to -1"),
            ("compression.gzip.level", "10", "Value must be between 1 and 9 or equal to -1"),
            ("compression.gzip.level", "six", "Not a number of type INT"),
            ("compression.lz4.level", "0", "Value must be at least 1"),
            ("compression.lz4.level", "18", "Value must be no more than 17"),
            ("compression.zstd.level", "-131073", "Value must be at least -131072"),
            ("compression.zstd.level", "23", "Value must be no more than 22"),
        ] {
            assert_eq!(message(&[(key, value)]), format!("Invalid value {value} for configuration {key}: {why}"));
        }
    }

    #[test]
    fn a_level_that_the_simulation_does_not_have_is_told_when_its_codec_is_in_use() {
        let told = |codec, key: &str, level| {
            let (config, _) = read(&[("compression.type", codec), (key, level)]).expect("accepted");
            config.level_without_effect()
        };
        let key: Arc<str> = "compression.zstd.level".into();
        assert_eq!(told("zstd", &key, "3"), None, "the default");
        assert_eq!(told("gzip", &key, "4"), None, "not in use");
        assert_eq!(told("gzip", "compression.gzip.level", "4"), None, "gzip has its levels");
        assert_eq!(told("zstd", &key, "4"), Some(ConfigNotice::LevelWithoutEffect { key }));
    }
}

/// Mirrors `KafkaProducerTest.testMetricConfigRecordingLevel`: INFO unless said otherwise, and DEBUG if that is said.
#[test]
#[cfg(feature = "metrics")]
fn the_recording_level_is_info_unless_another_is_given() {
    use crate::metrics::RecordingLevel;
    let level = |properties: &[_]| read(properties).expect("accepted").0.metrics_recording_level();
    assert_eq!(level(&[]), RecordingLevel::Info);
    let debug = [("metrics.recording.level", "DEBUG")];
    assert_eq!(level(&debug), RecordingLevel::Debug);
    let told = ConfigNotice::NoEffect { key: "metrics.recording.level".into() };
    assert_eq!(read(&debug).expect("accepted").1, [told], "no metric is beyond any level");
    #[cfg(feature = "settings")]
    assert!(reference().any(|option| option.name == debug[0].0 && option.status == Status::NoEffect));
}

#[test]
#[cfg(feature = "metrics")]
fn who_reads_no_metrics_is_told_which_settings_have_no_effect() {
    let given =
        [("metrics.num.samples", "2"), ("metrics.sample.window.ms", "1000"), ("metrics.recording.level", "TRACE")];
    let (config, mut notices) = read(&given).expect("accepted");
    assert_eq!(config.clone().without_metrics(&mut notices), ProducerConfig::default());
    let no_effect = |key: &str| ConfigNotice::NoEffect { key: key.into() };
    assert_eq!(notices, [no_effect("metrics.recording.level"), no_effect("metrics.sample.window.ms")]);
}

/// `ConfigDef` gives both no bounds, and `CommonClientConfigs.warnDisablingExponentialBackoff` compares them as they are.
#[test]
fn a_connection_s_patience_is_kept_as_it_was_given_also_below_zero() {
    let (base, max) = ("socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms");
    let kept = |properties: &[(&str, &str)]| {
        let (config, notices) = read(properties).expect("accepted");
        ([base, max].map(|key| config.value_of(key).expect("obeyed")), notices)
    };
    assert_eq!(kept(&[(base, "-5")]), (["-5".to_owned(), "30000".to_owned()], vec![]));
    let told = vec![changed(base, "-5", "-7", max)];
    assert_eq!(kept(&[(base, "-5"), (max, "-7")]), (["-7".to_owned(), "-7".to_owned()], told));
}
