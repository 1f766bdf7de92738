//! `cenacle bench`: what an operation costs one member, with its state saved as an application would save it. Groups of
//! every size asked for are built on this machine; each operation is repeated and its median given.

mod measure;
mod memory;
mod operation;
mod progress;
mod scene;

use alloc::sync::Arc;
use std::{
    io::{self, Write},
    process::ExitCode,
};

use cenacle_crypto::{CipherSuite, CryptoProvider, Suite};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_mls::delta::Store;
use cenacle_store::{MemoryStore, SqliteStore};
use clap::{Args, ValueEnum};

use crate::output::{OK, USAGE, complain, finish};
use operation::{Measured, Operation, Value};
use progress::Progress;
use scene::{BenchError, OpenStore, Scene};

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

    /// How often each operation is repeated, at most.
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

Times are wall time of one thread, in microseconds, the median; compare them only within one run. Messages pass from
member to member as values: decoding them is not in the times. Creating and joining is repeated 3 times at most from
1,000 members on, everything else ends after 10 seconds and 3 repetitions. Sizes are in bytes. state_bytes and
mem_per_member are measured first, right after the group was built; mem_per_member needs Linux. Building a warm group
takes time in proportion to the square of its members.

With --json every line is an object with peer, n, tree, store, suite, op, count, and one result:
  median_us  the median of count repetitions, for an operation that takes time
  bytes      the median of count samples, for a size: state_bytes, delta_bytes, bytes_commit_update, bytes_welcome and
             mem_per_member (the mean of count copies); null, with count 0, where it cannot be measured

Exit status: 0 if everything was measured, 1 if something failed, 2 for a wrong command line.";

/// How the measured group came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tree {
    /// One commit added everybody: nearly all parents are blank.
    Fresh,
    /// Everybody came by a commit of their own: every parent holds a key.
    Warm,
}

impl Tree {
    const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Warm => "warm",
        }
    }
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
        if !self.json {
            let mut out = io::stdout().lock();
            let (members, tree, store) = ("members", "tree", "store");
            writeln!(out, "{members:>8} {tree:>6} {store:>7} {:<20} {:>14} {:>9}", "operation", "median", "count")?;
        }
        for n in &self.n {
            for tree in &self.tree {
                for store in &self.store {
                    match store {
                        StoreKind::Memory => {
                            self.measure_one(suite, (*n, *tree, "memory"), &mut || Ok(MemoryStore::default()))?;
                        }
                        StoreKind::Sqlite => {
                            let folder = tempfile::tempdir()?;
                            let mut files = 0u32;
                            self.measure_one(suite, (*n, *tree, "sqlite"), &mut || {
                                files += 1;
                                SqliteStore::open(folder.path().join(format!("{files}.db"))).map_err(BenchError::other)
                            })?;
                        }
                    }
                }
            }
        }
        Ok(OK)
    }

    fn measure_one<S: Store>(
        &self,
        suite: &Arc<dyn Suite>,
        place: (u32, Tree, &str),
        open_store: OpenStore<'_, S>,
    ) -> Result<(), BenchError>
    where
        S::Error: core::fmt::Display,
    {
        let (n, tree, store) = place;
        let progress = Progress::new(format!("{n} members, {}, {store}", tree.name()));
        let mut scene = Scene::build(suite, n, tree, open_store, &progress)?;
        for operation in Operation::in_order(&self.ops) {
            progress.say(operation.name());
            let measured = scene.measure(operation, self.iterations)?;
            progress.aside(|| self.report(&measured, place))?;
        }
        Ok(())
    }

    fn report(&self, measured: &Measured, (n, tree, store): (u32, Tree, &str)) -> Result<(), BenchError> {
        let mut out = io::stdout().lock();
        let (op, tree, count) = (measured.operation.name(), tree.name(), measured.count);
        if self.json {
            let (result, value) = match measured.value {
                Value::MedianMicros(median) => ("median_us", median.into()),
                Value::Bytes(bytes) => ("bytes", bytes.map_or(serde_json::Value::Null, whole)),
            };
            let line = serde_json::json!({
                "peer": "cenacle", "n": n, "tree": tree, "store": store, "suite": self.suite, "op": op, result: value,
                "count": count,
            });
            writeln!(out, "{line}")?;
        } else {
            let value = match measured.value {
                Value::MedianMicros(median) => format!("{median:.1} µs"),
                Value::Bytes(Some(bytes)) => format!("{bytes:.0} B"),
                Value::Bytes(None) => "unknown".to_owned(),
            };
            writeln!(out, "{n:>8} {tree:>6} {store:>7} {op:<20} {value:>14} {count:>9}")?;
        }
        if matches!(measured.value, Value::Bytes(None)) {
            complain(&format_args!("{op} could not be measured here"), OK);
        }
        out.flush()?;
        Ok(())
    }
}

/// A number of bytes as JSON, without a fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size, far below 2^53")]
fn whole(bytes: f64) -> serde_json::Value {
    (bytes.round() as u64).into()
}
