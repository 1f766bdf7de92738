//! Cenacle as a client of the MLS working group's interoperability protocol (`proto/mls_client.proto`): a test-runner asks
//! several stacks, over gRPC, to play the members of groups, and compares what they agree on.
//!
//! [`Server`] is all there is to see. Inside, `rpc` holds one function for each method, over `State` (a member of a group),
//! `Transaction` (a key package not used yet) and the `Table` that names them by numbers. It is a tool for tests: it gives private
//! keys away to whoever asks, and so listens on loopback addresses unless it is told otherwise.
#![forbid(unsafe_code)]

extern crate alloc;

mod actor;
mod failure;
mod proto;
mod rpc;
mod server;
mod service;
mod state;
mod suites;
mod table;
mod wish;

pub use server::{Config, Server, ServerError};
