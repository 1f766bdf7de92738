//! deserialization.json: length headers at and around the borders between their three forms, and some in between.

use super::{super::deserialization::LengthHeader, Dice, Size};

const LONGEST: u32 = 0x3fff_ffff;
const BORDERS: [u32; 9] = [0, 1, 63, 64, 65, 16_383, 16_384, 16_385, LONGEST];

pub(super) fn count(size: Size) -> usize {
    size.of(12, 24)
}

pub(super) fn make(index: usize, dice: &mut Dice) -> LengthHeader {
    let length = BORDERS.get(index).copied().unwrap_or_else(|| {
        let bits = [6, 14, 30].get(index % 3).copied().unwrap_or(30);
        dice.number32() % (1 << bits)
    });
    LengthHeader { vlbytes_header: header(length).into(), length: usize::try_from(length).unwrap_or(usize::MAX) }
}

/// RFC 9420 §2.1.2: the two highest bits tell how many bytes the rest takes.
fn header(length: u32) -> Vec<u8> {
    let [_, _, low, lowest] = length.to_be_bytes();
    match length {
        0..=0x3f => vec![lowest],
        0x40..=0x3fff => vec![0x40 | low, lowest],
        _ => (0x8000_0000 | length).to_be_bytes().to_vec(),
    }
}
