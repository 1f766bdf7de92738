//! What members tell each other about what they saw, so that a service cannot show them different things unnoticed: a mark
//! of the epoch they are in, made of its authenticator (RFC 9420 §8.7), and a chain over the records of the log. It travels
//! as authenticated data of messages and commits, and is compared out of band. RFC 9420 leaves this to applications.

use alloc::collections::{BTreeMap, VecDeque};

use cenacle_codec::codec_struct;
use cenacle_crypto::Suite;
use cenacle_mls::group::Group;

/// Sixteen bytes of a hash.
pub(crate) type Short = [u8; 16];

codec_struct! {
    /// What a message carries.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Witness {
        /// The sender's epoch.
        pub(crate) epoch: u64,
        /// Its mark.
        pub(crate) mark: Short,
        /// The epoch in which the sender's log is.
        pub(crate) segment: u64,
        /// How many records of it the sender saw, with the commit that began it.
        pub(crate) seen: u64,
        /// The chain over them.
        pub(crate) chain: Short,
        /// The chain over all records of the epoch before, as far as the sender saw its beginning.
        pub(crate) before: Option<Short>,
    }
}

/// How two views of a group compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// They agree on every epoch that both remember.
    Same,
    /// They agree on the group, but were not shown the same records.
    LogDiffers,
    /// They are in different states of this epoch.
    Fork(u64),
    /// They remember no epoch in common.
    Apart,
}

/// What one member saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diary {
    marks: BTreeMap<u64, Short>,
    chains: BTreeMap<u64, Vec<Short>>,
    segment: u64,
    /// The commits that were followed, by their digests, and the epochs they began.
    followed: BTreeMap<Short, u64>,
    /// What others said they saw, of records that did not come here yet.
    claims: VecDeque<(u64, u64, Short)>,
}

/// So many epochs are remembered. What messages carry reaches back to the epoch before; a record that was left out of an earlier
/// one is found when two members meet who still remember it, and each meets another a few times in a hundred epochs.
const EPOCHS: usize = 1024;
/// So many claims about what is still to come.
const CLAIMS: usize = 64;

/// A hash over all parts.
pub(crate) fn short(suite: &dyn Suite, parts: &[&[u8]]) -> Short {
    let mut short = [0; 16];
    short.iter_mut().zip(suite.hash(parts).as_slice()).for_each(|(to, from)| *to = *from);
    short
}

/// The mark of the epoch a group is in.
pub(crate) fn mark(suite: &dyn Suite, group: &Group) -> Short {
    short(suite, &[b"epoch mark", group.epoch_authenticator().expose()])
}

impl Diary {
    /// A group begins here, by a commit with these bytes or without one.
    pub(crate) fn begin(&mut self, suite: &dyn Suite, epoch: u64, began_by: &Short) {
        *self = Self { segment: epoch, ..Self::default() };
        self.chains.insert(epoch, vec![short(suite, &[b"commit", began_by])]);
    }

    /// An epoch was reached.
    pub(crate) fn mark(&mut self, epoch: u64, mark: Short) {
        self.marks.insert(epoch, mark);
        while self.marks.len() > EPOCHS {
            self.marks.pop_first();
        }
    }

    /// A commit was followed, in whatever place of the log.
    pub(crate) fn follow(&mut self, digest: Short, epoch: u64) {
        self.followed.insert(digest, epoch);
    }

    /// The next record of the log; a commit that was followed begins the next epoch's part. Whether someone claimed otherwise.
    pub(crate) fn see(&mut self, suite: &dyn Suite, digest: &Short) -> bool {
        // It may come again, which begins nothing.
        if let Some(epoch) = self.followed.remove(digest) {
            let over = self.segment;
            self.segment = epoch;
            self.chains.insert(epoch, vec![short(suite, &[b"commit", digest])]);
            while self.chains.len() > EPOCHS {
                self.chains.pop_first();
            }
            // What somebody saw in the epoch that is over did not come here.
            let differs = self.claims.iter().any(|(segment, ..)| *segment == over);
            self.claims.retain(|(segment, ..)| *segment > over);
            return differs | self.check_claims();
        }
        if let Some(chain) = self.chains.get_mut(&self.segment)
            && let Some(last) = chain.last()
        {
            let next = short(suite, &[b"record", last, digest]);
            chain.push(next);
        }
        self.check_claims()
    }

