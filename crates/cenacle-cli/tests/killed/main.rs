//! `cenacle serve` and `cenacle chat` killed with SIGKILL and started again with the same data: what anybody was shown or
//! told to be delivered is there afterwards, once, and all agree. `CENACLE_LONG=1` goes on for longer, `CENACLE_SEED`
//! repeats one seed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

extern crate alloc;

mod process;
mod server;
mod town;

use std::env;

use cenacle_testkit::world::long_run;

/// Seeds of what is random here: how many are asked for, or the one that failed.
fn seeds(long: u64) -> impl Iterator<Item = u64> {
    let one = env::var("CENACLE_SEED").ok().map(|seed| seed.parse().unwrap());
    let last = if long_run() { long } else { 1 };
    one.map_or(1..=last, |one| one..=one)
}
