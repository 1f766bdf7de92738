//! Damage that knows the structure: fields, list items and whole objects are changed, moved, repeated, left out, or taken from
//! other genuine messages. What comes out is a message that decodes, and that nobody made.

use alloc::vec::Vec;

use cenacle_codec::{Decode as _, Encode as _, Opaque};
use cenacle_crypto::{CipherSuite, Digest, HpkeCiphertext};
use cenacle_mls::wire::{
    Capabilities, Commit, Content, ContentType, Credential, CredentialType, Epoch, Extension, ExtensionType,
    Extensions, GroupContext, GroupInfo, KeyPackage, KeyPackageRef, LeafIndex, LeafNode, LeafNodeSource, Lifetime,
    MlsMessage, MlsMessageBody, PrivateMessage, Proposal, ProposalOrRef, ProposalRef, ProposalType, ProtocolVersion,
    Psk, PublicMessage, Sender, UpdatePath, UpdatePathNode, Welcome, WireTree,
};

use super::Damage;
use crate::world::Dice;

/// `count` messages made of this one and of `others`, none of which is any of them.
pub fn splices<'a>(
    genuine: &'a [u8],
    others: &'a [Vec<u8>],
    count: usize,
    dice: &'a mut Dice,
) -> impl Iterator<Item = Damage> + use<'a> {
    let decode = |bytes: &[u8]| MlsMessage::from_bytes(bytes).expect("a genuine message decodes").body;
    let (body, donors): (_, Vec<_>) = (decode(genuine), others.iter().map(|other| decode(other)).collect());
    let made = core::iter::repeat_with(move || {
        let mut splicer = Splicer { donors: &donors, dice: &mut *dice, what: Vec::new() };
        let mut body = body.clone();
        for _ in 0..=splicer.dice.below(3) {
            splicer.body(&mut body);
        }
        let message = MlsMessage { version: ProtocolVersion::MLS10, body };
        Damage::new(splicer.what.join(", "), message.to_bytes().unwrap())
    });
    let is_new = move |made: &Damage| made.bytes != genuine && others.iter().all(|other| *other != made.bytes);
    made.filter(is_new).take(count)
}

/// What changes one message.
struct Splicer<'a> {
    donors: &'a [MlsMessageBody],
    dice: &'a mut Dice,
    what: Vec<&'static str>,
}

