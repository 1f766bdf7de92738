//! X.509 credentials for MLS (RFC 9420 §5.3): a [`CredentialPolicy`](cenacle_mls::group::CredentialPolicy) that believes a
//! member whose certificate chain leads to a root the application trusts, certifies the member's signature key, and names
//! somebody the application knows.
//!
//! Paths are validated by `rustls-webpki`; nothing of it is done here. What certificates mean to the application is
//! the application's: its roots, its [`NameMapping`] from certificates to identities, and its settings ([`Expiry`],
//! [`Purpose`], [`Revocation`]). Nothing here reads a clock or fetches anything. All members of a group must be given the
//! same: a commit that some refuse splits the group.
//!
//! A member's certificate is for its MLS signature key: make that first ([`Suite::signature_key_pair`]; private keys are raw
//! seeds and scalars, and a key in hardware is a [`Signer`] of one's own), have its public half certified, and give the chain to
//! [`credential()`] and that to `Client::new`.
//!
//! [`Suite::signature_key_pair`]: cenacle_crypto::Suite::signature_key_pair
//! [`Signer`]: cenacle_crypto::Signer
//!
//! ```
//! # fn example(root: &[u8], now_seconds: u64) -> Result<(), cenacle_x509::Error> {
//! use cenacle_crypto::CipherSuite;
//! use cenacle_mls::group::Inputs;
//! use cenacle_x509::{SoleName, X509Policy};
//!
//! let policy = X509Policy::new([root], SoleName::Uri)?;
//! let judge = policy.at(CipherSuite(1), now_seconds);
//! let inputs = Inputs::new(&judge).at(now_seconds);
//! # let _: Inputs<'_> = inputs;
//! # Ok(())
//! # }
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod certificate;
mod chain;
mod error;
mod key;
pub mod limits;
mod names;
mod path;
mod policy;
mod revocation;
mod settings;

pub use certificate::EndEntity;
pub use chain::credential;
pub use error::Error;
pub use names::{NameMapping, SoleName};
pub use pki_types::SignatureVerificationAlgorithm;
pub use policy::{Judge, X509Policy};
pub use settings::{Expiry, Purpose, Revocation};
