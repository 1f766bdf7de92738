//! The labelled operations of RFC 9420 §5.1.2, §5.1.3, §5.2 and §8: every key is bound to what it is for.

use alloc::vec::Vec;

use cenacle_codec::{Encode, Writer};

use crate::{
    CryptoError, Digest, HpkeCiphertext, HpkePublicKey, HpkeSecretKey, Rng, Secret, SecretBytes, Signature,
    SignaturePublicKey, Signer, Suite, census, hpke,
};

const PREFIX: &[u8] = b"MLS 1.0 ";

/// `opaque label<V> = "MLS 1.0 " + label`, then `opaque content<V>`: the shape of SignContent, EncryptContext and the
/// tail of KDFLabel.
fn labeled(out: &mut Writer, label: &str, content: &[u8]) {
    out.vector(|out| {
        out.bytes(PREFIX).bytes(label.as_bytes());
    });
    out.opaque(content);
}

/// RefHash (§5.2): `Hash(RefHashInput)`, the label taken as it is.
///
/// # Errors
/// `BadLength` when `value` is too long for a vector.
pub fn ref_hash(suite: &dyn Suite, label: &str, value: &[u8]) -> Result<Digest, CryptoError> {
    let mut input = Writer::with_capacity(value.len() + label.len() + 8);
    input.opaque(label.as_bytes()).opaque(value);
    Ok(suite.hash(&[&input.finish()?]))
}

/// ExpandWithLabel (§8): `length` bytes, at most [`Secret::MAX_BYTES`].
///
/// # Errors
/// `BadLength`.
pub fn expand_with_label(
    suite: &dyn Suite,
    secret: &Secret,
    label: &str,
    context: &[u8],
    length: usize,
) -> Result<Secret, CryptoError> {
    if length > Secret::MAX_BYTES {
        return Err(CryptoError::BadLength);
    }
    let expanded = Secret::filled(length, |out| expand_into(suite, secret, label, context, out))?;
    census::named(expanded.expose(), label);
    Ok(expanded)
}

/// ExpandWithLabel (§8) to any length up to 65,535 bytes, for exported secrets.
///
/// # Errors
/// `BadLength`.
pub fn expand_with_label_long(
    suite: &dyn Suite,
    secret: &Secret,
    label: &str,
    context: &[u8],
    length: usize,
) -> Result<SecretBytes, CryptoError> {
    SecretBytes::filled(length, |out| expand_into(suite, secret, label, context, out))
}

fn expand_into(
    suite: &dyn Suite,
    secret: &Secret,
    label: &str,
    context: &[u8],
    out: &mut [u8],
) -> Result<(), CryptoError> {
    let length = u16::try_from(out.len()).map_err(|_| CryptoError::BadLength)?;
    let mut kdf_label = Writer::with_capacity(16 + label.len() + context.len());
    kdf_label.put(&length);
    labeled(&mut kdf_label, label, context);
    suite.expand(secret.expose(), &[&kdf_label.finish()?], out)
}

/// DeriveSecret (§8): ExpandWithLabel to `Nh` bytes with an empty context.
///
/// # Errors
/// `BadLength`.
pub fn derive_secret(suite: &dyn Suite, secret: &Secret, label: &str) -> Result<Secret, CryptoError> {
    expand_with_label(suite, secret, label, &[], suite.hash_length())
}

/// DeriveTreeSecret (§9): ExpandWithLabel with the generation as context.
///
/// # Errors
/// `BadLength`.
pub fn derive_tree_secret(
    suite: &dyn Suite,
    secret: &Secret,
    label: &str,
    generation: u32,
    length: usize,
) -> Result<Secret, CryptoError> {
    expand_with_label(suite, secret, label, &generation.to_be_bytes(), length)
}

fn sign_content(label: &str, content: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut out = Writer::with_capacity(16 + label.len() + content.len());
    labeled(&mut out, label, content);
    Ok(out.finish()?)
}

/// SignWithLabel (§5.1.2).
///
/// # Errors
/// When the signer fails.
pub fn sign_with_label(signer: &dyn Signer, label: &str, content: &[u8]) -> Result<Signature, CryptoError> {
    signer.sign(&sign_content(label, content)?)
}

/// VerifyWithLabel (§5.1.2).
///
/// # Errors
/// `BadPublicKey`, `BadSignature`.
pub fn verify_with_label(
    suite: &dyn Suite,
    public: &SignaturePublicKey,
    label: &str,
    content: &[u8],
    signature: &Signature,
) -> Result<(), CryptoError> {
    suite.verify(public, &sign_content(label, content)?, signature)
}

/// As [`verify_with_label`], over the encoding of a value that is large: it is made once, in a buffer that begins with
/// room for so many bytes.
///
/// # Errors
/// As there; `BadLength` when the value is too long to encode.
pub fn verify_value_with_label<T: Encode>(
    suite: &dyn Suite,
    public: &SignaturePublicKey,
    label: &str,
    (content, room): (&T, usize),
    signature: &Signature,
) -> Result<(), CryptoError> {
    let mut out = Writer::with_capacity(room);
    out.vector(|out| {
        out.bytes(PREFIX).bytes(label.as_bytes());
    });
    out.vector(|out| content.encode(out));
    suite.verify(public, &out.finish()?, signature)
}

/// The EncryptContext of §5.1.3 with its HPKE key-schedule hash, computed once for any number of recipients.
#[derive(Debug)]
pub struct EncryptContext(hpke::Info);

impl EncryptContext {
    /// Hashes the label and context.
    ///
    /// # Errors
    /// `BadLength` when `context` is too long for a vector.
    pub fn new(suite: &dyn Suite, label: &str, context: &[u8]) -> Result<Self, CryptoError> {
        let mut info = Writer::with_capacity(16 + label.len() + context.len());
        labeled(&mut info, label, context);
        Ok(Self(hpke::Info::new(suite, &info.finish()?)))
    }

    /// EncryptWithLabel (§5.1.3).
    ///
    /// # Errors
    /// `BadPublicKey`, `NoRandomness`.
    pub fn encrypt(
        &self,
        suite: &dyn Suite,
        public: &HpkePublicKey,
        plaintext: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<HpkeCiphertext, CryptoError> {
        let (kem_output, ciphertext) = hpke::seal(suite, public, &self.0, &[], plaintext, rng)?;
        Ok(HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() })
    }

    /// DecryptWithLabel (§5.1.3).
    ///
    /// # Errors
    /// `OpenFailed`, `BadPublicKey`, `BadSecretKey`.
    pub fn decrypt(
        &self,
        suite: &dyn Suite,
        secret: &HpkeSecretKey,
        ciphertext: &HpkeCiphertext,
    ) -> Result<SecretBytes, CryptoError> {
        hpke::open(suite, secret, &self.0, &ciphertext.kem_output, &[], &ciphertext.ciphertext)
    }
}

/// RefHash over a value's encoding.
///
/// # Errors
/// `BadLength`.
pub fn ref_hash_of<T: Encode>(suite: &dyn Suite, label: &str, value: &T) -> Result<Digest, CryptoError> {
    ref_hash(suite, label, &value.to_bytes()?)
}
