//! A preset's program on the library: the preset's settings, topic, keys and pace.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use kafka_producer::{KafkaProducer, ProducerConfig, Record};
use producer_core::ids::ProducerIndex;
use producer_core::judge::{History, Topic};
use producer_core::scenario::{Arrival, Keys, Scenario};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::history::Witness;

/// Where keys are drawn, they are drawn from so many.
const DRAWN_KEYS: usize = 50;

/// What a lane of a preset sends.
#[derive(Clone, Debug)]
pub(super) struct Program {
    topic: Topic,
    config: ProducerConfig,
    /// How many records it sends at least.
    pub(super) records: usize,
    pace: Duration,
    keys: Vec<String>,
}

/// How far a program may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// So many records, and no more for now.
    UpTo(usize),
    /// All that it has, and on at the same pace.
    On,
    /// All that it has.
    All,
}

impl Program {
    /// The one program of a preset's lane, to this topic.
    pub(super) fn of(scenario: &Scenario, lane: usize, topic: &str) -> Result<Self> {
        let producer = scenario.producers.first().context("a producer")?;
        let mut properties = producer.properties.clone();
        if let Some(lane) = scenario.lanes.get(lane) {
            lane.properties.iter().for_each(|(key, value)| properties.set(key, value));
        }
        let config = ProducerConfig::from_properties(properties.iter()).map_err(|error| anyhow!("{error:?}"))?.0;
        let load = producer.callers.first().and_then(|caller| caller.loads.first()).context("a load")?;
        let Arrival::Steady { per_second } = load.arrival else { anyhow::bail!("another pace than a steady one") };
        let keys = match &load.keys {
            Keys::List { keys } => keys.iter().flatten().map(|key| key.to_string()).collect(),
            _ => (1..=DRAWN_KEYS).map(|number| format!("user-{number}")).collect(),
        };
        let pace = Duration::from_secs(1) / u32::try_from(per_second)?;
        let setup = scenario.topics.first().context("a topic")?;
        let min_in_sync = setup.settings.get("min.insync.replicas").map_or(Ok(1), str::parse)?;
        let topic = Topic::new(topic, i32::try_from(setup.partitions)?, min_in_sync);
        Ok(Self { topic, config, records: load.count as usize, pace, keys })
    }

    /// Sends as far as it has leave, and tells `sent` how far that is. Gives all calls and results, each at its time.
    ///
    /// # Errors
    /// When the brokers' addresses are none, or the run is broken off.
    pub(super) async fn run(
        self,
        servers: String,
        mut leave: watch::Receiver<Leave>,
        sent: watch::Sender<usize>,
        witness: Arc<Mutex<Witness>>,
    ) -> Result<()> {
        lock(&witness).history.add_topic(self.topic.clone());
        lock(&witness).history.add_producer(Arc::new(self.config.clone()));
        let producer = KafkaProducer::connect(self.config.clone(), &servers).await?;
        let mut told = JoinSet::new();
        let mut beat = tokio::time::interval(self.pace);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0.. {
            let may_go = |leave: &Leave| match leave {
                Leave::UpTo(records) => number < *records,
                Leave::On | Leave::All => true,
            };
            let leave = *leave.wait_for(may_go).await.context("the run was broken off")?;
            if number >= self.records && leave != Leave::On {
                break;
            }
            beat.tick().await;
            let (key, value) = (&self.keys[number % self.keys.len()], number.to_string());
            let record = Record::keyed(&self.topic.name, key.as_bytes(), value.as_bytes());
            let call = lock(&witness).calls(ProducerIndex(0), &record);
            let result = producer.send(record).await;
            let delivery = lock(&witness).returned(call, result);
            if let Some(delivery) = delivery {
                let witness = Arc::clone(&witness);
                told.spawn(async move {
                    let result = delivery.await;
                    lock(&witness).told(call, result);
                });
            }
            sent.send_replace(number + 1);
        }
        while let Some(ended) = told.join_next().await {
            ended?;
        }
        producer.close(None).await;
        Ok(())
    }
}

pub(super) fn lock(witness: &Mutex<Witness>) -> MutexGuard<'_, Witness> {
    witness.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was written down, when nobody writes any more.
pub(super) fn into_history(witness: Arc<Mutex<Witness>>) -> Result<History> {
    let witness = Arc::into_inner(witness).context("the program is over")?;
    let history = witness.into_inner().unwrap_or_else(PoisonError::into_inner).history;
    ensure!(!history.calls.is_empty(), "nothing was sent");
    Ok(history)
}
