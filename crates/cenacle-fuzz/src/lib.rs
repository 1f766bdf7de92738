//! What is fuzzed: every decoder, and everything that takes bytes from others or from a disk. A [`Target`] is a function of
//! bytes that panics when a property is broken; [`runner`] throws mutations of a corpus at it with a stable compiler, and
//! the folder `fuzz` holds the same targets for cargo-fuzz.
//!
//! ```sh
//! cargo run --release -p cenacle-fuzz -- run --target decode --executions 100000000
//! ```
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a target finds by panicking"
)]

extern crate alloc;

pub mod corpus;
mod decode;
mod file;
mod inspect;
mod join;
mod json;
pub mod mutate;
mod open;
mod operations;
mod rows;
pub mod runner;
mod scene;
mod source;
mod tree;
mod x509;

pub use decode::decoders;

/// One thing to be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, of one word.
    pub name: &'static str,
    /// What goes in and what must hold.
    pub about: &'static str,
    /// Panics when something does not hold that must.
    pub run: fn(&[u8]),
    /// Inputs to begin with, made here.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Inputs are no longer than so many bytes.
    pub longest: usize,
}

/// Every target, the quickest first.
pub const TARGETS: &[Target] = &[
    Target {
        name: "decode",
        about: "any decoder, chosen by the first byte: what decodes encodes to the same bytes",
        run: decode::run,
        seeds: decode::seeds,
        longest: 4_096,
    },
    Target {
        name: "json",
        about: "any body of the services' routes: what is read and written is read as the same again",
        run: json::run,
        seeds: json::seeds,
        longest: 4_096,
    },
    Target {
        name: "inspect",
        about: "`cenacle inspect`: whatever decodes is shown, as text and as JSON",
        run: inspect::run,
        seeds: inspect::seeds,
        longest: 4_096,
    },
    Target {
        name: "x509",
        about: "certificate chains in a credential: judged, and never believed if they are not the genuine one",
        run: x509::run,
        seeds: x509::seeds,
        longest: 8_192,
    },
    Target {
        name: "tree",
        about: "a ratchet tree from the wire: built, validated, and sent on as it came",
        run: tree::run,
        seeds: tree::seeds,
        longest: 8_192,
    },
    Target {
        name: "open",
        about: "messages to a member and an observer, as outsiders and insiders could make them: refused without a trace",
        run: open::run,
        seeds: open::seeds,
        longest: 4_096,
    },
    Target {
        name: "join",
        about: "Welcomes, trees, GroupInfos and key packages, as outsiders and insiders could make them",
        run: join::run,
        seeds: join::seeds,
        longest: 4_096,
    },
    Target {
        name: "rows",
        about: "a group's rows, changed: loading refuses them, or gives the group that they say",
        run: rows::run,
        seeds: rows::seeds,
        longest: 1_024,
    },
    Target {
        name: "file",
        about: "a state file, damaged: opening refuses it, or every row is as it was written",
        run: file::run,
        seeds: file::seeds,
        longest: 256,
    },
    Target {
        name: "operations",
        about: "a small world over a lossy network: all members agree, refusals leave no trace, the removed hear nothing",
        run: operations::run,
        seeds: operations::seeds,
        longest: 256,
    },
];

/// Runs the target of this name on an input: what cargo-fuzz calls.
pub fn fuzz(name: &str, input: &[u8]) {
    let target = target(name).expect("a target of this name");
    if input.len() <= target.longest {
        (target.run)(input);
    }
}

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
