//! Processes that are really killed, at every write to their state file, and what is then found in the file.
//!
//! The process under test talks to the test over a [`Pipe`]: it is given orders, answers them, and before and after each
//! write of its store it tells what it writes and waits for leave. The test holds the other end, a [`Victim`]: it decides
//! the [`Fate`] of each write, kills, looks at the files, and starts the process again. It keeps the rows that must be in
//! the file, made of nothing but the deltas it was told, and the keys of all encryptions that left the process, over all
//! its lives.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "support of tests, which fail by panicking"
)]

mod files;
mod pipe;
mod seals;
mod victim;

pub use files::{Changing, Files, SECTOR_BYTES, Stage, Tear, directory};
pub use pipe::Pipe;
pub use seals::Telling;
pub use victim::{Fate, Killed, Tally, Victim};
