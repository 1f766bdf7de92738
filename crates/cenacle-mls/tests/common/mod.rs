//! A small world: clients by name, each with a store of its own, and a network that delivers everything to everyone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, missing_docs, reason = "test support")]
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "test support"
)]
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

pub mod forge;
pub mod succession;

use std::{collections::BTreeMap, sync::Arc};

use cenacle_codec::{Decode, Encode};
use cenacle_crypto::{CipherSuite, CryptoProvider, Rng, Signer, Suite, conformance::SeededRng};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_mls::{
    Error,
    delta::{PersistError, Store},
    group::{
        AcceptAll, Client, CommitBuilder, CommitBundle, ExternalJoin, Group, Handshake, Inputs, OwnKeyPackage, Psks,
        Received, Settings, Transition,
    },
    wire::{Credential, Extensions, GroupId, KeyPackage, Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_store::{MemoryStore, Snapshot};
use cenacle_testkit::ledger::Ledger;

pub struct Person {
    pub client: Client,
    pub signer: Arc<dyn Signer>,
    pub store: MemoryStore,
    pub group: Option<Group>,
}

pub struct World {
    pub suite: Arc<dyn Suite>,
    pub rng: SeededRng,
    pub people: BTreeMap<String, Person>,
    pub psks: Psks,
    /// Every nonce that left: none may leave twice under one key.
    pub ledger: Ledger,
    handshake: Handshake,
}

pub fn inputs() -> Inputs<'static> {
    Inputs::new(&AcceptAll).with_policy(&AcceptAll).at(1_000)
}

/// The rows of what is in memory.
pub fn in_memory(group: &Group) -> Snapshot {
    let mut rows = MemoryStore::default();
    rows.apply(&group.snapshot_rows().unwrap()).unwrap();
    rows.snapshot()
}

/// What arrives is always decoded from bytes.
pub fn roundtrip(message: &MlsMessage) -> MlsMessage {
    let bytes = message.to_bytes().unwrap();
    let decoded = MlsMessage::from_bytes(&bytes).unwrap();
    assert_eq!(decoded.to_bytes().unwrap(), bytes);
    decoded
}

pub const LIFETIME: Lifetime = Lifetime { not_before: 0, not_after: 1_000_000 };

impl World {
    pub fn new(seed: u64, handshake: Handshake) -> Self {
        Self::with_suite(seed, handshake, RustCryptoProvider.suite(CipherSuite(1)).unwrap())
    }

    pub fn with_suite(seed: u64, handshake: Handshake, suite: Arc<dyn Suite>) -> Self {
        let ledger = Ledger::default();
        let (suite, rng) = (ledger.watch(suite), SeededRng::new(seed));
        Self { suite, rng, people: BTreeMap::new(), psks: Psks::default(), ledger, handshake }
    }

    /// A client of that name, made if need be.
    pub fn person(&mut self, name: &str) -> &mut Person {
        if !self.people.contains_key(name) {
            let (secret, _) = self.suite.signature_key_pair(&mut self.rng).unwrap();
            let signer: Arc<dyn Signer> = Arc::from(self.suite.signer(&secret).unwrap());
            let settings = Settings { handshake: self.handshake, ..Settings::default() };
            let client =
                Client::new(Arc::clone(&self.suite), Arc::clone(&signer), Credential::Basic(name.as_bytes().into()))
                    .with_settings(settings);
            // All suites of RFC 9420, so that groups can be re-initialised to them.
            let mut capabilities = client.capabilities().clone();
            let own = self.suite.cipher_suite();
            capabilities.cipher_suites.extend((1..=7).map(CipherSuite).filter(|suite| *suite != own));
            let client = client.with_capabilities(capabilities);
            self.people.insert(name.into(), Person { client, signer, store: MemoryStore::default(), group: None });
        }
        self.people.get_mut(name).unwrap()
    }

    pub fn member(&self, name: &str) -> &Group {
        self.people.get(name).and_then(|person| person.group.as_ref()).unwrap()
    }

    pub fn is_member(&self, name: &str) -> bool {
        self.people.get(name).is_some_and(|person| person.group.as_ref().is_some_and(Group::is_active))
    }

    pub fn members(&self) -> Vec<String> {
        self.people.keys().filter(|name| self.is_member(name)).cloned().collect()
    }

    pub fn create(&mut self, name: &str) {
        let mut rng = SeededRng::new(77);
        let person = self.person(name);
        let new = person
            .client
            .create_group(GroupId::from(&b"group"[..]), Extensions::default(), LIFETIME, &inputs(), &mut rng)
            .unwrap();
        person.group = Some(new.accept(&mut person.store).unwrap());
    }

    pub fn key_package(&mut self, name: &str) -> KeyPackage {
        self.offer(name, false)
    }

    pub fn last_resort(&mut self, name: &str) -> KeyPackage {
        self.offer(name, true)
    }

    fn offer(&mut self, name: &str, last_resort: bool) -> KeyPackage {
        let mut rng = SeededRng::new(self.rng.next_u64());
        let person = self.person(name);
        let message =
            person.client.key_package(LIFETIME, last_resort, &mut rng).unwrap().persist(&mut person.store).unwrap();
        match roundtrip(&message).body {
            MlsMessageBody::KeyPackage(package) => package,
            _ => panic!("not a key package"),
        }
    }

    pub fn try_with<T>(
        &mut self,
        name: &str,
        f: impl FnOnce(&Group, &mut dyn Rng) -> Result<Transition<T>, Error>,
    ) -> Result<T, Error> {
        let Self { people, rng, ledger, .. } = self;
        let person = people.get_mut(name).unwrap();
        let group = person.group.as_mut().unwrap();
        let (transition, attempt) = ledger.attempt(|| f(group, rng));
        attempt.settle(transition.is_ok());
        Ok(group.merge(transition?, &mut person.store).unwrap())
    }

    pub fn with<T>(&mut self, name: &str, f: impl FnOnce(&Group, &mut dyn Rng) -> Result<Transition<T>, Error>) -> T {
        self.try_with(name, f).unwrap()
    }

    pub fn receive(&mut self, name: &str, message: &MlsMessage) -> Result<Received, Error> {
        self.receive_with(name, message, inputs())
    }

    pub fn receive_with(&mut self, name: &str, message: &MlsMessage, inputs: Inputs<'_>) -> Result<Received, Error> {
        let Self { people, psks, .. } = self;
        let person = people.get_mut(name).unwrap();
        let group = person.group.as_mut().unwrap();
        let opened = group.open(&roundtrip(message))?;
        let staged = group.stage(opened, &inputs.with_psks(psks))?;
        match group.merge(staged, &mut person.store) {
            Ok(received) => Ok(received),
            Err(PersistError::State(error)) => Err(error),
            Err(PersistError::Store(error)) => panic!("{error:?}"),
        }
    }

    /// Why a message is refused. Neither what is stored nor what is in memory has changed.
    pub fn refuse(&mut self, name: &str, message: &MlsMessage) -> Error {
        self.refuse_with(name, message, inputs())
    }

    pub fn refuse_with(&mut self, name: &str, message: &MlsMessage, inputs: Inputs<'_>) -> Error {
        let before = self.print(name);
        let error = match self.receive_with(name, message, inputs) {
            Ok(received) => panic!("{name} accepts {received:?}"),
            Err(error) => error,
        };
        assert!(before == self.print(name), "a refused message left a trace with {name}");
        error
    }

    /// All rows of the store, and the rows that memory would be written as.
    pub fn print(&self, name: &str) -> (Snapshot, Snapshot) {
        let person = self.people.get(name).unwrap();
        (person.store.snapshot(), in_memory(person.group.as_ref().unwrap()))
    }

    /// Proposes, to everybody.
    pub fn propose(
        &mut self,
        name: &str,
        f: impl FnOnce(&Group, &mut dyn Rng) -> Result<Transition<MlsMessage>, Error>,
    ) -> MlsMessage {
        let message = self.with(name, f);
        self.deliver(name, &message);
        message
    }

    /// Everybody but `from` receives.
    pub fn deliver(&mut self, from: &str, message: &MlsMessage) {
        for name in self.members() {
            if name != from {
                let received = self.receive(&name, message);
                assert!(received.is_ok(), "{name} receives from {from}: {}", received.unwrap_err());
            }
        }
    }

    pub fn build_commit(&mut self, name: &str, f: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> CommitBundle {
        let Self { people, rng, psks, .. } = self;
        let person = people.get_mut(name).unwrap();
        let group = person.group.as_mut().unwrap();
        let transition = f(group.commit()).build(&inputs().with_psks(psks), rng).unwrap();
        group.merge(transition, &mut person.store).unwrap()
    }

    pub fn commit(&mut self, name: &str, f: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> CommitBundle {
        let bundle = self.build_commit(name, f);
        self.deliver(name, &bundle.commit);
        let echo = self.receive(name, &bundle.commit).unwrap();
        assert!(matches!(echo, Received::OwnCommit(_)), "{echo:?}");
        self.agree();
        bundle
    }

    pub fn renew(&mut self, name: &str) {
        self.commit(name, |commit| commit.with_path());
    }

    pub fn add(&mut self, by: &str, name: &str) {
        let package = self.key_package(name);
        let bundle = self.commit(by, |commit| commit.add(package));
        let Self { people, psks, .. } = self;
        let person = people.get_mut(name).unwrap();
        let MlsMessageBody::Welcome(welcome) = roundtrip(&bundle.welcome.unwrap()).body else { panic!() };
        let own = OwnKeyPackage::find(&person.store, &welcome).unwrap().unwrap();
        let new = person.client.join(&welcome, &own, None, &inputs().with_psks(psks)).unwrap();
        person.group = Some(new.accept(&mut person.store).unwrap());
        assert!(OwnKeyPackage::find(&person.store, &welcome).unwrap().is_none());
        self.agree();
    }

    /// Joins by a Welcome, or says why not.
    pub fn accept(&mut self, name: &str, welcome: &MlsMessage) -> Result<(), PersistError<core::convert::Infallible>> {
        let Self { people, psks, .. } = self;
        let person = people.get_mut(name).unwrap();
        let MlsMessageBody::Welcome(welcome) = roundtrip(welcome).body else { panic!() };
        let own = OwnKeyPackage::find(&person.store, &welcome)?.unwrap();
        let new = person.client.join(&welcome, &own, None, &inputs().with_psks(psks))?;
        person.group = Some(new.accept(&mut person.store)?);
        Ok(())
    }

    pub fn remove(&mut self, by: &str, name: &str) {
        let leaf = self.member(name).own_leaf();
        self.commit(by, |commit| commit.remove(leaf));
        assert!(!self.is_member(name));
    }

    pub fn join_external(&mut self, via: &str, name: &str, resync: bool) {
        let info = roundtrip(&self.member(via).group_info(true, true).unwrap());
        let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
        let former = resync.then(|| self.member(name).own_leaf());
        let mut rng = SeededRng::new(self.rng.next_u64());
        let person = self.person(name);
        let old = person.group.take();
        let how = ExternalJoin { replaces: former, ..ExternalJoin::default() };
        let pending = person.client.join_external(&info, how, &inputs(), &mut rng).unwrap();
        let pending = pending.persist(&mut person.store).unwrap();
        let commit = pending.commit().clone();
        self.deliver(name, &commit);
        let person = self.person(name);
        let new = pending.accepted();
        person.group = Some(match old {
            Some(old) => new.accept_in_place_of(old, &mut person.store).unwrap(),
            None => new.accept(&mut person.store).unwrap(),
        });
        self.agree();
    }

    pub fn say(&mut self, name: &str, text: &str) {
        let message = self.with(name, |group, rng| group.protect(text.as_bytes(), b"", rng));
        for other in self.members() {
            match self.receive(&other, &message).unwrap() {
                Received::Application(read) => assert_eq!(read.data.expose(), text.as_bytes()),
                Received::OwnMessage(_) => assert_eq!(other, name),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The process ends and begins again.
    pub fn reload(&mut self, name: &str) {
        let person = self.people.get_mut(name).unwrap();
        let id = person.group.take().unwrap().group_id().clone();
        person.group = person.client.load_group(&person.store, &id).unwrap();
        assert!(person.group.is_some());
    }

    /// An old copy of the state takes the place of the present one.
    pub fn restore(&mut self, name: &str, copy: cenacle_store::Snapshot) {
        let person = self.people.get_mut(name).unwrap();
        person.store = copy.into();
        self.reload(name);
    }

    pub fn forget(&mut self, name: &str) {
        self.people.get_mut(name).unwrap().group = None;
    }

    /// All members share one epoch, and what is on disk is what is in memory.
    pub fn agree(&mut self) {
        let names = self.members();
        let epoch = |world: &Self, name: &str| {
            let group = world.member(name);
            (group.epoch(), group.epoch_authenticator().expose().to_vec(), *group.public().tree().tree_hash())
        };
        let first = names.first().unwrap();
        for name in &names {
            assert_eq!(epoch(self, first), epoch(self, name), "{first} and {name} differ");
            let person = self.people.get(name).unwrap();
            let loaded = person.client.load_group(&person.store, person.group.as_ref().unwrap().group_id());
            let loaded = loaded.unwrap().unwrap();
            assert_eq!(loaded.epoch(), self.member(name).epoch());
            assert_eq!(loaded.epoch_authenticator().expose(), self.member(name).epoch_authenticator().expose());
            assert_eq!(loaded.public().tree().to_wire(), self.member(name).public().tree().to_wire());
        }
    }
}
