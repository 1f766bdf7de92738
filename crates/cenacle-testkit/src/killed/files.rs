//! The files of a database at one moment, and what may be found of them when power fails while they change: of what was
//! written since the last sync any sector may be there, or not, or be garbage. Bytes that were not written stay as they
//! are, which SQLite, too, takes for granted ("powersafe overwrite").

use alloc::collections::BTreeMap;
use core::iter;
use std::{
    fs,
    path::{Path, PathBuf},
};

use cenacle_store::{Snapshot, SqliteStore, StoreError};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::world::Dice;

/// What a disk writes in one piece.
pub const SECTOR_BYTES: usize = 512;

/// What the names of a database's files have behind its own: the database, its log, its journal, and a file of keys beside it,
/// in slots, if there is one. The index of the log is not kept in a file while one process alone has the database.
const SUFFIXES: [&str; 4] = [DATABASE, LOG, "-journal", KEYS];
const DATABASE: &str = "";
const LOG: &str = "-wal";
const KEYS: &str = "-keys";

/// A key's place. Free ones are zero.
const SLOT_BYTES: usize = 32;

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
    /// What was to change in the sector here is garbage, and what follows is as it was.
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
                let garbage = Dice::new(seed).bytes(behind - at);
                let bytes = (at..behind).zip(garbage);
                torn.extend(bytes.map(|(at, other)| if old.get(at) == Some(&new[at]) { new[at] } else { other }));
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
    fn file(&self, suffix: &str) -> &[u8] {
        self.0.get(suffix).map_or(&[], Vec::as_slice)
    }

    /// The files with one of them replaced.
    fn with(&self, suffix: &'static str, content: Vec<u8>) -> Self {
        let mut files = self.clone();
        if !content.is_empty() || self.0.contains_key(suffix) {
            files.0.insert(suffix, content);
        }
        files
    }

    /// Whether there is a write-ahead log with something in it.
    #[must_use]
    pub fn has_log(&self) -> bool {
        !self.file(LOG).is_empty()
    }

    /// How a write leads from these files to those `after` it, one file after the other, each synced before the next: fresh
    /// keys, the log, erased keys; and then, some time, what is in the log is moved into the database.
    #[must_use]
    pub fn stages(&self, after: &Self) -> Vec<Stage> {
        let mut stages: Vec<Stage> = Vec::new();
        let mut step = |file, to: Self| {
            let from = stages.last().map_or(self, |stage| &stage.to).clone();
            stages.push(Stage { file, from, to });
        };
        if after.has_log() {
            let filled = self.with(KEYS, filled(self.file(KEYS), after.file(KEYS)));
            let logged = filled.with(LOG, after.file(LOG).to_vec());
            step(Changing::FreshKeys, filled);
            step(Changing::Log, logged.clone());
            step(Changing::ErasedKeys, logged.with(KEYS, after.file(KEYS).to_vec()));
        }
        let last = stages.last().map_or(self, |stage| &stage.to).clone();
        stages.push(Stage { file: Changing::Database, to: last.moved(), from: last });
        stages
    }

    /// The files when the log was moved into the database.
    fn moved(&self) -> Self {
        let database = self.copied(|path| {
            let connection = Connection::open(path).unwrap();
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        });
        self.with(DATABASE, database.1.file(DATABASE).to_vec())
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
        self.copied(|path| SqliteStore::open(path).map(|mut store| f(&mut store))).0
    }

    /// Does something with a copy of the files, and gives what they are then.
    pub fn copied<T>(&self, f: impl FnOnce(&Path) -> T) -> (T, Self) {
        let directory = directory();
        let path = directory.path().join("copy");
        self.write(&path);
        let done = f(&path);
        (done, Self::read(&path))
    }
}

/// One of the files on its way.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Which.
    pub file: Changing,
    /// All of them before.
    pub from: Files,
    /// All of them after.
    pub to: Files,
}

/// What changes in a [`Stage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changing {
    /// Keys are put into free slots.
    FreshKeys,
    /// The log grows.
    Log,
    /// Keys are erased.
    ErasedKeys,
    /// Pages are written that are all in the log.
    Database,
}

impl Stage {
    const fn suffix(&self) -> &'static str {
        match self.file {
            Changing::FreshKeys | Changing::ErasedKeys => KEYS,
            Changing::Log => LOG,
            Changing::Database => DATABASE,
        }
    }

    /// Where the file differs from what it becomes: the beginnings of sectors.
    #[must_use]
    pub fn positions(&self) -> Vec<usize> {
        let (old, new) = (self.from.file(self.suffix()), self.to.file(self.suffix()));
        let sector = |content: &[u8], at| content.iter().skip(at).take(SECTOR_BYTES).copied().collect::<Vec<u8>>();
        (0..new.len()).step_by(SECTOR_BYTES).filter(|at| sector(old, *at) != sector(new, *at)).collect()
    }

    /// All files, with this one torn.
    #[must_use]
    pub fn torn(&self, tear: Tear) -> Files {
        let suffix = self.suffix();
        self.from.with(suffix, tear.apply(self.from.file(suffix), self.to.file(suffix)))
    }
}

/// Slots with all keys that are in one file or the other; the newer ones where both have one.
fn filled(old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut both = new.to_vec();
    both.resize(old.len().max(new.len()), 0);
    for (slot, old) in both.chunks_mut(SLOT_BYTES).zip(old.chunks(SLOT_BYTES)) {
        if slot.iter().all(|byte| *byte == 0) {
            slot[..old.len()].copy_from_slice(old);
        }
    }
    both
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
