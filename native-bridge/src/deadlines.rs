//! One thread of the process ends the waits of programs when their time is over.
//!
//! A producer's own thread cannot: while it runs the program's callbacks, its timers stand still. Nor need the program's runtime
//! be able to: it may have no timers, or a clock that is paused.

use core::future::pending;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle};

use crate::own_runtime::OwnRuntime;

static RUNTIME: Mutex<Option<Handle>> = Mutex::new(None);

/// A runtime whose timers always run. Its thread is made once, and sleeps while nobody waits.
///
/// # Errors
/// The operating system gives no thread.
pub(crate) fn runtime() -> io::Result<Handle> {
    let mut known = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*known {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let handle = runtime.handle().clone();
    let runtime = OwnRuntime::from(runtime);
    let thread = thread::Builder::new().name("kafka-producer-deadlines".to_owned());
    thread.spawn(move || runtime.block_on(pending()))?;
    *known = Some(handle.clone());
    Ok(handle)
}
