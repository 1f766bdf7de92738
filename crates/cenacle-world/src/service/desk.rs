//! What the service hands out beside the log: key packages, each once but for those of last resort; Welcomes; GroupInfos.

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use cenacle_mls::wire::{KeyPackage, KeyPackageRef};

use crate::ids::{ActId, BranchId, EpochId, PersonId};

/// A key package and its name.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) package: KeyPackage,
    pub(crate) reference: KeyPackageRef,
    /// What was dishonest about handing it out.
    pub(crate) act: Option<ActId>,
}

/// A Welcome for someone, and what goes with it.
#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    pub(crate) welcome: Arc<[u8]>,
    /// The group's tree, where the Welcome does not carry it.
    pub(crate) tree: Option<Arc<[u8]>>,
    pub(crate) era: usize,
    pub(crate) branch: BranchId,
    /// The epoch it leads to: the truth, which the service may hide.
    pub(crate) epoch: EpochId,
    /// The key packages it is for.
    pub(crate) references: Arc<[KeyPackageRef]>,
    /// Where the log goes on behind the commit that added its reader, or its beginning.
    pub(crate) next: usize,
    /// The bytes of that commit.
    pub(crate) began_by: [u8; 16],
    pub(crate) act: Option<ActId>,
}

/// A GroupInfo.
#[derive(Clone, Debug)]
pub(crate) struct GroupInfoOffer {
    pub(crate) epoch: EpochId,
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) tree: Option<Arc<[u8]>>,
    pub(crate) act: Option<ActId>,
}

/// The key packages of one person.
#[derive(Debug, Default)]
struct Shelf {
    fresh: VecDeque<Offer>,
    last_resort: Option<Offer>,
    used: Vec<Offer>,
}

/// Key packages and Welcomes by person.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Whose key package is named so, and what was dishonest about handing it out.
    owners: BTreeMap<KeyPackageRef, (PersonId, Option<ActId>)>,
    shelves: BTreeMap<PersonId, Shelf>,
    invitations: BTreeMap<PersonId, Vec<Invitation>>,
    opened: BTreeMap<PersonId, Vec<Invitation>>,
}

/// So many things that are over are kept, for a dishonest service to hand out again.
const MEMORY: usize = 8;

impl Desk {
    pub(crate) fn own(&mut self, who: PersonId, reference: KeyPackageRef) {
        self.owners.insert(reference, (who, None));
    }

    pub(crate) fn blame(&mut self, reference: &KeyPackageRef, act: ActId) {
        if let Some((_, blamed)) = self.owners.get_mut(reference) {
            *blamed = Some(act);
        }
    }

    pub(crate) fn owner(&self, reference: &KeyPackageRef) -> Option<(PersonId, Option<ActId>)> {
        self.owners.get(reference).copied()
    }

    pub(crate) fn publish(&mut self, who: PersonId, offer: Offer, last_resort: bool) {
        let shelf = self.shelves.entry(who).or_default();
        if last_resort {
            shelf.last_resort = Some(offer);
        } else {
            shelf.fresh.push_back(offer);
        }
    }

    /// How many key packages someone has left, and whether one of last resort.
    pub(crate) fn stock(&self, who: PersonId) -> (usize, bool) {
        self.shelves.get(&who).map_or((0, false), |shelf| (shelf.fresh.len(), shelf.last_resort.is_some()))
    }

    /// A key package of someone, which nobody else gets; the last resort where there is no other.
    pub(crate) fn hand_out(&mut self, who: PersonId) -> Option<Offer> {
        let shelf = self.shelves.get_mut(&who)?;
        match shelf.fresh.pop_front() {
            Some(offer) => {
                shelf.used.push(offer.clone());
                if shelf.used.len() > MEMORY {
                    shelf.used.remove(0);
                }
                Some(offer)
            }
            None => shelf.last_resort.clone(),
        }
    }

    /// A key package of someone that was handed out before.
    pub(crate) fn used(&self, who: PersonId) -> Option<Offer> {
        self.shelves.get(&who)?.used.first().cloned()
    }

    pub(crate) fn invite(&mut self, who: PersonId, invitation: Invitation) {
        self.invitations.entry(who).or_default().push(invitation);
    }

    pub(crate) fn invitations(&self, who: PersonId) -> usize {
        self.invitations.get(&who).map_or(0, Vec::len)
    }

    /// Someone opens the `n`th Welcome that waits.
    pub(crate) fn take(&mut self, who: PersonId, n: usize) -> Option<Invitation> {
        let waiting = self.invitations.get_mut(&who)?;
        if n >= waiting.len() {
            return None;
        }
        let invitation = waiting.remove(n);
        let opened = self.opened.entry(who).or_default();
        opened.push(invitation.clone());
        if opened.len() > MEMORY {
            opened.remove(0);
        }
        Some(invitation)
    }

    /// A Welcome that someone opened before.
    pub(crate) fn opened(&self, who: PersonId) -> Option<Invitation> {
        self.opened.get(&who)?.first().cloned()
    }

    /// A Welcome that waits for somebody else, and is not also the one for `who`.
    pub(crate) fn of_another(&self, who: PersonId, genuine: &Invitation) -> Option<Invitation> {
        let mut others = self.invitations.iter().filter(|(other, _)| **other != who).flat_map(|(_, waiting)| waiting);
        others.find(|other| other.welcome != genuine.welcome).cloned()
    }

    /// There is only one log left of a group: what led into others is gone with them.
    pub(crate) fn keep_only(&mut self, era: usize, branch: BranchId) {
        for kept in self.invitations.values_mut().chain(self.opened.values_mut()) {
            kept.retain(|invitation| invitation.era != era || invitation.branch == branch);
        }
    }

    /// Someone is in a group: invitations into it, and into those before it, are of no use any more.
    pub(crate) fn forget(&mut self, who: PersonId, era: usize) {
        if let Some(waiting) = self.invitations.get_mut(&who) {
            waiting.retain(|invitation| invitation.era > era);
        }
    }
}
