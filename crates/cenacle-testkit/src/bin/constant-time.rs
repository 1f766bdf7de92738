//! Watches under valgrind what is done with secrets, and says in which cases a jump or an address depends on one. `--short` leaves
//! out all suites but one, `--verbose` shows what valgrind says of outcomes and of the leaks made on purpose.

use std::{env, process::ExitCode};

use cenacle_testkit::constant_time::{Expected, Extent, Finding, Unwatched, be_watched, watch};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let extent = if has("--short") { Extent::Short } else { Extent::Whole };
    if has("--watched") {
        be_watched(extent);
        return ExitCode::SUCCESS;
    }
    match findings(extent) {
        Ok(findings) => report(&findings, has("--verbose")),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn findings(extent: Extent) -> Result<Vec<Finding>, Unwatched> {
    let passed_on: &[&str] = if extent == Extent::Short { &["--watched", "--short"] } else { &["--watched"] };
    watch(&env::current_exe()?, passed_on, extent)
}

fn report(findings: &[Finding], is_verbose: bool) -> ExitCode {
    for finding in findings {
        let expected = match finding.expected {
            Expected::Nothing => "none may".into(),
            Expected::Verdicts(most) => format!("{most} may, as outcomes"),
            Expected::Library => "none in our own code may".into(),
            Expected::Leak => "it leaks".into(),
        };
        println!("{}: {} depend on secrets ({expected})", finding.name, finding.found);
        if !finding.is_good() || is_verbose {
            println!("{}", finding.report);
        }
    }
    let bad = findings.iter().filter(|finding| !finding.is_good()).count();
    println!("constant time: {} cases, {bad} not as they should be", findings.len());
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
