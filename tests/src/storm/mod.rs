//! Foreign producers in bad weather: brokers behind proxies, whose connections are cut, whose answers are errors and whose
//! leaders move as long as a client sends.
//!
//! The brokers are the embedded ones, or, where a client breaks its promise on them, an Apache Kafka: whose fault it is
//! shows there.

mod account;
mod apache;
mod embedded;
mod faults;
mod judge;
mod score;

use std::time::Duration;

use anyhow::{Context as _, Result};
use producer_core::judge::Score;
use xtask::kafka::KafkaJars;

pub use self::account::{Account, End, Manner, Peer};
use self::apache::Apache;
use self::embedded::Embedded;
use self::faults::{Fault, rota};
pub use self::judge::Breach;
use crate::proxy::{CuttingProxy, Seizer};
use crate::read_back::{ReadRecord, read_topic};
use crate::retries::count_repeated;

const TOPIC: &str = "storm";
const PARTITIONS: i32 = 6;
const BROKERS: usize = 3;
/// Faults in one run, if they meet a client that sends nothing twice.
const FAULTS: usize = 100;
/// Records between two faults at least: in a shorter run there are fewer.
const APART: usize = 250;
/// How often it is looked at how far a client is.
const GLANCE: Duration = Duration::from_millis(2);

/// Whose brokers a client meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brokers {
    /// The embedded ones, with every kind of fault.
    Embedded,
    /// Three nodes of Apache Kafka, with the same faults but two: no partition is without a leader, and no answer is swallowed.
    /// Errors are answered by the proxies.
    Apache,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Passage {
    /// What the client told.
    pub account: Account,
    /// What Kafka's own consumer reads, waiting for commits.
    pub read: Vec<ReadRecord>,
    /// How often the weather struck.
    pub faults: usize,
    /// Batches that the client sent more than once.
    pub repeated_batches: usize,
    /// What the read-back of the embedded brokers came to, where the client tells where each record is and uses no
    /// transactions.
    pub score: Option<Score>,
}

/// Brokers under the weather.
#[derive(Debug)]
enum Under {
    Embedded(Embedded),
    Apache(Apache),
}

impl Under {
    async fn begin(brokers: Brokers, proxies: &[CuttingProxy], seizer: Seizer) -> Result<Self> {
        Ok(match brokers {
            Brokers::Embedded => Self::Embedded(Embedded::begin(proxies).await?),
            Brokers::Apache => Self::Apache(Apache::begin(proxies, seizer)?),
        })
    }

    /// Something that grows with every record that a client has got through.
    fn progress(&self, proxies: &[CuttingProxy]) -> usize {
        match self {
            Self::Embedded(brokers) => brokers.stored(),
            Self::Apache(_) => proxies.iter().map(CuttingProxy::heard_bytes).sum::<usize>() / apache::BYTES_OF_A_RECORD,
        }
    }

    async fn strike(&mut self, fault: &Fault, round: usize) {
        match self {
            Self::Embedded(brokers) => brokers.strike(fault, round).await,
            Self::Apache(brokers) => brokers.strike(fault, round),
        }
    }
}

/// Has a client send so many records in bad weather.
///
/// # Errors
/// When the brokers do not start, the client ends with an error or settles no call any more, or Java cannot be run.
pub async fn pass(brokers: Brokers, peer: Peer, records: usize, manner: Manner) -> Result<Passage> {
    let mut proxies = Vec::new();
    let seizer = Seizer::default();
    for _ in 0..BROKERS {
        proxies.push(match brokers {
            Brokers::Embedded => CuttingProxy::listen().await?,
            Brokers::Apache => CuttingProxy::listen_with(seizer.clone()).await?,
        });
    }
    let mut under = Under::begin(brokers, &proxies, seizer).await?;
    let addresses: Vec<String> = proxies.iter().map(|proxy| format!("127.0.0.1:{}", proxy.port())).collect();
    let servers = addresses.join(",");
    let asked = servers.clone();
    let sending = tokio::task::spawn_blocking(move || peer.send(&asked, TOPIC, records, manner));

    let rota = rota(brokers, manner);
    let apart = APART.max(records / FAULTS);
    // The embedded brokers say themselves when every partition has a batch.
    let (mut faults, mut due) = (0, if brokers == Brokers::Apache { apart } else { 0 });
    while !sending.is_finished() {
        tokio::time::sleep(GLANCE).await;
        // A client that must begin again sends more than there is, and meets more faults.
        if under.progress(&proxies) > due {
            let fault = &rota[faults % rota.len()];
            // A round later each fault meets another broker and another partition, whatever their numbers share with the rota's.
            let target = faults + faults / rota.len();
            match fault {
                Fault::Cut => proxies[target % BROKERS].cut(),
                // At the end of a run there may be no answer left to come.
                Fault::CutBeforeAnswers => {
                    let cut = proxies[target % BROKERS].cut_before_the_next_answer();
                    let _ = tokio::time::timeout(Duration::from_secs(1), cut).await;
                }
                fault => under.strike(fault, target).await,
            }
            faults += 1;
            due = under.progress(&proxies) + apart;
        }
    }
    let account = sending.await?.with_context(|| peer.name().to_owned())?;
    if let Under::Embedded(brokers) = &under {
        brokers.script(None);
        brokers.wait_until_clients_are_gone().await?;
    }
    let heard: Vec<Vec<u8>> = proxies.iter().flat_map(CuttingProxy::heard).collect();
    let repeated_batches = count_repeated(&heard, TOPIC)?;
    let read = tokio::task::spawn_blocking(move || read_topic(&KafkaJars::ensure()?, &servers, TOPIC)).await??;
    let port = proxies[0].port();
    let is_scored = brokers == Brokers::Embedded && manner != Manner::InTransactions && peer.tells_places();
    let (account, score) = tokio::task::spawn_blocking(move || -> Result<_> {
        let score = is_scored.then(|| score::score(&account, records, manner, port)).transpose()?;
        Ok((account, score))
    })
    .await??;
    Ok(Passage { account, read, faults, repeated_batches, score })
}
