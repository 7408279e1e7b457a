//! The world on the other side of [`Command`] and [`Report`]: in this page, or behind a bridge.
//!
//! [`Command`]: producer_core::bridge::Command
//! [`Report`]: producer_core::bridge::Report

pub(crate) mod bridge;
pub(crate) mod codecs;
pub(crate) mod in_page;
pub(crate) mod module;
