//! A group as seen from outside by someone who gets its handshakes in the clear: a Delivery Service, an external sender, an
//! auditor. Its members must send them so ([`Handshake::Public`](super::Handshake)); the GroupInfo to begin with is a member's
//! ([`Group::group_info`](super::Group::group_info)). A group that was re-initialised is observed anew from its successor's. Everything is validated that can be without the group's secrets: signatures, every rule on proposals, tree and
//! path, the transcript. What cannot be are membership and confirmation tags, PSKs and encrypted path secrets: a member, and
//! whoever may join by an external commit, can make a commit that observers follow and members refuse. Members alone can say
//! which commit for an epoch is the one.

use alloc::{boxed::Box, sync::Arc};

use cenacle_crypto::Suite;

use super::{
    CommitSummary, Inputs, PublicGroup, Settings,
    load::{View, decode},
    open::sender_key,
    proposals::{CachedProposal, ProposalCache, proposal_ref},
    public::{Advanced, Judge},
    rows::{PublicRow, check_format, write_tree},
    stage::committer,
    state::Revision,
};
use crate::{
    Error, Misuse, Rule, Unsupported, What,
    delta::{Delta, PersistError, RowKey, Store, Table, Unreleased},
    protect::{self, Verified},
    wire::{
        AuthenticatedContent, Commit, Content, GroupId, GroupInfo, MlsMessage, MlsMessageBody, Proposal, ProposalRef,
        PublicMessage, Sender, WireTree,
    },
};

/// A group that is observed. Like a member's, it changes only in [`Observer::merge`].
#[derive(Debug)]
pub struct Observer {
    suite: Arc<dyn Suite>,
    settings: Settings,
    revision: Revision,
    public: PublicGroup,
    proposals: ProposalCache,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
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
}

/// A message that was judged. Nothing has happened yet.
#[must_use = "nothing happens before the observation is merged"]
#[derive(Debug)]
pub struct Observation {
    base: Revision,
    step: Unreleased<(Change, Observed)>,
}

#[derive(Debug)]
enum Change {
    None,
    Proposal(Arc<CachedProposal>),
    Epoch(Box<PublicGroup>),
}

impl Observation {
    /// What will have been observed once this is merged.
    #[must_use]
    pub const fn preview(&self) -> &Observed {
        &self.step.value().1
    }

    /// What will be stored, so that the application can add rows of its own to the same batch.
    pub const fn delta_mut(&mut self) -> &mut Delta {
        self.step.delta_mut()
    }
}

impl Observer {
    /// Begins to observe the group that `info` describes. The tree is taken from `info` if it carries one.
    ///
    /// # Errors
    /// As [`PublicGroup::from_group_info`].
    pub fn new(
        info: &GroupInfo,
        tree: Option<WireTree>,
        suite: Arc<dyn Suite>,
        settings: Settings,
        inputs: &Inputs<'_>,
    ) -> Result<Unreleased<Self>, Error> {
        let public = PublicGroup::from_group_info(info, tree, &*suite, &settings, inputs)?;
        let mut delta = erased(public.group_id());
        write(None, &public, &mut delta)?;
        let (revision, proposals) = (Revision::default(), ProposalCache::default());
        Ok(Unreleased::new(delta, Self { suite, settings, revision, public, proposals }))
    }

    /// Reads an observed group back.
    ///
    /// # Errors
    /// `Store` when the medium fails, `State(Corrupt)` when rows are damaged, `State(Unsupported(CipherSuite))` when the group
    /// has another suite.
    pub fn load<S: Store>(
        store: &S,
        group_id: &GroupId,
        suite: Arc<dyn Suite>,
        settings: Settings,
    ) -> Result<Option<Self>, PersistError<S::Error>> {
        let view = View { store, changes: &[], group_id };
        let row = store.row(&view.key(Table::OBSERVED_GROUP)).map_err(PersistError::Store)?;
        let Some(row) = row else { return Ok(None) };
        check_format(&row)?;
        let row = decode::<PublicRow>(&row)?;
        if row.context.group_id != *group_id {
            return Err(Error::Corrupt("observed group").into());
        }
        if row.context.cipher_suite != suite.cipher_suite() {
            return Err(Error::Unsupported(Unsupported::CipherSuite).into());
        }
        let public = view.public(Table::OBSERVED_NODE, row, &*suite)?;
        let entries = view.cached(Table::OBSERVED_PROPOSAL)?;
        let proposals = ProposalCache { entries, ..ProposalCache::default() };
        Ok(Some(Self { suite, settings, revision: Revision::default(), public, proposals }))
    }

