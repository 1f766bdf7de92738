//! `cenacle serve` and `cenacle chat` killed with SIGKILL and started again with the same data: what anybody was shown or
//! told to be delivered is there afterwards, once, and all agree. `CENACLE_LONG=1` goes on for longer, `CENACLE_SEED`
//! repeats one seed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

extern crate alloc;

mod process;
mod server;
mod town;
