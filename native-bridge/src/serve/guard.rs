//! Who may talk to the bridge: checks on a request's head, before anything is done for it.
//!
//! A page of another site can make a browser send requests here, and a rebinding name can make them look local. So the
//! Host must be one of ours to the letter, the Origin one of a list, and a WebSocket needs the token as well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper::header::{
    AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderName, ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, StatusCode, Uri};
use producer_core::bridge::SUB_PROTOCOL;

use super::token::{Token, WrongTokens};

/// What precedes the token among the sub-protocols.
const AUTH_PREFIX: &str = "kp.auth.";

/// Why a request is refused: the status, and a sentence for the person who looks into the browser's console.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) status: StatusCode,
    pub(crate) reason: &'static str,
}

const fn denial(status: StatusCode, reason: &'static str) -> Denial {
    Denial { status, reason }
}

/// What the checks compare with.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Vec<String>,
    origins: Vec<String>,
    token: Token,
    wrong_tokens: WrongTokens,
}

/// A WebSocket that may be opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    /// `Sec-WebSocket-Key`.
    pub(crate) key: String,
    /// The page's origin; `None`: not a browser.
    pub(crate) origin: Option<Arc<str>>,
}

impl Guard {
    /// A guard for a bridge that listens at `address` and also serves pages from `allowed_origins`.
    pub(crate) fn new(address: SocketAddr, allowed_origins: &[String], token: Token) -> Self {
        let port = address.port();
        let mut hosts = vec![format!("127.0.0.1:{port}"), format!("[::1]:{port}"), format!("localhost:{port}")];
        let own = address.to_string();
        if !hosts.contains(&own) {
            hosts.push(own);
        }
        let own = hosts.iter().map(|host| format!("http://{host}"));
        let origins = own.chain(allowed_origins.iter().cloned()).collect();
        Self { hosts, origins, token, wrong_tokens: WrongTokens::default() }
    }

    /// The token, for the line that is printed.
    pub(crate) fn token(&self) -> &Token {
        &self.token
    }

