//! What a run may find: the typed difference between what came and what the model says must come. A finding ends the run.

use alloc::boxed::Box;
use core::fmt;

use crate::{Behaviour, Outcome};

/// A difference that nothing explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// At which event of the run, counted from 1.
    pub event: u64,
    /// When, in milliseconds of virtual time.
    pub millis: u64,
    /// What it is.
    pub what: What,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A message led to something else than the model allows.
    Unexpected {
        /// To whom, and what was received.
        receiving: String,
        /// What may have come of it.
        expected: Vec<Outcome>,
        /// What did.
        got: Outcome,
        /// The library's own words, where it refused.
        error: String,
    },
    /// What is allowed was refused.
    Refused {
        /// What was to be done.
        doing: &'static str,
        /// The library's own words.
        error: String,
    },
    /// What must be refused was done.
    Allowed {
        /// What should not have been done.
        doing: &'static str,
    },
    /// Two who are in the same epoch hold different states.
    Disagreement {
        /// Who, and about which epoch.
        about: String,
    },
    /// A commit did other things than were proposed.
    Unproposed {
        /// Which.
        change: String,
    },
    /// A message was read with other content, from another sender or in another epoch than it was sent.
    Altered {
        /// Which message.
        message: String,
    },
    /// Two messages of one sender used one generation of an epoch.
    KeyReused {
        /// Which generation, and whose.
        key: String,
    },
    /// A refused message changed something.
    LeftTrace {
        /// To whom.
        who: String,
    },
    /// The state in memory is not the one that is stored.
    NotStored {
        /// Whose, and which rows differ.
        rows: String,
    },
    /// A message was not read by someone who may read it, and nothing explains why.
    Unread {
        /// Which message, and by whom.
        message: String,
    },
    /// Someone signalled an attack where the service is honest.
    FalseAlarm {
        /// Which signal, by whom.
        signal: String,
    },
    /// The service was dishonest without harm being excluded or anyone noticing.
    Unnoticed {
        /// How.
        behaviour: Behaviour,
        /// What exactly it did.
        act: String,
    },
    /// The members do not come to rest.
    Unsettled {
        /// Who still has something to do, and what.
        why: String,
    },
    /// The run itself is at fault.
    Internal(&'static str),
}

/// A step of the run.
pub(crate) type Step<T> = Result<T, Box<What>>;

/// What has to succeed, or else is a finding.
pub(crate) trait Must<T> {
    fn must(self, doing: &'static str) -> Step<T>;
}

impl<T, E: fmt::Display> Must<T> for Result<T, E> {
    fn must(self, doing: &'static str) -> Step<T> {
        self.map_err(|error| Box::new(What::Refused { doing, error: error.to_string() }))
    }
}

/// What has to be there, or else the run is at fault.
pub(crate) trait Have<T> {
    fn have(self, what: &'static str) -> Step<T>;
}

impl<T> Have<T> for Option<T> {
    fn have(self, what: &'static str) -> Step<T> {
        self.ok_or_else(|| Box::new(What::Internal(what)))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected { receiving, expected, got, error } => {
                write!(f, "{receiving}: expected {expected:?}, got {got:?}")?;
                if error.is_empty() { Ok(()) } else { write!(f, " ({error})") }
            }
            Self::Refused { doing, error } => write!(f, "{doing} is refused: {error}"),
            Self::Allowed { doing } => write!(f, "{doing} should have been refused"),
            Self::Disagreement { about } => write!(f, "members disagree: {about}"),
            Self::Unproposed { change } => write!(f, "a commit does what nobody proposed: {change}"),
            Self::Altered { message } => write!(f, "a message arrived altered: {message}"),
            Self::KeyReused { key } => write!(f, "a message key was used twice: {key}"),
            Self::LeftTrace { who } => write!(f, "a refused message changed the state of {who}"),
            Self::NotStored { rows } => write!(f, "memory and store differ: {rows}"),
            Self::Unread { message } => write!(f, "not read, for no reason: {message}"),
            Self::FalseAlarm { signal } => write!(f, "an alarm without cause: {signal}"),
            Self::Unnoticed { behaviour, act } => {
                write!(f, "nobody noticed that the service did this ({behaviour}): {act}")
            }
            Self::Unsettled { why } => write!(f, "the members do not come to rest: {why}"),
            Self::Internal(what) => write!(f, "the simulation itself is at fault: {what}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}, {}.{:03} s: {}", self.event, self.millis / 1_000, self.millis % 1_000, self.what)
    }
}
