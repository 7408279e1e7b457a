//! The options that this producer does not obey: their values are judged as the Java client judges them, and then have no
//! effect; or they are refused, where going on without what was asked for would do harm.
//!
//! To obey one, move its row to `table.rs`. What a driver alone obeys, and a page may not know, stays here (`is_obeyed`).

#[cfg(feature = "settings")]
use std::collections::{BTreeMap, BTreeSet};

use super::ConfigError;
#[cfg(feature = "settings")]
use super::ConfigNotice;
#[cfg(not(feature = "settings"))]
use super::kind::INT_FROM_MINUS_1;
#[cfg(not(feature = "metrics"))]
use super::kind::LONG_FROM_0;
use super::kind::{Kind, parse};
#[cfg(feature = "settings")]
use super::kind::{elements, is_in_any_case, trim};

/// An option whose value goes nowhere.
pub(super) struct Other {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// As written in a `.properties` file; `None`: null, or there is none and Java requires one.
    #[cfg(feature = "settings")]
    pub(super) default: Option<&'static str>,
}

macro_rules! others {
    ($($(#[$only:meta])* $name:literal $kind:expr, $default:expr;)*) => {
        &[$($(#[$only])* Other {
            name: $name,
            kind: $kind,
            #[cfg(feature = "settings")]
            default: $default,
        }),*]
    };
}

#[cfg(feature = "settings")]
const INT: Kind = Kind::Int { at_least: None };
#[cfg(feature = "settings")]
const LONG: Kind = Kind::Long { at_least: None };
#[cfg(feature = "settings")]
const LIST: Kind = Kind::List { non_empty: false };

#[cfg(feature = "settings")]
const CLASSES: &str = "no Java classes are loaded here";
/// Kafka's own, and the only class of another's choosing that is obeyed.
#[cfg(feature = "settings")]
const ROUND_ROBIN: &str = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
#[cfg(feature = "settings")]
const PARTITIONERS: &str = "no Java classes are loaded here; of Kafka's own, org.apache.kafka.clients.producer.RoundRobinPartitioner is obeyed";
#[cfg(feature = "settings")]
const PROTOCOLS: &str =
    "connections are neither encrypted nor authenticated here; use a PLAINTEXT listener of your brokers";
#[cfg(feature = "settings")]
const PROVIDERS: &str = "references to other sources of settings are not resolved here; write the values themselves";

/// What a page may set.
const PLAIN: &[Other] = others! {
    "client.dns.lookup" Kind::OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]), Some("use_all_dns_ips");
    #[cfg(not(feature = "settings"))]
    "send.buffer.bytes" INT_FROM_MINUS_1, Some("131072");
    #[cfg(not(feature = "settings"))]
    "receive.buffer.bytes" INT_FROM_MINUS_1, Some("32768");
    "enable.metrics.push" Kind::Boolean, Some("true");
    #[cfg(not(feature = "metrics"))]
    "metrics.sample.window.ms" LONG_FROM_0, Some("30000");
    #[cfg(not(feature = "metrics"))]
    "metrics.num.samples" Kind::Int { at_least: Some(1) }, Some("2");
    #[cfg(not(feature = "metrics"))]
    "metrics.recording.level" Kind::OneOf(&["INFO", "DEBUG", "TRACE"]), Some("INFO");
    "transaction.two.phase.commit.enable" Kind::Boolean, Some("false");
};

