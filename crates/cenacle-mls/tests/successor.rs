//! Welcomes into groups that claim to continue a re-initialised one (RFC 9420 §11.2, §12.4.3.1): forged ones that differ from
//! the ReInit in one thing each, and the honest one that takes the old group's place.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use core::convert::Infallible;
use std::sync::Arc;

use cenacle_codec::Encode;
use cenacle_crypto::{CipherSuite, Secret, SecretBytes, Signer, Suite, conformance::SeededRng};
use cenacle_mls::{
    Error, Rule,
    delta::{Delta, PersistError, RowKey, Store, Table},
    group::{Client, Founding, Handshake},
    wire::{Epoch, Extensions, KeyPackage, PreSharedKeyId, Psk, ReInit, RequiredCapabilities, ResumptionPskUsage},
};
use cenacle_store::MemoryStore;
use common::{
    LIFETIME, World,
    forge::{Invitation, psk_id},
    inputs,
    succession::{client, id, offer, open, suite, to, welcome_of},
};

/// A trio that was re-initialised, and what a forger has: everybody's key packages and the old group's secrets.
struct Scene {
    world: World,
    suite: Arc<dyn Suite>,
    signer: Arc<dyn Signer>,
    /// Of alice, who forges, of bob, who judges, of carol and of dave, who is no member.
    packages: [KeyPackage; 4],
    bob: Client,
    rng: SeededRng,
}

fn scene(reinit: Option<ReInit>, number: u16) -> Scene {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    world.add("alice", "bob");
    world.add("alice", "carol");
    if let Some(reinit) = reinit {
        world.commit("carol", |commit| commit.reinit(reinit));
    }
    let suite = suite(number);
    let mut rng = SeededRng::new(3);
    let (alice, signer) = client("alice", &suite, 11);
    let (bob, carol) = (client("bob", &suite, 12).0, client("carol", &suite, 13).0);
    let dave = client("dave", &suite, 14).0;
    let mut elsewhere = MemoryStore::default();
    let store = &mut world.people.get_mut("bob").unwrap().store;
    let packages = [
        offer(&alice, &mut elsewhere, &mut rng),
        offer(&bob, store, &mut rng),
        offer(&carol, &mut elsewhere, &mut rng),
        offer(&dave, &mut elsewhere, &mut rng),
    ];
    Scene { world, suite, signer, packages, bob, rng }
}

impl Scene {
    fn psk(&mut self, usage: ResumptionPskUsage, psk_epoch: Epoch) -> (PreSharedKeyId, Secret) {
        let old = self.world.member("alice");
        let secret = old.resumption_psk(psk_epoch).unwrap().duplicate();
        let psk = Psk::Resumption { usage, psk_group_id: old.group_id().clone(), psk_epoch };
        (psk_id(&*self.suite, psk, &mut self.rng), secret)
    }

    fn last_epoch(&self) -> Epoch {
        self.world.member("alice").epoch()
    }

    /// The invitation as it should be.
    fn honest(&mut self, group: &str) -> Invitation {
        let epoch = self.last_epoch();
        Invitation {
            suite: Arc::clone(&self.suite),
            signer: Arc::clone(&self.signer),
            members: self.packages.iter().take(3).cloned().collect(),
            group_id: id(group),
            epoch: Epoch(1),
            extensions: Extensions::default(),
            psks: vec![self.psk(ResumptionPskUsage::Reinit, epoch)],
        }
    }

    /// What bob says to it. He has used nothing up.
    fn judge(&mut self, invitation: &Invitation) -> Result<(), Error> {
        let welcome = welcome_of(&invitation.welcome(&mut self.rng).into());
        let before = self.world.print("bob");
        let bob = self.world.people.get("bob").unwrap();
        let mut psks = cenacle_mls::group::Psks::default();
        psks.insert_external(&b"x"[..], vec![0; 32]);
        let inputs = inputs().with_origin(bob.group.as_ref().unwrap()).with_psks(&psks);
        let result = open(&self.bob, &bob.store, &welcome, &inputs).map(drop);
        assert!(before == self.world.print("bob"));
        result
    }
}

