//! A topic that is deleted, and created anew under its name, while the library and the Java client produce to it: both see
//! the same, and so does who reads the new topic. Rows 77 and 78 of the bad inputs, against Apache Kafka; and the embedded
//! brokers tell the same story.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Stdio};

use anyhow::{Context as _, Result, ensure};
use cross_tests::wire_client::{WireClient, once_ready};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use kafka_producer::{Delivery, KafkaProducer, ProducerConfig, Record};
use producer_core::ids::TopicId;
use producer_core::protocol::{FetchPartition, FetchRequest, FetchTopic, Request, Response};
use producer_core::record_batch::BatchView;
use xtask::kafka::{ApacheKafka, KafkaJars};
use xtask::process::OwnedChild;
use xtask::workspace;

/// What is sent stays in its batch until the producer is flushed.
const LINGERS: [(&str, &str); 1] = [("linger.ms", "60000")];
/// Every record is a batch of its own, and leaves at once.
const STREAMS: [(&str, &str); 2] = [("linger.ms", "0"), ("batch.size", "1")];

/// The Java client's producer and admin (`RecreatedTopic.java`).
struct Java {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    _process: OwnedChild,
}

impl Java {
    fn start(jars: &KafkaJars, servers: &str) -> Result<Self> {
        let source = workspace::root().join("tests/java/RecreatedTopic.java");
        let mut command = jars.java();
        command.arg(source).arg(servers).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = OwnedChild::spawn(&mut command, None)?;
        let to = process.child().stdin.take().context("stdin is piped")?;
        let from = BufReader::new(process.child().stdout.take().context("stdout is piped")?);
        Ok(Self { to, from, _process: process })
    }

    fn say(&mut self, command: &str) -> Result<String> {
        writeln!(self.to, "{command}")?;
        let mut answer = String::new();
        ensure!(self.from.read_line(&mut answer)? > 0, "the Java client ended at {command:?}");
        Ok(answer.trim_end().to_owned())
    }

    fn obey(&mut self, command: &str) -> Result<()> {
        let answer = self.say(command)?;
        ensure!(answer == "done", "{command:?}: {answer}");
        Ok(())
    }
}

/// Either client's producer.
enum Client {
    /// Whose producer is the one that was connected last.
    Java,
    Ours {
        producer: KafkaProducer,
        sent: Vec<Delivery>,
    },
}

impl Client {
    async fn ours(servers: &str, properties: &[(&str, &str)]) -> Result<Self> {
        let (config, _) = ProducerConfig::from_properties(properties.iter().copied()).context("Java takes it")?;
        let producer = KafkaProducer::connect(config, servers).await?;
        Ok(Self::Ours { producer, sent: Vec::new() })
    }

    fn java(java: &mut Java, properties: &[(&str, &str)]) -> Result<Self> {
        let pairs: Vec<_> = properties.iter().map(|(key, value)| format!(" {key}={value}")).collect();
        java.obey(&format!("connect{}", pairs.concat()))?;
        Ok(Self::Java)
    }

    async fn send(&mut self, java: &mut Java, topic: &str, values: &[String]) -> Result<()> {
        let Self::Ours { producer, sent } = self else {
            return java.obey(&format!("send {topic} {}", values.join(" ")));
        };
        for value in values {
            let record = Record { partition: Some(0), key: None, ..Record::keyed(topic, b"", value.as_bytes()) };
            sent.push(producer.send(record).await?);
        }
        Ok(())
    }

    async fn flush(&mut self, java: &mut Java) -> Result<()> {
        let Self::Ours { producer, .. } = self else { return java.obey("flush") };
        producer.flush().await;
        Ok(())
    }

    /// Offset or exception of each record since the last time.
    async fn fates(&mut self, java: &mut Java) -> Result<Vec<String>> {
        let Self::Ours { sent, .. } = self else {
            return Ok(java.say("fates")?.split(' ').map(str::to_owned).collect());
        };
        let mut fates = Vec::new();
        for delivery in sent.drain(..) {
            fates.push(match delivery.await {
                Ok(stored) => stored.offset.context("acknowledged with an offset")?.to_string(),
                Err(failed) => failed.error.java_class().to_owned(),
            });
        }
        Ok(fates)
    }
}

/// A batch in a log: base offset, epoch, base sequence, values.
type Logged = (i64, i16, i32, Vec<String>);

/// The batches in partition 0 of a topic, as the broker behind this port has them.
fn log_of(port: u16, topic: &str) -> Result<Vec<Logged>> {
    let mut client = WireClient::connect(port)?;
    let (mut log, mut next) = (Vec::new(), 0);
    loop {
        let (fetched, high_watermark) = once_ready(|| {
            let partition =
                FetchPartition { partition: 0, current_leader_epoch: -1, fetch_offset: next, max_bytes: 1 << 20 };
            let topic = FetchTopic { name: topic.into(), id: TopicId::default(), partitions: vec![partition] };
            let body = Request::Fetch(FetchRequest {
                max_wait_ms: 0,
                min_bytes: 0,
                max_bytes: 1 << 20,
                isolation_level: 0,
                session_id: 0,
                session_epoch: -1,
                topics: vec![topic],
            });
            let Response::Fetch(mut body) = client.ask(12, body)? else { unreachable!() };
            let told = body.topics.remove(0).partitions.remove(0);
            Ok((told.error, (told.batches, told.high_watermark)))
        })?;
        for bytes in fetched {
            let batch = BatchView::parse(&bytes)?;
            let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
            let values = batch.records().map(|record| Ok(text(record?.value))).collect::<Result<Vec<_>>>()?;
            next = batch.base_offset() + i64::from(batch.record_count());
            log.push((batch.base_offset(), batch.producer_epoch(), batch.base_sequence(), values));
        }
        if next >= high_watermark {
            return Ok(log);
        }
    }
}

