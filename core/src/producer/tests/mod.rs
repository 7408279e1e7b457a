//! Stories about the whole producer, told against brokers that answer as the story says.

mod clock;
#[cfg(feature = "compression")]
mod compressing;
mod connections;
mod delivery;
mod first_contact;
mod hostile;
mod idempotence;
#[cfg(feature = "metrics")]
mod metrics;
mod sending;
mod splitting;
mod story;
