//! Signatures: RFC 8032 §7.1 and RFC 6979, Appendix A.2; refusal of every changed bit, of keys that are none, and of
//! crafted signatures on which libraries are known to differ.

use alloc::{format, vec, vec::Vec};

use super::{FixedRng, SeededRng, flipped, hex, is_25519, wrong_lengths};
use crate::{CryptoError, Signature, SignaturePublicKey, SignatureSecretKey, Suite};

struct Known {
    suites: &'static [u16],
    secret: &'static str,
    public: &'static str,
    message: &'static [u8],
    signature: &'static str,
}

const KNOWN: [Known; 4] = [
    // RFC 8032 §7.1, test 2.
    Known {
        suites: &[1, 3],
        secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        public: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        message: &[0x72],
        signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613\
            d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    },
    // RFC 6979, Appendix A.2.5, A.2.7 and A.2.6: the suite's hash, message "sample", the signature in DER.
    Known {
        suites: &[2],
        secret: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        public: "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9\
            e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        message: b"sample",
        signature: "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716022100f7cb1c94\
            2d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    },
    Known {
        suites: &[5],
        secret: "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836\
            a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
        public: "0401894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370\
            a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a400493101c962cd4d2fddf782285e64584139c2f91b\
            47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfc\
            f5",
        message: b"sample",
        signature: "308187024200c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017\
            b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa0241617cce7cf5064806c467f678d3b408\
            0d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1e\
            e0e44da4a67a",
    },
    Known {
        suites: &[7],
        secret: "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
        public: "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254\
            515480bc138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4\
            fe7344fd2533264720",
        message: b"sample",
        signature: "306602310094edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44ac\
            f96e36dd1e80fabe4602310099ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f\
            a329c145786e679e7b82c71a38628ac8",
    },
];

pub(super) fn check(suite: &dyn Suite) {
    known_answer(suite);
    round_trip(suite);
    changes_are_refused(suite);
    bad_public_keys_are_refused(suite);
    bad_secret_keys_are_refused(suite);
    if is_25519(suite) {
        ed25519_rule(suite);
    } else {
        ecdsa_encoding_is_strict(suite);
        short_scalars_are_padded(suite);
    }
}

fn known_answer(suite: &dyn Suite) {
    let known = KNOWN.into_iter().find(|known| known.suites.contains(&suite.cipher_suite().0)).unwrap();
    let signer = suite.signer(&SignatureSecretKey(hex(known.secret).into())).unwrap();
    let (public, signature) = (SignaturePublicKey(hex(known.public).into()), Signature(hex(known.signature).into()));
    assert_eq!(signer.public_key(), &public);
    assert_eq!(suite.verify(&public, known.message, &signature), Ok(()));
    let signed = signer.sign(known.message).unwrap();
    assert_eq!(suite.verify(&public, known.message, &signed), Ok(()));
    if is_25519(suite) {
        assert_eq!(signed, signature, "EdDSA is deterministic");
    }
}

fn round_trip(suite: &dyn Suite) {
    let mut rng = SeededRng::new(5);
    let (secret, public) = suite.signature_key_pair(&mut rng).unwrap();
    let (_, other) = suite.signature_key_pair(&mut rng).unwrap();
    assert_ne!(public, other);
    let signer = suite.signer(&secret).unwrap();
    assert_eq!(signer.public_key(), &public);
    let printed = format!("{signer:?}");
    let digits = format!("{:?}", &secret.0.expose()[8..16]);
    assert!(!printed.contains(digits.trim_matches(['[', ']'])), "a signer does not print its secret");
    assert!(!printed.to_lowercase().contains(&::hex::encode(&secret.0.expose()[8..16])));
    for message in [&b""[..], b"x", &[0x5a; 1000]] {
        let signature = signer.sign(message).unwrap();
        assert_eq!(suite.verify(&public, message, &signature), Ok(()));
        assert_eq!(suite.verify(&other, message, &signature), Err(CryptoError::BadSignature));
    }
    let failed = suite.signature_key_pair(&mut FixedRng(&[1; 31]));
    assert_eq!(failed.map(|_| ()), Err(CryptoError::NoRandomness));
}

fn changes_are_refused(suite: &dyn Suite) {
    let (secret, public) = suite.signature_key_pair(&mut SeededRng::new(6)).unwrap();
    let signature = suite.signer(&secret).unwrap().sign(b"message").unwrap();
    let verified = |public: &[u8], message: &[u8], signature: &[u8]| {
        suite.verify(&SignaturePublicKey(public.into()), message, &Signature(signature.into()))
    };
    let refused = Err(CryptoError::BadSignature);
    assert_eq!(verified(&public.0, b"message", &signature.0), Ok(()));
    flipped(b"message").for_each(|message| assert_eq!(verified(&public.0, &message, &signature.0), refused));
    flipped(&signature.0).for_each(|signature| assert_eq!(verified(&public.0, b"message", &signature), refused));
    wrong_lengths(&signature.0)
        .iter()
        .for_each(|signature| assert_eq!(verified(&public.0, b"message", signature), refused));
    for public in flipped(&public.0) {
        assert!(verified(&public, b"message", &signature.0).is_err());
    }
}

fn bad_public_keys_are_refused(suite: &dyn Suite) {
    let (secret, public) = suite.signature_key_pair(&mut SeededRng::new(7)).unwrap();
    let signature = suite.signer(&secret).unwrap().sign(b"message").unwrap();
    assert_eq!(suite.check_signature_key(&public), Ok(()));
    let mut bad: Vec<Vec<u8>> = wrong_lengths(&public.0).into();
    if is_25519(suite) {
        bad.extend(non_canonical_points().map(Vec::from));
        // (y² - 1) / (d y² + 1) has no square root for y = 2.
        let off_curve = SignaturePublicKey((&ends(2, 0, 0)).into());
        assert_eq!(suite.check_signature_key(&off_curve), Err(CryptoError::BadPublicKey));
        assert!(suite.verify(&off_curve, b"message", &signature).is_err());
    } else {
        let (x, y) = public.0[1..].split_at(public.0.len() / 2);
        let parity = y.last().unwrap() & 1;
        bad.push([&[2 + parity], x].concat());
        bad.push([&[6 + parity], x, y].concat());
        bad.push([&[4], y, x].concat());
        bad.push(vec![0]);
        bad.extend(flipped(&public.0));
    }
    for key in bad {
        let key = SignaturePublicKey(key.into());
        assert_eq!(suite.check_signature_key(&key), Err(CryptoError::BadPublicKey), "{key:?}");
        assert_eq!(suite.verify(&key, b"message", &signature), Err(CryptoError::BadPublicKey), "{key:?}");
    }
}

fn bad_secret_keys_are_refused(suite: &dyn Suite) {
    let (secret, _) = suite.signature_key_pair(&mut SeededRng::new(8)).unwrap();
    let length = secret.0.expose().len();
    let [short, long, empty] = wrong_lengths(secret.0.expose());
    let bad = if is_25519(suite) {
        vec![short, long, empty]
    } else {
        vec![long, empty, vec![0], vec![0; length], vec![0xff; length]]
    };
    for secret in bad {
        let refused = suite.signer(&SignatureSecretKey(secret.into()));
        assert_eq!(refused.map(|_| ()).unwrap_err(), CryptoError::BadSecretKey);
    }
}

fn short_scalars_are_padded(suite: &dyn Suite) {
    let mut full = vec![0; suite.kem_secret_key_length()];
    full.splice(suite.kem_secret_key_length() - 2.., [3, 0]);
    let signers = [full, vec![3, 0]].map(|scalar| suite.signer(&SignatureSecretKey(scalar.into())).unwrap());
    assert_eq!(signers[0].public_key(), signers[1].public_key());
    let signature = signers[1].sign(b"message").unwrap();
    assert_eq!(suite.verify(signers[0].public_key(), b"message", &signature), Ok(()));
}

/// 32 bytes: `low`, thirty times `middle`, `high`.
fn ends(low: u8, middle: u8, high: u8) -> [u8; 32] {
    let mut point = [middle; 32];
    (point[0], point[31]) = (low, high);
    point
}

/// Edwards points of small order in canonical form: the identity, and those of order two, four and eight.
fn small_order_points() -> [[u8; 32]; 4] {
    let eighth = hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
    [ends(1, 0, 0), ends(0xec, 0xff, 0x7f), ends(0, 0, 0), eighth.try_into().unwrap()]
}

/// The identity and the point of order two with the sign of their zero set; y = p and y = p + 1, with either sign.
fn non_canonical_points() -> [[u8; 32]; 6] {
    [
        ends(1, 0, 0x80),
        ends(0xec, 0xff, 0xff),
        ends(0xed, 0xff, 0x7f),
        ends(0xed, 0xff, 0xff),
        ends(0xee, 0xff, 0x7f),
        ends(0xee, 0xff, 0xff),
    ]
}

/// The group order of Ed25519, little-endian.
fn ed25519_order() -> Vec<u8> {
    hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
}

/// `[S]B = R + [k]A` without multiplying by the cofactor, `S` below the order, no encoding but the canonical one.
fn ed25519_rule(suite: &dyn Suite) {
    let [identity, .., eighth] = small_order_points();
    let verified = |public: [u8; 32], message: &[u8], r: [u8; 32], s: &[u8]| {
        suite.verify(&SignaturePublicKey((&public).into()), message, &Signature([&r, s].concat().into()))
    };
    let zero = [0; 32];
    assert_eq!(verified(identity, b"any", identity, &zero), Ok(()), "0 = 0 + k·0");
    assert_eq!(verified(identity, b"any", eighth, &zero), Err(CryptoError::BadSignature), "equal but for the cofactor");
    assert_eq!(verified(identity, b"any", identity, &ed25519_order()), Err(CryptoError::BadSignature));
    assert_eq!(verified(identity, b"any", ends(0xee, 0xff, 0x7f), &zero), Err(CryptoError::BadSignature));
    let accepted = (0..=u8::MAX).filter(|message| verified(eighth, &[*message], identity, &zero).is_ok()).count();
    assert!((1..128).contains(&accepted), "only where k is a multiple of eight: {accepted}");

    let (secret, public) = suite.signature_key_pair(&mut SeededRng::new(9)).unwrap();
    let signature = suite.signer(&secret).unwrap().sign(b"message").unwrap();
    let (r, s) = signature.0.split_at(32);
    let mut carry = 0;
    let more: Vec<u8> = (s.iter().zip(ed25519_order()))
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(b) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        })
        .collect();
    let malleated = Signature([r, &more].concat().into());
    assert_eq!(suite.verify(&public, b"message", &malleated), Err(CryptoError::BadSignature), "S + order");
}

