//! A bridge behind a WebSocket.
//!
//! Only moves frames and says what became of the connection; who is resumed and what is repeated is decided in
//! [`Store`](crate::store::Store).

use gloo::events::EventListener;
use producer_core::bridge::{self, Command, FrameError, Report, SUB_PROTOCOL};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BinaryType, CloseEvent, Headers, MessageEvent, RequestInit, Response, WebSocket};

use crate::address::BridgeAddress;

/// What happens on a connection.
#[derive(Debug)]
pub(crate) enum Event {
    /// It stands: say hello.
    Opened,
    /// Reports arrived.
    Reports(Vec<Report>),
    /// A frame that is none of ours.
    Unreadable(FrameError),
    /// It is over.
    Closed(Closed),
}

/// How a connection ended.
#[derive(Debug)]
pub(crate) struct Closed {
    /// 1006: without a word.
    pub(crate) code: u16,
    /// The bridge's sentence, if it said one.
    pub(crate) reason: String,
}

/// One connection. Dropping it closes it.
pub(crate) struct Connection {
    socket: WebSocket,
    _listeners: [EventListener; 3],
}

impl Connection {
    /// Opens a WebSocket; `on_event` hears of everything that happens on it.
    ///
    /// # Errors
    /// The browser does not even try (a policy forbids the address).
    pub(crate) fn open(address: &BridgeAddress, on_event: impl Fn(Event) + Clone + 'static) -> Result<Self, JsValue> {
        let protocols = js_sys::Array::of2(&SUB_PROTOCOL.into(), &format!("kp.auth.{}", address.token).into());
        let socket = WebSocket::new_with_str_sequence(&format!("ws://{}/socket", address.host), &protocols)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let opened = on_event.clone();
        let arrived = on_event.clone();
        let listeners = [
            EventListener::new(&socket, "open", move |_| opened(Event::Opened)),
            EventListener::new(&socket, "message", move |event| {
                let Some(message) = event.dyn_ref::<MessageEvent>() else { return };
                let frame = js_sys::Uint8Array::new(&message.data()).to_vec();
                arrived(match bridge::decode::<Vec<Report>>(&frame) {
                    Ok(reports) => Event::Reports(reports),
                    Err(error) => Event::Unreadable(error),
                });
            }),
            EventListener::new(&socket, "close", move |event| {
                if let Some(close) = event.dyn_ref::<CloseEvent>() {
                    on_event(Event::Closed(Closed { code: close.code(), reason: close.reason() }));
                }
            }),
        ];
        Ok(Self { socket, _listeners: listeners })
    }

    /// Sends a command. One that does not reach the bridge is repeated when the session is resumed, or is unknown.
    pub(crate) fn command(&self, command: &Command) {
        // Fails only on a connection that is closing, and then `Closed` says so.
        let _ = self.socket.send_with_u8_array(&bridge::encode(command));
    }
}

/// Does a bridge answer here that it does not know this token? A WebSocket that is not opened does not say why.
///
/// `false` as well where nothing answers, or another program does.
pub(crate) async fn is_refused(address: &BridgeAddress) -> bool {
    matches!(ask_for_admission(address).await, Ok(403 | 429))
}

/// The status of the bridge's answer.
async fn ask_for_admission(address: &BridgeAddress) -> Result<u16, JsValue> {
    let headers = Headers::new()?;
    headers.set("authorization", &format!("Bearer {}", address.token))?;
    let question = RequestInit::new();
    question.set_headers(&headers);
    let window = web_sys::window().ok_or("no window to ask from")?;
    let answer = window.fetch_with_str_and_init(&format!("http://{}/admission", address.host), &question);
    Ok(JsFuture::from(answer).await?.dyn_into::<Response>()?.status())
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.socket.close();
    }
}
