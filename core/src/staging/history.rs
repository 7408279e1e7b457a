//! What an honest witness could have written down of a stage, for the judges.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::troupe::{Call, Said, Troupe};
use super::{BEGIN, Deed, Stage, StageError};
use crate::caller::Wait;
use crate::codecs::Codecs;
use crate::ids::ProducerIndex;
use crate::judge::{CallId, Failure, Fate, History, Metadata, Stall, Topic, Verdict, WaitFor, WaitId};
use crate::playback::{Budget, Goal, Playable, Playback, Progress};
use crate::record::{Header, Record};
use crate::scenario::{self, RecordBuffer, Scenario};
use crate::time::Instant;
use crate::trace::TraceEvent;

/// Programs, brokers and producers count in milliseconds.
const TICK: core::time::Duration = core::time::Duration::from_millis(1);

impl Stage {
    /// Everything that the programs did and were told, what a consumer reads back now, and what was overheard since
    /// [`listen`](Self::listen). Records are made again from their loads. `facts` are those of the whole run, where they are
    /// to count.
    pub fn history(&self, facts: &[TraceEvent], codecs: Option<&dyn Codecs>) -> History {
        let mut history = History::default();
        for config in &self.configs {
            history.add_producer(Arc::clone(config));
        }
        let cluster = self.simulation.cluster();
        for topic in &self.topics {
            let copies = usize::try_from(topic.replication_factor).unwrap_or(1);
            let own = topic.configs.iter().find(|(name, _)| &**name == "min.insync.replicas");
            let own = own.and_then(|(_, value)| value.as_deref()?.parse::<usize>().ok());
            let least = own.unwrap_or(cluster.config().min_insync_replicas).min(copies);
            let least = i16::try_from(least).unwrap_or(i16::MAX);
            let mut written = Topic::new(&topic.name, topic.num_partitions, least);
            let grown = self.chronicle.partitions_added.iter().filter(|(name, ..)| *name == topic.name);
            written.partitions.extend(grown.map(|&(_, at, count)| (at, count)));
            let deleted = self.chronicle.deleted.iter().filter(|(name, _)| *name == topic.name);
            for &(_, at) in deleted {
                written.was_recreated = true;
                // Whoever asks for it first creates it anew, as the brokers see fit.
                let config = cluster.config();
                written.partitions.extend(config.auto_create_topics.then_some((at, config.num_partitions)));
            }
            written.partitions.sort_by_key(|&(since, _)| since);
            history.add_topic(written);
        }
        for (partition, leader) in &self.first_leaders {
            if let Some(place) = history.place(partition) {
                history.first_leaders.insert(place, *leader);
            }
        }
        history.tick = TICK;
        history.exits = self.chronicle.ended.iter().map(|&(client, at)| (named(client.0), at)).collect();
        self.write_down(&mut history);
        self.write_down_stalls(&mut history);
        history.add_facts(facts);
        if let Some(wire) = self.simulation.wire() {
            history.wire = wire.clone();
        }
        let now = self.simulation.now();
        history.ended_at = now.instant();
        let expiration = cluster.config().producer_id_expiration;
        history.producer_id_expiration = (now.instant() - Instant::ZERO >= expiration).then_some(expiration);
        history.read_cluster(cluster, now, codecs);
        history
    }

    /// What became of the goals that are about this lane, by their places in the scenario.
    pub fn judge(&self, scenario: &Scenario, lane: usize, history: &History) -> Vec<(usize, Verdict)> {
        scenario.goals_of(lane).map(|(place, goal)| (place, self.check(&goal.claim, history))).collect()
    }

    /// Checks a claim. What a program meets when its producer is made is not in any history of records.
    fn check(&self, claim: &scenario::Claim, history: &History) -> Verdict {
        match claim {
            scenario::Claim::Raised { class } if &**class == "ConfigException" && !self.refused.is_empty() => {
                Verdict::Held
            }
            claim => claim.check(history),
        }
    }

    /// Has everything overheard that goes over the wire from now on.
    pub fn listen(&mut self) {
        self.simulation.listen();
    }

    /// What all programs did and were told, in order of time.
    fn write_down(&self, history: &mut History) {
        let mut lines: Vec<(Instant, usize, &Said)> = Vec::new();
        for (client, of) in self.simulation.clients().iter().enumerate() {
            let troupe = of.application();
            lines.extend(troupe.said.iter().map(|said| (said.at(troupe), client, said)));
        }
        // Each program's own lines are in order already.
        lines.sort_by_key(|&(at, client, _)| (at, client));
        let mut ids: BTreeMap<(usize, u32), CallId> = BTreeMap::new();
        // A thread waits for one thing at a time.
        let mut waits: BTreeMap<(usize, u32), WaitId> = BTreeMap::new();
        let mut buffer = RecordBuffer::default();
        for (at, client, said) in lines {
            let troupe = self.simulation.clients()[client].application();
            match said {
                Said::Called { call } => {
                    let Some(made) = troupe.calls.get(*call) else { continue };
                    let id = troupe
                        .with_record(made, &mut buffer, |record| history.call(at, named(client), made.member, record));
                    ids.insert((client, *call), id);
                }
                Said::Returned { call, partition, .. } => history.returned(at, ids[&(client, *call)], *partition),
                Said::Acknowledged { call, partition, offset, timestamp_ms, .. } => {
                    let (partition, offset, timestamp_ms) = (*partition, *offset, Some(*timestamp_ms));
                    let metadata = Metadata { partition, offset, timestamp_ms };
                    history.tell(at, ids[&(client, *call)], Fate::Acknowledged(metadata));
                }
                Said::Failed { call, error, surface, persistence, .. } => {
                    let failure = Failure::of(error, *surface, *persistence);
                    history.tell(at, ids[&(client, *call)], Fate::Failed(failure));
                }
                Said::Waits { member, what, .. } => {
                    let what = match what {
                        Wait::Flush => WaitFor::Flush,
                        Wait::Close => WaitFor::Close,
                    };
                    waits.insert((client, *member), history.begin_wait(at, named(client), what));
                }
                Said::Waited { member, .. } => {
                    if let Some(wait) = waits.remove(&(client, *member)) {
                        history.end_wait(at, wait);
                    }
                }
            }
        }
        forget_what_ended(history);
    }

