//! What all requests share, and the way from a request on an asynchronous thread to the services on a blocking one.

use alloc::sync::Arc;
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use cenacle_service::{Error, Service, wire::ProblemKind};
use serde::Serialize;
use tokio::{
    sync::{broadcast, watch},
    task,
};

use crate::{
    hints::{Broadcast, SharedNotice},
    refusal::Refusal,
};

/// How a request ends.
pub(crate) type Reply = Result<Response, Refusal>;

/// What all requests share.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    service: Service,
    broadcast: Arc<Broadcast>,
    closing: watch::Sender<bool>,
    heartbeat: Duration,
}

impl App {
    pub(crate) fn new(service: Service, broadcast: Arc<Broadcast>, heartbeat: Duration) -> Self {
        Self(Arc::new(Shared { service, broadcast, closing: watch::Sender::new(false), heartbeat }))
    }

    pub(crate) fn service(&self) -> &Service {
        &self.0.service
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        self.0.heartbeat
    }

    pub(crate) fn notices(&self) -> broadcast::Receiver<SharedNotice> {
        self.0.broadcast.subscribe()
    }

    /// Tells when the server stops. Whoever holds it is waited for.
    pub(crate) fn closing(&self) -> Closing {
        Closing(self.0.closing.subscribe())
    }

    pub(crate) fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// Resolves when nobody holds a [`App::closing`] any more.
    pub(crate) async fn closed(&self) {
        self.0.closing.closed().await;
    }

    /// Runs `work` on a blocking thread, with the services and the time in seconds since the Unix epoch.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Service, u64) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Refusal> {
        let app = self.clone();
        let done = task::spawn_blocking(move || work(app.service(), now_seconds())).await;
        done.map_err(|error| {
            tracing::error!(%error, "a request's work was lost");
            Refusal::from(ProblemKind::Internal)
        })?
        .map_err(Refusal::from)
    }

    /// Runs `work` as [`App::run`] does and answers with its result as JSON, which may be long to write.
    pub(crate) async fn answer<T: Serialize>(
        &self,
        status: StatusCode,
        work: impl FnOnce(&Service, u64) -> Result<T, Error> + Send + 'static,
    ) -> Reply {
        let body = self.run(move |service, now| Ok(serde_json::to_vec(&work(service, now)?))).await?;
        let body = body.map_err(|error| {
            tracing::error!(%error, "an answer cannot be written as JSON");
            Refusal::from(ProblemKind::Internal)
        })?;
        Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
    }
}

/// Tells when the server stops.
pub(crate) struct Closing(watch::Receiver<bool>);

impl Closing {
    /// Resolves when the server stops.
    pub(crate) async fn wait(&mut self) {
        // An error means that the application is gone, which is a reason to stop too.
        drop(self.0.wait_for(|closing| *closing).await);
    }
}

/// A clock before 1970 counts as 1970.
fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
