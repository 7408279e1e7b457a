//! kacrab as a peer of `cargo xtask bench clients`: sends records as it is told, and prints what came back as JSON.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kacrab::producer::{Producer, ProducerError, ProducerRecord};

/// For callbacks after `flush`.
const PATIENCE_WITH_CALLBACKS: Duration = Duration::from_secs(5);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let options = Options::from_arguments()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // Not on a worker: the application's thread is its own, as in the other peers.
    runtime.block_on(run(&options))
}

struct Options {
    named: BTreeMap<String, String>,
}

impl Options {
    fn from_arguments() -> Outcome<Self> {
        let mut arguments = std::env::args().skip(1);
        let mut named = BTreeMap::new();
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} has no value"))?;
            named.insert(name.trim_start_matches('-').to_owned(), value);
        }
        Ok(Self { named })
    }

    fn text(&self, name: &str) -> Outcome<&str> {
        Ok(self.named.get(name).ok_or_else(|| format!("--{name} is missing"))?)
    }

    fn number(&self, name: &str) -> Outcome<u64> {
        Ok(self.text(name)?.parse()?)
    }
}

/// What the callbacks saw.
#[derive(Default)]
struct Seen {
    latencies_ns: Vec<u64>,
    failed: u64,
}

impl Seen {
    fn count(&self) -> u64 {
        self.latencies_ns.len() as u64 + self.failed
    }
}

async fn run(options: &Options) -> Outcome<()> {
    let producer = Producer::builder()
        .set("bootstrap.servers", options.text("servers")?)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", options.text("linger-ms")?)
        .set("batch.size", options.text("batch-size")?)
        .set("buffer.memory", options.text("buffer-memory")?)
        .build()
        .await?;
    let records = options.number("records")?;
    let value = Bytes::from(vec![b'x'; usize::try_from(options.number("value-bytes")?)?]);
    let topic: Arc<str> = options.text("topic")?.into();
    let samples = options.text("completion")? == "sample";
    let rate = options.number("rate")?;
    // For ever, so that a callback carries no count of references.
    let seen: &'static Mutex<Seen> = Box::leak(Box::new(Mutex::new(Seen {
        latencies_ns: Vec::with_capacity(usize::try_from(records)?),
        failed: 0,
    })));
    // Known before the clock starts, as in every peer.
    producer.partitions_for(&topic).await?;

    let started = Instant::now();
    for number in 0..records {
        if rate > 0 {
            wait_for_turn(started, number, rate);
        }
        loop {
            let record = ProducerRecord::topic_value(Arc::clone(&topic), value.clone());
            let sent = if samples { send_sampled(&producer, record, seen) } else { producer.send(record).map(drop) };
            match sent {
                Ok(()) => break,
                Err(ProducerError::Backpressure) => tokio::time::sleep(Duration::from_micros(200)).await,
                Err(error) => return Err(error.into()),
            }
        }
    }
    producer.flush().await?;
    // `flush` may return before the last callbacks have run; some never do.
    let flushed = Instant::now();
    while samples
        && seen.lock().map_err(|_| "a callback panicked")?.count() < records
        && flushed.elapsed() < PATIENCE_WITH_CALLBACKS
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut seen = std::mem::take(&mut *seen.lock().map_err(|_| "a callback panicked")?);
    let acknowledged = if samples { seen.latencies_ns.len() as u64 } else { records - seen.failed };
    // Sorting is no part of sending: only where latency is the question.
    if rate > 0 {
        seen.latencies_ns.sort_unstable();
    } else {
        seen.latencies_ns.clear();
    }
    println!(
        "{{\"acknowledged\":{acknowledged},\"failed\":{},\"p50_us\":{},\"p99_us\":{}}}",
        seen.failed,
        percentile_us(&seen.latencies_ns, 50),
        percentile_us(&seen.latencies_ns, 99)
    );
    producer.close().await?;
    Ok(())
}

fn send_sampled(producer: &Producer, record: ProducerRecord, seen: &'static Mutex<Seen>) -> Result<(), ProducerError> {
    let sent_at = Instant::now();
    let sent = producer.send_with_callback(record, move |outcome| {
        let latency = u64::try_from(sent_at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut seen = seen.lock().expect("no callback panics");
        match outcome {
            Ok(_) => seen.latencies_ns.push(latency),
            // Not sent: told to the caller as well, who tries again.
            Err(ProducerError::Backpressure) => {}
            Err(_) => seen.failed += 1,
        }
    });
    sent.map(drop)
}

/// Sleeps until record `number` is due; who wakes late sends at once what is due by then.
fn wait_for_turn(started: Instant, number: u64, rate: u64) {
    let due = Duration::from_nanos(number * 1_000_000_000 / rate);
    while started.elapsed() < due {
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn percentile_us(sorted_ns: &[u64], percent: usize) -> f64 {
    if sorted_ns.is_empty() {
        return 0.0;
    }
    sorted_ns[(sorted_ns.len() - 1) * percent / 100] as f64 / 1e3
}
