//! Creating a commit, with its Welcome and GroupInfo (RFC 9420 §12.4.1). The group does not change: the commit becomes the
//! group's pending one, and the next epoch begins when its echo is merged.

use alloc::{boxed::Box, collections::BTreeSet, sync::Arc, vec::Vec};

use cenacle_codec::{Opaque, codec_struct};
use cenacle_crypto::{Digest, Rng, Secret};

use super::{
    CommitSummary, Group, Inputs, PublicGroup, Transition,
    apply::{Applied, Sealed},
    grease::check_sent,
    list::{Committer, Listed, ProposalList, check_own_reinit},
    pending::{PendingCommit, PendingRecord},
    send::fresh_psk_id,
    transition::{StateChange, StateEvent},
    welcome::{self, GroupInfoContent, Joiner},
};
use crate::{
    Error, Misuse,
    delta::Delta,
    schedule::{CommitSecret, psk_secret},
    tree::{TreePrivate, path_context},
    wire::{
        Add, Commit, Content, Extensions, GroupContextExtensions, KeyPackage, LeafIndex, LeafNodeSource, MlsMessage,
        PreSharedKey, PreSharedKeyId, Proposal, ProposalOrRef, ProposalRef, ProposalType, Psk, ReInit, Remove, Sender,
        UpdatePath,
    },
};

codec_struct! {
    /// A commit and what goes with it. All of it becomes valid when the commit is accepted, and none before.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct CommitBundle {
        /// The commit, for the members.
        pub commit: MlsMessage,
        /// For those it adds.
        pub welcome: Option<MlsMessage>,
        /// Of the new epoch, for those who join from outside.
        pub group_info: Option<MlsMessage>,
    }
}

/// What a commit is to contain. Waiting proposals that are valid go into it by reference.
#[derive(Debug)]
#[must_use = "a builder builds nothing before `build`"]
pub struct CommitBuilder<'a> {
    group: &'a Group,
    by_value: Vec<Proposal>,
    psks: Vec<Psk>,
    founds: bool,
    without: BTreeSet<ProposalRef>,
    authenticated_data: Vec<u8>,
    force_path: bool,
    tree_in_welcome: bool,
    group_info: bool,
}

impl<'a> CommitBuilder<'a> {
    const fn new(group: &'a Group) -> Self {
        Self {
            group,
            by_value: Vec::new(),
            psks: Vec::new(),
            founds: false,
            without: BTreeSet::new(),
            authenticated_data: Vec::new(),
            force_path: false,
            tree_in_welcome: true,
            group_info: false,
        }
    }

    fn with(mut self, proposal: Proposal) -> Self {
        self.by_value.push(proposal);
        self
    }

    /// Makes it the first commit of a group that continues another, which may fold in that one's resumption PSK.
    pub(crate) const fn founding(mut self) -> Self {
        self.founds = true;
        self
    }

    /// Adds a client. Once a Welcome was made without a path, commits of its epoch that add someone take one.
    #[expect(clippy::should_implement_trait, reason = "named for the proposal it makes")]
    pub fn add(self, key_package: KeyPackage) -> Self {
        self.with(Proposal::Add(Add { key_package: Box::new(key_package) }))
    }

    /// Removes a member.
    pub fn remove(self, removed: LeafIndex) -> Self {
        self.with(Proposal::Remove(Remove { removed }))
    }

    /// Replaces the extensions of the group's context.
    pub fn extensions(self, extensions: Extensions) -> Self {
        self.with(Proposal::GroupContextExtensions(GroupContextExtensions { extensions }))
    }

    /// Replaces the group by a new one with the same members (RFC 9420 §11.2). Nothing else goes into the commit.
    pub fn reinit(self, reinit: ReInit) -> Self {
        self.with(Proposal::ReInit(reinit))
    }

    /// Does something beyond RFC 9420, which all members must support.
    pub fn custom(self, proposal_type: ProposalType, body: impl Into<Opaque>) -> Self {
        self.with(Proposal::Custom(proposal_type, body.into()))
    }

    /// Folds in a pre-shared key.
    pub fn psk(mut self, psk: Psk) -> Self {
        self.psks.push(psk);
        self
    }

    /// Leaves a waiting proposal out.
    pub fn without(mut self, reference: ProposalRef) -> Self {
        self.without.insert(reference);
        self
    }

    /// Renews one's own keys up to the root even where the protocol does not ask for it.
    pub const fn with_path(mut self) -> Self {
        self.force_path = true;
        self
    }

    /// Leaves the tree out of the Welcome and GroupInfo: joiners get it elsewhere (RFC 9420 §12.4.3.3).
    pub const fn without_tree(mut self) -> Self {
        self.tree_in_welcome = false;
        self
    }

