//! A client's own leaves (RFC 9420 §7.2, §7.3): none that others would refuse is made, and a successor's takes over with the
//! member's own next leaf, no sooner.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;

use cenacle_crypto::conformance::SeededRng;
use cenacle_mls::{
    Error, Misuse, Rule,
    group::{Client, ExternalJoin, Group, Handshake, Received},
    wire::{Capabilities, Credential, Extension, ExtensionType, Extensions, LeafIndex, MlsMessageBody, ProposalType},
};
use common::{
    LIFETIME, World, inputs, roundtrip,
    succession::{client, id, not_accepted, suite},
};

const VOTE: ProposalType = ProposalType(0xf001);
const TOPIC: ExtensionType = ExtensionType(0xf002);

/// Alice, bob and carol, who know votes.
fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(|handshake| {
        let mut world = World::new(1, handshake);
        for name in ["alice", "bob", "carol"] {
            let client = world.person(name).client.clone();
            let capabilities = Capabilities { proposals: vec![VOTE], ..client.capabilities().clone() };
            world.person(name).client = client.with_capabilities(capabilities);
        }
        world.create("alice");
        world.add("alice", "bob");
        world.add("alice", "carol");
        world
    })
}

fn carrying(types: &[ExtensionType]) -> Extensions {
    let one = |kind: &ExtensionType| Extension { extension_type: *kind, extension_data: (&b"x"[..]).into() };
    Extensions(types.iter().map(one).collect())
}

/// The member goes on as this client.
fn goes_on_as(world: &mut World, name: &str, client: Client) {
    let person = world.people.get_mut(name).unwrap();
    person.client = client;
    person.group = Some(person.group.take().unwrap().with_client(&person.client).unwrap());
}

/// Every leaf that the client would make for a group it is in is refused, and nothing has changed.
fn renews_nothing(world: &mut World, name: &str, why: &Error) {
    let before = world.print(name);
    assert_eq!(world.try_with(name, Group::propose_update).unwrap_err(), *why);
    let refused = world.try_with(name, |group, rng| group.commit().with_path().build(&inputs(), rng));
    assert_eq!(refused.unwrap_err(), *why);
    assert!(before == world.print(name));
    assert!(!world.member(name).has_pending_commit());
}

/// Neither does it make one for other groups.
fn begins_nothing(world: &World, client: &Client, why: &Error) {
    let mut rng = SeededRng::new(4);
    let created = client.create_group(id("other"), Extensions::default(), LIFETIME, &inputs(), &mut rng);
    assert_eq!(created.map(drop).unwrap_err(), *why);
    assert_eq!(client.key_package(LIFETIME, false, &mut rng).map(drop).unwrap_err(), *why);
    assert_eq!(client.key_package(LIFETIME, true, &mut rng).map(drop).unwrap_err(), *why);
    let info = roundtrip(&world.member("bob").group_info(true, true).unwrap());
    let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
    for replaces in [None, Some(LeafIndex(0))] {
        let how = ExternalJoin { replaces, ..ExternalJoin::default() };
        assert_eq!(client.join_external(&info, how, &inputs(), &mut rng).map(drop).unwrap_err(), *why);
    }
}

// RFC 9420 §7.2: extensions are listed, §17.3: and have their place.
#[test]
fn leaves_that_others_would_refuse_are_not_made() {
    let listed = Error::Invalid(Rule::LeafExtensionsListed);
    let in_place = Error::Invalid(Rule::ExtensionInPlace);
    let mut cases = vec![(vec![TOPIC], listed)];
    let elsewhere = [
        ExtensionType::RATCHET_TREE,
        ExtensionType::REQUIRED_CAPABILITIES,
        ExtensionType::EXTERNAL_PUB,
        ExtensionType::EXTERNAL_SENDERS,
    ];
    cases.extend(elsewhere.map(|kind| (vec![ExtensionType::APPLICATION_ID, kind], in_place.clone())));
    for (types, why) in cases {
        for mut world in worlds() {
            let honest = world.person("alice").client.clone();
            let wrong = honest.clone().with_leaf_extensions(carrying(&types));
            begins_nothing(&world, &wrong, &why);
            goes_on_as(&mut world, "alice", wrong.clone());
            renews_nothing(&mut world, "alice", &why);
            goes_on_as(&mut world, "alice", honest.clone().with_successor(wrong));
            renews_nothing(&mut world, "alice", &why);
            // What needs no leaf goes on, and so does who carries what is in its place.
            world.add("alice", "dave");
            goes_on_as(&mut world, "alice", honest.with_leaf_extensions(carrying(&[ExtensionType::APPLICATION_ID])));
            world.renew("alice");
            world.propose("alice", Group::propose_update);
            world.renew("bob");
        }
    }
}

