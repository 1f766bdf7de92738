//! Proposals that wait (RFC 9420 §12.2, §12.4): for how many there is room, and which a commit takes up when one of them is bad.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use cenacle_codec::Opaque;
use cenacle_crypto::conformance::SeededRng;
use cenacle_mls::{
    Error, Misuse, Rule,
    group::{Client, Group, Handshake, Received},
    wire::{
        Add, Capabilities, Extension, ExtensionType, Extensions, GroupContextExtensions, GroupId, KeyPackage,
        LeafIndex, MlsMessage, Proposal, ProposalType, Remove, RequiredCapabilities, Sender,
    },
};
use cenacle_store::MemoryStore;
use common::{
    LIFETIME, World,
    forge::{Insider, resigned},
    inputs,
    succession::{client, offer, suite},
};

const TOPIC: ExtensionType = ExtensionType(0xf002);
const FULL: Error = Error::Misuse(Misuse::TooManyProposals);

/// Alice and ten more, all with this limit, and two servers that are listed.
fn crowd(limit: usize) -> (World, Vec<String>) {
    let mut world = World::new(1, Handshake::Public);
    let others: Vec<_> = (0..10).map(|number| format!("member {number}")).collect();
    for name in others.iter().map(String::as_str).chain(["alice"]) {
        let client = world.person(name).client.clone();
        let mut settings = *client.settings();
        settings.limits.pending_proposals = limit;
        world.person(name).client = client.with_settings(settings);
    }
    world.create("alice");
    let packages: Vec<_> = others.iter().map(|name| world.key_package(name)).collect();
    let senders = ["first", "second"].map(|name| world.person(name).client.external_sender());
    let mut extensions = Extensions::default();
    extensions.push_external_senders(&senders.to_vec()).unwrap();
    let bundle = world.commit("alice", |commit| {
        packages.into_iter().fold(commit.extensions(extensions), cenacle_mls::group::CommitBuilder::add)
    });
    for name in &others {
        world.accept(name, bundle.welcome.as_ref().unwrap()).unwrap();
    }
    (world, others)
}

fn waits(world: &mut World, name: &str, message: &MlsMessage) {
    let before = world.member(name).proposals().count();
    assert!(matches!(world.receive(name, message), Ok(Received::Proposal { .. })));
    assert_eq!(world.member(name).proposals().count(), before + 1);
}

/// The sender's proposals: as many different ones as are wanted.
fn words(insider: &Insider, sender: Sender, count: usize) -> Vec<MlsMessage> {
    let word = |leaf| Proposal::Remove(Remove { removed: LeafIndex(leaf) });
    (1..).take(count).map(|leaf| insider.propose_as(sender, word(leaf))).collect()
}

// RFC 9420 §12.1: a limit that one member could fill would silence the others.
#[test]
fn each_sender_has_its_room() {
    let (mut world, others) = crowd(16);
    // One's own count as everyone else counts them: what the others have no room for is not sent.
    let own = |leaf| move |group: &Group, rng: &mut dyn cenacle_crypto::Rng| group.propose_remove(LeafIndex(leaf), rng);
    world.with("alice", own(1));
    let (seven, rest) = others.split_at(7);
    for name in seven {
        let insider = world.insider(name);
        let messages = words(&insider, Sender::Member(insider.leaf), 3);
        let [one, two, three] = messages.as_slice() else { panic!() };
        waits(&mut world, "alice", one);
        waits(&mut world, "alice", two);
        assert_eq!(world.refuse("alice", three), FULL);
    }
    let [eighth, .., last] = rest else { panic!() };
    let insider = world.insider(eighth);
    let messages = words(&insider, Sender::Member(insider.leaf), 2);
    let [one, two] = messages.as_slice() else { panic!() };
    waits(&mut world, "alice", one);
    // All are one too many together.
    assert_eq!(world.refuse("alice", two), FULL);
    let insider = world.insider(last);
    for message in words(&insider, Sender::Member(insider.leaf), 1) {
        assert_eq!(world.refuse("alice", &message), FULL);
    }
    assert_eq!(world.try_with("alice", own(2)).unwrap_err(), FULL);
    assert_eq!(world.member("alice").proposals().count(), 16);
    world.reload("alice");
    assert_eq!(world.try_with("alice", own(2)).unwrap_err(), FULL);
}

// RFC 9420 §12.1.8.
#[test]
fn outsiders_share_their_room() {
    let (mut world, _) = crowd(16);
    let pen = |world: &mut World, name: &str| {
        let signer = std::sync::Arc::clone(&world.person(name).signer);
        Insider { signer, ..world.insider("alice") }
    };
    let (first, second) = (pen(&mut world, "first"), pen(&mut world, "second"));
    let first = words(&first, Sender::External(0), 2);
    let second = words(&second, Sender::External(1), 2);
    let package = world.key_package("newcomer");
    let newcomer = &world.people.get("newcomer").unwrap().client;
    let newcomer = newcomer.propose_joining(world.member("alice").public(), package, &inputs());
    let ([one, more], [two, _]) = (first.as_slice(), second.as_slice()) else { panic!() };
    waits(&mut world, "alice", one);
    waits(&mut world, "alice", two);
    for message in [more, &newcomer.unwrap()] {
        assert_eq!(world.refuse("alice", message), FULL);
    }
    // The members' is another.
    let insider = world.insider("member 0");
    for message in words(&insider, Sender::Member(insider.leaf), 2) {
        waits(&mut world, "alice", &message);
    }
}

