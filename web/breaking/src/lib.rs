//! *Break my config* behind plain exports, for the worker beside a page.
//!
//! The module imports nothing. Messages go through its memory in their binary form: ask for room with [`input`], write an
//! [`Ask`](producer_core::breaking::messages::Ask) there and call [`ask`]; for as long as that and [`step`] say that there is
//! more to do, each step plays one world. How many of them are a slice is for the worker to say, who has a clock. Then
//! [`tell`] writes a [`Told`](producer_core::breaking::messages::Told) to which [`output`] points. Both places are good until
//! the next call.

mod deeds;
mod desk;
mod telling;
mod words;

use std::cell::RefCell;

use self::desk::Desk;

thread_local! {
    static DESK: RefCell<Desk> = RefCell::new(Desk::default());
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

/// Takes the question in the input. Says whether there is anything to do about it, as 1 or 0.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn ask() -> i32 {
    let question = INPUT.with_borrow(|input| postcard::from_bytes(input));
    question.map_or(0, |question| DESK.with_borrow_mut(|desk| desk.take(question)).into())
}

/// Plays one world. Says whether there is more to do, as 1 or 0.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn step() -> i32 {
    DESK.with_borrow_mut(Desk::step).into()
}

/// Writes how far it is, and what is new. Gives the length of that.
#[expect(unsafe_code, reason = "an export of a module without bindings has a name, and naming it counts as unsafe")]
#[unsafe(no_mangle)]
pub extern "C" fn tell() -> i32 {
    let told = DESK.with_borrow_mut(Desk::tell);
    OUTPUT.with_borrow_mut(|output| {
        output.clear();
        *output = postcard::to_extend(&told, core::mem::take(output)).unwrap_or_default();
        i32::try_from(output.len()).unwrap_or(i32::MAX)
    })
}
