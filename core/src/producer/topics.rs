//! Names of topics, numbered once, so that everything behind `send` counts instead of comparing text.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::TopicPartition;

/// A topic's place in this producer's tables. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TopicIndex(pub(super) u32);

impl TopicIndex {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One partition of a numbered topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartitionRef {
    pub(super) topic: TopicIndex,
    pub(super) partition: i32,
}

/// The names in use.
#[derive(Clone, Debug, Default)]
pub(super) struct Topics {
    names: Vec<Arc<str>>,
    by_name: BTreeMap<Arc<str>, TopicIndex>,
    /// Most programs send to one topic many times in a row: one comparison finds it again.
    last: Option<TopicIndex>,
}

impl Topics {
    /// The topic's number, if it has one.
    pub(super) fn find(&self, name: &str) -> Option<TopicIndex> {
        self.by_name.get(name).copied()
    }

    /// The topic's number; a new name gets the next one.
    #[inline]
    pub(super) fn number(&mut self, name: &str) -> TopicIndex {
        if let Some(last) = self.last
            && &*self.names[last.index()] == name
        {
            return last;
        }
        let topic = self.find(name).unwrap_or_else(|| self.add(name));
        self.last = Some(topic);
        topic
    }

    pub(super) fn name(&self, topic: TopicIndex) -> &Arc<str> {
        &self.names[topic.index()]
    }

    /// With its name, for those outside.
    pub(super) fn named(&self, partition: PartitionRef) -> TopicPartition {
        TopicPartition { topic: Arc::clone(self.name(partition.topic)), partition: partition.partition }
    }

    fn add(&mut self, name: &str) -> TopicIndex {
        let topic = TopicIndex(u32::try_from(self.names.len()).expect("fewer than 2³² topics"));
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.by_name.insert(name, topic);
        topic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut topics = Topics::default();
        let (a, b) = (topics.number("a"), topics.number("b"));
        assert_ne!(a, b);
        assert_eq!((topics.number("a"), topics.number("a"), topics.find("b")), (a, a, Some(b)));
        assert_eq!(topics.named(PartitionRef { topic: b, partition: 2 }).to_string(), "b-2");
    }
}
