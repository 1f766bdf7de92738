//! What a provider does with secrets, one suite at a time, and what our own code makes of it: DHKEM, HPKE and the labelled
//! operations. Verifying a signature and hashing what is public take no secret.

use alloc::{boxed::Box, format, sync::Arc, vec::Vec};

use cenacle_crypto::{
    HpkeSecretKey, SignaturePublicKey, SignatureSecretKey, Signer, Suite,
    conformance::SeededRng,
    hpke,
    labeled::{derive_secret, derive_tree_secret, expand_with_label, expand_with_label_long},
};

use super::{Case, Expected};
use crate::constant_time::Probe;

type Run = fn(&dyn Suite, &Probe);

/// The cases of one suite. Each does the same with plain bytes and with secret ones, and compares what comes out.
pub(super) fn cases(provider: &str, suite: &Arc<dyn Suite>) -> Vec<Case> {
    let ids = suite.hpke_ids();
    // Whether a tag fits is looked at once, or twice on its way out of RustCrypto's ChaCha20-Poly1305.
    let tag = if provider == "rustcrypto" && ids.aead == 3 { 2 } else { 1 };
    // Private keys of X25519 are any bytes, and the one thing looked at is whether the shared secret is all zero. Those of the
    // NIST curves are numbers of a range, their public keys points with two coordinates, and the libraries check both; of
    // ECDSA, moreover, only the key is taken: how long a signature is follows from what it is.
    let is_edwards = ids.kem == 0x0020;
    let by_curve = |expected| if is_edwards { expected } else { Expected::Library };
    let cases: [(&str, Expected, Run); 10] = [
        ("hash, MAC and KDF", Expected::Nothing, hash),
        ("labelled derivations", Expected::Nothing, labels),
        ("AEAD seal", Expected::Nothing, seal),
        ("AEAD open", Expected::Verdicts(2 * tag), open),
        ("DeriveKeyPair", by_curve(Expected::Nothing), derive),
        ("public key of a private key", by_curve(Expected::Nothing), public),
        ("Encap", by_curve(Expected::Verdicts(1)), encapsulate),
        ("Decap", by_curve(Expected::Verdicts(1)), decapsulate),
        ("HPKE", by_curve(Expected::Verdicts(2 + tag)), hpke_both),
        ("signature", by_curve(Expected::Nothing), if is_edwards { sign } else { signer }),
    ];
    let case = |(what, expected, run): (&str, Expected, Run)| {
        let suite = Arc::clone(suite);
        let name = format!("{provider}, suite {}: {what}", suite.cipher_suite().0);
        Case::new(name, expected, move |probe| run(&*suite, probe))
    };
    cases.into_iter().map(case).collect()
}

fn hash(suite: &dyn Suite, probe: &Probe) {
    let key = vec![3; suite.hash_length()];
    let hidden = probe.hidden(&key);
    assert_eq!(probe.revealed(&suite.hash(&[&hidden])), *suite.hash(&[&key]));
    assert_eq!(probe.revealed(&suite.mac(&hidden, &[b"message"])), *suite.mac(&key, &[b"message"]));
    assert_eq!(probe.revealed(suite.extract(&hidden, &[&hidden]).expose()), suite.extract(&key, &[&key]).expose());
    let (mut one, mut other) = ([0; 80], [0; 80]);
    suite.expand(&hidden, &[b"info"], &mut one).unwrap();
    suite.expand(&key, &[b"info"], &mut other).unwrap();
    assert_eq!(probe.revealed(&one), other);
}

fn labels(suite: &dyn Suite, probe: &Probe) {
    let bytes = vec![4; suite.hash_length()];
    let (plain, hidden) = (cenacle_crypto::Secret::from_slice(&bytes).unwrap(), probe.secret(&bytes));
    let all = |secret| {
        [
            expand_with_label(suite, secret, "label", b"context", 16).unwrap(),
            derive_secret(suite, secret, "label").unwrap(),
            derive_tree_secret(suite, secret, "label", 7, 12).unwrap(),
        ]
    };
    for (one, other) in all(&hidden).iter().zip(&all(&plain)) {
        assert_eq!(probe.revealed(one.expose()), other.expose());
    }
    let long = |secret| expand_with_label_long(suite, secret, "label", b"context", 100).unwrap();
    assert_eq!(probe.revealed(long(&hidden).expose()), long(&plain).expose());
}

fn key_and_nonce(suite: &dyn Suite) -> (Vec<u8>, Vec<u8>) {
    (vec![5; suite.aead_key_length()], vec![6; suite.aead_nonce_length()])
}

fn secret(bytes: &[u8]) -> cenacle_crypto::Secret {
    cenacle_crypto::Secret::from_slice(bytes).unwrap()
}

fn seal(suite: &dyn Suite, probe: &Probe) {
    let ((key, nonce), text) = (key_and_nonce(suite), [9; 100]);
    let expected = suite.aead_seal(&secret(&key), &secret(&nonce), b"aad", &text).unwrap();
    let text = probe.hidden(&text);
    let sealed = suite.aead_seal(&probe.secret(&key), &probe.secret(&nonce), b"aad", &text).unwrap();
    assert_eq!(probe.revealed(&sealed), expected);
}

