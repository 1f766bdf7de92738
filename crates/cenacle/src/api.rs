//! The services' routes as functions: typed bodies and answers, refusals as [`Problem`]s, and patience with a server
//! that does not answer. Asking again is safe on every route (taking key packages again takes others), so it is
//! done without further thought.

use alloc::sync::Arc;
use core::time::Duration;

use cenacle_crypto::{Rng, SignaturePublicKey};
use cenacle_crypto_awslc::SystemRng;
use cenacle_service::wire::{
    Accepted, AccountName, AckQueue, Acknowledged, AddBindings, AsKey, AskHeads, BlobStored, Bound, ContentHash,
    CreateGroup, DeviceToken, Devices, GroupId, GroupInfoAnswer, Heads, Log, PostCommit, PostMessage, Posted, Problem,
    ProblemKind, PublishKeyPackages, Queue, RegisterAccount, Registered, Stock, TakeKeyPackages, TakenKeyPackages,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::OnceCell;

use crate::{
    Error,
    transport::{Hints, Media, Method, Request, Response, Transport, TransportError},
};

/// Records asked for at once.
const LOG_LIMIT: u32 = 256;
/// Queue items asked for at once.
const QUEUE_LIMIT: u32 = 64;
/// The longest the server may make us wait before we give the question back to the caller.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Asks the services.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    transport: Arc<dyn Transport>,
    /// How often to ask again when there is no answer.
    retries: u32,
    pub(crate) pass: Option<Pass>,
}

/// A token and the server that it is for. No other one gets to see it. Clones are the same pass.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    token: DeviceToken,
    /// The key of that server's Authentication Service.
    as_key: SignaturePublicKey,
    /// Set once the server asked has shown this key.
    recognised: Arc<OnceCell<()>>,
}

impl Pass {
    pub(crate) fn new(token: DeviceToken, as_key: SignaturePublicKey) -> Self {
        Self { token, as_key, recognised: Arc::default() }
    }
}

impl PartialEq for Pass {
    fn eq(&self, other: &Self) -> bool {
        self.token.expose() == other.token.expose()
    }
}

/// A pause before the `attempt`-th repetition, counted from 0: it doubles, and a random part keeps clients that failed
/// together from asking together.
pub(crate) fn pause(attempt: u32) -> Duration {
    let longest = 50u64.saturating_mul(1 << attempt.min(6));
    let mut random = [0; 8];
    let random = SystemRng.fill(&mut random).map_or(0, |()| u64::from_be_bytes(random));
    Duration::from_millis(longest / 2 + random.checked_rem(longest / 2).unwrap_or(0))
}

fn json<T: Serialize>(body: &T) -> Result<Option<(Media, Vec<u8>)>, Error> {
    Ok(Some((Media::Json, serde_json::to_vec(body).map_err(|_| Error::NotUnderstood)?)))
}

fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(answer).map_err(|_| Error::NotUnderstood)
}

impl Api {
    pub(crate) const fn new(transport: Arc<dyn Transport>, retries: u32) -> Self {
        Self { transport, retries, pass: None }
    }

    /// The only way to a token: the server is recognised first, without one, once for as long as the client is open.
    async fn present(&self, pass: &Pass) -> Result<DeviceToken, Error> {
        pass.recognised.get_or_try_init(|| self.recognise(&pass.as_key)).await?;
        Ok(pass.token.clone())
    }

    async fn recognise(&self, pinned: &SignaturePublicKey) -> Result<(), Error> {
        match self.as_key().await {
            Ok(key) if *key.signature_key.as_slice() == *pinned.0 => Ok(()),
            Ok(_) => Err(Error::OtherServer),
            // Whatever answers like this is no server of ours, and its refusal no answer to what was asked.
            Err(Error::Refused(problem)) if patience(&problem).is_none() => Err(Error::NotUnderstood),
            Err(error) => Err(error),
        }
    }

    async fn token(&self) -> Result<Option<DeviceToken>, Error> {
        match &self.pass {
            Some(pass) => self.present(pass).await.map(Some),
            None => Ok(None),
        }
    }

    /// Opens a stream of hints.
    pub(crate) async fn hints(&self, pass: &Pass) -> Result<Box<dyn Hints>, TransportError> {
        let token = match self.present(pass).await {
            Ok(token) => token,
            Err(Error::Offline(error)) => return Err(error),
            Err(_) => return Err(TransportError::NotUnderstood),
        };
        self.transport.hints(token).await
    }

