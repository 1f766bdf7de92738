//! The protocol over a provider: the key schedule, the secret tree, both tags, and what becomes of a private message.
//! Rows and proposals, key packages and PSKs are looked up by names that are public; no lookup is by a secret.

use alloc::{format, sync::Arc, vec::Vec};

use cenacle_crypto::{CipherSuite, Digest, Secret, SecretBytes, Signature, Suite, conformance::SeededRng};
use cenacle_mls::{
    Error, What,
    limits::Limits,
    protect::{Padding, private, public},
    schedule::{CommitSecret, EncryptionSecret, InitSecret, NewEpoch, psk_secret},
    secret_tree::{MessageKey, RatchetKind, SecretTree},
    tree::NodeIndex,
    wire::{
        AuthenticatedContent, Content, Epoch, Extensions, FramedContent, FramedContentAuthData, Generation,
        GroupContext, LeafIndex, PreSharedKeyId, ProtocolVersion, Psk, Remove, Sender, SenderData, WireFormat,
    },
};

use super::{Case, Expected};
use crate::constant_time::Probe;

type Run = fn(&dyn Suite, &Probe);

pub(super) fn cases(provider: &str, suite: &Arc<dyn Suite>) -> Vec<Case> {
    let cases: [(&str, Expected, Run); 7] = [
        ("key schedule", Expected::Nothing, schedule),
        ("secret tree", Expected::Nothing, secret_tree),
        ("confirmation tag", Expected::Verdicts(2), confirmation_tag),
        ("membership tag", Expected::Verdicts(2), membership_tag),
        ("private message sealed", Expected::Nothing, private_seal),
        ("sender data", Expected::Verdicts(1), sender_data),
        ("padding", Expected::Verdicts(2), padding),
    ];
    let case = |(what, expected, run): (&str, Expected, Run)| {
        let suite = Arc::clone(suite);
        Case::new(format!("{provider}: {what}"), expected, move |probe| run(&*suite, probe))
    };
    cases.into_iter().map(case).collect()
}

fn context(suite: &dyn Suite) -> GroupContext {
    GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
        group_id: (&b"group"[..]).into(),
        epoch: Epoch(3),
        tree_hash: suite.hash(&[b"tree"]),
        confirmed_transcript_hash: suite.hash(&[b"transcript"]),
        extensions: Extensions::default(),
    }
}

/// An epoch from these secrets.
fn epoch(suite: &dyn Suite, init: Secret, commit: Secret, psk: SecretBytes) -> NewEpoch {
    let id = PreSharedKeyId { psk: Psk::External((&b"psk"[..]).into()), psk_nonce: vec![1; 32].into() };
    let psks = psk_secret(suite, &[(id, psk)]).unwrap();
    let joiner = InitSecret(init).joiner_secret(suite, &CommitSecret(commit), &context(suite)).unwrap();
    let member = joiner.member_secret(suite, &psks);
    drop(member.welcome_secret(suite).unwrap().key_and_nonce(suite).unwrap());
    member.into_epoch(suite, &context(suite)).unwrap()
}

fn plain(byte: u8) -> Secret {
    Secret::from_slice(&[byte; 32]).unwrap()
}

fn schedule(suite: &dyn Suite, probe: &Probe) {
    let expected = epoch(suite, plain(1), plain(2), SecretBytes::from(vec![3; 32]));
    let hidden = epoch(suite, probe.secret(&[1; 32]), probe.secret(&[2; 32]), probe.secret_bytes(&[3; 32]));
    assert_eq!(probe.revealed(hidden.secrets.init_secret.0.expose()), expected.secrets.init_secret.0.expose());
    let export = |epoch: &NewEpoch| epoch.secrets.export(suite, "label", b"context", 32).unwrap();
    assert_eq!(probe.revealed(export(&hidden).expose()), export(&expected).expose());
    let (_, external) = hidden.secrets.external_key_pair(suite).unwrap();
    let (_, expected) = expected.secrets.external_key_pair(suite).unwrap();
    assert_eq!(probe.revealed(&external.0), &*expected.0);
}

fn secret_tree(suite: &dyn Suite, probe: &Probe) {
    let keys = |secret: Secret| {
        let mut tree = SecretTree::new(NodeIndex::root_of_level(3), EncryptionSecret(secret));
        let (limits, leaf) = (Limits::default(), LeafIndex(5));
        let (_, own, change) = tree.next_own(suite, leaf, RatchetKind::Application, &limits).unwrap();
        tree.apply(change);
        let (other, change) =
            tree.key_for(suite, LeafIndex(2), RatchetKind::Handshake, Generation(2), &limits).unwrap();
        tree.apply(change);
        [own, other].map(|key| [key.key.expose(), key.nonce.expose()].concat())
    };
    let expected = keys(plain(4));
    for (hidden, expected) in keys(probe.secret(&[4; 32])).iter().zip(&expected) {
        assert_eq!(probe.revealed(hidden), *expected);
    }
}

