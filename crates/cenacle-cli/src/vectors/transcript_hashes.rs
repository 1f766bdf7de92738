//! transcript-hashes.json: both transcript hashes and the confirmation tag of one commit (RFC 9420 §8.2, §6.1).

use alloc::sync::Arc;

use cenacle_crypto::Suite;
use cenacle_mls::{
    schedule::{confirmed_transcript_hash, interim_transcript_hash},
    wire::{AuthenticatedContent, ContentType},
};
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, Failure, round_trip, same, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// One commit and the hashes before and after it.
#[derive(Serialize, Deserialize)]
pub(crate) struct TranscriptHashes {
    pub(crate) cipher_suite: u16,
    pub(crate) confirmation_key: Hex,
    pub(crate) authenticated_content: Hex,
    pub(crate) interim_transcript_hash_before: Hex,
    pub(crate) confirmed_transcript_hash_after: Hex,
    pub(crate) interim_transcript_hash_after: Hex,
}

impl SuiteVector for TranscriptHashes {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let suite = &**suite;
        let commit = round_trip::<AuthenticatedContent>("authenticated_content", &self.authenticated_content)?;
        same("content_type", commit.content.content.content_type(), ContentType::Commit)?;
        let before = self.interim_transcript_hash_before.digest().at("interim_transcript_hash_before")?;
        let confirmed = confirmed_transcript_hash(suite, &before, &commit)?;
        same_bytes("confirmed_transcript_hash_after", &confirmed, &self.confirmed_transcript_hash_after)?;
        let no_tag = || Failure::refused(&"a commit without it");
        let tag = commit.auth.confirmation_tag.ok_or_else(no_tag).at("confirmation_tag")?;
        same_bytes("confirmation_tag", &tag, &suite.mac(&self.confirmation_key, &[&confirmed]))?;
        let interim = interim_transcript_hash(suite, &confirmed, &tag)?;
        same_bytes("interim_transcript_hash_after", &interim, &self.interim_transcript_hash_after)
    }
}
