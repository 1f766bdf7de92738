//! Digests: their capacity, encoding and comparison.

use alloc::format;

use cenacle_codec::{Decode, DecodeErrorKind, Encode};

use crate::Digest;

#[test]
fn holds_at_most_its_capacity() {
    let bytes = [7; Digest::MAX_BYTES + 1];
    assert_eq!(Digest::from_slice(&bytes), None);
    assert_eq!(Digest::from_slice(&bytes[1..]).unwrap().as_slice(), &bytes[1..]);
    assert_eq!(Digest::from_slice(&[]).unwrap(), Digest::EMPTY);
}

#[test]
fn is_encoded_behind_its_length() {
    let digest = Digest::from_slice(&[1, 2, 3]).unwrap();
    assert_eq!(digest.to_bytes().unwrap(), [3, 1, 2, 3]);
    assert_eq!(Digest::from_bytes(&[3, 1, 2, 3]).unwrap(), digest);
    let mut long = [7; 2 + Digest::MAX_BYTES + 1];
    long[..2].copy_from_slice(&[0x40, 65]);
    assert_eq!(Digest::from_bytes(&long).unwrap_err().kind, DecodeErrorKind::OverCap(Digest::MAX_BYTES));
}

#[test]
fn compares_content_and_length() {
    let digest = |bytes| Digest::from_slice(bytes).unwrap();
    assert!(digest(&[1, 2]).ct_eq(&digest(&[1, 2])));
    assert!(!digest(&[1, 2]).ct_eq(&digest(&[1, 3])));
    assert!(!digest(&[1, 0]).ct_eq(&digest(&[1])), "unused bytes are zero, but not content");
    assert_ne!(digest(&[1, 0]), digest(&[1]));
}

#[test]
fn prints_as_hexadecimal() {
    assert_eq!(format!("{:?}", Digest::from_slice(&[0x0a, 0xff]).unwrap()), "0aff");
}
