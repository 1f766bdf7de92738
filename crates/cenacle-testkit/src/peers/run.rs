//! One seeded random group of clients of any implementations: adds, removals, updates, PSKs, changed group context
//! extensions, external joins, resyncs and application messages, in random combination and by random members, external
//! senders and newcomers. Where handshakes are in the clear, an observer follows. After each epoch all members must agree on everything that they can be asked for, and those removed must not read
//! on. The operations follow from the seed; the clients' own randomness does not, so a failure that depends on a key
//! may need several runs of its seed.

#![allow(clippy::indexing_slicing, reason = "indices come from the list of clients itself; a slip should stop the run")]

mod commit;
mod world;

use core::fmt;

use super::{Maker, Options};
use world::World;

/// What to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunConfig {
    /// Fixes the operations.
    pub seed: u64,
    /// Cipher suite by its number (RFC 9420 §17.1).
    pub suite: u16,
    /// Framing, the same for all clients.
    pub options: Options,
    /// Clients in the group once it is set up; half as many more wait outside.
    pub members: usize,
    /// Epochs to pass after the group is set up.
    pub epochs: usize,
    /// External senders also propose PSKs, which not every implementation offers.
    pub external_psks: bool,
}

/// How often each thing was done, so that a test can tell that its run was not empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "every field counts what it is named after")]
pub struct Tally {
    pub epochs: usize,
    pub adds_by_value: usize,
    pub adds_by_reference: usize,
    pub removes_by_value: usize,
    pub removes_by_reference: usize,
    pub updates: usize,
    pub psks: usize,
    pub resumption_psks: usize,
    pub context_extensions: usize,
    pub paths_only: usize,
    pub external_joins: usize,
    pub resyncs: usize,
    pub entries_with_psk: usize,
    pub external_proposals: usize,
    pub newcomer_proposals: usize,
    pub observed_handshakes: usize,
    pub discarded_commits: usize,
    pub application_messages: usize,
    pub late_messages: usize,
    pub refused_to_removed: usize,
}

/// Where a run broke, with all that is needed to run it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFailure {
    /// The run.
    pub config: RunConfig,
    /// Epochs that had passed.
    pub epoch: usize,
    /// What was being done in this epoch, step by step.
    pub steps: Vec<String>,
    /// What went wrong.
    pub what: String,
}

impl fmt::Display for RunFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} broke after {} epochs: {}", self.config.seed, self.epoch, self.what)?;
        writeln!(f, "{:?}", self.config)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step}"))
    }
}

impl core::error::Error for RunFailure {}

/// Runs one random group; client `i` is made by maker `i` modulo their number.
///
/// # Errors
///
/// [`RunFailure`] at the first refusal of an honest message, the first message read by a removed client and the first
/// disagreement.
pub fn random_run(config: &RunConfig, makers: &[Maker]) -> Result<Tally, RunFailure> {
    let mut world = World::new(*config);
    let outcome = world.set_up(makers).and_then(|()| world.pass_epochs());
    match outcome {
        Ok(()) => Ok(world.tally),
        Err(what) => Err(RunFailure { config: *config, epoch: world.tally.epochs, steps: world.steps, what }),
    }
}
