//! What happens when: to brokers, to the network, to topics, to programs.
//!
//! Every lever that librdkafka's mock cluster and its sockem have is here, under a name that says what it does, and those
//! of a broker's operator and of a program's author beside them. Only what consumers alone would notice is left out:
//! preferred read replicas, and racks.

use std::sync::Arc;

use crate::error::ErrorCode;
use crate::ids::{ConnectionId, ProducerIndex};
use crate::protocol::ApiKey;
use crate::simulation::MessageName;

use super::faults::{Direction, Fate, Messages, Rule};
use super::load::Load;
use super::written::{Properties, written};

written! {
    /// Something that happens once or several times, at a time or when something else happens.
    pub struct Action {
        /// At this virtual microsecond; with `when`, so long after it.
        at_us: u64 = 0, Between(0, 86_400_000_000);
        /// Whenever this happens, at most `times`; absent: at a time alone.
        when: Option<Moment> = None;
        /// How often.
        times: u32 = 1, Between(1, 10_000);
        /// From one time to the next, in microseconds, where there is no `when`.
        every_us: u64 = 0, Between(0, 86_400_000_000);
        /// Only in this lane; absent: in every one.
        lane: Option<u32> = None, Lane;
        /// What happens.
        act: Act = Act::default(), Told;
    }
}

written! {
    /// Something that can be waited for.
    pub enum Moment {
        /// The n-th message that fits has left, and all after it.
        Message "message" {
            /// Which messages count.
            on: Messages = Messages::default();
            /// From which on.
            nth: u32 = 1, Between(1, 1_000_000_000);
        }
        /// So many records of a producer are acknowledged.
        Acked "acked" {
            /// The producer.
            producer: u32 = 0, Producer;
            /// How many.
            nth: u64 = 1, Between(1, 1_000_000_000);
        }
        /// The sends of so many records of a producer have failed.
        Failed "failed" {
            /// The producer.
            producer: u32 = 0, Producer;
            /// How many.
            nth: u64 = 1, Between(1, 1_000_000_000);
        }
        /// send() has returned so often.
        Sent "sent" {
            /// The producer.
            producer: u32 = 0, Producer;
            /// How often.
            nth: u64 = 1, Between(1, 1_000_000_000);
        }
        /// A batch waits to be sent again.
        Retried "retried" {
            /// The producer.
            producer: u32 = 0, Producer;
            /// For the so-manieth time.
            nth: u64 = 1, Between(1, 1_000_000_000);
        }
        /// A leader has appended a batch.
        Appended "appended" {
            /// To which topic; empty: to any.
            topic: Arc<str> = "".into(), AnyTopic;
            /// To which partition; absent: to any.
            partition: Option<u32> = None, Between(0, 99);
            /// The so-manieth.
            nth: u64 = 1, Between(1, 1_000_000_000);
        }
        /// All loads of a producer's program are handed to send().
        AllSent "all_sent" {
            /// The producer.
            producer: u32 = 0, Producer;
        }
        /// Every record that a producer took is acknowledged or failed, and nothing more is to come.
        Settled "settled" {
            /// The producer.
            producer: u32 = 0, Producer;
        }
    }
}

