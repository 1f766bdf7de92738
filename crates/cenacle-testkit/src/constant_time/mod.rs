//! What is done with secrets, watched by valgrind: its memory checker follows every bit that came of memory marked undefined,
//! and reports each jump and each address that depends on one. Secrets are marked so, and then nothing of the kind may
//! happen, but for the outcome of a comparison, which the protocol itself makes public.
//!
//! No instrumentation is linked in. The program under test says where its secrets are, and waits; the program that watches
//! has valgrind's own debugger interface mark them. So it is the code that is shipped which is watched, compiled as it is
//! shipped. What valgrind's processor lacks is not seen: libraries choose their code by what the processor can, and of its
//! instructions AES and AVX2 are there, SHA and AVX-512 are not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "support of tests, which fail by panicking"
)]

mod cases;
mod probe;
mod watch;

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

pub use cases::{Extent, all};
pub use probe::Probe;
pub use watch::{Finding, Unwatched, watch};

/// Something done with secrets.
pub struct Case {
    /// What it is.
    pub name: String,
    /// What valgrind must say about it.
    pub expected: Expected,
    run: Box<dyn Fn(&Probe)>,
}

/// How many jumps and addresses may depend on a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// None.
    Nothing,
    /// Some, and at most so many: each is the outcome of a comparison or a check, which is public.
    Verdicts(u64),
    /// None in code of our own. The library is not judged: it looks at keys that it has made of a secret and that are public,
    /// and nothing tells valgrind that they are.
    Library,
    /// More than one: code that leaks, to show that leaks are seen.
    Leak,
}

impl Case {
    fn new(name: impl Into<String>, expected: Expected, run: impl Fn(&Probe) + 'static) -> Self {
        Self { name: name.into(), expected, run: Box::new(run) }
    }

    /// Does it.
    pub fn run(&self, probe: &Probe) {
        (self.run)(probe);
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("expected", &self.expected).finish_non_exhaustive()
    }
}

/// Runs all cases as the program that is watched: over standard input and output with whoever watches.
pub fn be_watched(extent: Extent) {
    let probe = Probe::watched();
    for case in all(extent) {
        case.run(&probe);
        probe.done(&case.name);
    }
}

/// Runs all cases with nobody watching, which shows that they do what they say.
pub fn run_unwatched(extent: Extent) -> Vec<Case> {
    let (probe, cases) = (Probe::unwatched(), all(extent));
    cases.iter().for_each(|case| case.run(&probe));
    cases
}
