//! Test world of Cenacle: vectors, peers, damage, benches.

extern crate alloc;

#[cfg(feature = "bench")]
pub mod compare;
#[cfg(feature = "world")]
pub mod constant_time;
#[cfg(feature = "world")]
pub mod damage;
#[cfg(feature = "world")]
pub mod forge;
#[cfg(feature = "world")]
pub mod killed;
#[cfg(feature = "ledger")]
pub mod ledger;
#[cfg(feature = "peers")]
pub mod peers;
#[cfg(feature = "world")]
pub mod rules;
#[cfg(all(feature = "suspect", target_os = "linux"))]
pub mod suspect;
#[cfg(feature = "ledger")]
pub mod tapped;
#[cfg(feature = "world")]
pub mod world;
