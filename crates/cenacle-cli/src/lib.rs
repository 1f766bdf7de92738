//! The program `cenacle` as a library: what its subcommands do, without the command line around them.
//!
//! [`vectors`] checks Cenacle against the official test vectors of MLS; [`inspect`] shows what is inside any structure of
//! RFC 9420; [`interop`] lets the working group's test-runner play groups with it. Nothing here implements the protocol.
#![forbid(unsafe_code)]

extern crate alloc;

pub mod bench;
pub mod chat;
pub mod demo;
pub mod inspect;
pub mod interop;
mod output;
mod place;
pub mod serve;
mod signals;
pub mod vectors;
pub mod world;
