//! The keys of the rows: one for each sealed row, in a slot of the key file that never moves. Erasing the slot erases the
//! row, wherever the database may have left copies of its sealed value.
//!
//! The file is read and written in place, past every cache but the operating system's; what it holds is nowhere else in this
//! process. A new key goes into a free slot and is on the medium before a row needs it; an old one is erased after the row
//! is gone. Whatever happens in between, every stored row has its key. Slots that no row names are found and erased when the
//! file is next opened, if it was not closed.
//!
//! The first slot holds the header: what the file is, whether it is in use, and which database it belongs to.

use core::fmt;
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use cenacle_crypto::{Secret, SecretBytes};

use super::folded;
use crate::StoreError;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of a slot, which has room for nothing else.
const SLOT_BYTES: u64 = 32;
/// Slots that are read at once when free ones are looked for.
const BATCH_SLOTS: u32 = 128;

const MAGIC: [u8; 8] = *b"CNCLKEYS";
const VERSION: u8 = 1;
const FREE: [u8; KEY_BYTES] = [0; KEY_BYTES];

/// Which database a key file belongs to: random bytes that both hold.
pub(super) type Id = [u8; 16];

/// The number of a slot. That of the header is no row's.
pub(super) type Slot = u32;

/// Keys of rows by their slots.
pub(super) struct Keys {
    medium: Medium,
    id: Id,
    /// Whether the file says that it is in use.
    in_use: bool,
    /// The number of slots, the header's among them.
    end: Slot,
    /// Slots without a key.
    free: Vec<Slot>,
    /// Slots of rows that are gone, to be erased.
    gone: Vec<Slot>,
    /// Slots of rows whose transaction failed. If it is on the medium all the same, it is undone by the next that succeeds.
    doubtful: Vec<Slot>,
    /// Whether it is not, or no longer, to be folded.
    closed: bool,
}

/// Where keys are kept.
pub(super) enum Medium {
    /// In the key file of a database.
    File(File, PathBuf),
    /// For stores that are gone when they are dropped.
    Memory(Vec<Secret>),
}

impl Keys {
    /// No keys, in place of any that are there.
    pub(super) fn create(mut medium: Medium, id: Id) -> Result<Self, StoreError> {
        medium.clear()?;
        let mut keys = Self::new(medium, id, 1);
        keys.write_header(false)?;
        keys.medium.sync()?;
        Ok(keys)
    }

    /// The keys that belong to the database `id`. `named` tells which slots are in use, where the file cannot know.
    pub(super) fn open(
        medium: Medium,
        id: Id,
        named: impl FnOnce() -> Result<Vec<Slot>, StoreError>,
    ) -> Result<Self, StoreError> {
        let end = medium.slots()?;
        let mut keys = Self::new(medium, id, end);
        if end == 0 {
            return Err(StoreError::KeysDoNotFit);
        }
        let mut header = FREE;
        keys.medium.read(0, &mut header)?;
        keys.in_use = match header {
            _ if header == encode_header(id, false) => false,
            _ if header == encode_header(id, true) => true,
            _ => return Err(StoreError::KeysDoNotFit),
        };
        keys.find_free()?;
        if keys.in_use {
            keys.find_gone(named()?);
            keys.erase_gone()?;
        }
        Ok(keys)
    }

    const fn new(medium: Medium, id: Id, end: Slot) -> Self {
        Self { medium, id, in_use: false, end, free: Vec::new(), gone: Vec::new(), doubtful: Vec::new(), closed: true }
    }

    fn write_header(&mut self, in_use: bool) -> io::Result<()> {
        self.medium.write(0, &encode_header(self.id, in_use))?;
        self.in_use = in_use;
        Ok(())
    }

    /// Reads through all slots for those without a key.
    fn find_free(&mut self) -> io::Result<()> {
        let mut first = 1;
        while first < self.end {
            let count = BATCH_SLOTS.min(self.end - first);
            let batch = SecretBytes::filled(to_usize(count) * KEY_BYTES, |out| self.medium.read(first, out))?;
            let slots = (first..).zip(batch.expose().chunks(KEY_BYTES));
            self.free.extend(slots.filter(|(_, key)| *key == FREE).map(|(slot, _)| slot));
            first += count;
        }
        // The lowest are taken first.
        self.free.reverse();
        Ok(())
    }

    /// What is neither free nor named by a row is left from before a crash.
    fn find_gone(&mut self, mut named: Vec<Slot>) {
        named.extend(&self.free);
        named.sort_unstable();
        self.gone = (1..self.end).filter(|slot| named.binary_search(slot).is_err()).collect();
    }

