//! Test world of Cenacle: vectors, peers, damage, benches.

#[cfg(feature = "peers")]
pub mod peers;
