//! A client that speaks to the bridge as the page does, but is under a test's control to the last byte.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use producer_core::bridge::{
    self, Command, Fate, Habit, Outcome, RecordSpec, Report, Resume, SUB_PROTOCOL, SendCommand, SendId, SessionId,
    World,
};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::bridge::Bridge;

/// Patience for an answer that is due, whatever else comes meanwhile: pings come without end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A page's connection.
#[derive(Debug)]
pub struct PageClient {
    socket: WebSocketStream<TcpStream>,
    received: VecDeque<Report>,
    frames: Vec<Bytes>,
}

/// What Welcome said.
#[derive(Clone, Debug)]
pub struct Welcomed {
    /// The session.
    pub session: SessionId,
    /// Its epoch.
    pub epoch: u32,
    /// Was the session asked for found whole?
    pub recovered: bool,
    /// Which world it speaks to.
    pub world: World,
    /// Sends known and not settled.
    pub unsettled: Vec<SendId>,
}

impl PageClient {
    /// A page that has begun a session of its own.
    ///
    /// # Errors
    /// When the bridge refuses.
    pub async fn joined(bridge: &Bridge) -> Result<Self> {
        let mut page = Self::open(bridge).await?;
        page.hello(None).await?;
        Ok(page)
    }

    /// Opens the WebSocket with the bridge's own token.
    ///
    /// # Errors
    /// When the bridge refuses.
    pub async fn open(bridge: &Bridge) -> Result<Self> {
        Self::open_with(bridge, bridge.token(), &[]).await
    }

    /// Opens the WebSocket with this token and further headers.
    ///
    /// # Errors
    /// When the bridge refuses; the error holds the status.
    pub async fn open_with(bridge: &Bridge, token: &str, headers: &[(&'static str, &str)]) -> Result<Self> {
        let mut request = request(bridge, token)?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse()?);
        }
        let stream = TcpStream::connect(("127.0.0.1", bridge.port())).await?;
        Self::shake_hands(request, stream).await
    }

    /// Opens the WebSocket over a connection of the test's own making, be it through a proxy.
    ///
    /// # Errors
    /// When the bridge refuses.
    pub async fn open_over(bridge: &Bridge, stream: TcpStream) -> Result<Self> {
        Self::shake_hands(request(bridge, bridge.token())?, stream).await
    }

    async fn shake_hands(request: Request, stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        let (socket, answer) = client_async(request, stream).await?;
        let chosen = answer.headers().get("sec-websocket-protocol").and_then(|protocol| protocol.to_str().ok());
        ensure!(chosen == Some(SUB_PROTOCOL), "the bridge echoes {chosen:?}");
        ensure!(!answer.headers().contains_key("sec-websocket-extensions"), "no extension is negotiated");
        Ok(Self { socket, received: VecDeque::new(), frames: Vec::new() })
    }

    /// Says hello and returns what Welcome says.
    ///
    /// # Errors
    /// When something else comes, or nothing.
    pub async fn hello(&mut self, resume: Option<Resume>) -> Result<Welcomed> {
        self.command(&Command::Hello { resume }).await?;
        match self.next_report().await? {
            Report::Welcome { session, epoch, recovered, world, unsettled } => {
                Ok(Welcomed { session, epoch, recovered, world, unsettled })
            }
            other => bail!("{other:?} instead of Welcome"),
        }
    }

