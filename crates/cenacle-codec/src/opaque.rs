//! `opaque x<V>`: bytes behind a length, the commonest field of the protocol.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, ops::Deref};

use crate::{Decode, DecodeError, Encode, Reader, Writer};

/// Public bytes with a length header (`opaque x<V>`). Not for secrets: it prints and is not erased. Without bytes it is `None`,
/// and nothing else: lists of thousands of empty ones are what takes the most memory for its length.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque(Option<Box<[u8]>>);

impl Opaque {
    /// No bytes.
    pub const EMPTY: Self = Self(None);

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The bytes, by value.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0.map(Vec::from).unwrap_or_default()
    }
}

impl Deref for Opaque {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Opaque {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl From<Vec<u8>> for Opaque {
    fn from(bytes: Vec<u8>) -> Self {
        Self((!bytes.is_empty()).then(|| bytes.into_boxed_slice()))
    }
}

impl From<&[u8]> for Opaque {
    fn from(bytes: &[u8]) -> Self {
        Self((!bytes.is_empty()).then(|| bytes.into()))
    }
}

impl<const N: usize> From<&[u8; N]> for Opaque {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Encode for Opaque {
    fn encode(&self, out: &mut Writer) {
        out.opaque(self);
    }
}

impl Decode for Opaque {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = from.opaque()?;
        from.allocate(bytes.len())?;
        Ok(bytes.into())
    }

    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        from.opaque().map(drop)
    }
}
