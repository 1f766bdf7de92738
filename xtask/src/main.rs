//! The project's own checks. `cargo xtask ci` runs all that CI runs; `cargo xtask structure` only looks at the sources:
//! which crate may use which, which chapter of the core may use which, how long a file may be; `cargo xtask rfc` maps
//! RFC 9420 to the code that cites it; `cargo xtask rules` maps its checks to the tests that break them.

extern crate alloc;

mod ci;
mod rfc;
mod rules;
mod structure;

use std::process::ExitCode;

const USAGE: &str = "\
The project's own checks.

Usage: cargo xtask <COMMAND>

Commands:
  structure     crate and chapter dependencies, file sizes
  rfc           writes docs/rfc9420.md: which module carries each section of RFC 9420, which tests hold it
  rfc --check   compares that file with the citations in the code
  rfc --quotes  compares the quotes in the code with the text that CENACLE_RFC9420 names
  rules         writes docs/rules.md: the test of each check that RFC 9420 asks for
  rules --check compares that file with the tests; fails where a check has no test
  ct            watches under valgrind that nothing depends on secrets in time (needs valgrind)
  fuzz [S]      runs every fuzz target for S seconds (60), two at a time, with a stable compiler
  ci            structure, map of the RFC, formatting, lints, documentation, all tests, fuzzing: what CI runs
  deny          licences, duplicate and unknown sources of dependencies (needs cargo-deny)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["structure"] => structure::check(),
        ["rfc"] => rfc::write(),
        ["rfc", "--check"] => rfc::check(),
        ["rfc", "--quotes"] => rfc::check_quotes(),
        ["rules"] => rules::write(),
        ["rules", "--check"] => rules::check(),
        ["fuzz"] => ci::fuzz(ci::FUZZ_SECONDS, None),
        ["fuzz", seconds] if seconds.parse::<u64>().is_ok() => ci::fuzz(seconds, None),
        ["ci"] => ci::all(),
        ["ct"] => ci::constant_time(),
        ["deny"] => ci::deny(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            for problem in &problems {
                eprintln!("xtask: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}
