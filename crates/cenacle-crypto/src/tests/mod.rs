//! Unit tests, one file per source file. What needs real curves and ciphers is in `conformance`, which every provider
//! runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod census;
mod conformance;
mod dhkem;
mod digest;
mod encoding;
mod hpke;
mod secret;
#[cfg(target_os = "linux")]
mod stack;
mod toy;
