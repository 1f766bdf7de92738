//! The signature schemes of the suites (RFC 9420 §5.1.2): EdDSA, and ECDSA with DER signatures. A key is parsed once, when
//! its signer is made.

use alloc::boxed::Box;
use core::marker::PhantomData;

use cenacle_crypto::{
    CryptoError, Rng, Signature, SignaturePublicKey, SignatureSecretKey, Signer,
    compose::Scheme,
    dhkem::ScalarBytes,
    encoding::{ED448_BYTES, check_ed448, check_ed25519, split_ed448_signature},
};
use openssl::{
    pkey::{Id, PKey, Private},
    sign,
};

use crate::{
    edwards::EdwardsCurve,
    nist::{NistCurve, private_key, public_bytes, public_key},
};

/// What is particular about one of the two schemes of RFC 8032.
pub(crate) trait EddsaCurve: 'static {
    const ID: Id;
    /// Bytes of a seed and of a public key.
    const BYTES: usize;
    const CURVE: EdwardsCurve;

    /// Refuses a public key that is not in the form all providers accept, and gives its y coordinate.
    fn check_form(public: &[u8]) -> Result<Box<[u8]>, CryptoError>;

    /// Refuses a signature that is not in the form all providers accept.
    fn check_signature(signature: &[u8]) -> Result<(), CryptoError>;
}

/// Ed25519. Verification is without cofactor, `S` below the group order and `A` canonical.
// Members who disagree about a signature disagree about the group, so every provider has this one acceptance rule.
pub(crate) struct Ed25519;

impl EddsaCurve for Ed25519 {
    const ID: Id = Id::ED25519;
    const BYTES: usize = 32;
    const CURVE: EdwardsCurve = EdwardsCurve {
        prime: "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
        a: "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec",
        d: "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3",
    };

    fn check_form(public: &[u8]) -> Result<Box<[u8]>, CryptoError> {
        let mut y = *<&[u8; 32]>::try_from(public).map_err(|_| CryptoError::BadPublicKey)?;
        check_ed25519(&y)?;
        let [.., last] = &mut y;
        *last &= 0x7f;
        Ok(y.into())
    }

    fn check_signature(_: &[u8]) -> Result<(), CryptoError> {
        // OpenSSL checks the length and S, and computes R's encoding instead of decoding it.
        Ok(())
    }
}

/// Ed448. Verification is with cofactor, `S` below the group order, `A` and `R` canonical and with x other than zero.
pub(crate) struct Ed448;

impl EddsaCurve for Ed448 {
    const ID: Id = Id::ED448;
    const BYTES: usize = ED448_BYTES;
    const CURVE: EdwardsCurve = EdwardsCurve {
        prime: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffe\
            ffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        a: "1",
        d: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffe\
            ffffffffffffffffffffffffffffffffffffffffffffffffffff6756",
    };

    fn check_form(public: &[u8]) -> Result<Box<[u8]>, CryptoError> {
        let public = public.try_into().map_err(|_| CryptoError::BadPublicKey)?;
        check_ed448(public)?;
        let [y @ .., _] = public;
        Ok(y.as_slice().into())
    }

    fn check_signature(signature: &[u8]) -> Result<(), CryptoError> {
        split_ed448_signature(signature).map(|_| ())
    }
}

/// EdDSA over curve `C`.
pub(crate) struct Eddsa<C>(PhantomData<C>);

#[derive(Debug)]
struct EddsaSigner {
    key: PKey<Private>,
    public: SignaturePublicKey,
}

impl EddsaSigner {
    fn new<C: EddsaCurve>(seed: &[u8]) -> Result<Self, CryptoError> {
        let key = PKey::private_key_from_raw_bytes(seed, C::ID).map_err(|_| CryptoError::BadSecretKey)?;
        let public = key.raw_public_key().map_err(|_| CryptoError::Internal)?;
        Ok(Self { key, public: SignaturePublicKey(public.into()) })
    }
}

impl Signer for EddsaSigner {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let signer = sign::Signer::new_without_digest(&self.key);
        let signature = signer.and_then(|mut signer| signer.sign_oneshot_to_vec(message));
        Ok(Signature(signature.map_err(|_| CryptoError::Internal)?.into()))
    }
}

impl<C: EddsaCurve> Scheme for Eddsa<C> {
    fn key_pair(rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        let mut seed = ScalarBytes::zero(C::BYTES);
        rng.fill(seed.expose_mut())?;
        let signer = EddsaSigner::new::<C>(seed.expose())?;
        Ok((SignatureSecretKey(seed.expose().into()), signer.public))
    }

    fn signer(secret: &[u8]) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(EddsaSigner::new::<C>(secret)?))
    }

    fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        C::check_form(public)?;
        C::check_signature(signature)?;
        let key = PKey::public_key_from_raw_bytes(public, C::ID).map_err(|_| CryptoError::BadPublicKey)?;
        // A key that is no point of the curve shows as a signature that does not verify.
        let mut verifier = sign::Verifier::new_without_digest(&key).map_err(|_| CryptoError::Internal)?;
        match verifier.verify_oneshot(signature, message) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(CryptoError::BadSignature),
        }
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        let y = C::check_form(public)?;
        let is_point = C::CURVE.has_point(&y).map_err(|_| CryptoError::Internal)?;
        if is_point { Ok(()) } else { Err(CryptoError::BadPublicKey) }
    }
}

/// ECDSA over curve `C`.
pub(crate) struct Ecdsa<C>(PhantomData<C>);

struct EcdsaSigner<C> {
    key: PKey<Private>,
    public: SignaturePublicKey,
    curve: PhantomData<fn() -> C>,
}

impl<C> core::fmt::Debug for EcdsaSigner<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EcdsaSigner").field("public", &self.public).finish_non_exhaustive()
    }
}

impl<C: NistCurve> EcdsaSigner<C> {
    /// `scalar` is big-endian at the curve's full width.
    fn new(scalar: &[u8]) -> Result<Self, CryptoError> {
        let key = private_key::<C>(scalar)?;
        let public = SignaturePublicKey(public_bytes(&key)?.into());
        Ok(Self { key, public, curve: PhantomData })
    }
}

impl<C: NistCurve> Signer for EcdsaSigner<C> {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let signer = sign::Signer::new(C::hash(), &self.key);
        let signature = signer.and_then(|mut signer| signer.sign_oneshot_to_vec(message));
        Ok(Signature(signature.map_err(|_| CryptoError::Internal)?.into()))
    }
}

impl<C: NistCurve> Scheme for Ecdsa<C> {
    fn key_pair(rng: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        let (scalar, signer) = ScalarBytes::draw(C::BYTES, C::MASK, rng, EcdsaSigner::<C>::new)?;
        Ok((SignatureSecretKey(scalar.expose().into()), signer.public))
    }

    fn signer(secret: &[u8]) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(EcdsaSigner::<C>::new(ScalarBytes::padded(secret, C::BYTES)?.expose())?))
    }

    fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let key = public_key::<C>(public)?;
        let mut verifier = sign::Verifier::new(C::hash(), &key).map_err(|_| CryptoError::Internal)?;
        match verifier.verify_oneshot(signature, message) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(CryptoError::BadSignature),
        }
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        public_key::<C>(public).map(|_| ())
    }
}
