//! Two devices with one state, both of which come back by themselves.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

extern crate alloc;

mod common;
mod liar;

use alloc::sync::Arc;
use core::time::Duration;
use std::{fs, path::PathBuf};

use cenacle::{Client, Error, Event, Loss, Recovery, transport::Transport};
use common::agree;
use liar::{Liar, Pair, news};

/// Each takes the other's place: one time each, and no more without a person's word, also after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn two_with_the_same_state_do_not_fight_for_ever() {
    let pair = Pair::new(Recovery::Automatic).await;
    let id = pair.bobs.id().clone();
    let Pair { world, liar, alice, bob, alices, bobs, .. } = pair;
    drop(bobs);
    bob.close().await;
    let [path, copy] = ["bob.db", "twin.db"].map(|name| world.directory.path().join(name));
    fs::copy(&path, &copy).unwrap();
    let open = async |path: &PathBuf| {
        let transport: Arc<dyn Transport> = Arc::<Liar>::clone(&liar);
        let config = world.config().transport(transport).recovery(Recovery::Automatic).retries(0);
        Client::open(config.poll_interval(Duration::from_secs(3600)).data(path)).await.unwrap()
    };
    let (bob, twin) = (open(&path).await, open(&copy).await);
    for client in [&bob, &twin] {
        client.sync().await.unwrap();
    }
    bob.conversation(id.clone()).send("by one of them").await.unwrap();
    let epoch = alices.epoch().await.unwrap();
    for client in [&twin, &bob] {
        client.sync().await.unwrap();
    }
    let mut to_twin = twin.events();
    for _ in 0..3 {
        let outcome = twin.sync().await;
        assert!(matches!(outcome, Err(Error::StateLost)), "{outcome:?}");
        bob.sync().await.unwrap();
    }
    twin.close().await;
    let told = news(&mut to_twin).await;
    let losses = told.iter().filter(|event| matches!(event, Event::Lost { loss: Loss::OldState, .. })).count();
    let returns = told.iter().filter(|event| matches!(event, Event::Rejoined { .. })).count();
    assert_eq!((losses, returns), (2, 1), "{told:?}");
    let twin = open(&copy).await;
    assert!(matches!(twin.sync().await, Err(Error::StateLost)));
    alice.sync().await.unwrap();
    assert_eq!(alices.epoch().await.unwrap(), epoch + 2);
    // A person decides.
    twin.conversation(id.clone()).rejoin(&[]).await.unwrap();
    assert!(matches!(bob.sync().await, Err(Error::StateLost)));
    alice.sync().await.unwrap();
    agree(&[&alices, &twin.conversation(id)]).await;
}
