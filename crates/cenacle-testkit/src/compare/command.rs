//! The command line of `compare`.

use core::time::Duration;
use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use cenacle_cli::bench::{BenchError, Operation, Tree};
use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_crypto_awslc::AwsLcProvider;
use clap::{
    Parser, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};

use super::{
    PeerKind, chart,
    contest::{Bounds, Contest},
    other,
    report::Report,
};

/// Measure what MLS operations cost with Cenacle, with other implementations, and at the least.
#[derive(Debug, Parser)]
#[command(name = "compare", after_help = HELP)]
pub struct CompareArgs {
    /// Group sizes, in members, with commas between them.
    #[arg(long, value_delimiter = ',', default_value = "2,100,1000", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    n: Vec<u32>,

    /// How the group came to be.
    #[arg(long, value_delimiter = ',', default_value = "warm")]
    tree: Vec<Tree>,

    /// Operations; all that can be compared by default.
    #[arg(long, value_delimiter = ',', value_parser = comparable())]
    ops: Vec<Operation>,

    /// The other implementations.
    #[arg(long, value_delimiter = ',', default_value = "openmls,openmls-libcrux,mls-rs")]
    peers: Vec<PeerKind>,

    /// How often each operation is repeated, at most.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    iterations: u32,

    /// The largest group that the others take part in.
    #[arg(long, default_value_t = 10_000)]
    peer_max: u32,

    /// An operation of theirs is left out where it would take more seconds than this, going by a smaller group.
    #[arg(long, default_value_t = 60)]
    peer_limit: u64,

    /// For how many past epochs OpenMLS keeps what reads late messages; by default it would for none. mls-rs does for 3,
    /// Cenacle for 5.
    #[arg(long, default_value_t = 3)]
    past_epochs: usize,

    /// Threads that share out wide work, where an implementation does that.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: u16,

    /// Compare wall time instead of CPU time in tables and charts.
    #[arg(long)]
    wall: bool,

    /// One JSON object for each result instead of tables.
    #[arg(long)]
    json: bool,

    /// Also draws the costs against the group size into this SVG file; with several kinds of tree, into one for each.
    #[arg(long, value_name = "PATH")]
    svg: Option<PathBuf>,
}

const HELP: &str = "\
Examples:
  compare --n 2,100,1000 --tree fresh,warm              tables for six groups
  compare --n 2,10,100,1000,10000 --svg costs.svg       and a chart of the costs, warm trees
  compare --peers mls-rs --ops join,create --json       two operations, one other implementation, JSON lines

  compare --ops join --threads 2 --wall                 on two processors

Cipher suite 1, one process, one thread unless --threads says otherwise; mls-rs has threads only when built with the feature
bench-rayon. Cenacle and mls-rs run on aws-lc, OpenMLS on RustCrypto or libcrux. In every implementation the same is done
to groups of the same members: whatever is received is decoded from bytes, whatever is sent is encoded to bytes,
handshakes are PrivateMessages, and after every operation the state is saved in the memory storage that the implementation
brings. Its settings are its defaults otherwise, but for --past-epochs. Only Cenacle takes in the echo of its own commits.
Welcomes carry the tree in create and join, and in add_one not. load is opening a stored group for its first message,
load_all for its first commit; only Cenacle does less for the first. The contenders take turns. Figures are medians of CPU
time of the process, in microseconds, or bytes.

floor is the sum of the primitives that RFC 9420 forces an operation to compute, timed in the same run as Cenacle uses
them; nothing is counted for encoding, copying and saving. best/ours says how many times as long the best of the others
takes as Cenacle; ours/floor how far Cenacle is from the least.

With --json every line is an object with peer, n, tree, op, count, and median_us (wall time) with median_cpu_us, or bytes.
What was left out has no line.

Exit status: 0 if everything was measured, 1 if something failed, 2 for a wrong command line.";

/// What is compared, unless it is chosen.
const COMPARED: [Operation; 19] = [
    Operation::StateBytes,
    Operation::KeyPackage,
    Operation::Create,
    Operation::Join,
    Operation::CommitUpdate,
    Operation::ProcessCommit,
    Operation::AddOne,
    Operation::ProcessAdd,
    Operation::RemoveOne,
    Operation::ProcessRemove,
    Operation::Encrypt64,
    Operation::Decrypt64,
    Operation::Encrypt1024,
    Operation::Decrypt1024,
    Operation::Encrypt16384,
    Operation::Decrypt16384,
    Operation::Load,
    Operation::LoadAll,
    Operation::BytesCommitUpdate,
];

fn comparable() -> impl TypedValueParser<Value = Operation> {
    let names = COMPARED.iter().filter_map(ValueEnum::to_possible_value);
    PossibleValuesParser::new(names).try_map(|name| Operation::from_str(&name, false))
}

/// Prints a line.
pub(super) fn print(line: &str) -> Result<(), BenchError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Ends a command.
pub(super) fn finish(outcome: Result<(), BenchError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(BenchError::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        // There is nowhere left to report that standard error is closed.
        Err(error) => writeln!(io::stderr(), "{error}").map_or(ExitCode::FAILURE, |()| ExitCode::FAILURE),
    }
}

impl CompareArgs {
    /// Runs the command.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads.into()).build().map_err(other);
        // All runs inside the pool: the time of another thread that still runs would be counted late.
        finish(pool.and_then(|pool| pool.install(|| self.compare())))
    }

    fn compare(&self) -> Result<(), BenchError> {
        let suite = AwsLcProvider.suite(CipherSuite(1)).ok_or_else(|| other("no suite 1"))?;
        // Not after an hour of measuring.
        for (_, path) in self.pictures() {
            let writable = OpenOptions::new().append(true).create(true).open(&path);
            writable.map_err(|error| other(format_args!("{}: {error}", path.display())))?;
        }
        let bounds = Bounds {
            iterations: usize::try_from(self.iterations).map_err(other)?,
            peer_limit: Duration::from_secs(self.peer_limit),
            past_epochs: self.past_epochs,
        };
        let report = Report { lines: Vec::new(), by_wall_time: self.wall };
        let mut contest = Contest { suite, bounds, report, history: Default::default() };
        let chosen = |operation: &Operation| self.ops.is_empty() || self.ops.contains(operation);
        let operations: Vec<_> = COMPARED.into_iter().filter(chosen).collect();
        let names: Vec<_> = self.peers.iter().map(|peer| peer.name()).collect();
        let mut sizes = self.n.clone();
        sizes.sort_unstable();
        for n in sizes {
            let peers = if n > self.peer_max { &[][..] } else { &self.peers };
            for tree in &self.tree {
                contest.hold((n, *tree), &operations, peers, &mut |line, progress| {
                    if self.json { Ok(progress.aside(|| line.print_json())?) } else { Ok(()) }
                })?;
                if !self.json {
                    contest.report.print_table(n, *tree, &operations, &names)?;
                }
            }
        }
        self.pictures().try_for_each(|(tree, path)| chart::draw(&path, &contest.report, tree, &names))
    }

    /// The pictures to draw: one for each kind of tree.
    fn pictures(&self) -> impl Iterator<Item = (Tree, PathBuf)> {
        let path = |path: &PathBuf, tree| if self.tree.len() > 1 { with_tree(path, tree) } else { path.clone() };
        self.svg.iter().flat_map(move |svg| self.tree.iter().map(move |tree| (*tree, path(svg, *tree))))
    }
}

/// `costs.svg` as `costs-warm.svg`.
fn with_tree(path: &Path, tree: Tree) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{}.svg", tree.name()))
}
