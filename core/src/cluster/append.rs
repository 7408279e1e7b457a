//! What a leader checks before it stores a batch (`ProduceRequest.validateRecords`, `UnifiedLog.append`,
//! `LogValidator`), in Kafka's order.
//!
//! *Models*: one batch of magic 2, transactions, acks, internal topics, leadership, minimum in-sync replicas, base offset,
//! size, CRC, counts, keys of compacted topics, timestamps, sequences; batches are decompressed to look at their records,
//! and compressed anew where the topic wants another codec. *Leaves out*: segment size. Brokers without codecs take the
//! records of a compressed batch on trust, and store them as they came.

use std::sync::Arc;

use bytes::Bytes;

use super::producer_state::{Judgement, RememberedBatch};
use super::replica::Replica;
use super::rewrite::rewrite;
use super::topics::{TopicSettings, is_internal};
use super::transactions::Support;
use crate::codecs::Codecs;
use crate::error::ErrorCode;
use crate::ids::{ProducerIdentity, TopicPartition};
use crate::planted::{Defect, planted};
use crate::protocol::RecordError;
use crate::record_batch::{BatchError, BatchView, RecordView, TimestampType};
use crate::time::Now;

/// Codec number of zstd; allowed since Produce v7 (KIP-110).
const ZSTD: i16 = 4;
const LAST_KNOWN_CODEC: i16 = ZSTD;

/// `RecordBatch.NO_TIMESTAMP`.
const NO_TIMESTAMP: i64 = -1;

/// The request around a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// Version of the Produce request.
    pub(super) version: i16,
    /// Its acks.
    pub(super) acks: i16,
    /// The smallest ISR that takes acks=all.
    pub(super) min_isr: usize,
    /// The broker's clocks.
    pub(super) now: Now,
    /// May it write to the topics that are the brokers' own?
    pub(super) internal_topics_allowed: bool,
    /// What compressed batches are read with.
    pub(super) codecs: Option<&'static dyn Codecs>,
}

/// A batch that is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// Since now.
    New {
        base_offset: i64,
        last_offset: i64,
        log_append_time_ms: Option<i64>,
        records: u32,
        identity: Option<ProducerIdentity>,
        base_sequence: i32,
    },
    /// Since an earlier attempt.
    Before { base_offset: i64, last_offset: i64, max_timestamp_ms: i64 },
}

/// A batch that is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AppendRefusal {
    pub(super) error: ErrorCode,
    /// Was the log reached, so that the answer tells where it begins?
    pub(super) tells_log_start: bool,
    pub(super) record_errors: Vec<RecordError>,
    pub(super) message: Option<Arc<str>>,
}

impl AppendRefusal {
    /// Raised before the log, or of the kinds with which Kafka does not tell where it begins.
    fn early(error: ErrorCode) -> Self {
        Self { error, ..Self::default() }
    }

    /// The broker that was asked holds no copy.
    pub(super) fn elsewhere() -> Self {
        Self::early(ErrorCode::NOT_LEADER_OR_FOLLOWER)
    }

    fn in_log(error: ErrorCode) -> Self {
        Self { error, tells_log_start: true, ..Self::default() }
    }
}

/// Checks a batch and stores it in the copy of the broker that was asked. `admit` asks the coordinator whether a producer may write to this partition within
/// its transaction.
pub(super) fn append(
    replica: &mut Replica,
    settings: &TopicSettings,
    name: &TopicPartition,
    records: &[u8],
    given: Conditions,
    admit: impl FnOnce(ProducerIdentity) -> Result<(), ErrorCode>,
) -> Result<Appended, AppendRefusal> {
    let batch = only_batch(records, given.version)?;
    if let Some(identity) = batch.identity()
        && batch.is_transactional()
    {
        begin(replica, identity, batch.base_sequence(), given, admit)?;
    }
    if !(-1..=1).contains(&given.acks) {
        return Err(AppendRefusal::early(ErrorCode::INVALID_REQUIRED_ACKS));
    }
    if is_internal(&name.topic) && !given.internal_topics_allowed {
        return Err(AppendRefusal::early(ErrorCode::INVALID_TOPIC_EXCEPTION));
    }
    let in_sync = leading(replica)?;
    if given.acks == -1 && in_sync < given.min_isr {
        return Err(AppendRefusal::in_log(ErrorCode::NOT_ENOUGH_REPLICAS));
    }
    check_header(&batch, settings)?;
    let checked = check_records(&batch, settings, name, given)?;
    if checked.rewritten.as_ref().is_some_and(|rewritten| rewritten.len() > settings.max_message_bytes) {
        return Err(AppendRefusal::early(ErrorCode::MESSAGE_TOO_LARGE));
    }
    store(replica, &batch, &checked)
}

