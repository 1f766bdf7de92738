//! What calculations leave on the stack. A library keeps keys, blocks and states in local variables, which nobody erases when
//! its functions return; they stay until other calls happen to write there. [`swept`] sees to it that this is at once.

use core::hint::black_box;

/// How deep a calculation goes on the stack. Code that is not optimised goes several times as deep, and is swept so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Up to 2 KiB.
    KiB2,
    /// Up to 4 KiB.
    KiB4,
    /// Up to 8 KiB.
    KiB8,
    /// Up to 16 KiB.
    KiB16,
}

/// Runs `f` deeper on the stack than its caller and overwrites what it used there. Its result must not hold secrets itself:
/// it may point to them.
pub fn swept<T>(depth: Depth, f: impl FnOnce() -> T) -> T {
    let result = deeper(f);
    match depth {
        Depth::KiB2 => overwrite::<{ 2 * UNIT_BYTES }>(),
        Depth::KiB4 => overwrite::<{ 4 * UNIT_BYTES }>(),
        Depth::KiB8 => overwrite::<{ 8 * UNIT_BYTES }>(),
        Depth::KiB16 => overwrite::<{ 16 * UNIT_BYTES }>(),
    }
    result
}

const UNIT_BYTES: usize = if cfg!(debug_assertions) { 4 * 1024 } else { 1024 };

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
