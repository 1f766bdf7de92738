//! Files: encrypted in chunks under a key of their own, so that the service stores what it cannot read.
//!
//! Chunk `i` is sealed with the suite's AEAD under the nonce `i` (the key is used for one file, so no nonce repeats)
//! and the associated data `i, last`, so that chunks can be neither reordered nor left out at the end. The service
//! names the result by its hash, which the receiver checks before anything is decrypted.

use core::{convert::Infallible, fmt};
use std::{io, path::Path};

use cenacle_crypto::{CryptoError, Rng, Secret, Suite};
use cenacle_service::wire::ContentHash;
use tokio::{fs::File, io::AsyncReadExt as _};

use crate::payload::FileInfo;

/// The longest file that is sent: a server takes 16 MiB of ciphertext, unless it is told otherwise.
pub const MAX_FILE_BYTES: usize = 15 << 20;

/// Bytes of plaintext in each chunk but the last.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes that sealing adds to each chunk.
const TAG_BYTES: usize = 16;

/// A file's content, of which no more is read than may be sent.
pub(crate) async fn read(path: &Path) -> io::Result<Vec<u8>> {
    let (mut content, room) = (Vec::new(), MAX_FILE_BYTES as u64 + 1);
    File::open(path).await?.take(room).read_to_end(&mut content).await?;
    if content.len() > MAX_FILE_BYTES {
        return Err(io::Error::other("more than 15 MiB: the server takes no such file"));
    }
    Ok(content)
}

/// Why a downloaded file is not the one that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFault {
    /// The service delivered something else.
    OtherContent,
    /// It does not decrypt under the key of the message.
    NotDecryptable,
    /// It has another length than the message says.
    OtherLength,
    /// Its cipher suite is not supplied here.
    UnknownCipherSuite,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherContent => "the service delivered other content than was asked for: try again",
            Self::NotDecryptable => "the file does not decrypt: ask its sender to send it again",
            Self::OtherLength => "the file is not as long as its message says: ask its sender to send it again",
            Self::UnknownCipherSuite => "the file's cipher suite is not supported here",
        })
    }
}

impl core::error::Error for FileFault {}

/// Encrypts a file: what to upload, and what to say in the message. `hashing` is suite 1, whose hash names blobs.
pub(crate) fn seal(
    suite: &dyn Suite,
    hashing: &dyn Suite,
    rng: &mut dyn Rng,
    name: &str,
    plaintext: &[u8],
) -> Result<(Vec<u8>, FileInfo), CryptoError> {
    let key = Secret::filled(suite.aead_key_length(), |out| rng.fill(out))?;
    let count = plaintext.len().div_ceil(CHUNK_BYTES).max(1);
    let mut blob = Vec::with_capacity(plaintext.len().saturating_add(count.saturating_mul(TAG_BYTES)));
    let mut chunks = plaintext.chunks(CHUNK_BYTES);
    for (index, is_last) in positions(count) {
        let chunk = chunks.next().unwrap_or_default();
        blob.extend(suite.aead_seal(&key, &nonce(suite, index), &aad(index, is_last), chunk)?);
    }
    let file = FileInfo {
        name: name.into(),
        size_bytes: u64::try_from(plaintext.len()).map_err(|_| CryptoError::BadLength)?,
        blob: ContentHash::of(hashing, &blob),
        cipher_suite: suite.cipher_suite(),
        key,
    };
    Ok((blob, file))
}

/// Checks and decrypts what the service delivered for `file`.
pub(crate) fn open(suite: &dyn Suite, hashing: &dyn Suite, file: &FileInfo, blob: &[u8]) -> Result<Vec<u8>, FileFault> {
    if ContentHash::of(hashing, blob) != file.blob {
        return Err(FileFault::OtherContent);
    }
    let mut plaintext = Vec::with_capacity(blob.len());
    let mut chunks = blob.chunks(CHUNK_BYTES + TAG_BYTES);
    for (index, is_last) in positions(chunks.len().max(1)) {
        let chunk = chunks.next().unwrap_or_default();
        let opened = suite.aead_open(&file.key, &nonce(suite, index), &aad(index, is_last), chunk);
        plaintext.extend_from_slice(opened.map_err(|_| FileFault::NotDecryptable)?.expose());
    }
    if u64::try_from(plaintext.len()) != Ok(file.size_bytes) {
        return Err(FileFault::OtherLength);
    }
    Ok(plaintext)
}

fn positions(count: usize) -> impl Iterator<Item = (u64, bool)> {
    (1..=count).zip(0u64..).map(move |(number, index)| (index, number == count))
}

fn nonce(suite: &dyn Suite, index: u64) -> Secret {
    let count = |out: &mut [u8]| {
        out.iter_mut().rev().zip(index.to_be_bytes().iter().rev()).for_each(|(to, from)| *to = *from);
        Ok::<_, Infallible>(())
    };
    Secret::filled(suite.aead_nonce_length(), count).unwrap_or_else(|never| match never {})
}

fn aad(index: u64, is_last: bool) -> [u8; 9] {
    let mut aad = [u8::from(is_last); 9];
    aad.iter_mut().zip(index.to_be_bytes()).for_each(|(to, from)| *to = from);
    aad
}
