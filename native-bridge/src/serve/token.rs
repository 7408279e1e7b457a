//! The token that proves that a page was opened by the person who started the bridge.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

/// Wrong tokens answered with 403 within [`WRONG_TOKEN_WINDOW`]; further ones get 429.
const WRONG_TOKENS: usize = 10;
const WRONG_TOKEN_WINDOW: Duration = Duration::from_secs(10);

/// 256 random bits, made anew for every process, in base64url.
pub(crate) struct Token(String);

impl Token {
    /// Draws a token.
    ///
    /// # Errors
    /// When the operating system has no entropy to give.
    pub(crate) fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// As it stands behind `#token=`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the same time wherever the first difference is.
    pub(crate) fn matches(&self, offered: &str) -> bool {
        self.0.as_bytes().ct_eq(offered.as_bytes()).into()
    }
}

impl std::fmt::Debug for Token {
    /// A token never reaches a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Counts wrong tokens. Only wrong ones are slowed down: on a loopback address every page shares one source, and a
/// hostile page must not lock the right one out.
#[derive(Debug, Default)]
pub(crate) struct WrongTokens(Mutex<VecDeque<Instant>>);

impl WrongTokens {
    /// Notes a wrong token. `true`: there were too many lately.
    pub(crate) fn note(&self, now: Instant) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.front().is_some_and(|&then| now.duration_since(then) >= WRONG_TOKEN_WINDOW) {
            recent.pop_front();
        }
        if recent.len() >= WRONG_TOKENS {
            return true;
        }
        recent.push_back(now);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_and_is_new_each_time() {
        let (one, other) = (Token::draw().expect("entropy"), Token::draw().expect("entropy"));
        assert_eq!(URL_SAFE_NO_PAD.decode(one.as_str()).expect("base64url").len(), 32);
        assert_ne!(one.as_str(), other.as_str());
    }

    #[test]
    fn only_the_whole_token_matches() {
        let token = Token::draw().expect("entropy");
        assert!(token.matches(token.as_str()));
        assert!(!token.matches(&token.as_str()[1..]));
        assert!(!token.matches(&format!("{}A", token.as_str())));
        assert!(!token.matches(""));
    }

    #[test]
    fn a_token_does_not_print_itself() {
        let token = Token::draw().expect("entropy");
        assert!(!format!("{token:?}").contains(token.as_str()));
    }

    #[test]
    fn the_eleventh_wrong_token_within_ten_seconds_is_too_many_and_time_heals() {
        let wrong = WrongTokens::default();
        let start = Instant::now();
        assert!((0..10).all(|_| !wrong.note(start)));
        assert!(wrong.note(start + Duration::from_secs(9)));
        assert!(!wrong.note(start + Duration::from_secs(10)));
    }
}
