//! What a page and the player behind it say to each other. One [`Ask`] gets one [`Tell`].
//!
//! They are values of data alone, so that the player can live in a module of its own, beside the page or in a worker.
//! Times are virtual microseconds since the scenario began, unless they are [`Instant`]s of a scene.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bridge::{Habit, Topology};
use crate::ids::{CorrelationId, NodeId};
use crate::judge::Score;
use crate::playback::Mark;
use crate::scenario::{Card, Claim, Fate, Properties, Words};
use crate::scene::Scene;
use crate::simulation::MessageName;
use crate::time::Instant;
use crate::trace::BrokerState;

/// From the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// What does this fragment of an address show, and is a demo's file needed for it? → [`Tell::Needs`]
    Read(String),
    /// Put the scenario of this fragment on its stage, paused; `demo` is the text of the file it needs.
    /// → [`Tell::Opened`], [`Tell::Lesson`] or [`Tell::NotOpened`]
    Open {
        /// The part of the address behind `#`.
        fragment: String,
        /// The demo's file, where one is needed.
        demo: Option<String>,
    },
    /// Put the scenario of this file on its stage, paused. → [`Tell::Opened`]; or [`Tell::NotOpened`], and what stood there
    /// stays.
    OpenFile(String),
    /// Let the world go on, for at most so many events; its pictures are asked for apart, for a frame holds many slices.
    /// → [`Tell::Frame`]
    Run {
        /// Whereto.
        to: Target,
        /// A slice: what a page does between two looks at its clock.
        max_events: u32,
    },
    /// The pictures that have changed since they were told. → [`Tell::Frame`]
    Scenes,
    /// Put the playhead back, if that is the way there; [`Ask::Run`] does the rest. → [`Tell::Frame`]
    Rewind(u64),
    /// When was the moment before this one? → [`Tell::Moment`]
    MomentBefore,
    /// Everything that is shown beside the scenes. `read_back`: read the logs, however long that takes. → [`Tell::View`]
    Look {
        /// Which producer of each lane.
        producer: u32,
        /// The topic looked at; empty: the first.
        topic: Arc<str>,
        /// Count what a consumer reads now, even where there is much to read.
        read_back: bool,
    },
    /// Do something at the playhead. What was known of the future is kept as another one. → [`Tell::Acted`]
    Act {
        /// In which lane.
        lane: u32,
        /// What.
        hand: Hand,
    },
    /// Keep this future, and go on with a copy. → [`Tell::Acted`]
    Fork,
    /// Go on with another future, where it was left. → [`Tell::Acted`]
    Switch(u32),
    /// The fragment that shows this future, at the playhead if `at`. → [`Tell::Link`]
    Link {
        /// With the moment.
        at: bool,
    },
    /// The fragment that shows the scenario with a dial turned. → [`Tell::Link`], or [`Tell::Refused`]
    Turned {
        /// The dial.
        key: String,
        /// Its position.
        value: String,
    },
    /// Run the scenario from its beginning to its end beside what is shown, and judge it; again and again until it is
    /// done. → [`Tell::Judged`]
    Judge {
        /// A slice.
        max_events: u32,
    },
    /// Write the whole trace in this form. → [`Tell::Exported`]
    Export {
        /// In which form.
        form: Form,
        /// A slice.
        max_events: u32,
    },
}

/// Whereto the world goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The end of this moment.
    Time(u64),
    /// The next moment at which anything happens.
    NextMoment,
    /// The next moment at which this happens.
    Next(Mark),
}

/// How a trace is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// Trace Event JSON, for Perfetto and Chrome.
    TraceEvent,
    /// JSON lines.
    JsonLines,
    /// A Mermaid sequence diagram.
    Mermaid,
}

/// What somebody does to the world by hand: those of a scenario's actions that a page has buttons for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hand {
    /// `kill -9`.
    KillBroker(NodeId),
    /// A clean restart.
    RestartBroker(NodeId),
    /// It starts again.
    StartBroker(NodeId),
    /// SIGSTOP.
    PauseBroker(NodeId),
    /// SIGCONT.
    ResumeBroker(NodeId),
    /// So many times as slow.
    SlowBroker(NodeId, u32),
    /// A producer's process stands still for so many microseconds.
    PauseProducer(u32, u64),
    /// Something becomes of one message.
    Message(MessageName, Fate),
}

