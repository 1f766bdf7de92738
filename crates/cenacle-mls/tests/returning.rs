//! Coming back to a group whose rows are still stored (RFC 9420 §12.4.3): by an external commit from a state that went astray,
//! not by an old Welcome; and what is left once a group is forgotten.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use cenacle_mls::{
    Error,
    group::{Client, ExternalJoin, Group, Handshake, PendingJoin},
    wire::{Epoch, MlsMessageBody},
};
use common::{
    World, inputs, roundtrip,
    succession::{id, not_accepted, open, welcome_of},
};

fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(|handshake| {
        let mut world = World::new(1, handshake);
        world.create("alice");
        world.add("alice", "bob");
        world
    })
}

/// Bob's commit from outside, in place of whoever has his key.
fn come_back(world: &mut World) -> PendingJoin {
    let info = roundtrip(&world.member("alice").group_info(true, true).unwrap());
    let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
    let former = Group::former_leaf(&world.people.get("bob").unwrap().client, world.member("alice").public()).ok();
    let World { people, rng, .. } = world;
    let bob = people.get_mut("bob").unwrap();
    let how = ExternalJoin { replaces: former, ..ExternalJoin::default() };
    let pending = bob.client.join_external(&info, how, &inputs(), rng).unwrap().persist(&mut bob.store).unwrap();
    let commit = pending.commit().clone();
    assert!(world.receive("alice", &commit).is_ok());
    pending
}

// RFC 9420 §12.4.3.2.
#[test]
fn who_went_ahead_comes_back() {
    for ahead in 1..=3 {
        for mut world in worlds() {
            let copy = world.people.get("alice").unwrap().store.snapshot();
            for _ in 0..ahead {
                world.renew("bob");
            }
            // Nobody else ever heard of that.
            world.restore("alice", copy);
            let pending = come_back(&mut world);
            let bob = world.people.get_mut("bob").unwrap();
            let old = bob.group.take().unwrap();
            let new = pending.accepted();
            assert!(new.public().epoch() <= old.epoch());
            bob.group = Some(new.accept_in_place_of(old, &mut bob.store).unwrap());
            assert_eq!(world.member("bob").epoch(), Epoch(2));
            world.reload("bob");
            world.say("bob", "back");
            world.agree();
        }
    }
}

// The same, for one who was removed where nobody else was.
#[test]
fn who_was_removed_ahead_comes_back() {
    for ahead in 0..=2 {
        for mut world in worlds() {
            let copy = world.people.get("alice").unwrap().store.snapshot();
            for _ in 0..ahead {
                world.renew("bob");
            }
            world.remove("alice", "bob");
            world.restore("alice", copy);
            let pending = come_back(&mut world);
            world.forget("bob");
            let bob = world.people.get_mut("bob").unwrap();
            bob.group = Some(pending.accepted().accept(&mut bob.store).unwrap());
            world.reload("bob");
            world.say("bob", "back");
            world.agree();
        }
    }
}

// RFC 9420 §16.8: a key package of last resort opens its Welcome for ever, and with it keys that were used.
#[test]
fn an_old_welcome_is_stale_whatever_is_handed_in() {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    let package = world.last_resort("bob");
    let invite = |world: &mut World| {
        let package = package.clone();
        let welcome = world.commit("alice", |commit| commit.add(package)).welcome.unwrap();
        world.accept("bob", &welcome).unwrap();
        welcome_of(&welcome)
    };
    let first = invite(&mut world);
    world.remove("alice", "bob");
    let load = |world: &World| {
        let bob = world.people.get("bob").unwrap();
        bob.client.load_group(&bob.store, &id("group")).unwrap().unwrap()
    };
    let (former, again) = (load(&world), load(&world));
    let second = invite(&mut world);
    world.say("bob", "under keys of the second");
    let present = load(&world);
    let bob = world.people.get_mut("bob").unwrap();
    let before = bob.store.snapshot();
    for (welcome, old, epoch) in [(&first, former, 1), (&second, again, 3), (&second, present, 3)] {
        let new = open(&bob.client, &bob.store, welcome, &inputs()).unwrap();
        assert_eq!(not_accepted(new.accept_in_place_of(old, &mut bob.store)), Error::Stale(Epoch(epoch)));
        assert!(before == bob.store.snapshot());
    }
    // Nor after the removal.
    world.remove("alice", "bob");
    let bob = world.people.get_mut("bob").unwrap();
    let before = bob.store.snapshot();
    let new = open(&bob.client, &bob.store, &second, &inputs()).unwrap();
    assert_eq!(not_accepted(new.accept(&mut bob.store)), Error::Stale(Epoch(3)));
    assert!(before == bob.store.snapshot());
}

#[test]
fn a_forgotten_group_leaves_nothing() {
    for mut world in worlds() {
        let pending = come_back(&mut world);
        let bob = world.people.get_mut("bob").unwrap();
        let (message, _) = PendingJoin::recover(&bob.store, &id("group")).unwrap().unwrap();
        assert_eq!(message, *pending.commit());
        bob.group = None;
        Client::forget_group(&mut bob.store, &id("other")).unwrap();
        assert!(PendingJoin::recover(&bob.store, &id("group")).unwrap().is_some());
        Client::forget_group(&mut bob.store, &id("group")).unwrap();
        assert!(PendingJoin::recover(&bob.store, &id("group")).unwrap().is_none());
        assert_eq!(bob.store.len_rows(), 0);
        assert!(bob.client.load_group(&bob.store, &id("group")).unwrap().is_none());
    }
}
