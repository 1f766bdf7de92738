//! An insider who holds all of a member's secrets but its signature key: whatever it makes decrypts, and one signature of
//! it is false.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use cenacle_crypto::{CryptoError, Signature, SignaturePublicKey, Signer};

/// A signer whose signatures are good until a chosen one.
#[derive(Debug)]
pub struct Spoiler {
    inner: Arc<dyn Signer>,
    good: AtomicUsize,
}

impl Spoiler {
    /// Signs like `inner`, but after `good` signatures gives a false one, and good ones after it.
    #[must_use]
    pub const fn after(good: usize, inner: Arc<dyn Signer>) -> Self {
        Self { inner, good: AtomicUsize::new(good) }
    }
}

impl Signer for Spoiler {
    fn public_key(&self) -> &SignaturePublicKey {
        self.inner.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let spoil = self.good.fetch_sub(1, Ordering::Relaxed) == 0;
        if !spoil {
            return self.inner.sign(message);
        }
        // The right form and a false content, as of one who lacks the key: a good signature over something else.
        self.inner.sign(&[message, b"something else"].concat())
    }
}
