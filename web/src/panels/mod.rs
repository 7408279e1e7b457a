//! The parts of the screen. They read [`View`](crate::view::View) and what is being typed, and nothing else.

pub(crate) mod alerts;
pub(crate) mod chips;
pub(crate) mod code;
pub(crate) mod composer;
pub(crate) mod connect;
mod fold;
pub(crate) mod history;
pub(crate) mod ledger;
pub(crate) mod narrate;
mod problems;
pub(crate) mod settings;
pub(crate) mod stage;
pub(crate) mod time_bar;
pub(crate) mod top_bar;
