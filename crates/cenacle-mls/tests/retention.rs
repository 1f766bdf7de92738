//! What is kept of past epochs, where the limit changes while a commit of one's own waits (RFC 9420 §9.2, §15.3): memory
//! and store agree, and nothing outlives what knows of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;

use cenacle_crypto::Signer;
use cenacle_mls::{
    group::{Client, Handshake, Received},
    wire::{Credential, MlsMessage},
};
use common::{World, roundtrip};

/// Sets how many past epochs a person's client keeps, in the group it holds as well.
fn keep(world: &mut World, name: &str, past_epochs: u32) {
    let person = world.person(name);
    let mut settings = *person.client.settings();
    settings.limits.past_epochs = past_epochs;
    person.client = person.client.clone().with_settings(settings);
    person.group = person.group.take().map(|group| group.with_client(&person.client).unwrap());
}

fn world(past_epochs: u32) -> World {
    let mut world = World::new(1, Handshake::Private);
    keep(&mut world, "alice", past_epochs);
    world.create("alice");
    world.add("alice", "bob");
    world
}

/// What Alice sends is accepted by all.
fn accepted(world: &mut World, commit: &MlsMessage) {
    assert!(matches!(world.receive("bob", commit), Ok(Received::Commit(_))));
    assert!(matches!(world.receive("alice", commit), Ok(Received::OwnCommit(_))));
}

#[test]
fn a_limit_that_widens_while_a_commit_waits_keeps_what_is_stored() {
    for before in [0, 1] {
        for reload in [false, true] {
            let mut world = world(before);
            let late = world.with("bob", |group, rng| group.protect(b"late", &[], rng));
            world.renew("bob");
            let commit = roundtrip(&world.build_commit("alice", |commit| commit).commit);
            keep(&mut world, "alice", 5);
            if reload {
                world.reload("alice");
            }
            accepted(&mut world, &commit);
            let (disk, memory) = world.print("alice");
            assert_eq!(disk, memory, "{before} before, reloaded: {reload}");
            assert!(world.receive("alice", &roundtrip(&late)).is_err(), "nothing kept so late a message readable");
            for _ in 0..8 {
                world.renew("bob");
                let (disk, memory) = world.print("alice");
                assert_eq!(disk, memory);
            }
        }
    }
}

#[test]
fn a_successor_takes_over_whatever_is_kept() {
    for past_epochs in [0, 5] {
        for reload in [false, true] {
            let mut world = world(past_epochs);
            let (secret, _) = world.suite.signature_key_pair(&mut world.rng).unwrap();
            let signer: Arc<dyn Signer> = Arc::from(world.suite.signer(&secret).unwrap());
            let suite = Arc::clone(&world.suite);
            let alice = world.person("alice");
            let successor = Client::new(suite, signer, Credential::Basic(b"alice, later"[..].into()))
                .with_capabilities(alice.client.capabilities().clone())
                .with_settings(*alice.client.settings());
            alice.client = alice.client.clone().with_successor(successor);
            alice.group = alice.group.take().map(|group| group.with_client(&alice.client).unwrap());
            let commit = roundtrip(&world.build_commit("alice", |commit| commit).commit);
            if reload {
                world.reload("alice");
            }
            accepted(&mut world, &commit);
            let message = world.with("alice", |group, rng| group.protect(b"it is me", &[], rng));
            let heard = world.receive("bob", &roundtrip(&message));
            assert!(matches!(heard, Ok(Received::Application(_))), "{past_epochs} kept, reloaded: {reload}: {heard:?}");
        }
    }
}
