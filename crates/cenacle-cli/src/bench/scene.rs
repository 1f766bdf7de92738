//! A group to measure in: two members whose state is real and saved, and as many others as it takes, of whom only the
//! leaves exist.

use alloc::sync::Arc;
use core::time::Duration;
use std::{io, time::Instant};

use cenacle_crypto::Suite;
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    delta::{PersistError, Store},
    group::{AcceptAll, Client, ExternalJoin, Group, Inputs, OwnKeyPackage, Transition},
    wire::{Credential, Extensions, GroupId, KeyPackage, Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_store::MemoryStore;

use super::{Measured, Operation, Tree};

const LIFETIME: Lifetime = Lifetime { not_before: 0, not_after: 7_000_000 };

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
struct Member<S> {
    client: Client,
    store: S,
    group: Group,
}

/// A group with two members who act.
pub(crate) struct Scene<S> {
    sender: Member<S>,
    receiver: Member<S>,
}

fn inputs() -> Inputs<'static> {
    Inputs::new(&AcceptAll)
}

fn client(suite: &Arc<dyn Suite>, name: &str) -> Result<Client, BenchError> {
    let (secret, _) = suite.signature_key_pair(&mut SystemRng).map_err(BenchError::other)?;
    let signer = suite.signer(&secret).map_err(BenchError::other)?;
    Ok(Client::new(Arc::clone(suite), Arc::from(signer), Credential::Basic(name.as_bytes().into())))
}

fn unexpected() -> BenchError {
    BenchError::other("a message of another kind than was made")
}

impl<S: Store> Member<S>
where
    S::Error: core::fmt::Display,
{
    fn merge<T>(&mut self, transition: Transition<T>) -> Result<T, BenchError> {
        Ok(self.group.merge(transition, &mut self.store)?)
    }

    fn receive(&mut self, message: &MlsMessage) -> Result<usize, BenchError> {
        let staged = self.group.stage(self.group.open(message)?, &inputs())?;
        let bytes = staged.delta().size_bytes();
        self.merge(staged)?;
        Ok(bytes)
    }

    fn renew(&mut self) -> Result<(MlsMessage, usize), BenchError> {
        let commit = self.group.commit().with_path().build(&inputs(), &mut SystemRng)?;
        let bytes = commit.delta().size_bytes();
        let commit = self.merge(commit)?.commit;
        Ok((commit.clone(), bytes + self.receive(&commit)?))
    }
}

impl<S: Store> Scene<S>
where
    S::Error: core::fmt::Display,
{
    /// Builds a group of `n` members.
    pub(crate) fn build(
        suite: &Arc<dyn Suite>,
        n: u32,
        tree: Tree,
        mut open_store: impl FnMut() -> Result<S, BenchError>,
    ) -> Result<Self, BenchError> {
        let mut store = open_store()?;
        let creator = client(suite, "creator")?;
        let id = GroupId::from(&b"bench"[..]);
        let new = creator.create_group(id, Extensions::default(), LIFETIME, &inputs(), &mut SystemRng)?;
        let group = new.accept(&mut store)?;
        let mut sender = Member { client: creator, store, group };
        let others = n.saturating_sub(2);
        let (added, joined) = if tree == Tree::Fresh { (others, 0) } else { (0, others) };
        let mut packages = Vec::new();
        for i in 0..added {
            packages.push(key_package(&client(suite, &format!("member {i}"))?, &mut MemoryStore::default())?);
        }
        for i in 0..joined {
            let commit = join_by_external_commit(&client(suite, &format!("member {i}"))?, &sender.group)?;
            sender.receive(&commit)?;
        }
        let mut store = open_store()?;
        let second = client(suite, "second")?;
        packages.push(key_package(&second, &mut store)?);
        let builder = packages.into_iter().fold(sender.group.commit(), |builder, package| builder.add(package));
        let bundle = sender.merge(builder.build(&inputs(), &mut SystemRng)?)?;
        sender.receive(&bundle.commit)?;
        let Some(MlsMessageBody::Welcome(welcome)) = bundle.welcome.map(|message| message.body) else {
            return Err(unexpected());
        };
        let own = OwnKeyPackage::find(&store, &welcome)?.ok_or_else(unexpected)?;
        let group = second.join(&welcome, &own, None, &inputs())?.accept(&mut store)?;
        let mut receiver = Member { client: second, store, group };
        // Both have committed once, so that what follows is the steady state.
        let (commit, _) = receiver.renew()?;
        sender.receive(&commit)?;
        let (commit, _) = sender.renew()?;
        receiver.receive(&commit)?;
        Ok(Self { sender, receiver })
    }

    /// Measures.
    pub(crate) fn run(mut self, operations: &[Operation], iterations: u32) -> Result<Vec<Measured>, BenchError> {
        operations.iter().map(|operation| self.measure(*operation, iterations)).collect()
    }

    fn measure(&mut self, operation: Operation, iterations: u32) -> Result<Measured, BenchError> {
        let mut times = Vec::new();
        let mut bytes = Vec::new();
        for _ in 0..iterations {
            let (time, written) = self.once(operation)?;
            times.push(time);
            bytes.push(written);
        }
        bytes.sort_unstable();
        let delta_bytes = bytes.get(bytes.len() / 2).copied().unwrap_or(0);
        Ok(Measured { operation, times, delta_bytes })
    }

    fn once(&mut self, operation: Operation) -> Result<(Duration, usize), BenchError> {
        let Self { sender, receiver } = self;
        let start = Instant::now();
        Ok(match operation {
            Operation::Encrypt64 => {
                let message = sender.group.protect(&[7; 64], &[], &mut SystemRng)?;
                let bytes = message.delta().size_bytes();
                sender.merge(message)?;
                (start.elapsed(), bytes)
            }
            Operation::Decrypt64 => {
                let message = sender.merge(sender.group.protect(&[7; 64], &[], &mut SystemRng)?)?;
                let start = Instant::now();
                let bytes = receiver.receive(&message)?;
                (start.elapsed(), bytes)
            }
            Operation::CommitUpdate => {
                let (commit, bytes) = sender.renew()?;
                let time = start.elapsed();
                receiver.receive(&commit)?;
                (time, bytes)
            }
            Operation::ProcessCommit => {
                let (commit, _) = sender.renew()?;
                let start = Instant::now();
                let bytes = receiver.receive(&commit)?;
                (start.elapsed(), bytes)
            }
            Operation::Load => {
                let group = receiver.client.load_group(&receiver.store, receiver.group.group_id())?;
                receiver.group = group.ok_or_else(unexpected)?;
                (start.elapsed(), 0)
            }
        })
    }
}

fn key_package<S: Store>(client: &Client, store: &mut S) -> Result<KeyPackage, BenchError>
where
    S::Error: core::fmt::Display,
{
    let message = client.key_package(LIFETIME, false, &mut SystemRng)?.persist(store).map_err(BenchError::other)?;
    let MlsMessageBody::KeyPackage(package) = message.body else { return Err(unexpected()) };
    Ok(package)
}

/// Lets a client in by itself; what it knows is forgotten at once.
fn join_by_external_commit(client: &Client, group: &Group) -> Result<MlsMessage, BenchError> {
    let MlsMessageBody::GroupInfo(info) = group.group_info(true, true)?.body else { return Err(unexpected()) };
    let join = client.join_external(&info, ExternalJoin::default(), &inputs(), &mut SystemRng)?;
    let pending = join.persist(&mut MemoryStore::default()).map_err(BenchError::other)?;
    Ok(pending.commit().clone())
}
