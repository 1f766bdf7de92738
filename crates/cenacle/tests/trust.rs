//! Servers that lie or keep silent: another's key for a friend's, and no hints at all. And ones that are not the own.
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
use std::sync::Mutex;

use cenacle::{
    Client, Config, Error, MemberId,
    transport::{BoxFuture, Hints, HttpTransport, Request, Response, Transport, TransportError},
};
use cenacle_crypto::SignaturePublicKey;
use cenacle_service::wire::{DeviceToken, Log, TakeKeyPackages, TakenKeyPackages};
use common::{World, joined, names, next_text};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

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
        assert!(matches!(synced, Err(Error::Gap { .. })), "{synced:?}");
        let rooms = bob.conversations().await.unwrap();
        assert_eq!(rooms[0].history().await.unwrap().len(), 0, "nothing behind the gap is believed");
    }
}

/// Tells what reaches the server, and whether it comes with a token.
#[derive(Debug)]
struct Spy {
    inner: HttpTransport,
    seen: Mutex<Vec<(String, bool)>>,
}

impl Spy {
    fn of(world: &World) -> Arc<Self> {
        let inner = HttpTransport::new(&world.url()).unwrap();
        Arc::new(Self { inner, seen: Mutex::default() })
    }

    fn note(&self, path: &str, with_token: bool) {
        self.seen.lock().unwrap().push((path.to_owned(), with_token));
    }

    fn seen(&self) -> Vec<(String, bool)> {
        self.seen.lock().unwrap().clone()
    }
}

impl Transport for Spy {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        self.note(&request.path, request.token.is_some());
        self.inner.send(request)
    }

    fn hints(&self, token: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        self.note("/v1/hints", true);
        self.inner.hints(token)
    }
}

/// Does whatever would need the server.
async fn busy(client: &Client) -> [Result<(), Error>; 4] {
    let room = client.conversations().await.unwrap().remove(0);
    let file = vec![1; 1000];
    [
        client.sync().await,
        room.rotate().await,
        room.invite("bob").await,
        room.send_bytes("photo", file).await.map(|_| ()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_never_sees_the_token() {
    let (own, other) = (World::new().await, World::new().await);
    let alice = own.stored_client("alice").await;
    alice.create_conversation("home").await.unwrap();
    alice.close().await;
    let path = own.directory.path().join("alice.db");

    let spy = Spy::of(&other);
    let transport: Arc<dyn Transport> = Arc::<Spy>::clone(&spy);
    let config = other.config().transport(transport).poll_interval(Duration::from_millis(50));
    let alice = Client::open(config.data(&path)).await.unwrap();
    for outcome in busy(&alice).await {
        assert!(matches!(outcome, Err(Error::OtherServer)), "{outcome:?}");
    }
    // The stream of hints has had its chance, too.
    tokio::time::sleep(Duration::from_millis(300)).await;
    alice.close().await;
    let seen = spy.seen();
    assert!(!seen.is_empty() && seen.iter().all(|(path, with_token)| path == "/v1/as/key" && !with_token), "{seen:?}");

    // Its own server is asked for its key once, and then everything is done.
    let spy = Spy::of(&own);
    let transport: Arc<dyn Transport> = Arc::<Spy>::clone(&spy);
    let alice = Client::open(own.config().transport(transport).data(&path)).await.unwrap();
    alice.sync().await.unwrap();
    let seen = spy.seen();
    assert_eq!(seen.first(), Some(&("/v1/as/key".to_owned(), false)));
    assert_eq!(seen.iter().filter(|(path, _)| path == "/v1/as/key").count(), 1, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shows_no_key_never_sees_the_token() {
    let own = World::new().await;
    let alice = own.stored_client("alice").await;
    alice.create_conversation("home").await.unwrap();
    alice.close().await;
    // The second would have the key fetched from the own server.
    let elsewhere = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/v1/as/key\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        own.url()
    );
    let not_found = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned();
    for answer in
        [not_found, elsewhere, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}".to_owned()]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&heard);
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n")
                    && stream.read_buf(&mut request).await.is_ok_and(|bytes| bytes > 0)
                {}
                hearing.lock().unwrap().push(String::from_utf8(request).unwrap().to_lowercase());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let config = Config::new(url).retries(0).data(own.directory.path().join("alice.db"));
        let alice = Client::open(config).await.unwrap();
        for outcome in busy(&alice).await {
            assert!(matches!(outcome, Err(Error::NotUnderstood)), "{outcome:?}");
        }
        alice.close().await;
        server.abort();
        let heard = heard.lock().unwrap().clone();
        assert!(heard.iter().all(|request| request.starts_with("get /v1/as/key ")), "{heard:?}");
        assert!(!heard.is_empty() && !heard.iter().any(|request| request.contains("authorization")), "{heard:?}");
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
