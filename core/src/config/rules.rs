//! The rules that concern more than one key, in the Java client's words.

use std::collections::BTreeMap;

use core::time::Duration;

use super::{Acks, ConfigError, ConfigNotice, ProducerConfig, kind, refused};

impl ProducerConfig {
    /// A base above its maximum makes the delay constant: the maximum (`warnDisablingExponentialBackoff`). What waits without
    /// growing, as questions to coordinators do, waits for the base all the same.
    pub(super) fn cap_backoffs(&mut self, notices: &mut Vec<ConfigNotice>) {
        let (base, max) = (self.retry_backoff, self.retry_backoff_max);
        if base > max {
            notices.push(changed("retry.backoff.ms", base.as_millis(), max.as_millis(), "retry.backoff.max.ms"));
        }
        let (base, max) = (self.connection_setup_timeout_ms, self.connection_setup_timeout_max_ms);
        if base > max {
            let [base_key, max_key] = ["socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms"];
            notices.push(changed(base_key, base, max, max_key));
            self.connection_setup_timeout_ms = max;
        }
    }

    /// A base given alone switches exponential growth off (`postProcessReconnectBackoffConfigs`).
    pub(super) fn fix_reconnect_backoff(&mut self, explicit: &impl Fn(&str) -> bool, notices: &mut Vec<ConfigNotice>) {
        let (base, max) = ("reconnect.backoff.ms", "reconnect.backoff.max.ms");
        if explicit(base) && !explicit(max) {
            notices.push(changed(
                max,
                self.reconnect_backoff_max.as_millis(),
                self.reconnect_backoff.as_millis(),
                base,
            ));
            self.reconnect_backoff_max = self.reconnect_backoff;
        }
    }

    /// Idempotence that is only the default gives way; idempotence asked for does not
    /// (`postProcessAndValidateIdempotenceConfigs`). More than five requests in flight are refused either way.
    pub(super) fn settle_idempotence(
        &mut self,
        explicit: &impl Fn(&str) -> bool,
        notices: &mut Vec<ConfigNotice>,
    ) -> Result<(), ConfigError> {
        const KEY: &str = "enable.idempotence";
        if !self.enable_idempotence {
            return Ok(());
        }
        if self.retries == 0 {
            if explicit(KEY) {
                return Err(refused(
                    &[KEY, "retries"],
                    "Must set retries to non-zero when using the idempotent producer.".into(),
                ));
            }
            self.enable_idempotence = false;
            notices.push(changed(KEY, true, false, "retries"));
        }
        if self.acks != Acks::All {
            if explicit(KEY) {
                return Err(refused(
                    &[KEY, "acks"],
                    "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.".into(),
                ));
            }
            self.enable_idempotence = false;
            notices.push(changed(KEY, true, false, &format!("acks={}", self.acks.code())));
        }
        if self.max_in_flight > 5 {
            return Err(refused(
                &[KEY, "max.in.flight.requests.per.connection"],
                format!(
                    "To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. Current value is {}.",
                    self.max_in_flight
                ),
            ));
        }
        Ok(())
    }

    /// Transactions need idempotence, and with two-phase commit know no timeout; they also give the client its name
    /// (`maybeOverrideClientId`).
    pub(super) fn check_transactions(&mut self, given: &BTreeMap<&str, &str>) -> Result<(), ConfigError> {
        const ID: &str = "transactional.id";
        const TIMEOUT: &str = "transaction.timeout.ms";
        const TWO_PHASE: &str = "transaction.two.phase.commit.enable";
        let id = given.get(ID);
        if id.is_some() && !self.enable_idempotence {
            return Err(refused(
                &[ID, "enable.idempotence"],
                format!("Cannot set a {ID} without also enabling idempotence."),
            ));
        }
        let is_two_phase = given.get(TWO_PHASE).is_some_and(|value| kind::trim(value).eq_ignore_ascii_case("true"));
        if is_two_phase && given.contains_key(TIMEOUT) {
            return Err(refused(
                &[TIMEOUT, TWO_PHASE],
                format!(
                    "Cannot set {TIMEOUT} when {TWO_PHASE} is set to true. Transactions will not expire with two-phase commit enabled."
                ),
            ));
        }
        if let (None, Some(id)) = (&self.client_id, id) {
            self.client_id = Some(format!("producer-{}", kind::trim(id)).into());
        }
        Ok(())
    }

    /// A batch must live long enough for one linger and one request (`KafkaProducer.configureDeliveryTimeout`).
    pub(super) fn settle_delivery_timeout(
        &mut self,
        explicit: &impl Fn(&str) -> bool,
        notices: &mut Vec<ConfigNotice>,
    ) -> Result<(), ConfigError> {
        const KEY: &str = "delivery.timeout.ms";
        let int_max = Duration::from_millis(i32::MAX.unsigned_abs().into());
        let needed = self.linger.min(int_max).saturating_add(self.request_timeout).min(int_max);
        if self.delivery_timeout >= needed {
            return Ok(());
        }
        if explicit(KEY) {
            return Err(refused(
                &[KEY, "linger.ms", "request.timeout.ms"],
                "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms".into(),
            ));
        }
        let cause = if explicit("request.timeout.ms") { "request.timeout.ms" } else { "linger.ms" };
        notices.push(changed(KEY, self.delivery_timeout.as_millis(), needed.as_millis(), cause));
        self.delivery_timeout = needed;
        Ok(())
    }
}

/// Who logs in does so in some way (`CommonClientConfigs.postValidateSaslMechanismConfig`).
#[cfg(feature = "settings")]
pub(super) fn check_sasl_mechanism(given: &BTreeMap<&str, &str>) -> Result<(), ConfigError> {
    let value_of = |key| given.get(key).map(|value| kind::trim(value));
    let logs_in = value_of("security.protocol")
        .is_some_and(|protocol| ["SASL_PLAINTEXT", "SASL_SSL"].iter().any(|sasl| kind::is_in_any_case(protocol, sasl)));
    if logs_in && value_of("sasl.mechanism") == Some("") {
        return Err(refused(
            &["sasl.mechanism"],
            "Invalid value null for configuration sasl.mechanism: When the security.protocol configuration enables SASL, mechanism must be non-null and non-empty string.".into(),
        ));
    }
    Ok(())
}

pub(super) fn changed(key: &str, from: impl ToString, to: impl ToString, because_of: &str) -> ConfigNotice {
    ConfigNotice::SilentlyChanged {
        key: key.into(),
        from: from.to_string().into(),
        to: to.to_string().into(),
        because_of: because_of.into(),
    }
}
