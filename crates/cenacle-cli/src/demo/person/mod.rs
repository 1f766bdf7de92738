//! `cenacle demo-person`: one person of the demo, a process of its own with a state file of its own, driven by JSON lines
//! (see [`super::protocol`]). It is an ordinary user of the SDK, but for a network that can be cut and, in [`pry`], for a
//! will to read what it should not.

mod pry;
mod transport;

use alloc::{collections::BTreeMap, sync::Arc};
use core::time::Duration;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use cenacle::{Client, Config, Content, Conversation};
use cenacle_mls::wire::LeafIndex;
use clap::Args;
use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    runtime,
    sync::{Mutex, RwLock},
};

use super::protocol::{Ask, Heard, Lost, Record, Reply, Request, StateCopy, Status, Tell, View, What};
use crate::{
    inspect::draw_tree,
    output::{FAILED, OK, complain},
};
use transport::StageTransport;

/// One person of the demo
#[derive(Debug, Args)]
pub struct DemoPersonArgs {
    /// The server
    #[arg(long)]
    server: String,
    /// What the person is called
    #[arg(long)]
    name: String,
    /// The person's state file
    #[arg(long)]
    data: PathBuf,
    /// Begin without a network
    #[arg(long)]
    offline: bool,
}

/// Says something to the demo. If the demo has gone away, so does standard input, which ends this process.
fn tell(what: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(what) {
        let mut out = io::stdout().lock();
        drop(writeln!(out, "{line}").and_then(|()| out.flush()));
    }
}

impl DemoPersonArgs {
    /// Runs the command.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return complain(&error, FAILED).into(),
        };
        let outcome = runtime.block_on(self.live());
        // The client may be held in the middle of a commit for ever.
        runtime.shutdown_background();
        outcome.map_or_else(|error| complain(&error, FAILED), |()| OK).into()
    }

    async fn live(self) -> Result<(), cenacle::Error> {
        let transport = Arc::new(StageTransport::new(&self.server)?);
        transport.set_network(!self.offline);
        let client = open(&self, &transport).await?;
        client.register(&self.name).await?;
        let person =
            Arc::new(Person { args: self, transport, client: RwLock::new(Some(client)), prying: Mutex::new(()) });
        tell(&Tell::Ready);
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(line) = lines.next_line().await? {
            let Ok(Request { id, ask }) = serde_json::from_str(&line) else {
                return Err(cenacle::Error::NotUnderstood);
            };
            let person = Arc::clone(&person);
            drop(tokio::spawn(async move {
                let answer = person.answer(ask).await.map_err(|error| error.to_string());
                tell(&Tell::Answer { id, answer });
            }));
        }
        Ok(())
    }
}

async fn open(args: &DemoPersonArgs, transport: &Arc<StageTransport>) -> Result<Client, cenacle::Error> {
    let transport: Arc<dyn cenacle::transport::Transport> = Arc::<StageTransport>::clone(transport);
    let config = Config::new(&args.server).data(&args.data).transport(transport).retries(1);
    Client::open(config.poll_interval(Duration::from_secs(2))).await
}

struct Person {
    args: DemoPersonArgs,
    transport: Arc<StageTransport>,
    /// None while the state file is copied.
    client: RwLock<Option<Client>>,
    prying: Mutex<()>,
}

impl Person {
    async fn client(&self) -> Result<Client, cenacle::Error> {
        self.client.read().await.clone().ok_or(cenacle::Error::Closed)
    }

    async fn conversation(&self) -> Result<Conversation, cenacle::Error> {
        let first = self.client().await?.conversations().await?.into_iter().next();
        first.ok_or(cenacle::Error::UnknownConversation)
    }

