//! What a run is to be.

use alloc::collections::BTreeSet;

use crate::Behaviour;

/// What members do once they see that they cannot go on: that their state is an old copy, that the log cannot be followed,
/// or that the service shows others another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Recovery {
    /// They join anew, in their own place, by an external commit. Of the two sides of a fork the smaller does.
    #[default]
    Resync,
    /// They stop: a person has to decide. Once all have, the run is over.
    Stop,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What chance decides.
    pub seed: u64,
    /// How many members the group keeps; at least 3.
    pub members: u32,
    /// How many commits are accepted before the end, unless all members stop before.
    pub epochs: u64,
    /// The ways in which the service is dishonest.
    pub dishonest: BTreeSet<Behaviour>,
    /// What members do in trouble.
    pub recovery: Recovery,
    /// Of how many receptions one is looked at in depth: whether a refusal left a trace, whether memory is what is stored.
    pub deep_every: u64,
}

impl Config {
    /// A run of 50 members through 100 epochs, with an honest service.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        Self { seed, members: 50, epochs: 100, dishonest: BTreeSet::new(), recovery: Recovery::Resync, deep_every: 256 }
    }

    /// The same, over a service that is dishonest in these ways.
    #[must_use]
    pub fn over(self, dishonest: impl IntoIterator<Item = Behaviour>) -> Self {
        Self { dishonest: dishonest.into_iter().collect(), ..self }
    }
}
