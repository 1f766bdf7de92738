//! Test vectors made here: `cenacle vectors generate`. All sixteen files in the working group's formats, for every suite
//! that a provider supplies.
//!
//! A vector depends on the seed, its file, its suite and its position, and on nothing else: not on the machine, the clock,
//! the other suites or the order of work. What is in it is computed with the public interface of Cenacle's crates, or, where
//! it is mere arithmetic, by other means than those that verify it.

mod command;
mod crew;
mod crypto_basics;
mod deserialization;
mod dice;
mod grove;
mod key_schedule;
mod message_protection;
mod messages;
mod passive_commit;
mod passive_random;
mod passive_welcome;
mod person;
mod psk_secret;
mod secret_tree;
mod story;
mod transcript_hashes;
mod tree_kem;
mod tree_math;
mod tree_operations;
mod tree_shapes;
mod tree_validation;
mod welcome;

use alloc::sync::Arc;
use core::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
};
use std::thread;

use cenacle_crypto::{CipherSuite, CryptoProvider, Suite};
use clap::ValueEnum;
use serde::Serialize;

use super::{
    VectorFile,
    check::{At as _, Failure},
};
pub(super) use command::GenerateArgs;
use dice::Dice;

/// The seed of those who name none, and of the files in this repository.
pub const DEFAULT_SEED: u64 = 9420;

/// How many vectors, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// A few small ones of each kind and suite: under 2 MB in all
    Small,
    /// As many and as large as the official ones, for every suite
    Full,
}

impl Size {
    /// One or the other.
    fn of<T>(self, small: T, full: T) -> T {
        match self {
            Self::Small => small,
            Self::Full => full,
        }
    }
}

/// What all files that are generated together share.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Who does the cryptography.
    pub provider: &'a dyn CryptoProvider,
    /// The one suite to make vectors of, or `None` for all the provider supplies.
    pub suite: Option<CipherSuite>,
    /// What chance comes of.
    pub seed: u64,
    /// How much.
    pub size: Size,
}

/// One vector in the making.
pub(crate) struct Case {
    suite: Arc<dyn Suite>,
    /// Its position among the file's vectors of that suite.
    index: usize,
    size: Size,
    dice: Dice,
}

impl Case {
    /// `Nh` of the suite.
    fn hash_length(&self) -> usize {
        self.suite.hash_length()
    }

    /// The suite's code point.
    fn cipher_suite(&self) -> u16 {
        self.suite.cipher_suite().0
    }
}

/// How the vectors of a file are made: as many of each suite as `count` says, or as many in all.
#[derive(Clone, Copy)]
pub(super) struct Recipe {
    count: fn(Size) -> usize,
    make: Make,
}

#[derive(Clone, Copy)]
enum Make {
    Plain(fn(usize, &mut Dice) -> Result<String, Failure>),
    OfSuite(fn(&mut Case) -> Result<String, Failure>),
}

impl Recipe {
    const fn plain(count: fn(Size) -> usize, make: fn(usize, &mut Dice) -> Result<String, Failure>) -> Self {
        Self { count, make: Make::Plain(make) }
    }

    const fn of_suite(count: fn(Size) -> usize, make: fn(&mut Case) -> Result<String, Failure>) -> Self {
        Self { count, make: Make::OfSuite(make) }
    }
}

/// The recipes of all files.
pub(super) mod recipes {
    use super::{
        Recipe, crypto_basics, deserialization, key_schedule, message_protection, messages, passive_commit,
        passive_random, passive_welcome, psk_secret, secret_tree, to_json, transcript_hashes, tree_kem, tree_math,
        tree_operations, tree_validation, welcome,
    };

    macro_rules! of_suite {
        ($($name:ident = $module:ident;)*) => {$(
            pub(in super::super) const $name: Recipe =
                Recipe::of_suite($module::count, |case| to_json(&$module::make(case)?));
        )*};
    }

    pub(in super::super) const TREE_MATH: Recipe =
        Recipe::plain(tree_math::count, |index, _| to_json(&tree_math::make(index)));
    pub(in super::super) const DESERIALIZATION: Recipe =
        Recipe::plain(deserialization::count, |index, dice| to_json(&deserialization::make(index, dice)));

