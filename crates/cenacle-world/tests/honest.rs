//! Groups over an honest service, by seed: everything that comes is explained, no nonce leaves twice under a key though old
//! backups are put back, and the same seed gives the same run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_testkit::ledger::Ledger;
use cenacle_world::{Config, Report, Simulation};

fn run(config: Config) -> Report {
    let ledger = Ledger::default();
    let report = Simulation::new(config, ledger.watch(RustCryptoProvider.suite(CipherSuite(1)).unwrap())).run();
    assert!(ledger.seals() > 0 && ledger.encapsulations() > 0, "{ledger:?}");
    report
}

#[test]
fn a_few_seeds() {
    let mut restored = 0;
    for seed in 1..=4 {
        let report = run(Config { members: 8, epochs: 40, deep_every: 16, ..Config::of_seed(seed) });
        assert!(report.finding.is_none(), "seed {seed}: {}", report.finding.unwrap());
        assert!(report.epochs >= 40 && report.messages.read > 0, "{report:?}");
        restored += report.faults.get("old backup restored").copied().unwrap_or(0);
    }
    assert!(restored > 0, "no old backup was put back");
}

#[test]
fn a_seed_is_one_run() {
    let config = || Config { members: 6, epochs: 20, ..Config::of_seed(9) };
    let (one, other) = (run(config()), run(config()));
    assert_eq!(one, other);
    assert_ne!(one.digest, run(Config { seed: 10, ..config() }).digest);
}