    /// So many fresh keys in slots of their own. They are on the medium before this returns.
    pub(super) fn draw(&mut self, count: usize) -> Result<Vec<(Slot, Secret)>, StoreError> {
        let mut drawn = Vec::with_capacity(count);
        if count == 0 {
            return Ok(drawn);
        }
        if !self.in_use {
            self.write_header(true)?;
        }
        for _ in 0..count {
            let key =
                Secret::filled(KEY_BYTES, getrandom::fill).map_err(|error| io::Error::other(error.to_string()))?;
            let slot = match self.free.pop() {
                Some(slot) => slot,
                None => {
                    let slot = self.end;
                    self.end = slot.checked_add(1).ok_or(StoreError::Full)?;
                    slot
                }
            };
            // Until a row names it, or if the writing fails.
            self.doubtful.push(slot);
            self.medium.write(slot, key.expose())?;
            drawn.push((slot, key));
        }
        self.medium.sync()?;
        Ok(drawn)
    }

    /// The key in a slot.
    pub(super) fn read(&self, slot: Slot) -> Result<Secret, StoreError> {
        if slot == 0 || slot >= self.end {
            return Err(StoreError::KeysDoNotFit);
        }
        Ok(Secret::filled(KEY_BYTES, |out| self.medium.read(slot, out))?)
    }

    /// A transaction was stored: rows name the slots that were `drawn`, and no row names those that are `gone`.
    pub(super) fn settle(&mut self, drawn: &[(Slot, Secret)], gone: Vec<Slot>) {
        // The last ones are those that were drawn for it.
        self.doubtful.truncate(self.doubtful.len().saturating_sub(drawn.len()));
        self.gone.append(&mut self.doubtful);
        self.gone.extend(gone);
    }

    /// Overwrites the keys of rows that are gone. The next sync brings it to the medium; what fails is tried again.
    pub(super) fn erase_gone(&mut self) -> io::Result<()> {
        while let Some(slot) = self.gone.last() {
            self.medium.write(*slot, &FREE)?;
            self.free.extend(self.gone.pop());
        }
        Ok(())
    }

    /// The keys of a store that is open now: they are folded when it is closed.
    pub(super) fn begun(mut self) -> Self {
        self.closed = false;
        self
    }

    /// Brings everything to the medium, says that no slot needs to be looked for, unless that is not known, and folds the keys
    /// into the database, which was closed before.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        self.erase_gone()?;
        if self.in_use && self.doubtful.is_empty() {
            self.medium.sync()?;
            self.write_header(false)?;
        }
        self.medium.sync()?;
        self.closed = true;
        match &mut self.medium {
            Medium::File(file, database) => folded::fold(database, file),
            Medium::Memory(_) => Ok(()),
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // What was not erased is, when the file is opened.
        self.close().unwrap_or_default();
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Medium {
    /// The key file of the database at `path`, locked and filled; nothing of the like where there is no path.
    pub(super) fn of(path: Option<&Path>) -> Result<Self, StoreError> {
        let Some(path) = path else { return Ok(Self::Memory(Vec::new())) };
        let mut file = folded::lock(path)?;
        folded::unfold(path, &mut file)?;
        Ok(Self::File(file, path.to_owned()))
    }

    /// How many slots there are.
    fn slots(&self) -> Result<Slot, StoreError> {
        match self {
            Self::File(file, _) => {
                Slot::try_from(file.metadata()?.len() / SLOT_BYTES).map_err(|_| StoreError::KeysDoNotFit)
            }
            Self::Memory(slots) => Slot::try_from(slots.len()).map_err(|_| StoreError::KeysDoNotFit),
        }
    }

    fn clear(&mut self) -> io::Result<()> {
        match self {
            Self::File(file, _) => file.set_len(0),
            Self::Memory(slots) => {
                slots.clear();
                Ok(())
            }
        }
    }

    /// Reads from the beginning of a slot.
    fn read(&self, slot: Slot, out: &mut [u8]) -> io::Result<()> {
        match self {
            Self::File(file, _) => {
                let mut file = file;
                file.seek(SeekFrom::Start(u64::from(slot) * SLOT_BYTES))?;
                file.read_exact(out)
            }
            Self::Memory(slots) => {
                out.copy_from_slice(slots.get(to_usize(slot)).ok_or(io::ErrorKind::UnexpectedEof)?.expose());
                Ok(())
            }
        }
    }

    /// Overwrites a slot.
    fn write(&mut self, slot: Slot, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file, _) => {
                file.seek(SeekFrom::Start(u64::from(slot) * SLOT_BYTES))?;
                file.write_all(bytes)
            }
            Self::Memory(slots) => {
                while slots.len() <= to_usize(slot) {
                    slots.push(Secret::zero(KEY_BYTES));
                }
                let slot = slots.get_mut(to_usize(slot)).ok_or(io::ErrorKind::UnexpectedEof)?;
                *slot = Secret::from_slice(bytes).ok_or(io::ErrorKind::InvalidInput)?;
                Ok(())
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        match self {
            Self::File(file, _) => file.sync_data(),
            Self::Memory(_) => Ok(()),
        }
    }
}

fn encode_header(id: Id, in_use: bool) -> [u8; KEY_BYTES] {
    let mut header = FREE;
    let fields = MAGIC.into_iter().chain([VERSION, u8::from(in_use)]).chain([0; 6]).chain(id);
    header.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    header
}

fn to_usize(slot: Slot) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}
