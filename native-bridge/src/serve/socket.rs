//! One WebSocket: frames in, frames out, for as long as both sides keep to the rules.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use producer_core::bridge::{self, BRIDGE_VERSION, BadRequest, Command, FrameError, MAX_FRAME_BYTES, Report, Resume};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use super::frames::Frames;
use super::sessions::{Attachment, NoSession, Sessions};

/// A page that does not say hello within this time is none.
const HELLO_WITHIN: Duration = Duration::from_secs(2);
/// The end of a connection that broke behind its hello has arrived with it; it takes a moment to be seen.
const HANGS_UP_WITHIN: Duration = Duration::from_millis(2);
/// Reports are gathered for this long before they are written together.
const COALESCE: Duration = Duration::from_millis(4);
const PING_EVERY: Duration = Duration::from_secs(20);
/// Pings without an answer after which the page counts as gone.
const MISSED_PINGS: u32 = 2;
/// A page that says nothing for this long is asleep.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// A page that takes nothing for this long is too slow; its outcomes are kept.
const SLOW_CONSUMER: Duration = Duration::from_secs(10);
/// How long a page may take to read why it is dismissed.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes written ahead at most.
const WRITE_AHEAD_BYTES: usize = 8 * 1024 * 1024;

/// Another socket resumed the session.
const SUPERSEDED: u16 = 4001;
/// Page and bridge are of different versions.
const OTHER_VERSION: u16 = 4002;

/// How a conversation ends: close code and reason, at most 123 bytes of it.
struct Ending {
    code: u16,
    reason: String,
}

fn ending(code: u16, reason: impl Into<String>) -> Ending {
    Ending { code, reason: reason.into() }
}

/// What a WebSocket runs over: an upgraded HTTP connection.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Speaks with a page until one side ends it.
pub(crate) async fn converse(connection: impl Connection, sessions: Arc<Sessions>, stop: watch::Receiver<bool>) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .max_write_buffer_size(WRITE_AHEAD_BYTES);
    let mut socket = WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await;
    let ending = match greeted(&mut socket).await {
        Ok((resume, first)) => match sessions.attach(resume) {
            Ok(attachment) => speak(&mut socket, first, &sessions, &attachment, stop).await,
            Err(error @ NoSession::Stopping) => Some(ending(1001, error.to_string())),
            Err(error @ NoSession::NoEntropy(_)) => Some(ending(1011, error.to_string())),
        },
        Err(ending) => ending,
    };
    close(&mut socket, ending).await;
}

/// A hello, and what has come behind it so far. `Err(None)`: the page left.
///
/// A page whose connection broke resumes its session on another one. If its hello here was still to be read, reading it now
/// would take the session away from it again: whoever resumes must still be there.
async fn greeted(
    socket: &mut WebSocketStream<impl Connection>,
) -> Result<(Option<Resume>, Option<Message>), Option<Ending>> {
    let resume = hello(socket).await?;
    if resume.is_none() {
        return Ok((None, None));
    }
    match timeout(HANGS_UP_WITHIN, socket.next()).await {
        Err(_) => Ok((resume, None)),
        Ok(None | Some(Err(_) | Ok(Message::Close(_)))) => Err(None),
        Ok(Some(Ok(first))) => Ok((resume, Some(first))),
    }
}

/// The first message. `Err(None)`: the page left.
async fn hello(socket: &mut WebSocketStream<impl Connection>) -> Result<Option<Resume>, Option<Ending>> {
    let deadline = Instant::now() + HELLO_WITHIN;
    loop {
        let Ok(message) = tokio::time::timeout_at(deadline, socket.next()).await else {
            return Err(Some(ending(1008, "no hello within two seconds")));
        };
        return match message.map(read) {
            None => Err(None),
            Some(Err(ending)) => Err(ending),
            Some(Ok(Heard::Command(Command::Hello { resume }))) => Ok(resume),
            Some(Ok(Heard::Command(_) | Heard::Damaged { .. })) => {
                Err(Some(ending(1008, "the first message must be hello")))
            }
            Some(Ok(Heard::Nothing)) => continue,
        };
    }
}

/// What a frame held.
enum Heard {
    Command(Command),
    /// A ping, a pong or a close, which the library answers.
    Nothing,
    /// A frame of the right kind whose bytes mean nothing.
    Damaged {
        bytes: usize,
    },
}

fn read(message: Result<Message, Error>) -> Result<Heard, Option<Ending>> {
    match message {
        Ok(Message::Binary(frame)) => match bridge::decode(&frame) {
            Ok(command) => Ok(Heard::Command(command)),
            Err(FrameError::Damaged) => Ok(Heard::Damaged { bytes: frame.len() }),
            Err(FrameError::TooLarge(size)) => Err(Some(ending(1009, format!("{size} bytes in one message")))),
            Err(FrameError::Version(theirs)) => {
                let theirs = theirs.map_or_else(|| "no".to_owned(), |version| version.to_string());
                let reason = format!("the page speaks version {theirs}, the bridge version {BRIDGE_VERSION}");
                Err(Some(ending(OTHER_VERSION, reason)))
            }
        },
        Ok(Message::Text(_)) => Err(Some(ending(1003, "messages are binary"))),
        Ok(Message::Close(_)) => Err(None),
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Ok(Heard::Nothing),
        Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => {
            Err(Some(ending(1009, format!("a message may have {MAX_FRAME_BYTES} bytes"))))
        }
        Err(Error::Capacity(_)) => Err(Some(ending(1009, "too large"))),
        Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Err(None),
        Err(Error::Protocol(error)) => Err(Some(ending(1002, error.to_string()))),
        Err(Error::Utf8(_)) => Err(Some(ending(1007, "not UTF-8"))),
        Err(_) => Err(None),
    }
}

