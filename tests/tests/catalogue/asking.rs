//! Requests to the brokers of a world, by a client that says exactly what it is told to.

use producer_core::cluster::{Cluster, ClusterInput, ClusterOutput, LinkId};
use producer_core::ids::{ConnectionId, CorrelationId, NodeId};
use producer_core::protocol::{Request, RequestHeader, Response};
use producer_core::time::{Instant, Now};
use producer_core::trace::Observer;

/// Asks a broker, and lets the brokers' time pass until it has answered.
pub(crate) fn ask<O: Observer>(
    cluster: &mut Cluster<O>,
    now: &mut Now,
    node: NodeId,
    version: i16,
    body: Request,
) -> Response {
    let link = LinkId { client: u32::MAX, connection: ConnectionId(0) };
    let header = RequestHeader { api: body.api(), version, correlation: CorrelationId(0), client_id: None };
    cluster.handle_input(*now, ClusterInput::Opened { link, node });
    cluster.handle_input(*now, ClusterInput::Request { link, header, body });
    loop {
        match cluster.poll_output() {
            ClusterOutput::Respond { link: to, response, .. } if to == link => {
                cluster.handle_input(*now, ClusterInput::Closed { link });
                break response;
            }
            ClusterOutput::Wait { until: Some(due) } => {
                let passed = due.saturating_since(now.instant());
                now.elapsed_us += u64::try_from(passed.as_micros()).expect("short");
                now.wall_ms += i64::try_from(passed.as_millis()).expect("short");
                cluster.handle_input(*now, ClusterInput::Wake);
            }
            ClusterOutput::Wait { until: None } => {
                panic!("no answer from {node:?} at {:?}", Instant::from_micros(now.elapsed_us))
            }
            _ => {}
        }
    }
}
