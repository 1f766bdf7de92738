//! A client of any implementation as an application uses it: what it receives are bytes, what it sends are bytes, and its
//! state is saved in memory by the end of every call. And the scene for two of them, which mirrors Cenacle's own.

use cenacle_cli::bench::{BenchError, Cost, Operation, Sample, Stopwatch};

/// How a client is set up. Its handshakes are PrivateMessages in any case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Its Welcomes carry the tree.
    pub(crate) tree_in_welcome: bool,
    /// For how many past epochs it keeps what reads late messages, where it has to be told.
    pub(crate) past_epochs: usize,
}

/// One client, in at most one group.
pub(crate) trait Player: Sized {
    /// The implementation, and its cryptography where there is a choice.
    const NAME: &'static str;

    /// A client of cipher suite 1.
    fn new(name: &str, settings: Settings) -> Result<Self, BenchError>;
    /// MLSMessage(KeyPackage).
    fn key_package(&mut self) -> Result<Vec<u8>, BenchError>;
    /// Creates a group.
    fn found(&mut self) -> Result<(), BenchError>;
    /// Joins by a Welcome that carries the tree.
    fn join(&mut self, welcome: &[u8]) -> Result<(), BenchError>;
    /// Joins by an external commit from a GroupInfo that carries the tree.
    fn enter(&mut self, group_info: &[u8]) -> Result<Vec<u8>, BenchError>;
    /// MLSMessage(GroupInfo) with the tree, to join from.
    fn group_info(&mut self) -> Result<Vec<u8>, BenchError>;
    /// Commits new keys of its own, and applies the commit.
    fn renew(&mut self) -> Result<Vec<u8>, BenchError>;
    /// Commits the owners of these key packages into the group, and applies the commit: commit and Welcome.
    fn add(&mut self, key_packages: &[Vec<u8>]) -> Result<(Vec<u8>, Vec<u8>), BenchError>;
    /// Commits the member at this leaf out of the group, and applies the commit.
    fn remove(&mut self, leaf: u32) -> Result<Vec<u8>, BenchError>;
    /// Takes in a message of another member, and applies it if it is a commit.
    fn receive(&mut self, message: &[u8]) -> Result<(), BenchError>;
    /// Encrypts an application message.
    fn say(&mut self, data: &[u8]) -> Result<Vec<u8>, BenchError>;
    /// Reads the group back from where it was saved.
    fn load(&mut self) -> Result<(), BenchError>;
    /// Drops the group from memory; it stays saved.
    fn unload(&mut self);
    /// Bytes of all that is saved.
    fn state_bytes(&self) -> Result<usize, BenchError>;
}

/// Makes a Welcome into a group of `n` members and the owner of a key package.
pub(crate) type Invite<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Vec<u8>, BenchError>;

/// What others contribute to an operation.
pub(crate) struct Aid<'a> {
    /// Key packages of all members but one, for `create`.
    pub(crate) packages: &'a [Vec<u8>],
    /// Makes a key package of somebody new.
    pub(crate) guest: &'a dyn Fn() -> Result<Vec<u8>, BenchError>,
    /// Welcomes somebody.
    pub(crate) invite: Invite<'a>,
}

/// Somebody whose operations are measured.
pub(crate) trait Contender {
    /// Measures an operation once; `Unknown` if it is none of those compared.
    fn sample(&mut self, operation: Operation, aid: &mut Aid<'_>) -> Result<Sample, BenchError>;
}

/// A group of `n` with two members of one implementation who act.
pub(crate) struct PlayerScene<P> {
    n: u32,
    settings: Settings,
    /// In the first leaf.
    sender: P,
    /// In the last leaf.
    receiver: P,
}

impl<P: Player> PlayerScene<P> {
    /// Both come into a group of `n - 2` strangers, or of nobody.
    pub(crate) fn build(n: u32, strangers: Option<&[u8]>, past_epochs: usize) -> Result<Self, BenchError> {
        let settings = Settings { tree_in_welcome: false, past_epochs };
        let mut sender = P::new("first", settings)?;
        match strangers {
            None => sender.found()?,
            Some(group_info) => drop(sender.enter(group_info)?),
        }
        let mut receiver = P::new("last", settings)?;
        let commit = receiver.enter(&sender.group_info()?)?;
        sender.receive(&commit)?;
        let mut scene = Self { n, settings, sender, receiver };
        scene.answer()?;
        scene.exchange(P::renew)?;
        Ok(scene)
    }

