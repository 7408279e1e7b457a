//! From a scenario's words to brokers, producers and programs.

use core::time::Duration;
use std::sync::Arc;

use super::StageError;
use super::troupe::{Manner, Troupe};
use crate::caller::PlannedRecords;
use crate::cluster::{ClusterConfig, TopicRefusal};
use crate::config::{ConfigError, ProducerConfig};
use crate::ids::ProducerIndex;
use crate::protocol::NewTopic;
use crate::scenario::{Caller, Lane, Load, LoadPlan, ProducerSetup, Scenario, Topic};
use crate::simulation::Latency;
use crate::time::Instant;

/// A setting of a broker in its written form.
fn apply(config: &mut ClusterConfig, key: &str, value: &str) -> Option<()> {
    fn millis(value: &str) -> Option<Duration> {
        Some(Duration::from_millis(value.trim().parse().ok()?))
    }
    match key {
        "auto.create.topics.enable" => config.auto_create_topics = value.trim().eq_ignore_ascii_case("true"),
        "unclean.leader.election.enable" => {
            config.unclean_leader_election = value.trim().eq_ignore_ascii_case("true");
        }
        "num.partitions" => config.num_partitions = value.trim().parse().ok()?,
        "default.replication.factor" => config.default_replication_factor = value.trim().parse().ok()?,
        "min.insync.replicas" => config.min_insync_replicas = value.trim().parse().ok()?,
        "log.retention.bytes" => config.log_retention_bytes = value.trim().parse().ok(),
        "broker.session.timeout.ms" => config.broker_session_timeout = millis(value)?,
        "broker.heartbeat.interval.ms" => config.broker_heartbeat_interval = millis(value)?,
        "replica.lag.time.max.ms" => config.replica_lag_time_max = millis(value)?,
        "replica.fetch.wait.max.ms" => config.replica_fetch_wait_max = millis(value)?,
        "producer.id.expiration.ms" => config.producer_id_expiration = millis(value)?,
        "producer.id.expiration.check.interval.ms" => config.producer_id_expiration_check_interval = millis(value)?,
        "transactional.id.expiration.ms" => config.transactional_id_expiration = millis(value)?,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms" => {
            config.abort_timed_out_interval = millis(value)?;
        }
        _ => return None,
    }
    Some(())
}

/// The brokers, and those of their settings that change nothing here.
pub(super) fn cluster_config(scenario: &Scenario, lane: Option<&Lane>) -> (ClusterConfig, Vec<Arc<str>>) {
    let given = &scenario.cluster;
    let mut config = ClusterConfig::simulated(given.brokers as usize);
    config.seed = scenario.seed.0;
    config.processing_time = Duration::from_micros(given.processing_us);
    config.inter_broker_latency = Duration::from_micros(given.between_brokers.base_us);
    let settings = given.settings.iter().chain(lane.into_iter().flat_map(|lane| lane.brokers.iter()));
    let without_effect = settings.filter(|(key, value)| apply(&mut config, key, value).is_none());
    let without_effect = without_effect.map(|(key, _)| key.into()).collect();
    (config, without_effect)
}

/// A topic as it is created in this lane.
pub(super) fn new_topic(topic: &Topic, lane: Option<&Lane>) -> NewTopic {
    let settings = topic.settings.with(lane.map(|lane| &lane.topics));
    NewTopic {
        name: Arc::clone(&topic.name),
        num_partitions: number(lane.and_then(|lane| lane.partitions).unwrap_or(topic.partitions)),
        replication_factor: i16::try_from(topic.replication_factor).unwrap_or(i16::MAX),
        configs: settings.iter().map(|(key, value)| (key.into(), Some(value.into()))).collect(),
        assignments: Vec::new(),
    }
}

/// A producer's configuration in this lane, or the Java client's refusal.
pub(super) fn producer_config(
    setup: &ProducerSetup,
    lane: Option<&Lane>,
    index: u32,
) -> Result<ProducerConfig, ConfigError> {
    let properties = setup.properties.with(lane.map(|lane| &lane.properties));
    let (config, _) = ProducerConfig::from_properties(properties.iter())?;
    Ok(config.with_client_id(|| format!("producer-{}", index + 1)))
}

/// The program around a producer.
pub(super) fn troupe(
    setup: &ProducerSetup,
    lane: Option<&Lane>,
    seed: u64,
    producer: ProducerIndex,
    begins: Instant,
) -> Result<Troupe, StageError> {
    let mut troupe = Troupe::default();
    for (place, caller) in (0_u64..).zip(&setup.callers) {
        add_threads(&mut troupe, caller, lane, seed, (u64::from(producer.0) << 8) | (place << 4), begins)?;
    }
    Ok(troupe)
}

fn add_threads(
    troupe: &mut Troupe,
    caller: &Caller,
    lane: Option<&Lane>,
    seed: u64,
    number_of_load: u64,
    begins: Instant,
) -> Result<(), StageError> {
    let plans = plans(&caller.loads, seed, number_of_load)?;
    let manner = Manner {
        habit: lane.and_then(|lane| lane.habit).unwrap_or(caller.habit),
        begins: begins + Duration::from_micros(caller.start_us),
        pace: Duration::from_micros(caller.pace_us),
        callback: &caller.callback,
        sends_again: caller.sends_again,
        then: lane.and_then(|lane| lane.then.as_ref()).unwrap_or(&caller.then),
    };
    for thread in 0..caller.threads {
        let share = |(load, plan): &(&Load, Arc<LoadPlan>)| share(load, plan, thread, caller.threads);
        troupe.add(manner, plans.iter().map(share).collect());
    }
    Ok(())
}

fn plans(loads: &[Load], seed: u64, number: u64) -> Result<Vec<(&Load, Arc<LoadPlan>)>, StageError> {
    (number..)
        .zip(loads)
        .map(|(number, load)| Ok((load, Arc::new(LoadPlan::new(load, seed, number).map_err(StageError::Template)?))))
        .collect()
}

/// Record i is sent by thread i modulo their number.
fn share(load: &Load, plan: &Arc<LoadPlan>, thread: u32, threads: u32) -> (Arc<PlannedRecords>, u32) {
    let records = PlannedRecords {
        topic: Arc::clone(&load.topic),
        partition: load.partition.map(number),
        timestamp_offset_ms: load.timestamp_offset_ms,
        plan: Arc::clone(plan),
        first: thread,
        step: threads,
        is_due_at_once: false,
    };
    (Arc::new(records), load.count.saturating_sub(thread).div_ceil(threads.max(1)))
}

/// One load that somebody sends now, in a thread of its own.
pub(super) fn one_load(
    troupe: &mut Troupe,
    load: &Load,
    seed: u64,
    number: u64,
    now: Instant,
) -> Result<(), StageError> {
    let caller = Caller { habit: crate::bridge::Habit::Callback, loads: vec![load.clone()], ..Caller::default() };
    add_threads(troupe, &caller, None, seed, number, now)
}

/// A time in the scenario's words.
pub(super) fn latency(latency: &crate::scenario::Latency) -> Latency {
    Latency { base: Duration::from_micros(latency.base_us), jitter: Duration::from_micros(latency.jitter_us) }
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl From<TopicRefusal> for StageError {
    fn from(refusal: TopicRefusal) -> Self {
        Self::Topic(refusal)
    }
}
