//! Spring Boot's `spring.kafka` YAML, as its `KafkaProperties` make the Java client's properties of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use producer_core::config::{ConfigNotice, nearest_known_key};
use yaml_rust2::{Yaml, YamlLoader};

use super::{ReadError, Translated};

/// Spring's names below `spring.kafka` and `spring.kafka.producer`, in letters and points alone, and the Java client's key.
const NAMES: &[(&str, &str)] = &[
    ("acks", "acks"),
    ("batchsize", "batch.size"),
    ("bootstrapservers", "bootstrap.servers"),
    ("buffermemory", "buffer.memory"),
    ("clientid", "client.id"),
    ("compressiontype", "compression.type"),
    ("keyserializer", "key.serializer"),
    ("retries", "retries"),
    ("valueserializer", "value.serializer"),
    ("security.protocol", "security.protocol"),
    ("ssl.keypassword", "ssl.key.password"),
    ("ssl.keystorecertificatechain", "ssl.keystore.certificate.chain"),
    ("ssl.keystorekey", "ssl.keystore.key"),
    ("ssl.keystorelocation", "ssl.keystore.location"),
    ("ssl.keystorepassword", "ssl.keystore.password"),
    ("ssl.keystoretype", "ssl.keystore.type"),
    ("ssl.protocol", "ssl.protocol"),
    ("ssl.truststorecertificates", "ssl.truststore.certificates"),
    ("ssl.truststorelocation", "ssl.truststore.location"),
    ("ssl.truststorepassword", "ssl.truststore.password"),
    ("ssl.truststoretype", "ssl.truststore.type"),
];

/// Of the names, those that Spring also reads for all clients together.
const COMMON: &[&str] = &["bootstrapservers", "clientid", "security.", "ssl."];

/// Groups of `spring.kafka` that are no producer's.
const NOT_A_PRODUCERS: &[&str] = &["consumer", "admin", "streams", "listener", "template", "retry"];

/// Reads the `spring.kafka` of an `application.yml`: its `producer`, what it says for all clients, and the free
/// `properties` of both. The producer's own wins over what is common, free properties over the named ones of the same place.
///
/// Names may be written in Spring's ways (`batch-size`, `batchSize`, `batch_size`) and as one dotted name; sizes may have a
/// unit (`16KB`). Of several documents those count that are not bound to a profile. What a placeholder `${…}` stands for is
/// not known here.
///
/// # Errors
/// When the text is no YAML.
pub fn from_spring_yaml(text: &str) -> Result<Translated, ReadError> {
    let documents =
        YamlLoader::load_from_str(text).map_err(|error| ReadError::NotYaml { line: error.marker().line() })?;
    let mut given = BTreeMap::new();
    for document in documents {
        let mut flat = BTreeMap::new();
        flatten(&document, "", &mut flat);
        if !flat.keys().any(|key| uniform(key).starts_with("spring.config.activate.")) {
            given.extend(flat);
        }
    }
    let mut read = Translated::default();
    let kafka: Vec<(&str, &str)> =
        given.iter().filter_map(|(key, value)| Some((key.strip_prefix("spring.kafka.")?, value.as_str()))).collect();
    let producer: Vec<(&str, &str)> =
        kafka.iter().filter_map(|(key, value)| Some((key.strip_prefix("producer.")?, *value))).collect();
    let common: Vec<(&str, &str)> = kafka.iter().filter(|(key, _)| is_common(key)).copied().collect();
    for (place, is_for_all) in [(common, true), (producer, false)] {
        named(&mut read, &place, is_for_all);
        for (key, value) in place {
            if let Some(free) = key.strip_prefix("properties.") {
                read.set(free, value);
            }
        }
    }
    Ok(read)
}

fn is_common(key: &str) -> bool {
    let group = key.split('.').next().unwrap_or_default();
    group != "producer" && !NOT_A_PRODUCERS.contains(&group)
}

