//! `stage`: from verified content to the next state as a value (RFC 9420 §12.4.2). Every rule is judged here, on copies;
//! what comes out is complete, and merging it cannot fail.

use alloc::{sync::Arc, vec::Vec};

use cenacle_codec::{Opaque, codec_struct};
use cenacle_crypto::{HpkeSecretKey, SecretBytes};

use super::{
    Group, Inputs, Opened, PublicGroup, Transition,
    apply::Sealed,
    list::{Committer, ProposalList},
    open::{OpenedContent, OpenedKind},
    proposals::{CachedProposal, proposal_ref},
    public::{Advanced, Judge},
    state::EpochState,
    transition::{NextEpoch, StateChange, StateEvent},
};
use crate::{
    Error, Misuse, Rule, What,
    delta::Delta,
    protect::Verified,
    schedule::{CommitSecret, ConfirmedEpoch, InitSecret, psk_secret},
    secret_tree::SecretTree,
    tree::{TreePrivate, path_context},
    wire::{
        AuthenticatedContent, Commit, Content, ContentType, Credential, Epoch, Extensions, GroupContext, LeafIndex,
        PreSharedKeyId, Proposal, ProposalRef, ProposalType, Psk, ReInit, Sender,
    },
};

/// What a message was, once its transition is merged.
#[derive(Debug)]
#[non_exhaustive]
pub enum Received {
    /// Application data.
    Application(ApplicationMessage),
    /// A proposal, which now waits for a commit.
    Proposal {
        /// Its name.
        reference: ProposalRef,
        /// Who wants it.
        sender: Sender,
        /// What is wanted.
        proposal: Proposal,
    },
    /// A commit: a new epoch has begun.
    Commit(CommitSummary),
    /// One's own commit came back: a new epoch has begun.
    OwnCommit(CommitSummary),
    /// A commit that removes one's own member. The group is over for this client and its secrets are erased.
    Removed(CommitSummary),
    /// A message that names this client as its sender came back; nothing has changed. Of an encrypted one this is only a
    /// claim, which every member could make: compare the bytes with what was sent.
    OwnMessage(ContentType),
}

/// Application data with who sent it and when.
#[derive(Debug)]
pub struct ApplicationMessage {
    /// The sender's leaf in that epoch.
    pub sender: LeafIndex,
    /// The sender's credential in that epoch.
    pub credential: Credential,
    /// The epoch it was sent in, which may be a past one.
    pub epoch: Epoch,
    /// The position in the sender's ratchet: gaps tell of messages not seen.
    pub generation: u32,
    /// The data.
    pub data: SecretBytes,
    /// What was authenticated with it in the clear.
    pub authenticated_data: Vec<u8>,
}

codec_struct! {
    /// What a commit did.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct CommitSummary {
        /// The epoch it began.
        pub epoch: Epoch,
        /// The committer's leaf in the new epoch.
        pub committer: LeafIndex,
        /// 1 if the committer joined by this very commit.
        pub external: u8,
        /// Leaves of new members, an external joiner included.
        pub added: Vec<LeafIndex>,
        /// Those of `added` whom another than the committer wanted, by their leaves, and who that was.
        pub proposed_adds: Vec<(LeafIndex, Sender)>,
        /// Leaves that were removed, with who was there.
        pub removed: Vec<(LeafIndex, Credential)>,
        /// Those of `removed` whose removal another than the committer wanted, by their leaves, and who that was.
        pub proposed_removes: Vec<(LeafIndex, Sender)>,
        /// Leaves whose members replaced them by Update proposals.
        pub updated: Vec<LeafIndex>,
        /// PSKs that were folded in.
        pub psks: Vec<PreSharedKeyId>,
        /// 1 if the group's extensions were replaced.
        pub extensions_replaced: u8,
        /// What the group is re-initialised to. It is over but for producing that (RFC 9420 §11.2).
        pub reinit: Option<ReInit>,
        /// Proposals of types beyond RFC 9420, which all members support; what they mean is the application's business.
        pub custom: Vec<(ProposalType, Opaque)>,
        /// What was authenticated with the commit in the clear.
        pub authenticated_data: Opaque,
    }
}

