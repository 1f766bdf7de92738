//! A [`Suite`] put together from four parts: a SHA-2 hash, a curve for the KEM, an AEAD and a signature scheme. Hash,
//! MAC and KDF (RFC 2104, RFC 5869) are RustCrypto's for every provider; the other parts are the provider's own.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, marker::PhantomData};

use hkdf::{Hkdf, HmacImpl};
use hmac::{EagerHash, Hmac};
use sha2::digest::{Output, OutputSizeUser, typenum::Unsigned};

use crate::{
    CipherSuite, CryptoError, Depth, Digest, HpkeIds, HpkePublicKey, HpkeSecretKey, Rng, Secret, SecretBytes,
    Signature, SignaturePublicKey, SignatureSecretKey, Signer, Suite, dhkem, dhkem::Dh, swept,
};

pub use sha2::{Sha256, Sha384, Sha512};

/// A hash with the identifier of its HKDF in HPKE (RFC 9180 §7.2).
pub trait Hash: EagerHash + 'static {
    /// KDF identifier.
    const KDF_ID: u16;
    /// How deep the KDF goes on the stack.
    const DEPTH: Depth = Depth::KiB4;
}

impl Hash for Sha256 {
    const KDF_ID: u16 = 1;
    const DEPTH: Depth = Depth::KiB2;
}

impl Hash for Sha384 {
    const KDF_ID: u16 = 2;
}

impl Hash for Sha512 {
    const KDF_ID: u16 = 3;
}

/// An AEAD as a library supplies it; the tag has 16 bytes and follows the ciphertext.
pub trait Aead: 'static {
    /// The identifier in HPKE (RFC 9180 §7.3).
    const AEAD_ID: u16;
    /// `Nk`, in bytes.
    const KEY_BYTES: usize;
    /// `Nn`, in bytes.
    const NONCE_BYTES: usize = 12;
    /// How deep sealing and opening go on the stack.
    const DEPTH: Depth = Depth::KiB16;

    /// Seals.
    ///
    /// # Errors
    /// `BadLength`.
    fn seal(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError>;

    /// Opens.
    ///
    /// # Errors
    /// `OpenFailed`, `BadLength`.
    fn open(key: &[u8], nonce: &[u8], aad: &[u8], ciphertext: &[u8]) -> Result<SecretBytes, CryptoError>;
}

/// A signature scheme as a library supplies it. Each function is the [`Suite`]'s of the same purpose.
pub trait Scheme: 'static {
    /// [`Suite::signature_key_pair`].
    ///
    /// # Errors
    /// `NoRandomness`, `Internal`.
    fn key_pair(rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError>;

    /// [`Suite::signer`].
    ///
    /// # Errors
    /// `BadSecretKey`.
    fn signer(secret: &[u8]) -> Result<Box<dyn Signer>, CryptoError>;

    /// [`Suite::verify`].
    ///
    /// # Errors
    /// `BadPublicKey`, `BadSignature`.
    fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError>;

    /// [`Suite::check_signature_key`].
    ///
    /// # Errors
    /// `BadPublicKey`.
    fn check(public: &[u8]) -> Result<(), CryptoError>;
}

/// The suite with code point `ID` made of hash `H`, KEM curve `D`, AEAD `A` and signature scheme `S`.
pub struct Composed<const ID: u16, H, D, A, S>(Parts<H, D, A, S>);

/// Parts that are only names: nothing of them is stored.
type Parts<H, D, A, S> = PhantomData<fn() -> (H, D, A, S)>;

impl<const ID: u16, H, D, A, S> Default for Composed<ID, H, D, A, S> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<const ID: u16, H, D, A, S> fmt::Debug for Composed<ID, H, D, A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        CipherSuite(ID).fmt(f)
    }
}

fn hmac<H: Hash>(key: &[u8], parts: &[&[u8]]) -> Output<Hmac<H>> {
    let mut mac = <Hmac<H> as HmacImpl>::new_from_slice(key);
    parts.iter().for_each(|part| HmacImpl::update(&mut mac, part));
    HmacImpl::finalize(mac)
}