/// What has a name of its own in Spring.
fn named(read: &mut Translated, place: &[(&str, &str)], is_for_all: bool) {
    let prefix = if is_for_all { "spring.kafka" } else { "spring.kafka.producer" };
    let is_read_here = |name: &str| !is_for_all || COMMON.iter().any(|common| name.starts_with(common));
    for (key, value) in place.iter().filter(|(key, _)| !key.starts_with("properties.")) {
        let name = uniform(key);
        match NAMES.iter().find(|(spring, _)| *spring == name && is_read_here(spring)) {
            Some((_, java @ ("batch.size" | "buffer.memory"))) => {
                read.set(*java, bytes(value).unwrap_or_else(|| (*value).to_owned()));
            }
            Some((_, java)) => read.set(*java, *value),
            // Spring numbers its producers behind this.
            None if name == "transactionidprefix" && !is_for_all => read.set("transactional.id", format!("{value}0")),
            // What Spring itself makes of these, for a JVM.
            None if name.starts_with("jaas.") || name == "ssl.bundle" => {
                read.has_no_effect(&format!("{prefix}.{key}"));
            }
            None => read.notices.push(ConfigNotice::UnknownKey {
                key: format!("{prefix}.{key}").into(),
                nearest: nearest_known_key(key).map(Arc::from),
            }),
        }
    }
}

