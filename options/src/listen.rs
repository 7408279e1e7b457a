//! Where the bridge listens: on loopback, unless a flag says otherwise.

use std::net::SocketAddr;

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
    #[error(
        "--listen {given}: this means every address of this machine, and the bridge answers only to one that it can \
         check. Write the address under which the others reach this machine, for example 192.168.1.5:9094."
    )]
    Wildcard { given: String },
}

/// Reads `--listen`. Only numeric addresses are taken: what a name resolves to may change, and spellings such as `0`,
/// `0x0` or `127.1` mean different things to different programs.
///
/// # Errors
/// [`ListenError`].
pub(crate) fn listen_address(given: &str, beyond_loopback: bool) -> Result<SocketAddr, ListenError> {
    let address: Option<SocketAddr> = given.parse().ok();
    let is_wildcard = match address {
        Some(address) => address.ip().to_canonical().is_unspecified(),
        // Without a port, or in an odd spelling: it deserves the warning rather than a lesson in syntax.
        None => {
            let host = given.rsplit_once(':').map_or(given, |(host, _)| host);
            [host, given].iter().any(|host| matches!(*host, "0" | "0x0" | "*" | ":" | "::" | "[::]" | "0.0.0.0"))
        }
    };
    match address {
        _ if is_wildcard && beyond_loopback => Err(ListenError::Wildcard { given: given.to_owned() }),
        _ if is_wildcard => Err(ListenError::BeyondLoopback { given: given.to_owned() }),
        None => Err(ListenError::NotAnAddress { given: given.to_owned() }),
        Some(address) if beyond_loopback || address.ip().to_canonical().is_loopback() => Ok(address),
        Some(_) => Err(ListenError::BeyondLoopback { given: given.to_owned() }),
    }
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
    fn whoever_says_so_may_listen_at_an_address_that_others_can_reach() {
        for given in ["192.168.1.5:9094", "[2001:db8::5]:9094", "127.0.0.1:9094"] {
            assert!(listen_address(given, true).is_ok(), "{given}");
        }
    }

    #[test]
    fn all_addresses_at_once_are_refused_even_then_and_one_is_asked_for() {
        for given in ["0.0.0.0:9094", "0.0.0.0", "[::]:9094", "::", "0:9094", "0x0", "[::ffff:0.0.0.0]:9094"] {
            let error = listen_address(given, true).expect_err(given);
            assert_eq!(error, ListenError::Wildcard { given: given.to_owned() });
            assert!(error.to_string().contains("192.168.1.5:9094"));
        }
    }
}
