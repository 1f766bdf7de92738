//! A server that is killed at each request: when it has answered and the answer is lost, and while it is at work. What it
//! answered is there when it is started again, and what is asked again is answered as before.

use alloc::sync::Arc;
use core::time::Duration;

use cenacle::{
    Client, Config, Content, Conversation,
    transport::{BoxFuture, Hints, HttpTransport, Request, Response, Transport, TransportError},
};
use cenacle_service::wire::DeviceToken;
use cenacle_testkit::world::{Dice, seeds};
use tokio::{sync::Mutex, time::sleep};

use crate::process::Server;

/// The way to a server that is killed, for one request at a time, whosever it is.
struct Gauntlet {
    server: Server,
    dice: Dice,
    requests: usize,
    kills: usize,
    /// Whether the server is left alone from now on.
    is_over: bool,
}

impl Gauntlet {
    fn kill(&mut self) {
        assert!(self.server.kill());
        self.server.revive();
        self.kills += 1;
    }
}

/// A client's way through it.
struct Way {
    inner: HttpTransport,
    gauntlet: Arc<Mutex<Gauntlet>>,
}

impl core::fmt::Debug for Way {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Way")
    }
}

impl Transport for Way {
    /// Of three requests the first is answered and its answer lost, the second comes in time or not, the third is spared: so
    /// that each is made until it is answered.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let mut gauntlet = self.gauntlet.lock().await;
            gauntlet.requests += 1;
            match gauntlet.requests % 3 {
                _ if gauntlet.is_over => self.inner.send(request).await,
                1 => {
                    let answer = self.inner.send(request).await;
                    gauntlet.kill();
                    answer.and(Err(TransportError::Unreachable))
                }
                2 => {
                    let delay = Duration::from_micros(gauntlet.dice.below(8_000) as u64);
                    let killed = async {
                        sleep(delay).await;
                        gauntlet.kill();
                    };
                    tokio::join!(self.inner.send(request), killed).0
                }
                _ => self.inner.send(request).await,
            }
        })
    }

    fn hints(&self, _: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        Box::pin(async { Err(TransportError::Unreachable) })
    }
}

async fn client(gauntlet: &Arc<Mutex<Gauntlet>>, url: &str, name: &str) -> Client {
    let way = Way { inner: HttpTransport::new(url).unwrap(), gauntlet: Arc::clone(gauntlet) };
    let config = Config::new(url).transport(Arc::new(way)).retries(8).poll_interval(Duration::from_secs(3600));
    let client = Client::open(config).await.unwrap();
    client.register(name).await.unwrap();
    client
}

/// What somebody has, and what all members share.
async fn view(room: &Conversation) -> (Vec<String>, u64, Vec<u8>, usize) {
    let texts = room.history().await.unwrap().into_iter().filter_map(|message| {
        assert!(message.seq.is_some(), "something still waits");
        if let Content::Text(text) = message.content { Some(text) } else { None }
    });
    let texts = texts.collect();
    let members = room.members().await.unwrap().len();
    (texts, room.epoch().await.unwrap(), room.epoch_authenticator().await.unwrap(), members)
}

async fn talk(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::new(&folder.path().join("server"));
    let url = server.url();
    let gauntlet = Gauntlet { server, dice: Dice::new(seed), requests: 0, kills: 0, is_over: false };
    let gauntlet = Arc::new(Mutex::new(gauntlet));
    let (alice, bob) = (client(&gauntlet, &url, "alice").await, client(&gauntlet, &url, "bob").await);
    let carol = client(&gauntlet, &url, "carol").await;
    let room = alice.create_conversation("shaken").await.unwrap();
    let id = room.id().clone();
    room.invite("bob").await.unwrap();
    room.send("one").await.unwrap();
    bob.sync().await.unwrap();
    let bobs = bob.conversation(id.clone());
    bobs.send("two").await.unwrap();
    room.invite("carol").await.unwrap();
    room.rotate().await.unwrap();
    carol.sync().await.unwrap();
    bobs.rotate().await.unwrap();
    bobs.remove("carol").await.unwrap();
    room.send("three").await.unwrap();
    bobs.send("four").await.unwrap();
    gauntlet.lock().await.is_over = true;
    for client in [&alice, &bob, &carol] {
        client.sync().await.unwrap();
    }
    let (hers, his) = (view(&room).await, view(&bobs).await);
    assert_eq!(hers, his);
    assert_eq!((hers.0.as_slice(), hers.3), (["one", "two", "three", "four"].map(String::from).as_slice(), 2));
    assert!(!carol.conversation(id).is_member().await.unwrap());
    let gauntlet = gauntlet.lock().await;
    println!("seed {seed}: {} requests, {} kills", gauntlet.requests, gauntlet.kills);
    assert!(gauntlet.kills > 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_killed_at_each_request() {
    for seed in seeds(20) {
        talk(seed).await;
    }
}
