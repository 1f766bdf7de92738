//! What a calculation leaves on the stack is gone if it was swept.

extern crate std;

use alloc::vec::Vec;
use core::hint::black_box;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use crate::{Depth, swept};

const BYTES: usize = 16 * 1024;

/// A calculation with a secret in a local variable.
fn calculate() -> u64 {
    let mut local = [0u8; 4096];
    local.iter_mut().zip((0..=255u8).cycle()).for_each(|(byte, at)| *byte = at ^ 0x5a);
    u64::from(black_box(&mut local)[17])
}

/// What lies on the stack below its caller, as the system has it.
#[inline(never)]
fn below() -> Vec<u8> {
    let mut bytes = alloc::vec![0; BYTES];
    let here = bytes.len();
    let end = u64::try_from(&raw const here as usize).unwrap();
    let mut memory = File::open("/proc/self/mem").unwrap();
    memory.seek(SeekFrom::Start(end - u64::try_from(BYTES).unwrap())).unwrap();
    memory.read_exact(&mut bytes).unwrap();
    bytes
}

fn traces() -> usize {
    let secret: Vec<u8> = (20u8..60).map(|at| at ^ 0x5a).collect();
    below().windows(secret.len()).filter(|window| *window == secret).count()
}

#[test]
fn nothing_is_left_of_what_was_swept() {
    black_box(calculate());
    assert!(traces() > 0, "without sweeping there is something");
    black_box(swept(Depth::KiB16, calculate));
    assert_eq!(traces(), 0);
}
