//! Panels.

pub(crate) mod stage;
