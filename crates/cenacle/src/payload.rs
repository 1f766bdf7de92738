//! What members say to each other inside application messages: text, or a file that lies encrypted at the service.
//!
//! ```text
//! struct { uint16 version = 1; opaque id[16]; uint8 kind; select (kind) { text: opaque<V>; file: FileInfo } }
//! ```
//! The identifier is random, so that a message replayed inside the group is known for what it is (RFC 9750 §8.6).

use core::fmt;

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer};
use cenacle_crypto::{CipherSuite, Secret};
use cenacle_service::wire::ContentHash;

use crate::identity::Text;

const VERSION: u16 = 1;
const TEXT: u8 = 1;
const FILE: u8 = 2;

/// Names a message: 16 random bytes chosen by its sender.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 16]);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Text.
    Text(String),
    /// A file, to be fetched with [`crate::Conversation::download`].
    File(FileInfo),
    /// Something a newer version says; the sender's program is to be asked.
    Unknown,
}

/// Where a file is and how to read it. Whoever has this has the file.
pub struct FileInfo {
    /// The name its sender gave it. It is text from another person and not a path: never open it as it is.
    pub name: String,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// Names the encrypted file at the service.
    pub blob: ContentHash,
    /// Whose AEAD it is encrypted with.
    pub(crate) cipher_suite: CipherSuite,
    /// The key it is encrypted with, used for this file alone.
    pub(crate) key: Secret,
}

impl Clone for FileInfo {
    /// The key is as secret as the file, and goes wherever the application lets the description go.
    fn clone(&self) -> Self {
        let Self { name, size_bytes, blob, cipher_suite, key } = self;
        Self {
            name: name.clone(),
            size_bytes: *size_bytes,
            blob: *blob,
            cipher_suite: *cipher_suite,
            key: key.duplicate(),
        }
    }
}

impl PartialEq for FileInfo {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.size_bytes == other.size_bytes
            && self.blob == other.blob
            && self.cipher_suite == other.cipher_suite
            && self.key.ct_eq(&other.key)
    }
}

impl Eq for FileInfo {}

impl fmt::Debug for FileInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, size_bytes, blob, .. } = self;
        f.debug_struct("FileInfo")
            .field("name", name)
            .field("size_bytes", size_bytes)
            .field("blob", blob)
            .finish_non_exhaustive()
    }
}

impl Encode for FileInfo {
    fn encode(&self, out: &mut Writer) {
        out.opaque(self.name.as_bytes()).put(&self.size_bytes).put(&self.blob.0);
        out.put(&self.cipher_suite).put(&self.key);
    }
}

impl Decode for FileInfo {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            name: Text::decode(from)?.0,
            size_bytes: Decode::decode(from)?,
            blob: ContentHash(from.array()?),
            cipher_suite: Decode::decode(from)?,
            key: Decode::decode(from)?,
        })
    }
}

/// A message's plaintext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) id: MessageId,
    pub(crate) content: Content,
}

impl Encode for Payload {
    fn encode(&self, out: &mut Writer) {
        out.put(&VERSION).put(&self.id.0);
        match &self.content {
            Content::Text(text) => out.put(&TEXT).opaque(text.as_bytes()),
            Content::File(file) => out.put(&FILE).put(file),
            Content::Unknown => out.put(&0u8),
        };
    }
}

impl Decode for Payload {
    /// Later versions keep version and identifier where they are; what follows is theirs.
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        let version = u16::decode(from)?;
        let id = MessageId(from.array()?);
        let content = match (version, u8::decode(from)?) {
            (0, _) => return Err(before.error(DecodeErrorKind::UnknownVariant("Payload"))),
            (VERSION, TEXT) => Content::Text(Text::decode(from)?.0),
            (VERSION, FILE) => Content::File(FileInfo::decode(from)?),
            _ => {
                from.bytes(from.rest().len())?;
                Content::Unknown
            }
        };
        Ok(Self { id, content })
    }
}
