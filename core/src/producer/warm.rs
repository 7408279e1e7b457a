//! A producer that is ready before its first record.

use std::sync::Arc;

use super::Producer;
use super::connections::Availability;
use super::topics::PartitionRef;
use crate::time::Now;
use crate::trace::Observer;

impl<O: Observer> Producer<O> {
    /// Fetches the metadata of these topics and connects to their leaders, as a program that has run for a while has done.
    /// Call it again as time goes on; returns whether all is in place, the producer id included. For worlds that begin in
    /// mid-life: the Java client has no such call, its first records do the same.
    pub fn warm_up(&mut self, now: Now, topics: &[Arc<str>]) -> bool {
        let mut is_warm = !self.identity.is_used() || self.identity.ready().is_some();
        for topic in topics {
            let Some(count) = self.partition_count(now, topic) else {
                is_warm = false;
                continue;
            };
            let topic = self.topics.number(topic);
            for partition in (0..count).filter_map(|partition| i32::try_from(partition).ok()) {
                let Some(leader) = self.metadata.leader(PartitionRef { topic, partition }) else {
                    is_warm = false;
                    continue;
                };
                match self.connections.availability(leader.node, now.instant()) {
                    Availability::Ready => {}
                    Availability::CanConnect => {
                        self.dial(now.instant(), leader.node);
                        is_warm = false;
                    }
                    _ => is_warm = false,
                }
            }
        }
        is_warm
    }
}
