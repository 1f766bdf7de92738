//! The cryptography that MLS asks for (RFC 9420 §5), as an interface and what is built on it.
//!
//! A [`Suite`] supplies the primitives of one cipher suite and nothing more; providers implement it over a
//! library. The labelled operations of §5.1 and §5.2, HPKE (RFC 9180) and the types of keys and secrets are here,
//! written once for all providers. No primitive is implemented in this crate.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "instrumented")]
pub mod census;
#[cfg(not(feature = "instrumented"))]
mod census;
#[cfg(feature = "compose")]
pub mod compose;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod dhkem;
mod digest;
pub mod encoding;
pub mod hpke;
mod keys;
pub mod labeled;
mod secret;
mod stack;
mod suite;

pub use digest::Digest;
pub use keys::{HpkeCiphertext, HpkePublicKey, HpkeSecretKey, Signature, SignaturePublicKey, SignatureSecretKey};
pub use secret::{Secret, SecretBytes};
pub use stack::{Depth, swept};
pub use suite::{CipherSuite, CryptoError, CryptoProvider, HpkeIds, Rng, Signer, Suite};

#[cfg(test)]
mod tests;
