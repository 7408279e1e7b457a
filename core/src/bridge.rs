//! What a page and the world behind it say to each other: the same messages whether that world runs in the page or
//! behind a WebSocket.
//!
//! A session has an id, an epoch and two streams. *Outcomes* are numbered, acknowledged by the page, kept for resuming
//! and never dropped. The *trace* may be thinned, says so, and flows by credit. Every send carries the page's send-id; a
//! repeated id gets the stored result, and what cannot be recovered is *unknown*: never *failed*, never silently sent again.
//!
//! On a WebSocket, a binary frame from the page is one [`Command`], and a binary frame to the page is a list of
//! [`Report`]s, coalesced over a few milliseconds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, ConfigNotice};
use crate::error::{Persistence, ProducerError, Surface};
use crate::ids::{BrokerAddress, NodeId, RecordName};
use crate::trace::TraceEvent;

/// Version of these messages: the first byte of every frame, and `kp.v1` as WebSocket sub-protocol.
pub const BRIDGE_VERSION: u8 = 1;

/// The WebSocket sub-protocol of this version.
pub const SUB_PROTOCOL: &str = "kp.v1";

/// Largest frame either side accepts, in bytes.
pub const MAX_FRAME_BYTES: usize = 2 * 1024 * 1024;

/// Largest number of records one [`Command::Send`] may ask for.
pub const MAX_SEND_COUNT: u32 = 100_000;

/// Records of a `get()` loop that a bridge's program may be ahead of what the page has acknowledged. When it is, the next
/// call of `send` waits for the page: should the bridge die, at most so many records of a loop can have been sent without
/// the page knowing what became of them, and the others never were. More than pass in the few milliseconds for which reports
/// are gathered and acknowledged, so that a program seldom waits for a page.
pub const GET_AHEAD: u32 = 16;

/// Largest number of properties one [`Command::Configure`] may set. Kafka knows little more than half as many.
pub const MAX_PROPERTIES: usize = 200;

/// Most bytes of one property, key and value together. [`Report::Configured`] repeats all of them, and the keys once more
/// in its notices; so it fits into a frame.
pub const MAX_PROPERTY_BYTES: usize = 4_096;

/// The page's own number for one press of Send; unique in its session, and greater than all before it. What became of old
/// sends is forgotten up to a number: below it, an id that was never used looks like one that was, and is refused as
/// [`Refusal::IdForgotten`].
pub type SendId = u64;

/// From the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// First message on every connection.
    Hello {
        /// The session to go on with, if there was one.
        resume: Option<Resume>,
    },
    /// Make a new producer with these properties; sends of the old one are settled first.
    Configure {
        /// Keys and values as in a `.properties` file.
        properties: Vec<(Arc<str>, Arc<str>)>,
    },
    /// Send records.
    Send(SendCommand),
    /// `producer.flush()`.
    Flush,
    /// Outcomes up to and including this number have arrived: they need not be kept any more.
    AckOutcomes {
        /// Number of the last outcome seen.
        up_to: u64,
    },
    /// This many more trace frames may come.
    TraceCredit {
        /// How many more.
        frames: u32,
    },
    /// Allow writes to the real cluster: a person clicked.
    Arm,
    /// Tell the topology again, with this topic in it.
    Describe {
        /// The topic the page looks at.
        topic: Arc<str>,
    },
    /// Have the program break off its loops: what was handed to `send()` stays sent, and no further record is.
    BreakOff,
}

/// One press of Send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SendCommand {
    /// The page's number for it.
    pub id: SendId,
    /// How the program waits.
    pub habit: Habit,
    /// What to send.
    pub record: RecordSpec,
    /// How many of it, 1 to [`MAX_SEND_COUNT`].
    pub count: u32,
}

/// How the program deals with the future that `send()` returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Habit {
    /// `send(record).get()`: wait for each record.
    #[default]
    Get,
    /// `send(record, callback)`: go on; the callback runs later.
    Callback,
    /// `send(record)`: never look.
    Forget,
}

