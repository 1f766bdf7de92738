//! A warm group with two members who are counted, and what they do to each other.

use alloc::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cenacle_cli::bench::{Tree, group_of_strangers};
use cenacle_codec::{Decode, Encode};
use cenacle_crypto::{CipherSuite, CryptoProvider, Suite};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng};
use cenacle_mls::{
    group::{AcceptAll, Client, CommitBuilder, ExternalJoin, Group, Inputs},
    wire::{Credential, Extensions, KeyPackage, LeafIndex, Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_store::MemoryStore;
use cenacle_testkit::tapped::Tapped;

use crate::{
    counted::CountedStore,
    figures::{Figure, Figures, Meter},
};

pub(crate) fn inputs() -> Inputs<'static> {
    Inputs::new(&AcceptAll)
}

pub(crate) fn plain_suite() -> Arc<dyn Suite> {
    AwsLcProvider.suite(CipherSuite(1)).unwrap()
}

fn lifetime() -> Lifetime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Lifetime { not_before: now - 3_600, not_after: now + 80 * 24 * 3_600 }
}

pub(crate) fn client(suite: &Arc<dyn Suite>, name: &str) -> Client {
    let (secret, _) = suite.signature_key_pair(&mut SystemRng).unwrap();
    let signer = suite.signer(&secret).unwrap();
    Client::new(Arc::clone(suite), Arc::from(signer), Credential::Basic(name.as_bytes().into()))
}

/// A key package of somebody who is forgotten.
pub(crate) fn key_package() -> KeyPackage {
    let new = client(&plain_suite(), "guest").key_package(lifetime(), false, &mut SystemRng).unwrap();
    let MlsMessageBody::KeyPackage(package) = new.persist(&mut MemoryStore::default()).unwrap().body else {
        panic!("no key package")
    };
    package
}

/// What others get of a commit.
pub(crate) struct Sent {
    pub(crate) commit: Vec<u8>,
    pub(crate) welcome: Option<Vec<u8>>,
}

/// A client who is counted, before it is in a group.
pub(crate) struct Outsider {
    pub(crate) client: Client,
    pub(crate) store: CountedStore,
    pub(crate) meter: Meter,
}

impl Outsider {
    pub(crate) fn new(name: &str) -> Self {
        let meter = Meter::new();
        let suite: Arc<dyn Suite> = Arc::new(Tapped::new(plain_suite(), meter.clone()));
        Self { client: client(&suite, name), store: CountedStore::new(&meter), meter }
    }

    pub(crate) fn key_package(&mut self) -> KeyPackage {
        let new = self.client.key_package(lifetime(), false, &mut SystemRng).unwrap();
        let MlsMessageBody::KeyPackage(package) = new.persist(&mut self.store).unwrap().body else {
            panic!("no key package")
        };
        package
    }

    pub(crate) fn found(mut self) -> Member {
        let new =
            self.client.create_group(b"bench"[..].into(), Extensions::default(), lifetime(), &inputs(), &mut SystemRng);
        let group = new.unwrap().accept(&mut self.store).unwrap();
        Member { client: self.client, store: self.store, meter: self.meter, group }
    }

    /// Comes into a group by an external commit, which is given too.
    fn enter(mut self, group_info: &[u8]) -> (Member, Vec<u8>) {
        let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(group_info).unwrap().body else {
            panic!("no GroupInfo")
        };
        let join = self.client.join_external(&info, ExternalJoin::default(), &inputs(), &mut SystemRng).unwrap();
        let pending = join.persist(&mut self.store).unwrap();
        let commit = pending.commit().to_bytes().unwrap();
        let group = pending.accepted().accept(&mut self.store).unwrap();
        (Member { client: self.client, store: self.store, meter: self.meter, group }, commit)
    }
}

/// A member who is counted.
pub(crate) struct Member {
    pub(crate) client: Client,
    pub(crate) store: CountedStore,
    pub(crate) meter: Meter,
    pub(crate) group: Group,
}

impl Member {
    /// What it needs for a step.
    pub(crate) fn measure<T>(&mut self, step: impl FnOnce(&mut Self) -> T) -> (T, Figures) {
        let meter = self.meter.clone();
        meter.measure(|| step(self))
    }

