//! `open`: from a message to verified content (RFC 9420 §6). Looks for the key, decrypts, verifies, and changes nothing: a
//! message key is consumed when the content's transition is merged.

use cenacle_crypto::SignaturePublicKey;

use super::{Group, proposals::proposal_ref, public::PublicGroup, state::Revision};
use crate::{
    Error, Misuse, Rule,
    protect::{self, Verified, private, public},
    secret_tree::{MessageKey, SecretTree, SecretTreeChange},
    wire::{
        AuthenticatedContent, Content, ContentType, Epoch, FramedContent, Generation, GroupContext, GroupId, LeafIndex,
        MlsMessage, MlsMessageBody, PrivateMessage, Proposal, PublicMessage, Sender, SenderData,
    },
};

/// A message that was opened. Nothing has happened yet; it can be staged in the state it was opened in and no other.
#[derive(Debug)]
pub struct Opened {
    pub(crate) base: Revision,
    pub(crate) kind: OpenedKind,
}

/// What a message turned out to be.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made once for each message and consumed at once")]
pub(crate) enum OpenedKind {
    /// Someone else's content, authentic.
    Content(OpenedContent),
    /// The echo of one's own pending commit: it was accepted.
    OwnCommit,
    /// What names this client as its sender.
    OwnMessage(ContentType),
}

/// Someone's content, with the key it used.
#[derive(Debug)]
pub(crate) struct OpenedContent {
    pub(crate) content: Verified<AuthenticatedContent>,
    pub(crate) used: Option<(Epoch, SecretTreeChange)>,
    pub(crate) generation: Option<Generation>,
}

impl Opened {
    /// The content, unless the message is one's own.
    #[must_use]
    pub fn content(&self) -> Option<&FramedContent> {
        match &self.kind {
            OpenedKind::Content(opened) => Some(&opened.content.content),
            OpenedKind::OwnCommit | OpenedKind::OwnMessage(_) => None,
        }
    }
}

/// Keys and roster of the epoch a private message belongs to, present or past.
struct EpochKeys<'a> {
    context: &'a GroupContext,
    sender_data_secret: &'a cenacle_crypto::Secret,
    secret_tree: &'a SecretTree,
    own_leaf: LeafIndex,
}

impl Group {
    /// Authenticates and decrypts a message, changing nothing.
    ///
    /// # Errors
    /// `Stale` or `Future` for another epoch; `Unverified`, `KeyGone`, `TooFarAhead`, `Invalid`, `Decode` for what is wrong
    /// with the message; `Misuse(WrongMessage)` for a Welcome, GroupInfo or KeyPackage.
    pub fn open(&self, message: &MlsMessage) -> Result<Opened, Error> {
        self.check_active()?;
        Ok(Opened { base: self.revision.clone(), kind: self.open_kind(message)? })
    }

    fn open_kind(&self, message: &MlsMessage) -> Result<OpenedKind, Error> {
        match &message.body {
            MlsMessageBody::PublicMessage(inner) => {
                self.check_group(&inner.content.group_id)?;
                self.check_epoch(inner.content.epoch)?;
                if self.is_pending(message) { Ok(OpenedKind::OwnCommit) } else { self.open_public(inner) }
            }
            MlsMessageBody::PrivateMessage(inner) => {
                self.check_group(&inner.group_id)?;
                if self.is_pending(message) { Ok(OpenedKind::OwnCommit) } else { self.open_private(inner) }
            }
            MlsMessageBody::Welcome(_) | MlsMessageBody::GroupInfo(_) | MlsMessageBody::KeyPackage(_) => {
                Err(Misuse::WrongMessage.into())
            }
        }
    }

