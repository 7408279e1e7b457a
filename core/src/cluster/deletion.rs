//! The end of topics.
//!
//! *Models*: what waits for a topic hears that it is gone; markers that transactions owe it are dropped, and so are the
//! offsets that groups have committed for it. *Leaves out*: the time that brokers take to hear of it and to remove its files.

use super::Cluster;
use super::topics::{TopicRefusal, refusal};
use crate::error::ErrorCode;
use crate::time::Now;
use crate::trace::{Fact, Observer};

impl<O: Observer> Cluster<O> {
    /// Deletes a topic, with all that is in it and all offsets that groups have committed for it. One that has its name
    /// later is another topic.
    ///
    /// # Errors
    /// What DeleteTopics would answer, with Kafka's sentence.
    pub fn delete_topic(&mut self, now: Now, name: &str) -> Result<(), TopicRefusal> {
        if self.topics.get(name).is_none() {
            let error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
            return Err(refusal(error, error.java_message()));
        }
        self.end_topic(now, name);
        self.advance(now);
        Ok(())
    }

    pub(super) fn end_topic(&mut self, now: Now, name: &str) {
        self.topics.remove(name);
        self.observer.note(now.instant(), || Fact::TopicDeleted { topic: name.into() });
        self.fetchers.forget_topic(name);
        self.behind.retain(|partition| *partition.topic != *name);
        self.offsets.forget_topic(name);
        self.write_late_markers(now);
        self.logs_changed = true;
    }
}
