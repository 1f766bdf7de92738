//! A server that does not tell one client the truth, as a transport: it gives another log than there is, or other answers,
//! until it is honest again. And two people to be lied to, of whom one is.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    dead_code,
    reason = "helpers of tests, and not every test needs all"
)]

use alloc::sync::Arc;
use core::time::Duration;
use std::sync::Mutex;

use cenacle::{
    Client, Conversation, Event, Events, Loss, Recovery, Suspicion,
    transport::{BoxFuture, Hints, HttpTransport, Method, Request, Response, Transport, TransportError},
};
use cenacle_service::wire::{Accepted, DeviceToken, Lineage, Log, LogRecord, PostCommit, RecordKind};

use super::common::{World, joined, wait_for};

/// Makes another log of the true one. Its records are numbered anew.
type LogLie = Box<dyn Fn(Vec<LogRecord>) -> Vec<LogRecord> + Send>;
/// Answers in the server's place, or changes the request.
type AnswerLie = Box<dyn FnMut(&mut Request) -> Option<Response> + Send>;

pub(crate) struct Liar {
    inner: HttpTransport,
    log: Mutex<Option<LogLie>>,
    answer: Mutex<Option<AnswerLie>>,
    /// Method and path of every request.
    asked: Mutex<Vec<(Method, String)>>,
    /// How many requests are left before the connection is cut for good, and whether the last arrives with only its answer lost.
    cut: Mutex<Option<(u32, bool)>>,
}

impl core::fmt::Debug for Liar {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Liar").finish_non_exhaustive()
    }
}

impl Liar {
    pub(crate) fn of(world: &World) -> Arc<Self> {
        Arc::new(Self {
            inner: HttpTransport::new(&world.url()).unwrap(),
            log: Mutex::default(),
            answer: Mutex::default(),
            asked: Mutex::default(),
            cut: Mutex::default(),
        })
    }

    /// Gives another log from now on.
    pub(crate) fn log(&self, lie: impl Fn(Vec<LogRecord>) -> Vec<LogRecord> + Send + 'static) {
        *self.log.lock().unwrap() = Some(Box::new(lie));
    }

    /// Gives other answers from now on.
    pub(crate) fn answer(&self, lie: impl FnMut(&mut Request) -> Option<Response> + Send + 'static) {
        *self.answer.lock().unwrap() = Some(Box::new(lie));
    }

    /// Tells the truth from now on.
    pub(crate) fn be_honest(&self) {
        *self.log.lock().unwrap() = None;
        *self.answer.lock().unwrap() = None;
    }

    /// Cuts the connection after so many requests.
    pub(crate) fn cut_after(&self, requests: u32, last_arrives: bool) {
        *self.cut.lock().unwrap() = Some((requests, last_arrives));
    }

    /// Mends the connection; whether it was cut.
    pub(crate) fn mend(&self) -> bool {
        self.cut.lock().unwrap().take().is_some_and(|(left, _)| left == 0)
    }

    /// Whether this request arrives, and whether its answer does.
    fn connection(&self) -> (bool, bool) {
        let mut cut = self.cut.lock().unwrap();
        let Some((left, last_arrives)) = cut.as_mut() else { return (true, true) };
        let outcome = (*left > 1 || (*left == 1 && *last_arrives), *left > 1);
        *left = left.saturating_sub(1);
        outcome
    }

    /// How often something was posted whose path ends so, since the last time.
    pub(crate) fn posted(&self, end: &str) -> usize {
        let mut asked = self.asked.lock().unwrap();
        let is_it = |(method, path): &(Method, String)| *method == Method::Post && path.ends_with(end);
        let before = asked.len();
        asked.retain(|request| !is_it(request));
        before - asked.len()
    }

    async fn lying_log(&self, request: Request) -> Result<Response, TransportError> {
        let (path, query) = request.path.split_once('?').unwrap();
        let from: u64 = query.split('&').find_map(|part| part.strip_prefix("from=")).unwrap().parse().unwrap();
        let whole = Request { path: format!("{path}?from=1&limit=256"), ..request.clone() };
        let mut response = self.inner.send(whole).await?;
        let mut log: Log = serde_json::from_slice(&response.content).unwrap();
        let first = log.records.first().map_or(1, |record| record.seq);
        let lie = self.log.lock().unwrap();
        let mut records = lie.as_ref().map_or_else(Vec::new, |lie| lie(log.records));
        for (record, seq) in records.iter_mut().zip(first..) {
            record.seq = seq;
        }
        log.head = records.last().map_or(0, |record| record.seq);
        records.retain(|record| record.seq >= from);
        log.records = records;
        response.content = serde_json::to_vec(&log).unwrap();
        Ok(response)
    }
}

impl Transport for Liar {
    fn send(&self, mut request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push((request.method, request.path.clone()));
            let (arrives, is_answered) = self.connection();
            if !is_answered {
                if arrives {
                    self.inner.send(request).await?;
                }
                return Err(TransportError::Unreachable);
            }
            let answer = self.answer.lock().unwrap().as_mut().and_then(|lie| lie(&mut request));
            if let Some(answer) = answer {
                return Ok(answer);
            }
            let lies = self.log.lock().unwrap().is_some();
            if lies && request.path.contains("/log?") {
                return self.lying_log(request).await;
            }
            self.inner.send(request).await
        })
    }

    fn hints(&self, _: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        Box::pin(async { Err(TransportError::Unreachable) })
    }
}

