//! Groups over an honest service, by seed.

use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_world::{Config, Simulation};

#[test]
fn small() {
    let number = |name: &str, default: u64| std::env::var(name).ok().map_or(default, |value| value.parse().unwrap());
    let first = number("SEED", 0);
    let mut total: std::collections::BTreeMap<_, std::collections::BTreeMap<_, u64>> = Default::default();
    let mut recoveries: std::collections::BTreeMap<_, u64> = Default::default();
    for seed in first..first+number("SEEDS", 40) {
        let mut config = Config { members: u32::try_from(number("MEMBERS", 6)).unwrap(), epochs: number("EPOCHS", 60), deep_every: number("DEEP", 16), ..Config::of_seed(seed) };
        config.dishonest = std::env::var("DISHONEST").unwrap_or_default().split(',').filter(|s| !s.is_empty()).map(|s| s.parse().unwrap()).collect();
        let start = std::time::Instant::now();
        let report = Simulation::new(config, RustCryptoProvider.suite(CipherSuite(1)).unwrap()).traced(|at, what| if std::env::var_os("TRACE").is_some() { println!("{at} {what}") }).run();
        println!("SUM {seed}: {:?} {} events, {} s virtual, {:?}\n{:?}\n{:?} {:?} {:?}\n{:?} {:?}", start.elapsed(), report.events, report.virtual_seconds, report.operations, report.messages, report.faults, report.refusals, report.signals, report.recoveries, report.dishonest);
        for (b, acts) in &report.dishonest { for (n, c) in &acts.outcomes { *total.entry(*b).or_default().entry(*n).or_default() += c; } }
        for (b, c) in &report.recoveries { *recoveries.entry(*b).or_default() += c; }
        if let Some(finding) = report.finding { panic!("seed {seed}: {finding}"); }
    }
    println!("TOTAL {total:#?} {recoveries:#?}");
}