// RFC 9420 §12.4.3.1: "verify that the last Commit to the referenced group contains a ReInit proposal and that ..."
#[test]
fn each_deviation_is_refused() {
    let mut scene = scene(Some(to("next", 3)), 3);
    let last = scene.last_epoch();
    let earlier = scene.psk(ResumptionPskUsage::Reinit, Epoch(last.0 - 1));
    let second = scene.psk(ResumptionPskUsage::Reinit, last);
    let branch = scene.psk(ResumptionPskUsage::Branch, last);
    let [alice, bob, _, dave] = scene.packages.clone();
    let mut extensions = Extensions::default();
    extensions.push_required_capabilities(&RequiredCapabilities::default()).unwrap();
    let external = || {
        let psk = Psk::External((&b"x"[..]).into());
        (PreSharedKeyId { psk, psk_nonce: vec![1; 32].into() }, Secret::zero(32))
    };
    type Deviation<'a> = (Rule, Box<dyn FnOnce(&mut Invitation) + 'a>);
    let deviations: Vec<Deviation<'_>> = vec![
        (Rule::SuccessorIsNew, Box::new(|forged| forged.epoch = Epoch(2))),
        (Rule::SuccessorIsNew, Box::new(|forged| forged.epoch = Epoch(0))),
        (Rule::SuccessorFits, Box::new(|forged| forged.group_id = id("another"))),
        (Rule::SuccessorFits, Box::new(|forged| forged.group_id = id("group"))),
        (Rule::SuccessorFits, Box::new(|forged| forged.extensions = extensions)),
        (Rule::SuccessorFits, Box::new(|forged| forged.psks = vec![earlier])),
        (Rule::WelcomePsksFit, Box::new(|forged| forged.psks.push(second))),
        (Rule::SuccessorFits, Box::new(|forged| forged.psks = vec![branch])),
        (Rule::SuccessorKeepsMembers, Box::new(|forged| forged.members = vec![alice, bob])),
        (Rule::SuccessorKeepsMembers, Box::new(|forged| forged.members.push(dave.clone()))),
        (Rule::SuccessorKeepsMembers, Box::new(|forged| *forged.members.last_mut().unwrap() = dave.clone())),
        (Rule::PskUnique, Box::new(|forged| forged.psks.extend([external(), external()]))),
        (
            Rule::PskNonceLength,
            Box::new(|forged| {
                forged.psks.first_mut().unwrap().0.psk_nonce = vec![1; 31].into();
            }),
        ),
    ];
    for (rule, deviate) in deviations {
        let mut forged = scene.honest("next");
        deviate(&mut forged);
        let result = scene.judge(&forged);
        assert_eq!(result, Err(Error::Invalid(rule)));
    }
    let honest = scene.honest("next");
    assert_eq!(scene.judge(&honest), Ok(()));
}

// RFC 9420 §11.2.
#[test]
fn another_suite_or_no_reinit_is_refused() {
    // The ReInit names suite 3, the Welcome is for suite 1.
    let mut wrong_suite = scene(Some(to("next", 3)), 1);
    let forged = wrong_suite.honest("next");
    assert_eq!(wrong_suite.judge(&forged), Err(Error::Invalid(Rule::SuccessorFits)));
    let mut version = scene(Some(ReInit { version: cenacle_mls::wire::ProtocolVersion(2), ..to("next", 3) }), 3);
    let forged = version.honest("next");
    assert_eq!(version.judge(&forged), Err(Error::Invalid(Rule::SuccessorFits)));
    let mut none = scene(None, 1);
    let forged = none.honest("next");
    assert_eq!(none.judge(&forged), Err(Error::Invalid(Rule::SuccessorFits)));
    // A suite that nobody here has.
    let alien = scene(Some(ReInit { cipher_suite: CipherSuite(0x7777), ..to("next", 3) }), 3);
    let old = alien.world.member("bob");
    let refused = alien.bob.reinit(old, LIFETIME).unwrap_err();
    assert_eq!(refused, Error::Unsupported(cenacle_mls::Unsupported::CipherSuite));
}

/// A store that counts its batches.
struct Counting(MemoryStore, usize);

impl Store for Counting {
    type Error = Infallible;

