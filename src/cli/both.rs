//! Two things at a time: a comparison has two sides.

use std::{panic, thread};

/// What `first` and `second` give, each on a core of its own if there is one.
pub(super) fn both<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    thread::scope(|scope| {
        let second = scope.spawn(second);
        let first = first();
        match second.join() {
            Ok(second) => (first, second),
            Err(panic) => panic::resume_unwind(panic),
        }
    })
}
