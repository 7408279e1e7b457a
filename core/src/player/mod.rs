//! What stands between a scenario and a page: opens links, plays all lanes together, keeps futures, and tells what is to
//! be shown.
//!
//! A `Player` answers each [`Ask`](messages::Ask) with one [`Tell`](messages::Tell) and does nothing by itself: whoever asks
//! decides how much happens between two looks at a clock. What is done by hand becomes a timed action of the scenario, a
//! microsecond after the playhead, and the scenario is staged anew and brought there: so a link, which is that scenario,
//! shows the very same.
//!
//! The messages are there for everybody; the player itself is a feature, for a page's first load need not carry it.

#[cfg(feature = "player")]
mod future;
#[cfg(feature = "player")]
mod hands;
#[cfg(feature = "player")]
mod looking;
pub mod messages;
#[cfg(feature = "player")]
mod opening;
#[cfg(feature = "player")]
mod playing;
#[cfg(feature = "player")]
mod rerun;
#[cfg(all(test, feature = "demos", feature = "player"))]
mod tests;

#[cfg(feature = "player")]
pub use self::playing::{MOST_FUTURES, Player};
#[cfg(feature = "player")]
pub use self::rerun::trace_hash;
