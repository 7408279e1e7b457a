//! What brokers and producers say to each other in the measured world, and nothing of what they would have to think about
//! it: a batch is bytes, nobody checks or numbers them. Both simulators run this very text; `rt` is what each of them has
//! for sockets, time and tasks.
//!
//! Traffic as Kafka's: a producer has a record every millisecond and sends what has gathered 5 ms after the first one; the
//! leader gives the batch to two followers whose fetches wait at it; their next fetches tell that they have it; then the
//! leader answers. So a batch is six messages, and beside them there are a timer for each record and one for each batch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, WriteHalf};
use tokio::sync::Notify;

use crate::rt::{self, TcpListener, TcpStream};

/// Brokers, and producers.
pub const HOSTS: u32 = 3;
const RECORD_EVERY: Duration = Duration::from_millis(1);
const LINGER: Duration = Duration::from_millis(5);
/// A record of 100 bytes, with what a batch says of each.
const RECORD_BYTES: usize = 107;
const BATCH_OVERHEAD: usize = 61;
/// Bytes after which a producer turns to another partition (`batch.size`).
const STICKY_BYTES: usize = 16_384;

const HELLO_PRODUCER: u8 = 0;
const HELLO_FOLLOWER: u8 = 1;
const PRODUCE: u8 = 2;
const FETCH: u8 = 3;
const GIVEN: u8 = 4;
const ANSWER: u8 = 5;

/// Messages that were read.
pub static MESSAGES: AtomicU64 = AtomicU64::new(0);
/// Timers that woke somebody, those of records left out.
pub static TIMERS: AtomicU64 = AtomicU64::new(0);
/// Records that a producer's application had.
pub static RECORDS: AtomicU64 = AtomicU64::new(0);
/// Records whose batch was answered.
pub static ANSWERED: AtomicU64 = AtomicU64::new(0);

type Outcome = std::io::Result<()>;

async fn write(stream: &mut (impl AsyncWrite + Unpin), kind: u8, number: u64, body: &[u8]) -> Outcome {
    let mut frame = Vec::with_capacity(13 + body.len());
    frame.extend_from_slice(&(9 + body.len() as u32).to_be_bytes());
    frame.push(kind);
    frame.extend_from_slice(&number.to_be_bytes());
    frame.extend_from_slice(body);
    stream.write_all(&frame).await?;
    stream.flush().await
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u8, u64, Bytes)> {
    let length = stream.read_u32().await?;
    let mut frame = vec![0; length as usize];
    stream.read_exact(&mut frame).await?;
    MESSAGES.fetch_add(1, Relaxed);
    let number = u64::from_be_bytes(frame[1..9].try_into().expect("eight bytes"));
    Ok((frame[0], number, Bytes::from(frame).slice(9..)))
}

/// What a broker leads.
#[derive(Default)]
struct Led {
    log: Vec<Bytes>,
    /// How many batches each follower has, by the follower.
    fetched: BTreeMap<u64, usize>,
}

impl Led {
    /// Batches that all three have.
    fn replicated(&self) -> usize {
        let least = self.fetched.values().copied().min().unwrap_or(0);
        if self.fetched.len() == HOSTS as usize - 1 { least } else { 0 }
    }
}

#[derive(Default)]
struct Broker {
    led: Mutex<Led>,
    /// For followers, one each, and for the producers' connections.
    grew: [Notify; HOSTS as usize],
    replicated: [Notify; HOSTS as usize],
}

/// One broker: it leads the partition of its number, and follows the others in theirs.
pub async fn broker(number: u32) -> Outcome {
    let listener = TcpListener::bind(rt::listening()).await?;
    let broker = Arc::new(Broker::default());
    for leader in (0..HOSTS).filter(|&leader| leader != number) {
        rt::spawn(async move {
            follow(number, leader).await.expect("nothing breaks");
        });
    }
    loop {
        let (mut stream, _) = listener.accept().await?;
        let broker = Arc::clone(&broker);
        rt::spawn(async move {
            // It ends with the world.
            let _ = match read(&mut stream).await.expect("a first message") {
                (HELLO_FOLLOWER, who, _) => serve_follower(stream, &broker, who).await,
                (_, who, _) => serve_producer(stream, &broker, who).await,
            };
        });
    }
}

/// A follower fetches one batch after another.
async fn follow(number: u32, leader: u32) -> Outcome {
    let mut stream = connect(leader).await;
    write(&mut stream, HELLO_FOLLOWER, number.into(), &[]).await?;
    let mut copy: Vec<Bytes> = Vec::new();
    loop {
        write(&mut stream, FETCH, copy.len() as u64, &[]).await?;
        let (_, _, batch) = read(&mut stream).await?;
        copy.push(batch);
    }
}

