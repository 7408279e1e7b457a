//! `send` and drain beside kafka-protocol: the same records, in turns, in one run.
//!
//! Our side is the real producer, from `send` to the request that carries the closed batch. Theirs is
//! `RecordBatchEncoder` on the same slices, in batches of the same records. Theirs only encodes: it chooses no
//! partition, counts no memory and gives no sequence. So our encoder is measured by itself as well: `BatchBuilder`,
//! without a producer. All compute the CRC, and before anything is measured their bytes are compared.

#![expect(clippy::print_stdout, reason = "what a benchmark finds is what it prints")]

mod clock_reads;
mod encoder;
mod ours;
mod sample;
mod theirs;

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use bytes::Bytes;
use cross_tests::allocations::Counting;
use producer_core::ids::ProducerIdentity;
use producer_core::time::Now;

use self::encoder::Encoder;
use self::ours::{Ours, Spent};
use self::sample::Samples;
use self::theirs::Theirs;

/// `batch.size`: Kafka's default, and a large one that still fits the default of `max.request.size`.
const BATCH_SIZES: [usize; 2] = [16_384, 1_000_000];
/// Of a batch of a thousand records, without keys and with them.
const THOUSAND_VALUES: usize = 110_000;
const THOUSAND_RECORDS: usize = 126_000;
const WARM_UP_ROUNDS: usize = 5;
const ROUNDS: usize = 25;
/// In each round, on each side.
const RECORDS: u64 = 200_000;
const COMPARED_BATCHES: u64 = 20;

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

const TOPIC: &str = "orders";
const IDENTITY: ProducerIdentity = ProducerIdentity { id: 4_000, epoch: 0 };

/// The one moment at which everything happens. When a driver reads its clock, and what that costs, is its own affair.
const NOW: Now = Now { elapsed_us: 1_000_000, wall_ms: 1_700_000_000_000 };

fn main() -> Result<()> {
    println!("Records of 100 B value; one partition, idempotent, acks=all, no compression.");
    println!(
        "The batch is closed and its CRC computed on both sides. Making up answers is not timed, nor is it counted."
    );
    println!(
        "Medians of {ROUNDS} rounds of {RECORDS} records on each side; in brackets the middle half of the rounds."
    );
    if std::env::args().nth(1).as_deref() == Some("encode") {
        return encode_alone();
    }
    let by_batch_size = [measure(true, BATCH_SIZES[0])?, measure(true, BATCH_SIZES[1])?];
    for found in &by_batch_size {
        found.print();
    }
    let [default, _] = by_batch_size;
    println!();
    println!(
        "Last line, for batch.size={}: \"{}\" over \"{}\", and the allocations inside `send`.",
        default.batch_size,
        Side::Slices.name(),
        Side::Ours.name()
    );
    let (ratio, allocations) =
        (default.times(Side::Ours, Side::Slices).median, default.allocations.per_record(Spent::in_send));
    println!("{ratio:.2} x kafka-protocol, {allocations:.3} allocations per record");
    Ok(())
}

/// Batches of a thousand records; the last line is `R x kafka-protocol from slices, K x with keys of 16 B`, encoder against
/// encoder: R of records that are 100 B of value and nothing else.
fn encode_alone() -> Result<()> {
    let mut times = [0.0; 2];
    for (times, (has_keys, batch_size)) in times.iter_mut().zip([(false, THOUSAND_VALUES), (true, THOUSAND_RECORDS)]) {
        let found = measure(has_keys, batch_size)?;
        ensure!(found.records_per_batch == 1_000, "{} records fill the batch", found.records_per_batch);
        found.print();
        *times = found.times(Side::OursEncode, Side::Slices).median;
    }
    println!();
    println!("{:.2} x kafka-protocol from slices, {:.2} x with keys of 16 B", times[0], times[1]);
    Ok(())
}

/// What is measured in each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ours,
    /// kafka-protocol as any slice needs it: its `Record` holds `Bytes`, so the slice is copied.
    Slices,
    OursAgain,
    /// The same, counting what the library's metrics tell.
    Metered,
    /// Our encoder alone: slices into a batch, and the batch closed. The counterpart of what theirs does.
    OursEncode,
    /// kafka-protocol without these copies, as only slices that live for ever allow.
    StaticSlices,
    /// kafka-protocol's encoder on a list made before, always the same.
    EncodeAlone,
}