/// A record as the page describes it, serialised already: null, empty and text are three different things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSpec {
    /// Topic name.
    pub topic: Arc<str>,
    /// Explicit partition; `None`: the partitioner chooses.
    pub partition: Option<i32>,
    /// CreateTime in milliseconds since 1970; `None`: the clock's.
    pub timestamp_ms: Option<i64>,
    /// Key bytes; `None`: null.
    pub key: Option<Arc<[u8]>>,
    /// Value bytes; `None`: null.
    pub value: Option<Arc<[u8]>>,
    /// Headers in order; keys may repeat.
    pub headers: Vec<HeaderSpec>,
}

/// A header as the page describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderSpec {
    /// Header key.
    pub key: Arc<str>,
    /// Value bytes; `None`: null.
    pub value: Option<Arc<[u8]>>,
}

/// The session a page wants to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Its id.
    pub session: SessionId,
    /// Its epoch as the page knows it.
    pub epoch: u32,
    /// Number of the last outcome seen; 0: none.
    pub outcomes_seen: u64,
}

/// 128 random bits that name a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub [u8; 16]);

/// To the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// Answer to [`Command::Hello`].
    Welcome {
        /// The session, new or resumed.
        session: SessionId,
        /// Its epoch: grows when history was lost.
        epoch: u32,
        /// Was the session asked for found, with all outcomes after [`Resume::outcomes_seen`]? When not, sends without
        /// an outcome are unknown.
        recovered: bool,
        /// Which world this is.
        world: World,
        /// Sends known to this session and not yet settled; the page's others are unknown.
        unsettled: Vec<SendId>,
    },
    /// Answer to [`Command::Configure`], and once after [`Report::Welcome`]: a producer is ready.
    Configured {
        /// The properties asked for.
        properties: Vec<(Arc<str>, Arc<str>)>,
        /// What was changed, ignored or misspelt.
        notices: Vec<ConfigNotice>,
    },
    /// Answer to [`Command::Configure`]: the client refuses; the old producer stays.
    ConfigRefused {
        /// Why, in the Java client's words.
        error: ConfigError,
    },
    /// Answer to [`Command::Configure`]: these keys are not the page's to set; the old producer stays.
    ConfigForbidden {
        /// Where to connect, how to authenticate and which classes to load belong to the bridge's command line.
        keys: Vec<Arc<str>>,
    },
    /// The brokers and the topic the page looks at.
    Topology(Topology),
    /// Settled records.
    Outcomes {
        /// In order of their numbers, without gaps.
        outcomes: Vec<Outcome>,
    },
    /// What happened meanwhile.
    Trace {
        /// In order of time.
        events: Vec<TraceEvent>,
    },
    /// A send was not taken: none of its records was handed to the producer.
    SendRefused {
        /// Which.
        id: SendId,
        /// Why.
        why: Refusal,
    },
    /// A send was broken off: so many of its records were handed to the producer, the others never will be.
    BrokenOff {
        /// Which.
        id: SendId,
        /// How many were.
        called: u32,
    },
    /// The page may write now.
    Armed,
    /// A message could not be understood or asks for too much; the session goes on.
    BadRequest(BadRequest),
    /// A report was left out, because no frame holds it.
    Omitted {
        /// Which, in Rust's spelling of this type.
        report: Arc<str>,
        /// Its size in bytes.
        bytes: u64,
        /// [`MAX_FRAME_BYTES`].
        limit: u64,
    },
    /// The bridge is about to stop; what is unsettled now is settled or reported before it does.
    Stopping,
}

