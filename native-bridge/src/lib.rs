//! A Kafka producer on tokio: the producer core with sockets.
//!
//! [`KafkaProducer`] is the library; [`driver::Driver`] is what it shares with the playground's page sessions.
//! [`embedded`] has brokers of its own to speak to, and [`probe`] finds out whether a Kafka broker answers at an address.

#[cfg(planted)]
compile_error!("mistakes that are made on purpose are for `cargo xtask planted` alone");

mod bootstrap;
pub mod client_id;
mod clock;
pub mod codecs;
mod connection;
mod deadlines;
pub mod driver;
pub mod embedded;
pub mod foreign_config;
mod frame;
mod loop_times;
mod own_runtime;
pub mod probe;
mod producer;
mod timekeeper;
mod transport;

pub use clock::Clock;
pub use producer::{
    ConnectError, Delivery, DeliveryError, KafkaProducer, KafkaProducerBuilder, ProducerRecord, RecordMetadata,
    SendError, Serializing, TrySendError,
};
pub use producer_core::config::{
    BootstrapError, BootstrapServers, ConfigError, ConfigNotice, ProducerConfig, PropertiesError, read_properties,
};
pub use producer_core::error::{
    ErrorCode, IllegalCall, LostConnection, Persistence, ProducerError, Surface, TransactionCall, TransactionError,
    TransactionPhase,
};
pub use producer_core::io::{BatchCompletion, DisconnectReason, Stored};
pub use producer_core::metrics;
pub use producer_core::producer::{GroupMember, Offsets, Sent};
pub use producer_core::protocol::CommittedOffset;
pub use producer_core::record::{Header, Record};
pub use producer_core::serializer;