fn values(names: &str) -> Vec<String> {
    names.split(' ').map(str::to_owned).collect()
}

/// What became of the records, and what is in the topic as it is now.
async fn see(port: u16, java: &mut Java, client: &mut Client, topic: &str, when: &str) -> Result<String> {
    client.flush(java).await?;
    let fates = client.fates(java).await?;
    Ok(format!("{when}: {fates:?}, log {:?}", log_of(port, topic)?))
}

/// The story, as one client sees it.
async fn story(port: u16, java: &mut Java, client: &mut Client, topic: &str) -> Result<Vec<String>> {
    let mut seen = Vec::new();
    java.obey(&format!("create {topic}"))?;
    client.send(java, topic, &values("a b c")).await?;
    seen.push(see(port, java, client, topic, "at first").await?);

    client.send(java, topic, &values("d e")).await?;
    java.obey(&format!("delete {topic}"))?;
    java.obey(&format!("create {topic}"))?;
    seen.push(see(port, java, client, topic, "waiting in a batch while the topic is made anew").await?);

    java.obey(&format!("delete {topic}"))?;
    java.obey(&format!("create {topic}"))?;
    client.send(java, topic, &values("f g")).await?;
    seen.push(see(port, java, client, topic, "sent after the topic was made anew").await?);

    java.obey(&format!("delete {topic}"))?;
    client.send(java, topic, &values("h i")).await?;
    seen.push(see(port, java, client, topic, "sent to a topic that comes into being when it is asked about").await?);
    Ok(seen)
}

/// Sends records without a pause while the topic is deleted and created anew. All are acknowledged; those in the new topic
/// are there once, in order, where they were said to be.
async fn stream(port: u16, java: &mut Java, client: &mut Client, topic: &str) -> Result<()> {
    java.obey(&format!("create {topic}"))?;
    let mut sent = Vec::new();
    for round in 0..30 {
        let batch: Vec<String> = (0..20).map(|number| (round * 20 + number).to_string()).collect();
        client.send(java, topic, &batch).await?;
        sent.extend(batch);
        match round {
            10 => java.obey(&format!("delete {topic}"))?,
            15 => java.obey(&format!("create {topic}"))?,
            _ => {}
        }
    }
    client.flush(java).await?;
    let fates = client.fates(java).await?;
    assert_eq!(fates.len(), sent.len());
    let mut last = None;
    for (offset, _, _, values) in log_of(port, topic)? {
        for (offset, value) in (offset..).zip(values) {
            let number: usize = value.parse()?;
            assert_eq!(fates[number], offset.to_string(), "{topic}: record {number}");
            assert!(last.is_none_or(|last| last < number), "{topic}: {number} after {last:?}");
            last = Some(number);
        }
    }
    assert_eq!(last, Some(sent.len() - 1), "{topic}: the new topic has what was sent last");
    assert!(fates.iter().all(|fate| fate.parse::<i64>().is_ok()), "{topic}: {fates:?}");
    Ok(())
}

/// Mirrors `ProducerSendWhileDeletionTest.testSendWithTopicDeletionMidWay`: after records were stored and the topic was deleted,
/// the next ones are stored in the topic that comes into being when their producer asks about it.
/// Mirrors `ProducerSendWhileDeletionTest.testSendWithRecreatedTopic`: after the topic was deleted and created, the next record
/// is stored at offset 0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_is_to_the_library_what_it_is_to_the_java_client() -> Result<()> {
    let kafka = ApacheKafka::start(1, &[])?;
    let (servers, port) = (kafka.bootstrap_servers(), kafka.client_ports()[0]);
    let java = &mut Java::start(kafka.jars(), &servers)?;

    let mut client = Client::java(java, &LINGERS)?;
    let theirs = story(port, java, &mut client, "story-java").await?;
    let mut client = Client::ours(&servers, &LINGERS).await?;
    let ours = story(port, java, &mut client, "story-ours").await?;
    assert_eq!(ours, theirs);
    assert!(theirs[1].contains("[\"0\", \"1\"], log [(0, 0, 3, [\"d\", \"e\"])]"), "sequences go on: {theirs:#?}");
    let are_first = |told: &String| told.contains(": [\"0\", \"1\"], log [(0, ");
    assert!(theirs[1..].iter().all(are_first), "in the topic as it is now: {theirs:#?}");

    let mut client = Client::java(java, &STREAMS)?;
    stream(port, java, &mut client, "stream-java").await?;
    let mut client = Client::ours(&servers, &STREAMS).await?;
    stream(port, java, &mut client, "stream-ours").await?;

    assert_eq!(stories_of_the_embedded_brokers(kafka.jars()).await?, [theirs.clone(), theirs]);
    Ok(())
}

/// As the Java client sees it, and as the library does; topics are deleted and created by the Java client's admin.
async fn stories_of_the_embedded_brokers(jars: &KafkaJars) -> Result<[Vec<String>; 2]> {
    let options = EmbeddedOptions { brokers: 1, topics: Vec::new(), ..EmbeddedOptions::default() };
    let brokers = EmbeddedBrokers::start(options).await?;
    let (servers, port) = (brokers.bootstrap_servers(), brokers.addresses()[0].port);
    let java = &mut Java::start(jars, &servers)?;
    let mut client = Client::java(java, &LINGERS)?;
    let theirs = story(port, java, &mut client, "story-java").await?;
    let mut client = Client::ours(&servers, &LINGERS).await?;
    let ours = story(port, java, &mut client, "story-ours").await?;
    Ok([theirs, ours])
}
