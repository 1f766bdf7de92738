//! The project's own checks. `cargo xtask ci` runs all that CI runs; `cargo xtask structure` only looks at the sources:
//! which crate may use which, which chapter of the core may use which, how long a file may be.

mod ci;
mod structure;

use std::process::ExitCode;

const USAGE: &str = "\
The project's own checks.

Usage: cargo xtask <COMMAND>

Commands:
  structure  crate and chapter dependencies, file sizes, words that have no place here
  ci         structure, formatting, lints, documentation, all tests: what CI runs
  deny       licences, duplicate and unknown sources of dependencies (needs cargo-deny)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["structure"] => structure::check(),
        ["ci"] => ci::all(),
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
