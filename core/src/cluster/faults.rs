//! Scripted faults: rules that seize a request.
//!
//! *Models*: an error, a slow answer, a pause that is asked for, a connection cut before or after the broker acted, a leader that moves. A loss on
//! the network is a cut: TCP either delivers or breaks. *Leaves out*: what happens to whole brokers
//! ([`lifecycle`](super::lifecycle)).

use core::time::Duration;

use super::{Answer, LinkId};
use crate::error::ErrorCode;
use crate::ids::{CorrelationId, NodeId, TopicPartition};
use crate::protocol::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, ApiKey, ApiVersionsResponse, Coordinator,
    CreateTopicsResponse, CreatedTopic, EndTxnResponse, FetchPartitionResponse, FetchResponse, FetchTopicResponse,
    FindCoordinatorResponse, InitProducerIdResponse, ListOffsetsPartitionResponse, ListOffsetsResponse,
    ListOffsetsTopicResponse, MetadataResponse, MetadataTopic, OffsetFetchGroupResponse, OffsetFetchResponse,
    ProducePartition, ProducePartitionResponse, ProduceRequest, ProduceResponse, ProduceTopicResponse, Request,
    Response, TopicErrors, TxnOffsetCommitResponse,
};

/// What to do with which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which requests.
    pub when: Matcher,
    /// What to do with them.
    pub then: Action,
}

/// Which requests a rule is about. All conditions must hold; the default matches every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// At this broker.
    pub node: Option<NodeId>,
    /// Of this API.
    pub api: Option<ApiKey>,
    /// About this partition, possibly among others (Produce, Fetch, ListOffsets).
    pub partition: Option<TopicPartition>,
    /// Only the n-th request, from 1, for which all of the above holds, whatever other rules did with those before.
    pub nth: Option<u32>,
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing, and no later rule either.
    Pass,
    /// Act upon it at once, and answer this much later.
    Delay(Duration),
    /// Act upon it and answer, but ask the client for a pause (`throttle_time_ms`, in whole milliseconds), and take nothing
    /// more from its connection until then, as where a quota is exceeded.
    Throttle(Duration),
    /// Answer with an error and do not act upon it.
    Answer {
        /// Which error.
        error: ErrorCode,
        /// Only for this partition, and act upon the others (Produce, Fetch, ListOffsets); `None`: for all of it.
        only: Option<TopicPartition>,
    },
    /// Close the connection without acting upon it.
    CutBeforeAppend,
    /// Act upon it, then close the connection instead of answering.
    CutAfterAppend,
    /// First give a partition another leader, then act upon the request as that changes it.
    MoveLeader {
        /// Which partition.
        partition: TopicPartition,
        /// The new leader.
        to: NodeId,
    },
}

impl Matcher {
    fn fits(&self, node: NodeId, request: &Request) -> bool {
        self.node.is_none_or(|wanted| wanted == node)
            && self.api.is_none_or(|wanted| wanted == request.api())
            && self.partition.as_ref().is_none_or(|wanted| is_about(request, wanted))
    }
}

fn is_about(request: &Request, wanted: &TopicPartition) -> bool {
    let TopicPartition { topic, partition } = wanted;
    match request {
        Request::Produce(request) => request
            .topics
            .iter()
            .any(|asked| asked.name == *topic && asked.partitions.iter().any(|p| p.partition == *partition)),
        Request::Fetch(request) => request
            .topics
            .iter()
            .any(|asked| asked.name == *topic && asked.partitions.iter().any(|p| p.partition == *partition)),
        Request::ListOffsets(request) => request
            .topics
            .iter()
            .any(|asked| asked.name == *topic && asked.partitions.iter().any(|p| p.partition == *partition)),
        _ => false,
    }
}

/// All rules, and how many requests each has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    rules: Vec<(Rule, u32)>,
    /// Single requests, and what is done with them.
    singled_out: Vec<(LinkId, CorrelationId, Action)>,
}

impl Faults {
    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push((rule, 0));
    }

    pub(super) fn refuse(&mut self, link: LinkId, correlation: CorrelationId, action: Action) {
        self.singled_out.push((link, correlation, action));
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// What is done to this very request, or the action of the first rule that is about it. Every rule counts it that fits.
    pub(super) fn decide(
        &mut self,
        link: LinkId,
        correlation: CorrelationId,
        node: NodeId,
        request: &Request,
    ) -> Option<Action> {
        let is_meant = |&(of, asked, _): &(LinkId, CorrelationId, Action)| (of, asked) == (link, correlation);
        let single = self.singled_out.iter().position(is_meant);
        let mut decided = single.map(|place| self.singled_out.swap_remove(place).2);
        for (rule, seen) in &mut self.rules {
            if rule.when.fits(node, request) {
                *seen += 1;
                if decided.is_none() && rule.when.nth.is_none_or(|nth| nth == *seen) {
                    decided = Some(rule.then.clone());
                }
            }
        }
        decided
    }
}

