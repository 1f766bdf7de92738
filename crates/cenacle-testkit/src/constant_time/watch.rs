//! The side that watches: it runs this very program under valgrind, and has it mark and count.

use alloc::{format, string::String, vec::Vec};
use core::fmt;
use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{self, Child, ChildStdin, ChildStdout, Command, Stdio},
};

use super::{Case, Expected, Extent, all};

/// What was found in a case.
#[derive(Debug)]
pub struct Finding {
    /// The case.
    pub name: String,
    /// What was expected of it.
    pub expected: Expected,
    /// Jumps and addresses that depend on a secret.
    pub found: u64,
    /// What valgrind says of them. What it has said before in the same place it does not say again.
    pub report: String,
}

impl Finding {
    /// Whether it is as it should be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        match self.expected {
            Expected::Nothing => self.found == 0,
            // Where none is found, nothing was secret.
            Expected::Verdicts(most) => (1..=most).contains(&self.found),
            Expected::Library => self.places().all(|place| !place.contains("cenacle_")),
            Expected::Leak => self.found > 1,
        }
    }

    /// The functions in which something depends on a secret; for functions of the standard library, and for those that valgrind
    /// puts in their place, whoever called them.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        let mut is_sought = false;
        self.report.lines().filter_map(move |line| {
            let frame = line.split_once("==    ")?.1.trim_start();
            is_sought |= frame.starts_with("at 0x");
            let place = frame.split_once(": ")?.1;
            let is_found = is_sought && !is_standard(place);
            is_sought &= !is_found;
            is_found.then_some(place)
        })
    }
}

/// Whether a function is everybody's.
fn is_standard(place: &str) -> bool {
    let path = place.trim_start_matches('<');
    place.contains("vgpreload") || ["core::", "alloc::", "std::"].iter().any(|root| path.starts_with(root))
}

/// Why nothing could be watched.
#[derive(Debug)]
pub enum Unwatched {
    /// There is no valgrind.
    NoValgrind,
    /// It did not work as it should.
    Failed(String),
}

impl fmt::Display for Unwatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoValgrind => f.write_str(
                "constant time was NOT checked: there is no valgrind. Install it (Debian: apt-get install valgrind), then run \
                 `cargo xtask ct`",
            ),
            Self::Failed(why) => write!(f, "constant time was NOT checked: {why}"),
        }
    }
}

impl core::error::Error for Unwatched {}

impl From<io::Error> for Unwatched {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Runs `program`, which is to call [`super::be_watched`] when it gets `arguments`, and says what was found in each case.
///
/// # Errors
/// `NoValgrind`, or what else kept it from being watched to its end.
pub fn watch(program: &Path, arguments: &[&str], extent: Extent) -> Result<Vec<Finding>, Unwatched> {
    for tool in ["valgrind", "vgdb"] {
        let found = Command::new(tool).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            return Err(Unwatched::NoValgrind);
        }
    }
    let mut valgrind = Valgrind::start(program, arguments)?;
    let findings: Result<Vec<Finding>, Unwatched> =
        all(extent).into_iter().map(|case| valgrind.follow(&case)).collect();
    let ended = valgrind.end();
    let findings = findings?;
    ended?;
    Ok(findings)
}

/// A program under valgrind.
struct Valgrind {
    child: Child,
    orders: ChildStdin,
    lines: BufReader<ChildStdout>,
    /// Where valgrind writes what it finds.
    log: PathBuf,
    read: usize,
    found: u64,
}

impl Valgrind {
    fn start(program: &Path, arguments: &[&str]) -> Result<Self, Unwatched> {
        let log = env::temp_dir().join(format!("cenacle-constant-time-{}.log", process::id()));
        let mut child = Command::new("valgrind")
            .args(["--quiet", "--error-limit=no", "--num-callers=24", "--vgdb=yes", "--vgdb-poll=500"])
            .arg(format!("--log-file={}", log.display()))
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(orders), Some(lines)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Unwatched::Failed("valgrind has no standard input and output".into()));
        };
        Ok(Self { child, orders, lines: BufReader::new(lines), log, read: 0, found: 0 })
    }

    /// Follows the program through one case.
    fn follow(&mut self, case: &Case) -> Result<Finding, Unwatched> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(Unwatched::Failed(format!("the program ended in {}\n{log}", case.name)));
            }
            let line = line.trim_end();
            if let Some(name) = line.strip_prefix("done ") {
                if name != case.name {
                    return Err(Unwatched::Failed(format!("{name} in the place of {}", case.name)));
                }
                let finding = self.finding(case)?;
                self.answer()?;
                return Ok(finding);
            }
            // "undefined" or "defined", address and length are as valgrind wants them.
            self.order(&format!("make_memory {line}"))?;
            self.answer()?;
        }
    }

    fn finding(&mut self, case: &Case) -> Result<Finding, Unwatched> {
        let answer = self.order("v.info n_errs_found")?;
        let count = answer.split_whitespace().skip_while(|word| *word != "n_errs_found").nth(1);
        let count: Option<u64> = count.and_then(|count| count.parse().ok());
        let count = count.ok_or_else(|| Unwatched::Failed(format!("valgrind does not count: {answer}")))?;
        let log = fs::read_to_string(&self.log)?;
        let report = log.get(self.read..).unwrap_or_default().into();
        self.read = log.len();
        let found = count.saturating_sub(self.found);
        self.found = count;
        Ok(Finding { name: case.name.clone(), expected: case.expected, found, report })
    }

    /// Has valgrind do something. It takes orders from its own program only, which waits by running: no other process has to
    /// be stopped for that.
    fn order(&self, order: &str) -> Result<String, Unwatched> {
        let pid = format!("--pid={}", self.child.id());
        let output = Command::new("vgdb").args(["--max-invoke-ms=0", &pid, "-c", order]).output()?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(Unwatched::Failed(format!("valgrind does not take orders: {why}")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn answer(&mut self) -> Result<(), Unwatched> {
        self.orders.write_all(b"go\n")?;
        Ok(self.orders.flush()?)
    }

    fn end(mut self) -> Result<(), Unwatched> {
        let status = self.child.wait()?;
        fs::remove_file(&self.log)?;
        if status.success() { Ok(()) } else { Err(Unwatched::Failed(format!("the program ended with {status}"))) }
    }
}