    /// Erases what is stored of an observed group.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn forget<S: Store>(store: &mut S, group_id: &GroupId) -> Result<(), S::Error> {
        store.apply(&erased(group_id))
    }

    /// The group as it is now.
    #[must_use]
    pub const fn public(&self) -> &PublicGroup {
        &self.public
    }

    /// The proposals that wait for a commit, in the order they came.
    pub fn proposals(&self) -> impl Iterator<Item = (ProposalRef, Sender, &Proposal)> {
        self.proposals.waiting().map(|entry| (entry.reference, entry.sender, &entry.proposal))
    }

    /// Judges a message, changing nothing.
    ///
    /// # Errors
    /// `Unsupported(Encrypted)` for a private message; `Stale` and `Future` for another epoch; `Invalid`, `Unverified` and
    /// `Missing` as a member would say.
    pub fn stage(&self, message: &MlsMessage, inputs: &Inputs<'_>) -> Result<Observation, Error> {
        let content = match &message.body {
            MlsMessageBody::PublicMessage(message) => self.verify(message)?,
            MlsMessageBody::PrivateMessage(_) => return Err(Error::Unsupported(Unsupported::Encrypted)),
            MlsMessageBody::Welcome(_) | MlsMessageBody::GroupInfo(_) | MlsMessageBody::KeyPackage(_) => {
                return Err(Misuse::WrongMessage.into());
            }
        };
        let mut delta = Delta::new();
        let step = match &content.content.content {
            Content::Proposal(proposal) => self.stage_proposal(&content, proposal, inputs, &mut delta)?,
            Content::Commit(commit) => self.stage_commit(&content, commit, inputs, &mut delta)?,
            Content::Application(_) => return Err(Rule::ApplicationDataIsEncrypted.into()),
        };
        Ok(Observation { base: self.revision.clone(), step: Unreleased::new(delta, step) })
    }

    fn verify(&self, message: &PublicMessage) -> Result<Verified<AuthenticatedContent>, Error> {
        if message.content.group_id != *self.public.group_id() {
            return Err(Rule::GroupIdMatches.into());
        }
        self.public.check_epoch(message.content.epoch)?;
        self.public.check_goes_on()?;
        let content = protect::public::without_tag(message.clone())?;
        let key = sender_key(&content, &self.public)?;
        protect::verify(&*self.suite, content, &self.public.context, &key)
    }

    fn judge<'a>(&'a self, inputs: &'a Inputs<'a>) -> Judge<'a> {
        Judge::new(&*self.suite, &self.settings, inputs)
    }

    fn stage_proposal(
        &self,
        content: &AuthenticatedContent,
        proposal: &Proposal,
        inputs: &Inputs<'_>,
        delta: &mut Delta,
    ) -> Result<(Change, Observed), Error> {
        let reference = proposal_ref(&*self.suite, content)?;
        let sender = content.content.sender;
        let observed = Observed::Proposal { reference, sender, proposal: proposal.clone() };
        if self.proposals.find(&reference).is_some() {
            return Ok((Change::None, observed));
        }
        let position = self.proposals.next_position();
        let cached = CachedProposal { position, reference, sender, set_aside: 0, proposal: proposal.clone() };
        self.public.check_proposal(&cached, self.judge(inputs))?;
        self.proposals.check_room(sender, self.settings.limits.pending_proposals)?;
        delta.put_encoded(self.row(Table::OBSERVED_PROPOSAL).and(&position), &cached)?;
        Ok((Change::Proposal(Arc::new(cached)), observed))
    }

    fn stage_commit(
        &self,
        content: &AuthenticatedContent,
        commit: &Commit,
        inputs: &Inputs<'_>,
        delta: &mut Delta,
    ) -> Result<(Change, Observed), Error> {
        let inputs = &inputs.on_receipt(&self.settings);
        let judge = self.judge(inputs);
        let sender = content.content.sender;
        let committer = committer(sender)?;
        let list = self.public.list(commit, committer, sender, &self.proposals, judge)?;
        let Advanced { sealed, mut summary, .. } = self.public.advance(&list, commit, committer, judge)?;
        summary.authenticated_data = content.content.authenticated_data.clone();
        let context = self.public.next_context(judge.suite, &sealed.provisional, content)?;
        let tag = content.auth.confirmation_tag.filter(|tag| tag.len() == judge.suite.hash_length());
        let tag = tag.ok_or(What::ConfirmationTag)?;
        let reinit = list.reinit.cloned().map(Arc::new);
        let next = PublicGroup::new(judge.suite, sealed.tree, context, tag, reinit)?;
        inputs.policy.admits_commit(&self.public, &next, &summary)?;
        write(Some(&self.public), &next, delta)?;
        delta.delete_prefix(self.row(Table::OBSERVED_PROPOSAL));
        Ok((Change::Epoch(Box::new(next)), Observed::Commit(summary)))
    }

    /// Stores what was observed, then takes it into use.
    ///
    /// # Errors
    /// `State(Misuse(Outdated))` when something else was merged since the message was judged; `Store` when the medium failed.
    /// Either way nothing has changed.
    pub fn merge<S: Store>(
        &mut self,
        observation: Observation,
        store: &mut S,
    ) -> Result<Observed, PersistError<S::Error>> {
        if observation.base != self.revision {
            return Err(Error::from(Misuse::Outdated).into());
        }
        let (change, observed) = observation.step.persist(store).map_err(PersistError::Store)?;
        self.revision = Revision::default();
        match change {
            Change::None => {}
            Change::Proposal(cached) => self.proposals.entries.push(cached),
            Change::Epoch(next) => {
                self.public = *next;
                self.proposals = ProposalCache::default();
            }
        }
        Ok(observed)
    }

    fn row(&self, table: Table) -> RowKey {
        RowKey::of_group(table, self.public.group_id())
    }
}

/// Erases every row of an observed group.
fn erased(group_id: &GroupId) -> Delta {
    let mut delta = Delta::new();
    for table in [Table::OBSERVED_GROUP, Table::OBSERVED_NODE, Table::OBSERVED_PROPOSAL] {
        delta.delete_prefix(RowKey::of_group(table, group_id));
    }
    delta
}

/// Writes what changed in the public half.
fn write(old: Option<&PublicGroup>, new: &PublicGroup, delta: &mut Delta) -> Result<(), Error> {
    delta.put_encoded(RowKey::of_group(Table::OBSERVED_GROUP, new.group_id()), &PublicRow::of(new))?;
    write_tree(Table::OBSERVED_NODE, old, new, delta)
}
