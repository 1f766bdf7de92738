//! Ratchet trees grown for vectors: every change is made to a real tree by members whose private keys and path secrets
//! are all known here. There are no epochs and no messages.

use alloc::{collections::BTreeMap, sync::Arc};

use cenacle_crypto::{Digest, HpkePublicKey};
use cenacle_mls::{
    tree::{NodeIndex, PathDraft, PathStep, RatchetTree},
    wire::{GroupId, LeafIndex, LeafNode, LeafNodeSource},
};

use super::{
    super::{check::Failure, hex_field::Hex},
    Case,
    person::{LIFETIME, Person, bare, key_pair},
    tree_shapes::{Shape, Step},
};

/// A tree with all that its members know.
pub(super) struct Grove {
    pub(super) group_id: GroupId,
    pub(super) tree: RatchetTree,
    pub(super) members: BTreeMap<LeafIndex, Member>,
}

/// A member of the tree.
pub(super) struct Member {
    pub(super) person: Person,
    pub(super) encryption_priv: Hex,
    /// Of the nodes above its leaf whose secrets it was told.
    pub(super) path_secrets: BTreeMap<NodeIndex, Hex>,
}

impl Grove {
    /// A tree of that shape.
    pub(super) fn grow(case: &mut Case, shape: &Shape) -> Result<Self, Failure> {
        let group_id = GroupId::from(case.dice.bytes(16).as_slice());
        let (member, leaf) = newcomer(case)?;
        let tree = RatchetTree::new(&leaf, &*case.suite)?;
        let mut grove = Self { group_id, tree, members: BTreeMap::from([(LeafIndex(0), member)]) };
        for committer in 1..shape.members {
            grove.step(case, &Step::Commit { by: committer - 1, remove: &[], add: 1 })?;
        }
        for step in shape.then {
            grove.step(case, step)?;
        }
        Ok(grove)
    }

    fn step(&mut self, case: &mut Case, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Commit { by, remove, add } => self.commit(case, LeafIndex(*by), remove, *add),
            Step::Add => self.add(case),
            Step::Update(leaf) => self.update(case, LeafIndex(*leaf)),
        }
    }

    /// The member at a leaf.
    pub(super) fn member(&self, leaf: LeafIndex) -> Result<&Member, Failure> {
        self.members.get(&leaf).ok_or_else(|| Failure::refused(&format_args!("{leaf:?} is blank")))
    }

    /// Someone is added by a commit without a path, and is unmerged above.
    fn add(&mut self, case: &mut Case) -> Result<(), Failure> {
        let (member, leaf) = newcomer(case)?;
        let mut edit = self.tree.edit(&*case.suite);
        let index = edit.add(&leaf)?;
        self.tree = edit.seal()?;
        self.members.insert(index, member);
        Ok(())
    }

    /// A member's Update is committed without a path of its own: the nodes above are blank.
    fn update(&mut self, case: &mut Case, leaf: LeafIndex) -> Result<(), Failure> {
        let (encryption_priv, key) = key_pair(&*case.suite, &mut case.dice)?;
        let node = self.member(leaf)?.person.leaf(key, LeafNodeSource::Update, Some((&self.group_id, leaf)))?;
        let mut edit = self.tree.edit(&*case.suite);
        edit.update(leaf, &node)?;
        self.tree = edit.seal()?;
        if let Some(member) = self.members.get_mut(&leaf) {
            member.encryption_priv = encryption_priv;
        }
        self.forget_blank();
        Ok(())
    }

    /// A commit with a path.
    fn commit(&mut self, case: &mut Case, by: LeafIndex, remove: &[u32], add: u32) -> Result<(), Failure> {
        let suite = Arc::clone(&case.suite);
        let mut edit = self.tree.edit(&*suite);
        for leaf in remove.iter().copied().map(LeafIndex) {
            edit.remove(leaf)?;
            self.members.remove(&leaf);
        }
        for _ in 0..add {
            let (member, leaf) = newcomer(case)?;
            self.members.insert(edit.add(&leaf)?, member);
        }
        let mut make_leaf = self.leaf_maker(by)?;
        let draft = edit.draft_path(by, &mut make_leaf, &mut case.dice)?;
        drop(make_leaf);
        self.tree = edit.seal()?;
        self.forget_blank();
        for (step, secret) in path_secrets(&self.tree, by, &draft)? {
            for (leaf, member) in &mut self.members {
                if step.node.contains(leaf.node_index()) {
                    member.path_secrets.insert(step.node, secret.clone());
                }
            }
        }
        if let (Some(member), Some(key)) = (self.members.get_mut(&by), draft.into_private().0.leaf_key()) {
            member.encryption_priv = bare(key);
        }
        Ok(())
    }

    /// What signs the leaf of a path.
    pub(super) fn leaf_maker(
        &self,
        by: LeafIndex,
    ) -> Result<impl FnMut(HpkePublicKey, Digest) -> Result<LeafNode, cenacle_mls::Error> + use<'_>, Failure> {
        let person = &self.member(by)?.person;
        let position = Some((&self.group_id, by));
        Ok(move |key, parent_hash| person.leaf(key, LeafNodeSource::Commit { parent_hash }, position))
    }

    fn forget_blank(&mut self) {
        for member in self.members.values_mut() {
            member.path_secrets.retain(|node, _| self.tree.parent(*node).is_some());
        }
    }
}

/// Someone new with a leaf.
fn newcomer(case: &mut Case) -> Result<(Member, LeafNode), Failure> {
    let person = Person::new(&case.suite, &mut case.dice)?;
    let (encryption_priv, key) = key_pair(&*case.suite, &mut case.dice)?;
    let leaf = person.leaf(key, LeafNodeSource::KeyPackage(LIFETIME), None)?;
    Ok((Member { person, encryption_priv, path_secrets: BTreeMap::new() }, leaf))
}

/// The path secrets of a draft, from the lowest node up. Each is the one its receivers below the copath child are told.
fn path_secrets(tree: &RatchetTree, by: LeafIndex, draft: &PathDraft) -> Result<Vec<(PathStep, Hex)>, Failure> {
    let secret_of = |step: PathStep| {
        let (receiver, _) = tree.leaves_within(step.copath_child.leaf_span()).next()?;
        Some((step, Hex::from(draft.path_secret_for(receiver)?)))
    };
    let secrets = tree.filtered_direct_path(by).into_iter().map(secret_of).collect::<Option<Vec<_>>>();
    secrets.ok_or_else(|| Failure::refused(&"a path without receivers"))
}