    /// Sends until there is an answer or patience ends.
    async fn ask(&self, request: Request) -> Result<Vec<u8>, Error> {
        let mut attempt = 0;
        loop {
            let outcome = self.transport.send(request.clone()).await;
            let (error, wait) = match outcome.map(read) {
                Ok(Ok(content)) => return Ok(content),
                Ok(Err(problem)) => match patience(&problem) {
                    Some(wait) => (Error::Refused(problem), wait),
                    None => return Err(refusal(problem)),
                },
                Err(TransportError::NotUnderstood) => return Err(Error::NotUnderstood),
                Err(TransportError::TooLarge) => return Err(Error::AnswerTooLarge),
                // Whoever has waited that long once is told, and decides.
                Err(error @ TransportError::TimedOut) => return Err(Error::Offline(error)),
                Err(error) => (Error::Offline(error), Duration::ZERO),
            };
            if attempt >= self.retries || wait > LONGEST_WAIT {
                return Err(error);
            }
            tokio::time::sleep(wait.saturating_add(pause(attempt))).await;
            attempt = attempt.saturating_add(1);
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        content: Option<(Media, Vec<u8>)>,
    ) -> Result<T, Error> {
        let answer = self.ask(Request { method, path, token: self.token().await?, content }).await?;
        parse(&answer)
    }

    async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, Error> {
        self.call(Method::Get, path, None).await
    }

    async fn post<T: DeserializeOwned>(&self, path: String, body: &impl Serialize) -> Result<T, Error> {
        self.call(Method::Post, path, json(body)?).await
    }

    pub(crate) async fn register(&self, body: &RegisterAccount) -> Result<Registered, Error> {
        self.post("/v1/accounts".into(), body).await
    }

    /// The Authentication Service's key, asked for without a token.
    pub(crate) async fn as_key(&self) -> Result<AsKey, Error> {
        let path = "/v1/as/key".into();
        parse(&self.ask(Request { method: Method::Get, path, token: None, content: None }).await?)
    }

    pub(crate) async fn add_bindings(&self, body: &AddBindings) -> Result<Bound, Error> {
        self.post("/v1/bindings".into(), body).await
    }

    pub(crate) async fn devices(&self, name: &AccountName) -> Result<Devices, Error> {
        self.get(format!("/v1/accounts/{name}/devices")).await
    }

    pub(crate) async fn publish(&self, body: &PublishKeyPackages) -> Result<Stock, Error> {
        self.call(Method::Put, "/v1/key-packages".into(), json(body)?).await
    }

    pub(crate) async fn stock(&self) -> Result<Stock, Error> {
        self.get("/v1/key-packages/count".into()).await
    }

    pub(crate) async fn withdraw(&self) -> Result<Stock, Error> {
        self.post("/v1/key-packages/withdraw".into(), &()).await
    }

    pub(crate) async fn take(&self, name: &AccountName, body: &TakeKeyPackages) -> Result<TakenKeyPackages, Error> {
        self.post(format!("/v1/accounts/{name}/key-packages/take"), body).await
    }

    pub(crate) async fn create(&self, body: &CreateGroup) -> Result<Accepted, Error> {
        self.post("/v1/groups".into(), body).await
    }

    pub(crate) async fn commit(&self, group: &GroupId, body: &PostCommit) -> Result<Accepted, Error> {
        self.post(format!("/v1/groups/{group}/commits"), body).await
    }

    pub(crate) async fn message(&self, group: &GroupId, body: &PostMessage) -> Result<Posted, Error> {
        self.post(format!("/v1/groups/{group}/messages"), body).await
    }

    pub(crate) async fn log(&self, group: &GroupId, from: u64) -> Result<Log, Error> {
        self.get(format!("/v1/groups/{group}/log?from={from}&limit={LOG_LIMIT}")).await
    }

    pub(crate) async fn group_info(&self, group: &GroupId) -> Result<GroupInfoAnswer, Error> {
        self.get(format!("/v1/groups/{group}/group-info")).await
    }

    pub(crate) async fn heads(&self, groups: Vec<GroupId>) -> Result<Heads, Error> {
        self.post("/v1/heads".into(), &AskHeads { groups }).await
    }

    pub(crate) async fn queue(&self) -> Result<Queue, Error> {
        self.get(format!("/v1/queue?limit={QUEUE_LIMIT}")).await
    }

    pub(crate) async fn acknowledge(&self, ids: Vec<ContentHash>) -> Result<Acknowledged, Error> {
        self.post("/v1/queue/ack".into(), &AckQueue { ids }).await
    }

    pub(crate) async fn put_blob(&self, hash: ContentHash, blob: Vec<u8>) -> Result<BlobStored, Error> {
        self.call(Method::Put, format!("/v1/blobs/{hash}"), Some((Media::Bytes, blob))).await
    }

    pub(crate) async fn blob(&self, hash: ContentHash) -> Result<Vec<u8>, Error> {
        let path = format!("/v1/blobs/{hash}");
        self.ask(Request { method: Method::Get, path, token: self.token().await?, content: None }).await
    }
}

/// An answer's content, or the problem it is.
fn read(response: Response) -> Result<Vec<u8>, Box<Problem>> {
    if (200..300).contains(&response.status) {
        return Ok(response.content);
    }
    let problem = serde_json::from_slice(&response.content);
    Err(problem.unwrap_or_else(|_| Problem { status: response.status, ..Problem::new(ProblemKind::Unknown) }.into()))
}

/// How long to wait before asking again, if that may help.
fn patience(problem: &Problem) -> Option<Duration> {
    if let ProblemKind::RateLimited { retry_after_seconds } = problem.kind {
        return Some(Duration::from_secs(retry_after_seconds));
    }
    matches!(problem.status, 502..=504).then_some(Duration::ZERO)
}

/// The refusals that say what to do next by themselves.
fn refusal(problem: Box<Problem>) -> Error {
    if let ProblemKind::NameTaken { name } = &problem.kind {
        return Error::NameTaken(name.clone());
    }
    if let ProblemKind::NameInvalid { reason } = problem.kind {
        return Error::Name(reason);
    }
    if let ProblemKind::AccountUnknown { name } = &problem.kind {
        return Error::UnknownAccount(name.clone());
    }
    Error::Refused(problem)
}
