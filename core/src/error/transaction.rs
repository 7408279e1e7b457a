//! What can go wrong with transactions (KIP-98, KIP-360, KIP-890), beside what a broker says of a batch.

use core::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ErrorCode, ProducerError};
use crate::ids::{ProducerIdentity, TopicPartition};
use crate::protocol::ApiKey;

/// Where a transactional producer stands (`TransactionManager.State`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TransactionPhase {
    /// `initTransactions` was not called yet.
    Uninitialized,
    /// A producer id is asked for.
    Initializing,
    /// A transaction can begin.
    Ready,
    /// One is open.
    InTransaction,
    /// It is being committed.
    Committing,
    /// It is being aborted.
    Aborting,
    /// It can only be aborted.
    AbortableError,
    /// Nothing is possible any more.
    FatalError,
}

impl TransactionPhase {
    /// The Java client's name for it.
    pub const fn java_name(self) -> &'static str {
        match self {
            Self::Uninitialized => "UNINITIALIZED",
            Self::Initializing => "INITIALIZING",
            Self::Ready => "READY",
            Self::InTransaction => "IN_TRANSACTION",
            Self::Committing => "COMMITTING_TRANSACTION",
            Self::Aborting => "ABORTING_TRANSACTION",
            Self::AbortableError => "ABORTABLE_ERROR",
            Self::FatalError => "FATAL_ERROR",
        }
    }
}

/// A call of the program that concerns transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionCall {
    /// `initTransactions()`.
    Init,
    /// `beginTransaction()`.
    Begin,
    /// `send()`.
    Send,
    /// `sendOffsetsToTransaction()`.
    SendOffsets,
    /// `commitTransaction()`.
    Commit,
    /// `abortTransaction()`.
    Abort,
}

impl TransactionCall {
    /// The method's name.
    pub const fn java_name(self) -> &'static str {
        match self {
            Self::Init => "initTransactions",
            Self::Begin => "beginTransaction",
            Self::Send => "send",
            Self::SendOffsets => "sendOffsetsToTransaction",
            Self::Commit => "commitTransaction",
            Self::Abort => "abortTransaction",
        }
    }
}

/// A call that does not fit where the producer stands (`IllegalStateException`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IllegalCall {
    /// There is neither idempotence nor a `transactional.id`.
    NoTransactions,
    /// The producer is idempotent, but has no `transactional.id`.
    NotTransactional,
    /// The call leads nowhere from here.
    Transition {
        /// `transactional.id`.
        transactional_id: Arc<str>,
        /// Where the producer stands.
        from: TransactionPhase,
        /// Where the call would lead.
        to: TransactionPhase,
    },
    /// A record outside a transaction, before `initTransactions` was through.
    SendBeforeInit(TopicPartition),
    /// A record outside a transaction.
    SendOutside(TopicPartition, TransactionPhase),
    /// Offsets outside a transaction.
    OffsetsOutside(TransactionPhase),
    /// The call before ran out of time and must be repeated first.
    Pending {
        /// The call that came now.
        call: TransactionCall,
        /// The one to repeat.
        previous: TransactionCall,
    },
    /// An illegal transition on the sender's side ended everything.
    Poisoned {
        /// `transactional.id`.
        transactional_id: Arc<str>,
        /// The producer's identity.
        identity: Option<ProducerIdentity>,
        /// That transition.
        cause: Box<ProducerError>,
    },
}

