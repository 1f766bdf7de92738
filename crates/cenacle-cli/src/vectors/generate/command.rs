//! `cenacle vectors generate`: what it takes on the command line, and the order of its work.

use core::time::Duration;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use cenacle_crypto::{CipherSuite, CryptoProvider};
use clap::Args;
use serde::Serialize;

use super::{
    super::{PROVIDERS, VectorFile, progress::Progress},
    DEFAULT_SEED, Generated, Plan, Size,
};
use crate::output::{FAILED, OK, USAGE, complain};

/// Make test vectors for every cipher suite
///
/// Writes the sixteen files of the MLS working group in its formats, for every suite that the provider supplies. A vector
/// depends on the seed, its file, its suite and its position only: the same command writes the same bytes on every machine,
/// and `--suite` writes the very vectors that the whole has of it. That holds for providers whose signatures are
/// deterministic. The default one, rustcrypto, is such; aws-lc and openssl sign ECDSA (suites 2, 5 and 7) with fresh
/// randomness, so that their files differ from run to run.
///
/// Everybody's private keys are in the vectors, and follow from the seed. They are for tests alone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in super::super) struct GenerateArgs {
    /// Directory to write to; made if it is not there
    dir: PathBuf,
    /// Where chance begins
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Only vectors of this cipher suite; files that are about no suite are left out
    #[arg(long, value_name = "N")]
    suite: Option<u16>,
    /// Who does the cryptography: aws-lc, rustcrypto, or openssl where the build has it
    #[arg(long, value_name = "NAME", default_value = "rustcrypto")]
    provider: String,
    /// How many vectors, and how large
    #[arg(long, value_enum, default_value_t = Size::Small)]
    size: Size,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  A few vectors of each kind and suite, and a look whether they hold:
    cenacle vectors generate vectors
    cenacle vectors verify vectors
  As many as the official files have, for every suite:
    cenacle vectors generate vectors --size full --force
  Others, of suite 2 only, made by the other provider:
    cenacle vectors generate p256 --suite 2 --seed 7 --provider aws-lc
  For a program (events: file, summary):
    cenacle vectors generate vectors --json

Exit status: 0 if all files were written, 1 if one could not be, 2 for a wrong command line and for files that are there
already.";

/// One line of `--json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    File { file: &'a str, path: String, vectors: usize, bytes: usize, seconds: f64 },
    Summary { files: usize, vectors: usize, bytes: usize, seed: u64, provider: &'a str, size: String, seconds: f64 },
}

/// What all files come to.
#[derive(Default)]
struct Total {
    files: usize,
    vectors: usize,
    bytes: usize,
}

impl GenerateArgs {
    pub(in super::super) fn run(&self) -> io::Result<u8> {
        let (plan, files) = match self.plan() {
            Ok(plan) => plan,
            Err(complaint) => return Ok(complain(&complaint, USAGE)),
        };
        let present: Vec<_> = files.iter().map(|file| self.path(file)).filter(|path| path.exists()).collect();
        if let (Some(first), false) = (present.first(), self.force) {
            let others = present.len() - 1;
            let more = if others > 0 { format!(" and {others} more are") } else { " is".to_owned() };
            let complaint = format!("{}{more} there already. Overwrite with --force", first.display());
            return Ok(complain(&complaint, USAGE));
        }
        if self.dir.exists() && !self.dir.is_dir() {
            return Ok(complain(&format_args!("{} is not a directory", self.dir.display()), USAGE));
        }
        if let Err(error) = fs::create_dir_all(&self.dir) {
            let code = if error.kind() == io::ErrorKind::NotADirectory { USAGE } else { FAILED };
            return Ok(complain(&format_args!("{}: {error}", self.dir.display()), code));
        }
        self.write_all(&plan, &files)
    }