impl CommitSummary {
    pub(crate) fn new(
        list: &ProposalList<'_>,
        sealed: &Sealed,
        committer: Committer,
        leaf: LeafIndex,
        public: &PublicGroup,
    ) -> Self {
        let external = committer == Committer::Joiner;
        let who = |leaf: &LeafIndex| Some((*leaf, public.tree.shared_leaf(*leaf)?.credential()?));
        let own = if external { Sender::NewMemberCommit } else { Sender::Member(leaf) };
        let by_others = |leaves: &[LeafIndex], senders: &[Sender]| {
            let all = leaves.iter().copied().zip(senders.iter().copied());
            let mut others: Vec<(LeafIndex, Sender)> = all.filter(|(_, sender)| *sender != own).collect();
            others.sort_unstable_by_key(|(leaf, _)| *leaf);
            others
        };
        Self {
            epoch: sealed.provisional.epoch,
            committer: leaf,
            external: u8::from(external),
            added: sealed.added.iter().copied().chain(external.then_some(leaf)).collect(),
            proposed_adds: by_others(&sealed.added, &list.added_by),
            removed: list.removes.iter().filter_map(who).collect(),
            proposed_removes: by_others(&list.removes, &list.removed_by),
            updated: list.updates.iter().map(|update| update.leaf_index).collect(),
            psks: list.psks.iter().map(|id| (*id).clone()).collect(),
            extensions_replaced: u8::from(list.extensions.is_some()),
            reinit: list.reinit.cloned(),
            custom: list.custom.iter().map(|(kind, body)| (*kind, Opaque::from(*body))).collect(),
            authenticated_data: Opaque::EMPTY,
        }
    }

    /// Who wanted the member added that is at a leaf now: of a proposal by reference not the committer, but its sender.
    #[must_use]
    pub fn adder(&self, leaf: LeafIndex) -> Sender {
        self.asker(&self.proposed_adds, leaf)
    }

    /// Who wanted the member removed that was at a leaf.
    #[must_use]
    pub fn remover(&self, leaf: LeafIndex) -> Sender {
        self.asker(&self.proposed_removes, leaf)
    }

    fn asker(&self, proposed: &[(LeafIndex, Sender)], leaf: LeafIndex) -> Sender {
        let own = if self.external == 0 { Sender::Member(self.committer) } else { Sender::NewMemberCommit };
        let found = proposed.binary_search_by_key(&leaf, |(wanted, _)| *wanted).ok();
        found.and_then(|at| proposed.get(at)).map_or(own, |(_, sender)| *sender)
    }
}

impl Transition<Received> {
    /// What will have been received once this is merged, for an application that wants to look first. Refusing means
    /// dropping the transition.
    #[must_use]
    pub const fn preview(&self) -> &Received {
        self.output()
    }

    /// The group as it will be in the new epoch, if this begins one.
    #[must_use]
    pub fn preview_public(&self) -> Option<&PublicGroup> {
        match &self.step.value().0.event {
            StateEvent::Epoch(next) => Some(&next.state.public),
            StateEvent::None
            | StateEvent::Proposal(..)
            | StateEvent::Pending(..)
            | StateEvent::Discard
            | StateEvent::SetAside(_)
            | StateEvent::Removed => None,
        }
    }
}

impl Group {
    /// Judges opened content and prepares what it leads to, changing nothing.
    ///
    /// # Errors
    /// `Invalid` and `Unverified` name the rule that was broken; `Missing` what to fetch before calling again;
    /// `Misuse(Outdated)` when the group has moved on since the message was opened.
    pub fn stage(&self, opened: Opened, inputs: &Inputs<'_>) -> Result<Transition<Received>, Error> {
        if opened.base != self.revision {
            return Err(Misuse::Outdated.into());
        }
        match opened.kind {
            OpenedKind::Content(opened) => self.stage_content(opened, inputs),
            OpenedKind::OwnCommit => self.stage_own_commit(),
            OpenedKind::OwnMessage(content_type) => {
                let output = Received::OwnMessage(content_type);
                Ok(Transition::new(self.revision.clone(), Delta::new(), StateChange::default(), output))
            }
        }
    }

