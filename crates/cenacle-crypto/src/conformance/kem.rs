//! The KEM: key derivation, encapsulation, and refusal of public and private keys that are none.

use alloc::{vec, vec::Vec};

use super::{flipped, is_25519, wrong_lengths};
use crate::{CryptoError, HpkePublicKey, HpkeSecretKey, Suite};

pub(super) fn check(suite: &dyn Suite) {
    round_trip(suite);
    derivation_wants_input(suite);
    bad_lengths_are_refused(suite);
    if is_25519(suite) {
        low_order_points_are_refused(suite);
    } else {
        points_off_the_curve_are_refused(suite);
        bad_scalars_are_refused(suite);
        short_scalars_are_padded(suite);
    }
}

fn key_pair(suite: &dyn Suite, seed: u8) -> (HpkeSecretKey, HpkePublicKey) {
    suite.kem_derive_key_pair(&vec![seed; suite.kem_secret_key_length()]).unwrap()
}

fn round_trip(suite: &dyn Suite) {
    let (secret, public) = key_pair(suite, 1);
    assert_eq!(secret.0.expose().len(), suite.kem_secret_key_length());
    assert_eq!(suite.kem_public_key(&secret).unwrap(), public);
    assert_eq!(suite.kem_check_public_key(&public), Ok(()));
    let (shared, kem_output) = suite.kem_encapsulate(&public, &vec![2; suite.kem_secret_key_length()]).unwrap();
    assert_eq!(kem_output, key_pair(suite, 2).1.0.as_slice(), "the ephemeral key comes of its input by DeriveKeyPair");
    assert_eq!(shared.expose().len(), suite.hash_length());
    assert!(suite.kem_decapsulate(&kem_output, &secret).unwrap().ct_eq(&shared));
    let (other, _) = key_pair(suite, 3);
    assert!(!suite.kem_decapsulate(&kem_output, &other).unwrap().ct_eq(&shared));
}

fn derivation_wants_input(suite: &dyn Suite) {
    let ikm = vec![4; suite.hash_length()];
    assert!(suite.kem_derive_key_pair(&ikm).is_ok(), "a secret of the key schedule is enough");
    assert_eq!(suite.kem_derive_key_pair(&ikm[1..]).map(|_| ()), Err(CryptoError::BadLength));
    let (_, public) = key_pair(suite, 1);
    assert_eq!(suite.kem_encapsulate(&public, &ikm[1..]).map(|_| ()), Err(CryptoError::BadLength));
}

fn assert_bad_public(suite: &dyn Suite, bytes: &[u8]) {
    let public = HpkePublicKey(bytes.into());
    let (secret, _) = key_pair(suite, 1);
    let ikm = vec![2; suite.kem_secret_key_length()];
    let bad = Err(CryptoError::BadPublicKey);
    assert_eq!(suite.kem_check_public_key(&public), bad, "{public:?}");
    assert_eq!(suite.kem_encapsulate(&public, &ikm).map(|_| ()), bad, "{public:?}");
    assert_eq!(suite.kem_decapsulate(bytes, &secret).map(|_| ()), bad, "{public:?}");
}

fn assert_bad_secret(suite: &dyn Suite, bytes: Vec<u8>) {
    let (_, public) = key_pair(suite, 1);
    let secret = HpkeSecretKey(bytes.into());
    assert_eq!(suite.kem_public_key(&secret), Err(CryptoError::BadSecretKey));
    assert_eq!(suite.kem_decapsulate(&public.0, &secret).map(|_| ()), Err(CryptoError::BadSecretKey));
}

fn bad_lengths_are_refused(suite: &dyn Suite) {
    let (secret, public) = key_pair(suite, 1);
    wrong_lengths(&public.0).iter().for_each(|public| assert_bad_public(suite, public));
    let [short, long, empty] = wrong_lengths(secret.0.expose());
    assert_bad_secret(suite, long);
    assert_bad_secret(suite, empty);
    if is_25519(suite) {
        assert_bad_secret(suite, short);
    }
}

fn low_order_points_are_refused(suite: &dyn Suite) {
    let ends = |low: u8, middle: u8, high: u8| {
        let mut point = [middle; 32];
        (point[0], point[31]) = (low, high);
        point
    };
    let eighth = |text: &str| <[u8; 32]>::try_from(super::hex(text)).unwrap();
    let points = [
        ends(0, 0, 0),
        ends(1, 0, 0),
        ends(0xec, 0xff, 0x7f),
        ends(0xed, 0xff, 0x7f),
        ends(0xee, 0xff, 0x7f),
        eighth("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        eighth("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ];
    for mut point in points {
        assert_bad_public(suite, &point);
        point[31] |= 0x80;
        assert_bad_public(suite, &point);
    }
    for good in [ends(2, 0, 0), ends(0xeb, 0xff, 0x7f), ends(9, 0, 0x80), ends(0xef, 0xff, 0x7f)] {
        let public = HpkePublicKey((&good).into());
        assert_eq!(suite.kem_check_public_key(&public), Ok(()), "{public:?}");
        assert!(suite.kem_encapsulate(&public, &[2; 32]).is_ok(), "{public:?}");
    }
}

fn points_off_the_curve_are_refused(suite: &dyn Suite) {
    let (_, public) = key_pair(suite, 1);
    let coordinates = &public.0[1..];
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    let parity = y.last().unwrap() & 1;
    assert_bad_public(suite, &[&[2 + parity], x].concat());
    assert_bad_public(suite, &[&[6 + parity], x, y].concat());
    assert_bad_public(suite, &[0]);
    assert_bad_public(suite, &vec![0; public.0.len()]);
    assert_bad_public(suite, &[&[4], vec![0xff; coordinates.len()].as_slice()].concat());
    for changed in flipped(&public.0) {
        let changed = HpkePublicKey(changed.into());
        assert_eq!(suite.kem_check_public_key(&changed), Err(CryptoError::BadPublicKey), "{changed:?}");
    }
    assert_bad_public(suite, &[&[4], y, x].concat());
}

fn bad_scalars_are_refused(suite: &dyn Suite) {
    let length = suite.kem_secret_key_length();
    assert_bad_secret(suite, vec![0]);
    assert_bad_secret(suite, vec![0; length]);
    assert_bad_secret(suite, vec![0xff; length]);
}

fn short_scalars_are_padded(suite: &dyn Suite) {
    let (full, short) = (
        {
            let mut bytes = vec![0; suite.kem_secret_key_length()];
            bytes[suite.kem_secret_key_length() - 2] = 3;
            bytes
        },
        vec![3, 0],
    );
    let (full, short) = (HpkeSecretKey(full.into()), HpkeSecretKey(short.into()));
    let public = suite.kem_public_key(&full).unwrap();
    assert_eq!(suite.kem_public_key(&short).unwrap(), public);
    let (shared, kem_output) = suite.kem_encapsulate(&public, &vec![2; suite.kem_secret_key_length()]).unwrap();
    assert!(suite.kem_decapsulate(&kem_output, &short).unwrap().ct_eq(&shared));
}