impl<const ID: u16, H: Hash, D: Dh, A: Aead, S: Scheme> Suite for Composed<ID, H, D, A, S> {
    fn cipher_suite(&self) -> CipherSuite {
        CipherSuite(ID)
    }

    fn hpke_ids(&self) -> HpkeIds {
        HpkeIds { kem: D::KEM_ID, kdf: H::KDF_ID, aead: A::AEAD_ID }
    }

    fn hash_length(&self) -> usize {
        <H as OutputSizeUser>::OutputSize::USIZE
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        let mut hash = H::new();
        parts.iter().for_each(|part| hash.update(part));
        Digest::from_slice(&hash.finalize()).unwrap_or_default()
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Digest {
        swept(H::DEPTH, || Digest::from_slice(&hmac::<H>(key, parts)).unwrap_or_default())
    }

    fn extract(&self, salt: &[u8], input: &[&[u8]]) -> Secret {
        // RFC 5869 §2.2: "PRK = HMAC-Hash(salt, IKM)"; a salt that is absent equals an empty one.
        swept(H::DEPTH, || Secret::from_slice(&hmac::<H>(salt, input)).unwrap_or_else(|| Secret::zero(0)))
    }

    fn expand(&self, secret: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        swept(H::DEPTH, || {
            let hkdf = Hkdf::<H>::from_prk(secret).map_err(|_| CryptoError::BadLength)?;
            hkdf.expand_multi_info(info, out).map_err(|_| CryptoError::BadLength)
        })
    }

    fn aead_key_length(&self) -> usize {
        A::KEY_BYTES
    }

    fn aead_nonce_length(&self) -> usize {
        A::NONCE_BYTES
    }

    fn aead_seal(&self, key: &Secret, nonce: &Secret, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        swept(A::DEPTH, || A::seal(key.expose(), nonce.expose(), aad, plaintext))
    }

    fn aead_open(
        &self,
        key: &Secret,
        nonce: &Secret,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        swept(A::DEPTH, || A::open(key.expose(), nonce.expose(), aad, ciphertext))
    }

    fn kem_derive_key_pair(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), CryptoError> {
        swept(D::DEPTH, || dhkem::derive_key_pair::<D>(self, ikm))
    }

    fn kem_public_key(&self, secret: &HpkeSecretKey) -> Result<HpkePublicKey, CryptoError> {
        swept(D::DEPTH, || {
            let public = D::public(&dhkem::parse_secret::<D>(secret.0.expose())?)?;
            Ok(HpkePublicKey(public.as_ref().into()))
        })
    }

    fn kem_check_public_key(&self, public: &HpkePublicKey) -> Result<(), CryptoError> {
        dhkem::check_public::<D>(&public.0)
    }

    fn kem_encapsulate(&self, public: &HpkePublicKey, ephemeral_ikm: &[u8]) -> Result<(Secret, Vec<u8>), CryptoError> {
        swept(D::DEPTH, || dhkem::encapsulate::<D>(self, &public.0, ephemeral_ikm))
    }

    fn kem_decapsulate(&self, kem_output: &[u8], secret: &HpkeSecretKey) -> Result<Secret, CryptoError> {
        swept(D::DEPTH, || dhkem::decapsulate::<D>(self, kem_output, secret.0.expose()))
    }

    fn kem_secret_key_length(&self) -> usize {
        D::SECRET_BYTES
    }

    fn signature_key_pair(&self, rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        S::key_pair(rng)
    }

    fn signer(&self, secret: &SignatureSecretKey) -> Result<Box<dyn Signer>, CryptoError> {
        S::signer(secret.0.expose())
    }

    fn verify(&self, public: &SignaturePublicKey, message: &[u8], signature: &Signature) -> Result<(), CryptoError> {
        S::verify(&public.0, message, &signature.0)
    }

    fn check_signature_key(&self, public: &SignaturePublicKey) -> Result<(), CryptoError> {
        S::check(&public.0)
    }
}