    fn stage_content(&self, opened: OpenedContent, inputs: &Inputs<'_>) -> Result<Transition<Received>, Error> {
        let OpenedContent { content, used, generation } = opened;
        let mut delta = Delta::new();
        if let Some((epoch, change)) = &used {
            self.secret_tree_rows(*epoch).write_change(change, &mut delta)?;
        }
        let (event, output) = match &content.content.content {
            Content::Application(data) => {
                let message = self.application_message(&content, data, generation)?;
                (StateEvent::None, Received::Application(message))
            }
            Content::Proposal(proposal) => self.stage_proposal(&content, proposal, inputs, &mut delta)?,
            Content::Commit(commit) => self.stage_commit(&content, commit, inputs, &mut delta)?,
        };
        Ok(Transition::new(self.revision.clone(), delta, StateChange { used, event }, output))
    }

    fn application_message(
        &self,
        content: &AuthenticatedContent,
        data: &[u8],
        generation: Option<crate::wire::Generation>,
    ) -> Result<ApplicationMessage, Error> {
        let epoch = content.content.epoch;
        let Sender::Member(sender) = content.content.sender else { return Err(Rule::PrivateSenderIsMember.into()) };
        let member = self.past.leaf(epoch, sender, &self.public().tree).ok_or(Rule::SenderIsMember)?;
        Ok(ApplicationMessage {
            sender,
            credential: member.credential().ok_or(Rule::SenderIsMember)?,
            epoch,
            generation: generation.map_or(0, |generation| generation.0),
            data: SecretBytes::from(data),
            authenticated_data: content.content.authenticated_data.to_vec(),
        })
    }

    fn stage_proposal(
        &self,
        content: &AuthenticatedContent,
        proposal: &Proposal,
        inputs: &Inputs<'_>,
        delta: &mut Delta,
    ) -> Result<(StateEvent, Received), Error> {
        let reference = proposal_ref(self.client.suite(), content)?;
        let sender = content.content.sender;
        let output = Received::Proposal { reference, sender, proposal: proposal.clone() };
        if self.proposals.find(&reference).is_some() {
            return Ok((StateEvent::None, output));
        }
        let position = self.proposals.next_position();
        let cached = CachedProposal { position, reference, sender, set_aside: 0, proposal: proposal.clone() };
        self.public().check_proposal(&cached, self.judge(inputs))?;
        let limit = self.client.settings.limits.pending_proposals;
        self.proposals.check_room(sender, limit)?;
        self.write_proposal(&cached, delta)?;
        Ok((StateEvent::Proposal(Arc::new(cached), None), output))
    }

