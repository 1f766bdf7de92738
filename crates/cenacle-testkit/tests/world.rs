//! Random groups over a network that loses, repeats and reorders: all members agree in every epoch, memory is what is on
//! disk, and the removed cannot read. `CENACLE_LONG=1` runs longer; `CENACLE_SEED` runs one seed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use cenacle_codec::Encode as _;
use cenacle_crypto::CipherSuite;
use cenacle_testkit::world::{Provider, World, long_run, seeds_of, storm::Storm};

fn run(provider: Provider, suite: u16, first: u64, seeds: u64) {
    let (seeds, steps) = if long_run() { (seeds * 10, 1_600) } else { (seeds, 320) };
    for seed in seeds_of(first..first + seeds) {
        println!("seed {seed}, suite {suite}, {provider:?}");
        let mut storm = Storm::new(seed, provider, CipherSuite(suite));
        for step in 1..=steps {
            storm.step();
            if step % 40 == 0 {
                storm.settle();
            }
        }
        println!("epoch {}, {:?}", storm.tip(), storm.tally);
        // A run in which something never happened would prove little.
        for what in ["read", "proposal", "commit accepted", "join by welcome", "external commit", "removed", "reload"] {
            assert!(storm.tally.contains_key(what), "seed {seed}: no {what}");
        }
    }
}

#[test]
fn suite_1() {
    run(Provider::RustCrypto, 1, 100, 3);
}

#[test]
fn suite_1_native() {
    run(Provider::AwsLc, 1, 200, 3);
}

#[test]
fn suite_2() {
    run(Provider::AwsLc, 2, 300, 1);
}

#[test]
fn suite_3() {
    run(Provider::RustCrypto, 3, 400, 1);
}

#[test]
fn a_proposal_made_twice_waits_once() {
    let mut world = World::new(1, Provider::RustCrypto, CipherSuite(1)).group_of(&["alice", "bob", "carol"]);
    let carol = world.leaf("carol");
    let first = world.step("alice", |group, rng| group.propose_remove(carol, rng)).to_bytes().unwrap();
    let again = world.step("alice", |group, rng| group.propose_remove(carol, rng)).to_bytes().unwrap();
    assert_ne!(first, again);
    world.deliver(&first);
    world.deliver(&again);
    for name in ["alice", "bob"] {
        let waiting: Vec<_> = world.at(name).group().proposals().map(|(reference, ..)| reference).collect();
        assert_eq!(waiting.len(), 1);
        world.step(name, |group, _| group.set_aside(&waiting[0]));
        world.at(name).assert_stored();
        world.person(name).reload();
        assert_eq!(world.at(name).group().proposals().count(), 0);
    }
}