    fn check_claims(&mut self) -> bool {
        let mut differs = false;
        let claims = core::mem::take(&mut self.claims);
        for claim in claims {
            match self.holds(claim) {
                Some(holds) => differs |= !holds,
                None => self.claims.push_back(claim),
            }
        }
        differs
    }

    /// Whether a claim is what was seen here; `None` while that is still to come.
    fn holds(&self, (segment, seen, chain): (u64, u64, Short)) -> Option<bool> {
        let own = self.chains.get(&segment);
        match own.and_then(|own| own.get(usize::try_from(seen).ok()?.checked_sub(1)?)) {
            Some(own) => Some(*own == chain),
            None if segment > self.segment || (segment == self.segment && own.is_some()) => None,
            // More than was seen here of an epoch that is over; or of one that began before one's own time.
            None => Some(own.is_none()),
        }
    }

    /// Whether what somebody carried differs from what was seen here.
    pub(crate) fn differs(&mut self, told: &Witness) -> bool {
        let claim = (told.segment, told.seen, told.chain);
        let now = match self.holds(claim) {
            Some(holds) => !holds,
            None => {
                self.claims.push_back(claim);
                if self.claims.len() > CLAIMS {
                    self.claims.pop_front();
                }
                false
            }
        };
        let before = told.segment.checked_sub(1).filter(|before| *before < self.segment);
        let own = before.and_then(|before| self.chains.get(&before)).and_then(|own| own.last());
        now || matches!((told.before, own), (Some(told), Some(own)) if told != *own)
    }

    /// Whether somebody claims another state of an epoch that was seen here.
    pub(crate) fn contradicts(&self, epoch: u64, mark: &Short) -> bool {
        self.marks.get(&epoch).is_some_and(|own| own != mark)
    }

    /// Compares two diaries, as two people do who trust each other.
    pub(crate) fn compare(&self, other: &Self) -> Comparison {
        let mut common = self.marks.iter().filter_map(|(epoch, mark)| Some((*epoch, mark == other.marks.get(epoch)?)));
        let mut any = false;
        let differs = common.find(|(_, same)| {
            any = true;
            !same
        });
        match differs {
            Some((epoch, _)) => Comparison::Fork(epoch),
            None if self.saw_otherwise(other) => Comparison::LogDiffers,
            None if any => Comparison::Same,
            None => Comparison::Apart,
        }
    }

    /// Whether the two saw an epoch whole and not alike.
    fn saw_otherwise(&self, other: &Self) -> bool {
        let over = self.segment.min(other.segment);
        let both = self.chains.range(..over).filter_map(|(epoch, chain)| Some((chain, other.chains.get(epoch)?)));
        both.map(|(chain, other)| (chain.last(), other.last())).any(|(one, other)| one != other)
    }

    /// Whether it goes back to this epoch.
    pub(crate) fn saw(&self, epoch: u64) -> bool {
        self.chains.contains_key(&epoch)
    }

    /// How far back it goes.
    pub(crate) fn first_epoch(&self) -> Option<u64> {
        self.chains.keys().next().copied()
    }

    /// What a message of someone in `epoch` carries.
    pub(crate) fn witness(&self, epoch: u64) -> Option<Witness> {
        let chain = self.chains.get(&self.segment)?;
        let before = self.segment.checked_sub(1).and_then(|before| self.chains.get(&before)?.last());
        Some(Witness {
            epoch,
            mark: *self.marks.get(&epoch)?,
            segment: self.segment,
            seen: u64::try_from(chain.len()).unwrap_or(u64::MAX),
            chain: *chain.last()?,
            before: before.copied(),
        })
    }
}
