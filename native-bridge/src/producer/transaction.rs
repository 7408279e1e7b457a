//! Transactions of the library's producer (KIP-98, KIP-447).

use producer_core::error::{ProducerError, TransactionError};
use producer_core::metrics::TimedCall;
use producer_core::producer::{GroupMember, Offsets, Producer, TransactionTicket};
use producer_core::time::Now;
use producer_core::trace::Nobody;

use super::KafkaProducer;

/// Transactions, for a producer that was configured with a `transactional.id`.
///
/// ```
/// use kafka_producer::{KafkaProducer, ProducerConfig, Record, embedded::EmbeddedBrokers};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let brokers = EmbeddedBrokers::start_default().await?;
/// let (config, _notices) = ProducerConfig::from_properties([("transactional.id", "cashier-1")])?;
/// let producer = KafkaProducer::connect(config, &brokers.bootstrap_servers()).await?;
/// producer.init_transactions().await?;
///
/// producer.begin_transaction()?;
/// producer.send_unobserved(Record::keyed("orders", b"user-42", b"two coffees")).await?;
/// producer.send_unobserved(Record::keyed("orders", b"user-1", b"one tea")).await?;
/// // Both become visible to consumers with isolation.level=read_committed, or neither.
/// producer.commit_transaction().await?;
/// # producer.close(None).await;
/// # Ok(())
/// # }
/// ```
impl KafkaProducer {
    /// `initTransactions()`: once, before the first transaction. Ends what another producer with this `transactional.id`
    /// left open, and fences that producer.
    ///
    /// # Cancel safety
    /// As after a timeout: the call goes on, and only the same call may be made next. So for the other calls that wait.
    ///
    /// # Errors
    /// The Java client's. After [`TransactionError::Timeout`] (`max.block.ms`) the same call may be repeated.
    pub async fn init_transactions(&self) -> Result<(), ProducerError> {
        self.settle(TimedCall::InitTransactions, Producer::init_transactions).await
    }

    /// `beginTransaction()`: what is sent from now on belongs to a transaction. Asks nobody.
    ///
    /// # Errors
    /// The call does not fit, or an earlier error stands in the way.
    pub fn begin_transaction(&self) -> Result<(), ProducerError> {
        let watch = self.clock.stopwatch();
        self.driver.with(|producer, _, now| producer.begin_transaction(now))?;
        self.count_call(TimedCall::BeginTransaction, watch);
        Ok(())
    }

    /// `sendOffsetsToTransaction()`: commits what a consumer group has read together with what was made of it.
    ///
    /// # Errors
    /// As [`init_transactions`](Self::init_transactions).
    pub async fn send_offsets_to_transaction(
        &self,
        offsets: Offsets,
        member: GroupMember,
    ) -> Result<(), ProducerError> {
        let watch = self.clock.stopwatch();
        let asked = self.driver.with(|producer, _, now| producer.send_offsets_to_transaction(now, offsets, member));
        match asked? {
            Some(ticket) => {
                self.outcome(ticket).await?;
                self.count_call(TimedCall::SendOffsets, watch);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// `commitTransaction()`: sends what is left, waits until all of it is stored, and has the coordinator commit.
    ///
    /// # Errors
    /// As [`init_transactions`](Self::init_transactions). When a record of the transaction failed, only
    /// [`abort_transaction`](Self::abort_transaction) is left.
    pub async fn commit_transaction(&self) -> Result<(), ProducerError> {
        self.settle(TimedCall::CommitTransaction, Producer::commit_transaction).await
    }

    /// `abortTransaction()`: fails what has not left, waits for what has, and has the coordinator abort.
    ///
    /// # Errors
    /// As [`init_transactions`](Self::init_transactions).
    pub async fn abort_transaction(&self) -> Result<(), ProducerError> {
        self.settle(TimedCall::AbortTransaction, Producer::abort_transaction).await
    }

    /// Only what succeeds is counted, as in the Java client.
    async fn settle(
        &self,
        timed: TimedCall,
        call: impl FnOnce(&mut Producer<Nobody>, Now) -> Result<TransactionTicket, ProducerError>,
    ) -> Result<(), ProducerError> {
        let watch = self.clock.stopwatch();
        let ticket = self.driver.with(|producer, _, now| call(producer, now))?;
        self.outcome(ticket).await?;
        self.count_call(timed, watch);
        Ok(())
    }

    /// Waits for a call's outcome, at most `max.block.ms`.
    async fn outcome(&self, ticket: TransactionTicket) -> Result<(), ProducerError> {
        let waiting = Waiting { producer: self, ticket };
        let mut outcome = None;
        let known = self.driver.until(|producer, _, _| {
            outcome = producer.transaction_outcome(ticket);
            outcome.is_some()
        });
        let waited = self.driver.before(self.clock.after(self.config.max_block()), known).await;
        match (waited, outcome) {
            (_, Some(outcome)) => {
                waiting.end();
                // A producer that is being closed may have waited for somebody to take it.
                self.driver.with(|_, _, _| ());
                outcome
            }
            (None, None) => Err(waiting.give_up()),
            // The sender's thread has ended: the producer was dropped.
            (Some(_), None) => Err(TransactionError::ShutDown.into()),
        }
    }
}

/// Somebody waits for a call's outcome; whoever drops it waits no longer.
struct Waiting<'a> {
    producer: &'a KafkaProducer,
    ticket: TransactionTicket,
}

impl Waiting<'_> {
    /// The outcome was taken.
    fn end(self) {
        core::mem::forget(self);
    }

    /// `max.block.ms` is over.
    fn give_up(self) -> ProducerError {
        let error = self.producer.driver.inspect(|producer, _| producer.give_up_waiting(self.ticket));
        self.end();
        error
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.producer.driver.inspect(|producer, _| producer.give_up_waiting(self.ticket));
    }
}
