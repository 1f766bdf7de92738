//! Joining by an external commit, for the first time or in place of an earlier self (RFC 9420 §12.4.3.2).

use alloc::{vec, vec::Vec};

use cenacle_codec::{Decode, Encode, Writer, codec_struct};
use cenacle_crypto::{Digest, Rng};

use super::{
    Client, CommitSummary, Group, Inputs, NewGroup, PublicGroup,
    apply::Applied,
    list::{Committer, Listed, ProposalList},
    public::Judge,
    send::fresh_psk_id,
};
use crate::{
    Error, Misuse, Rule,
    delta::{Change, Delta, PersistError, RowKey, Store, Table, Unreleased},
    schedule::{CommitSecret, InitSecret, psk_secret},
    secret_tree::SecretTree,
    tree::{TreePrivate, path_context},
    wire::{
        AuthenticatedContent, Commit, Content, ExternalInit, GroupContext, GroupId, GroupInfo, LeafIndex,
        LeafNodeSource, MlsMessage, PreSharedKey, Proposal, ProposalOrRef, Psk, PublicMessage, Remove, Sender,
        UpdatePath, WireTree,
    },
};

codec_struct! {
    /// An external commit as it is stored until it is accepted.
    #[derive(Debug)]
    pub(crate) struct PendingJoinRecord {
        message: MlsMessage,
        summary: CommitSummary,
        changes: Vec<Change>,
    }
}

/// How to join from outside.
#[derive(Clone, Debug, Default)]
pub struct ExternalJoin {
    /// The group's tree, where the GroupInfo does not carry it.
    pub tree: Option<WireTree>,
    /// An earlier member of one's own, to be removed by the same commit: a resync. See [`Group::former_leaf`].
    pub replaces: Option<LeafIndex>,
    /// Pre-shared keys to fold in.
    pub psks: Vec<Psk>,
}

/// An external commit on its way. The group exists for this client only once the commit is accepted.
#[derive(Debug)]
pub struct PendingJoin {
    message: MlsMessage,
    summary: CommitSummary,
    new: NewGroup,
}

pub(crate) fn pending_row(group_id: &GroupId) -> RowKey {
    RowKey::of_group(Table::PENDING_JOIN, group_id)
}

impl PendingJoin {
    /// The commit to be sent.
    #[must_use]
    pub const fn commit(&self) -> &MlsMessage {
        &self.message
    }

    /// What the commit does.
    #[must_use]
    pub const fn summary(&self) -> &CommitSummary {
        &self.summary
    }

    /// The commit was accepted: the group, to be stored.
    pub fn accepted(self) -> NewGroup {
        self.new
    }

    /// The commit was not accepted: erases what was kept for it.
    pub fn discard(self) -> Unreleased<()> {
        let mut delta = Delta::new();
        delta.delete(pending_row(self.new.public().group_id()));
        Unreleased::new(delta, ())
    }

    /// After a restart: the changes that make the group real if its stored external commit `message` was accepted. Apply
    /// them and load the group; or delete the row if it was not.
    ///
    /// # Errors
    /// `Store` when the medium fails, `State(Corrupt)` when the row is damaged.
    pub fn recover<S: Store>(
        store: &S,
        group_id: &GroupId,
    ) -> Result<Option<(MlsMessage, Delta)>, PersistError<S::Error>> {
        let Some(row) = store.row(&pending_row(group_id)).map_err(PersistError::Store)? else { return Ok(None) };
        let record = PendingJoinRecord::from_own_bytes(row.expose()).map_err(|_| Error::Corrupt("pending join"))?;
        let mut delta = Delta::new();
        super::rows::erase_group(group_id, &mut delta);
        for change in record.changes {
            delta.push(change);
        }
        Ok(Some((record.message, delta)))
    }
}

impl Unreleased<PendingJoin> {
    /// Writes, in the same batch, a row made of `header` and a GroupInfo of the epoch that the commit begins, with its tree:
    /// whoever is next to come from outside needs it, and it can be made only by who is inside.
    ///
    /// # Errors
    /// When the signer fails.
    pub fn store_group_info_as(&mut self, key: RowKey, header: &[u8]) -> Result<(), Error> {
        let mut row = Writer::new();
        row.bytes(header).put(&self.value().new.group().group_info(true, true)?);
        self.delta_mut().put(key, row.finish()?);
        Ok(())
    }
}

