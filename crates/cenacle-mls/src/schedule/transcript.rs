//! Transcript hashes (RFC 9420 §8.2): every commit confirms all before it.

use cenacle_codec::{Encode, Writer};
use cenacle_crypto::{Digest, Suite};

use crate::{Error, wire::AuthenticatedContent};

/// `confirmed_transcript_hash[n]`: over the interim hash before and the commit with its signature.
///
/// # Errors
/// When the commit is too long to encode.
pub fn confirmed_transcript_hash(
    suite: &dyn Suite,
    interim_before: &Digest,
    commit: &AuthenticatedContent,
) -> Result<Digest, Error> {
    let mut input = Writer::new();
    input.put(&commit.wire_format).put(&commit.content).put(&commit.auth.signature);
    Ok(suite.hash(&[interim_before, &input.finish()?]))
}

/// `interim_transcript_hash[n]`: over the confirmed hash and the commit's confirmation tag.
///
/// # Errors
/// Never in practice: a tag fits any vector.
pub fn interim_transcript_hash(suite: &dyn Suite, confirmed: &Digest, tag: &Digest) -> Result<Digest, Error> {
    Ok(suite.hash(&[confirmed, &tag.to_bytes()?]))
}
