//! Stories about the whole producer, told against brokers that answer as the story says.

mod accumulator;
mod answers;
mod availability;
mod beside_brokers;
mod clock;
mod closing;
#[cfg(feature = "compression")]
mod compressing;
mod connections;
mod delivery;
mod first_contact;
mod five_in_flight;
mod hostile;
mod idempotence;
#[cfg(feature = "settings")]
mod in_turn;
mod memory;
#[cfg(feature = "metrics")]
mod metrics;
mod moving;
mod observed;
mod rebootstrapping;
mod sender_epochs;
mod sender_expiry;
mod sender_leaders;
mod sender_order;
mod sender_plain;
#[cfg(feature = "compression")]
mod sender_splits;
mod sending;
mod splitting;
mod story;
mod topic_ids;
mod topics;
mod transactions;