/// Why a transaction, or a record in it, failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionError {
    /// The batch had not left when its transaction was aborted (`TransactionAbortedException`).
    Aborted,
    /// A newer producer has the same `transactional.id` (`ProducerFencedException`).
    Fenced {
        /// `transactional.id`.
        transactional_id: Arc<str>,
        /// The producer's identity.
        identity: Option<ProducerIdentity>,
    },
    /// The producer wrote under an epoch that is over (`InvalidProducerEpochException`).
    OldEpoch {
        /// `transactional.id`.
        transactional_id: Arc<str>,
        /// The producer's identity.
        identity: Option<ProducerIdentity>,
    },
    /// The call does not fit (`IllegalStateException`).
    Illegal(IllegalCall),
    /// An earlier error stands in the way (`KafkaException`).
    InErrorState(Box<ProducerError>),
    /// An answer that says neither yes nor why not (`KafkaException`).
    UnexpectedAnswer {
        /// To which question.
        api: ApiKey,
        /// Its error code.
        code: ErrorCode,
    },
    /// Nobody coordinates, and the answer says neither why nor that it may be asked again (`KafkaException`).
    NoCoordinator {
        /// Of a consumer group, or of a `transactional.id`?
        of_group: bool,
        /// Its name.
        key: Arc<str>,
        /// What the broker says of the error.
        message: Option<Arc<str>>,
    },
    /// Partitions could not be added, and those that could (`KafkaException`): all of the request, in the order in which the
    /// Java client says them.
    PartitionsRefused(Vec<(TopicPartition, ErrorCode)>),
    /// A batch of the transaction used up its retries, or its time (`TransactionAbortableException`).
    RetriesExhausted(Box<ProducerError>),
    /// What cannot be aborted is over (`KafkaException`).
    AbortFailed(ErrorCode),
    /// Batches were given up whose fate is not known (`KafkaException`).
    Unacknowledged {
        /// May the transaction be aborted and the producer go on?
        can_abort: bool,
    },
    /// The consumer is no longer what its group takes it for (`CommitFailedException`).
    CommitFailed(ErrorCode),
    /// The principal may not commit for this group (`GroupAuthorizationException`).
    GroupAuthorization(Arc<str>),
    /// `max.block.ms` passed; the same call may be repeated (`TimeoutException`).
    Timeout {
        /// Which call.
        call: TransactionCall,
        /// The question with which it began.
        awaited: ApiKey,
        /// `max.block.ms`.
        max_block_ms: u64,
    },
    /// `close` gave the call up (`KafkaException`).
    ShutDown,
    /// Offsets in the name of a generation of which no member is named (`IllegalArgumentException`).
    UnknownMember {
        /// `group.id`.
        group: Arc<str>,
        /// Its generation.
        generation: i32,
        /// `group.instance.id`.
        group_instance_id: Option<Arc<str>>,
    },
}

impl TransactionError {
    /// What a call is told when an earlier error stands in its way (`TransactionManager.maybeFailWithError`). A producer
    /// without a `transactional.id` is called `null` there.
    pub(crate) fn in_the_way(
        error: &ProducerError,
        transactional_id: Option<&Arc<str>>,
        identity: Option<ProducerIdentity>,
    ) -> Self {
        let transactional_id = transactional_id.map_or_else(|| "null".into(), Arc::clone);
        match error.java_class() {
            "ProducerFencedException" => Self::Fenced { transactional_id, identity },
            "InvalidProducerEpochException" => Self::OldEpoch { transactional_id, identity },
            "IllegalStateException" => {
                let cause = Box::new(error.clone());
                Self::Illegal(IllegalCall::Poisoned { transactional_id, identity, cause })
            }
            _ => Self::InErrorState(Box::new(error.clone())),
        }
    }

    /// Simple name of the Java client's exception class.
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Aborted => "TransactionAbortedException",
            Self::Fenced { .. } => "ProducerFencedException",
            Self::OldEpoch { .. } => "InvalidProducerEpochException",
            Self::Illegal(_) => "IllegalStateException",
            Self::InErrorState(_)
            | Self::UnexpectedAnswer { .. }
            | Self::NoCoordinator { .. }
            | Self::PartitionsRefused(_)
            | Self::AbortFailed(_)
            | Self::Unacknowledged { .. }
            | Self::ShutDown => "KafkaException",
            Self::RetriesExhausted(_) => "TransactionAbortableException",
            Self::CommitFailed(_) => "CommitFailedException",
            Self::GroupAuthorization(_) => "GroupAuthorizationException",
            Self::Timeout { .. } => "TimeoutException",
            Self::UnknownMember { .. } => "IllegalArgumentException",
        }
    }

    /// Does the class extend `ApiException`? Then `send` fails its future, else it throws.
    pub const fn is_api_exception(&self) -> bool {
        !matches!(
            self.java_class().as_bytes(),
            b"KafkaException" | b"CommitFailedException" | b"IllegalStateException" | b"IllegalArgumentException"
        )
    }
}

/// As Java prints `ProducerIdAndEpoch`.
fn java_identity(identity: &Option<ProducerIdentity>) -> String {
    let ProducerIdentity { id, epoch } = identity.unwrap_or(ProducerIdentity::NONE);
    format!("(producerId={id}, epoch={epoch})")
}

impl fmt::Display for IllegalCall {
    /// The Java client's sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTransactions => f.write_str(
                "Cannot use transactional methods without enabling transactions by setting the transactional.id configuration property",
            ),
            Self::NotTransactional => f.write_str("Transactional method invoked on a non-transactional producer."),
            Self::Transition { transactional_id, from, to } => write!(
                f,
                "TransactionalId {transactional_id}: Invalid transition attempted from state {} to state {}",
                from.java_name(),
                to.java_name()
            ),
            Self::SendBeforeInit(partition) => write!(
                f,
                "Cannot add partition {partition} to transaction before completing a call to initTransactions"
            ),
            Self::SendOutside(partition, phase) => write!(
                f,
                "Cannot add partition {partition} to transaction while in state  {}",
                phase.java_name()
            ),
            Self::OffsetsOutside(phase) => write!(
                f,
                "Cannot send offsets if a transaction is not in progress (currentState= {})",
                phase.java_name()
            ),
            Self::Pending { call, previous } => write!(
                f,
                "Cannot attempt operation `{}` because the previous call to `{}` timed out and must be retried",
                call.java_name(),
                previous.java_name()
            ),
            Self::Poisoned { transactional_id, identity, .. } => write!(
                f,
                "Producer with transactionalId '{transactional_id}' and {} cannot execute transactional method because of previous invalid state transition attempt",
                java_identity(identity)
            ),
        }
    }
}

