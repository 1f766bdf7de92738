//! A provider that tells the test of the key of every encryption, before the ciphertext is anybody's.

use alloc::sync::Arc;

use cenacle_crypto::{
    CipherSuite, CryptoError, CryptoProvider, Digest, HpkeIds, HpkePublicKey, HpkeSecretKey, Rng, Secret, SecretBytes,
    Signature, SignaturePublicKey, SignatureSecretKey, Signer, Suite,
};

use super::pipe::tell;

/// A suite, or a provider of suites, that tells of every encryption.
#[derive(Debug)]
pub struct Telling<T>(pub T);

impl CryptoProvider for Telling<Arc<dyn CryptoProvider>> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cipher_suites(&self) -> &[CipherSuite] {
        self.0.cipher_suites()
    }

    fn suite(&self, cipher_suite: CipherSuite) -> Option<Arc<dyn Suite>> {
        Some(Arc::new(Telling(self.0.suite(cipher_suite)?)))
    }
}

impl Suite for Telling<Arc<dyn Suite>> {
    fn aead_seal(&self, key: &Secret, nonce: &Secret, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        tell(format_args!("seal {}", hex::encode(key.expose())));
        self.0.aead_seal(key, nonce, aad, plaintext)
    }

    fn cipher_suite(&self) -> CipherSuite {
        self.0.cipher_suite()
    }

    fn hpke_ids(&self) -> HpkeIds {
        self.0.hpke_ids()
    }

    fn hash_length(&self) -> usize {
        self.0.hash_length()
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        self.0.hash(parts)
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        self.0.mac(key, parts)
    }

    fn extract(&self, salt: &[u8], input: &[&[u8]]) -> Secret {
        self.0.extract(salt, input)
    }

    fn expand(&self, secret: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        self.0.expand(secret, info, out)
    }

    fn aead_key_length(&self) -> usize {
        self.0.aead_key_length()
    }

    fn aead_nonce_length(&self) -> usize {
        self.0.aead_nonce_length()
    }

    fn aead_open(
        &self,
        key: &Secret,
        nonce: &Secret,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        self.0.aead_open(key, nonce, aad, ciphertext)
    }

    fn kem_derive_key_pair(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), CryptoError> {
        self.0.kem_derive_key_pair(ikm)
    }

    fn kem_public_key(&self, secret: &HpkeSecretKey) -> Result<HpkePublicKey, CryptoError> {
        self.0.kem_public_key(secret)
    }

    fn kem_check_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError> {
        self.0.kem_check_public_key(public)
    }

    fn kem_encapsulate(&self, public: &HpkePublicKey, ephemeral_ikm: &[u8]) -> Result<(Secret, Vec<u8>), CryptoError> {
        self.0.kem_encapsulate(public, ephemeral_ikm)
    }

    fn kem_decapsulate(&self, kem_output: &[u8], secret: &HpkeSecretKey) -> Result<Secret, CryptoError> {
        self.0.kem_decapsulate(kem_output, secret)
    }

    fn kem_secret_key_length(&self) -> usize {
        self.0.kem_secret_key_length()
    }

    fn signature_key_pair(&self, rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        self.0.signature_key_pair(rng)
    }

    fn signer(&self, secret: &SignatureSecretKey) -> Result<Box<dyn Signer>, CryptoError> {
        self.0.signer(secret)
    }

    fn verify(&self, public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        self.0.verify(public, message, signature)
    }

    fn check_signature_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError> {
        self.0.check_signature_key(public)
    }
}
