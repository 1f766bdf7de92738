//! The public half of a group: what anyone who sees all handshakes in the clear can know and check. How it advances by a
//! commit is the same for members and observers; the secrets are the members' business.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::cmp::Ordering;

use cenacle_crypto::{Digest, Suite};

use super::{
    CommitSummary, Inputs, Settings,
    apply::{Applied, Sealed},
    list::{Committer, Listed, ProposalList},
    proposals::ProposalCache,
};
use crate::{
    Error, Rule,
    schedule::{confirmed_transcript_hash, interim_transcript_hash},
    tree::{LeafCheck, LeafPlace, RatchetTree},
    wire::{
        AuthenticatedContent, Commit, Epoch, Extensions, GroupContext, GroupId, LeafIndex, LeafNode, ProposalOrRef,
        ReInit, RequiredCapabilities, Sender,
    },
};

/// A group's tree, context and transcript at one epoch. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PublicGroup {
    pub(crate) context: Arc<GroupContext>,
    pub(crate) tree: RatchetTree,
    pub(crate) interim_transcript_hash: Digest,
    pub(crate) confirmation_tag: Digest,
    /// What the last commit re-initialised the group to.
    pub(crate) reinit: Option<Arc<ReInit>>,
}

/// What the rules are judged by.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) suite: &'a dyn Suite,
    pub(crate) settings: &'a Settings,
    pub(crate) inputs: &'a Inputs<'a>,
    /// Whether the signatures of proposed leaves were verified before.
    pub(crate) is_verified: bool,
}

impl<'a> Judge<'a> {
    pub(crate) const fn new(suite: &'a dyn Suite, settings: &'a Settings, inputs: &'a Inputs<'a>) -> Self {
        Self { suite, settings, inputs, is_verified: false }
    }

    /// For proposals that wait: their leaves' signatures were verified when they came.
    pub(crate) const fn of_verified(self) -> Self {
        Self { is_verified: true, ..self }
    }

    pub(crate) fn check_leaf(self, check: &LeafCheck<'_>, leaf: &LeafNode, place: LeafPlace) -> Result<(), Error> {
        check.check_content(leaf, place)?;
        if self.is_verified { Ok(()) } else { check.verify_signature(leaf, place) }
    }

    /// How leaves are checked in a group that requires this of its members.
    pub(crate) fn leaf_check(self, group_id: &'a GroupId, required: Option<&'a RequiredCapabilities>) -> LeafCheck<'a> {
        let Settings { limits, lifetimes, .. } = self.settings;
        let now_seconds = self.inputs.now_seconds.filter(|_| *lifetimes != super::Lifetimes::Ignored);
        LeafCheck {
            group_id: Some(group_id),
            required,
            lifetimes_in_tree: *lifetimes >= super::Lifetimes::Everywhere,
            ..LeafCheck::alone(self.suite, now_seconds, limits.lifetime_seconds)
        }
    }
}

impl<'a> Inputs<'a> {
    /// What is received is judged without the clock, unless the settings say otherwise. RFC 9420 §7.3: a key package may have
    /// expired "in the time between when the message was sent and when it was received". The committer had to look at the
    /// clock; whoever receives late must not fall out of the group.
    pub(crate) fn on_receipt(&self, settings: &Settings) -> Self {
        let now_seconds = self.now_seconds.filter(|_| settings.lifetimes == super::Lifetimes::Received);
        Inputs { now_seconds, ..*self }
    }
}

impl PublicGroup {
    /// A group as its GroupInfo states it, or as its confirmation tag proved.
    pub(crate) fn new(
        suite: &dyn Suite,
        tree: RatchetTree,
        context: GroupContext,
        confirmation_tag: Digest,
        reinit: Option<Arc<ReInit>>,
    ) -> Result<Self, Error> {
        let interim_transcript_hash =
            interim_transcript_hash(suite, &context.confirmed_transcript_hash, &confirmation_tag)?;
        Ok(Self { context: Arc::new(context), tree, interim_transcript_hash, confirmation_tag, reinit })
    }

