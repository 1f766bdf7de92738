//! A bounded cursor over received bytes (RFC 9420 §2.1). Every read is checked against what remains, every
//! length header against its canonical form, and every refusal says at which offset and why. So is what is decoded: it may
//! take memory in proportion to the input and no more.

use core::fmt;

/// Why bytes are not the canonical encoding of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The input ends before the value does.
    UnexpectedEnd,
    /// Bytes are left over after the value.
    TrailingBytes,
    /// A length header uses more bytes than its value needs (RFC 9420 §2.1.2).
    NonMinimalLength,
    /// A length header starts with the reserved bits `11` (RFC 9420 §2.1.2).
    ReservedLength,
    /// A presence octet is neither 0 nor 1 (RFC 9420 §2.1.1).
    BadPresence,
    /// A vector holds more than its cap, which is given in its own unit.
    OverCap(usize),
    /// What is decoded would take more than [`MEMORY_FACTOR`] times its encoding in memory.
    OverMemory,
    /// A discriminant selects no variant of the named type and the type cannot carry it.
    UnknownVariant(&'static str),
    /// A value of the named type that its definition forbids.
    Forbidden(&'static str),
}

/// A refusal to decode, with the offset of the offending byte from the start of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// Bytes from the start of the outermost input.
    pub offset: usize,
    /// What is wrong there.
    pub kind: DecodeErrorKind,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: ", self.offset)?;
        match self.kind {
            DecodeErrorKind::UnexpectedEnd => f.write_str("the input ends inside a value"),
            DecodeErrorKind::TrailingBytes => f.write_str("bytes are left over after the value"),
            DecodeErrorKind::NonMinimalLength => f.write_str("a length header is longer than its value needs"),
            DecodeErrorKind::ReservedLength => f.write_str("a length header starts with the reserved bits 11"),
            DecodeErrorKind::BadPresence => f.write_str("a presence octet is neither 0 nor 1"),
            DecodeErrorKind::OverCap(cap) => write!(f, "a vector holds more than its cap of {cap}"),
            DecodeErrorKind::OverMemory => f.write_str("the value takes too much memory for its length"),
            DecodeErrorKind::UnknownVariant(name) => write!(f, "no such variant of {name}"),
            DecodeErrorKind::Forbidden(name) => write!(f, "a value that {name} forbids"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// So many bytes of memory may be allocated for each byte of the outermost input.
///
/// Long lists of tiny items are what takes the most. What a rule of MLS lets through takes less by itself, whatever surrounds it.
/// That makes it a bound of the memory an attacker gets, and no limit for anyone else.
pub const MEMORY_FACTOR: usize = 16;

/// And so many besides, in bytes.
pub const MEMORY_BESIDES: usize = 64 * 1024;

/// A cursor over a byte slice, never copying, never reading past its end.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
    /// Bytes of memory that may still be allocated.
    memory: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        let memory = bytes.len().saturating_mul(MEMORY_FACTOR).saturating_add(MEMORY_BESIDES);
        Self { rest: bytes, offset: 0, memory }
    }

    /// As [`Reader::new`], for what was decoded before: it takes what it took then.
    #[must_use]
    pub const fn of_own(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0, memory: usize::MAX }
    }

    /// Bytes consumed so far, counted from the outermost input.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A refusal at the current offset.
    #[must_use]
    pub const fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { offset: self.offset, kind }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// `UnexpectedEnd` when fewer remain.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(DecodeErrorKind::UnexpectedEnd));
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(count);
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// `UnexpectedEnd` when fewer remain.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.error(DecodeErrorKind::UnexpectedEnd));
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(N);
        Ok(*taken)
    }

    /// A length header in its minimal form, in bytes (RFC 9420 §2.1.2).
    ///
    /// # Errors
    /// `NonMinimalLength`, `ReservedLength` or `UnexpectedEnd`.
    pub fn length(&mut self) -> Result<usize, DecodeError> {
        let start = self.clone();
        let [first] = self.array::<1>()?;
        let low = usize::from(first & 0x3f);
        let (value, least) = match first >> 6 {
            0 => (low, 0),
            1 => {
                let [second] = self.array::<1>()?;
                (low << 8 | usize::from(second), 1 << 6)
            }
            2 => {
                let [b, c, d] = self.array::<3>()?;
                (low << 24 | usize::from(b) << 16 | usize::from(c) << 8 | usize::from(d), 1 << 14)
            }
            _ => return Err(start.error(DecodeErrorKind::ReservedLength)),
        };
        if value < least {
            return Err(start.error(DecodeErrorKind::NonMinimalLength));
        }
        Ok(value)
    }

    /// The content of a length-prefixed vector of bytes.
    ///
    /// # Errors
    /// As [`Reader::length`]; `UnexpectedEnd` when the content is cut short.
    pub fn opaque(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.length()?;
        self.bytes(length)
    }

    /// Reads a length-prefixed vector with `read`, which is to leave nothing of its content.
    ///
    /// # Errors
    /// As [`Reader::opaque`]; whatever `read` fails with; `TrailingBytes` when it leaves something.
    pub fn vector<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
        let length = self.length()?;
        let offset = self.offset;
        let mut content = Reader { rest: self.bytes(length)?, offset, memory: self.memory };
        let value = read(&mut content)?;
        self.memory = content.memory;
        content.finish().map(|()| value)
    }

    /// Tells that so many bytes of memory are about to be allocated for what is read. Decoders that keep more than the
    /// values of this crate say so here.
    ///
    /// # Errors
    /// `OverMemory` when all that was decoded before has left no room for them.
    pub fn allocate(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.memory = self.memory.checked_sub(bytes).ok_or_else(|| self.error(DecodeErrorKind::OverMemory))?;
        Ok(())
    }

    /// Ends reading.
    ///
    /// # Errors
    /// `TrailingBytes` when anything is left.
    pub const fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error(DecodeErrorKind::TrailingBytes)) }
    }
}
