//! A member under suspicion of keeping what it should have forgotten (RFC 9420 §9.2).
//!
//! It is a process of its own, the instrumented build of Cenacle with its state in a database: whatever is in that memory and
//! in those files is this one member's. It does what it is told through a pipe, and while it waits for the next order
//! whoever gave the last may search it: [`Suspect::check`]. What to search for has two sources. The suspect counts the
//! secrets it makes and erases, and says so behind a mask ([`census`](cenacle_crypto::census)). And an attacker who has the
//! rows of some members from before derives what these must have forgotten afterwards, by name, without the suspect: see
//! [`Stolen`] and [`consumed`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::wildcard_enum_match_arm,
    reason = "support of tests, which fail by panicking"
)]

pub mod consumed;
mod handle;
mod member;
mod protocol;
mod stolen;

pub use handle::{Effort, Suspect, fast_folder};
pub use member::serve;
pub use protocol::{Begin, Leak, Order, Outcome};
pub use stolen::Stolen;

/// A secret with what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The RFC's name, with its place.
    pub name: String,
    /// The secret.
    pub value: Vec<u8>,
}

impl Named {
    /// This value under this name.
    #[must_use]
    pub fn new(name: impl Into<String>, value: &[u8]) -> Self {
        Self { name: name.into(), value: value.to_vec() }
    }
}
