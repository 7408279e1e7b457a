//! A page's session with the bridge, and what survives when the connection does not.

use std::collections::BTreeSet;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Result, ensure};
use cross_tests::bridge::Bridge;
use cross_tests::draws::Draws;
use cross_tests::page;
use cross_tests::page_client::{PageClient, Tally, send};
use cross_tests::peers::kcat;
use cross_tests::proxy::CuttingProxy;
use kafka_producer::embedded::EmbeddedBrokers;
use producer_core::bridge::{Command, Fate, Habit, Report, Resume, SendId, SessionId, Topology, World};
use producer_core::ids::{NodeId, TopicPartition};
use producer_core::murmur2::partition_for_key;
use producer_core::trace::Fact;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A page is not needed to speak its protocol.
fn serve(arguments: &[&str]) -> Result<Bridge> {
    Bridge::serve(page::small()?.path(), arguments)
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
    let mut page = PageClient::joined(&bridge).await?;
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 5))).await?;
    let one_by_one = page.outcomes_of(1, 5).await?;
    assert_eq!(one_by_one.len(), 5, "one record per batch");
    page.command(&Command::Send(send(2, Habit::Callback, "orders", "user-42", 5))).await?;
    let together = page.outcomes_of(2, 5).await?;
    assert_eq!(together.len(), 1, "five records in one batch");
    Ok(())
}

#[tokio::test]
async fn sends_before_a_new_configuration_belong_to_the_old_producer_and_none_is_lost() -> Result<()> {
    let bridge = serve(&[])?;
    let mut page = PageClient::joined(&bridge).await?;
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
    let mut page = PageClient::joined(&bridge).await?;
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
    let mut page = PageClient::joined(&bridge).await?;
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
    let mut page = PageClient::joined(&bridge).await?;
    page.command(&Command::Send(send(1, Habit::Get, "orders", "user-42", 10))).await?;
    page.outcomes_of(1, 10).await?;
    page.command(&Command::AckOutcomes { up_to: 10 }).await?;
    page.command(&Command::TraceCredit { frames: 1 }).await?;
    let events = page
        .wait_for(|report| match report {
            Report::Trace { events } => Some(events),
            _ => None,
        })
        .await?;
    assert!(events.is_sorted_by_key(|event| event.at), "in order of time");
    assert!(events.iter().any(|event| matches!(event.what, Fact::GetReturned { ordinal: 9 })));

    // The credit is used up: outcomes come, trace does not.
    page.command(&Command::Send(send(2, Habit::Get, "orders", "user-42", 10))).await?;
    let mut settled = 0;
    while settled < 10 {
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
    let mut page = PageClient::joined(&bridge).await?;
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
