//! transcript-hashes.json: a signed commit of a proposal by value and one by reference.

use cenacle_codec::{Encode as _, Opaque};
use cenacle_crypto::Digest;
use cenacle_mls::{
    protect,
    schedule::{confirmed_transcript_hash, interim_transcript_hash},
    wire::{
        AuthenticatedContent, Commit, Content, Epoch, Extensions, FramedContent, FramedContentAuthData, GroupContext,
        GroupId, LeafIndex, Proposal, ProposalOrRef, ProposalRef, ProtocolVersion, Remove, Sender, WireFormat,
    },
};

use super::{
    super::{check::Failure, transcript_hashes::TranscriptHashes},
    Case, Size,
    person::Person,
};

pub(super) fn count(_: Size) -> usize {
    1
}

pub(super) fn make(case: &mut Case) -> Result<TranscriptHashes, Failure> {
    let nh = case.hash_length();
    let before = case.dice.digest(nh);
    let confirmation_key = case.dice.bytes(nh);
    let mut commit = commit(case)?;
    let suite = &*case.suite;
    let confirmed = confirmed_transcript_hash(suite, &before, &commit)?;
    let tag = suite.mac(&confirmation_key, &[&confirmed]);
    commit.auth.confirmation_tag = Some(tag);
    let interim = interim_transcript_hash(suite, &confirmed, &tag)?;
    Ok(TranscriptHashes {
        cipher_suite: case.cipher_suite(),
        confirmation_key: confirmation_key.into(),
        authenticated_content: commit.to_bytes()?.into(),
        interim_transcript_hash_before: before.as_slice().into(),
        confirmed_transcript_hash_after: confirmed.as_slice().into(),
        interim_transcript_hash_after: interim.as_slice().into(),
    })
}

fn commit(case: &mut Case) -> Result<AuthenticatedContent, Failure> {
    let nh = case.hash_length();
    let dice = &mut case.dice;
    let by_value = Proposal::Remove(Remove { removed: LeafIndex(dice.number32() % 1000) });
    let by_reference = ProposalRef(dice.digest(nh));
    let content = FramedContent {
        group_id: GroupId::from(dice.bytes(16).as_slice()),
        epoch: Epoch(dice.number()),
        sender: Sender::Member(LeafIndex(dice.number32() % 1000)),
        authenticated_data: Opaque::from(dice.bytes(12)),
        content: Content::Commit(Commit {
            proposals: vec![ProposalOrRef::Proposal(by_value), ProposalOrRef::Reference(Box::new(by_reference))],
            path: None,
        }),
    };
    let context = GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: case.suite.cipher_suite(),
        group_id: content.group_id.clone(),
        epoch: content.epoch,
        tree_hash: dice.digest(nh),
        confirmed_transcript_hash: dice.digest(nh),
        extensions: Extensions::default(),
    };
    let person = Person::new(&case.suite, &mut case.dice)?;
    let wire_format = WireFormat::PUBLIC_MESSAGE;
    let signature = protect::sign(person.signer(), wire_format, &content, &context)?;
    let auth = FramedContentAuthData { signature, confirmation_tag: Some(Digest::EMPTY) };
    Ok(AuthenticatedContent { wire_format, content, auth })
}
