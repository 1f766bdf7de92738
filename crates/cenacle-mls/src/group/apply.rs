//! Applying a list of proposals and a path to a copy of the tree and context (RFC 9420 §12.3, §12.4.2), for whoever makes
//! a commit and whoever receives one. The group itself is not touched.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    Inputs, Occasion, PublicGroup,
    list::{Committer, ProposalList},
    public::Judge,
};
use crate::{
    Error, Rule,
    tree::{Leaf, LeafCheck, LeafPlace, RatchetTree, TreeEdit},
    wide,
    wire::{Extensions, GroupContext, GroupId, LeafIndex, LeafNode, RequiredCapabilities, UpdatePath},
};

/// So many key packages are checked on one thread.
const KEY_PACKAGE_GRAIN: usize = 32;

/// The tree and extensions after a list of proposals, still without a path.
pub(crate) struct Applied<'a> {
    pub(crate) edit: TreeEdit<'a>,
    extensions: Extensions,
    required: Option<RequiredCapabilities>,
    /// Leaves of new members, in the order of their Adds.
    pub(crate) added: Vec<LeafIndex>,
    /// Every changed leaf as it was before.
    pub(crate) replaced: BTreeMap<LeafIndex, Option<Leaf>>,
}

impl<'a> Applied<'a> {
    /// Applies the list in the order of RFC 9420 §12.3.
    pub(crate) fn new(list: &ProposalList<'_>, public: &PublicGroup, judge: Judge<'a>) -> Result<Self, Error> {
        let extensions = list.extensions.unwrap_or(&public.context.extensions).clone();
        if list.extensions.is_some() {
            check_extensions(&extensions, public.group_id(), judge.inputs)?;
        }
        let mut applied = Self {
            edit: public.tree.edit(judge.suite),
            required: extensions.required_capabilities().map_err(|_| Rule::ExtensionWellFormed)?,
            extensions,
            added: Vec::with_capacity(list.adds.len()),
            replaced: BTreeMap::new(),
        };
        for update in &list.updates {
            let old = public.tree.shared_leaf(update.leaf_index).ok_or(Rule::RemovedIsMember)?;
            applied.check_replacement(update.leaf_node, old, LeafPlace::Update(update.leaf_index), public, judge)?;
            applied.replaced.insert(update.leaf_index, Some(old.clone()));
            applied.edit.update(update.leaf_index, update.leaf_node)?;
        }
        for leaf in &list.removes {
            // RFC 9420 §12.1.3: invalid "if the removed field does not identify a non-blank leaf node".
            let old = public.tree.shared_leaf(*leaf).ok_or(Rule::RemovedIsMember)?;
            applied.replaced.insert(*leaf, Some(old.clone()));
            applied.edit.remove(*leaf)?;
        }
        let (check, is_verified) = (applied.leaf_check(public, judge), judge.is_verified);
        wide::map(&list.adds, KEY_PACKAGE_GRAIN, &|package| match is_verified {
            true => package.check_content(&check),
            false => package.check(&check),
        })?;
        for package in &list.adds {
            judge.inputs.check_leaf(Occasion::Add, public.group_id(), &package.leaf_node, None)?;
            let leaf = applied.edit.add(&package.leaf_node)?;
            applied.replaced.entry(leaf).or_insert(None);
            applied.added.push(leaf);
        }
        Ok(applied)
    }

