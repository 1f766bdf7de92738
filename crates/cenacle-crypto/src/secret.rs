//! Secret bytes. They erase themselves, print as `Secret(..)`, have no `Clone` and no `==`: whoever needs a copy
//! says [`Secret::duplicate`], whoever needs the bytes says `expose`, and both can be found by searching for the word.
//!
//! They are on the heap from the first byte on, so that moving one moves a pointer and leaves no copy behind, on the stack
//! or in a vector that grows.

use alloc::{boxed::Box, vec, vec::Vec};
use core::fmt;

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::census;

/// A secret of at most [`Secret::MAX_BYTES`] bytes: outputs of the KDF, AEAD keys and nonces.
pub struct Secret(Box<[u8]>);

impl Secret {
    /// The largest KDF output of any suite (HKDF-SHA512).
    pub const MAX_BYTES: usize = 64;

    fn new(bytes: Box<[u8]>) -> Self {
        census::born(&bytes);
        Self(bytes)
    }

    /// Copies `bytes`, or gives `None` if they are more than [`Secret::MAX_BYTES`].
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > Self::MAX_BYTES { None } else { Some(Self::new(bytes.into())) }
    }

    /// `length` zero bytes, capped at [`Secret::MAX_BYTES`]: the RFC's "0".
    #[must_use]
    pub fn zero(length: usize) -> Self {
        Self::new(vec![0; length.min(Self::MAX_BYTES)].into())
    }

    /// A secret of `length` bytes, capped at [`Secret::MAX_BYTES`], that `fill` writes where they stay.
    ///
    /// # Errors
    /// What `fill` fails with.
    pub fn filled<E>(length: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = Zeroizing::new(vec![0; length.min(Self::MAX_BYTES)]);
        fill(&mut bytes)?;
        Ok(Self::new(core::mem::take(&mut *bytes).into()))
    }

    /// The secret bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A second copy, which must be justified where it is made.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::new(self.0.clone())
    }

    /// Compares in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        census::died(&self.0);
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Encode for Secret {
    fn encode(&self, out: &mut Writer) {
        out.opaque(self.expose());
    }
}

impl Decode for Secret {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        let bytes = from.opaque()?;
        Self::from_slice(bytes).ok_or_else(|| before.error(DecodeErrorKind::OverCap(Self::MAX_BYTES)))
    }
}

/// A secret of any length: private keys, external PSKs, decrypted content.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        census::born_long(&bytes);
        Self(bytes)
    }

    /// A secret of `length` bytes that `fill` writes where they stay.
    ///
    /// # Errors
    /// What `fill` fails with.
    pub fn filled<E>(length: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        fill(&mut bytes)?;
        Ok(Self::new(bytes))
    }

    /// The secret bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A second copy, which must be justified where it is made.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::new(self.0.clone())
    }

    /// Compares in constant time (the length is not secret).
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        census::died_long(&self.0);
        // The vector would erase itself byte by byte; a slice is erased in one go.
        self.0.as_mut_slice().zeroize();
        self.0.clear();
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(Zeroizing::new(bytes))
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretBytes {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::new(bytes)
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> Self {
        Self::new(Zeroizing::new(bytes.to_vec()))
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

impl Encode for SecretBytes {
    fn encode(&self, out: &mut Writer) {
        out.opaque(self.expose());
    }
}

impl Decode for SecretBytes {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = from.opaque()?;
        from.allocate(bytes.len())?;
        Ok(bytes.into())
    }

    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        from.opaque().map(drop)
    }
}
