//! What anyone can make of an ECDSA signature: the other one that verifies, (r, n - s) for (r, s); and ones that are not in
//! DER or out of range, which must not.

/// The order of P-256's group, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The twin of a P-256 signature in DER.
#[must_use]
pub fn ecdsa_twin(signature: &[u8]) -> Vec<u8> {
    let (r, s) = halves(signature);
    let mut borrow = 0;
    let mut twin = [0; 32];
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(difference < 0);
        twin[at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    sequence(&[der(&r), der(&twin)].concat())
}

/// A P-256 signature in forms that are not DER, and with integers that are out of range.
#[must_use]
pub fn ecdsa_malformed(signature: &[u8]) -> Vec<Vec<u8>> {
    let (r, s) = halves(signature);
    let pair = |r: Vec<u8>, s: Vec<u8>| sequence(&[r, s].concat());
    let raw = |integer: &[u8]| [&[2, u8::try_from(integer.len()).unwrap()], integer].concat();
    let content = &signature[2..];
    let length = signature[1];
    let padded = |integer: &[u8; 32]| [[0; 2].as_slice(), integer].concat();
    vec![
        pair(der(&[0; 32]), der(&s)),
        pair(der(&r), der(&[0; 32])),
        pair(raw(&[]), der(&s)),
        pair(der(&r), raw(&[])),
        // Negative, and with zeros that say nothing.
        pair(raw(&[0xff]), der(&s)),
        pair(der(&r), raw(&[0x80])),
        pair(raw(&[&[0x80], &r[1..]].concat()), der(&s)),
        pair(raw(&padded(&r)), der(&s)),
        pair(der(&r), raw(&padded(&s))),
        // Not below the order, though equal to what is.
        pair(der(&r), der(&ORDER)),
        pair(der(&ORDER), der(&s)),
        pair(der(&r), raw(&more_by_the_order(&s))),
        pair(raw(&more_by_the_order(&r)), der(&s)),
        // Bytes after the integers, inside and outside; another tag; long and endless lengths; no DER at all.
        sequence(&[content, &[0]].concat()),
        sequence(&[content, &der(&s)].concat()),
        [signature, &[0]].concat(),
        [&[0x31, length], content].concat(),
        [&[0x30, 0x81, length], content].concat(),
        [&[0x30, 0x82, 0, length], content].concat(),
        [&[0x30, 0x80], content, &[0, 0]].concat(),
        [r, s].concat(),
        Vec::new(),
    ]
}

/// An integer and the order, added: 33 bytes, of which the first is there for the sign if not for the value.
fn more_by_the_order(integer: &[u8; 32]) -> Vec<u8> {
    let mut carry = 0;
    let mut sum = vec![0; 33];
    for at in (0..32).rev() {
        let digits = u16::from(ORDER[at]) + u16::from(integer[at]) + carry;
        sum[at + 1] = digits.to_be_bytes()[1];
        carry = digits >> 8;
    }
    sum[0] = u8::try_from(carry).unwrap();
    sum
}

/// The integers r and s.
fn halves(signature: &[u8]) -> ([u8; 32], [u8; 32]) {
    let (r, rest) = integer(&signature[2..]);
    let (s, rest) = integer(rest);
    assert!(rest.is_empty() && signature[0] == 0x30, "a DER signature");
    (r, s)
}

fn sequence(content: &[u8]) -> Vec<u8> {
    [&[0x30, u8::try_from(content.len()).unwrap()], content].concat()
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
