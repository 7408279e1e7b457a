//! Stories about the whole producer, told against brokers that answer as the story says.

mod answers;
mod availability;
mod clock;
#[cfg(feature = "compression")]
mod compressing;
mod connections;
mod delivery;
mod first_contact;
mod five_in_flight;
mod hostile;
mod idempotence;
mod moving;
mod sending;
mod splitting;
mod story;
