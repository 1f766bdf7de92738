//! Extensions of RFC 9420 where they have no meaning (§17.3: GroupInfo's and leaves' in a GroupContext, and others in a leaf):
//! neither sent nor taken.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use cenacle_crypto::conformance::SeededRng;
use cenacle_mls::{
    Error, Rule,
    group::{Handshake, Received},
    tree::TreeEdit,
    wire::{
        Add, Epoch, Extension, ExtensionType, Extensions, GroupContextExtensions, LeafNodeSource, Proposal, ReInit,
        Update,
    },
};
use cenacle_store::MemoryStore;
use common::{
    LIFETIME, World,
    forge::{Insider, Invitation, Plan, resigned},
    inputs,
    succession::{client, id, offer, open, suite, to, welcome_of},
};

const IN_PLACE: Error = Error::Invalid(Rule::ExtensionInPlace);

fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(|handshake| {
        let mut world = World::new(1, handshake);
        world.create("alice");
        world.add("alice", "bob");
        world
    })
}

fn carrying(extension_type: ExtensionType) -> Extensions {
    Extensions(vec![Extension { extension_type, extension_data: (&b""[..]).into() }])
}

fn out_of_context() -> [Extensions; 3] {
    [ExtensionType::APPLICATION_ID, ExtensionType::RATCHET_TREE, ExtensionType::EXTERNAL_PUB].map(carrying)
}

fn out_of_leaf() -> [Extensions; 4] {
    [
        ExtensionType::RATCHET_TREE,
        ExtensionType::REQUIRED_CAPABILITIES,
        ExtensionType::EXTERNAL_PUB,
        ExtensionType::EXTERNAL_SENDERS,
    ]
    .map(carrying)
}

// RFC 9420 §17.3, §12.1.7, §12.1.5.
#[test]
fn not_in_a_group_context() {
    for mut world in worlds() {
        let mut rng = SeededRng::new(4);
        for extensions in out_of_context() {
            let alice = world.person("alice").client.clone();
            let created = alice.create_group(id("other"), extensions.clone(), LIFETIME, &inputs(), &mut rng);
            assert_eq!(created.map(drop), Err(IN_PLACE));
            let founded = alice.found(id("other"), extensions.clone(), LIFETIME).build(&inputs(), &mut rng);
            assert_eq!(founded.map(drop), Err(IN_PLACE));
            let before = world.print("alice");
            let reinit = ReInit { extensions: extensions.clone(), ..to("next", 1) };
            let group = world.member("alice");
            let built = group.commit().extensions(extensions.clone()).build(&inputs(), &mut rng);
            assert_eq!(built.map(drop), Err(IN_PLACE));
            let built = group.commit().reinit(reinit.clone()).build(&inputs(), &mut rng);
            assert_eq!(built.map(drop), Err(IN_PLACE));
            assert_eq!(group.propose_extensions(extensions.clone(), &mut rng).map(drop), Err(IN_PLACE));
            assert_eq!(group.propose_reinit(reinit.clone(), &mut rng).map(drop), Err(IN_PLACE));
            assert!(before == world.print("alice"));
            let insider = world.insider("alice");
            let change = Proposal::GroupContextExtensions(GroupContextExtensions { extensions: extensions.clone() });
            let plan = Plan { path: true, extensions: Some(extensions), ..Plan::of([change.clone()]) };
            let commits = [
                insider.commit(plan, &mut rng),
                insider.commit(Plan::of([Proposal::ReInit(reinit.clone())]), &mut rng),
            ];
            let proposals = [insider.propose(change), insider.propose(Proposal::ReInit(reinit))];
            for message in commits.iter().chain(&proposals) {
                assert_eq!(world.refuse("bob", message), IN_PLACE);
            }
        }
        world.renew("alice");
    }
}

// RFC 9420 §17.3, §12.4.3.1.
#[test]
fn not_in_a_group_to_join() {
    let suite = suite(1);
    let mut rng = SeededRng::new(5);
    let ((alice, signer), (bob, _)) = (client("alice", &suite, 11), client("bob", &suite, 12));
    let mut store = MemoryStore::default();
    let mut honest = Invitation {
        members: vec![offer(&alice, &mut MemoryStore::default(), &mut rng), offer(&bob, &mut store, &mut rng)],
        suite,
        signer,
        group_id: id("group"),
        epoch: Epoch(1),
        extensions: Extensions::default(),
        psks: Vec::new(),
    };
    let mut judge = |invitation: &Invitation| {
        let welcome = welcome_of(&invitation.welcome(&mut rng).into());
        open(&bob, &store, &welcome, &inputs()).map(drop)
    };
    for extensions in out_of_context() {
        honest.extensions = extensions;
        assert_eq!(judge(&honest), Err(IN_PLACE));
    }
    honest.extensions = Extensions::default();
    assert_eq!(judge(&honest), Ok(()));
}

// RFC 9420 §17.3, §7.3.
#[test]
fn not_in_a_leaf() {
    for mut world in worlds() {
        let mut rng = SeededRng::new(6);
        let package = world.key_package("carol");
        let signer = std::sync::Arc::clone(&world.person("carol").signer);
        for extensions in out_of_leaf() {
            let package =
                resigned(package.clone(), &*signer, |package| package.leaf_node.extensions = extensions.clone());
            let group = world.member("alice");
            let built = group.commit().add(package.clone()).build(&inputs(), &mut rng);
            assert_eq!(built.map(drop), Err(IN_PLACE));
            assert_eq!(group.propose_add(package.clone(), &inputs(), &mut rng).map(drop), Err(IN_PLACE));
            let mut insider = world.insider("alice");
            let leaf = package.leaf_node.clone();
            let edit = |edit: &mut TreeEdit<'_>| {
                edit.add(&leaf).unwrap();
            };
            let add = Proposal::Add(Add { key_package: Box::new(package) });
            let update = insider.leaf_node(|leaf| {
                (leaf.source, leaf.extensions) = (LeafNodeSource::Update, extensions.clone());
            });
            let update = Proposal::Update(Update { leaf_node: Box::new(update) });
            let plan = Plan { edit: &edit, ..Plan::of([add.clone()]) };
            let mut messages = vec![insider.commit(plan, &mut rng), insider.propose(add), insider.propose(update)];
            insider.template.extensions = extensions.clone();
            messages.push(insider.commit(Plan { path: true, ..Plan::of([]) }, &mut rng));
            let mut outsider = world.outsider("dave", "alice");
            outsider.template.extensions = extensions;
            messages.push(outsider.commit_from_outside(Plan::of([]), &mut rng));
            for message in &messages {
                assert_eq!(world.refuse("bob", message), IN_PLACE);
            }
        }
        // What has its place in a leaf is taken there.
        let mut insider: Insider = world.insider("alice");
        insider.template.extensions = carrying(ExtensionType::APPLICATION_ID);
        let honest = insider.commit(Plan { path: true, ..Plan::of([]) }, &mut rng);
        assert!(matches!(world.receive("bob", &honest), Ok(Received::Commit(_))));
    }
}
