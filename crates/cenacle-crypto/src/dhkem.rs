//! DHKEM (RFC 9180 §4.1, §7.1), written once over the little a library must know of a curve: parse a scalar, give its
//! public key, agree on a point. No curve arithmetic is here.

use alloc::{vec, vec::Vec};
use core::fmt;

use zeroize::Zeroizing;

use crate::{CryptoError, Depth, HpkePublicKey, HpkeSecretKey, Rng, Secret, Suite, census, encoding, hpke::LabeledKdf};

/// The longest private key and Diffie-Hellman result of any curve here (P-521), in bytes.
pub const MAX_SECRET_BYTES: usize = 66;

/// What keys are derived from has at least as many bytes as the smallest private key of RFC 9180.
const MIN_IKM_BYTES: usize = 32;

/// One Diffie-Hellman group as a library supplies it.
pub trait Dh: 'static {
    /// The KEM's identifier (RFC 9180 §7.1).
    const KEM_ID: u16;
    /// `Nsk`, which is also the length of the shared coordinate, in bytes.
    const SECRET_BYTES: usize;
    /// `Npk`, which is also `Nenc`, in bytes.
    const PUBLIC_BYTES: usize;
    /// How deep the operations of the KEM go on the stack.
    const DEPTH: Depth = Depth::KiB8;
    /// The bitmask of RFC 9180 §7.1.3 where private keys are scalars below a group order; `None` if any bytes do.
    const SCALAR_MASK: Option<u8>;

    /// A private key ready for use, which erases itself.
    type Secret;
    /// A public key's encoding.
    type Public: AsRef<[u8]>;

    /// Parses a private key of exactly [`Dh::SECRET_BYTES`].
    ///
    /// # Errors
    /// `BadSecretKey`.
    fn secret(bytes: &[u8]) -> Result<Self::Secret, CryptoError>;

    /// The public key of `secret`.
    ///
    /// # Errors
    /// `Internal`.
    fn public(secret: &Self::Secret) -> Result<Self::Public, CryptoError>;

    /// Writes the shared coordinate into `out`, which has [`Dh::SECRET_BYTES`]. `public` has passed [`check_form`].
    ///
    /// # Errors
    /// `BadPublicKey` for a point not on the curve, or when the shared point is the identity.
    fn agree(secret: &Self::Secret, public: &[u8], out: &mut [u8]) -> Result<(), CryptoError>;

    /// Refuses a point that is not on the curve, of small order, or not in canonical form. `public` has passed [`check_form`].
    ///
    /// # Errors
    /// `BadPublicKey`.
    fn check(public: &[u8]) -> Result<(), CryptoError>;
}

/// A private key's bytes at full width, erased after use.
pub struct ScalarBytes(Zeroizing<Vec<u8>>);

impl ScalarBytes {
    /// `length` zero bytes, at most [`MAX_SECRET_BYTES`].
    #[must_use]
    pub fn zero(length: usize) -> Self {
        Self(Zeroizing::new(vec![0; length.min(MAX_SECRET_BYTES)]))
    }

    /// A big-endian scalar padded on the left to `length` bytes; older software drops leading zeros.
    ///
    /// # Errors
    /// `BadSecretKey` when `bytes` are longer than `length`.
    pub fn padded(bytes: &[u8], length: usize) -> Result<Self, CryptoError> {
        let mut scalar = Self::zero(length);
        let start = scalar.0.len().checked_sub(bytes.len()).ok_or(CryptoError::BadSecretKey)?;
        scalar.expose_mut().get_mut(start..).ok_or(CryptoError::BadSecretKey)?.copy_from_slice(bytes);
        Ok(scalar)
    }

    /// A scalar drawn from `rng` until `accept` takes it; the first byte is masked with `mask` before.
    ///
    /// # Errors
    /// `NoRandomness`; `Internal` when none is taken.
    pub fn draw<T>(
        length: usize,
        mask: u8,
        rng: &mut dyn Rng,
        accept: impl Fn(&[u8]) -> Result<T, CryptoError>,
    ) -> Result<(Self, T), CryptoError> {
        let mut scalar = Self::zero(length);
        for _ in 0..=u8::MAX {
            rng.fill(scalar.expose_mut())?;
            scalar.mask(mask);
            if let Ok(key) = accept(scalar.expose()) {
                return Ok((scalar, key));
            }
        }
        Err(CryptoError::Internal)
    }

    /// The secret bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret bytes, to be overwritten.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    fn mask(&mut self, mask: u8) {
        if let Some(first) = self.expose_mut().first_mut() {
            *first &= mask;
        }
    }
}

impl Drop for ScalarBytes {
    fn drop(&mut self) {
        census::passed(&self.0);
    }
}

impl fmt::Debug for ScalarBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScalarBytes(..)")
    }
}

/// Refuses a public key whose length or form is not the one of RFC 9180 §7.1.1: `Npk` bytes, which for the NIST
/// curves are an uncompressed point.
///
/// # Errors
/// `BadPublicKey`.
pub fn check_form<D: Dh>(public: &[u8]) -> Result<(), CryptoError> {
    match D::SCALAR_MASK {
        Some(_) => encoding::check_uncompressed(public, D::SECRET_BYTES),
        None if public.len() == D::PUBLIC_BYTES => Ok(()),
        None => Err(CryptoError::BadPublicKey),
    }
}

