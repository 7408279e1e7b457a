//! The messages of transactions and of the offsets committed within them, in both directions.

pub(super) mod requests;
pub(super) mod responses;