    of_suite! {
        CRYPTO_BASICS = crypto_basics;
        PSK_SECRET = psk_secret;
        KEY_SCHEDULE = key_schedule;
        TRANSCRIPT_HASHES = transcript_hashes;
        SECRET_TREE = secret_tree;
        MESSAGE_PROTECTION = message_protection;
        MESSAGES = messages;
        TREE_OPERATIONS = tree_operations;
        TREE_VALIDATION = tree_validation;
        TREE_KEM = tree_kem;
        WELCOME = welcome;
        PASSIVE_WELCOME = passive_welcome;
        PASSIVE_COMMIT = passive_commit;
        PASSIVE_RANDOM = passive_random;
    }
}

fn to_json<T: Serialize>(vector: &T) -> Result<String, Failure> {
    serde_json::to_string(vector).map_err(|error| Failure::unreadable(&error))
}

/// A file's content.
#[derive(Clone, Debug)]
pub struct Generated {
    /// A JSON array with one vector a line.
    pub json: String,
    /// How many vectors it holds.
    pub vectors: usize,
}

/// A vector to be made: of a suite or of none, and which.
type Job = (Option<Arc<dyn Suite>>, usize);

impl VectorFile {
    /// How many vectors [`VectorFile::generate`] will make.
    #[must_use]
    pub fn count(&self, plan: &Plan<'_>) -> usize {
        jobs(&self.recipe, plan).len()
    }

    /// Makes the file, on all cores, and calls `on_each` after every vector.
    ///
    /// # Errors
    /// When the provider fails, or refuses what it made itself.
    pub fn generate(&self, plan: &Plan<'_>, on_each: &(dyn Fn() + Sync)) -> Result<Generated, Failure> {
        let jobs = jobs(&self.recipe, plan);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut made = Vec::new();
            while let Some((position, job)) = take(&jobs, &next) {
                made.push((position, self.vector(plan, job)));
                on_each();
            }
            made
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get).min(jobs.len());
        let mut made = Vec::with_capacity(jobs.len());
        thread::scope(|scope| {
            let others: Vec<_> = (1..cores).map(|_| scope.spawn(work)).collect();
            made.extend(work());
            for other in others {
                match other.join() {
                    Ok(more) => made.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        made.sort_by_key(|(position, _)| *position);
        let lines = made.into_iter().map(|(_, vector)| vector).collect::<Result<Vec<_>, _>>()?;
        Ok(Generated { json: format!("[\n{}\n]\n", lines.join(",\n")), vectors: lines.len() })
    }

    fn vector(&self, plan: &Plan<'_>, (suite, index): &Job) -> Result<String, Failure> {
        let code = suite.as_ref().map(|suite| suite.cipher_suite());
        let mut dice = Dice::new(plan.seed, self.name(), code, *index);
        let name = code.map_or_else(String::new, |CipherSuite(code)| format!(" of suite {code}"));
        let made = match (self.recipe.make, suite) {
            (Make::Plain(make), _) => make(*index, &mut dice),
            (Make::OfSuite(make), Some(suite)) => {
                make(&mut Case { suite: Arc::clone(suite), index: *index, size: plan.size, dice })
            }
            (Make::OfSuite(_), None) => Err(Failure::refused(&"a suite is needed")),
        };
        made.at(format_args!("vector {index}{name}"))
    }
}

fn take<'a>(jobs: &'a [Job], next: &AtomicUsize) -> Option<(usize, &'a Job)> {
    let position = next.fetch_add(1, Ordering::Relaxed);
    Some((position, jobs.get(position)?))
}

/// The vectors of a file, suite by suite.
fn jobs(recipe: &Recipe, plan: &Plan<'_>) -> Vec<Job> {
    let count = (recipe.count)(plan.size);
    if matches!(recipe.make, Make::Plain(_)) {
        return (0..count).map(|index| (None, index)).collect();
    }
    let wanted = |code: &&CipherSuite| plan.suite.is_none_or(|suite| suite == **code);
    let codes = plan.provider.cipher_suites().iter().filter(wanted);
    let suites = codes.filter_map(|code| plan.provider.suite(*code));
    suites.flat_map(|suite| (0..count).map(move |index| (Some(Arc::clone(&suite)), index))).collect()
}
