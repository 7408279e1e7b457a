//! What happens to clients.

use std::time::Duration;

use producer_core::cluster::Action;
use producer_core::error::ErrorCode;
use producer_core::protocol::ApiKey;

use super::{Brokers, Manner};

/// Longer than Java, librdkafka and franz-go wait for an answer outside transactions, and half of what kafkajs waits.
const SILENCE: Duration = Duration::from_secs(5);

/// Something that happens to a client.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// A broker's connections are cut, whatever they are doing.
    Cut,
    /// They are cut when the broker has done what it was asked, and before the client hears of it.
    CutBeforeAnswers,
    /// A partition gets another leader.
    LeaderMoves,
    /// A partition has no leader for a moment, and then another one.
    NoLeader,
    /// The next request of a kind is seized.
    Seized(ApiKey, Action),
}

fn refused(api: ApiKey, error: ErrorCode) -> Fault {
    Fault::Seized(api, Action::Answer { error, only: None })
}

/// All faults in the order in which they come round: the same on both kinds of brokers, but that on Apache Kafka a partition
/// is never kept from having a leader, and no answer is swallowed.
pub(super) fn rota(brokers: Brokers, manner: Manner) -> Vec<Fault> {
    let mut rota = vec![
        Fault::Cut,
        refused(ApiKey::Produce, ErrorCode::NOT_LEADER_OR_FOLLOWER),
        Fault::LeaderMoves,
        Fault::CutBeforeAnswers,
        refused(ApiKey::Produce, ErrorCode::NOT_ENOUGH_REPLICAS),
        Fault::Seized(ApiKey::Produce, Action::CutAfterAppend),
        Fault::NoLeader,
        refused(ApiKey::Produce, ErrorCode::REQUEST_TIMED_OUT),
        Fault::Seized(ApiKey::Produce, Action::CutBeforeAppend),
        Fault::LeaderMoves,
        refused(ApiKey::Produce, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        Fault::CutBeforeAnswers,
        refused(ApiKey::Produce, ErrorCode::KAFKA_STORAGE_ERROR),
        refused(ApiKey::Metadata, ErrorCode::LEADER_NOT_AVAILABLE),
    ];
    if manner != Manner::InTransactions {
        // The answer is swallowed: the clients have given up the request by then, and sent it again. To kafkajs it is late: one
        // request at a time is under way on its connection, and waits from when it is sent, so that no two delays add up.
        rota.push(Fault::Seized(ApiKey::Produce, Action::Delay(SILENCE)));
    } else {
        rota.extend([
            refused(ApiKey::EndTxn, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            Fault::Seized(ApiKey::EndTxn, Action::CutAfterAppend),
            refused(ApiKey::EndTxn, ErrorCode::NOT_COORDINATOR),
            refused(ApiKey::AddPartitionsToTxn, ErrorCode::CONCURRENT_TRANSACTIONS),
            Fault::Seized(ApiKey::EndTxn, Action::CutBeforeAppend),
            refused(ApiKey::EndTxn, ErrorCode::COORDINATOR_NOT_AVAILABLE),
            Fault::Seized(ApiKey::AddPartitionsToTxn, Action::CutAfterAppend),
        ]);
    }
    if brokers == Brokers::Apache {
        rota.retain(|fault| !matches!(fault, Fault::NoLeader | Fault::Seized(_, Action::Delay(_))));
    }
    rota
}
