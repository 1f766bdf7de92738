//! Suites 4 and 6, over pre-releases of RustCrypto's X448 and Ed448 that nobody has audited. Their versions are pinned:
//! a pre-release may change anything in the next one.

mod ed448;
mod x448;

use alloc::sync::Arc;

use cenacle_crypto::{
    CipherSuite, CryptoProvider, Suite,
    compose::{Composed, Sha512},
};

pub use self::{ed448::Ed448, x448::X448};
use crate::{
    RustCryptoProvider,
    parts::{Aes256Gcm, ChaCha20Poly1305},
};

/// All seven suites of RFC 9420 §17.1 in pure Rust. **Suites 4 and 6 are experimental**: X448 and Ed448 are
/// pre-releases, not audited. The other five are those of [`RustCryptoProvider`], under the same name.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExperimentalRustCryptoProvider;

impl CryptoProvider for ExperimentalRustCryptoProvider {
    fn name(&self) -> &'static str {
        RustCryptoProvider.name()
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
            4 => Arc::new(Composed::<4, Sha512, X448, Aes256Gcm, Ed448>::default()),
            6 => Arc::new(Composed::<6, Sha512, X448, ChaCha20Poly1305, Ed448>::default()),
            _ => return RustCryptoProvider.suite(cipher_suite),
        })
    }
}