/// The next message, the one that was read ahead before all others.
async fn next(
    first: &mut Option<Message>,
    socket: &mut WebSocketStream<impl Connection>,
) -> Option<Result<Message, Error>> {
    match first.take() {
        Some(message) => Some(Ok(message)),
        None => socket.next().await,
    }
}

/// Commands to the session, reports to the page. `None`: the page left by itself.
async fn speak(
    socket: &mut WebSocketStream<impl Connection>,
    mut first: Option<Message>,
    sessions: &Sessions,
    attachment: &Attachment,
    mut stop: watch::Receiver<bool>,
) -> Option<Ending> {
    let mut superseded = pin!(attachment.superseded());
    let mut broke_down = pin!(attachment.broke_down());
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered_pings = 0;
    let mut idle_at = Instant::now() + IDLE;
    // When reports are due to be written; `None`: there are none.
    let mut write_at = Some(Instant::now());
    loop {
        tokio::select! {
            // In this order: what ends the conversation, reports that are due, then whatever comes in.
            biased;
            () = &mut superseded => return Some(ending(SUPERSEDED, "another page resumed this session")),
            () = &mut broke_down => {
                sessions.forget(attachment);
                return Some(ending(1011, "the session broke down"));
            }
            () = told_to_stop(&mut stop) => {
                // The last outcomes first: sessions are settled by now.
                return match write_reports(socket, attachment).await {
                    Ok(()) => Some(ending(1001, "the bridge has stopped")),
                    Err(ending) => ending,
                };
            }
            () = at(write_at) => {
                write_at = None;
                if let Err(ending) = write_reports(socket, attachment).await {
                    return ending;
                }
            }
            () = attachment.news(), if write_at.is_none() => write_at = Some(Instant::now() + COALESCE),
            _ = pings.tick() => {
                if unanswered_pings == MISSED_PINGS {
                    return Some(ending(1001, "the page does not answer"));
                }
                unanswered_pings += 1;
                if let Err(ending) = send(socket, attachment, Message::Ping(Bytes::new())).await {
                    return ending;
                }
            }
            message = next(&mut first, socket) => {
                unanswered_pings = 0;
                match read(message?) {
                    Ok(Heard::Command(command)) => {
                        idle_at = Instant::now() + IDLE;
                        attachment.command(command);
                    }
                    Ok(Heard::Damaged { bytes }) => {
                        let report = Report::BadRequest(BadRequest::NotACommand { bytes: bytes as u64 });
                        if let Err(ending) = write(socket, attachment, [report]).await {
                            return ending;
                        }
                    }
                    Ok(Heard::Nothing) => {}
                    Err(ending) => return ending,
                }
            }
            () = sleep_until(idle_at) => return Some(ending(1001, "nothing was asked for half an hour")),
        }
    }
}

/// Waits until the bridge has settled everything and stops.
async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever would tell is gone: then the bridge has stopped.
    let _ = stop.wait_for(|&stopping| stopping).await;
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Writes every report that is due.
async fn write_reports(
    socket: &mut WebSocketStream<impl Connection>,
    attachment: &Attachment,
) -> Result<(), Option<Ending>> {
    write(socket, attachment, core::iter::from_fn(|| attachment.next_report())).await
}

async fn write(
    socket: &mut WebSocketStream<impl Connection>,
    attachment: &Attachment,
    reports: impl IntoIterator<Item = Report>,
) -> Result<(), Option<Ending>> {
    for frame in Frames::of(reports) {
        send(socket, attachment, Message::Binary(frame.into())).await?;
    }
    Ok(())
}

/// Hands a message to the network. While the page does not take it, nothing else is read or written: what it would
/// ask for and what it would be told stays bounded.
async fn send(
    socket: &mut WebSocketStream<impl Connection>,
    attachment: &Attachment,
    message: Message,
) -> Result<(), Option<Ending>> {
    tokio::select! {
        sent = timeout(SLOW_CONSUMER, socket.send(message)) => match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(ending(1013, "slow consumer"))),
        },
        () = attachment.superseded() => Err(Some(ending(SUPERSEDED, "another page resumed this session"))),
    }
}

/// Closes with a reason, or answers the page's own close; and waits a moment for the page to have read it: a TCP
/// connection closed over bytes that nobody read would be reset, and the reason lost.
async fn close(socket: &mut WebSocketStream<impl Connection>, ending: Option<Ending>) {
    let frame = ending.map(|Ending { code, reason }| {
        tracing::info!(code, reason, "closing a page's connection");
        CloseFrame { code: CloseCode::from(code), reason: reason.into() }
    });
    let said = async {
        let told = match frame {
            Some(frame) => socket.close(Some(frame)).await,
            // The answer to the page's close waits to be written.
            None => socket.flush().await,
        };
        // The page may be gone already; then there is nobody to tell.
        if told.is_ok() {
            let connection = socket.get_mut();
            let _ = connection.shutdown().await;
            let mut unread = [0; 4096];
            while connection.read(&mut unread).await.is_ok_and(|read| read > 0) {}
        }
    };
    let _ = timeout(FAREWELL, said).await;
}

#[cfg(test)]
mod tests;
