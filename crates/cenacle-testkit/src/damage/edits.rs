//! Damage to one field of a message, its encoding otherwise intact: what flips and truncations cannot reach.

use cenacle_codec::{Decode as _, Encode as _, Opaque};
use cenacle_crypto::{CipherSuite, Digest, Signature};
use cenacle_mls::wire::{
    Content, ContentType, Epoch, ExtensionType, Extensions, GroupId, GroupInfo, KeyPackage, LeafIndex, MlsMessage,
    MlsMessageBody, PrivateMessage, ProtocolVersion, PublicMessage, Sender, Welcome,
};

use super::Damage;

/// Every edit of one field of the message that these bytes encode.
#[must_use]
pub fn edits(bytes: &[u8]) -> Vec<Damage> {
    let message = MlsMessage::from_bytes(bytes).expect("the genuine message decodes");
    let mut made = Vec::new();
    match message.body {
        MlsMessageBody::PublicMessage(genuine) => public(&genuine, &mut made),
        MlsMessageBody::PrivateMessage(genuine) => private(&genuine, &mut made),
        MlsMessageBody::Welcome(genuine) => welcome(&genuine, &mut made),
        MlsMessageBody::GroupInfo(genuine) => group_info(&genuine, &mut made),
        MlsMessageBody::KeyPackage(genuine) => key_package(&genuine, &mut made),
    }
    made.retain(|damage| damage.bytes != bytes);
    made
}

/// The same content, claimed for other epochs and another group.
#[must_use]
pub fn claims(bytes: &[u8], epochs: impl IntoIterator<Item = u64>) -> Vec<Damage> {
    let message = MlsMessage::from_bytes(bytes).expect("the genuine message decodes");
    let claim = |epoch: Epoch, group_id: &GroupId| {
        let body: MlsMessage = match message.body.clone() {
            MlsMessageBody::PublicMessage(mut inner) => {
                (inner.content.epoch, inner.content.group_id) = (epoch, group_id.clone());
                inner.into()
            }
            MlsMessageBody::PrivateMessage(mut inner) => {
                (inner.epoch, inner.group_id) = (epoch, group_id.clone());
                inner.into()
            }
            MlsMessageBody::Welcome(_) | MlsMessageBody::GroupInfo(_) | MlsMessageBody::KeyPackage(_) => {
                panic!("only framed messages belong to an epoch")
            }
        };
        Damage::new(format!("claims {epoch} of {group_id:?}"), body.to_bytes().unwrap())
    };
    let (own, epoch) = (message.group_id().unwrap().clone(), message.epoch().unwrap());
    let longer = GroupId::from([own.as_slice(), &[0]].concat().as_slice());
    let others = [GroupId::from(&b""[..]), GroupId::from(&b"another group"[..]), longer];
    let groups = others.iter().map(|other| claim(epoch, other)).collect::<Vec<_>>();
    let epochs = epochs.into_iter().filter(|other| *other != epoch.0).map(|other| claim(Epoch(other), &own));
    epochs.chain(groups).collect()
}

fn keep<T: Clone + Into<MlsMessage>>(made: &mut Vec<Damage>, genuine: &T, what: &str, edit: impl FnOnce(&mut T)) {
    let mut edited = genuine.clone();
    edit(&mut edited);
    made.push(Damage::new(what, edited.into().to_bytes().unwrap()));
}

/// A field of bytes, a little shorter, longer, empty, and other.
fn strings(genuine: &[u8]) -> Vec<Vec<u8>> {
    let other: Vec<u8> = genuine.iter().rev().copied().collect();
    let shorter = genuine.split_last().map(|(_, rest)| rest.to_vec()).unwrap_or_default();
    vec![shorter, [genuine, &[0]].concat(), [&[0], genuine].concat(), Vec::new(), other]
}

fn opaques(genuine: &Opaque) -> impl Iterator<Item = Opaque> {
    strings(genuine).into_iter().map(Opaque::from)
}

fn digests(genuine: &Digest) -> impl Iterator<Item = Digest> {
    strings(genuine).into_iter().filter_map(|bytes| Digest::from_slice(&bytes))
}

fn signatures(genuine: &Signature) -> impl Iterator<Item = Signature> {
    opaques(&genuine.0).map(Signature)
}

fn public(genuine: &PublicMessage, made: &mut Vec<Damage>) {
    for sender in [
        Sender::Member(LeafIndex(0)),
        Sender::Member(LeafIndex(1)),
        Sender::Member(LeafIndex(u32::MAX)),
        Sender::External(0),
        Sender::NewMemberProposal,
        Sender::NewMemberCommit,
    ] {
        keep(made, genuine, "sender", |message| {
            message.content.sender = sender;
            let tag = message.membership_tag.unwrap_or(Digest::EMPTY);
            message.membership_tag = matches!(sender, Sender::Member(_)).then_some(tag);
        });
    }
    for data in opaques(&genuine.content.authenticated_data) {
        keep(made, genuine, "authenticated data", |message| message.content.authenticated_data = data);
    }
    for signature in signatures(&genuine.auth.signature) {
        keep(made, genuine, "signature", |message| message.auth.signature = signature);
    }
    for tag in genuine.auth.confirmation_tag.iter().flat_map(digests) {
        keep(made, genuine, "confirmation tag", |message| message.auth.confirmation_tag = Some(tag));
    }
    for tag in genuine.membership_tag.iter().flat_map(digests) {
        keep(made, genuine, "membership tag", |message| message.membership_tag = Some(tag));
    }
    let Content::Commit(commit) = &genuine.content.content else { return };
    let mut with = |what: &str, edit: &dyn Fn(&mut cenacle_mls::wire::Commit)| {
        keep(made, genuine, what, |message| {
            let mut commit = commit.clone();
            edit(&mut commit);
            message.content.content = Content::Commit(commit);
        });
    };
    with("without path", &|commit| commit.path = None);
    with("without proposals", &|commit| commit.proposals.clear());
    with("proposals reversed", &|commit| commit.proposals.reverse());
    with("proposals twice", &|commit| commit.proposals.extend(commit.proposals.clone()));
    with("path cut", &|commit| commit.path.iter_mut().for_each(|path| path.nodes.truncate(1)));
    with("path reversed", &|commit| commit.path.iter_mut().for_each(|path| path.nodes.reverse()));
}

