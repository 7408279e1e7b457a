//! A page's session with the bridge, and what survives when the connection does not.

use std::collections::BTreeSet;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use cross_tests::bridge::Bridge;
use cross_tests::draws::Draws;
use cross_tests::page;
use cross_tests::page_client::{PageClient, Tally, send};
use cross_tests::peers::{confluent, kcat};
use cross_tests::proxy::CuttingProxy;
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::bridge::{
    BadRequest, Command, Fate, Habit, HeaderSpec, MAX_SEND_COUNT, Refusal, Report, Resume, SendCommand, SendId,
    SessionId, Topology, World,
};
use producer_core::error::{Persistence, ProducerError, Surface};
use producer_core::ids::{NodeId, TopicPartition};
use producer_core::murmur2::partition_for_key;
use producer_core::trace::Fact;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::Message;

/// A page is not needed to speak its protocol.
fn serve(arguments: &[&str]) -> Result<Bridge> {
    Bridge::serve(page::small()?.path(), arguments)
}

async fn joined(bridge: &Bridge) -> Result<PageClient> {
    let mut page = PageClient::open(bridge).await?;
    page.hello(None).await?;
    Ok(page)
}

#[tokio::test]
async fn every_habit_gets_the_metadata_that_a_consumer_reads() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::open(&bridge).await?;
    let welcome = page.hello(None).await?;
    ensure!(!welcome.recovered && welcome.world == World::Embedded);

    for (id, habit) in [(1, Habit::Get), (2, Habit::Callback), (3, Habit::Forget)] {
        page.command(&Command::Send(send(id, habit, "orders", "user-42", 4))).await?;
        let outcomes = page.outcomes_of(id, 4).await?;
        for outcome in outcomes {
            let Fate::Acked(metadata) = outcome.fate else { panic!("{outcome:?}") };
            assert_eq!(metadata.partition, partition_for_key(b"user-42", 3));
            assert_eq!(
                metadata.first_offset,
                i64::try_from(outcome.first_ordinal)?,
                "one key, one partition, in order"
            );
            assert_eq!((metadata.key_size, metadata.value_size), (7, 10));
        }
    }
    let read = kcat::consume_all(&bridge.bootstrap_servers(), "orders")?;
    assert_eq!(read.len(), 12);
    assert!(read.iter().all(|record| record.partition == 1));
    Ok(())
}

#[tokio::test]
async fn get_waits_for_each_record_and_callback_fills_batches() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 5))).await?;
    let one_by_one = page.outcomes_of(1, 5).await?;
    assert_eq!(one_by_one.len(), 5, "one record per batch");
    page.command(&Command::Send(send(2, Habit::Callback, "orders", "user-42", 5))).await?;
    let together = page.outcomes_of(2, 5).await?;
    assert_eq!(together.len(), 1, "five records in one batch");
    Ok(())
}

