//! `playground break`: a search for a world in which a configuration does not keep a claim.

mod progress;
mod report;
mod source;

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use playground_options::Form;
use producer_core::breaking::{FaultBudget, Question, Search, Surroundings, Task, claim_named};
use producer_core::scenario::{Claim, Properties, text};

use self::progress::Teller;

/// Worlds between two looks at the clock.
const SLICE: u32 = 50;

/// Options of `playground break`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Claims: nothing-lost, stored-once, order-per-key, no-send-blocked[=MS] (a second, if no number is given), \
failed-means-not-stored

Faults: cut (a connection), restart (a broker, cleanly), pause (the producer's process), kill (a broker), move-leader, \
freeze (a broker's process), delay, silence, error (each of a message), split (producer from broker), shrink-isr

Exit codes: 0 no world broke the claim, which is a count and not a proof; 1 one did; 2 the configuration could not be read, \
or the client refuses it, or the scenario could not be written")]
pub(crate) struct BreakOptions {
    /// The configuration: producer.properties, Spring's application.yml, librdkafka's names, or a log with the client's list
    /// "ProducerConfig values:"; - is standard input
    #[arg(value_name = "FILE")]
    source: PathBuf,
    /// What is to be broken
    #[arg(long, value_parser = claim_named)]
    claim: Claim,
    /// What may go wrong in one world, and at most how often
    #[arg(long, value_name = "KIND=N,…", value_parser = FaultBudget::parse, default_value_t = FaultBudget::default())]
    faults: FaultBudget,
    /// Try at most so many worlds
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    worlds: u32,
    /// All worlds come from this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the counterexample to this file, for playground run
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How the configuration is written, where its name and its words do not say so
    #[arg(long)]
    format: Option<Form>,
    /// Brokers in every world, instead of one to three
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=9))]
    brokers: Option<u32>,
    /// Partitions of the topic in every world, instead of one to three
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    partitions: Option<u32>,
    /// The topic's replication.factor in every world; at most as many as there are brokers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=9))]
    replication_factor: Option<u32>,
    /// The topic's min.insync.replicas in every world; at most as many as there are copies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=9))]
    min_insync_replicas: Option<u32>,
    /// Play all worlds with each change, also when one has broken the claim, to count how many do
    #[arg(long)]
    count_all: bool,
    /// Do not tell how far it is
    #[arg(long)]
    quiet: bool,
}

/// Searches, and prints what came of it. Returns whether the claim held in all worlds.
pub(crate) fn break_config(options: &BreakOptions) -> Result<bool> {
    let given = source::read(&options.source, options.format)?;
    let mut properties = Properties::default();
    for (key, value) in &given.properties {
        properties.set(key, value);
    }
    let question = Question {
        properties,
        claim: options.claim.clone(),
        faults: options.faults.clone(),
        worlds: options.worlds,
        seed: options.seed,
        surroundings: Surroundings {
            brokers: options.brokers,
            partitions: options.partitions,
            replication_factor: options.replication_factor,
            min_insync_replicas: options.min_insync_replicas,
        },
        counts_all: options.count_all,
    };
    let mut search = Search::new(question, None)
        .map_err(|error| anyhow!("{error}"))
        .with_context(|| format!("{}: the client refuses it", options.source.display()))?;
    let mut teller = Teller::new(options.quiet);
    given.notices.iter().try_for_each(|notice| teller.say(&crate::printable(&format!("notice: {notice}"))))?;
    loop {
        let progress = search.advance(SLICE);
        if progress.task == Task::Done {
            break;
        }
        teller.tell(&progress, search.report())?;
    }
    teller.finish()?;
    let (worlds, claim) = (options.worlds, &options.claim);
    let found = search.report().counterexample.as_ref();
    // A search that broke the claim does not say so with a file that is not there.
    if let Some((path, found)) = options.out.as_ref().zip(found) {
        let written = format!("{}\n", text::write(&found.scenario).trim_end());
        std::fs::write(path, written).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let text = report::text(claim, worlds, search.report(), options.out.as_deref());
    crate::say(crate::printable(&text).trim_end())?;
    Ok(search.report().tried.trials.broken == 0)
}
