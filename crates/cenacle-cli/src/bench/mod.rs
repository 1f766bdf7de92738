//! `cenacle bench`: what an operation costs one member, with its state saved as an application would save it. Groups of
//! every size asked for are built on this machine; each operation is repeated and its median given.

mod scene;

use alloc::sync::Arc;
use core::time::Duration;
use std::{
    io::{self, Write},
    process::ExitCode,
};

use cenacle_crypto::{CipherSuite, CryptoProvider, Suite};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_store::{MemoryStore, SqliteStore};
use clap::{Args, ValueEnum};

use crate::output::{OK, USAGE, complain, finish};
use scene::{BenchError, Scene};

/// Measure what operations cost a member of groups of several sizes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// Group sizes, in members, with commas between them.
    #[arg(long, value_delimiter = ',', default_values_t = [2, 100, 1000], value_parser = clap::value_parser!(u32).range(2..=100_000))]
    n: Vec<u32>,

    /// Operations; all by default.
    #[arg(long, value_delimiter = ',')]
    ops: Vec<Operation>,

    /// How the group came to be.
    #[arg(long, value_delimiter = ',', default_value = "fresh")]
    tree: Vec<Tree>,

    /// Where the state is saved.
    #[arg(long, value_delimiter = ',', default_values = ["memory", "sqlite"])]
    store: Vec<StoreKind>,

    /// Cipher suite, as its number in RFC 9420 §17.1.
    #[arg(long, default_value_t = 1)]
    suite: u16,

    /// Cryptography provider.
    #[arg(long, default_value = "aws-lc")]
    provider: Provider,

    /// How often each operation is repeated.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    iterations: u32,

    /// One JSON object for each line.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  cenacle bench                                    all operations at 2, 100 and 1,000 members
  cenacle bench --n 2,10,100 --ops encrypt_64      only sending, in other sizes
  cenacle bench --tree warm --store memory --json  every member has committed once; JSON lines

Times are wall time of one thread, in microseconds; compare them only within one run. Delta bytes are what one operation
writes to its store, the median: sending writes only every 32nd time, when it reserves message keys.

Exit status: 0 if everything was measured, 1 if something failed, 2 for a wrong command line.";

/// An operation of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Encrypt 64 bytes and save.
    #[value(name = "encrypt_64")]
    Encrypt64,
    /// Decrypt 64 bytes and save.
    #[value(name = "decrypt_64")]
    Decrypt64,
    /// Make a commit that renews one's own keys, save it, and merge its echo.
    CommitUpdate,
    /// Process such a commit of another member and save.
    ProcessCommit,
    /// Read a group back from its store.
    Load,
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::Encrypt64 => "encrypt_64",
            Self::Decrypt64 => "decrypt_64",
            Self::CommitUpdate => "commit_update",
            Self::ProcessCommit => "process_commit",
            Self::Load => "load",
        }
    }
}

/// How the measured group came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tree {
    /// One commit added everybody: nearly all parents are blank.
    Fresh,
    /// Everybody came by a commit of their own: every parent holds a key.
    Warm,
}

/// Where the state is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    /// In memory.
    Memory,
    /// In a SQLite file, synchronously.
    Sqlite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Provider {
    /// aws-lc-rs.
    #[value(name = "aws-lc")]
    Awslc,
    /// RustCrypto and dalek.
    Rustcrypto,
}

/// One measurement.
pub(crate) struct Measured {
    pub(crate) operation: Operation,
    pub(crate) times: Vec<Duration>,
    /// Bytes of rows that one operation wrote or erased, the median.
    pub(crate) delta_bytes: usize,
}

impl Measured {
    fn median_us(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    }
}

impl BenchArgs {
    /// Runs the command.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let provider: &dyn CryptoProvider = match self.provider {
            Provider::Awslc => &AwsLcProvider,
            Provider::Rustcrypto => &RustCryptoProvider,
        };
        let Some(suite) = provider.suite(CipherSuite(self.suite)) else {
            return complain(
                &format_args!("{} does not supply suite {}: 1, 2, 3, 5 and 7 it does", provider.name(), self.suite),
                USAGE,
            )
            .into();
        };
        finish(self.measure_all(&suite).or_else(|error| match error {
            BenchError::Print(error) => Err(error),
            other => Ok(complain(&other, crate::output::FAILED)),
        }))
    }

    fn measure_all(&self, suite: &Arc<dyn Suite>) -> Result<u8, BenchError> {
        let mut out = io::stdout().lock();
        if !self.json {
            writeln!(
                out,
                "{:>8} {:>6} {:>7} {:<16} {:>12} {:>12}",
                "members", "tree", "store", "operation", "median µs", "delta bytes"
            )?;
        }
        let wanted = |operation: &&Operation| self.ops.is_empty() || self.ops.contains(operation);
        let operations: Vec<_> = Operation::value_variants().iter().filter(wanted).copied().collect();
        for n in &self.n {
            for tree in &self.tree {
                for store in &self.store {
                    match store {
                        StoreKind::Memory => {
                            let scene = Scene::build(suite, *n, *tree, || Ok(MemoryStore::default()))?;
                            self.report(&mut out, scene.run(&operations, self.iterations), (*n, *tree, "memory"))?;
                        }
                        StoreKind::Sqlite => {
                            let folder = tempfile::tempdir()?;
                            let mut files = 0u32;
                            let scene = Scene::build(suite, *n, *tree, || {
                                files += 1;
                                SqliteStore::open(folder.path().join(format!("{files}.db"))).map_err(BenchError::other)
                            })?;
                            self.report(&mut out, scene.run(&operations, self.iterations), (*n, *tree, "sqlite"))?;
                        }
                    }
                }
            }
        }
        Ok(OK)
    }

    fn report(
        &self,
        out: &mut impl Write,
        measured: Result<Vec<Measured>, BenchError>,
        (n, tree, store): (u32, Tree, &str),
    ) -> Result<(), BenchError> {
        let tree = if tree == Tree::Fresh { "fresh" } else { "warm" };
        for result in measured? {
            let (op, median) = (result.operation.name(), result.median_us());
            if self.json {
                let line = serde_json::json!({
                    "peer": "cenacle", "n": n, "tree": tree, "store": store, "suite": self.suite, "op": op, "median_us": median,
                    "count": result.times.len(), "delta_bytes": result.delta_bytes,
                });
                writeln!(out, "{line}")?;
            } else {
                writeln!(out, "{n:>8} {tree:>6} {store:>7} {op:<16} {median:>12.1} {:>12}", result.delta_bytes)?;
            }
        }
        out.flush()?;
        Ok(())
    }
}