    /// Takes in a message.
    pub(crate) fn receive(&mut self, message: &[u8]) {
        let opened = self.group.open(&MlsMessage::from_bytes(message).unwrap()).unwrap();
        let staged = self.group.stage(opened, &inputs()).unwrap();
        self.group.merge(staged, &mut self.store).unwrap();
    }

    /// Saves a commit, encodes what is sent, and takes in the commit's echo.
    pub(crate) fn commit(&mut self, what: impl for<'a> FnOnce(CommitBuilder<'a>) -> CommitBuilder<'a>) -> Sent {
        let built = what(self.group.commit()).build(&inputs(), &mut SystemRng).unwrap();
        let bundle = self.group.merge(built, &mut self.store).unwrap();
        let welcome = bundle.welcome.map(|welcome| welcome.to_bytes().unwrap());
        let commit = bundle.commit.to_bytes().unwrap();
        self.receive(&commit);
        Sent { commit, welcome }
    }

    /// Encrypts a message.
    pub(crate) fn say(&mut self, data: &[u8]) -> Vec<u8> {
        let protected = self.group.protect(data, &[], &mut SystemRng).unwrap();
        self.group.merge(protected, &mut self.store).unwrap().to_bytes().unwrap()
    }
}

/// A group of warm tree with the members in its first and last leaf.
pub(crate) struct Pair {
    pub(crate) sender: Member,
    pub(crate) receiver: Member,
}

impl Pair {
    /// Both have committed in the group of full size, so that what follows is the steady state.
    pub(crate) fn new(n: u32) -> Self {
        let strangers = group_of_strangers(&plain_suite(), n - 2, Tree::Warm, &|_| ()).unwrap();
        let (mut sender, _) = Outsider::new("first").enter(&strangers);
        let group_info = sender.group.group_info(true, true).unwrap().to_bytes().unwrap();
        let (receiver, commit) = Outsider::new("last").enter(&group_info);
        sender.receive(&commit);
        let mut pair = Self { sender, receiver };
        pair.renew();
        pair.answer();
        assert_eq!(pair.receiver.group.public().tree().member_count(), n);
        pair
    }

    /// The sender makes a message, the receiver takes it in: what each of them needs for it.
    pub(crate) fn exchange(&mut self, send: impl FnOnce(&mut Member) -> Vec<u8>) -> (Figures, Figures) {
        let (message, mut sending) = self.sender.measure(send);
        sending.add(Figure::SentBytes, u64::try_from(message.len()).unwrap());
        let ((), receiving) = self.receiver.measure(|receiver| receiver.receive(&message));
        (sending, receiving)
    }

    pub(crate) fn renew(&mut self) -> (Figures, Figures) {
        self.exchange(|sender| sender.commit(|commit| commit.with_path()).commit)
    }

    pub(crate) fn remove(&mut self, leaf: LeafIndex) -> (Figures, Figures) {
        self.exchange(|sender| sender.commit(|commit| commit.remove(leaf)).commit)
    }

    /// Into the leftmost blank leaf, or else the first of a tree twice as large.
    pub(crate) fn add(&mut self) -> (Figures, Figures) {
        let package = key_package();
        self.exchange(|sender| sender.commit(|commit| commit.add(package).without_tree()).commit)
    }

    pub(crate) fn say(&mut self) -> (Figures, Figures) {
        self.exchange(|sender| sender.say(&[7; 64]))
    }

    /// The receiver's group is read from its store as far as the next message needs it, which is the first of its epoch.
    pub(crate) fn reopen(&mut self) -> Figures {
        self.answer();
        let message = self.sender.say(&[7; 64]);
        let (partial, figures) = self.receiver.measure(|receiver| {
            let mut partial = receiver.client.open_group(&receiver.store, receiver.group.group_id()).unwrap().unwrap();
            let opened = partial.open(&MlsMessage::from_bytes(&message).unwrap(), &receiver.store).unwrap();
            let staged = partial.stage(opened).unwrap();
            partial.merge(staged, &mut receiver.store).unwrap();
            partial
        });
        self.receiver.group = partial.complete(&self.receiver.client, &self.receiver.store).unwrap();
        figures
    }

    /// The receiver commits: a new epoch, with keys on its path.
    pub(crate) fn answer(&mut self) {
        let commit = self.receiver.commit(|commit| commit.with_path()).commit;
        self.sender.receive(&commit);
    }
}
