//! treekem.json: a tree, what each of its members knows, and a path by each of them.

use alloc::sync::Arc;

use cenacle_codec::Encode as _;
use cenacle_mls::{
    tree::path_context,
    wire::{Epoch, Extensions, GroupContext, LeafIndex, ProtocolVersion},
};

use super::{
    super::{
        check::Failure,
        tree_kem::{LeafPrivate, NodeSecret, PathVector, TreeKem},
    },
    Case, Size,
    grove::{Grove, Member},
    tree_shapes::{self, SMALL_TREE_KEM, TREE_KEM},
};

pub(super) fn count(size: Size) -> usize {
    size.of(SMALL_TREE_KEM, TREE_KEM).len()
}

pub(super) fn make(case: &mut Case) -> Result<TreeKem, Failure> {
    let grove = Grove::grow(case, tree_shapes::of(case.size, SMALL_TREE_KEM, TREE_KEM, case.index))?;
    let context = GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: case.suite.cipher_suite(),
        group_id: grove.group_id.clone(),
        epoch: Epoch(case.dice.number()),
        tree_hash: *grove.tree.tree_hash(),
        confirmed_transcript_hash: case.dice.digest(case.hash_length()),
        extensions: Extensions::default(),
    };
    let senders: Vec<LeafIndex> = grove.members.keys().copied().collect();
    let paths = senders.into_iter().map(|sender| path(case, &grove, &context, sender)).collect::<Result<_, _>>()?;
    Ok(TreeKem {
        cipher_suite: case.cipher_suite(),
        group_id: grove.group_id.as_slice().into(),
        epoch: context.epoch.0,
        confirmed_transcript_hash: context.confirmed_transcript_hash.as_slice().into(),
        ratchet_tree: grove.tree.to_bytes()?.into(),
        leaves_private: grove.members.iter().map(|(leaf, member)| private(*leaf, member)).collect(),
        update_paths: paths,
    })
}

fn private(leaf: LeafIndex, member: &Member) -> LeafPrivate {
    let secrets = member.path_secrets.iter();
    LeafPrivate {
        index: leaf.0,
        encryption_priv: member.encryption_priv.clone(),
        signature_priv: member.person.signature_priv.clone(),
        path_secrets: secrets.map(|(node, secret)| NodeSecret { node: node.0, path_secret: secret.clone() }).collect(),
    }
}

fn path(case: &mut Case, grove: &Grove, context: &GroupContext, sender: LeafIndex) -> Result<PathVector, Failure> {
    let suite = Arc::clone(&case.suite);
    let mut edit = grove.tree.edit(&*suite);
    let draft = edit.draft_path(sender, &mut grove.leaf_maker(sender)?, &mut case.dice)?;
    let after = edit.seal()?;
    let provisional = GroupContext { tree_hash: *after.tree_hash(), ..context.clone() };
    let path = draft.encrypt(&after, &[], &path_context(&*suite, &provisional)?, &*suite, &mut case.dice)?;
    let told = |leaf: u32| {
        let leaf = LeafIndex(leaf);
        let is_receiver = leaf != sender && after.leaf(leaf).is_some();
        is_receiver.then(|| draft.path_secret_for(leaf).map(Into::into)).flatten()
    };
    Ok(PathVector {
        sender: sender.0,
        update_path: path.to_bytes()?.into(),
        path_secrets: (0..after.leaf_width()).map(told).collect(),
        tree_hash_after: after.tree_hash().as_slice().into(),
        commit_secret: (&draft.into_private().1).into(),
    })
}
