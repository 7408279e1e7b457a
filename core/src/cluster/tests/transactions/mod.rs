//! Transactions, as producers, consumers and zombies meet them.

mod ending;
mod fencing;
mod interleavings;
mod offsets;
mod old_clients;
mod undecided;

use super::reader::{READ_COMMITTED, READ_UNCOMMITTED, sifted};
use super::*;
use crate::protocol::{
    AbortedTransaction, AddPartitionsToTxnRequest, EndTxnRequest, EndTxnResponse, FindCoordinatorRequest,
    InitProducerIdRequest, InitProducerIdResponse, ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic,
    TopicPartitions,
};

/// Java's hash of `tx` is 3716: partition 16 of 50, and of three brokers the second leads it.
const COORDINATOR: i32 = 2;
const TX: &str = "tx";
/// Another id of the same coordinator.
const RIVAL: &str = "fresh";

impl World {
    fn init(&mut self, id: &str, expected: Option<ProducerIdentity>) -> Result<ProducerIdentity, ErrorCode> {
        self.init_with_timeout(id, 60_000, expected)
    }

    fn init_with_timeout(
        &mut self,
        id: &str,
        transaction_timeout_ms: i32,
        expected: Option<ProducerIdentity>,
    ) -> Result<ProducerIdentity, ErrorCode> {
        let link = self.connect(COORDINATOR);
        self.init_on(link, id, transaction_timeout_ms, expected)
    }

    fn init_on(
        &mut self,
        link: LinkId,
        id: &str,
        transaction_timeout_ms: i32,
        expected: Option<ProducerIdentity>,
    ) -> Result<ProducerIdentity, ErrorCode> {
        let (producer_id, producer_epoch) = expected.map_or((-1, -1), |expected| (expected.id, expected.epoch));
        let transactional_id = Some(id.into());
        let request = InitProducerIdRequest { transactional_id, transaction_timeout_ms, producer_id, producer_epoch };
        match self.ask(link, Request::InitProducerId(request)) {
            Some(Response::InitProducerId(InitProducerIdResponse { error, producer_id, producer_epoch, .. })) => {
                if error.is_none() {
                    Ok(ProducerIdentity { id: producer_id, epoch: producer_epoch })
                } else {
                    assert_eq!((producer_id, producer_epoch), (-1, -1));
                    Err(error)
                }
            }
            other => panic!("{other:?}"),
        }
    }

    /// A producer in its first epoch.
    fn producer(&mut self) -> ProducerIdentity {
        self.init(TX, None).unwrap()
    }

    /// One whose epochs are used up.
    fn producer_in_its_last_epoch(&mut self) -> ProducerIdentity {
        let link = self.connect(COORDINATOR);
        loop {
            let producer = self.init_on(link, TX, 60_000, None).unwrap();
            if producer.epoch == i16::MAX - 1 {
                return producer;
            }
        }
    }

    /// Ends the transaction in this version; gives the identity from then on.
    fn end(
        &mut self,
        version: i16,
        identity: ProducerIdentity,
        committed: bool,
    ) -> Result<ProducerIdentity, ErrorCode> {
        self.end_of(TX, version, identity, committed)
    }

    fn end_of(
        &mut self,
        id: &str,
        version: i16,
        identity: ProducerIdentity,
        committed: bool,
    ) -> Result<ProducerIdentity, ErrorCode> {
        let link = self.connect(COORDINATOR);
        let request = EndTxnRequest { transactional_id: id.into(), identity, committed };
        match self.ask_in_version(link, version, Request::EndTxn(request)) {
            Some(Response::EndTxn(EndTxnResponse { error, producer_id, producer_epoch, .. })) => match error {
                ErrorCode::NONE => Ok(ProducerIdentity { id: producer_id, epoch: producer_epoch }),
                error => Err(error),
            },
            other => panic!("{other:?}"),
        }
    }

    fn commit(&mut self, identity: ProducerIdentity) -> Result<ProducerIdentity, ErrorCode> {
        self.end(5, identity, true)
    }

    fn abort(&mut self, identity: ProducerIdentity) -> Result<ProducerIdentity, ErrorCode> {
        self.end(5, identity, false)
    }

    /// Adds partitions to the transaction, as clients of protocol 1 do.
    fn add(&mut self, version: i16, identity: ProducerIdentity, topic: &str, partitions: &[i32]) -> Vec<ErrorCode> {
        self.add_as(TX, version, identity, topic, partitions)
    }

