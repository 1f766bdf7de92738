//! A process that dies between storing a step and storing what the step says: the step's batch tells what to make anew.

use cenacle_mls::delta::{Delta, Store};

use crate::{
    Client, Error,
    engine::{Engine, lose_what_waits},
    tests::common::{World, agree, joined, texts},
};

async fn lose(client: &Client) -> usize {
    client.engine.ask(|engine| Box::pin(async { lose_what_waits(engine) })).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_before_it_was_posted_is_made_anew() {
    let mut world = World::new().await;
    let (alice, bob, carol) = (world.stored_client("alice").await, world.client("bob").await, world.client("carol").await);
    let (mut to_bob, mut to_carol) = (bob.events(), carol.events());
    let room = alice.create_conversation("torn").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    let id = room.id().clone();
    world.stop().await;
    room.send("said").await.unwrap();
    assert!(matches!(room.rotate().await, Err(Error::Offline(_))));
    assert_eq!(lose(&alice).await, 1);
    drop(room);
    alice.close().await;

    world.start().await;
    let alice = world.stored_client("alice").await;
    alice.sync().await.unwrap();
    bob.sync().await.unwrap();
    let room = alice.conversation(id);
    assert_eq!((texts(&room).await, texts(&bobs).await), (vec!["said".into()], vec!["said".into()]));
    assert_eq!(room.epoch().await.unwrap(), 2, "the rotation came true");
    agree(&[&room, &bobs]).await;
    drop((to_carol, carol));
}
