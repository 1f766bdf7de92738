//! Welcomes, GroupInfos and key packages that are wrong in one thing each (RFC 9420 §10.1, §12.4.3.1). What is refused uses
//! nothing up: the honest Welcome for the same key package is accepted after all of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;

use cenacle_crypto::{CipherSuite, SecretBytes, Signer, conformance::SeededRng};
use cenacle_mls::{
    Error, Need, Rule, Unsupported, What,
    delta::{Delta, PersistError, Store as _},
    group::{Client, ExternalJoin, Group, Handshake, OwnKeyPackage, Received},
    wire::{
        Add, Epoch, Extension, ExtensionType, Extensions, GroupInfo, KeyPackage, LeafIndex, LeafNodeSource,
        MlsMessageBody, PreSharedKey, Proposal, ProposalOrRef, ProtocolVersion, Psk, Update,
    },
};
use cenacle_store::MemoryStore;
use common::{
    World,
    forge::{Invitation, Plan, psk_id, resigned},
    inputs, roundtrip,
    succession::{client, id, offer, open, suite, welcome_of},
};

/// Alice invites, bob judges.
struct Scene {
    alice: (Client, Arc<dyn Signer>),
    bob: (Client, Arc<dyn Signer>),
    store: MemoryStore,
    packages: [KeyPackage; 3],
    rng: SeededRng,
}

fn scene() -> Scene {
    let (suite, mut rng) = (suite(1), SeededRng::new(2));
    let (alice, bob) = (client("alice", &suite, 11), client("bob", &suite, 12));
    let mut store = MemoryStore::default();
    let packages = [
        offer(&alice.0, &mut MemoryStore::default(), &mut rng),
        offer(&bob.0, &mut store, &mut rng),
        // Another of bob's, with the same signature key.
        offer(&bob.0, &mut MemoryStore::default(), &mut rng),
    ];
    Scene { alice, bob, store, packages, rng }
}

impl Scene {
    fn honest(&self) -> Invitation {
        Invitation {
            suite: suite(1),
            signer: Arc::clone(&self.alice.1),
            members: self.packages.iter().take(2).cloned().collect(),
            group_id: id("group"),
            epoch: Epoch(7),
            extensions: Extensions::default(),
            psks: Vec::new(),
        }
    }

    fn judge(&mut self, forged: &Invitation, change: &dyn Fn(&mut GroupInfo)) -> Result<(), Error> {
        let welcome = forged.welcome_with(self.packages.get(1..2).unwrap(), change, &mut self.rng);
        let before = self.store.snapshot();
        let result = open(&self.bob.0, &self.store, &welcome_of(&welcome.into()), &inputs()).map(drop);
        assert!(before == self.store.snapshot());
        result
    }
}

fn extension(kind: ExtensionType, content: &[u8]) -> Extension {
    Extension { extension_type: kind, extension_data: content.into() }
}

// RFC 9420 §12.4.3.1.
#[test]
fn group_infos_that_are_wrong_in_one_thing() {
    let mut scene = scene();
    let honest = scene.honest();
    let hash = suite(1).hash(&[b"x"]);
    type Change<'a> = (Error, Box<dyn Fn(&mut GroupInfo) + 'a>);
    let invalid = Error::Invalid;
    let required = || extension(ExtensionType::REQUIRED_CAPABILITIES, b"?");
    let changes: Vec<Change<'_>> = vec![
        (invalid(Rule::WelcomeSuiteFits), Box::new(|info| info.group_context.cipher_suite = CipherSuite(3))),
        (Error::Unsupported(Unsupported::Version), Box::new(|info| info.group_context.version = ProtocolVersion(2))),
        (invalid(Rule::TreeHashMatches), Box::new(|info| info.group_context.tree_hash = hash)),
        (Error::Unverified(What::ConfirmationTag), Box::new(|info| info.confirmation_tag = hash)),
        (Error::Unverified(What::ConfirmationTag), Box::new(|info| info.group_context.epoch = Epoch(8))),
        (
            Error::Unverified(What::ConfirmationTag),
            Box::new(|info| info.group_context.confirmed_transcript_hash = hash),
        ),
        (invalid(Rule::SignerIsMember), Box::new(|info| info.signer = LeafIndex(7))),
        (invalid(Rule::SignerIsMember), Box::new(|info| info.signer = LeafIndex(u32::MAX))),
        (Error::Unverified(What::GroupInfoSignature), Box::new(|info| info.signer = LeafIndex(1))),
        (Error::Missing(Need::RatchetTree), Box::new(|info| info.extensions = Extensions::default())),
        (
            invalid(Rule::ExtensionTypesUnique),
            Box::new(|info| {
                let tree = info.extensions.0.first().unwrap().clone();
                info.extensions.0.push(tree);
            }),
        ),
        (
            invalid(Rule::ExtensionWellFormed),
            Box::new(|info| {
                info.extensions.0 = vec![extension(ExtensionType::RATCHET_TREE, b"?")];
            }),
        ),
        (invalid(Rule::ExtensionWellFormed), Box::new(|info| info.group_context.extensions.0.push(required()))),
        (
            invalid(Rule::ExtensionTypesUnique),
            Box::new(|info| info.group_context.extensions.0.extend([required(), required()])),
        ),
        (
            invalid(Rule::ExtensionWellFormed),
            Box::new(|info| {
                info.group_context.extensions.0.push(extension(ExtensionType::EXTERNAL_SENDERS, b"?"));
            }),
        ),
        (
            invalid(Rule::ExtensionSupportedByAll),
            Box::new(|info| {
                info.group_context.extensions.0.push(extension(ExtensionType(0xf0aa), b""));
            }),
        ),
    ];
    for (why, change) in changes {
        assert_eq!(scene.judge(&honest, &*change), Err(why));
    }
    // Signed by the joiner itself.
    let own = Invitation { signer: Arc::clone(&scene.bob.1), ..scene.honest() };
    assert_eq!(scene.judge(&own, &|info| info.signer = LeafIndex(1)), Err(invalid(Rule::SignerIsMember)));
    // Extensions that nobody knows are no harm in a GroupInfo.
    let unknown = |info: &mut GroupInfo| info.extensions.0.push(extension(ExtensionType(0xf0aa), b"?"));
    assert_eq!(scene.judge(&honest, &unknown), Ok(()));
    assert_eq!(scene.judge(&honest, &|_| ()), Ok(()));
}

