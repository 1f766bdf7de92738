//! Conversations of two to four over a real server: messages, latecomers, collisions, removal.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use cenacle::{Change, Error, Event};
use common::{World, agree, joined, names, next_text, texts, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk() {
    let world = World::new().await;
    let (alice, bob) = (world.client("alice").await, world.client("bob").await);
    let (mut to_alice, mut to_bob) = (alice.events(), bob.events());

    let room = alice.create_conversation("lunch").await.unwrap();
    assert_eq!(room.epoch().await.unwrap(), 0);
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    assert_eq!(bobs.title().await.unwrap(), "lunch");
    agree(&[&room, &bobs]).await;

    let id = room.send("hello").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "hello");
    bobs.send("hi").await.unwrap();
    assert_eq!(next_text(&mut to_alice).await, "hi");

    assert_eq!(texts(&room).await, ["hello", "hi"]);
    assert_eq!(texts(&bobs).await, ["hello", "hi"]);
    let history = bobs.history().await.unwrap();
    assert_eq!((history[0].id, history[0].from.name.as_str(), history[0].mine), (id, "alice", false));
    assert!(history[1].mine && history[0].seq < history[1].seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_was_offline_catches_up() {
    let world = World::new().await;
    let (alice, bob) = (world.client("alice").await, world.client("bob").await);
    let carol = world.stored_client("carol").await;
    let mut to_carol = carol.events();
    let mut to_bob = bob.events();
    let room = alice.create_conversation("three").await.unwrap();
    room.invite("bob").await.unwrap();
    room.invite("carol").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    let carols = joined(&carol, &mut to_carol).await;
    let id = carols.id().clone();
    drop(carols);
    carol.close().await;

    room.send("one").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "one");
    bobs.rotate().await.unwrap();
    bobs.send("two").await.unwrap();
    room.rotate().await.unwrap();
    room.send("three").await.unwrap();

    let carol = world.stored_client("carol").await;
    carol.sync().await.unwrap();
    bob.sync().await.unwrap();
    let carols = carol.conversation(id);
    assert_eq!(texts(&carols).await, ["one", "two", "three"]);
    agree(&[&room, &bobs, &carols]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_changes_all_come_true() {
    let world = World::new().await;
    let mut clients = Vec::new();
    for name in ["alice", "bob", "carol", "dave", "erin"] {
        clients.push(world.client(name).await);
    }
    let mut to_bob = clients[1].events();
    let room = clients[0].create_conversation("busy").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&clients[1], &mut to_bob).await;

    for round in 0..3 {
        let before = room.epoch().await.unwrap();
        let (one, other) = tokio::join!(room.rotate(), bobs.rotate());
        one.unwrap();
        other.unwrap();
        clients[0].sync().await.unwrap();
        clients[1].sync().await.unwrap();
        assert_eq!(room.epoch().await.unwrap(), before + 2, "round {round}: both commits are in the log");
        agree(&[&room, &bobs]).await;
    }
    let (one, two, three) = tokio::join!(room.invite("carol"), bobs.invite("dave"), room.invite("erin"));
    one.unwrap();
    two.unwrap();
    three.unwrap();
    for client in &clients {
        client.sync().await.unwrap();
    }
    assert_eq!(names(&room).await, ["alice", "bob", "carol", "dave", "erin"]);
    let mut rooms = Vec::new();
    for client in &clients {
        rooms.push(client.conversation(room.id().clone()));
    }
    agree(&rooms.iter().collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_may_invite_the_same_person() {
    let world = World::new().await;
    let (alice, bob, carol) = (world.client("alice").await, world.client("bob").await, world.client("carol").await);
    let mut to_bob = bob.events();
    let room = alice.create_conversation("popular").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    let (one, other) = tokio::join!(room.invite("carol"), bobs.invite("carol"));
    one.unwrap();
    other.unwrap();
    for client in [&alice, &bob, &carol] {
        client.sync().await.unwrap();
    }
    assert_eq!(names(&room).await, ["alice", "bob", "carol"]);
    agree(&[&room, &bobs, &carol.conversation(room.id().clone())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_cannot_read_the_past() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let room = alice.create_conversation("grows").await.unwrap();
    for name in ["bob", "carol"] {
        world.client(name).await;
        room.invite(name).await.unwrap();
    }
    room.send("before").await.unwrap();
    let dave = world.client("dave").await;
    let mut to_dave = dave.events();
    room.invite("dave").await.unwrap();
    room.send("after").await.unwrap();
    let daves = joined(&dave, &mut to_dave).await;
    assert_eq!(next_text(&mut to_dave).await, "after");
    assert_eq!(texts(&daves).await, ["after"]);
    assert_eq!(names(&daves).await, ["alice", "bob", "carol", "dave"]);
    agree(&[&room, &daves]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_removed_reads_no_more_and_can_come_back() {
    let world = World::new().await;
    let (alice, bob, carol) = (world.client("alice").await, world.client("bob").await, world.client("carol").await);
    let (mut to_bob, mut to_carol) = (bob.events(), carol.events());
    let room = alice.create_conversation("shrinks").await.unwrap();
    room.invite("bob").await.unwrap();
    room.invite("carol").await.unwrap();
    let (bobs, carols) = (joined(&bob, &mut to_bob).await, joined(&carol, &mut to_carol).await);
    room.send("all").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "all");
    assert_eq!(next_text(&mut to_carol).await, "all");

    room.remove("bob").await.unwrap();
    let by = wait_for(&mut to_bob, "the removal", |event| match event {
        Event::Removed { by, .. } => by,
        _ => None,
    });
    assert_eq!(by.await.name.as_str(), "alice");
    let removed = wait_for(&mut to_carol, "the removal", |event| match event {
        Event::MembersChanged { removed, by, .. } if !removed.is_empty() => Some((removed, by.unwrap())),
        _ => None,
    });
    let (removed, by) = removed.await;
    assert_eq!((removed[0].name.as_str(), by.name.as_str()), ("bob", "alice"));

    room.send("without bob").await.unwrap();
    assert_eq!(next_text(&mut to_carol).await, "without bob");
    bob.sync().await.unwrap();
    assert_eq!(texts(&bobs).await, ["all"], "the history stays, and ends");
    assert!(!bobs.is_member().await.unwrap());
    assert!(matches!(bobs.send("still here?").await, Err(Error::NotMember)));
    agree(&[&room, &carols]).await;

    room.invite("bob").await.unwrap();
    joined(&bob, &mut to_bob).await;
    room.send("welcome back").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "welcome back");
    assert_eq!(texts(&bobs).await, ["all", "welcome back"]);
    agree(&[&room, &bobs]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_come_true_is_given_up_and_told() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let mut events = alice.events();
    let room = alice.create_conversation("lonely").await.unwrap();
    let Err(Error::GivenUp(reason)) = room.invite("nobody").await else { panic!("nobody was invited") };
    assert!(matches!(&*reason, Error::UnknownAccount(name) if name.as_str() == "nobody"));
    let change = wait_for(&mut events, "the dropped change", |event| match event {
        Event::Dropped { change, .. } => Some(change),
        _ => None,
    });
    assert_eq!(change.await, Change::Add("nobody".parse().unwrap()));
    assert!(matches!(room.invite("Not A Name").await, Err(Error::Name(_))));
    assert!(matches!(room.remove("nobody").await, Err(Error::NotInConversation(_))));
    assert!(matches!(alice.register("other").await, Err(Error::AlreadyRegistered(_))));
    let impostor = cenacle::Client::open(world.config()).await.unwrap();
    assert!(matches!(impostor.register("alice").await, Err(Error::NameTaken(_))));
    assert!(matches!(impostor.create_conversation("none").await, Err(Error::NotRegistered)));
    assert_eq!(room.epoch().await.unwrap(), 0);
}
