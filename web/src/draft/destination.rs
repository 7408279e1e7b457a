//! Where the record will go: the core's answer, before anything is sent.

use producer_core::bridge::Topology;
use producer_core::murmur2::partition_for_hash;
use producer_core::trace::PartitionChoice;

use super::{Draft, optional};

/// Where the record will go, as far as that is known before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The record names its partition.
    Explicit(i32),
    /// It names one that the topic does not have, as far as is known: `send` waits for it.
    Missing {
        /// The partition named.
        partition: i32,
        /// The topic's partitions.
        partitions: i32,
    },
    /// It names a negative one: `ProducerRecord` throws.
    Negative(i32),
    /// The key decides.
    Hashed {
        /// murmur2 of the key, as Java prints it.
        hash: i32,
        /// The topic's partitions.
        partitions: i32,
        /// Where it goes.
        partition: i32,
    },
    /// No key, or keys are ignored: the sticky partition.
    Sticky,
    /// The topic's partition count is not known, or the key cannot be read.
    Unknown,
}

impl Destination {
    /// The partition, where one is sure.
    pub(crate) const fn partition(self) -> Option<i32> {
        match self {
            Self::Explicit(partition) | Self::Hashed { partition, .. } => Some(partition),
            Self::Missing { .. } | Self::Negative(_) | Self::Sticky | Self::Unknown => None,
        }
    }
}

impl Draft {
    /// Where it will go, asked from the core's own partitioner.
    pub(crate) fn destination(&self, topology: &Topology, ignores_keys: bool) -> Destination {
        let partitions = match i32::try_from(topology.partitions.len()) {
            Ok(partitions @ 1..) if *topology.topic == *self.topic => Some(partitions),
            _ => None,
        };
        if let Some(partition) = optional(&self.partition).transpose() {
            let Ok(partition) = partition else { return Destination::Unknown };
            return match partitions {
                _ if partition < 0 => Destination::Negative(partition),
                Some(partitions) if partition >= partitions => Destination::Missing { partition, partitions },
                _ => Destination::Explicit(partition),
            };
        }
        let Some(partitions) = partitions else { return Destination::Unknown };
        let Ok(key) = self.key.bytes() else { return Destination::Unknown };
        match PartitionChoice::of(None, key.as_deref(), ignores_keys) {
            PartitionChoice::KeyHash { hash } => {
                Destination::Hashed { hash, partitions, partition: partition_for_hash(hash, partitions) }
            }
            PartitionChoice::Explicit | PartitionChoice::Sticky => Destination::Sticky,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::tests::{keyed, topology};
    use crate::draft::{Kind, Payload};

    /// The placements that Kafka's own vectors give for three partitions.
    #[test]
    fn keys_are_announced_where_java_puts_them() {
        for (key, partition) in [("user-42", 1), ("user-1", 2), ("서울", 0), ("부산", 1), ("", 0), ("seoul", 0)] {
            let destination = keyed(key).destination(&topology(3), false);
            assert_eq!(destination.partition(), Some(partition), "{key}");
        }
    }

    #[test]
    fn without_a_key_or_a_topic_the_partition_is_not_guessed() {
        let null = Draft { key: Payload { kind: Kind::Null, text: "x".into() }, ..Draft::default() };
        assert_eq!(null.destination(&topology(3), false), Destination::Sticky);
        assert_eq!(keyed("user-42").destination(&topology(3), true), Destination::Sticky);
        assert_eq!(keyed("user-42").destination(&topology(0), false), Destination::Unknown);
        let other = Draft { topic: "payments".into(), ..Draft::default() };
        assert_eq!(other.destination(&topology(3), false), Destination::Unknown);
    }

    #[test]
    fn a_partition_that_is_named_is_looked_up_where_the_topic_is_known() {
        let to = |partition: &str, partitions| {
            Draft { partition: partition.into(), ..Draft::default() }.destination(&topology(partitions), false)
        };
        assert_eq!(to("2", 3), Destination::Explicit(2));
        assert_eq!(to("3", 3), Destination::Missing { partition: 3, partitions: 3 });
        assert_eq!(to("3", 0), Destination::Explicit(3), "nobody knows yet");
        assert_eq!(to("-1", 3), Destination::Negative(-1));
        assert_eq!(to("-1", 0), Destination::Negative(-1));
        assert_eq!(to("two", 3), Destination::Unknown, "what is no number leads nowhere");
    }
}
