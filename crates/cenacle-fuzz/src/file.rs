//! A client's state file, damaged as a medium damages it. Opening and reading refuse it with an error of the store, or give
//! rows of which each is as it was written; what is loaded of them is the group that was stored, or refused.

use alloc::collections::BTreeMap;
use core::cell::RefCell;
use std::{fs, path::Path};

use cenacle_codec::Decode as _;
use cenacle_mls::{
    delta::{Delta, RowKey, Store as _, Table},
    wire::MlsMessage,
};
use cenacle_store::{SqliteStore, StoreError};
use tempfile::TempDir;

use crate::{
    scene::{Scene, VICTIM},
    source::Source,
};

/// A whole file, what is in it, and where damaged ones are put.
struct Base {
    scene: Scene,
    folder: TempDir,
    whole: Vec<u8>,
    rows: BTreeMap<RowKey, Vec<u8>>,
}

impl Base {
    fn new() -> Self {
        let scene = Scene::all().swap_remove(1);
        // In memory where that is possible: nothing here has to outlast the power.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let path = folder.path().join("whole.db");
        let mut store = SqliteStore::open(&path).unwrap();
        let (mut delta, mut rows) = (Delta::new(), BTreeMap::new());
        for (key, value) in scene.world.at(VICTIM).disk.snapshot().rows() {
            delta.put(key.clone(), value.duplicate());
            rows.insert(key.clone(), value.expose().to_vec());
        }
        store.apply(&delta).unwrap();
        store.close().unwrap();
        let whole = fs::read(path).unwrap();
        Self { scene, folder, whole, rows }
    }
}

pub(crate) fn run(input: &[u8]) {
    thread_local!(static BASE: RefCell<Option<Base>> = const { RefCell::new(None) });
    BASE.with_borrow_mut(|base| try_file(base.get_or_insert_with(Base::new), &mut Source::new(input)));
}

fn try_file(base: &Base, source: &mut Source<'_>) {
    let path = base.folder.path().join("damaged.db");
    for beside in ["damaged.db-wal", "damaged.db-journal", "damaged.db-shm", "damaged.db-keys"] {
        drop(fs::remove_file(base.folder.path().join(beside)));
    }
    let log = source.byte() == 255;
    if log {
        // What is found beside the file as a log or a journal.
        let name = if source.byte().is_multiple_of(2) { "damaged.db-wal" } else { "damaged.db-journal" };
        fs::write(base.folder.path().join(name), source.rest()).unwrap();
        fs::write(&path, &base.whole).unwrap();
    } else {
        fs::write(&path, damaged(&base.whole, source)).unwrap();
    }
    let outcome = read(base, &path);
    if let Err(StoreError::InUse) = outcome {
        panic!("a file that nobody uses is in use");
    }
}

/// The file with bits flipped, pages zeroed, torn, swapped or repeated, and perhaps without its end.
fn damaged(whole: &[u8], source: &mut Source<'_>) -> Vec<u8> {
    const SECTOR: usize = 512;
    let mut file = whole.to_vec();
    while !source.is_empty() && file.len() > SECTOR {
        let kind = source.byte() % 8;
        let at = (usize::from(source.byte()) << 8 | usize::from(source.byte())) % file.len();
        let sector = at / SECTOR * SECTOR;
        let end = (sector + SECTOR).min(file.len());
        match kind {
            0..=2 => file[at] ^= 1 << (source.byte() % 8),
            3 => file[at] = source.byte(),
            4 => file[sector..end].fill(0),
            5 => file.truncate(at),
            6 => {
                let from = source.below(file.len() / SECTOR) * SECTOR;
                let other = file[from..from + SECTOR].to_vec();
                file[sector..end].copy_from_slice(&other[..end - sector]);
            }
            _ => {
                let value = source.byte();
                file.iter_mut().skip(at).take(usize::from(source.byte())).for_each(|byte| *byte = value);
            }
        }
    }
    file
}

fn read(base: &Base, path: &Path) -> Result<(), StoreError> {
    let store = SqliteStore::open(path)?;
    if let Ok(snapshot) = store.snapshot() {
        // Secret rows are sealed, each under its name. The tree's are public, and its hash is what they are compared by.
        for (key, value) in snapshot.rows().filter(|(key, _)| key.table != Table::TREE_NODE) {
            let written = base.rows.get(key).is_some_and(|written| written == value.expose());
            assert!(written, "a row that was never written is read: {key:?} {:02x?}", value.expose());
        }
    }
    let (world, id) = (&base.scene.world, &base.scene.world.group_id);
    let person = world.at(VICTIM);
    if let Ok(Some(group)) = person.client.load_group(&store, id) {
        let genuine = person.group();
        assert_eq!(group.public().context(), genuine.public().context(), "another group is loaded");
        assert_eq!(group.public().tree().tree_hash(), genuine.public().tree().tree_hash());
        assert!(group.epoch_authenticator().ct_eq(genuine.epoch_authenticator()));
        for bytes in base.scene.genuine.iter().take(4) {
            let message = MlsMessage::from_bytes(bytes).unwrap();
            drop(group.open(&message).and_then(|opened| group.stage(opened, &world.inputs())));
        }
    }
    let mut store = store;
    let mut delta = Delta::new();
    delta.put(RowKey::new(Table(200), *b"one more"), b"row".to_vec());
    store.apply(&delta)?;
    store.close()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let pages = [0u8, 16, 32, 48, 64, 80];
    let flips = pages.iter().flat_map(|page| (0..8).map(|kind| vec![0, kind, *page, 3, 5, 7]));
    flips.chain([vec![255, 0, 1, 2, 3], vec![255, 1, 0xd9, 0xd5, 5, 0xf9], vec![0]]).collect()
}
