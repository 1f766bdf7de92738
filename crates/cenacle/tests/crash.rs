//! A client that dies at any of its requests, before it arrives or before its answer does: whatever it was doing is done
//! after it is opened again, exactly once.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

extern crate alloc;

mod common;

use alloc::sync::Arc;
use core::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use cenacle::{
    Client, Conversation, Error,
    transport::{BoxFuture, Hints, HttpTransport, Request, Response, Transport, TransportError},
};
use cenacle_service::wire::DeviceToken;
use common::{World, agree, names, texts};

/// A connection that is cut after so many requests, for good.
#[derive(Debug)]
struct Cut {
    inner: HttpTransport,
    left: AtomicI64,
    /// Whether the last request arrives, and only its answer is lost.
    last_arrives: bool,
}

impl Transport for Cut {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let left = self.left.fetch_sub(1, Ordering::SeqCst);
            if left > 0 {
                return self.inner.send(request).await;
            }
            if left == 0 && self.last_arrives {
                self.inner.send(request).await?;
            }
            Err(TransportError::Unreachable)
        })
    }

    fn hints(&self, _: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        Box::pin(async { Err(TransportError::Unreachable) })
    }
}

fn may_be_offline<T>(outcome: Result<T, Error>) {
    match outcome {
        Ok(_) | Err(Error::Offline(_)) => {}
        Err(error) => panic!("failed otherwise than by being offline: {error}"),
    }
}

/// What is done while the connection is cut somewhere.
async fn act(room: &Conversation) {
    may_be_offline(room.send("one").await);
    may_be_offline(room.rotate().await);
    may_be_offline(room.send("two").await);
    may_be_offline(room.remove("carol").await);
    may_be_offline(room.invite("dave").await);
    may_be_offline(room.send("three").await);
}

struct Others {
    bob: Client,
    dave: Client,
}

/// Cuts after `requests` requests; says whether it came to that.
async fn die_after(world: &World, others: &Others, requests: i64, last_arrives: bool) -> bool {
    let inner = HttpTransport::new(&world.url()).unwrap();
    let cut = Arc::new(Cut { inner, left: AtomicI64::new(i64::MAX), last_arrives });
    let name = format!("alice-{requests}-{last_arrives}");
    let path = world.directory.path().join(&name);
    let config = || world.config().data(&path).retries(0).poll_interval(Duration::from_secs(3600));
    let transport: Arc<dyn Transport> = Arc::<Cut>::clone(&cut);
    let alice = Client::open(config().transport(transport)).await.unwrap();
    alice.register(&name).await.unwrap();
    let room = alice.create_conversation("fragile").await.unwrap();
    room.invite("bob").await.unwrap();
    room.invite("carol").await.unwrap();
    let id = room.id().clone();

    cut.left.store(requests, Ordering::SeqCst);
    act(&room).await;
    let is_cut = cut.left.load(Ordering::SeqCst) < 0;
    drop(room);
    alice.close().await;

    let what = format!("cut after {requests} requests, the last arrived: {last_arrives}");
    let alice = Client::open(config()).await.unwrap();
    alice.sync().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let room = alice.conversation(id.clone());
    for client in [&others.bob, &others.dave] {
        client.sync().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    let (bobs, daves) = (others.bob.conversation(id.clone()), others.dave.conversation(id));
    assert_eq!(names(&room).await, [name.as_str(), "bob", "dave"], "{what}");
    agree(&[&room, &bobs, &daves]).await;
    assert_eq!(texts(&room).await, ["one", "two", "three"], "{what}");
    assert_eq!(texts(&bobs).await, ["one", "two", "three"], "{what}");
    let history = room.history().await.unwrap();
    assert!(history.iter().all(|message| message.seq.is_some()), "{what}: everything was delivered");
    is_cut
}

async fn die_everywhere(last_arrives: bool) {
    let world = World::new().await;
    let others = Others { bob: world.client("bob").await, dave: world.client("dave").await };
    let _carol = world.client("carol").await;
    let mut requests = 0;
    while die_after(&world, &others, requests, last_arrives).await {
        requests += 1;
    }
    assert!(requests > 15, "only {requests} requests: the story is too short to tell much");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_arrived_is_made_again() {
    die_everywhere(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answer_was_lost_is_answered_again() {
    die_everywhere(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_registration_is_finished() {
    let world = World::new().await;
    let mut requests = 0;
    loop {
        let name = format!("alice-{requests}");
        let path = world.directory.path().join(&name);
        let config = || world.config().data(&path).retries(0).poll_interval(Duration::from_secs(3600));
        let inner = HttpTransport::new(&world.url()).unwrap();
        let cut = Arc::new(Cut { inner, left: AtomicI64::new(requests), last_arrives: true });
        let transport: Arc<dyn Transport> = Arc::<Cut>::clone(&cut);
        let alice = Client::open(config().transport(transport)).await.unwrap();
        may_be_offline(alice.register(&name).await);
        let is_cut = cut.left.load(Ordering::SeqCst) < 0;
        alice.close().await;

        let alice = Client::open(config()).await.unwrap();
        assert_eq!(alice.register(&name).await.unwrap().name.as_str(), name);
        alice.create_conversation("registered").await.unwrap().rotate().await.unwrap();
        if !is_cut {
            break;
        }
        requests += 1;
    }
    assert!(requests > 3, "registration takes more than {requests} requests");
}
