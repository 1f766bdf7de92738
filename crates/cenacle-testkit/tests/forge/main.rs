//! The forge agrees with the library where it departs from nothing: tree hashes, parent hashes, epoch authenticators, and
//! messages in both directions, in random groups. A forge that could only make bad messages would prove nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test fails by panicking")]

extern crate alloc;

mod vectors;

use cenacle_codec::Encode as _;
use cenacle_crypto::CipherSuite;
use cenacle_mls::group::{Handshake, Received};
use cenacle_testkit::{
    forge::{Content, Forged, Insider, KeyPackage, Plan, Proposal, Ratchet, Wire as _},
    world::{Provider, World, storm::Storm},
};

/// What the forge knows is what a member has.
fn agrees(insider: &Insider, world: &World, name: &str) {
    let group = world.at(name).group();
    let public = group.public();
    assert_eq!(insider.context.bytes(), public.context().to_bytes().unwrap());
    assert_eq!(insider.tree.tree_hash(&*insider.suite), public.tree().tree_hash().to_vec());
    assert_eq!(insider.tree.extension_data(), public.tree().to_bytes().unwrap());
    assert_eq!(insider.epoch.epoch_authenticator, group.epoch_authenticator().expose());
    assert_eq!(insider.confirmation_tag, public.confirmation_tag().to_vec());
}

/// A world whose alice is played by the forge.
fn stage(seed: u64, suite: u16, handshake: Handshake) -> (World, Insider) {
    let world = World::new(seed, Provider::AwsLc, CipherSuite(suite)).framing(handshake);
    let mut world = world.group_of(&["alice", "bob", "carol", "dave", "erin"]);
    let alice = Insider::take(&world, "alice");
    agrees(&alice, &world, "bob");
    world.people.remove("alice");
    (world, alice)
}

/// All honest members receive what the forge made, and it goes on where that leads.
fn deliver(world: &mut World, alice: &mut Insider, forged: &Forged) {
    world.deliver(&forged.bytes);
    world.agree();
    if let Some((leaf, ratchet, generation)) = forged.generation {
        alice.generations.insert((leaf, ratchet), generation + 1);
    }
    match &forged.next {
        Some(next) => *alice = next.insider.clone(),
        None => drop(alice.hear(&forged.bytes)),
    }
}

/// `name` commits, and the forge follows.
fn commit(world: &mut World, alice: &mut Insider, name: &str) {
    let bundle = world.commit(name, |commit| commit.with_path());
    alice.hear(&bundle.commit.to_bytes().unwrap());
    agrees(alice, world, name);
}

