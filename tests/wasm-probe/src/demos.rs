//! The demos' traces, each as a line of numbers.
//!
//! A line tells of one lane: slug, lane, number of events, and FNV-1a over the binary form of all events, one by one; behind
//! it the lower half of what that was after 16 events, 32, 64 and so on, so that of two lines that differ one can say
//! where.

use core::fmt::Write as _;

use producer_core::scenario::{DEMOS, Demo};
use producer_core::staging;
use producer_core::trace;

use crate::{FNV, fnv};

/// After so many events stands the first number in between.
pub const FIRST_MARK: usize = 16;

/// The lines of a demo, one for each lane.
///
/// # Panics
/// A demo that cannot be staged; all of them are tested.
pub fn lines_of(demo: &Demo) -> String {
    let scenario = demo.scenario();
    let mut lines = String::new();
    for lane in 0..scenario.lane_count() {
        let ending = staging::run(&scenario, lane, &[], None).expect("all demos can be staged");
        let (mut hash, mut next_mark, mut marks) = (FNV, FIRST_MARK, String::new());
        for (place, event) in (1_usize..).zip(&ending.trace) {
            hash = fnv(hash, trace::encode(core::slice::from_ref(event)));
            if place == next_mark {
                write!(marks, " {:08x}", hash & u64::from(u32::MAX)).expect("a String grows as needed");
                next_mark *= 2;
            }
        }
        let (slug, events) = (demo.slug, ending.trace.len());
        writeln!(lines, "{slug} {lane} {events} {hash:016x}{marks}").expect("a String grows as needed");
    }
    lines
}

/// Plays the demo at this place and gives its lines' bytes away: where they are, in the upper half, and how many.
///
/// # Panics
/// There is no such demo.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn demo_lines(place: u32) -> u64 {
    let demo = DEMOS.get(place as usize).expect("there are fewer demos");
    let lines: &'static [u8] = lines_of(demo).into_bytes().leak();
    ((lines.as_ptr() as u64) << 32) | lines.len() as u64
}