fn open(suite: &dyn Suite, probe: &Probe) {
    let ((key, nonce), text) = (key_and_nonce(suite), [9; 100]);
    let mut sealed = suite.aead_seal(&secret(&key), &secret(&nonce), b"aad", &text).unwrap();
    let (key, nonce) = (probe.secret(&key), probe.secret(&nonce));
    let opened = suite.aead_open(&key, &nonce, b"aad", &sealed).unwrap();
    assert_eq!(probe.revealed(opened.expose()), text);
    *sealed.last_mut().unwrap() ^= 1;
    assert!(suite.aead_open(&key, &nonce, b"aad", &sealed).is_err());
}

fn ikm(suite: &dyn Suite) -> Vec<u8> {
    vec![11; suite.kem_secret_key_length()]
}

fn derive(suite: &dyn Suite, probe: &Probe) {
    let (expected_secret, expected) = suite.kem_derive_key_pair(&ikm(suite)).unwrap();
    let (derived, public) = suite.kem_derive_key_pair(&probe.hidden(&ikm(suite))).unwrap();
    assert_eq!(probe.revealed(&public.0), &*expected.0);
    assert_eq!(probe.revealed(derived.0.expose()), expected_secret.0.expose());
}

fn public(suite: &dyn Suite, probe: &Probe) {
    let (key, expected) = suite.kem_derive_key_pair(&ikm(suite)).unwrap();
    let public = suite.kem_public_key(&HpkeSecretKey(probe.secret_bytes(key.0.expose()))).unwrap();
    assert_eq!(probe.revealed(&public.0), &*expected.0);
}

fn encapsulate(suite: &dyn Suite, probe: &Probe) {
    let (_, recipient) = suite.kem_derive_key_pair(&ikm(suite)).unwrap();
    let ephemeral = vec![12; suite.kem_secret_key_length()];
    let (expected_secret, expected) = suite.kem_encapsulate(&recipient, &ephemeral).unwrap();
    let (shared, kem_output) = suite.kem_encapsulate(&recipient, &probe.hidden(&ephemeral)).unwrap();
    assert_eq!(probe.revealed(&kem_output), expected);
    assert_eq!(probe.revealed(shared.expose()), expected_secret.expose());
}

fn decapsulate(suite: &dyn Suite, probe: &Probe) {
    let (key, recipient) = suite.kem_derive_key_pair(&ikm(suite)).unwrap();
    let (expected, kem_output) = suite.kem_encapsulate(&recipient, &vec![12; suite.kem_secret_key_length()]).unwrap();
    let key = HpkeSecretKey(probe.secret_bytes(key.0.expose()));
    let shared = suite.kem_decapsulate(&kem_output, &key).unwrap();
    assert_eq!(probe.revealed(shared.expose()), expected.expose());
}

/// Randomness that is secret from the moment it is drawn.
struct HiddenRng<'a>(SeededRng, &'a Probe);

impl cenacle_crypto::Rng for HiddenRng<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), cenacle_crypto::CryptoError> {
        self.0.fill(out)?;
        self.1.hide(out);
        Ok(())
    }
}

fn hpke_both(suite: &dyn Suite, probe: &Probe) {
    let (key, recipient) = suite.kem_derive_key_pair(&ikm(suite)).unwrap();
    let info = hpke::Info::new(suite, b"info");
    let (text, mut rng) = (probe.hidden(&[13; 40]), HiddenRng(SeededRng::new(1), probe));
    let (kem_output, sealed) = hpke::seal(suite, &recipient, &info, b"aad", &text, &mut rng).unwrap();
    let (kem_output, sealed) = (probe.revealed(&kem_output), probe.revealed(&sealed));
    let key = HpkeSecretKey(probe.secret_bytes(key.0.expose()));
    let opened = hpke::open(suite, &key, &info, &kem_output, b"aad", &sealed).unwrap();
    assert_eq!(probe.revealed(opened.expose()), [13; 40]);
}

/// A secret key taken for signing, and its public key.
fn taken(suite: &dyn Suite, probe: &Probe) -> (Box<dyn Signer>, SignaturePublicKey) {
    let (key, public) = suite.signature_key_pair(&mut SeededRng::new(2)).unwrap();
    (suite.signer(&SignatureSecretKey(probe.secret_bytes(key.0.expose()))).unwrap(), public)
}

fn signer(suite: &dyn Suite, probe: &Probe) {
    let (signer, public) = taken(suite, probe);
    assert_eq!(probe.revealed(&signer.public_key().0), &*public.0);
}

fn sign(suite: &dyn Suite, probe: &Probe) {
    let (signer, public) = taken(suite, probe);
    let signature = signer.sign(b"message").unwrap();
    let signature = cenacle_crypto::Signature(probe.revealed(&signature.0).into());
    suite.verify(&public, b"message", &signature).unwrap();
}
