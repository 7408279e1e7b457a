//! Brokers, topics and what lies between them.

use std::sync::Arc;

use super::written::{Properties, written};

written! {
    /// The brokers: nodes 1, 2, 3 and so on.
    pub struct Cluster {
        /// How many.
        brokers: u32 = 3, Between(1, 9);
        /// Their settings, by Kafka's names: what differs from Kafka's defaults.
        settings: Properties = Properties::default(), BrokerSettings;
        /// How long a broker works on one request, in microseconds.
        processing_us: u64 = 100, Between(0, 60_000_000);
        /// How long a message travels from broker to broker.
        between_brokers: Latency = Latency::default();
    }
}

written! {
    /// How long a message travels one way: evenly spread from `base_us` to `base_us + jitter_us`.
    pub struct Latency {
        /// At least so long, in microseconds.
        base_us: u64 = 1_000, Between(0, 60_000_000);
        /// And up to so much longer, in microseconds.
        jitter_us: u64 = 500, Between(0, 60_000_000);
    }
}

written! {
    /// What lies between producers and brokers.
    pub struct Network {
        /// How long a message travels.
        latency: Latency = Latency::default();
        /// Bytes per second that a connection carries each way; 0: any number.
        bandwidth_bytes_per_s: u64 = 0, Between(0, 1_000_000_000_000);
        /// Where it is another: the first that fits counts.
        routes: Vec<Route> = Vec::new(), Items(0, 50);
    }
}

written! {
    /// The way between a producer and a broker, where it differs from all others.
    pub struct Route {
        /// The producer; absent: every one.
        producer: Option<u32> = None, Producer;
        /// The broker; absent: every one.
        node: Option<u32> = None, Node;
        /// How long a message travels.
        latency: Latency = Latency::default();
        /// Bytes per second that a connection carries each way; 0: any number.
        bandwidth_bytes_per_s: u64 = 0, Between(0, 1_000_000_000_000);
    }
}

written! {
    /// A topic. Partition p is led by node p mod brokers + 1, with copies on the brokers that follow.
    pub struct Topic {
        /// Its name.
        name: Arc<str> = "orders".into(), Topic;
        /// How many partitions.
        partitions: u32 = 3, Between(1, 100);
        /// How many brokers hold each.
        replication_factor: u32 = 1, UpToBrokers;
        /// Its settings, by Kafka's names: what differs from the brokers'.
        settings: Properties = Properties::default(), TopicSettings;
    }
}
