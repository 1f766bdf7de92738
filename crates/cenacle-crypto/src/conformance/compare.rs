//! Two providers of one suite against each other: the same input gives the same output wherever there is no randomness
//! inside, the same verdicts, and each opens and verifies what the other made.

use alloc::{vec, vec::Vec};

use super::{SeededRng, flipped, kem, secret, signature};
use crate::{
    HpkePublicKey, HpkeSecretKey, Rng, SignaturePublicKey, Suite,
    hpke::{Info, export_from, export_to, open, seal},
};

/// Tests that `a` and `b`, two providers of the same suite, agree.
pub fn compare(a: &dyn Suite, b: &dyn Suite) {
    assert_eq!(a.cipher_suite(), b.cipher_suite());
    assert_eq!(a.hpke_ids(), b.hpke_ids());
    assert_eq!(a.hash_length(), b.hash_length());
    assert_eq!(a.aead_key_length(), b.aead_key_length());
    assert_eq!(a.aead_nonce_length(), b.aead_nonce_length());
    assert_eq!(a.kem_secret_key_length(), b.kem_secret_key_length());
    let mut rng = SeededRng::new(u64::from(a.cipher_suite().0));
    for _ in 0..8 {
        symmetric(a, b, &mut rng);
        kems(a, b, &mut rng);
    }
    for (one, other) in [(a, b), (b, a)] {
        hpke(one, other, &mut rng);
        signatures(one, other, &mut rng);
    }
    verdicts(a, b);
}

fn bytes(rng: &mut SeededRng, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    rng.fill(&mut out).unwrap();
    out
}

fn symmetric(a: &dyn Suite, b: &dyn Suite, rng: &mut SeededRng) {
    let length = usize::from(bytes(rng, 1)[0]);
    let (key, message) = (bytes(rng, length), bytes(rng, 3 * length));
    assert_eq!(a.hash(&[&key, &message]), b.hash(&[&key, &message]));
    assert_eq!(a.mac(&key, &[&message]), b.mac(&key, &[&message]));
    let prk = a.extract(&key, &[&message]);
    assert_eq!(prk.expose(), b.extract(&key, &[&message]).expose());
    let mut outputs = [vec![0; length], vec![0; length]];
    a.expand(prk.expose(), &[&message], &mut outputs[0]).unwrap();
    b.expand(prk.expose(), &[&message], &mut outputs[1]).unwrap();
    assert_eq!(outputs[0], outputs[1]);
    let (key, nonce) = (secret(&bytes(rng, a.aead_key_length())), secret(&bytes(rng, a.aead_nonce_length())));
    let sealed = a.aead_seal(&key, &nonce, b"aad", &message).unwrap();
    assert_eq!(sealed, b.aead_seal(&key, &nonce, b"aad", &message).unwrap());
    assert_eq!(a.aead_open(&key, &nonce, b"aad", &sealed).unwrap().expose(), message);
    assert_eq!(b.aead_open(&key, &nonce, b"aad", &sealed).unwrap().expose(), message);
}

fn kems(a: &dyn Suite, b: &dyn Suite, rng: &mut SeededRng) {
    let length = a.kem_secret_key_length();
    let ikm = bytes(rng, length);
    let (secret, public) = a.kem_derive_key_pair(&ikm).unwrap();
    let (other_secret, other_public) = b.kem_derive_key_pair(&ikm).unwrap();
    assert_eq!(secret.0.expose(), other_secret.0.expose());
    assert_eq!(public, other_public);
    // Not one that DeriveKeyPair made: whatever bytes are a private key for one are the same key for the other.
    let raw = HpkeSecretKey(bytes(rng, length).into());
    assert_eq!(a.kem_public_key(&raw), b.kem_public_key(&raw));
    let ephemeral = bytes(rng, length);
    let (shared, kem_output) = a.kem_encapsulate(&public, &ephemeral).unwrap();
    let (other_shared, other_output) = b.kem_encapsulate(&public, &ephemeral).unwrap();
    assert_eq!((shared.expose(), &kem_output), (other_shared.expose(), &other_output));
    assert!(b.kem_decapsulate(&kem_output, &secret).unwrap().ct_eq(&shared));
}

fn hpke(sender: &dyn Suite, receiver: &dyn Suite, rng: &mut SeededRng) {
    let (secret, public) = receiver.kem_derive_key_pair(&bytes(rng, receiver.kem_secret_key_length())).unwrap();
    let (sent, received) = (Info::new(sender, b"info"), Info::new(receiver, b"info"));
    let (kem_output, sealed) = seal(sender, &public, &sent, b"aad", b"content", rng).unwrap();
    assert_eq!(open(receiver, &secret, &received, &kem_output, b"aad", &sealed).unwrap().expose(), b"content");
    let (kem_output, exported) = export_to(sender, &public, &sent, b"context", 32, rng).unwrap();
    assert!(export_from(receiver, &secret, &received, &kem_output, b"context", 32).unwrap().ct_eq(&exported));
}

fn signatures(signing: &dyn Suite, verifying: &dyn Suite, rng: &mut SeededRng) {
    let mut same = rng.clone();
    let (secret, public) = signing.signature_key_pair(rng).unwrap();
    let (other_secret, other_public) = verifying.signature_key_pair(&mut same).unwrap();
    assert_eq!((secret.0.expose(), &public), (other_secret.0.expose(), &other_public));
    let signer = signing.signer(&secret).unwrap();
    for length in [0, 1, 100, 1000] {
        let message = bytes(rng, length);
        let signature = signer.sign(&message).unwrap();
        assert_eq!(verifying.verify(signer.public_key(), &message, &signature), Ok(()));
    }
}

/// Crafted keys and signatures: what one accepts the other must accept, or a group falls apart.
fn verdicts(a: &dyn Suite, b: &dyn Suite) {
    for (public, message, signature) in signature::edge_cases(a) {
        let (one, other) = (a.verify(&public, &message, &signature), b.verify(&public, &message, &signature));
        assert_eq!(one.is_ok(), other.is_ok(), "{public:?} {message:02x?} {signature:?}: {one:?}, {other:?}");
        assert_eq!(a.check_signature_key(&public), b.check_signature_key(&public), "{public:?}");
    }
    let mut rng = SeededRng::new(0);
    let (_, public) = a.signature_key_pair(&mut rng).unwrap();
    for changed in flipped(&public.0) {
        let changed = SignaturePublicKey(changed.into());
        assert_eq!(a.check_signature_key(&changed), b.check_signature_key(&changed), "{changed:?}");
    }
    let (_, public) = a.kem_derive_key_pair(&bytes(&mut rng, a.kem_secret_key_length())).unwrap();
    for public in kem::edge_cases(a) {
        let ikm = bytes(&mut rng, a.kem_secret_key_length());
        let [(one, _), (other, _)] = [a, b].map(|suite| suite.kem_encapsulate(&public, &ikm).unwrap());
        assert!(one.ct_eq(&other), "{public:?}");
    }
    for changed in flipped(&public.0) {
        let changed = HpkePublicKey(changed.into());
        assert_eq!(a.kem_check_public_key(&changed), b.kem_check_public_key(&changed), "{changed:?}");
    }
}
