//! The core's judges over real sockets: a library's program, the embedded brokers, and what Fetch reads back.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use cross_tests::history::{Witness, read_back};
use cross_tests::proxy::CuttingProxy;
use cross_tests::retries::judge_retries;
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use kafka_producer::{KafkaProducer, ProducerConfig, Record};
use producer_core::cluster::{Action, Matcher, Rule, new_topic};
use producer_core::ids::ProducerIndex;
use producer_core::judge::{
    History, Isolation, Place, Score, Topic, Transaction, TransactionEnd, Verdict, WaitFor, judge,
};
use producer_core::protocol::ApiKey;
use producer_core::scenario::Claim;

const RECORDS: usize = 3_000;
const CUTS: usize = 8;
/// How long the brokers take to answer, as if they wrote to a disk: a cut then meets a batch under way.
const DISK: Duration = Duration::from_millis(5);

/// One broker behind a proxy, with a topic that a history knows.
struct Stage {
    proxy: Arc<CuttingProxy>,
    brokers: EmbeddedBrokers,
    witness: Witness,
    config: ProducerConfig,
}

impl Stage {
    async fn with(properties: &[(&str, &str)]) -> Result<Self> {
        let proxy = Arc::new(CuttingProxy::listen().await?);
        let options = EmbeddedOptions {
            brokers: 1,
            topics: vec![new_topic("orders", 3, 1)],
            advertised_ports: vec![proxy.port()],
            ..EmbeddedOptions::default()
        };
        let brokers = EmbeddedBrokers::start(options).await?;
        proxy.forward_to(brokers.addresses()[0].port);
        let (config, _) = ProducerConfig::from_properties(properties.iter().copied())
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut witness = Witness::default();
        witness.history.add_producer(Arc::new(config.clone()));
        witness.history.add_topic(Topic { copies_in_step: true, ..Topic::new("orders", 3, 1) });
        // Threads wake when their scheduler likes.
        witness.history.tick = Duration::from_secs(30);
        Ok(Self { proxy, brokers, witness, config })
    }

    async fn producer(&self) -> Result<KafkaProducer> {
        Ok(KafkaProducer::connect(self.config.clone(), &format!("127.0.0.1:{}", self.proxy.port())).await?)
    }

    /// Sends so many numbered records, closes, and waits for all that is told.
    async fn send_all(&mut self, producer: &KafkaProducer, records: usize) {
        let mut deliveries = Vec::with_capacity(records);
        for number in 0..records {
            let (key, value) = (format!("user-{}", number % 50), number.to_string());
            let record = Record::keyed("orders", key.as_bytes(), value.as_bytes());
            let call = self.witness.calls(ProducerIndex(0), &record);
            let sent = producer.send(record).await;
            deliveries.extend(self.witness.returned(call, sent).map(|delivery| (call, delivery)));
            if number % 20 == 0 {
                tokio::time::sleep(Duration::from_millis(4)).await;
            }
        }
        for (call, delivery) in deliveries {
            let told = delivery.await;
            self.witness.told(call, told);
        }
    }

    /// Everything that there is to judge.
    fn history(mut self) -> Result<History> {
        let port = self.brokers.addresses()[0].port;
        // The brokers tell where the proxy is: reading goes through it, undisturbed.
        let logs = read_back(port, "orders", &mut self.witness.history.contents)?;
        for (partition, log) in logs {
            self.witness.history.logs.insert(Place { topic: 0, partition }, log);
        }
        Ok(self.witness.history)
    }
}

