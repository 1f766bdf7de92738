//! Proposals from outside the group (RFC 9420 §12.1.8): by senders that it lists, and by clients that want to be added. They
//! are public and bound to group and epoch, but to none of the group's secrets.

use alloc::boxed::Box;

use cenacle_codec::Opaque;

use super::{Client, Inputs, Occasion, PublicGroup, admit::check_open_to_external, grease::check_sent, public::Judge};
use crate::{
    Error, Misuse, Rule, protect,
    wire::{
        Add, AuthenticatedContent, Content, FramedContent, FramedContentAuthData, KeyPackage, MlsMessage, Proposal,
        PublicMessage, Sender, WireFormat,
    },
};

impl Client {
    /// Proposes something to a group that lists this client among its external senders.
    ///
    /// # Errors
    /// `Misuse(NotExternalSender)`; `Invalid(ExternalSenderProposes)` for what external senders may not propose; for an Add
    /// as for a member's.
    pub fn propose_externally(
        &self,
        group: &PublicGroup,
        proposal: Proposal,
        inputs: &Inputs<'_>,
    ) -> Result<MlsMessage, Error> {
        check_open_to_external(proposal.proposal_type(), inputs)?;
        check_sent(&proposal)?;
        match &proposal {
            Proposal::GroupContextExtensions(change) => change.extensions.check_context()?,
            // RFC 9420 §5.3.1: the credential is validated before the Add is sent, as a member does.
            Proposal::Add(add) => {
                let judge = Judge::new(self.suite(), &self.settings, inputs);
                add.key_package.check(&judge.leaf_check(group.group_id(), None))?;
                inputs.check_leaf(Occasion::KeyPackage, group.group_id(), &add.key_package.leaf_node, None)?;
            }
            Proposal::Update(_)
            | Proposal::Remove(_)
            | Proposal::PreSharedKey(_)
            | Proposal::ReInit(_)
            | Proposal::ExternalInit(_)
            | Proposal::Custom(..) => {}
        }
        let senders = group.extensions().external_senders()?.unwrap_or_default();
        let own = self.external_sender();
        let index = senders.iter().position(|sender| *sender == own).ok_or(Misuse::NotExternalSender)?;
        let index = u32::try_from(index).map_err(|_| Misuse::Length)?;
        self.send_from_outside(group, Sender::External(index), Content::Proposal(proposal))
    }

    /// Proposes to add this client, by a key package of its own, which must be stored.
    ///
    /// # Errors
    /// `Misuse(WrongKey)` for another's key package; `Invalid(LifetimeCurrent)` for one that is too old, or not valid yet.
    pub fn propose_joining(
        &self,
        group: &PublicGroup,
        key_package: KeyPackage,
        inputs: &Inputs<'_>,
    ) -> Result<MlsMessage, Error> {
        if !self.has(&key_package.leaf_node) {
            return Err(Misuse::WrongKey.into());
        }
        // RFC 9420 §7.3: "If the LeafNode appears in a message being sent by the client, e.g., a Proposal or a Commit, then
        // the client MUST verify that the current time is within the range of the lifetime field."
        let judge = Judge::new(self.suite(), &self.settings, inputs);
        key_package.check(&judge.leaf_check(group.group_id(), None))?;
        let proposal = Proposal::Add(Add { key_package: Box::new(key_package) });
        self.send_from_outside(group, Sender::NewMemberProposal, Content::Proposal(proposal))
    }

    fn send_from_outside(&self, group: &PublicGroup, sender: Sender, content: Content) -> Result<MlsMessage, Error> {
        let AuthenticatedContent { content, auth, .. } = self.sign_from_outside(group, sender, content)?;
        Ok(PublicMessage { content, auth, membership_tag: None }.into())
    }

    /// Signs what is not a member's, for it to travel in the clear.
    pub(crate) fn sign_from_outside(
        &self,
        group: &PublicGroup,
        sender: Sender,
        content: Content,
    ) -> Result<AuthenticatedContent, Error> {
        group.check_goes_on().map_err(|_: Rule| Misuse::ReInitialized)?;
        let wire_format = WireFormat::PUBLIC_MESSAGE;
        let content = FramedContent {
            group_id: group.group_id().clone(),
            epoch: group.epoch(),
            sender,
            authenticated_data: Opaque::EMPTY,
            content,
        };
        let signature = protect::sign(&*self.signer, wire_format, &content, &group.context)?;
        let auth = FramedContentAuthData { signature, confirmation_tag: None };
        Ok(AuthenticatedContent { wire_format, content, auth })
    }
}
