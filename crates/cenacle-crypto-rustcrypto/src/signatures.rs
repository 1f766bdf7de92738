//! The signature schemes of the suites (RFC 9420 §5.1.2): Ed25519 by dalek, ECDSA with deterministic nonces (RFC
//! 6979) and DER signatures by RustCrypto.

use alloc::boxed::Box;

use cenacle_crypto::{
    CryptoError, Rng, Signature, SignaturePublicKey, SignatureSecretKey, Signer, compose::Scheme, dhkem::ScalarBytes,
    encoding,
};
use ed25519_dalek::{Signer as _, Verifier as _};

/// Ed25519 (RFC 8032). Verification is without cofactor, `S` below the group order and `A` canonical.
// Members who disagree about a signature disagree about the group, so every provider has this one acceptance rule.
#[derive(Debug)]
pub struct Ed25519;

#[derive(Debug)]
struct Ed25519Signer {
    key: ed25519_dalek::SigningKey,
    public: SignaturePublicKey,
}

impl Ed25519Signer {
    fn new(secret: &[u8]) -> Result<Self, CryptoError> {
        let key: ed25519_dalek::SigningKey = secret.try_into().map_err(|_| CryptoError::BadSecretKey)?;
        let public = SignaturePublicKey(key.verifying_key().as_bytes().into());
        Ok(Self { key, public })
    }
}

impl Signer for Ed25519Signer {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let signature = self.key.try_sign(message).map_err(|_| CryptoError::Internal)?;
        Ok(Signature(signature.to_bytes().as_slice().into()))
    }
}

fn ed25519_key(public: &[u8]) -> Result<ed25519_dalek::VerifyingKey, CryptoError> {
    let public = public.try_into().map_err(|_| CryptoError::BadPublicKey)?;
    encoding::check_ed25519(public)?;
    ed25519_dalek::VerifyingKey::from_bytes(public).map_err(|_| CryptoError::BadPublicKey)
}

impl Scheme for Ed25519 {
    fn key_pair(rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        let mut seed = ScalarBytes::zero(32);
        rng.fill(seed.expose_mut())?;
        let signer = Ed25519Signer::new(seed.expose())?;
        Ok((SignatureSecretKey(seed.expose().into()), signer.public))
    }

    fn signer(secret: &[u8]) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(Ed25519Signer::new(secret)?))
    }

    fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let signature = signature.try_into().map_err(|_| CryptoError::BadSignature)?;
        ed25519_key(public)?.verify(message, &signature).map_err(|_| CryptoError::BadSignature)
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        ed25519_key(public).map(|_| ())
    }
}

macro_rules! ecdsa {
    ($($(#[$doc:meta])* $name:ident, $signer:ident: $curve:ident, $bytes:literal, $mask:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        #[derive(Debug)]
        struct $signer {
            key: $curve::ecdsa::SigningKey,
            public: SignaturePublicKey,
        }

        impl $signer {
            fn new(secret: &[u8]) -> Result<Self, CryptoError> {
                let key = $curve::ecdsa::SigningKey::from_slice(secret).map_err(|_| CryptoError::BadSecretKey)?;
                let public = SignaturePublicKey(key.verifying_key().to_sec1_point(false).as_bytes().into());
                Ok(Self { key, public })
            }
        }

        impl Signer for $signer {
            fn public_key(&self) -> &SignaturePublicKey {
                &self.public
            }

            fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
                let signature: $curve::ecdsa::DerSignature =
                    self.key.try_sign(message).map_err(|_| CryptoError::Internal)?;
                Ok(Signature(signature.as_bytes().into()))
            }
        }

        impl $name {
            fn key(public: &[u8]) -> Result<$curve::ecdsa::VerifyingKey, CryptoError> {
                encoding::check_uncompressed(public, $bytes)?;
                $curve::ecdsa::VerifyingKey::from_sec1_bytes(public).map_err(|_| CryptoError::BadPublicKey)
            }
        }

        impl Scheme for $name {
            fn key_pair(rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
                let (scalar, signer) = ScalarBytes::draw($bytes, $mask, rng, $signer::new)?;
                Ok((SignatureSecretKey(scalar.expose().into()), signer.public))
            }

            fn signer(secret: &[u8]) -> Result<Box<dyn Signer>, CryptoError> {
                Ok(Box::new($signer::new(ScalarBytes::padded(secret, $bytes)?.expose())?))
            }

            fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
                let key = Self::key(public)?;
                let signature =
                    $curve::ecdsa::Signature::from_der(signature).map_err(|_| CryptoError::BadSignature)?;
                key.verify(message, &signature).map_err(|_| CryptoError::BadSignature)
            }

            fn check(public: &[u8]) -> Result<(), CryptoError> {
                Self::key(public).map(|_| ())
            }
        }
    )*};
}

ecdsa! {
    /// ECDSA over P-256 with SHA-256.
    EcdsaP256, EcdsaP256Signer: p256, 32, 0xff;
    /// ECDSA over P-384 with SHA-384.
    EcdsaP384, EcdsaP384Signer: p384, 48, 0xff;
    /// ECDSA over P-521 with SHA-512.
    EcdsaP521, EcdsaP521Signer: p521, 66, 0x01;
}