/// How many are in sync, as this leader believes.
fn leading(replica: &Replica) -> Result<usize, AppendRefusal> {
    if replica.is_offline {
        return Err(AppendRefusal::early(ErrorCode::KAFKA_STORAGE_ERROR));
    }
    let leading = replica.leading().ok_or_else(|| AppendRefusal::early(ErrorCode::NOT_LEADER_OR_FOLLOWER))?;
    Ok(leading.isr.len())
}

/// Makes sure that the coordinator knows of the transaction here, before its first batch is taken
/// (`ReplicaManager.maybeSendPartitionsToTransactionCoordinator`).
fn begin(
    replica: &mut Replica,
    identity: ProducerIdentity,
    first_sequence: i32,
    given: Conditions,
    admit: impl FnOnce(ProducerIdentity) -> Result<(), ErrorCode>,
) -> Result<(), AppendRefusal> {
    leading(replica)?;
    if replica.producers.is_outdated(identity) {
        return Err(AppendRefusal::early(ErrorCode::INVALID_PRODUCER_EPOCH));
    }
    if replica.producers.is_in_transaction(identity) {
        return Ok(());
    }
    let bumps_epochs = Support::of_produce(given.version) == Support::AddPartition;
    replica.producers.verify(identity, first_sequence, bumps_epochs, given.now.wall_ms);
    admit(identity).map_err(|error| not_admitted(error, given.version))
}

/// What the coordinator said, in words that clients of this version take to heart
/// (`ReplicaManager.handleProduceAppend`).
fn not_admitted(error: ErrorCode, version: i16) -> AppendRefusal {
    let (error, message) = match error {
        ErrorCode::INVALID_TXN_STATE => (error, Some("Partition was not added to the transaction".into())),
        ErrorCode::CONCURRENT_TRANSACTIONS if Support::of_produce(version) != Support::AddPartition => (
            ErrorCode::NOT_ENOUGH_REPLICAS,
            Some(
                format!("Unable to verify the partition has been added to the transaction. Underlying error: {error}")
                    .into(),
            ),
        ),
        error => (error, None),
    };
    AppendRefusal { message, ..AppendRefusal::early(error) }
}

/// There must be exactly one batch of the current format (`ProduceRequest.validateRecords`).
fn only_batch(records: &[u8], version: i16) -> Result<BatchView<'_>, AppendRefusal> {
    if !has_batch(records)? {
        return Err(AppendRefusal::early(ErrorCode::INVALID_RECORD));
    }
    let batch = match BatchView::parse(records) {
        Ok(batch) => batch,
        Err(BatchError::Magic(_)) => return Err(AppendRefusal::early(ErrorCode::INVALID_RECORD)),
        Err(_) => return Err(AppendRefusal::early(ErrorCode::CORRUPT_MESSAGE)),
    };
    match batch.codec() {
        ZSTD if version < 7 => return Err(AppendRefusal::early(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE)),
        // Later the codec is no longer looked at here.
        codec if codec > LAST_KNOWN_CODEC && version < 7 => {
            return Err(AppendRefusal::early(ErrorCode::UNKNOWN_SERVER_ERROR));
        }
        _ => {}
    }
    // Bytes too few for another batch are cut off in silence, as Kafka does (`trimInvalidBytes`).
    let is_followed = has_batch(&records[batch.size_bytes()..]);
    if is_followed.map_err(|refusal| AppendRefusal::early(refusal.error))? {
        return Err(AppendRefusal::early(ErrorCode::INVALID_RECORD));
    }
    Ok(batch)
}

/// Does a batch of any format begin here, and is it all there? (`ByteBufferLogInputStream.nextBatchSize`) A size or a magic
/// that no format has is damage, wherever the bytes end.
fn has_batch(bytes: &[u8]) -> Result<bool, AppendRefusal> {
    /// Offset and size field (`Records.LOG_OVERHEAD`).
    const OVERHEAD: usize = 12;
    /// The smallest size of any format (`LegacyRecord.RECORD_OVERHEAD_V0`).
    const SMALLEST: i32 = 14;
    const MAGIC_AT: usize = 16;
    let corrupt = |message: String| AppendRefusal {
        message: Some(message.into()),
        ..AppendRefusal::early(ErrorCode::CORRUPT_MESSAGE)
    };
    let Some((_, size)) = bytes.get(..OVERHEAD).and_then(<[u8]>::split_last_chunk) else { return Ok(false) };
    let size = i32::from_be_bytes(*size);
    if size < SMALLEST {
        return Err(corrupt(format!("Record size {size} is less than the minimum record overhead ({SMALLEST})")));
    }
    match bytes.get(MAGIC_AT) {
        None => Ok(false),
        // Java's sum of both overflows, and it is asked for bytes below none.
        Some(0..=2) if size > i32::MAX - 12 => Err(AppendRefusal::early(ErrorCode::UNKNOWN_SERVER_ERROR)),
        Some(0..=2) => Ok(bytes.len() - OVERHEAD >= size.unsigned_abs() as usize),
        Some(&magic) => Err(corrupt(format!("Invalid magic found in record: {}", magic.cast_signed()))),
    }
}

