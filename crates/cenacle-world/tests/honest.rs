//! Groups over an honest service, by seed.

use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_world::{Config, Simulation};

#[test]
fn small() {
    for seed in 0..12 {
        let config = Config { members: 6, epochs: 60, deep_every: 16, ..Config::of_seed(seed) };
        let report = Simulation::new(config, RustCryptoProvider.suite(CipherSuite(1)).unwrap()).run();
        println!("{seed}: {:?}\n{:?}", report.operations, report.messages);
        if let Some(finding) = report.finding { panic!("seed {seed}: {finding}"); }
    }
}