#[tokio::test]
async fn rows_32_to_34_what_kafka_refuses_is_told_as_the_java_client_tells_it() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    let properties = vec![("max.block.ms".into(), "700".into())];
    page.command(&Command::Configure { properties }).await?;
    page.wait_for(|report| match report {
        Report::Configured { properties, .. } => (!properties.is_empty()).then_some(()),
        _ => None,
    })
    .await?;

    // 32: topics no broker takes.
    let long = "t".repeat(250);
    let mut id = 10;
    for topic in ["", ".", "..", "a/b", "😀", &long] {
        id += 1;
        page.command(&Command::Send(send(id, Habit::Callback, topic, "k", 1))).await?;
        let outcome = page.outcomes_of(id, 1).await?.remove(0);
        let Fate::Failed { error, surface, persistence, .. } = outcome.fate else { panic!("{topic}: {outcome:?}") };
        assert_eq!(error.java_class(), "InvalidTopicException", "{topic}");
        assert_eq!((surface, persistence), (Surface::FutureOnCaller, Persistence::NotPersisted));
    }
    let fits = "t".repeat(249);
    page.command(&Command::Send(send(20, Habit::Callback, &fits, "k", 1))).await?;
    let outcome = page.outcomes_of(20, 1).await?.remove(0);
    assert!(matches!(outcome.fate, Fate::Acked(_)), "249 characters are allowed: {outcome:?}");

    // 33: partitions that are not there.
    let mut far = send(21, Habit::Get, "orders", "k", 1);
    far.record.partition = Some(i32::MAX);
    page.command(&Command::Send(far)).await?;
    let Fate::Failed { error, .. } = page.outcomes_of(21, 1).await?.remove(0).fate else { panic!("accepted") };
    assert!(matches!(&error, ProducerError::MetadataTimeout { partition: Some((i32::MAX, 3)), .. }), "{error:?}");

    let mut negative = send(22, Habit::Get, "orders", "k", 1);
    negative.record.partition = Some(-2);
    page.command(&Command::Send(negative)).await?;
    let Fate::Failed { error, surface, .. } = page.outcomes_of(22, 1).await?.remove(0).fate else { panic!("accepted") };
    assert_eq!((error, surface), (ProducerError::NegativePartition(-2), Surface::Thrown));

    // 34: moments before 1970, and records of a byte too many.
    for timestamp in [-1, i64::MIN] {
        id += 100;
        let mut early = send(id, Habit::Get, "orders", "k", 1);
        early.record.timestamp_ms = Some(timestamp);
        page.command(&Command::Send(early)).await?;
        let Fate::Failed { error, .. } = page.outcomes_of(id, 1).await?.remove(0).fate else { panic!("accepted") };
        assert_eq!(error, ProducerError::NegativeTimestamp(timestamp));
    }

    // One byte above the largest value that fits max.request.size with an empty key and no headers.
    let mut large = send(23, Habit::Get, "orders", "", 1);
    large.record.key = None;
    large.record.value = Some(vec![0; 1_048_490].into());
    page.command(&Command::Send(large)).await?;
    let Fate::Failed { error, .. } = page.outcomes_of(23, 1).await?.remove(0).fate else { panic!("accepted") };
    assert_eq!(error, ProducerError::RecordTooLarge { size_bytes: 1_048_577, limit_bytes: 1_048_576 });

    let mut fitting = send(24, Habit::Get, "orders", "", 1);
    fitting.record.key = None;
    fitting.record.value = Some(vec![0; 1_048_489].into());
    page.command(&Command::Send(fitting)).await?;
    assert!(matches!(page.outcomes_of(24, 1).await?.remove(0).fate, Fate::Acked(_)));
    Ok(())
}

/// Row 34: as a foreign client reads it from the log.
#[tokio::test]
async fn row_34_null_and_empty_arrive_as_two_things() -> Result<()> {
    const SIDES: [(Option<&str>, Option<&str>); 5] =
        [(None, None), (None, Some("")), (Some(""), None), (Some(""), Some("")), (Some("k"), Some("v"))];
    const HEADERS: [(&str, Option<&str>); 5] = [
        ("twice", Some("first")),
        ("null", None),
        ("empty", Some("")),
        ("twice", Some("second")),
        ("", Some("no name")),
    ];
    let bytes = |side: Option<&str>| side.map(|side| Arc::from(side.as_bytes()));
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    for (id, (key, value)) in (1..).zip(SIDES) {
        let mut command = send(id, Habit::Get, "orders", "", 1);
        command.record.partition = Some(0);
        (command.record.key, command.record.value) = (bytes(key), bytes(value));
        if id % 2 == 0 {
            let header = |(key, value): (&str, _)| HeaderSpec { key: key.into(), value: bytes(value) };
            command.record.headers = HEADERS.map(header).into();
        }
        page.command(&Command::Send(command)).await?;
        let Fate::Acked(metadata) = page.outcomes_of(id, 1).await?.remove(0).fate else { panic!("not acknowledged") };
        let size = |side: Option<&str>| side.map_or(-1, |side| i32::try_from(side.len()).expect("small"));
        assert_eq!((metadata.key_size, metadata.value_size), (size(key), size(value)));
    }
    let read = confluent::consume_with_headers(&bridge.bootstrap_servers(), "orders")?;
    let sides: Vec<_> = read.iter().map(|(record, _)| (record.key.as_deref(), record.value.as_deref())).collect();
    assert_eq!(sides, SIDES);
    for (place, (_, headers)) in (1..).zip(&read) {
        let headers: Vec<_> = headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        assert_eq!(headers, if place % 2 == 0 { &HEADERS[..] } else { &[] }, "record {place}");
    }
    Ok(())
}

