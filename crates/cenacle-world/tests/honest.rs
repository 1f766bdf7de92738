//! Groups over an honest service, by seed: everything that comes is explained, and the same seed gives the same run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_world::{Config, Report, Simulation};

fn run(config: Config) -> Report {
    Simulation::new(config, RustCryptoProvider.suite(CipherSuite(1)).unwrap()).run()
}

#[test]
fn a_few_seeds() {
    for seed in 1..=4 {
        let report = run(Config { members: 8, epochs: 40, deep_every: 16, ..Config::of_seed(seed) });
        assert!(report.finding.is_none(), "seed {seed}: {}", report.finding.unwrap());
        assert!(report.epochs >= 40 && report.messages.read > 0, "{report:?}");
    }
}

#[test]
fn a_seed_is_one_run() {
    let config = || Config { members: 6, epochs: 20, ..Config::of_seed(9) };
    let (one, other) = (run(config()), run(config()));
    assert_eq!(one, other);
    assert_ne!(one.digest, run(Config { seed: 10, ..config() }).digest);
}
