//! What the program calls of a script's transactions, and what becomes of the calls (`TimelineTransactions.java`).

use core::time::Duration;

use anyhow::{Context as _, Result};
use producer_core::error::{ProducerError, TransactionCall};
use producer_core::metrics::TimedCall;
use producer_core::producer::{GroupMember, Offsets, Producer, TransactionTicket};
use producer_core::protocol::CommittedOffset;
use producer_core::time::Now;
use producer_core::trace::Nobody;

use super::brokers::split;

#[derive(Debug)]
struct Call {
    name: &'static str,
    ticket: TransactionTicket,
    begun: Now,
}

/// The calls that wait.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: Vec<Call>,
}

impl Calls {
    /// Takes an action. `None`: it was no call of transactions; else what there is to tell at once.
    pub(super) fn perform(
        &mut self,
        producer: &mut Producer<Nobody>,
        now: Now,
        words: &[&str],
    ) -> Result<Option<Vec<String>>> {
        let (name, begun) = match *words {
            ["init"] => ("init", producer.init_transactions(now).map(Some)),
            ["begin"] => {
                let begun = producer.begin_transaction(now);
                if begun.is_ok() {
                    producer.note_call(now, TimedCall::BeginTransaction, Duration::ZERO);
                }
                ("begin", begun.map(|()| None))
            }
            ["commit"] => ("commit", producer.commit_transaction(now).map(Some)),
            ["abort"] => ("abort", producer.abort_transaction(now).map(Some)),
            ["offsets", group, ref places @ ..] => {
                let offsets = places.iter().map(|place| offset(place)).collect::<Result<Offsets>>()?;
                ("offsets", producer.send_offsets_to_transaction(now, offsets, GroupMember::of_group(group)))
            }
            ["give-up", name] => {
                let place = self.waiting.iter().position(|call| call.name == name).context("nobody waits for it")?;
                let call = self.waiting.remove(place);
                return Ok(Some(vec![told(call.name, &producer.give_up_waiting(call.ticket))]));
            }
            _ => return Ok(None),
        };
        Ok(Some(match begun {
            // One that is made again while it waits has the same outcome, and each that made it is told.
            Ok(Some(ticket)) => {
                self.waiting.push(Call { name, ticket, begun: now });
                Vec::new()
            }
            Ok(None) => vec![format!("{name} ok")],
            Err(error) => vec![told(name, &error)],
        }))
    }

    /// What the program finds where it waits for its calls. The time of those that succeeded is counted.
    pub(super) fn end(&mut self, producer: &mut Producer<Nobody>, now: Now) -> Vec<String> {
        let mut ended = Vec::new();
        self.waiting.retain(|&Call { name, ticket, begun }| match producer.transaction_outcome(ticket) {
            None => true,
            Some(Err(error)) => {
                ended.push(told(name, &error));
                false
            }
            Some(Ok(())) => {
                producer.note_call(now, timed(ticket.call()), now.instant() - begun.instant());
                ended.push(format!("{name} ok"));
                false
            }
        });
        ended
    }
}

/// As `KafkaProducer`'s methods count themselves.
fn timed(call: TransactionCall) -> TimedCall {
    match call {
        TransactionCall::Init => TimedCall::InitTransactions,
        TransactionCall::Commit => TimedCall::CommitTransaction,
        TransactionCall::Abort => TimedCall::AbortTransaction,
        _ => TimedCall::SendOffsets,
    }
}

fn told(name: &str, error: &ProducerError) -> String {
    format!("{name} {} {error}", error.java_class())
}

/// `TOPIC-PARTITION@OFFSET`.
fn offset(place: &str) -> Result<(std::sync::Arc<str>, i32, CommittedOffset)> {
    let (place, offset) = place.split_once('@').context("TOPIC-PARTITION@OFFSET")?;
    let (topic, partition) = split(place)?;
    Ok((topic.into(), partition, CommittedOffset { offset: offset.parse()?, leader_epoch: -1, metadata: None }))
}
