//! A suite, a signer and a store that do what others do, and count it.

use alloc::sync::Arc;
use core::convert::Infallible;

use cenacle_crypto::{
    CipherSuite, CryptoError, Digest, HpkeIds, HpkePublicKey, HpkeSecretKey, Rng, Secret, SecretBytes, Signature,
    SignaturePublicKey, SignatureSecretKey, Signer, Suite,
};
use cenacle_mls::delta::{Delta, RowKey, Store};
use cenacle_store::MemoryStore;

use crate::figures::{Figure, Meter};

/// A suite. What the primitives do within themselves does not count.
#[derive(Debug)]
pub(crate) struct CountedSuite {
    pub(crate) inner: Arc<dyn Suite>,
    pub(crate) meter: Meter,
}

fn length(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

impl CountedSuite {
    fn count(&self, figure: Figure, bytes: Option<(Figure, usize)>) {
        self.meter.count(figure, 1);
        if let Some((figure, bytes)) = bytes {
            self.meter.count(figure, bytes);
        }
    }
}

impl Suite for CountedSuite {
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
        self.count(Figure::Hashes, Some((Figure::HashedBytes, length(parts))));
        self.inner.hash(parts)
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        self.count(Figure::Macs, None);
        self.inner.mac(key, parts)
    }

    fn extract(&self, salt: &[u8], input: &[&[u8]]) -> Secret {
        self.count(Figure::Extracts, Some((Figure::ExtractedBytes, length(input))));
        self.inner.extract(salt, input)
    }

    fn expand(&self, secret: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        self.count(Figure::Expands, Some((Figure::ExpandedBytes, length(info))));
        self.inner.expand(secret, info, out)
    }

    fn aead_key_length(&self) -> usize {
        self.inner.aead_key_length()
    }

    fn aead_nonce_length(&self) -> usize {
        self.inner.aead_nonce_length()
    }

    fn aead_seal(&self, key: &Secret, nonce: &Secret, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.count(Figure::Seals, Some((Figure::SealedBytes, aad.len() + plaintext.len())));
        self.inner.aead_seal(key, nonce, aad, plaintext)
    }

    fn aead_open(
        &self,
        key: &Secret,
        nonce: &Secret,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        self.count(Figure::Opens, Some((Figure::OpenedBytes, aad.len() + ciphertext.len())));
        self.inner.aead_open(key, nonce, aad, ciphertext)
    }

    fn kem_derive_key_pair(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), CryptoError> {
        self.count(Figure::KeyPairs, None);
        self.inner.kem_derive_key_pair(ikm)
    }

    fn kem_public_key(&self, secret: &HpkeSecretKey) -> Result<HpkePublicKey, CryptoError> {
        self.count(Figure::KeyPairs, None);
        self.inner.kem_public_key(secret)
    }

    fn kem_check_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError> {
        self.count(Figure::KeyChecks, None);
        self.inner.kem_check_public_key(public)
    }

    fn kem_encapsulate(&self, public: &HpkePublicKey, ephemeral_ikm: &[u8]) -> Result<(Secret, Vec<u8>), CryptoError> {
        self.count(Figure::Encapsulations, None);
        self.inner.kem_encapsulate(public, ephemeral_ikm)
    }

    fn kem_decapsulate(&self, kem_output: &[u8], secret: &HpkeSecretKey) -> Result<Secret, CryptoError> {
        self.count(Figure::Decapsulations, None);
        self.inner.kem_decapsulate(kem_output, secret)
    }

    fn kem_secret_key_length(&self) -> usize {
        self.inner.kem_secret_key_length()
    }

    fn signature_key_pair(&self, rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        self.inner.signature_key_pair(rng)
    }

    fn signer(&self, secret: &SignatureSecretKey) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(CountedSigner { inner: self.inner.signer(secret)?, meter: self.meter.clone() }))
    }

    fn verify(&self, public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        self.count(Figure::Verifications, Some((Figure::VerifiedBytes, message.len())));
        self.inner.verify(public, message, signature)
    }

    fn check_signature_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError> {
        self.count(Figure::KeyChecks, None);
        self.inner.check_signature_key(public)
    }
}

#[derive(Debug)]
struct CountedSigner {
    inner: Box<dyn Signer>,
    meter: Meter,
}

impl Signer for CountedSigner {
    fn public_key(&self) -> &SignaturePublicKey {
        self.inner.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        self.meter.count(Figure::Signatures, 1);
        self.meter.count(Figure::SignedBytes, message.len());
        self.inner.sign(message)
    }
}

/// A store in memory, which does its own work aside.
#[derive(Debug)]
pub(crate) struct CountedStore {
    inner: MemoryStore,
    meter: Meter,
}

impl CountedStore {
    pub(crate) fn new(meter: &Meter) -> Self {
        Self { inner: MemoryStore::default(), meter: meter.clone() }
    }

    fn count_read<'a>(&self, rows: impl IntoIterator<Item = (&'a RowKey, &'a SecretBytes)>) {
        for (key, value) in rows {
            self.meter.count(Figure::RowsRead, 1);
            self.meter.count(Figure::ReadBytes, key.key.len() + 1 + value.expose().len());
        }
    }
}

impl Store for CountedStore {
    type Error = Infallible;

    fn apply(&mut self, delta: &Delta) -> Result<(), Infallible> {
        self.meter.count(Figure::Changes, delta.changes().len());
        self.meter.count(Figure::DeltaBytes, delta.size_bytes());
        self.meter.aside(|| self.inner.apply(delta))
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, Infallible> {
        let row = self.inner.row(key)?;
        self.count_read(row.iter().map(|value| (key, value)));
        Ok(row)
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, Infallible> {
        let rows = self.inner.rows(prefix)?;
        self.count_read(rows.iter().map(|(key, value)| (key, value)));
        Ok(rows)
    }
}