    /// Processing a Commit, step by step as RFC 9420 §12.4.2 lists it. Epoch, tag, decryption and signature were
    /// `open`'s part.
    fn stage_commit(
        &self,
        content: &Verified<AuthenticatedContent>,
        commit: &Commit,
        inputs: &Inputs<'_>,
        delta: &mut Delta,
    ) -> Result<(StateEvent, Received), Error> {
        let suite = self.client.suite();
        let public = self.public();
        let inputs = &inputs.on_receipt(&self.client.settings);
        let judge = self.judge(inputs);
        let committer = committer(content.content.sender)?;
        // "Verify that the proposals vector is valid according to the rules in Section 12.2."
        let list = public.list(commit, committer, content.content.sender, &self.proposals, judge)?;
        // "Verify that all PreSharedKey proposals in the proposals vector are available."
        let removed = list.removes.contains(&self.own_leaf());
        let psks = if removed { Vec::new() } else { self.available_psks(&list, inputs)? };
        if !removed {
            self.check_supported(&list)?;
        }
        // "Create the new ratchet tree and GroupContext by applying the list of proposals", and the path.
        let Advanced { sealed, leaf, mut summary } = public.advance(&list, commit, committer, judge)?;
        summary.authenticated_data = content.content.authenticated_data.clone();
        if removed {
            let context = public.next_context(suite, &sealed.provisional, content)?;
            let tag = content.auth.confirmation_tag.filter(|tag| tag.len() == suite.hash_length());
            let next = PublicGroup::new(suite, sealed.tree, context, tag.ok_or(What::ConfirmationTag)?, None)?;
            inputs.policy.admits_commit(public, &next, &summary)?;
            self.write_removed(delta)?;
            return Ok((StateEvent::Removed, Received::Removed(summary)));
        }
        self.client.check_all_supported(&sealed.tree, &sealed.provisional.extensions)?;
        // "Decrypt the path secrets for UpdatePath ..., using the provisional GroupContext as the context". "If the path
        // value is not populated, define commit_secret as the all-zero vector".
        let own = self.own_private(&list, &sealed)?;
        let (private, commit_secret) = match &commit.path {
            Some(path) => {
                let context = path_context(suite, &sealed.provisional)?;
                let (private, secret) = own.decrypt_path(&sealed.tree, leaf, path, &sealed.added, &context, suite)?;
                (private, CommitSecret(secret))
            }
            None => (own, CommitSecret::without_path(suite)),
        };
        // "Update the confirmed and interim transcript hashes using the new Commit, and generate the new GroupContext."
        let context = public.next_context(suite, &sealed.provisional, content)?;
        // "Derive the psk_secret", and "use the init_secret from the previous epoch, the commit_secret and psk_secret
        // defined in the previous steps, and the new GroupContext to compute the new joiner_secret, welcome_secret,
        // epoch_secret, and derived secrets for the new epoch."
        let external_init = list.external_init.map(|kem_output| self.external_init(kem_output)).transpose()?;
        let init_secret = external_init.as_ref().unwrap_or(&self.state.secrets.init_secret);
        let psk_secret = psk_secret(suite, &psks)?;
        let joiner_secret = init_secret.joiner_secret(suite, &commit_secret, &context)?;
        let epoch = joiner_secret.member_secret(suite, &psk_secret).into_epoch(suite, &context)?;
        // "... verify that it is the same as the confirmation_tag field in the FramedContentAuthData object."
        let tag = content.auth.confirmation_tag.ok_or(What::ConfirmationTag)?;
        let epoch = epoch.confirm(suite, &context.confirmed_transcript_hash, &tag)?;
        // "If the above checks are successful, consider the new GroupContext object as the current state of the group."
        let next = self.next_epoch(sealed, context, epoch, private, list.reinit)?;
        inputs.policy.admits_commit(public, &next.state.public, &summary)?;
        self.write_epoch_change(&next, delta)?;
        Ok((StateEvent::Epoch(next), Received::Commit(summary)))
    }

