//! Groups over a service that is dishonest in one way each: what it does is harmless for a reason that is named, or somebody
//! sees it; and the members find together again, or stop where that is what they want. No nonce leaves twice under a key.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_testkit::ledger::Ledger;
use cenacle_world::{Acts, Behaviour, Config, Harmless, Notice, Recovery, Report, Simulation};

fn run(config: Config) -> Report {
    let suite = Ledger::default().watch(RustCryptoProvider.suite(CipherSuite(1)).unwrap());
    Simulation::new(config, suite).run()
}

/// Acts that somebody got, which have an outcome of their own.
fn reached(acts: &Acts) -> u64 {
    let never = acts.outcomes.get(&Notice::Harmless(Harmless::NeverSeen)).copied().unwrap_or(0);
    acts.outcomes.values().sum::<u64>() - never
}

/// Each behaviour by itself, seed after seed, until what it did came to somebody.
fn each_behaviour(recovery: Recovery, seeds: u64) -> Vec<Report> {
    let mut reports = Vec::new();
    for behaviour in Behaviour::ALL.iter().copied() {
        let mut done = 0;
        for seed in 1..=seeds {
            let config = Config { members: 6, epochs: 40, deep_every: 32, recovery, ..Config::of_seed(seed) };
            let report = run(config.over([behaviour]));
            assert!(report.finding.is_none(), "{behaviour}, seed {seed}: {}", report.finding.unwrap());
            if let Some(acts) = report.dishonest.get(&behaviour) {
                assert_eq!(acts.outcomes.values().sum::<u64>(), acts.count, "{behaviour}: {acts:?}");
                done += reached(acts);
            }
            reports.push(report);
            if done > 0 {
                break;
            }
        }
        assert!(done > 0, "{behaviour}: nobody ever got what the service did");
    }
    reports
}

#[test]
fn every_way_to_be_dishonest() {
    each_behaviour(Recovery::Resync, 8);
}

#[test]
fn members_that_stop() {
    let reports = each_behaviour(Recovery::Stop, 8);
    assert!(reports.iter().any(|report| report.recoveries.contains_key("stopped")), "nobody stopped");
}

/// Runs in which a fork ends without two members of its sides having met, or with a member that stopped before it.
#[test]
fn forks_that_end_otherwise() {
    let all = Behaviour::ALL;
    let runs =
        [(Recovery::Resync, all, 9), (Recovery::Stop, all, 11), (Recovery::Stop, [Behaviour::Fork].as_slice(), 4)];
    for (recovery, behaviours, seed) in runs {
        let config = Config { members: 6, epochs: 40, deep_every: 32, recovery, ..Config::of_seed(seed) };
        let report = run(config.over(behaviours.iter().copied()));
        assert!(report.finding.is_none(), "{recovery:?}, seed {seed}: {}", report.finding.unwrap());
    }
}
