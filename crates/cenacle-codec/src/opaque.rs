//! `opaque x<V>`: bytes behind a length, the commonest field of the protocol.

use alloc::vec::Vec;
use core::{fmt, ops::Deref};

use crate::{Decode, DecodeError, Encode, Reader, Writer};

/// Public bytes with a length header (`opaque x<V>`). Not for secrets: it prints and is not erased.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque(Vec<u8>);

impl Opaque {
    /// No bytes.
    pub const EMPTY: Self = Self(Vec::new());

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, by value.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Opaque {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Opaque {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Opaque {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Opaque {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Opaque {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Encode for Opaque {
    fn encode(&self, out: &mut Writer) {
        out.opaque(&self.0);
    }
}

impl Decode for Opaque {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = from.opaque()?;
        from.allocate(bytes.len())?;
        Ok(bytes.into())
    }
}
