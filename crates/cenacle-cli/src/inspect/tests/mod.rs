//! Tests of what is shown, on values made here.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod date;
mod draw;
mod input;
mod shape;
mod value;
