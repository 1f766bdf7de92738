//! Commits that are made here, and what goes with them (RFC 9420 §12.4.1).

use alloc::collections::BTreeSet;

use cenacle_mls::{
    delta::{RowKey, Table},
    group::{Client, Handshake},
    wire::{Epoch, KeyPackage as MlsKeyPackage},
};
use cenacle_testkit::world::LIFETIME;

use crate::common::*;

/// All rows of Bob's but his pending commit and, for an encrypted one, how far his ratchet is.
fn rows(trial: &Trial, framing: Handshake) -> Vec<(RowKey, Vec<u8>)> {
    let rows = trial.world.at("bob").disk.snapshot();
    let ratchet = |key: &RowKey| matches!(key.table, Table::SECRET_TREE | Table::RATCHET);
    let besides = |key: &RowKey| key.table != Table::PENDING_COMMIT && (framing == Handshake::Public || !ratchet(key));
    let rows = rows.rows().filter(|(key, _)| besides(key));
    rows.map(|(key, value)| (key.clone(), value.expose().to_vec())).collect()
}

/// §12.4.1: Making a commit changes nothing of the group, which can still take up another's.
#[test]
fn r240_making_a_commit() {
    for (seed, framing) in [(240, Handshake::Public), (2400, Handshake::Private)] {
        let mut trial = Trial::of(Trial::world(seed, 1).framing(framing).group_of(&NAMES));
        let erin = trial.newcomer("erin");
        trial.proposes(Proposal::Remove(3));
        let epoch = trial.alice.context.epoch;
        let before = trial.world.at("bob").visible();
        {
            let (inputs, mut rng) = (trial.told.inputs(&trial.world.psks), trial.world.dice.clone().fork());
            let commit = trial.world.at("bob").group().commit().with_path();
            let thrown_away = trial.world.ledger.dropped(|| commit.build(&inputs, &mut rng));
            assert!(thrown_away.is_ok());
        }
        trial.assert_untouched("bob", &before);
        let before = rows(&trial, framing);
        let package = MlsKeyPackage::from_bytes(&erin.bytes()).unwrap();
        let made = trial.performs(|group, inputs, rng| group.commit().add(package).build(inputs, rng));
        assert!(trial.world.at("bob").group().has_pending_commit());
        assert!(before == rows(&trial, framing), "the commit took effect too early");
        trial.world.at("bob").assert_stored();
        let rival = trial.alice.make(Plan::commit());
        trial.accepts(&rival);
        assert!(!trial.world.at("bob").group().has_pending_commit());
        assert!(before != rows(&trial, framing), "the other one took effect");
        trial.refuses(made.commit.to_bytes().unwrap(), Error::Stale(Epoch(epoch)));
        // The same, made in the present epoch.
        let package = MlsKeyPackage::from_bytes(&erin.bytes()).unwrap();
        let twin = trial.performs(|group, inputs, rng| group.commit().add(package).build(inputs, rng));
        trial.sends(&twin.commit);
    }
}

/// §12.4.1: A commit is signed in the context of the epoch in which it is sent.
#[test]
fn r242_signed_in_the_next_context() {
    let mut trial = Trial::new(242);
    for private in [false, true] {
        let plan = || Plan::commit().framed(private);
        let next = trial.alice.clone().make(plan()).next().insider.context.clone();
        let spoil: [Spoil<'_, GroupContext>; 4] = [
            &|context| context.clone_from(&next),
            &|context| context.epoch += 1,
            &|context| context.tree_hash.clone_from(&next.tree_hash),
            &|context| context.confirmed_transcript_hash.clone_from(&next.confirmed_transcript_hash),
        ];
        for spoil in spoil {
            let bad = trial.alice.make(plan().signed_context(spoil));
            trial.refuses(&bad, What::ContentSignature);
        }
        let twin = trial.alice.make(plan());
        trial.accepts(&twin);
    }
}

/// §12.4.1: The Welcome that goes with a commit is for all whom the commit adds.
#[test]
fn r243_everyone_is_welcomed() {
    let mut trial = Trial::new(243);
    let names = ["erin", "frank", "grace"];
    let packages = names.map(|name| trial.newcomer(name));
    // One who is left out has nothing to join by.
    let adds = || Plan::commit().with(packages.iter().map(Proposal::add));
    let bad = trial.alice.make(adds().welcome(|welcome| welcome.secrets.truncate(2)));
    trial.refuses_welcome("grace", bad.welcome(), Error::Missing(Need::KeyPackage));
    // Two by value, one by reference.
    trial.proposes(Proposal::add(&packages[2]));
    let [erin, frank] = [0, 1].map(|one: usize| MlsKeyPackage::from_bytes(&packages[one].bytes()).unwrap());
    let made = trial.performs(|group, inputs, rng| group.commit().add(erin).add(frank).build(inputs, rng));
    let welcome = made.welcome.unwrap().to_bytes().unwrap();
    let welcomed: Vec<_> =
        Welcome::parse(unwrap_message(&welcome).1).secrets.into_iter().map(|one| one.new_member).collect();
    let added = packages.each_ref().map(|package| key_package_ref(&*trial.alice.suite, package));
    assert_eq!(welcomed.len(), 3);
    assert_eq!(BTreeSet::from_iter(welcomed), BTreeSet::from(added));
    let commit = made.commit.to_bytes().unwrap();
    trial.deliver(&commit);
    trial.heard(&commit);
    names.iter().for_each(|name| trial.enters(name, &welcome, None));
    trial.agree();
    trial.goes_on();
}

/// §12.4.1: After a ReInit one founds the group that follows, with all members and the PSK of the one that is over.
#[test]
fn r244_founding_what_follows() {
    let mut trial = Trial::new(244);
    let before = trial.world.at("bob").client.reinit(trial.world.at("bob").group(), LIFETIME).map(drop);
    assert_eq!(before.unwrap_err(), Misuse::NotReInitialized.into());
    let end = trial.alice.make(Plan::commit().without_path().with([reinit(b"next")]));
    trial.passes(&end);
    let package = trial.alice.key_package();
    let others = ["carol", "dave"].map(|name| trial.key_package(name));
    let mut rng = trial.world.dice.fork();
    let mut found = |members: &[&KeyPackage]| {
        let (bob, inputs) = (trial.world.at("bob"), trial.told.inputs(&trial.world.psks));
        let founding = bob.client.reinit(bob.group(), LIFETIME).unwrap();
        let members = members.iter().map(|package| MlsKeyPackage::from_bytes(&package.bytes()).unwrap());
        members.fold(founding, |founding, member| founding.add(member)).build(&inputs, &mut rng)
    };
    let stranger = Insider::nobody(&trial.alice.suite, "erin", 244).key_package();
    for members in [&[&package, &others[0]][..], &[&package, &others[0], &others[1], &stranger]] {
        assert_eq!(found(members).map(drop).unwrap_err(), Rule::SuccessorKeepsMembers.into());
    }
    let founded = found(&[&package, &others[0], &others[1]]).unwrap();
    let bob = trial.world.person("bob");
    let former = bob.group().group_id().clone();
    let (group, welcome) = founded.accept(&mut bob.disk).unwrap();
    bob.group = Some(group);
    Client::forget_group(&mut bob.disk, &former).unwrap();
    let welcome = welcome.unwrap().to_bytes().unwrap();
    // That the PSK is folded in, and as one of usage reinit, those who join see to.
    ["carol", "dave"].iter().for_each(|name| trial.enters(name, &welcome, None));
    trial.alice = trial.alice.joins(&welcome, &package);
    trial.agree();
    trial.goes_on();
}
