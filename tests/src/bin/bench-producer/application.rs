//! What an application does: it sends, and hears.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use kafka_producer::{BatchCompletion, Delivery, KafkaProducer, Record, RecordMetadata};

use crate::ages::{self, Ages};
use crate::{Completion, Options};

/// As many deliveries are kept before the oldest is awaited.
const AWAITED_AT_ONCE: usize = 10_000;
/// A paced application sleeps this long when nothing is due.
const NAP: Duration = Duration::from_micros(200);

/// What the application heard of its records. Samples count as acknowledged.
#[derive(Debug)]
pub(crate) struct Heard {
    acknowledged: AtomicU64,
    failed: AtomicU64,
    latencies_ns: Mutex<Vec<u64>>,
}

impl Heard {
    pub(crate) fn with_room_for(samples: u64) -> Self {
        let samples = usize::try_from(samples).expect("fits in memory");
        Self {
            acknowledged: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            latencies_ns: Mutex::new(Vec::with_capacity(samples)),
        }
    }

    pub(crate) fn batch(&self, batch: &BatchCompletion) {
        let count = if batch.result.is_ok() { &self.acknowledged } else { &self.failed };
        count.fetch_add(batch.record_count.into(), Relaxed);
    }

    fn record(&self, is_stored: bool) {
        let count = if is_stored { &self.acknowledged } else { &self.failed };
        count.fetch_add(1, Relaxed);
    }

    fn sample(&self, sent_at: Instant, is_stored: bool) {
        if !is_stored {
            return self.record(false);
        }
        let latency = u64::try_from(sent_at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.latencies_ns.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        let samples = self.latencies_ns.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.acknowledged.load(Relaxed) + samples as u64
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// The median and the 99th percentile of the samples; 0 without any.
    pub(crate) fn percentiles_us(&self) -> (f64, f64) {
        let mut latencies = self.latencies_ns.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.sort_unstable();
        let at = |percent: usize| match latencies.len() {
            0 => 0.0,
            count => latencies[(count - 1) * percent / 100] as f64 / 1e3,
        };
        (at(50), at(99))
    }
}

/// Sends so many records, and returns when all have met their fate.
pub(crate) async fn send_share(
    producer: &KafkaProducer,
    heard: &'static Heard,
    ages: Option<&Ages>,
    options: &Options,
    records: u64,
) -> Result<()> {
    let value = vec![b'x'; options.value_bytes];
    let record = Record { key: None, ..Record::keyed(&options.topic, b"", &value) };
    let started = Instant::now();
    let mut deliveries = VecDeque::with_capacity(AWAITED_AT_ONCE);
    for number in 0..records {
        if options.rate > 0 {
            wait_for_turn(started, number, options.rate);
        }
        if let Some(ages) = ages.filter(|_| number.is_multiple_of(ages::EVERY)) {
            let called_ms = ages::wall_ms();
            ages.note(called_ms, producer.send_unobserved(record).await?.timestamp_ms);
            continue;
        }
        match options.completion {
            Completion::Count => _ = producer.send_unobserved(record).await?,
            Completion::Sample => send_sampled(producer, heard, record).await?,
            Completion::Await => {
                if deliveries.len() == AWAITED_AT_ONCE {
                    hear_oldest(&mut deliveries, heard).await;
                }
                deliveries.push_back(producer.send(record).await?);
            }
        }
    }
    producer.flush().await;
    while !deliveries.is_empty() {
        hear_oldest(&mut deliveries, heard).await;
    }
    Ok(())
}

async fn send_sampled(producer: &KafkaProducer, heard: &'static Heard, record: Record<'_>) -> Result<()> {
    let sent_at = Instant::now();
    let told = move |_: &RecordMetadata, error: Option<&_>| heard.sample(sent_at, error.is_none());
    Ok(producer.send_with_callback(record, told).await?)
}

async fn hear_oldest(deliveries: &mut VecDeque<Delivery>, heard: &Heard) {
    if let Some(oldest) = deliveries.pop_front() {
        heard.record(oldest.await.is_ok());
    }
}

/// Sleeps until record `number` is due; who wakes late sends at once what is due by then.
fn wait_for_turn(started: Instant, number: u64, rate: u64) {
    let due = Duration::from_nanos(number * 1_000_000_000 / rate);
    while started.elapsed() < due {
        // The thread, not the task: the runtime's timers know only whole milliseconds.
        std::thread::sleep(NAP);
    }
}
