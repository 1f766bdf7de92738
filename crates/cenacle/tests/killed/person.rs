//! One client of the SDK as a process of its own, driven over a pipe.

use alloc::sync::Arc;
use core::time::Duration;
use std::path::Path;

use cenacle::{
    Client, Config, Content, Conversation, Error,
    transport::{BoxFuture, Hints, HttpTransport, Request, Response, Transport, TransportError},
};
use cenacle_crypto::CryptoProvider;
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_service::wire::DeviceToken;
use cenacle_testkit::{
    killed::{Pipe, Telling},
    tapped::Tapped,
};
use serde::{Deserialize, Serialize};

/// What a person can be asked to do. There is one conversation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    Register(String),
    Begin(String),
    Invite(String),
    Remove(String),
    Rotate,
    Say(String),
    /// Send a file with this name and content.
    SendFile(String),
    Sync,
    View,
}

/// How a person sees the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct View {
    /// Whether there is one.
    pub(crate) exists: bool,
    /// None unless a member.
    pub(crate) member: Option<Member>,
    pub(crate) history: Vec<Said>,
}

/// How a member sees the group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) epoch: u64,
    pub(crate) authenticator: Vec<u8>,
    pub(crate) names: Vec<String>,
}

/// A message: a text, or a file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Said {
    /// None while it waits.
    pub(crate) seq: Option<u64>,
    pub(crate) what: String,
}

/// The ordinary way to the server, without hints: what is done is done by order, and when the process starts.
#[derive(Debug)]
struct Quiet(HttpTransport);

impl Transport for Quiet {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        self.0.send(request)
    }

    fn hints(&self, _: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        Box::pin(async { Err(TransportError::Unreachable) })
    }
}

/// Does what comes through the pipe until it ends.
pub(crate) async fn live(pipe: Pipe, server: &str, data: &Path) {
    let provider: Arc<dyn CryptoProvider> = Arc::new(AwsLcProvider);
    let transport = Arc::new(Quiet(HttpTransport::new(server).unwrap()));
    let config = Config::new(server).data(data).transport(transport).provider(Arc::new(Tapped::new(provider, Telling)));
    let client = Client::open(config.poll_interval(Duration::from_secs(3600)).retries(1)).await.unwrap();
    while let Some(order) = pipe.order() {
        let order = serde_json::from_str(&order).unwrap();
        let answer = obey(&client, order).await.map_err(|error| error.to_string());
        pipe.answer(&serde_json::to_string(&answer).unwrap());
    }
}

async fn obey(client: &Client, order: Order) -> Result<View, Error> {
    let room = client.conversations().await?.into_iter().next();
    let room = room.ok_or(Error::UnknownConversation);
    match order {
        Order::Register(name) => drop(client.register(&name).await?),
        Order::Begin(title) => drop(client.create_conversation(&title).await?),
        Order::Invite(name) => room?.invite(&name).await?,
        Order::Remove(name) => room?.remove(&name).await?,
        Order::Rotate => room?.rotate().await?,
        Order::Say(text) => drop(room?.send(&text).await?),
        Order::SendFile(name) => drop(room?.send_bytes(&name, name.clone().into_bytes()).await?),
        Order::Sync => client.sync().await?,
        Order::View => return if let Ok(room) = room { view(&room).await } else { Ok(View::default()) },
    }
    Ok(View::default())
}

/// How somebody sees a conversation.
pub(crate) async fn view(room: &Conversation) -> Result<View, Error> {
    let member = if room.is_member().await? {
        let mut names: Vec<_> = room.members().await?.iter().map(|member| member.id.name.to_string()).collect();
        names.sort();
        Some(Member { epoch: room.epoch().await?, authenticator: room.epoch_authenticator().await?, names })
    } else {
        None
    };
    let said = room.history().await?.into_iter().map(|message| {
        let what = match message.content {
            Content::Text(text) => text,
            Content::File(file) => file.name,
            other => panic!("nobody said {other:?}"),
        };
        Said { seq: message.seq, what }
    });
    Ok(View { exists: true, member, history: said.collect() })
}
