//! Spring Boot's `spring.kafka` YAML, as its `KafkaProperties` make the Java client's properties of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use producer_core::config::{ConfigNotice, nearest_known_key};

use super::yaml::{self, Leaf};
use super::{ReadError, Translated};

/// Spring's names below `spring.kafka` and `spring.kafka.producer`, and the Java client's key.
const NAMES: &[(&str, &str)] = &[
    ("acks", "acks"),
    ("batch-size", "batch.size"),
    ("bootstrap-servers", "bootstrap.servers"),
    ("buffer-memory", "buffer.memory"),
    ("client-id", "client.id"),
    ("compression-type", "compression.type"),
    ("key-serializer", "key.serializer"),
    ("retries", "retries"),
    ("value-serializer", "value.serializer"),
    ("security.protocol", "security.protocol"),
    ("ssl.key-password", "ssl.key.password"),
    ("ssl.key-store-certificate-chain", "ssl.keystore.certificate.chain"),
    ("ssl.key-store-key", "ssl.keystore.key"),
    ("ssl.key-store-location", "ssl.keystore.location"),
    ("ssl.key-store-password", "ssl.keystore.password"),
    ("ssl.key-store-type", "ssl.keystore.type"),
    ("ssl.protocol", "ssl.protocol"),
    ("ssl.trust-store-certificates", "ssl.truststore.certificates"),
    ("ssl.trust-store-location", "ssl.truststore.location"),
    ("ssl.trust-store-password", "ssl.truststore.password"),
    ("ssl.trust-store-type", "ssl.truststore.type"),
];

/// Of the names, those that Spring also reads for all clients together.
const COMMON: &[&str] = &["bootstrap-servers", "client-id", "security.", "ssl."];

/// Names of which the empty text is no value to Spring: numbers, sizes and classes.
const NEVER_EMPTY: &[&str] = &["batch-size", "buffer-memory", "key-serializer", "retries", "value-serializer"];

/// Groups of `spring.kafka` that are no producer's.
const NOT_A_PRODUCERS: &[&str] = &["consumer", "admin", "streams", "listener", "template", "retry"];

/// Reads the `spring.kafka` of an `application.yml`: its `producer`, what it says for all clients, and the free
/// `properties` of both. The producer's own wins over what is common, free properties over the named ones of the same place.
///
/// Names may be written in Spring's ways (`batch-size`, `batchSize`, `BATCH_SIZE`) and as one dotted name; sizes may have a
/// unit (`16KB`). Words have the types of YAML 1.1 unless they are quoted, and null is the empty text. Of several documents
/// those count that are not bound to a profile, and the last of them wins. What a placeholder `${…}` stands for is not known
/// here. Where nothing lies under `spring.kafka`, a notice says that it has no effect.
///
/// # Errors
/// When the text is no YAML, or too much of it.
pub fn from_spring_yaml(text: &str) -> Result<Translated, ReadError> {
    let mut kafka = Kafka::default();
    for document in yaml::documents(text)? {
        if !document.iter().any(is_for_a_profile) {
            kafka.add(&document);
        }
    }
    let mut read = Translated::default();
    if !kafka.is_there {
        read.has_no_effect("spring.kafka");
    }
    for (place, is_for_all) in [(kafka.common, true), (kafka.producer, false)] {
        for (name, value) in &place.named {
            take(&mut read, name, value, is_for_all);
        }
        for (key, value) in place.free {
            read.set(key, value);
        }
    }
    Ok(read)
}

/// `spring.config.activate`, or `spring.profiles` as it was before.
fn is_for_a_profile(leaf: &Leaf) -> bool {
    let path: Vec<_> = leaf.path.iter().map(|name| uniform(name)).collect();
    let path: Vec<_> = path.iter().map(String::as_str).collect();
    path.starts_with(&["spring", "config", "activate"]) || path == ["spring", "profiles"]
}

/// What stands under `spring.kafka`.
#[derive(Default)]
struct Kafka {
    is_there: bool,
    common: Place,
    producer: Place,
}

#[derive(Default)]
struct Place {
    /// By the name as it is compared.
    named: BTreeMap<String, Named>,
    /// `properties`.
    free: BTreeMap<String, String>,
}

