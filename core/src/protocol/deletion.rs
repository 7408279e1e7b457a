//! DeleteTopics: topics that end. Only who comes over a socket asks for it (feature `wire`).

use std::sync::Arc;

use crate::error::ErrorCode;
use crate::ids::TopicId;

/// Asks for topics to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteTopicsRequest {
    /// What to delete.
    pub topics: Vec<TopicToDelete>,
    /// How long to wait, in milliseconds.
    pub timeout_ms: i32,
}

/// A topic to delete, said by its name or by its id; by both or neither it is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicToDelete {
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Its id, since v6; zero: none.
    pub id: TopicId,
}

/// Per topic: was it deleted?
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteTopicsResponse {
    /// Milliseconds the client should stay quiet.
    pub throttle_time_ms: i32,
    /// One answer per topic, in no promised order.
    pub topics: Vec<DeletedTopic>,
}

/// One answer to DeleteTopics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletedTopic {
    /// Its name; `None`, since v6: no topic has the id.
    pub name: Option<Arc<str>>,
    /// Its id, since v6; zero where it is not known.
    pub id: TopicId,
    /// UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID, INVALID_REQUEST …
    pub error: ErrorCode,
    /// The broker's sentence, since v5.
    pub error_message: Option<Arc<str>>,
}
