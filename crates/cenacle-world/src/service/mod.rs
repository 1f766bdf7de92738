//! The Delivery Service: a log for the group, in which the first commit for an epoch wins; key packages, Welcomes and
//! GroupInfos beside it. It can show different people different logs, which an honest one never does.

mod desk;
mod dishonest;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) use desk::{Desk, GroupInfoOffer, Invitation, Offer};
pub(crate) use dishonest::Mischief;
pub use dishonest::{Acts, Behaviour, Harmless, Notice, Signal, UnknownBehaviour};

use crate::{
    finding::{Have as _, Step},
    ids::{ActId, BranchId, EpochId, PersonId, ProposalId, SaidId},
};

/// What the run knows of a record, and no client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Said(SaidId),
    Proposed(ProposalId),
    /// It begins this epoch.
    Commit(EpochId),
}

/// One entry of a log.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) digest: [u8; 16],
    pub(crate) truth: Truth,
    /// What was dishonest about taking it in.
    pub(crate) act: Option<ActId>,
}

/// A record as someone is shown it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// Its number in the log, as the service says.
    pub(crate) seq: u64,
    pub(crate) record: Arc<Record>,
    /// For which of its reader's sessions the number is.
    pub(crate) session: Option<u64>,
    /// What was dishonest about showing it.
    pub(crate) act: Option<ActId>,
}

/// One log.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) records: Vec<Arc<Record>>,
    /// The epoch that its last commit began.
    pub(crate) tip: EpochId,
    /// What it says the group is.
    pub(crate) infos: Vec<GroupInfoOffer>,
    /// Where to find a record by its digest.
    index: BTreeMap<[u8; 16], usize>,
}

/// What someone is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) branch: BranchId,
    /// Positions of records that are left out, the others numbered as if they were not there.
    pub(crate) omitted: BTreeSet<usize>,
    /// Nothing from this position on.
    pub(crate) frozen: Option<usize>,
}

/// The logs of one group.
#[derive(Debug)]
pub(crate) struct Era {
    pub(crate) branches: Vec<Branch>,
    views: BTreeMap<PersonId, View>,
    /// Whether the group went over into another: nothing more is taken.
    pub(crate) closed: bool,
}

/// All the service has.
#[derive(Debug, Default)]
pub(crate) struct Service {
    eras: Vec<Era>,
    pub(crate) desk: Desk,
}

/// The service's answer to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// It is in the log, at this position.
    Taken(usize),
    /// It was in the log already, or another with the same bytes was.
    There(usize),
    /// The epoch is over, or the group.
    Refused,
}

impl Service {
    /// A group begins, in this epoch.
    pub(crate) fn open(&mut self, tip: EpochId) -> usize {
        let branch = Branch { records: Vec::new(), tip, infos: Vec::new(), index: BTreeMap::new() };
        self.eras.push(Era { branches: vec![branch], views: BTreeMap::new(), closed: false });
        self.eras.len() - 1
    }

    /// The present group.
    pub(crate) const fn era(&self) -> usize {
        self.eras.len().saturating_sub(1)
    }

    pub(crate) fn logs(&self, era: usize) -> Step<&Era> {
        self.eras.get(era).have("a group's logs")
    }

    pub(crate) fn logs_mut(&mut self, era: usize) -> Step<&mut Era> {
        self.eras.get_mut(era).have("a group's logs")
    }
}

impl Era {
    pub(crate) fn view(&self, who: PersonId) -> View {
        self.views.get(&who).cloned().unwrap_or_default()
    }

    pub(crate) fn view_mut(&mut self, who: PersonId) -> &mut View {
        self.views.entry(who).or_default()
    }

    pub(crate) fn branch_of(&self, who: PersonId) -> BranchId {
        self.views.get(&who).map_or(BranchId(0), |view| view.branch)
    }

    pub(crate) fn branch(&self, id: BranchId) -> Step<&Branch> {
        self.branches.get(id.0).have("a log")
    }

    pub(crate) fn branch_mut(&mut self, id: BranchId) -> Step<&mut Branch> {
        self.branches.get_mut(id.0).have("a log")
    }

    /// The epoch that someone's log has reached.
    pub(crate) fn tip(&self, who: PersonId) -> Step<EpochId> {
        Ok(self.branch(self.branch_of(who))?.tip)
    }

    /// Whether someone is shown its log whole.
    pub(crate) fn is_straight(&self, who: PersonId) -> bool {
        self.views.get(&who).is_none_or(|view| view.omitted.is_empty() && view.frozen.is_none())
    }

    /// How someone's log numbers a position.
    pub(crate) fn seq(&self, who: PersonId, position: usize) -> u64 {
        let omitted = self.views.get(&who).map_or(0, |view| view.omitted.range(..position).count());
        u64::try_from(position.saturating_sub(omitted)).unwrap_or(u64::MAX)
    }

    /// Someone's log from a number on, as it is shown.
    pub(crate) fn read(&self, who: PersonId, from: u64) -> Step<Vec<Shown>> {
        let view = self.view(who);
        let end = view.frozen.unwrap_or(usize::MAX);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let shown = |(position, record): (usize, &Arc<Record>)| {
            let seq = u64::try_from(position - view.omitted.range(..position).count()).unwrap_or(u64::MAX);
            Shown { seq, record: Arc::clone(record), session: None, act: None }
        };
        // Nothing before `from` can have a number from there on.
        let records = self.branch(view.branch)?.records.iter().enumerate().take(end).skip(from);
        let left = records.filter(|(position, _)| !view.omitted.contains(position)).map(shown);
        Ok(left.filter(|shown| usize::try_from(shown.seq).is_ok_and(|seq| seq >= from)).collect())
    }

    /// What is in someone's log, shown or not, from one number to before another; perhaps a little before.
    pub(crate) fn stretch(&self, who: PersonId, from: u64, to: u64) -> Step<impl Iterator<Item = &Arc<Record>>> {
        let within = usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or(usize::MAX);
        let records = self.branch(self.branch_of(who))?.records.iter().enumerate();
        Ok(records.filter(move |(position, _)| within.contains(position)).map(|(_, record)| record))
    }

    /// Puts a record into a log.
    pub(crate) fn append(&mut self, branch: BranchId, record: Arc<Record>) -> Step<usize> {
        let branch = self.branch_mut(branch)?;
        let position = branch.records.len();
        branch.index.entry(record.digest).or_insert(position);
        branch.records.push(record);
        Ok(position)
    }

    /// Where these bytes are in a log.
    pub(crate) fn find(&self, branch: BranchId, digest: &[u8; 16]) -> Step<Option<usize>> {
        Ok(self.branch(branch)?.index.get(digest).copied())
    }

    /// Lets the log of `branch` go on as two.
    pub(crate) fn fork(&mut self, branch: BranchId) -> Step<BranchId> {
        let copy = self.branch(branch)?.clone();
        self.branches.push(copy);
        Ok(BranchId(self.branches.len() - 1))
    }
}
