//! What hints have asked for and nobody has done yet. However many come while something else is done, it takes no more room.

use alloc::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::ConversationId;

/// Conversations that are noted each by itself; of more, all are looked at.
const MOST_HEADS: usize = 256;

/// What a hint asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nudge {
    /// One conversation grew, up to this record.
    Head(ConversationId, u64),
    /// A Welcome came.
    Queue,
    /// Anything may have happened.
    Everything,
}

/// A place for nudges, between who listens to hints and who follows them.
#[derive(Debug, Default)]
pub(super) struct Nudges {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    everything: bool,
    queue: bool,
    heads: BTreeMap<ConversationId, u64>,
}

impl Nudges {
    pub(super) fn push(&self, nudge: Nudge) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(nudge);
        self.more.notify_one();
    }

    /// The next one. Dropping the future loses none.
    pub(super) async fn next(&self) -> Nudge {
        loop {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
            match next {
                Some(nudge) => return nudge,
                // What is pushed before this waits is noticed: one permit is kept.
                None => self.more.notified().await,
            }
        }
    }
}

impl Waiting {
    fn push(&mut self, nudge: Nudge) {
        match nudge {
            Nudge::Everything => *self = Self { everything: true, ..Self::default() },
            Nudge::Queue | Nudge::Head(..) if self.everything => {}
            Nudge::Queue => self.queue = true,
            Nudge::Head(conversation, seq) => {
                let head = self.heads.entry(conversation).or_default();
                *head = seq.max(*head);
                if self.heads.len() > MOST_HEADS {
                    self.push(Nudge::Everything);
                }
            }
        }
    }

    fn take(&mut self) -> Option<Nudge> {
        if core::mem::take(&mut self.everything) {
            return Some(Nudge::Everything);
        }
        if core::mem::take(&mut self.queue) {
            return Some(Nudge::Queue);
        }
        self.heads.pop_first().map(|(conversation, seq)| Nudge::Head(conversation, seq))
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_HEADS, Nudge, Waiting};
    use crate::ConversationId;

    fn head(name: u64, seq: u64) -> Nudge {
        let id = cenacle_service::wire::GroupId::from_slice(&name.to_be_bytes()).unwrap();
        Nudge::Head(ConversationId(id), seq)
    }

    #[test]
    fn hints_take_no_more_room_the_more_they_are() {
        let mut waiting = Waiting::default();
        for seq in [3, 9, 4] {
            waiting.push(head(1, seq));
            waiting.push(Nudge::Queue);
        }
        assert_eq!([waiting.take(), waiting.take(), waiting.take()], [Some(Nudge::Queue), Some(head(1, 9)), None]);
        for name in 0..100_000 {
            waiting.push(head(name, name));
            assert!(waiting.heads.len() <= MOST_HEADS);
        }
        waiting.push(Nudge::Queue);
        assert_eq!([waiting.take(), waiting.take()], [Some(Nudge::Everything), None]);
    }
}
