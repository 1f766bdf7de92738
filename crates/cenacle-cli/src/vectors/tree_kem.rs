//! treekem.json: update paths as every member receives them, and as every member makes them (RFC 9420 §7.4 to §7.6, §7.9).

use alloc::sync::Arc;

use cenacle_codec::{Encode as _, Opaque};
use cenacle_crypto::{
    CipherSuite, Digest, HpkePublicKey, HpkeSecretKey, Secret, Signature, Signer, Suite,
    labeled::{derive_secret, sign_with_label},
};
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    Error,
    limits::Limits,
    tree::{LeafCheck, LeafPlace, NodeIndex, RatchetTree, TreePrivate, path_context},
    wire::{
        Epoch, Extensions, GroupContext, GroupId, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs, ProtocolVersion,
        UpdatePath, WireTree,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, Failure, round_trip, same, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// A tree, what its members know, and a path by each of them.
#[derive(Serialize, Deserialize)]
pub(crate) struct TreeKem {
    pub(crate) cipher_suite: u16,
    pub(crate) group_id: Hex,
    pub(crate) epoch: u64,
    pub(crate) confirmed_transcript_hash: Hex,
    pub(crate) ratchet_tree: Hex,
    pub(crate) leaves_private: Vec<LeafPrivate>,
    pub(crate) update_paths: Vec<PathVector>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct LeafPrivate {
    pub(crate) index: u32,
    pub(crate) encryption_priv: Hex,
    pub(crate) signature_priv: Hex,
    pub(crate) path_secrets: Vec<NodeSecret>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct NodeSecret {
    pub(crate) node: u32,
    pub(crate) path_secret: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PathVector {
    pub(crate) sender: u32,
    pub(crate) update_path: Hex,
    /// By receiving leaf; none for the sender and for blank leaves.
    pub(crate) path_secrets: Vec<Option<Hex>>,
    pub(crate) commit_secret: Hex,
    pub(crate) tree_hash_after: Hex,
}

impl SuiteVector for TreeKem {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let suite = &**suite;
        let wire = round_trip::<WireTree>("ratchet_tree", &self.ratchet_tree)?;
        let tree = RatchetTree::from_wire(&wire, suite).at("ratchet_tree")?;
        tree.verify_parent_hashes(suite).at("ratchet_tree")?;
        let member = |leaf: &LeafPrivate| leaf.member(&tree, suite).at(format_args!("leaves_private {}", leaf.index));
        let members = self.leaves_private.iter().map(member).collect::<Result<Vec<_>, _>>()?;
        let group = Group { vector: self, suite, group_id: GroupId::from(&*self.group_id), tree, members };
        for path in &self.update_paths {
            let place = format!("update path of leaf {}", path.sender);
            group.receive(path).at(&place)?;
            group.make(LeafIndex(path.sender)).at(format_args!("own {place}"))?;
        }
        Ok(())
    }
}

/// A member with its private keys.
struct Member {
    private: TreePrivate,
    signer: Box<dyn Signer>,
}

impl LeafPrivate {
    /// The member, whose keys must all be those of the tree.
    fn member(&self, tree: &RatchetTree, suite: &dyn Suite) -> Result<Member, Failure> {
        let own = LeafIndex(self.index);
        let mut keys = vec![(own.node_index(), Arc::new(self.encryption_priv.hpke_secret_key()))];
        for given in &self.path_secrets {
            keys.push((NodeIndex(given.node), Arc::new(node_key(suite, &given.path_secret.secret()?)?)));
        }
        for (node, key) in &keys {
            let public = suite.kem_public_key(key).at(format_args!("private key of node {node}"))?;
            same(format_args!("public key of node {node}"), tree.encryption_key(*node), Some(public))?;
        }
        let signer = suite.signer(&self.signature_priv.signature_secret_key()).at("signature_priv")?;
        let stated = tree.leaf(own).map(|leaf| leaf.signature_key);
        same("public key of signature_priv", stated.as_ref(), Some(signer.public_key()))?;
        Ok(Member { private: TreePrivate::from_keys(own, keys), signer })
    }
}

/// A node's private key from its path secret (RFC 9420 §7.4).
fn node_key(suite: &dyn Suite, path_secret: &Secret) -> Result<HpkeSecretKey, Failure> {
    Ok(suite.kem_derive_key_pair(derive_secret(suite, path_secret, "node")?.expose())?.0)
}

struct Group<'a> {
    vector: &'a TreeKem,
    suite: &'a dyn Suite,
    group_id: GroupId,
    tree: RatchetTree,
    members: Vec<Member>,
}

impl Group<'_> {
    /// The vector's path gives every other member the vector's secrets.
    fn receive(&self, given: &PathVector) -> Check {
        let sender = LeafIndex(given.sender);
        let path = round_trip::<UpdatePath>("update_path", &given.update_path)?;
        let tree = self.merge(sender, &path).at("update_path")?;
        same_bytes("tree_hash_after", tree.tree_hash(), &given.tree_hash_after)?;
        let context = path_context(self.suite, &self.context(&tree)?)?;
        for receiver in self.receivers(sender) {
            let own = receiver.own_leaf();
            let place = format!("leaf {own}");
            let (after, commit_secret) =
                receiver.decrypt_path(&tree, sender, &path, &[], &context, self.suite).at(&place)?;
            let of_own = usize::try_from(own.0).ok().and_then(|own| given.path_secrets.get(own)?.as_ref());
            let expected =
                of_own.ok_or_else(|| Failure::unreadable(&"null")).at(format_args!("path_secrets[{own}]"))?;
            // What was decrypted shows in the key that it gives to the lowest node above both.
            let common = own.node_index().common_ancestor(sender.node_index());
            let expected = node_key(self.suite, &expected.secret()?)?;
            let found = after.key(common).map_or(&[][..], |key| key.0.expose());
            same_bytes(format_args!("{place}: key of path_secret"), found, expected.0.expose())?;
            same_bytes(format_args!("{place}: commit_secret"), commit_secret.expose(), &given.commit_secret)?;
        }
        Ok(())
    }

    /// A path made here gives every other member the committer's secret.
    fn make(&self, sender: LeafIndex) -> Check {
        let is_sender = |member: &&Member| member.private.own_leaf() == sender;
        let missing = || Failure::unreadable(&"not among leaves_private");
        let signer = &*self.members.iter().find(is_sender).ok_or_else(missing)?.signer;
        let old = self.tree.leaf(sender).ok_or_else(missing)?;
        let mut make_leaf = |encryption_key: HpkePublicKey, parent_hash: Digest| -> Result<LeafNode, Error> {
            let source = LeafNodeSource::Commit { parent_hash };
            let signature = Signature(Opaque::EMPTY);
            let mut leaf = LeafNode { encryption_key, source, signature, ..old.clone() };
            let signed = LeafNodeTbs { leaf: &leaf, position: Some((&self.group_id, sender)) }.to_bytes()?;
            leaf.signature = sign_with_label(signer, "LeafNodeTBS", &signed)?;
            Ok(leaf)
        };
        let mut edit = self.tree.edit(self.suite);
        let draft = edit.draft_path(sender, &mut make_leaf, &mut SystemRng)?;
        let tree = edit.seal()?;
        let context = path_context(self.suite, &self.context(&tree)?)?;
        let path = draft.encrypt(&tree, &[], &context, self.suite, &mut SystemRng)?;
        let (_, commit_secret) = draft.into_private();
        let merged = self.merge(sender, &path)?;
        same_bytes("tree_hash", merged.tree_hash(), tree.tree_hash())?;
        for receiver in self.receivers(sender) {
            let place = format!("leaf {}", receiver.own_leaf());
            let (_, found) = receiver.decrypt_path(&merged, sender, &path, &[], &context, self.suite).at(&place)?;
            same_bytes(format_args!("{place}: commit_secret"), found.expose(), commit_secret.expose())?;
        }
        Ok(())
    }

    /// The tree after a path, whose leaf and parent hashes are checked.
    fn merge(&self, sender: LeafIndex, path: &UpdatePath) -> Result<RatchetTree, Failure> {
        let check = LeafCheck {
            group_id: Some(&self.group_id),
            ..LeafCheck::alone(self.suite, None, Limits::default().lifetime_seconds)
        };
        // Only that: leaves of suite 7 do not list their own suite in their capabilities.
        check.verify_signature(&path.leaf_node, LeafPlace::Commit(sender)).at("leaf_node")?;
        let mut edit = self.tree.edit(self.suite);
        edit.apply_path(sender, path, &[])?;
        let tree = edit.seal()?;
        tree.verify_parent_hashes(self.suite)?;
        Ok(tree)
    }

    fn receivers(&self, sender: LeafIndex) -> impl Iterator<Item = &TreePrivate> {
        self.members.iter().map(|member| &member.private).filter(move |private| private.own_leaf() != sender)
    }

    /// What path secrets are encrypted under.
    fn context(&self, after: &RatchetTree) -> Result<GroupContext, Failure> {
        let vector = self.vector;
        Ok(GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(vector.cipher_suite),
            group_id: self.group_id.clone(),
            epoch: Epoch(vector.epoch),
            tree_hash: *after.tree_hash(),
            confirmed_transcript_hash: vector.confirmed_transcript_hash.digest().at("confirmed_transcript_hash")?,
            extensions: Extensions::default(),
        })
    }
}
