//! Secrets: their capacity, encoding and comparison, and that they do not print.

use alloc::{format, vec::Vec};

use cenacle_codec::{Decode, DecodeErrorKind, Encode};

use crate::{Secret, SecretBytes};

#[test]
fn holds_at_most_its_capacity() {
    let bytes = [7; Secret::MAX_BYTES + 1];
    assert!(Secret::from_slice(&bytes).is_none());
    assert_eq!(Secret::from_slice(&bytes[1..]).unwrap().expose(), &bytes[1..]);
    assert_eq!(Secret::zero(3).expose(), [0; 3]);
    assert_eq!(Secret::zero(Secret::MAX_BYTES + 1).expose(), [0; Secret::MAX_BYTES]);
}

#[test]
fn is_encoded_behind_its_length() {
    assert_eq!(Secret::from_slice(&[1, 2]).unwrap().to_bytes().unwrap(), [2, 1, 2]);
    assert_eq!(Secret::from_bytes(&[2, 1, 2]).unwrap().expose(), [1, 2]);
    assert_eq!(SecretBytes::from_bytes(&[2, 1, 2]).unwrap().to_bytes().unwrap(), [2, 1, 2]);
    let long: Vec<u8> = [&[0x40, 65][..], &[7; 65]].concat();
    assert_eq!(Secret::from_bytes(&long).unwrap_err().kind, DecodeErrorKind::OverCap(Secret::MAX_BYTES));
    assert_eq!(SecretBytes::from_bytes(&long).unwrap().expose(), &long[2..]);
}

#[test]
fn compares_content_and_length() {
    let secret = |bytes| Secret::from_slice(bytes).unwrap();
    assert!(secret(&[1, 2]).ct_eq(&secret(&[1, 2]).duplicate()));
    assert!(!secret(&[1, 2]).ct_eq(&secret(&[1, 3])));
    assert!(!secret(&[1, 0]).ct_eq(&secret(&[1])));
    let long = |bytes: &[u8]| SecretBytes::from(bytes);
    assert!(long(&[1, 2]).ct_eq(&long(&[1, 2]).duplicate()));
    assert!(!long(&[1, 2]).ct_eq(&long(&[1, 3])));
}

#[test]
fn does_not_print() {
    assert_eq!(format!("{:?}", Secret::from_slice(&[0xab]).unwrap()), "Secret(..)");
    assert_eq!(format!("{:?}", SecretBytes::from(&[0xab][..])), "SecretBytes(..)");
}
