//! EdDSA where libraries are known to differ: points of small order, encodings that are not canonical, scalars beyond the
//! order, and equations that hold only up to the cofactor. Ed25519 and Ed448 have one rule each, and all providers the
//! same.

use alloc::{vec, vec::Vec};

use super::{SeededRng, hex};
use crate::{CryptoError, Signature, SignaturePublicKey, Suite};

type Case = (SignaturePublicKey, Vec<u8>, Signature);

/// What is particular about one of the two Edwards curves.
pub(super) struct Edwards {
    /// Bytes of a key, of a seed, and of each half of a signature.
    bytes: usize,
    /// The order of the base point, little-endian.
    order: Vec<u8>,
    /// Points of small order, in canonical form: under them anyone can sign.
    pub(super) small: Vec<Vec<u8>>,
    /// What the rule does not accept as a point's encoding, though a library may.
    pub(super) refused: Vec<Vec<u8>>,
    /// An encoding in canonical form that is no point.
    pub(super) off_curve: Vec<u8>,
    rule: fn(&dyn Suite, &Edwards),
}

/// The curve of the suite's EdDSA, told by the length of its public keys; `None` for ECDSA.
pub(super) fn edwards(suite: &dyn Suite) -> Option<Edwards> {
    let (_, public) = suite.signature_key_pair(&mut SeededRng::new(0)).unwrap();
    match public.0.len() {
        32 => Some(ed25519()),
        57 => Some(ed448()),
        _ => None,
    }
}

/// `bytes` bytes, `middle` but for the first and the last.
fn ends(bytes: usize, low: u8, middle: u8, high: u8) -> Vec<u8> {
    let mut point = vec![middle; bytes];
    (point[0], point[bytes - 1]) = (low, high);
    point
}

fn ed25519() -> Edwards {
    let ends = |low, middle, high| ends(32, low, middle, high);
    Edwards {
        bytes: 32,
        order: hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"),
        // The identity, and points of order two, four and eight.
        small: vec![
            ends(1, 0, 0),
            ends(0xec, 0xff, 0x7f),
            ends(0, 0, 0),
            ends(0, 0, 0x80),
            hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
            hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
            hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
            hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
        ],
        // The identity and the point of order two with the sign of their zero set; y = p and y = p + 1, with either sign.
        refused: vec![
            ends(1, 0, 0x80),
            ends(0xec, 0xff, 0xff),
            ends(0xed, 0xff, 0x7f),
            ends(0xed, 0xff, 0xff),
            ends(0xee, 0xff, 0x7f),
            ends(0xee, 0xff, 0xff),
        ],
        // (y² - 1) / (d y² + 1) has no square root for y = 2.
        off_curve: ends(2, 0, 0),
        rule: ed25519_rule,
    }
}

/// 2^448 - 2^224 + `offset`, which is the prime for -1.
fn near_prime(offset: i8) -> Vec<u8> {
    let (fill, middle) = if offset < 0 { (0xff, 0xfe) } else { (0, 0xff) };
    let mut y = [[fill; 28], [0xff; 28]].concat();
    (y[0], y[28]) = (offset.to_le_bytes()[0], middle);
    y
}

fn ed448() -> Edwards {
    let ends = |low, high| ends(57, low, 0, high);
    let both_signs = |y: Vec<u8>| [[&y[..56], &[0]].concat(), [&y[..56], &[0x80]].concat()];
    let refused = [ends(1, 0), near_prime(-2), near_prime(-1), near_prime(0), near_prime(1), vec![0xff; 56]];
    let unused_bits = (0..7).map(|bit| ends(3, 1 << bit));
    Edwards {
        bytes: 57,
        order: hex("f34458ab92c27823558fc58d72c26c219036d6ae49db4ec4e923ca7cffffffffffffffffffffffffffffffff\
            ffffffffffffffffffffff3f00"),
        // The two points of order four.
        small: vec![ends(0, 0), ends(0, 0x80)],
        // y one and minus one, where OpenSSL decodes nothing; y of p and more; bits between y and the sign.
        refused: refused.into_iter().flat_map(both_signs).chain(unused_bits).collect(),
        // (1 - y²) / (1 - d y²) has no square root for y = 2.
        off_curve: ends(2, 0),
        rule: ed448_rule,
    }
}

pub(super) fn check(suite: &dyn Suite, curve: &Edwards) {
    (curve.rule)(suite, curve);
    let (secret, public) = suite.signature_key_pair(&mut SeededRng::new(9)).unwrap();
    let signature = suite.signer(&secret).unwrap().sign(b"message").unwrap();
    let (r, s) = signature.0.split_at(curve.bytes);
    let mut carry = 0;
    let more: Vec<u8> = (s.iter().zip(&curve.order))
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(*b) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        })
        .collect();
    let malleated = Signature([r, &more].concat().into());
    assert_eq!(suite.verify(&public, b"message", &malleated), Err(CryptoError::BadSignature), "S + order");
    for bad in &curve.refused {
        let verified = verify(suite, &public.0, b"any", [bad, &vec![0; curve.bytes]]);
        assert_eq!(verified, Err(CryptoError::BadSignature), "R {bad:02x?}");
    }
    // Under a key of small order the equation holds, always or now and then.
    for (small, r) in curve.small.iter().flat_map(|small| curve.small.iter().map(move |r| (small, r))) {
        for message in [&b""[..], b"any", b"other"] {
            assert!(verify(suite, small, message, [r, &vec![0; curve.bytes]]).is_err(), "key {small:02x?}");
        }
    }
}

