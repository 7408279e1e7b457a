//! Does a Kafka broker answer at this address, and what does it say of its cluster?

use std::sync::Arc;

use core::time::Duration;

use producer_core::bridge::{Broker, Partition, Topology};
use producer_core::error::ErrorCode;
use producer_core::ids::{BrokerAddress, CorrelationId, NodeId};
use producer_core::io::OutgoingRequest;
use producer_core::protocol::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, MetadataPartition, MetadataRequest, MetadataResponse, Request,
    RequestHeader, Response,
};
use producer_core::versions::client_versions;
use producer_core::wire;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::frame::{FrameReader, ReadError};
use crate::transport::{ConnectError, Connector};

/// What a broker says of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterInfo {
    /// The cluster's id.
    pub cluster_id: Option<Arc<str>>,
    /// The brokers that are up, by node id, with the addresses they advertise.
    pub brokers: Vec<(NodeId, BrokerAddress)>,
}

/// Why no Kafka answered. Prints what was seen, without advice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The name means nothing to the resolver.
    #[error("{detail}")]
    Unresolvable {
        /// The resolver's words.
        detail: Arc<str>,
    },
    /// No connection came about: nobody listens there, or no way leads there.
    #[error("{detail}")]
    Refused {
        /// The operating system's words.
        detail: Arc<str>,
    },
    /// No answer came in time, be it to the connection attempt or to the first request.
    #[error("no answer within {} ms", patience.as_millis())]
    Silent {
        /// How long was waited.
        patience: Duration,
    },
    /// Somebody answered, but not as Kafka does: other bytes, or none and a closed connection.
    #[error("{detail}")]
    NotKafka {
        /// What was seen.
        detail: Arc<str>,
    },
    /// A Kafka broker too old or too new: it speaks no version in common.
    #[error("the broker speaks no version of {api:?} that is spoken here")]
    UnsupportedVersion {
        /// The first API without a common version.
        api: ApiKey,
    },
}

/// Asks one broker for its cluster; takes `patience` at most.
///
/// # Errors
/// [`ProbeError`].
pub async fn probe(address: &BrokerAddress, patience: Duration) -> Result<ClusterInfo, ProbeError> {
    let metadata = ask(address, Vec::new(), patience).await?;
    Ok(ClusterInfo { brokers: reachable(&metadata).collect(), cluster_id: metadata.cluster_id })
}

/// Asks all servers side by side; the first of the list that answers wins.
///
/// # Errors
/// What each of them met, when none answers.
pub async fn probe_any(
    addresses: &[BrokerAddress],
    patience: Duration,
) -> Result<ClusterInfo, Vec<(BrokerAddress, ProbeError)>> {
    first_answer(addresses, async move |address| probe(&address, patience).await).await
}

/// Asks all servers side by side for the brokers and one topic's partitions; the first of the list that answers wins.
/// The topic is not created by asking.
///
/// # Errors
/// What each of them met, when none answers. A topic that is not there is no error: it has no partitions.
pub async fn describe_any(
    addresses: &[BrokerAddress],
    topic: &Arc<str>,
    patience: Duration,
) -> Result<Topology, Vec<(BrokerAddress, ProbeError)>> {
    let topic = Arc::clone(topic);
    first_answer(addresses, async move |address| {
        let metadata = ask(&address, vec![Arc::clone(&topic)], patience).await?;
        Ok(topology(&metadata, topic))
    })
    .await
}

fn topology(metadata: &MetadataResponse, topic: Arc<str>) -> Topology {
    let brokers = reachable(metadata).map(|(node, address)| Broker { node, address: Some(address) });
    let described = metadata.topics.iter().find(|described| described.name == topic);
    let partition = |partition: &MetadataPartition| Partition {
        partition: partition.partition,
        leader: partition.leader,
        replicas: partition.replicas.clone(),
        isr: partition.isr.clone(),
    };
    let mut partitions: Vec<_> =
        described.map(|described| described.partitions.iter().map(partition).collect()).unwrap_or_default();
    partitions.sort_by_key(|partition| partition.partition);
    Topology { brokers: brokers.collect(), topic, partitions }
}

/// The brokers with an address one can connect to.
fn reachable(metadata: &MetadataResponse) -> impl Iterator<Item = (NodeId, BrokerAddress)> {
    metadata.brokers.iter().filter_map(|broker| {
        let port = u16::try_from(broker.port).ok()?;
        Some((broker.node, BrokerAddress { host: Arc::clone(&broker.host), port }))
    })
}

