//! A group to measure in: two members whose state is real and saved, and as many others as it takes, of whom only the
//! leaves exist.

use alloc::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cenacle_codec::{Decode, Encode};
use cenacle_crypto::Suite;
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    delta::Store,
    group::{AcceptAll, Client, CommitBuilder, CommitBundle, ExternalJoin, Group, Inputs, Received, Transition},
    tree::NodeIndex,
    wire::{Credential, Extensions, KeyPackage, LeafIndex, Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_store::MemoryStore;
use clap::ValueEnum;

use super::{
    error::{BenchError, unexpected},
    strangers::group_of_strangers,
};

/// The identifier of every group here.
pub(crate) const GROUP: &[u8] = b"bench";

/// How the measured group came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tree {
    /// All others were added at once: nearly all parents are blank.
    Fresh,
    /// All others have committed: no parent is blank that could hold a key.
    Warm,
}

impl Tree {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Warm => "warm",
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
pub type OpenStore<'a, S> = &'a mut dyn FnMut() -> Result<S, BenchError>;

/// A group with two members who act.
pub struct Scene<'a, S> {
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
    pub(crate) packages: Vec<Vec<u8>>,
}

impl<S> core::fmt::Debug for Scene<'_, S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Scene").field("n", &self.n).finish_non_exhaustive()
    }
}

pub(crate) fn inputs() -> Inputs<'static> {
    Inputs::new(&AcceptAll)
}

/// From an hour ago for 80 days, so that other implementations take it too.
fn lifetime() -> Lifetime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Lifetime { not_before: now.saturating_sub(3_600), not_after: now.saturating_add(80 * 24 * 3_600) }
}

pub(crate) fn client(suite: &Arc<dyn Suite>, name: &str) -> Result<Client, BenchError> {
    let (secret, _) = suite.signature_key_pair(&mut SystemRng)?;
    let signer = suite.signer(&secret)?;
    Ok(Client::new(Arc::clone(suite), Arc::from(signer), Credential::Basic(name.as_bytes().into())))
}

pub(crate) fn found<S: Store>(client: Client, mut store: S) -> Result<Member<S>, BenchError>
where
    S::Error: core::fmt::Display,
{
    let new = client.create_group(GROUP.into(), Extensions::default(), lifetime(), &inputs(), &mut SystemRng)?;
    let group = new.accept(&mut store)?;
    Ok(Member { client, store, group })
}

/// Comes into a group by an external commit, which is given too.
fn enter<S: Store>(client: Client, mut store: S, group_info: &[u8]) -> Result<(Member<S>, Vec<u8>), BenchError>
where
    S::Error: core::fmt::Display,
{
    let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(group_info)?.body else { return Err(unexpected()) };
    let join = client.join_external(&info, ExternalJoin::default(), &inputs(), &mut SystemRng)?;
    let pending = join.persist(&mut store).map_err(BenchError::other)?;
    let commit = pending.commit().to_bytes()?;
    let group = pending.accepted().accept(&mut store)?;
    Ok((Member { client, store, group }, commit))
}

/// What others get of a commit.
pub(crate) struct Sent {
    pub(crate) commit: Vec<u8>,
    pub(crate) welcome: Option<Vec<u8>>,
}

impl<S: Store> Member<S>
where
    S::Error: core::fmt::Display,
{
    pub(crate) fn merge<T>(&mut self, transition: Transition<T>) -> Result<T, BenchError> {
        Ok(self.group.merge(transition, &mut self.store)?)
    }

    pub(crate) fn stage(&self, message: &[u8]) -> Result<Transition<Received>, BenchError> {
        Ok(self.group.stage(self.group.open(&MlsMessage::from_bytes(message)?)?, &inputs())?)
    }

    /// Takes in a message.
    pub(crate) fn receive(&mut self, message: &[u8]) -> Result<(), BenchError> {
        let staged = self.stage(message)?;
        self.merge(staged).map(drop)
    }

    /// Saves a commit, encodes what is sent, and takes in the commit's echo.
    pub(crate) fn commit(
        &mut self,
        what: impl for<'a> FnOnce(CommitBuilder<'a>) -> CommitBuilder<'a>,
    ) -> Result<Sent, BenchError> {
        let built = what(self.group.commit()).build(&inputs(), &mut SystemRng)?;
        let CommitBundle { commit, welcome, .. } = self.merge(built)?;
        let welcome = welcome.map(|welcome| welcome.to_bytes()).transpose()?;
        let bytes = commit.to_bytes()?;
        // The Delivery Service says that it took the commit: there is nothing to decode.
        self.merge(self.group.stage(self.group.open(&commit)?, &inputs())?)?;
        Ok(Sent { commit: bytes, welcome })
    }

    /// Encrypts a message.
    pub(crate) fn say(&mut self, data: &[u8]) -> Result<Vec<u8>, BenchError> {
        let message = self.merge(self.group.protect(data, &[], &mut SystemRng)?)?;
        Ok(message.to_bytes()?)
    }

    /// Renews its own keys.
    pub(crate) fn renew(&mut self) -> Result<Vec<u8>, BenchError> {
        Ok(self.commit(|commit| commit.with_path())?.commit)
    }

    /// Adds the owners of these key packages; the tree travels in the Welcome or apart.
    pub(crate) fn add(&mut self, packages: &[Vec<u8>], with_tree: bool) -> Result<Sent, BenchError> {
        let packages = packages.iter().map(|package| read_key_package(package)).collect::<Result<Vec<_>, _>>()?;
        self.commit(|commit| {
            let commit = if with_tree { commit } else { commit.without_tree() };
            packages.into_iter().fold(commit, CommitBuilder::add)
        })
    }

    pub(crate) fn remove(&mut self, leaf: LeafIndex) -> Result<Vec<u8>, BenchError> {
        Ok(self.commit(|commit| commit.remove(leaf))?.commit)
    }

    /// A Welcome into an epoch that nobody else will be in: the commit is given up.
    pub(crate) fn invite(&mut self, package: &[u8], with_tree: bool) -> Result<Vec<u8>, BenchError> {
        let commit = self.group.commit().add(read_key_package(package)?);
        let commit = if with_tree { commit } else { commit.without_tree() };
        let built = commit.build(&inputs(), &mut SystemRng)?;
        let bundle = self.merge(built)?;
        self.merge(self.group.discard_pending()?)?;
        Ok(bundle.welcome.ok_or_else(unexpected)?.to_bytes()?)
    }
}

