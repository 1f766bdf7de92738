//! Tests of what cannot be reached from outside.

mod attachment;
mod bindings;
mod payload;
mod policy;
mod returning;
mod transport;
