//! What CI runs, in the order in which it fails fastest.

use std::process::Command;

use crate::{rfc, rules, structure};

/// The steps after the structure, each a cargo command line.
const STEPS: &[&str] = &[
    "fmt --all --check",
    "clippy --workspace --all-targets --features cenacle-testkit/peers,cenacle-testkit/bench -- -D warnings",
    "doc --workspace --no-deps",
    "check -p cenacle-mls -p cenacle-crypto-rustcrypto -p cenacle-x509 --no-default-features --lib",
    "check -p cenacle-crypto-rustcrypto --no-default-features --features experimental --lib",
    TESTS,
    COMPARE,
    // The core on one thread: in the workspace the program turns its feature `parallel` on.
    "test -p cenacle-mls",
];

/// The provider over OpenSSL, which the workspace leaves out by itself. `FEATURE` says where OpenSSL comes from.
const OPENSSL_STEPS: &[&str] = &[
    "clippy -p cenacle-crypto-openssl --all-targets --features FEATURE -- -D warnings",
    "doc -p cenacle-crypto-openssl --no-deps --features FEATURE",
    "test -p cenacle-crypto-openssl --features FEATURE",
    "test -p cenacle-cli --test vectors --features openssl,cenacle-crypto-openssl/FEATURE",
];

/// How long each fuzz target is run, in seconds.
pub(crate) const FUZZ_SECONDS: &str = "60";

/// The tests, as the README gives them.
const TESTS: &str = "test --workspace --features cenacle-testkit/peers";

/// What is left of them: the comparison with other libraries, which the README's command does not build.
const COMPARE: &str = "test -p cenacle-testkit --features peers,bench --test compare";

pub(crate) fn all() -> Result<(), Vec<String>> {
    println!("== structure");
    structure::check()?;
    println!("== rfc");
    rfc::check()?;
    println!("== rules");
    rules::check()?;
    STEPS.iter().try_for_each(|step| cargo(step))?;
    // Always from the same seed: what fails here was caused by a change, and new seeds are for `cargo xtask fuzz`.
    fuzz(FUZZ_SECONDS, Some(1))?;
    let feature = openssl_feature();
    OPENSSL_STEPS.iter().try_for_each(|step| cargo(&step.replace("FEATURE", feature)))
}

/// The system's OpenSSL where there is one to build against, or else one built from source.
fn openssl_feature() -> &'static str {
    let pkg_config = Command::new("pkg-config").args(["--atleast-version=1.1.1", "openssl"]).status();
    if pkg_config.is_ok_and(|status| status.success()) { "openssl" } else { "vendored" }
}

/// The code as it is shipped, all suites of both providers. It fails where there is no valgrind, and says what to install.
pub(crate) fn constant_time() -> Result<(), Vec<String>> {
    cargo("run --release -p cenacle-testkit --no-default-features --features world --bin constant-time")
}

/// Every fuzz target on its seeds, the corpus if one was written, and mutations; two at a time. Built as the tests are, so
/// that nothing is built for it alone.
pub(crate) fn fuzz(seconds: &str, seed: Option<u64>) -> Result<(), Vec<String>> {
    let seed = seed.map_or(String::new(), |seed| format!(" --seed {seed}"));
    cargo(&format!("run --quiet -p cenacle-fuzz -- run --jobs 2 --seconds {seconds}{seed}"))
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
