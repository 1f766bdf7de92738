//! Signatures: RFC 8032 §7.1 and §7.4, and RFC 6979, Appendix A.2; refusal of every changed bit, of keys that are none,
//! and of crafted signatures on which libraries are known to differ. The scheme is told by the length of its public keys,
//! so that suites an application registers can be tested too.

use alloc::{format, vec, vec::Vec};

use super::{
    FixedRng, SeededRng,
    eddsa::{self, edwards},
    flipped, hex, wrong_lengths,
};
use crate::{CryptoError, Signature, SignaturePublicKey, SignatureSecretKey, Suite};

struct Known {
    secret: &'static str,
    public: &'static str,
    message: &'static [u8],
    signature: &'static str,
}

const KNOWN: [Known; 6] = [
    // RFC 8032 §7.1, test 2.
    Known {
        secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        public: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        message: &[0x72],
        signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613\
            d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    },
    // RFC 8032 §7.4, "Blank" and "1 octet".
    Known {
        secret: "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f032e7549a2\
            0098f95b",
        public: "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeaf\
            e8256180",
        message: b"",
        signature: "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59b\
            d0a21bfd3980ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363\
            268c71d95808ff2e652600",
    },
    Known {
        secret: "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e\
            0a12274e",
        public: "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b\
            4c3a9480",
        message: &[0x03],
        signature: "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf0\
            37ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4ad\
            afd1d234441cf807c03a00",
    },
    // RFC 6979, Appendix A.2.5, A.2.7 and A.2.6: the curve's hash, message "sample", the signature in DER.
    Known {
        secret: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        public: "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9\
            e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        message: b"sample",
        signature: "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716022100f7cb1c94\
            2d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    },
    Known {
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
    known_answers(suite);
    round_trip(suite);
    changes_are_refused(suite);
    bad_public_keys_are_refused(suite);
    bad_secret_keys_are_refused(suite);
    if let Some(curve) = edwards(suite) {
        eddsa::check(suite, &curve);
    } else {
        ecdsa_encoding_is_strict(suite);
        short_scalars_are_padded(suite);
    }
}

fn known_answers(suite: &dyn Suite) {
    let (_, of_suite) = suite.signature_key_pair(&mut SeededRng::new(0)).unwrap();
    let of_scheme = |known: &Known| hex(known.public).len() == of_suite.0.len();
    assert!(KNOWN.iter().any(of_scheme), "a scheme of RFC 9420");
    KNOWN.iter().filter(|known| of_scheme(known)).for_each(|known| known_answer(suite, known));
}

fn known_answer(suite: &dyn Suite, known: &Known) {
    let signer = suite.signer(&SignatureSecretKey(hex(known.secret).into())).unwrap();
    let (public, signature) = (SignaturePublicKey(hex(known.public).into()), Signature(hex(known.signature).into()));
    assert_eq!(signer.public_key(), &public);
    assert_eq!(suite.verify(&public, known.message, &signature), Ok(()));
    let signed = signer.sign(known.message).unwrap();
    assert_eq!(suite.verify(&public, known.message, &signed), Ok(()));
    if edwards(suite).is_some() {
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
    if let Some(curve) = edwards(suite) {
        for small in curve.small {
            let small = SignaturePublicKey(small.into());
            assert_eq!(suite.check_signature_key(&small), Err(CryptoError::BadPublicKey), "{small:?}");
        }
        bad.extend(curve.refused);
        let off_curve = SignaturePublicKey(curve.off_curve.into());
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
    let bad = if edwards(suite).is_some() {
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
    let (secret, _) = suite.signature_key_pair(&mut SeededRng::new(11)).unwrap();
    let mut full = vec![0; secret.0.expose().len()];
    full.splice(secret.0.expose().len() - 2.., [3, 0]);
    let signers = [full, vec![3, 0]].map(|scalar| suite.signer(&SignatureSecretKey(scalar.into())).unwrap());
    assert_eq!(signers[0].public_key(), signers[1].public_key());
    let signature = signers[1].sign(b"message").unwrap();
    assert_eq!(suite.verify(signers[0].public_key(), b"message", &signature), Ok(()));
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
    if let Some(curve) = edwards(suite) {
        return eddsa::edge_cases(&curve);
    }
    let (secret, public) = suite.signature_key_pair(&mut SeededRng::new(10)).unwrap();
    let signature = suite.signer(&secret).unwrap().sign(b"message").unwrap();
    let cases = malformed(&signature.0).into_iter();
    cases.map(|case| (public.clone(), b"message".to_vec(), Signature(case.into()))).collect()
}