    async fn answer(&self, ask: Ask) -> Result<Reply, cenacle::Error> {
        match ask {
            Ask::Begin { .. } if self.conversation().await.is_ok() => self.client().await?.sync().await?,
            Ask::Begin { title } => drop(self.client().await?.create_conversation(&title).await?),
            Ask::Invite(name) => self.conversation().await?.invite(&name).await?,
            Ask::Remove(name) => self.remove(&name).await?,
            Ask::Rotate(old) => self.rotate(&old).await?,
            Ask::Count => return self.count().await.map(Reply::Count),
            Ask::Say { after, .. } | Ask::SendFile { after, .. } if self.count().await? > after => {}
            Ask::Say { text, .. } => drop(self.conversation().await?.send(&text).await?),
            Ask::SendFile { path, .. } => drop(self.conversation().await?.send_file(path).await?),
            Ask::Network(is_there) => return self.network(is_there).await,
            Ask::Status => return self.status().await.map(Reply::Status),
            Ask::Draw => return self.draw().await.map(Reply::Picture),
            Ask::Save { name, to } => self.save(&name, &to).await?,
            Ask::Hold(point) => self.transport.hold(point),
            Ask::Release => self.transport.release(),
            Ask::Records { group } => return self.records(&group).await.map(Reply::Records),
            Ask::Copy { to } => return self.copy(to).await.map(Reply::Copied),
            Ask::GoOn => return self.go_on().await.map(Reply::Lost),
            Ask::Rejoin(old) => self.rejoin(&old).await?,
            Ask::Pry { copy, records } => {
                // One at a time: the copy is locked while it is in use.
                let _one = self.prying.lock().await;
                return pry::pry(&copy, records).map(Reply::Pried);
            }
        }
        Ok(Reply::Done)
    }

    /// Removes somebody, unless they are out.
    async fn remove(&self, name: &str) -> Result<(), cenacle::Error> {
        self.client().await?.sync().await?;
        match self.conversation().await?.remove(name).await {
            Err(cenacle::Error::NotInConversation(_)) => Ok(()),
            removed => removed,
        }
    }

    /// Renews the own keys, unless they are others than the old one already.
    async fn rotate(&self, old: &str) -> Result<(), cenacle::Error> {
        self.client().await?.sync().await?;
        let is_old = self.own_key().await?.is_some_and(|key| key == old);
        if is_old { self.conversation().await?.rotate().await } else { Ok(()) }
    }

    /// The public key of one's leaf.
    async fn own_key(&self) -> Result<Option<String>, cenacle::Error> {
        Ok(self.status().await?.view.and_then(|view| view.members.get(&self.args.name).cloned()))
    }

    /// How many messages of one's own there are.
    async fn count(&self) -> Result<usize, cenacle::Error> {
        let history = self.conversation().await?.history().await?;
        Ok(history.iter().filter(|message| message.mine).count())
    }

    async fn network(&self, is_there: bool) -> Result<Reply, cenacle::Error> {
        self.transport.set_network(is_there);
        if is_there {
            self.client().await?.sync().await?;
        }
        Ok(Reply::Done)
    }

    async fn status(&self) -> Result<Status, cenacle::Error> {
        let Ok(conversation) = self.conversation().await else { return Ok(Status::default()) };
        let view = if conversation.is_member().await? {
            let tree = conversation.tree().await?;
            let key = |leaf| tree.leaf(leaf).map(|leaf| hex::encode(&leaf.encryption_key.0)).unwrap_or_default();
            let members = conversation.members().await?.into_iter();
            let members = members.map(|member| (member.id.name.to_string(), key(LeafIndex(member.leaf))));
            Some(View {
                epoch: conversation.epoch().await?,
                authenticator: hex::encode(conversation.epoch_authenticator().await?),
                members: members.collect(),
            })
        } else {
            None
        };
        let heard = conversation.history().await?.into_iter().filter_map(|message| {
            let what = match message.content {
                Content::Text(text) => What::Text(text),
                Content::File(file) => What::File { name: file.name, bytes: file.size_bytes },
                Content::Unknown | _ => What::Unknown,
            };
            Some(Heard { from: message.from.name.to_string(), seq: message.seq?, what })
        });
        Ok(Status { group: Some(conversation.id().to_string()), view, history: heard.collect() })
    }

