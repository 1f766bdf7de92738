//! Generations of others (RFC 9420 §9.1, §15.3).

use cenacle_mls::{
    delta::{RowKey, Store as _, Table},
    group::Received,
    wire::{Credential, Generation, LeafIndex},
};

use super::data;
use crate::common::*;

fn skipped_keys(trial: &Trial, name: &str) -> usize {
    let person = trial.world.at(name);
    person.disk.rows(&RowKey::of_group(Table::SKIPPED_KEY, person.group().group_id())).unwrap().len()
}

/// A trial whose members move a ratchet at most `forward` generations and keep at most `skipped` keys.
fn limited(seed: u64, forward: u32, skipped: u32) -> Trial {
    let mut world = Trial::world(seed, 1);
    (world.settings.limits.forward_generations, world.settings.limits.skipped_keys) = (forward, skipped);
    Trial::of(world.group_of(&["alice", "bob", "carol"]))
}

/// §9.1: A message is read once.
#[test]
fn r086_replay() {
    let mut trial = Trial::new(86);
    for plan in [|| data(), || Plan::proposal(Proposal::Remove(3)).private()] {
        let twin = trial.alice.make(plan());
        let (_, _, generation) = twin.generation.unwrap();
        trial.passes(&twin);
        trial.refuses(&twin, Error::KeyGone(Generation(generation)));
    }
    // One that came late is read once, too.
    let [late, early] = [3, 4].map(|generation| trial.alice.make(data().generation(generation)));
    trial.passes(&early);
    trial.passes(&late);
    trial.refuses(&late, Error::KeyGone(Generation(3)));
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §15.3: A generation far ahead is refused, whatever it costs to get there.
#[test]
fn r088_generation_far_ahead() {
    let mut trial = Trial::new(88);
    let limit = trial.world.settings.limits.forward_generations;
    for generation in [limit + 1, 1 << 31, u32::MAX] {
        let bad = trial.alice.make(data().seal(|seal| seal.sender_data.generation = generation));
        trial.refuses(&bad, Error::TooFarAhead(Generation(generation)));
    }
    let twin = trial.alice.make(data().generation(limit));
    trial.accepts(&twin);
}

/// §15.3: Only so many skipped keys are kept.
#[test]
fn r089_skipped_keys_are_bounded() {
    let mut trial = limited(89, 16, 20);
    for step in 1..=40 {
        let message = trial.alice.make(data().generation(16 * step));
        trial.passes(&message);
        let kept = skipped_keys(&trial, "bob");
        assert!(kept <= 20 && (step < 2 || kept == 20), "{kept} keys are kept");
    }
    // The twentieth to last is still there, and the one before is not.
    let skipped: Vec<u32> = (1..640).rev().filter(|generation| generation % 16 != 0).take(21).collect();
    let gone = trial.alice.make(data().generation(skipped[20]));
    trial.refuses(&gone, Error::KeyGone(Generation(skipped[20])));
    let twin = trial.alice.make(data().generation(skipped[19]));
    trial.accepts(&twin);
}

/// §15.3: A generation that is no longer kept is refused.
#[test]
fn r090_generation_too_old() {
    let mut trial = limited(90, 100, 4);
    let message = trial.alice.make(data().generation(50));
    trial.passes(&message);
    for generation in [0, 45] {
        let bad = trial.alice.make(data().generation(generation));
        trial.refuses(&bad, Error::KeyGone(Generation(generation)));
    }
    let twin = trial.alice.make(data().generation(46));
    trial.accepts(&twin);
}

/// §15.3: A late message is of who was the member then.
#[test]
fn r093_late_message_of_a_leaf_that_changed_hands() {
    let mut trial = Trial::new(93);
    let late: Vec<_> = (0..2).map(|_| trial.world.protect("dave", b"late")).collect();
    let dave = trial.leaf("dave");
    let erin = trial.newcomer("erin");
    let both = trial.alice.make(Plan::commit().with([Proposal::Remove(dave), Proposal::add(&erin)]));
    trial.joins("erin", &both);
    assert_eq!(trial.leaf("erin"), dave);
    for (at, bytes) in late.iter().enumerate() {
        if at == 1 {
            trial.person("bob").reload();
        }
        let Received::Application(read) = trial.receive("bob", bytes).unwrap() else { panic!("application data") };
        assert_eq!((read.sender, read.credential), (LeafIndex(dave), Credential::Basic(b"dave".as_slice().into())));
    }
    let now = trial.world.protect("erin", b"now");
    let Received::Application(read) = trial.receive("bob", &now).unwrap() else { panic!("application data") };
    assert_eq!(read.credential, Credential::Basic(b"erin".as_slice().into()));
    // Erin was not there then.
    let stale = trial.receive("erin", &late[0]).unwrap_err();
    assert!(matches!(stale, Error::Stale(_)), "{stale}");
    trial.goes_on();
}
