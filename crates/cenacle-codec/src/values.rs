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

    /// Moves the reader behind one value and keeps nothing of it: so the items of a vector are counted before there is room for
    /// them. Reads no deeper than it must to find the end, and takes whatever [`Decode::decode`] takes.
    ///
    /// # Errors
    /// When the value's end cannot be found.
    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        Self::decode(from).map(drop)
    }

    /// Reads a value that fills `bytes` exactly.
    ///
    /// # Errors
    /// As [`Decode::decode`], and `TrailingBytes`.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        whole(Reader::new(bytes))
    }

    /// As [`Decode::from_bytes`], for what is one's own: it was decoded before, within the bounds of what it came in, and must
    /// be readable for ever.
    ///
    /// # Errors
    /// As [`Decode::from_bytes`], but for `OverMemory`.
    fn from_own_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        whole(Reader::of_own(bytes))
    }
}

fn whole<T: Decode>(mut from: Reader<'_>) -> Result<T, DecodeError> {
    let value = T::decode(&mut from)?;
    from.finish()?;
    Ok(value)
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
            fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
                from.bytes(size_of::<Self>()).map(drop)
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
    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        A::skip(from)?;
        B::skip(from)
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
    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        from.bytes(N).map(drop)
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
    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        if u8::decode(from)? == 0 { Ok(()) } else { T::skip(from) }
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
            let count = count::<T>(content.clone());
            content.allocate(count.saturating_mul(size_of::<T>()))?;
            let mut items = Self::with_capacity(count);
            while !content.is_empty() {
                let before = content.offset();
                let item = T::decode(content)?;
                if content.offset() == before {
                    // An item without bytes would make the vector endless.
                    return Err(content.error(DecodeErrorKind::Forbidden("a vector of empty items")));
                }
                items.push(item);
            }
            Ok(items)
        })
    }

    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        from.opaque().map(drop)
    }
}

/// How many items there are, as far as they can be told apart: decoding says what is wrong with the next.
fn count<T: Decode>(mut content: Reader<'_>) -> usize {
    let mut count = 0usize;
    let mut rest = content.rest().len();
    while T::skip(&mut content).is_ok() && content.rest().len() < rest {
        rest = content.rest().len();
        count = count.saturating_add(1);
    }
    count
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
            fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
                T::skip(from)
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
