//! A broker for benchmarks: takes what producers send, counts it, forgets it, and answers at once.
//!
//! *Models* three brokers on three ports, and any topic: one named `…-6` has six partitions, led in turns. Speaks what a
//! producer needs to get going, and Produce 3 to 12. *Checks* every batch's magic, length, count of records and CRC; a
//! record is counted when its batch is sound, before the answer is written. *Ignores* what is inside the records,
//! sequences and epochs: a batch that comes twice counts twice. Keeps nothing, so it costs its machine little more than
//! the kernel's copy of what arrives; even so it belongs into a process of its own, where its CPU time is not the
//! client's.

mod control;
mod produce;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use self::source::Source;

/// Ports, and brokers in the metadata.
const BROKERS: usize = 3;

/// What was taken since [`NullSink::take_counts`] was called last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Produce requests.
    pub requests: u64,
    /// Sound batches.
    pub batches: u64,
    /// Records of sound batches, by the batches' own word.
    pub records: u64,
    /// Bytes of sound batches.
    pub bytes: u64,
    /// Batches that were refused with CORRUPT_MESSAGE.
    pub corrupt: u64,
    /// From the first request's arrival to the last answer.
    pub busy: Duration,
}

/// Three brokers that keep nothing. They stop when this is dropped.
#[derive(Debug)]
pub struct NullSink {
    shared: Arc<Shared>,
    acceptors: Vec<JoinHandle<()>>,
}

/// What the threads of all connections share.
#[derive(Debug)]
struct Shared {
    ports: [u16; BROKERS],
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    began: Option<Instant>,
    /// Per topic and partition, so that offsets are told as a log would.
    end_offsets: BTreeMap<String, Vec<i64>>,
    producer_ids: i64,
    connections: Vec<TcpStream>,
    stopping: bool,
}

impl NullSink {
    /// Listens on three free loopback ports.
    ///
    /// # Errors
    /// When the system has no ports or threads to give.
    pub fn start() -> io::Result<Self> {
        let listeners = [listen()?, listen()?, listen()?];
        let mut ports = [0; BROKERS];
        for (port, listener) in ports.iter_mut().zip(&listeners) {
            *port = listener.local_addr()?.port();
        }
        let shared = Arc::new(Shared { ports, state: Mutex::default() });
        let acceptors = listeners.into_iter().map(|listener| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &shared))
        });
        Ok(Self { acceptors: acceptors.collect(), shared })
    }

    /// `127.0.0.1:PORT` of each broker, separated by commas.
    pub fn bootstrap_servers(&self) -> String {
        self.shared.ports.map(|port| format!("127.0.0.1:{port}")).join(",")
    }

    /// What was counted, which begins anew.
    pub fn take_counts(&self) -> Counts {
        let mut state = self.shared.lock();
        state.began = None;
        std::mem::take(&mut state.counts)
    }
}

impl Drop for NullSink {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        for port in self.shared.ports {
            // Only to wake the thread that accepts.
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        }
        for acceptor in self.acceptors.drain(..) {
            let _ = acceptor.join();
        }
        for connection in self.shared.lock().connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        let Ok(to_stop) = stream.try_clone() else { return };
        {
            let mut state = shared.lock();
            if state.stopping {
                return;
            }
            state.connections.push(to_stop);
        }
        let shared = Arc::clone(shared);
        // Detached: it ends when its socket does.
        thread::spawn(move || {
            // A client that goes, or that says what cannot be answered, is only let go: its own report tells.
            let _ = serve(stream, &shared);
        });
    }
}

/// Requests and answers, one after the other, until the client goes.
fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut answers = stream.try_clone()?;
    let mut source = Source::new(stream);
    let mut answer = Vec::new();
    while source.next_frame()? {
        answer.clear();
        // Room for the length.
        answer.extend([0; 4]);
        if answer_request(&mut source, shared, &mut answer)? {
            let length = u32::try_from(answer.len() - 4).map_err(io::Error::other)?;
            answer[..4].copy_from_slice(&length.to_be_bytes());
            answers.write_all(&answer)?;
        }
    }
    Ok(())
}

/// `false`: no answer is due.
fn answer_request<R: io::Read>(source: &mut Source<R>, shared: &Shared, answer: &mut Vec<u8>) -> io::Result<bool> {
    let (api, version) = (source.i16()?, source.i16()?);
    if api == produce::API_KEY {
        return produce::take(source, version, shared, answer);
    }
    control::answer(api, version, source.rest()?, shared, answer)?;
    Ok(true)
}

/// How many partitions a topic has: the number its name ends with, else one.
fn partition_count(topic: &str) -> usize {
    let number = topic.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
    number.filter(|count| (1..=1_000).contains(count)).unwrap_or(1)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
