//! What survives: restarts, a server that goes and comes back, files.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use cenacle::{Client, Content, Error, Event};
use common::{World, agree, joined, next_text, texts, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let world = World::new().await;
    let (alice, bob) = (world.stored_client("alice").await, world.stored_client("bob").await);
    let mut to_bob = bob.events();
    let room = alice.create_conversation("lasting").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    room.send("one").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "one");
    bobs.send("two").await.unwrap();
    alice.sync().await.unwrap();
    let (id, epoch, who) = (room.id().clone(), room.epoch().await.unwrap(), alice.id().await.unwrap());

    let again = Client::open(world.config().data(world.directory.path().join("alice.db"))).await;
    assert!(matches!(again, Err(Error::Store(cenacle::StoreError::InUse))), "one process at a time");
    drop(room);
    alice.close().await;
    drop(bobs);
    bob.close().await;

    let (alice, bob) = (world.stored_client("alice").await, world.stored_client("bob").await);
    let (room, bobs) = (alice.conversation(id.clone()), bob.conversation(id));
    assert_eq!(alice.id().await.unwrap(), who);
    assert_eq!(alice.conversations().await.unwrap().len(), 1);
    assert_eq!((room.epoch().await.unwrap(), room.title().await.unwrap().as_str()), (epoch, "lasting"));
    assert_eq!(texts(&room).await, ["one", "two"]);
    let mut to_bob = bob.events();
    room.send("three").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "three");
    bobs.rotate().await.unwrap();
    alice.sync().await.unwrap();
    agree(&[&room, &bobs]).await;
    assert_eq!(texts(&bobs).await, ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_the_server_is_down_arrives_later() {
    let mut world = World::new().await;
    let (alice, bob) = (world.stored_client("alice").await, world.client("bob").await);
    let carol = world.client("carol").await;
    let (mut to_bob, mut to_carol) = (bob.events(), carol.events());
    let room = alice.create_conversation("patient").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    room.send("before").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "before");

    world.stop().await;
    room.send("during").await.unwrap();
    assert!(matches!(room.invite("carol").await, Err(Error::Offline(_))));
    let waiting = room.history().await.unwrap();
    assert_eq!((waiting.len(), waiting[1].seq), (2, None));
    // What waits survives a restart.
    let id = room.id().clone();
    drop(room);
    alice.close().await;
    let alice = Client::open(world.config().data(world.directory.path().join("alice.db"))).await.unwrap();
    let room = alice.conversation(id);
    assert_eq!(texts(&room).await, ["before", "during"]);

    world.start().await;
    alice.sync().await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "during");
    let carols = joined(&carol, &mut to_carol).await;
    bob.sync().await.unwrap();
    assert!(room.history().await.unwrap()[1].seq.is_some());
    agree(&[&room, &bobs, &carols]).await;
    assert_eq!(texts(&bobs).await, ["before", "during"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_arrives_byte_for_byte() {
    let world = World::new().await;
    let (alice, bob) = (world.client("alice").await, world.client("bob").await);
    let mut to_bob = bob.events();
    let room = alice.create_conversation("files").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;

    let content: Vec<u8> = (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let path = world.directory.path().join("picture.png");
    std::fs::write(&path, &content).unwrap();
    room.send_file(&path).await.unwrap();
    let file = wait_for(&mut to_bob, "the file", |event| match event {
        Event::FileReceived { message, .. } => match message.content {
            Content::File(file) => Some(file),
            _ => None,
        },
        _ => None,
    });
    let file = file.await;
    assert_eq!((file.name.as_str(), file.size_bytes), ("picture.png", 1 << 20));
    assert_eq!(bobs.download(&file).await.unwrap(), content);

    let mut lost = file.clone();
    lost.blob.0[0] ^= 1;
    assert!(matches!(bobs.download(&lost).await, Err(Error::Refused(_))));
    let on_server = std::fs::read_dir(world.directory.path().join("server")).unwrap();
    for entry in on_server {
        let stored = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!stored.windows(64).any(|window| window == &content[..64]), "the server can read the file");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_state_is_noticed_before_it_says_anything() {
    let world = World::new().await;
    let (alice, bob) = (world.stored_client("alice").await, world.client("bob").await);
    let mut to_bob = bob.events();
    let room = alice.create_conversation("copied").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    let id = room.id().clone();
    drop(room);
    alice.close().await;
    let (path, copy) = (world.directory.path().join("alice.db"), world.directory.path().join("copy.db"));
    std::fs::copy(&path, &copy).unwrap();

    let alice = world.stored_client("alice").await;
    alice.conversation(id.clone()).send("said after the copy").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "said after the copy");
    alice.close().await;

    std::fs::copy(&copy, &path).unwrap();
    let alice = Client::open(world.config().data(&path)).await.unwrap();
    let room = alice.conversation(id);
    assert!(matches!(room.send("with keys used before").await, Err(Error::StateLost)));
    assert!(matches!(room.rotate().await, Err(Error::StateLost)));
    bob.sync().await.unwrap();
    assert_eq!(texts(&bobs).await, ["said after the copy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_was_removed_starts_again_with_everything_else() {
    let world = World::new().await;
    let (alice, bob) = (world.stored_client("alice").await, world.stored_client("bob").await);
    let mut to_bob = bob.events();
    let room = alice.create_conversation("lasting").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    room.send("read this").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "read this");
    let other = bob.create_conversation("bob's own").await.unwrap();
    room.remove("bob").await.unwrap();
    bob.sync().await.unwrap();
    assert!(!bobs.is_member().await.unwrap());
    let (lost, kept) = (bobs.id().clone(), other.id().clone());
    drop((bobs, other));
    bob.close().await;

    let bob = world.stored_client("bob").await;
    bob.sync().await.unwrap();
    assert_eq!(texts(&bob.conversation(lost.clone())).await, ["read this"]);
    assert!(matches!(bob.conversation(lost).send("let me in").await, Err(Error::NotMember)));
    bob.conversation(kept).send("still here").await.unwrap();
    let mut to_bob = bob.events();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    agree(&[&room, &bobs]).await;
}