    /// Checks that hold for every request.
    pub(crate) fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Denial> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().unwrap_or_default(),
            _ => return Err(denial(StatusCode::BAD_REQUEST, "a request names its Host once")),
        };
        if uri.authority().is_some_and(|authority| authority.as_str() != host) {
            return Err(denial(StatusCode::BAD_REQUEST, "the request line names another host than the Host header"));
        }
        if !self.hosts.iter().any(|own| own == host) {
            return Err(denial(StatusCode::FORBIDDEN, "this Host is not served here; open the printed address"));
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => {}
            (Some(origin), None) if self.allows_origin(origin.to_str().unwrap_or_default()) => {}
            _ => {
                let reason = "this Origin may not talk to the bridge; start it with --allow-origin ORIGIN to allow it";
                return Err(denial(StatusCode::FORBIDDEN, reason));
            }
        }
        if is_embedded_by_another_site(headers) {
            return Err(denial(StatusCode::FORBIDDEN, "another site may not load this"));
        }
        Ok(())
    }

    /// Checks of a WebSocket's handshake, after [`admit`](Self::admit).
    pub(crate) fn admit_socket(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        now: Instant,
    ) -> Result<Admission, Denial> {
        if uri.query().is_some_and(|query| query.contains("token")) {
            let reason =
                "the token belongs behind the # of the page's address, never in a query: queries end up in logs";
            return Err(denial(StatusCode::FORBIDDEN, reason));
        }
        let upgrade = contains_word(headers, CONNECTION, "upgrade") && contains_word(headers, UPGRADE, "websocket");
        if method != Method::GET || !upgrade {
            return Err(denial(StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket"));
        }
        if single(headers, SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(denial(StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 is spoken here"));
        }
        let key = single(headers, SEC_WEBSOCKET_KEY).filter(|key| is_16_bytes(key));
        let Some(key) = key else {
            return Err(denial(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is not 16 bytes in base64"));
        };
        let protocols: Vec<&str> = words(headers, SEC_WEBSOCKET_PROTOCOL).collect();
        if !protocols.contains(&SUB_PROTOCOL) {
            let reason =
                "this bridge speaks kp.v1; page and bridge are of different versions, or this is no playground";
            return Err(denial(StatusCode::BAD_REQUEST, reason));
        }
        let offered = protocols.iter().find_map(|protocol| protocol.strip_prefix(AUTH_PREFIX)).unwrap_or_default();
        self.admit_token(offered, now)?;
        let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).map(Arc::from);
        Ok(Admission { key: key.to_owned(), origin })
    }

    /// Checks of a question whether the token in `Authorization` opens a WebSocket, after [`admit`](Self::admit).
    pub(crate) fn admit_question(&self, headers: &HeaderMap, now: Instant) -> Result<(), Denial> {
        let offered = single(headers, AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        self.admit_token(offered.unwrap_or_default(), now)
    }

    fn admit_token(&self, offered: &str, now: Instant) -> Result<(), Denial> {
        if self.token.matches(offered) {
            return Ok(());
        }
        Err(if self.wrong_tokens.note(now) {
            denial(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens; wait ten seconds")
        } else {
            denial(StatusCode::FORBIDDEN, "the token is wrong or missing; open the line that the bridge printed")
        })
    }

    fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == origin)
    }
}

/// Does a page of another site load this as a script, image or the like? A person who follows a link is welcome.
fn is_embedded_by_another_site(headers: &HeaderMap) -> bool {
    let value = |name: &'static str| single(headers, HeaderName::from_static(name));
    let navigates = value("sec-fetch-mode") == Some("navigate") && value("sec-fetch-dest") == Some("document");
    // "same-site" is another port of this machine.
    matches!(value("sec-fetch-site"), Some("cross-site" | "same-site")) && !navigates && headers.get(ORIGIN).is_none()
}

fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn words(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}

fn contains_word(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    words(headers, name).any(|found| found.eq_ignore_ascii_case(word))
}

fn is_16_bytes(key: &str) -> bool {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let allowed = ["http://127.0.0.1:8080".to_owned()];
        Guard::new("127.0.0.1:9094".parse().expect("an address"), &allowed, Token::draw().expect("entropy"))
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::try_from(*name).expect("a name"), value.parse().expect("a value"));
        }
        map
    }

    fn status_for(pairs: &[(&str, &str)]) -> Result<(), u16> {
        guard().admit(&Uri::from_static("/"), &headers(pairs)).map_err(|denial| denial.status.as_u16())
    }

    fn status_for_origin(origin: &str) -> Result<(), u16> {
        status_for(&[("host", "127.0.0.1:9094"), ("origin", origin)])
    }

    #[test]
    fn our_three_names_are_served_with_and_without_our_origin() {
        for host in ["127.0.0.1:9094", "[::1]:9094", "localhost:9094"] {
            assert_eq!(status_for(&[("host", host)]), Ok(()));
            assert_eq!(status_for(&[("host", host), ("origin", &format!("http://{host}"))]), Ok(()));
        }
        assert_eq!(status_for_origin("http://127.0.0.1:8080"), Ok(()), "allowed on the command line");
    }

    #[test]
    fn the_address_that_was_chosen_is_served_beside_the_three() {
        for chosen in ["192.168.1.5:9094", "127.8.9.1:9094", "[2001:db8::5]:9094"] {
            let guard = Guard::new(chosen.parse().expect("an address"), &[], Token::draw().expect("entropy"));
            let head = headers(&[("host", chosen), ("origin", &format!("http://{chosen}"))]);
            assert_eq!(guard.admit(&Uri::from_static("/"), &head), Ok(()), "{chosen}");
        }
    }

    #[test]
    fn rows_1_to_6_foreign_origins_are_refused_whatever_they_look_like() {
        for origin in [
            "https://evil.example",
            "null",
            "http://127.0.0.1:9095",
            "http://192.168.1.5:9094",
            "http://localhost.evil.com:9094",
            "http://evil-localhost:9094",
            "http://127.0.0.1.nip.io:9094",
            "HTTP://LOCALHOST:9094/",
            "https://localhost:9094",
            "http://localhost:9094/",
            "http://localhost:90941",
            "http://127.0.0.1:80801",
            "http://127.0.0.1:9094.evil.test",
            "",
        ] {
            assert_eq!(status_for_origin(origin), Err(403), "{origin}");
        }
    }

    #[test]
    fn rows_7_to_9_other_hosts_are_refused() {
        for host in [
            "evil.test:9094",
            "0.0.0.0:9094",
            "127.1:9094",
            "0x7f.1:9094",
            "127.0.0.1",
            "localhost:80",
            "localhost:90941",
            "127.0.0.1:9094.evil.test",
            "127.0.0.1:9094@evil.test",
            "[::1]:9094:1",
            "evil-localhost:9094",
        ] {
            assert_eq!(status_for(&[("host", host)]), Err(403), "{host}");
        }
        assert_eq!(status_for(&[]), Err(400));
        assert_eq!(status_for(&[("host", "127.0.0.1:9094"), ("host", "127.0.0.1:9094")]), Err(400));
    }

    #[test]
    fn an_absolute_request_line_must_name_the_same_host() {
        let head = headers(&[("host", "127.0.0.1:9094")]);
        let denied = guard().admit(&Uri::from_static("http://evil.test:9094/"), &head).expect_err("another host");
        assert_eq!(denied.status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn row_15_what_another_site_embeds_is_refused_and_a_link_from_it_works() {
        let fetched = |site, mode, dest| {
            status_for(&[
                ("host", "127.0.0.1:9094"),
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ])
        };
        for site in ["cross-site", "same-site"] {
            assert_eq!(fetched(site, "no-cors", "script"), Err(403));
            assert_eq!(fetched(site, "navigate", "iframe"), Err(403));
            assert_eq!(fetched(site, "navigate", "document"), Ok(()));
        }
        assert_eq!(fetched("same-origin", "no-cors", "script"), Ok(()));
        assert_eq!(fetched("none", "navigate", "document"), Ok(()), "typed into the address bar");
    }

    fn handshake(guard: &Guard, change: &[(&str, &str)]) -> Result<Admission, u16> {
        let protocols = format!("kp.v1, kp.auth.{}", guard.token().as_str());
        let mut pairs = vec![
            ("host", "127.0.0.1:9094"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", &protocols),
        ];
        for change in change {
            pairs.retain(|pair| pair.0 != change.0);
            pairs.push(*change);
        }
        let admitted = guard.admit_socket(&Method::GET, &Uri::from_static("/socket"), &headers(&pairs), Instant::now());
        admitted.map_err(|denial| denial.status.as_u16())
    }

    #[test]
    fn the_right_token_opens_with_and_without_an_origin() {
        let guard = guard();
        assert_eq!(handshake(&guard, &[]).map(|admission| admission.origin), Ok(None));
        let with_origin = handshake(&guard, &[("origin", "http://localhost:9094")]);
        assert_eq!(with_origin.map(|admission| admission.origin), Ok(Some("http://localhost:9094".into())));
    }

    #[test]
    fn row_10_wrong_tokens_are_refused_and_slowed_down_without_locking_the_right_one_out() {
        let guard = guard();
        for n in 0..12 {
            let expected = if n < 10 { 403 } else { 429 };
            assert_eq!(handshake(&guard, &[("sec-websocket-protocol", "kp.v1, kp.auth.wrong")]), Err(expected));
        }
        assert!(handshake(&guard, &[]).is_ok());
    }

    #[test]
    fn row_10_no_token_and_a_megabyte_of_token_are_refused() {
        let guard = guard();
        let huge = format!("kp.v1, kp.auth.{}", "A".repeat(1 << 20));
        for protocols in ["kp.v1", "kp.v1, kp.auth.", &huge] {
            assert_eq!(handshake(&guard, &[("sec-websocket-protocol", protocols)]), Err(403));
        }
    }

    #[test]
    fn a_question_with_the_right_token_is_answered_and_row_10_holds_for_it_too() {
        let guard = guard();
        let ask = |value: &str| {
            let answer = guard.admit_question(&headers(&[("authorization", value)]), Instant::now());
            answer.map_err(|denial| denial.status.as_u16())
        };
        let (right, wrong) = (format!("Bearer {}", guard.token().as_str()), "Bearer AAAA");
        assert_eq!(ask(&right), Ok(()));
        assert_eq!(ask(guard.token().as_str()), Err(403), "a scheme belongs before it");
        for n in 1..12 {
            assert_eq!(ask(wrong), Err(if n < 10 { 403 } else { 429 }));
        }
        assert_eq!(
            handshake(&guard, &[("sec-websocket-protocol", "kp.v1, kp.auth.wrong")]),
            Err(429),
            "counted together"
        );
        assert_eq!(ask(&right), Ok(()));
    }

    #[test]
    fn row_11_a_token_in_the_query_is_refused_even_if_it_is_right() {
        let guard = guard();
        let uri: Uri = format!("/socket?token={}", guard.token().as_str()).parse().expect("a URI");
        let denied = guard.admit_socket(&Method::GET, &uri, &HeaderMap::new(), Instant::now()).expect_err("refused");
        assert_eq!(denied.status, StatusCode::FORBIDDEN);
        assert!(denied.reason.contains('#'), "names the right place");
    }

    #[test]
    fn row_12_a_missing_or_unknown_sub_protocol_is_refused() {
        let guard = guard();
        let of_the_future = format!("kp.v2, kp.auth.{}", guard.token().as_str());
        for protocols in ["", "chat", &of_the_future] {
            assert_eq!(handshake(&guard, &[("sec-websocket-protocol", protocols)]), Err(400));
        }
    }

    #[test]
    fn row_13_other_versions_and_keys_are_refused() {
        let guard = guard();
        assert_eq!(handshake(&guard, &[("sec-websocket-version", "8")]), Err(426));
        for key in ["", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "not base64 at all!!!!!!!"] {
            assert_eq!(handshake(&guard, &[("sec-websocket-key", key)]), Err(400), "{key}");
        }
    }
}
