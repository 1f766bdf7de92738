//! A small group whose members keep only their trees: leaves are signed, paths are drafted, merged and decrypted, and
//! all that was agreed is compared after each step. No epochs, no messages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test helpers")]

mod crowds;
mod edit;
mod forged;
mod indices;
mod leaf;
mod model;
mod path;
mod rows;

use alloc::{collections::BTreeMap, sync::Arc, vec, vec::Vec};

use cenacle_codec::Encode;
use cenacle_crypto::{
    CipherSuite, CryptoProvider, Digest, HpkePublicKey, Secret, Signature, Signer, Suite,
    conformance::SeededRng,
    labeled::{EncryptContext, sign_with_label},
};
use cenacle_crypto_rustcrypto::RustCryptoProvider;

use super::*;
use crate::{error::Error, wire::*};

pub(super) fn suite() -> Arc<dyn Suite> {
    RustCryptoProvider.suite(CipherSuite(1)).unwrap()
}

pub(super) fn group_id() -> GroupId {
    GroupId::from(&b"group"[..])
}

/// A member's keys.
pub(super) struct Member {
    pub(super) private: TreePrivate,
    pub(super) signer: Arc<dyn Signer>,
}

/// All members of a group, and its tree.
pub(super) struct World {
    pub(super) suite: Arc<dyn Suite>,
    pub(super) rng: SeededRng,
    pub(super) tree: RatchetTree,
    pub(super) members: BTreeMap<LeafIndex, Member>,
}

/// What one commit changes beside the committer's path.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) updates: Vec<LeafIndex>,
    pub(super) removes: Vec<LeafIndex>,
    pub(super) adds: usize,
}

pub(super) fn sign(signer: &dyn Signer, leaf: &mut LeafNode, index: LeafIndex) {
    let position = Some((&group_id(), index));
    let content = LeafNodeTbs { leaf, position }.to_bytes().unwrap();
    leaf.signature = sign_with_label(signer, "LeafNodeTBS", &content).unwrap();
}

/// An unsigned leaf.
pub(super) fn leaf(encryption_key: HpkePublicKey, signer: &dyn Signer, source: LeafNodeSource) -> LeafNode {
    LeafNode {
        encryption_key,
        signature_key: signer.public_key().clone(),
        credential: Credential::Basic(b"name".into()),
        capabilities: Capabilities {
            versions: vec![ProtocolVersion::MLS10],
            cipher_suites: vec![CipherSuite(1)],
            credentials: vec![CredentialType::BASIC],
            ..Capabilities::default()
        },
        source,
        extensions: Extensions::default(),
        signature: Signature(b"".into()),
    }
}

pub(super) const LIFETIME: LeafNodeSource = LeafNodeSource::KeyPackage(Lifetime { not_before: 10, not_after: 20 });

/// Fresh keys and a signed leaf for them.
pub(super) fn new_leaf(
    suite: &dyn Suite,
    rng: &mut SeededRng,
    source: LeafNodeSource,
    index: LeafIndex,
) -> (LeafNode, cenacle_crypto::HpkeSecretKey, Arc<dyn Signer>) {
    let (secret, _) = suite.signature_key_pair(rng).unwrap();
    let signer: Arc<dyn Signer> = Arc::from(suite.signer(&secret).unwrap());
    let mut ikm = [0; 32];
    cenacle_crypto::Rng::fill(rng, &mut ikm).unwrap();
    let (key, public) = suite.kem_derive_key_pair(&ikm).unwrap();
    let mut leaf = leaf(public, &*signer, source);
    sign(&*signer, &mut leaf, index);
    (leaf, key, signer)
}

