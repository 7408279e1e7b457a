//! The limits that are times, on a clock that stands still until everybody waits.

use std::collections::VecDeque;

use producer_core::bridge::{Habit, RecordSpec, SendCommand, SendId, SessionId, encode};
use tokio::io::DuplexStream;
use tokio::time::timeout_at;

use super::*;
use crate::serve::sessions::tests::sessions;

/// A page whose network holds this many bytes.
struct Page {
    socket: WebSocketStream<DuplexStream>,
    received: VecDeque<Report>,
    _stop: watch::Sender<bool>,
}

impl Page {
    async fn open(sessions: &Arc<Sessions>, network_bytes: usize) -> Self {
        let (ours, theirs) = tokio::io::duplex(network_bytes);
        let (stop, told) = watch::channel(false);
        tokio::spawn(converse(theirs, Arc::clone(sessions), told));
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        Self { socket, received: VecDeque::new(), _stop: stop }
    }

    async fn say(&mut self, command: Command) {
        self.socket.send(Message::Binary(encode(&command).into())).await.expect("an open connection");
    }

    /// Says hello; the session it got, and whether that is the one it asked for.
    async fn hello(&mut self, resume: Option<Resume>) -> (SessionId, bool) {
        self.say(Command::Hello { resume }).await;
        match self.next_report().await {
            Report::Welcome { session, recovered, .. } => (session, recovered),
            other => panic!("{other:?} before Welcome"),
        }
    }

    async fn next_report(&mut self) -> Report {
        loop {
            if let Some(report) = self.received.pop_front() {
                return report;
            }
            if let Message::Binary(frame) = self.socket.next().await.expect("an open connection").expect("a message") {
                self.received.extend(bridge::decode::<Vec<Report>>(&frame).expect("reports"));
            }
        }
    }