/// One who knows topics, as the group demands, or does not.
fn newcomer(name: &str, seed: u64, able: bool) -> KeyPackage {
    let (client, _) = client(name, &suite(1), seed);
    let extensions = Some(TOPIC).filter(|_| able).into_iter().collect();
    let capabilities = Capabilities { extensions, ..client.capabilities().clone() };
    let client: Client = client.with_capabilities(capabilities);
    offer(&client, &mut MemoryStore::default(), &mut SeededRng::new(seed))
}

fn topical() -> World {
    let mut extensions = Extensions::default();
    let required = RequiredCapabilities { extension_types: vec![TOPIC], ..RequiredCapabilities::default() };
    extensions.push_required_capabilities(&required).unwrap();
    world_of(extensions)
}

/// Alice and bob, who know topics, in a group with these extensions.
fn world_of(extensions: Extensions) -> World {
    let mut world = World::new(1, Handshake::Public);
    for name in ["alice", "bob"] {
        let client = world.person(name).client.clone();
        let capabilities = Capabilities { extensions: vec![TOPIC], ..client.capabilities().clone() };
        world.person(name).client = client.with_capabilities(capabilities);
    }
    let mut rng = SeededRng::new(77);
    let alice = world.person("alice");
    let group_id = GroupId::from(&b"group"[..]);
    let new = alice.client.create_group(group_id, extensions, LIFETIME, &inputs(), &mut rng).unwrap();
    alice.group = Some(new.accept(&mut alice.store).unwrap());
    world.add("alice", "bob");
    world
}

// RFC 9420 §12.2. More wait than would be tried one by one.
#[test]
fn one_bad_proposal_does_no_harm_to_many_good_ones() {
    let mut world = topical();
    let good: Vec<_> = (0..70).map(|number| newcomer(&format!("good {number}"), 1_000 + number, true)).collect();
    let (_, signer) = client("twin", &suite(1), 31);
    let taken = world.member("alice").member(LeafIndex(0)).unwrap().encryption_key;
    let twin = resigned(newcomer("twin", 31, true), &*signer, |package| package.leaf_node.encryption_key = taken);
    let add = |package: KeyPackage| Proposal::Add(Add { key_package: Box::new(package) });
    let nobodys = Extension { extension_type: ExtensionType(0xf0f1), extension_data: (&b"x"[..]).into() };
    let replaced = GroupContextExtensions { extensions: Extensions(vec![nobodys]) };
    let bad = [
        Proposal::Custom(ProposalType(0xf0f0), (&b"x"[..]).into()),
        add(twin),
        add(newcomer("unable", 32, false)),
        Proposal::GroupContextExtensions(replaced),
    ];
    let insider = world.insider("bob");
    let mut rng = SeededRng::new(9);
    let copy = MemoryStore::from(world.people.get("alice").unwrap().store.snapshot());
    for bad in bad {
        world.restore("alice", copy.snapshot());
        waits(&mut world, "alice", &insider.propose(bad));
        for package in &good {
            waits(&mut world, "alice", &insider.propose(add(package.clone())));
        }
        let commit = world.member("alice").commit();
        let built = world.ledger.dropped(|| commit.build(&inputs(), &mut rng)).unwrap();
        let summary = built.summary().unwrap();
        assert_eq!((summary.added.len(), summary.custom.len()), (70, 0));
        assert_eq!(built.preview_public().unwrap().tree().members().count(), 72);
    }
}

// RFC 9420 §12.2. More bad ones wait than lists are tried, each valid by itself.
#[test]
fn many_bad_proposals_do_no_harm_to_good_ones() {
    let topic = Extension { extension_type: TOPIC, extension_data: (&b"tea"[..]).into() };
    let mut world = world_of(Extensions(vec![topic]));
    let insider = world.insider("bob");
    let add = |package: KeyPackage| insider.propose(Proposal::Add(Add { key_package: Box::new(package) }));
    let count = |from: u64, able| (from..from + 100).map(move |seed| newcomer(&format!("{seed}"), seed, able));
    for package in count(1_000, false).chain(count(2_000, true)) {
        waits(&mut world, "alice", &add(package));
    }
    let mut rng = SeededRng::new(9);
    let commit = world.member("alice").commit();
    let built = world.ledger.dropped(|| commit.build(&inputs(), &mut rng)).unwrap();
    assert_eq!(built.summary().unwrap().added.len(), 100);
}

// RFC 9420 §10. Neither list is gone through for each of the other.
#[test]
fn a_key_package_may_carry_all_extensions_there_are() {
    let (client, signer) = client("all", &suite(1), 41);
    let package = offer(&client, &mut MemoryStore::default(), &mut SeededRng::new(41));
    let types: Vec<_> = (1_000..=u16::MAX).map(ExtensionType).collect();
    let carrying = |listed: &[ExtensionType]| {
        resigned(package.clone(), &*signer, |package| {
            package.leaf_node.capabilities.extensions = listed.to_vec();
            let empty = |kind: &ExtensionType| Extension { extension_type: *kind, extension_data: Opaque::EMPTY };
            package.extensions = Extensions(types.iter().map(empty).collect());
        })
    };
    assert_eq!(carrying(&types).verify(&*suite(1), None, u64::MAX), Ok(()));
    let (_, but_one) = types.split_first().unwrap();
    assert_eq!(carrying(but_one).verify(&*suite(1), None, u64::MAX), Err(Rule::LeafExtensionsListed.into()));
}