#[derive(Default)]
struct Named {
    written: String,
    value: Option<String>,
    /// Of a list: its elements by their places.
    elements: BTreeMap<usize, String>,
}

impl Kafka {
    /// What a later document says stands in the place of what an earlier one said, lists as a whole.
    fn add(&mut self, document: &[Leaf]) {
        let mut later = Self::default();
        for leaf in document {
            later.add_leaf(leaf);
        }
        self.is_there |= later.is_there;
        for (place, later) in [(&mut self.common, later.common), (&mut self.producer, later.producer)] {
            place.named.extend(later.named);
            place.free.extend(later.free);
        }
    }

    fn add_leaf(&mut self, leaf: &Leaf) {
        let [spring, kafka, group, rest @ ..] = &leaf.path[..] else { return };
        if (uniform(spring).as_str(), uniform(kafka).as_str()) != ("spring", "kafka") {
            return;
        }
        self.is_there = true;
        match uniform(group).as_str() {
            "producer" => self.producer.add(rest, &leaf.value),
            other if NOT_A_PRODUCERS.contains(&other) => {}
            _ => self.common.add(&leaf.path[2..], &leaf.value),
        }
    }
}

impl Place {
    fn add(&mut self, path: &[String], value: &str) {
        let Some((first, rest)) = path.split_first() else { return };
        if uniform(first) == "properties" && !rest.is_empty() {
            // A key keeps its letters.
            self.free.insert(rest.join("."), value.to_owned());
            return;
        }
        let place = path.last().and_then(|last| last.parse().ok()).filter(|_| !rest.is_empty());
        let name = &path[..path.len() - usize::from(place.is_some())];
        let written = name.join(".");
        let named = self.named.entry(uniform_path(&written)).or_default();
        match place {
            Some(place) => drop(named.elements.insert(place, value.to_owned())),
            // Of two ways to write a name in one document, Spring's own counts.
            None if named.value.is_none() || NAMES.iter().any(|(name, _)| *name == written) => {
                named.value = Some(value.to_owned());
            }
            None => {}
        }
        named.written = written;
    }
}

/// What has a name of its own in Spring.
fn take(read: &mut Translated, name: &str, named: &Named, is_for_all: bool) {
    let prefix = if is_for_all { "spring.kafka" } else { "spring.kafka.producer" };
    let is_read_here = |name: &str| !is_for_all || COMMON.iter().any(|common| name.starts_with(common));
    let known = NAMES.iter().find(|(spring, _)| uniform_path(spring) == name && is_read_here(spring));
    let value = named.value.as_deref();
    match (known, value) {
        (Some((spring, _)), Some("")) if NEVER_EMPTY.contains(spring) => {}
        (Some((_, java @ ("batch.size" | "buffer.memory"))), Some(value)) => {
            read.set(*java, bytes(value).unwrap_or_else(|| value.to_owned()));
        }
        (Some((_, java)), Some(value)) => read.set(*java, value),
        (Some((_, java @ "bootstrap.servers")), None) => {
            let elements: Vec<_> = named.elements.values().map(String::as_str).collect();
            read.set(*java, elements.join(","));
        }
        // Spring numbers its producers behind this.
        (None, Some(value)) if name == "transactionidprefix" && !is_for_all => {
            read.set("transactional.id", format!("{value}0"));
        }
        // A list where Spring wants one value is passed over, and the others are what Spring itself makes of them, for a JVM.
        (known, _) if known.is_some() || name.starts_with("jaas.") || name == "ssl.bundle" => {
            read.has_no_effect(&format!("{prefix}.{}", named.written));
        }
        _ => read.notices.push(ConfigNotice::UnknownKey {
            key: format!("{prefix}.{}", named.written).into(),
            nearest: nearest_known_key(&named.written).map(Arc::from),
        }),
    }
}