impl<'a, S: Store> Scene<'a, S>
where
    S::Error: core::fmt::Display,
{
    /// Builds a group of `n` members, two at least, who keep their state in stores of their own. `say` is told how far
    /// it is.
    ///
    /// # Errors
    /// When a store or the provider fails.
    pub fn build(
        suite: &Arc<dyn Suite>,
        n: u32,
        tree: Tree,
        open_store: OpenStore<'a, S>,
        say: &dyn Fn(String),
    ) -> Result<Self, BenchError> {
        say("building the group".to_owned());
        let first = client(suite, "first")?;
        let mut sender = match n.saturating_sub(2) {
            0 => found(first, open_store()?)?,
            others => enter(first, open_store()?, &group_of_strangers(suite, others, tree, say)?)?.0,
        };
        say("the last member joins".to_owned());
        let group_info = sender.group.group_info(true, true)?.to_bytes()?;
        let (mut receiver, commit) = enter(client(suite, "last")?, open_store()?, &group_info)?;
        sender.receive(&commit)?;
        // Both have committed once in the group of full size, so that what follows is the steady state.
        sender.receive(&receiver.renew()?)?;
        receiver.receive(&sender.renew()?)?;
        let suite = Arc::clone(suite);
        Ok(Self { suite, n, sender, receiver, open_store, scratch: None, packages: Vec::new() })
    }

    /// How many members the group has.
    #[must_use]
    pub fn members(&self) -> u32 {
        self.receiver.group.public().tree().member_count()
    }

    /// How many parents are blank.
    #[must_use]
    pub fn blank_parents(&self) -> usize {
        let tree = self.receiver.group.public().tree();
        let Some((last, _)) = tree.leaves_within(0..tree.leaf_width()).last() else { return 0 };
        (1..last.node_index().0).step_by(2).filter(|node| tree.parent(NodeIndex(*node)).is_none()).count()
    }

    /// A Welcome that carries the tree, for the owner of a key package, both as bytes of an MLSMessage. The joiner comes
    /// into an epoch that nobody else is in.
    ///
    /// # Errors
    /// When the key package is refused, or the store or provider fails.
    pub fn invite(&mut self, key_package: &[u8]) -> Result<Vec<u8>, BenchError> {
        let welcome = self.sender.invite(key_package, true)?;
        // The sender used up a key on a commit it gave up; a receiver would not skip any number of them.
        self.answer()?;
        Ok(welcome)
    }

    /// The receiver commits: a new epoch, with keys on its path.
    pub(crate) fn answer(&mut self) -> Result<(), BenchError> {
        let commit = self.receiver.renew()?;
        self.sender.receive(&commit)
    }
}

fn read_key_package(message: &[u8]) -> Result<KeyPackage, BenchError> {
    let MlsMessageBody::KeyPackage(package) = MlsMessage::from_bytes(message)?.body else { return Err(unexpected()) };
    Ok(package)
}

/// Makes and saves a key package: MLSMessage(KeyPackage).
pub(crate) fn key_package<S: Store>(client: &Client, store: &mut S) -> Result<Vec<u8>, BenchError>
where
    S::Error: core::fmt::Display,
{
    let message = client.key_package(lifetime(), false, &mut SystemRng)?.persist(store).map_err(BenchError::other)?;
    Ok(message.to_bytes()?)
}

/// Key packages of so many clients, who are forgotten; every one is an MLSMessage(KeyPackage).
///
/// # Errors
/// When the provider fails.
pub fn key_packages(suite: &Arc<dyn Suite>, count: u32) -> Result<Vec<Vec<u8>>, BenchError> {
    (0..count).map(|i| key_package(&client(suite, &format!("member {i}"))?, &mut MemoryStore::default())).collect()
}

/// A leaf as a client of this suite makes it.
pub(crate) fn sample_leaf(suite: &Arc<dyn Suite>) -> Result<cenacle_mls::wire::LeafNode, BenchError> {
    let package = key_package(&client(suite, "stranger")?, &mut MemoryStore::default())?;
    Ok(read_key_package(&package)?.leaf_node)
}
