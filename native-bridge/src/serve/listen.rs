//! Where the bridge listens: on loopback, unless a flag says otherwise.

use std::net::{IpAddr, SocketAddr};

/// The flag without which only loopback addresses are accepted.
const DANGEROUS_FLAG: &str = "--dangerously-listen-beyond-loopback";

/// Why an address to listen on is refused. Prints what is wrong and what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListenError {
    #[error("--listen {given}: not an address and a port. Write an address, not a name, for example 127.0.0.1:9094.")]
    NotAnAddress { given: String },
    #[error(
        "--listen {given}: everybody in your network could write to your Kafka through this address. \
         Use 127.0.0.1 or [::1]; or, if you know who is in that network, add {DANGEROUS_FLAG}."
    )]
    BeyondLoopback { given: String },
}

/// Reads `--listen`. Only numeric addresses are taken: what a name resolves to may change, and spellings such as `0`,
/// `0x0` or `127.1` mean different things to different programs.
///
/// # Errors
/// [`ListenError`].
pub(crate) fn listen_address(given: &str, beyond_loopback: bool) -> Result<SocketAddr, ListenError> {
    let address: SocketAddr = given.parse().map_err(|_| {
        // A wildcard without a port, or in an odd spelling, deserves the warning rather than a lesson in syntax.
        let host = given.rsplit_once(':').map_or(given, |(host, _)| host);
        let wildcard = |host: &str| matches!(host, "0" | "0x0" | "*" | ":" | "::" | "[::]" | "0.0.0.0");
        if wildcard(host) || wildcard(given) {
            ListenError::BeyondLoopback { given: given.to_owned() }
        } else {
            ListenError::NotAnAddress { given: given.to_owned() }
        }
    })?;
    let loopback = match address.ip() {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
    };
    if loopback || beyond_loopback { Ok(address) } else { Err(ListenError::BeyondLoopback { given: given.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_taken_in_both_families() {
        for given in ["127.0.0.1:0", "127.0.0.1:9094", "[::1]:9094", "127.8.9.1:1"] {
            assert!(listen_address(given, false).is_ok(), "{given}");
        }
    }

    /// Bad input row 19.
    #[test]
    fn wildcards_in_every_spelling_are_refused_with_the_flag_named() {
        for given in [
            "0.0.0.0:9094",
            "0.0.0.0",
            "[::]:9094",
            "::",
            "0:9094",
            "0",
            "0x0:9094",
            "0x0",
            "[::ffff:0.0.0.0]:9094",
            "192.168.1.5:9094",
        ] {
            let error = listen_address(given, false).expect_err(given);
            assert_eq!(error, ListenError::BeyondLoopback { given: given.to_owned() });
            assert!(error.to_string().contains(DANGEROUS_FLAG));
        }
    }

    #[test]
    fn names_are_not_resolved() {
        for given in ["localhost:9094", "example.org:80", "127.1:80", "9094", ""] {
            let error = listen_address(given, true).expect_err(given);
            assert_eq!(error, ListenError::NotAnAddress { given: given.to_owned() });
        }
    }

    #[test]
    fn whoever_says_so_may_listen_anywhere() {
        assert!(listen_address("0.0.0.0:9094", true).is_ok());
    }
}