impl fmt::Display for TransactionError {
    /// The Java client's sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aborted => f.write_str("Failing batch since transaction was aborted"),
            Self::Fenced { transactional_id, identity } => write!(
                f,
                "Producer with transactionalId '{transactional_id}' and {} has been fenced by another producer with the same transactionalId",
                java_identity(identity)
            ),
            Self::OldEpoch { transactional_id, identity } => write!(
                f,
                "Producer with transactionalId '{transactional_id}' and {} attempted to produce with an old epoch",
                java_identity(identity)
            ),
            Self::Illegal(call) => call.fmt(f),
            Self::InErrorState(_) => {
                f.write_str("Cannot execute transactional method because we are in an error state")
            }
            Self::UnexpectedAnswer { api, code } => {
                let begin = match api {
                    ApiKey::InitProducerId => "Unexpected error in InitProducerIdResponse; ",
                    ApiKey::EndTxn => "Unhandled error in EndTxnResponse: ",
                    ApiKey::AddOffsetsToTxn => "Unexpected error in AddOffsetsToTxnResponse: ",
                    _ => "Unexpected error in TxnOffsetCommitResponse: ",
                };
                write!(f, "{begin}{}", code.java_message())
            }
            Self::NoCoordinator { of_group, key, message } => write!(
                f,
                "Could not find a coordinator with type {} with key {key} due to unexpected error: {}",
                if *of_group { "GROUP" } else { "TRANSACTION" },
                message.as_deref().unwrap_or("null")
            ),
            Self::PartitionsRefused(errors) => {
                f.write_str("Could not add partitions to transaction due to errors: {")?;
                for (place, (partition, code)) in errors.iter().enumerate() {
                    let comma = if place > 0 { ", " } else { "" };
                    write!(f, "{comma}{partition}={code}")?;
                }
                f.write_str("}")
            }
            Self::RetriesExhausted(_) => f.write_str("Transaction Request was aborted after exhausting retries."),
            Self::AbortFailed(_) => f.write_str("Failed to abort transaction"),
            Self::Unacknowledged { can_abort } => {
                let end = if *can_abort {
                    "It is safe to abort the transaction and continue."
                } else {
                    "It isn't safe to continue."
                };
                write!(
                    f,
                    "The client hasn't received acknowledgment for some previously sent messages and can no longer retry them. {end}"
                )
            }
            Self::CommitFailed(code) => write!(
                f,
                "Transaction offset Commit failed due to consumer group metadata mismatch: {}",
                code.java_message()
            ),
            Self::GroupAuthorization(group) => write!(f, "Not authorized to access group: {group}"),
            Self::Timeout { call, awaited, max_block_ms } => {
                let what = match call {
                    TransactionCall::Init => {
                        "InitTransactions timed out - did not complete coordinator discovery or receive the InitProducerId response within max.block.ms."
                    }
                    TransactionCall::Commit => {
                        "CommitTransaction timed out - did not complete EndTxn with the transaction coordinator within max.block.ms"
                    }
                    TransactionCall::Abort => {
                        "AbortTransaction timed out - did not complete EndTxn(abort) with the transaction coordinator within max.block.ms"
                    }
                    _ => {
                        "SendOffsetsToTransaction timed out - did not reach the coordinator or receive the TxnOffsetCommit/AddOffsetsToTxn response within max.block.ms"
                    }
                };
                // The operation of `TransactionalRequestResult`.
                write!(f, "Timeout expired after {max_block_ms}ms while awaiting ")?;
                match awaited {
                    ApiKey::EndTxn => write!(f, "EndTxn({})", *call == TransactionCall::Commit),
                    ApiKey::TxnOffsetCommit => f.write_str("TxnOffsetCommitHandler"),
                    api => write!(f, "{api:?}"),
                }?;
                write!(f, ". {what}")
            }
            Self::ShutDown => f.write_str("The producer closed forcefully"),
            Self::UnknownMember { group, generation, group_instance_id } => write!(
                f,
                "Passed in group metadata GroupMetadata(groupId = {group}, generationId = {generation}, memberId = , groupInstanceId = {}) has generationId > 0 but the member.id is unknown",
                group_instance_id.as_deref().unwrap_or("")
            ),
        }
    }
}
