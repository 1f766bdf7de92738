//! One client with its store and its group, and the comparison of the two: what is in memory against what is on disk, and
//! both against what they were before a message was refused.

use alloc::collections::BTreeMap;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::Rng;
use cenacle_mls::{
    Error,
    delta::{PersistError, RowKey, Store as _, Table},
    group::{Client, Group, Inputs, NewGroup, OwnKeyPackage, Received, Transition},
    wire::{KeyPackage, MlsMessage, MlsMessageBody, WireTree},
};
use cenacle_store::{MemoryStore, Snapshot};

use super::{Disk, DiskError, LIFETIME};
use crate::ledger::Ledger;

/// Why a step was not done.
pub type StepError = PersistError<DiskError>;

/// The core's refusal, where a store cannot have failed.
#[must_use]
pub fn refusal(error: StepError) -> Error {
    match error {
        PersistError::State(error) => error,
        PersistError::Store(error) => panic!("the store failed: {error}"),
    }
}

/// A client, its store, and its group if it has one.
#[derive(Debug)]
pub struct Person {
    /// Whose name is in the credential.
    pub name: String,
    /// Keys and settings.
    pub client: Client,
    /// The store.
    pub disk: Disk,
    /// The group in memory. One that this person was removed from may stay, inactive.
    pub group: Option<Group>,
    /// Where everything that leaves is entered.
    pub ledger: Ledger,
}

/// All that can be seen of a person: every row of the store, the group in memory as rows, and what its accessors tell.
#[derive(PartialEq, Eq, Debug)]
pub struct Visible {
    disk: Snapshot,
    memory: Option<Snapshot>,
    told: Option<Vec<Vec<u8>>>,
}

impl Person {
    /// A person without a group, whose client's suite `ledger` watches.
    #[must_use]
    pub fn new(name: &str, client: Client, ledger: Ledger) -> Self {
        Self { name: name.into(), client, disk: Disk::default(), group: None, ledger }
    }

    /// A person as another process would be, with a copy of this one's rows and a client of the same signature key.
    #[must_use]
    pub fn copied(&self, client: Client) -> Self {
        let mut copy = Self::new(&self.name, client, self.ledger.clone());
        copy.disk = Disk::restored(&self.disk.snapshot());
        if self.group.is_some() {
            copy.group = Some(copy.load().expect("a copied group loads"));
        }
        copy
    }

    /// The group, which must be there.
    #[must_use]
    pub fn group(&self) -> &Group {
        self.group.as_ref().unwrap_or_else(|| panic!("{} has no group", self.name))
    }

