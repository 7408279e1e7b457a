use super::*;

fn read(properties: &[(&str, &str)]) -> Result<(ProducerConfig, Vec<ConfigNotice>), ConfigError> {
    ProducerConfig::from_properties(properties.iter().copied())
}

fn message(properties: &[(&str, &str)]) -> String {
    read(properties).expect_err("refused").message.to_string()
}

#[test]
fn every_default_is_the_java_clients() {
    // As `ProducerConfig.configDef()` of kafka-clients 4.3.1 prints them.
    let java = [
        ("buffer.memory", "33554432"),
        ("retries", "2147483647"),
        ("acks", "all"),
        ("batch.size", "16384"),
        ("partitioner.ignore.keys", "false"),
        ("linger.ms", "5"),
        ("delivery.timeout.ms", "120000"),
        ("client.id", ""),
        ("max.request.size", "1048576"),
        ("reconnect.backoff.ms", "50"),
        ("reconnect.backoff.max.ms", "1000"),
        ("retry.backoff.ms", "100"),
        ("retry.backoff.max.ms", "1000"),
        ("max.block.ms", "60000"),
        ("request.timeout.ms", "30000"),
        ("metadata.max.age.ms", "300000"),
        ("metadata.max.idle.ms", "300000"),
        ("max.in.flight.requests.per.connection", "5"),
        ("socket.connection.setup.timeout.ms", "10000"),
        ("socket.connection.setup.timeout.max.ms", "30000"),
        ("enable.idempotence", "true"),
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
    for property in ProducerConfig::properties() {
        assert!(table::parse(property, property.default).is_ok(), "{}", property.name);
    }
}

#[test]
fn a_bad_value_is_refused_in_the_java_clients_words() {
    for (key, value, words) in [
        ("linger.ms", "-1", "Invalid value -1 for configuration linger.ms: Value must be at least 0"),
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
    assert_eq!(notices, [changed("enable.idempotence", "true", "false", "acks")]);
    assert!(read(&[("linger.ms", "7"), ("linger.ms", "x")]).is_err());
}

#[test]
fn values_are_trimmed_and_booleans_ignore_case() {
    let (config, notices) = read(&[("batch.size", " 5 "), ("enable.idempotence", "FALSE")]).expect("accepted");
    assert_eq!((config.batch_size, config.enable_idempotence), (5, false));
    assert_eq!(notices, []);
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
    assert_eq!(notices, [changed("enable.idempotence", "true", "false", "acks")]);
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
fn a_retry_backoff_above_its_maximum_is_constant_at_the_maximum() {
    let (config, notices) = read(&[("retry.backoff.ms", "5000")]).expect("accepted");
    assert_eq!(config.retry_backoff, Duration::from_millis(1_000));
    assert_eq!(notices, [changed("retry.backoff.ms", "5000", "1000", "retry.backoff.max.ms")]);
}

#[test]
fn a_misspelt_key_is_accepted_with_the_nearest_known_name() {
    let (_, notices) =
        read(&[("linger.msec", "5"), ("compression.type", "gzip"), ("colour", "red")]).expect("accepted");
    assert_eq!(
        notices,
        [
            ConfigNotice::UnknownKey { key: "colour".into(), nearest: None },
            ConfigNotice::NoEffect { key: "compression.type".into() },
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
