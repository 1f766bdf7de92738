//! The fast cryptography provider of Cenacle: aws-lc-rs for curves, signatures and AEADs behind the interface of
//! `cenacle-crypto`, which brings hash, MAC and KDF. It supplies suites 1, 2, 3, 5 and 7 of RFC 9420 §17.1; the X448
//! suites are not in aws-lc.
#![forbid(unsafe_code)]

extern crate alloc;

mod aead;
mod curves;
mod signatures;

use alloc::sync::Arc;

use aws_lc_rs::rand;
use cenacle_crypto::{
    CipherSuite, CryptoError, CryptoProvider, Rng, Suite,
    compose::{Composed, Sha256, Sha384, Sha512},
};

use crate::{
    aead::{Aes128Gcm, Aes256Gcm, ChaCha20Poly1305},
    curves::{Kem, P256, P384, P521, X25519},
    signatures::{Ecdsa, Ed25519},
};

/// Cipher suites over aws-lc-rs.
#[derive(Debug, Clone, Copy, Default)]
pub struct AwsLcProvider;

impl CryptoProvider for AwsLcProvider {
    fn name(&self) -> &'static str {
        "aws-lc"
    }

    fn cipher_suites(&self) -> &[CipherSuite] {
        const { &[CipherSuite(1), CipherSuite(2), CipherSuite(3), CipherSuite(5), CipherSuite(7)] }
    }

    fn suite(&self, cipher_suite: CipherSuite) -> Option<Arc<dyn Suite>> {
        Some(match cipher_suite.0 {
            1 => Arc::new(Composed::<1, Sha256, Kem<X25519>, Aes128Gcm, Ed25519>::default()),
            2 => Arc::new(Composed::<2, Sha256, Kem<P256>, Aes128Gcm, Ecdsa<P256>>::default()),
            3 => Arc::new(Composed::<3, Sha256, Kem<X25519>, ChaCha20Poly1305, Ed25519>::default()),
            5 => Arc::new(Composed::<5, Sha512, Kem<P521>, Aes256Gcm, Ecdsa<P521>>::default()),
            7 => Arc::new(Composed::<7, Sha384, Kem<P384>, Aes256Gcm, Ecdsa<P384>>::default()),
            _ => return None,
        })
    }
}

/// The random generator of aws-lc, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        rand::fill(out).map_err(|_| CryptoError::NoRandomness)
    }
}
