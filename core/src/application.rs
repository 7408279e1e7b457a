//! The program that uses a producer, as its driver sees it.

use core::time::Duration;

use crate::io::BatchCompletion;
use crate::producer::Producer;
use crate::time::{Instant, Now};
use crate::trace::Observer;

/// The code around a producer: a library's futures, a page's session, a test's loop.
///
/// A driver owns one producer and one application and calls, whenever anything happened:
/// `producer.handle_input`, then drains `producer.poll_output` (handing every completion to
/// [`on_completed`](Self::on_completed)), then [`run`](Self::run), then drains again if `run` sent anything.
pub trait Application<O: Observer> {
    /// A batch met its fate, or a part of one that was split. This is where callbacks run: on the sender's side of the picture.
    fn on_completed(&mut self, now: Now, completion: &BatchCompletion, producer: &mut Producer<O>);

    /// How long the callbacks of the completion just told of kept the sender's thread. Asked by worlds in virtual time, and
    /// only once for each; elsewhere time passes by itself.
    fn time_in_callbacks(&mut self) -> Duration {
        Duration::ZERO
    }

    /// The application's own thread gets its turn: it may send, flush or close. Returns when it wants the next turn
    /// although nothing happens: `None`, only when something happens; `Some(now)`, at once, because it stopped in
    /// mid-work to let others in.
    fn run(&mut self, now: Now, producer: &mut Producer<O>) -> Option<Instant>;
}
