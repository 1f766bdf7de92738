//! A group's rows as a store might give them back that lost or changed some. Loading refuses them as corrupt, or gives a
//! group that says what they say: its tree is the one its context names, and nothing is in memory that is not stored so.
//! Whatever was loaded goes on without a panic.

use alloc::sync::Arc;
use core::cell::OnceCell;

use cenacle_codec::{Decode as _, Opaque};
use cenacle_crypto::CipherSuite;
use cenacle_mls::{
    Error,
    delta::{Delta, PersistError, RowKey, RowValue, Store as _, Table},
    group::{Client, Group, Observer, OwnKeyPackage, PendingJoin, Settings},
    wire::{GroupId, MlsMessage, Welcome},
};
use cenacle_store::MemoryStore;

use crate::{
    scene::{Scene, VICTIM},
    source::Source,
};

/// A busy member's rows, ascending.
struct Base {
    scene: Scene,
    rows: Vec<(RowKey, Vec<u8>)>,
}

impl Base {
    fn new() -> Self {
        let scene = Scene::all().swap_remove(1);
        let snapshot = scene.world.at(VICTIM).disk.snapshot();
        let rows = snapshot.rows().chain(scene.observed.rows());
        let rows = rows.map(|(key, value)| (key.clone(), value.expose().to_vec())).collect();
        Self { scene, rows }
    }

    fn client(&self) -> &Client {
        &self.scene.world.at(VICTIM).client
    }
}

pub(crate) fn run(input: &[u8]) {
    thread_local!(static BASE: OnceCell<Base> = const { OnceCell::new() });
    BASE.with(|base| {
        let base = base.get_or_init(Base::new);
        // Each execution has the same dice, and nothing of it leaves.
        base.scene.world.ledger.dropped(|| try_rows(base, &mut Source::new(input)));
    });
}

fn try_rows(base: &Base, source: &mut Source<'_>) {
    let store = store(changed(base, source));
    let Ok(ids) = Client::stored_groups(&store).map_err(assert_typed) else { return };
    let genuine = base.scene.world.group_id.clone();
    for id in ids.iter().chain([&genuine]) {
        if let Ok(Some(group)) = base.client().load_group(&store, id).map_err(assert_typed) {
            assert_says_what_is_stored(&group, &store);
            go_on(base, &group);
        }
        open_in_part(base, &store, id);
        let suite = Arc::clone(&base.scene.world.suite);
        drop(Observer::load(&store, id, suite, Settings::default()).map_err(assert_typed));
        drop(PendingJoin::recover(&store, id).map_err(assert_typed));
    }
    let nobody = Welcome { cipher_suite: CipherSuite(1), secrets: Vec::new(), encrypted_group_info: Opaque::EMPTY };
    drop(OwnKeyPackage::find(&store, &nobody).map_err(assert_typed));
}

/// The rows with some of them changed, lost, moved or made up.
fn changed(base: &Base, source: &mut Source<'_>) -> Vec<(RowKey, Vec<u8>)> {
    let mut rows = base.rows.clone();
    while !source.is_empty() && !rows.is_empty() {
        let (kind, at) = (source.byte() % 8, source.below(rows.len()));
        let edits = 1 + source.byte() % 3;
        let edit = |bytes: &mut Vec<u8>, source: &mut Source<'_>| (0..edits).for_each(|_| source.edit_once(bytes));
        match kind {
            0..=3 => edit(&mut rows[at].1, source),
            4 => edit(&mut rows[at].0.key, source),
            5 => drop(rows.remove(at)),
            6 => {
                let mut row = rows[at].clone();
                row.0.table = Table(source.byte() % 20);
                rows.push(row);
            }
            _ => {
                let value = source.pick(&base.rows).1.clone();
                rows[at].1 = value;
            }
        }
    }
    rows
}

fn store(rows: Vec<(RowKey, Vec<u8>)>) -> MemoryStore {
    let (mut store, mut delta) = (MemoryStore::default(), Delta::new());
    rows.into_iter().for_each(|(key, value)| delta.put(key, value));
    store.apply(&delta).unwrap_or_else(|never| match never {});
    store
}

/// Rows that make no sense are the store's fault, and nobody else's.
fn assert_typed<E>(error: PersistError<E>) {
    match error {
        PersistError::State(Error::Corrupt(_) | Error::Provider(_) | Error::Misuse(_) | Error::Unsupported(_))
        | PersistError::Store(_) => {}
        PersistError::State(error) => panic!("rows are refused with {error:?}"),
    }
}

fn assert_says_what_is_stored(group: &Group, store: &MemoryStore) {
    let public = group.public();
    assert_eq!(*public.tree().tree_hash(), public.context().tree_hash, "a tree of another hash");
    let stored = store.snapshot();
    for change in group.snapshot_rows().unwrap().changes() {
        let cenacle_mls::delta::Change::Put(key, value) = change else { panic!("a snapshot erases nothing") };
        let row: Option<&RowValue> = stored.rows().find(|(stored, _)| *stored == key).map(|(_, value)| value);
        let same = row.is_some_and(|row| row.expose() == value.expose());
        assert!(same, "{key:?} is in memory as {:02x?} and stored as {row:02x?}", value.expose());
    }
}

/// Messages are opened and sent, with whatever outcome.
fn go_on(base: &Base, group: &Group) {
    let inputs = base.scene.world.inputs();
    for bytes in base.scene.genuine.iter().take(8) {
        let message = MlsMessage::from_bytes(bytes).unwrap();
        drop(group.open(&message).and_then(|opened| group.stage(opened, &inputs)));
    }
    let mut rng = cenacle_crypto::conformance::SeededRng::new(7);
    drop(group.protect(b"on", b"", &mut rng));
    drop(group.commit().with_path().build(&inputs, &mut rng));
}

fn open_in_part(base: &Base, store: &MemoryStore, id: &GroupId) {
    let Ok(Some(mut part)) = base.client().open_group(store, id).map_err(assert_typed) else { return };
    for bytes in base.scene.genuine.iter().take(4) {
        if let Ok(opened) = part.open(&MlsMessage::from_bytes(bytes).unwrap(), store) {
            drop(part.stage(opened));
        }
    }
    drop(part.complete(base.client(), store).map_err(assert_typed));
}

/// One small change to each of the rows, in each way.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let rows = u8::try_from(Base::new().rows.len().min(256)).unwrap_or(u8::MAX);
    let changes =
        [&[0, 0, 0, 0, 9, 0, 1][..], &[0, 0, 0, 1, 0, 0, 255], &[4, 0, 0, 0, 3, 0, 1], &[5], &[6, 0, 0], &[7, 0, 3]];
    (0..rows).flat_map(|row| changes.map(|change| [&[change[0], row], &change[1..]].concat())).collect()
}