async fn first_answer<T, A, F>(addresses: &[BrokerAddress], ask: A) -> Result<T, Vec<(BrokerAddress, ProbeError)>>
where
    T: Send + 'static,
    A: FnOnce(BrokerAddress) -> F + Clone,
    F: Future<Output = Result<T, ProbeError>> + Send + 'static,
{
    let asked: Vec<_> = addresses.iter().map(|address| (address, tokio::spawn(ask.clone()(address.clone())))).collect();
    let mut met = Vec::new();
    for (address, answer) in asked {
        match answer.await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => met.push((address.clone(), error)),
            Err(broken) => std::panic::resume_unwind(broken.into_panic()),
        }
    }
    Err(met)
}

async fn ask(
    address: &BrokerAddress,
    topics: Vec<Arc<str>>,
    patience: Duration,
) -> Result<MetadataResponse, ProbeError> {
    let answer = async {
        let stream = Connector::default().connect(address).await.map_err(|error| {
            let detail = error.to_string().into();
            match error {
                ConnectError::Unresolvable { .. } => ProbeError::Unresolvable { detail },
                ConnectError::Failed { .. } => ProbeError::Refused { detail },
            }
        })?;
        let mut conversation = Conversation::new(stream);
        let spoken = conversation.api_versions().await?;
        conversation.metadata(&spoken, topics).await
    };
    tokio::time::timeout(patience, answer).await.unwrap_or(Err(ProbeError::Silent { patience }))
}

/// Requests and answers, one after the other.
struct Conversation {
    requests: OwnedWriteHalf,
    frames: FrameReader<OwnedReadHalf>,
    correlation: i32,
}

impl Conversation {
    fn new(stream: TcpStream) -> Self {
        let (read_half, requests) = stream.into_split();
        Self { requests, frames: FrameReader::new(read_half), correlation: 0 }
    }

    async fn api_versions(&mut self) -> Result<ApiVersionsResponse, ProbeError> {
        let mut version = client_versions(ApiKey::ApiVersions).max;
        loop {
            let request = Request::ApiVersions(ApiVersionsRequest {
                client_software_name: env!("CARGO_PKG_NAME").into(),
                client_software_version: env!("CARGO_PKG_VERSION").into(),
            });
            let Response::ApiVersions(answer) = self.ask(version, request).await? else {
                return Err(not_kafka("an answer to another question"));
            };
            if answer.error.is_none() {
                return Ok(answer);
            }
            // KIP-511: the answer names the versions that would have been right. Each round goes down, so it ends.
            let lower = if answer.error == ErrorCode::UNSUPPORTED_VERSION {
                common_version(&answer, ApiKey::ApiVersions).or(Some(0)).filter(|&hint| hint < version)
            } else {
                None
            };
            version = lower.ok_or(ProbeError::UnsupportedVersion { api: ApiKey::ApiVersions })?;
        }
    }

    async fn metadata(
        &mut self,
        spoken: &ApiVersionsResponse,
        topics: Vec<Arc<str>>,
    ) -> Result<MetadataResponse, ProbeError> {
        let unsupported = ProbeError::UnsupportedVersion { api: ApiKey::Metadata };
        // Since 4 a question can leave it at asking: before, it creates the topics that it names.
        let version = common_version(spoken, ApiKey::Metadata).filter(|version| *version >= 4).ok_or(unsupported)?;
        let request = MetadataRequest { topics: Some(topics), allow_auto_topic_creation: false, ..Default::default() };
        match self.ask(version, Request::Metadata(request)).await? {
            Response::Metadata(answer) => Ok(answer),
            _ => Err(not_kafka("an answer to another question")),
        }
    }

    async fn ask(&mut self, version: i16, body: Request) -> Result<Response, ProbeError> {
        self.correlation += 1;
        let correlation = CorrelationId(self.correlation);
        let api = body.api();
        let header = RequestHeader { api, version, correlation, client_id: Some(env!("CARGO_PKG_NAME").into()) };
        let request = OutgoingRequest { header, body, expects_response: true };
        let mut frame = wire::encode_request(&request).map_err(not_kafka)?;
        self.requests.write_all_buf(&mut frame).await.map_err(|error| not_kafka(ReadError::from(error)))?;
        let frame = self.frames.next().await.map_err(not_kafka)?;
        let (told, response) = wire::decode_response(api, version, frame).map_err(not_kafka)?;
        if told != correlation {
            return Err(not_kafka("an answer to another request"));
        }
        Ok(response)
    }
}

fn not_kafka(seen: impl core::fmt::Display) -> ProbeError {
    ProbeError::NotKafka { detail: seen.to_string().into() }
}

/// The highest version of `api` that we and the broker speak.
fn common_version(spoken: &ApiVersionsResponse, api: ApiKey) -> Option<i16> {
    let range = spoken.api_keys.iter().find(|range| range.api_key == api.code())?;
    client_versions(api).highest_common(*range)
}
