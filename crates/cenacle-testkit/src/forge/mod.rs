//! The forge: an adversary's kit. It has an encoder, a tree, a key schedule and a framing of its own, all naive, all in
//! plain sight, and none of them checks anything, so that it can make what the library refuses to make: a message, tree,
//! Welcome, GroupInfo or key package with one chosen thing broken, and everything else signed, tagged, hashed and encrypted
//! as it must be, so that only the one rule can object.
//!
//! An [`Insider`] is a member of a group whose secrets were taken out of its store. It makes messages by a [`Plan`]; a plan
//! without changes makes an honest one. Of the library only the primitives of a suite are used (hash, KDF, MAC, AEAD, HPKE,
//! raw signatures), and the rows of a store to take secrets from: whatever the library has wrong, the forge does not have
//! wrong in the same way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::wildcard_enum_match_arm,
    reason = "support of tests, which fail by panicking"
)]

mod commit;
pub mod crypto;
mod hear;
mod insider;
mod make;
pub mod pen;
mod plan;
pub mod schedule;
pub mod tree;
mod welcome;
pub mod wire;

pub use insider::{Insider, key_package_ref, proposal_ref};
pub use make::{Forged, Next};
pub use pen::{At, Kind, Mark, Pen, Quirk, Scan, Twist, Wire};
pub use plan::{Hook, Hooks, PathKey, Plan, Seal, Subject, Tagged};
pub use schedule::{Epoch, Ratchet, SecretTree};
pub use tree::Tree;
pub use welcome::Joiner;
pub use wire::*;