/// Alice, to whom the server is honest, and Bob, to whom it need not be; he asks for news only when he is told to.
pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) liar: Arc<Liar>,
    pub(crate) alice: Client,
    pub(crate) bob: Client,
    pub(crate) to_alice: Events,
    pub(crate) to_bob: Events,
    pub(crate) alices: Conversation,
    pub(crate) bobs: Conversation,
}

impl Pair {
    pub(crate) async fn new(recovery: Recovery) -> Self {
        let world = World::new().await;
        let alice = world.client("alice").await;
        let liar = Liar::of(&world);
        let bob = lied_to(&world, &liar, "bob", recovery).await;
        let (to_alice, mut to_bob) = (alice.events(), bob.events());
        let alices = alice.create_conversation("two").await.unwrap();
        alices.invite("bob").await.unwrap();
        bob.sync().await.unwrap();
        let bobs = joined(&bob, &mut to_bob).await;
        Self { world, liar, alice, bob, to_alice, to_bob, alices, bobs }
    }

    /// Says something by Alice, which she has then seen in the log.
    pub(crate) async fn say(&self, text: &str) {
        self.alices.send(text).await.unwrap();
        self.alice.sync().await.unwrap();
    }

    /// Everything that Bob was told so far.
    pub(crate) async fn bobs_news(&mut self) -> Vec<Event> {
        news(&mut self.to_bob).await
    }

    /// Waits for Bob's loss.
    pub(crate) async fn loss(&mut self) -> Loss {
        wait_for(&mut self.to_bob, "the loss", |event| match event {
            Event::Lost { loss, .. } => Some(loss),
            _ => None,
        })
        .await
    }
}

/// A client over a lying server, with its state in a file.
pub(crate) async fn lied_to(world: &World, liar: &Arc<Liar>, name: &str, recovery: Recovery) -> Client {
    let transport: Arc<dyn Transport> = Arc::<Liar>::clone(liar);
    let config = world.config().transport(transport).poll_interval(Duration::from_secs(3600)).recovery(recovery);
    let path = world.directory.path().join(format!("{name}.db"));
    let client = Client::open(config.retries(0).data(path)).await.unwrap();
    client.register(name).await.unwrap();
    client
}

/// Everything that was told so far.
pub(crate) async fn news(events: &mut Events) -> Vec<Event> {
    let mut news = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::ZERO, events.next()).await {
        news.push(event);
    }
    news
}

/// An answer with this content.
pub(crate) fn answer(status: u16, content: &impl serde::Serialize) -> Option<Response> {
    Some(Response { status, content: serde_json::to_vec(content).unwrap() })
}

/// The first of the signs that two were shown different things.
pub(crate) fn suspicion(news: &[Event]) -> Option<&Suspicion> {
    news.iter().find_map(|event| match event {
        Event::ForkSuspected { suspicion, .. } => Some(suspicion),
        _ => None,
    })
}

/// Forks the two: Bob's commit is accepted for him alone, Alice's for everybody else. What both say is shown to both.
pub(crate) async fn fork(recovery: Recovery) -> Pair {
    let pair = Pair::new(recovery).await;
    let bobs_commit = Arc::new(Mutex::new(None::<PostCommit>));
    let (taken, shown) = (Arc::clone(&bobs_commit), bobs_commit);
    pair.liar.log(move |mut records| {
        if let Some(commit) = &*shown.lock().unwrap() {
            let record = LogRecord {
                seq: 0,
                kind: RecordKind::Commit,
                epoch: commit.epoch,
                received_at: 0,
                message: commit.commit.clone(),
            };
            match records.iter_mut().find(|record| record.kind == RecordKind::Commit && record.epoch == commit.epoch) {
                Some(theirs) => *theirs = record,
                None => records.push(record),
            }
        }
        records
    });
    let lineage = lineage_of(&pair).await;
    pair.liar.answer(move |request: &mut Request| {
        if request.method != Method::Post || !request.path.ends_with("/commits") {
            return None;
        }
        let mut taken = taken.lock().unwrap();
        // One only.
        if taken.is_some() {
            return None;
        }
        let post: PostCommit = serde_json::from_slice(&request.content.as_ref().unwrap().1).unwrap();
        let accepted = Accepted { lineage, seq: 3, epoch: post.epoch + 1 };
        *taken = Some(post);
        answer(201, &accepted)
    });
    pair.bobs.rotate().await.unwrap();
    pair.alices.rotate().await.unwrap();
    assert_eq!(pair.alices.epoch().await.unwrap(), pair.bobs.epoch().await.unwrap());
    assert_ne!(pair.alices.safety_code().await.unwrap(), pair.bobs.safety_code().await.unwrap());
    pair
}

/// What the server calls its history.
pub(crate) async fn lineage_of(pair: &Pair) -> Lineage {
    let transport = cenacle::transport::HttpTransport::new(&pair.world.url()).unwrap();
    let token = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&token);
    pair.liar.answer(move |request: &mut Request| {
        seen.lock().unwrap().clone_from(&request.token);
        None
    });
    pair.bob.sync().await.unwrap();
    let token = token.lock().unwrap().clone();
    let path = format!("/v1/groups/{}/log?from=1&limit=1", pair.bobs.id());
    let request = Request { method: Method::Get, path, token, content: None };
    let answer = cenacle::transport::Transport::send(&transport, request).await.unwrap();
    serde_json::from_slice::<Log>(&answer.content).unwrap().lineage
}
