//! Sending: proposals and application data (RFC 9420 §6, §12.1, §15). The bytes come out of [`Group::merge`].

use alloc::{boxed::Box, sync::Arc, vec};

use cenacle_codec::Opaque;
use cenacle_crypto::{HpkeSecretKey, Rng, Suite};

use super::{
    Group, Handshake, Inputs, Occasion, Transition,
    grease::check_sent,
    key_package::fresh_key_pair,
    list::{check_own_reinit, check_psk},
    proposals::{CachedProposal, proposal_ref},
    transition::{StateChange, StateEvent},
};
use crate::{
    Error, Misuse, Rule,
    delta::Delta,
    protect,
    secret_tree::SecretTreeChange,
    wire::{
        Add, AuthenticatedContent, Content, ContentType, Epoch, Extensions, FramedContent, FramedContentAuthData,
        GroupContextExtensions, KeyPackage, LeafIndex, LeafNodeSource, MlsMessage, PreSharedKey, PreSharedKeyId,
        Proposal, ProposalType, Psk, ReInit, Remove, Sender, Update, WireFormat,
    },
};

impl Group {
    /// Encrypts application data for the group's present members.
    ///
    /// # Errors
    /// `Misuse(ProposalsPending)`: commit the waiting proposals first; `Misuse(NotMember)`, `Misuse(ReInitialized)`.
    pub fn protect(
        &self,
        data: &[u8],
        authenticated_data: &[u8],
        rng: &mut dyn Rng,
    ) -> Result<Transition<MlsMessage>, Error> {
        self.check_sending()?;
        // RFC 9420 §12.4: "A group member that has observed one or more valid proposals within an epoch MUST send a Commit
        // message before sending application data."
        if self.proposals.waiting().next().is_some() {
            return Err(Misuse::ProposalsPending.into());
        }
        let content = self.sign(Content::Application(data.into()), authenticated_data)?;
        let mut delta = Delta::new();
        let (message, used) = self.frame(content, &mut delta, rng)?;
        Ok(Transition::new(self.revision.clone(), delta, StateChange { used, event: StateEvent::None }, message))
    }

    /// Proposes to add a client.
    ///
    /// # Errors
    /// `Invalid` and `Unverified` for what is wrong with the key package; `Missing` for a verdict; `Refused` by the policy;
    /// `Misuse(NotMember)`.
    pub fn propose_add(
        &self,
        key_package: KeyPackage,
        inputs: &Inputs<'_>,
        rng: &mut dyn Rng,
    ) -> Result<Transition<MlsMessage>, Error> {
        key_package.check(&self.judge(inputs).leaf_check(self.group_id(), None))?;
        inputs.check_leaf(Occasion::KeyPackage, self.group_id(), &key_package.leaf_node, None)?;
        let proposal = Proposal::Add(Add { key_package: Box::new(key_package) });
        inputs.check_admitted(self.public(), Sender::Member(self.own_leaf()), &proposal)?;
        self.propose(proposal, None, rng)
    }

    /// Proposes to replace one's own leaf by a fresh one.
    ///
    /// # Errors
    /// `Misuse(NotMember)`; when the provider fails.
    pub fn propose_update(&self, rng: &mut dyn Rng) -> Result<Transition<MlsMessage>, Error> {
        let (secret, public) = fresh_key_pair(self.client.suite(), rng)?;
        let position = Some((self.group_id(), self.own_leaf()));
        let leaf_node = self.client.next().leaf_node(public, LeafNodeSource::Update, position)?;
        self.propose(Proposal::Update(Update { leaf_node: Box::new(leaf_node) }), Some(secret), rng)
    }

    /// Proposes to remove a member.
    ///
    /// # Errors
    /// `Invalid(RemovedIsMember)` when nobody is there.
    pub fn propose_remove(&self, removed: LeafIndex, rng: &mut dyn Rng) -> Result<Transition<MlsMessage>, Error> {
        self.member(removed).ok_or(Rule::RemovedIsMember)?;
        self.propose(Proposal::Remove(Remove { removed }), None, rng)
    }

    /// Proposes to fold in a pre-shared key, with a fresh nonce.
    ///
    /// # Errors
    /// `Invalid(PskUsageFits)` for usages reserved to re-initialisation and branching.
    pub fn propose_psk(&self, psk: Psk, rng: &mut dyn Rng) -> Result<Transition<MlsMessage>, Error> {
        let psk = fresh_psk_id(self.client.suite(), psk, rng)?;
        check_psk(&psk, self.client.suite())?;
        self.propose(Proposal::PreSharedKey(PreSharedKey { psk }), None, rng)
    }

    /// Proposes to replace the extensions of the group's context.
    ///
    /// # Errors
    /// `Invalid` for what no GroupContext can carry; `Misuse(NotMember)`, `Misuse(Grease)`; when the provider fails.
    pub fn propose_extensions(
        &self,
        extensions: Extensions,
        rng: &mut dyn Rng,
    ) -> Result<Transition<MlsMessage>, Error> {
        extensions.check_context()?;
        self.propose(Proposal::GroupContextExtensions(GroupContextExtensions { extensions }), None, rng)
    }

