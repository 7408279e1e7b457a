//! What the cross tests share: peers, and judges of what they saw.

pub mod proxy;
pub mod read_back;
pub mod wire_samples;
