//! The real server, in this process and on loopback, driven by a generated client through scripts that reach every method of the
//! protocol: each suite, handshakes in the clear and encrypted, all actors on one server and on two. After each step all who
//! share an epoch must agree on its authenticator.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

extern crate alloc;

mod commits;
mod continuations;
mod joining;
mod outside;
mod refusals;
mod unfit;
mod world;

/// The messages and the client half of the protocol, as the build script generates them.
mod proto {
    #![allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, reason = "generated")]
    #![allow(clippy::allow_attributes_without_reason, clippy::std_instead_of_core, reason = "generated")]
    #![allow(clippy::std_instead_of_alloc, let_underscore_drop, reason = "generated")]
    #![allow(dead_code, reason = "generated")]

    include!(concat!(env!("OUT_DIR"), "/client/mls_client.rs"));
}
