//! Finds values in bytes: in the memory of a process, in files. For tests of whether what should be gone is gone.
//!
//! A value is found as it is, in hexadecimal, and with its bytes reversed, as libraries keep numbers. Any 16 bytes of it that
//! begin at a multiple of eight are enough, or its last 16: whoever frees memory writes into the first bytes of it, and the
//! rest is still there. A crate of its own because it is compiled with optimisation where everything around it is not: it
//! looks at every byte of a process, many times in a test.

#![allow(clippy::indexing_slicing, clippy::missing_panics_doc, reason = "support of tests, which fail by panicking")]

extern crate alloc;

#[cfg(target_os = "linux")]
pub mod process;

use core::{fmt, ops::Range};
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

/// How much of a value is enough to find it, in bytes.
const PIECE_BYTES: usize = 16;
/// How many bytes of a piece are looked up at once.
const KEY_BYTES: usize = 8;
/// The binary logarithm of the number of bits that tell most bytes from the beginnings of pieces.
const FILTER_LOG: u32 = 23;

/// In which form a value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// As it is.
    Raw,
    /// In hexadecimal digits.
    Hex,
    /// The last byte first.
    Reversed,
}

/// A place where a value, or a piece of it, was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which value, in the order in which they were added.
    pub value: usize,
    /// Which bytes of it.
    pub piece: Range<usize>,
    /// In which form.
    pub form: Form,
    /// How far from the beginning of what was searched, in bytes.
    pub at: usize,
}

/// Values to be found.
pub struct Wanted {
    values: Vec<Vec<u8>>,
    pieces: HashMap<[u8; KEY_BYTES], Vec<Piece>>,
    filter: Vec<u64>,
}

#[derive(Clone)]
struct Piece {
    value: usize,
    bytes: Range<usize>,
    form: Form,
    encoded: Vec<u8>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { values: Vec::new(), pieces: HashMap::new(), filter: vec![0; 1 << (FILTER_LOG - 6)] }
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wanted({} values)", self.values.len())
    }
}

impl Wanted {
    /// Adds a value of eight bytes or more, and gives its number.
    pub fn add(&mut self, value: &[u8]) -> usize {
        assert!(value.len() >= KEY_BYTES, "short values are found everywhere");
        let number = self.values.len();
        self.values.push(value.to_vec());
        let last = value.len().saturating_sub(PIECE_BYTES);
        for start in (0..last).step_by(KEY_BYTES).chain([last]) {
            let bytes = start..value.len().min(start + PIECE_BYTES);
            let raw = value.get(bytes.clone()).unwrap_or_default();
            let hex = |digits: &[u8; 16]| -> Vec<u8> {
                raw.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(|digit| digits[usize::from(digit)]).collect()
            };
            let forms = [
                (Form::Raw, raw.to_vec()),
                (Form::Hex, hex(b"0123456789abcdef")),
                (Form::Hex, hex(b"0123456789ABCDEF")),
                (Form::Reversed, raw.iter().rev().copied().collect()),
            ];
            for (form, encoded) in forms {
                self.add_piece(Piece { value: number, bytes: bytes.clone(), form, encoded });
            }
        }
        number
    }

    fn add_piece(&mut self, piece: Piece) {
        let Some(key) = piece.encoded.first_chunk::<KEY_BYTES>().copied() else { return };
        let (word, bit) = place(u64::from_le_bytes(key));
        self.filter[word] |= bit;
        self.pieces.entry(key).or_default().push(piece);
    }

    /// The value of a number.
    #[must_use]
    pub fn value(&self, number: usize) -> &[u8] {
        &self.values[number]
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is nothing to be found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Searches `bytes`.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Vec<Hit> {
        let (mut hits, mut window) = (Vec::new(), 0);
        for (end, byte) in bytes.iter().enumerate() {
            // The last eight bytes, the first of them lowest.
            window = window >> 8 | u64::from(*byte) << 56;
            let (word, bit) = place(window);
            if self.filter[word] & bit != 0 && end + 1 >= KEY_BYTES {
                self.look_up(window, bytes, end + 1 - KEY_BYTES, &mut hits);
            }
        }
        hits
    }

    #[cold]
    fn look_up(&self, window: u64, bytes: &[u8], at: usize, hits: &mut Vec<Hit>) {
        let rest = &bytes[at..];
        for piece in self.pieces.get(&window.to_le_bytes()).into_iter().flatten() {
            if rest.starts_with(&piece.encoded) {
                hits.push(Hit { value: piece.value, piece: piece.bytes.clone(), form: piece.form, at });
            }
        }
    }

    /// Searches all files in a folder and below.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn find_in_files(&self, folder: &Path) -> io::Result<Vec<(PathBuf, Hit)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                found.extend(self.find_in_files(&path)?);
            } else {
                let hits = self.find(&fs::read(&path)?);
                found.extend(hits.into_iter().map(|hit| (path.clone(), hit)));
            }
        }
        Ok(found)
    }
}

/// Where the filter has its bit for a window.
fn place(window: u64) -> (usize, u64) {
    let hash = window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_LOG);
    let word = usize::try_from(hash >> 6).unwrap_or(0);
    (word, 1 << (hash & 63))
}
