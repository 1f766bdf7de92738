//! A member's view of a group: what it holds, and what it tells. How it changes is in the files beside this one.

use alloc::{collections::BTreeMap, sync::Arc};

use cenacle_crypto::{Secret, SecretBytes};

use super::{Client, PublicGroup, past::PastEpochs, pending::PendingCommit, proposals::ProposalCache};
use crate::{
    Error, Misuse,
    schedule::EpochSecrets,
    secret_tree::SecretTree,
    tree::TreePrivate,
    wire::{Epoch, GroupId, LeafIndex, LeafNode, Proposal, ProposalRef, ReInit, Sender},
};

/// Names one state of one group in memory: no other state, of this or another group, has the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revision(Arc<()>);

impl PartialEq for Revision {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What a member holds for the whole of an epoch: the public group, and its secrets.
#[derive(Debug)]
pub(crate) struct EpochState {
    pub(crate) public: PublicGroup,
    pub(crate) secrets: EpochSecrets,
    pub(crate) private: TreePrivate,
}

impl EpochState {
    pub(crate) fn without_secrets(&self) -> Self {
        Self {
            public: self.public.clone(),
            secrets: EpochSecrets::erased(),
            private: TreePrivate::without_keys(self.private.own_leaf()),
        }
    }
}

/// A member's view of a group. It changes only in [`Group::merge`].
#[derive(Debug)]
pub struct Group {
    pub(crate) client: Arc<Client>,
    pub(crate) revision: Revision,
    /// What [`Group::split`] handed out, until it is merged.
    pub(crate) awaited: Option<Revision>,
    pub(crate) active: bool,
    pub(crate) state: Arc<EpochState>,
    pub(crate) secret_tree: SecretTree,
    pub(crate) proposals: ProposalCache,
    pub(crate) pending: Option<Arc<PendingCommit>>,
    pub(crate) past: PastEpochs,
    pub(crate) resumption_psks: BTreeMap<Epoch, Arc<Secret>>,
    /// The last epoch in which a Welcome was made for a commit without a path, whatever became of it.
    pub(crate) pathless_welcome: Option<Epoch>,
}

impl Group {
    /// The public half: tree, context, members.
    #[must_use]
    pub fn public(&self) -> &PublicGroup {
        &self.state.public
    }

    /// The group's identifier.
    #[must_use]
    pub fn group_id(&self) -> &GroupId {
        self.public().group_id()
    }

    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.public().epoch()
    }

    /// One's own leaf.
    #[must_use]
    pub fn own_leaf(&self) -> LeafIndex {
        self.state.private.own_leaf()
    }

    /// Whether one's own member is in the group. Once it is not, nothing can be sent or received.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.active
    }

    /// Whether a commit of one's own waits for its echo.
    #[must_use]
    pub const fn has_pending_commit(&self) -> bool {
        self.pending.is_some()
    }

    /// The members, by leaf.
    pub fn members(&self) -> impl Iterator<Item = (LeafIndex, LeafNode)> {
        self.public().members()
    }

    /// The member at a leaf.
    #[must_use]
    pub fn member(&self, leaf: LeafIndex) -> Option<LeafNode> {
        self.public().tree.leaf(leaf)
    }

    /// The proposals that wait for a commit, in the order they came.
    pub fn proposals(&self) -> impl Iterator<Item = (ProposalRef, Sender, &Proposal)> {
        self.proposals.waiting().map(|entry| (entry.reference, entry.sender, &entry.proposal))
    }

    /// Equal for all members who share this epoch (RFC 9420 §8.7): to be compared out of band.
    #[must_use]
    pub fn epoch_authenticator(&self) -> &Secret {
        &self.state.secrets.epoch_authenticator
    }

    /// The resumption PSK of the present epoch or a retained past one (RFC 9420 §8.6).
    #[must_use]
    pub fn resumption_psk(&self, epoch: Epoch) -> Option<&Secret> {
        self.resumption_psks.get(&epoch).map(|psk| &**psk)
    }

    /// MLS-Exporter (RFC 9420 §8.5): `length` bytes bound to this epoch, `label` and `context`.
    ///
    /// # Errors
    /// `Misuse(Length)` beyond [`crate::limits::MAX_EXPORT_HASHES`] hashes, `Misuse(NotMember)` after one's removal.
    pub fn export_secret(&self, label: &str, context: &[u8], length: usize) -> Result<SecretBytes, Error> {
        self.check_active()?;
        self.state.secrets.export(self.client.suite(), label, context, length)
    }

    /// What the group was re-initialised to: see [`PublicGroup::reinit`].
    #[must_use]
    pub fn reinit(&self) -> Option<&ReInit> {
        self.public().reinit()
    }

    /// Whether something may be sent: one's own member is in the group, and the group goes on.
    pub(crate) fn check_sending(&self) -> Result<(), Error> {
        self.check_active()?;
        if self.reinit().is_some() { Err(Misuse::ReInitialized.into()) } else { Ok(()) }
    }

    /// The group in the hands of `client`, which is the same member: with other settings, or with a successor.
    ///
    /// # Errors
    /// `Misuse(WrongKey)` when the member's leaf is another's.
    pub fn with_client(self, client: &Client) -> Result<Self, Error> {
        let own = self.member(self.own_leaf()).and_then(|leaf| client.behind(&leaf));
        let own = own.filter(|_| client.suite.cipher_suite() == self.public().context.cipher_suite);
        let pending = self.pending.as_ref().is_none_or(|pending| pending.next.is_of(client));
        let client = Arc::new(own.filter(|_| pending).ok_or(Misuse::WrongKey)?.clone());
        Ok(Self { client, ..self })
    }

    pub(crate) fn check_active(&self) -> Result<(), Error> {
        if self.active { Ok(()) } else { Err(Misuse::NotMember.into()) }
    }
}
