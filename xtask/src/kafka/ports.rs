//! Ports for servers that must come back on the same one.

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    net::{Ipv4Addr, TcpListener},
};

use anyhow::{Result, ensure};

/// Where the search begins: services of fame live below.
const FIRST: u16 = 20_000;

/// Ports nobody listens on right now, all different, and none of those that the system gives to connections: a client that
/// tries again and again to reach a broker that is down would sooner or later be given the broker's own port, connect to
/// itself, and keep the broker from coming back.
///
/// # Errors
/// When there are none.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    let end = first_given();
    // Two searches at once should not meet.
    let begin = FIRST + u16::try_from(RandomState::new().hash_one(count) % u64::from(end - FIRST))?;
    let mut listeners = Vec::with_capacity(count);
    // All are held until all are known.
    for port in (begin..end).chain(FIRST..begin) {
        if listeners.len() == count {
            break;
        }
        listeners.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(|listener| (port, listener)));
    }
    ensure!(listeners.len() == count, "no {count} ports are free between {FIRST} and {end}");
    Ok(listeners.iter().map(|(port, _)| *port).collect())
}

/// The first port that the system gives to connections, and to listeners that take any.
fn first_given() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok());
    // Linux begins here where nobody says otherwise, and other systems above.
    first.filter(|first| *first > FIRST).unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_no_connection_is_ever_given_one() -> Result<()> {
        let ports = free_ports(9)?;
        let listeners: Vec<_> =
            ports.iter().map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port))).collect::<Result<_, _>>()?;
        assert_eq!(listeners.len(), 9, "each can be had, so all are different");
        let given = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        assert!(ports.iter().all(|port| *port < given), "{ports:?} and {given}");
        Ok(())
    }
}
