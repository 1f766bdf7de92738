//! The list of proposals in a commit, sorted by what they do, and the rules on the list itself (RFC 9420 §12.2). The same
//! code judges a commit that is made here and one that arrives.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use cenacle_crypto::{HpkePublicKey, SignaturePublicKey, Suite};

use super::{GroupPolicy, PublicGroup};
use crate::{
    Error, Rule,
    tree::{RatchetTree, Roster},
    wire::{
        Extensions, KeyPackage, LeafIndex, LeafNode, PreSharedKeyId, Proposal, ProposalRef, ProposalType, ReInit,
        Sender,
    },
};

/// Who makes a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committer {
    /// A member.
    Member(LeafIndex),
    /// The founder of a group that continues another (RFC 9420 §11.2, §11.3), in its first commit.
    Founder(LeafIndex),
    /// A client that joins by this commit.
    Joiner,
}

/// A proposal as a commit lists it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed<'a> {
    pub(crate) proposal: &'a Proposal,
    pub(crate) sender: Sender,
    /// Present if it is listed by reference.
    pub(crate) reference: Option<ProposalRef>,
}

/// A leaf replaced by its member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpdateOf<'a> {
    pub(crate) leaf_index: LeafIndex,
    pub(crate) leaf_node: &'a LeafNode,
    pub(crate) reference: Option<ProposalRef>,
}

/// A valid list, by kind.
#[derive(Debug, Default)]
pub(crate) struct ProposalList<'a> {
    pub(crate) extensions: Option<&'a Extensions>,
    pub(crate) updates: Vec<UpdateOf<'a>>,
    pub(crate) removes: Vec<LeafIndex>,
    /// Who wants each of `removes`.
    pub(crate) removed_by: Vec<Sender>,
    pub(crate) adds: Vec<&'a KeyPackage>,
    /// Who wants each of `adds`.
    pub(crate) added_by: Vec<Sender>,
    pub(crate) psks: Vec<&'a PreSharedKeyId>,
    pub(crate) external_init: Option<&'a [u8]>,
    pub(crate) reinit: Option<&'a ReInit>,
    pub(crate) custom: Vec<(ProposalType, &'a [u8])>,
}

