//! RFC 9420 §9.2, shown: after every step of long random stories a member's memory and files have nothing of what it should
//! have forgotten. `CENACLE_SEED` runs one seed, `CENACLE_LONG=1` runs more suites and longer.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

extern crate alloc;

mod deletion;
mod trial;

use core::panic::AssertUnwindSafe;
use std::{env, panic::catch_unwind};

use cenacle_testkit::{
    suspect::{Leak, Order},
    world::{Provider, long_run},
};
use trial::Trial;

fn run(provider: Provider, suite: u16, seed: u64, steps: u32) {
    let steps = if long_run() { steps * 5 } else { steps };
    let seed = env::var("CENACLE_SEED").map_or(seed, |seed| seed.parse().unwrap());
    println!("seed {seed}, suite {suite}, {provider:?}");
    let mut trial = Trial::new(seed, provider, suite);
    for _ in 0..steps {
        trial.step();
    }
    println!("{:?}", trial.tally);
    println!("{:?}", trial.bob.effort);
}

#[test]
fn suite_1_native() {
    run(Provider::AwsLc, 1, 1, 100);
}

#[test]
fn suite_1() {
    run(Provider::RustCrypto, 1, 2, 60);
}

#[test]
fn suite_2_native() {
    run(Provider::AwsLc, 2, 3, 40);
}

#[test]
fn suite_3() {
    run(Provider::RustCrypto, 3, 4, 40);
}

#[test]
fn all_other_suites() {
    for suite in [2, 3, 5, 7].into_iter().filter(|_| long_run()) {
        run(Provider::AwsLc, suite, 100 + u64::from(suite), 40);
        run(Provider::RustCrypto, suite, 200 + u64::from(suite), 40);
    }
}

/// A search that finds nothing anywhere would prove nothing.
#[test]
fn a_guilty_suspect_is_found_out() {
    for (leak, place) in [
        (Leak::HEAP, "[heap]"),
        (Leak::FREED, "[heap]"),
        (Leak::HEX, "Hex"),
        (Leak::STACK, "[stack]"),
        (Leak::ROW, "is still stored"),
        (Leak::ERASED_ROW, "state.db-wal"),
    ] {
        let mut trial = Trial::new(1, Provider::AwsLc, 1);
        while !trial.is_member() {
            trial.step();
        }
        trial.bob.must(&Order::Leak(leak));
        let outcome = catch_unwind(AssertUnwindSafe(|| trial.others_commit())).unwrap_err();
        let complaint = outcome.downcast_ref::<String>().unwrap();
        let found = |line: &str| line.contains("init_secret[n-1]") && line.contains(place);
        assert!(complaint.lines().any(found), "{leak:?}: {complaint}");
    }
}
