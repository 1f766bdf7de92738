//! A member of a group, as one number names it; and a member whose group was re-initialised, on its way to the next.
//!
//! A state changes in place: its number stays the same from epoch to epoch. A commit waits inside until it is confirmed, so
//! that until then the state is the one before.

use alloc::{collections::BTreeMap, collections::BTreeSet, sync::Arc};
use std::sync::Mutex;

use cenacle_mls::{
    Error,
    group::{Client, FoundedGroup, Group, Inputs, NewGroup, Received, Transition},
    wire::{ExtensionType, Extensions, ExternalSender, MlsMessage, ProposalRef, ReInit, Sender},
};
use cenacle_store::MemoryStore;

use crate::{
    actor::{PskShelf, Transaction, decode, encode, inputs},
    failure::{Failure, Obstacle},
    suites::SystemRandomness,
    wish::Wish,
};

const NO_COMMIT: Failure = Failure::Field("commit", "not a commit");

/// A member of a group.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) client: Client,
    pub(crate) psks: PskShelf,
    pub(crate) group: Group,
    store: MemoryStore,
    /// The proposals of this epoch as they travelled, own ones among them: a runner shows them again with every commit, and
    /// encrypted ones cannot be opened twice.
    seen: BTreeMap<Vec<u8>, ProposalRef>,
}

/// A re-initialised group's member, with the key package for its place in the new group.
#[derive(Debug)]
pub(crate) struct Successor {
    pub(crate) old: Arc<Mutex<State>>,
    pub(crate) old_id: u32,
    pub(crate) offer: Mutex<Transaction>,
}

/// What a commit is to be like.
#[derive(Debug)]
pub(crate) struct CommitWish<'a> {
    pub(crate) by_reference: &'a [Vec<u8>],
    pub(crate) by_value: Vec<Wish>,
    pub(crate) force_path: bool,
    pub(crate) external_tree: bool,
    /// Whether it must re-initialise the group.
    pub(crate) reinit: bool,
}

/// A commit and what goes with it, encoded; what is not there is empty.
#[derive(Debug, Default)]
pub(crate) struct CommitOut {
    pub(crate) commit: Vec<u8>,
    pub(crate) welcome: Vec<u8>,
    pub(crate) ratchet_tree: Vec<u8>,
}

impl State {
    /// Takes a group into use that was created or joined, the latter with the store of the key package.
    pub(crate) fn new(
        client: Client,
        psks: PskShelf,
        group: NewGroup,
        mut store: MemoryStore,
    ) -> Result<Self, Failure> {
        let group = group.accept(&mut store)?;
        Ok(Self::stored(client, psks, group, store))
    }

    /// Takes a group into use that is in its store already.
    pub(crate) const fn stored(client: Client, psks: PskShelf, group: Group, store: MemoryStore) -> Self {
        Self { client, psks, group, store, seen: BTreeMap::new() }
    }

    /// Takes a group into use that was founded with all its members: the group, and the Welcome for the others.
    pub(crate) fn founded(client: Client, psks: PskShelf, founded: FoundedGroup) -> Result<(Self, Vec<u8>), Failure> {
        let mut store = MemoryStore::default();
        let (group, welcome) = founded.accept(&mut store)?;
        let welcome = welcome.as_ref().map(encode).transpose()?.unwrap_or_default();
        Ok((Self::stored(client, psks, group, store), welcome))
    }

    pub(crate) fn epoch_authenticator(&self) -> Vec<u8> {
        self.group.epoch_authenticator().expose().to_vec()
    }

    /// The tree of the present epoch.
    pub(crate) fn ratchet_tree(&self) -> Result<Vec<u8>, Failure> {
        encode(self.group.public().tree())
    }

