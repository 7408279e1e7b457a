//! Every request in every version we speak, answered by an Apache Kafka: what it says decodes, and is what was asked.

use std::path::Path;

use anyhow::{Context as _, Result};
use bytes::{Bytes, BytesMut};
use cross_tests::topic_story;
use cross_tests::wire_client::{WireClient, once_ready};
use kafka_producer::embedded::{EmbeddedBrokers, EmbeddedOptions};
use producer_core::cluster::new_topic;
use producer_core::codecs::{Codec, Compression, Portable};
use producer_core::error::ErrorCode;
use producer_core::ids::{NodeId, ProducerIdentity, TopicId};
use producer_core::protocol::*;
use producer_core::record_batch::{BatchBuilder, BatchView, Estimate, Stamp, TimestampType, set_max_timestamp};
use xtask::kafka::KafkaJars;

const TIMESTAMP_MS: i64 = 1_700_000_000_000;

/// A connection to a broker of which is known what it speaks.
struct Client {
    wire: WireClient,
    /// What the broker said it speaks.
    broker: Vec<ApiVersionRange>,
}

impl Client {
    fn connect(port: u16) -> Result<Self> {
        let mut client = Self { wire: WireClient::connect(port)?, broker: vec![] };
        client.broker = client.api_versions(4)?.api_keys;
        Ok(client)
    }

    fn ask(&mut self, version: i16, body: Request) -> Result<Response> {
        self.wire.ask(version, body)
    }

    /// The versions that both sides speak; all of ours but those that Kafka 4 has given up.
    fn common(&self, api: ApiKey) -> Vec<i16> {
        let ours = client_versions(api);
        let theirs = self.broker.iter().find(|range| range.api_key == api.code()).expect("a broker lists every API");
        assert_eq!(ours.highest_common(*theirs), Some(ours.max), "{api:?}: Kafka speaks our highest version");
        (ours.min.max(theirs.min)..=ours.max).collect()
    }

    fn api_versions(&mut self, version: i16) -> Result<ApiVersionsResponse> {
        let body = ApiVersionsRequest { client_software_name: "wire".into(), client_software_version: "1".into() };
        let Response::ApiVersions(body) = self.ask(version, Request::ApiVersions(body))? else { unreachable!() };
        Ok(body)
    }

    fn create_topic(&mut self, version: i16, name: &str, configs: &[(&str, &str)]) -> Result<CreatedTopic> {
        let configs = configs.iter().map(|&(name, value)| (name.into(), Some(value.into()))).collect();
        let topic =
            NewTopic { name: name.into(), num_partitions: 2, replication_factor: 1, configs, assignments: Vec::new() };
        let body = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, validate_only: false };
        let Response::CreateTopics(body) = self.ask(version, Request::CreateTopics(body))? else { unreachable!() };
        Ok(body.topics[0].clone())
    }

    /// The id that a topic is said by in this version; none where it is said by name, or where there is no such topic.
    fn id_of(&mut self, api: ApiKey, version: i16, topic: &str) -> Result<TopicId> {
        if !says_topics_by_id(api, version) {
            return Ok(TopicId::default());
        }
        let topics = Some(vec![topic.into()]);
        let body =
            Request::Metadata(MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() });
        let Response::Metadata(body) = self.ask(11, body)? else { unreachable!() };
        Ok(body.topics[0].id)
    }

    /// Produces one batch to partition 0.
    fn produce(&mut self, version: i16, topic: &str, records: Bytes) -> Result<ProducePartitionResponse> {
        let partitions = vec![ProducePartition { partition: 0, records }];
        let id = self.id_of(ApiKey::Produce, version, topic)?;
        let topics = vec![ProduceTopic { name: topic.into(), id, partitions }];
        let body = ProduceRequest { transactional_id: None, acks: -1, timeout_ms: 30_000, topics };
        let Response::Produce(body) = self.ask(version, Request::Produce(body))? else { unreachable!() };
        let name = if says_topics_by_id(ApiKey::Produce, version) { "" } else { topic };
        assert_eq!((&*body.topics[0].name, body.topics[0].id), (name, id));
        Ok(body.topics[0].partitions[0].clone())
    }
}

