//! Histories that hold, and histories that are broken by the smallest change.

mod claims;
mod model;
mod mutations;
mod scores;
mod stories;
mod worlds;
