//! The files of a database at one moment, and what may be found of them when power fails while they change: of what was
//! written since the last sync any sector may be there, or not, or be garbage. Bytes that were not written stay as they
//! are, which SQLite, too, takes for granted ("powersafe overwrite").

use alloc::collections::BTreeMap;
use core::iter;
use std::{
    fs,
    path::{Path, PathBuf},
};

use cenacle_mls::delta::{Change, Delta};
use cenacle_store::{Snapshot, SqliteStore, StoreError};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::world::Dice;

/// What a disk writes in one piece.
pub const SECTOR_BYTES: usize = 512;

/// What SQLite adds to a database's name for its other files. The index of the log is not kept in a file while one process
/// alone has the database.
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];

/// The contents of a database's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<&'static str, Vec<u8>>);

/// How the writing of a file was cut short. Positions are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// From here on the file is as it was.
    Cut(usize),
    /// The file has its new length, but from here on what was added to it is zeros.
    Zeros(usize),
    /// What was written of the sector here is garbage, and what follows is as it was.
    Garbage(usize, u64),
    /// The sector here is as it was, and what follows is new.
    Hole(usize),
    /// The sector here is new, and all others are as they were.
    Only(usize),
    /// From here on each sector is new or as it was, as chance has it.
    Scatter(usize, u64),
}

impl Tear {
    /// A random one at one of these positions.
    #[must_use]
    pub fn random(positions: &[usize], dice: &mut Dice) -> Option<Self> {
        let at = *dice.pick(positions)?;
        let seed = u64::try_from(dice.below(usize::MAX)).unwrap();
        dice.pick(&Self::all(at, seed)).copied()
    }

    /// All there are at a position.
    #[must_use]
    pub fn all(at: usize, seed: u64) -> [Self; 6] {
        let [cut, zeros, garbage] = [Self::Cut(at), Self::Zeros(at), Self::Garbage(at, seed)];
        [cut, zeros, garbage, Self::Hole(at), Self::Only(at), Self::Scatter(at, seed)]
    }

    const fn at(self) -> usize {
        let (Self::Cut(at)
        | Self::Zeros(at)
        | Self::Garbage(at, _)
        | Self::Hole(at)
        | Self::Only(at)
        | Self::Scatter(at, _)) = self;
        at
    }

    fn apply(self, old: &[u8], new: &[u8]) -> Vec<u8> {
        let (at, behind) = (self.at().min(new.len()), (self.at() + SECTOR_BYTES).min(new.len()));
        let mut torn = new[..at].to_vec();
        // What a file did not have before is zeros.
        let was = |from: usize| old.iter().copied().chain(iter::repeat(0)).skip(from);
        match self {
            Self::Cut(_) => torn.extend(old.iter().skip(at)),
            Self::Zeros(_) => {
                torn.extend(old.iter().skip(at));
                torn.resize(torn.len().max(new.len()), 0);
            }
            Self::Garbage(_, seed) => {
                let unchanged = old.iter().zip(new).skip(at).take_while(|(old, new)| old == new).count();
                torn.extend(new[at..behind].iter().take(unchanged));
                torn.extend(Dice::new(seed).bytes(behind - torn.len()));
                torn.extend(old.iter().skip(behind));
            }
            Self::Hole(_) => {
                torn.extend(was(at).take(behind - at));
                torn.extend(&new[behind..]);
            }
            Self::Only(_) => {
                torn = was(0).take(at).collect();
                torn.extend(&new[at..behind]);
                torn.extend(old.iter().skip(behind));
            }
            Self::Scatter(_, seed) => {
                let mut dice = Dice::new(seed);
                for sector in new[at..].chunks(SECTOR_BYTES) {
                    let place = torn.len();
                    if dice.chance(50) { torn.extend(sector) } else { torn.extend(was(place).take(sector.len())) }
                }
            }
        }
        torn
    }
}

impl Files {
    /// The database itself.
    pub const DATABASE: &'static str = "";
    /// Its write-ahead log.
    pub const LOG: &'static str = "-wal";

