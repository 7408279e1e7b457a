//! A program that sends numbered records and keeps what it was told of each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use kafka_producer::{
    BatchCompletion, KafkaProducer, Persistence, ProducerConfig, ProducerError, Record, SendError, Sent,
    TransactionError,
};
use tokio::sync::watch;

use super::{Act, Promise};

/// Different keys; each partition gets many.
const KEYS: usize = 500;

/// The pause between two handfuls while a program holds itself back, and into how many handfuls a run falls.
const BREATH: Duration = Duration::from_millis(5);
const HANDFULS: usize = 10_000;

/// How a program sends.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its topic, and its name in reports.
    pub topic: &'static str,
    /// What its settings promise.
    pub promise: Promise,
    /// Settings beside those that all have.
    pub properties: &'static [(&'static str, &'static str)],
    /// Does it send in transactions?
    pub transactions: Option<Transactions>,
}

/// How records are put into transactions.
#[derive(Clone, Copy, Debug)]
pub struct Transactions {
    /// Records in one.
    pub records: usize,
    /// Every so manyth is aborted.
    pub aborts_every: usize,
}

impl Transactions {
    /// The numbers of each transaction's records, of so many in all, and how it is to end.
    pub(super) fn of(self, records: usize) -> Vec<(Range<usize>, TransactionEnd)> {
        let begins = (0..records).step_by(self.records).enumerate();
        let planned = begins.map(|(index, begin)| {
            let is_aborted = (index + 1).is_multiple_of(self.aborts_every);
            let end = if is_aborted { TransactionEnd::Aborted } else { TransactionEnd::Committed };
            (begin..records.min(begin + self.records), end)
        });
        planned.collect()
    }
}

/// What a program was told of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The partition that was chosen; `None`: it was refused before one was.
    pub partition: Option<i32>,
    /// How often its batch was sent.
    pub attempts: u32,
    /// When its batch's fate was told, in milliseconds since 1970; 0: it was refused.
    pub told_ms: i64,
    /// Stored, and where if that was told; or not: may it be there all the same, and the exception's class.
    pub result: Result<Option<i64>, (Persistence, &'static str)>,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionEnd {
    /// `commit_transaction` said so.
    Committed,
    /// As planned.
    Aborted,
    /// Aborted because something in it failed: the class of the exception of its first record that was refused or else of the
    /// commit.
    GivenUp(&'static str),
}

/// A transaction of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its records.
    pub numbers: Range<usize>,
    /// How it ended.
    pub end: TransactionEnd,
    /// When it was begun, in milliseconds since 1970.
    pub begun_ms: i64,
    /// When its program heard how it ended.
    pub ended_ms: i64,
}

/// All that a program was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Of each record by its number.
    pub fates: Vec<Fate>,
    /// Its transactions, in their order.
    pub transactions: Vec<Transaction>,
    /// Batches that were sent more than once.
    pub repeated_batches: usize,
}

/// What the sender's task tells and when, and how many records it has spoken of.
#[derive(Debug)]
struct Ledger {
    completions: Mutex<Vec<(i64, BatchCompletion)>>,
    settled: watch::Sender<usize>,
}

/// Holds a program to the pace of the act.
#[derive(Debug)]
struct Pace {
    records: usize,
    act: watch::Receiver<Act>,
}

impl Pace {
    /// Waits until record `number` may be sent.
    async fn admit(&mut self, number: usize) -> Result<()> {
        loop {
            let (at_once, in_all) = self.act.borrow_and_update().quota();
            if number * 100 < self.records * at_once {
                return Ok(());
            }
            if number * 100 < self.records * in_all {
                if number.is_multiple_of(self.records.div_ceil(HANDFULS)) {
                    tokio::time::sleep(BREATH).await;
                }
                return Ok(());
            }
            self.act.changed().await.context("the run was broken off")?;
        }
    }
}

impl Program {
    fn config(&self) -> Result<ProducerConfig> {
        // Small batches: many are under way when a broker dies.
        let common = [("batch.size", "2000"), ("linger.ms", "2")];
        let properties = common.into_iter().chain(self.properties.iter().copied());
        Ok(ProducerConfig::from_properties(properties).map_err(|error| anyhow!("{error:?}"))?.0)
    }

