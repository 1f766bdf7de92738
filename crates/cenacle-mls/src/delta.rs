//! How state reaches a disk. A transition yields a [`Delta`]: a list of row changes that a [`Store`] applies as one
//! atomic batch. What a transition produces, above all bytes to send, comes out only once its delta is stored.
//! Rows are small and named by table and key; the layout of their values belongs to the chapter that writes them.

use alloc::{sync::Arc, vec::Vec};

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Opaque, Reader, Writer, open_enum};
use cenacle_crypto::SecretBytes;

use crate::{
    Error, Misuse,
    wire::{Epoch, GroupId},
};

open_enum! {
    /// Which kind of row. Numbers are part of the stored format and never reused; 128 and above are the application's.
    pub enum Table: u8 {
        /// A group's public header: key `group_id`.
        GROUP = 1,
        /// A node of the ratchet tree: key `group_id, node`.
        TREE_NODE = 2,
        /// A private key of the ratchet tree: key `group_id, node`.
        TREE_PRIVATE = 3,
        /// Secrets of the current epoch: key `group_id`.
        EPOCH = 4,
        /// An undivided secret of an epoch's secret tree: key `group_id, epoch, node`.
        SECRET_TREE = 5,
        /// A sender's ratchet: key `group_id, epoch, leaf, kind`.
        RATCHET = 6,
        /// A skipped message key: key `group_id, epoch, leaf, kind, generation`.
        SKIPPED_KEY = 7,
        /// A proposal waiting for a commit: key `group_id, position`.
        PROPOSAL = 8,
        /// The private key of an own Update waiting for a commit: key `group_id, reference`.
        UPDATE_KEY = 9,
        /// An own commit waiting for its echo: key `group_id`.
        PENDING_COMMIT = 10,
        /// A resumption PSK: key `group_id, epoch`.
        RESUMPTION_PSK = 11,
        /// A leaf as it was in a retained past epoch: key `group_id, epoch, leaf`.
        PAST_LEAF = 12,
        /// A key package of one's own with its private keys: key `reference`.
        KEY_PACKAGE = 13,
        /// An external commit of one's own waiting to be accepted: key `group_id`.
        PENDING_JOIN = 14,
        /// What late messages of a retained past epoch need: key `group_id, epoch`.
        PAST_EPOCH = 15,
        /// The public header of a group that is observed: key `group_id`.
        OBSERVED_GROUP = 16,
        /// A node of its ratchet tree: key `group_id, node`.
        OBSERVED_NODE = 17,
        /// A proposal waiting in it for a commit: key `group_id, position`.
        OBSERVED_PROPOSAL = 18,
        /// The last epoch in which a Welcome was made for a commit without a path: key `group_id`.
        PATHLESS_WELCOME = 19,
    }
}

/// The name of a row: its table, and bytes that sort by group, epoch and position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The table.
    pub table: Table,
    /// The key within the table.
    pub key: Vec<u8>,
}

impl RowKey {
    /// A key of any bytes.
    #[must_use]
    pub fn new(table: Table, key: impl Into<Vec<u8>>) -> Self {
        Self { table, key: key.into() }
    }

    /// A key that starts with a group. The identifier is behind its length, so no group's keys begin with another's.
    #[must_use]
    pub fn of_group(table: Table, group_id: &GroupId) -> Self {
        // Room for what follows it: an epoch, a leaf, a kind and a generation.
        Self { table, key: Vec::with_capacity(group_id.0.len() + 20) }.and(group_id)
    }

    /// A key that starts with a group and an epoch.
    #[must_use]
    pub fn of_epoch(table: Table, group_id: &GroupId, epoch: Epoch) -> Self {
        Self::of_group(table, group_id).and(&epoch)
    }

    /// The key with `part` appended.
    #[must_use]
    pub fn and<T: Encode + ?Sized>(self, part: &T) -> Self {
        let mut key = Writer::after(self.key);
        key.put(part);
        Self { table: self.table, key: key.into_bytes() }
    }
}

/// What a row holds.
#[derive(Debug)]
pub enum RowValue {
    /// Bytes of its own, which erase themselves.
    Secret(SecretBytes),
    /// Public bytes that the state has, too.
    Shared(Arc<[u8]>),
}

