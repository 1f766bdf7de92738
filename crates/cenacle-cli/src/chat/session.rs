//! One person at work: which conversation is the current one, and what each command does with it.

use alloc::collections::BTreeMap;
use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use cenacle::{Client, Content, Conversation, ConversationId, Delivery, Error, Event, FileInfo, Loss};
use cenacle_service::wire::AccountName;
use serde_json::json;

use super::{
    command::{Command, HELP},
    printer::{Printer, plain},
};
use crate::inspect::draw_tree;

/// Why a line could not be done.
#[derive(Debug)]
pub(super) enum Fault {
    /// What to tell the person.
    Said(String),
    /// Nothing can be printed any more.
    Print(io::Error),
}

impl From<cenacle::Error> for Fault {
    fn from(error: cenacle::Error) -> Self {
        Self::Said(error.to_string())
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Print(error)
    }
}

/// Whether to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Line,
    End,
}

#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    current: Option<ConversationId>,
    /// Remembers the current conversation for the next time.
    memory: PathBuf,
    /// What was told of lost conversations: at the start, or when it happened.
    told: BTreeMap<ConversationId, Loss>,
    pub(super) printer: Printer,
}

impl Session {
    /// Goes on where the last session ended.
    pub(super) async fn resume(client: Client, memory: PathBuf, printer: Printer) -> Result<Self, cenacle::Error> {
        let known = client.conversations().await?;
        let remembered = fs::read_to_string(&memory).ok().and_then(|text| text.trim().parse().ok());
        let is_known = |id: &ConversationId| known.iter().any(|conversation| conversation.id() == id);
        let first = || known.first().map(|conversation| conversation.id().clone());
        let current = remembered.filter(is_known).or_else(first);
        Ok(Self { client, current, memory, told: BTreeMap::new(), printer })
    }

    /// Tells of the conversations that were lost before and still are.
    pub(super) async fn recall_losses(&mut self, known: &[(ConversationId, Loss)]) -> io::Result<()> {
        for (conversation, loss) in known {
            if self.client.conversation(conversation.clone()).loss().await.is_ok_and(|loss| loss.is_some()) {
                let event = Event::Lost { conversation: conversation.clone(), loss: loss.clone() };
                self.printer.event("", &event)?;
                self.told.insert(conversation.clone(), loss.clone());
            }
        }
        Ok(())
    }

    /// Tells a person at a terminal where they are.
    pub(super) async fn greet(&self, name: &AccountName) -> io::Result<()> {
        if !io::stdin().is_terminal() {
            return Ok(());
        }
        let title = match &self.current {
            Some(id) => self.client.conversation(id.clone()).title().await.ok(),
            None => None,
        };
        let place = title.as_ref().map_or_else(
            || "in no conversation: /new TITLE begins one".to_owned(),
            |title| format!("in {:?}", plain(title)),
        );
        let value = json!({ "event": "hello", "name": name.as_str(), "title": title });
        self.printer.note(&format!("you are {name}, {place}; /help lists all commands"), &value)
    }

    fn current(&self) -> Result<Conversation, Fault> {
        let id = self.current.clone().ok_or_else(|| {
            Fault::Said("you are in no conversation: begin one with /new TITLE, or ask to be invited".to_owned())
        })?;
        Ok(self.client.conversation(id))
    }

    fn make_current(&mut self, id: ConversationId) -> Result<(), Fault> {
        let written = fs::write(&self.memory, format!("{id}\n"));
        self.current = Some(id);
        written.map_err(|error| Fault::Said(format!("{}: {error}", self.memory.display())))
    }

    /// Does what a line asks for.
    pub(super) async fn obey(&mut self, command: Command) -> Result<Next, Fault> {
        match command {
            Command::Say(text) => {
                self.current()?.send(&text).await?;
            }
            Command::New(title) => self.begin(&title).await?,
            Command::Switch(Some(wanted)) => self.switch(&wanted).await?,
            Command::Switch(None) => self.list().await?,
            Command::Invite(name) => self.invite(&name).await?,
            Command::Remove(name) => self.current()?.remove(&name).await?,
            Command::Rotate => {
                self.current()?.rotate().await?;
                self.printer.note("your keys are new", &json!({ "event": "rotated" }))?;
            }
            Command::Verify => self.verify().await?,
            Command::Rejoin(newcomers) => {
                let newcomers: Vec<&str> = newcomers.iter().map(String::as_str).collect();
                self.current()?.rejoin(&newcomers).await?;
            }
            Command::Members => self.members().await?,
            Command::History => self.history().await?,
            Command::Send(path) => self.send(&path).await?,
            Command::Save { to, name } => self.save(&to, name.as_deref()).await?,
            Command::Tree => self.tree().await?,
            Command::Help => self.printer.say(HELP, &json!({ "event": "help", "text": HELP }))?,
            Command::Quit => return Ok(Next::End),
        }
        Ok(Next::Line)
    }

