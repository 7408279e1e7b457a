//! Clients that do the same work in turns, and how they compare.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{
    peers::{Peer, Workload},
    run::{Run, Runner},
};
use crate::{bench::spread::Spread, progress};

/// What the clients of a group came to, round by round.
pub(super) struct Group {
    title: String,
    peers: Vec<Peer>,
    rounds: Vec<BTreeMap<Peer, Run>>,
    /// The sinks' own CPU time, over all runs.
    sink_cpu_us_per_record: f64,
}

impl Group {
    /// Runs every peer in every round; each begins in its turn.
    pub(super) fn measure(
        runner: &mut Runner,
        title: impl Into<String>,
        peers: &[Peer],
        work: &Workload,
        rounds: usize,
    ) -> Result<Self> {
        let mut group =
            Self { title: title.into(), peers: peers.to_vec(), rounds: Vec::new(), sink_cpu_us_per_record: 0.0 };
        let before = (runner.sinks_cpu_seconds()?, runner.records_taken);
        for number in 0..rounds {
            progress!("{}: round {} of {rounds}", group.title, number + 1);
            let mut round = BTreeMap::new();
            for step in 0..peers.len() {
                let peer = peers[(number + step) % peers.len()];
                if let Some(run) = runner.run(peer, work)? {
                    round.insert(peer, run);
                }
            }
            group.rounds.push(round);
        }
        let (cpu_seconds, records) = (runner.sinks_cpu_seconds()? - before.0, runner.records_taken - before.1);
        group.sink_cpu_us_per_record = cpu_seconds * 1e6 / records as f64;
        Ok(group)
    }

    /// `figure` of `peer`, over the rounds.
    pub(super) fn spread(&self, peer: Peer, figure: impl Fn(&Run) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| figure(round.get(&peer)?)))
    }

    /// `one`'s figure over `other`'s, round by round.
    pub(super) fn ratio(&self, one: Peer, other: Peer, figure: impl Fn(&Run) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| {
            let figure = |peer| round.get(&peer).and_then(&figure);
            Some(figure(one)? / figure(other)?)
        }))
    }

    /// `ours`' figure over that of the best peer, round by round: one client, the one whose median is `best`, and not
    /// whichever was luckiest in a round.
    pub(super) fn ratio_to_best(
        &self,
        ours: Peer,
        figure: impl Fn(&Run) -> Option<f64>,
        best: impl Fn(f64, f64) -> f64,
    ) -> Option<Spread> {
        let others = self.peers.iter().filter(|peer| !peer.is_ours());
        let medians = others.filter_map(|&peer| Some((peer, self.spread(peer, &figure)?.median)));
        let (peer, _) = medians.reduce(|one, other| if best(one.1, other.1) == one.1 { one } else { other })?;
        self.ratio(ours, peer, figure)
    }

    pub(super) fn print(&self) {
        println!("\n{} (the sink: {:.3} CPU-s/M rec)", self.title, self.sink_cpu_us_per_record);
        println!(
            "{:<24}{:>12}{:>13}{:>13}{:>14}{:>11}{:>11}   ours over it: CPU",
            "medians", "CPU-s/M rec", "records/s", "peak RSS MB", "records/batch", "p50 µs", "p99 µs"
        );
        for &peer in &self.peers {
            let Some(cpu) = self.spread(peer, cpu) else {
                println!("{:<24}never finished", peer.name());
                continue;
            };
            let column = |figure: &dyn Fn(&Run) -> Option<f64>, scale: f64, digits: usize| {
                let shown = self.spread(peer, figure).filter(|spread| spread.highest > 0.0);
                shown.map_or_else(|| "-".to_owned(), |spread| format!("{:.digits$}", spread.median / scale))
            };
            let over = self.ratio(Peer::Ours, peer, super::group::cpu).map(|ratio| ratio.to_string());
            println!(
                "{:<24}{:>12.3}{:>13}{:>13}{:>14}{:>11}{:>11}   {}",
                peer.name(),
                cpu.median,
                column(&speed, 1.0, 0),
                column(&peak_rss, 1024.0, 1),
                column(&|run| Some(run.records_per_batch), 1.0, 0),
                column(&|run| run.p50_us, 1.0, 0),
                column(&p99, 1.0, 0),
                over.unwrap_or_default()
            );
        }
    }
}

#[allow(clippy::unnecessary_wraps, reason = "figures that every run has stand beside some that not every run has")]
pub(super) fn cpu(run: &Run) -> Option<f64> {
    Some(run.cpu_us_per_record)
}

#[allow(clippy::unnecessary_wraps, reason = "as above")]
pub(super) fn speed(run: &Run) -> Option<f64> {
    Some(run.records_per_second)
}

#[allow(clippy::unnecessary_wraps, reason = "as above")]
pub(super) fn peak_rss(run: &Run) -> Option<f64> {
    Some(run.peak_rss_kb)
}

pub(super) fn p99(run: &Run) -> Option<f64> {
    run.p99_us
}