fn batch(stamp: Stamp, key: Option<&[u8]>, value: &str) -> Bytes {
    let mut batch = BatchBuilder::new(BytesMut::new(), 1 << 16);
    batch.try_append(TIMESTAMP_MS, key, Some(value.as_bytes()), &[]);
    batch.close(stamp)
}

#[test]
fn every_version_of_every_request_is_answered_by_apache_kafka() -> Result<()> {
    let kafka = xtask::kafka::start(1)?;
    let client = &mut Client::connect(kafka.client_ports()[0])?;
    compressed_batches_are_judged_as_by_the_embedded_brokers(client)?;
    topics_end_and_are_said_by_id_as_with_the_embedded_brokers(kafka.client_ports()[0])?;
    api_versions_says_what_the_cluster_finalised(client)?;
    topics_are_created(client)?;
    metadata_names_brokers_and_topics(client)?;
    coordinators_are_found(client)?;
    let written = batches_are_stored(client)?;
    refusals_arrive_with_their_reasons(client)?;
    offsets_are_listed(client, written)?;
    batches_are_fetched_as_they_were_sent(client, written)
}

fn api_versions_says_what_the_cluster_finalised(client: &mut Client) -> Result<()> {
    for version in client.common(ApiKey::ApiVersions) {
        let body = client.api_versions(version)?;
        assert_eq!(body.error, ErrorCode::NONE);
        assert!(body.api_keys.contains(&ApiVersionRange { api_key: 0, min: 0, max: 13 }), "{version}");
        assert_eq!(body.transaction_version, if version >= 3 { 2 } else { 0 });
        assert_eq!(body.finalized_features_epoch.is_some(), version >= 3, "{version}");
    }
    Ok(())
}

fn topics_are_created(client: &mut Client) -> Result<()> {
    for version in client.common(ApiKey::CreateTopics) {
        let created = client.create_topic(version, &format!("created-{version}"), &[])?;
        assert_eq!((created.error, &*created.name), (ErrorCode::NONE, &*format!("created-{version}")));
        assert_eq!(created.num_partitions, if version >= 5 { 2 } else { -1 });
        assert_eq!(created.id == TopicId::default(), version < 7);
        let again = client.create_topic(version, &format!("created-{version}"), &[])?;
        assert_eq!(again.error, ErrorCode::TOPIC_ALREADY_EXISTS);
        assert_eq!(again.error_message.as_deref(), Some(&*format!("Topic 'created-{version}' already exists.")));
    }
    Ok(())
}

fn metadata_names_brokers_and_topics(client: &mut Client) -> Result<()> {
    // The controller has created it; the broker hears of it a little later.
    once_ready(|| {
        let topics = Some(vec!["created-7".into()]);
        let body =
            Request::Metadata(MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() });
        let Response::Metadata(body) = client.ask(4, body)? else { unreachable!() };
        Ok((body.topics[0].error, ()))
    })?;
    // The client asks in none below 1, as the Java client does.
    for version in client.common(ApiKey::Metadata).into_iter().filter(|version| *version >= 1) {
        // A question below 4 cannot say that nothing is to be created.
        let creates = version < 4;
        let asked = ["created-7", "no-such-topic"].into_iter().take(if creates { 1 } else { 2 });
        let topics = Some(asked.map(Into::into).collect());
        let body =
            Request::Metadata(MetadataRequest { topics, allow_auto_topic_creation: creates, ..Default::default() });
        let Response::Metadata(body) = client.ask(version, body)? else { unreachable!() };
        assert_eq!((body.brokers.len(), body.brokers[0].node, &*body.brokers[0].host), (1, NodeId(1), "127.0.0.1"));
        assert_eq!(body.controller, NodeId(1));
        assert_eq!(body.cluster_id.is_some(), version >= 2);
        let find = |name| body.topics.iter().find(|topic| &*topic.name == name).unwrap();
        if !creates {
            assert_eq!(find("no-such-topic").error, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        }
        let topic = find("created-7");
        assert_eq!((topic.error, topic.partitions.len(), topic.is_internal), (ErrorCode::NONE, 2, false));
        assert_eq!(topic.id == TopicId::default(), version < 10);
        let partition = topic.partitions.iter().find(|partition| partition.partition == 1).unwrap();
        assert_eq!((partition.error, partition.leader), (ErrorCode::NONE, NodeId(1)));
        assert_eq!(partition.leader_epoch, if version >= 9 { 0 } else { -1 });
        assert_eq!((&partition.replicas, &partition.isr), (&vec![NodeId(1)], &vec![NodeId(1)]));
    }
    Ok(())
}