    /// Reads all files of the database at `path`.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let files = SUFFIXES.iter().filter_map(|suffix| Some((*suffix, fs::read(with(path, suffix)).ok()?)));
        Self(files.collect())
    }

    /// Makes the files of the database at `path` these and no others.
    pub fn write(&self, path: &Path) {
        for suffix in SUFFIXES {
            match self.0.get(suffix) {
                Some(content) => fs::write(with(path, suffix), content).unwrap(),
                None => drop(fs::remove_file(with(path, suffix))),
            }
        }
    }

    /// One of the files; one that is not there is empty.
    #[must_use]
    pub fn file(&self, suffix: &str) -> &[u8] {
        self.0.get(suffix).map_or(&[], Vec::as_slice)
    }

    /// Whether a file is longer than nothing.
    #[must_use]
    pub fn has(&self, suffix: &str) -> bool {
        !self.file(suffix).is_empty()
    }

    /// Where one of the files differs from what it becomes: the beginnings of sectors.
    #[must_use]
    pub fn changed(&self, after: &Self, suffix: &str) -> Vec<usize> {
        let (old, new) = (self.file(suffix), after.file(suffix));
        let sector =
            |content: &[u8], at: usize| -> Vec<u8> { content.iter().skip(at).take(SECTOR_BYTES).copied().collect() };
        (0..new.len()).step_by(SECTOR_BYTES).filter(|at| sector(old, *at) != sector(new, *at)).collect()
    }

    /// The files with one of them on its way to what it becomes.
    #[must_use]
    pub fn torn(&self, after: &Self, suffix: &'static str, tear: Tear) -> Self {
        self.with(suffix, tear.apply(self.file(suffix), after.file(suffix)))
    }

    /// The files with one of them replaced.
    #[must_use]
    pub fn with(&self, suffix: &'static str, content: Vec<u8>) -> Self {
        let mut files = self.clone();
        files.0.insert(suffix, content);
        files
    }

    /// Opens a copy of the files, and reads all rows.
    ///
    /// # Errors
    /// When they are not a state file any more.
    pub fn rows(&self) -> Result<Snapshot, StoreError> {
        self.open(|store| store.snapshot()).and_then(|rows| rows)
    }

    /// Opens a copy of the files and does something with it.
    ///
    /// # Errors
    /// When they are not a state file any more.
    pub fn open<T>(&self, f: impl FnOnce(&mut SqliteStore) -> T) -> Result<T, StoreError> {
        let (_directory, path) = self.copied();
        SqliteStore::open(&path).map(|mut store| f(&mut store))
    }

    fn copied(&self) -> (TempDir, PathBuf) {
        let directory = directory();
        let path = directory.path().join("copy");
        self.write(&path);
        (directory, path)
    }

    /// The files after the store was opened and closed, which moves the log into the database.
    #[must_use]
    pub fn closed(&self) -> Self {
        let (_directory, path) = self.copied();
        SqliteStore::open(&path).unwrap().close().unwrap();
        Self::read(&path)
    }

    /// The files at the moment when a delta is in the log and nothing of it in the database. A store that moves its log into
    /// the database at once never shows it: then the delta is written once more, into a copy.
    #[must_use]
    pub fn logged(&self, delta: &Delta, after: &Self) -> Self {
        if after.has(Self::LOG) {
            return after.clone();
        }
        let (_directory, path) = self.copied();
        let mut connection = Connection::open(&path).unwrap();
        let settings = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
            PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY";
        connection.execute_batch(settings).unwrap();
        let transaction = connection.transaction().unwrap();
        for change in delta.changes() {
            let changed = match change {
                Change::Put(key, value) => {
                    let sql = "INSERT OR REPLACE INTO rows (tab, key, value) VALUES (?1, ?2, ?3)";
                    transaction.execute(sql, params![key.table.0, key.key, value.expose()])
                }
                Change::Delete(key) => {
                    transaction.execute("DELETE FROM rows WHERE tab = ?1 AND key = ?2", params![key.table.0, key.key])
                }
                Change::DeletePrefix(key) => {
                    let sql = "DELETE FROM rows WHERE tab = ?1 AND substr(key, 1, length(?2)) = ?2";
                    transaction.execute(sql, params![key.table.0, key.key])
                }
            };
            changed.unwrap();
        }
        transaction.commit().unwrap();
        Self::read(&path)
    }
}

/// A directory for state files, in memory where the system has such a place: processes are killed here and not the machine,
/// so that a sync to the disk would only take time.
#[must_use]
pub fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
