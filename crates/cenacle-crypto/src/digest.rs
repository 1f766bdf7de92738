//! The output of a suite's hash or MAC, held inline: digests are made by the thousand and must not allocate.

use core::{fmt, ops::Deref};

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer};
use subtle::ConstantTimeEq;

/// A public hash or MAC value of at most [`Digest::MAX_BYTES`] bytes. Its encoding is `opaque x<V>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest {
    length: u8,
    bytes: Inline,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Inline([u8; Digest::MAX_BYTES]);

impl Default for Inline {
    fn default() -> Self {
        Self([0; Digest::MAX_BYTES])
    }
}

impl Digest {
    /// The largest digest of any suite (SHA-512).
    pub const MAX_BYTES: usize = 64;

    /// The value of zero length: what stands where the RFC says "empty".
    pub const EMPTY: Self = Self { length: 0, bytes: Inline([0; Self::MAX_BYTES]) };

    /// Copies `bytes`, or gives `None` if they are more than [`Digest::MAX_BYTES`].
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut inline = Inline::default();
        inline.0.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { length: u8::try_from(bytes.len()).ok()?, bytes: inline })
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.0.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Compares in constant time: for MACs that someone else computed.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.as_slice().ct_eq(other.as_slice()).into()
    }
}

impl Deref for Digest {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Encode for Digest {
    fn encode(&self, out: &mut Writer) {
        out.opaque(self.as_slice());
    }
}

impl Decode for Digest {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        let bytes = from.opaque()?;
        Self::from_slice(bytes).ok_or_else(|| before.error(DecodeErrorKind::OverCap(Self::MAX_BYTES)))
    }
}
