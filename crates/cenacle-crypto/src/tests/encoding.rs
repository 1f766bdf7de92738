//! Which encodings of public keys pass, at the edges of each rule.

use crate::{
    CryptoError,
    encoding::{check_ed25519_canonical, check_uncompressed, check_x25519_order},
};

const REFUSED: Result<(), CryptoError> = Err(CryptoError::BadPublicKey);

fn ends(low: u8, middle: u8, high: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    (bytes[0], bytes[31]) = (low, high);
    bytes
}

#[test]
fn points_are_uncompressed() {
    assert_eq!(check_uncompressed(&[4, 0, 0, 0, 0], 2), Ok(()));
    for bad in [&[4, 0, 0, 0][..], &[4, 0, 0, 0, 0, 0], &[2, 0, 0], &[6, 0, 0, 0, 0], &[]] {
        assert_eq!(check_uncompressed(bad, 2), REFUSED, "{bad:?}");
    }
}

#[test]
fn edwards_points_are_canonical() {
    // p - 1 with either neighbour, and the sign bit where x is zero and where it is not.
    assert_eq!(check_ed25519_canonical(&ends(0xec, 0xff, 0x7f)), Ok(()));
    assert_eq!(check_ed25519_canonical(&ends(0xec, 0xff, 0xff)), REFUSED);
    assert_eq!(check_ed25519_canonical(&ends(0xeb, 0xff, 0xff)), Ok(()));
    assert_eq!(check_ed25519_canonical(&ends(0xed, 0xff, 0x7f)), REFUSED);
    assert_eq!(check_ed25519_canonical(&ends(0xff, 0xff, 0xff)), REFUSED);
    assert_eq!(check_ed25519_canonical(&ends(0xff, 0xfe, 0xff)), Ok(()));
    assert_eq!(check_ed25519_canonical(&ends(1, 0, 0)), Ok(()));
    assert_eq!(check_ed25519_canonical(&ends(1, 0, 0x80)), REFUSED);
    assert_eq!(check_ed25519_canonical(&ends(0, 0, 0x80)), Ok(()));
}

#[test]
fn montgomery_points_have_large_order() {
    for low in [ends(0, 0, 0), ends(1, 0, 0x80), ends(0xec, 0xff, 0x7f), ends(0xed, 0xff, 0xff), ends(0xee, 0xff, 0x7f)]
    {
        assert_eq!(check_x25519_order(&low), REFUSED, "{low:02x?}");
    }
    for good in [ends(2, 0, 0), ends(9, 0, 0), ends(0xeb, 0xff, 0x7f), ends(0xef, 0xff, 0x7f)] {
        assert_eq!(check_x25519_order(&good), Ok(()), "{good:02x?}");
    }
}
