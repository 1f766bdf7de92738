//! No nonce leaves twice under one key, with the reuse guard ignored. Every test of the worlds runs under the ledger, and so
//! do those of `cenacle-world`; here it is shown to catch what it should, and the ways are tried in which a member could come
//! to use a key again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use core::panic::AssertUnwindSafe;
use std::{env, panic::catch_unwind};

use cenacle_codec::Encode as _;
use cenacle_crypto::CipherSuite;
use cenacle_mls::{
    group::{CommitBuilder, CommitBundle, Handshake},
    wire::{KeyPackage, MlsMessageBody},
};
use cenacle_testkit::{
    ledger::{Ledger, mill},
    world::{Disk, Provider, World, long_run},
};

const BOTH: [Handshake; 2] = [Handshake::Public, Handshake::Private];

fn world(seed: u64, handshake: Handshake) -> World {
    World::new(seed, Provider::RustCrypto, CipherSuite(1)).framing(handshake).group_of(&["alice", "bob"])
}

/// Whether the ledger objects to what `f` does.
fn objects(f: impl FnOnce()) -> bool {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { return false };
    let why = panic.downcast_ref::<String>().map_or("", String::as_str);
    assert!(why.contains("repeats a nonce"), "{why}");
    true
}

#[test]
fn a_restored_copy_that_goes_on_is_caught() {
    for handshake in BOTH {
        let mut world = world(1, handshake);
        let copy = world.at("alice").disk.snapshot();
        world.protect("alice", b"said after the copy");
        world.person("alice").reload();
        world.protect("alice", b"said after a restart");
        let alice = world.person("alice");
        alice.disk = Disk::restored(&copy);
        alice.reload();
        assert!(objects(|| drop(world.protect("alice", b"said once more"))), "the guards differ, the nonces do not");
    }
}

#[test]
fn a_second_process_is_caught() {
    let mut world = world(2, Handshake::Private);
    let mut other = world.at("alice").copied(world.at("alice").client.clone());
    world.step("alice", |group, rng| group.propose_update(rng));
    let mut rng = world.dice.fork();
    assert!(objects(|| drop(other.step(|group| group.propose_update(&mut rng)))));
}

#[test]
fn what_is_dropped_never_left() {
    let mut world = world(3, Handshake::Private);
    let mut rng = world.dice.fork();
    let alice = world.at("alice");
    let before = world.ledger.seals();
    let (message, attempt) = world.ledger.attempt(|| alice.group().protect(b"not sent", b"", &mut rng));
    drop(message);
    attempt.settle(false);
    assert_eq!(world.ledger.seals(), before);
    world.protect("alice", b"sent");
    assert_eq!(world.ledger.seals(), before + 2, "content and sender data");
    // Whoever says nothing of what became of it is taken to have sent it.
    let alice = world.at("alice");
    let (message, attempt) = world.ledger.attempt(|| alice.group().protect(b"perhaps sent", b"", &mut rng));
    drop((message, attempt));
    assert_eq!(world.ledger.seals(), before + 4);
    assert!(objects(|| drop(world.protect("alice", b"sent"))));
}

/// Alice adds Carol, as the builder is told to, and takes it back. Gives the commit and whether it has a path.
fn add_in_vain(
    world: &mut World,
    package: &KeyPackage,
    f: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
) -> (CommitBundle, bool) {
    let leaf = |world: &World| {
        let group = world.at("alice").group();
        group.pending_public().unwrap_or_else(|| group.public()).tree().leaf(group.own_leaf()).unwrap()
    };
    let before = leaf(world);
    let bundle = world.prepare("alice", |commit| f(commit.add(package.clone())));
    let has_path = leaf(world) != before;
    world.step("alice", |group, _| group.discard_pending());
    world.at("alice").assert_stored();
    (bundle, has_path)
}

#[test]
fn a_welcome_without_a_path_is_made_once_an_epoch() {
    for handshake in BOTH {
        let mut world = world(4, handshake);
        world.enter("carol");
        let mut rng = world.dice.fork();
        let package = world.person("carol").try_key_package(false, &mut rng).unwrap();
        // The Welcome's key follows from the epoch and the commit, and of that nothing is random.
        let (_, has_path) = add_in_vain(&mut world, &package, |commit| commit);
        assert!(!has_path);
        // Another GroupInfo under the same key must not be.
        let (_, has_path) = add_in_vain(&mut world, &package, |commit| commit.without_tree());
        assert!(has_path);
        world.person("alice").reload();
        let (_, has_path) = add_in_vain(&mut world, &package, |commit| commit);
        assert!(has_path, "a restart does not make it forgotten");
        // What adds nobody has no Welcome, and a path has its own randomness.
        let bundle = world.prepare("alice", |commit| commit.with_path());
        assert!(bundle.welcome.is_none());
        world.deliver(&bundle.commit.to_bytes().unwrap());
        // In the next epoch it is cheap again.
        let bundle = world.prepare("alice", |commit| commit.add(package.clone()));
        let pending = world.at("alice").group().pending_public().unwrap();
        let alice = world.leaf("alice");
        assert_eq!(pending.tree().leaf(alice), world.at("alice").group().member(alice), "no path");
        world.deliver(&bundle.commit.to_bytes().unwrap());
        let welcome = bundle.welcome.unwrap();
        assert!(matches!(welcome.body, MlsMessageBody::Welcome(_)));
        let inputs = cenacle_testkit::world::inputs(&world.psks);
        world.people.get_mut("carol").unwrap().try_join(&welcome.to_bytes().unwrap(), None, &inputs).unwrap();
        world.agree();
    }
}

#[test]
fn a_large_commit_has_an_ephemeral_key_for_everyone() {
    let mut world = World::new(5, Provider::AwsLc, CipherSuite(1)).group_of(&["alice", "bob"]);
    let mut rng = world.dice.fork();
    let mut packages = Vec::new();
    for number in 0..70 {
        packages.push(world.enter(&format!("guest {number}")).try_key_package(false, &mut rng).unwrap());
    }
    let before = world.ledger.encapsulations();
    world.commit("alice", |commit| packages.into_iter().fold(commit, CommitBuilder::add).with_path());
    assert_eq!(world.ledger.encapsulations(), before + 71, "70 Welcomes and Bob's part of the path");
}

#[test]
fn random_operations_use_no_nonce_twice() {
    let seed = env::var("CENACLE_SEED").map_or(1, |seed| seed.parse::<u64>().unwrap());
    let operations = if long_run() { 1_000_000 } else { 20_000 };
    println!("seed {seed}");
    let ledger = Ledger::default();
    let tally = mill::grind(&ledger, seed, operations, |_| {});
    println!("{} seals, {} encapsulations, {tally:?}", ledger.seals(), ledger.encapsulations());
    // A run in which something never happened would prove little.
    for what in [
        "say",
        "read",
        "restart",
        "crash",
        "move",
        "propose",
        "commit",
        "restore",
        "old copy noticed",
        "external commit",
        "commit taken back",
        "commit too late",
        "join by welcome",
        "welcome with a path",
        "welcome without a path",
        "restore before joining",
        "restore with a pending join",
        "open without the tree",
        "refused",
    ] {
        assert!(tally.contains_key(what), "never: {what}");
    }
}