impl Side {
    /// In the order of their definition.
    const ALL: [Self; 7] = [
        Self::Ours,
        Self::Slices,
        Self::OursAgain,
        Self::Metered,
        Self::OursEncode,
        Self::StaticSlices,
        Self::EncodeAlone,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "send + drain",
            Self::OursAgain => "send + drain again (A/A)",
            Self::Metered => "send + drain, metrics counted",
            Self::OursEncode => "encode alone, from slices",
            Self::Slices => "kafka-protocol from slices",
            Self::StaticSlices => "kafka-protocol from 'static slices",
            Self::EncodeAlone => "kafka-protocol from a list made before",
        }
    }
}

/// Both sides, in step.
struct Bench {
    ours: Ours,
    metered: Ours,
    encoder: Encoder,
    theirs: Theirs,
    /// On each side in each round.
    batches: u64,
}

/// What one batch size came to.
struct Found {
    /// Of 16 B.
    has_keys: bool,
    batch_size: usize,
    records_per_batch: u32,
    batch_bytes: usize,
    /// On each side in each round.
    batches: u64,
    /// In nanoseconds.
    rounds: Vec<[Spent; Side::ALL.len()]>,
    /// In allocations, of a round beside those that were timed.
    allocations: Spent,
    /// In reads of the clock, of another round.
    clock_reads: Spent,
}

fn measure(has_keys: bool, batch_size: usize) -> Result<Found> {
    let samples = if has_keys { Samples::a_thousand() } else { Samples::a_thousand_without_keys() };
    let mut ours = Ours::new(samples.clone(), batch_size, false)?;
    let metered = Ours::new(samples.clone(), batch_size, true)?;
    let mut written = Vec::new();
    ours.run(COMPARED_BATCHES, || 0, |batch| written.push(batch.to_vec()));
    let records_per_batch = ours.records_per_batch();
    let mut encoder = Encoder::new(samples.clone(), records_per_batch, batch_size);
    let mut theirs = Theirs::new(samples, i32::try_from(records_per_batch)?);
    for batch in &written {
        ensure!(encoder.batch(|bytes| bytes == batch), "producer and encoder do not write the same bytes");
        ensure!(theirs.batch(Bytes::copy_from_slice)? == batch, "the two sides do not write the same bytes");
    }

    let batches = RECORDS / u64::from(records_per_batch);
    let mut bench = Bench { ours, metered, encoder, theirs, batches };
    let mut rounds = Vec::new();
    for number in 0..WARM_UP_ROUNDS + ROUNDS {
        let mut round = [Spent::default(); Side::ALL.len()];
        // Each side begins in its turn.
        for step in 0..round.len() {
            let place = (number + step) % round.len();
            round[place] = bench.time(Side::ALL[place])?;
        }
        rounds.push(round);
    }
    rounds.drain(..WARM_UP_ROUNDS);
    let allocations = ALLOCATOR.counting(|| bench.ours.run(batches, || ALLOCATOR.count(), |_| {}));
    let clock_reads = clock_reads::counting(|| bench.ours.run(batches, clock_reads::count, |_| {}));
    let batch_bytes = written[0].len();
    Ok(Found { has_keys, batch_size, records_per_batch, batch_bytes, batches, rounds, allocations, clock_reads })
}

impl Bench {
    /// One side's part of a round, in nanoseconds.
    fn time(&mut self, side: Side) -> Result<Spent> {
        match side {
            Side::Ours | Side::OursAgain => Ok(self.ours.run(self.batches, stopwatch(), |batch| _ = black_box(batch))),
            Side::Metered => Ok(self.metered.run(self.batches, stopwatch(), |batch| _ = black_box(batch))),
            Side::OursEncode => self.time_batches(|bench| Ok(bench.encoder.batch(|bytes| _ = black_box(bytes)))),
            Side::Slices => self.time_theirs(|theirs| theirs.batch(Bytes::copy_from_slice)),
            Side::StaticSlices => self.time_theirs(|theirs| theirs.batch(Bytes::from_static)),
            Side::EncodeAlone => {
                self.theirs.list(Bytes::from_static);
                self.time_theirs(Theirs::encode)
            }
        }
    }