    /// Also makes a GroupInfo of the new epoch, with which anyone who has it can join from outside.
    pub const fn with_group_info(mut self) -> Self {
        self.group_info = true;
        self
    }

    /// Data to be authenticated with the commit, in the clear.
    pub fn authenticated_data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.authenticated_data = data.into();
        self
    }

    /// Builds the commit.
    ///
    /// # Errors
    /// `Misuse(CommitPending)` while another waits, `Misuse(ReInitialized)`; `Invalid`, `Refused` and `Missing` as a receiver
    /// would say.
    pub fn build(mut self, inputs: &Inputs<'_>, rng: &mut dyn Rng) -> Result<Transition<CommitBundle>, Error> {
        self.group.check_sending()?;
        if self.group.has_pending_commit() {
            return Err(Misuse::CommitPending.into());
        }
        for psk in core::mem::take(&mut self.psks) {
            let psk = fresh_psk_id(self.group.client.suite(), psk, rng)?;
            self.by_value.push(Proposal::PreSharedKey(PreSharedKey { psk }));
        }
        let own = Sender::Member(self.group.own_leaf());
        for proposal in &self.by_value {
            check_sent(proposal)?;
            if let Proposal::ReInit(reinit) = proposal {
                check_own_reinit(reinit, self.group.public())?;
            }
            inputs.check_admitted(self.group.public(), own, proposal)?;
        }
        let listed = self.group.select(&self.by_value, &self.without, inputs)?;
        self.build_list(&listed, inputs, rng)
    }

    /// The steps of RFC 9420 §12.4.1, in its order.
    fn build_list(
        &self,
        listed: &[Listed<'_>],
        inputs: &Inputs<'_>,
        rng: &mut dyn Rng,
    ) -> Result<Transition<CommitBundle>, Error> {
        let group = self.group;
        let suite = group.client.suite();
        let public = group.public();
        let own = group.own_leaf();
        let judge = group.judge(inputs);
        let committer = if self.founds { Committer::Founder(own) } else { Committer::Member(own) };
        // "Verify that the list of proposals to be committed is valid".
        let list = ProposalList::sort(listed, committer, public, suite)?;
        group.check_supported(&list)?;
        let psks = group.available_psks(&list, inputs)?;
        // "Create the new ratchet tree and GroupContext by applying the list of proposals".
        let applied = Applied::new(&list, public, judge)?;
        // "Decide whether to populate the path field".
        let with_path = self.takes_path(&list, inputs);
        let Path { sealed, path, private, commit_secret, joiner_secrets } =
            self.path(applied, &list, with_path, rng)?;
        group.client.check_all_supported(&sealed.tree, &sealed.provisional.extensions)?;
        // "Construct a FramedContent object containing the Commit object. Sign the FramedContent using the old
        // GroupContext".
        let proposals = listed.iter().map(by_value_or_reference).collect();
        let mut content = group.sign(Content::Commit(Commit { proposals, path }), &self.authenticated_data)?;
        let context = public.next_context(suite, &sealed.provisional, &content)?;
        let joiner_secret = group.state.secrets.init_secret.joiner_secret(suite, &commit_secret, &context)?;
        let member_secret = joiner_secret.member_secret(suite, &psk_secret(suite, &psks)?);
        let welcome_secret = member_secret.welcome_secret(suite)?;
        let epoch = member_secret.into_epoch(suite, &context)?.confirm_own(suite, &context.confirmed_transcript_hash);
        content.auth.confirmation_tag = Some(epoch.confirmation_tag);
        // "Protect the AuthenticatedContent object using keys from the old epoch".
        let mut summary = CommitSummary::new(&list, &sealed, committer, own, public);
        summary.authenticated_data = self.authenticated_data.as_slice().into();
        let mut delta = Delta::new();
        let (commit, used) = group.frame(content, &mut delta, rng)?;
        // "Construct a GroupInfo reflecting the new state", and "one or more Welcome messages".
        let next = group.next_epoch(sealed, context, epoch, private, list.reinit)?;
        inputs.policy.admits_commit(public, &next.state.public, &summary)?;
        let info = GroupInfoContent { public: &next.state.public, secrets: &next.state.secrets, signer: own };
        // It verifies under the key in the new tree: a successor's, where the path brought one.
        let signer = info.public.tree.leaf(own).and_then(|leaf| group.client.behind(&leaf)).ok_or(Misuse::WrongKey)?;
        let welcome = if list.adds.is_empty() {
            None
        } else {
            let group_info = info.sign(signer, self.tree_in_welcome, false)?;
            let joiners = list
                .adds
                .iter()
                .zip(&joiner_secrets)
                .map(|(key_package, path_secret)| Joiner { key_package, path_secret: path_secret.as_ref() });
            let psks: Vec<PreSharedKeyId> = psks.into_iter().map(|(id, _)| id).collect();
            let secrets =
                welcome::Secrets { joiner_secret: &joiner_secret, welcome_secret: &welcome_secret, psks: &psks };
            Some(welcome::seal(suite, &group_info, &secrets, joiners, rng)?.into())
        };
        let group_info = match self.group_info && list.reinit.is_none() {
            true => Some(info.sign(signer, self.tree_in_welcome, true)?.into()),
            false => None,
        };
        let mut changes = Delta::new();
        group.write_epoch_change(&next, &mut changes)?;
        changes.delete(group.pending_row());
        let record = PendingRecord {
            message: commit.clone(),
            summary,
            past_epochs: next.past_epochs,
            changes: changes.into_changes(),
        };
        group.write_pending(&record, &mut delta)?;
        let pathless_welcome = !with_path && !list.adds.is_empty();
        if pathless_welcome {
            group.write_pathless_welcome(group.epoch(), &mut delta)?;
        }
        let event = StateEvent::Pending(Arc::new(PendingCommit { record, next }), pathless_welcome);
        let bundle = CommitBundle { commit, welcome, group_info };
        Ok(Transition::new(group.revision.clone(), delta, StateChange { used, event }, bundle))
    }

    /// Whether the commit has a path: asked for by the application, by the RFC, or because a Welcome's key depends on it. Where
    /// signatures are deterministic nothing of a commit without a path is random, so that the same one built again in its epoch
    /// would have the same `welcome_key` and `welcome_nonce`, for a GroupInfo that may be another.
    fn takes_path(&self, list: &ProposalList<'_>, inputs: &Inputs<'_>) -> bool {
        let welcomes_again = !list.adds.is_empty() && self.group.pathless_welcome == Some(self.group.epoch());
        self.force_path || list.requires_path(inputs.policy) || welcomes_again
    }

    /// "If populating the path field": new keys from one's own leaf to the root, encrypted to the rest of the group.
    fn path(
        &self,
        mut applied: Applied<'_>,
        list: &ProposalList<'_>,
        with_path: bool,
        rng: &mut dyn Rng,
    ) -> Result<Path, Error> {
        let group = self.group;
        let suite = group.client.suite();
        let public = group.public();
        let own = group.own_leaf();
        if !with_path {
            let sealed = applied.seal(public)?;
            let private = group.own_private(list, &sealed)?;
            let joiner_secrets = sealed.added.iter().map(|_| None).collect();
            let commit_secret = CommitSecret::without_path(suite);
            return Ok(Path { sealed, path: None, private, commit_secret, joiner_secrets });
        }
        applied.replaced.insert(own, public.tree.shared_leaf(own).cloned());
        let position = Some((public.group_id(), own));
        let mut make_leaf = |key, parent_hash: Digest| {
            group.client.next().leaf_node(key, LeafNodeSource::Commit { parent_hash }, position)
        };
        let draft = applied.edit.draft_path(own, &mut make_leaf, rng)?;
        let sealed = applied.seal(public)?;
        let context = path_context(suite, &sealed.provisional)?;
        let path = draft.encrypt(&sealed.tree, &sealed.added, &context, suite, rng)?;
        let joiner_secrets =
            sealed.added.iter().map(|leaf| draft.path_secret_for(*leaf).map(Secret::duplicate)).collect();
        let (private, secret) = draft.into_private();
        Ok(Path { sealed, path: Some(path), private, commit_secret: CommitSecret(secret), joiner_secrets })
    }
}

