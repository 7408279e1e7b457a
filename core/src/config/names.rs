//! The names of all of Kafka's producer options, obeyed here or not, and how important Kafka finds them.

#[cfg(feature = "settings")]
use super::Importance;

macro_rules! keys {
    ($($name:literal $importance:ident;)*) => {
        /// Every key of the Java client 4.3.1, in the order in which it defines and checks them.
        pub const KNOWN_KEYS: [&str; 113] = [$($name),*];

        /// How important each is. The page carries none of this.
        #[cfg(feature = "settings")]
        pub(super) const IMPORTANCES: [Importance; KNOWN_KEYS.len()] = [$(Importance::$importance),*];
    };
}

keys! {
    "bootstrap.servers" High;
    "client.dns.lookup" Medium;
    "buffer.memory" High;
    "retries" High;
    "acks" Low;
    "compression.type" High;
    "compression.gzip.level" Medium;
    "compression.lz4.level" Medium;
    "compression.zstd.level" Medium;
    "batch.size" Medium;
    "partitioner.adaptive.partitioning.enable" Low;
    "partitioner.availability.timeout.ms" Low;
    "partitioner.ignore.keys" Medium;
    "linger.ms" Medium;
    "delivery.timeout.ms" Medium;
    "client.id" Medium;
    "send.buffer.bytes" Medium;
    "receive.buffer.bytes" Medium;
    "max.request.size" Medium;
    "reconnect.backoff.ms" Low;
    "reconnect.backoff.max.ms" Low;
    "retry.backoff.ms" Low;
    "retry.backoff.max.ms" Low;
    "enable.metrics.push" Low;
    "max.block.ms" Medium;
    "request.timeout.ms" Medium;
    "metadata.max.age.ms" Low;
    "metadata.max.idle.ms" Low;
    "metrics.sample.window.ms" Low;
    "metrics.num.samples" Low;
    "metrics.recording.level" Low;
    "metric.reporters" Low;
    "max.in.flight.requests.per.connection" Low;
    "key.serializer" High;
    "value.serializer" High;
    "socket.connection.setup.timeout.ms" Medium;
    "socket.connection.setup.timeout.max.ms" Medium;
    "connections.max.idle.ms" Medium;
    "partitioner.class" Medium;
    "interceptor.classes" Low;
    "security.protocol" Medium;
    "security.providers" Low;
    "ssl.protocol" Medium;
    "ssl.provider" Medium;
    "ssl.cipher.suites" Low;
    "ssl.enabled.protocols" Medium;
    "ssl.keystore.type" Medium;
    "ssl.keystore.location" High;
    "ssl.keystore.password" High;
    "ssl.key.password" High;
    "ssl.keystore.key" High;
    "ssl.keystore.certificate.chain" High;
    "ssl.truststore.certificates" High;
    "ssl.truststore.type" Medium;
    "ssl.truststore.location" High;
    "ssl.truststore.password" High;
    "ssl.keymanager.algorithm" Low;
    "ssl.trustmanager.algorithm" Low;
    "ssl.endpoint.identification.algorithm" Low;
    "ssl.secure.random.implementation" Low;
    "ssl.engine.factory.class" Low;
    "sasl.kerberos.service.name" Medium;
    "sasl.kerberos.kinit.cmd" Low;
    "sasl.kerberos.ticket.renew.window.factor" Low;
    "sasl.kerberos.ticket.renew.jitter" Low;
    "sasl.kerberos.min.time.before.relogin" Low;
    "sasl.login.refresh.window.factor" Low;
    "sasl.login.refresh.window.jitter" Low;
    "sasl.login.refresh.min.period.seconds" Low;
    "sasl.login.refresh.buffer.seconds" Low;
    "sasl.mechanism" Medium;
    "sasl.jaas.config" Medium;
    "sasl.client.callback.handler.class" Medium;
    "sasl.login.callback.handler.class" Medium;
    "sasl.login.class" Medium;
    "sasl.login.connect.timeout.ms" Low;
    "sasl.login.read.timeout.ms" Low;
    "sasl.login.retry.backoff.max.ms" Low;
    "sasl.login.retry.backoff.ms" Low;
    "sasl.oauthbearer.jwt.retriever.class" Medium;
    "sasl.oauthbearer.jwt.validator.class" Medium;
    "sasl.oauthbearer.scope" Medium;
    "sasl.oauthbearer.client.credentials.client.id" Medium;
    "sasl.oauthbearer.client.credentials.client.secret" Medium;
    "sasl.oauthbearer.assertion.algorithm" Medium;
    "sasl.oauthbearer.assertion.claim.aud" Medium;
    "sasl.oauthbearer.assertion.claim.exp.seconds" Low;
    "sasl.oauthbearer.assertion.claim.iss" Medium;
    "sasl.oauthbearer.assertion.claim.jti.include" Medium;
    "sasl.oauthbearer.assertion.claim.nbf.seconds" Low;
    "sasl.oauthbearer.assertion.claim.sub" Medium;
    "sasl.oauthbearer.assertion.file" Medium;
    "sasl.oauthbearer.assertion.private.key.file" Medium;
    "sasl.oauthbearer.assertion.private.key.passphrase" Medium;
    "sasl.oauthbearer.assertion.template.file" Medium;
    "sasl.oauthbearer.scope.claim.name" Low;
    "sasl.oauthbearer.sub.claim.name" Low;
    "sasl.oauthbearer.token.endpoint.url" Medium;
    "sasl.oauthbearer.jwks.endpoint.url" Medium;
    "sasl.oauthbearer.jwks.endpoint.refresh.ms" Low;
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms" Low;
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms" Low;
    "sasl.oauthbearer.clock.skew.seconds" Low;
    "sasl.oauthbearer.expected.audience" High;
    "sasl.oauthbearer.expected.issuer" High;
    "sasl.oauthbearer.header.urlencode" Low;
    "enable.idempotence" Low;
    "transaction.timeout.ms" Low;
    "transactional.id" Low;
    "transaction.two.phase.commit.enable" Low;
    "metadata.recovery.strategy" Low;
    "metadata.recovery.rebootstrap.trigger.ms" Low;
    "config.providers" Low;
}

/// Keys that Java's definitions do not have, and that what a producer is made of reads all the same: its serialisers of text and
/// of UUIDs, and what shows its metrics to others (`JmxReporter`).
pub(super) const UNDEFINED: [&str; 5] = [
    "key.serializer.encoding",
    "value.serializer.encoding",
    "serializer.encoding",
    "metrics.jmx.include",
    "metrics.jmx.exclude",
];

/// Has Kafka a use for a key of this name, in the definitions or beside them? What stands behind `metrics.context.` is told to
/// reporters of metrics with each of them (KIP-606).
pub fn is_known(key: &str) -> bool {
    KNOWN_KEYS.contains(&key) || UNDEFINED.contains(&key) || key.starts_with("metrics.context.")
}

/// The known key that looks most like `key`, if one looks like it at all: at most a third of its letters differ.
pub fn nearest_known_key(key: &str) -> Option<&'static str> {
    let wanted = key.trim().to_ascii_lowercase().replace(['_', '-'], ".");
    let length = wanted.chars().count();
    KNOWN_KEYS
        .iter()
        .chain(&UNDEFINED)
        // At least this many letters differ; for what is no key at all the distance would be a long computation.
        .filter(|known| length.abs_diff(known.len()) * 3 <= known.len())
        .map(|known| (strsim::osa_distance(&wanted, known), *known))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, known)| distance * 3 <= known.len())
        .map(|(_, known)| known)
}
