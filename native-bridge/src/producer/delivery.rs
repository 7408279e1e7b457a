//! What becomes of a record: where it landed, or why it did not.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use producer_core::error::{Persistence, ProducerError};
use producer_core::io::BatchCompletion;
use producer_core::producer::Sent;
use producer_core::record::Record;

/// Where a record landed (`org.apache.kafka.clients.producer.RecordMetadata`).
///
/// `None` stands where the Java client says −1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordMetadata {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition; `None` when the record was refused before one was chosen.
    pub partition: Option<i32>,
    /// Offset; `None` when the broker did not say (acks=0, a duplicate it no longer remembers) or the record failed.
    pub offset: Option<i64>,
    /// Milliseconds since 1970: the record's CreateTime, or the broker's time for topics with LogAppendTime; `None`
    /// when the record failed.
    pub timestamp_ms: Option<i64>,
    /// Bytes of the serialised key; `None` for a null key, or when the record failed.
    pub serialized_key_size: Option<usize>,
    /// Bytes of the serialised value; `None` for a null value, or when the record failed.
    pub serialized_value_size: Option<usize>,
}

impl RecordMetadata {
    /// Of a batch, before anything is said of one of its records.
    pub(super) fn of_batch(completion: &BatchCompletion) -> Self {
        Self::of_failure(Arc::clone(&completion.topic), Some(completion.partition))
    }

    pub(super) fn of_failure(topic: Arc<str>, partition: Option<i32>) -> Self {
        Self {
            topic,
            partition,
            offset: None,
            timestamp_ms: None,
            serialized_key_size: None,
            serialized_value_size: None,
        }
    }
}

impl fmt::Display for RecordMetadata {
    /// `orders-1@0`, as the Java client prints it; unknown parts as −1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}@{}", self.topic, self.partition.unwrap_or(-1), self.offset.unwrap_or(-1))
    }
}

/// A record that was appended, and then given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct DeliveryError {
    /// Why, with the Java client's class and sentence.
    #[source]
    pub error: ProducerError,
    /// May it be in the log all the same?
    pub persistence: Persistence,
    /// The topic it was meant for.
    pub topic: Arc<str>,
    /// The partition it was appended to.
    pub partition: i32,
}

impl DeliveryError {
    /// What the Java client hands to a callback beside the exception: topic and partition, and nothing more.
    pub fn metadata(&self) -> RecordMetadata {
        RecordMetadata::of_failure(Arc::clone(&self.topic), Some(self.partition))
    }
}

/// What is remembered of an appended record until its batch, which whoever has this knows, meets its fate.
#[derive(Clone, Copy, Debug)]
pub(super) struct AppendedRecord {
    pub(super) timestamp_ms: i64,
    index: u32,
    key_size: Size,
    value_size: Size,
}

/// Bytes of a key or value, −1 for null: there is one for every record that waits.
#[derive(Clone, Copy, Debug)]
struct Size(i32);

impl Size {
    fn of(bytes: Option<&[u8]>) -> Self {
        // `max.request.size` is an i32, and no appended record is larger.
        Self(bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX)))
    }

    fn known(self) -> Option<usize> {
        usize::try_from(self.0).ok()
    }
}

impl AppendedRecord {
    pub(super) fn new(sent: &Sent, record: &Record<'_>) -> Self {
        Self {
            timestamp_ms: sent.timestamp_ms,
            index: sent.index,
            key_size: Size::of(record.key),
            value_size: Size::of(record.value),
        }
    }

    /// Does its batch's fate, or that of a part of it, speak of this record?
    pub(super) fn is_of(&self, completion: &BatchCompletion) -> bool {
        completion.covers_place(self.index)
    }

    /// With the timestamp as a difference; `None` when that is too large.
    pub(super) fn since(&self, timestamp_ms: i64) -> Option<CompactRecord> {
        let later_ms = i32::try_from(self.timestamp_ms.checked_sub(timestamp_ms)?).ok()?;
        let Self { index, key_size, value_size, .. } = *self;
        Some(CompactRecord { later_ms, index, key_size, value_size })
    }

