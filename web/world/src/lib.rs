//! The player of scenarios behind plain exports, for a page whose own module is too small for it.
//!
//! The module imports nothing. Messages go through its memory in their binary form: ask for room with [`input`], write an
//! [`Ask`](producer_core::player::messages::Ask) there, call [`ask`], and read the
//! [`Tell`] that [`output`] points to. Both places are good until the next call.

use std::cell::RefCell;

use producer_core::player::Player;
use producer_core::player::messages::Tell;

thread_local! {
    static PLAYER: RefCell<Player> = RefCell::new(Player::default());
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Room for so many bytes.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn input(len: usize) -> *mut u8 {
    INPUT.with_borrow_mut(|input| {
        input.clear();
        input.resize(len, 0);
        input.as_mut_ptr()
    })
}

/// Where the answer to the last question is.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.with_borrow(|output| output.as_ptr())
}

/// Answers the question in the input. Gives the length of the answer.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn ask() -> i32 {
    let tell = INPUT.with_borrow(|input| match postcard::from_bytes(input) {
        Ok(ask) => PLAYER.with_borrow_mut(|player| player.ask(ask)),
        Err(_) => Tell::Nothing,
    });
    OUTPUT.with_borrow_mut(|output| {
        output.clear();
        *output = postcard::to_extend(&tell, core::mem::take(output)).unwrap_or_default();
        i32::try_from(output.len()).unwrap_or(i32::MAX)
    })
}
