//! Test world of Cenacle: vectors, peers, damage, benches.

extern crate alloc;

#[cfg(feature = "bench")]
pub mod compare;
#[cfg(feature = "world")]
pub mod damage;
#[cfg(feature = "world")]
pub mod killed;
#[cfg(feature = "peers")]
pub mod peers;
#[cfg(feature = "world")]
pub mod world;