    /// Prepares a step, looks at it, stores it and takes it into use.
    fn act<T>(
        &mut self,
        prepare: impl FnOnce(&Group, &Inputs<'_>) -> Result<Transition<T>, Error>,
        look: impl FnOnce(&Transition<T>) -> Result<(), Failure>,
    ) -> Result<T, Failure> {
        let transition = prepare(&self.group, &inputs(&self.psks.psks()))?;
        look(&transition)?;
        let epoch = self.group.epoch();
        let output = self.group.merge(transition, &mut self.store)?;
        if self.group.epoch() != epoch {
            self.seen.clear();
        }
        Ok(output)
    }

    /// Makes a proposal of one's own, which waits here from now on.
    pub(crate) fn propose(&mut self, wish: &Wish) -> Result<Vec<u8>, Failure> {
        let before = self.group.proposals().count();
        let message = self.act(|group, inputs| wish.clone().propose(group, inputs), |_| Ok(()))?;
        let own = Sender::Member(self.group.own_leaf());
        // What says the same as before has the same name and waits once, wherever it stands in the list.
        let mut fresh = self.group.proposals().skip(before);
        let mut repeated = self.group.proposals().filter(|(_, sender, said)| *sender == own && wish.is(said));
        let reference = fresh.next().or_else(|| repeated.next()).map(|(reference, _, _)| reference);
        let bytes = encode(&message)?;
        if let Some(reference) = reference {
            self.seen.insert(bytes.clone(), reference);
        }
        Ok(bytes)
    }

    /// The name of a proposal, which is received now unless it was before.
    fn take_in(&mut self, field: &'static str, bytes: &[u8]) -> Result<ProposalRef, Failure> {
        if let Some(reference) = self.seen.get(bytes) {
            return Ok(*reference);
        }
        let message: MlsMessage = decode(field, bytes)?;
        let received = self.act(
            |group, inputs| group.stage(group.open(&message)?, inputs),
            |transition| match transition.preview() {
                Received::Proposal { .. } => Ok(()),
                Received::OwnMessage(_) => Err(Obstacle::ForeignEcho.into()),
                Received::Application(_) | Received::Commit(_) | Received::OwnCommit(_) | Received::Removed(_) | _ => {
                    Err(Failure::Field(field, "not a proposal"))
                }
            },
        )?;
        let Received::Proposal { reference, .. } = received else {
            return Err(Failure::Field(field, "not a proposal"));
        };
        self.seen.insert(bytes.to_vec(), reference);
        Ok(reference)
    }

    /// Makes a commit of exactly these proposals. One that was made before and not confirmed is given up for it.
    pub(crate) fn commit(&mut self, wish: CommitWish<'_>) -> Result<CommitOut, Failure> {
        let is_one_step = self.has_seen(wish.by_reference) && !self.group.has_pending_commit();
        let steps = |state: &mut Self| {
            let taken = wish.by_reference.iter().map(|proposal| state.take_in("by_reference", proposal));
            let wanted = taken.collect::<Result<BTreeSet<_>, _>>()?;
            if state.group.has_pending_commit() {
                state.act(|group, _| group.discard_pending(), |_| Ok(()))?;
            }
            state.make_commit(wish, &wanted)
        };
        if is_one_step { steps(self) } else { self.wholly(steps) }
    }

    fn has_seen(&self, proposals: &[Vec<u8>]) -> bool {
        proposals.iter().all(|proposal| self.seen.contains_key(proposal))
    }

    /// Does something that takes several steps. When one fails, all is as it was before the first.
    fn wholly<T>(&mut self, steps: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let store = MemoryStore::from(self.store.snapshot());
        let group = self.client.load_group(&store, self.group.group_id())?.ok_or(Failure::Broken)?;
        let seen = self.seen.clone();
        let done = steps(self);
        if done.is_err() {
            (self.group, self.store, self.seen) = (group, store, seen);
        }
        done
    }

    fn make_commit(&mut self, wish: CommitWish<'_>, wanted: &BTreeSet<ProposalRef>) -> Result<CommitOut, Failure> {
        let asked_for = wanted.len().saturating_add(wish.by_value.len());
        let CommitWish { by_value, force_path, external_tree, reinit, .. } = wish;
        let bundle = self.act(
            |group, inputs| {
                let waiting = group.proposals().map(|(reference, _, _)| reference);
                let unwanted = waiting.filter(|reference| !wanted.contains(reference));
                let mut builder = unwanted.fold(group.commit(), |commit, reference| commit.without(reference));
                builder = by_value.into_iter().fold(builder, |commit, wish| wish.commit(commit));
                if force_path {
                    builder = builder.with_path();
                }
                if external_tree {
                    builder = builder.without_tree();
                }
                builder.build(inputs, &mut SystemRandomness)
            },
            |transition| {
                let summary = transition.summary().ok_or(Obstacle::NothingPending)?;
                // What does not fit beside the others is left out in silence otherwise.
                if count_proposals(summary) != asked_for {
                    return Err(Obstacle::ProposalLeftOut.into());
                }
                if reinit && summary.reinit.is_none() {
                    return Err(Obstacle::NotReInit.into());
                }
                Ok(())
            },
        )?;
        let next = self.group.pending_public().ok_or(Obstacle::NothingPending)?;
        Ok(CommitOut {
            commit: encode(&bundle.commit)?,
            welcome: bundle.welcome.as_ref().map(encode).transpose()?.unwrap_or_default(),
            ratchet_tree: if external_tree { encode(next.tree())? } else { Vec::new() },
        })
    }

    /// The commit that was made here was accepted.
    pub(crate) fn confirm(&mut self) -> Result<(), Failure> {
        let echo = self.group.pending_commit().cloned().ok_or(Obstacle::NothingPending)?;
        self.act(
            |group, inputs| group.stage(group.open(&echo)?, inputs),
            |transition| match reinit_of(transition) {
                Ok(_) => Err(Obstacle::ReInit.into()),
                Err(_) => Ok(()),
            },
        )?;
        Ok(())
    }

    /// As [`State::confirm`], of a commit that must re-initialise the group. It ends the group, so `prepare` does before whatever
    /// may fail of what comes next.
    pub(crate) fn confirm_reinit(
        &mut self,
        prepare: impl FnOnce(&ReInit) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let echo = self.group.pending_commit().cloned().ok_or(Obstacle::NothingPending)?;
        let look = |transition: &Transition<Received>| prepare(reinit_of(transition)?);
        self.act(|group, inputs| group.stage(group.open(&echo)?, inputs), look)?;
        Ok(())
    }

    /// Receives a commit, after the proposals it refers to.
    pub(crate) fn receive(&mut self, proposals: &[Vec<u8>], commit: &[u8]) -> Result<(), Failure> {
        self.receive_commit(proposals, commit, |transition| match transition.preview() {
            Received::Commit(summary) | Received::OwnCommit(summary) if summary.reinit.is_some() => {
                Err(Obstacle::ReInit.into())
            }
            Received::Commit(_) | Received::OwnCommit(_) | Received::Removed(_) => Ok(()),
            Received::Application(_) | Received::Proposal { .. } | Received::OwnMessage(_) | _ => Err(NO_COMMIT),
        })
    }

    /// As [`State::receive`], of a commit that must re-initialise the group; see [`State::confirm_reinit`].
    pub(crate) fn receive_reinit(
        &mut self,
        proposals: &[Vec<u8>],
        commit: &[u8],
        prepare: impl FnOnce(&ReInit) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.receive_commit(proposals, commit, |transition| prepare(reinit_of(transition)?))
    }

    fn receive_commit(
        &mut self,
        proposals: &[Vec<u8>],
        commit: &[u8],
        look: impl FnOnce(&Transition<Received>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let commit: MlsMessage = decode("commit", commit)?;
        let is_one_step = self.has_seen(proposals);
        let steps = |state: &mut Self| {
            for proposal in proposals {
                state.take_in("proposal", proposal)?;
            }
            state.act(|group, inputs| group.stage(group.open(&commit)?, inputs), look).map(drop)
        };
        if is_one_step { steps(self) } else { self.wholly(steps) }
    }

    /// Encrypts application data.
    pub(crate) fn protect(&mut self, authenticated_data: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Failure> {
        let rng = &mut SystemRandomness;
        encode(&self.act(|group, _| group.protect(plaintext, authenticated_data, rng), |_| Ok(()))?)
    }

    /// Decrypts application data: what was authenticated with it, and the data.
    pub(crate) fn unprotect(&mut self, ciphertext: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        const OTHER: Failure = Failure::Field("ciphertext", "not application data of another member");
        let message: MlsMessage = decode("ciphertext", ciphertext)?;
        let received = self.act(
            |group, inputs| group.stage(group.open(&message)?, inputs),
            |transition| {
                if matches!(transition.preview(), Received::Application(_)) { Ok(()) } else { Err(OTHER) }
            },
        )?;
        let Received::Application(message) = received else { return Err(OTHER) };
        Ok((message.authenticated_data, message.data.expose().to_vec()))
    }

    /// The extensions of the group with one external sender more.
    pub(crate) fn extensions_with_sender(&self, sender: ExternalSender) -> Result<Extensions, Failure> {
        let mut extensions = self.group.public().extensions().clone();
        let listed = extensions.external_senders().map_err(Error::from)?;
        let mut senders = listed.unwrap_or_default();
        senders.push(sender);
        extensions.0.retain(|extension| extension.extension_type != ExtensionType::EXTERNAL_SENDERS);
        extensions.push_external_senders(&senders)?;
        Ok(extensions)
    }
}

/// The re-initialisation that a commit is.
fn reinit_of(transition: &Transition<Received>) -> Result<&ReInit, Failure> {
    match transition.preview() {
        Received::Commit(summary) | Received::OwnCommit(summary) => {
            summary.reinit.as_ref().ok_or(Obstacle::NotReInit.into())
        }
        Received::Removed(_) => Err(Obstacle::NotReInit.into()),
        Received::Application(_) | Received::Proposal { .. } | Received::OwnMessage(_) | _ => Err(NO_COMMIT),
    }
}

/// How many proposals a commit of a member has.
fn count_proposals(summary: &cenacle_mls::group::CommitSummary) -> usize {
    let lists = [summary.added.len(), summary.removed.len(), summary.updated.len(), summary.psks.len()];
    let single =
        [usize::from(summary.extensions_replaced), usize::from(summary.reinit.is_some()), summary.custom.len()];
    lists.iter().chain(&single).sum()
}