/// Which check a message of the page did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BadRequest {
    /// A frame is not one whole [`Command`].
    NotACommand {
        /// Its size in bytes.
        bytes: u64,
    },
    /// [`Command::Configure`] sets more properties than [`MAX_PROPERTIES`].
    TooManyProperties {
        /// How many.
        got: u64,
        /// How many it may set.
        max: u64,
    },
    /// One of its properties is larger than [`MAX_PROPERTY_BYTES`].
    PropertyTooLong {
        /// Bytes of key and value together.
        bytes: u64,
        /// How many it may have.
        limit: u64,
    },
    /// So many [`Command::Configure`] wait for their turn already; this one was not taken.
    TooManyConfigurations {
        /// How many may wait.
        limit: u64,
    },
    /// [`Command::Describe`] names a topic by more bytes than a send may.
    TopicTooLong {
        /// Bytes of the name.
        bytes: u64,
        /// How many it may have.
        limit: u64,
    },
}

/// Which world a session speaks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum World {
    /// Brokers simulated in the page.
    InPage,
    /// The bridge's embedded brokers, over TCP.
    Embedded,
    /// A real cluster.
    Cluster {
        /// Its cluster id, once known.
        name: Option<Arc<str>>,
        /// May the page write?
        armed: bool,
        /// Topics it may write to; empty: any.
        allowed_topics: Vec<Arc<str>>,
    },
}

/// The brokers, and one topic's partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// Brokers that are up.
    pub brokers: Vec<Broker>,
    /// The topic described.
    pub topic: Arc<str>,
    /// Its partitions in order of number; empty: unknown or missing.
    pub partitions: Vec<Partition>,
}

/// A broker that is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    /// Its node id.
    pub node: NodeId,
    /// Where it can be reached; absent for simulated brokers.
    pub address: Option<BrokerAddress>,
}

/// A partition and its replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Partition number.
    pub partition: i32,
    /// Leader's node id; −1: none.
    pub leader: NodeId,
    /// All replicas, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// The in-sync ones.
    pub isr: Vec<NodeId>,
}

/// Why a send was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// A real cluster, and nobody has clicked *arm*.
    NotArmed,
    /// The topic is not on the bridge's list.
    TopicNotAllowed {
        /// The list.
        allowed: Vec<Arc<str>>,
    },
    /// Too much is out already: try again when outcomes have come.
    Busy {
        /// Records out.
        in_flight: u64,
        /// The limit.
        limit: u64,
    },
    /// The same id was used for another send.
    IdReused,
    /// The id was used, and what became of its records is no longer kept.
    IdForgotten,
    /// The count is out of bounds.
    CountOutOfBounds {
        /// Records asked for.
        got: u32,
        /// The least.
        min: u32,
        /// The most: [`MAX_SEND_COUNT`].
        max: u32,
    },
    /// The topic's name is longer than what is repeated in the outcome of every record. Kafka's own limit is far below.
    TopicTooLong {
        /// Its bytes.
        bytes: u64,
        /// The most.
        limit: u64,
    },
    /// The bridge is stopping.
    Stopping,
}

/// The fate of some records of one send, at most one batch's worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its number in the session, from 1, without gaps.
    pub number: u64,
    /// Which send.
    pub send: SendId,
    /// First record of that send it speaks of, from 0; the others follow one by one.
    pub first_record: u32,
    /// First of them in send order over the whole session.
    pub first_ordinal: u64,
    /// How many records it speaks of: as many as each list below has entries, and at least 1.
    pub count: u32,
    /// Microseconds from the call of `send` to the answer, per record.
    pub latency_us: Vec<u64>,
    /// What became of them.
    pub fate: Fate,
}

/// What became of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fate {
    /// Acknowledged: `RecordMetadata`, record by record.
    Acked(RecordsMetadata),
    /// Not acknowledged: the exception.
    Failed {
        /// Which.
        error: ProducerError,
        /// Where the program met it.
        surface: Surface,
        /// May the records be in the log?
        persistence: Persistence,
        /// `RecordMetadata` is never null: its partition is real when known, else −1; its offset is −1.
        partition: i32,
        /// Topic of the record.
        topic: Arc<str>,
        /// Name of the first, the others follow in the same batch; `None`: refused before they were appended.
        first: Option<RecordName>,
    },
}