fn coordinators_are_found(client: &mut Client) -> Result<()> {
    for version in client.common(ApiKey::FindCoordinator) {
        // The first question makes the broker create the topic that coordinators keep their state in.
        let found = once_ready(|| {
            let body = FindCoordinatorRequest { key_type: 0, keys: vec!["group".into()] };
            let Response::FindCoordinator(body) = client.ask(version, Request::FindCoordinator(body))? else {
                unreachable!()
            };
            Ok((body.coordinators[0].error, body.coordinators[0].clone()))
        })?;
        assert_eq!((found.node, &*found.host), (NodeId(1), "127.0.0.1"));
        assert_eq!(&*found.key, if version >= 4 { "group" } else { "" });
    }
    Ok(())
}

/// Writes one batch per version of Produce, each by a producer of another version of InitProducerId; how many.
fn batches_are_stored(client: &mut Client) -> Result<i64> {
    let mut identities = Vec::new();
    for version in client.common(ApiKey::InitProducerId) {
        let body = once_ready(|| {
            let body = Request::InitProducerId(InitProducerIdRequest {
                transactional_id: None,
                transaction_timeout_ms: 60_000,
                producer_id: -1,
                producer_epoch: -1,
            });
            let Response::InitProducerId(body) = client.ask(version, body)? else { unreachable!() };
            Ok((body.error, body))
        })?;
        assert_eq!((body.error, body.producer_epoch), (ErrorCode::NONE, 0));
        identities.push(ProducerIdentity { id: body.producer_id, epoch: body.producer_epoch });
    }
    assert!(identities.is_sorted_by(|earlier, later| earlier.id < later.id), "every producer gets an id of its own");

    let versions = client.common(ApiKey::Produce);
    for (offset, &version) in (0_i64..).zip(&versions) {
        let nth = usize::try_from(offset)?;
        let identity = identities[nth % identities.len()];
        let sequence = i32::try_from(nth / identities.len())?;
        let stamp = Stamp { identity: Some(identity), base_sequence: sequence, transactional: false };
        let sent = batch(stamp, Some(b"key"), &format!("by version {version}"));
        let stored = client.produce(version, "created-7", sent.clone())?;
        assert_eq!((stored.error, stored.base_offset, stored.log_append_time_ms), (ErrorCode::NONE, offset, -1));
        assert_eq!(stored.log_start_offset, if version >= 5 { 0 } else { -1 });
        let again = client.produce(version, "created-7", sent)?;
        assert_eq!((again.error, again.base_offset), (ErrorCode::NONE, offset), "a duplicate is recognised");
    }
    Ok(i64::try_from(versions.len())?)
}

