//! Messaging Layer Security, RFC 9420: the protocol and nothing else.
//!
//! Synchronous and sans-IO: it reads no clock, draws no randomness it was not handed, opens no file.
//! The chapters follow the RFC, and imports run one way only:
//! `wire < tree < schedule < secret_tree < protect < group`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod delta;
mod error;
pub mod group;
pub mod limits;
pub mod protect;
pub mod schedule;
pub mod secret_tree;
pub mod tree;
mod wide;
pub mod wire;

pub use error::{Claim, Distrust, Error, Misuse, Need, Refusal, Rule, Unsupported, What};
