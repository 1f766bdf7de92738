//! The reference model: who is in the group in which epoch, what was said there, and who knows what. It knows nothing of
//! trees, keys or ciphertexts. Epochs form a tree: an honest service grows one line, a dishonest one may let two commits
//! begin two epochs of one number.

mod account;
mod expect;
mod standing;

use alloc::collections::{BTreeMap, BTreeSet};

pub use account::{Messages, Why};
pub use expect::Outcome;
use standing::Fate;
pub(crate) use standing::Standing;

use crate::{
    finding::{Have as _, Step, What},
    ids::{BranchId, EpochId, PersonId, ProposalId, SaidId},
};

/// Everything the model knows.
#[derive(Debug, Default)]
pub(crate) struct Model {
    epochs: Vec<EpochFacts>,
    said: Vec<Said>,
    proposed: Vec<Proposed>,
    proposed_in: BTreeMap<EpochId, Vec<ProposalId>>,
    /// Which generations were used: by whom in which epoch, for which message.
    generations: BTreeMap<(EpochId, PersonId, u32), SaidId>,
}

/// One epoch.
#[derive(Clone, Debug)]
pub(crate) struct EpochFacts {
    /// Which group of the succession.
    pub(crate) era: usize,
    /// Its number in that group.
    pub(crate) number: u64,
    /// The epoch before it.
    pub(crate) parent: Option<EpochId>,
    /// Its members.
    pub(crate) roster: BTreeSet<PersonId>,
    /// Who began it.
    pub(crate) by: PersonId,
    /// Whether by an external commit.
    pub(crate) external: bool,
    /// Whether the group was re-initialised by it.
    pub(crate) is_last: bool,
    /// What all its members must agree on, once the first of them was looked at: epoch authenticator and tree hash.
    pub(crate) agreed: Option<(Vec<u8>, Vec<u8>)>,
}

/// Application data.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) by: PersonId,
    pub(crate) epoch: EpochId,
    pub(crate) data: Vec<u8>,
    pub(crate) authenticated_data: Vec<u8>,
    /// The log it came to, if it came to one.
    pub(crate) branch: Option<BranchId>,
}

/// A proposal.
#[derive(Clone, Debug)]
pub(crate) struct Proposed {
    /// A member, or `None` from outside the group.
    pub(crate) by: Option<PersonId>,
    pub(crate) epoch: EpochId,
    pub(crate) wanted: Wanted,
    /// Whether it is in a log.
    pub(crate) posted: bool,
}

/// What is wanted, as far as the model cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Add(PersonId),
    Remove(PersonId),
    Other,
}

impl Model {
    pub(crate) fn epoch(&self, id: EpochId) -> Step<&EpochFacts> {
        self.epochs.get(id.0).have("an epoch")
    }

    pub(crate) fn said(&self, id: SaidId) -> Step<&Said> {
        self.said.get(id.0).have("a message")
    }

    pub(crate) fn proposed(&self, id: ProposalId) -> Step<&Proposed> {
        self.proposed.get(id.0).have("a proposal")
    }

    /// A new epoch begins.
    pub(crate) fn begin(&mut self, facts: EpochFacts) -> EpochId {
        self.epochs.push(facts);
        EpochId(self.epochs.len() - 1)
    }

    /// Something is said.
    pub(crate) fn say(&mut self, said: Said) -> SaidId {
        self.said.push(said);
        SaidId(self.said.len() - 1)
    }

    /// It came to a log.
    pub(crate) fn said_in(&mut self, id: SaidId, branch: BranchId) -> Step<()> {
        self.said.get_mut(id.0).have("a message")?.branch = Some(branch);
        Ok(())
    }

    /// Something is proposed.
    pub(crate) fn propose(&mut self, proposed: Proposed) -> ProposalId {
        let id = ProposalId(self.proposed.len());
        self.proposed_in.entry(proposed.epoch).or_default().push(id);
        self.proposed.push(proposed);
        id
    }

    /// It came to a log.
    pub(crate) fn proposed_openly(&mut self, id: ProposalId) -> Step<()> {
        self.proposed.get_mut(id.0).have("a proposal")?.posted = true;
        Ok(())
    }

    /// The proposals of an epoch.
    fn proposals_of(&self, epoch: EpochId) -> impl Iterator<Item = (ProposalId, &Proposed)> {
        let ids = self.proposed_in.get(&epoch).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.proposed.get(id.0)?)))
    }

    /// The epoch of this number on the way to `epoch`, of the same group.
    pub(crate) fn ancestor(&self, epoch: EpochId, number: u64) -> Step<Option<EpochId>> {
        let mut at = epoch;
        loop {
            let facts = self.epoch(at)?;
            match facts.parent {
                _ if facts.number == number => return Ok(Some(at)),
                Some(parent) if facts.number > number => at = parent,
                _ => return Ok(None),
            }
        }
    }

    /// A member of an epoch was looked at: it must agree with whoever was looked at before.
    pub(crate) fn agree(&mut self, epoch: EpochId, who: PersonId, held: (Vec<u8>, Vec<u8>)) -> Step<()> {
        let facts = self.epochs.get_mut(epoch.0).have("an epoch")?;
        if *facts.agreed.get_or_insert_with(|| held.clone()) == held {
            return Ok(());
        }
        Err(What::Disagreement { about: format!("{who} about epoch {}", facts.number) }.into())
    }

    /// Someone who stands here makes a commit that leads to these members. Whoever comes or goes was proposed, by the commit
    /// itself or by what its author knew, from its own epoch or from outside; what the commit itself proposes comes true.
    pub(crate) fn explain(&self, author: &Standing, to: &BTreeSet<PersonId>, by_value: &[Wanted]) -> Step<()> {
        let before = &self.epoch(author.at.have("where a member stands")?)?.roster;
        let known = author.known.iter().chain(&author.proposed);
        let proposed = known.map(|id| Ok(self.proposed(*id)?.wanted)).collect::<Step<Vec<Wanted>>>()?;
        let unproposed = |wanted: Wanted| !by_value.contains(&wanted) && !proposed.contains(&wanted);
        for added in to.difference(before) {
            if unproposed(Wanted::Add(*added)) {
                return Err(What::Unproposed { change: format!("{added} is added") }.into());
            }
        }
        for removed in before.difference(to) {
            if unproposed(Wanted::Remove(*removed)) {
                return Err(What::Unproposed { change: format!("{removed} is removed") }.into());
            }
        }
        let ignored = |wanted: &&Wanted| match wanted {
            Wanted::Add(added) => !to.contains(added),
            Wanted::Remove(removed) => to.contains(removed),
            Wanted::Other => false,
        };
        match by_value.iter().find(ignored) {
            Some(wanted) => Err(What::Unproposed { change: format!("{wanted:?} is left out") }.into()),
            None => Ok(()),
        }
    }

    /// A message was read with this generation, which no other message of its sender in its epoch may have.
    pub(crate) fn used(&mut self, id: SaidId, generation: u32) -> Step<()> {
        let said = self.said.get(id.0).have("a message")?;
        let (by, epoch) = (said.by, said.epoch);
        if *self.generations.entry((epoch, by, generation)).or_insert(id) == id {
            return Ok(());
        }
        Err(What::KeyReused { key: format!("generation {generation} of {by} in {epoch:?}") }.into())
    }
}
