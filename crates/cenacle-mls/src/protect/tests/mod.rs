//! Framing on its own (RFC 9420 §6.1 to §6.3): what is bound, what is refused. Vectors and whole groups are tested
//! elsewhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use alloc::sync::Arc;

use cenacle_crypto::{CipherSuite, CryptoProvider, Digest, Secret, Signer, Suite, conformance::SeededRng};
use cenacle_crypto_rustcrypto::RustCryptoProvider;

use super::*;
use crate::{
    Error, Rule, What,
    secret_tree::MessageKey,
    wire::{
        AuthenticatedContent, Content, Epoch, Extensions, FramedContent, FramedContentAuthData, Generation,
        GroupContext, GroupId, LeafIndex, Proposal, ProtocolVersion, Remove, Sender, WireFormat,
    },
};

struct Room {
    suite: Arc<dyn Suite>,
    signer: alloc::boxed::Box<dyn Signer>,
    context: GroupContext,
    secret: Secret,
}

impl Room {
    fn new() -> Self {
        let suite = RustCryptoProvider.suite(CipherSuite(1)).unwrap();
        let (secret, _) = suite.signature_key_pair(&mut SeededRng::new(1)).unwrap();
        let context = GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(1),
            group_id: GroupId::from(&b"group"[..]),
            epoch: Epoch(3),
            tree_hash: Digest::EMPTY,
            confirmed_transcript_hash: Digest::EMPTY,
            extensions: Extensions::default(),
        };
        Self { signer: suite.signer(&secret).unwrap(), secret: suite.extract(b"key", &[]), context, suite }
    }

    fn signed(&self, sender: Sender, content: Content, wire_format: WireFormat) -> AuthenticatedContent {
        let content = FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender,
            authenticated_data: (&b"aad"[..]).into(),
            content,
        };
        let signature = sign(&*self.signer, wire_format, &content, &self.context).unwrap();
        AuthenticatedContent { wire_format, content, auth: FramedContentAuthData { signature, confirmation_tag: None } }
    }

    /// Neither zero nor all ones anywhere.
    fn nonce(&self) -> Secret {
        Secret::from_slice(&[0x5a; 12]).unwrap()
    }

    fn key(&self) -> MessageKey {
        MessageKey { key: Secret::zero(self.suite.aead_key_length()), nonce: self.nonce() }
    }
}

fn remove() -> Content {
    Content::Proposal(Proposal::Remove(Remove { removed: LeafIndex(1) }))
}

const MEMBER: Sender = Sender::Member(LeafIndex(0));

#[test]
fn a_signature_is_bound_to_its_epoch_and_way_of_travel() {
    let room = Room::new();
    let key = room.signer.public_key();
    let signed = room.signed(MEMBER, remove(), WireFormat::PUBLIC_MESSAGE);
    assert!(verify(&*room.suite, signed.clone(), &room.context, key).is_ok());
    let unverified = Err(Error::Unverified(What::ContentSignature));
    let other = GroupContext { epoch: Epoch(4), ..room.context.clone() };
    assert_eq!(verify(&*room.suite, signed.clone(), &other, key), unverified);
    let rewrapped = AuthenticatedContent { wire_format: WireFormat::PRIVATE_MESSAGE, ..signed };
    assert_eq!(verify(&*room.suite, rewrapped, &room.context, key), unverified);
}

#[test]
fn a_membership_tag_covers_signature_and_content() {
    let room = Room::new();
    let signed = room.signed(MEMBER, remove(), WireFormat::PUBLIC_MESSAGE);
    let message = public::protect(&*room.suite, signed.clone(), &room.context, &room.secret).unwrap();
    let opened = public::unprotect(&*room.suite, message.clone(), &room.context, &room.secret).unwrap();
    assert_eq!(opened, signed);
    let unverified = Err(Error::Unverified(What::MembershipTag));
    let mut forged = message.clone();
    forged.content.authenticated_data = (&b"other"[..]).into();
    assert_eq!(public::unprotect(&*room.suite, forged, &room.context, &room.secret), unverified);
    let mut forged = message.clone();
    forged.auth.signature = cenacle_crypto::Signature((&[0u8; 64]).into());
    assert_eq!(public::unprotect(&*room.suite, forged, &room.context, &room.secret), unverified);
    let mut forged = message;
    forged.membership_tag = Some(Digest::EMPTY);
    assert_eq!(public::unprotect(&*room.suite, forged, &room.context, &room.secret), unverified);
}