fn refusals_arrive_with_their_reasons(client: &mut Client) -> Result<()> {
    client.create_topic(7, "compacted", &[("cleanup.policy", "compact")])?;
    for version in client.common(ApiKey::Produce) {
        let unknown = client.produce(version, "no-such-topic", batch(Stamp::PLAIN, None, "value"))?;
        let by_id = says_topics_by_id(ApiKey::Produce, version);
        let error = if by_id { ErrorCode::UNKNOWN_TOPIC_ID } else { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION };
        assert_eq!((unknown.error, unknown.base_offset), (error, -1));
        let keyless = once_ready(|| {
            let answer = client.produce(version, "compacted", batch(Stamp::PLAIN, None, "value"))?;
            Ok((answer.error, answer))
        })?;
        assert_eq!(keyless.error, ErrorCode::INVALID_RECORD);
        let reasons: Vec<_> = keyless.record_errors.iter().map(|error| error.batch_index).collect();
        assert_eq!(reasons, if version >= 8 { vec![0] } else { vec![] });
        assert_eq!(keyless.error_message.is_some(), version >= 8);
    }
    Ok(())
}

fn offsets_are_listed(client: &mut Client, written: i64) -> Result<()> {
    for version in client.common(ApiKey::ListOffsets) {
        for (timestamp_ms, offset) in [(-1, written), (-2, 0), (TIMESTAMP_MS, 0)] {
            let partition = ListOffsetsPartition { partition: 0, current_leader_epoch: -1, timestamp_ms };
            let topics = vec![ListOffsetsTopic { name: "created-7".into(), partitions: vec![partition] }];
            let body = Request::ListOffsets(ListOffsetsRequest { isolation_level: 0, topics });
            let Response::ListOffsets(body) = client.ask(version, body)? else { unreachable!() };
            let found = body.topics[0].partitions[0];
            assert_eq!((found.error, found.offset), (ErrorCode::NONE, offset), "{version}: {timestamp_ms}");
            assert_eq!(found.timestamp_ms, if timestamp_ms > 0 { TIMESTAMP_MS } else { -1 });
        }
    }
    Ok(())
}

fn batches_are_fetched_as_they_were_sent(client: &mut Client, written: i64) -> Result<()> {
    for version in client.common(ApiKey::Fetch) {
        let partition = FetchPartition { partition: 0, current_leader_epoch: -1, fetch_offset: 0, max_bytes: 1 << 20 };
        let id = client.id_of(ApiKey::Fetch, version, "created-7")?;
        let topic = FetchTopic { name: "created-7".into(), id, partitions: vec![partition] };
        let body = Request::Fetch(FetchRequest {
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 1 << 20,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: vec![topic],
        });
        let Response::Fetch(body) = client.ask(version, body)? else { unreachable!() };
        let fetched = &body.topics[0].partitions[0];
        assert_eq!((fetched.error, fetched.high_watermark), (ErrorCode::NONE, written), "{version}");
        assert_eq!(i64::try_from(fetched.batches.len())?, written);
        for (offset, bytes) in (0..).zip(&fetched.batches) {
            let batch = BatchView::parse(bytes)?;
            batch.verify_crc()?;
            assert_eq!((batch.base_offset(), batch.partition_leader_epoch()), (offset, 0));
            let record = batch.records().next().context("one record")??;
            assert_eq!((record.key, record.timestamp_ms), (Some(&b"key"[..]), TIMESTAMP_MS));
        }
    }
    Ok(())
}

/// A batch of two records, the second this much later than the first.
fn compressed(codec: Codec, later_ms: i64) -> BytesMut {
    let compression = Compression { codec, level: codec.default_level().unwrap_or_default() };
    let mut batch = BatchBuilder::new(BytesMut::new(), 1 << 16).compressed(Some(Estimate { compression, ratio: 1.0 }));
    for (timestamp_ms, value) in [(TIMESTAMP_MS, "first "), (TIMESTAMP_MS + later_ms, "second ")] {
        batch.try_append(timestamp_ms, Some(b"key"), Some(value.repeat(30).as_bytes()), &[]).expect("it fits");
    }
    BytesMut::from(&batch.close_with(Stamp::PLAIN, &Portable).bytes[..])
}

