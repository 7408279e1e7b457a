//! What the tests of the Java client's `ProducerConfig` and `KafkaProducer` say of configurations.

use super::*;

const TRANSACTIONAL: (&str, &str) = ("transactional.id", "transactionalId");

fn values(properties: &[(&str, &str)], keys: &[&str]) -> Vec<String> {
    let (config, _) = read(properties).expect("accepted");
    keys.iter().map(|key| config.value_of(key).expect("obeyed").to_string()).collect()
}

fn is_refused(properties: &[(&str, &str)], words: &str) {
    assert_eq!(message(properties), words);
}

/// Mirrors `KafkaProducerTest.testOverwriteAcksAndRetriesForIdempotentProducers`: with a transactional id and nothing
/// else, idempotence is on, acks is all, retries is the largest number, and the client is named after the id.
#[test]
fn a_transactional_id_alone_makes_an_idempotent_producer_that_retries_for_ever() {
    let keys = ["enable.idempotence", "acks", "retries"];
    assert_eq!(values(&[TRANSACTIONAL], &keys), ["true", "all", "2147483647"]);
    let (config, _) = read(&[TRANSACTIONAL]).expect("accepted");
    assert_eq!(config.client_id(), "producer-transactionalId");
}

/// Mirrors `KafkaProducerTest.testAcksAndIdempotenceForIdempotentProducers`: what is set counts for acks, and acks
/// other than all switch idempotence off, unless it was asked for or a transactional id needs it: then they are
/// refused.
#[test]
fn acks_switch_idempotence_off_unless_it_was_asked_for_or_is_needed() {
    let both = ["enable.idempotence", "acks"];
    let off = ("enable.idempotence", "false");
    assert_eq!(values(&[("acks", "0"), off], &both), ["false", "0"]);
    assert_eq!(values(&[TRANSACTIONAL], &both), ["true", "all"]);
    assert_eq!(values(&[("acks", "all"), off], &both), ["false", "all"]);
    assert_eq!(values(&[("acks", "0")], &both), ["false", "0"]);
    assert_eq!(values(&[("acks", "1")], &both), ["false", "1"]);
    let not_idempotent = "Cannot set a transactional.id without also enabling idempotence.";
    is_refused(&[("acks", "0"), off, TRANSACTIONAL], not_idempotent);
    is_refused(&[("acks", "0"), TRANSACTIONAL], not_idempotent);
    is_refused(
        &[("acks", "1"), ("enable.idempotence", "true")],
        "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.",
    );
}

/// Mirrors `KafkaProducerTest.testRetriesAndIdempotenceForIdempotentProducers`: retries of zero count and switch
/// idempotence off, unless it was asked for or a transactional id needs it: then they are refused.
#[test]
fn no_retries_switch_idempotence_off_unless_it_was_asked_for_or_is_needed() {
    let both = ["enable.idempotence", "retries"];
    let off = ("enable.idempotence", "false");
    assert_eq!(values(&[("retries", "0"), off], &both), ["false", "0"]);
    assert_eq!(values(&[("retries", "0")], &both), ["false", "0"]);
    let not_idempotent = "Cannot set a transactional.id without also enabling idempotence.";
    is_refused(&[("retries", "0"), off, TRANSACTIONAL], not_idempotent);
    is_refused(&[("retries", "0"), TRANSACTIONAL], not_idempotent);
    is_refused(
        &[("retries", "0"), ("enable.idempotence", "true")],
        "Must set retries to non-zero when using the idempotent producer.",
    );
}

/// Mirrors `KafkaProducerTest.testInflightRequestsAndIdempotenceForIdempotentProducers`: six requests in flight are
/// taken without idempotence, and refused with it, whether by default, asked for, or for a transactional id.
/// Mirrors `ProducerConfigTest.testUpperboundCheckOfEnableIdempotence`: six requests in flight are refused in those
/// words where idempotence is on by default, and five are taken.
#[test]
fn more_than_five_requests_in_flight_are_refused_where_there_is_idempotence() {
    let six = ("max.in.flight.requests.per.connection", "6");
    let five = ("max.in.flight.requests.per.connection", "5");
    let off = ("enable.idempotence", "false");
    assert_eq!(values(&[six, off], &["enable.idempotence", six.0]), ["false", "6"]);
    let at_most_five = "To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. Current value is 6.";
    is_refused(&[six], at_most_five);
    is_refused(&[six, ("enable.idempotence", "true")], at_most_five);
    is_refused(&[six, TRANSACTIONAL], at_most_five);
    is_refused(&[five, off, TRANSACTIONAL], "Cannot set a transactional.id without also enabling idempotence.");
    assert_eq!(values(&[five], &["enable.idempotence"]), ["true"]);
}

