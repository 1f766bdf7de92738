//! What members have seen of a conversation, so that they can tell if they were shown different things. Every message and every
//! commit but an external one carries its sender's evidence beside the ciphertext, authenticated with it (RFC 9420 §6.3.1) and in the clear, so that it says
//! something even if the message cannot be read:
//!
//! ```text
//! struct { uint8 version = 1; opaque keys[16]; optional<Point> seen; }     struct { uint64 seq; opaque digest[16]; } Point;
//! ```
//! `keys` is equal for all who share the epoch, and derived from its authenticator. `seen` is how far the sender had read, and
//! a digest of that: it starts with the commit that began the epoch, where those who joined by it begin to read, and goes on
//! over every record. A server that leaves out, adds or exchanges records for somebody cannot keep the digests equal. What comes
//! after the last record that the next sender or committer of the epoch has read is in nobody's digest: if an external commit ends
//! the epoch, or the committer had not read it, it stays unnoticed.

use alloc::collections::VecDeque;

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer, codec_struct};
use cenacle_crypto::{Digest, Suite};
use cenacle_mls::{delta::RowKey, group::Group, wire::GroupContext};

use crate::{ConversationId, state};

const VERSION: u8 = 1;
/// How many records back others' evidence can be compared.
const RECORDS: usize = 1024;
/// How many epochs back the keys of messages that do not decrypt can be compared.
const EPOCHS: usize = 8;

/// Part of a hash.
type Short = [u8; 16];

codec_struct! {
    /// How far a log was read, and what it held.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Point {
        pub(super) seq: u64,
        digest: Short,
    }
}

/// What a message says about its sender's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    keys: Short,
    seen: Option<Point>,
}

impl Encode for Evidence {
    fn encode(&self, out: &mut Writer) {
        out.put(&VERSION).put(&self.keys).put(&self.seen);
    }
}

impl Decode for Evidence {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            VERSION => Ok(Self { keys: Decode::decode(from)?, seen: Decode::decode(from)? }),
            _ => Err(before.error(DecodeErrorKind::UnknownVariant("Evidence"))),
        }
    }
}

/// Where a conversation's last point is stored.
pub(super) fn row(id: &ConversationId) -> RowKey {
    RowKey::of_group(state::SEEN_LOG, &id.to_group_id())
}

fn short(hash: Digest) -> Short {
    let mut short = Short::default();
    short.iter_mut().zip(hash.as_slice()).for_each(|(to, from)| *to = *from);
    short
}

/// Where a new epoch begins: with the record of its commit.
pub(super) fn begun(hashing: &dyn Suite, seq: u64, epoch: &GroupContext) -> Point {
    let transcript = &epoch.confirmed_transcript_hash;
    Point { seq, digest: short(hashing.hash(&[b"Cenacle epoch", &seq.to_be_bytes(), transcript])) }
}

fn keys_of(hashing: &dyn Suite, group: &Group) -> Short {
    let authenticator = group.epoch_authenticator().expose();
    short(hashing.hash(&[b"Cenacle keys", authenticator, group.group_id().0.as_slice()]))
}

impl Point {
    /// After another record.
    pub(super) fn after(&self, hashing: &dyn Suite, seq: u64, record: &[u8]) -> Self {
        Self { seq, digest: short(hashing.hash(&[b"Cenacle record", &self.digest, &seq.to_be_bytes(), record])) }
    }
}

/// What this device has seen of a conversation.
#[derive(Debug)]
pub(super) struct View {
    /// The last ones; the newest is stored.
    points: VecDeque<Point>,
    /// The epochs' keys; the newest are the present ones.
    keys: VecDeque<(u64, Short)>,
    /// Whether a member is known to have read another log in this epoch. Then the digests differ until its end, and with
    /// everybody who read what that member did.
    is_disputed: bool,
}

impl View {
    /// As it is at the beginning, or when the state was read from disk.
    pub(super) fn new(hashing: &dyn Suite, group: &Group, point: Option<Point>) -> Self {
        Self {
            points: point.into_iter().collect(),
            keys: VecDeque::from([(group.epoch().0, keys_of(hashing, group))]),
            is_disputed: false,
        }
    }

    /// How far the log was read; none if it was never known from where an epoch begins.
    pub(super) fn last(&self) -> Option<Point> {
        self.points.back().copied()
    }

    /// Takes a step forward.
    pub(super) fn advance(&mut self, hashing: &dyn Suite, group: &Group, point: Option<Point>) {
        if let Some(point) = point {
            self.points.push_back(point);
            if self.points.len() > RECORDS {
                self.points.pop_front();
            }
        }
        let epoch = group.epoch().0;
        if self.keys.back().is_none_or(|(last, _)| *last != epoch) {
            self.keys.push_back((epoch, keys_of(hashing, group)));
            self.is_disputed = false;
            if self.keys.len() > EPOCHS {
                self.keys.pop_front();
            }
        }
    }

    /// What goes with a message of the present epoch.
    pub(super) fn evidence(&self) -> Evidence {
        let keys = self.keys.back().map(|(_, keys)| *keys).unwrap_or_default();
        Evidence { keys, seen: self.last() }
    }

    /// Notes that a member has read another log.
    pub(super) const fn dispute(&mut self) {
        self.is_disputed = true;
    }

    /// Whether the sender of the message in record `seq` has read another log, as far as that can be told and was not told
    /// before.
    pub(super) fn contradicts(&self, seq: u64, evidence: &[u8]) -> bool {
        if self.is_disputed {
            return false;
        }
        let Ok(Evidence { seen: Some(seen), .. }) = Evidence::from_bytes(evidence) else { return false };
        // Nobody has read what comes after a message before sending it.
        let read = self.points.iter().rev().find(|point| point.seq == seen.seq);
        seen.seq >= seq || read.is_some_and(|point| *point != seen)
    }

    /// Whether a message of `epoch`, which does not decrypt, says that it is for other keys.
    pub(super) fn has_other_keys(&self, epoch: u64, evidence: &[u8]) -> bool {
        let Ok(evidence) = Evidence::from_bytes(evidence) else { return false };
        self.keys.iter().any(|(known, keys)| *known == epoch && *keys != evidence.keys)
    }
}
