//! Runs random operations under a ledger of all nonces: `nonces [OPERATIONS] [SEED]`, ten million and 1 unless told otherwise.
//! It takes about twelve minutes of one processor and half a gigabyte, and panics at the first nonce that leaves a second time under its key.

use core::error::Error;
use std::{env, time::Instant};

use cenacle_testkit::ledger::{Ledger, mill};

/// How often to say how far it is, in operations.
const TOLD_EVERY: u64 = 500_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (operations, seed) = (number(10_000_000)?, number(1)?);
    println!("{operations} operations, seed {seed}");
    let (ledger, began, mut told) = (Ledger::default(), Instant::now(), 0);
    let tally = mill::grind(&ledger, seed, operations, |done| {
        if done >= told + TOLD_EVERY || done >= operations {
            println!("{done} operations, {} seals, {} s", ledger.seals(), began.elapsed().as_secs());
            told = done;
        }
    });
    for (what, count) in tally {
        println!("{count:>12} {what}");
    }
    println!("{} seals and {} encapsulations: no nonce twice", ledger.seals(), ledger.encapsulations());
    Ok(())
}
