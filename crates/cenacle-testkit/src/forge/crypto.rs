//! The labelled operations of RFC 9420 §5, over the primitives of a suite alone.

use alloc::sync::Arc;

use cenacle_crypto::{HpkePublicKey, HpkeSecretKey, Rng, Secret, Signer, Suite, hpke};

use super::{pen::Wire as _, wire::HpkeCiphertext};

/// The primitives that everything here is made of.
pub type Primitives = Arc<dyn Suite>;

fn labeled(label: &str, content: &[u8]) -> Vec<u8> {
    [format!("MLS 1.0 {label}").into_bytes().bytes(), content.to_vec().bytes()].concat()
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::from_slice(bytes).expect("a secret of at most 64 bytes")
}

/// Hash.
#[must_use]
pub fn hash(suite: &dyn Suite, input: &[u8]) -> Vec<u8> {
    suite.hash(&[input]).to_vec()
}

/// MAC.
#[must_use]
pub fn mac(suite: &dyn Suite, key: &[u8], input: &[u8]) -> Vec<u8> {
    suite.mac(key, &[input]).to_vec()
}

/// KDF.Extract.
#[must_use]
pub fn extract(suite: &dyn Suite, salt: &[u8], input: &[u8]) -> Vec<u8> {
    suite.extract(salt, &[input]).expose().to_vec()
}

/// ExpandWithLabel (RFC 9420 §8).
#[must_use]
pub fn expand_with_label(suite: &dyn Suite, secret: &[u8], label: &str, context: &[u8], length: usize) -> Vec<u8> {
    let info = [&u16::try_from(length).unwrap().bytes()[..], &labeled(label, context)].concat();
    let mut out = vec![0; length];
    suite.expand(secret, &[&info], &mut out).unwrap();
    out
}

/// DeriveSecret (RFC 9420 §8).
#[must_use]
pub fn derive_secret(suite: &dyn Suite, secret: &[u8], label: &str) -> Vec<u8> {
    expand_with_label(suite, secret, label, &[], suite.hash_length())
}

/// RefHash (RFC 9420 §5.2).
#[must_use]
pub fn ref_hash(suite: &dyn Suite, label: &str, value: &[u8]) -> Vec<u8> {
    hash(suite, &[label.as_bytes().to_vec().bytes(), value.to_vec().bytes()].concat())
}

/// SignWithLabel (RFC 9420 §5.1.2).
#[must_use]
pub fn sign_with_label(signer: &dyn Signer, label: &str, content: &[u8]) -> Vec<u8> {
    signer.sign(&labeled(label, content)).unwrap().0.to_vec()
}

/// EncryptWithLabel (RFC 9420 §5.1.3). To what is no public key, a ciphertext that nobody can read.
#[must_use]
pub fn encrypt_with_label(
    suite: &dyn Suite,
    public: &[u8],
    (label, context): (&str, &[u8]),
    plaintext: &[u8],
    rng: &mut dyn Rng,
) -> HpkeCiphertext {
    let info = hpke::Info::new(suite, &labeled(label, context));
    let sealed = hpke::seal(suite, &HpkePublicKey(public.to_vec().into()), &info, &[], plaintext, rng);
    let (kem_output, ciphertext) = sealed.unwrap_or_else(|_| (vec![9; 32], vec![0; plaintext.len() + 16]));
    HpkeCiphertext { kem_output, ciphertext }
}

/// DecryptWithLabel (RFC 9420 §5.1.3), or `None`.
#[must_use]
pub fn decrypt_with_label(
    suite: &dyn Suite,
    private: &[u8],
    (label, context): (&str, &[u8]),
    sealed: &HpkeCiphertext,
) -> Option<Vec<u8>> {
    let info = hpke::Info::new(suite, &labeled(label, context));
    let private = HpkeSecretKey(private.into());
    let opened = hpke::open(suite, &private, &info, &sealed.kem_output, &[], &sealed.ciphertext);
    opened.ok().map(|plaintext| plaintext.expose().to_vec())
}

const EXTERNAL_INIT: &[u8] = b"MLS 1.0 external init secret";

/// An init secret for an external join, and its encapsulation (RFC 9420 §8.3).
#[must_use]
pub fn external_init(suite: &dyn Suite, external_pub: &[u8], rng: &mut dyn Rng) -> (Vec<u8>, Vec<u8>) {
    let (info, public) = (hpke::Info::new(suite, &[]), HpkePublicKey(external_pub.to_vec().into()));
    let exported = hpke::export_to(suite, &public, &info, EXTERNAL_INIT, suite.hash_length(), rng);
    let (kem_output, init_secret) = exported.expect("an external_pub of the suite");
    (kem_output, init_secret.expose().to_vec())
}

/// The init secret of an external join, by whoever has the external key.
#[must_use]
pub fn external_init_from(suite: &dyn Suite, external_priv: &[u8], kem_output: &[u8]) -> Vec<u8> {
    let (info, private) = (hpke::Info::new(suite, &[]), HpkeSecretKey(external_priv.into()));
    let exported = hpke::export_from(suite, &private, &info, kem_output, EXTERNAL_INIT, suite.hash_length());
    exported.expect("an encapsulation of the suite").expose().to_vec()
}

/// A KEM key pair, private key first.
#[must_use]
pub fn derive_key_pair(suite: &dyn Suite, ikm: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (private, public) = suite.kem_derive_key_pair(ikm).unwrap();
    (private.0.expose().to_vec(), public.0.to_vec())
}

/// The public key of a KEM private key.
#[must_use]
pub fn public_key(suite: &dyn Suite, private: &[u8]) -> Vec<u8> {
    suite.kem_public_key(&HpkeSecretKey(private.into())).unwrap().0.to_vec()
}

/// AEAD.Seal.
#[must_use]
pub fn seal(suite: &dyn Suite, (key, nonce): (&[u8], &[u8]), aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    suite.aead_seal(&secret(key), &secret(nonce), aad, plaintext).unwrap()
}

/// AEAD.Open, or `None`.
#[must_use]
pub fn open(suite: &dyn Suite, (key, nonce): (&[u8], &[u8]), aad: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
    let opened = suite.aead_open(&secret(key), &secret(nonce), aad, ciphertext);
    opened.ok().map(|plaintext| plaintext.expose().to_vec())
}