fn private(genuine: &PrivateMessage, made: &mut Vec<Damage>) {
    for content_type in [ContentType::Application, ContentType::Proposal, ContentType::Commit] {
        keep(made, genuine, "content type", |message| message.content_type = content_type);
    }
    for data in opaques(&genuine.authenticated_data) {
        keep(made, genuine, "authenticated data", |message| message.authenticated_data = data);
    }
    for data in opaques(&genuine.encrypted_sender_data) {
        keep(made, genuine, "sender data", |message| message.encrypted_sender_data = data);
    }
    for ciphertext in opaques(&genuine.ciphertext) {
        keep(made, genuine, "ciphertext", |message| message.ciphertext = ciphertext);
    }
    keep(made, genuine, "ciphertext for sender data", |message| {
        core::mem::swap(&mut message.ciphertext, &mut message.encrypted_sender_data);
    });
}

fn welcome(genuine: &Welcome, made: &mut Vec<Damage>) {
    for suite in [0, 1, 2, 3, 0xffff] {
        keep(made, genuine, "suite", |welcome| welcome.cipher_suite = CipherSuite(suite));
    }
    keep(made, genuine, "no secrets", |welcome| welcome.secrets.clear());
    for info in opaques(&genuine.encrypted_group_info) {
        keep(made, genuine, "group info", |welcome| welcome.encrypted_group_info = info);
    }
    let Some(first) = genuine.secrets.first() else { return };
    for kem_output in strings(&first.encrypted_group_secrets.kem_output) {
        keep(made, genuine, "kem output", |welcome| {
            welcome.secrets[0].encrypted_group_secrets.kem_output = kem_output.into();
        });
    }
    for ciphertext in strings(&first.encrypted_group_secrets.ciphertext) {
        keep(made, genuine, "group secrets", |welcome| {
            welcome.secrets[0].encrypted_group_secrets.ciphertext = ciphertext.into();
        });
    }
}

fn lists(genuine: &Extensions) -> Vec<Extensions> {
    let mut edited = Vec::new();
    for at in 0..genuine.0.len() {
        let (mut without, mut twice) = (genuine.clone(), genuine.clone());
        without.0.remove(at);
        twice.0.push(genuine.0[at].clone());
        edited.extend([without, twice]);
    }
    let mut reversed = genuine.clone();
    reversed.0.reverse();
    edited.push(reversed);
    edited
}

fn group_info(genuine: &GroupInfo, made: &mut Vec<Damage>) {
    for extensions in lists(&genuine.extensions) {
        keep(made, genuine, "extensions", |info| info.extensions = extensions);
    }
    for tag in digests(&genuine.confirmation_tag) {
        keep(made, genuine, "confirmation tag", |info| info.confirmation_tag = tag);
    }
    for signature in signatures(&genuine.signature) {
        keep(made, genuine, "signature", |info| info.signature = signature);
    }
    for signer in [0, 1, 2, u32::MAX] {
        keep(made, genuine, "signer", |info| info.signer = LeafIndex(signer));
    }
    for epoch in [0, genuine.group_context.epoch.0.wrapping_add(1), u64::MAX] {
        keep(made, genuine, "epoch", |info| info.group_context.epoch = Epoch(epoch));
    }
    keep(made, genuine, "group id", |info| info.group_context.group_id = GroupId::from(&b"another"[..]));
    keep(made, genuine, "suite", |info| info.group_context.cipher_suite = CipherSuite(0xffff));
    keep(made, genuine, "version", |info| info.group_context.version = ProtocolVersion(2));
    for hash in digests(&genuine.group_context.tree_hash) {
        keep(made, genuine, "tree hash", |info| info.group_context.tree_hash = hash);
    }
    for hash in digests(&genuine.group_context.confirmed_transcript_hash) {
        keep(made, genuine, "transcript hash", |info| info.group_context.confirmed_transcript_hash = hash);
    }
}

fn key_package(genuine: &KeyPackage, made: &mut Vec<Damage>) {
    for suite in [0, 1, 2, 3, 0xffff] {
        keep(made, genuine, "suite", |package| package.cipher_suite = CipherSuite(suite));
    }
    keep(made, genuine, "version", |package| package.version = ProtocolVersion(2));
    keep(made, genuine, "init key", |package| package.init_key = package.leaf_node.encryption_key.clone());
    keep(made, genuine, "leaf key", |package| package.leaf_node.encryption_key = package.init_key.clone());
    for signature in signatures(&genuine.signature) {
        keep(made, genuine, "signature", |package| package.signature = signature);
    }
    for signature in signatures(&genuine.leaf_node.signature) {
        keep(made, genuine, "leaf signature", |package| package.leaf_node.signature = signature);
    }
    keep(made, genuine, "capabilities", |package| {
        package.leaf_node.capabilities.extensions.push(ExtensionType(0x1234))
    });
}