    fn apply(&mut self, delta: &Delta) -> Result<(), Infallible> {
        self.1 += 1;
        self.0.apply(delta)
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, Infallible> {
        self.0.row(key)
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, Infallible> {
        self.0.rows(prefix)
    }
}

// RFC 9420 §11.2: the new group may have the old one's identifier.
#[test]
fn the_successor_takes_the_old_place_in_one_batch() {
    let mut scene = scene(Some(to("group", 3)), 3);
    let honest = scene.honest("group");
    let welcome = welcome_of(&honest.welcome(&mut scene.rng).into());
    let bob = scene.world.people.get_mut("bob").unwrap();
    let old = bob.group.take().unwrap();
    let new = open(&scene.bob, &bob.store, &welcome, &inputs().with_origin(&old)).unwrap();
    let expected = common::in_memory(&{
        let again = open(&scene.bob, &bob.store, &welcome, &inputs().with_origin(&old)).unwrap();
        let mut store = MemoryStore::default();
        let (key, row) = bob.store.rows(&RowKey::new(Table::KEY_PACKAGE, Vec::new())).unwrap().remove(0);
        let mut delta = Delta::new();
        delta.put(key, row);
        store.apply(&delta).unwrap();
        again.accept(&mut store).unwrap()
    });
    let mut store = Counting(core::mem::take(&mut bob.store), 0);
    let group = new.accept(&mut store).unwrap();
    assert_eq!((store.1, group.epoch(), group.members().count()), (1, Epoch(1), 3));
    // Not one row of the old group is left, nor the key package.
    assert!(store.0.snapshot() == expected);
    assert!(store.0.rows(&RowKey::new(Table::KEY_PACKAGE, Vec::new())).unwrap().is_empty());
    assert!(old.resumption_psk(group.epoch()).is_some());
}

// RFC 9420 §12.4.3.1: "Verify that the group_id is unique among the groups that the client is currently participating in."
#[test]
fn an_ordinary_group_of_the_same_name_does_not_take_its_place() {
    let mut scene = scene(Some(to("group", 3)), 3);
    for psks in [Vec::new(), {
        let epoch = Epoch(scene.last_epoch().0 - 1);
        vec![scene.psk(ResumptionPskUsage::Application, epoch)]
    }] {
        let mut forged = scene.honest("group");
        let mut known = cenacle_mls::group::Psks::default();
        for (psk, secret) in &psks {
            let Psk::Resumption { psk_group_id, psk_epoch, .. } = &psk.psk else { panic!() };
            known.insert_resumption(psk_group_id.clone(), *psk_epoch, secret.expose());
        }
        forged.psks = psks;
        let welcome = welcome_of(&forged.welcome(&mut scene.rng).into());
        let bob = scene.world.people.get_mut("bob").unwrap();
        let old = bob.group.as_ref().unwrap();
        let before = bob.store.snapshot();
        let refused = open(&scene.bob, &bob.store, &welcome, &inputs().with_origin(old).with_psks(&known));
        assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::SuccessorFits));
        let new = open(&scene.bob, &bob.store, &welcome, &inputs().with_psks(&known)).unwrap();
        let refused = common::succession::not_accepted(new.accept(&mut bob.store));
        assert_eq!(refused, Error::Misuse(cenacle_mls::Misuse::GroupExists));
        assert!(before == bob.store.snapshot());
    }
    let honest = scene.honest("group");
    assert_eq!(scene.judge(&honest), Ok(()));
}

