//! The thread of an engine: jobs from the application, hints from the server, and a clock. A job runs to its end before
//! the next begins.

use alloc::sync::Arc;
use core::{future::Future, pin::Pin, time::Duration};
use std::{
    sync::{Mutex, PoisonError},
    thread,
};

use cenacle_service::wire::{GroupId, Hint};
use tokio::{
    runtime::Builder,
    sync::{broadcast, mpsc, oneshot, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Engine,
    nudges::{Nudge, Nudges},
};
use crate::{
    Config, ConversationId, Error, Event,
    api::{Api, Pass, pause},
    transport::TransportError,
};

/// Events kept for a slow listener.
const EVENT_BACKLOG: usize = 1024;
/// Jobs that may wait before the application has to.
const JOB_BACKLOG: usize = 64;
/// A hint stream that is silent for longer than this is taken for broken; servers send heartbeats.
const SILENCE: Duration = Duration::from_secs(90);

/// A future of the engine's own thread.
pub(crate) type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Something to be done with the engine.
type Job = Box<dyn for<'a> FnOnce(&'a mut Engine) -> LocalFuture<'a, ()> + Send>;

/// What to listen to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subscription {
    pub(crate) pass: Pass,
    pub(crate) groups: Vec<GroupId>,
}

/// A way to an engine's thread. The engine ends, and closes its store, with its last handle.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    jobs: mpsc::Sender<Job>,
    events: broadcast::Sender<Event>,
    /// What was told before anybody listened, for the first who does.
    untold: Arc<Mutex<Option<broadcast::Receiver<Event>>>>,
    ended: watch::Receiver<()>,
}

/// Opens the store on a new thread and keeps running there.
pub(crate) async fn start(config: Config) -> Result<Handle, Error> {
    let (jobs, inbox) = mpsc::channel(JOB_BACKLOG);
    let (events, untold) = broadcast::channel(EVENT_BACKLOG);
    let (opened, is_open) = oneshot::channel();
    let (end, ended) = watch::channel(());
    let untold = Arc::new(Mutex::new(Some(untold)));
    let handle = Handle { jobs, events: events.clone(), untold, ended };
    thread::Builder::new().name("cenacle".into()).spawn(move || {
        let started = Builder::new_current_thread().enable_all().build().map_err(Error::from).and_then(|runtime| {
            let (subscription, wanted) = watch::channel(None);
            Ok((runtime, Engine::open(config, events, subscription)?, wanted))
        });
        match started {
            Ok((runtime, engine, wanted)) => {
                if opened.send(Ok(())).is_ok() {
                    runtime.block_on(run(engine, inbox, wanted));
                }
            }
            // Whoever asked has gone away: nobody is left to be told.
            Err(error) => drop(opened.send(Err(error))),
        }
        drop(end);
    })?;
    is_open.await.map_err(|_| Error::Closed)??;
    Ok(handle)
}

impl Handle {
    /// Has `work` done on the engine's thread, and waits for what comes of it.
    pub(crate) async fn ask<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Engine) -> LocalFuture<'a, Result<T, Error>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |engine| {
            Box::pin(async move {
                let result = work(engine).await;
                // The application may have stopped waiting; the work is done all the same.
                drop(answer.send(result));
            })
        });
        self.jobs.send(job).await.map_err(|_| Error::Closed)?;
        answered.await.map_err(|_| Error::Closed)?
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        let untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner).take();
        untold.unwrap_or_else(|| self.events.subscribe())
    }

    /// Gives up this handle and waits until the engine has ended, if it was the last.
    pub(crate) async fn close(self) {
        let Self { jobs, events, mut ended, .. } = self;
        let is_last = jobs.strong_count() == 1;
        drop((jobs, events));
        if is_last {
            // An error says that the sender is gone, which is what is waited for.
            drop(ended.changed().await);
        }
    }
}

async fn run(mut engine: Engine, mut jobs: mpsc::Receiver<Job>, wanted: watch::Receiver<Option<Subscription>>) {
    let nudges = Arc::new(Nudges::default());
    let listener = tokio::spawn(listen(engine.api.clone(), wanted, Arc::clone(&nudges)));
    let interval = engine.config.poll_interval;
    let mut next_poll = Instant::now();
    loop {
        engine.begin_turn();
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => job(&mut engine).await,
                None => break,
            },
            nudge = nudges.next() => match nudge {
                Nudge::Head(conversation, seq) => engine.follow_hint(&conversation, seq).await,
                Nudge::Queue => engine.follow_queue_hint().await,
                Nudge::Everything => engine.sync_quietly().await,
            },
            () = sleep_until(next_poll) => {
                engine.sync_quietly().await;
                next_poll = Instant::now() + interval;
            }
        }
        // What is left to be read waits for its turn like everything else: which one it is, is left to chance.
        if engine.turn.is_behind {
            next_poll = Instant::now();
        }
    }
    listener.abort();
}

/// Keeps a stream of hints open as long as there is something to listen to, and passes on what it says.
async fn listen(api: Api, mut wanted: watch::Receiver<Option<Subscription>>, nudges: Arc<Nudges>) {
    let mut failures = 0;
    loop {
        let subscription = wanted.borrow_and_update().clone();
        let Some(subscription) = subscription else {
            if wanted.changed().await.is_err() {
                return;
            }
            continue;
        };
        if stream(&api, subscription, &mut wanted, &nudges, &mut failures).await.is_err() {
            sleep(pause(failures)).await;
            failures = failures.saturating_add(1);
        }
    }
}

/// One connection, until it breaks.
async fn stream(
    api: &Api,
    mut subscription: Subscription,
    wanted: &mut watch::Receiver<Option<Subscription>>,
    nudges: &Nudges,
    failures: &mut u32,
) -> Result<(), TransportError> {
    let mut hints = api.hints(&subscription.pass).await?;
    hints.subscribe(core::mem::take(&mut subscription.groups)).await?;
    loop {
        tokio::select! {
            hint = timeout(SILENCE, hints.next()) => {
                let hint = hint.map_err(|_| TransportError::TimedOut)??;
                *failures = 0;
                if matches!(hint, Hint::GoAway { .. }) {
                    return Err(TransportError::Unreachable);
                }
                if let Some(nudge) = nudge_of(hint) {
                    nudges.push(nudge);
                }
            }
            changed = wanted.changed() => {
                let next = wanted.borrow_and_update().clone();
                match (changed, next) {
                    (Ok(()), Some(next)) if next.pass == subscription.pass => {
                        hints.subscribe(next.groups).await?;
                    }
                    _ => return Ok(()),
                }
            }
        }
    }
}

fn nudge_of(hint: Hint) -> Option<Nudge> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "hints this version does not know ask for nothing")]
    match hint {
        Hint::Subscribed { .. } => Some(Nudge::Everything),
        Hint::Head { head } => Some(Nudge::Head(ConversationId(head.group_id), head.seq)),
        Hint::Queue => Some(Nudge::Queue),
        _ => None,
    }
}