    /// RFC 9420 §12.4.2: one's own commit is not processed like others' but taken from where it was kept.
    fn is_pending(&self, message: &MlsMessage) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.record.message == *message)
    }

    fn check_group(&self, group_id: &GroupId) -> Result<(), Rule> {
        if group_id == self.group_id() { Ok(()) } else { Err(Rule::GroupIdMatches) }
    }

    fn check_epoch(&self, epoch: Epoch) -> Result<(), Error> {
        self.public().check_epoch(epoch)
    }

    fn open_public(&self, message: &PublicMessage) -> Result<OpenedKind, Error> {
        let suite = self.client.suite();
        let public = self.public();
        public.check_goes_on()?;
        let content = public::unprotect(suite, message.clone(), &public.context, &self.state.secrets.membership_key)?;
        let key = sender_key(&content, public)?;
        let content = protect::verify(suite, content, &public.context, &key)?;
        if content.content.sender == Sender::Member(self.own_leaf()) {
            let content_type = content.content.content.content_type();
            // An own proposal is stored before it is sent, and stays until the epoch ends; the own commit that is still known to
            // wait was recognised by its bytes.
            let is_known =
                content_type == ContentType::Proposal && self.proposals.find(&proposal_ref(suite, &content)?).is_some();
            return if is_known { Ok(OpenedKind::OwnMessage(content_type)) } else { Err(Error::OldState) };
        }
        Ok(OpenedKind::Content(OpenedContent { content, used: None, generation: None }))
    }

    fn open_private(&self, message: &PrivateMessage) -> Result<OpenedKind, Error> {
        let suite = self.client.suite();
        let keys = self.epoch_keys(message)?;
        let sender = private::open_sender_data(suite, message, keys.sender_data_secret)?;
        let SenderData { leaf_index, generation, .. } = sender;
        // RFC 9420 §6.3.2: "the recipient MUST verify that the leaf index ... identifies a non-blank node."
        let member = self.past.leaf(message.epoch, leaf_index, &self.public().tree).ok_or(Rule::SenderIsMember)?;
        if leaf_index == keys.own_leaf {
            return self.open_own(message, &sender, &keys, &member.signature_key());
        }
        let (key, change): (alloc::sync::Arc<MessageKey>, _) = keys.secret_tree.key_for(
            suite,
            leaf_index,
            message.content_type.into(),
            generation,
            &self.client.settings.limits,
        )?;
        let content = private::open_content(suite, message, &sender, &key)?;
        let content = protect::verify(suite, content, keys.context, &member.signature_key())?;
        let used = Some((message.epoch, change));
        Ok(OpenedKind::Content(OpenedContent { content, used, generation: Some(generation) }))
    }

    /// Whom a private message names as its sender. Whether that is true shows when it is opened.
    pub(crate) fn sender_of(&self, message: &PrivateMessage) -> Result<LeafIndex, Error> {
        self.check_group(&message.group_id)?;
        let keys = self.epoch_keys(message)?;
        Ok(private::open_sender_data(self.client.suite(), message, keys.sender_data_secret)?.leaf_index)
    }

    /// What claims to be one's own, which every member can write into the sender data. If its key is used up it is an echo,
    /// or a claim that nobody can check and that must have no consequences. If its key is still there and it is genuine, this
    /// state is an old copy of a later one.
    fn open_own(
        &self,
        message: &PrivateMessage,
        sender: &SenderData,
        keys: &EpochKeys<'_>,
        own_key: &SignaturePublicKey,
    ) -> Result<OpenedKind, Error> {
        let suite = self.client.suite();
        let kind = message.content_type.into();
        let limits = &self.client.settings.limits;
        match keys.secret_tree.key_for(suite, sender.leaf_index, kind, sender.generation, limits) {
            Ok((key, _)) => {
                let content = private::open_content(suite, message, sender, &key)?;
                protect::verify(suite, content, keys.context, own_key)?;
                Err(Error::OldState)
            }
            Err(Error::KeyGone(_)) => match message.content_type {
                ContentType::Commit => Err(Rule::SenderIsNotSelf.into()),
                ContentType::Application | ContentType::Proposal => Ok(OpenedKind::OwnMessage(message.content_type)),
            },
            Err(error) => Err(error),
        }
    }

    /// The keys of a message's epoch. Of past epochs only application data is still read (RFC 9420 §15.3).
    fn epoch_keys(&self, message: &PrivateMessage) -> Result<EpochKeys<'_>, Error> {
        match self.check_epoch(message.epoch) {
            Ok(()) => {
                self.public().check_goes_on()?;
                Ok(EpochKeys {
                    context: &self.public().context,
                    sender_data_secret: &self.state.secrets.sender_data_secret,
                    secret_tree: &self.secret_tree,
                    own_leaf: self.own_leaf(),
                })
            }
            Err(Error::Stale(epoch)) if message.content_type == ContentType::Application => {
                let past = self.past.find(epoch).ok_or(Error::Stale(epoch))?;
                Ok(EpochKeys {
                    context: &past.context,
                    sender_data_secret: &past.sender_data_secret,
                    secret_tree: &past.secret_tree,
                    own_leaf: past.own_leaf,
                })
            }
            Err(error) => Err(error),
        }
    }
}

/// The key that a content's signature must verify under, by its sender's type (RFC 9420 §6.1).
pub(crate) fn sender_key(content: &AuthenticatedContent, public: &PublicGroup) -> Result<SignaturePublicKey, Error> {
    match (&content.content.sender, &content.content.content) {
        (Sender::Member(leaf), _) => Ok(public.tree.shared_leaf(*leaf).ok_or(Rule::SenderIsMember)?.signature_key()),
        (Sender::External(index), Content::Proposal(_)) => {
            let senders = public.context.extensions.external_senders().map_err(|_| Rule::ExtensionWellFormed)?;
            let index = usize::try_from(*index).map_err(|_| Rule::ExternalSenderIsListed)?;
            let sender = senders.iter().flatten().nth(index).ok_or(Rule::ExternalSenderIsListed)?;
            Ok(sender.signature_key.clone())
        }
        (Sender::External(_), _) => Err(Rule::ExternalSenderProposes.into()),
        (Sender::NewMemberProposal, Content::Proposal(Proposal::Add(add))) => {
            Ok(add.key_package.leaf_node.signature_key.clone())
        }
        (Sender::NewMemberProposal, _) => Err(Rule::NewMemberProposesAdd.into()),
        (Sender::NewMemberCommit, Content::Commit(commit)) => {
            // RFC 9420 §12.4.3.2: "External Commits MUST contain a path field".
            let path = commit.path.as_ref().ok_or(Rule::ExternalCommitHasPath)?;
            Ok(path.leaf_node.signature_key.clone())
        }
        (Sender::NewMemberCommit, _) => Err(Rule::NewMemberCommits.into()),
    }
}
