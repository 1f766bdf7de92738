//! Hints over a WebSocket: "this group's log grew, something is in your queue: pull". They carry no message and may
//! be lost; what a slow client misses is not kept for it, it is told to connect again.

use alloc::{string::String, sync::Arc};
use core::time::Duration;
use std::collections::HashSet;

use axum::extract::ws::{Message, WebSocket};
use cenacle_service::{
    Bearer, Notice, NoticeSink,
    wire::{AskHeads, DeviceId, GoAway, GroupId, Hint, HintRequest},
};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{self, MissedTickBehavior},
};

use crate::app::App;

/// How many notices a connection may be behind before it is closed.
const BACKLOG: usize = 4096;

/// How long a client may take to read one hint.
const SEND_TIME: Duration = Duration::from_secs(10);

/// The largest request, in bytes: a subscription to the most groups there may be fits.
pub(crate) const REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// A notice on its way to all connections.
pub(crate) type SharedNotice = Arc<Notice>;

/// Gives the services' notices to all connections.
#[derive(Debug)]
pub(crate) struct Broadcast(broadcast::Sender<SharedNotice>);

impl Broadcast {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<SharedNotice> {
        self.0.subscribe()
    }
}

impl NoticeSink for Broadcast {
    fn notice(&self, notice: Notice) {
        // Nobody listening is nothing wrong.
        drop(self.0.send(Arc::new(notice)));
    }
}

/// Why a connection ends.
enum End {
    /// The client is gone, or does not take what it is sent.
    Gone,
    /// The server ends it, and says why.
    Told(GoAway),
}

/// One client's connection.
struct Connection {
    app: App,
    bearer: Bearer,
    socket: WebSocket,
    groups: HashSet<GroupId>,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(app: App, bearer: Bearer, socket: WebSocket) {
    let mut connection = Connection { app, bearer, socket, groups: HashSet::new() };
    if let End::Told(reason) = connection.run().await {
        // The client may be gone meanwhile: then there is nobody to tell.
        drop(connection.send(&Hint::GoAway { reason }).await);
        drop(time::timeout(SEND_TIME, connection.socket.send(Message::Close(None))).await);
    }
}

impl Connection {
    async fn run(&mut self) -> End {
        let mut closing = self.app.closing();
        // Before any subscription is answered, so that nothing falls between heads and hints.
        let mut notices = self.app.notices();
        let mut heartbeat = time::interval(self.app.heartbeat());
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        loop {
            let end = tokio::select! {
                () = closing.wait() => return End::Told(GoAway::Shutdown),
                received = self.socket.recv() => match received {
                    Some(Ok(Message::Text(text))) => self.subscribe(&text).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    Some(Ok(Message::Binary(_))) => Err(End::Told(GoAway::NotUnderstood)),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
                },
                noticed = notices.recv() => match noticed {
                    Ok(notice) => self.pass_on(&notice).await,
                    Err(RecvError::Lagged(_)) => Err(End::Told(GoAway::TooSlow)),
                    Err(RecvError::Closed) => Err(End::Told(GoAway::Shutdown)),
                },
                _ = heartbeat.tick() => self.send(&Hint::Heartbeat).await,
            };
            if let Err(end) = end {
                return end;
            }
        }
    }

    async fn subscribe(&mut self, request: &str) -> Result<(), End> {
        let Ok(HintRequest::Subscribe { groups }) = serde_json::from_str(request) else {
            return Err(End::Told(GoAway::NotUnderstood));
        };
        let (bearer, request) = (self.bearer.clone(), AskHeads { groups });
        let heads = self.app.run(move |service, _| service.heads(&bearer, &request)).await;
        let heads = heads.map_err(|_| End::Told(GoAway::NotUnderstood))?;
        self.groups = heads.heads.iter().map(|head| head.group_id.clone()).collect();
        self.send(&Hint::Subscribed { lineage: heads.lineage, heads: heads.heads }).await
    }

    async fn pass_on(&mut self, notice: &Notice) -> Result<(), End> {
        let me: DeviceId = self.bearer.device_id();
        match notice {
            Notice::Head { head, removed } if self.groups.contains(&head.group_id) => {
                if removed.contains(&me) {
                    self.groups.remove(&head.group_id);
                }
                self.send(&Hint::Head { head: head.clone() }).await
            }
            Notice::Queue { device } if *device == me => self.send(&Hint::Queue).await,
            Notice::Head { .. } | Notice::Queue { .. } => Ok(()),
        }
    }

    /// Sends a hint, or finds that the client does not take it.
    async fn send(&mut self, hint: &Hint) -> Result<(), End> {
        let text: String = serde_json::to_string(hint).map_err(|_| End::Gone)?;
        match time::timeout(SEND_TIME, self.socket.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}
