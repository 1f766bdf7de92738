//! Servers that lie or keep silent: another's key for a friend's, and no hints at all.
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
use core::time::Duration;

use cenacle::{
    Client, Config, Error, MemberId,
    transport::{BoxFuture, Hints, HttpTransport, Request, Response, Transport, TransportError},
};
use cenacle_crypto::SignaturePublicKey;
use cenacle_service::wire::{DeviceToken, Log, TakeKeyPackages, TakenKeyPackages};
use common::{World, joined, names, next_text};

/// Gives out the key packages of one device as those of another, and no hints.
#[derive(Debug)]
struct Liar {
    inner: HttpTransport,
    /// For whom, and whose instead.
    lie: Option<(MemberId, MemberId)>,
}

impl Transport for Liar {
    fn send(&self, mut request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let lie = self.lie.as_ref();
            let lie = lie.filter(|(asked, _)| request.path == format!("/v1/accounts/{}/key-packages/take", asked.name));
            let Some((asked, instead)) = lie else { return self.inner.send(request).await };
            let (_, body) = request.content.as_mut().unwrap();
            let mut take: TakeKeyPackages = serde_json::from_slice(body).unwrap();
            take.device_id = Some(instead.device);
            *body = serde_json::to_vec(&take).unwrap();
            request.path = format!("/v1/accounts/{}/key-packages/take", instead.name);
            let mut answer = self.inner.send(request).await?;
            let mut taken: TakenKeyPackages = serde_json::from_slice(&answer.content).unwrap();
            taken.key_packages[0].device_id = asked.device;
            answer.content = serde_json::to_vec(&taken).unwrap();
            Ok(answer)
        })
    }

    fn hints(&self, _: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        Box::pin(async { Err(TransportError::Unreachable) })
    }
}

/// Leaves the first of several records out of every log, or gives old ones for new.
#[derive(Debug)]
struct Censor {
    inner: HttpTransport,
    stale: bool,
}

impl Transport for Censor {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let is_log = request.path.contains("/log?");
            let mut answer = self.inner.send(request).await?;
            if is_log && let Ok(mut log) = serde_json::from_slice::<Log>(&answer.content) {
                if self.stale {
                    log.records.iter_mut().for_each(|record| record.seq = 0);
                    log.head = u64::MAX;
                } else if log.records.len() > 1 {
                    log.records.remove(0);
                }
                answer.content = serde_json::to_vec(&log).unwrap();
            }
            Ok(answer)
        })
    }

    fn hints(&self, _: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        Box::pin(async { Err(TransportError::Unreachable) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_a_gap_is_not_followed_and_one_without_progress_ends() {
    for stale in [false, true] {
        let world = World::new().await;
        let alice = world.client("alice").await;
        let inner = HttpTransport::new(&world.url()).unwrap();
        let censored = world.config().transport(Arc::new(Censor { inner, stale }));
        let bob = Client::open(censored.poll_interval(Duration::from_secs(3600))).await.unwrap();
        bob.register("bob").await.unwrap();
        let room = alice.create_conversation("censored").await.unwrap();
        room.invite("bob").await.unwrap();
        for text in ["one", "two", "three"] {
            room.send(text).await.unwrap();
        }
        let synced = tokio::time::timeout(Duration::from_secs(20), bob.sync()).await.unwrap();
        if !stale {
            assert!(matches!(synced, Err(Error::ServerChanged)), "{synced:?}");
        }
        let rooms = bob.conversations().await.unwrap();
        assert_eq!(rooms[0].history().await.unwrap().len(), 0, "nothing behind the gap is believed");
    }
}

fn over(world: &World, lie: Option<(MemberId, MemberId)>) -> Config {
    let inner = HttpTransport::new(&world.url()).unwrap();
    world.config().transport(Arc::new(Liar { inner, lie }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_passed_off_as_another_persons_is_not_invited() {
    let world = World::new().await;
    let (bob, mallory) = (world.client("bob").await, world.client("mallory").await);
    let bob = bob.id().await.unwrap().unwrap();
    let mallory = mallory.id().await.unwrap().unwrap();
    let alice = Client::open(over(&world, Some((bob.clone(), mallory)))).await.unwrap();
    alice.register("alice").await.unwrap();
    let room = alice.create_conversation("private").await.unwrap();
    let Err(Error::GivenUp(reason)) = room.invite("bob").await else { panic!("mallory was invited") };
    assert!(matches!(&*reason, Error::Untrusted(member) if *member == bob), "{reason}");
    assert_eq!(names(&room).await, ["alice"]);
    // An honest server is believed.
    let honest = world.client("honest").await;
    let room = honest.create_conversation("private").await.unwrap();
    room.invite("bob").await.unwrap();
    assert_eq!(names(&room).await, ["bob", "honest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_another_key_than_the_configured_one_is_refused() {
    let world = World::new().await;
    let other = SignaturePublicKey([1; 32].as_slice().into());
    let alice = Client::open(world.config().authentication_key(other)).await.unwrap();
    assert!(matches!(alice.register("alice").await, Err(Error::AuthenticationKeyChanged)));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_hints_the_server_is_asked_now_and_then() {
    let world = World::new().await;
    let alice = world.client("alice").await;
    let bob = Client::open(over(&world, None).poll_interval(Duration::from_millis(50))).await.unwrap();
    bob.register("bob").await.unwrap();
    let mut to_bob = bob.events();
    let room = alice.create_conversation("quiet").await.unwrap();
    room.invite("bob").await.unwrap();
    joined(&bob, &mut to_bob).await;
    room.send("are you there?").await.unwrap();
    assert_eq!(next_text(&mut to_bob).await, "are you there?");
}
