//! The HTTP side: accepts connections, serves the page, and hands WebSockets over.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONNECTION,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY, RETRY_AFTER,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use producer_core::bridge::SUB_PROTOCOL;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::guard::{Denial, Guard};
use super::page::Page;
use super::sessions::Sessions;
use super::socket;

/// A request's head must have arrived within this time.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
const HEAD_BYTES: usize = 16 * 1024;
const HEAD_LINES: usize = 100;
/// TCP connections at the same time; a browser opens up to six per page.
const CONNECTIONS: usize = 64;
/// WebSockets at the same time, in all and per origin.
const SOCKETS: usize = 8;
const SOCKETS_PER_ORIGIN: usize = 4;

/// How long a stopping bridge waits for its pages to take their last outcomes.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// Where the page's WebSocket connects.
const SOCKET_PATH: &str = "/socket";

/// Where a page asks whether its token still opens a WebSocket: a browser tells a page that one was not opened, never why.
const ADMISSION_PATH: &str = "/admission";

/// What requests are answered from.
pub(crate) struct Site {
    pub(crate) guard: Guard,
    pub(crate) page: Page,
    /// The page's Content-Security-Policy.
    pub(crate) policy: HeaderValue,
    pub(crate) sessions: Arc<Sessions>,
    /// Turns true when the bridge stops and every session is settled.
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) sockets: Sockets,
}

type Answer = Response<Full<Bytes>>;

/// Accepts connections until dropped.
pub(crate) async fn accept(listener: TcpListener, site: Arc<Site>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, or a peer that left in the queue: both pass.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!("too many connections; one is turned away");
            continue;
        };
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            serve_connection(stream, site).await;
            drop(place);
        });
    }
}

async fn serve_connection(stream: TcpStream, site: Arc<Site>) {
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(answer(&site, request)) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_BYTES).max_headers(HEAD_LINES);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).with_upgrades().await {
        // A browser keeps connections in store; that one was never used is nobody's fault.
        if error.is_timeout() {
            return tracing::debug!("closed a connection that asked for nothing in time");
        }
        // Kafka or TLS spoken to this port end here, too.
        tracing::info!(%error, "a connection ended that did not keep to HTTP");
    }
}

fn answer(site: &Arc<Site>, request: Request<Incoming>) -> Answer {
    let answer = match site.guard.admit(request.uri(), request.headers()) {
        Err(denial) => refuse(&denial),
        Ok(()) if request.uri().path() == SOCKET_PATH => open_socket(site, request),
        Ok(()) if request.uri().path() == ADMISSION_PATH => tell_admission(site, &request),
        Ok(()) => serve_file(site, &request),
    };
    secured(answer, &site.policy)
}

fn serve_file(site: &Site, request: &Request<Incoming>) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match site.page.get(request.uri().path()) {
        None => text(StatusCode::NOT_FOUND, "no such file"),
        Some(file) => {
            let mut answer = Response::new(Full::new(file.content.clone()));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(file.media_type));
            answer
        }
    }
}

/// 204: this token opens a WebSocket. A page from an address that the command line allows may read the answer as well.
fn tell_admission(site: &Site, request: &Request<Incoming>) -> Answer {
    let mut answer = match *request.method() {
        Method::GET => match site.guard.admit_question(request.headers(), Instant::now()) {
            Ok(()) => no_content(),
            Err(denial) => refuse(&denial),
        },
        Method::OPTIONS => {
            let mut answer = no_content();
            answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization"));
            answer
        }
        _ => {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, OPTIONS"));
            answer
        }
    };
    if let Some(origin) = request.headers().get(ORIGIN) {
        answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    answer
}

fn no_content() -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

fn open_socket(site: &Arc<Site>, mut request: Request<Incoming>) -> Answer {
    let admitted = site.guard.admit_socket(request.method(), request.uri(), request.headers(), Instant::now());
    let admission = match admitted {
        Ok(admission) => admission,
        Err(denial) => return refuse(&denial),
    };
    let Some(place) = site.sockets.take(admission.origin) else {
        let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, "too many pages are connected; close one");
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
        return answer;
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let (sessions, stop) = (Arc::clone(&site.sessions), site.stop.clone());
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => socket::converse(TokioIo::new(upgraded), sessions, stop).await,
            Err(error) => tracing::info!(%error, "a handshake was not finished"),
        }
        drop(place);
    });
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUB_PROTOCOL));
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(admission.key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer
}

fn refuse(denial: &Denial) -> Answer {
    tracing::info!(status = denial.status.as_u16(), reason = denial.reason, "refused a request");
    let mut answer = text(denial.status, denial.reason);
    if denial.status == StatusCode::UPGRADE_REQUIRED {
        answer.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    if denial.status == StatusCode::TOO_MANY_REQUESTS {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
    }
    answer
}

fn text(status: StatusCode, sentence: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(sentence.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

fn secured(mut answer: Answer, policy: &HeaderValue) -> Answer {
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy.clone());
    for (name, value) in [
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // Another start may serve another build from the same address.
        (CACHE_CONTROL, "no-cache"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Counts the WebSockets that are open.
#[derive(Debug, Default)]
pub(crate) struct Sockets(Arc<Mutex<BTreeMap<Option<Arc<str>>, usize>>>);

/// A place that one WebSocket takes.
#[derive(Debug)]
pub(crate) struct Place {
    open: Arc<Mutex<BTreeMap<Option<Arc<str>>, usize>>>,
    origin: Option<Arc<str>>,
}

impl Sockets {
    /// A place for another one from this origin, if there is one.
    pub(crate) fn take(&self, origin: Option<Arc<str>>) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let of_origin = open.entry(origin.clone()).or_default();
        // Programs that are no browsers share no origin, only the limit for all.
        if all >= SOCKETS || (origin.is_some() && *of_origin >= SOCKETS_PER_ORIGIN) {
            return None;
        }
        *of_origin += 1;
        Some(Place { open: Arc::clone(&self.0), origin })
    }

    /// Waits until none is open, but not for pages that do not take their leave.
    pub(crate) async fn all_closed(&self) {
        let patience = Instant::now() + LEAVE_WITHIN;
        while Instant::now() < patience && !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_sockets_in_all_and_four_per_origin_and_places_come_back() {
        let sockets = Sockets::default();
        let one = || sockets.take(Some("http://one".into()));
        let from_one: Vec<_> = (0..4).map(|_| one().expect("a place")).collect();
        assert!(one().is_none(), "the fifth of one origin");
        let others: Vec<_> = (0..4).map(|_| sockets.take(None).expect("a place")).collect();
        assert!(sockets.take(None).is_none(), "the ninth");
        drop(others);
        assert!(sockets.take(None).is_some());
        drop(from_one);
        assert!(one().is_some());
    }
}
