//! Stories of transactions: what is asked of coordinators, what leaves when, and what errors mean.

mod calls;
mod coordinators;
mod epochs;
mod expiry;
mod fencing;
mod offsets;
mod partitions;
mod produce_errors;
mod recovery;
mod sender;
mod sleeping;
pub(super) mod stage;
