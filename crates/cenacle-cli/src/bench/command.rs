//! The command line of `cenacle bench`, and how it prints what was measured.

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

use super::{
    error::BenchError,
    operation::{Measured, Operation, Value},
    progress::Progress,
    scene::{OpenStore, Scene, Tree},
};
use crate::output::{OK, USAGE, complain, finish};

/// Measure what operations cost a member of groups of several sizes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// Group sizes, in members, with commas between them, 2 to 1,000,000.
    #[arg(long, value_delimiter = ',', default_value = "2,100,1000", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    n: Vec<u32>,

    /// Operations; all by default.
    #[arg(long, value_delimiter = ',')]
    ops: Vec<Operation>,

    /// How the group came to be.
    #[arg(long, value_delimiter = ',', default_value = "fresh")]
    tree: Vec<Tree>,

    /// Where the state is saved.
    #[arg(long, value_delimiter = ',', default_value = "memory,sqlite")]
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

    /// Threads that share out wide work; as many as the machine has by default.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,

    /// One JSON object for each line.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  cenacle bench                                    all operations at 2, 100 and 1,000 members
  cenacle bench --n 2,10,100 --ops encrypt_64      only sending, in other sizes
  cenacle bench --tree warm --store memory --json  every member has committed once; JSON lines

Times are in microseconds, the median; compare them only within one run. They hold what an application does: whatever
is received is decoded from bytes, whatever is sent is encoded to bytes, and the state is saved. The Welcome of create
carries the tree, and so does that of join; that of add_one does not, as where joiners fetch the tree elsewhere. Creating
and joining is repeated 3 times at most from 1,000 members on, everything else ends after 10 seconds and 3 repetitions.
Sizes are in bytes. state_bytes and mem_per_member are measured first, right after the group was built; mem_per_member
needs Linux.

Only two members of the group are real: both come in by external commits, into leaves that were made for the purpose.
Making a group takes time nearly in proportion to its members: 20 seconds for 100,000, five minutes and
6 GB of memory for 1,000,000.

With --json every line is an object with peer, n, tree, store, suite, op, count, and one result:
  median_us  the median of count repetitions, for an operation that takes time, in wall time; with it median_cpu_us, the
             same in CPU time of the process, null where the system does not tell
  bytes      the median of count samples, for a size: state_bytes, delta_bytes, bytes_commit_update, bytes_welcome and
             mem_per_member (the mean of count copies); null, with count 0, where it cannot be measured

Exit status: 0 if everything was measured, 1 if something failed, 2 for a wrong command line.";

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
        let threads = rayon::ThreadPoolBuilder::new().num_threads(self.threads.map_or(0, usize::from));
        match threads.build() {
            // All runs inside the pool: the CPU time of another thread that still runs would be counted late.
            Ok(pool) => pool.install(|| self.run_here()),
            Err(error) => complain(&error, crate::output::FAILED).into(),
        }
    }

    fn run_here(&self) -> ExitCode {
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
            BenchError::Other(message) => Ok(complain(&message, crate::output::FAILED)),
        }))
    }

    fn measure_all(&self, suite: &Arc<dyn Suite>) -> Result<u8, BenchError> {
        if !self.json {
            let mut out = io::stdout().lock();
            let (members, tree, store, cpu) = ("members", "tree", "store", "of CPU");
            let (op, median, count) = ("operation", "median", "count");
            writeln!(out, "{members:>8} {tree:>6} {store:>7} {op:<20} {median:>14} {cpu:>14} {count:>9}")?;
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
        let mut scene = Scene::build(suite, n, tree, open_store, &|now| progress.say(now))?;
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
            let mut line = serde_json::json!({
                "peer": "cenacle", "n": n, "tree": tree, "store": store, "suite": self.suite, "op": op, "count": count,
            });
            if let Some(line) = line.as_object_mut() {
                line.extend(results(measured.value));
            }
            writeln!(out, "{line}")?;
        } else {
            let (value, cpu) = match measured.value {
                Value::Micros { wall, cpu } => (format!("{wall:.1} µs"), cpu.map(|cpu| format!("{cpu:.1} µs"))),
                Value::Bytes(Some(bytes)) => (format!("{bytes:.0} B"), Some(String::new())),
                Value::Bytes(None) => ("unknown".to_owned(), Some(String::new())),
            };
            let cpu = cpu.unwrap_or_else(|| "unknown".to_owned());
            writeln!(out, "{n:>8} {tree:>6} {store:>7} {op:<20} {value:>14} {cpu:>14} {count:>9}")?;
        }
        if matches!(measured.value, Value::Bytes(None)) {
            complain(&format_args!("{op} could not be measured here"), OK);
        }
        out.flush()?;
        Ok(())
    }
}

/// What was measured, as members of a JSON object.
fn results(value: Value) -> Vec<(String, serde_json::Value)> {
    match value {
        Value::Micros { wall, cpu } => {
            vec![("median_us".to_owned(), tidy(wall).into()), ("median_cpu_us".to_owned(), cpu.map(tidy).into())]
        }
        Value::Bytes(bytes) => vec![("bytes".to_owned(), bytes.map_or(serde_json::Value::Null, whole))],
    }
}

/// To a nanosecond.
fn tidy(micros: f64) -> f64 {
    (micros * 1e3).round() / 1e3
}

/// A number of bytes as JSON, without a fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size, far below 2^53")]
fn whole(bytes: f64) -> serde_json::Value {
    (bytes.round() as u64).into()
}
