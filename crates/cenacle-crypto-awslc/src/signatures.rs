//! The signature schemes of the suites (RFC 9420 §5.1.2): Ed25519, and ECDSA with DER signatures. A key is parsed
//! once, when its signer is made.

use alloc::boxed::Box;
use core::marker::PhantomData;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING, ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm,
        EcdsaVerificationAlgorithm, Ed25519KeyPair, KeyPair, ParsedPublicKey, VerificationAlgorithm,
    },
};
use cenacle_crypto::{
    CryptoError, Rng, Signature, SignaturePublicKey, SignatureSecretKey, Signer, compose::Scheme, dhkem::ScalarBytes,
    encoding,
};
use curve25519_dalek::edwards::CompressedEdwardsY;
use zeroize::Zeroizing;

use crate::curves::{Curve, P256, P384, P521};

const SEED_BYTES: usize = 32;

/// Ed25519 (RFC 8032). Verification is without cofactor, `S` below the group order and `A` canonical.
// Members who disagree about a signature disagree about the group, so every provider has this one acceptance rule.
pub(crate) struct Ed25519;

#[derive(Debug)]
struct Ed25519Signer {
    key: Ed25519KeyPair,
    public: SignaturePublicKey,
}

impl Ed25519Signer {
    fn new(seed: &[u8]) -> Result<Self, CryptoError> {
        if seed.len() != SEED_BYTES {
            return Err(CryptoError::BadSecretKey);
        }
        let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| CryptoError::BadSecretKey)?;
        let public = SignaturePublicKey(key.public_key().as_ref().into());
        Ok(Self { key, public })
    }
}

impl Signer for Ed25519Signer {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let signature = self.key.try_sign(message).map_err(|_| CryptoError::Internal)?;
        Ok(Signature(signature.as_ref().into()))
    }
}

fn ed25519_point(public: &[u8]) -> Result<&[u8; 32], CryptoError> {
    let public = public.try_into().map_err(|_| CryptoError::BadPublicKey)?;
    encoding::check_ed25519(public)?;
    Ok(public)
}

fn parse(algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> Result<ParsedPublicKey, CryptoError> {
    ParsedPublicKey::new(algorithm, public).map_err(|_| CryptoError::BadPublicKey)
}

impl Scheme for Ed25519 {
    fn key_pair(rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        let mut seed = ScalarBytes::zero(SEED_BYTES);
        rng.fill(seed.expose_mut())?;
        let signer = Ed25519Signer::new(seed.expose())?;
        Ok((SignatureSecretKey(seed.expose().into()), signer.public))
    }

    fn signer(secret: &[u8]) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(Ed25519Signer::new(secret)?))
    }

    fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // A key that is no point of the curve shows as a signature that does not verify.
        let key = parse(&ED25519, ed25519_point(public)?)?;
        key.verify_sig(message, signature).map_err(|_| CryptoError::BadSignature)
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        let point = CompressedEdwardsY(*ed25519_point(public)?).decompress();
        point.map(|_| ()).ok_or(CryptoError::BadPublicKey)
    }
}

/// The names of a curve's ECDSA in aws-lc, with the hash of its suite.
pub(crate) trait EcdsaCurve: Curve {
    const SIGNING: &'static EcdsaSigningAlgorithm;
    const VERIFICATION: &'static EcdsaVerificationAlgorithm;
}

impl EcdsaCurve for P256 {
    const SIGNING: &'static EcdsaSigningAlgorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    const VERIFICATION: &'static EcdsaVerificationAlgorithm = &ECDSA_P256_SHA256_ASN1;
}

impl EcdsaCurve for P384 {
    const SIGNING: &'static EcdsaSigningAlgorithm = &ECDSA_P384_SHA384_ASN1_SIGNING;
    const VERIFICATION: &'static EcdsaVerificationAlgorithm = &ECDSA_P384_SHA384_ASN1;
}

impl EcdsaCurve for P521 {
    const SIGNING: &'static EcdsaSigningAlgorithm = &ECDSA_P521_SHA512_ASN1_SIGNING;
    const VERIFICATION: &'static EcdsaVerificationAlgorithm = &ECDSA_P521_SHA512_ASN1;
}

/// ECDSA over curve `C`.
pub(crate) struct Ecdsa<C>(PhantomData<C>);

#[derive(Debug)]
struct EcdsaSigner {
    key: EcdsaKeyPair,
    public: SignaturePublicKey,
}

impl EcdsaSigner {
    /// `scalar` is big-endian at the curve's full width.
    fn new<C: EcdsaCurve>(scalar: &[u8]) -> Result<Self, CryptoError> {
        // RFC 5915 §3: ECPrivateKey ::= SEQUENCE { version INTEGER 1, privateKey OCTET STRING }. The optional fields
        // are left out: aws-lc knows the curve and computes the public key.
        let length = u8::try_from(scalar.len()).map_err(|_| CryptoError::BadSecretKey)?;
        let mut der = Zeroizing::new(Vec::with_capacity(usize::from(length) + 7));
        der.extend_from_slice(&[0x30, length + 5, 0x02, 1, 1, 0x04, length]);
        der.extend_from_slice(scalar);
        let key = EcdsaKeyPair::from_private_key_der(C::SIGNING, &der).map_err(|_| CryptoError::BadSecretKey)?;
        let public = SignaturePublicKey(key.public_key().as_ref().into());
        Ok(Self { key, public })
    }
}

impl Signer for EcdsaSigner {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let signature = self.key.sign(&SystemRandom::new(), message).map_err(|_| CryptoError::Internal)?;
        Ok(Signature(signature.as_ref().into()))
    }
}

impl<C: EcdsaCurve> Ecdsa<C> {
    fn key(public: &[u8]) -> Result<ParsedPublicKey, CryptoError> {
        encoding::check_uncompressed(public, C::SECRET_BYTES)?;
        parse(C::VERIFICATION, public)
    }
}

impl<C: EcdsaCurve> Scheme for Ecdsa<C> {
    fn key_pair(rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        let mask = C::SCALAR_MASK.unwrap_or(0xff);
        let (scalar, signer) = ScalarBytes::draw(C::SECRET_BYTES, mask, rng, EcdsaSigner::new::<C>)?;
        Ok((SignatureSecretKey(scalar.expose().into()), signer.public))
    }

    fn signer(secret: &[u8]) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(EcdsaSigner::new::<C>(ScalarBytes::padded(secret, C::SECRET_BYTES)?.expose())?))
    }

    fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        Self::key(public)?.verify_sig(message, signature).map_err(|_| CryptoError::BadSignature)
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        Self::key(public).map(|_| ())
    }
}