/// To the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Tell {
    /// The file of this demo, or none.
    Needs(Option<Arc<str>>),
    /// It stands there.
    Opened(Box<Opened>),
    /// Several scenarios, one after the other.
    Lesson(Lesson),
    /// It shows nothing.
    NotOpened(Fault),
    /// How far it came.
    Frame(Frame),
    /// A moment; `None`: there is none before.
    Moment(Option<u64>),
    /// What is shown beside the scenes.
    View(Box<View>),
    /// It was done; the world is on its way to the moment at which it was done.
    Acted(Acted),
    /// A fragment of an address, with its `#`, and the settings it leaves out. One that is too long is opened by no page.
    Link {
        /// The fragment.
        fragment: String,
        /// Settings that no link holds.
        left_out: Vec<Arc<str>>,
    },
    /// It cannot be done.
    Refused(Why),
    /// What the judges say.
    Judged(Judged),
    /// The trace.
    Exported(Exported),
    /// There is nothing on the stage, or the question was not understood.
    Nothing,
}

/// Why something cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// The scenario is at its end.
    AtEnd,
    /// So many futures are kept already, and no more are.
    TooManyFutures(u32),
    /// In the core's words.
    Said(String),
}

/// A scenario that stands on its stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// What it is called, where its card has no title.
    pub name: Arc<str>,
    /// The demo that it is or was made from; empty: none.
    pub demo: Arc<str>,
    /// Its card.
    pub card: Card,
    /// The lanes' titles; one that is empty where no lane is named.
    pub lanes: Vec<Words>,
    /// What each lane's programs do with the future that `send()` returns; `None`: not all the same.
    pub habits: Vec<Option<Habit>>,
    /// How many producers each lane has.
    pub producers: u32,
    /// Its topics.
    pub topics: Vec<Arc<str>>,
    /// Each producer's properties in each lane: lane by lane, producer by producer.
    pub properties: Vec<Vec<Properties>>,
    /// Producers that the Java client refuses to make: lane, producer, its words.
    pub refused: Vec<(u32, u32, String)>,
    /// How many times slower than life it is shown at first.
    pub slower: u32,
    /// How long it lasts.
    pub end_us: u64,
    /// Where the link wants the playhead.
    pub at_us: Option<u64>,
    /// What of the link has no effect, or was changed.
    pub notes: Vec<Note>,
    /// The scene's time when the scenario begins.
    pub begins: Instant,
    /// The dial's positions: which of them is in force, if one is.
    pub dial_at: Option<u32>,
}

/// A lesson.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// What it is called.
    pub title: Words,
    /// Its items: their names, empty for a demo without a title of its own, and their fragments.
    pub items: Vec<(Words, String)>,
    /// What of the link has no effect, or was changed.
    pub notes: Vec<Note>,
}

/// Something in a link that has no effect, or was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// An item that is unknown, and the known name that looks most like it.
    Unknown(String, Option<Arc<str>>),
    /// Where to connect is not for a link to say.
    BridgesOwn(String),
    /// The value of this item means nothing.
    Damaged(String),
    /// An item that is there again; the first one counts.
    Twice(String),
    /// So many items more than are looked at.
    TooMany(u64),
    /// A dial that was not turned, and why in the core's words.
    NotTurned(Arc<str>, String),
    /// About the scenario, in the core's words.
    InScenario(String),
    /// An action that changes nothing in this world: its place, and why.
    LeftOut(u32, String),
    /// A setting of brokers that changes nothing here.
    WithoutEffect(Arc<str>),
    /// The moment lies beyond the scenario's end.
    BeyondEnd,
}

/// Why a link shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// So many bytes, and so many there may be.
    TooLong(u64, u64),
    /// It begins like no link.
    NotALink,
    /// There is no demo of this name; the demo whose name looks most like it.
    NoSuchDemo(String, Option<Arc<str>>),
    /// Made by a newer version.
    Newer(u32),
    /// The character at this place belongs to no link.
    Character(u64),
    /// It was cut short or changed on the way.
    Checksum,
    /// Its data inflates to too much.
    TooLarge,
    /// Its data is no scenario.
    Damaged,
    /// Its scenario, or the demo's file, says what cannot be; in the core's words.
    Refused(String),
}

/// How far the world came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The playhead: the earliest of the lanes'.
    pub now_us: u64,
    /// Did it get there?
    pub standing: Standing,
    /// The picture of each lane's producer that is looked at; `None`: as it was when it was told last.
    pub scenes: Vec<Option<Box<Scene>>>,
}