impl<'a> ProposalList<'a> {
    /// Sorts the list of a commit and checks the rules of §12.2 that need no new tree.
    pub(crate) fn sort(
        items: &[Listed<'a>],
        committer: Committer,
        public: &PublicGroup,
        suite: &dyn Suite,
    ) -> Result<Self, Error> {
        let mut list = Self::default();
        items.iter().try_for_each(|item| list.take(item))?;
        list.check_psks(suite, matches!(committer, Committer::Founder(_)))?;
        match committer {
            Committer::Member(leaf) | Committer::Founder(leaf) => {
                list.check_regular(items.len(), leaf, public, suite)?
            }
            Committer::Joiner => list.check_external(suite)?,
        }
        Ok(list)
    }

    fn take(&mut self, item: &Listed<'a>) -> Result<(), Rule> {
        match item.proposal {
            Proposal::Add(add) => {
                self.adds.push(&add.key_package);
                self.added_by.push(item.sender);
            }
            Proposal::Update(update) => {
                let Sender::Member(leaf_index) = item.sender else { return Err(Rule::UpdateByMember) };
                self.updates.push(UpdateOf { leaf_index, leaf_node: &update.leaf_node, reference: item.reference });
            }
            Proposal::Remove(remove) => {
                self.removes.push(remove.removed);
                self.removed_by.push(item.sender);
            }
            Proposal::PreSharedKey(psk) => self.psks.push(&psk.psk),
            Proposal::ExternalInit(init) => {
                if self.external_init.replace(&init.kem_output).is_some() {
                    return Err(Rule::ExternalInitOnce);
                }
            }
            Proposal::GroupContextExtensions(change) => {
                // RFC 9420 §12.2: "It contains multiple GroupContextExtensions proposals."
                if self.extensions.replace(&change.extensions).is_some() {
                    return Err(Rule::ExtensionsReplacedOnce);
                }
            }
            Proposal::ReInit(reinit) => self.reinit = Some(reinit),
            Proposal::Custom(kind, body) => self.custom.push((*kind, body)),
        }
        Ok(())
    }

    /// RFC 9420 §8.4, §12.1.4 and §12.2: nonces, usages and repetitions of PSKs.
    fn check_psks(&self, suite: &dyn Suite, continues: bool) -> Result<(), Rule> {
        // "uint16 count", and nothing costly before it is known to do.
        if u16::try_from(self.psks.len()).is_err() {
            return Err(Rule::PskCountFits);
        }
        let mut seen = BTreeSet::new();
        for id in &self.psks {
            check_psk_nonce(id, suite)?;
            if !continues {
                check_psk_usage(id)?;
            }
            // "It contains multiple PreSharedKey proposals that reference the same PreSharedKeyID."
            if !seen.insert(*id) {
                return Err(Rule::PskUnique);
            }
        }
        Ok(())
    }

    /// RFC 9420 §12.2: "For a regular, i.e., not external, Commit, the list is invalid if any of the following occurs".
    fn check_regular(
        &self,
        items: usize,
        committer: LeafIndex,
        public: &PublicGroup,
        suite: &dyn Suite,
    ) -> Result<(), Error> {
        let tree = &public.tree;
        if let Some(reinit) = self.reinit {
            // "It contains a ReInit proposal together with any other proposal."
            if items > 1 {
                return Err(Rule::ReInitAlone.into());
            }
            check_reinit(reinit, public)?;
        }
        // "It contains an ExternalInit proposal."
        if self.external_init.is_some() {
            return Err(Rule::ExternalInitOnce.into());
        }
        // "It contains an Update proposal generated by the committer."
        if self.updates.iter().any(|update| update.leaf_index == committer) {
            return Err(Rule::UpdateNotByCommitter.into());
        }
        // "It contains a Remove proposal that removes the committer."
        if self.removes.contains(&committer) {
            return Err(Rule::CommitterNotRemoved.into());
        }
        // "It contains multiple Update and/or Remove proposals that apply to the same leaf."
        let mut changed = BTreeSet::new();
        let updated = self.updates.iter().map(|update| update.leaf_index);
        for leaf in updated.chain(self.removes.iter().copied()) {
            if !changed.insert(leaf) {
                return Err(Rule::LeafChangedOnce.into());
            }
            if tree.shared_leaf(leaf).is_none() {
                return Err(Rule::RemovedIsMember.into());
            }
        }
        // "It contains multiple Add proposals that contain KeyPackages that represent the same client", and "It contains
        // an Add proposal with a KeyPackage that represents a client already in the group ..., unless there is a Remove
        // proposal in the list removing the matching client from the group."
        let removed: BTreeSet<LeafIndex> = self.removes.iter().copied().collect();
        let mut added: BTreeSet<&SignaturePublicKey> = BTreeSet::new();
        for package in &self.adds {
            let key = &package.leaf_node.signature_key;
            let present =
                tree.roster().member_by_signature_key(key, suite).is_some_and(|leaf| !removed.contains(&leaf));
            if present || !added.insert(key) {
                return Err(Rule::AddedIsNew.into());
            }
        }
        self.check_custom(public, &removed)
    }

    /// RFC 9420 §12.2: "It contains a Proposal with a non-default proposal type that is not supported by some members of
    /// the group that will process the Commit".
    fn check_custom(&self, public: &PublicGroup, removed: &BTreeSet<LeafIndex>) -> Result<(), Error> {
        let mut leaving = Leaving::default();
        if !self.custom.is_empty() {
            removed.iter().for_each(|leaf| leaving.add(&public.tree, *leaf));
        }
        let supported = |(kind, _): &(ProposalType, &[u8])| leaving.others_support(public.tree.roster(), *kind);
        if self.custom.iter().all(supported) { Ok(()) } else { Err(Rule::ProposalSupportedByAll.into()) }
    }

    /// RFC 9420 §12.2: "For an external Commit, the list is valid if it contains only the following proposals".
    fn check_external(&self, suite: &dyn Suite) -> Result<(), Rule> {
        let kem_output = self.external_init.ok_or(Rule::ExternalInitOnce)?;
        suite.kem_check_public_key(&HpkePublicKey(kem_output.into())).map_err(|_| Rule::PublicKeyWellFormed)?;
        // An Update is by a member already, or it would not have been taken.
        let others = self.adds.len() + self.custom.len() + usize::from(self.extensions.is_some());
        if others > 0 || self.removes.len() > 1 || self.reinit.is_some() {
            return Err(Rule::ExternalCommitProposals);
        }
        Ok(())
    }

    /// RFC 9420 §12.4: whether the commit must have a path.
    pub(crate) fn requires_path(&self, policy: &dyn GroupPolicy) -> bool {
        let custom = self.custom.iter().any(|(kind, _)| policy.custom_proposal(*kind).path_required);
        let requiring = self.updates.len() + self.removes.len();
        let pathless = self.adds.len() + self.psks.len() + self.custom.len() + usize::from(self.reinit.is_some());
        requiring > 0 || self.external_init.is_some() || self.extensions.is_some() || custom || pathless == 0
    }
}

/// The proposal types of members who are removed, counted once for all: neither many of them nor many types are gone through
/// for each of the other.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    members: u32,
    supporting: BTreeMap<ProposalType, u32>,
}

