//! Random groups over a network that loses, repeats and reorders: all members agree in every epoch, memory is what is on
//! disk, and the removed cannot read. `CENACLE_LONG=1` runs longer; `CENACLE_SEED` runs one seed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;

use cenacle_crypto::CipherSuite;
use cenacle_testkit::world::{Provider, long_run, storm::Storm};

fn run(provider: Provider, suite: u16, seeds: core::ops::Range<u64>, steps: u32) {
    let one = env::var("CENACLE_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let seeds = one.map_or(seeds.clone(), |seed| seed..seed + 1);
    for seed in seeds {
        println!("seed {seed}, suite {suite}, {provider:?}");
        let mut storm = Storm::new(seed, provider, CipherSuite(suite));
        for step in 1..=steps {
            storm.step();
            if step % 40 == 0 {
                storm.settle();
            }
        }
        storm.settle();
        println!("epoch {}, {:?}", storm.tip(), storm.tally);
        // A run in which something never happened would prove little.
        for what in ["read", "proposal", "commit accepted", "join by welcome", "external commit", "removed", "reload"] {
            assert!(storm.tally.contains_key(what), "seed {seed}: no {what}");
        }
    }
}

fn length(short: u32) -> u32 {
    if long_run() { short * 20 } else { short }
}

#[test]
fn suite_1() {
    run(Provider::RustCrypto, 1, 1..4, length(320));
}

#[test]
fn suite_1_native() {
    run(Provider::AwsLc, 1, 11..14, length(320));
}

#[test]
fn suite_2() {
    run(Provider::AwsLc, 2, 21..22, length(320));
}

#[test]
fn suite_3() {
    run(Provider::RustCrypto, 3, 31..32, length(320));
}