/// `UnifiedLog.analyzeAndValidateRecords`, then `LogValidator.validateBatch`.
fn check_header(batch: &BatchView<'_>, settings: &TopicSettings) -> Result<(), AppendRefusal> {
    if batch.base_offset() != 0 {
        return Err(AppendRefusal::in_log(ErrorCode::INVALID_RECORD));
    }
    if batch.size_bytes() > settings.max_message_bytes {
        return Err(AppendRefusal::early(ErrorCode::MESSAGE_TOO_LARGE));
    }
    if batch.verify_crc().is_err() {
        return Err(AppendRefusal::early(ErrorCode::CORRUPT_MESSAGE));
    }
    if batch.codec() > LAST_KNOWN_CODEC {
        return Err(AppendRefusal::in_log(ErrorCode::UNKNOWN_SERVER_ERROR));
    }
    let counted = batch.record_count();
    let is_sound = counted > 0
        && batch.last_offset_delta() == counted - 1
        && !batch.is_control()
        && (batch.producer_id() < 0 || batch.base_sequence() >= 0);
    if is_sound { Ok(()) } else { Err(AppendRefusal::in_log(ErrorCode::INVALID_RECORD)) }
}

/// What is to be stored of a batch whose records are sound.
struct Checked {
    /// Whose time it gets.
    timestamp_type: TimestampType,
    max_timestamp_ms: i64,
    /// The batch in another form, where it is not stored as it came.
    rewritten: Option<Bytes>,
}

/// `LogValidator.validateRecord` for each.
fn check_records(
    batch: &BatchView<'_>,
    settings: &TopicSettings,
    name: &TopicPartition,
    given: Conditions,
) -> Result<Checked, AppendRefusal> {
    let wall_ms = given.now.wall_ms;
    let (mut max_timestamp_ms, mut rewritten) = (batch.max_timestamp_ms(), None);
    match batch.plain_records_by(given.codecs) {
        Ok(plain) => {
            let is_numbered;
            (max_timestamp_ms, is_numbered) = check_each(batch, &plain, settings, name, wall_ms)?;
            let anew = rewrite(batch, &plain, settings, is_numbered, given.codecs);
            rewritten = anew.map_err(AppendRefusal::in_log)?;
        }
        Err(BatchError::Compressed(_)) => {}
        // What a broker's decompressor throws is no record's fault to it, and no error that it knows.
        Err(_) => return Err(AppendRefusal::in_log(ErrorCode::UNKNOWN_SERVER_ERROR)),
    }
    if settings.timestamp_type == TimestampType::LogAppendTime {
        max_timestamp_ms = wall_ms;
    }
    Ok(Checked { timestamp_type: settings.timestamp_type, max_timestamp_ms, rewritten })
}

/// The latest time of the records, and whether they are numbered as they stand.
fn check_each(
    batch: &BatchView<'_>,
    plain: &[u8],
    settings: &TopicSettings,
    name: &TopicPartition,
    wall_ms: i64,
) -> Result<(i64, bool), AppendRefusal> {
    let mut refused = RefusedRecords::default();
    let (mut max_timestamp_ms, mut is_numbered) = (NO_TIMESTAMP, true);
    for (index, record) in (0..).zip(batch.records_in(plain)) {
        let Ok(record) = record else { return Err(AppendRefusal::in_log(ErrorCode::INVALID_RECORD)) };
        max_timestamp_ms = max_timestamp_ms.max(record.timestamp_ms);
        is_numbered &= record.offset_delta == index;
        if settings.is_compacted && record.key.is_none() {
            refused.add(
                ErrorCode::INVALID_RECORD,
                index,
                format!("Compacted topic cannot accept message without key in topic partition {name}"),
            );
        } else if let Some(message) = bad_time(batch, &record, settings, wall_ms) {
            refused.add(ErrorCode::INVALID_TIMESTAMP, index, message);
        }
    }
    refused.verdict()?;
    Ok((max_timestamp_ms, is_numbered))
}

