//! What `cenacle vectors verify` prints: aligned text for people, or one JSON object a line for programs.

use std::{
    io::{self, Write},
    path::Path,
};

use cenacle_crypto::CipherSuite;
use serde::Serialize;

use super::{
    SOURCE,
    run::{FailedVector, Tally},
};

/// Where results go, and in which shape.
pub(crate) struct Report<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) json: bool,
}

/// One line of `--json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Failure { file: &'a str, provider: Option<&'a str>, index: usize, cipher_suite: Option<u16>, failure: String },
    File { file: &'a str, provider: Option<&'a str>, passed: usize, failed: usize, skipped: usize, seconds: f64 },
    Unreadable { file: &'a str, path: String, reason: String, source: &'static str },
    Summary { files: usize, passed: usize, failed: usize, skipped: usize, missing: usize, seconds: f64 },
}

/// What a whole run came to.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) files: usize,
    pub(crate) unreadable: usize,
    pub(crate) total: Tally,
}

impl Summary {
    /// Whether every vector that could be verified holds, and none was missing.
    pub(crate) fn is_good(&self) -> bool {
        self.unreadable == 0 && self.total.failures.is_empty()
    }
}

impl Report<'_> {
    /// One file with one provider; `None` where providers make no difference.
    pub(crate) fn file(&mut self, file: &str, provider: Option<&str>, tally: &Tally) -> io::Result<()> {
        let Tally { passed, skipped, failures, elapsed } = tally;
        let (failed, seconds) = (failures.len(), elapsed.as_secs_f64());
        if self.json {
            self.event(&Event::File { file, provider, passed: *passed, failed, skipped: *skipped, seconds })?;
        } else {
            let provider = provider.unwrap_or("-");
            write!(self.out, "{file:<32} {provider:<10} {passed:>5} passed {failed:>4} failed {skipped:>4} skipped")?;
            writeln!(self.out, " {seconds:>8.2} s")?;
        }
        failures.iter().try_for_each(|failed| self.failure(file, provider, failed))
    }

    fn failure(&mut self, file: &str, provider: Option<&str>, failed: &FailedVector) -> io::Result<()> {
        let FailedVector { index, cipher_suite, failure } = failed;
        if self.json {
            let cipher_suite = cipher_suite.map(|suite| suite.0);
            let failure = failure.to_string();
            return self.event(&Event::Failure { file, provider, index: *index, cipher_suite, failure });
        }
        let suite = cipher_suite.map_or_else(String::new, |CipherSuite(suite)| format!(" suite {suite}"));
        writeln!(self.out, "  FAILED {file}[{index}]{suite} {failure}")
    }

    /// A file that is not there, or is no array of vectors.
    pub(crate) fn unreadable(&mut self, file: &str, path: &Path, reason: &str) -> io::Result<()> {
        // A link that leads nowhere is there.
        let is_missing = path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let path = path.display().to_string();
        if self.json {
            return self.event(&Event::Unreadable { file, path, reason: reason.to_owned(), source: SOURCE });
        }
        let what = if is_missing { "MISSING" } else { "UNREADABLE" };
        writeln!(self.out, "{file:<32} {what}: {path}: {reason}")
    }

    /// The last words.
    pub(crate) fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        let Summary { files, unreadable: missing, total } = summary;
        let Tally { passed, skipped, failures, elapsed } = total;
        let (failed, seconds) = (failures.len(), elapsed.as_secs_f64());
        if self.json {
            let (files, passed, skipped, missing) = (*files, *passed, *skipped, *missing);
            return self.event(&Event::Summary { files, passed, failed, skipped, missing, seconds });
        }
        writeln!(self.out, "\n{files} files: {passed} passed, {failed} failed, {skipped} skipped in {seconds:.1} s")?;
        if *skipped > 0 {
            writeln!(self.out, "skipped: vectors of cipher suites that the provider does not supply")?;
        }
        if *missing > 0 {
            writeln!(self.out, "{missing} of the known files could not be read. All of them are at\n  {SOURCE}")?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut *self.out, event)?;
        self.out.write_all(b"\n")
    }
}