impl Leaving {
    /// One who is removed, and was not added before.
    pub(crate) fn add(&mut self, tree: &RatchetTree, leaf: LeafIndex) {
        let Some(node) = tree.leaf(leaf) else { return };
        self.members = self.members.saturating_add(1);
        for kind in BTreeSet::from_iter(node.capabilities.proposals) {
            let count = self.supporting.entry(kind).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Whether all other members support a type.
    pub(crate) fn others_support(&self, roster: &Roster, kind: ProposalType) -> bool {
        let leaving = self.supporting.get(&kind).copied().unwrap_or_default();
        let staying = roster.member_count().saturating_sub(self.members);
        kind.is_default() || roster.supporting_proposal(kind).saturating_sub(leaving) == staying
    }
}

/// Nonce and usage of a PSK in an ordinary proposal.
pub(crate) fn check_psk(id: &PreSharedKeyId, suite: &dyn Suite) -> Result<(), Rule> {
    check_psk_nonce(id, suite)?;
    check_psk_usage(id)
}

/// RFC 9420 §12.1.4: a PreSharedKey proposal is invalid if "the psk_nonce is not of length KDF.Nh".
pub(crate) fn check_psk_nonce(id: &PreSharedKeyId, suite: &dyn Suite) -> Result<(), Rule> {
    if id.psk_nonce.len() == suite.hash_length() { Ok(()) } else { Err(Rule::PskNonceLength) }
}

/// RFC 9420 §12.1.4: usages `reinit` and `branch` are for those occasions alone.
fn check_psk_usage(id: &PreSharedKeyId) -> Result<(), Rule> {
    if id.psk.continues() { Err(Rule::PskUsageFits) } else { Ok(()) }
}

/// RFC 9420 §12.1.5: "A ReInit proposal is invalid if the version field is less than the version for the current group."
/// Its extensions must make a GroupContext.
pub(crate) fn check_reinit(reinit: &ReInit, public: &PublicGroup) -> Result<(), Rule> {
    if reinit.version < public.context.version {
        return Err(Rule::ReInitVersion);
    }
    reinit.extensions.check_context()
}

/// What a client does not ask for itself, though others may: whoever joins the new group must support all of its extensions
/// (RFC 9420 §13.4), so that one which a member does not list ends the group for nothing, unless that member's next key
/// package lists it.
pub(crate) fn check_own_reinit(reinit: &ReInit, public: &PublicGroup) -> Result<(), Rule> {
    check_reinit(reinit, public)?;
    let roster = public.tree.roster();
    let supported = reinit.extensions.types().all(|kind| roster.all_support_extension(kind));
    if supported { Ok(()) } else { Err(Rule::ExtensionSupportedByAll) }
}
