//! X448 (RFC 7748 §5) as the Diffie-Hellman group of DHKEM(X448, HKDF-SHA512).

use cenacle_crypto::{CryptoError, dhkem::Dh, encoding};
use x448::{PublicKey, StaticSecret};

const BYTES: usize = 56;

/// X448 (RFC 7748), **experimental**: a pre-release, not audited.
#[derive(Debug)]
pub struct X448;

impl Dh for X448 {
    const KEM_ID: u16 = 0x0021;
    const SECRET_BYTES: usize = BYTES;
    const PUBLIC_BYTES: usize = BYTES;
    const SCALAR_MASK: Option<u8> = None;

    type Secret = StaticSecret;
    type Public = [u8; BYTES];

    fn secret(bytes: &[u8]) -> Result<StaticSecret, CryptoError> {
        <[u8; BYTES]>::try_from(bytes).map(StaticSecret::from).map_err(|_| CryptoError::BadSecretKey)
    }

    fn public(secret: &StaticSecret) -> Result<[u8; BYTES], CryptoError> {
        Ok(*PublicKey::from(secret).as_bytes())
    }

    fn agree(secret: &StaticSecret, public: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        // Points of low order give zero, which is what is looked for.
        let public = PublicKey::from_bytes_unchecked(public).ok_or(CryptoError::BadPublicKey)?;
        let shared = secret.diffie_hellman(&public);
        // RFC 9180 §7.1.4: "Senders and recipients MUST check whether the shared secret is the all-zero value".
        if shared.as_bytes().iter().fold(0, |bits, byte| bits | byte) == 0 {
            return Err(CryptoError::BadPublicKey);
        }
        out.copy_from_slice(shared.as_bytes());
        Ok(())
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        encoding::check_x448(public.try_into().map_err(|_| CryptoError::BadPublicKey)?)
    }
}
