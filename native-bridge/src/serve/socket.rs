//! One WebSocket: frames in, frames out, for as long as both sides keep to the rules.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use producer_core::bridge::{self, BRIDGE_VERSION, Command, FrameError, MAX_FRAME_BYTES, Report, Resume};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use super::sessions::{Attachment, Sessions};

/// A page that does not say hello within this time is none.
const HELLO_WITHIN: Duration = Duration::from_secs(2);
/// Reports are gathered for this long before they are written together.
const COALESCE: Duration = Duration::from_millis(4);
/// Reports in one frame.
const REPORTS_PER_FRAME: usize = 16;
const PING_EVERY: Duration = Duration::from_secs(20);
/// Pings without an answer after which the page counts as gone.
const MISSED_PINGS: u32 = 2;
/// A page that says nothing for this long is asleep.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// A page that takes nothing for this long is too slow; its outcomes are kept.
const SLOW_CONSUMER: Duration = Duration::from_secs(10);
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

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Speaks with a page until one side ends it.
pub(crate) async fn converse(upgraded: Upgraded, sessions: Arc<Sessions>, stop: watch::Receiver<bool>) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .max_write_buffer_size(WRITE_AHEAD_BYTES);
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let ending = match hello(&mut socket).await {
        Ok(resume) => match sessions.attach(resume) {
            Ok(attachment) => speak(&mut socket, attachment, stop).await,
            Err(error) => Some(ending(1011, format!("no new session: {error}"))),
        },
        Err(ending) => ending,
    };
    if let Some(Ending { code, reason }) = ending {
        tracing::info!(code, reason, "closing a page's connection");
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        // The page may be gone already, or not be reading any more; then there is nobody to tell.
        let _ = timeout(Duration::from_secs(1), socket.close(Some(frame))).await;
    }
}

/// The first message. `Err(None)`: the page left.
async fn hello(socket: &mut Socket) -> Result<Option<Resume>, Option<Ending>> {
    let deadline = Instant::now() + HELLO_WITHIN;
    loop {
        let Ok(message) = tokio::time::timeout_at(deadline, socket.next()).await else {
            return Err(Some(ending(1008, "no hello within two seconds")));
        };
        return match message.map(read) {
            None => Err(None),
            Some(Err(ending)) => Err(ending),
            Some(Ok(Heard::Command(Command::Hello { resume }))) => Ok(resume),
            Some(Ok(Heard::Command(_) | Heard::Damaged)) => Err(Some(ending(1008, "the first message must be hello"))),
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
    Damaged,
}

fn read(message: Result<Message, Error>) -> Result<Heard, Option<Ending>> {
    match message {
        Ok(Message::Binary(frame)) => match bridge::decode(&frame) {
            Ok(command) => Ok(Heard::Command(command)),
            Err(FrameError::Damaged) => Ok(Heard::Damaged),
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
        Err(Error::Protocol(error)) => Err(Some(ending(1002, error.to_string()))),
        Err(Error::Utf8(_)) => Err(Some(ending(1007, "not UTF-8"))),
        Err(_) => Err(None),
    }
}

/// Commands to the session, reports to the page. `None`: the page left by itself.
async fn speak(socket: &mut Socket, mut attachment: Attachment, mut stop: watch::Receiver<bool>) -> Option<Ending> {
    let live = Arc::clone(&attachment.live);
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.tick().await;
    let mut unanswered_pings = 0;
    let mut idle_at = Instant::now() + IDLE;
    loop {
        tokio::select! {
            message = socket.next() => {
                unanswered_pings = 0;
                match read(message?) {
                    Ok(Heard::Command(command)) => {
                        idle_at = Instant::now() + IDLE;
                        live.command(command);
                    }
                    Ok(Heard::Damaged) => {
                        let report = Report::BadRequest { field: "frame".into(), detail: "not one whole command".into() };
                        if let Err(ending) = write(socket, &[report]).await {
                            return ending;
                        }
                    }
                    Ok(Heard::Nothing) => {}
                    Err(ending) => return ending,
                }
            }
            () = live.news() => {
                tokio::time::sleep(COALESCE).await;
                loop {
                    let reports = live.take_reports(REPORTS_PER_FRAME);
                    if reports.is_empty() {
                        break;
                    }
                    if let Err(ending) = write(socket, &reports).await {
                        return ending;
                    }
                }
            }
            _ = pings.tick() => {
                if unanswered_pings == MISSED_PINGS {
                    return Some(ending(1001, "the page does not answer"));
                }
                unanswered_pings += 1;
                if let Err(ending) = send(socket, Message::Ping(Bytes::new())).await {
                    return ending;
                }
            }
            () = attachment.superseded() => return Some(ending(SUPERSEDED, "another page resumed this session")),
            () = sleep_until(idle_at) => return Some(ending(1001, "nothing was asked for half an hour")),
            () = told_to_stop(&mut stop) => {
                // The last outcomes first: sessions are settled by now.
                loop {
                    let reports = live.take_reports(REPORTS_PER_FRAME);
                    if reports.is_empty() {
                        return Some(ending(1001, "the bridge has stopped"));
                    }
                    if let Err(ending) = write(socket, &reports).await {
                        return ending;
                    }
                }
            }
        }
    }
}

/// Waits until the bridge has settled everything and stops.
async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever would tell is gone: then the bridge has stopped.
    let _ = stop.wait_for(|&stopping| stopping).await;
}

async fn write(socket: &mut Socket, reports: &[Report]) -> Result<(), Option<Ending>> {
    send(socket, Message::Binary(bridge::encode(&reports).into())).await
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), Option<Ending>> {
    match timeout(SLOW_CONSUMER, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(Some(ending(1013, "slow consumer"))),
    }
}