#[tokio::test]
async fn row_35_a_configuration_gets_the_java_clients_verdict_and_the_old_producer_stays() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();

    // Not silently switched off.
    for acks in ["0", "1"] {
        let properties = pairs(&[("acks", acks), ("enable.idempotence", "true")]);
        page.command(&Command::Configure { properties }).await?;
        let error = page
            .wait_for(|report| match report {
                Report::ConfigRefused { error } => Some(error),
                _ => None,
            })
            .await?;
        assert_eq!(
            &*error.message,
            "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence."
        );
    }
    for key in
        ["bootstrap.servers", "sasl.jaas.config", "ssl.truststore.location", "security.protocol", "partitioner.class"]
    {
        page.command(&Command::Configure { properties: pairs(&[(key, "x:1")]) }).await?;
        let keys = page
            .wait_for(|report| match report {
                Report::ConfigForbidden { keys } => Some(keys),
                _ => None,
            })
            .await?;
        assert_eq!(&*keys[0], key);
    }
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 1))).await?;
    let outcome = page.outcomes_of(1, 1).await?.remove(0);
    assert!(matches!(outcome.fate, Fate::Acked(_)));
    Ok(())
}

#[tokio::test]
async fn sends_before_a_new_configuration_belong_to_the_old_producer_and_none_is_lost() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    page.command(&Command::Send(send(1, Habit::Callback, "orders", "user-42", 500))).await?;
    page.command(&Command::Configure { properties: vec![("acks".into(), "0".into())] }).await?;
    page.command(&Command::Send(send(2, Habit::Callback, "orders", "user-42", 500))).await?;
    let mut offsets = [Vec::new(), Vec::new()];
    let mut ordinals = BTreeSet::new();
    let mut settled = 0;
    while settled < 1_000 {
        if let Report::Outcomes { outcomes } = page.next_report().await? {
            for outcome in outcomes {
                settled += outcome.count;
                let Fate::Acked(metadata) = &outcome.fate else { panic!("{outcome:?}") };
                offsets[usize::from(outcome.send == 2)].push(metadata.first_offset);
                ordinals.extend((0..u64::from(outcome.count)).map(|place| outcome.first_ordinal + place));
            }
        }
    }
    assert!(offsets[0].iter().all(|&offset| offset >= 0), "acks=all tells offsets");
    assert!(offsets[1].iter().all(|&offset| offset == -1), "acks=0 does not");
    assert!(ordinals.into_iter().eq(0..1_000), "send order goes on from producer to producer");
    Ok(())
}

#[tokio::test]
async fn every_batch_with_an_outcome_ends_in_the_trace_whichever_producer_carried_it() -> Result<()> {
    // Flow: three producers one after the other, while nobody takes their facts → the page gives credit.
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    for id in 1..=3 {
        page.command(&Command::Send(send(id, Habit::Callback, "orders", "user-42", 50))).await?;
        let properties = vec![("batch.size".into(), format!("{}", 1_000 * id).into())];
        page.command(&Command::Configure { properties }).await?;
    }
    let mut carried = BTreeSet::new();
    let mut settled = 0;
    while settled < 150 {
        let outcomes = page.wait_for(|report| match report {
            Report::Outcomes { outcomes } => Some(outcomes),
            _ => None,
        });
        for outcome in outcomes.await? {
            let Fate::Acked(metadata) = outcome.fate else { panic!("{outcome:?}") };
            assert_eq!(u64::from(metadata.first.producer.0) + 1, outcome.send, "a producer of its own");
            assert_eq!(outcome.first_ordinal, 50 * (outcome.send - 1) + u64::from(outcome.first_record));
            carried.insert((metadata.first.producer, metadata.first.batch));
            settled += outcome.count;
        }
    }
    let mut told = Vec::new();
    loop {
        page.command(&Command::TraceCredit { frames: 1 }).await?;
        let events = page.wait_for(|report| match report {
            Report::Trace { events } => Some(events),
            _ => None,
        });
        told.extend(events.await?);
        assert!(told.is_sorted_by_key(|event| event.producer), "one producer's story after the other's");
        for event in &told {
            match event.what {
                Fact::BatchAcked { batch, .. } => _ = carried.remove(&(event.producer, batch)),
                Fact::Thinned { .. } => carried.clear(),
                _ => {}
            }
        }
        if carried.is_empty() {
            return Ok(());
        }
    }
}

#[tokio::test]
async fn a_repeated_send_id_gets_the_stored_result_and_another_content_is_refused() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    let command = Command::Send(send(7, Habit::Get, "orders", "user-42", 1));
    page.command(&command).await?;
    let first = page.outcomes_of(7, 1).await?;
    page.command(&command).await?;
    assert_eq!(page.outcomes_of(7, 1).await?, first);

    page.command(&Command::Send(send(7, Habit::Get, "orders", "dave", 1))).await?;
    let why = page
        .wait_for(|report| match report {
            Report::SendRefused { why, .. } => Some(why),
            _ => None,
        })
        .await?;
    assert_eq!(why, Refusal::IdReused);
    assert_eq!(kcat::consume_all(&bridge.bootstrap_servers(), "orders")?.len(), 1, "stored once");
    Ok(())
}

