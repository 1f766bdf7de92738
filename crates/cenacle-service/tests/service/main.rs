//! The services' logic over the back end in memory, with real keys and synthetic MLS messages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "tests stop at the first surprise"
)]

extern crate alloc;

mod accounts;
mod forge;
mod groups;
mod key_packages;
mod support;
mod wire;
