//! The tree against a model that is nothing but the RFC's words (RFC 9420 §4.1, §7.7 to §7.9) over a flat array: same
//! trees, same hashes, same answers.

use alloc::{vec, vec::Vec};

use cenacle_codec::{Encode, Writer};
use cenacle_crypto::{
    CipherSuite, Digest, HpkePublicKey, Signature, SignaturePublicKey, Suite, conformance::SeededRng,
};

use super::{super::*, suite};
use crate::wire::*;

/// RFC 9420 Appendix C, without any cleverness.
#[derive(Clone)]
pub(super) struct Model {
    pub(super) nodes: Vec<Option<Node>>,
}

impl Model {
    pub(super) fn leaves(&self) -> u32 {
        u32::try_from(self.nodes.len().div_ceil(2)).unwrap()
    }

    pub(super) fn at(&self, node: NodeIndex) -> Option<&Node> {
        self.nodes[usize::try_from(node.0).unwrap()].as_ref()
    }

    fn set(&mut self, node: NodeIndex, value: Option<Node>) {
        self.nodes[usize::try_from(node.0).unwrap()] = value;
    }

    pub(super) fn add(&mut self, leaf: LeafNode) -> LeafIndex {
        let blank =
            |model: &Self| (0..model.leaves()).map(LeafIndex).find(|leaf| model.at(leaf.node_index()).is_none());
        let index = blank(self).unwrap_or_else(|| {
            self.nodes.resize(self.nodes.len() * 2 + 1, None);
            blank(self).unwrap()
        });
        for node in index.node_index().direct_path(self.leaves()) {
            if let Some(Node::Parent(parent)) = self.nodes[usize::try_from(node.0).unwrap()].as_mut() {
                parent.unmerged_leaves.push(index);
                parent.unmerged_leaves.sort();
            }
        }
        self.set(index.node_index(), Some(Node::Leaf(leaf)));
        index
    }

    pub(super) fn replace(&mut self, index: LeafIndex, leaf: Option<LeafNode>) {
        self.set(index.node_index(), leaf.map(Node::Leaf));
        for node in index.node_index().direct_path(self.leaves()).collect::<Vec<_>>() {
            self.set(node, None);
        }
    }

    pub(super) fn truncate(&mut self) {
        while self.nodes.len() > 1
            && self.nodes[self.nodes.len() / 2..].iter().step_by(2).all(Option::is_none)
            && self.nodes[self.nodes.len() / 2 + 1..].iter().all(Option::is_none)
        {
            self.nodes.truncate(self.nodes.len() / 2);
        }
    }

    fn hash(&self, suite: &dyn Suite, node: NodeIndex) -> Digest {
        let mut input = Writer::new();
        match (node.left(), node.right()) {
            (Some(left), Some(right)) => {
                input.put(&2u8);
                match self.at(node) {
                    Some(Node::Parent(parent)) => input.put(&1u8).put(parent),
                    _ => input.put(&0u8),
                };
                input.put(&self.hash(suite, left)).put(&self.hash(suite, right));
            }
            _ => {
                input.put(&1u8).put(&(node.0 / 2));
                match self.at(node) {
                    Some(Node::Leaf(leaf)) => input.put(&1u8).put(leaf),
                    _ => input.put(&0u8),
                };
            }
        }
        suite.hash(&[&input.finish().unwrap()])
    }

    fn resolution(&self, node: NodeIndex) -> Vec<NodeIndex> {
        match (self.at(node), node.left(), node.right()) {
            (Some(Node::Parent(parent)), ..) => {
                core::iter::once(node).chain(parent.unmerged_leaves.iter().map(|leaf| leaf.node_index())).collect()
            }
            (Some(Node::Leaf(_)), ..) => vec![node],
            (None, Some(left), Some(right)) => [self.resolution(left), self.resolution(right)].concat(),
            (None, ..) => vec![],
        }
    }

