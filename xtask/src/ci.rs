//! What CI runs, in the order in which it fails fastest.

use std::process::Command;

use crate::{rfc, structure};

/// The steps after the structure, each a cargo command line.
const STEPS: &[&str] = &[
    "fmt --all --check",
    "clippy --workspace --all-targets --features cenacle-testkit/peers -- -D warnings",
    "doc --workspace --no-deps",
    "check -p cenacle-mls -p cenacle-crypto-rustcrypto --no-default-features --lib",
    TESTS,
];

/// The tests, as the README gives them.
const TESTS: &str = "test --workspace --features cenacle-testkit/peers";

pub(crate) fn all() -> Result<(), Vec<String>> {
    println!("== structure");
    structure::check()?;
    println!("== rfc");
    rfc::check()?;
    STEPS.iter().try_for_each(|step| cargo(step))
}

pub(crate) fn deny() -> Result<(), Vec<String>> {
    cargo("deny --all-features check bans licenses sources")
}

fn cargo(arguments: &str) -> Result<(), Vec<String>> {
    println!("== cargo {arguments}");
    let status = Command::new(env!("CARGO"))
        .args(arguments.split(' '))
        .env("RUSTDOCFLAGS", "-D warnings")
        .status()
        .map_err(|error| vec![format!("cargo cannot be started: {error}")])?;
    if status.success() { Ok(()) } else { Err(vec![format!("`cargo {arguments}` failed")]) }
}
