//! A suite and a provider that do what others do, and let somebody know of each call that matters: who counts, who writes
//! down, who tells.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt::Debug;

use cenacle_crypto::{
    CipherSuite, CryptoError, CryptoProvider, Digest, HpkeIds, HpkePublicKey, HpkeSecretKey, Rng, Secret, SecretBytes,
    Signature, SignaturePublicKey, SignatureSecretKey, Signer, Suite,
};

/// A call of a primitive with what is of interest in it. It is told before the primitive works, unless its outcome is told.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "named as the arguments are")]
pub enum Call<'a> {
    Hash {
        parts: &'a [&'a [u8]],
    },
    Mac,
    Extract {
        input: &'a [&'a [u8]],
    },
    Expand {
        info: &'a [&'a [u8]],
    },
    Seal {
        key: &'a Secret,
        nonce: &'a Secret,
        aad: &'a [u8],
        plaintext: &'a [u8],
    },
    Open {
        aad: &'a [u8],
        ciphertext: &'a [u8],
    },
    KeyPair,
    KeyCheck,
    /// With the encapsulated key, if there is one.
    Encapsulate {
        kem_output: Option<&'a [u8]>,
    },
    Decapsulate,
    Sign {
        message: &'a [u8],
    },
    Verify {
        message: &'a [u8],
    },
}

/// Who is let know.
pub trait Tap: Clone + Debug + Send + Sync + 'static {
    /// A call of a suite, which is `suite` without the tap.
    fn call(&self, suite: &dyn Suite, call: Call<'_>);
}

/// A suite or a provider behind a tap.
#[derive(Debug)]
pub struct Tapped<S: ?Sized, T> {
    inner: Arc<S>,
    tap: T,
}

impl<S: ?Sized, T> Tapped<S, T> {
    /// The same suite or provider; `tap` knows of what it does.
    pub const fn new(inner: Arc<S>, tap: T) -> Self {
        Self { inner, tap }
    }
}

impl<T: Tap> Tapped<dyn Suite, T> {
    fn tell(&self, call: Call<'_>) {
        self.tap.call(&*self.inner, call);
    }
}

impl<T: Tap> CryptoProvider for Tapped<dyn CryptoProvider, T> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn cipher_suites(&self) -> &[CipherSuite] {
        self.inner.cipher_suites()
    }

    fn suite(&self, cipher_suite: CipherSuite) -> Option<Arc<dyn Suite>> {
        Some(Arc::new(Tapped::new(self.inner.suite(cipher_suite)?, self.tap.clone())))
    }
}

impl<T: Tap> Suite for Tapped<dyn Suite, T> {
    fn cipher_suite(&self) -> CipherSuite {
        self.inner.cipher_suite()
    }

    fn hpke_ids(&self) -> HpkeIds {
        self.inner.hpke_ids()
    }

    fn hash_length(&self) -> usize {
        self.inner.hash_length()
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        self.tell(Call::Hash { parts });
        self.inner.hash(parts)
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        self.tell(Call::Mac);
        self.inner.mac(key, parts)
    }

    fn extract(&self, salt: &[u8], input: &[&[u8]]) -> Secret {
        self.tell(Call::Extract { input });
        self.inner.extract(salt, input)
    }

    fn expand(&self, secret: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        self.tell(Call::Expand { info });
        self.inner.expand(secret, info, out)
    }

    fn aead_key_length(&self) -> usize {
        self.inner.aead_key_length()
    }

    fn aead_nonce_length(&self) -> usize {
        self.inner.aead_nonce_length()
    }

    fn aead_seal(&self, key: &Secret, nonce: &Secret, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.tell(Call::Seal { key, nonce, aad, plaintext });
        self.inner.aead_seal(key, nonce, aad, plaintext)
    }

    fn aead_open(
        &self,
        key: &Secret,
        nonce: &Secret,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        self.tell(Call::Open { aad, ciphertext });
        self.inner.aead_open(key, nonce, aad, ciphertext)
    }

    fn kem_derive_key_pair(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), CryptoError> {
        self.tell(Call::KeyPair);
        self.inner.kem_derive_key_pair(ikm)
    }

    fn kem_public_key(&self, secret: &HpkeSecretKey) -> Result<HpkePublicKey, CryptoError> {
        self.tell(Call::KeyPair);
        self.inner.kem_public_key(secret)
    }

    fn kem_check_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError> {
        self.tell(Call::KeyCheck);
        self.inner.kem_check_public_key(public)
    }

    fn kem_encapsulate(&self, public: &HpkePublicKey, ephemeral_ikm: &[u8]) -> Result<(Secret, Vec<u8>), CryptoError> {
        let made = self.inner.kem_encapsulate(public, ephemeral_ikm);
        self.tell(Call::Encapsulate { kem_output: made.as_ref().ok().map(|(_, kem_output)| &**kem_output) });
        made
    }

    fn kem_decapsulate(&self, kem_output: &[u8], secret: &HpkeSecretKey) -> Result<Secret, CryptoError> {
        self.tell(Call::Decapsulate);
        self.inner.kem_decapsulate(kem_output, secret)
    }

    fn kem_secret_key_length(&self) -> usize {
        self.inner.kem_secret_key_length()
    }

    fn signature_key_pair(&self, rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        self.inner.signature_key_pair(rng)
    }

    fn signer(&self, secret: &SignatureSecretKey) -> Result<Box<dyn Signer>, CryptoError> {
        let signer = self.inner.signer(secret)?;
        Ok(Box::new(TappedSigner { signer, suite: Arc::clone(&self.inner), tap: self.tap.clone() }))
    }

    fn verify(&self, public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        self.tell(Call::Verify { message });
        self.inner.verify(public, message, signature)
    }

    fn check_signature_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError> {
        self.tell(Call::KeyCheck);
        self.inner.check_signature_key(public)
    }
}

#[derive(Debug)]
struct TappedSigner<T> {
    signer: Box<dyn Signer>,
    suite: Arc<dyn Suite>,
    tap: T,
}

impl<T: Tap> Signer for TappedSigner<T> {
    fn public_key(&self) -> &SignaturePublicKey {
        self.signer.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        self.tap.call(&*self.suite, Call::Sign { message });
        self.signer.sign(message)
    }
}