    /// Reads, and so answers pings, until the bridge closes; with which code.
    async fn closed(&mut self) -> u16 {
        loop {
            match self.socket.next().await.expect("a close frame before the end") {
                Ok(Message::Close(frame)) => return frame.expect("a code").code.into(),
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

const ROOMY: usize = 1 << 20;

#[tokio::test(start_paused = true)]
async fn row_31_a_page_has_two_seconds_for_its_hello() {
    let began = Instant::now();
    let mut page = Page::open(&sessions(), ROOMY).await;
    assert_eq!(page.closed().await, 1008);
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn pings_do_not_count_as_a_hello() {
    let mut page = Page::open(&sessions(), ROOMY).await;
    for _ in 0..10 {
        page.socket.send(Message::Ping(Bytes::new())).await.expect("an open connection");
    }
    assert_eq!(page.closed().await, 1008);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_misses_two_pings_counts_as_gone() {
    let mut page = Page::open(&sessions(), ROOMY).await;
    page.hello(None).await;
    let began = Instant::now();
    // It does not read, so it does not answer.
    tokio::time::sleep(Duration::from_secs(3 * 20 + 1)).await;
    assert_eq!(page.closed().await, 1001);
    assert_eq!(began.elapsed().as_secs(), 61, "it was closed already");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_answers_pings_is_left_alone_for_half_an_hour() {
    let mut page = Page::open(&sessions(), ROOMY).await;
    page.hello(None).await;
    let began = Instant::now();
    assert_eq!(page.closed().await, 1001);
    assert_eq!(began.elapsed().as_secs() / 60, 30);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_asks_for_something_is_left_alone_for_another_half_hour() {
    let mut page = Page::open(&sessions(), ROOMY).await;
    page.hello(None).await;
    let began = Instant::now();
    timeout(Duration::from_secs(20 * 60), page.closed()).await.expect_err("it is not over yet");
    page.say(Command::Arm).await;
    assert_eq!(page.closed().await, 1001);
    assert_eq!(began.elapsed().as_secs() / 60, 50);
}

/// A record that is refused without asking the cluster, so many times.
fn refused(id: SendId, count: u32) -> Command {
    let record = RecordSpec { topic: "orders".into(), timestamp_ms: Some(-1), ..RecordSpec::default() };
    Command::Send(SendCommand { id, habit: Habit::Forget, record, count })
}

#[tokio::test(start_paused = true)]
async fn reports_of_every_millisecond_are_written_together_every_four() {
    const SENDS: u64 = 40;
    let mut page = Page::open(&sessions(), ROOMY).await;
    page.hello(None).await;
    page.say(Command::Arm).await;
    let (mut written, mut outcomes) = (Vec::new(), 0);
    for id in 1..=SENDS + 4 {
        if id <= SENDS {
            page.say(refused(id, 1)).await;
        }
        let millisecond = Instant::now() + Duration::from_millis(1);
        while let Ok(message) = timeout_at(millisecond, page.socket.next()).await {
            let Message::Binary(frame) = message.expect("an open connection").expect("a message") else { continue };
            let reports = bridge::decode::<Vec<Report>>(&frame).expect("reports");
            let told = |report: &Report| if let Report::Outcomes { outcomes } = report { outcomes.len() } else { 0 };
            outcomes += reports.iter().map(told).sum::<usize>();
            written.push(Instant::now());
        }
    }
    assert_eq!(outcomes, 40);
    assert!(written.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(4)), "{written:?}");
}

#[tokio::test(start_paused = true)]
async fn row_36_a_page_that_takes_nothing_for_ten_seconds_is_a_slow_consumer() {
    let sessions = sessions();
    let mut page = Page::open(&sessions, 4096).await;
    let (session, _) = page.hello(None).await;
    page.say(Command::Arm).await;
    // A thousand outcomes at once.
    page.say(refused(1, 1_000)).await;
    // Within the second that it has for reading why it is dismissed.
    tokio::time::sleep(Duration::from_millis(10_500)).await;
    assert_eq!(page.closed().await, 1013);

    let mut again = Page::open(&sessions, ROOMY).await;
    let (resumed, recovered) = again.hello(Some(Resume { session, epoch: 1, outcomes_seen: 0 })).await;
    assert!(recovered && resumed == session);
    let mut numbers = Vec::new();
    while numbers.len() < 1_000 {
        if let Report::Outcomes { outcomes } = again.next_report().await {
            numbers.extend(outcomes.iter().map(|outcome| outcome.number));
        }
    }
    assert!(numbers.into_iter().eq(1..=1_000), "all outcomes were kept, each once");
}

#[tokio::test(start_paused = true)]
async fn a_hello_that_is_read_when_its_connection_has_broken_takes_no_session_away() {
    let sessions = sessions();
    let mut page = Page::open(&sessions, ROOMY).await;
    let (session, _) = page.hello(None).await;
    let resume = Some(Resume { session, epoch: 1, outcomes_seen: 0 });

    let (ours, theirs) = tokio::io::duplex(ROOMY);
    let mut broken = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    broken.send(Message::Binary(encode(&Command::Hello { resume }).into())).await.expect("an open connection");
    drop(broken);
    let (_stop, told) = watch::channel(false);
    tokio::spawn(converse(theirs, Arc::clone(&sessions), told));
    timeout(Duration::from_secs(10), page.closed()).await.expect_err("the session is its own");

    let mut other = Page::open(&sessions, ROOMY).await;
    assert_eq!(other.hello(resume).await, (session, true), "whoever is there may have it");
    assert_eq!(page.closed().await, SUPERSEDED);
}

#[tokio::test(start_paused = true)]
async fn a_session_waits_two_minutes_for_its_page() {
    let sessions = sessions();
    tokio::spawn(Arc::clone(&sessions).reap());
    for (seconds, is_kept) in [(100, true), (130, false)] {
        let mut page = Page::open(&sessions, ROOMY).await;
        let (session, _) = page.hello(None).await;
        drop(page);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let mut again = Page::open(&sessions, ROOMY).await;
        let resume = Resume { session, epoch: 1, outcomes_seen: 0 };
        let (resumed, recovered) = again.hello(Some(resume)).await;
        assert_eq!((recovered, resumed == session), (is_kept, is_kept), "after {seconds} s");
    }
}
