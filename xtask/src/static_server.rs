//! A small HTTP server for a folder of files on a loopback port, which remembers what was asked for: enough for tests
//! and measurements of a page that needs no bridge.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Component, Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Result;

/// A request that the server has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path without its query, as in `/init.js`.
    pub path: String,
    /// The file behind it, or `None` when there was none (answered 404).
    pub file: Option<PathBuf>,
}

/// Serves until our process ends; dropping it stops new connections from being accepted.
#[derive(Debug)]
pub struct StaticServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    requests: Mutex<Vec<Request>>,
    stopped: AtomicBool,
}

impl StaticServer {
    /// Starts to serve `folder` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(folder: &Path) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Shared { folder: folder.to_path_buf(), requests: Mutex::default(), stopped: false.into() });
        let acceptor = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if acceptor.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&acceptor);
                // A browser that goes away in the middle is no error of ours.
                std::thread::spawn(move || shared.answer_all(&stream).ok());
            }
        });
        Ok(Self { address, shared })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end: the page's origin.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything asked for so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for StaticServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // One connection more wakes the thread that accepts them.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// Answers the requests of one connection, one after the other.
    fn answer_all(&self, stream: &TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        let mut writer = stream;
        loop {
            let mut head = Vec::new();
            // A browser's whole head is some 700 bytes.
            let mut limited = (&mut reader).take(64 * 1024);
            while !head.ends_with(b"\r\n\r\n") {
                if limited.read_until(b'\n', &mut head)? == 0 {
                    return Ok(());
                }
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let target = head.split_whitespace().nth(1).unwrap_or("/");
            let path = target.split(['?', '#']).next().unwrap_or("/");
            let file = self.file(path);
            let (status, kind, body) = match &file {
                Some(file) => ("200 OK", content_type(file), fs::read(file)?),
                None => ("404 Not Found", "text/plain", b"not here\n".to_vec()),
            };
            let request = Request { path: path.to_owned(), file };
            self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            let length = body.len();
            write!(
                writer,
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\r\n"
            )?;
            writer.write_all(&body)?;
        }
    }

    /// The file behind a path, never one outside the folder.
    fn file(&self, path: &str) -> Option<PathBuf> {
        let relative = Path::new(path.trim_start_matches('/'));
        if relative.components().any(|part| !matches!(part, Component::Normal(_))) {
            return None;
        }
        let file = self.folder.join(relative);
        let file = if file.is_dir() { file.join("index.html") } else { file };
        file.is_file().then_some(file)
    }
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Scratch;

    fn get(server: &StaticServer, path: &str) -> String {
        let mut stream = TcpStream::connect(server.address).expect("connects");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("writes");
        stream.shutdown(std::net::Shutdown::Write).expect("half closed");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("reads");
        answer
    }

    #[test]
    fn files_are_served_with_their_type_and_every_request_is_remembered() {
        let scratch = Scratch::new("server").expect("scratch");
        let folder = scratch.path().join("page");
        fs::create_dir(&folder).expect("folder");
        fs::write(folder.join("index.html"), "<p>hello").expect("file");
        fs::write(scratch.path().join("secret"), "not for you").expect("file");
        let server = StaticServer::start(&folder).expect("starts");

        let answer = get(&server, "/?demo=1");
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("text/html"), "{answer}");
        assert!(answer.ends_with("<p>hello"), "{answer}");
        assert!(get(&server, "/../secret").starts_with("HTTP/1.1 404 "));

        let expected = [
            Request { path: "/".into(), file: Some(folder.join("index.html")) },
            Request { path: "/../secret".into(), file: None },
        ];
        assert_eq!(server.requests(), expected);
    }
}
