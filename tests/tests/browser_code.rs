//! The program beside the record is whole: Java runs it as it stands, and it sends what the page would.

use anyhow::Result;
use cross_tests::bridge::Bridge;
use cross_tests::page;
use cross_tests::screen::{Composed, Screen};
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::ids::TopicPartition;
use producer_core::murmur2::partition_for_key;
use xtask::kafka::KafkaJars;
use xtask::process;
use xtask::workspace::Scratch;

/// A record as it is stored: key, value, headers.
type Stored = (Option<Vec<u8>>, Option<Vec<u8>>, Vec<String>);

async fn program(screen: &Screen) -> Result<String> {
    let script = "return [...document.querySelectorAll('.code li code')].map(line => line.textContent).join('\\n')";
    Ok(serde_json::from_value(screen.browser().client().execute(script, vec![]).await?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_from_the_page_compiles_and_sends_the_same_records() -> Result<()> {
    let brokers = EmbeddedBrokers::start_default().await?;
    let bridge = Bridge::serve(page::folder()?, &["--bootstrap-servers", &brokers.bootstrap_servers()])?;
    let screen = Screen::start().await?;
    screen.open(&bridge.address).await?;
    screen.browser().click("arm").await?;
    let settings =
        "linger.ms=20\nretries=5\nclient.id=the \"same\" program\ntransactional.id=of no effect\nno.such=key";
    screen.apply_settings(settings).await?;
    screen.compose(&Composed::keyed("42", "차 \"한\" 잔\\")).await?;
    screen.browser().choose("key-kind", "integer").await?;
    screen.add_header("trace", Some("1")).await?;

    let mut runs = 0;
    for mode in ["get", "callback", "forget"] {
        screen.choose_mode(mode).await?;
        screen.set_count(2).await?;
        let lights = |program: &str| {
            program.contains("for (int i = 0; i < 2; i++) {")
                && program.contains(match mode {
                    "get" => "f.get()",
                    "callback" => "printStackTrace",
                    _ => "p.send(r);",
                })
        };
        let program = screen
            .wait_until("program", async || Ok(Some(program(&screen).await?).filter(|text| lights(text))))
            .await?;
        for line in ["\"linger.ms\", \"20\"", "\"retries\", \"5\"", &format!("\"{}\"", brokers.bootstrap_servers())] {
            assert!(program.contains(line), "{line} in {program}");
        }
        assert!(!program.contains("transactional.id") && !program.contains("no.such"), "{program}");

        screen.send().await?;
        screen.wait_until_settled().await?;
        let folder = Scratch::new("program")?;
        let source = folder.path().join("Main.java");
        std::fs::write(&source, &program)?;
        // Before 18, Java reads its sources as the machine's locale says.
        process::capture(KafkaJars::ensure()?.java().arg("-Dfile.encoding=UTF-8").arg(&source))?;
        runs += 1;
        let stored = stored(&brokers);
        assert_eq!(stored.len(), 4 * runs, "after {mode}");
        assert!(stored.iter().all(|record| *record == stored[0]), "{stored:?}");
    }
    Ok(())
}

fn stored(brokers: &EmbeddedBrokers) -> Vec<Stored> {
    let partition = partition_for_key(&42_i32.to_be_bytes(), 3);
    brokers.with_cluster(|cluster, _| {
        let log = cluster.log(&TopicPartition { topic: "orders".into(), partition }).expect("a log");
        let records = log.records().map(|record| {
            let headers = record.headers.map(|header| format!("{header:?}")).collect();
            (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec), headers)
        });
        records.collect()
    })
}