/// The broker's sentence if a record's time is too far from the broker's, or says that it is a broker's
/// (`LogValidator.validateTimestamp`).
fn bad_time(batch: &BatchView<'_>, record: &RecordView<'_>, settings: &TopicSettings, wall_ms: i64) -> Option<String> {
    let (timestamp_ms, offset) = (record.timestamp_ms, record.offset_delta);
    if settings.timestamp_type == TimestampType::CreateTime && timestamp_ms != NO_TIMESTAMP {
        let (before_max_ms, after_max_ms) = (settings.timestamp_before_max_ms, settings.timestamp_after_max_ms);
        let behind_ms = wall_ms.wrapping_sub(timestamp_ms);
        let is_off = behind_ms > before_max_ms || behind_ms.wrapping_neg() > after_max_ms;
        return is_off.then(|| {
            format!(
                "Timestamp {timestamp_ms} of message with offset {offset} is out of range. The timestamp should be within [{}, {}]",
                wall_ms.wrapping_sub(before_max_ms),
                wall_ms.wrapping_add(after_max_ms)
            )
        });
    }
    (batch.timestamp_type() == TimestampType::LogAppendTime).then(|| {
        // What is stored as it came is not read whole.
        let kind = if batch.codec() != 0 && settings.codec_of(batch) == batch.codec() { "Partial" } else { "" };
        let null_key = if kind.is_empty() { 0 } else { -1 };
        let size = |bytes: Option<&[u8]>| bytes.map_or(null_key, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        format!(
            "Invalid timestamp type in message {kind}DefaultRecord(offset={offset}, timestamp={timestamp_ms}, key={} bytes, value={} bytes). Producer should not set timestamp type to LogAppendTime.",
            size(record.key),
            size(record.value)
        )
    })
}

/// Records that make the broker refuse their batch (KIP-467).
#[derive(Default)]
struct RefusedRecords {
    errors: Vec<RecordError>,
    any_timestamp: bool,
}

impl RefusedRecords {
    fn add(&mut self, error: ErrorCode, batch_index: i32, message: String) {
        self.any_timestamp |= error == ErrorCode::INVALID_TIMESTAMP;
        self.errors.push(RecordError { batch_index, message: Some(message.into()) });
    }

    /// `LogValidator.processRecordErrors`: one bad timestamp decides the code for all.
    fn verdict(self) -> Result<(), AppendRefusal> {
        if self.errors.is_empty() {
            return Ok(());
        }
        let (error, message) = if self.any_timestamp {
            (ErrorCode::INVALID_TIMESTAMP, "One or more records have been rejected due to invalid timestamp".to_owned())
        } else {
            let shown: Vec<String> = self.errors.iter().take(3).map(shown_as_java_does).collect();
            let message = format!(
                "One or more records have been rejected due to {} record errors in total, and only showing the first three errors at most: [{}]",
                self.errors.len(),
                shown.join(", ")
            );
            (ErrorCode::INVALID_RECORD, message)
        };
        Err(AppendRefusal { error, tells_log_start: true, record_errors: self.errors, message: Some(message.into()) })
    }
}

/// `ProduceResponse.RecordError.toString`.
fn shown_as_java_does(error: &RecordError) -> String {
    let message = error.message.as_deref().unwrap_or("null");
    format!("RecordError(batchIndex={}, message='{message}')", error.batch_index)
}

fn store(replica: &mut Replica, batch: &BatchView<'_>, checked: &Checked) -> Result<Appended, AppendRefusal> {
    let &Checked { timestamp_type, max_timestamp_ms, .. } = checked;
    let identity = batch.identity();
    let (first_sequence, last_sequence) = (batch.base_sequence(), batch.last_sequence());
    if let Some(identity) = identity {
        match replica.producers.judge(identity, first_sequence, last_sequence) {
            Judgement::InOrder if !batch.is_transactional() && replica.producers.would_disturb(identity) => {
                return Err(AppendRefusal::in_log(ErrorCode::INVALID_TXN_STATE));
            }
            Judgement::InOrder => {}
            Judgement::Refused(error) => return Err(AppendRefusal::in_log(error)),
            Judgement::Duplicate(mut known) => {
                if planted(Defect::DuplicateGetsNewOffset) {
                    known.base_offset = replica.log.end_offset();
                }
                return Ok(Appended::Before {
                    base_offset: known.base_offset,
                    last_offset: known.base_offset + i64::from(batch.last_offset_delta()),
                    max_timestamp_ms: known.max_timestamp_ms,
                });
            }
        }
    }
    let rewritten = checked.rewritten.as_deref().map(|bytes| BatchView::parse(bytes).expect("it was just written"));
    let to_store = rewritten.unwrap_or(*batch);
    let (_, epoch) = replica.believed_leader();
    let stored = replica.log.append(to_store, epoch, timestamp_type, max_timestamp_ms);
    let (base_offset, last_offset) = (stored.base_offset, stored.last_offset);
    if let Some(identity) = identity {
        let remembered = RememberedBatch { first_sequence, last_sequence, base_offset, max_timestamp_ms };
        replica.producers.remember(identity, remembered, batch.is_transactional());
    }
    Ok(Appended::New {
        base_offset,
        last_offset,
        log_append_time_ms: (timestamp_type == TimestampType::LogAppendTime).then_some(max_timestamp_ms),
        records: batch.record_count().unsigned_abs(),
        identity,
        base_sequence: first_sequence,
    })
}
