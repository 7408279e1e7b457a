//! Sends that wait, for metadata or for memory, and what ends their waits (`KafkaProducer.waitOnMetadata`,
//! `BufferPool.allocate`).

use std::sync::Arc;

use core::time::Duration;

use crate::error::{ErrorCode, ProducerError};
use crate::record::Record;
use crate::time::{Instant, Now};
use crate::trace::{BlockedOn, Fact, Observer};

use super::memory::MemoryTicket;
use super::meter::Event;
use super::send::own_partition;
use super::topics::{PartitionRef, TopicIndex};
use super::{Life, Producer, SendAttempt, SendRefusal};

/// What an attempt remembers from its first call on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) at: Instant,
    /// Is it the first to look at the last answer to Metadata?
    pub(super) reads_answer: bool,
    /// Metadata answers when it last asked for its topic.
    pub(super) asked_after: Option<u64>,
    pub(super) blocked_on: Option<BlockedOn>,
    /// Partitions of its topic when it was last told that the one it names is not among them.
    pub(super) partitions_told: Option<u32>,
    /// How long it waited for metadata.
    pub(super) metadata_wait: Duration,
    pub(super) allocating: Option<Allocating>,
}

/// A send that waits for memory. What was settled before that is not asked again: the topic, the number of its partitions, and
/// the record's time, which the wait does not make later (`KafkaProducer.doSend`, `RecordAccumulator.append`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Allocating {
    pub(super) ticket: MemoryTicket,
    pub(super) since: Instant,
    pub(super) timestamp_ms: i64,
    /// Where a batch is to be opened.
    pub(super) partition: PartitionRef,
    /// Was it chosen by the record or its key? Else it is the sticky one, which may change meanwhile.
    pub(super) is_chosen: bool,
    pub(super) partition_count: u32,
}

impl Begun {
    pub(super) fn ticket(&self) -> Option<MemoryTicket> {
        self.allocating.map(|allocating| allocating.ticket)
    }
}

impl<O: Observer> Producer<O> {
    /// Goes on with a send that waited; for metadata in vain or not.
    #[cold]
    pub(super) fn resume(&mut self, now: Now, mut begun: Begun, record: &Record<'_>) -> Begun {
        begun.reads_answer = false;
        if begun.blocked_on != Some(BlockedOn::Metadata) || self.life == Life::Closed {
            return begun;
        }
        let is_patient = now.instant() < begun.at + self.config.max_block;
        begun.reads_answer = is_patient && self.reads_answer(begun.asked_after);
        let count = self.topics.find(record.topic).map_or(0, |topic| self.metadata.partition_count(topic));
        let is_among = |partition: i32| usize::try_from(partition).is_ok_and(|partition| partition < count);
        if record.partition.map_or(count > 0, is_among) {
            begun.metadata_wait = now.instant() - begun.at;
            self.meter.note(now.instant(), Event::MetadataAwaited(begun.metadata_wait));
        }
        begun
    }

    /// Gives up a blocked `send`.
    pub fn abandon(&mut self, now: Now, attempt: SendAttempt) {
        if let Some(begun) = attempt.begun {
            self.count_memory_wait(now, &begun);
            self.leave_queue(now.instant(), begun.ticket());
        }
    }

    /// `max.block.ms` is over, and a topic is not known, or of its partitions not the one that is wanted.
    pub(super) fn metadata_timeout(&self, topic: TopicIndex, partition: Option<(i32, i32)>) -> ProducerError {
        ProducerError::MetadataTimeout {
            topic: Arc::clone(self.topics.name(topic)),
            partition,
            max_block_ms: millis(self.config.max_block),
            last_error: self.metadata.topic_error(topic),
            lost: self.lost.clone(),
        }
    }

    /// What whoever waits for metadata as the producer closes is told before all else, at its end
    /// (`ProducerMetadata.awaitUpdate`). If metadata come before, it is told what comes of the record but for its batch
    /// (`RecordAccumulator.tryAppend`). Who waits for memory is told at the call of `close` (`BufferPool.close`).
    #[cold]
    pub(super) fn news_of_the_close(&self) -> Option<ProducerError> {
        (self.life == Life::Closed).then_some(ProducerError::ClosedWhileSending)
    }

    pub(super) fn wait_for_metadata(
        &mut self,
        now: Now,
        attempt: &mut SendAttempt,
        mut begun: Begun,
        record: &Record<'_>,
        topic: TopicIndex,
        known: Option<u32>,
    ) -> SendRefusal {
        let own = own_partition(record);
        if begun.asked_after.is_none() {
            if known.is_none()
                && let Some(error) = self.known_as_invalid(topic)
            {
                return self.refuse(now, attempt.ordinal, None, own, error);
            }
            self.ask_about(topic, &mut begun.asked_after);
        }
        let until = begun.at + self.config.max_block;
        begun.metadata_wait = now.instant() - begun.at;
        let failure = if now.instant() >= until {
            let known = known.and_then(|count| i32::try_from(count).ok());
            Some(self.metadata_timeout(topic, record.partition.zip(known)))
        } else {
            self.await_topic(topic, &mut begun.asked_after, begun.reads_answer)
        };
        match failure {
            Some(error) => self.refuse(now, attempt.ordinal, None, own, error),
            None => {
                self.somebody_waits_for_metadata = true;
                let missing = record.partition.zip(known).filter(|&(_, count)| begun.partitions_told != Some(count));
                begun.partitions_told = known;
                let refusal = self.block(now, attempt, begun, BlockedOn::Metadata, until);
                if let Some((partition, partitions)) = missing {
                    let (ordinal, topics) = (attempt.ordinal, &self.topics);
                    let partition = PartitionRef { topic, partition };
                    self.told.note(now.instant(), || Fact::PartitionAwaited {
                        ordinal,
                        partition: topics.named(partition),
                        partitions,
                        until,
                    });
                }
                refusal
            }
        }
    }