#[tokio::test]
async fn counts_out_of_bounds_are_refused_with_the_field_named() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    for count in [0, MAX_SEND_COUNT + 1, u32::MAX] {
        page.command(&Command::Send(send(1, Habit::Forget, "orders", "k", count))).await?;
        let why = page
            .wait_for(|report| match report {
                Report::SendRefused { why, .. } => Some(why),
                _ => None,
            })
            .await?;
        assert_eq!(why, Refusal::CountOutOfBounds { got: count, min: 1, max: MAX_SEND_COUNT });
    }
    Ok(())
}

#[tokio::test]
async fn rows_28_to_31_frames_that_are_no_commands() -> Result<()> {
    let bridge = serve(&[])?;
    // 28: text where binary is due.
    let mut page = joined(&bridge).await?;
    page.frame(Message::text("{}")).await?;
    assert_eq!(page.closed().await?.map(|frame| u16::from(frame.code)), Some(1003));

    // 29, 30: bytes that are no command; the session goes on.
    let mut page = joined(&bridge).await?;
    for frame in [vec![1, 250], vec![1], vec![1, 2, 0xff, 0xff, 0xff, 0xff, 0x0f], [1; 64].to_vec()] {
        let bytes = frame.len() as u64;
        page.frame(Message::binary(frame)).await?;
        let why = page.wait_for(|report| match report {
            Report::BadRequest(why) => Some(why),
            _ => None,
        });
        assert_eq!(why.await?, BadRequest::NotACommand { bytes });
    }
    // 30: no records, and an id for two different sends.
    let mut refusal = async |command: SendCommand| {
        page.command(&Command::Send(command)).await?;
        page.wait_for(|report| match report {
            Report::SendRefused { id, why } => Some((id, why)),
            _ => None,
        })
        .await
    };
    let (id, why) = refusal(send(3, Habit::Get, "orders", "user-42", 0)).await?;
    assert_eq!((id, why), (3, Refusal::CountOutOfBounds { got: 0, min: 1, max: MAX_SEND_COUNT }));
    let (_, why) = refusal(send(4, Habit::Get, &"t".repeat(1_001), "user-42", 1)).await?;
    assert_eq!(why, Refusal::TopicTooLong { bytes: 1_001, limit: 1_000 });
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 1))).await?;
    page.outcomes_of(1, 1).await?;

    // 31: something else before hello, and no hello at all.
    let mut page = PageClient::open(&bridge).await?;
    page.command(&Command::Flush).await?;
    assert_eq!(page.closed().await?.map(|frame| u16::from(frame.code)), Some(1008));
    let mut page = PageClient::open(&bridge).await?;
    assert_eq!(page.closed().await?.map(|frame| u16::from(frame.code)), Some(1008));

    // Another version names both.
    let mut page = joined(&bridge).await?;
    page.frame(Message::binary(vec![9, 0])).await?;
    let frame = page.closed().await?.expect("a close frame");
    assert!(u16::from(frame.code) == 4002 && frame.reason.contains('9') && frame.reason.contains('1'), "{frame:?}");

    // Too large a message.
    let mut page = joined(&bridge).await?;
    page.frame(Message::binary(vec![0; 2 * 1024 * 1024 + 1])).await?;
    assert_eq!(page.closed().await?.map(|frame| u16::from(frame.code)), Some(1009));
    Ok(())
}

#[tokio::test]
async fn a_session_that_is_not_known_is_not_recovered() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::open(&bridge).await?;
    let resume = Resume { session: SessionId([7; 16]), epoch: 1, outcomes_seen: 3 };
    let welcome = page.hello(Some(resume)).await?;
    assert!(!welcome.recovered);
    assert_ne!(welcome.session, SessionId([7; 16]));
    Ok(())
}

