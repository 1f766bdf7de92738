//! The portable cryptography provider of Cenacle, in pure Rust: RustCrypto and dalek behind the interface of
//! `cenacle-crypto`. [`RustCryptoProvider`] supplies suites 1, 2, 3, 5 and 7 of RFC 9420 §17.1, without a C compiler and
//! without `std`; only `SystemRng` needs an operating system. The X448 suites 4 and 6 exist as pre-releases that nobody
//! has audited: whoever wants them says so twice, with the feature `experimental` and with the type
//! `ExperimentalRustCryptoProvider`. [`parts`] serves applications with suites of their own.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod aead;
mod curves;
#[cfg(feature = "experimental")]
mod experimental;
pub mod parts;
mod signatures;
#[cfg(feature = "std")]
mod system_rng;

use alloc::sync::Arc;

use cenacle_crypto::{
    CipherSuite, CryptoProvider, Suite,
    compose::{Composed, Sha256, Sha384, Sha512},
};

use crate::parts::{
    Aes128Gcm, Aes256Gcm, ChaCha20Poly1305, EcdsaP256, EcdsaP384, EcdsaP521, Ed25519, P256, P384, P521, X25519,
};

#[cfg(feature = "experimental")]
pub use experimental::ExperimentalRustCryptoProvider;
#[cfg(feature = "std")]
pub use system_rng::SystemRng;

/// Cipher suites over RustCrypto and dalek.
#[derive(Debug, Clone, Copy, Default)]
pub struct RustCryptoProvider;

impl CryptoProvider for RustCryptoProvider {
    fn name(&self) -> &'static str {
        "rustcrypto"
    }

    fn cipher_suites(&self) -> &[CipherSuite] {
        const { &[CipherSuite(1), CipherSuite(2), CipherSuite(3), CipherSuite(5), CipherSuite(7)] }
    }

    fn suite(&self, cipher_suite: CipherSuite) -> Option<Arc<dyn Suite>> {
        Some(match cipher_suite.0 {
            1 => Arc::new(Composed::<1, Sha256, X25519, Aes128Gcm, Ed25519>::default()),
            2 => Arc::new(Composed::<2, Sha256, P256, Aes128Gcm, EcdsaP256>::default()),
            3 => Arc::new(Composed::<3, Sha256, X25519, ChaCha20Poly1305, Ed25519>::default()),
            5 => Arc::new(Composed::<5, Sha512, P521, Aes256Gcm, EcdsaP521>::default()),
            7 => Arc::new(Composed::<7, Sha384, P384, Aes256Gcm, EcdsaP384>::default()),
            _ => return None,
        })
    }
}
