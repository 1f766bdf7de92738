//! Seeded random runs. They mix all operations of the adapters, but those that end a group.

use std::time::Instant;

use cenacle_testkit::peers::run::{RunConfig, Tally, random_run};
use cenacle_testkit::peers::{Maker, Options, Peer, PeerResult, cenacle_peer, mls_rs_peer, openmls_peer};

use super::{MORE_SUITES, SUITES, all_options, greased_options, is_long};

fn run(config: RunConfig, makers: &[Maker]) -> Tally {
    random_run(&config, makers).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Where the random runs start: fixed, or as the environment says.
fn first_seed() -> u64 {
    std::env::var("CENACLE_PEERS_SEED").map_or(1, |seed| seed.parse().unwrap())
}

/// How often each kind of thing was done.
fn counts(tally: &Tally) -> [usize; 18] {
    [
        tally.adds_by_value,
        tally.adds_by_reference,
        tally.removes_by_value,
        tally.removes_by_reference,
        tally.updates,
        tally.psks,
        tally.resumption_psks,
        tally.context_extensions,
        tally.paths_only,
        tally.external_joins,
        tally.resyncs,
        tally.entries_with_psk,
        tally.external_proposals,
        tally.newcomer_proposals,
        tally.discarded_commits,
        tally.application_messages,
        tally.late_messages,
        tally.refused_to_removed,
    ]
}

/// Random groups in these framings; together they must have done everything.
fn random_groups(suite: u16, framings: impl Iterator<Item = Options>, makers: &[Maker]) {
    let external_psks = makers.len() == 2;
    let mut totals = [0; 18];
    let mut observed = 0;
    for (seed, options) in (first_seed() + u64::from(suite)..).zip(framings) {
        let config = RunConfig { seed, suite, options, members: 9, epochs: 40, external_psks };
        let tally = run(config, makers);
        assert_eq!(tally.epochs, 40);
        observed += tally.observed_handshakes;
        for (total, count) in totals.iter_mut().zip(counts(&tally)) {
            *total += count;
        }
    }
    assert!(totals.iter().all(|&total| total > 0) && observed > 0, "something was left out: {totals:?}, {observed}");
}

/// All three, which have these suites in common.
const ALL: [Maker; 3] = [cenacle_peer, mls_rs_peer, openmls_peer];

/// The two that have more, and put GREASE everywhere.
const TWO: [Maker; 2] = [cenacle_peer, mls_rs_peer];

#[test]
fn random_groups_of_all_three_in_suite_1() {
    random_groups(1, all_options(), &ALL);
}

#[test]
fn random_groups_of_all_three_in_suite_2() {
    random_groups(2, all_options(), &ALL);
}

#[test]
fn random_groups_of_all_three_in_suite_3() {
    random_groups(3, all_options(), &ALL);
}

#[test]
fn random_groups_of_two_in_suites_with_longer_hashes() {
    random_groups(5, greased_options(), &TWO);
    random_groups(7, greased_options(), &TWO);
}

/// The observer is the only one of Cenacle's.
#[test]
fn an_observer_follows_groups_of_others() {
    let options = Options { tree_in_welcome: true, ..Options::default() };
    for suite in SUITES {
        let config = RunConfig { seed: first_seed(), suite, options, members: 9, epochs: 40, external_psks: false };
        let tally = run(config, &[mls_rs_peer, openmls_peer]);
        assert!(tally.observed_handshakes > tally.epochs, "{tally:?}");
    }
}

/// A group of 32 through 200 epochs: a deep tree, many of whose nodes are blank, and many members that are unmerged.
fn large_group(suite: u16, options: Options, makers: &[Maker]) {
    let external_psks = makers.len() == 2;
    let epochs = 200;
    let config = RunConfig { seed: first_seed(), suite, options, members: 32, epochs, external_psks };
    let began = Instant::now();
    let tally = run(config, makers);
    assert_eq!(tally.epochs, epochs);
    assert!(counts(&tally).iter().all(|&count| count > 0), "something was left out: {tally:?}");
    eprintln!("{config:?}\n  {tally:?}\n  {} s", began.elapsed().as_secs());
}

/// An observer follows.
#[test]
fn a_large_group_of_all_three() {
    large_group(1, Options { tree_in_welcome: true, ..Options::default() }, &ALL);
}

/// In all suites and framings.
fn for_long<I: Iterator<Item = Options>>(suites: &[u16], framings: fn() -> I, makers: &[Maker]) {
    for suite in suites.iter().filter(|_| is_long()) {
        framings().for_each(|options| large_group(*suite, options, makers));
    }
}

#[test]
fn large_groups_of_all_three_for_long() {
    for_long(&SUITES, all_options, &ALL);
}

#[test]
fn large_groups_of_two_for_long() {
    for_long(&MORE_SUITES, greased_options, &TWO);
}

/// A client of another suite cannot be added, which is a failure that comes for certain.
fn other_suite(name: &str, suite: u16, options: Options) -> PeerResult<Box<dyn Peer>> {
    openmls_peer(name, if suite == 1 { 3 } else { 1 }, options)
}

#[test]
fn a_failure_tells_seed_and_step() {
    let options = Options { encrypt_handshakes: true, ..Options::default() };
    let config = RunConfig { seed: 77, suite: 1, options, members: 8, epochs: 1, external_psks: false };
    let failure = random_run(&config, &[mls_rs_peer, other_suite]).unwrap_err();
    assert!(failure.steps.last().unwrap().contains("commits; by value: [\"Add\""), "{failure}");
    let told = failure.to_string();
    assert!(told.starts_with("seed 77 broke after 0 epochs") && told.contains(&failure.what), "{told}");
}
