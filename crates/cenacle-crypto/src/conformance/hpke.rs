//! HPKE over the suite: the vectors of RFC 9180 where it has them, round trips, and refusal of every changed bit.

use alloc::vec;

use super::{
    FixedRng, SeededRng, flipped, hex,
    vectors::{AAD, EXPORTER_CONTEXTS, HPKE, HpkeVector, INFO, PLAINTEXT},
};
use crate::{
    CryptoError, HpkePublicKey, HpkeSecretKey, Secret, Suite,
    hpke::{Info, export_from, export_to, open, seal},
};

pub(super) fn check(suite: &dyn Suite) {
    HPKE.iter().filter(|vector| vector.suite == suite.cipher_suite().0).for_each(|vector| known_answer(suite, vector));
    round_trip(suite);
    changes_are_refused(suite);
    exports(suite);
    randomness_may_fail(suite);
}

fn known_answer(suite: &dyn Suite, vector: &HpkeVector) {
    let (secret, public) = suite.kem_derive_key_pair(&hex(vector.recipient_ikm)).unwrap();
    assert_eq!(secret.0.expose(), hex(vector.recipient_secret));
    assert_eq!(public.0.as_slice(), hex(vector.recipient_public));
    let ikm = hex(vector.ephemeral_ikm);
    let (shared, kem_output) = suite.kem_encapsulate(&public, &ikm).unwrap();
    assert_eq!(shared.expose(), hex(vector.shared_secret));
    assert_eq!(kem_output, hex(vector.kem_output));

    let info = Info::new(suite, &hex(INFO));
    let (kem_output, sealed) = seal(suite, &public, &info, &hex(AAD), &hex(PLAINTEXT), &mut FixedRng(&ikm)).unwrap();
    assert_eq!((kem_output.as_slice(), sealed), (hex(vector.kem_output).as_slice(), hex(vector.ciphertext)));
    let opened = open(suite, &secret, &info, &kem_output, &hex(AAD), &hex(vector.ciphertext)).unwrap();
    assert_eq!(opened.expose(), hex(PLAINTEXT));
    for (context, expected) in EXPORTER_CONTEXTS.into_iter().zip(vector.exported) {
        let (context, expected) = (hex(context), hex(expected));
        let (_, sent) = export_to(suite, &public, &info, &context, 32, &mut FixedRng(&ikm)).unwrap();
        assert_eq!(sent.expose(), expected);
        assert_eq!(export_from(suite, &secret, &info, &kem_output, &context, 32).unwrap().expose(), expected);
    }
}

fn key_pair(suite: &dyn Suite) -> (HpkeSecretKey, HpkePublicKey) {
    suite.kem_derive_key_pair(&vec![1; suite.kem_secret_key_length()]).unwrap()
}

fn round_trip(suite: &dyn Suite) {
    let (secret, public) = key_pair(suite);
    let info = Info::new(suite, b"info");
    let mut rng = SeededRng::new(1);
    for length in [0, 1, 64, 1000] {
        let plaintext = vec![0x5a; length];
        let (kem_output, sealed) = seal(suite, &public, &info, b"aad", &plaintext, &mut rng).unwrap();
        assert_eq!(open(suite, &secret, &info, &kem_output, b"aad", &sealed).unwrap().expose(), plaintext);
    }
    let sealed = || seal(suite, &public, &info, b"aad", b"same", &mut SeededRng::new(2)).unwrap();
    assert_eq!(sealed(), sealed(), "randomness is the only input that is not an argument");
}

fn changes_are_refused(suite: &dyn Suite) {
    let (secret, public) = key_pair(suite);
    let info = Info::new(suite, b"info");
    let (kem_output, sealed) = seal(suite, &public, &info, b"aad", b"content", &mut SeededRng::new(3)).unwrap();
    let opened = |info: &Info, kem_output: &[u8], aad: &[u8], sealed: &[u8]| {
        open(suite, &secret, info, kem_output, aad, sealed).map(|_| ())
    };
    assert_eq!(opened(&info, &kem_output, b"aad", &sealed), Ok(()));
    let refused = Err(CryptoError::OpenFailed);
    assert_eq!(opened(&Info::new(suite, b"inf0"), &kem_output, b"aad", &sealed), refused);
    assert_eq!(opened(&info, &kem_output, b"aaf", &sealed), refused);
    flipped(&sealed).for_each(|sealed| assert_eq!(opened(&info, &kem_output, b"aad", &sealed), refused));
    (0..sealed.len()).for_each(|length| assert_eq!(opened(&info, &kem_output, b"aad", &sealed[..length]), refused));
    for kem_output in flipped(&kem_output) {
        let error = opened(&info, &kem_output, b"aad", &sealed).unwrap_err();
        assert!(matches!(error, CryptoError::OpenFailed | CryptoError::BadPublicKey), "{error:?}");
    }
}

fn exports(suite: &dyn Suite) {
    let (secret, public) = key_pair(suite);
    let info = Info::new(suite, b"info");
    let mut rng = SeededRng::new(4);
    for length in [0, 1, suite.hash_length(), Secret::MAX_BYTES] {
        let (kem_output, sent) = export_to(suite, &public, &info, b"context", length, &mut rng).unwrap();
        assert_eq!(sent.expose().len(), length);
        let received = export_from(suite, &secret, &info, &kem_output, b"context", length).unwrap();
        assert!(received.ct_eq(&sent));
        if length > 1 {
            let other = export_from(suite, &secret, &info, &kem_output, b"other context", length).unwrap();
            assert!(!other.ct_eq(&sent));
        }
    }
    let too_long = export_to(suite, &public, &info, &[], Secret::MAX_BYTES + 1, &mut rng);
    assert_eq!(too_long.map(|_| ()), Err(CryptoError::BadLength));
}

fn randomness_may_fail(suite: &dyn Suite) {
    let (_, public) = key_pair(suite);
    let info = Info::new(suite, &[]);
    let short = vec![1; suite.kem_secret_key_length() - 1];
    let sealed = seal(suite, &public, &info, &[], &[], &mut FixedRng(&short));
    assert_eq!(sealed, Err(CryptoError::NoRandomness));
}
