//! Turns: how much of what the server has to tell one job reads before others have theirs. A server that always has one more
//! page keeps nobody from anything else, and a log of any length is read in the end.

use alloc::collections::BTreeSet;

use super::Engine;
use crate::{ConversationId, Error};

/// Pages that a job reads beyond the first of each log; one of a log has up to 256 records.
pub(super) const PAGES: u32 = 16;

/// What is left of a turn.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pages: u32,
    /// Whether it ended before everything was read.
    pub(super) is_behind: bool,
    /// Changes that were asked for and whose callers come again, since their turn ended.
    pub(super) awaited: BTreeSet<(ConversationId, u64)>,
}

impl Engine {
    /// Begins the next job's turn.
    pub(super) const fn begin_turn(&mut self) {
        self.turn.pages = PAGES;
        self.turn.is_behind = false;
    }

    /// Asks to read one more page.
    ///
    /// # Errors
    /// [`Error::Behind`] when it is others' turn; then it is gone on with by itself.
    pub(super) const fn turn_page(&mut self) -> Result<(), Error> {
        match self.turn.pages.checked_sub(1) {
            Some(left) => {
                self.turn.pages = left;
                Ok(())
            }
            None => {
                self.turn.is_behind = true;
                Err(Error::Behind)
            }
        }
    }
}