/// A name as Spring compares it: small letters without dashes and underscores.
fn uniform(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// A size with or without its unit (`DataSize`).
fn bytes(size: &str) -> Option<String> {
    let size = size.trim();
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &size[digits.len()..] {
        "B" => 0,
        "KB" => 10,
        "MB" => 20,
        "GB" => 30,
        "TB" => 40,
        _ => return None,
    };
    let factor = 1_i64 << shift;
    Some(digits.trim().parse::<i64>().ok()?.checked_mul(factor)?.to_string())
}

/// Every leaf under the names that lead to it, with points between them.
fn flatten(node: &Yaml, path: &str, flat: &mut BTreeMap<String, String>) {
    match node {
        Yaml::Hash(children) => {
            for (key, child) in children {
                let Some(key) = scalar(key) else { continue };
                // In brackets a name keeps its points.
                let key = key.trim_start_matches('[').trim_end_matches(']');
                let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                flatten(child, &path, flat);
            }
        }
        Yaml::Array(elements) => {
            let elements: Vec<String> = elements.iter().filter_map(scalar).collect();
            flat.insert(path.to_owned(), elements.join(","));
        }
        // Null is as if it were not there.
        leaf => flat.extend(scalar(leaf).map(|value| (path.to_owned(), value))),
    }
}

fn scalar(node: &Yaml) -> Option<String> {
    match node {
        Yaml::String(text) => Some(match text.as_str() {
            // Spring reads YAML 1.1, where these are booleans.
            "yes" | "Yes" | "YES" | "on" | "On" | "ON" => "true".to_owned(),
            "no" | "No" | "NO" | "off" | "Off" | "OFF" => "false".to_owned(),
            // There digits may stand in groups.
            text if is_grouped_number(text) => text.replace('_', ""),
            text => text.to_owned(),
        }),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Real(number) => Some(number.clone()),
        Yaml::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

fn is_grouped_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> BTreeMap<String, String> {
        from_spring_yaml(text).expect("YAML").properties.into_iter().collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_producer_is_read_with_what_is_said_for_all_clients() {
        let text = "
spring:
  kafka:
    bootstrap-servers: [a:1, b:2]
    client-id: everybody
    properties:
      linger.ms: 5
      request.timeout.ms: 20000
    consumer:
      group-id: readers
    producer:
      clientId: orders
      batch-size: 32KB
      buffer_memory: 64MB
      acks: all
      compression-type: none
      properties:
        linger.ms: 50
        enable:
          idempotence: on
        '[max.block.ms]': 1000
";
        let read = [
            ("bootstrap.servers", "a:1,b:2"),
            ("client.id", "orders"),
            ("batch.size", "32768"),
            ("buffer.memory", "67108864"),
            ("acks", "all"),
            ("compression.type", "none"),
            ("linger.ms", "50"),
            ("request.timeout.ms", "20000"),
            ("enable.idempotence", "true"),
            ("max.block.ms", "1000"),
        ];
        assert_eq!(pairs(text), expected(&read));
        let (config, _) = from_spring_yaml(text).expect("YAML").verdict().expect("accepted");
        assert_eq!(config.value_of("batch.size").as_deref(), Some("32768"));
    }

    /// The right side is what the `KafkaProperties` of Spring Boot 3.4.5 make of the left, their default serialisers and
    /// addresses apart; the number behind the prefix is `DefaultKafkaProducerFactory`'s first.
    #[test]
    fn a_free_property_wins_over_a_name_of_the_same_place_and_the_producers_over_the_common() {
        let text = "
spring.kafka.producer.retries: 3
spring.kafka.properties.batch.size: 77
spring.kafka.producer.batchSize: 88
spring.kafka.producer.acks: 1
spring.kafka.acks: 0
spring.kafka.producer.properties.client.id: free
spring.kafka.producer.client-id: named
spring.kafka.producer.transaction-id-prefix: tx-
spring.kafka.security.protocol: PLAINTEXT
spring.kafka.producer.ssl.key-password: k
spring.kafka.ssl.trust-store-type: PEM
spring.kafka.producer.properties:
  metrics.num.samples: 0x10
  linger.ms: 1_000
  enable.idempotence: off
";
        let spring = [
            ("acks", "1"),
            ("batch.size", "88"),
            ("client.id", "free"),
            ("enable.idempotence", "false"),
            ("linger.ms", "1000"),
            ("metrics.num.samples", "16"),
            ("retries", "3"),
            ("security.protocol", "PLAINTEXT"),
            ("ssl.key.password", "k"),
            ("ssl.truststore.type", "PEM"),
            ("transactional.id", "tx-0"),
        ];
        assert_eq!(pairs(text), expected(&spring));
    }

    #[test]
    fn dotted_names_and_documents_for_a_profile_are_understood() {
        let text = "spring.kafka.producer.retries: 3\n---\nspring:\n  config.activate.on-profile: test\n  kafka.producer.retries: 7\n\
            ---\nspring.kafka.producer.acks: 1\n";
        assert_eq!(pairs(text), expected(&[("retries", "3"), ("acks", "1")]));
    }

    #[test]
    fn the_verdict_is_the_java_clients() {
        let text = "spring.kafka.producer:\n  acks: 1\n  properties:\n    enable.idempotence: true\n";
        let error = from_spring_yaml(text).expect("YAML").verdict().expect_err("refused");
        assert!(error.message.starts_with("Must set acks to all"), "{}", error.message);
        let size =
            from_spring_yaml("spring.kafka.producer.batch-size: 16k\n").expect("YAML").verdict().expect_err("refused");
        assert_eq!(&*size.message, "Invalid value 16k for configuration batch.size: Not a number of type INT");
    }

    #[test]
    fn what_spring_reads_for_a_producer_alone_is_not_read_for_all_clients() {
        let read = from_spring_yaml("spring.kafka.acks: 1\nspring.kafka.jaas.enabled: true\n").expect("YAML");
        assert_eq!(read.properties, []);
        let (unknown, jaas) = ("spring.kafka.acks".into(), "spring.kafka.jaas.enabled".into());
        let nearest = Some("acks".into());
        assert_eq!(
            read.notices,
            [ConfigNotice::UnknownKey { key: unknown, nearest }, ConfigNotice::NoEffect { key: jaas }]
        );
    }

    #[test]
    fn a_name_that_spring_has_not_is_told() {
        let read = from_spring_yaml("spring.kafka.producer.batch-sise: 5\n").expect("YAML");
        let (key, nearest) = ("spring.kafka.producer.batch-sise".into(), Some("batch.size".into()));
        assert_eq!(read.notices, [ConfigNotice::UnknownKey { key, nearest }]);
    }

    #[test]
    fn a_text_that_is_no_yaml_is_told_with_its_line_alone() {
        let error = from_spring_yaml("spring:\n  kafka: [swordfish\n").expect_err("no YAML");
        assert!(matches!(error, ReadError::NotYaml { .. }) && !error.to_string().contains("swordfish"), "{error}");
    }
}
