//! What moves: drawn once a frame on a canvas, past the virtual DOM.

use std::cell::RefCell;
use std::rc::Rc;

use core::time::Duration;

use producer_core::scene::Scene;
use producer_core::time::Instant;
use yew::Callback;

/// The virtual DOM is compared at most this often.
pub(crate) const VIEW_EVERY_MS: f64 = 100.0;
/// A frame that comes later than this found the tab hidden or the machine asleep: time stood still meanwhile.
pub(crate) const LONGEST_FRAME_MS: f64 = 100.0;
/// What a move without a duration of its own takes for the eye.
pub(crate) const LEG: Duration = Duration::from_millis(320);

/// One frame of the moving picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// The state of the world at the newest event.
    pub(crate) scene: &'a Scene,
    /// The playhead: at or after the scene's own time.
    pub(crate) now: Instant,
    /// How much of the world's time a move takes that has no duration of its own (a record on the belt, an answer on its
    /// way home). The same for the eye at every speed; 0: time goes too fast for anything to be followed.
    pub(crate) leg: Duration,
}

/// Draws one frame; `true`: something still moves, so there is a next one.
pub(crate) type Paint = dyn FnMut(&Frame<'_>) -> bool;

/// Where a panel leaves its painter for the loop that runs once a frame.
#[derive(Clone, Default)]
pub(crate) struct Canvas(Rc<Shared>);

#[derive(Default)]
struct Shared {
    painter: RefCell<Option<Box<Paint>>>,
    wake: RefCell<Option<Callback<()>>>,
}

impl Canvas {
    /// From now on this draws, beginning with the next frame; `None`: nobody does.
    pub(crate) fn set(&self, painter: Option<Box<Paint>>) {
        *self.0.painter.borrow_mut() = painter;
        if let Some(wake) = &*self.0.wake.borrow() {
            wake.emit(());
        }
    }

    /// Called when a frame is wanted although nothing happens in the world.
    pub(crate) fn on_wake(&self, wake: Callback<()>) {
        *self.0.wake.borrow_mut() = Some(wake);
    }

    /// Draws one frame. Says whether something still moves.
    pub(crate) fn paint(&self, frame: &Frame<'_>) -> bool {
        self.0.painter.borrow_mut().as_mut().is_some_and(|paint| paint(frame))
    }
}

impl PartialEq for Canvas {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
