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

    /// Works with a key package, and forgets it once it is used up: of calls at the same time, the first has it.
    pub(crate) fn use_up<T>(
        &self,
        id: u32,
        work: impl FnOnce(&Transaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let transaction = self.transaction(id)?;
        let transaction = lock(&transaction)?;
        // It may have been used up while this call waited.
        drop(self.transaction(id)?);
        let done = work(&transaction)?;
        self.remove(id)?;
        Ok(done)
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

    /// Works with a re-initialised group's member and its key package, and forgets both once they are used up: of calls at the
    /// same time, the first has them.
    pub(crate) fn succeed<T>(
        &self,
        id: u32,
        work: impl FnOnce(&State, &Transaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let successor = self.successor(id)?;
        let old = lock(&successor.old)?;
        let offer = lock(&successor.offer)?;
        // They may have been used up while this call waited.
        drop(self.successor(id)?);
        let done = work(&old, &offer)?;
        self.remove(id)?;
        self.remove(successor.old_id)?;
        Ok(done)
    }

    fn successor(&self, id: u32) -> Result<Arc<Successor>, Failure> {
        match self.find(id)? {
            Some(Slot::Successor(successor)) => Ok(successor),
            Some(Slot::State(_) | Slot::Transaction(_) | Slot::Signer(_)) | None => {
                Err(Failure::Unknown(Kind::Successor, id))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cenacle_crypto_awslc::AwsLcProvider;
    use cenacle_mls::group::Handshake;

    use super::*;
    use crate::{actor::Workshop, suites::Suites};

    fn signer() -> Signer {
        let workshop = Workshop { suites: Suites::new(&[Arc::new(AwsLcProvider)]), grease_extensions: false };
        let suite = workshop.suites.numbered(1).expect("suite 1");
        let (client, _) = workshop.client(suite, b"alice", Handshake::Public).expect("a client");
        Signer { client }
    }

    #[test]
    fn numbers_begin_at_one_and_are_never_used_again() {
        let table = Table::default();
        let slot = Slot::from(signer());
        assert_eq!([table.insert(slot.clone()).ok(), table.insert(slot.clone()).ok()], [Some(1), Some(2)]);
        table.remove(2).expect("removing never fails");
        assert_eq!(table.insert(slot.clone()).ok(), Some(3));
        lock(&table.0).expect("not broken").last = u32::MAX;
        assert!(matches!(table.insert(slot), Err(Failure::NumbersExhausted)));
    }

    #[test]
    fn what_was_not_asked_for_longest_is_forgotten_first() {
        let table = Table::default();
        let slot = Slot::from(signer());
        for _ in 0..MAX_KEPT {
            table.insert(slot.clone()).expect("a number");
        }
        table.signer(1).expect("the first is still there, and asked for");
        for _ in 0..10 {
            table.insert(slot.clone()).expect("a number");
        }
        assert_eq!(lock(&table.0).expect("not broken").by_id.len(), MAX_KEPT);
        assert!(
            table.signer(1).is_ok()
                && table.signer(2).is_err()
                && table.signer(11).is_err()
                && table.signer(12).is_ok()
        );
    }

    #[test]
    fn a_call_that_panicked_breaks_what_it_worked_on_and_nothing_else() {
        let broken = Arc::new(Mutex::new(()));
        let worker = Arc::clone(&broken);
        let panicked = std::thread::spawn(move || {
            let _guard = lock(&worker);
            panic!("halfway");
        });
        assert!(panicked.join().is_err());
        assert!(matches!(lock(&broken), Err(Failure::Broken)));
    }
}
