//! Groups over a service that is dishonest in one way each: what it does is harmless for a reason that is named, or somebody
//! sees it; and the members find together again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_testkit::ledger::Ledger;
use cenacle_world::{Behaviour, Config, Simulation};

#[test]
fn every_way_to_be_dishonest() {
    for behaviour in Behaviour::ALL.iter().copied() {
        let mut done = 0;
        for seed in 1..=8 {
            let config = Config { members: 6, epochs: 40, deep_every: 32, ..Config::of_seed(seed) }.over([behaviour]);
            let report =
                Simulation::new(config, Ledger::default().watch(RustCryptoProvider.suite(CipherSuite(1)).unwrap()))
                    .run();
            assert!(report.finding.is_none(), "{behaviour}, seed {seed}: {}", report.finding.unwrap());
            let Some(acts) = report.dishonest.get(&behaviour) else { continue };
            assert_eq!(acts.outcomes.values().sum::<u64>(), acts.count, "{behaviour}: {acts:?}");
            done += acts.count;
            if done > 0 {
                break;
            }
        }
        assert!(done > 0, "{behaviour}: the service never did it");
    }
}
