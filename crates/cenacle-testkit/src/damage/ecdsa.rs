//! The other signature that every ECDSA signature has: with (r, s), (r, n - s) verifies too, and anyone can compute it.

/// The order of P-256's group, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The twin of a P-256 signature in DER.
#[must_use]
pub fn ecdsa_twin(signature: &[u8]) -> Vec<u8> {
    let (r, rest) = integer(&signature[2..]);
    let (s, rest) = integer(rest);
    assert!(rest.is_empty() && signature[0] == 0x30, "a DER signature");
    let mut borrow = 0;
    let mut twin = [0; 32];
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(difference < 0);
        twin[at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let body = [der(&r), der(&twin)].concat();
    [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}

/// The DER integer at the front, as 32 bytes, and what follows it.
fn integer(bytes: &[u8]) -> ([u8; 32], &[u8]) {
    let (value, rest) = bytes[2..].split_at(usize::from(bytes[1]));
    let significant = &value[value.iter().take_while(|byte| **byte == 0).count()..];
    let mut integer = [0; 32];
    integer[32 - significant.len()..].copy_from_slice(significant);
    (integer, rest)
}

fn der(integer: &[u8; 32]) -> Vec<u8> {
    let mut value: Vec<u8> = integer.iter().copied().skip_while(|byte| *byte == 0).collect();
    if value.first().is_none_or(|byte| *byte >= 0x80) {
        value.insert(0, 0);
    }
    [&[0x02, u8::try_from(value.len()).unwrap()], value.as_slice()].concat()
}
