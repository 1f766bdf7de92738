//! HPKE as composed by `cenacle-crypto` against the `hpke` crate, in both directions, for every suite: RFC 9180 has
//! vectors for four of them only.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use cenacle_crypto::{
    CryptoProvider, HpkePublicKey, HpkeSecretKey,
    conformance::SeededRng,
    hpke::{Info, export_from, export_to, open, seal},
};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable,
    aead::{Aead, AesGcm128, AesGcm256, ChaCha20Poly1305},
    kdf::{HkdfSha256, HkdfSha384, HkdfSha512, Kdf},
    kem::{DhP256HkdfSha256, DhP384HkdfSha384, DhP521HkdfSha512, Kem, X25519HkdfSha256},
    setup_receiver, setup_sender,
};

fn agree<A: Aead, D: Kdf, K: Kem>(cipher_suite: u16) {
    let provider = RustCryptoProvider;
    let suite = provider.suite(cenacle_crypto::CipherSuite(cipher_suite)).unwrap();
    let (info, aad, content, context) = (b"info", b"aad", b"content", b"context");
    let our_info = Info::new(&*suite, info);
    let ikm = [7; 66];
    let (their_secret, their_public) = K::derive_keypair(&ikm);
    let (secret, public) = suite.kem_derive_key_pair(&ikm).unwrap();
    assert_eq!(public.0.as_slice(), their_public.to_bytes().as_slice());

    // From us to them.
    let mut rng = SeededRng::new(1);
    let (kem_output, sealed) = seal(&*suite, &public, &our_info, aad, content, &mut rng).unwrap();
    let kem_output = K::EncappedKey::from_bytes(&kem_output).unwrap();
    let mut receiver = setup_receiver::<A, D, K>(&OpModeR::Base, &their_secret, &kem_output, info).unwrap();
    assert_eq!(receiver.open(&sealed, aad).unwrap(), content);
    let (kem_output, exported) = export_to(&*suite, &public, &our_info, context, 40, &mut rng).unwrap();
    let kem_output = K::EncappedKey::from_bytes(&kem_output).unwrap();
    let receiver = setup_receiver::<A, D, K>(&OpModeR::Base, &their_secret, &kem_output, info).unwrap();
    let mut theirs = [0; 40];
    receiver.export(context, &mut theirs).unwrap();
    assert_eq!(exported.expose(), theirs);

    // From them to us.
    let their_public = K::PublicKey::from_bytes(&public.0).unwrap();
    let (kem_output, mut sender) = setup_sender::<A, D, K>(&OpModeS::Base, &their_public, info).unwrap();
    let kem_output = kem_output.to_bytes();
    let sealed = sender.seal(content, aad).unwrap();
    assert_eq!(open(&*suite, &secret, &our_info, &kem_output, aad, &sealed).unwrap().expose(), content);
    sender.export(context, &mut theirs).unwrap();
    assert_eq!(export_from(&*suite, &secret, &our_info, &kem_output, context, 40).unwrap().expose(), theirs);

    // Keys that they made.
    let (their_secret, their_public) = K::gen_keypair();
    let secret = HpkeSecretKey(their_secret.to_bytes().as_slice().into());
    let public = HpkePublicKey(their_public.to_bytes().as_slice().into());
    assert_eq!(suite.kem_public_key(&secret).unwrap(), public);
}

#[test]
fn suite_1_agrees() {
    agree::<AesGcm128, HkdfSha256, X25519HkdfSha256>(1);
}

#[test]
fn suite_2_agrees() {
    agree::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(2);
}

#[test]
fn suite_3_agrees() {
    agree::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(3);
}

#[test]
fn suite_5_agrees() {
    agree::<AesGcm256, HkdfSha512, DhP521HkdfSha512>(5);
}

#[test]
fn suite_7_agrees() {
    agree::<AesGcm256, HkdfSha384, DhP384HkdfSha384>(7);
}