#[tokio::test]
async fn the_second_page_that_resumes_a_session_wins() -> Result<()> {
    let bridge = serve(&[])?;
    let mut first = PageClient::open(&bridge).await?;
    let welcome = first.hello(None).await?;
    let resume = Resume { session: welcome.session, epoch: welcome.epoch, outcomes_seen: 0 };
    let mut second = PageClient::open(&bridge).await?;
    assert!(second.hello(Some(resume)).await?.recovered);
    assert_eq!(first.closed().await?.map(|frame| u16::from(frame.code)), Some(4001));
    second.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 1))).await?;
    assert_eq!(second.outcomes_of(1, 1).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topology_is_told_and_told_again_when_a_leader_moves() -> Result<()> {
    let brokers = EmbeddedBrokers::start_default().await?;
    let bridge = serve(&["--bootstrap-servers", &brokers.bootstrap_servers()])?;
    let mut page = joined(&bridge).await?;
    page.command(&Command::Describe { topic: "orders".into() }).await?;
    let told = topology(&mut page).await?;
    let addresses: Vec<_> = told.brokers.iter().filter_map(|broker| broker.address.clone()).collect();
    assert_eq!(addresses, brokers.addresses());
    assert_eq!(told.partitions.iter().map(|partition| partition.partition).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(told.partitions.iter().all(|partition| partition.replicas.len() == 3));

    let moved = TopicPartition { topic: "orders".into(), partition: 1 };
    let leader = brokers.with_cluster(|cluster, now| {
        let (leader, _) = cluster.leader(&moved).expect("it has a leader");
        let other = NodeId(leader.0 % 3 + 1);
        cluster.move_leader(now, &moved, other).map(|()| other)
    });
    let leader = leader.expect("a broker that is up");
    // Nobody asks: the bridge looks by itself.
    assert_eq!(topology(&mut page).await?.partitions[1].leader, leader);

    page.command(&Command::Describe { topic: "absent".into() }).await?;
    let absent = topology(&mut page).await?;
    assert_eq!((&*absent.topic, absent.partitions.len()), ("absent", 0));
    let known = brokers.with_cluster(|cluster, _| cluster.topics().any(|(topic, _)| &**topic == "absent"));
    assert!(!known, "looking does not create");
    Ok(())
}

async fn topology(page: &mut PageClient) -> Result<Topology> {
    page.wait_for(|report| match report {
        Report::Topology(topology) => Some(topology),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_trace_flows_as_far_as_the_credit_goes() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 20))).await?;
    page.outcomes_of(1, 20).await?;
    page.command(&Command::TraceCredit { frames: 1 }).await?;
    let events = page
        .wait_for(|report| match report {
            Report::Trace { events } => Some(events),
            _ => None,
        })
        .await?;
    assert!(events.is_sorted_by_key(|event| event.at), "in order of time");
    assert!(events.iter().any(|event| matches!(event.what, Fact::GetReturned { ordinal: 19 })));

    // The credit is used up: outcomes come, trace does not.
    page.command(&Command::Send(send(2, Habit::Get, "orders", "user-42", 20))).await?;
    let mut settled = 0;
    while settled < 20 {
        match page.next_report().await? {
            Report::Outcomes { outcomes } => settled += outcomes.iter().map(|outcome| outcome.count).sum::<u32>(),
            Report::Trace { .. } => panic!("without credit"),
            _ => {}
        }
    }
    Ok(())
}

/// A page whose connection is cut now and then, and what it knows in spite of it.
struct CutOffPage {
    bridge: Bridge,
    proxy: CuttingProxy,
    draws: Draws,
    tally: Tally,
    /// Ids below this one were written at least once, whether or not they arrived.
    sent: SendId,
    session: Option<(SessionId, u32)>,
}

impl CutOffPage {
    /// Connects, goes on with its session, and says again what the bridge may never have heard.
    async fn come_back(&mut self) -> Result<PageClient> {
        let stream = TcpStream::connect(("127.0.0.1", self.proxy.port())).await?;
        let mut page = PageClient::open_over(&self.bridge, stream).await?;
        let resume = self.session.map(|(session, epoch)| Resume { session, epoch, outcomes_seen: self.tally.seen() });
        let welcome = page.hello(resume).await?;
        assert_eq!(welcome.recovered, resume.is_some(), "a session that is cut off is recovered");
        self.session = Some((welcome.session, welcome.epoch));
        let settled = self.tally.sends();
        for id in (0..self.sent).filter(|id| !settled.contains(id) && !welcome.unsettled.contains(id)) {
            page.command(&self.command(id)).await?;
        }
        Ok(page)
    }

    /// Sends up to `goal` in bursts and takes outcomes until all those are settled.
    async fn work(&mut self, page: &mut PageClient, goal: SendId) -> Result<()> {
        while self.tally.settled() < goal {
            for _ in 0..self.draws.below(40) {
                if self.sent < goal {
                    // Counted before it is written: cut in between, it must be said again.
                    self.sent += 1;
                    page.command(&self.command(self.sent - 1)).await?;
                }
            }
            if self.tally.settled() < self.sent
                && let Report::Outcomes { outcomes } = page.next_report().await?
            {
                self.tally.take(outcomes)?;
                if self.draws.below(3) == 0 {
                    page.command(&Command::AckOutcomes { up_to: self.tally.seen() }).await?;
                }
            }
        }
        Ok(())
    }

    fn command(&self, id: SendId) -> Command {
        Command::Send(send(id, Habit::Callback, "orders", &format!("key-{}", id % 50), 1))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "what a failure needs to be understood and run again")]
async fn no_outcome_is_lost_or_doubled_when_the_connection_is_cut_at_a_hundred_random_moments() -> Result<()> {
    const SENDS: u64 = 10_000;
    const CUTS: u64 = 100;
    let mut draws = Draws::from_environment()?;
    let bridge = serve(&[])?;
    let proxy = CuttingProxy::listen().await?;
    proxy.forward_to(bridge.port());
    let mut page = CutOffPage {
        bridge,
        proxy,
        draws: Draws::from_seed(draws.below(1 << 30)),
        tally: Tally::default(),
        sent: 0,
        session: None,
    };
    let mut settled_when_cut = Vec::new();
    for cut in 1..=CUTS {
        // Most cuts come while the page works, one in eight while it connects.
        let life = async {
            if draws.below(8) > 0 {
                let mut client = page.come_back().await?;
                let work = page.work(&mut client, SENDS * cut / CUTS);
                return match timeout(Duration::from_micros(draws.below(20_000)), work).await {
                    Ok(Err(error)) => Err(error),
                    Ok(Ok(())) | Err(_) => Ok(()),
                };
            }
            let moment = Duration::from_micros(draws.below(5_000));
            timeout(moment, page.come_back()).await.map_or(Ok(()), |came_back| came_back.map(drop))
        };
        life.await?;
        page.proxy.cut();
        settled_when_cut.push(page.tally.settled());
    }
    println!("settled at each cut: {settled_when_cut:?}");
    assert!(settled_when_cut.windows(2).filter(|pair| pair[0] < pair[1]).count() > 10, "cut in mid-work");

    let mut client = page.come_back().await?;
    page.work(&mut client, SENDS).await?;
    let landed = page.tally.landed();
    let records: BTreeSet<_> = landed.iter().map(|(record, _)| record).collect();
    let places: BTreeSet<_> = landed.iter().map(|(_, place)| *place).collect();
    assert_eq!((landed.len() as u64, records.len(), places.len()), (SENDS, landed.len(), landed.len()));
    assert_eq!(page.tally.seen(), SENDS, "outcomes are numbered without gaps");
    let read = kcat::consume_all(&page.bridge.bootstrap_servers(), "orders")?;
    let stored: Vec<_> = read.iter().map(|record| (record.partition, record.offset)).collect();
    assert_eq!(stored.len() as u64, SENDS, "stored once");
    assert!(stored.into_iter().collect::<BTreeSet<_>>() == places, "stored where the outcomes say");
    Ok(())
}

/// A way to ask a bridge to stop.
type Stop = fn(Bridge, Duration) -> Result<ExitStatus>;

#[tokio::test]
async fn a_bridge_that_is_asked_to_stop_settles_every_send_first() -> Result<()> {
    settles_every_send_before_it_stops(Bridge::stop).await
}

#[tokio::test]
async fn ctrl_c_settles_every_send_too() -> Result<()> {
    settles_every_send_before_it_stops(Bridge::interrupt).await
}

async fn settles_every_send_before_it_stops(stop: Stop) -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = joined(&bridge).await?;
    page.command(&Command::Configure {
        properties: vec![("linger.ms".into(), "60000".into()), ("delivery.timeout.ms".into(), "120000".into())],
    })
    .await?;
    page.command(&Command::Send(send(1, Habit::Callback, "orders", "user-42", 100))).await?;
    // The batch lingers for a minute; stopping does not wait for that.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopping = tokio::task::spawn_blocking(move || stop(bridge, Duration::from_secs(20)));
    let outcomes = page.outcomes_of(1, 100).await?;
    assert!(outcomes.iter().all(|outcome| matches!(outcome.fate, Fate::Acked(_))));
    assert!(stopping.await??.success());
    Ok(())
}