    fn leaf_check<'b>(&'b self, public: &'b PublicGroup, judge: Judge<'b>) -> LeafCheck<'b> {
        judge.leaf_check(public.group_id(), self.required.as_ref())
    }

    /// A leaf in place of another: valid there, with a new key (RFC 9420 §7.3), and believed.
    fn check_replacement(
        &self,
        new: &LeafNode,
        old: &Leaf,
        place: LeafPlace,
        public: &PublicGroup,
        judge: Judge<'_>,
    ) -> Result<(), Error> {
        judge.check_leaf(&self.leaf_check(public, judge), new, place)?;
        let old = old.node().ok_or(Rule::SenderIsMember)?;
        if new.encryption_key == old.encryption_key {
            return Err(Rule::LeafKeyReplaced.into());
        }
        let occasion = if matches!(place, LeafPlace::Commit(_)) { Occasion::Commit } else { Occasion::Update };
        judge.inputs.check_leaf(occasion, public.group_id(), new, Some(&old))
    }

    /// Validates a received path and merges it (RFC 9420 §12.4.2). Gives the committer's leaf.
    pub(crate) fn merge_path(
        &mut self,
        path: &UpdatePath,
        committer: Committer,
        list: &ProposalList<'_>,
        public: &PublicGroup,
        judge: Judge<'_>,
    ) -> Result<LeafIndex, Error> {
        for node in &path.nodes {
            judge.suite.kem_check_public_key(&node.encryption_key).map_err(|_| Rule::PublicKeyWellFormed)?;
        }
        let leaf = match committer {
            Committer::Member(leaf) | Committer::Founder(leaf) => {
                let old = public.tree.shared_leaf(leaf).ok_or(Rule::SenderIsMember)?;
                self.check_replacement(&path.leaf_node, old, LeafPlace::Commit(leaf), public, judge)?;
                self.replaced.insert(leaf, Some(old.clone()));
                leaf
            }
            Committer::Joiner => {
                let leaf = self.assign_joiner_leaf()?;
                self.leaf_check(public, judge).check(&path.leaf_node, LeafPlace::Commit(leaf))?;
                // RFC 9420 §12.2: "the LeafNode in the path field of the external Commit MUST meet the same criteria as
                // would the LeafNode in an Update for the removed leaf".
                let former = list.removes.first().and_then(|removed| public.tree.leaf(*removed));
                if former.as_ref().is_some_and(|old| old.encryption_key == path.leaf_node.encryption_key) {
                    return Err(Rule::LeafKeyReplaced.into());
                }
                judge.inputs.check_leaf(
                    Occasion::ExternalCommit,
                    public.group_id(),
                    &path.leaf_node,
                    former.as_ref(),
                )?;
                leaf
            }
        };
        self.edit.apply_path(leaf, path, &self.added)?;
        Ok(leaf)
    }

    /// RFC 9420 §12.4.2: "If this is an external Commit, assign the sender the leftmost blank leaf node".
    pub(crate) fn assign_joiner_leaf(&mut self) -> Result<LeafIndex, Error> {
        let leaf = self.edit.reserve()?;
        self.replaced.entry(leaf).or_insert(None);
        Ok(leaf)
    }

    /// The finished tree, judged as a whole, and the provisional context: the next epoch's, with the old transcript.
    pub(crate) fn seal(self, public: &PublicGroup) -> Result<Sealed, Error> {
        let tree = self.edit.seal()?;
        // RFC 9420 §12.2: "After processing the Commit the ratchet tree is invalid".
        check_members(&tree, &self.extensions, self.required.as_ref())?;
        let provisional = GroupContext {
            epoch: public.context.epoch.next().ok_or(Rule::EpochCounts)?,
            tree_hash: *tree.tree_hash(),
            extensions: self.extensions,
            ..(*public.context).clone()
        };
        Ok(Sealed { tree, provisional, added: self.added, replaced: self.replaced })
    }
}

/// The tree and context of the next epoch, before the key schedule.
pub(crate) struct Sealed {
    pub(crate) tree: RatchetTree,
    pub(crate) provisional: GroupContext,
    pub(crate) added: Vec<LeafIndex>,
    pub(crate) replaced: BTreeMap<LeafIndex, Option<Leaf>>,
}

/// Rules that bind every member to the group's extensions (RFC 9420 §7.3, §12.1.7, §13.4).
pub(crate) fn check_members(
    tree: &RatchetTree,
    extensions: &Extensions,
    required: Option<&RequiredCapabilities>,
) -> Result<(), Rule> {
    if required.is_some_and(|required| !tree.roster().meets(required)) {
        return Err(Rule::RequiredCapabilitiesMet);
    }
    if extensions.types().any(|kind| !tree.roster().all_support_extension(kind)) {
        return Err(Rule::ExtensionSupportedByAll);
    }
    Ok(())
}

/// Checks the extensions of a group's context: their types, the content of the known ones, and whether to believe the
/// external senders (RFC 9420 §5.3.1).
pub(crate) fn check_extensions(extensions: &Extensions, group_id: &GroupId, inputs: &Inputs<'_>) -> Result<(), Error> {
    extensions.check_context()?;
    let senders = extensions.external_senders()?;
    inputs.check_external_senders(group_id, senders.as_deref().unwrap_or_default())
}
