//! What an attacker reads in a member's rows.

use alloc::collections::BTreeMap;

use cenacle_codec::{Decode, DecodeError, Encode, Reader};
use cenacle_crypto::{HpkeSecretKey, Secret};
use cenacle_mls::{
    delta::{Change, RowKey, Table},
    group::CommitSummary,
    schedule::EpochSecrets,
    secret_tree::MessageKey,
    tree::NodeIndex,
    wire::{GroupContext, GroupId, KeyPackage, MlsMessage},
};
use cenacle_store::Snapshot;

use super::{Named, consumed::Use};

/// An epoch's number.
pub(super) type Epoch = u64;
/// A sender's leaf, and 0 for handshakes or 1 for application data.
pub(super) type Ratchet = (u32, u8);

/// The secrets in a member's rows.
#[derive(Debug, Default)]
pub struct Stolen {
    /// The group's context, if there is a group.
    pub context: Option<GroupContext>,
    /// The epoch's secrets, while the member is in the group.
    pub secrets: Option<EpochSecrets>,
    /// Private keys of the tree.
    pub private: BTreeMap<NodeIndex, HpkeSecretKey>,
    /// Undivided secrets of secret trees.
    pub undivided: BTreeMap<(Epoch, NodeIndex), Secret>,
    /// Ratchets: the next generation and its secret.
    pub ratchets: BTreeMap<(Epoch, Ratchet), (u32, Secret)>,
    /// Keys that were skipped.
    pub skipped: BTreeMap<(Epoch, Ratchet, u32), MessageKey>,
    /// Resumption PSKs.
    pub resumption: BTreeMap<Epoch, Secret>,
    /// Keys of Updates that wait.
    pub update_keys: Vec<HpkeSecretKey>,
    /// Init keys and leaf keys of key packages, and whether they are of last resort.
    pub key_packages: Vec<(HpkeSecretKey, HpkeSecretKey, bool)>,
    /// The next epoch, where an own commit waits for its echo.
    pub pending: Option<Box<Self>>,
    /// All values as they are.
    pub values: Vec<Vec<u8>>,
}

/// Everything after the format's number and the context is of no interest here.
struct Header(GroupContext);

impl Decode for Header {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let _format = u16::decode(from)?;
        GroupContext::decode(from).map(Self)
    }
}

impl Stolen {
    /// Reads the rows of a store with one group at most.
    #[must_use]
    pub fn read(rows: &Snapshot, group_id: &GroupId) -> Self {
        Self::of(rows.rows().map(|(key, value)| (key, value.expose())), group_id)
    }