    /// When processes stood still, and when callbacks kept senders.
    fn write_down_stalls(&self, history: &mut History) {
        let paused = self.chronicle.paused.iter().map(|&(client, from, until)| (client.0, from, until));
        let clients = self.simulation.clients().iter().enumerate();
        let busy = clients
            .flat_map(|(client, of)| of.application().busy.iter().map(move |&(from, until)| (client, from, until)));
        let stalls = paused.chain(busy).map(|(client, from, until)| Stall { producer: named(client), from, until });
        history.stalls = stalls.collect();
        history.stalls.sort_by_key(|stall| stall.from);
    }
}

/// Programs that have ended learn nothing more.
fn forget_what_ended(history: &mut History) {
    let told: std::collections::BTreeSet<CallId> = history.told.iter().map(|told| told.call).collect();
    let untold = (0..).map(CallId).zip(&history.calls).filter(|(id, _)| !told.contains(id));
    let unknown: Vec<_> = untold.filter_map(|(id, call)| Some((id, history.exited_at(call.producer)?))).collect();
    for (call, at) in unknown {
        history.tell(at, call, Fate::Unknown);
    }
}

fn named(client: usize) -> ProducerIndex {
    ProducerIndex(u32::try_from(client).unwrap_or(u32::MAX))
}

impl Said {
    fn at(&self, troupe: &Troupe) -> Instant {
        match self {
            Self::Called { call } => troupe.calls.get(*call).map_or(Instant::ZERO, |call| call.at.instant()),
            Self::Returned { at, .. }
            | Self::Acknowledged { at, .. }
            | Self::Failed { at, .. }
            | Self::Waits { at, .. }
            | Self::Waited { at, .. } => *at,
        }
    }
}

impl Troupe {
    /// The record of a call, made again.
    fn with_record<R>(&self, call: &Call, buffer: &mut RecordBuffer, look: impl FnOnce(&Record<'_>) -> R) -> R {
        let records = &self.jobs[call.job as usize];
        records.plan.write(records.place(call.index), call.at.wall_ms, buffer);
        let headers: Vec<Header<'_>> = buffer.headers(&records.plan).collect();
        look(&Record {
            topic: &records.topic,
            partition: records.partition,
            timestamp_ms: records.timestamp_offset_ms.map(|offset| call.at.wall_ms.saturating_add(offset)),
            key: buffer.key(),
            value: buffer.value(),
            headers: &headers,
        })
    }
}

/// How one lane of a scenario ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The lane.
    pub lane: usize,
    /// Its stage at the end.
    pub stage: Stage,
    /// Everything that was written down.
    pub history: History,
    /// All that happened.
    pub trace: Vec<TraceEvent>,
    /// What became of the goals, by their places in the scenario.
    pub verdicts: Vec<(usize, Verdict)>,
    /// Was it stopped, because too much happened?
    pub progress: Progress,
}

/// A lane at its beginning, with a playhead; `listens`: what goes over the wire is overheard, for the judges.
///
/// # Errors
/// It cannot be staged.
pub(crate) fn playback(
    scenario: &Scenario,
    lane: usize,
    listens: bool,
    codecs: Option<&'static dyn Codecs>,
) -> Result<Playback<Stage>, StageError> {
    let mut stage = Stage::new(scenario, lane, codecs)?;
    if listens {
        stage.listen();
    }
    let budget = Budget { events: stage.events().saturating_add(scenario.max_events), ..Budget::default() };
    Ok(Playback::new(stage, budget))
}

/// Runs a lane to its end, with what was done by hand, and judges it.
///
/// # Errors
/// It cannot be staged.
pub fn run(
    scenario: &Scenario,
    lane: usize,
    deeds: &[(Instant, Deed)],
    codecs: Option<&'static dyn Codecs>,
) -> Result<Ending, StageError> {
    let mut playback = playback(scenario, lane, true, codecs)?;
    let end = BEGIN + core::time::Duration::from_micros(scenario.duration_us);
    let mut trace = Vec::new();
    for (at, deed) in deeds {
        trace.extend(playback.run_and_tell(*at));
        // One whose message is not there any more is left undone, as it is shown.
        let _ = playback.act(deed.clone());
    }
    trace.extend(playback.run_and_tell(end));
    let progress = playback.run(Goal::Time(end), 0);
    let stage = playback.into_world();
    let history = stage.history(&trace, codecs.or(crate::codecs::simulated()));
    let verdicts = stage.judge(scenario, lane, &history);
    Ok(Ending { lane, stage, history, trace, verdicts, progress })
}
