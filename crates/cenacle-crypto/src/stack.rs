//! What calculations leave on the stack. A library keeps keys, blocks and states in local variables, which nobody erases when
//! its functions return; they stay until other calls happen to write there. [`swept`] sees to it that this is at once.

use core::hint::black_box;

/// Runs `f` deeper on the stack than its caller and overwrites the first `BYTES` of what it used there. Its result must not
/// hold secrets itself: it may point to them.
pub fn swept<const BYTES: usize, T>(f: impl FnOnce() -> T) -> T {
    let result = deeper(f);
    overwrite::<BYTES>();
    result
}

/// A frame of its own for whatever is compiled into `f`.
#[inline(never)]
fn deeper<T>(f: impl FnOnce() -> T) -> T {
    f()
}

/// Its frame lies where that of [`deeper`] was.
#[inline(never)]
fn overwrite<const BYTES: usize>() {
    black_box(&mut [0u8; BYTES]);
}
