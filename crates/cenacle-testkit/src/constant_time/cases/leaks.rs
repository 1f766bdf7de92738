//! Code that leaks, as nobody should write it. Each must be reported.

use alloc::vec::Vec;
use core::hint::black_box;

use super::{Case, Expected};

const SECRET: [u8; 32] = [7; 32];

/// Compares up to the first difference.
#[inline(never)]
fn compare(one: &[u8], other: &[u8]) -> bool {
    for (one, other) in one.iter().zip(other) {
        if black_box(one) != black_box(other) {
            return false;
        }
    }
    true
}

/// Looks a secret byte up in a table.
#[inline(never)]
fn look_up(table: &[u8; 256], secret: u8) -> u8 {
    table[usize::from(secret)]
}

/// Removes padding up to the first byte that is none.
#[inline(never)]
fn unpad(padded: &[u8]) -> &[u8] {
    let content = padded.iter().rposition(|byte| black_box(*byte) != 0).map_or(0, |last| last + 1);
    &padded[..content]
}

pub(super) fn cases() -> Vec<Case> {
    let leak = |name, run: fn(&super::super::Probe)| Case::new(name, Expected::Leak, run);
    vec![
        leak("leak: a comparison that ends early", |probe| {
            assert!(compare(&probe.hidden(&SECRET), &SECRET));
        }),
        leak("leak: slices compared with ==", |probe| {
            let secret = probe.hidden(&SECRET);
            assert!(black_box(secret.as_slice()) == black_box(&SECRET[..]));
            assert!(black_box(secret.as_slice()) != black_box(&[8; 32][..]));
        }),
        leak("leak: tables indexed by secrets", |probe| {
            let table: [u8; 256] = core::array::from_fn(|n| u8::try_from(n).unwrap());
            let looked_up: Vec<u8> = probe.hidden(&SECRET).iter().map(|byte| look_up(&table, *byte)).collect();
            assert_eq!(probe.revealed(&looked_up), SECRET);
        }),
        leak("leak: padding removed byte by byte", |probe| {
            assert_eq!(unpad(&probe.hidden(&[&SECRET[..], &[0; 32]].concat())).len(), 32);
        }),
    ]
}
