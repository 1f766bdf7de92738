//! Secret bytes. They erase themselves, print as `Secret(..)`, have no `Clone` and no `==`: whoever needs a copy
//! says [`Secret::duplicate`], whoever needs the bytes says `expose`, and both can be found by searching for the word.

use alloc::vec::Vec;
use core::fmt;

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A secret of at most [`Secret::MAX_BYTES`] bytes, inline: outputs of the KDF, AEAD keys and nonces.
pub struct Secret {
    length: u8,
    bytes: [u8; Secret::MAX_BYTES],
}

impl Secret {
    /// The largest KDF output of any suite (HKDF-SHA512).
    pub const MAX_BYTES: usize = 64;

    /// Copies `bytes`, or gives `None` if they are more than [`Secret::MAX_BYTES`].
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self { length: u8::try_from(bytes.len()).ok()?, bytes: [0; Self::MAX_BYTES] };
        secret.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(secret)
    }

    /// `length` zero bytes, capped at [`Secret::MAX_BYTES`]: the RFC's "0", or room to be filled.
    #[must_use]
    pub fn zero(length: usize) -> Self {
        let length = u8::try_from(length.min(Self::MAX_BYTES)).unwrap_or(0);
        Self { length, bytes: [0; Self::MAX_BYTES] }
    }

    /// The secret bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The secret bytes, to be overwritten.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..usize::from(self.length)).unwrap_or_default()
    }

    /// A second copy, which must be justified where it is made.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self { length: self.length, bytes: self.bytes }
    }

    /// Compares in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // What is beyond the length was never written.
        self.expose_mut().zeroize();
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

/// A secret of any length, on the heap: private keys, external PSKs, decrypted content.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// The secret bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A second copy, which must be justified where it is made.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// The bytes by value, still erasing themselves.
    #[must_use]
    pub fn into_zeroizing(mut self) -> Zeroizing<Vec<u8>> {
        core::mem::take(&mut self.0)
    }

    /// Compares in constant time (the length is not secret).
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        // The vector would erase itself byte by byte; a slice is erased in one go.
        self.0.as_mut_slice().zeroize();
        self.0.clear();
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretBytes {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for SecretBytes {
    fn from(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
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
}
