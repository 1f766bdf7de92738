//! Structures against their encodings (RFC 9420 §6, §6.3.1, §13); the official vectors (`deserialization`, `messages`)
//! run in the testkit.

mod sizes;

use alloc::vec;

use cenacle_codec::{Decode, DecodeErrorKind, Encode};

use super::*;

#[test]
fn unknown_code_points_are_carried_through() {
    let bytes = [0x0a, 0x0a, 2, 7, 9];
    let proposal = Proposal::from_bytes(&bytes).unwrap();
    assert_eq!(proposal.proposal_type(), ProposalType(0x0a0a));
    assert_eq!(proposal.to_bytes().unwrap(), bytes);
    let credential = Credential::from_bytes(&bytes).unwrap();
    assert_eq!(credential.to_bytes().unwrap(), bytes);
    let extensions = Extensions::from_bytes(&[5, 0x0a, 0x0a, 2, 7, 9]).unwrap();
    assert_eq!(extensions.types().collect::<vec::Vec<_>>(), [ExtensionType(0x0a0a)]);
}

#[test]
fn closed_enums_refuse_the_unknown() {
    for bytes in [[0u8], [4], [255]] {
        assert!(matches!(ContentType::from_bytes(&bytes).unwrap_err().kind, DecodeErrorKind::UnknownVariant(_)));
    }
    assert!(Sender::from_bytes(&[5, 0, 0, 0, 0]).is_err());
    assert!(LeafNodeSource::from_bytes(&[0]).is_err());
    assert!(MlsMessage::from_bytes(&[0, 2, 0, 5]).is_err());
    assert!(MlsMessage::from_bytes(&[0, 1, 0, 6]).is_err());
}

#[test]
fn padding_must_be_zero() {
    let content = Content::Application((&[1u8, 2]).into());
    let auth = FramedContentAuthData { signature: cenacle_crypto::Signature((&[9u8]).into()), confirmation_tag: None };
    let mut out = cenacle_codec::Writer::new();
    PrivateMessageContent::encode_padded(&content, &auth, 16, &mut out);
    let bytes = out.finish().unwrap();
    assert_eq!(bytes.len(), 16);
    let read = PrivateMessageContent::decode_padded(ContentType::Application, &bytes).unwrap();
    assert_eq!((read.content, read.auth), (content, auth));
    // In one place, and in two that would cancel each other out.
    for places in [&[15][..], &[14, 15]] {
        let mut bytes = bytes.clone();
        places.iter().for_each(|place| bytes[*place] = 1);
        assert!(PrivateMessageContent::decode_padded(ContentType::Application, &bytes).is_err());
    }
}

#[test]
fn long_lists_of_small_proposals_are_read() {
    let custom = |body: &[u8]| ProposalOrRef::Proposal(Proposal::Custom(ProposalType(0xf001), body.into()));
    let init = Proposal::ExternalInit(ExternalInit { kem_output: (&[7; 32]).into() });
    let commit = |body: &[u8], count| {
        let list = core::iter::once(ProposalOrRef::Proposal(init.clone()));
        Commit { proposals: list.chain((0..count).map(|_| custom(body))).collect(), path: None }
    };
    for (body, count) in [(&b"1234"[..], 50_000), (b"12", 50_000), (b"", 9), (b"", 1_500), (b"", 50_000)] {
        let commit = commit(body, count);
        let read = Commit::from_bytes(&commit.to_bytes().unwrap());
        assert!(read == Ok(commit), "{count} of {} bytes", body.len());
    }
}
