//! Canonical output in one pass (RFC 9420 §2.1). A vector is written by a closure, so a forgotten length
//! cannot happen; its header is widened in place once the length is known.

use alloc::vec::Vec;
use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::{Encode, MAX_VECTOR_BYTES};

/// A vector grew beyond what a length header can announce (RFC 9420 §2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError;

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a vector is longer than {MAX_VECTOR_BYTES} bytes")
    }
}

impl core::error::Error for EncodeError {}

/// Collects an encoding. A vector that is too long makes [`Writer::finish`] fail, whatever follows it.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    overflowed: bool,
    /// Whether buffers that are outgrown are erased before they are freed.
    erasing: bool,
}

impl Writer {
    /// An empty output.
    #[must_use]
    pub const fn new() -> Self {
        Self { out: Vec::new(), overflowed: false, erasing: false }
    }

    /// An empty output with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), overflowed: false, erasing: false }
    }

    /// An output that goes on behind these bytes.
    #[must_use]
    pub const fn after(bytes: Vec<u8>) -> Self {
        Self { out: bytes, overflowed: false, erasing: false }
    }

    /// An empty output for secrets, with room for `bytes`: every buffer it outgrows is erased, and so is the last one.
    #[must_use]
    pub fn erasing(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), overflowed: false, erasing: true }
    }

    /// Makes room for `bytes` more, without leaving a copy behind.
    fn make_room(&mut self, bytes: usize) {
        let needed = self.out.len().saturating_add(bytes);
        if self.erasing && needed > self.out.capacity() {
            let mut larger = Vec::with_capacity(needed.saturating_mul(2));
            larger.extend_from_slice(&self.out);
            // As a slice, which is erased in one go.
            core::mem::replace(&mut self.out, larger).as_mut_slice().zeroize();
        }
    }

    /// Bytes written so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// Writes raw bytes, without a length.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.make_room(bytes.len());
        self.out.extend_from_slice(bytes);
        self
    }

    /// Writes a value.
    pub fn put<T: Encode + ?Sized>(&mut self, value: &T) -> &mut Self {
        value.encode(self);
        self
    }

    /// Writes a minimal length header.
    pub fn length(&mut self, length: usize) -> &mut Self {
        let (header, width) = self.header(length);
        self.bytes(header.get(4 - width..).unwrap_or(&[]))
    }

    /// Writes bytes behind their length.
    pub fn opaque(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len()).bytes(bytes)
    }

    /// Writes whatever `content` writes, behind its length.
    pub fn vector(&mut self, content: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.out.len();
        self.bytes(&[0]);
        content(self);
        self.make_room(3);
        let (header, width) = self.header(self.out.len() - start - 1);
        self.out.splice(start..=start, header.into_iter().skip(4 - width));
        self
    }

    /// The header of a vector of `length` bytes, right-aligned, and how many bytes of it count.
    fn header(&mut self, length: usize) -> ([u8; 4], usize) {
        let (tag, width) = match length {
            0..0x40 => (0, 1),
            0x40..0x4000 => (0x4000, 2),
            0x4000..=MAX_VECTOR_BYTES => (0x8000_0000, 4),
            _ => {
                self.overflowed = true;
                (0, 1)
            }
        };
        let value = u32::try_from(length).unwrap_or(0);
        ((value | tag).to_be_bytes(), width)
    }

    /// What was written, whether or not a vector was too long.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// The finished encoding.
    ///
    /// # Errors
    /// When any vector was longer than [`MAX_VECTOR_BYTES`].
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        if self.overflowed { Err(EncodeError) } else { Ok(self.out) }
    }

    /// The finished encoding of secrets, which erases itself.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub fn finish_secret(self) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
        let out = Zeroizing::new(self.out);
        if self.overflowed { Err(EncodeError) } else { Ok(out) }
    }
}
