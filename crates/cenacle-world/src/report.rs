//! What a run came to.

use alloc::collections::BTreeMap;

use crate::{Acts, Behaviour, Config, Finding, Messages, Signal};

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was run.
    pub config: Config,
    /// A hash over all events, in their order.
    pub digest: String,
    /// How many events there were.
    pub events: u64,
    /// How long it took, in seconds of virtual time.
    pub virtual_seconds: u64,
    /// How many commits were accepted.
    pub epochs: u64,
    /// How many members there were at the end.
    pub members: u64,
    /// Whether it ended before its time, since of all members nobody was left who had not stopped.
    pub deserted: bool,
    /// What was done, by kind.
    pub operations: BTreeMap<&'static str, u64>,
    /// What the library refused, by error.
    pub refusals: BTreeMap<String, u64>,
    /// What went wrong on purpose, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What members saw of attacks and of trouble of their own.
    pub signals: BTreeMap<Signal, u64>,
    /// What members did about it.
    pub recoveries: BTreeMap<&'static str, u64>,
    /// What became of the messages.
    pub messages: Messages,
    /// What the service did, and what came of it.
    pub dishonest: BTreeMap<Behaviour, Acts>,
    /// The first difference that nothing explains; the run ended there.
    pub finding: Option<Finding>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Commits that were accepted.
    pub epochs: u64,
    /// Events.
    pub events: u64,
}

/// What is counted while a run goes on.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) operations: BTreeMap<&'static str, u64>,
    pub(crate) refusals: BTreeMap<String, u64>,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) signals: BTreeMap<Signal, u64>,
    pub(crate) recoveries: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub(crate) fn did(&mut self, what: &'static str) {
        *self.operations.entry(what).or_default() += 1;
    }

    pub(crate) fn fault(&mut self, what: &'static str) {
        *self.faults.entry(what).or_default() += 1;
    }

    pub(crate) fn recover(&mut self, what: &'static str) {
        *self.recoveries.entry(what).or_default() += 1;
    }

    pub(crate) fn refused(&mut self, error: &cenacle_mls::Error) {
        *self.refusals.entry(name_of(error)).or_default() += 1;
    }
}

/// An error's kind, without what is particular to the case.
fn name_of(error: &cenacle_mls::Error) -> String {
    use cenacle_mls::{Error, Need};
    match error {
        Error::Decode(_) => "Decode".into(),
        Error::Invalid(rule) => format!("Invalid({rule:?})"),
        Error::Unverified(what) => format!("Unverified({what:?})"),
        Error::Refused(_) => "Refused".into(),
        Error::Unsupported(what) => format!("Unsupported({what:?})"),
        Error::Stale(_) => "Stale".into(),
        Error::Future(_) => "Future".into(),
        Error::KeyGone(_) => "KeyGone".into(),
        Error::TooFarAhead(_) => "TooFarAhead".into(),
        Error::OldState => "OldState".into(),
        Error::Missing(Need::Psk(_)) => "Missing(Psk)".into(),
        Error::Missing(Need::RatchetTree) => "Missing(RatchetTree)".into(),
        Error::Missing(Need::KeyPackage) => "Missing(KeyPackage)".into(),
        Error::Missing(Need::Origin(..)) => "Missing(Origin)".into(),
        Error::Missing(_) => "Missing".into(),
        Error::Misuse(misuse) => format!("Misuse({misuse:?})"),
        Error::Provider(_) => "Provider".into(),
        Error::Corrupt(_) => "Corrupt".into(),
        _ => "other".into(),
    }
}