written! {
    /// Something that happens.
    pub enum Act {
        /// Nothing: a mark on the time bar.
        Nothing "nothing" {}
        /// A broker is stopped as an operator stops it: its leaders move first, then it closes its connections.
        RestartBroker "restart_broker" {
            /// The broker.
            node: u32 = 1, Node;
            /// It is back after so many microseconds.
            down_us: u64 = 5_000_000, Between(0, 86_400_000_000);
        }
        /// A broker dies: kill -9. Its partitions have no leader until its session runs out.
        KillBroker "kill_broker" {
            /// The broker.
            node: u32 = 1, Node;
            /// It is back after so many microseconds; absent: never.
            down_us: Option<u64> = None, Between(0, 86_400_000_000);
        }
        /// A broker that is down starts.
        StartBroker "start_broker" {
            /// The broker.
            node: u32 = 1, Node;
        }
        /// A broker stands still with its connections open: SIGSTOP.
        PauseBroker "pause_broker" {
            /// The broker.
            node: u32 = 1, Node;
            /// It goes on after so many microseconds; absent: when it is resumed.
            for_us: Option<u64> = None, Between(0, 86_400_000_000);
        }
        /// A broker that stands still goes on: SIGCONT.
        ResumeBroker "resume_broker" {
            /// The broker.
            node: u32 = 1, Node;
        }
        /// A broker takes longer for everything.
        SlowBroker "slow_broker" {
            /// The broker.
            node: u32 = 1, Node;
            /// So many times as long; 1: as before.
            times: u32 = 10, Between(1, 100_000);
        }
        /// The disk under a partition of a broker fails: the log is offline there.
        FailDisk "fail_disk" {
            /// The broker.
            node: u32 = 1, Node;
            /// The topic; empty: every one on that disk.
            topic: Arc<str> = "".into(), AnyTopic;
            /// The partition; absent: every one.
            partition: Option<u32> = None, Between(0, 99);
        }
        /// A broker joins the cluster.
        AddBroker "add_broker" {}
        /// A broker leaves the cluster for good, after its leaders have moved.
        RemoveBroker "remove_broker" {
            /// The broker.
            node: u32 = 1, Node;
        }
        /// A broker is left out of Metadata answers, though it works.
        HideBroker "hide_broker" {
            /// The broker.
            node: u32 = 1, Node;
            /// For so many microseconds; absent: from now on.
            for_us: Option<u64> = None, Between(0, 86_400_000_000);
        }
        /// A partition gets another leader, among its in-sync replicas.
        MoveLeader "move_leader" {
            /// The topic.
            topic: Arc<str> = "orders".into(), Topic;
            /// The partition.
            partition: u32 = 0, Between(0, 99);
            /// The new leader.
            to: u32 = 2, Node;
        }
        /// A follower stops fetching a partition, so that it leaves the in-sync replicas.
        ShrinkIsr "shrink_isr" {
            /// The topic.
            topic: Arc<str> = "orders".into(), Topic;
            /// The partition.
            partition: u32 = 0, Between(0, 99);
            /// The follower.
            node: u32 = 2, Node;
            /// It fetches again after so many microseconds; absent: never.
            for_us: Option<u64> = None, Between(0, 86_400_000_000);
        }
        /// There is no controller: nothing is elected, created or changed.
        LoseController "lose_controller" {
            /// For so many microseconds.
            for_us: u64 = 10_000_000, Between(0, 86_400_000_000);
        }
        /// A broker's view of the cluster stands still: it answers Metadata as of now.
        StaleMetadata "stale_metadata" {
            /// The broker.
            node: u32 = 1, Node;
            /// For so many microseconds.
            for_us: u64 = 10_000_000, Between(0, 86_400_000_000);
        }
        /// Metadata names a leader that is none.
        FalseLeader "false_leader" {
            /// The topic.
            topic: Arc<str> = "orders".into(), Topic;
            /// The partition.
            partition: u32 = 0, Between(0, 99);
            /// Who is named.
            node: u32 = 2, Node;
            /// With which leader epoch; absent: the one in force.
            leader_epoch: Option<i32> = None, Between(-1, 2_147_483_647);
            /// For so many microseconds.
            for_us: u64 = 10_000_000, Between(0, 86_400_000_000);
        }
        /// Metadata and Produce say of a topic that it has an error.
        TopicError "topic_error" {
            /// The topic.
            topic: Arc<str> = "orders".into(), Topic;
            /// The error, by Kafka's name.
            error: ErrorCode = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
            /// For so many microseconds.
            for_us: u64 = 10_000_000, Between(0, 86_400_000_000);
        }
        /// A broker speaks other versions of an API.
        ApiVersions "api_versions" {
            /// The broker; absent: every one.
            node: Option<u32> = None, Node;
            /// The API.
            api: ApiKey = ApiKey::Produce;
            /// Its lowest version.
            min: i32 = 0, Between(0, 100);
            /// Its highest; below the lowest: the API is not there.
            max: i32 = 9, Between(-1, 100);
        }
        /// A transactional id gets another coordinator.
        MoveCoordinator "move_coordinator" {
            /// The transactional id.
            transactional_id: Arc<str> = "".into(), Name;
            /// The new coordinator.
            to: u32 = 2, Node;
        }
        /// Nothing passes between these brokers and all others; producers reach both sides.
        SplitBrokers "split_brokers" {
            /// One side.
            nodes: Vec<u32> = Vec::new(), Each(1, 9, &Node);
            /// For so many microseconds.
            for_us: u64 = 30_000_000, Between(0, 86_400_000_000);
        }
        /// Nothing passes between a producer and a broker, and nobody is told.
        SplitProducer "split_producer" {
            /// The producer; absent: every one.
            producer: Option<u32> = None, Producer;
            /// The broker; absent: every one.
            node: Option<u32> = None, Node;
            /// For so many microseconds.
            for_us: u64 = 30_000_000, Between(0, 86_400_000_000);
        }
        /// All connections between a producer and a broker break.
        CutConnections "cut_connections" {
            /// The producer; absent: every one.
            producer: Option<u32> = None, Producer;
            /// The broker; absent: every one.
            node: Option<u32> = None, Node;
        }
        /// A broker refuses new connections.
        RefuseConnections "refuse_connections" {
            /// The broker; absent: every one.
            node: Option<u32> = None, Node;
            /// For so many microseconds.
            for_us: u64 = 10_000_000, Between(0, 86_400_000_000);
        }
        /// The address that a broker advertises leads nowhere: connecting to it is met by silence.
        UnreachableAddress "unreachable_address" {
            /// The broker.
            node: u32 = 1, Node;
            /// For so many microseconds; absent: from now on.
            for_us: Option<u64> = None, Between(0, 86_400_000_000);
        }
        /// A broker moves to another address: the old one refuses, Metadata tells the new one.
        ChangeAddress "change_address" {
            /// The broker; absent: all of them at once.
            node: Option<u32> = None, Node;
        }
        /// Messages between a producer and a broker take another time from now on.
        SetLatency "set_latency" {
            /// The producer; absent: every one.
            producer: Option<u32> = None, Producer;
            /// The broker; absent: every one.
            node: Option<u32> = None, Node;
            /// At least so long, in microseconds.
            base_us: u64 = 1_000, Between(0, 3_600_000_000);
            /// And up to so much longer, in microseconds.
            jitter_us: u64 = 0, Between(0, 3_600_000_000);
        }
        /// Connections between a producer and a broker carry another number of bytes from now on.
        SetBandwidth "set_bandwidth" {
            /// The producer; absent: every one.
            producer: Option<u32> = None, Producer;
            /// The broker; absent: every one.
            node: Option<u32> = None, Node;
            /// Bytes per second each way; 0: any number.
            bytes_per_s: u64 = 0, Between(0, 1_000_000_000_000);
        }
        /// Something becomes of messages from now on.
        AddRule "add_rule" {
            /// Which, and what.
            rule: Rule = Rule::default();
        }
        /// A topic is made.
        CreateTopic "create_topic" {
            /// Its name.
            topic: Arc<str> = "orders".into(), Topic;
            /// How many partitions.
            partitions: u32 = 3, Between(1, 100);
            /// How many brokers hold each.
            replication_factor: u32 = 1, UpToBrokers;
        }
        /// A topic is deleted.
        DeleteTopic "delete_topic" {
            /// Its name.
            topic: Arc<str> = "orders".into(), Topic;
        }
        /// A topic is deleted and made again under its name, with another id.
        RecreateTopic "recreate_topic" {
            /// Its name.
            topic: Arc<str> = "orders".into(), Topic;
            /// It is back after so many microseconds.
            gone_us: u64 = 0, Between(0, 86_400_000_000);
        }
        /// A topic gets more partitions.
        AddPartitions "add_partitions" {
            /// Its name.
            topic: Arc<str> = "orders".into(), Topic;
            /// How many it has then.
            to: u32 = 6, Between(1, 100);
        }
        /// Settings of a topic change.
        SetTopic "set_topic" {
            /// Its name.
            topic: Arc<str> = "orders".into(), Topic;
            /// What changes.
            settings: Properties = Properties::default(), TopicSettings;
        }
        /// A producer's process stands still, as for a long garbage collection.
        PauseProducer "pause_producer" {
            /// The producer.
            producer: u32 = 0, Producer;
            /// For so many microseconds.
            for_us: u64 = 5_000_000, Between(0, 86_400_000_000);
        }
        /// The wall clock of a producer's machine jumps.
        JumpClock "jump_clock" {
            /// The producer.
            producer: u32 = 0, Producer;
            /// By so many milliseconds.
            by_ms: i64 = 3_600_000, Between(-3_155_760_000_000, 3_155_760_000_000);
        }
        /// A producer's program sends more, in a thread of its own.
        Send "send" {
            /// The producer.
            producer: u32 = 0, Producer;
            /// What it sends.
            load: Load = Load::default();
        }
        /// A producer's program calls flush().
        Flush "flush" {
            /// The producer.
            producer: u32 = 0, Producer;
        }
        /// A producer's program calls close().
        Close "close" {
            /// The producer.
            producer: u32 = 0, Producer;
            /// With this patience, in microseconds; absent: without end.
            timeout_us: Option<u64> = None, Between(0, 86_400_000_000);
        }
        /// A producer's process ends, without flush() or close().
        Exit "exit" {
            /// The producer.
            producer: u32 = 0, Producer;
        }
        /// A producer's program closes it and makes another with other settings.
        Configure "configure" {
            /// The producer.
            producer: u32 = 0, Producer;
            /// What changes.
            properties: Properties = Properties::default(), ProducerSettings;
        }
        /// Something becomes of one message, by its name, if it is on its way or still to come; never of another.
        Strike "strike" {
            /// Whose connection it travels on.
            producer: u32 = 0, Producer;
            /// Which one, counted from 1 as they are opened.
            connection: u32 = 1, Between(1, 1_000_000);
            /// Request or answer.
            direction: Direction = Direction::Request;
            /// Of which API.
            api: ApiKey = ApiKey::Produce;
            /// The how-manieth of its kind on its connection, from 1.
            nth: u32 = 1, Between(1, 1_000_000_000);
            /// What becomes of it.
            fate: Fate = Fate::default(), Told;
        }
    }
}

impl Act {
    /// The one message that it is about, if it strikes one.
    pub fn message(&self) -> Option<MessageName> {
        let Self::Strike { producer, connection, direction, api, nth, .. } = self else { return None };
        Some(MessageName {
            producer: ProducerIndex(*producer),
            connection: ConnectionId(connection.saturating_sub(1)),
            direction: (*direction).into(),
            api: *api,
            ordinal: *nth,
        })
    }

    /// What strikes this message, the reverse of [`message`](Self::message). A scenario counts connections from 1.
    #[cfg(feature = "player")]
    pub(crate) fn strike(name: &MessageName, fate: Fate) -> Self {
        Self::Strike {
            producer: name.producer.0,
            connection: name.connection.0.saturating_add(1),
            direction: name.direction.into(),
            api: name.api,
            nth: name.ordinal,
            fate,
        }
    }
}