impl RowValue {
    /// The bytes, secret perhaps.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Secret(bytes) => bytes.expose(),
            Self::Shared(bytes) => bytes,
        }
    }

    /// A copy of the bytes, for whoever keeps it.
    #[must_use]
    pub fn duplicate(&self) -> SecretBytes {
        self.expose().into()
    }

    /// The value once more; only secret bytes are copied.
    #[must_use]
    pub fn shared(&self) -> Self {
        match self {
            Self::Secret(bytes) => Self::Secret(bytes.duplicate()),
            Self::Shared(bytes) => Self::Shared(Arc::clone(bytes)),
        }
    }

    /// Compares secret bytes in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Shared(one), Self::Shared(other)) => one == other,
            (Self::Secret(_), _) | (_, Self::Secret(_)) => self.duplicate().ct_eq(&other.duplicate()),
        }
    }
}

impl<T: Into<SecretBytes>> From<T> for RowValue {
    fn from(bytes: T) -> Self {
        Self::Secret(bytes.into())
    }
}

/// One change of the stored rows.
#[derive(Debug)]
pub enum Change {
    /// Writes a row, over whatever was there.
    Put(RowKey, RowValue),
    /// Erases a row, if it is there.
    Delete(RowKey),
    /// Erases all rows of the table whose keys begin with this one.
    DeletePrefix(RowKey),
}

impl Change {
    /// A second copy, for a delta that may have to be tried again.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Put(key, value) => Self::Put(key.clone(), value.shared()),
            Self::Delete(key) => Self::Delete(key.clone()),
            Self::DeletePrefix(key) => Self::DeletePrefix(key.clone()),
        }
    }
}

impl Encode for RowKey {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.table).opaque(&self.key);
    }
}

impl Decode for RowKey {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { table: Table::decode(from)?, key: Opaque::decode(from)?.into_vec() })
    }

    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        Table::skip(from)?;
        Opaque::skip(from)
    }
}

impl Encode for Change {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::Put(key, value) => out.put(&1u8).put(key).opaque(value.expose()),
            Self::Delete(key) => out.put(&2u8).put(key),
            Self::DeletePrefix(key) => out.put(&3u8).put(key),
        };
    }
}

impl Decode for Change {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            1 => Ok(Self::Put(RowKey::decode(from)?, SecretBytes::decode(from)?.into())),
            2 => RowKey::decode(from).map(Self::Delete),
            3 => RowKey::decode(from).map(Self::DeletePrefix),
            _ => Err(before.error(DecodeErrorKind::UnknownVariant("Change"))),
        }
    }

    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        let is_put = u8::decode(from)? == 1;
        RowKey::skip(from)?;
        if is_put { Opaque::skip(from) } else { Ok(()) }
    }
}

/// Changes that become real together or not at all, in their order.
#[derive(Debug, Default)]
pub struct Delta {
    changes: Vec<Change>,
    token: Arc<()>,
}

/// Proof that a delta was stored.
#[derive(Debug)]
pub struct Written(Arc<()>);

impl Delta {
    /// No changes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The changes, in order.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether nothing needs to be stored.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes of keys and values that this writes or erases.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.changes.iter().fold(0, |sum, change| {
            sum + match change {
                Change::Put(key, value) => key.key.len() + 1 + value.expose().len(),
                Change::Delete(key) | Change::DeletePrefix(key) => key.key.len() + 1,
            }
        })
    }

    /// Makes room for so many changes more.
    pub(crate) fn reserve(&mut self, changes: u32) {
        self.changes.reserve(usize::try_from(changes).unwrap_or_default());
    }

    pub(crate) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Writes a row whose value is at hand.
    pub fn put(&mut self, key: RowKey, value: impl Into<RowValue>) {
        self.changes.push(Change::Put(key, value.into()));
    }

    /// Writes a row whose value is an encoding.
    pub(crate) fn put_encoded<T: Encode + ?Sized>(&mut self, key: RowKey, value: &T) -> Result<(), Error> {
        self.put(key, value.to_secret_bytes()?);
        Ok(())
    }

    /// Erases a row.
    pub fn delete(&mut self, key: RowKey) {
        self.changes.push(Change::Delete(key));
    }

    /// Erases all rows whose keys begin with `key`.
    pub fn delete_prefix(&mut self, key: RowKey) {
        self.changes.push(Change::DeletePrefix(key));
    }

    /// Takes over all changes of `other`, after its own.
    pub fn append(&mut self, other: Self) {
        self.changes.extend(other.changes);
    }

    /// Says that this delta is now durable. For stores whose interface is not [`Store`], an asynchronous one perhaps:
    /// calling it before the changes are on disk gives up the promise that no key is ever used twice.
    #[must_use]
    pub fn written(self) -> Written {
        Written(self.token)
    }
}