    /// Sends so many records at the pace of the act; `settled` counts those whose fate is known.
    ///
    /// # Errors
    /// When the run is broken off, or a transaction can neither be committed nor aborted.
    pub async fn run(
        self,
        servers: String,
        records: usize,
        act: watch::Receiver<Act>,
        settled: watch::Sender<usize>,
    ) -> Result<Told> {
        let config = self.config()?;
        let ledger = Arc::new(Ledger { completions: Mutex::default(), settled });
        let scribe = Arc::clone(&ledger);
        let producer = KafkaProducer::builder(config)
            .on_batch(move |batch| {
                let told = (now_ms(), batch.clone());
                scribe.completions.lock().unwrap_or_else(PoisonError::into_inner).push(told);
                scribe.settled.send_modify(|settled| *settled += batch.record_count as usize);
            })
            .connect(&servers)
            .await?;
        let mut run = Run { program: self, producer, pace: Pace { records, act }, appended: Vec::new(), ledger };
        let transactions = match self.transactions {
            None => run.send(0..records).await.map(|_| Vec::new())?,
            Some(transactions) => run.send_in_transactions(records, transactions).await?,
        };
        run.producer.flush().await;
        run.producer.close(None).await;
        let completions = run.ledger.completions.lock().unwrap_or_else(PoisonError::into_inner);
        told(&run.appended, &completions, transactions)
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A record that was appended, or why it was not.
type Appended = Result<Sent, (Option<i32>, Persistence, &'static str)>;

/// The calls that wait for the coordinator.
#[derive(Clone, Copy, Debug)]
enum TransactionCall {
    Init,
    Commit,
    Abort,
}

struct Run {
    program: Program,
    producer: KafkaProducer,
    pace: Pace,
    appended: Vec<Appended>,
    ledger: Arc<Ledger>,
}

impl Run {
    /// Sends these records; the class of the first refusal, if there is one.
    async fn send(&mut self, numbers: Range<usize>) -> Result<Option<&'static str>> {
        let mut refused = None;
        for number in numbers {
            self.pace.admit(number).await?;
            let (key, value) = (format!("user-{}", number % KEYS), number.to_string());
            let record = Record::keyed(self.program.topic, key.as_bytes(), value.as_bytes());
            let appended = self.producer.send_unobserved(record).await;
            let fate = |SendError { error, persistence, partition }| (partition, persistence, error.java_class());
            let appended = appended.map_err(fate);
            if let Err((.., class)) = appended {
                refused.get_or_insert(class);
                self.ledger.settled.send_modify(|settled| *settled += 1);
            }
            self.appended.push(appended);
        }
        Ok(refused)
    }

    async fn send_in_transactions(&mut self, records: usize, plan: Transactions) -> Result<Vec<Transaction>> {
        self.call(TransactionCall::Init).await?;
        let mut transactions = Vec::new();
        for (numbers, planned) in plan.of(records) {
            let begun_ms = now_ms();
            self.producer.begin_transaction().context("beginTransaction")?;
            let refused = self.send(numbers.clone()).await?;
            let end = match (planned, refused) {
                (TransactionEnd::Committed, None) => match self.call(TransactionCall::Commit).await {
                    Ok(()) => planned,
                    Err(error) => TransactionEnd::GivenUp(error.java_class()),
                },
                (TransactionEnd::Committed, Some(class)) => TransactionEnd::GivenUp(class),
                _ => {
                    // So that what is aborted was stored first: an abort throws out what has not left.
                    self.producer.flush().await;
                    planned
                }
            };
            if end != TransactionEnd::Committed {
                self.call(TransactionCall::Abort).await?;
            }
            transactions.push(Transaction { numbers, end, begun_ms, ended_ms: now_ms() });
        }
        Ok(transactions)
    }

    /// As the Java client has it: a call that timed out goes on, and is made again to hear how it ends.
    async fn call(&self, call: TransactionCall) -> Result<(), ProducerError> {
        loop {
            let outcome = match call {
                TransactionCall::Init => self.producer.init_transactions().await,
                TransactionCall::Commit => self.producer.commit_transaction().await,
                TransactionCall::Abort => self.producer.abort_transaction().await,
            };
            match outcome {
                Err(ProducerError::Transaction(error)) if matches!(*error, TransactionError::Timeout { .. }) => {}
                outcome => return outcome,
            }
        }
    }
}

/// Puts together what was appended and what was told of its batches.
fn told(appended: &[Appended], completions: &[(i64, BatchCompletion)], transactions: Vec<Transaction>) -> Result<Told> {
    let mut of_batch: BTreeMap<_, Vec<&(i64, BatchCompletion)>> = BTreeMap::new();
    for completion in completions {
        of_batch.entry(completion.1.batch).or_default().push(completion);
    }
    let fate = |appended: &Appended| match appended {
        Err((partition, persistence, class)) => {
            Ok(Fate { partition: *partition, attempts: 0, told_ms: 0, result: Err((*persistence, *class)) })
        }
        Ok(sent) => {
            let told = of_batch.get(&sent.batch).into_iter().flatten();
            let mut told = told.filter(|(_, completion)| completion.covers(sent.batch, sent.index));
            let (told_ms, completion) = told.next().with_context(|| format!("nothing was told of {sent:?}"))?;
            anyhow::ensure!(told.next().is_none(), "two fates were told of {sent:?}");
            let result = match &completion.result {
                Ok(_) => Ok(completion.offset_of(sent.index)),
                Err(failure) => Err((failure.persistence, failure.error.java_class())),
            };
            let (partition, attempts) = (Some(completion.partition), completion.attempts);
            Ok(Fate { partition, attempts, told_ms: *told_ms, result })
        }
    };
    let fates = appended.iter().map(fate).collect::<Result<_>>()?;
    let repeated_batches = completions.iter().filter(|(_, completion)| completion.attempts > 1).count();
    Ok(Told { fates, transactions, repeated_batches })
}
