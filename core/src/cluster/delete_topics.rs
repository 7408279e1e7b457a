//! DeleteTopics (`ControllerApis.deleteTopics`), which only comes over a socket.
//!
//! *Models*: topics said by name or by id, with Kafka's refusals. *Leaves out*: `delete.topic.enable`, which is true; the
//! order of the answers, which Kafka draws.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Cluster;
use super::topics::Topics;
use crate::error::ErrorCode;
use crate::ids::TopicId;
use crate::protocol::{DeleteTopicsRequest, DeleteTopicsResponse, DeletedTopic, Response, TopicToDelete};
use crate::time::Now;
use crate::trace::Observer;

/// What one of the places of a request asks for.
enum Asked {
    /// That this topic ends.
    End(Arc<str>),
    /// Something that is refused.
    Nonsense(DeletedTopic),
    /// What another place speaks of.
    Again,
}

/// How often each topic is said.
type Times<'a> = BTreeMap<&'a TopicToDelete, usize>;

impl<O: Observer> Cluster<O> {
    pub(super) fn delete_topics(&mut self, now: Now, request: &DeleteTopicsRequest) -> DeleteTopicsResponse {
        let mut times = Times::new();
        request.topics.iter().for_each(|topic| *times.entry(topic).or_default() += 1);
        let mut topics = Vec::with_capacity(times.len());
        for topic in &request.topics {
            match asked(&self.topics, &mut times, topic) {
                Asked::End(name) => {
                    let id = self.topics.get(&name).map_or_else(TopicId::default, |topic| topic.id);
                    self.end_topic(now, &name);
                    topics.push(DeletedTopic { name: Some(name), id, ..DeletedTopic::default() });
                }
                Asked::Nonsense(refused) => topics.push(refused),
                Asked::Again => {}
            }
        }
        DeleteTopicsResponse { throttle_time_ms: 0, topics }
    }
}

fn asked(topics: &Topics, times: &mut Times<'_>, topic: &TopicToDelete) -> Asked {
    let refused = |id, error, message: &str| {
        Asked::Nonsense(DeletedTopic { name: topic.name.clone(), id, error, error_message: Some(message.into()) })
    };
    let invalid = |id, message| refused(id, ErrorCode::INVALID_REQUEST, message);
    let unknown = |error: ErrorCode| refused(topic.id, error, error.java_message());
    let has_id = topic.id != TopicId::default();
    match &topic.name {
        None if !has_id => return invalid(topic.id, "Neither topic name nor id were specified."),
        Some(_) if has_id => return invalid(topic.id, "You may not specify both topic name and topic id."),
        _ => {}
    }
    // One answer for all that are the same.
    match times.get_mut(topic) {
        Some(1) | None => {}
        Some(0) => return Asked::Again,
        Some(times) => {
            *times = 0;
            let message = if has_id { "Duplicate topic id." } else { "Duplicate topic name." };
            return invalid(topic.id, message);
        }
    }
    match &topic.name {
        Some(name) => match topics.get(name).map(|found| found.id) {
            None => unknown(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            Some(id) if times.contains_key(&TopicToDelete { name: None, id }) => {
                invalid(id, "The provided topic name maps to an ID that was already supplied.")
            }
            Some(_) => Asked::End(Arc::clone(name)),
        },
        None => match topics.name_of(topic.id) {
            None => unknown(ErrorCode::UNKNOWN_TOPIC_ID),
            // That is refused where the name stands.
            Some(name) if times.get(&by_name(name)) == Some(&1) => Asked::Again,
            Some(name) => Asked::End(Arc::clone(name)),
        },
    }
}

fn by_name(name: &Arc<str>) -> TopicToDelete {
    TopicToDelete { name: Some(Arc::clone(name)), id: TopicId::default() }
}

/// `DeleteTopicsRequest.getErrorResponse`.
pub(super) fn refuse_all(request: &DeleteTopicsRequest, error: ErrorCode) -> Response {
    let refused = |topic: &TopicToDelete| DeletedTopic {
        name: topic.name.clone(),
        id: topic.id,
        error,
        ..DeletedTopic::default()
    };
    let topics = request.topics.iter().map(refused).collect();
    Response::DeleteTopics(DeleteTopicsResponse { throttle_time_ms: 0, topics })
}