fn slowly() -> Rule {
    Rule { when: Matcher { api: Some(ApiKey::Produce), ..Matcher::default() }, then: Action::Delay(DISK) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cut_makes_an_idempotent_program_break_a_law() -> Result<()> {
    let mut stage = Stage::with(&[("batch.size", "2000"), ("linger.ms", "2")]).await?;
    stage.brokers.with_cluster(|cluster, _| cluster.add_rule(slowly()));
    let producer = stage.producer().await?;
    // What is cut before there is a producer id, or before a partition knows it, is another story.
    for partition in 0..3 {
        let record = Record { partition: Some(partition), ..Record::keyed("orders", b"", b"first") };
        let call = stage.witness.calls(ProducerIndex(0), &record);
        let sent = producer.send(record).await;
        let delivery = stage.witness.returned(call, sent).context("it is taken")?;
        let told = delivery.await;
        stage.witness.told(call, told);
    }
    let proxy = Arc::clone(&stage.proxy);
    let cutting = tokio::spawn(async move {
        for _ in 0..CUTS {
            tokio::time::sleep(Duration::from_millis(60)).await;
            // At the end there may be no answer left to come.
            let next = proxy.cut_before_the_next_answer();
            let _ = tokio::time::timeout(Duration::from_secs(2), next).await;
        }
    });
    stage.send_all(&producer, RECORDS).await;
    cutting.await?;
    let now = stage.witness.now();
    let close = stage.witness.history.begin_wait(now, ProducerIndex(0), WaitFor::Close);
    producer.close(None).await;
    let now = stage.witness.now();
    stage.witness.history.end_wait(now, close);
    assert!(judge_retries(&stage.proxy.heard(), "orders")? > 0, "no cut hit a batch in flight");
    let mut history = stage.history()?;

    let violations = judge(&history).violations;
    assert!(violations.is_empty(), "{}", violations[0]);
    let sent = RECORDS as u64 + 3;
    let expected = Score { sent, acknowledged: sent, found: sent, stored: sent, ..Score::default() };
    for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
        assert_eq!(history.score(isolation), expected);
    }
    for claim in [Claim::NothingLost {}, Claim::StoredOnce {}, Claim::OrderPerKey {}, Claim::FailedMeansNotStored {}] {
        assert_eq!(claim.check(&history), Verdict::Held, "{claim}");
    }
    // The judge can say no.
    let log = history.logs.values_mut().next().context("a partition")?;
    log.records.pop();
    assert_eq!(judge(&history).violations[0].number, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_doubles_what_a_plain_producer_sends_and_the_score_says_so() -> Result<()> {
    let plain = [("enable.idempotence", "false"), ("linger.ms", "50"), (IN_FLIGHT, "1")];
    let mut stage = Stage::with(&plain).await?;
    let when = Matcher { api: Some(ApiKey::Produce), nth: Some(1), ..Matcher::default() };
    stage.brokers.with_cluster(|cluster, _| cluster.add_rule(Rule { when, then: Action::CutAfterAppend }));
    let producer = stage.producer().await?;
    stage.send_all(&producer, 10).await;
    producer.close(None).await;
    let history = stage.history()?;
    let score = history.score(Isolation::ReadUncommitted);
    assert_eq!((score.sent, score.acknowledged, score.found, score.lost), (10, 10, 10, 0));
    assert!(score.duplicated > 0, "{score:?}");
    assert_eq!(score.stored, 10 + score.duplicated);
    assert!(matches!(Claim::StoredOnce {}.check(&history), Verdict::Broken(_)));
    // Nobody promised otherwise.
    assert_eq!(judge(&history).violations, []);
    Ok(())
}

const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_careful_reader_gets_what_was_committed_and_a_careless_one_all() -> Result<()> {
    let mut stage = Stage::with(&[("transactional.id", "till"), ("compression.type", "lz4")]).await?;
    let producer = stage.producer().await?;
    producer.init_transactions().await?;
    for (transaction, end) in
        [(0, TransactionEnd::Committed), (1, TransactionEnd::Aborted), (2, TransactionEnd::Committed)]
    {
        producer.begin_transaction()?;
        let from = stage.witness.history.calls.len();
        stage.witness.history.transactions.push(Transaction { producer: ProducerIndex(0), end });
        stage.send_all(&producer, 20).await;
        for call in &mut stage.witness.history.calls[from..] {
            call.transaction = Some(transaction);
        }
        match end {
            TransactionEnd::Committed => producer.commit_transaction().await?,
            _ => producer.abort_transaction().await?,
        }
    }
    producer.close(None).await;
    let history = stage.history()?;
    let expected = Score { sent: 60, acknowledged: 60, found: 60, stored: 60, ..Score::default() };
    // The second transaction sends what the first one sent: contents repeat.
    assert_eq!(history.score(Isolation::ReadUncommitted), expected);
    let expected = Score { found: 40, withheld: 20, stored: 40, ..expected };
    assert_eq!(history.score(Isolation::ReadCommitted), expected);
    let violations = judge(&history).violations;
    assert!(violations.is_empty(), "{}", violations[0]);
    Ok(())
}
