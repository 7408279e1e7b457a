//! `bootstrap.servers`: where to look for the cluster first.

use std::collections::BTreeMap;
use std::sync::Arc;

use core::fmt;
use core::str::FromStr;

use super::{ConfigError, refused};
use crate::ids::BrokerAddress;

const KEY: &str = "bootstrap.servers";

/// The addresses of `bootstrap.servers`, in the order written, each once.
///
/// Read as the Java client does (`ClientUtils.parseAndValidateAddresses`): a list split at commas, blanks around an
/// element ignored; `host:port`, `[v6]:port`, a bare `v6:port` or any of these behind a `SCHEME://`, which says
/// nothing. Port 0 passes here and fails when connecting.
///
/// ```
/// use producer_core::config::{BootstrapError, BootstrapServers};
///
/// let servers: BootstrapServers = "kafka-1:9092, [::1]:9093".parse()?;
/// assert_eq!(servers.to_string(), "kafka-1:9092,[::1]:9093");
/// # Ok::<(), BootstrapError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapServers {
    addresses: Vec<BrokerAddress>,
    /// Their elements as written.
    urls: Vec<Arc<str>>,
}

impl BootstrapServers {
    /// The addresses, at least one.
    pub fn addresses(&self) -> &[BrokerAddress] {
        &self.addresses
    }

    /// The element that an address was written as.
    pub fn urls(&self) -> &[Arc<str>] {
        &self.urls
    }
}

/// Why a `bootstrap.servers` is of no use (`ConfigException`). Prints the Java client's sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootstrapError {
    /// Nobody has said where to connect: the settings do not, and nothing else was asked.
    Missing,
    /// The list is empty.
    Empty,
    /// Two commas with nothing between them, or one at an end.
    EmptyElement,
    /// Not of the shape `host:port`.
    InvalidUrl {
        /// The element as written.
        url: Arc<str>,
    },
    /// The port is beyond 65535.
    InvalidPort {
        /// The element as written.
        url: Arc<str>,
    },
    /// A name is unknown, and `client.dns.lookup` is `resolve_canonical_bootstrap_servers_only`: then every one must be known. A
    /// driver finds out.
    UnknownHost {
        /// The element as written.
        url: Arc<str>,
    },
    /// Every name is unknown. Some unknown names beside a known one are no error. A driver finds out.
    NoneResolvable {
        /// What was tried.
        servers: BootstrapServers,
    },
}

impl fmt::Display for BootstrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => {
                f.write_str("Missing required configuration \"bootstrap.servers\" which has no default value.")
            }
            Self::Empty => f.write_str(
                "Configuration 'bootstrap.servers' must not be empty. Valid values include: any non-empty value",
            ),
            Self::EmptyElement => f.write_str("Configuration 'bootstrap.servers' values must not be empty."),
            Self::InvalidUrl { url } => write!(f, "Invalid url in bootstrap.servers: {url}"),
            Self::InvalidPort { url } => write!(f, "Invalid port in bootstrap.servers: {url}"),
            Self::UnknownHost { url } => write!(f, "Unknown host in bootstrap.servers: {url}"),
            Self::NoneResolvable { .. } => f.write_str("No resolvable bootstrap urls given in bootstrap.servers"),
        }
    }
}

impl std::error::Error for BootstrapError {}

impl FromStr for BootstrapServers {
    type Err = BootstrapError;

    fn from_str(list: &str) -> Result<Self, BootstrapError> {
        // Java's white space: around the list every character up to the blank, around an element those of `\s`.
        let list = list.trim_matches(|c| c <= ' ');
        if list.is_empty() {
            return Err(BootstrapError::Empty);
        }
        let (mut addresses, mut urls) = (Vec::new(), Vec::new());
        let mut seen = std::collections::BTreeSet::new();
        for element in list.split(',').map(|element| element.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r'])) {
            if element.is_empty() {
                return Err(BootstrapError::EmptyElement);
            }
            let address = parse_address(element)?;
            if seen.insert(address.clone()) {
                addresses.push(address);
                urls.push(element.into());
            }
        }
        Ok(Self { addresses, urls })
    }
}

impl fmt::Display for BootstrapServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.addresses.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            address.fmt(f)?;
        }
        Ok(())
    }
}

/// The addresses among these settings. The empty list was refused as a value of its type.
pub(super) fn read(given: &BTreeMap<&str, &str>) -> Result<Option<BootstrapServers>, ConfigError> {
    let read = given.get(KEY).map(|list| list.parse()).transpose();
    read.map_err(|error: BootstrapError| refused(&[KEY], error.to_string()))
}

/// One element of the list; the grammar is that of `Utils.HOST_PORT_PATTERN`.
fn parse_address(url: &str) -> Result<BrokerAddress, BootstrapError> {
    let invalid = || BootstrapError::InvalidUrl { url: url.into() };
    let after_scheme = match url.split_once("://") {
        Some((scheme, rest)) if scheme.chars().all(|c| is_host_char(c) && c != ':') => rest,
        Some(_) => return Err(invalid()),
        None => url,
    };
    let (host, port) = after_scheme.rsplit_once(':').ok_or_else(invalid)?;
    let host = host.strip_prefix('[').unwrap_or(host);
    let host = host.strip_suffix(']').unwrap_or(host);
    if !host.chars().all(is_host_char) || port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid());
    }
    let port = port.parse().map_err(|_| BootstrapError::InvalidPort { url: url.into() })?;
    // Java's resolver takes the empty name for this machine.
    let host = if host.is_empty() { "localhost" } else { host };
    Ok(BrokerAddress { host: host.into(), port })
}

