//! The small values of the services' JSON: bytes, identifiers and hashes, all as base64url without padding
//! (RFC 4648 §5), and account names. A value of the wrong form does not deserialise.

use alloc::string::String;
use core::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Opaque, Reader, Writer};
use cenacle_crypto::{CipherSuite, Suite};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Text that is not what the named type looks like in JSON or in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {}", self.0)
    }
}

impl core::error::Error for Malformed {}

fn decode_base64url(text: &str, what: &'static str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed(what))
}

/// Gives a type its text form in JSON: what `Display` writes and `FromStr` reads.
macro_rules! text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = alloc::borrow::Cow::<'de, str>::deserialize(from)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}
text!(Base64Url, GroupId, DeviceId, ContentHash, Lineage);

/// Public bytes, usually an encoded MLS object: base64url without padding.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Base64Url(Vec<u8>);

/// A group's identifier, as in its MLS messages; at most [`GroupId::MAX_BYTES`] bytes, base64url without padding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(Vec<u8>);

impl GroupId {
    /// The longest identifier the services accept. RFC 9420 §11 suggests random identifiers, which need far less.
    pub const MAX_BYTES: usize = 255;

    /// Takes the identifier of an MLS message, or gives `None` if it is empty or longer than [`GroupId::MAX_BYTES`].
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        (1..=Self::MAX_BYTES).contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }
}

macro_rules! bytes_of {
    ($($name:ident),*) => {$(
        impl $name {
            /// The bytes.
            #[must_use]
            pub fn as_slice(&self) -> &[u8] {
                &self.0
            }
        }
        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )*};
}
bytes_of!(Base64Url, GroupId, DeviceId, ContentHash, Lineage);

impl Base64Url {
    /// The bytes, by value.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }

    /// How many bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Base64Url {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Base64Url {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl FromStr for Base64Url {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        decode_base64url(text, "base64url without padding").map(Self)
    }
}

impl FromStr for GroupId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WHAT: &str = "a group id: 1 to 255 bytes as base64url without padding";
        Self::from_slice(&decode_base64url(text, WHAT)?).ok_or(Malformed(WHAT))
    }
}

/// Identifiers and hashes of a fixed number of bytes.
macro_rules! fixed {
    ($($(#[$meta:meta])* $name:ident: $bytes:literal, $what:literal;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl TryFrom<&[u8]> for $name {
            type Error = Malformed;
            fn try_from(bytes: &[u8]) -> Result<Self, Malformed> {
                bytes.try_into().map(Self).map_err(|_| Malformed($what))
            }
        }

        impl FromStr for $name {
            type Err = Malformed;
            fn from_str(text: &str) -> Result<Self, Malformed> {
                Self::try_from(decode_base64url(text, $what)?.as_slice())
            }
        }
    )*};
}
fixed! {
    /// Names a device at the services: random, given by the Authentication Service at registration.
    DeviceId: 16, "a device id: 16 bytes as base64url without padding";

    /// SHA-256 of content: of an encoded MLSMessage, of a blob.
    ContentHash: 32, "a SHA-256 hash: 32 bytes as base64url without padding";

    /// Names one history of a server's storage. A server restored from a backup has another: whoever sees it change
    /// must not trust its cursors.
    Lineage: 16, "a lineage: 16 bytes as base64url without padding";
}

impl ContentHash {
    /// The hash of `content`. `suite` must be one whose hash is SHA-256: suite 1, which the services use throughout.
    #[must_use]
    pub fn of(suite: &dyn Suite, content: &[u8]) -> Self {
        let digest = suite.hash(&[content]);
        let mut hash = [0; 32];
        hash.iter_mut().zip(digest.as_slice()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }
}

impl Encode for DeviceId {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.0);
    }
}

impl Decode for DeviceId {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array().map(Self)
    }
}

/// A device's bearer token: its id and 32 random bytes. The server keeps only a hash of it.
///
/// In JSON and in `Authorization: Bearer` it is base64url without padding. It does not print.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DeviceToken {
    bytes: [u8; DeviceToken::BYTES],
}

impl DeviceToken {
    /// Bytes of a token: 16 of the device id, 32 secret ones.
    pub const BYTES: usize = 48;

    /// Puts a token together.
    #[must_use]
    pub fn new(device_id: DeviceId, secret: &[u8; 32]) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes.iter_mut().zip(device_id.0.iter().chain(secret)).for_each(|(to, from)| *to = *from);
        Self { bytes }
    }

    /// Whose token it claims to be.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        let mut id = [0; 16];
        id.iter_mut().zip(&self.bytes).for_each(|(to, from)| *to = *from);
        DeviceId(id)
    }

    /// What the server hashes, and what a client stores: all bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; Self::BYTES] {
        &self.bytes
    }

    /// The text that goes behind `Bearer `.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes)
    }
}

impl From<[u8; DeviceToken::BYTES]> for DeviceToken {
    fn from(bytes: [u8; Self::BYTES]) -> Self {
        Self { bytes }
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken(..)")
    }
}

impl FromStr for DeviceToken {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const WHAT: &str = "a device token: 48 bytes as base64url without padding";
        let bytes = decode_base64url(text, WHAT)?;
        bytes.try_into().map(|bytes| Self { bytes }).map_err(|_| Malformed(WHAT))
    }
}

impl Serialize for DeviceToken {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for DeviceToken {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = alloc::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// An account's name: 1 to 64 of `a`-`z`, `0`-`9`, `.`, `_`, `-`. No capitals and nothing outside ASCII, so that two
/// names that look alike are alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct AccountName(String);

/// Why text is not an [`AccountName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum NameFault {
    /// It has no characters.
    Empty,
    /// It has more than [`AccountName::MAX_CHARS`].
    TooLong,
    /// A character is not of the allowed set.
    Character {
        /// The first that is not.
        found: char,
    },
}

impl fmt::Display for NameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name must not be empty"),
            Self::TooLong => write!(f, "a name has at most {} characters", AccountName::MAX_CHARS),
            Self::Character { found } => {
                write!(f, "a name holds only a-z, 0-9, '.', '_' and '-', not {found:?}")
            }
        }
    }
}

impl core::error::Error for NameFault {}

impl AccountName {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = NameFault;
    fn from_str(text: &str) -> Result<Self, NameFault> {
        let stranger = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-'));
        match stranger {
            Some(found) => Err(NameFault::Character { found }),
            None if text.is_empty() => Err(NameFault::Empty),
            None if text.starts_with('.') => Err(NameFault::Character { found: '.' }),
            None if text.len() > Self::MAX_CHARS => Err(NameFault::TooLong),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccountName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = alloc::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Encode for AccountName {
    fn encode(&self, out: &mut Writer) {
        out.opaque(self.0.as_bytes());
    }
}

impl Decode for AccountName {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        let bytes = Opaque::decode(from)?;
        let name = core::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
        name.ok_or_else(|| before.error(DecodeErrorKind::Forbidden("AccountName")))
    }
}

/// A cipher suite's code point in JSON: its number (RFC 9420 §17.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SuiteNumber(pub u16);

impl From<CipherSuite> for SuiteNumber {
    fn from(suite: CipherSuite) -> Self {
        Self(suite.0)
    }
}

impl From<SuiteNumber> for CipherSuite {
    fn from(number: SuiteNumber) -> Self {
        Self(number.0)
    }
}
