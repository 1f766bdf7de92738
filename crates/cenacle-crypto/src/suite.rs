//! What a provider supplies: the primitives of one cipher suite behind a plain trait object (RFC 9420 §5.1).

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt;

use cenacle_codec::{EncodeError, open_enum};

use crate::{
    Digest, HpkePublicKey, HpkeSecretKey, Secret, SecretBytes, Signature, SignaturePublicKey, SignatureSecretKey,
};

open_enum! {
    /// A cipher suite's code point (RFC 9420 §17.1).
    pub enum CipherSuite: u16 {
        /// X25519, AES-128-GCM, SHA-256, Ed25519.
        MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519 = 1,
        /// P-256, AES-128-GCM, SHA-256, ECDSA P-256.
        MLS_128_DHKEMP256_AES128GCM_SHA256_P256 = 2,
        /// X25519, ChaCha20-Poly1305, SHA-256, Ed25519.
        MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519 = 3,
        /// X448, AES-256-GCM, SHA-512, Ed448.
        MLS_256_DHKEMX448_AES256GCM_SHA512_ED448 = 4,
        /// P-521, AES-256-GCM, SHA-512, ECDSA P-521.
        MLS_256_DHKEMP521_AES256GCM_SHA512_P521 = 5,
        /// X448, ChaCha20-Poly1305, SHA-512, Ed448.
        MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_ED448 = 6,
        /// P-384, AES-256-GCM, SHA-384, ECDSA P-384.
        MLS_256_DHKEMP384_AES256GCM_SHA384_P384 = 7,
    }
}

/// Why a cryptographic operation gave no result. Says nothing about secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CryptoError {
    /// A public key is not one of its suite.
    BadPublicKey,
    /// A private key is not one of its suite.
    BadSecretKey,
    /// The ciphertext, its key, nonce or associated data do not belong together.
    OpenFailed,
    /// The signature is not one by this key over this content.
    BadSignature,
    /// A length that the primitive does not allow.
    BadLength,
    /// The source of randomness failed.
    NoRandomness,
    /// The library behind the provider failed for a reason of its own.
    Internal,
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadPublicKey => "not a public key of this cipher suite",
            Self::BadSecretKey => "not a private key of this cipher suite",
            Self::OpenFailed => "decryption failed",
            Self::BadSignature => "the signature does not verify",
            Self::BadLength => "a length that the primitive does not allow",
            Self::NoRandomness => "the source of randomness failed",
            Self::Internal => "the cryptographic library failed",
        })
    }
}

impl core::error::Error for CryptoError {}

impl From<EncodeError> for CryptoError {
    fn from(_: EncodeError) -> Self {
        Self::BadLength
    }
}

/// A source of randomness, handed in by whoever has one.
pub trait Rng {
    /// Fills `out` with unpredictable bytes.
    ///
    /// # Errors
    /// `NoRandomness` when the source cannot; `out` must then not be used.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError>;
}

/// A signature private key, prepared for use. May stand for a key in hardware.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public key that verifies what this signs.
    fn public_key(&self) -> &SignaturePublicKey;

    /// Signs `message` as it is: labels are [`crate::labeled`]'s business.
    ///
    /// # Errors
    /// When the key or its library fails.
    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError>;
}

/// The HPKE algorithm identifiers of a suite (RFC 9180 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HpkeIds {
    /// KEM identifier.
    pub kem: u16,
    /// KDF identifier.
    pub kdf: u16,
    /// AEAD identifier.
    pub aead: u16,
}

/// The primitives of one cipher suite. `Nh` is [`Suite::hash_length`], for the hash and the KDF alike.
///
/// Slices of slices are concatenated: `hash(&[a, b])` is the hash of `a || b`.
pub trait Suite: fmt::Debug + Send + Sync {
    /// Which suite this is.
    fn cipher_suite(&self) -> CipherSuite;

    /// HPKE identifiers.
    fn hpke_ids(&self) -> HpkeIds;

    /// `Nh`: bytes of a hash and of a KDF secret.
    fn hash_length(&self) -> usize;

    /// The hash of `parts`.
    fn hash(&self, parts: &[&[u8]]) -> Digest;

