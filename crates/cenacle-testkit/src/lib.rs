//! Test world of Cenacle: vectors, peers, damage, benches.

extern crate alloc;

#[cfg(feature = "bench")]
pub mod compare;
#[cfg(feature = "world")]
pub mod damage;
#[cfg(feature = "peers")]
pub mod peers;
#[cfg(all(feature = "world", target_os = "linux"))]
pub mod suspect;
#[cfg(feature = "world")]
pub mod world;
