//! The line that the bridge prints, read back: where it is, and the token to enter with.

/// Where a bridge is and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BridgeAddress {
    /// `127.0.0.1:PORT`, `localhost:PORT` or `[::1]:PORT`.
    pub(crate) host: String,
    /// 256 bits in base64url.
    pub(crate) token: String,
}

/// What the line looks like, in every language.
pub(crate) const PRINTED_LINE: &str = "playground: http://127.0.0.1:…/#token=…";

/// Why a text names no bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// Nothing was pasted.
    Empty,
    /// No `http://host:port` in it.
    NoAddress,
    /// Not an address of this machine: the bridge only listens there.
    NotLoopback,
    /// No `#token=…` in it.
    NoToken,
}

/// Characters of a token: 32 bytes in base64url without padding.
const TOKEN_LENGTH: usize = 43;

impl BridgeAddress {
    /// Reads `playground: http://127.0.0.1:PORT/#token=…`, or the address alone.
    ///
    /// # Errors
    /// What is missing or not allowed.
    pub(crate) fn parse(line: &str) -> Result<Self, AddressError> {
        let line = line.trim();
        if line.is_empty() {
            return Err(AddressError::Empty);
        }
        let address = line.strip_prefix("playground:").unwrap_or(line).trim();
        let rest = address.strip_prefix("http://").ok_or(AddressError::NoAddress)?;
        let (host, fragment) = match rest.split_once('#') {
            Some((host, fragment)) => (host, Some(fragment)),
            None => (rest, None),
        };
        let host = host.trim_end_matches('/');
        let (name, port) = host.rsplit_once(':').ok_or(AddressError::NoAddress)?;
        if port.parse::<u16>().ok().is_none_or(|port| port == 0) {
            return Err(AddressError::NoAddress);
        }
        if !matches!(name, "127.0.0.1" | "localhost" | "[::1]") {
            return Err(AddressError::NotLoopback);
        }
        let token = fragment.and_then(token_of).ok_or(AddressError::NoToken)?;
        Ok(Self { host: host.to_owned(), token })
    }

    /// The address that the bridge printed. Whoever has it is let in.
    pub(crate) fn line(&self) -> String {
        format!("http://{}/#token={}", self.host, self.token)
    }
}

/// The token in a page's fragment, without the `#`.
pub(crate) fn token_of(fragment: &str) -> Option<String> {
    let token = fragment.split('&').find_map(|part| part.strip_prefix("token="))?;
    let is_base64url = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    (token.len() == TOKEN_LENGTH && token.bytes().all(is_base64url)).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_0";

    #[test]
    fn the_printed_line_and_the_bare_address_are_read() {
        let expected = BridgeAddress { host: "127.0.0.1:9094".to_owned(), token: TOKEN.to_owned() };
        for line in [
            format!("playground: http://127.0.0.1:9094/#token={TOKEN}"),
            format!("  http://127.0.0.1:9094/#token={TOKEN}\n"),
            format!("http://127.0.0.1:9094#token={TOKEN}"),
        ] {
            assert_eq!(BridgeAddress::parse(&line), Ok(expected.clone()), "{line}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (line, error) in [
            ("", AddressError::Empty),
            ("   ", AddressError::Empty),
            ("hello", AddressError::NoAddress),
            ("https://127.0.0.1:1/#token=x", AddressError::NoAddress),
            ("http://127.0.0.1/#token=x", AddressError::NoAddress),
            ("http://127.0.0.1:0/#token=x", AddressError::NoAddress),
            ("http://127.0.0.1:9094/", AddressError::NoToken),
            ("http://127.0.0.1:9094/#token=short", AddressError::NoToken),
        ] {
            assert_eq!(BridgeAddress::parse(line), Err(error), "{line}");
        }
    }

    #[test]
    fn only_this_machine_is_ever_connected_to() {
        for host in ["evil.example:80", "127.0.0.1.evil.example:80", "192.168.1.5:80", "user@127.0.0.1.x:80"] {
            let line = format!("http://{host}/#token={TOKEN}");
            assert_eq!(BridgeAddress::parse(&line), Err(AddressError::NotLoopback), "{host}");
        }
    }
}
