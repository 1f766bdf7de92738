//! What the model holds of one person's state: where it stands, and what it has seen and sent. It is restored with a backup,
//! as the state itself is.

use alloc::collections::{BTreeMap, BTreeSet};

use super::Why;
use crate::ids::{EpochId, ProposalId, SaidId};

/// What became of a message for someone who was in its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Read,
    Unreadable(Why),
}

/// Where someone stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The epoch of the group that is held, or was before the removal.
    pub(crate) at: Option<EpochId>,
    /// The number of the first epoch it was held in.
    pub(crate) since: u64,
    /// Whether, as far as is known, one's own member is in it.
    pub(crate) active: bool,
    /// For how many past epochs messages can be read.
    pub(crate) past: u64,
    /// Whether handshakes are sent in the clear.
    pub(crate) in_the_clear: bool,
    /// What was said in this group as it is held.
    pub(crate) said: BTreeSet<SaidId>,
    /// The proposals of the present epoch that are known.
    pub(crate) known: BTreeSet<ProposalId>,
    /// Those among them that are one's own.
    pub(crate) proposed: BTreeSet<ProposalId>,
    /// A commit of one's own that waits for its echo, as the digest of its bytes.
    pub(crate) pending: Option<[u8; 16]>,
    /// What was read since the group's rows are there: its keys are used up.
    read: BTreeSet<SaidId>,
    /// What became of messages.
    pub(crate) fates: BTreeMap<SaidId, Fate>,
}

impl Standing {
    pub(crate) const fn new(past: u64, in_the_clear: bool) -> Self {
        Self {
            at: None,
            since: 0,
            active: false,
            past,
            in_the_clear,
            said: BTreeSet::new(),
            known: BTreeSet::new(),
            proposed: BTreeSet::new(),
            pending: None,
            read: BTreeSet::new(),
            fates: BTreeMap::new(),
        }
    }

    /// A group begins for this person. One that was forgotten, for another, knows nothing of what was read in it before.
    pub(crate) fn arrive(&mut self, at: EpochId, number: u64, is_another: bool) {
        self.said.clear();
        if is_another {
            self.read.clear();
        }
        (self.at, self.since, self.active) = (Some(at), number, true);
        self.turn();
    }

    /// The next epoch begins.
    pub(crate) fn advance(&mut self, to: EpochId) {
        self.at = Some(to);
        self.turn();
    }

    fn turn(&mut self) {
        self.known.clear();
        self.proposed.clear();
        self.pending = None;
    }

    /// The removal is learned of.
    pub(crate) fn leave(&mut self) {
        self.active = false;
        self.turn();
    }

    /// A message was read.
    pub(crate) fn read(&mut self, said: SaidId) {
        self.read.insert(said);
        self.fates.insert(said, Fate::Read);
    }

    /// Whether a message was read, as far as the group's rows know.
    pub(crate) fn has_read(&self, said: SaidId) -> bool {
        self.read.contains(&said)
    }

    /// A message will not be read any more, if it was not.
    pub(crate) fn miss(&mut self, said: SaidId, why: Why) {
        self.fates.entry(said).or_insert(Fate::Unreadable(why));
    }
}
