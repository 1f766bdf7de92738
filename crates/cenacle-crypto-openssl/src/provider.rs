//! The provider and OpenSSL's random generator.

use alloc::sync::Arc;

use cenacle_crypto::{
    CipherSuite, CryptoError, CryptoProvider, Rng, Suite,
    compose::{Composed, Sha256, Sha384, Sha512},
};
use openssl::rand::rand_bytes;

use crate::{
    aead::{Aes128Gcm, Aes256Gcm, ChaCha20Poly1305},
    curves::{Montgomery, X448, X25519},
    nist::{Nist, P256, P384, P521},
    signatures::{Ecdsa, Ed448, Ed25519, Eddsa},
};

/// All seven cipher suites over OpenSSL.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenSslProvider;

impl CryptoProvider for OpenSslProvider {
    fn name(&self) -> &'static str {
        "openssl"
    }

    fn cipher_suites(&self) -> &[CipherSuite] {
        const {
            &[
                CipherSuite(1),
                CipherSuite(2),
                CipherSuite(3),
                CipherSuite(4),
                CipherSuite(5),
                CipherSuite(6),
                CipherSuite(7),
            ]
        }
    }

    fn suite(&self, cipher_suite: CipherSuite) -> Option<Arc<dyn Suite>> {
        Some(match cipher_suite.0 {
            1 => Arc::new(Composed::<1, Sha256, Montgomery<X25519>, Aes128Gcm, Eddsa<Ed25519>>::default()),
            2 => Arc::new(Composed::<2, Sha256, Nist<P256>, Aes128Gcm, Ecdsa<P256>>::default()),
            3 => Arc::new(Composed::<3, Sha256, Montgomery<X25519>, ChaCha20Poly1305, Eddsa<Ed25519>>::default()),
            4 => Arc::new(Composed::<4, Sha512, Montgomery<X448>, Aes256Gcm, Eddsa<Ed448>>::default()),
            5 => Arc::new(Composed::<5, Sha512, Nist<P521>, Aes256Gcm, Ecdsa<P521>>::default()),
            6 => Arc::new(Composed::<6, Sha512, Montgomery<X448>, ChaCha20Poly1305, Eddsa<Ed448>>::default()),
            7 => Arc::new(Composed::<7, Sha384, Nist<P384>, Aes256Gcm, Ecdsa<P384>>::default()),
            _ => return None,
        })
    }
}

/// The random generator of OpenSSL, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        rand_bytes(out).map_err(|_| CryptoError::NoRandomness)
    }
}
