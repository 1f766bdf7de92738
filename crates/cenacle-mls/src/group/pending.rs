//! One's own commit between its sending and its echo (RFC 9420 §12.4.1: generating a commit changes no state). The next
//! epoch is kept ready, in memory as a value and in the store as the changes that will make it real.

use alloc::vec::Vec;

use cenacle_codec::{Encode, codec_struct};

use super::{
    CommitSummary, Group, PublicGroup, Transition,
    transition::{NextEpoch, StateChange, StateEvent},
};
use crate::{
    Error, Misuse,
    delta::{Change, Delta, RowKey, Table},
    wire::MlsMessage,
};

codec_struct! {
    /// A pending commit as it is stored.
    #[derive(Debug)]
    pub(crate) struct PendingRecord {
        /// The commit as it was sent, to know its echo.
        pub(crate) message: MlsMessage,
        pub(crate) summary: CommitSummary,
        /// For how many past epochs the changes were made.
        pub(crate) past_epochs: u32,
        /// What makes the next epoch real.
        pub(crate) changes: Vec<Change>,
    }
}

/// A pending commit in memory.
#[derive(Debug)]
pub(crate) struct PendingCommit {
    pub(crate) record: PendingRecord,
    pub(crate) next: NextEpoch,
}

impl PendingRecord {
    /// The delta of merging it.
    pub(crate) fn delta(&self) -> Result<Delta, Error> {
        let mut delta = Delta::new();
        for change in &self.changes {
            delta.push(change.duplicate());
        }
        Ok(delta)
    }
}

impl Group {
    pub(crate) fn pending_row(&self) -> RowKey {
        RowKey::of_group(Table::PENDING_COMMIT, self.group_id())
    }

    /// Gives up the pending commit, which must not have been accepted.
    ///
    /// # Errors
    /// `Misuse(NothingPending)`.
    pub fn discard_pending(&self) -> Result<Transition<()>, Error> {
        self.pending.as_ref().ok_or(Misuse::NothingPending)?;
        let mut delta = Delta::new();
        delta.delete(self.pending_row());
        let change = StateChange { used: None, event: StateEvent::Discard };
        Ok(Transition::new(self.revision.clone(), delta, change, ()))
    }

    /// The pending commit as it was sent, to be sent again.
    #[must_use]
    pub fn pending_commit(&self) -> Option<&MlsMessage> {
        self.pending.as_ref().map(|pending| &pending.record.message)
    }

    /// The public group as the pending commit will make it: the tree that joiners need where the Welcome does not carry it
    /// (RFC 9420 §12.4.3.3).
    #[must_use]
    pub fn pending_public(&self) -> Option<&PublicGroup> {
        self.pending.as_ref().map(|pending| &pending.next.state.public)
    }

    pub(crate) fn write_pending(&self, record: &PendingRecord, delta: &mut Delta) -> Result<(), Error> {
        delta.put(self.pending_row(), record.to_secret_bytes()?);
        Ok(())
    }
}
