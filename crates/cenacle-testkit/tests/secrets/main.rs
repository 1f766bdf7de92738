//! RFC 9420 §9.2, shown: after every step of long random stories a member's memory and files have nothing of what it should
//! have forgotten. `CENACLE_SEED` runs one seed, `CENACLE_LONG=1` runs more suites and longer.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

extern crate alloc;

mod trial;

use std::env;

use cenacle_testkit::world::{Provider, long_run};
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
    run(Provider::AwsLc, 1, 1, 120);
}

#[test]
fn suite_1() {
    run(Provider::RustCrypto, 1, 2, 120);
}

#[test]
fn suite_2_native() {
    run(Provider::AwsLc, 2, 3, 60);
}

#[test]
fn suite_3() {
    run(Provider::RustCrypto, 3, 4, 60);
}

#[test]
fn suite_2() {
    run(Provider::RustCrypto, 2, 5, 60);
}

#[test]
fn suite_5_native() {
    run(Provider::AwsLc, 5, 6, 60);
}

#[test]
fn suite_5() {
    run(Provider::RustCrypto, 5, 6, 60);
}

#[test]
fn suite_7_native() {
    run(Provider::AwsLc, 7, 6, 60);
}

#[test]
fn suite_7() {
    run(Provider::RustCrypto, 7, 6, 60);
}