    /// Nobody begins to wait for a topic that cannot be (`KafkaProducer.waitOnMetadata`).
    pub(super) fn known_as_invalid(&self, topic: TopicIndex) -> Option<ProducerError> {
        let code = self.metadata.topic_error(topic);
        let name = Some(Arc::clone(self.topics.name(topic)));
        (code == ErrorCode::INVALID_TOPIC_EXCEPTION).then_some(ProducerError::Broker { code, message: name })
    }

    /// Did an answer to Metadata come since a topic was asked for, and is whoever asked the first to look at it?
    pub(super) fn reads_answer(&mut self, asked_after: Option<u64>) -> bool {
        asked_after.is_some_and(|asked| asked < self.metadata.answers()) && self.metadata.take_unread()
    }

    /// Whoever waits for a topic has asked for it, and asks again after every answer without bad news, even if somebody else
    /// was the first to look at that; or is told the bad news.
    pub(super) fn await_topic(
        &mut self,
        topic: TopicIndex,
        asked_after: &mut Option<u64>,
        reads_answer: bool,
    ) -> Option<ProducerError> {
        let news = self.bad_news_of(topic, reads_answer);
        if news.is_none() {
            self.ask_about(topic, asked_after);
        }
        news
    }

    /// Asks for a topic, once per answer.
    pub(super) fn ask_about(&mut self, topic: TopicIndex, asked_after: &mut Option<u64>) {
        let answers = Some(self.metadata.answers());
        if *asked_after != answers {
            *asked_after = answers;
            self.metadata.request_update_for(topic);
            self.is_dirty = true;
        }
    }

    /// What whoever waits for metadata is told when an answer brings it (`ProducerMetadata.awaitUpdate`,
    /// `Metadata.maybeThrowExceptionForTopic`).
    fn bad_news_of(&mut self, topic: TopicIndex, reads_answer: bool) -> Option<ProducerError> {
        let name = || Arc::clone(self.topics.name(topic));
        match self.metadata.topic_error(topic) {
            ErrorCode::TOPIC_AUTHORIZATION_FAILED if reads_answer => {
                Some(ProducerError::TopicAuthorization { topics: vec![name()] })
            }
            ErrorCode::INVALID_TOPIC_EXCEPTION if reads_answer => Some(ProducerError::InvalidTopic { topic: name() }),
            _ => self.metadata_error.take(),
        }
    }

    pub(super) fn wait_for_memory(
        &mut self,
        now: Now,
        attempt: &mut SendAttempt,
        begun: Begun,
        chosen: PartitionRef,
        upper_bound: usize,
    ) -> SendRefusal {
        let until = begun.at + self.config.max_block;
        if now.instant() < until {
            // A send that waits makes every batch sendable.
            self.is_dirty = true;
            return self.block(now, attempt, begun, BlockedOn::Memory, until);
        }
        let error = ProducerError::BufferExhausted {
            needed_bytes: upper_bound.max(self.batch_size() as usize) as u64,
            waited_ms: millis(self.config.max_block.saturating_sub(begun.metadata_wait)),
            total_bytes: self.memory.total(),
            available_bytes: self.memory.available(),
            poolable_bytes: self.batch_size().into(),
        };
        self.count_memory_wait(now, &begun);
        self.meter.note(now.instant(), Event::MemoryExhausted);
        self.refuse(now, attempt.ordinal, begun.ticket(), Some(chosen.partition), error)
    }

    fn block(
        &mut self,
        now: Now,
        attempt: &mut SendAttempt,
        mut begun: Begun,
        on: BlockedOn,
        until: Instant,
    ) -> SendRefusal {
        if begun.blocked_on != Some(on) {
            begun.blocked_on = Some(on);
            let ordinal = attempt.ordinal;
            self.told.note(now.instant(), || Fact::SendBlocked { ordinal, on });
        }
        attempt.begun = Some(begun);
        SendRefusal::Blocked { on, until }
    }

    /// A wait for memory is over, one way or another (`BufferPool.recordWaitTime`).
    pub(super) fn count_memory_wait(&mut self, now: Now, begun: &Begun) {
        if let Some(allocating) = &begun.allocating {
            self.meter.note(now.instant(), Event::MemoryAwaited(now.instant() - allocating.since));
        }
    }

    /// Gives up a place in the queue for memory; the next one may be served.
    pub(super) fn leave_queue(&mut self, now: Instant, ticket: Option<MemoryTicket>) {
        let Some(ticket) = ticket else { return };
        let used_before = self.memory.used();
        if self.memory.abandon(ticket) {
            self.tell_senders();
        }
        // What it had gathered counted as used.
        let used_bytes = self.memory.used();
        if used_bytes != used_before {
            self.told.note(now, || Fact::MemoryUsed { used_bytes });
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
