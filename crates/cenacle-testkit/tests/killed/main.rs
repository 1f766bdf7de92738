//! A client that is a process with a state file, and is really killed: before and after each of its writes, during
//! them, at any moment, and with the power going off meanwhile. Each time the file holds exactly what was there before
//! the write or after it, the restarted process goes on from there, and in the end nobody has lost a message or read one
//! twice, all agree, and no key has encrypted twice. `CENACLE_LONG=1` kills at more moments, and tears at all of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

extern crate alloc;

mod actor;
mod orders;
mod story;
mod torn;

use core::{iter, time::Duration};
use std::{env, process::Command};

use cenacle_mls::{delta::Delta, group::Handshake};
use cenacle_store::SqliteStore;
use cenacle_testkit::{
    killed::{Fate, Files, Pipe, Tally, Victim, directory},
    world::{Dice, Medium, inputs, long_run, seeds},
};
use tempfile::TempDir;

use orders::{Answer, Asked, Order};
use story::{Story, one};

/// Who the process is: a name, how it frames handshakes, and the path of its file.
const ROLE: &str = "CENACLE_KILLED";

/// Not a test by itself: the process that is killed.
#[test]
#[ignore = "started by the tests that kill it"]
fn life() {
    let Ok(role) = env::var(ROLE) else { return };
    let mut role = role.splitn(3, ' ');
    let mut next = || role.next().unwrap();
    let (name, framing, path) = (next(), next(), next());
    let handshake = if framing == "private" { Handshake::Private } else { Handshake::Public };
    let pipe = Pipe::take();
    let open = || Medium::Sqlite(SqliteStore::open(path).unwrap());
    let (mut actor, psks) = one(name, handshake, open());
    while let Some(line) = pipe.order() {
        let asked: Asked = serde_json::from_str(&line).unwrap();
        let answer = if matches!(asked.order, Order::Reopen) {
            pipe.unchanged(|| actor.reopen(open));
            Answer::Done
        } else {
            actor.obey(&asked, &inputs(&psks))
        };
        pipe.answer(&serde_json::to_string(&answer).unwrap());
    }
}

/// A process in the role of `name` with a file of its own.
fn victim(
    directory: &TempDir,
    name: &str,
    handshake: Handshake,
    fates: impl Iterator<Item = Fate> + Send + 'static,
) -> Victim {
    let path = directory.path().join("state.db");
    let framing = if handshake == Handshake::Private { "private" } else { "public" };
    let role = format!("{name} {framing} {}", path.display());
    let command = move || {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "life", "--ignored", "--nocapture"]).env(ROLE, &role);
        command
    };
    Victim::new(path, command, fates)
}

/// The files before and after each write of a story that is left alone.
fn recorded(name: &'static str, handshake: Handshake) -> Vec<(Files, Delta, Files)> {
    let directory = directory();
    let mut victim = victim(&directory, name, handshake, iter::empty());
    victim.record = Some(Vec::new());
    let mut story = Story::new(name, handshake, victim, 1);
    story.run();
    story.victim.record.take().unwrap()
}

/// Plays the story with these fates, and something done before each order to the process.
fn play(
    name: &'static str,
    handshake: Handshake,
    seed: u64,
    fates: impl Iterator<Item = Fate> + Send + 'static,
    before_order: impl FnMut(&mut Victim) + 'static,
) -> Tally {
    play_in(&directory(), name, handshake, seed, fates, before_order)
}

/// The same with its file in this directory.
fn play_in(
    directory: &TempDir,
    name: &'static str,
    handshake: Handshake,
    seed: u64,
    fates: impl Iterator<Item = Fate> + Send + 'static,
    before_order: impl FnMut(&mut Victim) + 'static,
) -> Tally {
    let victim = victim(directory, name, handshake, fates);
    let mut story = Story::new(name, handshake, victim, seed).before_order(before_order);
    story.run();
    let tally = story.victim.tally();
    println!("{name}, {handshake:?}, seed {seed}: {tally:?}");
    assert!(tally.seals > 10, "{name} encrypts {} times only", tally.seals);
    tally
}

