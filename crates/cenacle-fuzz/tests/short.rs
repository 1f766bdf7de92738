//! Every target runs on its seeds and on some mutations of them, always the same. `CENACLE_LONG=1` runs more; whatever fails
//! shows the input, and the runner goes on from there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

extern crate alloc;

use alloc::collections::BTreeSet;
use std::panic;

use cenacle_fuzz::{
    TARGETS,
    mutate::{self, Random},
};
use cenacle_testkit::world::long_run;

/// Every so-manieth seed of a target, and so many mutations, in a short run.
const SHORT: [(&str, usize, u64); 10] = [
    ("decode", 1, 20_000),
    ("json", 1, 5_000),
    ("inspect", 8, 200),
    ("x509", 1, 100),
    ("tree", 4, 100),
    ("open", 2, 150),
    ("join", 1, 60),
    ("rows", 40, 20),
    ("file", 4, 20),
    ("operations", 8, 2),
];

#[test]
fn every_target_holds() {
    for target in TARGETS {
        let (_, step, mutations) = SHORT.into_iter().find(|(name, ..)| *name == target.name).unwrap();
        let (step, mutations) = if long_run() { (1, mutations * 50) } else { (step, mutations) };
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        println!("{}: {} seeds", target.name, seeds.len());
        seeds.iter().step_by(step).for_each(|seed| (target.run)(seed));
        let mut input = Vec::new();
        for number in 0..mutations {
            mutate::make(&mut input, &seeds, target.longest, &mut Random::of(1, number));
            let held = panic::catch_unwind(|| (target.run)(&input));
            assert!(held.is_ok(), "{}, mutation {number}: {input:02x?}", target.name);
        }
    }
}

#[test]
fn mutations_are_made_again_by_seed_and_number() {
    let corpus = [b"some input".to_vec(), b"another".to_vec()];
    let make = |number| {
        let mut input = Vec::new();
        mutate::make(&mut input, &corpus, 64, &mut Random::of(9, number));
        input
    };
    let first: Vec<_> = (0..1_000).map(make).collect();
    assert!(first.iter().all(|input| input.len() <= 64));
    assert!((0..1_000).map(make).eq(first.iter().cloned()));
    let distinct = first.iter().collect::<BTreeSet<_>>().len();
    assert!(distinct > 700, "{distinct} different inputs of 1000");
}
