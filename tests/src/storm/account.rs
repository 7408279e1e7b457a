//! Foreign clients that send numbered records, and what they tell of them.

use anyhow::{Context as _, Result, bail};

use crate::peers::{confluent, franz_go, java, kafkajs};

/// A client that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The Java client.
    Java,
    /// librdkafka, through confluent-kafka.
    Librdkafka,
    /// franz-go.
    FranzGo,
    /// kafkajs.
    KafkaJs(kafkajs::Calls),
}

impl Peer {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Java => "Java",
            Self::Librdkafka => "librdkafka",
            Self::FranzGo => "franz-go",
            Self::KafkaJs(kafkajs::Calls::OnePartition) => "kafkajs, a partition in each call",
            Self::KafkaJs(kafkajs::Calls::Mixed) => "kafkajs, several partitions in a call",
        }
    }

    /// Does it tell where each record is?
    pub(super) fn tells_places(self) -> bool {
        !matches!(self, Self::KafkaJs(_))
    }

    /// Has it send so many records.
    ///
    /// # Errors
    /// When it cannot be installed, or ends with an error.
    pub fn send(self, servers: &str, topic: &str, records: usize, manner: Manner) -> Result<Account> {
        let id = manner.word();
        let text = match self {
            Self::Java => java::storm(servers, topic, records, id),
            Self::Librdkafka => confluent::storm(servers, topic, records, id),
            Self::FranzGo => franz_go::storm(servers, topic, records, id),
            Self::KafkaJs(calls) => kafkajs::storm(servers, topic, records, id, calls),
        };
        Account::read(&text?)
    }
}

/// How a client sends, always with `acks=all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Idempotent, as all are by default.
    Idempotent,
    /// In transactions.
    InTransactions,
    /// With idempotence off, and five requests in flight.
    Plain,
}

impl Manner {
    /// What a client's program is told: a transactional id, or that there is none, or that idempotence is off.
    fn word(self) -> &'static str {
        match self {
            Self::Idempotent => "-",
            Self::InTransactions => "storm-transactions",
            Self::Plain => "plain",
        }
    }
}

/// What a client told of its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Told to be stored, and where; the offset only where the client tells one.
    pub stored: Vec<(usize, Option<(i32, i64)>)>,
    /// Told to have failed, and why.
    pub failed: Vec<(usize, String)>,
    /// Transactions that ended: the first of their records, how many, and how.
    pub transactions: Vec<(usize, usize, End)>,
    /// How often a transaction was aborted because something failed, and begun again; why.
    pub begun_again: Vec<String>,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Committed.
    Committed,
    /// Aborted, as planned.
    Aborted,
    /// The client cannot say whether its commit happened.
    Unknown,
}

impl Account {
    fn read(text: &str) -> Result<Self> {
        let mut account = Self::default();
        for line in text.lines() {
            account.read_line(line).with_context(|| format!("the peer wrote {line:?}"))?;
        }
        Ok(account)
    }

    fn read_line(&mut self, line: &str) -> Result<()> {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let number = |at: usize| -> Result<usize> { Ok(words.get(at).context("too short")?.parse()?) };
        let reason = |from: usize| words.get(from..).unwrap_or_default().join(" ");
        match words[0] {
            "stored" => {
                let offset = words.get(3).context("too short")?.parse()?;
                self.stored.push((number(1)?, Some((i32::try_from(number(2)?)?, offset))));
            }
            "sent" => self.stored.push((number(1)?, None)),
            "failed" => self.failed.push((number(1)?, reason(2))),
            "committed" => self.transactions.push((number(1)?, number(2)?, End::Committed)),
            "aborted" => self.transactions.push((number(1)?, number(2)?, End::Aborted)),
            "unknown" => self.transactions.push((number(1)?, number(2)?, End::Unknown)),
            "again" => self.begun_again.push(reason(3)),
            "note" => {}
            other => bail!("unknown word {other:?}"),
        }
        Ok(())
    }
}