/// A name as Spring compares it: letters and digits alone, in small.
fn uniform(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The same for names with points between them.
fn uniform_path(path: &str) -> String {
    path.split('.').map(uniform).collect::<Vec<_>>().join(".")
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

    /// The right side is what the `KafkaProperties` of Spring Boot 3.4.5 make of the left, their default addresses and serialisers
    /// apart.
    #[test]
    fn the_ways_to_write_a_name_are_springs() {
        for (text, java) in [
            ("\u{feff}spring.kafka.producer.acks: 1", [("acks", "1")].as_slice()),
            ("SPRING:\n  KAFKA:\n    PRODUCER:\n      BATCH_SIZE: 1", &[("batch.size", "1")]),
            ("spring.kafka.PRODUCER.Properties.Linger.Ms: 4", &[("Linger.Ms", "4")]),
            ("spring.kafka.producer.acks: 1\nspring.kafka.producer.ACKS: 0", &[("acks", "1")]),
            ("spring.kafka.producer.ACKS: 0\nspring.kafka.producer.acks: 1", &[("acks", "1")]),
            ("spring.kafka.producer.clientId: a\n---\nspring.kafka.producer.client-id: b", &[("client.id", "b")]),
            ("spring.kafka.producer.properties:\n  'request[timeout.ms]': 9", &[("request.timeout.ms", "9")]),
            ("spring.kafka.producer.properties.x: 5\nspring.kafka.producer.properties:\n  x: 6", &[("x", "6")]),
            ("spring.kafka.producer.properties.x: [a, b]", &[("x.0", "a"), ("x.1", "b")]),
        ] {
            let read = from_spring_yaml(text).expect("YAML");
            assert_eq!((pairs(text), read.notices), (expected(java), Vec::new()), "{text}");
        }
    }

    /// As above.
    #[test]
    fn a_list_may_have_its_elements_one_by_one_and_counts_as_a_whole() {
        for text in [
            "spring:\n  kafka:\n    bootstrap-servers[1]: b:2\n    bootstrap-servers[0]: a:1",
            "spring.kafka.bootstrap-servers:\n  - a:1\n  - b:2",
            "spring.kafka.bootstrap-servers: c:3\n---\nspring.kafka.bootstrap-servers: [a:1, b:2]",
            "spring.kafka.bootstrap-servers: [c:3, d:4, e:5]\n---\nspring.kafka.bootstrapServers: [a:1, b:2]",
        ] {
            assert_eq!(pairs(text), expected(&[("bootstrap.servers", "a:1,b:2")]), "{text}");
        }
        let read = from_spring_yaml("spring.kafka.producer.client-id: [a, b]").expect("YAML");
        let told = ConfigNotice::NoEffect { key: "spring.kafka.producer.client-id".into() };
        assert_eq!((read.properties, read.notices), (Vec::new(), vec![told]));
    }

    #[test]
    fn properties_without_any_are_told() {
        let read = from_spring_yaml("spring.kafka.producer.properties: 5").expect("YAML");
        assert_eq!(read.properties, []);
        assert!(matches!(&read.notices[..], [ConfigNotice::UnknownKey { key, .. }] if key.ends_with(".properties")));
    }

    /// As above.
    #[test]
    fn quotes_keep_a_text_and_a_merge_brings_what_it_names() {
        let text = "
base: &base
  acks: 1
  retries: 5
spring.kafka.producer:
  <<: *base
  retries: 2
  client-id: \"1_000\"
  properties:
    transactional.id: 'on'
    linger.ms: 010
    request.timeout.ms: 1:30
";
        let java = [
            ("acks", "1"),
            ("client.id", "1_000"),
            ("linger.ms", "8"),
            ("request.timeout.ms", "90"),
            ("retries", "2"),
            ("transactional.id", "on"),
        ];
        assert_eq!(pairs(text), expected(&java));
    }

    /// As above.
    #[test]
    fn null_is_the_empty_text_and_none_for_a_number() {
        let text = "spring.kafka.producer:\n  retries:\n  batch-size: ~\n  client-id:\n  properties.x: null\n";
        assert_eq!(pairs(text), expected(&[("client.id", ""), ("x", "")]));
    }

    #[test]
    fn a_file_with_nothing_for_kafka_is_told() {
        for text in
            ["", "spring_kafka_producer_acks: 1", "spring.config.activate.on-profile: x\nspring.kafka.producer.acks: 1"]
        {
            let read = from_spring_yaml(text).expect("YAML");
            let told = ConfigNotice::NoEffect { key: "spring.kafka".into() };
            assert_eq!((read.properties, read.notices), (Vec::new(), vec![told]), "{text}");
        }
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
