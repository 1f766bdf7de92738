//! Key packages that are made, used and used up (RFC 9420 §10, §11, §16.8).

use alloc::collections::BTreeSet;

use cenacle_crypto::{CipherSuite, conformance::SeededRng};
use cenacle_mls::{
    Refusal,
    delta::{PersistError, RowKey, Store as _, Table},
    group::{AcceptAll, GroupPolicy, Inputs, OwnKeyPackage},
    wire::{Extensions, GroupId, KeyPackage as MlsKeyPackage, MlsMessage, MlsMessageBody},
};
use cenacle_store::MemoryStore;
use cenacle_testkit::world::{LIFETIME, World};

use crate::common::*;

/// §10: No two key packages of a client have the same init key, nor any other key of a key package.
#[test]
fn r182_init_keys_differ() {
    const PACKAGES: usize = 10_000;
    let mut trial = Trial::new(182);
    let erin = trial.newcomer("erin");
    let world = &mut trial.world;
    let before = world.at("erin").visible();
    let mut rng = world.dice.fork();
    let (mut keys, mut store) = (BTreeSet::new(), MemoryStore::default());
    let mut package = |world: &World, rng: &mut SeededRng| {
        let package = world.at("erin").client.key_package(LIFETIME, false, rng).unwrap();
        let message = package.persist(&mut store).unwrap();
        let MlsMessageBody::KeyPackage(package) = message.body else { panic!("a key package") };
        [package.init_key, package.leaf_node.encryption_key].map(|key| keys.insert(key.0.to_vec()))
    };
    for _ in 0..PACKAGES {
        assert_eq!(package(world, &mut rng), [true, true]);
    }
    // Chance is all that makes them differ.
    assert_eq!(package(world, &mut SeededRng::new(182)), [true, true]);
    assert_eq!(package(world, &mut SeededRng::new(182)), [false, false]);
    // Each has a row of its own; the one that came twice has one.
    let rows = store.rows(&RowKey::new(Table::KEY_PACKAGE, Vec::new())).unwrap();
    assert_eq!(rows.len(), PACKAGES + 1);
    // The one before them all is still good.
    trial.assert_untouched("erin", &before);
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.joins("erin", &twin);
}

/// A Welcome into another group, of a founder of its own.
fn elsewhere(trial: &Trial, id: &[u8], package: &KeyPackage) -> Forged {
    let mut founder = Insider::nobody(&trial.alice.suite, "founder", u64::from(id[0])).founds(id);
    founder.make(Plan::commit().with([Proposal::add(package)]))
}

/// §16.8: A key package is used for one group, unless it is a last resort.
#[test]
fn r191_used_twice() {
    let mut trial = Trial::new(191);
    let erin = trial.newcomer("erin");
    let [one, two] = [b"1", b"2"].map(|id| elsewhere(&trial, id, &erin));
    // Both Welcomes were read while the key package was still there.
    let [first, second] = [&one, &two].map(|commit| trial.read_welcome("erin", commit.welcome(), None).unwrap());
    let person = trial.person("erin");
    let mut member = first.accept(&mut person.disk).unwrap();
    let rows = person.disk.snapshot();
    let gone = Error::Missing(Need::KeyPackage);
    let Err(PersistError::State(error)) = second.accept(&mut person.disk) else { panic!("it was used twice") };
    assert_eq!(error, gone);
    assert!(rows == person.disk.snapshot());
    // And after it was used.
    trial.refuses_welcome("erin", two.welcome(), gone.clone());
    trial.refuses_welcome("erin", one.welcome(), gone);
    // The group that it was used for goes on.
    let commit = one.next().insider.clone().make(Plan::commit());
    let message = MlsMessage::from_bytes(&commit.bytes).unwrap();
    let staged = member.stage(member.open(&message).unwrap(), &trial.world.inputs()).unwrap();
    let erin = trial.person("erin");
    member.merge(staged, &mut erin.disk).unwrap();
    erin.group = Some(member);
    erin.assert_stored();

    last_resort_is_used_twice(&mut trial);
    let fresh = trial.key_package("erin");
    let twin = elsewhere(&trial, b"3", &fresh);
    trial.moves(&["erin"], &twin);
}

fn last_resort_is_used_twice(trial: &mut Trial) {
    trial.world.enter("frank");
    let mut rng = trial.world.dice.fork();
    let package = trial.person("frank").try_key_package(true, &mut rng).unwrap();
    let package = KeyPackage::parse(&package.to_bytes().unwrap());
    for id in [b"4", b"5"] {
        let commit = elsewhere(trial, id, &package);
        let MlsMessageBody::Welcome(welcome) = MlsMessage::from_bytes(commit.welcome()).unwrap().body else {
            panic!("a Welcome")
        };
        let inputs = trial.told.inputs(&trial.world.psks);
        let frank = trial.world.people.get_mut("frank").unwrap();
        let own = OwnKeyPackage::find(&frank.disk, &welcome).unwrap().unwrap();
        let new = frank.client.join(&welcome, &own, None, &inputs).unwrap();
        new.accept(&mut frank.disk).unwrap();
    }
}

/// An application that would rather have suite 7 than suite 1.
struct Prefers;

impl GroupPolicy for Prefers {
    fn preferred_suites(&self) -> &[CipherSuite] {
        const { &[CipherSuite(7), CipherSuite(1)] }
    }
}

/// §11: A group begins with the best suite that all its members list, unless the application has no preference.
#[test]
fn r192_downgrade() {
    let mut world = Trial::world(192, 1);
    for name in ["alice", "bob", "carol"] {
        let person = world.enter(name);
        let mut capabilities = person.client.capabilities().clone();
        if name != "carol" {
            capabilities.cipher_suites.push(CipherSuite(7));
        }
        person.client = person.client.clone().with_capabilities(capabilities);
    }
    let mut rng = world.dice.fork();
    let [bob, carol] = ["bob", "carol"].map(|name| world.person(name).try_key_package(false, &mut rng).unwrap());
    let founds = |members: &[&MlsKeyPackage], policy: &dyn GroupPolicy| {
        let founding = world.at("alice").client.found(GroupId::from(&b"new"[..]), Extensions::default(), LIFETIME);
        let founding = members.iter().fold(founding, |founding, package| founding.add((*package).clone()));
        let inputs = Inputs { policy, ..Inputs::new(&AcceptAll).with_policy(&AcceptAll) };
        world.ledger.dropped(|| founding.build(&inputs, &mut SeededRng::new(192)))
    };
    let before = world.at("alice").visible();
    let better = Refusal::from("all members support a cipher suite that is preferred to this one");
    assert_eq!(founds(&[&bob], &Prefers).map(drop), Err(better.into()));
    assert!(before == world.at("alice").visible(), "what was refused changed something");
    // With somebody who has none better, and as an explicit choice.
    assert_eq!(founds(&[&bob, &carol], &Prefers).map(drop), Ok(()));
    let (group, welcome) = founds(&[&bob], &AcceptAll).unwrap().accept(&mut world.person("alice").disk).unwrap();
    world.person("alice").group = Some(group);
    let mut trial = Trial::of(world);
    trial.enters("bob", &welcome.unwrap().to_bytes().unwrap(), None);
    trial.agree();
    trial.goes_on();
}