/// What belongs to the bridge's operator or the library's user: where to connect, as whom, and what code to run. A page may
/// not set these and carries none of them (`session::is_the_bridges_own`).
#[cfg(feature = "settings")]
const OWN: &[Other] = others! {
    "bootstrap.servers" Kind::List { non_empty: true }, None;
    "metric.reporters" LIST, Some("org.apache.kafka.common.metrics.JmxReporter");
    "key.serializer" Kind::Class, None;
    "value.serializer" Kind::Class, None;
    "partitioner.class" Kind::Class, None;
    "interceptor.classes" LIST, Some("");
    "security.protocol" Kind::OneOfAnyCase(&["SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT"]), Some("PLAINTEXT");
    "security.providers" Kind::Text, None;
    "ssl.protocol" Kind::Text, Some("TLSv1.3");
    "ssl.provider" Kind::Text, None;
    "ssl.cipher.suites" LIST, Some("");
    "ssl.enabled.protocols" LIST, Some("TLSv1.2,TLSv1.3");
    "ssl.keystore.type" Kind::Text, Some("JKS");
    "ssl.keystore.location" Kind::Text, None;
    "ssl.keystore.password" Kind::Password, None;
    "ssl.key.password" Kind::Password, None;
    "ssl.keystore.key" Kind::Password, None;
    "ssl.keystore.certificate.chain" Kind::Password, None;
    "ssl.truststore.certificates" Kind::Password, None;
    "ssl.truststore.type" Kind::Text, Some("JKS");
    "ssl.truststore.location" Kind::Text, None;
    "ssl.truststore.password" Kind::Password, None;
    "ssl.keymanager.algorithm" Kind::Text, Some("SunX509");
    "ssl.trustmanager.algorithm" Kind::Text, Some("PKIX");
    "ssl.endpoint.identification.algorithm" Kind::Text, Some("https");
    "ssl.secure.random.implementation" Kind::Text, None;
    "ssl.engine.factory.class" Kind::Class, None;
    "sasl.kerberos.service.name" Kind::Text, None;
    "sasl.kerberos.kinit.cmd" Kind::Text, Some("/usr/bin/kinit");
    "sasl.kerberos.ticket.renew.window.factor" Kind::Double(None), Some("0.8");
    "sasl.kerberos.ticket.renew.jitter" Kind::Double(None), Some("0.05");
    "sasl.kerberos.min.time.before.relogin" LONG, Some("60000");
    "sasl.login.refresh.window.factor" Kind::Double(Some(("0.5", "1.0"))), Some("0.8");
    "sasl.login.refresh.window.jitter" Kind::Double(Some(("0.0", "0.25"))), Some("0.05");
    "sasl.login.refresh.min.period.seconds" Kind::ShortUpTo(900), Some("60");
    "sasl.login.refresh.buffer.seconds" Kind::ShortUpTo(3600), Some("300");
    "sasl.mechanism" Kind::Text, Some("GSSAPI");
    "sasl.jaas.config" Kind::Password, None;
    "sasl.client.callback.handler.class" Kind::Class, None;
    "sasl.login.callback.handler.class" Kind::Class, None;
    "sasl.login.class" Kind::Class, None;
    "sasl.login.connect.timeout.ms" INT, None;
    "sasl.login.read.timeout.ms" INT, None;
    "sasl.login.retry.backoff.max.ms" LONG, Some("10000");
    "sasl.login.retry.backoff.ms" LONG, Some("100");
    "sasl.oauthbearer.jwt.retriever.class" Kind::Class, Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever");
    "sasl.oauthbearer.jwt.validator.class" Kind::Class, Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator");
    "sasl.oauthbearer.scope" Kind::Text, None;
    "sasl.oauthbearer.client.credentials.client.id" Kind::Text, None;
    "sasl.oauthbearer.client.credentials.client.secret" Kind::Password, None;
    "sasl.oauthbearer.assertion.algorithm" Kind::OneOfAnyCase(&["ES256", "RS256"]), Some("RS256");
    "sasl.oauthbearer.assertion.claim.aud" Kind::Text, None;
    "sasl.oauthbearer.assertion.claim.exp.seconds" Kind::IntBetween { least: 0, most: 86_400 }, Some("300");
    "sasl.oauthbearer.assertion.claim.iss" Kind::Text, None;
    "sasl.oauthbearer.assertion.claim.jti.include" Kind::Boolean, Some("false");
    "sasl.oauthbearer.assertion.claim.nbf.seconds" Kind::IntBetween { least: 0, most: 3600 }, Some("60");
    "sasl.oauthbearer.assertion.claim.sub" Kind::Text, None;
    "sasl.oauthbearer.assertion.file" Kind::Text, None;
    "sasl.oauthbearer.assertion.private.key.file" Kind::Text, None;
    "sasl.oauthbearer.assertion.private.key.passphrase" Kind::Password, None;
    "sasl.oauthbearer.assertion.template.file" Kind::Text, None;
    "sasl.oauthbearer.scope.claim.name" Kind::Text, Some("scope");
    "sasl.oauthbearer.sub.claim.name" Kind::Text, Some("sub");
    "sasl.oauthbearer.token.endpoint.url" Kind::Text, None;
    "sasl.oauthbearer.jwks.endpoint.url" Kind::Text, None;
    "sasl.oauthbearer.jwks.endpoint.refresh.ms" LONG, Some("3600000");
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms" LONG, Some("10000");
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms" LONG, Some("100");
    "sasl.oauthbearer.clock.skew.seconds" INT, Some("30");
    "sasl.oauthbearer.expected.audience" LIST, Some("");
    "sasl.oauthbearer.expected.issuer" Kind::Text, None;
    "sasl.oauthbearer.header.urlencode" Kind::Boolean, Some("false");
    "config.providers" LIST, Some("");
};

#[cfg(feature = "settings")]
const TWO_PHASE_COMMIT: &str =
    "two-phase commit (KIP-939) is not done here, and the transaction would expire as any other";