/// [`Suite::kem_check_public_key`].
///
/// # Errors
/// `BadPublicKey`.
pub fn check_public<D: Dh>(public: &[u8]) -> Result<(), CryptoError> {
    check_form::<D>(public)?;
    D::check(public)
}

/// A private key in a form the library can use; scalars short of leading zeros are padded.
///
/// # Errors
/// `BadSecretKey`.
pub fn parse_secret<D: Dh>(bytes: &[u8]) -> Result<D::Secret, CryptoError> {
    if bytes.len() == D::SECRET_BYTES {
        return D::secret(bytes);
    }
    if D::SCALAR_MASK.is_none() {
        return Err(CryptoError::BadSecretKey);
    }
    D::secret(ScalarBytes::padded(bytes, D::SECRET_BYTES)?.expose())
}

fn suite_id<D: Dh>() -> [u8; 5] {
    let [high, low] = D::KEM_ID.to_be_bytes();
    [b'K', b'E', b'M', high, low]
}

/// DeriveKeyPair (RFC 9180 §7.1.3), its private half in both forms.
fn derive<D: Dh>(suite: &dyn Suite, ikm: &[u8]) -> Result<(ScalarBytes, D::Secret), CryptoError> {
    // RFC 9180 asks for Nsk bytes of input, RFC 9420 §7.4 gives Nh, which is two less for P-521 and eight more for X448.
    if ikm.len() < D::SECRET_BYTES.min(suite.hash_length()).max(MIN_IKM_BYTES) {
        return Err(CryptoError::BadLength);
    }
    let suite_id = suite_id::<D>();
    let kdf = LabeledKdf::new(suite, &suite_id);
    let prk = kdf.extract(&[], "dkp_prk", ikm);
    let mut bytes = ScalarBytes::zero(D::SECRET_BYTES);
    let Some(mask) = D::SCALAR_MASK else {
        // Not clamped, as in the vectors of RFC 9180: the curve's function clamps whatever it is given.
        kdf.expand_into(&prk, "sk", [&[]; 3], bytes.expose_mut())?;
        let secret = D::secret(bytes.expose())?;
        return Ok((bytes, secret));
    };
    for counter in 0..=u8::MAX {
        kdf.expand_into(&prk, "candidate", [&[counter], &[], &[]], bytes.expose_mut())?;
        bytes.mask(mask);
        if let Ok(secret) = D::secret(bytes.expose()) {
            return Ok((bytes, secret));
        }
    }
    Err(CryptoError::Internal)
}

/// [`Suite::kem_derive_key_pair`].
///
/// # Errors
/// `BadLength` when `ikm` is shorter than both a private key and the suite's hash; `Internal` if no key comes of it.
pub fn derive_key_pair<D: Dh>(suite: &dyn Suite, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), CryptoError> {
    let (bytes, secret) = derive::<D>(suite, ikm)?;
    let public = D::public(&secret)?;
    census::named(bytes.expose(), "private key");
    Ok((HpkeSecretKey(bytes.expose().into()), HpkePublicKey(public.as_ref().into())))
}

/// [`Suite::kem_encapsulate`].
///
/// # Errors
/// `BadPublicKey`; as [`derive_key_pair`] for the ephemeral key.
pub fn encapsulate<D: Dh>(suite: &dyn Suite, public: &[u8], ikm: &[u8]) -> Result<(Secret, Vec<u8>), CryptoError> {
    check_form::<D>(public)?;
    let (_, ephemeral) = derive::<D>(suite, ikm)?;
    let kem_output = D::public(&ephemeral)?.as_ref().to_vec();
    let shared_secret = shared_secret::<D>(suite, &ephemeral, public, [&kem_output, public])?;
    Ok((shared_secret, kem_output))
}

/// [`Suite::kem_decapsulate`].
///
/// # Errors
/// `BadPublicKey`, `BadSecretKey`.
pub fn decapsulate<D: Dh>(suite: &dyn Suite, kem_output: &[u8], secret: &[u8]) -> Result<Secret, CryptoError> {
    check_form::<D>(kem_output)?;
    let secret = parse_secret::<D>(secret)?;
    let public = D::public(&secret)?;
    shared_secret::<D>(suite, &secret, kem_output, [kem_output, public.as_ref()])
}

/// ExtractAndExpand (RFC 9180 §4.1) of the agreed coordinate, bound to `kem_context`.
fn shared_secret<D: Dh>(
    suite: &dyn Suite,
    secret: &D::Secret,
    public: &[u8],
    [enc, recipient]: [&[u8]; 2],
) -> Result<Secret, CryptoError> {
    let mut dh = ScalarBytes::zero(D::SECRET_BYTES);
    D::agree(secret, public, dh.expose_mut())?;
    let suite_id = suite_id::<D>();
    let kdf = LabeledKdf::new(suite, &suite_id);
    let prk = kdf.extract(&[], "eae_prk", dh.expose());
    kdf.expand(&prk, "shared_secret", [enc, recipient, &[]], suite.hash_length())
}
