//! A server of one's own on a free port, clients of it, and waiting for what is to happen.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    dead_code,
    clippy::std_instead_of_alloc,
    reason = "helpers of tests, and not every test needs all"
)]

use core::{net::SocketAddr, time::Duration};

use std::sync::Arc;

use cenacle::{Client, Config, Content, Conversation, Event, Events};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_server::{Config as ServerConfig, Server};
use cenacle_testkit::ledger::Ledger;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

/// Longer than anything takes that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server and its directory, in which clients may keep their state as well.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) address: SocketAddr,
    /// Every nonce that left any client: none may leave twice under one key.
    pub(crate) ledger: Ledger,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let (directory, ledger) = (tempfile::tempdir().unwrap(), Ledger::default());
        let mut world = Self { directory, address, ledger, running: None };
        world.start().await;
        world
    }

    /// Starts the server, on the address it had before.
    pub(crate) async fn start(&mut self) {
        let mut config = ServerConfig::new(self.directory.path().join("server"), Arc::new(AwsLcProvider));
        config.listen = self.address;
        config.drain = Duration::from_millis(500);
        let server = Server::bind(config).await.unwrap();
        self.address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            server.run(async move { drop(stopped.await) }).await.unwrap();
        });
        self.running = Some((stop, running));
    }

    pub(crate) async fn stop(&mut self) {
        let (stop, running) = self.running.take().unwrap();
        stop.send(()).unwrap();
        running.await.unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A configuration that keeps its state in memory, and gives up quickly.
    pub(crate) fn config(&self) -> Config {
        Config::new(self.url()).provider(self.ledger.watch_provider(Arc::new(AwsLcProvider))).retries(1)
    }

    pub(crate) async fn client(&self, name: &str) -> Client {
        let client = Client::open(self.config()).await.unwrap();
        client.register(name).await.unwrap();
        client
    }

    /// A client that keeps its state in a file of the world's directory.
    pub(crate) async fn stored_client(&self, name: &str) -> Client {
        let path = self.directory.path().join(format!("{name}.db"));
        let client = Client::open(self.config().data(path)).await.unwrap();
        client.register(name).await.unwrap();
        client
    }
}

/// Waits for the event that `pick` picks.
pub(crate) async fn wait_for<T>(events: &mut Events, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
    let mut seen = Vec::new();
    let waiting = async {
        loop {
            let event = events.next().await.unwrap_or_else(|| panic!("the client closed before: {what}"));
            seen.push(format!("{event:?}"));
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
    };
    let outcome = timeout(PATIENCE, waiting).await;
    outcome.unwrap_or_else(|_| panic!("did not happen: {what}, but {seen:#?}"))
}

/// Waits for the text of the next message.
pub(crate) async fn next_text(events: &mut Events) -> String {
    wait_for(events, "a message", |event| match event {
        Event::Message { message, .. } => text_of(&message.content),
        _ => None,
    })
    .await
}

/// Waits until the client was added, and gives the conversation.
pub(crate) async fn joined(client: &Client, events: &mut Events) -> Conversation {
    let id = wait_for(events, "an invitation", |event| match event {
        Event::Joined { conversation, .. } => Some(conversation),
        _ => None,
    });
    client.conversation(id.await)
}

pub(crate) fn text_of(content: &Content) -> Option<String> {
    match content {
        Content::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// The texts of a conversation's history, in its order.
pub(crate) async fn texts(conversation: &Conversation) -> Vec<String> {
    let history = conversation.history().await.unwrap();
    history.iter().filter_map(|message| text_of(&message.content)).collect()
}

/// The names of the members, sorted.
pub(crate) async fn names(conversation: &Conversation) -> Vec<String> {
    let mut names: Vec<String> =
        conversation.members().await.unwrap().iter().map(|member| member.id.name.to_string()).collect();
    names.sort();
    names
}

/// Asserts that all are in one epoch of one history, with the same members.
pub(crate) async fn agree(conversations: &[&Conversation]) {
    let mut views = Vec::new();
    for conversation in conversations {
        let epoch = conversation.epoch().await.unwrap();
        views.push((epoch, conversation.epoch_authenticator().await.unwrap(), names(conversation).await));
    }
    assert!(views.windows(2).all(|pair| pair.first() == pair.last()), "the members do not agree: {views:?}");
}
