//! The same requests to the embedded brokers and to an Apache Kafka, written and read by the crate `kafka-protocol`, and
//! their answers held side by side, field by field. Batches are made by hand, so that anything may be wrong with them.

mod ask;
mod batch;
mod compare;
mod fields;
mod names;
mod story;
mod teller;

use uuid::Uuid;

pub use self::compare::{Answers, Comparison, Difference, Exception, Heard, SETTINGS_OF_NEW_TOPICS};
pub use self::fields::Field;
pub use self::story::{Cluster, tell, tell_replicated};
pub use self::teller::Teller;

/// A producer id and epoch that no cluster gives.
const STRANGER: (i64, i16) = (1 << 40, 0);
/// A topic id that no cluster draws.
const NOBODYS_TOPIC: Uuid = Uuid::from_u128(u128::from_be_bytes([9; 16]));
