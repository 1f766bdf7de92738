//! The NIST curves: keys in OpenSSL's form, for agreement and for signatures. OpenSSL checks that a point is on its curve,
//! and not that a scalar is below the order; that is done here.

use alloc::vec::Vec;
use core::marker::PhantomData;

use cenacle_crypto::{CryptoError, dhkem::Dh, encoding};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey, EcPoint, PointConversionForm},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private, Public},
};

use crate::curves;

/// A curve's numbers and its name in OpenSSL, with the hash of its suite.
pub(crate) trait NistCurve: 'static {
    const NID: Nid;
    const KEM_ID: u16;
    const BYTES: usize;
    /// The bits of a scalar's first byte.
    const MASK: u8;

    fn hash() -> MessageDigest;
}

macro_rules! nist_curves {
    ($($(#[$doc:meta])* $name:ident: $nid:ident, $kem_id:literal, $bytes:literal, $mask:literal, $hash:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl NistCurve for $name {
            const NID: Nid = Nid::$nid;
            const KEM_ID: u16 = $kem_id;
            const BYTES: usize = $bytes;
            const MASK: u8 = $mask;

            fn hash() -> MessageDigest {
                MessageDigest::$hash()
            }
        }
    )*};
}

nist_curves! {
    /// NIST P-256.
    P256: X9_62_PRIME256V1, 0x0010, 32, 0xff, sha256;
    /// NIST P-384.
    P384: SECP384R1, 0x0011, 48, 0xff, sha384;
    /// NIST P-521.
    P521: SECP521R1, 0x0012, 66, 0x01, sha512;
}

/// A private scalar, erased after use.
struct Scalar(BigNum);

impl Scalar {
    fn new(bytes: &[u8]) -> Result<Self, ErrorStack> {
        let mut scalar = BigNum::new()?;
        scalar.set_const_time();
        scalar.copy_from_slice(bytes)?;
        Ok(Self(scalar))
    }
}

impl Drop for Scalar {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// The private key of the big-endian `scalar`, or `None` for zero and whatever is not below the order.
fn private<C: NistCurve>(scalar: &[u8]) -> Result<Option<PKey<Private>>, ErrorStack> {
    let group = EcGroup::from_curve_name(C::NID)?;
    let mut context = BigNumContext::new_secure()?;
    let (mut order, zero) = (BigNum::new()?, BigNum::new()?);
    group.order(&mut order, &mut context)?;
    let scalar = Scalar::new(scalar)?;
    if scalar.0 <= zero || scalar.0 >= order {
        return Ok(None);
    }
    let mut public = EcPoint::new(&group)?;
    public.mul_generator2(&group, &scalar.0, &mut context)?;
    let key = EcKey::from_private_components(&group, &scalar.0, &public)?;
    PKey::from_ec_key(key).map(Some)
}

/// Parses a private key of exactly the curve's length.
pub(crate) fn private_key<C: NistCurve>(scalar: &[u8]) -> Result<PKey<Private>, CryptoError> {
    if scalar.len() != C::BYTES {
        return Err(CryptoError::BadSecretKey);
    }
    private::<C>(scalar).map_err(|_| CryptoError::Internal)?.ok_or(CryptoError::BadSecretKey)
}

/// The public key of a private key, as an uncompressed point.
pub(crate) fn public_bytes(secret: &PKey<Private>) -> Result<Vec<u8>, CryptoError> {
    let encode = || {
        let key = secret.ec_key()?;
        let mut context = BigNumContext::new()?;
        key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context)
    };
    encode().map_err(|_: ErrorStack| CryptoError::Internal)
}

/// Parses an uncompressed point.
pub(crate) fn public_key<C: NistCurve>(public: &[u8]) -> Result<PKey<Public>, CryptoError> {
    encoding::check_uncompressed(public, C::BYTES)?;
    let parse = || {
        let group = EcGroup::from_curve_name(C::NID)?;
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(&group, public, &mut context)?;
        PKey::from_ec_key(EcKey::from_public_key(&group, &point)?)
    };
    parse().map_err(|_: ErrorStack| CryptoError::BadPublicKey)
}

/// The Diffie-Hellman group of curve `C`.
pub(crate) struct Nist<C>(PhantomData<C>);

impl<C: NistCurve> Dh for Nist<C> {
    const KEM_ID: u16 = C::KEM_ID;
    const SECRET_BYTES: usize = C::BYTES;
    const PUBLIC_BYTES: usize = 1 + 2 * C::BYTES;
    const SCALAR_MASK: Option<u8> = Some(C::MASK);

    type Secret = PKey<Private>;
    type Public = Vec<u8>;

    fn secret(bytes: &[u8]) -> Result<PKey<Private>, CryptoError> {
        private_key::<C>(bytes)
    }

    fn public(secret: &PKey<Private>) -> Result<Vec<u8>, CryptoError> {
        public_bytes(secret)
    }

    fn agree(secret: &PKey<Private>, public: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        curves::agree(secret, &public_key::<C>(public)?, out)
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        public_key::<C>(public).map(|_| ())
    }
}