impl Splicer<'_> {
    /// One change somewhere in a message.
    fn body(&mut self, body: &mut MlsMessageBody) {
        match body {
            MlsMessageBody::PublicMessage(inner) => self.public(inner),
            MlsMessageBody::PrivateMessage(inner) => self.private(inner),
            MlsMessageBody::Welcome(inner) => self.welcome(inner),
            MlsMessageBody::GroupInfo(inner) => self.group_info(inner),
            MlsMessageBody::KeyPackage(inner) => self.key_package(inner),
        }
    }

    /// Another message of this kind, if there is one.
    fn donor<T: Clone>(&mut self, of_kind: impl Fn(&MlsMessageBody) -> Option<&T>) -> Option<T> {
        let donors: Vec<&T> = self.donors.iter().filter_map(of_kind).collect();
        self.dice.pick(&donors).map(|donor| (*donor).clone())
    }

    fn bytes(&mut self, bytes: &mut Opaque) {
        let mut new = bytes.to_vec();
        match self.dice.below(6) {
            0 if !new.is_empty() => {
                let at = self.dice.below(new.len());
                new[at] ^= 1 << self.dice.below(8);
            }
            1 if !new.is_empty() => new.truncate(self.dice.below(new.len())),
            2 => {
                let more = 1 + self.dice.below(8);
                new.extend(self.dice.bytes(more));
            }
            3 => new.clear(),
            4 => new.reverse(),
            _ => new = self.dice.bytes(new.len()),
        }
        *bytes = new.into();
    }

    fn digest(&mut self, digest: &mut Digest) {
        let mut bytes = Opaque::from(&digest[..]);
        self.bytes(&mut bytes);
        *digest = Digest::from_slice(&bytes).unwrap_or_default();
    }

    /// A list with an item left out, repeated or moved, or one of them changed.
    fn list<T: Clone>(&mut self, list: &mut Vec<T>, change: impl FnOnce(&mut Self, &mut T)) {
        if list.is_empty() {
            return;
        }
        let (at, to) = (self.dice.below(list.len()), self.dice.below(list.len()));
        match self.dice.below(5) {
            0 => drop(list.remove(at)),
            1 => list.insert(to, list[at].clone()),
            2 => list.swap(at, to),
            _ => change(self, &mut list[at]),
        }
    }

    fn leaf_index(&mut self) -> LeafIndex {
        LeafIndex(*self.dice.pick(&[0, 1, 2, 3, 4, 7, 8, u32::MAX]).unwrap())
    }

    fn epoch(&mut self, epoch: &mut Epoch) {
        let by = *self.dice.pick(&[1, u64::MAX, 2, 1 << 40]).unwrap();
        *epoch = Epoch(epoch.0.wrapping_add(by));
    }

    fn public(&mut self, message: &mut PublicMessage) {
        let donor = self.donor(|body| if let MlsMessageBody::PublicMessage(inner) = body { Some(inner) } else { None });
        let content = &mut message.content;
        match (self.dice.below(12), donor) {
            (0, _) => {
                self.what.push("sender");
                let index = self.leaf_index();
                let senders = [
                    Sender::Member(index),
                    Sender::External(index.0),
                    Sender::NewMemberProposal,
                    Sender::NewMemberCommit,
                ];
                content.sender = *self.dice.pick(&senders).unwrap();
                let tag = message.membership_tag.unwrap_or_default();
                message.membership_tag = matches!(content.sender, Sender::Member(_)).then_some(tag);
            }
            (1, _) => {
                self.what.push("epoch");
                self.epoch(&mut content.epoch);
            }
            (2, _) => {
                self.what.push("group");
                self.bytes(&mut content.group_id.0);
            }
            (3, _) => {
                self.what.push("authenticated data");
                self.bytes(&mut content.authenticated_data);
            }
            (4, Some(other)) => {
                self.what.push("another's content");
                content.content = other.content.content;
                let tag = message.auth.confirmation_tag.or(other.auth.confirmation_tag).unwrap_or_default();
                let is_commit = content.content.content_type() == ContentType::Commit;
                message.auth.confirmation_tag = is_commit.then_some(tag);
            }
            (5, Some(other)) => {
                self.what.push("another's signature");
                message.auth.signature = other.auth.signature;
            }
            (6, Some(other)) => {
                self.what.push("another's tag");
                message.membership_tag = message.membership_tag.and(other.membership_tag.or(Some(Digest::EMPTY)));
            }
            (7, _) => {
                self.what.push("signature");
                self.bytes(&mut message.auth.signature.0);
            }
            (8, _) => {
                self.what.push("tags");
                let tags = [&mut message.membership_tag, &mut message.auth.confirmation_tag];
                tags.into_iter().flatten().for_each(|tag| self.digest(tag));
            }
            _ => self.content(&mut content.content),
        }
    }

    fn content(&mut self, content: &mut Content) {
        match content {
            Content::Application(data) => {
                self.what.push("data");
                self.bytes(data);
            }
            Content::Proposal(proposal) => self.proposal(proposal),
            Content::Commit(commit) => self.commit(commit),
        }
    }

    fn commit(&mut self, commit: &mut Commit) {
        match (self.dice.below(4), &mut commit.path) {
            (0, path) => {
                self.what.push("path left out");
                *path = None;
            }
            (1 | 2, Some(path)) => self.path(path),
            _ => {
                self.what.push("proposals");
                if self.dice.chance(30) {
                    let unknown = Proposal::Custom(ProposalType(0xf001), Opaque::EMPTY);
                    commit.proposals.push(ProposalOrRef::Proposal(unknown));
                }
                self.list(&mut commit.proposals, |splicer, listed| match listed {
                    ProposalOrRef::Proposal(proposal) => splicer.proposal(proposal),
                    ProposalOrRef::Reference(reference) => {
                        **reference = ProposalRef(Digest::from_slice(&splicer.dice.bytes(32)).unwrap());
                    }
                });
            }
        }
    }

    fn path(&mut self, path: &mut UpdatePath) {
        if self.dice.chance(40) {
            return self.leaf(&mut path.leaf_node);
        }
        self.what.push("path");
        self.list(&mut path.nodes, |splicer, UpdatePathNode { encryption_key, encrypted_path_secret }| {
            match splicer.dice.below(2) {
                0 => splicer.bytes(&mut encryption_key.0),
                _ => splicer.list(encrypted_path_secret, Self::ciphertext),
            }
        });
    }

    fn ciphertext(&mut self, ciphertext: &mut HpkeCiphertext) {
        let HpkeCiphertext { kem_output, ciphertext } = ciphertext;
        if self.dice.chance(50) { self.bytes(kem_output) } else { self.bytes(ciphertext) }
    }

    fn proposal(&mut self, proposal: &mut Proposal) {
        self.what.push("proposal");
        match proposal {
            Proposal::Add(add) => self.key_package(&mut add.key_package),
            Proposal::Update(update) => self.leaf(&mut update.leaf_node),
            Proposal::Remove(remove) => remove.removed = self.leaf_index(),
            Proposal::PreSharedKey(psk) => match (&mut psk.psk.psk, self.dice.chance(50)) {
                (Psk::External(id), true) => self.bytes(id),
                (Psk::Resumption { psk_epoch, .. }, true) => self.epoch(psk_epoch),
                (_, false) => self.bytes(&mut psk.psk.psk_nonce),
            },
            Proposal::ReInit(reinit) => match self.dice.below(4) {
                0 => self.bytes(&mut reinit.group_id.0),
                1 => reinit.version = ProtocolVersion(2),
                2 => reinit.cipher_suite = self.suite(),
                _ => self.extensions(&mut reinit.extensions),
            },
            Proposal::ExternalInit(init) => self.bytes(&mut init.kem_output),
            Proposal::GroupContextExtensions(change) => self.extensions(&mut change.extensions),
            Proposal::Custom(kind, body) => {
                *kind = *self.dice.pick(&[ProposalType(0xf002), ProposalType::EXTERNAL_INIT, *kind]).unwrap();
                self.bytes(body);
            }
        }
    }

    fn suite(&mut self) -> CipherSuite {
        CipherSuite(*self.dice.pick(&[0, 1, 2, 3, 7, 0x0a0a, 0xffff]).unwrap())
    }

    fn extensions(&mut self, extensions: &mut Extensions) {
        self.what.push("extensions");
        if extensions.0.is_empty() || self.dice.chance(20) {
            let extension_type = ExtensionType(*self.dice.pick(&[1, 2, 3, 4, 5, 0xf00d, 0xf001]).unwrap());
            return extensions.0.push(Extension { extension_type, extension_data: self.dice.bytes(3).into() });
        }
        self.list(&mut extensions.0, |splicer, extension| splicer.bytes(&mut extension.extension_data));
    }

    fn leaf(&mut self, leaf: &mut LeafNode) {
        self.what.push("leaf");
        match self.dice.below(9) {
            0 => self.bytes(&mut leaf.encryption_key.0),
            1 => self.bytes(&mut leaf.signature_key.0),
            2 => core::mem::swap(&mut leaf.encryption_key.0, &mut leaf.signature_key.0),
            3 => match &mut leaf.credential {
                Credential::Basic(identity) | Credential::Custom(_, identity) => self.bytes(identity),
                Credential::X509(chain) => self.list(chain, Self::bytes),
            },
            4 => {
                let lifetime = Lifetime { not_before: 0, not_after: u64::MAX };
                let parent_hash = Digest::from_slice(&self.dice.bytes(32)).unwrap();
                let sources = [
                    LeafNodeSource::KeyPackage(lifetime),
                    LeafNodeSource::Update,
                    LeafNodeSource::Commit { parent_hash },
                ];
                leaf.source = self.dice.pick(&sources).unwrap().clone();
            }
            5 => self.capabilities(&mut leaf.capabilities),
            6 => self.extensions(&mut leaf.extensions),
            _ => self.bytes(&mut leaf.signature.0),
        }
    }

    fn capabilities(&mut self, own: &mut Capabilities) {
        let number = *self.dice.pick(&[0, 1, 2, 7, 0x1234, 0xf00d]).unwrap();
        match self.dice.below(5) {
            0 => self.list(&mut own.versions, |_, value| *value = ProtocolVersion(number)),
            1 => self.list(&mut own.cipher_suites, |_, value| *value = CipherSuite(number)),
            2 => self.list(&mut own.extensions, |_, value| *value = ExtensionType(number)),
            3 => own.proposals.push(ProposalType(number)),
            _ => self.list(&mut own.credentials, |_, value| *value = CredentialType(number)),
        }
    }

    fn key_package(&mut self, package: &mut KeyPackage) {
        self.what.push("key package");
        match self.dice.below(7) {
            0 => package.version = ProtocolVersion(self.suite().0),
            1 => package.cipher_suite = self.suite(),
            2 => self.bytes(&mut package.init_key.0),
            3 => self.extensions(&mut package.extensions),
            4 => self.bytes(&mut package.signature.0),
            _ => self.leaf(&mut package.leaf_node),
        }
    }

    fn private(&mut self, message: &mut PrivateMessage) {
        let donor =
            self.donor(|body| if let MlsMessageBody::PrivateMessage(inner) = body { Some(inner) } else { None });
        let (what, donor) = (self.dice.below(9), donor.unwrap_or_else(|| message.clone()));
        self.what.push("private message");
        match what {
            0 => self.epoch(&mut message.epoch),
            1 => self.bytes(&mut message.group_id.0),
            2 => {
                let kinds = [ContentType::Application, ContentType::Proposal, ContentType::Commit];
                message.content_type = *self.dice.pick(&kinds).unwrap();
            }
            3 => self.bytes(&mut message.authenticated_data),
            4 => self.bytes(&mut message.encrypted_sender_data),
            5 => self.bytes(&mut message.ciphertext),
            6 => message.encrypted_sender_data = donor.encrypted_sender_data,
            7 => message.ciphertext = donor.ciphertext,
            _ => {
                // The head of one, from which the sender data's key is made, with the tail of another.
                let head = message.ciphertext.iter().take(32).copied();
                message.ciphertext = head.chain(donor.ciphertext.iter().skip(32).copied()).collect::<Vec<u8>>().into();
            }
        }
    }

    fn welcome(&mut self, welcome: &mut Welcome) {
        let donor = self.donor(|body| if let MlsMessageBody::Welcome(inner) = body { Some(inner) } else { None });
        self.what.push("welcome");
        match (self.dice.below(6), donor) {
            (0, _) => welcome.cipher_suite = self.suite(),
            (1, _) => self.bytes(&mut welcome.encrypted_group_info),
            (2, Some(other)) => welcome.encrypted_group_info = other.encrypted_group_info,
            // With its secrets it would be the other one.
            _ => self.list(&mut welcome.secrets, |splicer, entry| {
                if splicer.dice.chance(30) {
                    entry.new_member = KeyPackageRef(Digest::from_slice(&splicer.dice.bytes(32)).unwrap());
                } else {
                    splicer.ciphertext(&mut entry.encrypted_group_secrets);
                }
            }),
        }
    }

    fn group_info(&mut self, info: &mut GroupInfo) {
        self.what.push("group info");
        match self.dice.below(6) {
            0 => self.context(&mut info.group_context),
            1 => self.extensions(&mut info.extensions),
            2 => self.digest(&mut info.confirmation_tag),
            3 => info.signer = self.leaf_index(),
            4 => self.bytes(&mut info.signature.0),
            _ => {
                let trees = |one: &&mut Extension| one.extension_type == ExtensionType::RATCHET_TREE;
                if let Some(extension) = info.extensions.0.iter_mut().find(trees) {
                    extension.extension_data = self.tree(&extension.extension_data).into();
                }
            }
        }
    }

    fn context(&mut self, context: &mut GroupContext) {
        match self.dice.below(7) {
            0 => context.version = ProtocolVersion(2),
            1 => context.cipher_suite = self.suite(),
            2 => self.bytes(&mut context.group_id.0),
            3 => self.epoch(&mut context.epoch),
            4 => self.digest(&mut context.tree_hash),
            5 => self.digest(&mut context.confirmed_transcript_hash),
            _ => self.extensions(&mut context.extensions),
        }
    }

    /// A tree with nodes moved, left out, blanked or changed.
    fn tree(&mut self, tree: &[u8]) -> Vec<u8> {
        // It may be no tree any more.
        let Ok(wire) = WireTree::from_bytes(tree) else { return tree.to_vec() };
        let mut nodes: Vec<_> = wire.nodes().collect();
        self.list(&mut nodes, |splicer, node| match node {
            Some(cenacle_mls::wire::Node::Leaf(leaf)) if splicer.dice.chance(70) => splicer.leaf(leaf),
            Some(cenacle_mls::wire::Node::Parent(parent)) if splicer.dice.chance(70) => {
                let unmerged = splicer.leaf_index();
                match splicer.dice.below(3) {
                    0 => splicer.bytes(&mut parent.encryption_key.0),
                    1 => splicer.digest(&mut parent.parent_hash),
                    _ => parent.unmerged_leaves.push(unmerged),
                }
            }
            other => *other = None,
        });
        WireTree::new(&nodes).unwrap().to_bytes().unwrap()
    }
}