    /// The receiver commits: a new epoch, with keys on its path.
    fn answer(&mut self) -> Result<(), BenchError> {
        let commit = self.receiver.renew()?;
        self.sender.receive(&commit)
    }

    fn exchange(&mut self, send: impl FnOnce(&mut P) -> Result<Vec<u8>, BenchError>) -> Result<Exchange, BenchError> {
        let watch = Stopwatch::start();
        let message = send(&mut self.sender)?;
        let sending = watch.stop();
        let watch = Stopwatch::start();
        self.receiver.receive(&message)?;
        Ok(Exchange { sending, receiving: watch.stop(), sent: message.len() })
    }

    fn message(&mut self, length: usize) -> Result<Exchange, BenchError> {
        let data = vec![7; length];
        self.exchange(|sender| sender.say(&data))
    }

    /// Adds somebody and removes the same again.
    fn add_and_remove(&mut self, aid: &Aid<'_>) -> Result<(Exchange, Exchange), BenchError> {
        let package = [(aid.guest)()?];
        let added = self.exchange(|sender| Ok(sender.add(&package)?.0))?;
        // Every leaf was taken, so the new one is the last.
        let guest = self.n;
        let removed = self.exchange(|sender| sender.remove(guest))?;
        self.answer()?;
        Ok((added, removed))
    }

    fn create(&self, aid: &Aid<'_>) -> Result<Cost, BenchError> {
        let mut founder = P::new("founder", Settings { tree_in_welcome: true, ..self.settings })?;
        let watch = Stopwatch::start();
        founder.found()?;
        let sent = founder.add(aid.packages)?;
        let cost = watch.stop();
        drop(sent);
        Ok(cost)
    }

    fn join(&self, aid: &mut Aid<'_>) -> Result<Cost, BenchError> {
        let mut joiner = P::new("joiner", self.settings)?;
        let welcome = (aid.invite)(&joiner.key_package()?)?;
        let watch = Stopwatch::start();
        joiner.join(&welcome)?;
        Ok(watch.stop())
    }

    fn key_package(&mut self) -> Result<Cost, BenchError> {
        let watch = Stopwatch::start();
        self.receiver.key_package()?;
        Ok(watch.stop())
    }

    fn load(&mut self) -> Result<Cost, BenchError> {
        let watch = Stopwatch::start();
        self.receiver.load()?;
        Ok(watch.stop())
    }
}

/// One message from sender to receiver.
struct Exchange {
    sending: Cost,
    receiving: Cost,
    /// Bytes of the message.
    sent: usize,
}

fn size(bytes: usize) -> Result<Sample, BenchError> {
    u64::try_from(bytes).map(Sample::Bytes).map_err(BenchError::other)
}

impl<P: Player> Contender for PlayerScene<P> {
    fn sample(&mut self, operation: Operation, aid: &mut Aid<'_>) -> Result<Sample, BenchError> {
        let cost = match operation {
            Operation::KeyPackage => self.key_package()?,
            Operation::Create => self.create(aid)?,
            Operation::Join => self.join(aid)?,
            Operation::CommitUpdate => self.exchange(P::renew)?.sending,
            Operation::ProcessCommit => self.exchange(P::renew)?.receiving,
            Operation::AddOne => self.add_and_remove(aid)?.0.sending,
            Operation::ProcessAdd => self.add_and_remove(aid)?.0.receiving,
            Operation::RemoveOne => self.add_and_remove(aid)?.1.sending,
            Operation::ProcessRemove => self.add_and_remove(aid)?.1.receiving,
            Operation::Encrypt64 => self.message(64)?.sending,
            Operation::Decrypt64 => self.message(64)?.receiving,
            Operation::Encrypt1024 => self.message(1_024)?.sending,
            Operation::Decrypt1024 => self.message(1_024)?.receiving,
            Operation::Encrypt16384 => self.message(16_384)?.sending,
            Operation::Decrypt16384 => self.message(16_384)?.receiving,
            Operation::Load | Operation::LoadAll => self.load()?,
            Operation::StateBytes => return size(self.receiver.state_bytes()?),
            Operation::BytesCommitUpdate => return size(self.exchange(P::renew)?.sent),
            Operation::DeltaBytes | Operation::BytesWelcome | Operation::MemPerMember => return Ok(Sample::Unknown),
        };
        Ok(Sample::Cost(cost))
    }
}