    /// Whether this person is in a group, as far as it knows.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_active)
    }

    /// Prepares a transition, stores it and takes it into use. What it sealed has left once it is stored, even where a crash
    /// then keeps it back.
    ///
    /// # Errors
    /// The core's refusal, or a crash of the disk.
    pub fn try_step<T>(&mut self, f: impl FnOnce(&Group) -> Result<Transition<T>, Error>) -> Result<T, StepError> {
        let group = self.group.as_mut().expect("a member");
        let stored = self.disk.applied();
        let (transition, attempt) = self.ledger.attempt(|| f(group));
        let merged = transition.map_err(StepError::from).and_then(|step| group.merge(step, &mut self.disk));
        attempt.settle(self.disk.applied() > stored);
        merged
    }

    /// A step that must succeed.
    pub fn step<T>(&mut self, f: impl FnOnce(&Group) -> Result<Transition<T>, Error>) -> T {
        self.try_step(f).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Decodes, opens and stages bytes, which changes nothing.
    ///
    /// # Errors
    /// The core's refusal.
    pub fn stage(&self, bytes: &[u8], inputs: &Inputs<'_>) -> Result<Transition<Received>, Error> {
        let message = MlsMessage::from_bytes(bytes)?;
        assert_eq!(message.to_bytes().unwrap(), bytes, "the encoding is not canonical");
        self.group().stage(self.group().open(&message)?, inputs)
    }

    /// Receives bytes: stages and merges them.
    ///
    /// # Errors
    /// The core's refusal, or a crash of the disk.
    pub fn try_receive(&mut self, bytes: &[u8], inputs: &Inputs<'_>) -> Result<Received, StepError> {
        let staged = self.stage(bytes, inputs)?;
        let group = self.group.as_mut().expect("a member");
        group.merge(staged, &mut self.disk)
    }

    /// Receives bytes on a disk that does not crash.
    ///
    /// # Errors
    /// The core's refusal.
    pub fn receive(&mut self, bytes: &[u8], inputs: &Inputs<'_>) -> Result<Received, Error> {
        self.try_receive(bytes, inputs).map_err(refusal)
    }

    /// A stored key package to be handed out.
    ///
    /// # Errors
    /// A crash of the disk.
    pub fn try_key_package(&mut self, last_resort: bool, rng: &mut dyn Rng) -> Result<KeyPackage, DiskError> {
        let message = self.client.key_package(LIFETIME, last_resort, rng).unwrap().persist(&mut self.disk)?;
        let MlsMessageBody::KeyPackage(package) = decoded(&message.to_bytes().unwrap()).body else {
            panic!("not a key package")
        };
        Ok(package)
    }

    /// What a Welcome leads to, with the tree where it comes apart. Nothing is stored.
    ///
    /// # Errors
    /// The core's refusal; `Missing(KeyPackage)` when it is for nobody here.
    pub fn read_welcome(&self, bytes: &[u8], tree: Option<&[u8]>, inputs: &Inputs<'_>) -> Result<NewGroup, Error> {
        let message = MlsMessage::from_bytes(bytes)?;
        assert_eq!(message.to_bytes().unwrap(), bytes, "the encoding is not canonical");
        let MlsMessageBody::Welcome(welcome) = message.body else {
            return Err(cenacle_mls::Misuse::WrongMessage.into());
        };
        let own = OwnKeyPackage::find(&self.disk, &welcome).map_err(refusal)?;
        let own = own.ok_or(Error::Missing(cenacle_mls::Need::KeyPackage))?;
        let tree = tree.map(WireTree::from_bytes).transpose()?;
        self.client.join(&welcome, &own, tree, inputs)
    }

    /// Joins by a Welcome, in place of a group that is over if there is one.
    ///
    /// # Errors
    /// The core's refusal, or a crash of the disk.
    pub fn try_join(&mut self, welcome: &[u8], tree: Option<&[u8]>, inputs: &Inputs<'_>) -> Result<(), StepError> {
        let new = self.read_welcome(welcome, tree, inputs)?;
        self.group = Some(new.accept(&mut self.disk)?);
        Ok(())
    }

    /// The group as the store has it.
    ///
    /// # Errors
    /// The core's refusal, `Corrupt` where there is none.
    pub fn load(&self) -> Result<Group, Error> {
        let id = self.group.as_ref().map(|group| group.group_id().clone());
        let ids = Client::stored_groups(&self.disk).map_err(refusal)?;
        let id = id.or_else(|| ids.first().cloned()).ok_or(Error::Corrupt("no group is stored"))?;
        self.client.load_group(&self.disk, &id).map_err(refusal)?.ok_or(Error::Corrupt("the group is not stored"))
    }

    /// The process ends and begins again.
    pub fn reload(&mut self) {
        let group = self.load().unwrap_or_else(|error| panic!("{} reloads: {error}", self.name));
        self.group = Some(group);
        self.assert_stored();
    }

    /// All that can be seen of this person now.
    #[must_use]
    pub fn visible(&self) -> Visible {
        Visible {
            disk: self.disk.snapshot(),
            memory: self.group.as_ref().map(memory_rows),
            told: self.group.as_ref().map(told),
        }
    }

    /// What is in memory is what is on disk, row for row.
    pub fn assert_stored(&self) {
        let Some(group) = &self.group else { return };
        let (memory, disk) = (memory_rows(group), self.disk.snapshot());
        let (memory, disk) = (group_rows(&memory), group_rows(&disk));
        if memory != disk {
            let name = |(key, value): (&&RowKey, &&[u8])| format!("{:?} {:02x?} {:02x?}", key.table, key.key, value);
            let only = |of: &BTreeMap<&RowKey, &[u8]>, other: &BTreeMap<&RowKey, &[u8]>| {
                let differs = of.iter().filter(|(key, value)| other.get(*key) != Some(value));
                differs.map(name).collect::<Vec<_>>().join("\n  ")
            };
            panic!(
                "{}'s memory and disk differ\n in memory:\n  {}\n on disk:\n  {}",
                self.name,
                only(&memory, &disk),
                only(&disk, &memory)
            );
        }
    }
}

/// The rows of the one group in a store. Tables from 128 on are the application's.
fn group_rows(rows: &Snapshot) -> BTreeMap<&RowKey, &[u8]> {
    let of_group = |key: &RowKey| key.table.0 < 128 && !matches!(key.table, Table::KEY_PACKAGE | Table::PENDING_JOIN);
    rows.rows().filter(|(key, _)| of_group(key)).map(|(key, value)| (key, value.expose())).collect()
}

fn memory_rows(group: &Group) -> Snapshot {
    let mut store = MemoryStore::default();
    let delta = group.snapshot_rows().expect("a group can be written");
    store.apply(&delta).unwrap_or_else(|never| match never {});
    store.snapshot()
}

fn told(group: &Group) -> Vec<Vec<u8>> {
    let pending = group.pending_commit().map(|message| message.to_bytes().unwrap());
    let mut told = vec![
        group.epoch().to_bytes().unwrap(),
        group.public().context().to_bytes().unwrap(),
        group.public().tree().to_bytes().unwrap(),
        group.public().confirmation_tag().to_vec(),
        group.epoch_authenticator().expose().to_vec(),
        vec![u8::from(group.is_active()), u8::from(group.has_pending_commit())],
        pending.unwrap_or_default(),
    ];
    told.extend(group.proposals().map(|(reference, ..)| reference.to_bytes().unwrap()));
    if group.is_active() {
        told.push(group.export_secret("visible", b"", 32).unwrap().expose().to_vec());
    }
    told
}

/// A message that must decode.
#[must_use]
pub(crate) fn decoded(bytes: &[u8]) -> MlsMessage {
    MlsMessage::from_bytes(bytes).expect("a message decodes")
}
