//! One's own message keys: none is used twice (RFC 9420 §6.3.1, §9.1).

use alloc::collections::BTreeSet;

use cenacle_mls::{
    delta::{Delta, RowKey, Store as _, Table},
    wire::MlsMessage,
};

use crate::common::*;

/// Which key a message of Bob's was encrypted under: epoch, content type, generation.
fn key_of(alice: &Insider, message: &MlsMessage) -> (u64, u8, u32) {
    let bytes = message.to_bytes().unwrap();
    let (_, body) = unwrap_message(&bytes);
    let sealed = PrivateMessage::parse(body);
    (sealed.epoch, sealed.content_type, alice.unseal(&bytes).0.generation)
}

/// §6.3.1: The ratchet's position is on disk before a ciphertext leaves.
#[test]
fn r078_position_is_stored_first() {
    let mut trial = Trial::new(78);
    let mut generations = BTreeSet::new();
    for _ in 0..3 {
        // The process ends after every message: what is on disk then stands beyond it.
        let message = trial.performs(|group, _, rng| group.protect(b"sent", b"", rng));
        assert!(generations.insert(key_of(&trial.alice, &message)), "a key was used twice");
        trial.deliver(&message.to_bytes().unwrap());
        trial.person("bob").reload();
    }
    // Encrypted and not stored: its bytes cannot be reached, and the next one may have its key.
    let mut rng = trial.world.dice.fork();
    let bob = trial.world.at("bob");
    let before = bob.visible();
    drop(trial.world.ledger.dropped(|| bob.group().protect(b"never", b"", &mut rng)).unwrap());
    trial.assert_untouched("bob", &before);
    let message = trial.performs(|group, _, rng| group.protect(b"sent", b"", rng));
    assert!(generations.insert(key_of(&trial.alice, &message)), "a key was used twice");
    trial.sends(&message);
}

/// §9.1: A key encrypts at most one message, whatever happens between two.
#[test]
fn r085_keys_are_used_once() {
    let mut trial = Trial::new(85);
    let mut used = BTreeSet::new();
    let mut sends = |trial: &mut Trial, message: &MlsMessage| {
        assert!(used.insert(key_of(&trial.alice, message)), "a key was used twice");
    };
    for round in 0..3 {
        let message = trial.performs(|group, _, rng| group.protect(b"data", b"", rng));
        sends(&mut trial, &message);
        // A commit that is given up, and one that loses.
        let commit = trial.performs(|group, inputs, rng| group.commit().with_path().build(inputs, rng));
        sends(&mut trial, &commit.commit);
        trial.refuses_call(|group, inputs, rng| group.commit().build(inputs, rng), Misuse::CommitPending);
        trial.performs(|group, _, _| group.discard_pending());
        let message = trial.performs(|group, _, rng| group.protect(b"data", b"", rng));
        sends(&mut trial, &message);
        trial.person("bob").reload();
        let commit = trial.performs(|group, inputs, rng| group.commit().with_path().build(inputs, rng));
        sends(&mut trial, &commit.commit);
        let message = trial.performs(|group, _, rng| group.protect(b"data", b"", rng));
        sends(&mut trial, &message);
        if round == 1 {
            trial.goes_on();
        } else {
            trial.performs(|group, _, _| group.discard_pending());
        }
    }
    trial.goes_on();
}

/// §9.1: A ratchet ends with its last generation.
#[test]
fn r091_last_generation() {
    let mut trial = Trial::new(91);
    let message = trial.performs(|group, _, rng| group.protect(b"first", b"", rng));
    trial.deliver(&message.to_bytes().unwrap());
    // The head of Bob's own ratchet, moved to its end by hand: generation, then the secret.
    let bob = trial.person("bob");
    let group_id = bob.group().group_id().clone();
    let rows = bob.disk.rows(&RowKey::of_epoch(Table::RATCHET, &group_id, bob.group().epoch())).unwrap();
    let own = |key: &RowKey| key.key.ends_with(&[0, 0, 0, 1, 1]);
    let (key, row) = rows.into_iter().find(|(key, _)| own(key)).expect("Bob's ratchet of application data");
    let mut delta = Delta::new();
    delta.put(key, [&u32::MAX.to_be_bytes(), &row.expose()[4..]].concat());
    bob.disk.apply(&delta).unwrap();
    bob.reload();
    for _ in 0..2 {
        trial.refuses_call(|group, _, rng| group.protect(b"one too many", b"", rng), Misuse::RatchetExhausted);
    }
    // A new epoch has new ratchets.
    trial.goes_on();
    let message = trial.performs(|group, _, rng| group.protect(b"again", b"", rng));
    trial.sends(&message);
}
