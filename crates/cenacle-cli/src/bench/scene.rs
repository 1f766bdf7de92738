//! A group to measure in: two members whose state is real and saved, and as many others as it takes, of whom only the
//! leaves exist.

use alloc::sync::Arc;
use std::io;

use cenacle_crypto::Suite;
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    delta::{PersistError, Store},
    group::{AcceptAll, Client, CommitBundle, ExternalJoin, Group, Inputs, OwnKeyPackage, Transition},
    wire::{Credential, Extensions, KeyPackage, LeafIndex, Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_store::MemoryStore;

use super::{Tree, progress::Progress};

/// The identifier of every group here.
pub(crate) const GROUP: &[u8] = b"bench";

/// Of leaves and key packages; nobody looks at a clock.
pub(crate) const LIFETIME: Lifetime = Lifetime { not_before: 0, not_after: 7_000_000 };

/// Why nothing could be measured.
#[derive(Debug)]
pub(crate) enum BenchError {
    /// The output is gone.
    Print(io::Error),
    /// Something failed that never should.
    Other(String),
}

impl BenchError {
    pub(crate) fn other(error: impl core::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<io::Error> for BenchError {
    fn from(error: io::Error) -> Self {
        Self::Print(error)
    }
}

impl From<cenacle_mls::Error> for BenchError {
    fn from(error: cenacle_mls::Error) -> Self {
        Self::other(error)
    }
}

impl<E: core::fmt::Display> From<PersistError<E>> for BenchError {
    fn from(error: PersistError<E>) -> Self {
        Self::other(error)
    }
}

impl core::fmt::Display for BenchError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Print(error) => error.fmt(f),
            Self::Other(message) => f.write_str(message),
        }
    }
}

/// A client with its saved state.
pub(crate) struct Member<S> {
    pub(crate) client: Client,
    pub(crate) store: S,
    pub(crate) group: Group,
}

/// What opens a store that nothing was ever saved in.
pub(crate) type OpenStore<'a, S> = &'a mut dyn FnMut() -> Result<S, BenchError>;

/// A group with two members who act.
pub(crate) struct Scene<'a, S> {
    pub(crate) suite: Arc<dyn Suite>,
    pub(crate) n: u32,
    /// In the first leaf.
    pub(crate) sender: Member<S>,
    /// In the last leaf.
    pub(crate) receiver: Member<S>,
    pub(crate) open_store: OpenStore<'a, S>,
    /// For what belongs to no group.
    pub(crate) scratch: Option<S>,
    /// Key packages for `create`, once they are made.
    pub(crate) packages: Vec<KeyPackage>,
}

pub(crate) fn inputs() -> Inputs<'static> {
    Inputs::new(&AcceptAll)
}

pub(crate) fn client(suite: &Arc<dyn Suite>, name: &str) -> Result<Client, BenchError> {
    let (secret, _) = suite.signature_key_pair(&mut SystemRng).map_err(BenchError::other)?;
    let signer = suite.signer(&secret).map_err(BenchError::other)?;
    Ok(Client::new(Arc::clone(suite), Arc::from(signer), Credential::Basic(name.as_bytes().into())))
}

pub(crate) fn unexpected() -> BenchError {
    BenchError::other("a message of another kind than was made")
}

impl<S: Store> Member<S>
where
    S::Error: core::fmt::Display,
{
    pub(crate) fn merge<T>(&mut self, transition: Transition<T>) -> Result<T, BenchError> {
        Ok(self.group.merge(transition, &mut self.store)?)
    }

    /// Takes in a message and gives the bytes of rows that this wrote or erased.
    pub(crate) fn receive(&mut self, message: &MlsMessage) -> Result<usize, BenchError> {
        let staged = self.group.stage(self.group.open(message)?, &inputs())?;
        let bytes = staged.delta().size_bytes();
        self.merge(staged)?;
        Ok(bytes)
    }

    /// Saves a commit and takes in its echo.
    fn commit(&mut self, built: Transition<CommitBundle>) -> Result<CommitBundle, BenchError> {
        let bundle = self.merge(built)?;
        self.receive(&bundle.commit)?;
        Ok(bundle)
    }

    pub(crate) fn renew(&mut self) -> Result<MlsMessage, BenchError> {
        let built = self.group.commit().with_path().build(&inputs(), &mut SystemRng)?;
        Ok(self.commit(built)?.commit)
    }

    pub(crate) fn add(&mut self, packages: Vec<KeyPackage>) -> Result<CommitBundle, BenchError> {
        let builder = packages.into_iter().fold(self.group.commit(), |builder, package| builder.add(package));
        let built = builder.build(&inputs(), &mut SystemRng)?;
        self.commit(built)
    }

    pub(crate) fn remove(&mut self, leaf: LeafIndex) -> Result<MlsMessage, BenchError> {
        let built = self.group.commit().remove(leaf).build(&inputs(), &mut SystemRng)?;
        Ok(self.commit(built)?.commit)
    }

    /// Forgets a saved commit whose echo has not come.
    pub(crate) fn give_up(&mut self) -> Result<(), BenchError> {
        self.merge(self.group.discard_pending()?)
    }
}

