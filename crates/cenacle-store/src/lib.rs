//! Client state of Cenacle on disk: implementations of [`cenacle_mls::delta::Store`].
//!
//! [`SqliteStore`] keeps rows in one SQLite file and applies every delta as one durable transaction; [`MemoryStore`]
//! keeps them in memory. What a row means is known only to whoever wrote it: nothing here reads a value.
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod memory;
mod snapshot;
mod sqlite;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::StoreError;
pub use memory::MemoryStore;
pub use snapshot::Snapshot;
pub use sqlite::SqliteStore;