/// A place where rows are kept. An implementation applies a delta completely or not at all, durably before it returns,
/// and overwrites what it erases as far as its medium allows (RFC 9420 §9.2).
pub trait Store {
    /// Why the medium failed.
    type Error;

    /// Applies all changes as one atomic batch.
    ///
    /// # Errors
    /// When the medium fails; then nothing of the delta is stored.
    fn apply(&mut self, delta: &Delta) -> Result<(), Self::Error>;

    /// The row under `key`, if there is one.
    ///
    /// # Errors
    /// When the medium fails.
    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, Self::Error>;

    /// All rows of the table whose keys begin with `prefix`, ascending by key.
    ///
    /// # Errors
    /// When the medium fails.
    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, Self::Error>;
}

/// Why something could not be taken into use.
#[derive(Debug)]
pub enum PersistError<E> {
    /// The state does not allow it; nothing was stored.
    State(Error),
    /// The medium failed; nothing was stored and nothing has changed.
    Store(E),
}

impl<E> From<Error> for PersistError<E> {
    fn from(error: Error) -> Self {
        Self::State(error)
    }
}

impl<E: core::fmt::Display> core::fmt::Display for PersistError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::State(error) => error.fmt(f),
            Self::Store(error) => write!(f, "the store failed: {error}"),
        }
    }
}

impl<E: core::error::Error> core::error::Error for PersistError<E> {}

/// A value that exists for the world only once its delta is stored: "persist before release" as a type.
#[must_use = "nothing is released before it is stored"]
#[derive(Debug)]
pub struct Unreleased<T> {
    delta: Delta,
    value: T,
}

/// The value of an [`Unreleased`] whose delta has been handed out.
#[must_use = "nothing is released before it is stored"]
#[derive(Debug)]
pub struct AwaitingWrite<T> {
    token: Arc<()>,
    value: T,
}

impl<T> Unreleased<T> {
    pub(crate) const fn new(delta: Delta, value: T) -> Self {
        Self { delta, value }
    }

    /// What will be stored.
    pub const fn delta(&self) -> &Delta {
        &self.delta
    }

    /// What will be stored, so that the application can add rows of its own to the same batch.
    pub const fn delta_mut(&mut self) -> &mut Delta {
        &mut self.delta
    }

    /// Writes, in the same batch, a row made of `header` and an encoding of what is to be released: an outbox.
    ///
    /// # Errors
    /// When the value is too long to encode.
    pub fn store_as(&mut self, key: RowKey, header: &[u8]) -> Result<(), Error>
    where
        T: Encode,
    {
        let mut row = Writer::new();
        row.bytes(header).put(&self.value);
        self.delta.put(key, row.finish()?);
        Ok(())
    }

    /// Stores the delta and releases the value.
    ///
    /// # Errors
    /// When the store fails; the value is then gone and nothing of it has been used.
    pub fn persist<S: Store>(self, store: &mut S) -> Result<T, S::Error> {
        store.apply(&self.delta)?;
        Ok(self.value)
    }

    /// Hands out the delta for a store with another interface.
    pub fn split(self) -> (Delta, AwaitingWrite<T>) {
        let token = Arc::clone(&self.delta.token);
        (self.delta, AwaitingWrite { token, value: self.value })
    }

    pub(crate) const fn value(&self) -> &T {
        &self.value
    }

    pub(crate) fn into_value(self) -> T {
        self.value
    }
}

impl<T> AwaitingWrite<T> {
    /// Releases the value against proof that its delta was stored.
    ///
    /// # Errors
    /// `Misuse::Outdated` when the proof is of another delta.
    pub fn release(self, written: &Written) -> Result<T, Error> {
        if Arc::ptr_eq(&self.token, &written.0) { Ok(self.value) } else { Err(Misuse::Outdated.into()) }
    }
}