/// The two integers of a DER signature, as they are encoded.
fn integers(signature: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let body = if signature[1] == 0x81 { &signature[3..] } else { &signature[2..] };
    let (r, rest) = body[2..].split_at(usize::from(body[1]));
    (r.to_vec(), rest[2..].to_vec())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let header = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
    [&header, content].concat()
}

fn sequence(r: &[u8], s: &[u8]) -> Vec<u8> {
    der(0x30, &[der(2, r), der(2, s)].concat())
}

/// A signature encoded in ways that are not DER, or whose integers are out of range.
fn malformed(signature: &[u8]) -> Vec<Vec<u8>> {
    let (r, s) = integers(signature);
    assert_eq!(sequence(&r, &s), signature);
    let padded = |integer: &[u8]| [&[0], integer].concat();
    let content = [der(2, &r), der(2, &s)].concat();
    let length = u8::try_from(content.len()).unwrap();
    vec![
        sequence(&[0], &s),
        sequence(&r, &[0]),
        sequence(&[], &s),
        sequence(&padded(&r), &s),
        sequence(&r, &padded(&s)),
        sequence(&[0xff], &s),
        sequence(&r, &[0x80]),
        sequence(&[1; 70], &s),
        der(0x30, &[content.as_slice(), &[0]].concat()),
        der(0x30, &[content.as_slice(), &der(2, &[1])].concat()),
        der(0x31, &content),
        [&[0x30, 0x82, 0, length], content.as_slice()].concat(),
        [&[0x30, 0x80], content.as_slice(), &[0, 0]].concat(),
        [signature, &[0]].concat(),
        [r, s].concat(),
    ]
}