async fn serve_follower(mut stream: TcpStream, broker: &Broker, who: u64) -> Outcome {
    loop {
        let (_, offset, _) = read(&mut stream).await?;
        let offset = offset as usize;
        broker.led.lock().expect("nobody panics").fetched.insert(who, offset);
        broker.replicated.iter().for_each(Notify::notify_one);
        let batch = loop {
            let found = broker.led.lock().expect("nobody panics").log.get(offset).cloned();
            match found {
                Some(batch) => break batch,
                None => broker.grew[who as usize].notified().await,
            }
        };
        write(&mut stream, GIVEN, offset as u64, &batch).await?;
    }
}

async fn serve_producer(mut stream: TcpStream, broker: &Broker, who: u64) -> Outcome {
    loop {
        let (_, records, batch) = read(&mut stream).await?;
        let wanted = {
            let mut led = broker.led.lock().expect("nobody panics");
            led.log.push(batch);
            led.log.len()
        };
        broker.grew.iter().for_each(Notify::notify_one);
        while broker.led.lock().expect("nobody panics").replicated() < wanted {
            broker.replicated[who as usize].notified().await;
        }
        write(&mut stream, ANSWER, records, &[]).await?;
    }
}

/// One producer: an application that has a record every millisecond, and a sender.
pub async fn producer(number: u32) -> Outcome {
    let mut connections: Vec<WriteHalf<TcpStream>> = Vec::new();
    for leader in 0..HOSTS {
        let (mut answers, mut requests) = tokio::io::split(connect(leader).await);
        write(&mut requests, HELLO_PRODUCER, number.into(), &[]).await?;
        connections.push(requests);
        rt::spawn(async move {
            while let Ok((_, records, _)) = read(&mut answers).await {
                ANSWERED.fetch_add(records, Relaxed);
            }
        });
    }
    let open: Arc<Mutex<Vec<u8>>> = Arc::default();
    let begun = Arc::new(Notify::new());
    {
        let (open, begun) = (Arc::clone(&open), Arc::clone(&begun));
        rt::spawn(async move {
            let mut ticks = rt::interval(RECORD_EVERY);
            loop {
                ticks.tick().await;
                RECORDS.fetch_add(1, Relaxed);
                let mut batch = open.lock().expect("nobody panics");
                if batch.is_empty() {
                    batch.resize(BATCH_OVERHEAD, 0);
                    begun.notify_one();
                }
                let end = batch.len() + RECORD_BYTES;
                batch.resize(end, b'x');
            }
        });
    }
    let (mut partition, mut stuck) = (number, 0);
    loop {
        begun.notified().await;
        rt::sleep(LINGER).await;
        TIMERS.fetch_add(1, Relaxed);
        let batch = std::mem::take(&mut *open.lock().expect("nobody panics"));
        let records = (batch.len() - BATCH_OVERHEAD) / RECORD_BYTES;
        write(&mut connections[partition as usize], PRODUCE, records as u64, &batch).await?;
        stuck += batch.len();
        if stuck >= STICKY_BYTES {
            (partition, stuck) = ((partition + 1) % HOSTS, 0);
        }
    }
}

/// Brokers come up in their own time.
async fn connect(broker: u32) -> TcpStream {
    loop {
        match TcpStream::connect(rt::address(broker)).await {
            Ok(stream) => return stream,
            Err(_) => rt::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// What has happened so far.
#[derive(Clone, Copy)]
pub struct Told {
    messages: u64,
    timers: u64,
    records: u64,
    answered: u64,
}

impl Told {
    pub fn now() -> Self {
        Self {
            messages: MESSAGES.load(Relaxed),
            timers: TIMERS.load(Relaxed),
            records: RECORDS.load(Relaxed),
            answered: ANSWERED.load(Relaxed),
        }
    }

    /// One line for the benchmark.
    pub fn print_since(self, before: Self, took: Duration) {
        let messages = self.messages - before.messages;
        let records = self.records - before.records;
        println!(
            "{{\"seconds\":{},\"messages\":{messages},\"timers\":{},\"records\":{records},\"acknowledged\":{}}}",
            took.as_secs_f64(),
            self.timers - before.timers,
            self.answered - before.answered,
        );
    }
}

/// Virtual seconds before anything is measured, and measured.
pub fn spans() -> (u64, u64) {
    let mut given = std::env::args().skip(1).map(|word| word.parse().expect("seconds"));
    (given.next().unwrap_or(2), given.next().unwrap_or(60))
}
