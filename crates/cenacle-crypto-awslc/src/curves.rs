//! The Diffie-Hellman groups of the suites, X25519 and the NIST curves, over aws-lc's one interface to all of them.

use core::marker::PhantomData;

use aws_lc_rs::agreement::{
    Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, ParsedPublicKey, PrivateKey, PublicKey, UnparsedPublicKey,
    X25519 as ECDH_X25519, agree,
};
use cenacle_crypto::{CryptoError, dhkem::Dh, encoding};

/// A curve's numbers and its name in aws-lc.
pub(crate) trait Curve: 'static {
    const ECDH: &'static Algorithm;
    const KEM_ID: u16;
    const SECRET_BYTES: usize;
    const PUBLIC_BYTES: usize;
    const SCALAR_MASK: Option<u8>;

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        match ParsedPublicKey::try_from(UnparsedPublicKey::new(Self::ECDH, public)) {
            Ok(_) => Ok(()),
            Err(_) => Err(CryptoError::BadPublicKey),
        }
    }
}

/// X25519 (RFC 7748).
pub(crate) struct X25519;

impl Curve for X25519 {
    const ECDH: &'static Algorithm = &ECDH_X25519;
    const KEM_ID: u16 = 0x0020;
    const SECRET_BYTES: usize = 32;
    const PUBLIC_BYTES: usize = 32;
    const SCALAR_MASK: Option<u8> = None;

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        encoding::check_x25519(public.try_into().map_err(|_| CryptoError::BadPublicKey)?)
    }
}

macro_rules! nist_curves {
    ($($(#[$doc:meta])* $name:ident: $ecdh:ident, $kem_id:literal, $bytes:literal, $mask:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Curve for $name {
            const ECDH: &'static Algorithm = &$ecdh;
            const KEM_ID: u16 = $kem_id;
            const SECRET_BYTES: usize = $bytes;
            const PUBLIC_BYTES: usize = 1 + 2 * $bytes;
            const SCALAR_MASK: Option<u8> = Some($mask);
        }
    )*};
}

nist_curves! {
    /// NIST P-256.
    P256: ECDH_P256, 0x0010, 32, 0xff;
    /// NIST P-384.
    P384: ECDH_P384, 0x0011, 48, 0xff;
    /// NIST P-521.
    P521: ECDH_P521, 0x0012, 66, 0x01;
}

/// The Diffie-Hellman group of curve `C`.
pub(crate) struct Kem<C>(PhantomData<C>);

impl<C: Curve> Dh for Kem<C> {
    const KEM_ID: u16 = C::KEM_ID;
    const SECRET_BYTES: usize = C::SECRET_BYTES;
    const PUBLIC_BYTES: usize = C::PUBLIC_BYTES;
    const SCALAR_MASK: Option<u8> = C::SCALAR_MASK;

    type Secret = PrivateKey;
    type Public = PublicKey;

    fn secret(bytes: &[u8]) -> Result<PrivateKey, CryptoError> {
        PrivateKey::from_private_key(C::ECDH, bytes).map_err(|_| CryptoError::BadSecretKey)
    }

    fn public(secret: &PrivateKey) -> Result<PublicKey, CryptoError> {
        secret.compute_public_key().map_err(|_| CryptoError::Internal)
    }

    fn agree(secret: &PrivateKey, public: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        // aws-lc refuses points off the curve, and an X25519 result of zero as RFC 9180 §7.1.4 demands.
        agree(secret, UnparsedPublicKey::new(C::ECDH, public), CryptoError::BadPublicKey, |shared| {
            out.copy_from_slice(shared);
            Ok(())
        })
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        C::check(public)
    }
}