fn ecdsa_encoding_is_strict(suite: &dyn Suite) {
    for (public, message, signature) in edge_cases(suite) {
        assert_eq!(suite.verify(&public, &message, &signature), Err(CryptoError::BadSignature), "{signature:?}");
    }
}

/// Keys, messages and signatures on which libraries are known to differ.
pub(super) fn edge_cases(suite: &dyn Suite) -> Vec<(SignaturePublicKey, Vec<u8>, Signature)> {
    if !is_25519(suite) {
        let (secret, public) = suite.signature_key_pair(&mut SeededRng::new(10)).unwrap();
        let signature = suite.signer(&secret).unwrap().sign(b"message").unwrap();
        let cases = malformed(&signature.0).into_iter();
        return cases.map(|case| (public.clone(), b"message".to_vec(), Signature(case.into()))).collect();
    }
    let points = [&small_order_points()[..], &non_canonical_points()].concat();
    let mut cases = Vec::new();
    for (public, r) in points.iter().flat_map(|public| points.iter().map(move |r| (public, r))) {
        for (s, message) in [(vec![0; 32], 0), (vec![0; 32], 1), (vec![0; 32], 2), (ed25519_order(), 0)] {
            cases.push((
                SignaturePublicKey(public.into()),
                vec![message],
                Signature([r, s.as_slice()].concat().into()),
            ));
        }
    }
    cases
}
