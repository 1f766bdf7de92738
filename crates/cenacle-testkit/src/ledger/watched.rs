//! A suite and a provider that do what others do, and enter what they seal into a ledger.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use cenacle_crypto::{
    CipherSuite, CryptoError, CryptoProvider, Digest, HpkeIds, HpkePublicKey, HpkeSecretKey, Rng, Secret, SecretBytes,
    Signature, SignaturePublicKey, SignatureSecretKey, Signer, Suite,
};

use super::{Entry, Ledger};

/// So many bytes of a nonce may differ by nothing but the reuse guard.
const GUARDED_BYTES: usize = 4;

#[derive(Debug)]
pub(super) struct WatchedSuite {
    pub(super) inner: Arc<dyn Suite>,
    pub(super) ledger: Ledger,
}

impl WatchedSuite {
    /// Half of a hash: enough that no two of any number of entries are ever equal by chance.
    fn digest(&self, parts: &[&[u8]]) -> u128 {
        u128::from_be_bytes(*self.inner.hash(parts).first_chunk().expect("no hash is shorter"))
    }
}

impl Suite for WatchedSuite {
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
        self.inner.hash(parts)
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        self.inner.mac(key, parts)
    }

    fn extract(&self, salt: &[u8], input: &[&[u8]]) -> Secret {
        self.inner.extract(salt, input)
    }

    fn expand(&self, secret: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        self.inner.expand(secret, info, out)
    }

    fn aead_key_length(&self) -> usize {
        self.inner.aead_key_length()
    }

    fn aead_nonce_length(&self) -> usize {
        self.inner.aead_nonce_length()
    }

    fn aead_seal(&self, key: &Secret, nonce: &Secret, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let sealed = self.inner.aead_seal(key, nonce, aad, plaintext)?;
        let unguarded = nonce.expose().get(GUARDED_BYTES..).unwrap_or_default();
        self.ledger.enter(Entry::Seal(self.digest(&[key.expose(), unguarded])));
        Ok(sealed)
    }

    fn aead_open(
        &self,
        key: &Secret,
        nonce: &Secret,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        self.inner.aead_open(key, nonce, aad, ciphertext)
    }

    fn kem_derive_key_pair(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), CryptoError> {
        self.inner.kem_derive_key_pair(ikm)
    }

    fn kem_public_key(&self, secret: &HpkeSecretKey) -> Result<HpkePublicKey, CryptoError> {
        self.inner.kem_public_key(secret)
    }

    fn kem_check_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError> {
        self.inner.kem_check_public_key(public)
    }

    fn kem_encapsulate(&self, public: &HpkePublicKey, ephemeral_ikm: &[u8]) -> Result<(Secret, Vec<u8>), CryptoError> {
        let (secret, kem_output) = self.inner.kem_encapsulate(public, ephemeral_ikm)?;
        self.ledger.enter(Entry::Encapsulation(self.digest(&[&kem_output])));
        Ok((secret, kem_output))
    }

    fn kem_decapsulate(&self, kem_output: &[u8], secret: &HpkeSecretKey) -> Result<Secret, CryptoError> {
        self.inner.kem_decapsulate(kem_output, secret)
    }

    fn kem_secret_key_length(&self) -> usize {
        self.inner.kem_secret_key_length()
    }

    fn signature_key_pair(&self, rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        self.inner.signature_key_pair(rng)
    }

    fn signer(&self, secret: &SignatureSecretKey) -> Result<Box<dyn Signer>, CryptoError> {
        self.inner.signer(secret)
    }

    fn verify(&self, public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        self.inner.verify(public, message, signature)
    }

    fn check_signature_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError> {
        self.inner.check_signature_key(public)
    }
}

#[derive(Debug)]
pub(super) struct WatchedProvider {
    pub(super) inner: Arc<dyn CryptoProvider>,
    pub(super) ledger: Ledger,
}

impl CryptoProvider for WatchedProvider {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn cipher_suites(&self) -> &[CipherSuite] {
        self.inner.cipher_suites()
    }

    fn suite(&self, cipher_suite: CipherSuite) -> Option<Arc<dyn Suite>> {
        self.inner.suite(cipher_suite).map(|suite| self.ledger.watch(suite))
    }
}
