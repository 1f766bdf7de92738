//! `cenacle bench`: what an operation costs one member, with its state saved as an application would save it. Groups of
//! every size asked for are built on this machine; each operation is repeated and its median given.
//!
//! [`BenchArgs`] is the command. Who wants the figures as values builds a [`Scene`], a group of the size and history asked
//! for, and takes one [`Sample`] at a time, or has a [`Scene::measure`] sum them up:
//!
//! ```
//! # use cenacle_cli::bench::{Operation, Scene, Tree};
//! # use cenacle_crypto::{CipherSuite, CryptoProvider};
//! # use cenacle_crypto_awslc::AwsLcProvider;
//! # use cenacle_store::MemoryStore;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let suite = AwsLcProvider.suite(CipherSuite(1)).ok_or("no such suite")?;
//! let mut open_store = || Ok(MemoryStore::default());
//! let mut scene = Scene::build(&suite, 8, Tree::Warm, &mut open_store, &|_| ())?;
//! let measured = scene.measure(Operation::ProcessCommit, 5)?;
//! assert_eq!(measured.count, 5);
//! # Ok(())
//! # }
//! ```
//!
//! [`group_of_strangers`] is the ground that scenes stand on, for members of any implementation to come into.

mod clock;
mod command;
mod error;
mod measure;
mod memory;
mod operation;
mod progress;
mod scene;
mod strangers;

pub use clock::{Cost, Stopwatch};
pub use command::BenchArgs;
pub use error::BenchError;
pub use operation::{Measured, Operation, Sample, Value};
pub use progress::Progress;
pub use scene::{OpenStore, Scene, Tree, key_packages};
pub use strangers::group_of_strangers;
