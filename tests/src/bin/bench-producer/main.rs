//! Our side of `cargo xtask bench clients`: the published `KafkaProducer`, told how many records to send and how to hear
//! of their fate. Prints what it heard as one line of JSON.

#![expect(clippy::print_stdout, reason = "what a benchmark finds is what it prints")]

mod ages;
mod application;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use cross_tests::allocations::Counting;
use kafka_producer::{KafkaProducer, ProducerConfig};
use serde_json::json;
use tokio::runtime::{self, Runtime};

use self::ages::Ages;
use self::application::{Heard, send_share};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

#[derive(Clone, Debug, Parser)]
struct Options {
    /// Bootstrap servers
    #[arg(long)]
    servers: String,
    #[arg(long)]
    topic: String,
    /// Records in all
    #[arg(long)]
    records: u64,
    #[arg(long, default_value_t = 100)]
    value_bytes: usize,
    /// `batch.size`
    #[arg(long)]
    batch_size: u32,
    /// `linger.ms`
    #[arg(long, default_value_t = 5)]
    linger_ms: u32,
    /// `buffer.memory`
    #[arg(long)]
    buffer_memory: u64,
    /// How the application hears of its records
    #[arg(long, value_enum)]
    completion: Completion,
    /// Records per second of each thread; 0: as fast as it goes
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Threads of the application
    #[arg(long, default_value_t = 1)]
    threads: u64,
    #[arg(long, value_enum, default_value = "multi")]
    runtime: Flavor,
    /// Count the process's allocations after a fifth of the records was sent
    #[arg(long)]
    count_allocations: bool,
    /// Measure how old the timestamps of a sample of the records are when `send` is called; batch by batch alone
    #[arg(long)]
    ages: bool,
    /// When all is sent, say so and stay for so many seconds
    #[arg(long, default_value_t = 0)]
    idle_seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Completion {
    /// Batch by batch
    Count,
    /// A callback per record, which takes a sample of its latency
    Sample,
    /// Each record's future is awaited, 10 000 sends later at the latest
    Await,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Flavor {
    Multi,
    Current,
}

fn main() -> Result<()> {
    let options = Options::parse();
    anyhow::ensure!(!options.ages || options.completion == Completion::Count, "--ages goes with --completion count");
    let runtime = match options.runtime {
        Flavor::Multi => runtime::Builder::new_multi_thread().enable_all().build()?,
        Flavor::Current => runtime::Builder::new_current_thread().enable_all().build()?,
    };
    let samples = if options.completion == Completion::Sample { options.records } else { 0 };
    // For ever, so that a callback carries no count of references; the other clients' applications have none either.
    let heard: &'static Heard = Box::leak(Box::new(Heard::with_room_for(samples)));
    let ages: Option<&'static Ages> = options.ages.then(|| &*Box::leak(Box::new(Ages::with_room_for(options.records))));
    let producer = Arc::new(runtime.block_on(connect(&options, heard))?);

    let mut allocations = None;
    if options.count_allocations {
        let warm_up = options.records / 5;
        run(&runtime, &producer, heard, ages, &options, warm_up)?;
        ALLOCATOR.set_counting(true);
        run(&runtime, &producer, heard, ages, &options, options.records - warm_up)?;
        ALLOCATOR.set_counting(false);
        allocations = Some(ALLOCATOR.count());
    } else {
        run(&runtime, &producer, heard, ages, &options, options.records)?;
    }
    if options.idle_seconds > 0 {
        println!("idle");
        std::thread::sleep(Duration::from_secs(options.idle_seconds));
    }
    // Sorting is no part of sending: only where latency is the question.
    let (p50_us, p99_us) = if options.rate > 0 { heard.percentiles_us() } else { (0.0, 0.0) };
    let told = json!({
        "acknowledged": heard.acknowledged(),
        "failed": heard.failed(),
        "p50_us": p50_us,
        "p99_us": p99_us,
        "allocations": allocations,
        "ages_ms": ages.and_then(Ages::told),
    });
    println!("{told}");
    runtime.block_on(producer.close(None));
    Ok(())
}

async fn connect(options: &Options, heard: &'static Heard) -> Result<KafkaProducer> {
    let properties = [
        ("acks", "all".to_owned()),
        ("enable.idempotence", "true".to_owned()),
        ("batch.size", options.batch_size.to_string()),
        ("linger.ms", options.linger_ms.to_string()),
        ("buffer.memory", options.buffer_memory.to_string()),
    ];
    let (config, _) = ProducerConfig::from_properties(properties.iter().map(|(key, value)| (*key, value.as_str())))?;
    let mut builder = KafkaProducer::builder(config);
    if options.completion == Completion::Count {
        builder = builder.on_batch(move |batch| heard.batch(batch));
    }
    let producer = builder.connect(&options.servers).await?;
    // Known before the clock starts, as in every peer.
    producer.partitions_for(&options.topic).await.context("no metadata")?;
    Ok(producer)
}

/// Sends `records` from as many threads as told, and waits for the last one's fate.
fn run(
    runtime: &Runtime,
    producer: &Arc<KafkaProducer>,
    heard: &'static Heard,
    ages: Option<&'static Ages>,
    options: &Options,
    records: u64,
) -> Result<()> {
    if options.threads == 1 {
        return runtime.block_on(send_share(producer, heard, ages, options, records));
    }
    let share = records / options.threads;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads)
            .map(|number| {
                let records = if number == 0 { records - share * (options.threads - 1) } else { share };
                scope.spawn(move || runtime.block_on(send_share(producer, heard, ages, options, records)))
            })
            .collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        Ok(())
    })
}