/// Every write is tried twice: killed before it, then after it. What is done only when it is answered is spared then.
fn before_and_after_each_write(name: &'static str, handshake: Handshake) {
    let tally = play(name, handshake, 1, [Fate::Before, Fate::After].into_iter().cycle(), |_| {});
    assert!(tally.done > 20, "{name} writes {} times only", tally.done);
    assert!(tally.before == tally.after && tally.done == tally.after + tally.spared, "not every write was tried twice");
}

#[test]
fn a_creator_is_killed_before_and_after_each_write() {
    before_and_after_each_write("alice", Handshake::Private);
}

#[test]
fn a_member_is_killed_before_and_after_each_write() {
    before_and_after_each_write("bob", Handshake::Public);
}

#[test]
fn one_who_is_removed_is_killed_before_and_after_each_write() {
    before_and_after_each_write("carol", Handshake::Private);
}

#[test]
fn an_external_joiner_is_killed_before_and_after_each_write() {
    before_and_after_each_write("dave", Handshake::Private);
}

/// One kill, at one write of a story that is otherwise left alone.
#[test]
fn a_single_kill_is_survived_wherever_it_is() {
    let every = if long_run() { 1 } else { 19 };
    for (name, handshake) in [("alice", Handshake::Private), ("bob", Handshake::Public)] {
        let writes = play(name, handshake, 2, iter::empty(), |_| {}).done;
        let kills = [Fate::Before, Fate::After].into_iter();
        for (write, kill) in kills.flat_map(|kill| (0..writes).step_by(every).map(move |write| (write, kill))) {
            let spared = iter::repeat_n(Fate::Spared, usize::try_from(write).unwrap());
            assert_eq!(play(name, handshake, 2, spared.chain([kill]), |_| {}).kills(), 1);
        }
    }
}

#[test]
fn a_member_is_killed_during_each_write() {
    for seed in seeds(20) {
        let mut dice = Dice::new(seed);
        let fates = iter::repeat_with(move || Fate::during(&mut dice));
        // On a disk, where a write takes its time.
        let directory = tempfile::tempdir().unwrap();
        let tally = play_in(&directory, "bob", Handshake::Private, seed, fates, |_| {});
        assert_eq!(tally.begun, tally.during + tally.spared);
    }
}

#[test]
fn the_power_fails_during_each_write() {
    for seed in seeds(20) {
        let mut dice = Dice::new(seed);
        let fates = iter::repeat_with(move || Fate::torn(&mut dice));
        let tally = play("bob", Handshake::Private, seed, fates, |_| {});
        assert_eq!(tally.begun, tally.torn + tally.spared);
    }
}

#[test]
fn a_process_is_killed_at_any_moment() {
    for seed in seeds(20) {
        let mut dice = Dice::new(seed);
        let doom = move |victim: &mut Victim| {
            victim.die_after(Duration::from_micros(dice.below(60_000) as u64));
        };
        let tally = play("alice", Handshake::Private, seed, iter::empty(), doom);
        assert!(tally.anywhere > 0 && tally.kills() == tally.anywhere);
    }
}

#[test]
fn a_process_is_killed_while_it_makes_its_file() {
    let mut dice = Dice::new(1);
    let (mut killed, mut begun) = (0, 0);
    for _ in 0..if long_run() { 500 } else { 25 } {
        // On a disk, where it takes its time.
        let directory = tempfile::tempdir().unwrap();
        let mut victim = victim(&directory, "alice", Handshake::Private, iter::empty());
        let within = [5_000, 30_000, 120_000][dice.below(3)];
        victim.die_after(Duration::from_micros(dice.below(within) as u64));
        let mut ask = |order| victim.ask(&serde_json::to_string(&Asked { seed: 1, order }).unwrap());
        if ask(Order::Status).is_err() {
            killed += 1;
            begun += usize::from(directory.path().join("state.db").exists());
        }
        // What it left is as good as nothing.
        while !ask(Order::Status).is_ok_and(|answer| answer.contains("authenticator")) {
            drop(ask(Order::Create));
        }
    }
    println!("killed {killed} times, {begun} times with a file");
    assert!(killed > 0);
}