#[test]
fn application_data_never_travels_in_the_clear() {
    let room = Room::new();
    let data = Content::Application((&b"data"[..]).into());
    let signed = room.signed(MEMBER, data, WireFormat::PUBLIC_MESSAGE);
    let refused = public::protect(&*room.suite, signed, &room.context, &room.secret);
    assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::ApplicationDataIsEncrypted));
}

/// §6.3.2: Only members make sender data.
#[test]
fn r080_only_members_encrypt() {
    let room = Room::new();
    let protected = |sender| {
        let signed = room.signed(sender, remove(), WireFormat::PRIVATE_MESSAGE);
        let key = room.key();
        let (keyed, rng) = ((Generation(0), &key), &mut SeededRng::new(2));
        private::protect(&*room.suite, &signed, keyed, &room.secret, Padding::default(), rng)
    };
    for sender in [Sender::External(0), Sender::NewMemberProposal, Sender::NewMemberCommit] {
        assert_eq!(protected(sender).unwrap_err(), Error::Invalid(Rule::PrivateSenderIsMember));
    }
    assert!(protected(MEMBER).is_ok());
}

#[test]
fn every_field_of_a_private_message_is_bound() {
    let room = Room::new();
    let signed = room.signed(MEMBER, remove(), WireFormat::PRIVATE_MESSAGE);
    let generation = Generation(5);
    let message = private::protect(
        &*room.suite,
        &signed,
        (generation, &room.key()),
        &room.secret,
        Padding { multiple_bytes: 128 },
        &mut SeededRng::new(2),
    )
    .unwrap();
    assert_eq!(message.ciphertext.len() % 128, 16);
    let open = |message: &crate::wire::PrivateMessage| {
        let sender = private::open_sender_data(&*room.suite, message, &room.secret)?;
        private::open_content(&*room.suite, message, &sender, &room.key()).map(|content| (sender, content))
    };
    let (sender, content) = open(&message).unwrap();
    assert_eq!((sender.leaf_index, sender.generation), (LeafIndex(0), generation));
    assert_eq!(content, signed);
    let mut forged = message.clone();
    forged.epoch = Epoch(4);
    assert!(open(&forged).is_err());
    let mut forged = message.clone();
    forged.group_id = GroupId::from(&b"other"[..]);
    assert!(open(&forged).is_err());
    let mut forged = message.clone();
    forged.content_type = crate::wire::ContentType::Commit;
    assert!(open(&forged).is_err());
    let mut forged = message.clone();
    forged.authenticated_data = cenacle_codec::Opaque::EMPTY;
    assert_eq!(open(&forged).unwrap_err(), Error::Unverified(What::Ciphertext));
    let mut forged = message;
    forged.ciphertext = (&forged.ciphertext[..20]).into();
    assert!(open(&forged).is_err());
}

// §6.3.1: the guard is added to the first four bytes of the nonce by exclusive or, and to no other.
#[test]
fn the_reuse_guard_is_mixed_into_the_nonce() {
    let room = Room::new();
    let content = room.signed(
        Sender::Member(LeafIndex(1)),
        Content::Application((&b"x"[..]).into()),
        WireFormat::PRIVATE_MESSAGE,
    );
    let (secret, rng) = (Secret::zero(32), &mut SeededRng::new(8));
    let message =
        private::protect(&*room.suite, &content, (Generation(0), &room.key()), &secret, Padding::default(), rng)
            .unwrap();
    let guard = private::open_sender_data(&*room.suite, &message, &secret).unwrap().reuse_guard;
    let mut nonce = [0x5a; 12];
    for (byte, guard) in nonce.iter_mut().zip(guard) {
        *byte = (*byte & !guard) | (!*byte & guard);
    }
    let aad = cenacle_codec::Encode::to_bytes(&crate::wire::PrivateContentAad(&message)).unwrap();
    let nonce = Secret::from_slice(&nonce).unwrap();
    assert!(room.suite.aead_open(&room.key().key, &nonce, &aad, &message.ciphertext).is_ok());
}
