//! The KEM: key derivation, encapsulation, RFC 7748 §6 inside it, and refusal of public and private keys that are none.
//! The curve is told by the KEM's identifier.

use alloc::{vec, vec::Vec};

use super::{flipped, hex, wrong_lengths};
use crate::{CryptoError, HpkePublicKey, HpkeSecretKey, Suite};

/// A Montgomery curve: private keys are byte strings, which its function clamps, rather than scalars below an order.
struct Montgomery {
    /// Two private keys, their public keys and what they agree on, from RFC 7748 §6.
    known: [&'static str; 5],
    /// Encodings of points whose order divides the cofactor.
    low_order: Vec<Vec<u8>>,
    /// Other encodings of points that have a canonical one: no keys, though an agreement takes them (RFC 7748 §5).
    second_names: Vec<Vec<u8>>,
    /// Encodings near those, and others that are not reduced.
    good: Vec<Vec<u8>>,
}

fn montgomery(suite: &dyn Suite) -> Option<Montgomery> {
    match suite.hpke_ids().kem {
        0x0020 => Some(x25519()),
        0x0021 => Some(x448()),
        _ => None,
    }
}

pub(super) fn check(suite: &dyn Suite) {
    round_trip(suite);
    derivation_wants_input(suite);
    bad_lengths_are_refused(suite);
    if let Some(curve) = montgomery(suite) {
        rfc_7748(suite, &curve);
        only_canonical_points_of_large_order_are_accepted(suite, &curve);
    } else {
        points_off_the_curve_are_refused(suite);
        bad_scalars_are_refused(suite);
        short_scalars_are_padded(suite);
    }
}

/// Randomness or a secret to derive keys from: `seed` as often as RFC 9180 asks for.
fn ikm(suite: &dyn Suite, seed: u8) -> Vec<u8> {
    vec![seed; suite.kem_secret_key_length()]
}

fn key_pair(suite: &dyn Suite, seed: u8) -> (HpkeSecretKey, HpkePublicKey) {
    suite.kem_derive_key_pair(&ikm(suite, seed)).unwrap()
}

fn round_trip(suite: &dyn Suite) {
    let (secret, public) = key_pair(suite, 1);
    assert_eq!(secret.0.expose().len(), suite.kem_secret_key_length());
    assert_eq!(suite.kem_public_key(&secret).unwrap(), public);
    assert_eq!(suite.kem_check_public_key(&public), Ok(()));
    let (shared, kem_output) = suite.kem_encapsulate(&public, &ikm(suite, 2)).unwrap();
    assert_eq!(kem_output, key_pair(suite, 2).1.0.as_slice(), "the ephemeral key comes of its input by DeriveKeyPair");
    assert_eq!(shared.expose().len(), suite.hash_length());
    assert!(suite.kem_decapsulate(&kem_output, &secret).unwrap().ct_eq(&shared));
    let (other, _) = key_pair(suite, 3);
    assert!(!suite.kem_decapsulate(&kem_output, &other).unwrap().ct_eq(&shared));
}

fn derivation_wants_input(suite: &dyn Suite) {
    let secret = vec![4; suite.hash_length()];
    assert!(suite.kem_derive_key_pair(&secret).is_ok(), "a secret of the key schedule is enough");
    let ikm = vec![4; suite.hash_length().min(suite.kem_secret_key_length())];
    assert!(suite.kem_derive_key_pair(&ikm).is_ok(), "and so are as many bytes as a key has");
    assert_eq!(suite.kem_derive_key_pair(&ikm[1..]).map(|_| ()), Err(CryptoError::BadLength));
    let (_, public) = key_pair(suite, 1);
    assert_eq!(suite.kem_encapsulate(&public, &ikm[1..]).map(|_| ()), Err(CryptoError::BadLength));
}

fn assert_bad_public(suite: &dyn Suite, bytes: &[u8]) {
    let public = HpkePublicKey(bytes.into());
    let (secret, _) = key_pair(suite, 1);
    let bad = Err(CryptoError::BadPublicKey);
    assert_eq!(suite.kem_check_public_key(&public), bad, "{public:?}");
    assert_eq!(suite.kem_encapsulate(&public, &ikm(suite, 2)).map(|_| ()), bad, "{public:?}");
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
    if montgomery(suite).is_some() {
        assert_bad_secret(suite, short);
    }
}

fn x25519() -> Montgomery {
    let ends = |low: u8, middle: u8, high: u8| {
        let mut point = vec![middle; 32];
        (point[0], point[31]) = (low, high);
        point
    };
    let points = [
        ends(0, 0, 0),
        ends(1, 0, 0),
        ends(0xec, 0xff, 0x7f),
        ends(0xed, 0xff, 0x7f),
        ends(0xee, 0xff, 0x7f),
        hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ];
    // The topmost bit does not count in an agreement.
    let low_order = points.into_iter().flat_map(|point| {
        let mut marked = point.clone();
        marked[31] |= 0x80;
        [point, marked]
    });
    Montgomery {
        known: [
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
        ],
        low_order: low_order.collect(),
        second_names: vec![ends(9, 0, 0x80), ends(0xef, 0xff, 0x7f)],
        good: vec![ends(2, 0, 0), ends(0xeb, 0xff, 0x7f), ends(9, 0, 0)],
    }
}

fn x448() -> Montgomery {
    let small = |low: u8| [&[low], [0; 55].as_slice()].concat();
    // 2^448 - 2^224 and a little more, and the prime, which is one less, and a little less.
    let beyond = |low: u8| [&[low], [0; 27].as_slice(), &[0xff; 28]].concat();
    let below = |low: u8| [&[low], [0xff; 27].as_slice(), &[0xfe], &[0xff; 27]].concat();
    Montgomery {
        known: [
            "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d\
                9ac2d8c0a598726b",
            "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53\
                177f80e532c41fa0",
            "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0\
                366f10b65173992d",
            "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae\
                07bdc1c67bf33609",
            "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a\
                449a5037514a879d",
        ],
        low_order: vec![small(0), small(1), below(0xfe), below(0xff), beyond(0)],
        second_names: vec![beyond(1), beyond(4), vec![0xff; 56]],
        good: vec![small(2), small(5), below(0xfd)],
    }
}

/// What the two of RFC 7748 §6 agree on, seen through ExtractAndExpand (RFC 9180 §4.1), spelled out.
fn rfc_7748(suite: &dyn Suite, curve: &Montgomery) {
    let [alice, alice_public, bob, bob_public, shared] = curve.known.map(hex);
    let [high, low] = suite.hpke_ids().kem.to_be_bytes();
    let prk = suite.extract(&[], &[b"HPKE-v1", b"KEM", &[high, low], b"eae_prk", &shared]);
    let length = u16::try_from(suite.hash_length()).unwrap().to_be_bytes();
    for (own, own_public, other) in [(alice, &alice_public, &bob_public), (bob, &bob_public, &alice_public)] {
        let own = HpkeSecretKey(own.into());
        assert_eq!(suite.kem_public_key(&own).unwrap().0.as_slice(), own_public);
        let mut expected = vec![0; suite.hash_length()];
        let info = [&length[..], b"HPKE-v1", b"KEM", &[high, low], b"shared_secret", other, own_public];
        suite.expand(prk.expose(), &info, &mut expected).unwrap();
        assert_eq!(suite.kem_decapsulate(other, &own).unwrap().expose(), expected);
    }
}

fn only_canonical_points_of_large_order_are_accepted(suite: &dyn Suite, curve: &Montgomery) {
    curve.low_order.iter().for_each(|point| assert_bad_public(suite, point));
    for second in &curve.second_names {
        let public = HpkePublicKey(second.as_slice().into());
        assert_eq!(suite.kem_check_public_key(&public), Err(CryptoError::BadPublicKey), "{public:?}");
    }
    for good in &curve.good {
        let public = HpkePublicKey(good.as_slice().into());
        assert_eq!(suite.kem_check_public_key(&public), Ok(()), "{public:?}");
        assert!(suite.kem_encapsulate(&public, &ikm(suite, 2)).is_ok(), "{public:?}");
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
    let mut full = vec![0; suite.kem_secret_key_length()];
    full.splice(suite.kem_secret_key_length() - 2.., [3, 0]);
    let (full, short) = (HpkeSecretKey(full.into()), HpkeSecretKey(vec![3, 0].into()));
    let public = suite.kem_public_key(&full).unwrap();
    assert_eq!(suite.kem_public_key(&short).unwrap(), public);
    let (shared, kem_output) = suite.kem_encapsulate(&public, &ikm(suite, 2)).unwrap();
    assert!(suite.kem_decapsulate(&kem_output, &short).unwrap().ct_eq(&shared));
}

/// Public keys on whose value libraries may differ although all accept them: not reduced, or marked where it does not
/// count.
pub(super) fn edge_cases(suite: &dyn Suite) -> Vec<HpkePublicKey> {
    let good = montgomery(suite).map(|curve| curve.good).unwrap_or_default();
    good.into_iter().map(|point| HpkePublicKey(point.into())).collect()
}
