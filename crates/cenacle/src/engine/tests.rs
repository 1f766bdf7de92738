//! A process that dies between storing a step and storing what the step says: the step's batch tells what to make anew.

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