// RFC 9420 §12.4.3.1: "Identify a leaf whose LeafNode is identical to the one in the KeyPackage."
#[test]
fn the_joiner_finds_itself() {
    let mut scene = scene();
    let [alice, _, other] = scene.packages.clone();
    let absent = Invitation { members: vec![alice.clone()], ..scene.honest() };
    assert_eq!(scene.judge(&absent, &|_| ()), Err(Error::Invalid(Rule::OwnLeafPresent)));
    let another = Invitation { members: vec![alice, other.clone()], ..scene.honest() };
    assert_eq!(scene.judge(&another, &|_| ()), Err(Error::Invalid(Rule::OwnLeafPresent)));
    // For another key package than the one at hand.
    let honest = scene.honest();
    let mut rng = SeededRng::new(3);
    let welcome = honest.welcome(&mut rng);
    let own = OwnKeyPackage::find(&scene.store, &welcome).unwrap().unwrap();
    let elsewhere = honest.welcome_with(&[other], &|_| (), &mut rng);
    assert!(OwnKeyPackage::find(&scene.store, &elsewhere).unwrap().is_none());
    let refused = scene.bob.0.join(&elsewhere, &own, None, &inputs()).unwrap_err();
    assert_eq!(refused, Error::Missing(Need::KeyPackage));
    let mut suites = welcome.clone();
    suites.cipher_suite = CipherSuite(3);
    let refused = scene.bob.0.join(&suites, &own, None, &inputs()).unwrap_err();
    assert_eq!(refused, Error::Invalid(Rule::WelcomeSuiteFits));
    // The group secrets are bound to the GroupInfo beside them.
    let mut mixed = welcome.clone();
    mixed.encrypted_group_info = elsewhere.encrypted_group_info;
    let refused = scene.bob.0.join(&mixed, &own, None, &inputs()).unwrap_err();
    assert_eq!(refused, Error::Unverified(What::Welcome));
    assert!(scene.bob.0.join(&welcome, &own, None, &inputs()).is_ok());
}

// RFC 9420 §8.1: the epoch is a 64-bit number.
#[test]
fn after_the_last_epoch_there_is_none() {
    let mut scene = scene();
    let last = Invitation { epoch: Epoch(u64::MAX), ..scene.honest() };
    let welcome = welcome_of(&last.welcome(&mut scene.rng).into());
    let new = open(&scene.bob.0, &scene.store, &welcome, &inputs()).unwrap();
    let group: Group = new.accept(&mut scene.store).unwrap();
    let refused = group.commit().build(&inputs(), &mut scene.rng).unwrap_err();
    assert_eq!(refused, Error::Invalid(Rule::EpochCounts));
    assert!(group.protect(b"still", b"", &mut scene.rng).is_ok());
}