fn is_host_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '%' | '.' | '_' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &str) -> Result<Vec<(String, u16)>, BootstrapError> {
        let servers: BootstrapServers = list.parse()?;
        Ok(servers.addresses().iter().map(|a| (a.host.to_string(), a.port)).collect())
    }

    fn invalid_url<T>(url: &str) -> Result<T, BootstrapError> {
        Err(BootstrapError::InvalidUrl { url: url.into() })
    }

    #[test]
    fn hosts_and_ports_in_the_order_written() {
        assert_eq!(parse("b:2,a:1"), Ok(vec![("b".into(), 2), ("a".into(), 1)]));
        assert_eq!(parse(" a:1 ,\tb:2 "), Ok(vec![("a".into(), 1), ("b".into(), 2)]));
        assert_eq!(parse("a:1,b:2,a:1"), Ok(vec![("a".into(), 1), ("b".into(), 2)]));
    }

    /// Row 59: IPv6.
    #[test]
    fn row_59_ipv6_with_and_without_brackets() {
        assert_eq!(parse("[::1]:9092"), Ok(vec![("::1".into(), 9092)]));
        assert_eq!(parse("2001:db8::7:9092"), Ok(vec![("2001:db8::7".into(), 9092)]));
        assert_eq!(parse("[fe80::1%eth0]:9092"), Ok(vec![("fe80::1%eth0".into(), 9092)]));
    }

    #[test]
    fn a_scheme_is_passed_over_as_java_does() {
        assert_eq!(parse("PLAINTEXT://kafka-1:9092"), Ok(vec![("kafka-1".into(), 9092)]));
        assert_eq!(parse("SASL_SSL://[::1]:9093"), Ok(vec![("::1".into(), 9093)]));
    }

    /// Row 59: ports. To the Java client 0 is one.
    #[test]
    fn row_59_port_0_passes_and_port_65536_does_not() {
        assert_eq!(parse("host:0"), Ok(vec![("host".into(), 0)]));
        assert_eq!(parse("host:65535"), Ok(vec![("host".into(), 65_535)]));
        for url in ["host:65536", "host:99999", "host:99999999999999999999"] {
            assert_eq!(parse(url), Err(BootstrapError::InvalidPort { url: url.into() }));
        }
    }

    /// Row 59: shapes that no address has.
    #[test]
    fn row_59_what_is_not_host_and_port_is_named() {
        for url in
            ["host", "host:", "host:port", "host:-1", "host:9092/path", "ho st:1", "a;b:1", "http//a:1", "\u{a0}a:1"]
        {
            assert_eq!(parse(url), invalid_url(url), "{url}");
        }
        assert_eq!(parse("a:1,host"), invalid_url("host"));
    }

    /// Row 59: nothing at all, and nothing between commas.
    #[test]
    fn row_59_an_empty_list_differs_from_an_empty_element() {
        assert_eq!(parse(""), Err(BootstrapError::Empty));
        assert_eq!(parse("  "), Err(BootstrapError::Empty));
        for list in ["a:1,,b:2", "a:1,", ",a:1", ","] {
            assert_eq!(parse(list), Err(BootstrapError::EmptyElement), "{list}");
        }
    }

    /// Row 59: 10,000 entries.
    #[test]
    fn row_59_ten_thousand_entries_are_read() {
        let list: Vec<String> = (0..10_000).map(|n| format!("broker-{n}:9092")).collect();
        assert_eq!(parse(&list.join(",")).map(|found| found.len()), Ok(10_000));
    }

    /// Row 59, in a file of settings. The sentences, and that the delivery timeout is looked at first, are the Java client's.
    #[test]
    fn row_59_settings_with_addresses_that_are_none_are_refused_after_all_else() {
        use crate::config::ProducerConfig;
        let refused = |pairs: &[(&str, &str)]| {
            let read = ProducerConfig::from_properties(pairs.iter().copied());
            read.map(|(config, _)| config.bootstrap_servers().map(ToString::to_string)).map_err(|error| error.message)
        };
        for (list, sentence) in [
            ("127.0.0.1", "Invalid url in bootstrap.servers: 127.0.0.1"),
            ("127.0.0.1:65536", "Invalid port in bootstrap.servers: 127.0.0.1:65536"),
            ("", "Configuration 'bootstrap.servers' must not be empty. Valid values include: any non-empty value"),
            ("a:1,", "Configuration 'bootstrap.servers' values must not be empty."),
        ] {
            assert_eq!(refused(&[(KEY, list)]), Err(sentence.into()), "{list}");
        }
        let late = "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms";
        assert_eq!(refused(&[(KEY, "127.0.0.1"), ("delivery.timeout.ms", "1")]), Err(late.into()));
        assert_eq!(refused(&[(KEY, " b:2 ,a:1")]), Ok(Some("b:2,a:1".to_owned())));
        assert_eq!(refused(&[]), Ok(None));
    }

    #[test]
    fn settings_with_addresses_are_told_of_only_where_nobody_looks_at_them() {
        use crate::config::{ConfigNotice, ProducerConfig};
        let (config, mut notices) = ProducerConfig::from_properties([(KEY, "a:1")]).expect("accepted");
        assert_eq!(notices, []);
        assert_eq!(config.without_bootstrap_servers(&mut notices).bootstrap_servers(), None);
        assert_eq!(notices, [ConfigNotice::NoEffect { key: KEY.into() }]);
        let _ = ProducerConfig::default().without_bootstrap_servers(&mut notices);
        assert_eq!(notices.len(), 1, "nothing is said of what was not there");
    }

    #[test]
    fn the_sentences_are_the_java_clients() {
        assert_eq!(parse("host").unwrap_err().to_string(), "Invalid url in bootstrap.servers: host");
        assert_eq!(parse("host:99999").unwrap_err().to_string(), "Invalid port in bootstrap.servers: host:99999");
    }
}
