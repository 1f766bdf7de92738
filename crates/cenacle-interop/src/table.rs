//! The numbers that the runner knows things by. One counter serves all kinds, so that no two ever share a number. What the runner
//! never frees (it has no way to for most kinds) goes when much newer things have come.

use alloc::sync::Arc;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use crate::{
    actor::{Signer, Transaction},
    failure::{Failure, Kind},
    state::{State, Successor},
};

/// How many things are kept at once. A run of one script keeps under a thousand; at this number the one that was not asked
/// for longest is forgotten.
const MAX_KEPT: usize = 8_192;

/// What a number names. Cheap to clone; the thing itself is locked for one call at a time.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    State(Arc<Mutex<State>>),
    Transaction(Arc<Mutex<Transaction>>),
    Signer(Arc<Signer>),
    Successor(Arc<Successor>),
}

impl From<State> for Slot {
    fn from(state: State) -> Self {
        Self::State(Arc::new(Mutex::new(state)))
    }
}

impl From<Transaction> for Slot {
    fn from(transaction: Transaction) -> Self {
        Self::Transaction(Arc::new(Mutex::new(transaction)))
    }
}

impl From<Signer> for Slot {
    fn from(signer: Signer) -> Self {
        Self::Signer(Arc::new(signer))
    }
}

impl From<Successor> for Slot {
    fn from(successor: Successor) -> Self {
        Self::Successor(Arc::new(successor))
    }
}

#[derive(Debug, Default)]
struct Entries {
    /// The last number given out; 0 never is.
    last: u32,
    /// Counts look-ups, to know which came last.
    clock: u64,
    by_id: HashMap<u32, (Slot, u64)>,
}

/// Everything that has a number.
#[derive(Debug, Default)]
pub(crate) struct Table(Mutex<Entries>);

/// Locks what one call works on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Failure> {
    mutex.lock().map_err(|_| Failure::Broken)
}

impl Table {
    /// Gives a thing its number.
    pub(crate) fn insert(&self, slot: impl Into<Slot>) -> Result<u32, Failure> {
        let mut entries = lock(&self.0)?;
        let id = entries.last.checked_add(1).ok_or(Failure::NumbersExhausted)?;
        entries.last = id;
        let oldest = || entries.by_id.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id);
        let oldest = Some(()).filter(|()| entries.by_id.len() >= MAX_KEPT).and_then(|()| oldest());
        let forgotten = oldest.and_then(|oldest| entries.by_id.remove(&oldest));
        entries.clock = entries.clock.wrapping_add(1);
        let used = entries.clock;
        entries.by_id.insert(id, (slot.into(), used));
        drop(entries);
        // A large group takes a while to erase: not while the table is locked.
        drop(forgotten);
        Ok(id)
    }

    /// Forgets a number, if it names anything. What is at work with it finishes.
    pub(crate) fn remove(&self, id: u32) -> Result<(), Failure> {
        let gone = lock(&self.0)?.by_id.remove(&id);
        drop(gone);
        Ok(())
    }

    /// What a number names, whatever it is.
    pub(crate) fn find(&self, id: u32) -> Result<Option<Slot>, Failure> {
        let mut entries = lock(&self.0)?;
        entries.clock = entries.clock.wrapping_add(1);
        let clock = entries.clock;
        Ok(entries.by_id.get_mut(&id).map(|(slot, used)| {
            *used = clock;
            slot.clone()
        }))
    }

    pub(crate) fn state(&self, id: u32) -> Result<Arc<Mutex<State>>, Failure> {
        match self.find(id)? {
            Some(Slot::State(state)) => Ok(state),
            Some(Slot::Transaction(_) | Slot::Signer(_) | Slot::Successor(_)) | None => {
                Err(Failure::Unknown(Kind::State, id))
            }
        }
    }

    pub(crate) fn transaction(&self, id: u32) -> Result<Arc<Mutex<Transaction>>, Failure> {
        match self.find(id)? {
            Some(Slot::Transaction(transaction)) => Ok(transaction),
            Some(Slot::State(_) | Slot::Signer(_) | Slot::Successor(_)) | None => {
                Err(Failure::Unknown(Kind::Transaction, id))
            }
        }
    }

    pub(crate) fn signer(&self, id: u32) -> Result<Arc<Signer>, Failure> {
        match self.find(id)? {
            Some(Slot::Signer(signer)) => Ok(signer),
            Some(Slot::State(_) | Slot::Transaction(_) | Slot::Successor(_)) | None => {
                Err(Failure::Unknown(Kind::Signer, id))
            }
        }
    }

    pub(crate) fn successor(&self, id: u32) -> Result<Arc<Successor>, Failure> {
        match self.find(id)? {
            Some(Slot::Successor(successor)) => Ok(successor),
            Some(Slot::State(_) | Slot::Transaction(_) | Slot::Signer(_)) | None => {
                Err(Failure::Unknown(Kind::Successor, id))
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).map_or(0, |entries| entries.by_id.len())
    }
}
