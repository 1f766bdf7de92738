//! The storage contract: one conformance suite for every back end, properties over random sequences of operations,
//! and what several threads may not achieve together.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests stop at the first surprise"
)]

extern crate alloc;

mod conformance;
mod properties;
mod support;

#[cfg(feature = "sqlite")]
mod crash;
#[cfg(feature = "sqlite")]
mod differential;
#[cfg(feature = "sqlite")]
mod torn;
