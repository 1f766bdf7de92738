//! The Diffie-Hellman groups X25519 and X448 (RFC 7748).

use alloc::vec::Vec;
use core::marker::PhantomData;

use cenacle_crypto::{CryptoError, dhkem::Dh, encoding};
use openssl::{
    derive::Deriver,
    pkey::{Id, PKey, Private, Public},
};

/// A curve's numbers and its name in OpenSSL.
pub(crate) trait MontgomeryCurve: 'static {
    const ID: Id;
    const KEM_ID: u16;
    const BYTES: usize;

    /// Refuses points of low order.
    fn check(public: &[u8]) -> Result<(), CryptoError>;
}

/// X25519.
pub(crate) struct X25519;

impl MontgomeryCurve for X25519 {
    const ID: Id = Id::X25519;
    const KEM_ID: u16 = 0x0020;
    const BYTES: usize = 32;

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        encoding::check_x25519(public.try_into().map_err(|_| CryptoError::BadPublicKey)?)
    }
}

/// X448.
pub(crate) struct X448;

impl MontgomeryCurve for X448 {
    const ID: Id = Id::X448;
    const KEM_ID: u16 = 0x0021;
    const BYTES: usize = 56;

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        encoding::check_x448(public.try_into().map_err(|_| CryptoError::BadPublicKey)?)
    }
}

/// The Diffie-Hellman group of curve `C`.
pub(crate) struct Montgomery<C>(PhantomData<C>);

impl<C: MontgomeryCurve> Dh for Montgomery<C> {
    const KEM_ID: u16 = C::KEM_ID;
    const SECRET_BYTES: usize = C::BYTES;
    const PUBLIC_BYTES: usize = C::BYTES;
    const SCALAR_MASK: Option<u8> = None;

    type Secret = PKey<Private>;
    type Public = Vec<u8>;

    fn secret(bytes: &[u8]) -> Result<PKey<Private>, CryptoError> {
        PKey::private_key_from_raw_bytes(bytes, C::ID).map_err(|_| CryptoError::BadSecretKey)
    }

    fn public(secret: &PKey<Private>) -> Result<Vec<u8>, CryptoError> {
        secret.raw_public_key().map_err(|_| CryptoError::Internal)
    }

    fn agree(secret: &PKey<Private>, public: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        let public = PKey::public_key_from_raw_bytes(public, C::ID).map_err(|_| CryptoError::BadPublicKey)?;
        // OpenSSL refuses a result of zero, as RFC 9180 §7.1.4 demands.
        agree(secret, &public, out)
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        C::check(public)
    }
}

/// Writes the shared coordinate of `secret` and `public` into `out`, which has its length.
pub(crate) fn agree(secret: &PKey<Private>, public: &PKey<Public>, out: &mut [u8]) -> Result<(), CryptoError> {
    let mut deriver = Deriver::new(secret).map_err(|_| CryptoError::Internal)?;
    deriver.set_peer(public).map_err(|_| CryptoError::BadPublicKey)?;
    let written = deriver.derive(out).map_err(|_| CryptoError::BadPublicKey)?;
    if written == out.len() { Ok(()) } else { Err(CryptoError::Internal) }
}