    /// HMAC of `parts` under `key`.
    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest;

    /// HKDF-Extract; `Nh` bytes.
    fn extract(&self, salt: &[u8], input: &[&[u8]]) -> Secret;

    /// HKDF-Expand from the pseudorandom key `secret`, filling `out`.
    ///
    /// # Errors
    /// `BadLength` when `out` is longer than 255 `Nh`, or `secret` shorter than `Nh`.
    fn expand(&self, secret: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError>;

    /// `Nk`: bytes of an AEAD key.
    fn aead_key_length(&self) -> usize;

    /// `Nn`: bytes of an AEAD nonce.
    fn aead_nonce_length(&self) -> usize;

    /// AEAD seal: ciphertext followed by its 16-byte tag.
    ///
    /// # Errors
    /// `BadLength` for a key, nonce or plaintext of the wrong size.
    fn aead_seal(&self, key: &Secret, nonce: &Secret, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError>;

    /// AEAD open.
    ///
    /// # Errors
    /// `OpenFailed` when the tag does not fit; `BadLength` as for sealing.
    fn aead_open(
        &self,
        key: &Secret,
        nonce: &Secret,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError>;

    /// DeriveKeyPair of the KEM (RFC 9180 §7.1.3).
    ///
    /// # Errors
    /// `BadLength` when `ikm` is shorter than both a private key and the suite's hash; `Internal` if no key comes of it.
    fn kem_derive_key_pair(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), CryptoError>;

    /// The public key of a private key.
    ///
    /// # Errors
    /// `BadSecretKey`. Private NIST scalars short of leading zeros are accepted and padded.
    fn kem_public_key(&self, secret: &HpkeSecretKey) -> Result<HpkePublicKey, CryptoError>;

    /// Refuses what is not a public key of the KEM (wrong length, not on the curve, the identity).
    ///
    /// # Errors
    /// `BadPublicKey`.
    fn kem_check_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError>;

    /// Encap (RFC 9180 §4.1): the shared secret (`Nsecret` bytes) and the encapsulated key. The ephemeral key comes of
    /// `ephemeral_ikm` by DeriveKeyPair; it must be fresh randomness of `Nsk` bytes.
    ///
    /// # Errors
    /// `BadPublicKey`, also when the shared point is the identity.
    fn kem_encapsulate(&self, public: &HpkePublicKey, ephemeral_ikm: &[u8]) -> Result<(Secret, Vec<u8>), CryptoError>;

    /// Decap (RFC 9180 §4.1).
    ///
    /// # Errors
    /// `BadPublicKey` for an encapsulated key that is none, `BadSecretKey` for the private key.
    fn kem_decapsulate(&self, kem_output: &[u8], secret: &HpkeSecretKey) -> Result<Secret, CryptoError>;

    /// `Nsk`: bytes of a KEM private key, and of the randomness one is made from.
    fn kem_secret_key_length(&self) -> usize;

    /// A fresh signature key pair.
    ///
    /// # Errors
    /// `NoRandomness`, `Internal`.
    fn signature_key_pair(&self, rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError>;

    /// Prepares a private key for signing. ECDSA scalars short of leading zeros are accepted and padded.
    ///
    /// # Errors
    /// `BadSecretKey`.
    fn signer(&self, secret: &SignatureSecretKey) -> Result<Box<dyn Signer>, CryptoError>;

    /// Verifies a signature over `message` as it is.
    ///
    /// # Errors
    /// `BadPublicKey`, `BadSignature`.
    fn verify(&self, public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError>;

    /// Refuses what is not a signature public key of the suite.
    ///
    /// # Errors
    /// `BadPublicKey`.
    fn check_signature_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError>;
}

/// A set of cipher suites over one library.
pub trait CryptoProvider: fmt::Debug + Send + Sync {
    /// The provider's name, as programs print it.
    fn name(&self) -> &'static str;

    /// The suites it supplies, in ascending order.
    fn cipher_suites(&self) -> &[CipherSuite];

    /// The primitives of `cipher_suite`, or `None` if it does not supply them.
    fn suite(&self, cipher_suite: CipherSuite) -> Option<Arc<dyn Suite>>;
}
