//! The HPKE key schedule of RFC 9180 §5.1, spelled out once over a toy suite and compared.

use alloc::vec::Vec;

use super::toy::ToySuite;
use crate::{
    CryptoError, Rng, Secret, Suite,
    conformance::SeededRng,
    hpke::{Info, export_from, export_to, open, seal},
};

/// "HPKE", then the identifiers of the toy's KEM, of HKDF-SHA256 and of the toy's AEAD.
const SUITE_ID: &[u8] = b"HPKE\xf0\x02\x00\x01\xf0\x03";

fn labeled_extract(suite: &dyn Suite, salt: &[u8], label: &[u8], ikm: &[u8]) -> Secret {
    suite.extract(salt, &[b"HPKE-v1", SUITE_ID, label, ikm])
}

fn labeled_expand(suite: &dyn Suite, prk: &Secret, label: &[u8], info: &[u8], length: u8) -> Secret {
    let info = [&[0, length][..], b"HPKE-v1", SUITE_ID, label, info];
    Secret::filled(length.into(), |out| suite.expand(prk.expose(), &info, out)).unwrap()
}

/// `secret` and `key_schedule_context`.
fn key_schedule(suite: &dyn Suite, shared_secret: &Secret, info: &[u8]) -> (Secret, Vec<u8>) {
    let psk_id_hash = labeled_extract(suite, &[], b"psk_id_hash", &[]);
    let info_hash = labeled_extract(suite, &[], b"info_hash", info);
    let context = [&[0], psk_id_hash.expose(), info_hash.expose()].concat();
    (labeled_extract(suite, shared_secret.expose(), b"secret", &[]), context)
}

#[test]
fn sealing_follows_the_key_schedule() {
    let suite = ToySuite::default();
    let (secret, public) = suite.kem_derive_key_pair(&[1; 32]).unwrap();
    let info = Info::new(&suite, b"info");
    // The toy's Nsk is shorter than what its KEM wants to derive from: randomness of Nsk bytes is not enough for it.
    let refused = seal(&suite, &public, &info, b"aad", b"content", &mut SeededRng::new(1));
    assert_eq!(refused, Err(CryptoError::BadLength));

    let (shared_secret, kem_output) = suite.kem_encapsulate(&public, &[2; 32]).unwrap();
    let (schedule, context) = key_schedule(&suite, &shared_secret, b"info");
    let key = labeled_expand(&suite, &schedule, b"key", &context, 16);
    let nonce = labeled_expand(&suite, &schedule, b"base_nonce", &context, 12);
    let sealed = suite.aead_seal(&key, &nonce, b"aad", b"content").unwrap();
    assert_eq!(open(&suite, &secret, &info, &kem_output, b"aad", &sealed).unwrap().expose(), b"content");

    let exporter_secret = labeled_expand(&suite, &schedule, b"exp", &context, 32);
    let exported = labeled_expand(&suite, &exporter_secret, b"sec", b"context", 20);
    assert!(export_from(&suite, &secret, &info, &kem_output, b"context", 20).unwrap().ct_eq(&exported));
}

#[test]
fn exports_have_a_limit() {
    let suite = ToySuite::default();
    let (secret, public) = suite.kem_derive_key_pair(&[1; 32]).unwrap();
    let info = Info::new(&suite, &[]);
    let (_, kem_output) = suite.kem_encapsulate(&public, &[2; 32]).unwrap();
    let export = |length| export_from(&suite, &secret, &info, &kem_output, &[], length).map(|out| out.expose().len());
    assert_eq!(export(Secret::MAX_BYTES), Ok(Secret::MAX_BYTES));
    assert_eq!(export(Secret::MAX_BYTES + 1), Err(CryptoError::BadLength));
}

#[test]
fn a_generator_that_fails_stops_everything() {
    struct Broken;
    impl Rng for Broken {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), CryptoError> {
            Err(CryptoError::NoRandomness)
        }
    }
    let suite = ToySuite::default();
    let (_, public) = suite.kem_derive_key_pair(&[1; 32]).unwrap();
    let info = Info::new(&suite, &[]);
    assert_eq!(seal(&suite, &public, &info, &[], &[], &mut Broken), Err(CryptoError::NoRandomness));
    let exported = export_to(&suite, &public, &info, &[], 32, &mut Broken);
    assert_eq!(exported.map(|_| ()), Err(CryptoError::NoRandomness));
}
