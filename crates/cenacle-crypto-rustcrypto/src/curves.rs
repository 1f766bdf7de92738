//! The Diffie-Hellman groups of the suites: X25519 by dalek, the NIST curves by RustCrypto.

use cenacle_crypto::{CryptoError, dhkem::Dh, encoding};
use p256::elliptic_curve::sec1::ToSec1Point;
use x25519_dalek::{PublicKey, StaticSecret};

/// X25519 (RFC 7748).
#[derive(Debug)]
pub struct X25519;

fn x25519_point(public: &[u8]) -> Result<[u8; 32], CryptoError> {
    public.try_into().map_err(|_| CryptoError::BadPublicKey)
}

impl Dh for X25519 {
    const KEM_ID: u16 = 0x0020;
    const SECRET_BYTES: usize = 32;
    const PUBLIC_BYTES: usize = 32;
    const SCALAR_MASK: Option<u8> = None;

    type Secret = StaticSecret;
    type Public = [u8; 32];

    fn secret(bytes: &[u8]) -> Result<StaticSecret, CryptoError> {
        <[u8; 32]>::try_from(bytes).map(StaticSecret::from).map_err(|_| CryptoError::BadSecretKey)
    }

    fn public(secret: &StaticSecret) -> Result<[u8; 32], CryptoError> {
        Ok(PublicKey::from(secret).to_bytes())
    }

    fn agree(secret: &StaticSecret, public: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        let shared = secret.diffie_hellman(&x25519_point(public)?.into());
        // RFC 9180 §7.1.4: "Senders and recipients MUST check whether the shared secret is the all-zero value".
        if !shared.was_contributory() {
            return Err(CryptoError::BadPublicKey);
        }
        out.copy_from_slice(shared.as_bytes());
        Ok(())
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        encoding::check_x25519(&x25519_point(public)?)
    }
}

macro_rules! nist_curves {
    ($($(#[$doc:meta])* $name:ident: $curve:ident, $kem_id:literal, $bytes:literal, $mask:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Dh for $name {
            const KEM_ID: u16 = $kem_id;
            const SECRET_BYTES: usize = $bytes;
            const PUBLIC_BYTES: usize = 1 + 2 * $bytes;
            const SCALAR_MASK: Option<u8> = Some($mask);

            type Secret = $curve::SecretKey;
            type Public = $curve::Sec1Point;

            fn secret(bytes: &[u8]) -> Result<Self::Secret, CryptoError> {
                $curve::SecretKey::from_slice(bytes).map_err(|_| CryptoError::BadSecretKey)
            }

            fn public(secret: &Self::Secret) -> Result<Self::Public, CryptoError> {
                Ok(secret.public_key().to_sec1_point(false))
            }

            fn agree(secret: &Self::Secret, public: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
                let public = $curve::PublicKey::from_sec1_bytes(public).map_err(|_| CryptoError::BadPublicKey)?;
                out.copy_from_slice(secret.diffie_hellman(&public).raw_secret_bytes());
                Ok(())
            }

            fn check(public: &[u8]) -> Result<(), CryptoError> {
                $curve::PublicKey::from_sec1_bytes(public).map(|_| ()).map_err(|_| CryptoError::BadPublicKey)
            }
        }
    )*};
}

nist_curves! {
    /// NIST P-256.
    P256: p256, 0x0010, 32, 0xff;
    /// NIST P-384.
    P384: p384, 0x0011, 48, 0xff;
    /// NIST P-521.
    P521: p521, 0x0012, 66, 0x01;
}
