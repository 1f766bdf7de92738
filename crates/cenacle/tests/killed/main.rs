//! A client whose process is really killed: before and after each write to its state file, during them, and at any moment.
//! Each time the file holds exactly what was there before the write or after it; what was asked for is done after the
//! restart or was never stored; and in the end everybody has everything that is for them, once, and no key has encrypted
//! twice. `CENACLE_LONG=1` kills at more moments.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

extern crate alloc;

#[path = "../common/mod.rs"]
mod common;
mod person;
mod story;

use core::{iter, time::Duration};
use std::{env, path::Path, process::Command};

use cenacle_testkit::{
    killed::{Fate, Pipe, Tally, Victim, directory},
    world::{Dice, long_run, seeds},
};
use tempfile::TempDir;

use common::World;
use story::Story;

/// Where the process finds its server and its file.
const ROLE: &str = "CENACLE_KILLED";

/// Not a test by itself: the process that is killed.
#[tokio::test]
#[ignore = "started by the tests that kill it"]
async fn life() {
    let Ok(role) = env::var(ROLE) else { return };
    let (server, path) = role.split_once(' ').unwrap();
    person::live(Pipe::take(), server, Path::new(path)).await;
}

/// Plays the story with these fates, and something done before each order to the process.
async fn play(
    directory: TempDir,
    seed: u64,
    fates: impl Iterator<Item = Fate> + Send + 'static,
    before_order: impl FnMut(&mut Victim) + Send + 'static,
) -> Tally {
    let world = World::new().await;
    let path = directory.path().join("alice.db");
    let role = format!("{} {}", world.url(), path.display());
    let command = move || {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "life", "--ignored", "--nocapture"]).env(ROLE, &role);
        command
    };
    let story = Story::new(&world, Victim::new(path, command, fates), before_order).await;
    let tally = story.run(&world).await;
    println!("seed {seed}: {tally:?}");
    tally
}

/// How often to kill at random: until all is done, or for a while.
fn kills() -> usize {
    if long_run() { usize::MAX } else { 50 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_is_killed_before_and_after_each_write() {
    let tally = play(directory(), 0, [Fate::Before, Fate::After].into_iter().cycle(), |_| {}).await;
    assert!(tally.done > 60, "{} writes only", tally.done);
    assert!(tally.before == tally.after && tally.done == tally.after + tally.spared, "not every write was tried twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_is_killed_during_each_write() {
    for seed in seeds(10) {
        let mut dice = Dice::new(seed);
        let fates = iter::repeat_with(move || Fate::during(&mut dice)).take(kills());
        // On a disk, where a write takes its time.
        let tally = play(tempfile::tempdir().unwrap(), seed, fates, |_| {}).await;
        assert_eq!(tally.begun, tally.during + tally.spared);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_power_fails_during_each_write() {
    for seed in seeds(10) {
        let mut dice = Dice::new(seed);
        let fates = iter::repeat_with(move || Fate::torn(&mut dice)).take(kills());
        let tally = play(directory(), seed, fates, |_| {}).await;
        assert_eq!(tally.begun, tally.torn + tally.spared);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_is_killed_at_any_moment() {
    for seed in seeds(20) {
        let mut dice = Dice::new(seed);
        let doom = move |victim: &mut Victim| victim.die_after(Duration::from_micros(dice.below(150_000) as u64));
        let tally = play(directory(), seed, iter::empty(), doom).await;
        assert!(tally.anywhere > 0 && tally.kills() == tally.anywhere);
    }
}
