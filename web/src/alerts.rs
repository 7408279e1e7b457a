//! What a person should know and has not dismissed.

use std::sync::Arc;

use producer_core::bridge::{BadRequest, Refusal};
use producer_core::config::ConfigError;

use crate::address::AddressError;
use crate::ledger::Stopped;
use crate::settings::Properties;

/// Most that are shown at once; older ones make room and are counted.
pub(crate) const MAX_ALERTS: usize = 4;

/// Something that stays until it is dismissed or no longer true.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Alert {
    /// None of a send's records was handed to the producer.
    SendRefused {
        /// Records of that send.
        count: u32,
        /// Why.
        why: Refusal,
    },
    /// A person stopped the program.
    Stopped(Stopped),
    /// The client would refuse to start with these settings; the old producer stays.
    ConfigRefused(ConfigError),
    /// The codecs that these settings ask for could not be fetched; the old producer stays.
    CodecsMissing {
        /// In the browser's words.
        reason: String,
        /// To be tried again.
        properties: Properties,
    },
    /// These keys belong to the bridge's command line.
    ConfigForbidden(Vec<Arc<str>>),
    /// The bridge could not read something of ours, or it asked for too much.
    BadRequest(BadRequest),
    /// Something the bridge had to tell fits into no frame.
    Omitted {
        /// Which report.
        report: Arc<str>,
        /// Its size.
        bytes: u64,
        /// What a frame takes.
        limit: u64,
    },
    /// A send too large for any frame; nothing of it left the page.
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// The address that the page was opened with names no bridge.
    BadAddress(AddressError),
    /// The page comes from a bridge, but without the token that lets it in.
    NoToken,
    /// The ledger begins anew with another world.
    LeftBehind {
        /// Records of the world before that are no longer listed.
        records: u64,
        /// Those among them whose outcome will not be told here any more.
        waiting: u64,
        /// Those that their program had not come to, and never will.
        never_sent: u64,
    },
    /// The bridge is about to stop.
    Stopping,
    /// Sends whose fate nobody can tell any more.
    Unknown {
        /// Their records.
        records: u64,
        /// Those that their program had not come to, and never will.
        never_sent: u64,
    },
    /// Older alerts that made room.
    More(u32),
}

/// Adds an alert; the oldest ones make room and are counted.
pub(crate) fn push(alerts: &mut Vec<Alert>, alert: Alert) {
    if alerts.contains(&alert) {
        return;
    }
    alerts.push(alert);
    while alerts.len() > MAX_ALERTS {
        match alerts.first_mut() {
            Some(Alert::More(count)) => {
                *count += 1;
                alerts.remove(1);
            }
            Some(first) => *first = Alert::More(1),
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_alerts_make_room_and_are_counted() {
        let mut alerts = Vec::new();
        for records in 1..=6 {
            push(&mut alerts, Alert::Unknown { records, never_sent: 0 });
        }
        assert_eq!(alerts.len(), MAX_ALERTS);
        assert_eq!(alerts[0], Alert::More(3));
        assert_eq!(alerts[1], Alert::Unknown { records: 4, never_sent: 0 });
    }

    #[test]
    fn the_same_alert_is_not_shown_twice() {
        let mut alerts = Vec::new();
        push(&mut alerts, Alert::Stopping);
        push(&mut alerts, Alert::Stopping);
        assert_eq!(alerts, [Alert::Stopping]);
    }
}
