//! The account at the end: every message that came to a log was read by everyone who was in its epoch, or there is a reason.

use alloc::collections::{BTreeMap, BTreeSet};
use core::fmt;

use super::{Fate, Model, Said, Standing};
use crate::{
    finding::{Step, What},
    ids::{BranchId, EpochId, PersonId, SaidId},
};

/// Why someone who was in a message's epoch did not read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// It came to the log when its epoch was over for longer than past epochs are kept.
    TooLate,
    /// It came to the log after its reader was removed, or while it was away from the group.
    Out,
    /// Its reader joined anew instead of reading on.
    Resync,
    /// Its reader had not opened its invitation before the group moved on to another.
    Succession,
    /// The service kept it back.
    Withheld,
    /// Its reader had stopped, as its policy wants it after an attack.
    Stopped,
    /// It is in a log that the service showed to others.
    OtherLog,
}

impl Why {
    /// In reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLate => "too late",
            Self::Out => "out of the group",
            Self::Resync => "joined anew",
            Self::Succession => "group succeeded",
            Self::Withheld => "withheld by the service",
            Self::Stopped => "reader stopped",
            Self::OtherLog => "in another log",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of all messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// How many came to a log.
    pub sent: u64,
    /// How often one should have been read: each by all others in its epoch.
    pub expected: u64,
    /// How often one was.
    pub read: u64,
    /// How often one was not, with the reason.
    pub unread: BTreeMap<Why, u64>,
}

impl Model {
    /// Looks at every message and everyone who was in its epoch. `excuse` says why someone did not come to see a message, where
    /// the reason lies in which log it is.
    pub(crate) fn account(
        &self,
        people: &[&Standing],
        excuse: impl Fn(PersonId, &Said, BranchId) -> Step<Option<Why>>,
    ) -> Step<Messages> {
        let mut messages = Messages::default();
        for (index, said) in self.said.iter().enumerate() {
            let Some(branch) = said.branch else { continue };
            messages.sent += 1;
            for who in self.epoch(said.epoch)?.roster.iter().filter(|who| **who != said.by) {
                messages.expected += 1;
                let fate = people.get(who.0).and_then(|standing| standing.fates.get(&SaidId(index)));
                let why = match fate {
                    Some(Fate::Read) => {
                        messages.read += 1;
                        continue;
                    }
                    Some(Fate::Unreadable(why)) => Some(*why),
                    None => excuse(*who, said, branch)?,
                };
                let Some(why) = why else {
                    let message = format!("message {index} of {} in {:?} by {who}", said.by, said.epoch);
                    return Err(What::Unread { message }.into());
                };
                *messages.unread.entry(why).or_default() += 1;
            }
        }
        Ok(messages)
    }

    /// All epochs on the way to this one.
    pub(crate) fn line(&self, tip: EpochId) -> Step<BTreeSet<EpochId>> {
        let mut line = BTreeSet::new();
        let mut at = Some(tip);
        while let Some(epoch) = at {
            line.insert(epoch);
            at = self.epoch(epoch)?.parent;
        }
        Ok(line)
    }
}