/// `RecordMetadata` of consecutive records of one batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsMetadata {
    /// Name of the first; the others follow in the same batch.
    pub first: RecordName,
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// Offset of the first; the others follow one by one. −1: unknown (acks=0), then for all.
    pub first_offset: i64,
    /// Milliseconds since 1970, per record.
    pub timestamps_ms: Vec<i64>,
    /// Is the timestamp the broker's (LogAppendTime) rather than the program's (CreateTime)?
    pub log_append_time: bool,
    /// Serialised key size in bytes; −1: null.
    pub key_size: i32,
    /// Serialised value size in bytes; −1: null.
    pub value_size: i32,
    /// How often the batch was sent.
    pub attempts: u32,
}

/// Why a frame could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Written by another version of this module; the byte found (`None`: an empty frame).
    Version(Option<u8>),
    /// Larger than [`MAX_FRAME_BYTES`].
    TooLarge(usize),
    /// Damaged, or with bytes left over.
    Damaged,
}

/// A message in its binary form: a version byte, then postcard's compact form.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    postcard::to_extend(message, vec![BRIDGE_VERSION]).expect("a Vec grows as needed")
}

/// The reverse of [`encode`]. Memory is taken only for bytes that are there, never for a length that is claimed.
///
/// # Errors
/// Another version, too large a frame, or bytes that are not one whole message.
pub fn decode<'a, T: Deserialize<'a>>(frame: &'a [u8]) -> Result<T, FrameError> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLarge(frame.len()));
    }
    match frame.split_first() {
        Some((&BRIDGE_VERSION, body)) => match postcard::take_from_bytes(body) {
            Ok((message, [])) => Ok(message),
            _ => Err(FrameError::Damaged),
        },
        other => Err(FrameError::Version(other.map(|(&version, _)| version))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_send() -> Command {
        Command::Send(SendCommand {
            id: 7,
            habit: Habit::Callback,
            record: RecordSpec {
                topic: "orders".into(),
                key: Some(Arc::from(&b""[..])),
                value: None,
                headers: vec![HeaderSpec { key: "h".into(), value: None }, HeaderSpec::default()],
                ..RecordSpec::default()
            },
            count: 3,
        })
    }

    #[test]
    fn null_and_empty_stay_two_things_on_the_way() {
        assert_eq!(decode::<Command>(&encode(&a_send())), Ok(a_send()));
    }

    #[test]
    fn a_frame_of_another_version_says_which() {
        let mut frame = encode(&a_send());
        frame[0] = 9;
        assert_eq!(decode::<Command>(&frame), Err(FrameError::Version(Some(9))));
        assert_eq!(decode::<Command>(&[]), Err(FrameError::Version(None)));
    }

    #[test]
    fn bytes_left_over_or_missing_damage_a_frame() {
        let frame = encode(&a_send());
        let longer = [&frame[..], &[0]].concat();
        assert_eq!(decode::<Command>(&longer), Err(FrameError::Damaged));
        for end in 1..frame.len() {
            assert_eq!(decode::<Command>(&frame[..end]), Err(FrameError::Damaged), "cut at {end}");
        }
    }

    #[test]
    fn a_claimed_length_takes_no_memory() {
        // Configure with 2^32 properties claimed in five bytes: refused for what is missing, not allocated.
        let frame = [BRIDGE_VERSION, 1, 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(decode::<Command>(&frame), Err(FrameError::Damaged));
    }

    #[test]
    fn a_frame_over_the_limit_is_not_looked_at() {
        let frame = vec![BRIDGE_VERSION; MAX_FRAME_BYTES + 1];
        assert_eq!(decode::<Command>(&frame), Err(FrameError::TooLarge(MAX_FRAME_BYTES + 1)));
    }
}
