//! Histories that hold, and histories that are broken by the smallest change.

mod claims;
mod clerks;
mod departures;
mod model;
mod more_stories;
mod mutations;
mod scores;
mod stories;
mod tills;
mod worlds;
