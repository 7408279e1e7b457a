//! What a request is told as, behind its instant (`TimelineWire.describe`).

use anyhow::Result;
use producer_core::ids::NodeId;
use producer_core::io::OutgoingRequest;
use producer_core::protocol::Request;
use producer_core::record_batch::BatchView;

use super::brokers::Brokers;
use super::coordinator;

pub(super) fn describe(brokers: &Brokers, node: NodeId, request: &OutgoingRequest) -> Result<String> {
    let at = format!("n{node} v{}", request.header.version);
    Ok(match &request.body {
        Request::Produce(body) => {
            let mut batches = Vec::new();
            for topic in &body.topics {
                let name = brokers.said(request.header.version, topic);
                for partition in &topic.partitions {
                    let batch = BatchView::parse(&partition.records)?;
                    batches.push(format!(
                        "{name}-{}{} pid {}/{} seq {} records {} bytes {}",
                        partition.partition,
                        if batch.is_transactional() { " transactional" } else { "" },
                        batch.producer_id(),
                        batch.producer_epoch(),
                        batch.base_sequence(),
                        batch.record_count(),
                        batch.size_bytes()
                    ));
                }
            }
            let id = body.transactional_id.as_deref().unwrap_or("-");
            format!("produce {at} acks {} timeout {} id {id} {}", body.acks, body.timeout_ms, batches.join(" | "))
        }
        Request::Metadata(body) => {
            let topics: Vec<_> = body.topics.iter().flatten().map(|topic| &**topic).collect();
            let creates = if body.allow_auto_topic_creation { " create" } else { "" };
            format!("metadata {at} {}{creates}", topics.join(","))
        }
        Request::ApiVersions(_) => format!("versions {at}"),
        _ => coordinator::describe(node, request)?,
    })
}