    /// Sends a command.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn command(&mut self, command: &Command) -> Result<()> {
        self.frame(Message::Binary(bridge::encode(command).into())).await
    }

    /// Sends a frame of the test's own making.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn frame(&mut self, frame: Message) -> Result<()> {
        Ok(self.socket.send(frame).await?)
    }

    /// The next report.
    ///
    /// # Errors
    /// When the connection is gone, the frame is none of ours, or none comes in time.
    pub async fn next_report(&mut self) -> Result<Report> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(report) = self.received.pop_front() {
                return Ok(report);
            }
            let message = timeout_at(deadline, self.socket.next()).await.context("no report in time")?;
            match message.context("the bridge closed the connection")?? {
                Message::Binary(frame) => {
                    let reports: Vec<Report> = bridge::decode(&frame).map_err(|error| anyhow::anyhow!("{error:?}"))?;
                    self.received.extend(reports);
                    self.frames.push(frame);
                }
                Message::Close(frame) => bail!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Every frame of reports that has come, to the byte.
    pub fn frames_so_far(&self) -> &[Bytes] {
        &self.frames
    }

    /// Reports until one is what the test waits for; the others are dropped.
    ///
    /// # Errors
    /// As [`next_report`](Self::next_report).
    pub async fn wait_for<T>(&mut self, mut wanted: impl FnMut(Report) -> Option<T>) -> Result<T> {
        loop {
            if let Some(found) = wanted(self.next_report().await?) {
                return Ok(found);
            }
        }
    }

    /// Outcomes until these many records of a send have one.
    ///
    /// # Errors
    /// As [`next_report`](Self::next_report), or when the send is refused.
    pub async fn outcomes_of(&mut self, send: SendId, records: u32) -> Result<Vec<Outcome>> {
        let mut found = Vec::new();
        let mut settled = 0;
        while settled < records {
            match self.next_report().await? {
                Report::Outcomes { outcomes } => {
                    for outcome in outcomes.into_iter().filter(|outcome| outcome.send == send) {
                        settled += outcome.count;
                        found.push(outcome);
                    }
                }
                Report::SendRefused { id, why } if id == send => bail!("refused: {why:?}"),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Reads until the bridge closes, and returns its close frame.
    ///
    /// # Errors
    /// When it does not close in time.
    pub async fn closed(&mut self) -> Result<Option<CloseFrame>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match timeout_at(deadline, self.socket.next()).await.context("not closed in time")? {
                Some(Ok(Message::Close(frame))) => return Ok(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    /// Leaves without a word, as a lost network does.
    pub fn cut(self) {
        drop(self.socket);
    }
}

fn request(bridge: &Bridge, token: &str) -> Result<Request> {
    let address = format!("{}/socket", bridge.origin().replacen("http://", "ws://", 1));
    let mut request = address.into_client_request()?;
    let protocols = format!("{SUB_PROTOCOL}, kp.auth.{token}");
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse()?);
    Ok(request)
}

/// A send of `count` records with this key and a text as value.
pub fn send(id: SendId, habit: Habit, topic: &str, key: &str, count: u32) -> SendCommand {
    let record = RecordSpec {
        topic: topic.into(),
        key: Some(key.as_bytes().into()),
        value: Some(format!("value of {id}").as_bytes().into()),
        ..RecordSpec::default()
    };
    SendCommand { id, habit, record, count }
}

/// What a page knows of its sends: the outcomes by number, so that a replayed one counts once.
#[derive(Debug, Default)]
pub struct Tally {
    outcomes: BTreeMap<u64, Outcome>,
}

impl Tally {
    /// Takes outcomes; one that came before must say the same.
    ///
    /// # Errors
    /// When a replayed outcome differs.
    pub fn take(&mut self, outcomes: Vec<Outcome>) -> Result<()> {
        for outcome in outcomes {
            if let Some(known) = self.outcomes.get(&outcome.number) {
                ensure!(*known == outcome, "outcome {} changed", outcome.number);
            }
            self.outcomes.insert(outcome.number, outcome);
        }
        Ok(())
    }

    /// Number of the last outcome up to which none is missing.
    pub fn seen(&self) -> u64 {
        (1..).zip(self.outcomes.keys()).take_while(|(expected, number)| expected == *number).count() as u64
    }

    /// Sends with an outcome.
    pub fn sends(&self) -> BTreeSet<SendId> {
        self.outcomes.values().map(|outcome| outcome.send).collect()
    }

    /// Records with an outcome.
    pub fn settled(&self) -> u64 {
        self.outcomes.values().map(|outcome| u64::from(outcome.count)).sum()
    }

    /// For every acknowledged record: which of which send, and where it landed.
    pub fn landed(&self) -> Vec<((SendId, u32), (i32, i64))> {
        let mut landed = Vec::new();
        for outcome in self.outcomes.values() {
            if let Fate::Acked(metadata) = &outcome.fate {
                for place in 0..outcome.count {
                    let record = (outcome.send, outcome.first_record + place);
                    landed.push((record, (metadata.partition, metadata.first_offset + i64::from(place))));
                }
            }
        }
        landed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tokio_tungstenite::tungstenite::protocol::Role;

    #[tokio::test(start_paused = true)]
    async fn pings_do_not_prolong_the_wait_for_what_never_comes() -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let ours = TcpStream::connect(listener.local_addr()?).await?;
        let (theirs, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut bridge = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
            for _ in 0..9 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                let _ = bridge.send(Message::Ping(Bytes::new())).await;
            }
        });
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let mut page = PageClient { socket, received: VecDeque::new(), frames: Vec::new() };
        let began = Instant::now();
        assert!(page.next_report().await.is_err());
        assert_eq!(began.elapsed().as_secs(), 30);
        assert!(page.closed().await.is_err());
        assert_eq!(began.elapsed().as_secs(), 60);
        Ok(())
    }
}
