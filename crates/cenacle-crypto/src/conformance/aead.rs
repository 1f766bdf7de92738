//! AEADs: test cases 4 and 16 of the GCM specification (McGrew and Viega), RFC 8439 §2.8.2, round trips, and refusal
//! of every changed bit.

use alloc::vec;

use super::{flipped, hex, secret, wrong_lengths};
use crate::{CryptoError, Suite};

struct Known {
    aead: u16,
    key: &'static str,
    nonce: &'static str,
    aad: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
}

const GCM_PLAINTEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24\
            49a6b525b16aedf5aa0de657ba637b39";

const KNOWN: [Known; 3] = [
    Known {
        aead: 1,
        key: "feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: GCM_PLAINTEXT,
        ciphertext: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5a\
            ac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
    },
    Known {
        aead: 2,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: GCM_PLAINTEXT,
        ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10\
            56828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
    },
    Known {
        aead: 3,
        key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
        nonce: "070000004041424344454647",
        aad: "50515253c0c1c2c3c4c5c6c7",
        plaintext: "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966\
            204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f72207468652066757475\
            72652c2073756e73637265656e20776f756c642062652069742e",
        ciphertext: "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69\
            da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad67594\
            5585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
    },
];

pub(super) fn check(suite: &dyn Suite) {
    known_answer(suite);
    round_trips(suite);
    changes_are_refused(suite);
    lengths_are_refused(suite);
}

fn known_answer(suite: &dyn Suite) {
    let known = KNOWN.into_iter().find(|known| known.aead == suite.hpke_ids().aead).unwrap();
    let (key, nonce) = (secret(&hex(known.key)), secret(&hex(known.nonce)));
    assert_eq!(key.expose().len(), suite.aead_key_length());
    assert_eq!(nonce.expose().len(), suite.aead_nonce_length());
    let sealed = suite.aead_seal(&key, &nonce, &hex(known.aad), &hex(known.plaintext)).unwrap();
    assert_eq!(sealed, hex(known.ciphertext));
    assert_eq!(suite.aead_open(&key, &nonce, &hex(known.aad), &sealed).unwrap().expose(), hex(known.plaintext));
}

fn round_trips(suite: &dyn Suite) {
    let (key, nonce) = (secret(&vec![7; suite.aead_key_length()]), secret(&vec![9; suite.aead_nonce_length()]));
    for length in [0, 1, 15, 16, 17, 64, 1000] {
        let plaintext = vec![0x5a; length];
        let sealed = suite.aead_seal(&key, &nonce, b"aad", &plaintext).unwrap();
        assert_eq!(sealed.len(), length + 16, "ciphertext and tag");
        assert_eq!(suite.aead_open(&key, &nonce, b"aad", &sealed).unwrap().expose(), plaintext);
    }
}

fn changes_are_refused(suite: &dyn Suite) {
    let (key, nonce) = (vec![7; suite.aead_key_length()], vec![9; suite.aead_nonce_length()]);
    let sealed = suite.aead_seal(&secret(&key), &secret(&nonce), b"aad", b"content").unwrap();
    let open = |key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]| {
        suite.aead_open(&secret(key), &secret(nonce), aad, sealed).map(|_| ())
    };
    assert_eq!(open(&key, &nonce, b"aad", &sealed), Ok(()));
    let refused = Err(CryptoError::OpenFailed);
    flipped(&key).for_each(|key| assert_eq!(open(&key, &nonce, b"aad", &sealed), refused));
    flipped(&nonce).for_each(|nonce| assert_eq!(open(&key, &nonce, b"aad", &sealed), refused));
    flipped(b"aad").for_each(|aad| assert_eq!(open(&key, &nonce, &aad, &sealed), refused));
    flipped(&sealed).for_each(|sealed| assert_eq!(open(&key, &nonce, b"aad", &sealed), refused));
    for length in 0..sealed.len() {
        assert_eq!(open(&key, &nonce, b"aad", &sealed[..length]), refused, "cut to {length} bytes");
    }
}

fn lengths_are_refused(suite: &dyn Suite) {
    let (key, nonce) = (vec![7; suite.aead_key_length()], vec![9; suite.aead_nonce_length()]);
    let refused = |key: &[u8], nonce: &[u8]| {
        let (key, nonce) = (secret(key), secret(nonce));
        assert_eq!(suite.aead_seal(&key, &nonce, &[], b"content"), Err(CryptoError::BadLength));
        assert_eq!(suite.aead_open(&key, &nonce, &[], &[0; 32]).map(|_| ()), Err(CryptoError::BadLength));
    };
    wrong_lengths(&key).iter().for_each(|key| refused(key, &nonce));
    wrong_lengths(&nonce).iter().for_each(|nonce| refused(&key, nonce));
}