fn verify(suite: &dyn Suite, public: &[u8], message: &[u8], [r, s]: [&[u8]; 2]) -> Result<(), CryptoError> {
    suite.verify(&SignaturePublicKey(public.into()), message, &Signature([r, s].concat().into()))
}

/// The key of RFC 8032 §7.1, "TEST 2", with a point of order eight added, computed from the definition of the curve; a
/// signature over a byte 2, for which `k` is a multiple of eight, and one over a byte 0, for which it is not.
const TORSION: [&str; 3] = [
    "0169d3c02f3edd121cafbe1dfd45c4cf4aac216a79e36e6326419f2a654d2d46",
    "a2a952127e34cf7cf7047609f51dd3a7e7765f252e16cd75ccd88fd7ffcd4ad9\
        451472bce097ae8626b68f9669ec6965e8f1ff22d3503ea50131329873545309",
    "1df67d4716537612e31fdd5dce09479e8b954b9f2f8cf16e76179337a9f09f91\
        023780859e0907b0ac2ce6032c5cf2b74dcca0e2dad3447ee2b5ed174fb4ce0f",
];

/// `[S]B = R + [k]A` without multiplying by the cofactor, `S` below the order, no encoding but the canonical one.
fn ed25519_rule(suite: &dyn Suite, _: &Edwards) {
    let [public, good, bad] = TORSION.map(hex);
    let verified = |message: u8, signature: &[u8]| verify(suite, &public, &[message], signature.split_at(32).into());
    assert_eq!(verified(2, &good), Ok(()));
    assert_eq!(verified(0, &good), Err(CryptoError::BadSignature));
    assert_eq!(verified(0, &bad), Err(CryptoError::BadSignature), "equal but for the cofactor");
}

/// Signatures over one byte 3 with the key of RFC 8032 §7.4, "1 octet", computed from the definition of the curve: a point
/// of order four is added to `A`; to `R`; one of order four to `A` and one of order two to `R`.
const COFACTORED: [(&str, &str); 3] = [
    (
        "a817f1c54d59522c462502f00d438b2458a488d90d429646394d15877f9f6f3dcc73dacc5b540e1debf5fdb7fd3097e0\
            eb00c4c24a26002d80",
        "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633\
            fc1bf037ab7cd77980\
            42a1d43ee0c6a6ec6a89881be4a985149e95952b25431c542f5cefac505250ba324f502ab1789e490b614a699606bc7c\
            6a89d2d33ab9893b00",
    ),
    (
        "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c\
            235160627b4c3a9480",
        "08f5f7b6998f3d333aec6163ccb4e13f79199ca67b2098da347e7ae9c0a68b210ca3b861d9f9a788737f93bcf95b76c8\
            6180936bd5d530e700\
            030356e1c00ff614b991e0996588deb528e54a2586f914c01989e3e05b2dbe8aad9ed5ae50b9224627e122c9615273e9\
            e3aafca62b2c230600",
    ),
    (
        "a817f1c54d59522c462502f00d438b2458a488d90d429646394d15877f9f6f3dcc73dacc5b540e1debf5fdb7fd3097e0\
            eb00c4c24a26002d80",
        "d94706e8d8429d76850ea1be14bc3c88104639ef2b70dcca34f42ff786ef0bcadabe4ebc3b467e481e709d21733209cc\
            03e40fc85483288600\
            2a59396602380da76d44a5f7adb08bf28d0e0ab4917d5385e9ea1830cd33da44cdd412d00f639847c008010731745ca0\
            50bbb6cda67f8e1f00",
    ),
];

/// `[4][S]B = [4]R + [4][k]A`, `S` below the order, `A` and `R` canonical and with x other than zero.
fn ed448_rule(suite: &dyn Suite, _: &Edwards) {
    let verified = |public: &[u8], message: &[u8], r: &[u8], s: &[u8]| verify(suite, public, message, [r, s]);
    for (public, signature) in COFACTORED {
        let (public, signature) = (hex(public), hex(signature));
        let (r, s) = signature.split_at(57);
        assert_eq!(verified(&public, &[3], r, s), Ok(()), "equal but for the cofactor");
        assert_eq!(verified(&public, &[4], r, s), Err(CryptoError::BadSignature));
    }
}

/// Keys, messages and signatures on which libraries are known to differ.
pub(super) fn edge_cases(curve: &Edwards) -> Vec<Case> {
    let points = [curve.small.as_slice(), &curve.refused].concat();
    let zero = vec![0; curve.bytes];
    let mut cases = Vec::new();
    for (public, r) in points.iter().flat_map(|public| points.iter().map(move |r| (public, r))) {
        for (s, message) in [(&zero, 0), (&zero, 1), (&zero, 2), (&curve.order, 0)] {
            let signature = Signature([r.as_slice(), s].concat().into());
            cases.push((SignaturePublicKey(public.as_slice().into()), vec![message], signature));
        }
    }
    cases
}