fn confirmation_tag(suite: &dyn Suite, probe: &Probe) {
    let transcript = suite.hash(&[b"transcript"]);
    let epoch = |secret: Secret| epoch(suite, secret, plain(2), SecretBytes::from(vec![3; 32]));
    let tag = epoch(plain(1)).confirmation_tag(suite, &transcript);
    assert!(epoch(probe.secret(&[1; 32])).confirm(suite, &transcript, &tag).is_ok());
    let refused = epoch(probe.secret(&[1; 32])).confirm(suite, &transcript, &damaged(&tag));
    assert!(matches!(refused, Err(Error::Unverified(What::ConfirmationTag))));
}

fn damaged(tag: &Digest) -> Digest {
    let mut bytes = tag.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    Digest::from_slice(&bytes).unwrap()
}

fn content(wire_format: WireFormat, content: Content) -> AuthenticatedContent {
    let content = FramedContent {
        group_id: (&b"group"[..]).into(),
        epoch: Epoch(3),
        sender: Sender::Member(LeafIndex(1)),
        authenticated_data: Vec::new().into(),
        content,
    };
    let signature = Signature(vec![5; 64].into());
    AuthenticatedContent { wire_format, content, auth: FramedContentAuthData { signature, confirmation_tag: None } }
}

fn membership_tag(suite: &dyn Suite, probe: &Probe) {
    let context = context(suite);
    let proposal = Content::Proposal(cenacle_mls::wire::Proposal::Remove(Remove { removed: LeafIndex(2) }));
    let content = content(WireFormat::PUBLIC_MESSAGE, proposal);
    let key = probe.secret(&[6; 32]);
    let message = public::protect(suite, content.clone(), &context, &plain(6)).unwrap();
    let tagged = public::protect(suite, content, &context, &key).unwrap();
    assert_eq!(probe.revealed(&tagged.membership_tag.unwrap()), *message.membership_tag.unwrap());
    assert!(public::unprotect(suite, message.clone(), &context, &key).is_ok());
    let mut refused = message;
    refused.membership_tag = refused.membership_tag.as_ref().map(damaged);
    let refused = public::unprotect(suite, refused, &context, &key);
    assert!(matches!(refused, Err(Error::Unverified(What::MembershipTag))));
}

fn application(text: &[u8]) -> AuthenticatedContent {
    content(WireFormat::PRIVATE_MESSAGE, Content::Application(text.into()))
}

const PADDING: Padding = Padding { multiple_bytes: 256 };

/// A private message of generation 7 under keys that `secret` makes.
fn sealed(
    suite: &dyn Suite,
    content: &AuthenticatedContent,
    secret: impl Fn(&[u8]) -> Secret,
) -> cenacle_mls::wire::PrivateMessage {
    let (key, sender_data) = (key(suite, &secret), secret(&[8; 32]));
    let position = (Generation(7), &key);
    private::protect(suite, content, position, &sender_data, PADDING, &mut SeededRng::new(3)).unwrap()
}

fn key(suite: &dyn Suite, secret: impl Fn(&[u8]) -> Secret) -> MessageKey {
    MessageKey { key: secret(&vec![9; suite.aead_key_length()]), nonce: secret(&vec![10; suite.aead_nonce_length()]) }
}

fn private_seal(suite: &dyn Suite, probe: &Probe) {
    let expected = sealed(suite, &application(&[1; 50]), |bytes| Secret::from_slice(bytes).unwrap());
    let hidden = sealed(suite, &application(&probe.hidden(&[1; 50])), |bytes| probe.secret(bytes));
    assert_eq!(probe.revealed(&hidden.ciphertext), &*expected.ciphertext);
    assert_eq!(probe.revealed(&hidden.encrypted_sender_data), &*expected.encrypted_sender_data);
}

fn sender_data(suite: &dyn Suite, probe: &Probe) {
    let message = sealed(suite, &application(&[1; 50]), |bytes| Secret::from_slice(bytes).unwrap());
    // Who it is from is looked at from here on: it says which key to take.
    let opened = private::open_sender_data(suite, &message, &probe.secret(&[8; 32])).unwrap();
    let leaf = probe.revealed(&opened.leaf_index.0.to_be_bytes());
    assert_eq!(leaf, LeafIndex(1).0.to_be_bytes());
}

/// What the content is must be looked at. How the padding that follows it is made must not: it is hidden where it stands in the
/// ciphertext, byte for byte, so that the tag and the padding are what the outcome depends on.
fn padding(suite: &dyn Suite, probe: &Probe) {
    let plain = |bytes: &[u8]| Secret::from_slice(bytes).unwrap();
    let text = [1; 50];
    let mut message = sealed(suite, &application(&text), plain);
    let sender = SenderData { leaf_index: LeafIndex(1), generation: Generation(7), reuse_guard: guard() };
    let (tag, content) = (16, 51 + 66);
    let mut ciphertext = message.ciphertext.to_vec();
    let end = ciphertext.len() - tag;
    assert_eq!(end, 256, "padded");
    probe.hide(&mut ciphertext[content..end]);
    message.ciphertext = ciphertext.into();
    let opened = private::open_content(suite, &message, &sender, &key(suite, plain)).unwrap();
    assert_eq!(opened.content.content, Content::Application((&text[..]).into()));
}

/// The reuse guard that the seed leads to.
fn guard() -> [u8; 4] {
    let mut guard = [0; 4];
    cenacle_crypto::Rng::fill(&mut SeededRng::new(3), &mut guard).unwrap();
    guard
}
