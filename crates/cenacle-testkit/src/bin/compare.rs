//! What MLS operations cost with Cenacle, with other implementations, and at the least; see `--help`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use cenacle_testkit::compare::CompareArgs;
use clap::Parser;

fn main() -> ExitCode {
    CompareArgs::parse().run()
}
