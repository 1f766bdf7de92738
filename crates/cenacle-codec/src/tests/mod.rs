//! The reader and writer against RFC 9420 §2.1, including what must be refused.

use alloc::{vec, vec::Vec};

use crate::{Decode, DecodeErrorKind, Encode, Opaque, Reader, Writer};

fn kind<T: Decode + core::fmt::Debug>(bytes: &[u8]) -> (usize, DecodeErrorKind) {
    let error = T::from_bytes(bytes).unwrap_err();
    (error.offset, error.kind)
}

#[test]
fn length_headers_are_minimal_both_ways() {
    for (length, header) in [
        (0usize, vec![0u8]),
        (63, vec![0x3f]),
        (64, vec![0x40, 0x40]),
        (16383, vec![0x7f, 0xff]),
        (16384, vec![0x80, 0, 0x40, 0]),
        (0x3fff_ffff, vec![0xbf, 0xff, 0xff, 0xff]),
    ] {
        let mut out = Writer::new();
        out.length(length);
        assert_eq!(out.as_bytes(), header);
        assert_eq!(Reader::new(&header).length(), Ok(length));
    }
    for bad in [&[0x40, 0x3f][..], &[0x80, 0, 0x3f, 0xff], &[0x80, 0, 0, 1]] {
        assert_eq!(Reader::new(bad).length().unwrap_err().kind, DecodeErrorKind::NonMinimalLength);
    }
    assert_eq!(Reader::new(&[0xc0]).length().unwrap_err().kind, DecodeErrorKind::ReservedLength);
}

#[test]
fn a_vector_too_long_for_its_header_fails_to_encode() {
    let mut out = Writer::new();
    out.length(crate::MAX_VECTOR_BYTES + 1);
    assert!(out.finish().is_err());
}

#[test]
fn nested_vectors_round_trip_at_every_header_width() {
    for length in [0, 1, 63, 64, 16383, 16384, 70000] {
        let value: Vec<Opaque> = vec![Opaque::from(vec![7; length]), Opaque::EMPTY];
        let bytes = value.to_bytes().unwrap();
        assert_eq!(Vec::<Opaque>::from_bytes(&bytes).unwrap(), value);
    }
}

#[test]
fn refusals_name_the_offset() {
    assert_eq!(kind::<Option<u8>>(&[2, 0]), (0, DecodeErrorKind::BadPresence));
    assert_eq!(kind::<Option<u8>>(&[1, 0, 9]), (2, DecodeErrorKind::TrailingBytes));
    assert_eq!(kind::<Vec<u16>>(&[3, 0, 1, 0]), (3, DecodeErrorKind::UnexpectedEnd));
    assert_eq!(kind::<Opaque>(&[5, 0, 1]), (1, DecodeErrorKind::UnexpectedEnd));
    assert_eq!(kind::<Vec<Vec<u8>>>(&[3, 0x40, 1, 0]), (1, DecodeErrorKind::NonMinimalLength));
}

#[test]
fn vectors_of_empty_items_end() {
    assert_eq!(kind::<Vec<()>>(&[1, 0]).1, DecodeErrorKind::Forbidden("a vector of empty items"));
}

#[test]
fn lists_take_memory_in_proportion_to_the_input() {
    // Items of one length leave no room unused.
    let numbers = vec![7u16; 10_000];
    let read = Vec::<u16>::from_bytes(&numbers.to_bytes().unwrap()).unwrap();
    assert_eq!((read.len(), read.capacity()), (10_000, 10_000));
    // Whatever is among them, room is not made again and again.
    let mut mixed = vec![vec![7u8; 1]; 3_000];
    mixed[0] = vec![7; 50];
    for at in (0..3_000).step_by(7) {
        mixed[at] = vec![7; 2];
    }
    assert!(Vec::<Vec<u8>>::from_bytes(&mixed.to_bytes().unwrap()).unwrap().capacity() < 3_800);
    // An empty string is one byte long and takes a string's header in memory.
    let empty = |count: usize| vec![Opaque::EMPTY; count].to_bytes().unwrap();
    assert_eq!(Vec::<Opaque>::from_bytes(&empty(2_000)).unwrap().len(), 2_000);
    assert_eq!(kind::<Vec<Opaque>>(&empty(20_000)).1, DecodeErrorKind::OverMemory);
    // What is inside counts for all that is around it.
    let shared = vec![vec![Opaque::EMPTY; 2_000]; 10];
    assert_eq!(kind::<Vec<Vec<Opaque>>>(&shared.to_bytes().unwrap()).1, DecodeErrorKind::OverMemory);
}

#[test]
fn a_vector_is_read_to_its_end() {
    let mut from = Reader::new(&[2, 7, 8, 9]);
    assert_eq!(from.clone().vector(u16::decode), Ok(0x0708));
    assert_eq!(
        from.vector(u8::decode).unwrap_err(),
        crate::DecodeError { offset: 2, kind: DecodeErrorKind::TrailingBytes }
    );
}
