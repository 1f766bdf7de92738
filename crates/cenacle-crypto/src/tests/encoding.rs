//! Which encodings of public keys pass, at the edges of each rule.

use crate::{
    CryptoError,
    encoding::{check_ed448, check_ed25519, check_uncompressed, check_x448, check_x25519, split_ed448_signature},
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
fn edwards_points_are_canonical_and_of_large_order() {
    // p - 1 and its neighbours, and y of small order, with either sign.
    for good in [ends(0xeb, 0xff, 0xff), ends(0xeb, 0xff, 0x7f), ends(0xff, 0xfe, 0xff), ends(3, 0, 0)] {
        assert_eq!(check_ed25519(&good), Ok(()), "{good:02x?}");
    }
    let beyond = [ends(0xed, 0xff, 0x7f), ends(0xff, 0xff, 0xff)];
    for bad in beyond.into_iter().chain([ends(0xec, 0xff, 0x7f), ends(1, 0, 0), ends(0, 0, 0)]) {
        let mut signed = bad;
        signed[31] |= 0x80;
        assert_eq!([check_ed25519(&bad), check_ed25519(&signed)], [REFUSED, REFUSED], "{bad:02x?}");
    }
}

#[test]
fn montgomery_points_are_canonical_and_of_large_order() {
    for low in [ends(0, 0, 0), ends(1, 0, 0x80), ends(0xec, 0xff, 0x7f), ends(0xed, 0xff, 0xff), ends(0xee, 0xff, 0x7f)]
    {
        assert_eq!(check_x25519(&low), REFUSED, "{low:02x?}");
    }
    for other in [ends(0xef, 0xff, 0x7f), ends(9, 0, 0x80)] {
        assert_eq!(check_x25519(&other), REFUSED, "{other:02x?} is another point's second name");
    }
    for good in [ends(2, 0, 0), ends(9, 0, 0), ends(0xeb, 0xff, 0x7f)] {
        assert_eq!(check_x25519(&good), Ok(()), "{good:02x?}");
    }
}

/// 56 bytes: `low`, twenty-seven times `fill`, `middle`, twenty-seven times 0xff.
fn high(low: u8, fill: u8, middle: u8) -> [u8; 56] {
    let mut bytes = [0xff; 56];
    bytes[..28].fill(fill);
    (bytes[0], bytes[28]) = (low, middle);
    bytes
}

fn low(low: u8) -> [u8; 56] {
    let mut bytes = [0; 56];
    bytes[0] = low;
    bytes
}

#[test]
fn points_of_curve448_are_canonical_and_of_large_order() {
    let prime = high(0xff, 0xff, 0xfe);
    let (low_order, beyond) = ([low(0), low(1), high(0xfe, 0xff, 0xfe)], [prime, high(0, 0, 0xff), high(1, 0, 0xff)]);
    for bad in low_order.into_iter().chain(beyond).chain([[0xff; 56]]) {
        assert_eq!(check_x448(&bad), REFUSED, "{bad:02x?}");
    }
    for good in [low(2), low(5), high(0xfd, 0xff, 0xfe)] {
        assert_eq!(check_x448(&good), Ok(()), "{good:02x?}");
    }
}

#[test]
fn points_of_ed448_are_canonical_and_of_large_order() {
    let point = |y: [u8; 56], last: u8| {
        let mut point = [last; 57];
        point[..56].copy_from_slice(&y);
        point
    };
    for y in [low(2), high(0xfd, 0xff, 0xfe), high(0, 0, 0xfe)] {
        assert_eq!(check_ed448(&point(y, 0)), Ok(()), "{y:02x?}");
        assert_eq!(check_ed448(&point(y, 0x80)), Ok(()), "{y:02x?}");
        for unused in 1..0x80 {
            assert_eq!(check_ed448(&point(y, unused)), REFUSED, "{unused:02x}");
        }
    }
    // Zero, one and minus one; the prime, what follows it, and all ones.
    let beyond = [high(0xff, 0xff, 0xfe), high(0, 0, 0xff), high(1, 0, 0xff), [0xff; 56]];
    for y in [low(0), low(1), high(0xfe, 0xff, 0xfe)].into_iter().chain(beyond) {
        assert_eq!(check_ed448(&point(y, 0)), REFUSED, "{y:02x?}");
        assert_eq!(check_ed448(&point(y, 0x80)), REFUSED, "{y:02x?}");
    }
}

#[test]
fn scalars_of_ed448_are_below_the_order() {
    let order = hex::decode(concat!(
        "f34458ab92c27823558fc58d72c26c219036d6ae49db4ec4e923ca7c",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffff3f00"
    ))
    .unwrap();
    let split = |r: &[u8], s: &[u8]| split_ed448_signature(&[r, s].concat()).map(|(r, s)| (*r, *s));
    let r = [0; 57];
    let refused = Err(CryptoError::BadSignature);
    let mut s: [u8; 57] = order.as_slice().try_into().unwrap();
    assert_eq!(split(&r, &s), refused);
    s[0] -= 1;
    assert_eq!(split(&r, &s), Ok((r, s)));
    s[56] = 1;
    assert_eq!(split(&r, &s), refused);
    assert_eq!(split(&r, &[0; 57]), Ok((r, [0; 57])));
    assert_eq!(split(&[0xff; 57], &[0; 57]), refused);
    for length in [0, 56, 57, 113, 115] {
        assert_eq!(split_ed448_signature(&[0; 115][..length]), Err(CryptoError::BadSignature), "{length} bytes");
    }
}
