//! Hash, MAC and KDF: FIPS 180-4, RFC 4231 and RFC 5869, and HKDF-Expand against its definition.

use alloc::{vec, vec::Vec};

use super::hex;
use crate::{CryptoError, Suite};

/// By `Nh`: SHA-2 of "abc" (FIPS 180-4), and HMAC of RFC 4231 §4.3.
const KNOWN: [(usize, &str, &str); 3] = [
    (
        32,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        48,
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    ),
    (
        64,
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
            2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
            9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
];

pub(super) fn check(suite: &dyn Suite) {
    known_answers(suite);
    expand_is_its_definition(suite);
    expand_keeps_its_limits(suite);
    if suite.hash_length() == 32 {
        rfc_5869(suite);
    }
}

fn known_answers(suite: &dyn Suite) {
    let (_, hash, mac) = KNOWN.into_iter().find(|(length, ..)| *length == suite.hash_length()).unwrap();
    assert_eq!(suite.hash(&[b"abc"]).as_slice(), hex(hash));
    assert_eq!(suite.hash(&[b"a", b"", b"bc"]).as_slice(), hex(hash), "parts are concatenated");
    assert_eq!(suite.mac(b"Jefe", &[b"what do ya want ", b"for nothing?"]).as_slice(), hex(mac));
    assert_eq!(suite.extract(b"Jefe", &[b"what do ya want ", b"for nothing?"]).expose(), hex(mac));
    // RFC 2104 §2: keys longer than a block are hashed first.
    let long = vec![0xaa; 131];
    assert_eq!(suite.mac(&long, &[b"x"]), suite.mac(&suite.hash(&[&long]), &[b"x"]));
}

/// RFC 5869 §2.3: `T(i) = HMAC(PRK, T(i-1) || info || i)`.
fn expand_is_its_definition(suite: &dyn Suite) {
    let prk = suite.extract(b"salt", &[b"input"]);
    let mut blocks = Vec::new();
    let mut last = Vec::new();
    for counter in 1..=3 {
        last = suite.mac(prk.expose(), &[&last, b"some ", b"info", &[counter]]).to_vec();
        blocks.extend_from_slice(&last);
    }
    for length in [0, 1, suite.hash_length(), suite.hash_length() + 1, blocks.len()] {
        let mut out = vec![0; length];
        suite.expand(prk.expose(), &[b"some", b" info"], &mut out).unwrap();
        assert_eq!(out, blocks[..length], "{length} bytes");
    }
}

fn expand_keeps_its_limits(suite: &dyn Suite) {
    let nh = suite.hash_length();
    let prk = suite.extract(&[], &[]);
    let mut out = vec![0; 255 * nh + 1];
    assert_eq!(suite.expand(prk.expose(), &[], &mut out), Err(CryptoError::BadLength));
    assert_eq!(suite.expand(prk.expose(), &[], &mut out[1..]), Ok(()));
    assert_eq!(suite.expand(&prk.expose()[1..], &[], &mut out[..1]), Err(CryptoError::BadLength));
}

/// RFC 5869, Appendix A.1 and A.3.
fn rfc_5869(suite: &dyn Suite) {
    let prk = suite.extract(&hex("000102030405060708090a0b0c"), &[&[0x0b; 22]]);
    assert_eq!(prk.expose(), hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"));
    let mut out = [0; 42];
    suite.expand(prk.expose(), &[&hex("f0f1f2f3f4f5f6f7f8f9")], &mut out).unwrap();
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(out[..], hex(expected));
    let unsalted = suite.extract(&[], &[&[0x0b; 22]]);
    assert_eq!(unsalted.expose(), hex("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04"));
}