    fn wire(&self) -> WireTree {
        let used = self.nodes.iter().rposition(Option::is_some).unwrap() + 1;
        WireTree::new(&self.nodes[..used]).unwrap()
    }
}

/// A leaf of random bytes, with capabilities that vary; nothing checks it here.
pub(super) fn random_leaf(rng: &mut SeededRng) -> LeafNode {
    let mut bytes = || Vec::from(rng.next_u64().to_be_bytes());
    let (key, signature_key, choice) = (bytes(), bytes(), bytes());
    let odd = |byte: u8| byte & 1 == 1;
    LeafNode {
        encryption_key: HpkePublicKey(key.into()),
        signature_key: SignaturePublicKey(signature_key.into()),
        credential: if odd(choice[3]) { Credential::Basic(b"".into()) } else { Credential::X509(Vec::new()) },
        capabilities: Capabilities {
            cipher_suites: vec![CipherSuite(1)],
            // Sorted or not, with values that are there twice.
            extensions: [&[][..], &[9, 8, 9], &[8, 9, 9], &[9, 9]][usize::from(choice[0] & 3)]
                .iter()
                .copied()
                .map(ExtensionType)
                .collect(),
            proposals: if odd(choice[1]) { vec![ProposalType(9)] } else { vec![] },
            credentials: vec![
                CredentialType::BASIC,
                CredentialType::X509,
                CredentialType(u16::from(choice[2] & 1) + 9),
            ],
            ..Capabilities::default()
        },
        source: LeafNodeSource::Update,
        extensions: Extensions::default(),
        signature: Signature(b"".into()),
    }
}

pub(super) fn compare(model: &Model, tree: &RatchetTree, suite: &dyn Suite) {
    assert_eq!(tree.leaf_width(), model.leaves());
    assert_eq!(tree.to_wire().unwrap(), model.wire());
    assert_eq!(tree.to_bytes().unwrap(), model.wire().to_bytes().unwrap());
    let read = RatchetTree::from_wire(&model.wire(), suite).unwrap();
    assert_eq!(read.to_wire().unwrap(), model.wire());
    let members: Vec<_> = (0..model.leaves())
        .filter_map(|index| match model.at(LeafIndex(index).node_index()) {
            Some(Node::Leaf(leaf)) => Some((LeafIndex(index), leaf)),
            _ => None,
        })
        .collect();
    assert!(tree.members().eq(members.iter().map(|(index, leaf)| (*index, LeafNode::clone(leaf)))));
    let half = model.leaves() / 2;
    assert!(
        tree.leaves_within(half..half + 3)
            .map(|(index, _)| index)
            .eq(members.iter().map(|(index, _)| *index).filter(|leaf| (half..half + 3).contains(&leaf.0)))
    );
    for tree in [tree, &read] {
        for node in (0..math::node_count(model.leaves())).map(NodeIndex) {
            assert_eq!(tree.node_tree_hash(node, suite), Ok(Some(model.hash(suite, node))));
            assert_eq!(tree.resolution(node), model.resolution(node));
        }
        for index in (0..model.leaves()).map(LeafIndex) {
            let node = index.node_index();
            let path: Vec<_> = node
                .direct_path(model.leaves())
                .zip(node.copath(model.leaves()))
                .filter(|(_, copath_child)| !model.resolution(*copath_child).is_empty())
                .map(|(node, copath_child)| PathStep { node, copath_child })
                .collect();
            assert_eq!(tree.filtered_direct_path(index), path);
        }
        compare_roster(&members, model, tree.roster(), suite);
    }
}

