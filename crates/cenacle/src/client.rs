//! A client and its conversations, as an application holds them: handles that are cheap to clone. Everything they ask
//! for is done by the engine, one thing at a time.

use alloc::sync::Arc;
use std::path::Path;

use cenacle_mls::tree::RatchetTree;

use crate::{
    Config, Content, ConversationId, Error, Events, FileInfo, Loss, MemberId, Message, MessageId, attachment,
    engine::{self, Handle},
    state::IntentKind,
};

/// A device of an account: its keys, its conversations, its connection. Clones are the same client.
#[derive(Debug, Clone)]
pub struct Client {
    engine: Handle,
}

/// A conversation of a client. Clones are the same conversation.
#[derive(Debug, Clone)]
pub struct Conversation {
    engine: Handle,
    id: ConversationId,
}

/// A member of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who it is; authenticated.
    pub id: MemberId,
    /// Its leaf in the ratchet tree.
    pub leaf: u32,
}

impl Client {
    /// Opens a client: a new one, or the one whose state the configured file holds. It synchronises in the background
    /// from now on.
    ///
    /// # Errors
    /// [`Error::Store`] when the state file cannot be used, above all when another process uses it;
    /// [`Error::BadServerUrl`], [`Error::NoTls`] and [`Error::InsecureServer`] for the address.
    pub async fn open(config: Config) -> Result<Self, Error> {
        Ok(Self { engine: engine::start(config).await? })
    }

    #[cfg(test)]
    pub(crate) const fn engine(&self) -> &Handle {
        &self.engine
    }

    /// Gives this device a name. Does nothing if it has that name already, and finishes a registration that was
    /// interrupted.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::NameTaken`], [`Error::AlreadyRegistered`]; [`Error::Offline`].
    pub async fn register(&self, name: &str) -> Result<MemberId, Error> {
        let name = name.to_owned();
        self.engine.ask(move |engine| Box::pin(async move { engine.register(&name).await })).await
    }

    /// Who this device is; none before it is registered.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn id(&self) -> Result<Option<MemberId>, Error> {
        self.engine.ask(|engine| Box::pin(async { Ok(engine.id()) })).await
    }

    /// Begins a conversation with nobody else in it yet. Only its members will see the title.
    ///
    /// # Errors
    /// [`Error::NotRegistered`]. Without a connection the server is told later.
    pub async fn create_conversation(&self, title: &str) -> Result<Conversation, Error> {
        let title = title.to_owned();
        let id = self.engine.ask(move |engine| Box::pin(async move { engine.create(&title).await })).await?;
        Ok(self.conversation(id))
    }

    /// The conversations of this device, those it was removed from among them.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn conversations(&self) -> Result<Vec<Conversation>, Error> {
        let ids = self.engine.ask(|engine| Box::pin(async { Ok(engine.conversations()) })).await?;
        Ok(ids.into_iter().map(|id| self.conversation(id)).collect())
    }

    /// The conversation of this identifier. Whether there is one shows when it is used.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Conversation {
        Conversation { engine: self.engine.clone(), id }
    }

    /// What happens from now on; for the first who asks, from when the client was opened, so that nothing is missed that it
    /// finds at once.
    #[must_use]
    pub fn events(&self) -> Events {
        Events(self.engine.listen())
    }

    /// Posts what waits and fetches what is new, now. It also happens in the background.
    ///
    /// # Errors
    /// [`Error::Offline`]; [`Error::OtherServer`], with nothing sent; and whatever kept one of the conversations from being brought up to date.
    pub async fn sync(&self) -> Result<(), Error> {
        loop {
            match self.engine.ask(|engine| Box::pin(engine.sync())).await {
                Err(Error::Behind) => {}
                synced => return synced,
            }
        }
    }

    /// Closes the client and waits until its file is free, unless clones or conversations of it are still held.
    pub async fn close(self) {
        self.engine.close().await;
    }
}

