//! Old copies of the state file, put back in its place. The file cannot know that it is one; the log can, and so nothing is
//! encrypted before it was read. A ledger of all nonces holds that: no key is used again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::std_instead_of_alloc,
    reason = "tests fail by panicking"
)]

mod common;

use std::{fs, path::PathBuf, sync::Arc};

use cenacle::{
    Client, Error,
    transport::{BoxFuture, Hints, HttpTransport, Request, Response, Transport, TransportError},
};
use cenacle_service::wire::DeviceToken;
use common::{World, joined, next_text, texts};

/// The path of someone's state, and of a copy of it as it is now.
fn copy_of(world: &World, name: &str) -> (PathBuf, PathBuf) {
    let [path, copy] = ["db", "copy"].map(|extension| world.directory.path().join(name).with_extension(extension));
    fs::copy(&path, &copy).unwrap();
    (path, copy)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_encrypts_nothing_before_the_log_was_read() {
    let mut world = World::new().await;
    let (alice, bob) = (world.stored_client("alice").await, world.client("bob").await);
    let mut to_bob = bob.events();
    let room = alice.create_conversation("copied").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    let id = room.id().clone();
    drop(room);
    alice.close().await;
    let (path, copy) = copy_of(&world, "alice");

    let alice = world.stored_client("alice").await;
    alice.conversation(id.clone()).send("said after the copy").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "said after the copy");
    alice.close().await;

    // Without a connection nobody can tell the copy from the real thing.
    world.stop().await;
    fs::copy(&copy, &path).unwrap();
    let before = world.ledger.seals();
    let alice = Client::open(world.config().data(&path)).await.unwrap();
    let room = alice.conversation(id.clone());
    room.send("said blindly").await.unwrap();
    assert_eq!(texts(&room).await, ["said blindly"]);
    drop(room);
    alice.close().await;
    let alice = Client::open(world.config().data(&path)).await.unwrap();
    let room = alice.conversation(id);
    room.send("said blindly again").await.unwrap();
    assert_eq!(world.ledger.seals(), before, "what waits is not encrypted");

    world.start().await;
    for _ in 0..2 {
        assert!(matches!(room.send("with keys used before").await, Err(Error::StateLost)));
        assert!(matches!(alice.sync().await, Err(Error::StateLost)));
    }
    assert_eq!(world.ledger.seals(), before);
    bob.sync().await.unwrap();
    assert_eq!(texts(&bobs).await, ["said after the copy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_unencrypted_is_said_once() {
    let mut world = World::new().await;
    let (alice, bob) = (world.stored_client("alice").await, world.client("bob").await);
    let mut to_bob = bob.events();
    let room = alice.create_conversation("patient").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    let id = room.id().clone();
    drop(room);
    alice.close().await;

    world.stop().await;
    let path = world.directory.path().join("alice.db");
    for text in ["one", "two"] {
        let alice = Client::open(world.config().data(&path)).await.unwrap();
        alice.conversation(id.clone()).send(text).await.unwrap();
        alice.close().await;
    }
    world.start().await;
    // Meanwhile the epoch has ended.
    bobs.rotate().await.unwrap();
    let alice = Client::open(world.config().data(&path)).await.unwrap();
    let room = alice.conversation(id);
    room.send("three").await.unwrap();
    for text in ["one", "two", "three"] {
        assert_eq!(next_text(&mut to_bob).await, text);
    }
    alice.sync().await.unwrap();
    let history = room.history().await.unwrap();
    assert!(history.iter().all(|message| message.seq.is_some()), "everything was delivered");
    assert_eq!(texts(&bobs).await, ["one", "two", "three"]);
}

/// A connection on which the server never hears that a Welcome arrived.
#[derive(Debug)]
struct Unacknowledged(HttpTransport);

impl Transport for Unacknowledged {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        if request.path.ends_with("/queue/ack") {
            return Box::pin(async { Err(TransportError::Unreachable) });
        }
        self.0.send(request)
    }

    fn hints(&self, _: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        Box::pin(async { Err(TransportError::Unreachable) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_read_a_second_time_brings_no_key_back() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let bob = world.stored_client("bob").await;
    bob.sync().await.unwrap();
    bob.close().await;
    let (path, copy) = copy_of(&world, "bob");
    let room = alice.create_conversation("twice").await.unwrap();
    room.invite("bob").await.unwrap();

    let config = || {
        let transport: Arc<dyn Transport> = Arc::new(Unacknowledged(HttpTransport::new(&world.url()).unwrap()));
        world.config().data(&path).transport(transport)
    };
    let bob = Client::open(config()).await.unwrap();
    assert!(matches!(bob.sync().await, Err(Error::Offline(_))));
    bob.conversation(room.id().clone()).send("under the first key").await.unwrap();
    bob.close().await;

    fs::copy(&copy, &path).unwrap();
    let bob = Client::open(config()).await.unwrap();
    assert!(matches!(bob.sync().await, Err(Error::Offline(_))));
    let bobs = bob.conversation(room.id().clone());
    assert!(bobs.is_member().await.unwrap(), "the Welcome was in the queue again");
    assert!(matches!(bobs.send("under the first key again").await, Err(Error::StateLost)));
    alice.sync().await.unwrap();
    assert_eq!(texts(&room).await, ["under the first key"]);
}
