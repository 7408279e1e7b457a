//! Ports for servers that must come back on the same one.

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    net::{Ipv4Addr, TcpListener},
};

use anyhow::{Context as _, Result, ensure};

/// Where the search begins: services of fame live below.
const FIRST: u16 = 20_000;

/// Ports nobody listens on right now, all different, and none of those that the system gives to connections: a client that
/// tries again and again to reach a broker that is down would sooner or later be given the broker's own port, connect to
/// itself, and keep the broker from coming back.
///
/// # Errors
/// When there are none.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    // All are held until all are known.
    let mut listeners = Vec::with_capacity(count);
    for port in candidates()? {
        if listeners.len() == count {
            break;
        }
        listeners.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(|listener| (port, listener)));
    }
    ensure!(listeners.len() == count, "{} of {count} ports are free", listeners.len());
    Ok(listeners.iter().map(|(port, _)| *port).collect())
}

/// The first of so many ports in a row that are as those of [`free_ports`].
///
/// # Errors
/// When there is no such row.
pub fn free_row(count: u16) -> Result<u16> {
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let first = candidates()?.find(|&first| (first..first + count).all(is_free));
    first.with_context(|| format!("there are no {count} free ports in a row"))
}

/// All ports below the system's, from any one on: two searches at once should not meet.
fn candidates() -> Result<impl Iterator<Item = u16>> {
    let end = first_given();
    let begin = FIRST + u16::try_from(RandomState::new().hash_one(()) % u64::from(end - FIRST))?;
    Ok((begin..end).chain(FIRST..begin))
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
        let mut ports = free_ports(9)?;
        let first = free_row(3)?;
        ports.retain(|port| !(first..first + 3).contains(port));
        ports.extend(first..first + 3);
        let listeners: Vec<_> =
            ports.iter().map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port))).collect::<Result<_, _>>()?;
        assert_eq!(listeners.len(), ports.len(), "each can be had, so all are different");
        let given = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        assert!(ports.iter().all(|port| *port < given), "{ports:?} and {given}");
        Ok(())
    }
}
