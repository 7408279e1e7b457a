//! What stood between a producer and its brokers.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;
use crate::io::DisconnectReason;

/// A connection that ended, and after which no metadata came: what lies behind a
/// [`MetadataTimeout`](super::ProducerError::MetadataTimeout) of which metadata itself says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostConnection {
    /// The broker at its other end; those of `bootstrap.servers` count down from −1.
    pub node: NodeId,
    /// How it ended.
    pub why: DisconnectReason,
}

impl fmt::Display for LostConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, why } = self;
        match why {
            DisconnectReason::ConnectFailed(why) => write!(f, "node {node} cannot be connected to: {why}"),
            DisconnectReason::ClosedByPeer => write!(f, "node {node} closed the connection"),
            DisconnectReason::Malformed(what) => write!(f, "node {node} gave an answer of no use: {what}"),
            DisconnectReason::ClosedByUs => write!(f, "node {node} did not answer in time"),
        }
    }
}

impl std::error::Error for LostConnection {}