    /// Proposes to replace the group by a new one with the same members (RFC 9420 §11.2).
    ///
    /// # Errors
    /// `Invalid(ReInitVersion)` for a lower version than the group's, `Invalid(ExtensionSupportedByAll)`; `Misuse(Grease)`.
    pub fn propose_reinit(&self, reinit: ReInit, rng: &mut dyn Rng) -> Result<Transition<MlsMessage>, Error> {
        let proposal = Proposal::ReInit(reinit);
        check_sent(&proposal)?;
        if let Proposal::ReInit(reinit) = &proposal {
            check_own_reinit(reinit, self.public())?;
        }
        self.propose(proposal, None, rng)
    }

    /// Proposes something beyond RFC 9420.
    ///
    /// # Errors
    /// `Invalid(ProposalSupportedByAll)` when a member does not support the type; `Misuse(Grease)`.
    pub fn propose_custom(
        &self,
        proposal_type: ProposalType,
        body: impl Into<Opaque>,
        rng: &mut dyn Rng,
    ) -> Result<Transition<MlsMessage>, Error> {
        if !self.public().tree.roster().all_support_proposal(proposal_type) {
            return Err(Rule::ProposalSupportedByAll.into());
        }
        self.propose(Proposal::Custom(proposal_type, body.into()), None, rng)
    }

    fn propose(
        &self,
        proposal: Proposal,
        update_key: Option<HpkeSecretKey>,
        rng: &mut dyn Rng,
    ) -> Result<Transition<MlsMessage>, Error> {
        self.check_sending()?;
        check_sent(&proposal)?;
        let own = Sender::Member(self.own_leaf());
        self.proposals.check_room(own, self.client.settings.limits.pending_proposals)?;
        let content = self.sign(Content::Proposal(proposal.clone()), &[])?;
        let reference = proposal_ref(self.client.suite(), &content)?;
        let mut delta = Delta::new();
        let event = if self.proposals.find(&reference).is_some() {
            // The same words have the same name where signatures are deterministic: said again, it still waits once.
            StateEvent::None
        } else {
            let position = self.proposals.next_position();
            let cached = CachedProposal { position, reference, sender: own, set_aside: 0, proposal };
            self.write_proposal(&cached, &mut delta)?;
            let update_key = update_key.map(|key| (reference, Arc::new(key)));
            if let Some((_, key)) = &update_key {
                self.write_update_key(&reference, key, &mut delta)?;
            }
            StateEvent::Proposal(Arc::new(cached), update_key)
        };
        let (message, used) = self.frame(content, &mut delta, rng)?;
        Ok(Transition::new(self.revision.clone(), delta, StateChange { used, event }, message))
    }

    /// How own content of this kind travels.
    fn wire_format(&self, content_type: ContentType) -> WireFormat {
        match (content_type, self.client.settings.handshake) {
            (ContentType::Application, _) | (_, Handshake::Private) => WireFormat::PRIVATE_MESSAGE,
            (ContentType::Proposal | ContentType::Commit, Handshake::Public) => WireFormat::PUBLIC_MESSAGE,
        }
    }

    /// Signs own content in the present epoch; a commit still lacks its confirmation tag.
    pub(crate) fn sign(&self, content: Content, authenticated_data: &[u8]) -> Result<AuthenticatedContent, Error> {
        let public = self.public();
        let wire_format = self.wire_format(content.content_type());
        let content = FramedContent {
            group_id: public.group_id().clone(),
            epoch: public.epoch(),
            sender: Sender::Member(self.own_leaf()),
            authenticated_data: Opaque::from(authenticated_data),
            content,
        };
        let signature = protect::sign(&*self.client.signer, wire_format, &content, &public.context)?;
        Ok(AuthenticatedContent {
            wire_format,
            content,
            auth: FramedContentAuthData { signature, confirmation_tag: None },
        })
    }

    /// Frames signed content, and records the use of a message key if it took one.
    pub(crate) fn frame(
        &self,
        content: AuthenticatedContent,
        delta: &mut Delta,
        rng: &mut dyn Rng,
    ) -> Result<(MlsMessage, Option<(Epoch, SecretTreeChange)>), Error> {
        let suite = self.client.suite();
        let secrets = &self.state.secrets;
        if content.wire_format == WireFormat::PUBLIC_MESSAGE {
            let context = &self.public().context;
            let message = protect::public::protect(suite, content, context, &secrets.membership_key)?;
            return Ok((message.into(), None));
        }
        let settings = &self.client.settings;
        let kind = content.content.content.content_type().into();
        let (generation, key, change) = self.secret_tree.next_own(suite, self.own_leaf(), kind, &settings.limits)?;
        let message = protect::private::protect(
            suite,
            &content,
            (generation, &key),
            &secrets.sender_data_secret,
            settings.padding,
            rng,
        )?;
        self.secret_tree_rows(self.epoch()).write_change(&change, delta)?;
        Ok((message.into(), Some((self.epoch(), change))))
    }
}

/// Names a use of a PSK with a fresh nonce (RFC 9420 §8.4).
pub(crate) fn fresh_psk_id(suite: &dyn Suite, psk: Psk, rng: &mut dyn Rng) -> Result<PreSharedKeyId, Error> {
    let mut nonce = vec![0; suite.hash_length()];
    rng.fill(&mut nonce)?;
    Ok(PreSharedKeyId { psk, psk_nonce: nonce.into() })
}
