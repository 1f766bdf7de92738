//! A person's way to the server: the ordinary one, which can lose the network and can stop in the middle of a commit, so
//! that a process is killed at a known point and not at whichever it happens to reach.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use cenacle::transport::{BoxFuture, Hints, HttpTransport, Method, Request, Response, Transport, TransportError};
use cenacle_service::wire::{DeviceToken, GroupId, Hint};
use tokio::sync::{Semaphore, watch};

use super::{super::protocol::Tell, super::script::Point, tell};

/// How far the commit is at which to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// Stop at the next commit, at this point.
    Armed(Point),
    /// The commit was posted: stop when its echo has come.
    Posted,
}

#[derive(Debug)]
pub(super) struct StageTransport {
    inner: HttpTransport,
    network: watch::Sender<bool>,
    gate: Mutex<Gate>,
    release: Semaphore,
    token: Mutex<Option<DeviceToken>>,
    /// How many messages and commits were posted.
    posted: AtomicUsize,
}

impl StageTransport {
    pub(super) fn new(server: &str) -> Result<Self, cenacle::Error> {
        Ok(Self {
            inner: HttpTransport::new(server)?,
            network: watch::Sender::new(true),
            gate: Mutex::new(Gate::Open),
            release: Semaphore::new(0),
            token: Mutex::new(None),
            posted: AtomicUsize::new(0),
        })
    }

    /// Loses the network, or finds it.
    pub(super) fn set_network(&self, is_there: bool) {
        self.network.send_replace(is_there);
    }

    /// Stops at the next commit.
    pub(super) fn hold(&self, point: Point) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Gate::Armed(point);
    }

    /// Goes on where it stopped.
    pub(super) fn release(&self) {
        self.release.add_permits(1);
    }

    /// How many messages and commits were posted.
    pub(super) fn posted(&self) -> usize {
        self.posted.load(Ordering::Relaxed)
    }

    /// Whether the device's own token is known yet.
    pub(super) fn has_token(&self) -> bool {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Asks the server with the device's own token, past everything a well-behaved client would consider.
    pub(super) async fn ask_anyway(&self, path: String) -> Result<Response, TransportError> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.inner.send(Request { method: Method::Get, path, token, content: None }).await
    }

    /// Stops here until released, if this is the point to stop at.
    async fn reach(&self, point: Point) {
        let is_here = {
            let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
            let is_here = match *gate {
                Gate::Open => false,
                Gate::Armed(armed) => armed == point,
                Gate::Posted => point == Point::BeforeMerge,
            };
            if is_here {
                *gate = Gate::Open;
            } else if *gate == Gate::Armed(Point::BeforeMerge) && point == Point::AfterPost {
                *gate = Gate::Posted;
            }
            is_here
        };
        if is_here {
            tell(&Tell::Held(point));
            // The semaphore is never closed.
            if let Ok(permit) = self.release.acquire().await {
                permit.forget();
            }
        }
    }

    async fn send_through(&self, request: Request) -> Result<Response, TransportError> {
        if request.token.is_some() {
            self.token.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&request.token);
        }
        if !*self.network.borrow() {
            return Err(TransportError::Unreachable);
        }
        let is_commit = request.method == Method::Post && request.path.ends_with("/commits");
        if is_commit || (request.method == Method::Post && request.path.ends_with("/messages")) {
            self.posted.fetch_add(1, Ordering::Relaxed);
        }
        let is_log = request.method == Method::Get && request.path.contains("/log?");
        if is_commit {
            self.reach(Point::BeforePost).await;
        }
        let response = self.inner.send(request).await?;
        if is_commit && (200..300).contains(&response.status) {
            self.reach(Point::AfterPost).await;
        }
        if is_log {
            self.reach(Point::BeforeMerge).await;
        }
        Ok(response)
    }
}

impl Transport for StageTransport {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(self.send_through(request))
    }

    fn hints(&self, token: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        Box::pin(async move {
            let network = self.network.subscribe();
            if !*network.borrow() {
                return Err(TransportError::Unreachable);
            }
            let inner = self.inner.hints(token).await?;
            Ok(Box::new(StageHints { inner, network }) as Box<dyn Hints>)
        })
    }
}

struct StageHints {
    inner: Box<dyn Hints>,
    network: watch::Receiver<bool>,
}

impl Hints for StageHints {
    fn subscribe(&mut self, groups: Vec<GroupId>) -> BoxFuture<'_, Result<(), TransportError>> {
        self.inner.subscribe(groups)
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Hint, TransportError>> {
        Box::pin(async move {
            tokio::select! {
                hint = self.inner.next() => hint,
                // Whether the network or the whole transport is gone, the stream is.
                _ = self.network.wait_for(|is_there| !*is_there) => Err(TransportError::Unreachable),
            }
        })
    }
}