/// Is the world where it was to go?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It is there.
    #[default]
    Reached,
    /// The slice was too short: ask again.
    Underway,
    /// The scenario is at its end.
    Over,
    /// Too much happens: it was stopped.
    Stopped {
        /// In which lane.
        lane: u32,
        /// When.
        at_us: u64,
        /// Events that were too many.
        events: u64,
        /// In how long.
        within: Within,
    },
}

/// In how long too much happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Within {
    /// In one moment.
    Moment,
    /// In a second of virtual time.
    Second,
    /// From the beginning.
    Run,
}

/// What is shown beside the scenes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The playhead.
    pub now_us: u64,
    /// The lanes.
    pub lanes: Vec<LaneView>,
    /// What happened when, over all lanes: from when on, in which, and the most important mark of it.
    pub marks: Vec<(u64, u32, Mark)>,
    /// What is done to the world by hand or by the scenario's timed actions, in their order.
    pub deeds: Vec<Deed>,
    /// The futures that are kept, and which of them this is.
    pub futures: Vec<Future>,
    /// The place of this one among them.
    pub current: u32,
}

/// A lane beside its scene.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LaneView {
    /// The topic looked at, and the brokers that are up.
    pub topology: Topology,
    /// All brokers.
    pub brokers: Vec<BrokerView>,
    /// Messages on their way, in order of departure.
    pub messages: Vec<MessageView>,
    /// More messages than are told one by one.
    pub more_messages: u32,
    /// What a consumer read.
    pub score: Score,
    /// When it did; at the playhead the score is proved.
    pub read_at_us: u64,
    /// Calls of `send()` that came back, acknowledgements and failures at the playhead, without reading anything.
    pub told: [u64; 3],
    /// Producers whose process stands still: which, and until when.
    pub paused: Vec<(u32, u64)>,
    /// Has every record met its fate, and is no more to come?
    pub is_settled: bool,
}

/// A broker as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerView {
    /// Which.
    pub node: NodeId,
    /// What its process does.
    pub state: BrokerState,
    /// Is it kept from leading?
    pub is_fenced: bool,
    /// How many partitions of all topics it leads.
    pub leads: u32,
}

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// Its name.
    pub name: MessageName,
    /// The request that it is, or that it answers, as the trace calls it.
    pub correlation: CorrelationId,
    /// The broker at the other end.
    pub node: NodeId,
    /// When it arrives; `None`: not as things stand.
    pub arrives_us: Option<u64>,
}

/// Something that is done to the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// When.
    pub at_us: u64,
    /// In which lane; `None`: in every one.
    pub lane: Option<u32>,
    /// What.
    pub hand: Hand,
    /// What became of it.
    pub state: DeedState,
}

/// What became of a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeedState {
    /// It is still to come.
    ToCome,
    /// It was done.
    Done,
    /// No message of this name is on its way, or was since: it was done to no other.
    NoSuchMessage,
}

/// A future that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Future {
    /// Its number, from 1, never used again.
    pub number: u32,
    /// Its playhead.
    pub now_us: u64,
    /// What was done by hand in it.
    pub deeds: u32,
    /// When it parted from the one it was made from.
    pub parted_us: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// Where the playhead is to be.
    pub at_us: u64,
    /// Was another future kept?
    pub forked: bool,
}

/// What the judges say of the whole scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// How much of it is judged, in thousandths; 1000: all.
    pub thousandths: u32,
    /// The lanes' endings, once all is judged.
    pub lanes: Vec<Ending>,
}

/// How a lane ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// The score; `None`: there is more to read than a page can without standing still.
    pub score: Option<Score>,
    /// The goals that are about this lane.
    pub verdicts: Vec<Verdict>,
    /// FNV-1a over every trace event in its binary form.
    pub trace_hash: u64,
    /// Trace events.
    pub events: u64,
    /// Facts that the trace lacks, because there were too many at once.
    pub thinned: u64,
    /// Was it stopped?
    pub standing: Standing,
}

/// What became of a goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Its place in the scenario.
    pub goal: u32,
    /// The claim.
    pub claim: Claim,
    /// Does it hold? `None`: that cannot be said.
    pub held: Option<bool>,
    /// The witness against it, or why it cannot be said.
    pub why: String,
}

/// The trace in another form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// How much is done, in thousandths.
    pub thousandths: u32,
    /// The text, once all is done.
    pub text: String,
    /// Facts that were left out at the end, because there are more than a page writes.
    pub left_out: u64,
}
