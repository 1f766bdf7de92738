//! Watches under valgrind what is done with secrets, and says in which cases a jump or an address depends on one. `--short` leaves
//! out all suites but one.

use core::error::Error;
use std::{env, process::ExitCode};

use cenacle_testkit::constant_time::{Expected, Extent, be_watched, watch};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let extent = if has("--short") { Extent::Short } else { Extent::Whole };
    if has("--watched") {
        be_watched(extent);
        return Ok(ExitCode::SUCCESS);
    }
    let passed_on: &[&str] = if extent == Extent::Short { &["--watched", "--short"] } else { &["--watched"] };
    let mut is_good = true;
    for finding in watch(&env::current_exe()?, passed_on, extent)? {
        let expected = match finding.expected {
            Expected::Nothing => "none may".into(),
            Expected::Verdicts(most) => format!("{most} may, as outcomes"),
            Expected::Library => "none in our own code may".into(),
            Expected::Leak => "it leaks".into(),
        };
        println!("{}: {} depend on secrets ({expected})", finding.name, finding.found);
        if !finding.is_good() || has("--verbose") {
            println!("{}", finding.report);
        }
        is_good &= finding.is_good();
    }
    if is_good {
        println!("constant time: all as it should be");
        return Ok(ExitCode::SUCCESS);
    }
    println!("constant time: not all is as it should be");
    Ok(ExitCode::FAILURE)
}
