//! An optional cryptography provider of Cenacle: OpenSSL for curves, signatures and AEADs behind the interface of
//! `cenacle-crypto`, which brings hash, MAC and KDF. It supplies all seven suites of RFC 9420 §17.1, and is
//! the one provider whose X448 and Ed448 are not experimental.
//!
//! **The crate is empty unless a feature says where OpenSSL comes from**: `openssl` takes the one that pkg-config finds
//! (1.1.1 or later), `vendored` builds one from source, for which perl and make are needed. Then there are
//! `OpenSslProvider` and `SystemRng`.
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "openssl")]
mod aead;
#[cfg(feature = "openssl")]
mod curves;
#[cfg(feature = "openssl")]
mod edwards;
#[cfg(feature = "openssl")]
mod nist;
#[cfg(feature = "openssl")]
mod provider;
#[cfg(feature = "openssl")]
mod signatures;

#[cfg(feature = "openssl")]
pub use provider::{OpenSslProvider, SystemRng};
