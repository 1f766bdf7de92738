//! The demo's language, its story and its judgement, without processes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod judge;
mod script;
mod story;