impl Conversation {
    /// The conversation's identifier.
    #[must_use]
    pub const fn id(&self) -> &ConversationId {
        &self.id
    }

    /// Its title.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`].
    pub async fn title(&self) -> Result<String, Error> {
        let id = self.id.clone();
        self.engine.ask(move |engine| Box::pin(async move { engine.title(&id) })).await
    }

    /// Whether this device is still in it.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`].
    pub async fn is_member(&self) -> Result<bool, Error> {
        let id = self.id.clone();
        self.engine.ask(move |engine| Box::pin(async move { engine.is_member(&id) })).await
    }

    /// The members, by leaf.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`], [`Error::NotMember`].
    pub async fn members(&self) -> Result<Vec<Member>, Error> {
        let id = self.id.clone();
        let members = self.engine.ask(move |engine| Box::pin(async move { engine.members(&id) })).await?;
        Ok(members.into_iter().map(|(leaf, id)| Member { id, leaf: leaf.0 }).collect())
    }

    /// The epoch: how many commits there were.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`].
    pub async fn epoch(&self) -> Result<u64, Error> {
        let id = self.id.clone();
        self.engine.ask(move |engine| Box::pin(async move { engine.epoch(&id) })).await
    }

    /// The ratchet tree of the present epoch, to be drawn.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`], [`Error::NotMember`].
    pub async fn tree(&self) -> Result<RatchetTree, Error> {
        let id = self.id.clone();
        self.engine.ask(move |engine| Box::pin(async move { engine.tree(&id) })).await
    }

    /// Thirty digits that are equal for all members who share this epoch: comparing them in person, by whoever can hear the
    /// other's voice, excludes a divided group. They change with every epoch.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`], [`Error::NotMember`]; the loss, once this device has lost the conversation.
    pub async fn safety_code(&self) -> Result<String, Error> {
        let id = self.id.clone();
        self.engine.ask(move |engine| Box::pin(async move { engine.safety_code(&id) })).await
    }

    /// Why this device can neither read it on nor say anything in it; none if it can.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`].
    pub async fn loss(&self) -> Result<Option<Loss>, Error> {
        let id = self.id.clone();
        self.engine.ask(move |engine| Box::pin(async move { engine.loss(&id) })).await
    }

    /// Comes back: this device gives up what state it has and takes the place of its former self, by what the members left
    /// at the server for that. History and whatever waits are kept, and said in the new epoch; what was said in between stays
    /// unread. The other members are told. It serves any member, not only one who has lost the conversation.
    ///
    /// Accounts whose devices were not in the conversation before, or not with these keys, are let read on only if they are among
    /// `newcomers`. If the device was invited again, a Welcome waits until this is called, and is used first.
    ///
    /// # Errors
    /// [`Error::Newcomers`], and then nothing has changed; [`Error::NoWayBack`]; [`Error::ServerChanged`] when the server
    /// describes an epoch before the one this device was in; [`Error::NotMember`] when it was removed meanwhile.
    /// [`Error::Offline`] and [`Error::Contended`]: once begun, it is finished when it can be.
    pub async fn rejoin(&self, newcomers: &[&str]) -> Result<(), Error> {
        let newcomers: Arc<[String]> = newcomers.iter().map(|&name| name.to_owned()).collect();
        let mut again = false;
        loop {
            let (id, newcomers) = (self.id.clone(), Arc::clone(&newcomers));
            let come_back =
                self.engine.ask(move |engine| Box::pin(async move { engine.come_back(&id, &newcomers, again).await }));
            match come_back.await {
                Err(Error::Behind) => again = true,
                back => return back,
            }
        }
    }

    /// Equal for all members who share this epoch (RFC 9420 §8.7): comparing it in person excludes a divided group.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`], [`Error::NotMember`].
    pub async fn epoch_authenticator(&self) -> Result<Vec<u8>, Error> {
        let id = self.id.clone();
        self.engine.ask(move |engine| Box::pin(async move { engine.epoch_authenticator(&id) })).await
    }