/// Whether alice follows a vote of bob's, which is then given up.
fn follows_votes(world: &mut World) -> bool {
    let vote = world.try_with("bob", |group, rng| group.commit().custom(VOTE, &b"x"[..]).build(&inputs(), rng));
    let Ok(vote) = vote else { return false };
    let alice = world.member("alice");
    let follows = alice.stage(alice.open(&roundtrip(&vote.commit)).unwrap(), &inputs()).is_ok();
    world.with("bob", |group, _| group.discard_pending());
    follows
}

// RFC 9420 §7.2: a member is held to what its leaf in the tree says.
#[test]
fn a_successor_with_the_same_key_waits_for_its_leaf() {
    for by_update in [false, true] {
        for mut world in worlds() {
            let honest = world.person("alice").client.clone();
            let capabilities = Capabilities { proposals: vec![], ..honest.capabilities().clone() };
            let successor = honest.clone().with_capabilities(capabilities);
            goes_on_as(&mut world, "alice", honest.with_successor(successor));
            // Commits of others, and her own without a path, leave her leaf as it is.
            world.renew("bob");
            assert!(follows_votes(&mut world));
            world.add("alice", "dave");
            world.remove("bob", "dave");
            assert!(follows_votes(&mut world));
            world.reload("alice");
            world.renew("carol");
            assert!(follows_votes(&mut world));
            let lists = |world: &World| {
                world.member("bob").member(LeafIndex(0)).unwrap().capabilities.proposals.contains(&VOTE)
            };
            assert!(lists(&world));
            if by_update {
                world.propose("alice", Group::propose_update);
                world.renew("bob");
            } else {
                world.renew("alice");
            }
            assert!(!lists(&world) && !follows_votes(&mut world));
            world.say("alice", "by what she is now");
        }
    }
}

// RFC 9420 §5.3.1, §12.4.1.
#[test]
fn a_pending_commit_of_a_successor_is_not_the_former_clients() {
    for mut world in worlds() {
        let former = world.person("alice").client.clone();
        let (successor, _) = client("alice, married", &suite(1), 41);
        let successor = successor.with_settings(*former.settings()).with_capabilities(former.capabilities().clone());
        let both = former.clone().with_successor(successor.clone());
        goes_on_as(&mut world, "alice", both.clone());
        let commit = world.build_commit("alice", |commit| commit.with_path()).commit;
        let before = world.print("alice");
        let wrong = Error::Misuse(Misuse::WrongKey);
        let store = &world.people.get("alice").unwrap().store;
        for stranger in [&former, &successor] {
            assert_eq!(not_accepted(stranger.load_group(store, &id("group"))), wrong);
            let group = both.load_group(store, &id("group")).unwrap().unwrap();
            assert_eq!(group.with_client(stranger).unwrap_err(), wrong);
        }
        assert!(before == world.print("alice"));
        world.reload("alice");
        assert_eq!(world.member("alice").pending_commit(), Some(&commit));
        world.deliver("alice", &commit);
        assert!(matches!(world.receive("alice", &commit), Ok(Received::OwnCommit(_))));
        world.agree();
        goes_on_as(&mut world, "alice", successor);
        world.say("alice", "by the new key");
    }
}

// RFC 9420 §5.1: keys of one signature scheme serve several suites; a group has one.
#[test]
fn a_client_of_another_suite_is_another() {
    for mut world in worlds() {
        let person = world.people.get_mut("alice").unwrap();
        let other = Client::new(suite(3), Arc::clone(&person.signer), Credential::Basic((&b"alice"[..]).into()));
        let wrong = Error::Misuse(Misuse::WrongKey);
        assert_eq!(person.group.take().unwrap().with_client(&other).unwrap_err(), wrong);
        assert_eq!(not_accepted(other.load_group(&person.store, &id("group"))), wrong);
        world.forget("alice");
        let person = world.people.get_mut("alice").unwrap();
        person.group = person.client.load_group(&person.store, &id("group")).unwrap();
        world.renew("alice");
    }
}
