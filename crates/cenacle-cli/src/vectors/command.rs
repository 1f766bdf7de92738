//! `cenacle vectors`: what it takes on the command line, and the order of its work.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use cenacle_crypto::{CipherSuite, CryptoProvider};
use clap::{Args, Subcommand};

use super::{
    PROVIDERS, SOURCE, Vector, VectorFile,
    generate::GenerateArgs,
    progress::Progress,
    report::{Report, Summary},
    run::run,
};
use crate::output::{FAILED, OK, USAGE, complain, finish};

/// Check this build against MLS test vectors, or make such vectors
#[derive(Debug, Args)]
#[command(after_help = BOTH_EXAMPLES)]
pub struct VectorsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Generate(GenerateArgs),
    Verify(VerifyArgs),
}

/// Verify all known vector files in a directory
///
/// Sixteen files made by the MLS working group from many implementations: tree arithmetic, cryptography, key schedule, tree
/// operations, messages, and whole groups followed from the join through up to 200 epochs. Each is verified with every
/// cryptography provider of this build. A vector of a cipher suite that a provider does not supply is skipped.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct VerifyArgs {
    /// Directory with the `.json` files
    dir: PathBuf,
    /// Only vectors of this cipher suite (1 to 7); files that are about no suite are left out
    #[arg(long, value_name = "N")]
    suite: Option<u16>,
    /// Only this provider: aws-lc or rustcrypto
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

const BOTH_EXAMPLES: &str = "\
Examples:
  cenacle vectors verify mls-implementations/test-vectors  does this build agree with every other MLS implementation?
  cenacle vectors generate vectors                         test vectors for every cipher suite, for others to agree with
  cenacle vectors verify vectors                           do those hold?

`cenacle vectors verify --help` says where the official vectors are; each command's help has more examples.";

const EXAMPLES: &str = "\
Examples:
  Fetch the vectors and verify all of them:
    git clone --depth 1 https://github.com/mlswg/mls-implementations
    cenacle vectors verify mls-implementations/test-vectors
  Only P-256, only with the portable provider:
    cenacle vectors verify mls-implementations/test-vectors --suite 2 --provider rustcrypto
  For a program (events: file, failure, unreadable, summary):
    cenacle vectors verify mls-implementations/test-vectors --json

Exit status: 0 if every vector holds, 1 if one does not or a known file is missing, 2 for a wrong command line.";

/// The vectors of a file, at least one.
fn read(file: &VectorFile, path: &Path) -> Result<Vec<Vector>, String> {
    let json = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let vectors = file.read(&json).map_err(|error| error.to_string())?;
    if vectors.is_empty() { Err("holds no vector".to_owned()) } else { Ok(vectors) }
}

impl VectorsArgs {
    /// Does what was asked.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        match &self.action {
            Action::Generate(args) => finish(args.run()),
            Action::Verify(args) => finish(args.run()),
        }
    }
}

impl VerifyArgs {
    fn run(&self) -> io::Result<u8> {
        if !self.dir.is_dir() {
            let dir = self.dir.display();
            return Ok(complain(&format_args!("{dir} is not a directory. The vectors are at\n  {SOURCE}"), USAGE));
        }
        let providers = match self.providers() {
            Ok(providers) => providers,
            Err(complaint) => return Ok(complain(&complaint, USAGE)),
        };
        let mut out = io::stdout().lock();
        let mut report = Report { out: &mut out, json: self.json };
        let (mut summary, start) = (Summary::default(), Instant::now());
        for file in VectorFile::ALL {
            if self.suite.is_none() || file.is_about_suites() {
                self.verify_file(file, &providers, &mut report, &mut summary)?;
            }
        }
        summary.total.elapsed = start.elapsed();
        report.summary(&summary)?;
        out.flush()?;
        Ok(if summary.is_good() { OK } else { FAILED })
    }

    /// The providers asked for, all of which have something to do.
    fn providers(&self) -> Result<Vec<&'static dyn CryptoProvider>, String> {
        let mut chosen = PROVIDERS.to_vec();
        if let Some(name) = &self.provider {
            chosen.retain(|provider| provider.name() == name);
            if chosen.is_empty() {
                let known: Vec<_> = PROVIDERS.iter().map(|provider| provider.name()).collect();
                return Err(format!("no provider is called {name}. There are: {}", known.join(", ")));
            }
        }
        if let Some(suite) = self.suite {
            chosen.retain(|provider| provider.cipher_suites().contains(&CipherSuite(suite)));
            if chosen.is_empty() {
                return Err(format!("no provider supplies cipher suite {suite}"));
            }
        }
        Ok(chosen)
    }

    fn verify_file(
        &self,
        file: &VectorFile,
        providers: &[&'static dyn CryptoProvider],
        report: &mut Report<'_>,
        summary: &mut Summary,
    ) -> io::Result<()> {
        let path = self.dir.join(file.name()).with_extension("json");
        let vectors = match read(file, &path) {
            Ok(vectors) => vectors,
            Err(reason) => {
                summary.unreadable += 1;
                return report.unreadable(file.name(), &path, &reason);
            }
        };
        summary.files += 1;
        let vectors: Vec<_> = vectors.into_iter().enumerate().filter(|(_, vector)| self.is_asked_for(vector)).collect();
        for provider in providers {
            let named = file.is_about_suites().then(|| provider.name());
            let progress = Progress::new(file.name(), named.unwrap_or("-"), vectors.len());
            let tally = run(&vectors, *provider, &|| progress.step());
            drop(progress);
            report.file(file.name(), named, &tally)?;
            summary.total.add(tally);
            if named.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// A malformed vector hides its suite, and is never left out.
    fn is_asked_for(&self, vector: &Vector) -> bool {
        let Some(wanted) = self.suite else { return true };
        vector.cipher_suite().is_none_or(|suite| suite == CipherSuite(wanted))
    }
}