    fn of<'a>(rows: impl Iterator<Item = (&'a RowKey, &'a [u8])>, group_id: &GroupId) -> Self {
        let mut stolen = Self::default();
        let prefix = group_id.to_bytes().unwrap();
        for (key, value) in rows {
            stolen.values.push(value.to_vec());
            match key.table {
                Table::KEY_PACKAGE => stolen.key_packages.push(key_package(value)),
                table if key.key.starts_with(&prefix) => stolen.take(table, &key.key[prefix.len()..], value),
                _ => {}
            }
        }
        stolen
    }

    fn take(&mut self, table: Table, key: &[u8], value: &[u8]) {
        match table {
            Table::GROUP => self.context = Some(Header::decode(&mut Reader::new(value)).unwrap().0),
            Table::EPOCH => self.secrets = Some(read(value)),
            Table::TREE_PRIVATE => drop(self.private.insert(read(key), read(value))),
            Table::SECRET_TREE => drop(self.undivided.insert(read(key), read(value))),
            Table::RATCHET => drop(self.ratchets.insert(read(key), read(value))),
            Table::SKIPPED_KEY => {
                let (epoch, (ratchet, generation)) = read(key);
                self.skipped.insert((epoch, ratchet, generation), read(value));
            }
            Table::RESUMPTION_PSK => drop(self.resumption.insert(read(key), read(value))),
            Table::UPDATE_KEY => self.update_keys.push(read(value)),
            Table::PENDING_COMMIT => self.pending = Some(Box::new(pending(value))),
            _ => {}
        }
    }

    /// Every secret in the rows, by name. What the whole group may know, as it proves to each other, is not one.
    #[must_use]
    pub fn all(&self) -> Vec<Named> {
        let mut all = Vec::new();
        let mut add = |name: String, secret: &[u8]| all.push(Named::new(name, secret));
        if let Some(secrets) = &self.secrets {
            add("sender_data_secret".into(), secrets.sender_data_secret.expose());
            add("exporter_secret".into(), secrets.exporter_secret.expose());
            add("external_secret".into(), secrets.external_secret.expose());
            add("membership_key".into(), secrets.membership_key.expose());
            add("resumption_psk".into(), secrets.resumption_psk.expose());
            add("init_secret".into(), secrets.init_secret.0.expose());
        }
        for (node, key) in &self.private {
            add(format!("private key of node {}", node.0), key.0.expose());
        }
        for ((epoch, node), secret) in &self.undivided {
            add(format!("tree secret of node {} in epoch {epoch}", node.0), secret.expose());
        }
        for ((epoch, (leaf, kind)), (generation, secret)) in &self.ratchets {
            add(format!("ratchet secret {generation} of {leaf}, {kind}, in epoch {epoch}"), secret.expose());
        }
        for ((epoch, (leaf, kind), generation), key) in &self.skipped {
            add(format!("key {generation} of {leaf}, {kind}, in epoch {epoch}"), key.key.expose());
            add(format!("nonce {generation} of {leaf}, {kind}, in epoch {epoch}"), key.nonce.expose());
        }
        for (epoch, psk) in &self.resumption {
            add(format!("resumption_psk of epoch {epoch}"), psk.expose());
        }
        for key in &self.update_keys {
            add("private key of an Update".into(), key.0.expose());
        }
        for (init_key, leaf_key, _) in &self.key_packages {
            add("init_key of a key package".into(), init_key.0.expose());
            add("leaf key of a key package".into(), leaf_key.0.expose());
        }
        if let Some(pending) = &self.pending {
            all.extend(
                pending.all().into_iter().map(|named| Named { name: format!("pending {}", named.name), ..named }),
            );
        }
        all
    }

    /// What these rows had and `after` has no more.
    #[must_use]
    pub fn missing_in(&self, after: &Self) -> Vec<Named> {
        let all = self.all().into_iter();
        all.filter(|named| !after.contains(&named.value)).collect()
    }

    /// Whether a message key can be derived of these rows.
    #[must_use]
    pub fn reaches(&self, used: Use) -> bool {
        let Use { epoch, leaf, kind, generation } = used;
        match self.ratchets.get(&(epoch, (leaf.0, kind))) {
            Some((next, _)) => *next <= generation,
            None => self.undivided.keys().any(|(of, node)| *of == epoch && node.contains(leaf.node_index())),
        }
    }

    /// Whether any row has these bytes.
    #[must_use]
    pub fn contains(&self, secret: &[u8]) -> bool {
        self.values.iter().any(|value| value.windows(secret.len()).any(|window| window == secret))
    }
}

fn read<T: Decode>(bytes: &[u8]) -> T {
    T::from_bytes(bytes).expect("a row is well-formed")
}

/// The row of a key package: the package, two private keys and whether it stays.
fn key_package(value: &[u8]) -> (HpkeSecretKey, HpkeSecretKey, bool) {
    let ((_, init_key), (leaf_key, last_resort)) = read::<((KeyPackage, HpkeSecretKey), (HpkeSecretKey, u8))>(value);
    (init_key, leaf_key, last_resort != 0)
}

/// The row of a pending commit: the message, what it does, a number, and the changes that will make it real.
fn pending(value: &[u8]) -> Stolen {
    let ((_, _), (_, changes)) = read::<((MlsMessage, CommitSummary), (u32, Vec<Change>))>(value);
    let put = |change: &Change| match change {
        Change::Put(key, value) => Some((key.clone(), value.expose().to_vec())),
        Change::Delete(_) | Change::DeletePrefix(_) => None,
    };
    let rows: Vec<(RowKey, Vec<u8>)> = changes.iter().filter_map(put).collect();
    let group = rows.iter().find(|(key, _)| key.table == Table::GROUP).expect("a header");
    let group_id = read(&group.0.key);
    Stolen::of(rows.iter().map(|(key, value)| (key, &**value)), &group_id)
}
