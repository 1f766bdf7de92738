//! Tests of what cannot be reached from outside.

mod attachment;
mod bindings;
mod lost;
mod payload;
mod transport;