    /// Adds all devices of an account. The members' list tells where there was nothing to do.
    async fn invite(&self, name: &str) -> Result<(), Fault> {
        let conversation = self.current()?;
        let before = conversation.members().await?;
        conversation.invite(name).await?;
        let is_in = before.iter().any(|member| member.id.name.as_str() == name);
        if !is_in || conversation.members().await? != before {
            return Ok(());
        }
        Ok(self
            .printer
            .note(&format!("{name} is in it already"), &json!({ "event": "already_member", "name": name }))?)
    }

    async fn begin(&mut self, title: &str) -> Result<(), Fault> {
        let conversation = self.client.create_conversation(title).await?;
        let id = conversation.id().clone();
        let value = json!({ "event": "created", "conversation": id.to_string(), "title": title });
        self.make_current(id)?;
        Ok(self.printer.note(&format!("{:?} has begun; /invite NAME adds somebody", plain(title)), &value)?)
    }

    /// All conversations with their titles.
    async fn titled(&self) -> Result<Vec<(ConversationId, String)>, Fault> {
        let mut titled = Vec::new();
        for conversation in self.client.conversations().await? {
            titled.push((conversation.id().clone(), conversation.title().await?));
        }
        Ok(titled)
    }

    async fn switch(&mut self, wanted: &str) -> Result<(), Fault> {
        let titled = self.titled().await?;
        let matches: Vec<_> =
            titled.into_iter().filter(|(id, title)| title == wanted || id.to_string().starts_with(wanted)).collect();
        let (id, title) = match matches.as_slice() {
            [one] => one.clone(),
            [] => return Err(Fault::Said(format!("no conversation is called {wanted:?}; /switch lists them"))),
            _ => {
                return Err(Fault::Said(format!(
                    "several conversations are called {wanted:?}; give the beginning of an \
                                                identifier that /switch shows"
                )));
            }
        };
        let value = json!({ "event": "switched", "conversation": id.to_string(), "title": title });
        self.make_current(id)?;
        Ok(self.printer.note(&format!("now in {:?}", plain(&title)), &value)?)
    }

    async fn list(&self) -> Result<(), Fault> {
        for (id, title) in self.titled().await? {
            let is_current = self.current.as_ref() == Some(&id);
            let mark = if is_current { '>' } else { ' ' };
            let value = json!({
                "event": "conversation", "conversation": id.to_string(), "title": title, "current": is_current,
            });
            self.printer.say(&format!("{mark} {id}  {}", plain(&title)), &value)?;
        }
        Ok(())
    }

    async fn members(&self) -> Result<(), Fault> {
        let conversation = self.current()?;
        let (members, epoch) = (conversation.members().await?, conversation.epoch().await?);
        for member in &members {
            let (name, device) = (member.id.name.as_str(), member.id.device.to_string());
            let value = json!({ "event": "member", "name": name, "device": device, "leaf": member.leaf });
            self.printer.say(&format!("  {name:<20} leaf {:<4} device {device}", member.leaf), &value)?;
        }
        let authenticator = hex::encode(conversation.epoch_authenticator().await?);
        let text = format!("epoch {epoch}; if all of you see {authenticator}, nobody is in between");
        Ok(self.printer.note(&text, &json!({ "event": "epoch", "epoch": epoch, "authenticator": authenticator }))?)
    }

    async fn verify(&self) -> Result<(), Fault> {
        let conversation = self.current()?;
        let (code, epoch) = (conversation.safety_code().await?, conversation.epoch().await?);
        let text = format!("epoch {epoch}: {code}; who sees this, too, is in the same conversation");
        Ok(self.printer.note(&text, &json!({ "event": "safety_code", "epoch": epoch, "code": code }))?)
    }

    async fn history(&self) -> Result<(), Fault> {
        let conversation = self.current()?;
        for message in conversation.history().await? {
            self.printer.message("history", "", conversation.id(), &message)?;
        }
        Ok(())
    }

    async fn send(&self, path: &Path) -> Result<(), Fault> {
        let sent = self.current()?.send_file(path).await;
        sent.map_err(|error| {
            let is_named = matches!(error, Error::Io { .. });
            Fault::Said(if is_named { error.to_string() } else { format!("{}: {error}", path.display()) })
        })?;
        let text = format!("{} is sent", path.display());
        Ok(self.printer.note(&text, &json!({ "event": "sent", "file": path }))?)
    }