/// Mirrors `KafkaProducerTest.testDeliveryTimeoutAndLingerMsConfig`: a delivery timeout of 1000 ms is refused with a
/// linger of 1000 ms and a request timeout of 1 ms, and taken with a linger of 999 ms.
#[test]
fn a_delivery_timeout_that_was_asked_for_holds_linger_and_request_exactly() {
    let held = |linger| [("delivery.timeout.ms", "1000"), ("linger.ms", linger), ("request.timeout.ms", "1")];
    let words = "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms";
    is_refused(&held("1000"), words);
    assert!(read(&held("999")).is_ok());
}

/// Mirrors `ProducerConfigTest.testTwoPhaseCommitIncompatibleWithTransactionTimeout`: two-phase commit beside a
/// transaction timeout is refused with both keys named, and either without the other is not refused for that; two-phase
/// commit alone, which Java takes, is refused here for a reason of its own.
#[test]
fn two_phase_commit_excludes_a_timeout_and_each_may_stand_alone() {
    let (two_phase, timeout) = (("transaction.two.phase.commit.enable", "true"), ("transaction.timeout.ms", "60000"));
    let idempotent = ("enable.idempotence", "true");
    let words = message(&[idempotent, TRANSACTIONAL, two_phase, timeout]);
    assert!(words.contains(two_phase.0) && words.contains(timeout.0), "{words}");
    #[cfg(feature = "settings")]
    is_refused(
        &[idempotent, TRANSACTIONAL, two_phase],
        "transaction.two.phase.commit.enable is refused: two-phase commit (KIP-939) is not done here, and the transaction would expire as any other",
    );
    #[cfg(not(feature = "settings"))]
    assert!(read(&[idempotent, TRANSACTIONAL, two_phase]).is_ok());
    assert!(read(&[idempotent, TRANSACTIONAL, (two_phase.0, "false"), timeout]).is_ok());
}

/// The keys of the bridge's own, which a page does not set.
#[cfg(feature = "settings")]
mod of_the_bridge {
    use super::*;

    /// Mirrors `KafkaProducerTest.testOsDefaultSocketBufferSizes`: both socket buffers may be -1, the choice of the
    /// operating system.
    /// Mirrors `KafkaProducerTest.testInvalidSocketSendBufferSize`: a send buffer of -2 bytes is refused.
    /// Mirrors `KafkaProducerTest.testInvalidSocketReceiveBufferSize`: a receive buffer of -2 bytes is refused.
    #[test]
    fn a_socket_buffer_of_the_systems_choice_is_minus_one_and_nothing_is_below() {
        let keys = ["send.buffer.bytes", "receive.buffer.bytes"];
        let (config, notices) = read(&keys.map(|key| (key, "-1"))).expect("accepted");
        assert_eq!((config.socket_buffers(), notices), (SocketBuffers::default(), vec![]));
        let told = keys.map(|key| ConfigNotice::NoEffect { key: key.into() });
        assert_eq!(config.buffers_without_effect(), told, "where there are no sockets");
        let (config, _) = read(&[]).expect("accepted");
        assert_eq!(config.socket_buffers(), SocketBuffers { send: Some(131_072), receive: Some(32_768) });
        assert_eq!(config.buffers_without_effect(), []);
        for key in keys {
            let words = format!("Invalid value -2 for configuration {key}: Value must be at least -1");
            is_refused(&[(key, "-2")], &words);
        }
    }

    /// Mirrors `ProducerConfigTest.testInvalidSecurityProtocol`: a security protocol of that name is refused, and the
    /// sentence names the key.
    #[test]
    fn a_security_protocol_that_is_none_is_refused_with_its_key() {
        is_refused(
            &[("security.protocol", "abc")],
            "Invalid value abc for configuration security.protocol: String must be one of (case insensitive): SASL_SSL, PLAINTEXT, SSL, SASL_PLAINTEXT",
        );
    }

    /// Mirrors `KafkaProducerTest.testUnusedConfigs`: a setting of TLS beside a plaintext protocol is taken and counted
    /// among the unused.
    #[test]
    fn a_setting_of_tls_is_accepted_and_told_to_be_unused() {
        let (_, notices) = read(&[("ssl.protocol", "TLS")]).expect("accepted");
        assert_eq!(notices, [ConfigNotice::NoEffect { key: "ssl.protocol".into() }]);
    }
}