    /// What the rules are judged by in this group.
    pub(crate) fn judge<'a>(&'a self, inputs: &'a Inputs<'a>) -> Judge<'a> {
        Judge::new(self.client.suite(), &self.client.settings, inputs)
    }

    /// Whether this client itself supports what a list brings. Its leaf may list more.
    pub(crate) fn check_supported(&self, list: &ProposalList<'_>) -> Result<(), Rule> {
        // RFC 9420 §13.5: "When comparing lists of capabilities to identify mutually supported capabilities, clients MUST
        // represent their own capabilities with a list containing only the capabilities actually supported, without any
        // GREASE values."
        let own = || [Some(&*self.client), self.client.successor.as_deref()].into_iter().flatten();
        if !list.custom.iter().all(|(kind, _)| own().any(|client| client.capabilities.supports_proposal(*kind))) {
            return Err(Rule::ProposalSupportedByAll);
        }
        let mut types = list.extensions.into_iter().flat_map(Extensions::types);
        if !types.all(|kind| own().any(|client| client.capabilities.supports_extension(kind))) {
            return Err(Rule::ExtensionSupportedByAll);
        }
        Ok(())
    }

    /// The PSKs of a list, in its order: this group's own resumption PSKs, the rest from the inputs.
    pub(crate) fn available_psks(
        &self,
        list: &ProposalList<'_>,
        inputs: &Inputs<'_>,
    ) -> Result<Vec<(PreSharedKeyId, SecretBytes)>, Error> {
        let find = |id: &&PreSharedKeyId| Ok(((*id).clone(), self.available_psk(id, inputs)?));
        list.psks.iter().map(find).collect()
    }

    pub(crate) fn available_psk(&self, id: &PreSharedKeyId, inputs: &Inputs<'_>) -> Result<SecretBytes, Error> {
        if let Psk::Resumption { psk_group_id, psk_epoch, .. } = &id.psk
            && psk_group_id == self.group_id()
            && let Some(secret) = self.resumption_psk(*psk_epoch)
        {
            return Ok(SecretBytes::from(secret.expose()));
        }
        inputs.psk(id)
    }

    /// One's own private keys after the proposals: a committed Update brings its key, blanked nodes lose theirs.
    pub(crate) fn own_private(&self, list: &ProposalList<'_>, sealed: &Sealed) -> Result<TreePrivate, Error> {
        let private = &self.state.private;
        let Some(update) = list.updates.iter().find(|update| update.leaf_index == self.own_leaf()) else {
            return Ok(private.pruned(&sealed.tree));
        };
        let key: Option<&Arc<HpkeSecretKey>> =
            update.reference.as_ref().and_then(|reference| self.proposals.update_key(reference));
        let key = key.ok_or(Error::Corrupt("key of an own Update"))?;
        Ok(private.with_leaf_key(Arc::clone(key)).pruned(&sealed.tree))
    }

    fn external_init(&self, kem_output: &[u8]) -> Result<InitSecret, Error> {
        let suite = self.client.suite();
        let (external_priv, _) = self.state.secrets.external_key_pair(suite)?;
        Ok(InitSecret::decapsulate(suite, &external_priv, kem_output).map_err(|_| Rule::PublicKeyWellFormed)?)
    }

    /// The new epoch as a value, with the receipt that it was confirmed.
    pub(crate) fn next_epoch(
        &self,
        sealed: Sealed,
        context: GroupContext,
        epoch: ConfirmedEpoch,
        private: TreePrivate,
        reinit: Option<&ReInit>,
    ) -> Result<NextEpoch, Error> {
        let ConfirmedEpoch { confirmation_tag, encryption_secret, secrets } = epoch;
        let reinit = reinit.cloned().map(Arc::new);
        let public = PublicGroup::new(self.client.suite(), sealed.tree, context, confirmation_tag, reinit)?;
        Ok(NextEpoch {
            secret_tree: SecretTree::new(public.tree.root(), encryption_secret),
            state: Arc::new(EpochState { public, secrets, private }),
            replaced: Arc::new(sealed.replaced),
            past_epochs: self.client.settings.limits.past_epochs,
        })
    }

    fn stage_own_commit(&self) -> Result<Transition<Received>, Error> {
        let pending = self.pending.as_ref().ok_or(Misuse::NothingPending)?;
        let output = Received::OwnCommit(pending.record.summary.clone());
        let change = StateChange { used: None, event: StateEvent::Epoch(pending.next.clone()) };
        let mut delta = pending.record.delta()?;
        self.erase_over_limits(&mut delta);
        Ok(Transition::new(self.revision.clone(), delta, change, output))
    }
}

/// Who makes a commit, by its sender (RFC 9420 §6).
pub(crate) fn committer(sender: Sender) -> Result<Committer, Rule> {
    match sender {
        Sender::Member(leaf) => Ok(Committer::Member(leaf)),
        Sender::NewMemberCommit => Ok(Committer::Joiner),
        Sender::External(_) | Sender::NewMemberProposal => Err(Rule::NewMemberCommits),
    }
}