    /// All messages this device has seen, in the order of the log; own ones that wait come last.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`].
    pub async fn history(&self) -> Result<Vec<Message>, Error> {
        let id = self.id.clone();
        self.engine.ask(move |engine| Box::pin(async move { engine.history(&id) })).await
    }

    /// Says something. Without a connection it is sent later.
    ///
    /// # Errors
    /// [`Error::NotMember`].
    pub async fn send(&self, text: &str) -> Result<MessageId, Error> {
        let (id, content) = (self.id.clone(), Content::Text(text.to_owned()));
        self.engine.ask(move |engine| Box::pin(async move { engine.send(&id, content).await })).await
    }

    /// Sends the file at `path` under its own name.
    ///
    /// # Errors
    /// As [`Conversation::send_bytes`]; [`Error::Io`] when it cannot be read or has more than [`MAX_FILE_BYTES`](crate::MAX_FILE_BYTES).
    pub async fn send_file(&self, path: impl AsRef<Path>) -> Result<MessageId, Error> {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let content = attachment::read(path).await.map_err(|error| Error::Io { path: path.to_owned(), error })?;
        self.send_bytes(&name, content).await
    }

    /// Sends bytes as a file called `name`.
    ///
    /// # Errors
    /// [`Error::NotMember`]; [`Error::Offline`], and then nothing is sent; [`Error::Refused`] when it is too large.
    pub async fn send_bytes(&self, name: &str, content: Vec<u8>) -> Result<MessageId, Error> {
        let (id, name) = (self.id.clone(), name.to_owned());
        self.engine.ask(move |engine| Box::pin(async move { engine.send_file(&id, &name, &content).await })).await
    }

    /// Fetches a file that was sent here.
    ///
    /// # Errors
    /// [`Error::File`] when it is not what was sent; [`Error::Offline`].
    pub async fn download(&self, file: &FileInfo) -> Result<Vec<u8>, Error> {
        let file = file.clone();
        self.engine.ask(move |engine| Box::pin(async move { engine.download(&file).await })).await
    }

    /// Adds all devices of an account. They can read what is said from then on, and nothing before.
    ///
    /// # Errors
    /// [`Error::GivenUp`] with [`Error::UnknownAccount`], [`Error::NoKeyPackage`], [`Error::Untrusted`], or with
    /// [`Error::Mls`] when what the account's devices offer does not fit into the conversation: it will not be tried again. [`Error::Offline`] and [`Error::Contended`]: it stays wanted and is done when it can be.
    pub async fn invite(&self, name: &str) -> Result<(), Error> {
        self.want(IntentKind::Add, Some(name)).await
    }

    /// Removes all devices of an account; of one's own account, all others. They cannot read what is said from then on.
    ///
    /// # Errors
    /// [`Error::NotInConversation`]; otherwise as [`Conversation::invite`].
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        self.want(IntentKind::Remove, Some(name)).await
    }

    /// Renews the keys of this device's leaf, and with them the epoch's: whoever had stolen the old ones reads no further
    /// (RFC 9420 §16.6). The signature key stays. Whoever has stolen that, and can speak to the server as a member, can take this
    /// device's place by an external commit, which is told to all; remove the device then.
    ///
    /// # Errors
    /// As [`Conversation::invite`].
    pub async fn rotate(&self) -> Result<(), Error> {
        self.want(IntentKind::Rotate, None).await
    }

    async fn want(&self, kind: IntentKind, name: Option<&str>) -> Result<(), Error> {
        let (id, name) = (self.id.clone(), name.map(str::to_owned));
        let wanted =
            self.engine.ask(move |engine| Box::pin(async move { engine.want(&id, kind, name.as_deref()).await }));
        let mut left = wanted.await?;
        while let Some(intent) = left {
            let id = self.id.clone();
            let wanted = self.engine.ask(move |engine| Box::pin(async move { engine.bring_about(&id, intent).await }));
            left = wanted.await?;
        }
        Ok(())
    }
}
