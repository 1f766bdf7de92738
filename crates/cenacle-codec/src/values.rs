//! What can be encoded and decoded, and the basic values: integers, optional values, vectors, shared and
//! boxed values, arrays of fixed length (RFC 9420 §2.1).

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use zeroize::Zeroizing;

use crate::{DecodeError, DecodeErrorKind, EncodeError, Reader, Writer};

/// A value with one canonical encoding.
pub trait Encode {
    /// Appends the encoding.
    fn encode(&self, out: &mut Writer);

    /// The encoding on its own.
    ///
    /// # Errors
    /// When a vector inside is too long for a length header.
    fn to_bytes(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = Writer::with_capacity(256);
        self.encode(&mut out);
        out.finish()
    }

    /// The encoding of a secret, which erases itself and leaves no copy behind.
    ///
    /// # Errors
    /// As [`Encode::to_bytes`].
    fn to_secret_bytes(&self) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
        // What has to be erased should be small: most secrets are.
        let mut out = Writer::erasing(64);
        self.encode(&mut out);
        out.finish_secret()
    }
}

/// A value that can be read back from its encoding.
pub trait Decode: Sized {
    /// Reads one value and leaves the reader behind it.
    ///
    /// # Errors
    /// When the bytes are not a canonical encoding.
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads a value that fills `bytes` exactly.
    ///
    /// # Errors
    /// As [`Decode::decode`], and `TrailingBytes`.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Reader::new(bytes);
        let value = Self::decode(&mut from)?;
        from.finish()?;
        Ok(value)
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Encode for $int {
            fn encode(&self, out: &mut Writer) {
                out.bytes(&self.to_be_bytes());
            }
        }
        impl Decode for $int {
            fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self::from_be_bytes(from.array()?))
            }
        }
    )*};
}
integers!(u8, u16, u32, u64);

impl Encode for () {
    fn encode(&self, _: &mut Writer) {}
}

impl Decode for () {
    fn decode(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

impl<A: Encode, B: Encode> Encode for (A, B) {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.0).put(&self.1);
    }
}

impl<A: Decode, B: Decode> Decode for (A, B) {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok((A::decode(from)?, B::decode(from)?))
    }
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, out: &mut Writer) {
        out.bytes(self);
    }
}

impl<const N: usize> Decode for [u8; N] {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array()
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, out: &mut Writer) {
        (**self).encode(out);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Writer) {
        match self {
            None => out.put(&0u8),
            Some(value) => out.put(&1u8).put(value),
        };
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            0 => Ok(None),
            1 => T::decode(from).map(Some),
            _ => Err(before.error(DecodeErrorKind::BadPresence)),
        }
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, out: &mut Writer) {
        out.vector(|out| self.iter().for_each(|item| item.encode(out)));
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut Writer) {
        self.as_slice().encode(out);
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.vector(|content| {
            let mut items = Self::new();
            // The number and offset of the first item that room was not made with.
            let mut since = (0, content.offset());
            while !content.is_empty() {
                let before = content.offset();
                let item = T::decode(content)?;
                if content.offset() == before {
                    // An item without bytes would make the vector endless.
                    return Err(content.error(DecodeErrorKind::Forbidden("a vector of empty items")));
                }
                if items.len() == items.capacity() {
                    make_room(&mut items, before, since, content)?;
                    since = (items.len().saturating_add(1), content.offset());
                }
                items.push(item);
            }
            Ok(items)
        })
    }
}

/// Makes room for the item that was just read, from offset `before` on, and for some that follow it: as many as there can be
/// if they are as long as those `since`. If these are all of one length it is believed that so is the rest, and nothing is
/// allocated twice or in vain; else room is made for at most seven times as many as there are.
fn make_room<T>(
    items: &mut Vec<T>,
    before: usize,
    since: (usize, usize),
    content: &mut Reader<'_>,
) -> Result<(), DecodeError> {
    let read = items.len().saturating_add(1);
    let (recent, bytes) = (read.saturating_sub(since.0).max(1), content.offset().saturating_sub(since.1).max(1));
    let rest = content.rest().len().saturating_mul(recent);
    let fits = rest.is_multiple_of(bytes);
    let alike = fits && recent >= 8 && content.offset().saturating_sub(before).saturating_mul(recent) == bytes;
    // A guess that is a little low makes the list grow again, which costs more than some room unused.
    let spare = if fits { 0 } else { rest / bytes / 8 + 1 };
    let most = if alike { usize::MAX } else { read.saturating_mul(7) };
    let capacity = read.saturating_add((rest / bytes + spare).min(most));
    content.allocate(capacity.saturating_mul(size_of::<T>()))?;
    items.reserve_exact(capacity.saturating_sub(items.len()));
    Ok(())
}

macro_rules! pointers {
    ($($pointer:ident),*) => {$(
        impl<T: Encode + ?Sized> Encode for $pointer<T> {
            fn encode(&self, out: &mut Writer) {
                (**self).encode(out);
            }
        }
        impl<T: Decode> Decode for $pointer<T> {
            fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let value = T::decode(from)?;
                // An Arc has two counters besides.
                from.allocate(size_of::<(T, usize, usize)>())?;
                Ok($pointer::new(value))
            }
        }
    )*};
}
pointers!(Box, Arc);

/// One type's decoder, for tests that go through many.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    /// The type's name.
    pub name: &'static str,
    /// Decodes bytes.
    pub decode: fn(&[u8]) -> Result<(), DecodeError>,
    /// Decodes bytes and encodes what they gave: the same bytes, if the encoding is canonical.
    pub recode: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
}

impl Decoder {
    /// The decoder of `T`.
    #[must_use]
    pub const fn of<T: Decode + Encode>(name: &'static str) -> Self {
        Self { name, decode: |bytes| T::from_bytes(bytes).map(drop), recode: recode::<T> }
    }
}

fn recode<T: Decode + Encode>(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut out = Writer::with_capacity(bytes.len());
    T::from_bytes(bytes)?.encode(&mut out);
    Ok(out.into_bytes())
}
