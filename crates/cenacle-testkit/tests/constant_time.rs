//! What is done with secrets does not depend on them in time: watched by valgrind, where there is one, and said loudly where there
//! is none. `cargo xtask ct` watches all suites, and the code as it is shipped.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::{
    env,
    io::{self, Write as _},
    path::Path,
};

use cenacle_testkit::constant_time::{Expected, Extent, Finding, Unwatched, run_unwatched, watch};

#[test]
fn every_case_does_what_it_says() {
    let cases = run_unwatched(Extent::Whole);
    assert!(cases.iter().any(|case| case.expected == Expected::Leak));
    assert!(cases.len() > 100, "only {} cases", cases.len());
}

#[test]
fn nothing_but_outcomes_depends_on_secrets() {
    let program = Path::new(env!("CARGO_BIN_EXE_constant-time"));
    let findings = match watch(program, &["--watched", "--short"], Extent::Short) {
        Ok(findings) => findings,
        Err(error @ Unwatched::NoValgrind) => {
            assert!(env::var_os("CI").is_none(), "{error}");
            // Not captured, as what `eprintln` says is.
            writeln!(io::stderr(), "\nWARNING: {error}\n").unwrap_or_default();
            return;
        }
        Err(error) => panic!("{error}"),
    };
    for finding in &findings {
        println!("{}: {} ({:?})", finding.name, finding.found, finding.expected);
    }
    let bad: Vec<_> = findings.iter().filter(|finding| !finding.is_good()).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    // Where a library is excused, our own code is not.
    for leak in findings.into_iter().filter(|finding| finding.expected == Expected::Leak) {
        let excused = Finding { expected: Expected::Library, ..leak };
        assert!(!excused.is_good(), "{excused:#?}");
    }
}
