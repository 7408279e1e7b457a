//! What the program calls of a script's transactions, and what becomes of the calls (`TimelineTransactions.java`).

use anyhow::{Context as _, Result};
use producer_core::error::ProducerError;
use producer_core::producer::{GroupMember, Offsets, Producer, TransactionTicket};
use producer_core::protocol::CommittedOffset;
use producer_core::time::Now;
use producer_core::trace::Nobody;

use super::brokers::split;

/// The calls that wait.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: Vec<(&'static str, TransactionTicket)>,
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
            ["begin"] => ("begin", producer.begin_transaction(now).map(|()| None)),
            ["commit"] => ("commit", producer.commit_transaction(now).map(Some)),
            ["abort"] => ("abort", producer.abort_transaction(now).map(Some)),
            ["offsets", group, ref places @ ..] => {
                let offsets = places.iter().map(|place| offset(place)).collect::<Result<Offsets>>()?;
                ("offsets", producer.send_offsets_to_transaction(now, offsets, GroupMember::of_group(group)))
            }
            _ => return Ok(None),
        };
        Ok(Some(match begun {
            // A call that is made again while it waits is the same call.
            Ok(Some(ticket)) => {
                if self.waiting.iter().all(|&(_, known)| known != ticket) {
                    self.waiting.push((name, ticket));
                }
                Vec::new()
            }
            Ok(None) => vec![format!("{name} ok")],
            Err(error) => vec![told(name, &error)],
        }))
    }

    /// What the program finds where it waits for its calls.
    pub(super) fn end(&mut self, producer: &mut Producer<Nobody>) -> Vec<String> {
        let mut ended = Vec::new();
        self.waiting.retain(|&(name, ticket)| match producer.transaction_outcome(ticket) {
            None => true,
            Some(outcome) => {
                ended.push(outcome.map_or_else(|error| told(name, &error), |()| format!("{name} ok")));
                false
            }
        });
        ended
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