    async fn draw(&self) -> Result<String, cenacle::Error> {
        let conversation = self.conversation().await?;
        let names: BTreeMap<_, _> =
            conversation.members().await?.into_iter().map(|member| (member.leaf, member.id.name)).collect();
        let tree = conversation.tree().await?;
        Ok(draw_tree(&tree, |leaf| names.get(&leaf.0).map(ToString::to_string).unwrap_or_default()))
    }

    /// Fetches the file called `name` and writes it.
    async fn save(&self, name: &str, to: &Path) -> Result<(), cenacle::Error> {
        let conversation = self.conversation().await?;
        let files = conversation
            .history()
            .await?
            .into_iter()
            .filter_map(|message| if let Content::File(file) = message.content { Some(file) } else { None });
        let file =
            files.rev().find(|file| file.name == name).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(tokio::fs::write(to, conversation.download(&file).await?).await?)
    }

    /// Asks the server for all of the group's log.
    async fn records(&self, group: &str) -> Result<Vec<Record>, cenacle::Error> {
        if !self.transport.has_token() {
            // Any request of the client's tells it. What else comes of it is told elsewhere.
            self.client().await?.sync().await.unwrap_or_default();
        }
        let (mut records, mut from) = (Vec::new(), 1);
        loop {
            let answer = self.transport.ask_anyway(format!("/v1/groups/{group}/log?from={from}&limit=1000")).await?;
            let Ok(log) = serde_json::from_slice::<cenacle_service::wire::Log>(&answer.content) else {
                // A refusal: there is nothing for this person.
                return Ok(records);
            };
            let Some(last) = log.records.last().map(|record| record.seq) else { return Ok(records) };
            records.extend(log.records.into_iter().map(|record| Record {
                seq: record.seq,
                epoch: record.epoch,
                message: hex::encode(record.message),
            }));
            if last >= log.head {
                return Ok(records);
            }
            from = last.saturating_add(1);
        }
    }

    /// Reads what there is to be read. Whatever that finds out about the conversation, what follows meets with it, too.
    async fn reach_the_server(&self) -> Result<(), cenacle::Error> {
        match self.client().await?.sync().await {
            Err(error @ cenacle::Error::Offline(_)) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Tries to go on as if nothing had happened.
    async fn go_on(&self) -> Result<Lost, cenacle::Error> {
        // Without a server what is said would wait, and be said in the end.
        self.reach_the_server().await?;
        let conversation = self.conversation().await?;
        let outcomes = [conversation.send("as if nothing had happened").await.map(drop), conversation.rotate().await];
        let is_old = outcomes.iter().all(|outcome| matches!(outcome, Err(cenacle::Error::StateLost)));
        Ok(Lost { is_old, said: self.transport.posted() })
    }

    /// Comes back to the conversation, unless the own keys are others than the old one already.
    async fn rejoin(&self, old: &str) -> Result<(), cenacle::Error> {
        // A return that was begun before a restart ends with this.
        self.reach_the_server().await?;
        if self.own_key().await?.is_some_and(|key| key != old) {
            return Ok(());
        }
        self.conversation().await?.rejoin(&[]).await
    }

    /// Closes the client, copies its file, and opens it again.
    async fn copy(&self, to: PathBuf) -> Result<StateCopy, cenacle::Error> {
        let conversation = self.conversation().await?;
        let own = self.client().await?.id().await?.ok_or(cenacle::Error::NotRegistered)?;
        let leaf = conversation.members().await?.into_iter().find(|member| member.id == own);
        let leaf = leaf.ok_or(cenacle::Error::NotMember)?.leaf;
        let key = conversation.tree().await?.leaf(LeafIndex(leaf)).map(|leaf| hex::encode(&leaf.signature_key.0));
        let epoch = conversation.epoch().await?;
        drop(conversation);
        let mut place = self.client.write().await;
        if let Some(client) = place.take() {
            client.close().await;
        }
        let copied = tokio::fs::copy(&self.args.data, &to).await;
        *place = Some(open(&self.args, &self.transport).await?);
        copied?;
        Ok(StateCopy { path: to, epoch, signature_key: key.ok_or(cenacle::Error::NotMember)? })
    }
}