    /// The group's context.
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        &self.context
    }

    /// The group's identifier.
    #[must_use]
    pub fn group_id(&self) -> &GroupId {
        &self.context.group_id
    }

    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.context.epoch
    }

    /// The extensions of the context.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.context.extensions
    }

    /// The ratchet tree.
    #[must_use]
    pub const fn tree(&self) -> &RatchetTree {
        &self.tree
    }

    /// The members, by leaf.
    pub fn members(&self) -> impl Iterator<Item = (LeafIndex, LeafNode)> {
        self.tree.members()
    }

    /// The tag of the commit that began this epoch.
    #[must_use]
    pub const fn confirmation_tag(&self) -> &Digest {
        &self.confirmation_tag
    }

    /// What the group was re-initialised to. Then it is over but for producing its successor (RFC 9420 §11.2).
    #[must_use]
    pub fn reinit(&self) -> Option<&ReInit> {
        self.reinit.as_deref()
    }

    /// RFC 9420 §12.4.2: "If the Commit included a ReInit proposal, the client MUST NOT use the group to send messages
    /// anymore."
    pub(crate) const fn check_goes_on(&self) -> Result<(), Rule> {
        if self.reinit.is_some() { Err(Rule::ReInitIsLast) } else { Ok(()) }
    }

    /// Whether a message belongs to the present epoch.
    pub(crate) fn check_epoch(&self, epoch: Epoch) -> Result<(), Error> {
        match epoch.cmp(&self.epoch()) {
            Ordering::Less => Err(Error::Stale(epoch)),
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(Error::Future(epoch)),
        }
    }

    /// The list of a commit that arrived, judged as far as it needs no new tree (RFC 9420 §12.2).
    pub(crate) fn list<'a>(
        &self,
        commit: &'a Commit,
        committer: Committer,
        sender: Sender,
        proposals: &'a ProposalCache,
        judge: Judge<'_>,
    ) -> Result<ProposalList<'a>, Error> {
        let listed = resolve(commit, sender, proposals)?;
        for item in listed.iter().filter(|item| item.reference.is_none()) {
            judge.inputs.check_admitted(self, item.sender, item.proposal)?;
        }
        ProposalList::sort(&listed, committer, self, judge.suite)
    }

    /// Applies the list and path of a commit that arrived to a copy of the tree and context (RFC 9420 §12.4.2).
    pub(crate) fn advance(
        &self,
        list: &ProposalList<'_>,
        commit: &Commit,
        committer: Committer,
        judge: Judge<'_>,
    ) -> Result<Advanced, Error> {
        let mut applied = Applied::new(list, self, judge)?;
        // "Verify that the path value is populated if the proposals vector contains any Update or Remove proposals, or
        // if it's empty."
        if commit.path.is_none() && list.requires_path(judge.inputs.policy) {
            return Err(Rule::PathPresent.into());
        }
        // "If the path value is populated, validate it and apply it to the tree".
        let leaf = match (&commit.path, committer) {
            (Some(path), _) => applied.merge_path(path, committer, list, self, judge)?,
            (None, Committer::Member(leaf) | Committer::Founder(leaf)) => leaf,
            (None, Committer::Joiner) => return Err(Rule::ExternalCommitHasPath.into()),
        };
        let sealed = applied.seal(self)?;
        let summary = CommitSummary::new(list, &sealed, committer, leaf, self);
        Ok(Advanced { sealed, leaf, summary })
    }

    /// The context of the epoch that a commit begins (RFC 9420 §8.2).
    pub(crate) fn next_context(
        &self,
        suite: &dyn Suite,
        provisional: &GroupContext,
        commit: &AuthenticatedContent,
    ) -> Result<GroupContext, Error> {
        let confirmed = confirmed_transcript_hash(suite, &self.interim_transcript_hash, commit)?;
        Ok(GroupContext { confirmed_transcript_hash: confirmed, ..provisional.clone() })
    }
}

/// A group's public half after a commit, before its transcript.
pub(crate) struct Advanced {
    pub(crate) sealed: Sealed,
    /// The committer's leaf.
    pub(crate) leaf: LeafIndex,
    pub(crate) summary: CommitSummary,
}

/// The proposals of a commit, those by reference looked up.
fn resolve<'a>(commit: &'a Commit, sender: Sender, proposals: &'a ProposalCache) -> Result<Vec<Listed<'a>>, Error> {
    let mut referred = BTreeSet::new();
    let known: BTreeMap<_, _> = proposals.entries.iter().map(|cached| (cached.reference, &**cached)).collect();
    let mut look_up = |item: &'a ProposalOrRef| match item {
        ProposalOrRef::Proposal(proposal) => Ok(Listed { proposal, sender, reference: None }),
        // RFC 9420 §12.4.3.2: "The Commit MUST NOT include any proposals by reference".
        ProposalOrRef::Reference(_) if sender == Sender::NewMemberCommit => Err(Rule::ExternalCommitByValue.into()),
        ProposalOrRef::Reference(reference) if !referred.insert(reference) => Err(Rule::ProposalReferredOnce.into()),
        ProposalOrRef::Reference(reference) => {
            let cached = known.get(reference).ok_or(Rule::ProposalKnown)?;
            Ok(Listed { proposal: &cached.proposal, sender: cached.sender, reference: Some(**reference) })
        }
    };
    commit.proposals.iter().map(&mut look_up).collect()
}
