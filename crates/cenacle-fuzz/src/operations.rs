//! Sequences of operations: an input's bytes are what chance decides in a world over a lossy network, which compares itself
//! with a model at every step. In the end everyone catches up and agrees.

use cenacle_crypto::CipherSuite;
use cenacle_testkit::world::{Dice, Provider, storm::Storm};

/// So many steps at most: a short input decides the first and fixed numbers the rest.
const STEPS: usize = 60;

pub(crate) fn run(input: &[u8]) {
    let mut storm = Storm::new(1, Provider::AwsLc, CipherSuite(1));
    storm.world.dice = Dice::scripted(input);
    for _ in 0..STEPS {
        if storm.world.dice.script_left() == 0 {
            break;
        }
        storm.step();
    }
    storm.settle();
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    (0..16).map(|seed| Dice::new(seed).bytes(240)).collect()
}