fn compare_roster(members: &[(LeafIndex, &LeafNode)], model: &Model, roster: &Roster, suite: &dyn Suite) {
    assert_eq!(usize::try_from(roster.member_count()).unwrap(), members.len());
    for value in 1..12 {
        let all =
            |supports: &dyn Fn(&Capabilities) -> bool| members.iter().all(|(_, leaf)| supports(&leaf.capabilities));
        let (extension, proposal, credential) = (ExtensionType(value), ProposalType(value), CredentialType(value));
        assert_eq!(roster.all_support_extension(extension), all(&|own| own.supports_extension(extension)));
        assert_eq!(roster.all_support_proposal(proposal), all(&|own| own.supports_proposal(proposal)));
        assert_eq!(roster.all_support_credential(credential), all(&|own| own.supports_credential(credential)));
    }
    for types in
        [&[][..], &[CredentialType::BASIC], &[CredentialType::X509], &[CredentialType::X509, CredentialType::BASIC]]
    {
        let among = members.iter().all(|(_, leaf)| types.contains(&leaf.credential.credential_type()));
        assert_eq!(roster.credentials_are_among(types), among);
    }
    for (index, leaf) in members {
        assert_eq!(roster.member_by_signature_key(&leaf.signature_key, suite), Some(*index));
    }
    for node in (0..math::node_count(model.leaves())).map(NodeIndex) {
        let key = match model.at(node) {
            Some(Node::Leaf(leaf)) => &leaf.encryption_key,
            Some(Node::Parent(parent)) => &parent.encryption_key,
            None => continue,
        };
        assert!(roster.has_encryption_key(key, suite));
    }
    assert!(!roster.has_encryption_key(&HpkePublicKey(b"nobody's".into()), suite));
}

#[test]
fn random_changes_give_the_models_tree() {
    let suite = suite();
    for seed in 0..12 {
        let mut rng = SeededRng::new(seed);
        let first = random_leaf(&mut rng);
        let mut tree = RatchetTree::new(&first, &*suite).unwrap();
        let mut model = Model { nodes: vec![Some(Node::Leaf(first))] };
        for round in 0..25 {
            let mut edit = tree.edit(&*suite);
            for _ in 0..=rng.next_u64() % 6 {
                let members: Vec<_> =
                    (0..model.leaves()).map(LeafIndex).filter(|leaf| model.at(leaf.node_index()).is_some()).collect();
                let any = members[usize::try_from(rng.next_u64()).unwrap() % members.len()];
                let leaf = random_leaf(&mut rng);
                match rng.next_u64() % if round < 15 { 5 } else { 9 } {
                    0..4 => assert_eq!(edit.add(&leaf).unwrap(), model.add(leaf)),
                    4 => {
                        edit.update(any, &leaf).unwrap();
                        model.replace(any, Some(leaf));
                    }
                    _ if members.len() > 1 => {
                        edit.remove(any).unwrap();
                        model.replace(any, None);
                        model.truncate();
                    }
                    _ => {}
                }
            }
            tree = edit.seal().unwrap();
            // A path without secrets, to have parents: keys set by hand on the filtered direct path.
            let sender = tree.members().last().unwrap().0;
            tree = set_parents(&tree, &mut model, sender, &mut rng, &*suite);
            compare(&model, &tree, &*suite);
        }
    }
}

/// What [`TreeEdit::apply_path`] does, in the model's terms; parent hashes are the tree's, as the model has none.
pub(super) fn set_parents(
    tree: &RatchetTree,
    model: &mut Model,
    sender: LeafIndex,
    rng: &mut SeededRng,
    suite: &dyn Suite,
) -> RatchetTree {
    let mut edit = tree.edit(suite);
    let mut make_leaf = |encryption_key, parent_hash| {
        let source = LeafNodeSource::Commit { parent_hash };
        Ok(LeafNode { encryption_key, source, ..tree.leaf(sender).unwrap() })
    };
    edit.draft_path(sender, &mut make_leaf, rng).unwrap();
    let after = edit.seal().unwrap();
    model.replace(sender, after.leaf(sender));
    for step in tree.filtered_direct_path(sender) {
        let parent = after.parent(step.node).unwrap();
        assert_eq!(parent.unmerged_leaves, []);
        model.set(step.node, Some(Node::Parent(parent.clone())));
    }
    after
}