/// Keys of which a value other than the default, or one that is obeyed, is refused, and why. A page may set the last one: it begins no transactions, so
/// there it does no harm; its bridge refuses it all the same.
#[cfg(feature = "settings")]
const REFUSALS: &[(&str, &str)] = &[
    ("metric.reporters", CLASSES),
    ("partitioner.class", PARTITIONERS),
    ("interceptor.classes", CLASSES),
    ("security.protocol", PROTOCOLS),
    ("ssl.engine.factory.class", CLASSES),
    ("sasl.client.callback.handler.class", CLASSES),
    ("sasl.login.callback.handler.class", CLASSES),
    ("sasl.login.class", CLASSES),
    ("sasl.oauthbearer.jwt.retriever.class", CLASSES),
    ("sasl.oauthbearer.jwt.validator.class", CLASSES),
    ("config.providers", PROVIDERS),
    ("transaction.two.phase.commit.enable", TWO_PHASE_COMMIT),
];

/// Keys that have no place in the page's table and are obeyed all the same.
#[cfg(feature = "settings")]
pub(super) fn is_obeyed(key: &str) -> bool {
    ["bootstrap.servers", "key.serializer", "value.serializer"].contains(&key)
}

/// Is it Kafka's `RoundRobinPartitioner` that chooses partitions?
#[cfg(feature = "settings")]
pub(super) fn names_round_robin(given: &BTreeMap<&str, &str>) -> bool {
    given.get("partitioner.class").is_some_and(|class| trim(class) == ROUND_ROBIN)
}

/// `ClientDnsLookup.RESOLVE_CANONICAL_BOOTSTRAP_SERVERS_ONLY`; addresses are used as they are, for only logins by Kerberos need
/// the names, but who is unknown is an error then.
#[cfg(feature = "settings")]
pub(super) fn looks_up_canonical_names(given: &BTreeMap<&str, &str>) -> bool {
    given.get("client.dns.lookup").is_some_and(|how| trim(how) == "resolve_canonical_bootstrap_servers_only")
}

#[cfg(feature = "settings")]
pub(super) fn refusal(key: &str) -> Option<&'static str> {
    REFUSALS.iter().find(|(refused, _)| *refused == key).map(|(_, why)| *why)
}

/// The row of a key that is known and not obeyed; in a page, of one that the page may set.
pub(super) fn row(key: &str) -> Option<&'static Other> {
    rows().find(|row| row.name == key)
}

/// All of them; in a page, those it may set.
pub(super) fn rows() -> impl Iterator<Item = &'static Other> {
    let rows = PLAIN.iter();
    #[cfg(feature = "settings")]
    let rows = rows.chain(OWN);
    rows
}

/// Judges a value as the Java client does; in a page, that of a key which it may set.
pub(super) fn judge(key: &str, written: &str) -> Result<(), ConfigError> {
    let Some(other) = row(key) else { return Ok(()) };
    parse(key, other.kind, written)?;
    #[cfg(feature = "settings")]
    super::serializers::check_name(key, written)?;
    Ok(())
}

/// What is told of a list in which something stands twice (`ConfigDef.parseValue`). Every list of a producer is cleared so.
#[cfg(feature = "settings")]
pub(super) fn duplicates(key: &str, written: &str) -> Option<ConfigNotice> {
    row(key).filter(|other| matches!(other.kind, Kind::List { .. }))?;
    let given: Vec<&str> = elements(trim(written)).collect();
    let mut seen = BTreeSet::new();
    let kept: Vec<&str> = given.iter().copied().filter(|element| seen.insert(*element)).collect();
    let as_java_writes_it = |list: &[&str]| format!("[{}]", list.join(", ")).into();
    (kept.len() < given.len()).then(|| ConfigNotice::DuplicatesRemoved {
        key: key.into(),
        from: as_java_writes_it(&given),
        to: as_java_writes_it(&kept),
    })
}

/// Refuses what would do harm if it had no effect. The value is not repeated.
#[cfg(feature = "settings")]
pub(super) fn refuse(given: &BTreeMap<&str, &str>) -> Result<(), ConfigError> {
    for (key, why) in REFUSALS {
        let is_asked_for = |other| given.get(key).is_some_and(|written| !is_harmless(other, written));
        if row(key).is_some_and(is_asked_for) {
            return Err(super::refused(&[key], format!("{key} is refused: {why}")));
        }
    }
    Ok(())
}

#[cfg(feature = "settings")]
fn is_harmless(other: &Other, written: &str) -> bool {
    let (given, default) = (trim(written), other.default.unwrap_or_default());
    match other.kind {
        Kind::List { .. } => given.is_empty() || elements(given).all(|element| element == default),
        Kind::OneOfAnyCase(_) | Kind::Boolean => is_in_any_case(given, default),
        // What is obeyed needs no refusal either.
        Kind::Class if other.name == "partitioner.class" => given == ROUND_ROBIN,
        _ => other.default == Some(given),
    }
}