// RFC 9420 §11.2. The old group is handed over, so that nothing of it is written among the new one's rows.
#[test]
fn the_old_group_is_given_up_for_its_successor() {
    let mut scene = scene(Some(to("group", 3)), 3);
    let (honest, other) = (scene.honest("group"), Invitation { psks: Vec::new(), ..scene.honest("group") });
    let welcomes = [&other, &honest].map(|invitation| welcome_of(&invitation.welcome(&mut scene.rng).into()));
    let bob = scene.world.people.get_mut("bob").unwrap();
    for (welcome, fits) in welcomes.iter().zip([false, true]) {
        let old = bob.client.load_group(&bob.store, &id("group")).unwrap().unwrap();
        let before = bob.store.snapshot();
        let known = if fits { inputs().with_origin(&old) } else { inputs() };
        let new = open(&scene.bob, &bob.store, welcome, &known).unwrap();
        match new.accept_in_place_of(old, &mut bob.store) {
            Ok(group) => assert!(fits && group.epoch() == Epoch(1)),
            Err(PersistError::State(error)) => {
                assert_eq!((fits, error), (false, Error::Stale(Epoch(1))));
                assert!(before == bob.store.snapshot());
            }
            Err(PersistError::Store(never)) => match never {},
        }
    }
    // A founder does the same, and keeps the Welcome where it is found after a crash.
    let (alice, _) = client("alice", &suite(3), 11);
    let person = scene.world.people.get_mut("alice").unwrap();
    let old = person.group.take().unwrap();
    let founding = alice.reinit(&old, LIFETIME).unwrap();
    let founding = scene.packages.iter().skip(1).take(2).cloned().fold(founding, Founding::add);
    let mut founded = founding.build(&inputs(), &mut scene.rng).unwrap();
    let outbox = RowKey::new(Table(200), b"outbox".to_vec());
    founded.store_welcome_as(outbox.clone(), b"to all").unwrap();
    let (group, welcome) = founded.accept_in_place_of(old, &mut person.store).unwrap();
    let kept = person.store.row(&outbox).unwrap().unwrap();
    let sent = welcome.unwrap().to_bytes().unwrap();
    assert_eq!(kept.expose().strip_prefix(b"to all"), Some(sent.as_slice()));
    assert_eq!((group.epoch(), Client::stored_groups(&person.store).unwrap().len()), (Epoch(1), 1));
}

// RFC 9420 §12.4.3.1. A branch of a group that ended is none of its successors, whatever its name.
#[test]
fn a_branch_does_not_take_the_place_of_a_group_that_ended() {
    for name in ["group", "next"] {
        let mut scene = scene(Some(to(name, 1)), 1);
        let epoch = scene.last_epoch();
        for of_branch in ["group", "next", "another"] {
            let psks = vec![scene.psk(ResumptionPskUsage::Branch, epoch)];
            let branch = Invitation { psks, ..scene.honest(of_branch) };
            assert_eq!(scene.judge(&branch), Err(Error::Invalid(Rule::SuccessorFits)));
        }
        let honest = scene.honest(name);
        assert_eq!(scene.judge(&honest), Ok(()));
    }
}

// RFC 9420 §12.4.3. A group that continues none does not take the place of one that ended, even under its name.
#[test]
fn a_namesake_does_not_take_the_place_of_a_group_that_ended() {
    let mut scene = scene(Some(to("next", 1)), 1);
    let namesake = Invitation { psks: Vec::new(), ..scene.honest("group") };
    let welcome = welcome_of(&namesake.welcome(&mut scene.rng).into());
    let bob = scene.world.people.get_mut("bob").unwrap();
    let old = bob.group.as_ref().unwrap();
    let before = bob.store.snapshot();
    let new = open(&scene.bob, &bob.store, &welcome, &inputs().with_origin(old)).unwrap();
    assert_eq!(new.continues(), None);
    let refused = common::succession::not_accepted(new.accept(&mut bob.store));
    assert_eq!(refused, Error::Misuse(cenacle_mls::Misuse::GroupExists));
    let new = open(&scene.bob, &bob.store, &welcome, &inputs().with_origin(old)).unwrap();
    let old = bob.group.take().unwrap();
    let refused = common::succession::not_accepted(new.accept_in_place_of(old, &mut bob.store));
    assert_eq!(refused, Error::Stale(Epoch(1)));
    assert!(before == bob.store.snapshot());
}

// RFC 9420 §11.2: "The Welcome message MUST specify a PreSharedKeyID of type resumption with usage reinit".
#[test]
fn a_successor_without_its_psk_is_none() {
    let mut scene = scene(Some(to("next", 3)), 3);
    let external =
        (PreSharedKeyId { psk: Psk::External((&b"x"[..]).into()), psk_nonce: vec![1; 32].into() }, Secret::zero(32));
    for psks in [Vec::new(), vec![external]] {
        let forged = Invitation { psks, ..scene.honest("next") };
        assert_eq!(scene.judge(&forged), Err(Error::Invalid(Rule::SuccessorFits)));
    }
    // Another group of the same people is nothing that was awaited.
    let unrelated = Invitation { psks: Vec::new(), ..scene.honest("elsewhere") };
    assert_eq!(scene.judge(&unrelated), Ok(()));
    let honest = scene.honest("next");
    assert_eq!(scene.judge(&honest), Ok(()));
}