    fn time_theirs(&mut self, batch: impl Fn(&mut Theirs) -> Result<&[u8]>) -> Result<Spent> {
        self.time_batches(|bench| batch(&mut bench.theirs).map(|bytes| _ = black_box(bytes)))
    }

    fn time_batches(&mut self, batch: impl Fn(&mut Self) -> Result<()>) -> Result<Spent> {
        let nanoseconds = stopwatch();
        for _ in 0..self.batches {
            batch(self)?;
        }
        let records = self.batches * u64::from(self.ours.records_per_batch());
        // Nothing can be told apart here.
        Ok(Spent { records, send: nanoseconds(), ..Spent::default() })
    }
}

impl Found {
    fn print(&self) {
        println!();
        let Self { batch_size, records_per_batch, batch_bytes, .. } = self;
        let keys = if self.has_keys { "with keys of 16 B" } else { "without keys" };
        println!("batch.size={batch_size}: {records_per_batch} records {keys} in {batch_bytes} B");
        println!("{:<40}{:>9}{:>15}   {:<22}times encode alone", "", "ns/record", "records/s", "times send + drain");
        for side in Side::ALL {
            let [over_all, over_encode] = [Side::Ours, Side::OursEncode].map(|ours| self.times(ours, side).to_string());
            let ratios = format!("{over_all:<22}{over_encode}");
            self.print_row(side.name(), &self.nanoseconds(side, Spent::in_batch), &ratios);
        }
        self.print_row("of send + drain, send", &self.nanoseconds(Side::Ours, Spent::in_send), "");
        self.print_row("send + drain, and taking the answer in", &self.nanoseconds(Side::Ours, Spent::in_all), "");
        self.print_row("the same, metrics counted", &self.nanoseconds(Side::Metered, Spent::in_all), "");
        let Spent { records, send, drain, answer, other_calls } = self.allocations;
        let per_batch = |count: u64| count as f64 / self.batches as f64;
        println!(
            "allocations: {send} in {records} calls of send; {:.2} per batch in drain, {:.2} in taking its answer in",
            per_batch(drain),
            per_batch(answer)
        );
        let reads = match clock_reads::counts() {
            true => format!("{:.3} per record, counted", self.clock_reads.per_record(Spent::in_all)),
            false => "not counted on this system".to_owned(),
        };
        println!(
            "clock reads in the core: {reads}; {records} sends and {other_calls} other calls were \
             handed a `Now`, copies of one"
        );
    }

    fn print_row(&self, name: &str, nanoseconds: &Spread, ratio: &str) {
        println!("{name:<40}{:>9.1}{:>15.0}   {ratio}", nanoseconds.median, 1e9 / nanoseconds.median);
    }

    /// Nanoseconds per record.
    fn nanoseconds(&self, side: Side, part: impl Fn(&Spent) -> u64) -> Spread {
        Spread::of(self.rounds.iter().map(|round| round[side as usize].per_record(&part)))
    }

    /// How many times as long as one of ours it took, round by round.
    fn times(&self, ours: Side, side: Side) -> Spread {
        let time = |round: &[Spent; Side::ALL.len()], side: Side| round[side as usize].per_record(Spent::in_batch);
        Spread::of(self.rounds.iter().map(|round| time(round, side) / time(round, ours)))
    }
}

/// The median, and the middle half around it.
struct Spread {
    lower: f64,
    median: f64,
    upper: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let at = |quarter: usize| figures[(figures.len() - 1) * quarter / 4];
        Self { lower: at(1), median: at(2), upper: at(3) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} [{:.2} to {:.2}]", self.median, self.lower, self.upper)
    }
}

/// Nanoseconds since now.
fn stopwatch() -> impl Fn() -> u64 {
    let begin = Instant::now();
    move || u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