fn framed(plan: Plan<'_>, handshake: Handshake) -> Plan<'_> {
    if handshake == Handshake::Private { plan.private() } else { plan }
}

#[test]
fn every_kind_of_message_passes_in_both_directions() {
    for (seed, suite, handshake) in
        [(1, 1, Handshake::Public), (2, 1, Handshake::Private), (3, 2, Handshake::Private), (4, 7, Handshake::Public)]
    {
        println!("seed {seed}, suite {suite}, {handshake:?}");
        let (mut world, mut alice) = stage(seed, suite, handshake);
        // Application data.
        for data in [&b"one"[..], b"two"] {
            let forged = alice.make(Plan::application(data));
            let Received::Application(read) = world.receive("bob", &forged.bytes).unwrap() else { panic!() };
            assert_eq!(read.data.expose(), data);
            alice.generations.insert((alice.leaf, Ratchet::Application), forged.generation.unwrap().2 + 1);
            let bytes = world.protect("carol", data);
            assert_eq!(alice.hear(&bytes), Content::Application(data.to_vec()));
        }
        // A commit of proposals by reference, of hers and of others.
        let update = alice.leaf_node(|_| ());
        let forged = alice.make(framed(Plan::proposal(Proposal::update(update)), handshake));
        deliver(&mut world, &mut alice, &forged);
        let bytes = world.step("dave", |group, rng| group.propose_update(rng)).to_bytes().unwrap();
        world.deliver(&bytes);
        alice.hear(&bytes);
        commit(&mut world, &mut alice, "carol");
        let bytes = world.step("dave", |group, rng| group.propose_update(rng)).to_bytes().unwrap();
        world.deliver(&bytes);
        alice.hear(&bytes);
        let reference = alice.proposals.keys().next().unwrap().clone();
        let forged = alice.make(framed(Plan::commit().with_ref(&reference), handshake));
        deliver(&mut world, &mut alice, &forged);
        agrees(&alice, &world, "bob");
        // An Add with its Welcome, and a Remove.
        world.enter("frank");
        let mut rng = world.dice.fork();
        let package = world.person("frank").try_key_package(false, &mut rng).unwrap().to_bytes().unwrap();
        let package = KeyPackage::parse(&package);
        let erin = world.leaf("erin").0;
        let list = [Proposal::add(&package), Proposal::Remove(erin)];
        let forged = alice.make(framed(Plan::commit().with(list), handshake));
        deliver(&mut world, &mut alice, &forged);
        let World { people, psks, .. } = &mut world;
        let inputs = cenacle_testkit::world::inputs(psks);
        people.get_mut("frank").unwrap().try_join(forged.welcome(), None, &inputs).unwrap();
        agrees(&alice, &world, "frank");
        commit(&mut world, &mut alice, "frank");
        commit(&mut world, &mut alice, "bob");
        from_outside(&mut world, &mut alice);
    }
}

/// External commits of the forge's and of an honest client, and a group of the forge's own that honest clients join.
fn from_outside(world: &mut World, alice: &mut Insider) {
    let mut mallory = alice.outsider("mallory");
    let forged = mallory.make(Plan::external_commit());
    world.deliver(&forged.bytes);
    let mallory = &forged.next().insider;
    agrees(mallory, world, "bob");
    alice.hear(&forged.bytes);
    agrees(alice, world, "bob");
    commit(world, alice, "bob");

    world.enter("grace");
    let pending = world.prepare_external("bob", "grace");
    let bytes = pending.commit().to_bytes().unwrap();
    world.deliver(&bytes);
    let grace = world.person("grace");
    grace.group = Some(pending.accepted().accept(&mut grace.disk).unwrap());
    alice.hear(&bytes);
    agrees(alice, world, "grace");

    // From the forge's GroupInfo.
    world.enter("heidi");
    let info = alice.group_info(Plan::default());
    let message = <cenacle_mls::wire::MlsMessage as cenacle_codec::Decode>::from_bytes(&info).unwrap();
    let cenacle_mls::wire::MlsMessageBody::GroupInfo(info) = message.body else { panic!() };
    let mut rng = world.dice.fork();
    let World { people, psks, .. } = &mut *world;
    let heidi = people.get_mut("heidi").unwrap();
    let inputs = cenacle_testkit::world::inputs(psks);
    let pending = heidi.client.join_external(&info, Default::default(), &inputs, &mut rng).unwrap();
    let pending = pending.persist(&mut heidi.disk).unwrap();
    let bytes = pending.commit().to_bytes().unwrap();
    world.deliver(&bytes);
    let heidi = world.person("heidi");
    heidi.group = Some(pending.accepted().accept(&mut heidi.disk).unwrap());
    alice.hear(&bytes);
    agrees(alice, world, "heidi");
}

#[test]
fn a_group_from_scratch_is_joined() {
    for suite in [1, 2] {
        let mut world = World::new(5, Provider::AwsLc, CipherSuite(suite));
        world.enter("bob");
        let mut rng = world.dice.fork();
        let package = world.person("bob").try_key_package(false, &mut rng).unwrap().to_bytes().unwrap();
        let mut alice = Insider::nobody(&world.suite, "alice", 1).founds(b"from scratch");
        let mut puppet = Insider::nobody(&world.suite, "puppet", 2);
        let puppets = puppet.key_package();
        alice.learn(&puppet);
        let add = [Proposal::add(&puppets), Proposal::add(&KeyPackage::parse(&package))];
        let forged = alice.make(Plan::commit().with(add));
        let World { people, psks, .. } = &mut world;
        let inputs = cenacle_testkit::world::inputs(psks);
        people.get_mut("bob").unwrap().try_join(forged.welcome(), None, &inputs).unwrap();
        alice = forged.next().insider.clone();
        agrees(&alice, &world, "bob");
        // The puppet, by its Welcome and as another face of the same insider.
        let joined = puppet.joins(forged.welcome(), &puppets);
        agrees(&joined, &world, "bob");
        let mut other = alice.playing(joined.leaf);
        let forged = other.make(Plan::commit());
        world.deliver(&forged.bytes);
        agrees(&forged.next().insider, &world, "bob");
        let mut puppet = forged.next().insider.clone();
        let bundle = world.commit("bob", |commit| commit.with_path());
        puppet.hear(&bundle.commit.to_bytes().unwrap());
        agrees(&puppet, &world, "bob");
    }
}

#[test]
fn the_forge_agrees_with_members_of_random_groups() {
    for (seed, suite) in [(600, 1), (601, 2), (602, 3)] {
        println!("seed {seed}, suite {suite}");
        let mut storm = Storm::new(seed, Provider::AwsLc, CipherSuite(suite));
        for step in 1..=240 {
            storm.step();
            if step % 40 != 0 {
                continue;
            }
            storm.settle();
            for name in storm.live() {
                let insider = Insider::take(&storm.world, &name);
                agrees(&insider, &storm.world, &name);
            }
        }
        // One of them goes on as the forge, and the others follow.
        let live = storm.live();
        let world = &mut storm.world;
        world.people.retain(|name, _| live.contains(name));
        let mut insider = Insider::take(world, &live[0]);
        world.people.remove(&live[0]);
        let forged = insider.make(Plan::commit());
        world.deliver(&forged.bytes);
        world.agree();
        agrees(&forged.next().insider, world, &live[1]);
    }
}
