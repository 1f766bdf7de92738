//! Ed448 (RFC 8032 §5.2): pure, with an empty context. Signing is the library's; verification is RFC 8032's equation over
//! the library's points, because its own refuses signatures that OpenSSL, and so other implementations of MLS, accept.

use alloc::boxed::Box;

use cenacle_crypto::{
    CryptoError, Rng, Signature, SignaturePublicKey, SignatureSecretKey, Signer,
    compose::Scheme,
    dhkem::ScalarBytes,
    encoding::{ED448_BYTES, check_ed448, split_ed448_signature},
};
use ed448_goldilocks::{
    CompressedEdwardsY, EdwardsPoint, EdwardsScalar, SigningKey, WideEdwardsScalarBytes,
    shake::{
        Shake256,
        digest::{ExtendableOutput, Update, XofReader},
    },
    signature::Signer as _,
};
use zeroize::Zeroizing;

/// Ed448 (RFC 8032), **experimental**: a pre-release, not audited. Verification is with cofactor, `S` below the group
/// order, `A` and `R` canonical and with x other than zero.
// Members who disagree about a signature disagree about the group, so every provider has this one acceptance rule, which
// is OpenSSL's. Unlike Ed25519's it is with cofactor: OpenSSL works modulo the points of small order.
#[derive(Debug)]
pub struct Ed448;

#[derive(Debug)]
struct Ed448Signer {
    key: SigningKey,
    public: SignaturePublicKey,
}

impl Ed448Signer {
    fn new(secret: &[u8]) -> Result<Self, CryptoError> {
        if secret.len() != ED448_BYTES {
            return Err(CryptoError::BadSecretKey);
        }
        let mut seed = Zeroizing::new(ed448_goldilocks::SecretKey::default());
        seed.copy_from_slice(secret);
        let key = SigningKey::from(&*seed);
        let public = SignaturePublicKey(key.verifying_key().as_bytes().as_slice().into());
        Ok(Self { key, public })
    }
}

impl Signer for Ed448Signer {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let signature = self.key.try_sign(message).map_err(|_| CryptoError::Internal)?;
        Ok(Signature(signature.to_bytes().as_slice().into()))
    }
}

/// The point that `encoded`, which has passed [`check_ed448`], stands for, if it is one.
fn point(encoded: &[u8; ED448_BYTES]) -> Option<EdwardsPoint> {
    // The checked form refuses points outside the prime-order subgroup.
    CompressedEdwardsY(*encoded).decompress_unchecked().into_option().map(|point| point.to_edwards())
}

fn public_point(public: &[u8]) -> Result<(&[u8; ED448_BYTES], EdwardsPoint), CryptoError> {
    let public = public.try_into().map_err(|_| CryptoError::BadPublicKey)?;
    check_ed448(public)?;
    Ok((public, point(public).ok_or(CryptoError::BadPublicKey)?))
}

/// RFC 8032 §5.2.7: "SHAKE256(dom4(F, C) || R || A || PH(M), 114)" modulo the order, `F` zero and `C` empty.
fn challenge(r: &[u8], public: &[u8], message: &[u8]) -> EdwardsScalar {
    let hash = Shake256::default().chain(b"SigEd448").chain([0, 0]).chain(r).chain(public).chain(message);
    let mut output = WideEdwardsScalarBytes::default();
    hash.finalize_xof().read(&mut output);
    EdwardsScalar::from_bytes_mod_order_wide(&output)
}

impl Scheme for Ed448 {
    fn key_pair(rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        let mut seed = ScalarBytes::zero(ED448_BYTES);
        rng.fill(seed.expose_mut())?;
        let signer = Ed448Signer::new(seed.expose())?;
        Ok((SignatureSecretKey(seed.expose().into()), signer.public))
    }

    fn signer(secret: &[u8]) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(Ed448Signer::new(secret)?))
    }

    fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let (public, public_point) = public_point(public)?;
        let (r, s) = split_ed448_signature(signature)?;
        let r_point = point(r).ok_or(CryptoError::BadSignature)?;
        let s = EdwardsScalar::from_canonical_bytes(s.into()).into_option().ok_or(CryptoError::BadSignature)?;
        // RFC 8032 §5.2.7: "Check the group equation [4][S]B = [4]R + [4][k]A."
        let k = challenge(r, public, message);
        let difference = EdwardsPoint::GENERATOR * s - r_point - public_point * k;
        if difference.double().double() == EdwardsPoint::IDENTITY { Ok(()) } else { Err(CryptoError::BadSignature) }
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        public_point(public).map(|_| ())
    }
}