impl Client {
    /// Makes an external commit that joins the group which `info` describes.
    ///
    /// # Errors
    /// `Invalid(ExternalPubPresent)` when the GroupInfo is not for external joins; otherwise as for a Welcome.
    pub fn join_external(
        &self,
        info: &GroupInfo,
        how: ExternalJoin,
        inputs: &Inputs<'_>,
        rng: &mut dyn Rng,
    ) -> Result<Unreleased<PendingJoin>, Error> {
        let suite = self.suite();
        let public = PublicGroup::from_group_info(info, how.tree, suite, &self.settings, inputs)?;
        public.check_joinable(self)?;
        let external_pub = info.external_pub()?.ok_or(Rule::ExternalPubPresent)?;
        suite.kem_check_public_key(&external_pub).map_err(|_| Rule::PublicKeyWellFormed)?;
        let (kem_output, init_secret) = InitSecret::encapsulate(suite, &external_pub, rng)?;
        let mut proposals = vec![Proposal::ExternalInit(ExternalInit { kem_output: kem_output.into() })];
        proposals.extend(how.replaces.map(|removed| Proposal::Remove(Remove { removed })));
        let mut psks = Vec::new();
        for psk in how.psks {
            let id = fresh_psk_id(suite, psk, rng)?;
            psks.push((id.clone(), inputs.psk(&id)?));
            proposals.push(Proposal::PreSharedKey(PreSharedKey { psk: id }));
        }
        for proposal in &proposals {
            inputs.check_admitted(&public, Sender::NewMemberCommit, proposal)?;
        }
        let draft = self.draft_external(&public, &proposals, inputs, rng)?;
        let commit =
            Commit { proposals: proposals.into_iter().map(ProposalOrRef::Proposal).collect(), path: Some(draft.path) };
        let mut content = self.sign_from_outside(&public, Sender::NewMemberCommit, Content::Commit(commit))?;
        let context = public.next_context(suite, &draft.provisional, &content)?;
        let joiner_secret = init_secret.joiner_secret(suite, &draft.commit_secret, &context)?;
        let psk_secret = psk_secret(suite, &psks)?;
        let epoch = joiner_secret.member_secret(suite, &psk_secret).into_epoch(suite, &context)?;
        let epoch = epoch.confirm_own(suite, &context.confirmed_transcript_hash);
        content.auth.confirmation_tag = Some(epoch.confirmation_tag);
        let AuthenticatedContent { content, auth, .. } = content;
        let message = MlsMessage::from(PublicMessage { content, auth, membership_tag: None });
        let after = PublicGroup::new(suite, draft.tree, context, epoch.confirmation_tag, None)?;
        inputs.policy.admits_commit(&public, &after, &draft.summary)?;
        let secret_tree = SecretTree::new(after.tree.root(), epoch.encryption_secret);
        let new = NewGroup::new(self, after, epoch.secrets, draft.private, secret_tree)?.fresh();
        let changes = new.delta().changes().iter().map(Change::duplicate).collect();
        let record = PendingJoinRecord { message, summary: draft.summary, changes };
        let mut delta = Delta::new();
        delta.put(pending_row(public.group_id()), record.to_secret_bytes()?);
        Ok(Unreleased::new(delta, PendingJoin { message: record.message, summary: record.summary, new }))
    }

    /// The tree with the joiner at the leftmost free leaf, and a path from there.
    fn draft_external(
        &self,
        public: &PublicGroup,
        proposals: &[Proposal],
        inputs: &Inputs<'_>,
        rng: &mut dyn Rng,
    ) -> Result<Draft, Error> {
        let suite = self.suite();
        let judge = Judge::new(suite, &self.settings, inputs);
        let listed: Vec<Listed<'_>> = proposals
            .iter()
            .map(|proposal| Listed { proposal, sender: Sender::NewMemberCommit, reference: None })
            .collect();
        let list = ProposalList::sort(&listed, Committer::Joiner, public, suite)?;
        let mut applied = Applied::new(&list, public, judge)?;
        let leaf = applied.assign_joiner_leaf()?;
        let position = Some((public.group_id(), leaf));
        let mut make_leaf =
            |key, parent_hash: Digest| self.leaf_node(key, LeafNodeSource::Commit { parent_hash }, position);
        let draft = applied.edit.draft_path(leaf, &mut make_leaf, rng)?;
        let sealed = applied.seal(public)?;
        let context = path_context(suite, &sealed.provisional)?;
        let path = draft.encrypt(&sealed.tree, &[], &context, suite, rng)?;
        let (private, commit_secret) = draft.into_private();
        Ok(Draft {
            summary: CommitSummary::new(&list, &sealed, Committer::Joiner, leaf, public),
            tree: sealed.tree,
            provisional: sealed.provisional,
            path,
            private,
            commit_secret: CommitSecret(commit_secret),
        })
    }
}

/// The public and private outcome of an external commit, before its signature.
struct Draft {
    tree: crate::tree::RatchetTree,
    provisional: GroupContext,
    path: UpdatePath,
    private: TreePrivate,
    commit_secret: CommitSecret,
    summary: CommitSummary,
}

impl Group {
    /// The leaf of an earlier self that a resync would replace: the member with this client's signature key.
    ///
    /// # Errors
    /// `Misuse(NotMember)` when there is none.
    pub fn former_leaf(client: &Client, public: &PublicGroup) -> Result<LeafIndex, Error> {
        let key = client.signer.public_key();
        public.tree.roster().member_by_signature_key(key, client.suite()).ok_or_else(|| Misuse::NotMember.into())
    }
}