// RFC 9420 §10.1.
#[test]
fn key_packages_that_are_wrong_in_one_thing() {
    for handshake in [Handshake::Public, Handshake::Private] {
        let mut world = World::new(1, handshake);
        world.create("alice");
        world.add("alice", "bob");
        let package = world.key_package("dave");
        let signer = Arc::clone(&world.person("dave").signer);
        let with = |change: &dyn Fn(&mut KeyPackage)| resigned(package.clone(), &*signer, change);
        let mut rng = SeededRng::new(4);
        let mut unsigned = package.clone();
        unsigned.signature = package.leaf_node.signature.clone();
        let broken = [
            (Error::Invalid(Rule::KeyPackageFits), with(&|package| package.cipher_suite = CipherSuite(3))),
            (Error::Invalid(Rule::KeyPackageFits), with(&|package| package.version = ProtocolVersion(2))),
            (
                Error::Invalid(Rule::InitKeyDiffers),
                with(&|package| package.init_key = package.leaf_node.encryption_key.clone()),
            ),
            (Error::Invalid(Rule::LeafSourceFits), with(&|package| package.leaf_node.source = LeafNodeSource::Update)),
            (
                Error::Invalid(Rule::ExtensionTypesUnique),
                with(&|package| {
                    let extension = cenacle_mls::wire::Extension {
                        extension_type: ExtensionType::APPLICATION_ID,
                        extension_data: (&b"x"[..]).into(),
                    };
                    package.extensions.0.extend([extension.clone(), extension]);
                }),
            ),
            (
                Error::Invalid(Rule::CapabilitiesOmitDefaults),
                with(&|package| package.leaf_node.capabilities.extensions.push(ExtensionType::EXTERNAL_SENDERS)),
            ),
            (Error::Unverified(What::KeyPackageSignature), unsigned),
        ];
        for (why, package) in broken {
            let refused = world.member("alice").commit().add(package.clone()).build(&inputs(), &mut rng);
            assert_eq!(refused.unwrap_err(), why);
            let refused = world.member("alice").propose_add(package.clone(), &inputs(), &mut rng);
            assert_eq!(refused.unwrap_err(), why);
            let insider = world.insider("alice");
            let add = Proposal::Add(Add { key_package: Box::new(package.clone()) });
            assert_eq!(world.refuse("bob", &insider.propose(add.clone())), why);
            let leaf = package.leaf_node.clone();
            let edit = move |edit: &mut cenacle_mls::tree::TreeEdit<'_>| {
                edit.add(&leaf).unwrap();
            };
            let commit = insider.commit(Plan { edit: &edit, ..Plan::of([add]) }, &mut rng);
            assert_eq!(world.refuse("bob", &commit), why);
        }
        world.commit("alice", |commit| commit.add(package));
    }
}

// RFC 9420 §12.2, §12.4.3.2.
#[test]
fn references_and_updates() {
    let mut world = World::new(1, Handshake::Public);
    world.create("alice");
    world.add("alice", "bob");
    world.psks.insert_external(&b"psk"[..], vec![7; 32]);
    let mut rng = SeededRng::new(5);
    let id = psk_id(&*world.suite, Psk::External((&b"psk"[..]).into()), &mut rng);
    let insider = world.insider("alice");
    let proposal = insider.propose(Proposal::PreSharedKey(PreSharedKey { psk: id.clone() }));
    let Received::Proposal { reference, .. } = world.receive("bob", &proposal).unwrap() else { panic!() };
    let plan = |times: usize| Plan {
        list: vec![ProposalOrRef::Reference(Box::new(reference)); times],
        psks: vec![(id.clone(), SecretBytes::from(vec![7; 32]))],
        ..Plan::of([])
    };
    let twice = insider.commit(plan(2), &mut rng);
    assert_eq!(world.refuse("bob", &twice), Error::Invalid(Rule::ProposalReferredOnce));
    // Nobody outside has a leaf to update.
    let outsider = world.outsider("dave", "alice");
    let leaf = insider.leaf_node(|leaf| leaf.source = LeafNodeSource::Update);
    let update = Proposal::Update(Update { leaf_node: Box::new(leaf) });
    let forged = outsider.commit_from_outside(Plan::of([update]), &mut rng);
    assert_eq!(world.refuse("bob", &forged), Error::Invalid(Rule::UpdateByMember));
    // A GroupInfo that is not for joining from outside.
    let info = roundtrip(&world.member("bob").group_info(true, false).unwrap());
    let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
    let dave = world.person("dave").client.clone();
    let refused = dave.join_external(&info, ExternalJoin::default(), &inputs(), &mut rng).map(drop);
    assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::ExternalPubPresent));
    let honest = insider.commit(plan(1), &mut rng);
    assert!(matches!(world.receive("bob", &honest), Ok(Received::Commit(_))));
}