/// A commit's path, or that it has none.
struct Path {
    sealed: Sealed,
    path: Option<UpdatePath>,
    private: TreePrivate,
    commit_secret: CommitSecret,
    /// The path secret each new member gets, in the order of the Adds.
    joiner_secrets: Vec<Option<Secret>>,
}

fn by_value_or_reference(item: &Listed<'_>) -> ProposalOrRef {
    match item.reference {
        Some(reference) => ProposalOrRef::Reference(Box::new(reference)),
        None => ProposalOrRef::Proposal(item.proposal.clone()),
    }
}

impl Transition<CommitBundle> {
    /// What the commit does.
    #[must_use]
    pub fn summary(&self) -> Option<&CommitSummary> {
        self.pending().map(|pending| &pending.record.summary)
    }

    /// The group as it will be when the commit is accepted.
    #[must_use]
    pub fn preview_public(&self) -> Option<&PublicGroup> {
        self.pending().map(|pending| &pending.next.state.public)
    }

    fn pending(&self) -> Option<&PendingCommit> {
        if let StateEvent::Pending(pending, _) = &self.step.value().0.event { Some(pending) } else { None }
    }
}

impl Group {
    /// Begins a commit. Empty, it renews one's own keys and commits the waiting proposals.
    pub const fn commit(&self) -> CommitBuilder<'_> {
        CommitBuilder::new(self)
    }
}