impl<'a, S: Store> Scene<'a, S>
where
    S::Error: core::fmt::Display,
{
    /// Builds a group of `n` members.
    pub(crate) fn build(
        suite: &Arc<dyn Suite>,
        n: u32,
        tree: Tree,
        open_store: OpenStore<'a, S>,
        progress: &Progress,
    ) -> Result<Self, BenchError> {
        progress.say("building the group".to_owned());
        let mut store = open_store()?;
        let creator = client(suite, "creator")?;
        let new = creator.create_group(GROUP.into(), Extensions::default(), LIFETIME, &inputs(), &mut SystemRng)?;
        let group = new.accept(&mut store)?;
        let mut sender = Member { client: creator, store, group };
        let others = n.saturating_sub(2);
        let mut packages = match tree {
            Tree::Fresh => key_packages(suite, others)?,
            Tree::Warm => Vec::new(),
        };
        if tree == Tree::Warm {
            for i in 0..others {
                progress.say(format!("{i} members have joined by commits of their own"));
                let commit = join_by_external_commit(&client(suite, &format!("member {i}"))?, &sender.group)?;
                sender.receive(&commit)?;
            }
        }
        let mut store = open_store()?;
        let second = client(suite, "second")?;
        packages.push(key_package(&second, &mut store)?);
        let Some(MlsMessageBody::Welcome(welcome)) = sender.add(packages)?.welcome.map(|message| message.body) else {
            return Err(unexpected());
        };
        let own = OwnKeyPackage::find(&store, &welcome)?.ok_or_else(unexpected)?;
        let group = second.join(&welcome, &own, None, &inputs())?.accept(&mut store)?;
        let mut receiver = Member { client: second, store, group };
        // Both have committed once, so that what follows is the steady state.
        let commit = receiver.renew()?;
        sender.receive(&commit)?;
        let commit = sender.renew()?;
        receiver.receive(&commit)?;
        let suite = Arc::clone(suite);
        Ok(Self { suite, n, sender, receiver, open_store, scratch: None, packages: Vec::new() })
    }
}

pub(crate) fn key_package<S: Store>(client: &Client, store: &mut S) -> Result<KeyPackage, BenchError>
where
    S::Error: core::fmt::Display,
{
    let message = client.key_package(LIFETIME, false, &mut SystemRng)?.persist(store).map_err(BenchError::other)?;
    let MlsMessageBody::KeyPackage(package) = message.body else { return Err(unexpected()) };
    Ok(package)
}

/// Key packages of so many clients, who are forgotten.
pub(crate) fn key_packages(suite: &Arc<dyn Suite>, count: u32) -> Result<Vec<KeyPackage>, BenchError> {
    let one = |i| key_package(&client(suite, &format!("member {i}"))?, &mut MemoryStore::default());
    (0..count).map(one).collect()
}

/// Lets a client in by itself; what it knows is forgotten at once.
fn join_by_external_commit(client: &Client, group: &Group) -> Result<MlsMessage, BenchError> {
    let MlsMessageBody::GroupInfo(info) = group.group_info(true, true)?.body else { return Err(unexpected()) };
    let join = client.join_external(&info, ExternalJoin::default(), &inputs(), &mut SystemRng)?;
    let pending = join.persist(&mut MemoryStore::default()).map_err(BenchError::other)?;
    Ok(pending.commit().clone())
}