// RFC 9420 §9.2: what a Welcome that is not taken was for is not kept either, unless it is for all that may come.
#[test]
fn a_key_package_whose_welcome_is_not_taken_is_erased() {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    for last_resort in [false, true] {
        let package = if last_resort { world.last_resort("bob") } else { world.key_package("bob") };
        let welcome = welcome_of(&world.commit("alice", |commit| commit.add(package)).welcome.unwrap());
        let bob = world.people.get_mut("bob").unwrap();
        let own = OwnKeyPackage::find(&bob.store, &welcome).unwrap().unwrap();
        own.discard(bob.client.suite()).unwrap().persist(&mut bob.store).unwrap();
        assert_eq!(OwnKeyPackage::find(&bob.store, &welcome).unwrap().is_some(), last_resort);
        world.commit("alice", |commit| commit.remove(LeafIndex(1)));
    }
}

// RFC 9420 §16.8, §12.4.3.1. Both Welcomes were read before either was taken.
#[test]
fn a_key_package_leads_into_one_group() {
    let mut scene = scene();
    let honest = scene.honest();
    let other = Invitation { group_id: id("other"), ..scene.honest() };
    let [first, second] = [&honest, &other].map(|invitation| {
        let welcome = invitation.welcome_with(scene.packages.get(1..2).unwrap(), &|_| (), &mut scene.rng);
        open(&scene.bob.0, &scene.store, &welcome_of(&welcome.into()), &inputs()).unwrap()
    });
    let is_in = |store: &MemoryStore, name| Client::is_in_group(store, &id(name)).unwrap();
    assert!(!is_in(&scene.store, "group"));
    let group = first.accept(&mut scene.store).unwrap();
    assert!(is_in(&scene.store, "group") && !is_in(&scene.store, "other"));
    let before = scene.store.snapshot();
    let refused = second.accept(&mut scene.store).map(drop).unwrap_err();
    assert!(matches!(refused, PersistError::State(Error::Missing(Need::KeyPackage))), "{refused}");
    assert!(before == scene.store.snapshot());
    assert_eq!(group.group_id(), &id("group"));
}

// "Verify that the cipher_suite ... matches": the Welcome's, the key package's and the client's are one.
#[test]
fn a_welcome_is_for_a_key_package_of_its_suite() {
    let mut scene = scene();
    let welcome = scene.honest().welcome_with(scene.packages.get(1..2).unwrap(), &|_| (), &mut scene.rng);
    let welcome = welcome_of(&welcome.into());
    let own = OwnKeyPackage::find(&scene.store, &welcome).unwrap().unwrap();
    let (other, _) = client("bob", &suite(3), 13);
    let mut elsewhere = MemoryStore::default();
    let package = offer(&other, &mut elsewhere, &mut scene.rng);
    let mut of_another = welcome.clone();
    of_another.cipher_suite = CipherSuite(3);
    of_another.secrets.first_mut().unwrap().new_member = package.reference(&*suite(3)).unwrap();
    let others = OwnKeyPackage::find(&elsewhere, &of_another).unwrap().unwrap();
    for (client, welcome, own) in [
        (&scene.bob.0, &welcome, &others),
        (&scene.bob.0, &of_another, &own),
        (&scene.bob.0, &of_another, &others),
        (&other, &welcome, &own),
        (&other, &of_another, &own),
    ] {
        let refused = client.join(welcome, own, None, &inputs()).map(drop).unwrap_err();
        assert_eq!(refused, Error::Invalid(Rule::WelcomeSuiteFits));
    }
    assert!(scene.bob.0.join(&welcome, &own, None, &inputs()).is_ok());
}

// RFC 9420 §9.2, for those that nobody has used.
#[test]
fn own_key_packages_are_listed_and_erased() {
    let mut world = World::new(1, Handshake::Private);
    let (normal, last_resort) = (world.key_package("bob"), world.last_resort("bob"));
    let bob = world.people.get_mut("bob").unwrap();
    let list = |store: &MemoryStore| OwnKeyPackage::list(store).unwrap();
    let own = list(&bob.store);
    assert_eq!(own.len(), 2);
    for (reference, own) in own {
        let package = own.key_package().clone();
        assert_eq!(package.reference(bob.client.suite()).unwrap(), reference);
        assert_eq!(package, if own.is_last_resort() { last_resort.clone() } else { normal.clone() });
        assert!(package.lifetime().is_some());
        let mut delta = Delta::new();
        OwnKeyPackage::erase(&reference, &mut delta);
        bob.store.apply(&delta).unwrap();
        assert!(list(&bob.store).iter().all(|(other, _)| *other != reference));
    }
    assert!(list(&bob.store).is_empty());
}
