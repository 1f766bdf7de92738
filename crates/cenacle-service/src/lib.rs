//! The two services that MLS asks for (RFC 9750), as logic without input or output: the **Delivery Service**, which
//! orders a group's messages and delivers invitations, and the **Authentication Service**, which binds names to keys.
//!
//! # What they promise
//! - **One commit for each epoch.** A group's log is totally ordered and dense; the first commit for an epoch wins, on
//!   every path, and a loser is told the winner's hash and number.
//! - **A commit is one record.** Commit, Welcomes, GroupInfo, tree and changes of participants become true together
//!   or not at all. A Welcome leaves only after its commit has won.
//! - **Asking again is safe.** The same bytes get the same answer, so a client that lost a reply posts again.
//! - **A key package is handed out once**, except one published as last resort. After a crash one may be lost, none
//!   is handed out twice.
//! - **A message is stored once**, without its sender. Members hold cursors.
//! - **The removed read up to their removal**, and nothing after it.
//! - **An answer is on the disk** before it is given, if there is a disk.
//!
//! # What they do not do
//! They see group ids, epochs, content types and who takes part, as the posters tell it; they hold no group's tree,
//! so they cannot tell a commit that members will refuse. Clients verify everything: bindings with
//! [`wire::SignedBinding::verify`], messages with MLS. The log grows without end; old records are not expired yet.
//!
//! # The parts
//! | module | holds | feature |
//! |---|---|---|
//! | [`wire`] | JSON bodies of all routes, problems, bindings: all a client needs | always |
//! | [`storage`] | the storage contract and the back end in memory | `service` (default) |
//! | [`Service`] | the logic | `service` (default) |
//! | `storage::SqliteStorage` | the back end in one SQLite file | `sqlite` |
//!
//! Time and randomness are arguments, so a test or a simulation runs the real services:
//!
//! ```
//! # #[cfg(feature = "service")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use cenacle_crypto::{CipherSuite, CryptoProvider};
//! use cenacle_crypto_rustcrypto::{RustCryptoProvider, SystemRng};
//! use cenacle_service::{Service, ServiceConfig, storage::MemoryStorage, wire::{BindingRequest, RegisterAccount}};
//!
//! let (mut rng, now_seconds) = (SystemRng, 1_700_000_000);
//! let storage = Arc::new(MemoryStorage::new(&mut rng)?);
//! let provider = Arc::new(RustCryptoProvider);
//! let service = Service::new(storage, provider, Arc::new(()), ServiceConfig::default(), &mut rng)?;
//!
//! // A device makes its key, and asks for its name to be bound to it.
//! let suite = RustCryptoProvider.suite(CipherSuite(1)).ok_or("no suite 1")?;
//! let (secret, _) = suite.signature_key_pair(&mut rng)?;
//! let request = BindingRequest::new("alice".parse()?, CipherSuite(1), &*suite.signer(&secret)?)?;
//! let request = RegisterAccount { name: "alice".into(), bindings: vec![request] };
//! let registered = service.register_account(&request, &mut rng, now_seconds)?;
//!
//! // From now on it authenticates with its token.
//! let bearer = service.authenticate(&registered.token, now_seconds)?;
//! assert_eq!(bearer.name().as_str(), "alice");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "service"))]
//! # fn main() {}
//! ```
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "service")]
mod error;
#[cfg(feature = "service")]
mod logic;
#[cfg(feature = "service")]
pub mod storage;
pub mod wire;

#[cfg(feature = "service")]
pub use error::Error;
#[cfg(feature = "service")]
pub use logic::{Bearer, Notice, NoticeSink, Service, ServiceConfig};