pub(super) fn check<'a>(suite: &'a dyn Suite, group_id: &'a GroupId) -> LeafCheck<'a> {
    LeafCheck {
        suite,
        version: ProtocolVersion::MLS10,
        group_id: Some(group_id),
        required: None,
        now_seconds: Some(15),
        lifetime_limit_seconds: 10,
        lifetimes_in_tree: false,
    }
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let (suite, mut rng) = (suite(), SeededRng::new(seed));
        let (leaf, key, signer) = new_leaf(&*suite, &mut rng, LIFETIME, LeafIndex(0));
        let tree = RatchetTree::new(&leaf, &*suite).unwrap();
        let member = Member { private: TreePrivate::new(LeafIndex(0), key), signer };
        Self { suite, rng, tree, members: BTreeMap::from([(LeafIndex(0), member)]) }
    }

    /// A number below `bound`.
    pub(super) fn pick(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.next_u64() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(super) fn any_member(&mut self) -> LeafIndex {
        let pick = self.pick(self.members.len());
        *self.members.keys().nth(pick).unwrap()
    }

    pub(super) fn context(&self, tree: &RatchetTree) -> EncryptContext {
        let context = GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(1),
            group_id: group_id(),
            epoch: Epoch(1),
            tree_hash: *tree.tree_hash(),
            confirmed_transcript_hash: Digest::EMPTY,
            extensions: Extensions::default(),
        };
        path_context(&*self.suite, &context).unwrap()
    }

    /// Applies changes to a new version of the tree and to the members that they concern. Gives the added leaves.
    pub(super) fn propose<'a>(&mut self, suite: &'a dyn Suite, changes: &Changes) -> (TreeEdit<'a>, Vec<LeafIndex>) {
        let mut edit = self.tree.edit(suite);
        for index in &changes.updates {
            let (leaf, key, signer) = new_leaf(suite, &mut self.rng, LeafNodeSource::Update, *index);
            edit.update(*index, &leaf).unwrap();
            let private = self.members[index].private.with_leaf_key(key);
            self.members.insert(*index, Member { private, signer });
        }
        for index in &changes.removes {
            edit.remove(*index).unwrap();
            self.members.remove(index);
        }
        let mut added = Vec::new();
        for _ in 0..changes.adds {
            let (leaf, key, signer) = new_leaf(suite, &mut self.rng, LIFETIME, LeafIndex(0));
            let index = edit.add(&leaf).unwrap();
            self.members.insert(index, Member { private: TreePrivate::new(index, key), signer });
            added.push(index);
        }
        added.sort_unstable();
        (edit, added)
    }

    /// A commit without a path.
    pub(super) fn change(&mut self, changes: &Changes) {
        let suite = Arc::clone(&self.suite);
        let (edit, _) = self.propose(&*suite, changes);
        self.tree = edit.seal().unwrap();
        self.members.values_mut().for_each(|member| member.private = member.private.pruned(&self.tree));
        self.compare();
    }

    /// Drafts a path for `sender` over `edit`.
    pub(super) fn draft(&mut self, edit: &mut TreeEdit<'_>, sender: LeafIndex) -> Result<PathDraft, Error> {
        let signer = Arc::clone(&self.members[&sender].signer);
        let mut make_leaf = |key, parent_hash| {
            let mut leaf = leaf(key, &*signer, LeafNodeSource::Commit { parent_hash });
            sign(&*signer, &mut leaf, sender);
            Ok(leaf)
        };
        edit.draft_path(sender, &mut make_leaf, &mut self.rng)
    }

    /// A commit with a path, which all other members merge and decrypt, and joiners hear of in a Welcome.
    pub(super) fn commit(&mut self, sender: LeafIndex, changes: &Changes) {
        let suite = Arc::clone(&self.suite);
        let (mut edit, added) = self.propose(&*suite, changes);
        let received = edit.clone();
        let draft = self.draft(&mut edit, sender).unwrap();
        let sent = edit.seal().unwrap();
        let context = self.context(&sent);
        let path = draft.encrypt(&sent, &added, &context, &*suite, &mut self.rng).unwrap();

        let mut merged = received;
        merged.apply_path(sender, &path, &added).unwrap();
        self.tree = merged.seal().unwrap();
        assert_eq!(self.tree.to_wire(), sent.to_wire());
        assert_eq!(self.tree.tree_hash(), sent.tree_hash());

        let for_joiners: Vec<_> =
            added.iter().map(|leaf| draft.path_secret_for(*leaf).map(Secret::duplicate).unwrap()).collect();
        let (private, commit_secret) = draft.into_private();
        for (index, member) in &mut self.members {
            if *index == sender {
                member.private = private.clone();
            } else if added.binary_search(index).is_err() {
                let (private, secret) =
                    member.private.decrypt_path(&self.tree, sender, &path, &added, &context, &*suite).unwrap();
                assert!(secret.ct_eq(&commit_secret));
                member.private = private;
            }
        }
        for (index, secret) in added.iter().zip(for_joiners) {
            let lowest = index.node_index().common_ancestor(sender.node_index());
            let private = self.members[index].private.with_path_secret(&self.tree, lowest, secret, &*suite).unwrap();
            self.members.get_mut(index).unwrap().private = private;
        }
        self.compare();
    }

    /// Who holds what must be what the tree says: each non-blank node's key is held by exactly the members below it
    /// that are not unmerged, and a joiner would believe the tree.
    pub(super) fn compare(&self) {
        let tree = &self.tree;
        assert!(tree.members().map(|(index, _)| index).eq(self.members.keys().copied()));
        for node in (0..math::node_count(tree.leaf_width())).map(NodeIndex) {
            let public = tree.encryption_key(node);
            for (index, member) in &self.members {
                let unmerged = tree.parent(node).is_some_and(|parent| parent.unmerged_leaves.contains(index));
                let expected = public.clone().filter(|_| node.contains(index.node_index()) && !unmerged);
                let held = member.private.key(node).map(|key| self.suite.kem_public_key(key).unwrap());
                assert_eq!(held, expected, "{node:?} at {index:?}");
            }
        }
        tree.validate(&check(&*self.suite, &group_id())).unwrap();
    }

    /// A group that has seen some of everything.
    pub(super) fn lively(seed: u64, steps: usize) -> Self {
        let mut world = Self::new(seed);
        for _ in 0..steps {
            world.step();
        }
        world
    }

    /// Something happens.
    pub(super) fn step(&mut self) {
        let sender = self.any_member();
        let mut changes = Changes { adds: self.pick(4), ..Changes::default() };
        if self.pick(4) == 0 {
            return self.change(&changes);
        }
        for index in self.members.keys().copied().collect::<Vec<_>>() {
            if index != sender {
                match self.pick(8) {
                    0 => changes.removes.push(index),
                    1 => changes.updates.push(index),
                    _ => {}
                }
            }
        }
        self.commit(sender, &changes);
    }
}