    fn add_as(
        &mut self,
        id: &str,
        version: i16,
        identity: ProducerIdentity,
        topic: &str,
        partitions: &[i32],
    ) -> Vec<ErrorCode> {
        let link = self.connect(COORDINATOR);
        let topics = vec![TopicPartitions { name: topic.into(), partitions: partitions.to_vec() }];
        let request = AddPartitionsToTxnRequest { transactional_id: id.into(), identity, topics };
        match self.ask_in_version(link, version, Request::AddPartitionsToTxn(request)) {
            Some(Response::AddPartitionsToTxn(response)) => {
                response.topics[0].partitions.iter().map(|&(_, error)| error).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Writes a batch within a transaction, in this version of Produce.
    fn write_in(
        &mut self,
        version: i16,
        partition: i32,
        identity: ProducerIdentity,
        base_sequence: i32,
        values: &[&str],
    ) -> ProducePartitionResponse {
        self.write_within(TX, version, partition, transactional(identity, base_sequence, values))
    }

    fn write_within(&mut self, id: &str, version: i16, partition: i32, batch: Bytes) -> ProducePartitionResponse {
        let (leader, _) = self.cluster.leader(&orders(partition)).unwrap();
        let link = self.connect(leader.0);
        match self.ask_in_version(link, version, within(id, produce_request(-1, partition, batch))) {
            Some(Response::Produce(mut response)) => response.topics.remove(0).partitions.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// Writes records of one time to partition 0; they must be taken.
    fn write_at(
        &mut self,
        id: &str,
        identity: ProducerIdentity,
        base_sequence: i32,
        timestamp_ms: i64,
        values: &[&str],
    ) {
        let stamp = Stamp { identity: Some(identity), base_sequence, transactional: true };
        let written = self.write_within(id, 12, 0, batch(values, timestamp_ms, stamp));
        assert_eq!(written.error, ErrorCode::NONE);
    }

    fn write(&mut self, partition: i32, identity: ProducerIdentity, base_sequence: i32, values: &[&str]) -> ErrorCode {
        self.write_in(12, partition, identity, base_sequence, values).error
    }

    /// What a read_committed consumer is given of partition 0, from an offset on.
    fn read_committed(&mut self, offset: i64) -> FetchPartitionResponse {
        self.fetch(1, FetchRequest { isolation_level: READ_COMMITTED, ..fetch_request(0, offset) })
    }

    /// The latest offset of partition 0 for a reader of this isolation level.
    fn latest(&mut self, isolation_level: i8, timestamp_ms: i64) -> i64 {
        let link = self.connect(1);
        let partition = ListOffsetsPartition { partition: 0, current_leader_epoch: -1, timestamp_ms };
        let topics = vec![ListOffsetsTopic { name: "orders".into(), partitions: vec![partition] }];
        match self.ask(link, Request::ListOffsets(ListOffsetsRequest { isolation_level, topics })) {
            Some(Response::ListOffsets(response)) => response.topics[0].partitions[0].offset,
            other => panic!("{other:?}"),
        }
    }

    /// The markers of partition 0: offset, epoch, and whether it is a commit.
    fn markers(&self) -> Vec<(i64, i16, bool)> {
        let log = self.cluster.log(&orders(0)).unwrap();
        let markers = log.batches().filter(|batch| batch.view().is_control());
        markers
            .map(|batch| {
                let view = batch.view();
                assert_eq!((view.verify_crc(), view.is_transactional(), view.base_sequence()), (Ok(()), true, -1));
                assert_eq!(view.record_count(), 1);
                let record = view.records().next().unwrap().unwrap();
                assert_eq!((record.key.map(<[u8]>::len), record.value), (Some(4), Some(&[0; 6][..])));
                (batch.base_offset, view.producer_epoch(), record.key == Some(&[0, 0, 0, 1]))
            })
            .collect()
    }
}

fn transactional(identity: ProducerIdentity, base_sequence: i32, values: &[&str]) -> Bytes {
    batch(values, WALL_MS, Stamp { identity: Some(identity), base_sequence, transactional: true })
}

/// The same Produce request, in the name of a transactional id.
fn within(id: &str, request: Request) -> Request {
    let Request::Produce(request) = request else { unreachable!() };
    Request::Produce(ProduceRequest { transactional_id: Some(id.into()), ..request })
}

fn raised(identity: ProducerIdentity) -> ProducerIdentity {
    ProducerIdentity { epoch: identity.epoch + 1, ..identity }
}