/// With a length and a CRC that fit.
fn sealed(mut batch: BytesMut) -> Bytes {
    let length = u32::try_from(batch.len() - 12).expect("small");
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let max_timestamp = i64::from_be_bytes(batch[35..43].try_into().expect("8 bytes"));
    set_max_timestamp(&mut batch, TimestampType::CreateTime, max_timestamp);
    batch.freeze()
}

/// Sound batches of a codec, and batches with something wrong inside.
fn suspects(codec: Codec) -> Vec<(&'static str, Bytes)> {
    let changed = |change: &dyn Fn(&mut BytesMut)| {
        let mut batch = compressed(codec, 5);
        change(&mut batch);
        sealed(batch)
    };
    let with_count = |count: i32| {
        changed(&|batch| {
            batch[23..27].copy_from_slice(&(count - 1).to_be_bytes());
            batch[57..61].copy_from_slice(&count.to_be_bytes());
        })
    };
    vec![
        ("sound", changed(&|_| {})),
        ("a record more than it says", with_count(1)),
        ("a record less than it says", with_count(3)),
        ("noise", changed(&|batch| batch[61..].fill(0xee))),
        ("half of it", changed(&|batch| batch.truncate(61 + (batch.len() - 61) / 2))),
        ("nothing", changed(&|batch| batch.truncate(61))),
        ("another codec", changed(&|batch| batch[22] = batch[22] % 4 + 1)),
        ("a wrong latest time", changed(&|batch| batch[42] ^= 1)),
        ("from the year 33658", sealed(compressed(codec, 1_000_000_000_000_000))),
    ]
}

fn compressed_batches_are_judged_as_by_the_embedded_brokers(kafka: &mut Client) -> Result<()> {
    kafka.create_topic(7, "orders", &[])?;
    let runtime = tokio::runtime::Runtime::new()?;
    let topics = vec![new_topic("orders", 1, 1)];
    let options = EmbeddedOptions { brokers: 1, topics, ..EmbeddedOptions::default() };
    let brokers = runtime.block_on(EmbeddedBrokers::start(options))?;
    let port = brokers.bootstrap_servers().rsplit(':').next().context("a port")?.parse()?;
    let ours = &mut Client::connect(port)?;
    once_ready(|| kafka.produce(12, "orders", batch(Stamp::PLAIN, None, "value")).map(|told| (told.error, told)))?;
    let mut differences = Vec::new();
    for codec in Codec::ALL {
        for (what, batch) in suspects(codec) {
            let answers = [&mut *kafka, &mut *ours].map(|broker| {
                let told = broker.produce(12, "orders", batch.clone())?;
                let places: Vec<i32> = told.record_errors.iter().map(|error| error.batch_index).collect();
                anyhow::Ok((told.error, places))
            });
            let [java, ours] = answers;
            let (java, ours) = (java?, ours?);
            if java != ours {
                differences.push(format!("{codec:?}, {what}: Kafka {java:?}, embedded {ours:?}"));
            }
        }
    }
    assert_eq!(differences, [""; 0]);
    Ok(())
}

fn topics_end_and_are_said_by_id_as_with_the_embedded_brokers(kafka: u16) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let options = EmbeddedOptions { brokers: 1, topics: Vec::new(), ..EmbeddedOptions::default() };
    let brokers = runtime.block_on(EmbeddedBrokers::start(options))?;
    assert_eq!(topic_story::tell(brokers.addresses()[0].port)?, topic_story::tell(kafka)?);
    Ok(())
}

#[test]
fn the_recorded_batches_are_what_the_java_client_writes() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recorded = std::fs::read_to_string(here.join("fixtures/java_batches.txt"))?;
    let printed = KafkaJars::ensure()?.run_source(&here.join("java/JavaBatches.java"), [""; 0])?;
    assert_eq!(printed, recorded);
    Ok(())
}