    /// What to make, and of which files.
    fn plan(&self) -> Result<(Plan<'static>, Vec<&'static VectorFile>), String> {
        let provider = PROVIDERS.iter().copied().find(|provider| provider.name() == self.provider);
        let provider: &'static dyn CryptoProvider = provider.ok_or_else(|| {
            let known: Vec<_> = PROVIDERS.iter().map(|provider| provider.name()).collect();
            format!("no provider is called {}. There are: {}", self.provider, known.join(", "))
        })?;
        let suite = self.suite.map(CipherSuite);
        if let Some(suite) = suite.filter(|suite| !provider.cipher_suites().contains(suite)) {
            return Err(format!("{} does not supply cipher suite {}", provider.name(), suite.0));
        }
        let files = VectorFile::ALL.iter().filter(|file| suite.is_none() || file.is_about_suites()).collect();
        Ok((Plan { provider, suite, seed: self.seed, size: self.size }, files))
    }

    fn path(&self, file: &VectorFile) -> PathBuf {
        self.dir.join(file.name()).with_extension("json")
    }

    fn write_all(&self, plan: &Plan<'_>, files: &[&VectorFile]) -> io::Result<u8> {
        let mut out = io::stdout().lock();
        let (mut total, start) = (Total::default(), Instant::now());
        for file in files {
            let (path, file_start) = (self.path(file), Instant::now());
            let progress = Progress::new(file.name(), plan.provider.name(), file.count(plan));
            let generated = file.generate(plan, &|| progress.step());
            drop(progress);
            let generated = match generated {
                Ok(generated) => generated,
                Err(failure) => return Ok(complain(&format_args!("{}: {failure}", file.name()), FAILED)),
            };
            if let Err(error) = write(&path, &generated.json) {
                return Ok(complain(&format_args!("{}: {error}", path.display()), FAILED));
            }
            self.report(&mut out, file, &generated, file_start.elapsed())?;
            total.files += 1;
            total.vectors += generated.vectors;
            total.bytes += generated.json.len();
        }
        self.summary(&mut out, plan, &total, start.elapsed())?;
        out.flush()?;
        Ok(OK)
    }

    fn report(
        &self,
        out: &mut dyn Write,
        file: &VectorFile,
        generated: &Generated,
        elapsed: Duration,
    ) -> io::Result<()> {
        let (vectors, bytes, seconds) = (generated.vectors, generated.json.len(), elapsed.as_secs_f64());
        let file_name = file.name();
        if self.json {
            let path = self.path(file).display().to_string();
            return event(out, &Event::File { file: file_name, path, vectors, bytes, seconds });
        }
        let noun = if vectors == 1 { "vector" } else { "vectors" };
        writeln!(out, "{file_name:<32} {vectors:>5} {noun:<7} {bytes:>10} bytes {seconds:>8.2} s")
    }

    fn summary(&self, out: &mut dyn Write, plan: &Plan<'_>, total: &Total, elapsed: Duration) -> io::Result<()> {
        let Total { files, vectors, bytes } = *total;
        let (seed, provider, seconds) = (plan.seed, plan.provider.name(), elapsed.as_secs_f64());
        if self.json {
            let size = format!("{:?}", plan.size).to_lowercase();
            return event(out, &Event::Summary { files, vectors, bytes, seed, provider, size, seconds });
        }
        writeln!(out, "\n{files} files: {vectors} vectors, {bytes} bytes in {seconds:.1} s")?;
        writeln!(out, "made by {provider} from seed {seed}; check them with\n  {}", self.check())
    }

    /// The command that checks what was made.
    fn check(&self) -> String {
        let dir = self.dir.display().to_string();
        let is_plain = dir.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-+".contains(letter));
        let dir = if is_plain { dir } else { format!("'{}'", dir.replace('\'', r"'\''")) };
        let suite = self.suite.map_or_else(String::new, |suite| format!(" --suite {suite}"));
        format!("cenacle vectors verify {dir}{suite}")
    }
}

fn event(out: &mut dyn Write, event: &Event<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, event)?;
    out.write_all(b"\n")
}

/// Writes a file completely or not at all.
fn write(path: &Path, content: &str) -> io::Result<()> {
    let partial = path.with_extension("json.partial");
    fs::write(&partial, content).and_then(|()| fs::rename(&partial, path)).inspect_err(|_| {
        // It is the first error that is told.
        drop(fs::remove_file(&partial));
    })
}
