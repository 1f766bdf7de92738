//! A closed state is one file: its keys are folded into the end of the database, behind the last page, where SQLite does not
//! look. To open it they are taken out again, into the key file, which is empty until then and locked from then on.
//!
//! What is at the end of a database counts if a footer completes it. It is written before the key file is emptied, and erased
//! after that is filled, so that a process may die at any moment.

use core::time::Duration;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread,
};

use cenacle_crypto::SecretBytes;

use super::open::{APPLICATION_ID, MIGRATIONS, SEALED, permissions};
use crate::StoreError;

/// How long to wait for a process that is about to close the file.
const PATIENCE: Duration = Duration::from_millis(200);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

const MAGIC: [u8; 8] = *b"CNCLTAIL";
/// Bytes of a footer: what it is, and how many bytes are before it.
const FOOTER_BYTES: u64 = 16;
/// Bytes that are copied at once.
const CHUNK_BYTES: u64 = 4096;

/// What the names of the other files of a state have behind that of the database.
pub(super) const KEYS: &str = "-keys";
pub(super) const LOG: &str = "-wal";

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The key file of a database, which is there from now on and this process's alone.
pub(super) fn lock(database: &Path) -> Result<File, StoreError> {
    let file = open_or_create(&beside(database, KEYS))?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) if waited >= PATIENCE => return Err(StoreError::InUse),
            Err(TryLockError::WouldBlock) => {
                thread::sleep(PAUSE);
                waited += PAUSE;
            }
        }
    }
}

fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    permissions::private(&mut options);
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            permissions::restrict(path)?;
            options.open(path)
        }
        created => {
            permissions::sync_folder_of(path)?;
            created
        }
    }
}

/// Removes the key file beside what turned out to be no state of ours.
pub(super) fn forget(database: &Path) {
    let path = beside(database, KEYS);
    if fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
        fs::remove_file(path).unwrap_or_default();
    }
}

/// Takes folded keys out of a database that is not open, into its key file. Files of others, and of other formats, are left
/// alone.
pub(super) fn unfold(database: &Path, keys: &mut File) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(database)?;
    let length = file.metadata()?.len();
    let Some(end) = end_of_pages(&mut file)? else { return Ok(()) };
    if let Some(folded) = folded(&mut file, length)? {
        // A log beside it is of another moment, perhaps that of a state over which this one was restored: it had none.
        if fs::exists(beside(database, LOG))? {
            fs::remove_file(beside(database, LOG))?;
        }
        keys.set_len(0)?;
        keys.rewind()?;
        file.seek(SeekFrom::Start(length - FOOTER_BYTES - folded))?;
        copy(&mut file, keys, folded)?;
        keys.sync_all()?;
        erase(&mut file, length - FOOTER_BYTES, FOOTER_BYTES)?;
    }
    // Without a footer: a folding or unfolding that did not come to its end.
    if end < length && !has_log(database) {
        erase(&mut file, end, length - end)?;
        file.set_len(end)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Folds the keys into a database that was closed, and empties the key file. If the database still has a log, all stays as
/// it is.
pub(super) fn fold(database: &Path, keys: &mut File) -> io::Result<()> {
    if has_log(database) {
        return Ok(());
    }
    let mut file = OpenOptions::new().write(true).open(database)?;
    let length = keys.metadata()?.len();
    keys.rewind()?;
    file.seek(SeekFrom::End(0))?;
    copy(keys, &mut file, length)?;
    file.sync_all()?;
    file.write_all(&[MAGIC, length.to_be_bytes()].concat())?;
    file.sync_all()?;
    erase(keys, 0, length)?;
    keys.set_len(0)?;
    keys.sync_all()
}

/// How many bytes of keys a database ends with, if they are complete.
fn folded(file: &mut File, length: u64) -> io::Result<Option<u64>> {
    let Some(at) = length.checked_sub(FOOTER_BYTES) else { return Ok(None) };
    file.seek(SeekFrom::Start(at))?;
    let (mut magic, mut folded) = ([0; 8], [0; 8]);
    file.read_exact(&mut magic)?;
    file.read_exact(&mut folded)?;
    let folded = u64::from_be_bytes(folded);
    Ok((magic == MAGIC && folded <= at).then_some(folded))
}

fn has_log(database: &Path) -> bool {
    fs::metadata(beside(database, LOG))
        .map_or_else(|error| error.kind() != io::ErrorKind::NotFound, |log| log.len() > 0)
}

/// Where the last page of a database ends, if it is ours and its keys may be folded: as SQLite's header has it.
fn end_of_pages(file: &mut File) -> io::Result<Option<u64>> {
    let mut header = [0; 72];
    file.rewind()?;
    match file.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let number = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u32::from_be_bytes);
    let (pages, version, application) = (number(28), number(60), number(68));
    // The size of a page is in two bytes, where one stands for 65,536.
    let page_bytes = match number(16) >> 16 {
        1 => 0x1_0000,
        bytes => bytes,
    };
    let ours = header.starts_with(b"SQLite format 3\0") && i64::from(application) == i64::from(APPLICATION_ID);
    let known = (SEALED..=u32::try_from(MIGRATIONS.len()).unwrap_or(0)).contains(&version);
    Ok((ours && known && pages > 0).then_some(u64::from(page_bytes) * u64::from(pages)))
}

fn copy(from: &mut File, to: &mut File, mut length: u64) -> io::Result<()> {
    while length > 0 {
        let count = length.min(CHUNK_BYTES);
        let chunk = SecretBytes::filled(to_usize(count), |out| from.read_exact(out))?;
        to.write_all(chunk.expose())?;
        length -= count;
    }
    Ok(())
}

/// Overwrites bytes in place, as far as the medium.
fn erase(file: &mut File, at: u64, mut length: u64) -> io::Result<()> {
    const NOTHING: [u8; 4096] = [0; 4096];
    file.seek(SeekFrom::Start(at))?;
    while length > 0 {
        let count = length.min(CHUNK_BYTES);
        file.write_all(NOTHING.get(..to_usize(count)).unwrap_or(&NOTHING))?;
        length -= count;
    }
    file.sync_data()
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
