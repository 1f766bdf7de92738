//! The keys of the rows: one for each sealed row, in a slot of the key file that never moves. Erasing the slot erases the
//! row, wherever the database may have left copies of its sealed value.
//!
//! The file is read and written in place, past every cache but the operating system's; what it holds is nowhere else in this
//! process. A new key goes into a free slot and is on the medium before a row needs it; an old one is erased after the row
//! is gone. Whatever happens in between, every stored row has its key. Slots that no row names are found and erased when the
//! file is next opened, if it was not closed, and if it is of the same moment as the rows.
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

/// What a key file says of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Every key is a row's.
    Closed = 0,
    /// There may be keys of no row.
    InUse = 1,
    /// Its database may not know it yet.
    Begun = 2,
}

/// Keys of rows by their slots.
pub(super) struct Keys {
    medium: Medium,
    id: Id,
    /// What is on the medium of it.
    status: Status,
    /// The number of slots, the header's among them.
    end: Slot,
    /// Slots without a key.
    free: Vec<Slot>,
    /// Slots of rows that are gone, to be erased.
    gone: Vec<Slot>,
    /// Slots of rows whose transaction failed. If it is on the medium all the same, it is undone by the next that succeeds.
    doubtful: Vec<Slot>,
    /// Whether it is known which rows there are: not while one is written, nor after a transaction that failed.
    settled: bool,
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
    /// No keys yet, for a database that has none. Those of another database, which may be found again, are not touched.
    pub(super) fn create(mut medium: Medium, id: Id) -> Result<Self, StoreError> {
        // Where there is only a header, or one that a creation or a folding left behind, nothing can be lost.
        if medium.slots()? > 1 {
            let header = medium.header()?;
            if header != FREE && decode_header(&header).is_none_or(|(_, status)| status != Status::Begun) {
                return Err(StoreError::KeysDoNotFit);
            }
        }
        medium.clear()?;
        let mut keys = Self::new(medium, id, Status::Begun, 1);
        keys.write_header(Status::Begun)?;
        keys.medium.sync()?;
        Ok(keys)
    }

    /// The keys that belong to the database `id`, perhaps of another moment than its rows.
    pub(super) fn open(medium: Medium, id: Id) -> Result<Self, StoreError> {
        let end = medium.slots()?;
        if end == 0 {
            return Err(StoreError::KeysDoNotFit);
        }
        match decode_header(&medium.header()?) {
            Some((of, status)) if of == id => {
                let mut keys = Self::new(medium, id, status, end);
                keys.find_free()?;
                Ok(keys)
            }
            _ => Err(StoreError::KeysDoNotFit),
        }
    }

    const fn new(medium: Medium, id: Id, status: Status, end: Slot) -> Self {
        Self {
            medium,
            id,
            status,
            end,
            free: Vec::new(),
            gone: Vec::new(),
            doubtful: Vec::new(),
            settled: true,
            closed: true,
        }
    }

    /// The database knows the file now.
    pub(super) fn begun(&mut self) -> io::Result<()> {
        self.write_header(Status::InUse)?;
        self.medium.sync()?;
        self.status = Status::InUse;
        Ok(())
    }

    fn write_header(&mut self, status: Status) -> io::Result<()> {
        self.medium.write(0, &encode_header(self.id, status as u8))
    }

    /// Erases the keys of no row, if there may be any. `named` tells which slots rows name. What a row does not name is lost,
    /// so these must be the rows that the keys are for.
    pub(super) fn erase_unnamed(
        &mut self,
        named: impl FnOnce() -> Result<Vec<Slot>, StoreError>,
    ) -> Result<(), StoreError> {
        if self.status == Status::Closed {
            return Ok(());
        }
        self.find_gone(named()?);
        self.erase_gone()?;
        if self.status == Status::Begun { Ok(self.begun()?) } else { Ok(()) }
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

    /// So many fresh keys in slots of their own, for a transaction that may erase others. They are on the medium before this
    /// returns, and so is that the file is in use: whoever finds it after a crash looks for keys of rows that are gone.
    pub(super) fn draw(&mut self, count: usize) -> Result<Vec<(Slot, Secret)>, StoreError> {
        let mut drawn = Vec::with_capacity(count);
        self.settled = false;
        let is_first = self.status == Status::Closed;
        if is_first {
            self.write_header(Status::InUse)?;
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
        if is_first || count > 0 {
            self.medium.sync()?;
        }
        if is_first {
            self.status = Status::InUse;
        }
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
        self.settled = true;
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
    pub(super) fn opened(mut self) -> Self {
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
        if self.status == Status::InUse && self.settled {
            self.medium.sync()?;
            self.write_header(Status::Closed)?;
            self.status = Status::Closed;
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

    fn header(&self) -> io::Result<[u8; KEY_BYTES]> {
        let mut header = FREE;
        self.read(0, &mut header)?;
        Ok(header)
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

fn encode_header(id: Id, status: u8) -> [u8; KEY_BYTES] {
    let mut header = FREE;
    let fields = MAGIC.into_iter().chain([VERSION, status]).chain([0; 6]).chain(id);
    header.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    header
}

/// What a header says, if it is one. A status that a loss of power garbled is that of a file in use.
fn decode_header(header: &[u8; KEY_BYTES]) -> Option<(Id, Status)> {
    let (id, status) = (*header.last_chunk()?, *header.get(MAGIC.len() + 1)?);
    let is_one = *header == encode_header(id, status);
    let known = [Status::Closed, Status::Begun].into_iter().find(|known| *known as u8 == status);
    is_one.then(|| (id, known.unwrap_or(Status::InUse)))
}

fn to_usize(slot: Slot) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}
