//! The same input into several set-ups, side by side.

use crate::bridge::Habit;

use super::card::Words;
use super::producers::Then;
use super::written::{Properties, written};

written! {
    /// What one lane does differently from the common set-up. Input, faults and seed are the same in all.
    pub struct Lane {
        /// What stands over it.
        title: Words = Words::default();
        /// Settings of all producers.
        properties: Properties = Properties::default(), ProducerSettings;
        /// What all callers do with the future.
        habit: Option<Habit> = None;
        /// What all callers do when all is sent.
        then: Option<Then> = None;
        /// Settings of all topics.
        topics: Properties = Properties::default(), TopicSettings;
        /// Settings of the brokers.
        brokers: Properties = Properties::default(), BrokerSettings;
        /// Partitions of all topics.
        partitions: Option<u32> = None, Between(1, 100);
    }
}