    /// This record's share of its batch's fate.
    pub(super) fn fate(&self, completion: &BatchCompletion) -> Result<RecordMetadata, DeliveryError> {
        let mut metadata = RecordMetadata::of_batch(completion);
        match self.tell(completion, &mut metadata) {
            Ok(()) => Ok(metadata),
            Err((error, persistence)) => {
                let (topic, partition) = (metadata.topic, completion.partition);
                Err(DeliveryError { error: error.clone(), persistence, topic, partition })
            }
        }
    }

    /// As [`fate`](Self::fate), written into the metadata of its batch, which its records may share one after the other.
    pub(super) fn tell<'c>(
        &self,
        completion: &'c BatchCompletion,
        metadata: &mut RecordMetadata,
    ) -> Result<(), (&'c ProducerError, Persistence)> {
        match &completion.result {
            Ok(stored) => {
                metadata.offset = completion.offset_of(self.index);
                metadata.timestamp_ms = Some(stored.log_append_time_ms.unwrap_or(self.timestamp_ms));
                metadata.serialized_key_size = self.key_size.known();
                metadata.serialized_value_size = self.value_size.known();
                Ok(())
            }
            Err(failure) => {
                let own = failure.record_errors.binary_search_by_key(&self.index, |(index, _)| *index);
                let error = own.map_or(&failure.error, |found| &failure.record_errors[found].1);
                Err((error, failure.persistence))
            }
        }
    }
}

/// An [`AppendedRecord`] among others of about its time: every byte of it is carried from the program's processor to that
/// of the sender's thread and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct CompactRecord {
    later_ms: i32,
    index: u32,
    key_size: Size,
    value_size: Size,
}

impl CompactRecord {
    /// The record whole again.
    pub(super) fn at(&self, timestamp_ms: i64) -> AppendedRecord {
        let Self { later_ms, index, key_size, value_size } = *self;
        AppendedRecord { timestamp_ms: timestamp_ms + i64::from(later_ms), index, key_size, value_size }
    }
}

/// The fate of one batch, shared by the [`Delivery`]s of its records.
#[derive(Debug, Default)]
pub(super) struct BatchFate(Mutex<FateState>);

#[derive(Debug, Default)]
struct FateState {
    /// One, or one for each part of a batch that was split.
    completions: Vec<BatchCompletion>,
    /// One place per delivery that waited; free when the delivery was dropped.
    waiting: Vec<Option<Waker>>,
}