    async fn save(&self, to: &Path, name: Option<&str>) -> Result<(), Fault> {
        let conversation = self.current()?;
        let files = conversation
            .history()
            .await?
            .into_iter()
            .filter_map(|message| if let Content::File(file) = message.content { Some(file) } else { None });
        let file: Option<FileInfo> = files.rev().find(|file| name.is_none_or(|name| file.name == name));
        let file = file.ok_or_else(|| Fault::Said("no such file was sent here".to_owned()))?;
        let content = conversation.download(&file).await?;
        // A file of one's own is never overwritten by one from somebody else.
        let write = || fs::File::options().write(true).create_new(true).open(to)?.write_all(&content);
        write().map_err(|error| Fault::Said(format!("{}: {error}", to.display())))?;
        let text = format!("{:?} is saved as {}, {} bytes", plain(&file.name), to.display(), content.len());
        let value = json!({ "event": "saved", "file": file.name, "to": to, "bytes": content.len() });
        Ok(self.printer.note(&text, &value)?)
    }

    async fn tree(&self) -> Result<(), Fault> {
        let conversation = self.current()?;
        let names: BTreeMap<_, _> =
            conversation.members().await?.into_iter().map(|member| (member.leaf, member.id.name)).collect();
        let tree = conversation.tree().await?;
        let picture = draw_tree(&tree, |leaf| names.get(&leaf.0).map(ToString::to_string).unwrap_or_default());
        Ok(self.printer.say(picture.trim_end(), &json!({ "event": "tree", "picture": picture }))?)
    }

    /// Tells of something that happened.
    pub(super) async fn hear(&mut self, event: &Event) -> Result<(), Fault> {
        if let (Event::Joined { conversation, .. }, None) = (event, &self.current) {
            self.make_current(conversation.clone())?;
        }
        if let Event::Lost { conversation, loss } = event
            && self.told.insert(conversation.clone(), loss.clone()).as_ref() == Some(loss)
        {
            // It was lost between the beginning of the events and the look at what is lost, and was told then.
            return Ok(());
        }
        if let Event::Rejoined { conversation, .. } = event {
            self.told.remove(conversation);
        }
        let elsewhere = place(event).filter(|id| Some(*id) != self.current.as_ref());
        let title = match elsewhere {
            Some(id) => self.client.conversation(id.clone()).title().await?,
            None => String::new(),
        };
        Ok(self.printer.event(&title, event)?)
    }

    /// Sends what waits, and says how much still does.
    pub(super) async fn flush(&self) -> Result<usize, Fault> {
        let synced = self.client.sync().await;
        let mut waiting = 0usize;
        for conversation in self.client.conversations().await? {
            let messages = conversation.history().await?;
            waiting += messages.iter().filter(|message| message.delivery == Delivery::Waiting).count();
        }
        if let Err(error) = synced
            && waiting == 0
            && Loss::of(&error).is_none()
        {
            return Err(error.into());
        }
        Ok(waiting)
    }

    /// Closes the state file.
    pub(super) async fn close(self) {
        self.client.close().await;
    }
}

/// Where something happened.
fn place(event: &Event) -> Option<&ConversationId> {
    match event {
        Event::Joined { conversation, .. }
        | Event::Message { conversation, .. }
        | Event::FileReceived { conversation, .. }
        | Event::Delivered { conversation, .. }
        | Event::NotDelivered { conversation, .. }
        | Event::MembersChanged { conversation, .. }
        | Event::EpochChanged { conversation, .. }
        | Event::Removed { conversation, .. }
        | Event::Lost { conversation, .. }
        | Event::Rejoined { conversation, .. }
        | Event::MemberRejoined { conversation, .. }
        | Event::ForkSuspected { conversation, .. }
        | Event::Dropped { conversation, .. }
        | Event::Rejected { conversation, .. } => Some(conversation),
        Event::SyncFailed { conversation, .. } => conversation.as_ref(),
        // It is none of this device's.
        Event::InvitationLost { .. } | Event::Missed { .. } | _ => None,
    }
}

/// The conversations that are lost, and how.
pub(super) async fn losses(client: &Client) -> Result<Vec<(ConversationId, Loss)>, Error> {
    let mut losses = Vec::new();
    for conversation in client.conversations().await? {
        if let Some(loss) = conversation.loss().await? {
            losses.push((conversation.id().clone(), loss));
        }
    }
    Ok(losses)
}