/// The answer to a request of which everything is refused.
pub(super) fn refuse_all(request: &Request, error: ErrorCode) -> Answer {
    Answer::Respond(match request {
        Request::Produce(request) => return refuse_produce(request, error, None),
        Request::Fetch(request) => {
            let topics = request.topics.iter().map(|topic| FetchTopicResponse {
                name: topic.name.clone(),
                id: topic.id,
                partitions: topic.partitions.iter().map(|p| refused_fetch(p.partition, error)).collect(),
            });
            Response::Fetch(FetchResponse { topics: topics.collect(), ..FetchResponse::default() })
        }
        Request::ListOffsets(request) => {
            let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
                name: topic.name.clone(),
                partitions: topic.partitions.iter().map(|p| refused_list_offsets(p.partition, error)).collect(),
            });
            Response::ListOffsets(ListOffsetsResponse { throttle_time_ms: 0, topics: topics.collect() })
        }
        Request::Metadata(request) => {
            // `MetadataRequest.getErrorResponse`: no brokers, and the error everywhere.
            let names = request.topics.iter().flatten();
            let by_name = names.map(|name| MetadataTopic { error, name: name.clone(), ..MetadataTopic::default() });
            let by_id = request.topic_ids.iter().map(|&id| MetadataTopic { error, id, ..MetadataTopic::default() });
            Response::Metadata(MetadataResponse {
                controller: NodeId(-1),
                topics: by_name.chain(by_id).collect(),
                error,
                ..MetadataResponse::default()
            })
        }
        Request::CreateTopics(request) => {
            let topics = request.topics.iter();
            let topics =
                topics.map(|topic| CreatedTopic { name: topic.name.clone(), error, ..CreatedTopic::default() });
            Response::CreateTopics(CreateTopicsResponse { throttle_time_ms: 0, topics: topics.collect() })
        }
        #[cfg(feature = "wire")]
        Request::DeleteTopics(request) => super::delete_topics::refuse_all(request, error),
        Request::InitProducerId(_) => Response::InitProducerId(InitProducerIdResponse {
            throttle_time_ms: 0,
            error,
            producer_id: -1,
            producer_epoch: -1,
        }),
        Request::ApiVersions(_) => {
            Response::ApiVersions(ApiVersionsResponse { error, ..ApiVersionsResponse::default() })
        }
        Request::FindCoordinator(request) => {
            let message = || Some(error.java_message().into());
            let nobody = request.keys.iter().map(|key| Coordinator::refused(key.clone(), error, message()));
            Response::FindCoordinator(FindCoordinatorResponse { throttle_time_ms: 0, coordinators: nobody.collect() })
        }
        Request::OffsetFetch(request) => {
            let groups = request.groups.iter().map(|asked| OffsetFetchGroupResponse {
                group: asked.group.clone(),
                error,
                topics: Vec::new(),
            });
            Response::OffsetFetch(OffsetFetchResponse { throttle_time_ms: 0, groups: groups.collect() })
        }
        Request::AddPartitionsToTxn(request) => {
            let topics = request.topics.iter().map(|topic| TopicErrors {
                name: topic.name.clone(),
                partitions: topic.partitions.iter().map(|&partition| (partition, error)).collect(),
            });
            let topics = topics.collect();
            Response::AddPartitionsToTxn(AddPartitionsToTxnResponse { throttle_time_ms: 0, topics })
        }
        Request::AddOffsetsToTxn(_) => {
            Response::AddOffsetsToTxn(AddOffsetsToTxnResponse { throttle_time_ms: 0, error })
        }
        Request::EndTxn(_) => {
            Response::EndTxn(EndTxnResponse { throttle_time_ms: 0, error, producer_id: -1, producer_epoch: -1 })
        }
        Request::TxnOffsetCommit(request) => {
            let topics = request.topics.iter().map(|topic| TopicErrors {
                name: topic.name.clone(),
                partitions: topic.partitions.iter().map(|&(partition, _)| (partition, error)).collect(),
            });
            let topics = topics.collect();
            Response::TxnOffsetCommit(TxnOffsetCommitResponse { throttle_time_ms: 0, topics })
        }
    })
}

/// The answer to a Produce of which every batch is refused.
pub(super) fn refuse_produce(request: &ProduceRequest, error: ErrorCode, message: Option<&str>) -> Answer {
    // Without an answer there is no other way to tell.
    if request.acks == 0 {
        return Answer::Close;
    }
    let refused = |batch: &ProducePartition| ProducePartitionResponse {
        error_message: message.map(Into::into),
        ..refused_produce(batch.partition, error)
    };
    let topics = request.topics.iter().map(|topic| ProduceTopicResponse {
        name: topic.name.clone(),
        id: topic.id,
        partitions: topic.partitions.iter().map(refused).collect(),
    });
    Answer::Respond(Response::Produce(ProduceResponse { topics: topics.collect(), ..ProduceResponse::default() }))
}

/// A refused batch; `log_start_offset` stays −1 for errors raised before the log.
pub(super) fn refused_produce(partition: i32, error: ErrorCode) -> ProducePartitionResponse {
    ProducePartitionResponse {
        partition,
        error,
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        ..ProducePartitionResponse::default()
    }
}

/// A refused read.
pub(super) fn refused_fetch(partition: i32, error: ErrorCode) -> FetchPartitionResponse {
    FetchPartitionResponse {
        partition,
        error,
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        // `FetchResponse.partitionResponse` leaves the list as it is made: empty.
        aborted_transactions: Some(Vec::new()),
        batches: Vec::new(),
    }
}

/// No offset.
pub(super) fn refused_list_offsets(partition: i32, error: ErrorCode) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse { partition, error, timestamp_ms: -1, offset: -1, leader_epoch: -1 }
}
