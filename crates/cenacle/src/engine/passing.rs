//! What a device that comes back passes over: the log between where its old state stopped and where the new one begins.

use alloc::collections::BTreeMap;

use cenacle_codec::{Encode as _, EncodeError};
use cenacle_service::wire::RecordKind;

use super::{Engine, rejoin::refusal};
use crate::{ConversationId, Error};

/// What stands in the log between where the old state stopped and where the new one begins.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// What of the outbox is there: its index, the record's number, and when the server took it.
    pub(super) said: BTreeMap<u64, (u64, u64)>,
    /// How many messages of others are there.
    pub(super) unread: u64,
    /// The last record.
    pub(super) last: Vec<u8>,
}

/// How far that was gone through.
#[derive(Debug)]
pub(super) struct Passing {
    /// The first record, the next one and the last.
    first: u64,
    next: u64,
    until: u64,
    passed: Passed,
}

impl Engine {
    /// Goes through the log up to record `until`, as far as it may be read, without the keys for it. Goes on from where its
    /// turn ended, if it did.
    pub(super) async fn pass(&mut self, id: &ConversationId, until: u64) -> Result<Passed, Error> {
        let room = self.room_mut(id)?;
        let waiting = room.outbox.iter().filter_map(|(index, waiting)| Some((waiting.message()?, *index)));
        let waiting: Result<BTreeMap<_, _>, _> =
            waiting.map(|(message, index)| Ok((message.to_bytes()?, index))).collect();
        let waiting = waiting.map_err(|error: EncodeError| Error::from(error))?;
        // The log may have become shorter than it was shown to be.
        let first = room.record.cursor.min(until);
        let known = room.passing.take().filter(|known| known.first == first && known.until == until);
        let Passing { mut next, mut passed, .. } =
            known.unwrap_or(Passing { first, next: first, until, passed: Passed::default() });
        while next <= until {
            if next > first && self.turn_page().is_err() {
                self.room_mut(id)?.passing = Some(Passing { first, next, until, passed });
                return Err(Error::Behind);
            }
            let log = self.api.log(&id.0, next).await.map_err(refusal)?;
            let before = next;
            // What stands there is for others only.
            if let Some(other) = log.records.first().filter(|other| other.seq > until) {
                return Err(Error::Gap { expected: next, found: other.seq });
            }
            for record in log.records.into_iter().filter(|record| record.seq >= before && record.seq <= until) {
                match waiting.get(record.message.as_slice()) {
                    Some(index) => drop(passed.said.insert(*index, (record.seq, record.received_at))),
                    None if record.kind == RecordKind::Application => passed.unread = passed.unread.saturating_add(1),
                    None => {}
                }
                next = next.max(record.seq.saturating_add(1));
                passed.last = record.message.into_vec();
            }
            if next == before {
                break;
            }
        }
        Ok(passed)
    }
}
