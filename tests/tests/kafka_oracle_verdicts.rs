//! The Java client judges our verdicts on configurations.

use std::collections::BTreeMap;

use anyhow::Result;
use cross_tests::draws::Draws;
use cross_tests::oracle::verdicts;
use kafka_producer::foreign_config::from_logged_values;
use kafka_producer::{KafkaProducer, ProducerConfig};
use producer_core::config::ConfigNotice;

#[test]
#[expect(clippy::print_stdout, reason = "what was compared, and what differs for a reason")]
fn every_verdict_on_a_configuration_is_the_java_clients() -> Result<()> {
    let seed = Draws::from_environment()?.below(1 << 31);
    let tally = verdicts::run(2_000, seed)?;
    for (name, reason, count) in &tally.exceptions {
        println!("{count:>6} × {name}: {reason}");
    }
    for finding in &tally.findings {
        println!("{finding}");
    }
    println!("{} cases, {} differences", tally.cases, tally.differences.len());
    assert!(tally.differences.is_empty(), "{}", tally.differences.join("\n"));
    Ok(())
}

#[test]
fn what_the_java_client_logs_is_read_back_as_what_it_was_given() -> Result<()> {
    let given = [
        ("bootstrap.servers", "127.0.0.1:1,127.0.0.1:2"),
        ("retries", "7"),
        ("batch.size", "1000"),
        ("linger.ms", "20"),
        ("partitioner.ignore.keys", "true"),
        ("metric.reporters", ""),
        ("transactional.id", "orders"),
        ("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
        ("value.serializer", "org.apache.kafka.common.serialization.UUIDSerializer"),
    ];
    let read = from_logged_values(&verdicts::log_of(given.into_iter().chain([("ssl.key.password", "swordfish")]))?)?;
    // The name that the client gave itself is there too.
    let mut expected: Vec<_> = given.into_iter().chain([("client.id", "producer-orders")]).collect();
    let mut properties: Vec<_> = read.properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    expected.sort_unstable();
    properties.sort_unstable();
    assert_eq!(properties, expected);
    assert_eq!(read.notices, [ConfigNotice::NoEffect { key: "ssl.key.password".into() }]);
    Ok(())
}

/// Which names must be known, and what is said of those that are not: a configuration cannot tell, who connects can.
#[tokio::test]
async fn servers_without_an_address_are_judged_as_the_java_client_judges_them() -> Result<()> {
    const BYTES: &str = "org.apache.kafka.common.serialization.ByteArraySerializer";
    let lists = [
        "no-such-host.invalid:9092",
        "127.0.0.1:1,no-such-host.invalid:9092",
        "PLAINTEXT://no-such-host.invalid:1 , 127.0.0.1:1,nor-this.invalid:2",
        "127.0.0.1:1,[::1]:2",
    ];
    let lookups = ["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"];
    let given = |list: &str, lookup: &str| -> BTreeMap<String, String> {
        let pairs = [
            ("bootstrap.servers", list),
            ("client.dns.lookup", lookup),
            ("key.serializer", BYTES),
            ("value.serializer", BYTES),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let cases: Vec<_> = lists.iter().flat_map(|list| lookups.map(|lookup| given(list, lookup))).collect();
    let mut ours = Vec::new();
    for case in &cases {
        let (config, _) = ProducerConfig::from_properties(case.iter().map(|(key, value)| (&**key, &**value)))?;
        ours.push(KafkaProducer::connect_as_configured(config).await.err().map(|refused| refused.to_string()));
    }
    let java = verdicts::refusals_of(&cases)?;
    assert_eq!(ours, java);
    assert!(java.iter().any(Option::is_none) && java.iter().flatten().any(|said| said.starts_with("Unknown host in")));
    Ok(())
}