impl BatchFate {
    fn lock(&self) -> MutexGuard<'_, FateState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The batch met its fate, or a part of it: whoever waits looks whether it is theirs.
    pub(super) fn settle(&self, completion: BatchCompletion) {
        let waiting: Vec<_> = {
            let mut state = self.lock();
            state.completions.push(completion);
            // The places stay: who waits for another part comes back to its own.
            state.waiting.iter_mut().filter_map(Option::take).collect()
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// The future that `send` returns; awaiting it is Java's `get()`.
///
/// Dropping it forgets the record's fate, not the record: it is sent all the same.
#[derive(Debug)]
#[must_use = "await it to learn the record's fate, or use `send_unobserved`, which costs less"]
pub struct Delivery {
    record: AppendedRecord,
    partition: i32,
    fate: Arc<BatchFate>,
    place: Option<usize>,
}

impl Delivery {
    pub(super) fn new(record: AppendedRecord, partition: i32, fate: Arc<BatchFate>) -> Self {
        Self { record, partition, fate, place: None }
    }

    /// The partition the record was appended to.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// Has the record's fate been decided (`Future.isDone()`)?
    pub fn is_done(&self) -> bool {
        self.fate.lock().completions.iter().any(|completion| self.record.is_of(completion))
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, DeliveryError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut state = this.fate.lock();
        if let Some(completion) = state.completions.iter().find(|completion| this.record.is_of(completion)) {
            return Poll::Ready(this.record.fate(completion));
        }
        match this.place {
            Some(place) => match &mut state.waiting[place] {
                Some(waker) => waker.clone_from(context.waker()),
                empty => *empty = Some(context.waker().clone()),
            },
            None => {
                this.place = Some(state.waiting.len());
                state.waiting.push(Some(context.waker().clone()));
            }
        }
        Poll::Pending
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let mut state = self.fate.lock();
            if let Some(waiting) = state.waiting.get_mut(place) {
                *waiting = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use producer_core::error::BatchFailure;
    use producer_core::ids::{BatchId, NodeId};
    use producer_core::io::Stored;

    use super::*;

    fn record(index: u32) -> AppendedRecord {
        AppendedRecord { timestamp_ms: 1_000, index, key_size: Size::of(None), value_size: Size::of(Some(b"")) }
    }

    fn completion(result: Result<Stored, BatchFailure>) -> BatchCompletion {
        BatchCompletion {
            batch: BatchId(7),
            first_index: 0,
            carrier: BatchId(7),
            is_last: true,
            topic: "orders".into(),
            partition: 1,
            record_count: 3,
            attempts: 1,
            result,
        }
    }

    fn stored(base_offset: i64, log_append_time_ms: Option<i64>) -> BatchCompletion {
        completion(Ok(Stored { base_offset, log_append_time_ms }))
    }

    #[test]
    fn an_offset_is_the_batchs_plus_the_place_in_it() {
        let metadata = record(2).fate(&stored(40, None)).expect("stored");
        assert_eq!(metadata.to_string(), "orders-1@42");
        assert_eq!((metadata.timestamp_ms, metadata.serialized_key_size), (Some(1_000), None));
        assert_eq!(metadata.serialized_value_size, Some(0), "empty is not null");
    }

    #[test]
    fn an_unknown_offset_stays_unknown() {
        let metadata = record(2).fate(&stored(-1, None)).expect("sent with acks=0");
        assert_eq!((metadata.offset, metadata.timestamp_ms), (None, Some(1_000)));
        assert_eq!(metadata.to_string(), "orders-1@-1");
    }

    #[test]
    fn log_append_time_replaces_the_records_own() {
        assert_eq!(record(0).fate(&stored(0, Some(9))).expect("stored").timestamp_ms, Some(9));
    }

    #[test]
    fn a_record_named_by_the_broker_fails_with_its_own_error() {
        let failed = completion(Err(BatchFailure {
            error: ProducerError::BatchContainedInvalidRecords,
            record_errors: vec![(1, ProducerError::Disconnected { node: NodeId(1) })],
            persistence: Persistence::NotPersisted,
        }));
        assert_eq!(record(0).fate(&failed).unwrap_err().error, ProducerError::BatchContainedInvalidRecords);
        let own = record(1).fate(&failed).unwrap_err();
        assert_eq!(own.error, ProducerError::Disconnected { node: NodeId(1) });
        let metadata = own.metadata();
        assert_eq!((metadata.partition, metadata.offset), (Some(1), None));
        assert_eq!((metadata.timestamp_ms, metadata.serialized_value_size), (None, None));
    }

    /// Mirrors `ProducerBatchTest.testCompleteExceptionallyWithRecordErrors`: of five records the first and the fourth
    /// fail with errors of their own, the others with the batch's.
    #[test]
    fn of_five_records_two_fail_with_their_own_errors_and_three_with_the_batchs() {
        let own = |node| ProducerError::Disconnected { node: NodeId(node) };
        let failed = completion(Err(BatchFailure {
            error: ProducerError::ForceClosed,
            record_errors: vec![(0, own(0)), (3, own(3))],
            persistence: Persistence::NotPersisted,
        }));
        let failed = BatchCompletion { record_count: 5, ..failed };
        let errors: Vec<_> = (0..5).map(|index| record(index).fate(&failed).expect_err("failed").error).collect();
        let whole = ProducerError::ForceClosed;
        assert_eq!(errors, [own(0), whole.clone(), whole.clone(), own(3), whole]);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_and_whoever_comes_late_gets_the_same() {
        let fate = Arc::new(BatchFate::default());
        let early = tokio::spawn(Delivery::new(record(0), 1, Arc::clone(&fate)));
        let late = Delivery::new(record(1), 1, Arc::clone(&fate));
        tokio::task::yield_now().await;
        assert!(!late.is_done());
        fate.settle(stored(5, None));
        assert_eq!(early.await.expect("no panic").expect("stored").offset, Some(5));
        assert!(late.is_done());
        assert_eq!(late.await.expect("stored").offset, Some(6));
    }

    /// A record that has this place in the batch "foo-0", and what became of the batch.
    fn of_foo(index: u32, base_offset: i64) -> RecordMetadata {
        let appended = AppendedRecord {
            timestamp_ms: 2_340_234,
            key_size: Size::of(Some(b"key")),
            value_size: Size::of(Some(b"value")),
            ..record(index)
        };
        let stored =
            BatchCompletion { topic: "foo".into(), partition: 0, record_count: 9, ..stored(base_offset, None) };
        appended.fate(&stored).expect("stored")
    }

    /// Mirrors `RecordMetadataTest.testConstructionWithMissingBatchIndex`: metadata without an offset has topic,
    /// partition, timestamp and both sizes all the same.
    /// Mirrors `RecordMetadataTest.testConstructionWithBatchIndexOffset`: the offset is that of the batch plus the
    /// place in it, beside topic, partition, timestamp and both sizes.
    #[test]
    fn metadata_without_an_offset_has_everything_else() {
        let expected = RecordMetadata {
            topic: "foo".into(),
            partition: Some(0),
            offset: None,
            timestamp_ms: Some(2_340_234),
            serialized_key_size: Some(3),
            serialized_value_size: Some(5),
        };
        assert_eq!(of_foo(3, -1), expected);
        assert_eq!(of_foo(3, 15), RecordMetadata { offset: Some(15 + 3), ..expected });
    }

    fn sixth_of_a_batch_at_45() -> BatchCompletion {
        BatchCompletion { record_count: 6, ..stored(45, None) }
    }

    /// Mirrors `RecordSendTest.testTimeout`: a future that is not done times out, and once the batch is stored it is
    /// done and gives its offset.
    #[tokio::test]
    async fn whoever_waits_for_a_while_may_wait_again() {
        let fate = Arc::new(BatchFate::default());
        let mut delivery = Delivery::new(record(5), 1, Arc::clone(&fate));
        assert!(!delivery.is_done());
        let patience = std::time::Duration::from_millis(5);
        assert!(tokio::time::timeout(patience, &mut delivery).await.is_err(), "nothing completes it");
        fate.settle(sixth_of_a_batch_at_45());
        assert!(delivery.is_done());
        assert_eq!(delivery.await.expect("stored").offset, Some(45 + 5));
    }

    /// Mirrors `RecordSendTest.testError`: waiting for a batch that fails later gives its error, here a
    /// CorruptRecordException.
    /// Mirrors `RecordSendTest.testBlocking`: waiting for a batch that is stored later gives the offset of its
    /// beginning plus the place.
    #[tokio::test]
    async fn whoever_waits_learns_the_offset_or_the_error_when_it_comes() {
        let corrupt = ProducerError::Broker { code: producer_core::error::ErrorCode::CORRUPT_MESSAGE, message: None };
        let failure =
            BatchFailure { error: corrupt, record_errors: Vec::new(), persistence: Persistence::NotPersisted };
        let failed = BatchCompletion { record_count: 6, ..completion(Err(failure)) };
        for (comes, expected) in [(sixth_of_a_batch_at_45(), Ok(Some(45 + 5))), (failed, Err("CorruptRecordException"))]
        {
            let fate = Arc::new(BatchFate::default());
            let waiting = tokio::spawn(Delivery::new(record(5), 1, Arc::clone(&fate)));
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            fate.settle(comes);
            let outcome = waiting.await.expect("no panic");
            assert_eq!(outcome.map(|told| told.offset).map_err(|why| why.error.java_class()), expected);
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_another_part_of_a_split_batch_goes_on_waiting() {
        let part = |first_index, record_count, base_offset| BatchCompletion {
            first_index,
            record_count,
            is_last: first_index > 0,
            ..stored(base_offset, None)
        };
        let fate = Arc::new(BatchFate::default());
        let first = tokio::spawn(Delivery::new(record(1), 1, Arc::clone(&fate)));
        let second = tokio::spawn(Delivery::new(record(2), 1, Arc::clone(&fate)));
        tokio::task::yield_now().await;
        fate.settle(part(0, 2, 40));
        assert_eq!(first.await.expect("no panic").expect("stored").offset, Some(41));
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        fate.settle(part(2, 1, 90));
        assert_eq!(second.await.expect("no panic").expect("stored").offset, Some(90));
    }

    #[tokio::test]
    async fn a_dropped_delivery_is_woken_no_more() {
        let fate = Arc::new(BatchFate::default());
        let waiting = tokio::spawn(Delivery::new(record(0), 1, Arc::clone(&fate)));
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.expect_err("aborted").is_cancelled());
        assert!(fate.lock().waiting.iter().all(Option::is_none));
    }
}
