//! What needs a look inside: a process that dies between storing a step and storing what the step says, and the stock of
//! key packages.

use cenacle_mls::delta::{Delta, Store};

use super::{
    Engine,
    room::{Body, indexed_row},
};
use crate::{ConversationId, Error, state};

#[path = "../../tests/common/mod.rs"]
mod common;

use common::{World, agree, joined, texts};

/// Leaves the outbox as if the process had died before every second batch.
fn lose_what_waits(engine: &mut Engine, id: &ConversationId) -> Result<usize, Error> {
    let mut delta = Delta::new();
    let room = engine.room(id)?;
    for (index, waiting) in &room.outbox {
        state::put(&mut delta, indexed_row(state::OUTBOX, id, *index), &(&waiting.header, None::<Body>))?;
    }
    let count = room.outbox.len();
    engine.store.apply(&delta)?;
    Ok(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_before_it_was_posted_is_made_anew() {
    let mut world = World::new().await;
    let (alice, bob) = (world.stored_client("alice").await, world.client("bob").await);
    let mut to_bob = bob.events();
    let room = alice.create_conversation("torn").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    let id = room.id().clone();

    world.stop().await;
    room.send("said").await.unwrap();
    assert!(matches!(room.rotate().await, Err(Error::Offline(_))));
    let torn = id.clone();
    let lost = alice.engine().ask(move |engine| {
        Box::pin(async move {
            engine.commit_what_is_wanted(&torn).await?;
            lose_what_waits(engine, &torn)
        })
    });
    assert_eq!(lost.await.unwrap(), 2, "the message and the commit");
    drop(room);
    alice.close().await;

    world.start().await;
    let alice = world.stored_client("alice").await;
    alice.sync().await.unwrap();
    bob.sync().await.unwrap();
    let room = alice.conversation(id);
    assert_eq!((texts(&room).await, texts(&bobs).await), (vec!["said".to_owned()], vec!["said".to_owned()]));
    assert_eq!(room.epoch().await.unwrap(), 2, "the rotation came true");
    agree(&[&room, &bobs]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_packages_are_replenished_as_they_are_used() {
    let world = World::new().await;
    let (alice, bob) = (world.client("alice").await, world.client("bob").await);
    let mut to_bob = bob.events();
    let mut joins = 0;
    for n in 0..25 {
        let room = alice.create_conversation(&n.to_string()).await.unwrap();
        room.invite("bob").await.unwrap();
        joined(&bob, &mut to_bob).await;
        joins += 1;
    }
    bob.sync().await.unwrap();
    let stock = bob.engine().ask(|engine| Box::pin(async { engine.api.stock().await })).await.unwrap();
    assert_eq!((joins, stock.suites.len()), (25, 1));
    assert!(stock.suites[0].normal >= 10 && stock.suites[0].last_resort, "{stock:?}");
}
