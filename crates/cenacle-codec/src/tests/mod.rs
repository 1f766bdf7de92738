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
    // There is room for exactly as many items as there are, whatever they are like.
    let numbers = vec![7u16; 10_000];
    let read = Vec::<u16>::from_bytes(&numbers.to_bytes().unwrap()).unwrap();
    assert_eq!((read.len(), read.capacity()), (10_000, 10_000));
    let mixed: Vec<Vec<u8>> = (0..3_000).map(|at| vec![7; at % 60]).collect();
    let read = Vec::<Vec<u8>>::from_bytes(&mixed.to_bytes().unwrap()).unwrap();
    assert_eq!((read.len(), read.capacity()), (3_000, 3_000));
    // An empty string is one byte long and takes a pointer and a length in memory: just what may be taken.
    let empty = vec![Opaque::EMPTY; 20_000].to_bytes().unwrap();
    assert_eq!(Vec::<Opaque>::from_bytes(&empty).unwrap().len(), 20_000);
    // An empty list takes more.
    let lists = vec![Vec::<u8>::new(); 20_000].to_bytes().unwrap();
    assert_eq!(kind::<Vec<Vec<u8>>>(&lists).1, DecodeErrorKind::OverMemory);
    assert_eq!(Vec::<Vec<u8>>::from_own_bytes(&lists).unwrap().len(), 20_000);
    // What is inside counts for all that is around it.
    let nested = vec![vec![Vec::<u8>::new(); 2_000]; 10];
    assert_eq!(kind::<Vec<Vec<Vec<u8>>>>(&nested.to_bytes().unwrap()).1, DecodeErrorKind::OverMemory);
}

#[test]
fn skipping_leads_to_where_decoding_does() {
    fn ends_alike<T: Encode + Decode>(value: &T) {
        let bytes = [value.to_bytes().unwrap(), vec![1, 2, 3]].concat();
        let (mut decoded, mut skipped) = (Reader::new(&bytes), Reader::new(&bytes));
        T::decode(&mut decoded).unwrap();
        T::skip(&mut skipped).unwrap();
        assert_eq!((decoded.rest(), skipped.rest()), (&[1u8, 2, 3][..], &[1u8, 2, 3][..]));
    }
    ends_alike(&7u64);
    ends_alike(&[7u8; 5]);
    ends_alike(&(1u8, 2u32));
    ends_alike(&Some(Opaque::from(&[1, 2])));
    ends_alike(&None::<u16>);
    ends_alike(&vec![vec![1u16, 2], vec![]]);
    ends_alike(&alloc::boxed::Box::new(Opaque::EMPTY));
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
