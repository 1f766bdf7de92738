//! Re-initialisation (RFC 9420 §11.2, §12.1.5): a group ends with a ReInit, and another continues it, whoever of its members
//! founds that. What does not fit the ReInit is refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeMap;

use cenacle_crypto::{CipherSuite, SecretBytes, conformance::SeededRng};
use cenacle_mls::{
    Error, Misuse, Need, Rule, What,
    group::{Client, Group, Handshake, Received},
    wire::{
        Content, Epoch, Extension, ExtensionType, Extensions, LeafIndex, MlsMessageBody, PreSharedKey, Proposal,
        ProtocolVersion, Psk, ReInit, Remove, RequiredCapabilities, ResumptionPskUsage, Sender,
    },
};
use common::{
    LIFETIME, World,
    forge::{Plan, psk_id},
    inputs,
    succession::{client, continue_in, id, not_accepted, say, suite, to},
};

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(trio)
}

fn trio(handshake: Handshake) -> World {
    let mut world = World::new(1, handshake);
    world.create("alice");
    world.add("alice", "bob");
    world.add("alice", "carol");
    world
}

/// Everybody's client for the suite: the same where the suite is.
fn clients(world: &World, number: u16) -> BTreeMap<String, Client> {
    let one = |(seed, name): (u64, &str)| {
        let present = || world.people.get(name).unwrap().client.clone();
        let client = if number == 1 { present() } else { client(name, &suite(number), 100 + seed).0 };
        (name.to_owned(), client)
    };
    (0..).zip(NAMES).map(one).collect()
}

fn is_over(world: &mut World, name: &str) {
    let over = Error::Misuse(Misuse::ReInitialized);
    let group = world.member(name);
    assert!(group.reinit().is_some() && group.is_active());
    assert_eq!(group.group_info(true, true).unwrap_err(), over);
    assert_eq!(world.try_with(name, |group, rng| group.protect(b"x", b"", rng)).unwrap_err(), over);
    assert_eq!(world.try_with(name, |group, rng| group.propose_update(rng)).unwrap_err(), over);
    assert_eq!(world.try_with(name, |group, rng| group.propose_remove(LeafIndex(1), rng)).unwrap_err(), over);
    assert_eq!(world.try_with(name, |group, rng| group.propose_reinit(to("x", 1), rng)).unwrap_err(), over);
    let commit = world.try_with(name, |group, rng| group.commit().build(&inputs(), rng));
    assert_eq!(commit.unwrap_err(), over);
}

// RFC 9420 §11.2, §12.4.2.
#[test]
fn any_member_founds_the_successor() {
    let kinds = [("next", 3, false), ("next", 1, true), ("group", 3, true), ("group", 1, false)];
    for handshake in [Handshake::Public, Handshake::Private] {
        for (name, number, by_reference) in kinds {
            for founder in NAMES {
                let mut world = trio(handshake);
                if by_reference {
                    world.propose("bob", |group, rng| group.propose_reinit(to(name, number), rng));
                    world.renew("alice");
                } else {
                    world.commit("alice", |commit| commit.reinit(to(name, number)));
                }
                for member in NAMES {
                    world.reload(member);
                    is_over(&mut world, member);
                    assert_eq!(world.member(member).reinit(), Some(&to(name, number)));
                }
                let clients = clients(&world, number);
                let mut groups =
                    continue_in(&mut world, founder, &NAMES, &clients, |client, old| client.reinit(old, LIFETIME));
                say(&mut world, &mut groups, "bob");
                for (member, client) in &clients {
                    let store = &world.people.get(member).unwrap().store;
                    let loaded = client.load_group(store, &id(name)).unwrap().unwrap();
                    let group = groups.get(member).unwrap();
                    assert_eq!(loaded.epoch_authenticator().expose(), group.epoch_authenticator().expose());
                    assert_eq!((loaded.epoch(), loaded.public().members().count()), (Epoch(1), 3));
                    // Of the old group nothing is left where the new one has its name, and all of it elsewhere.
                    assert_eq!(Client::stored_groups(store).unwrap().len(), if name == "group" { 1 } else { 2 });
                }
            }
        }
    }
}

// RFC 9420 §12.1.8, §12.1.5.
#[test]
fn an_external_sender_reinitialises() {
    for mut world in worlds() {
        let server = world.person("server").client.clone();
        let mut extensions = Extensions::default();
        extensions.push_external_senders(&vec![server.external_sender()]).unwrap();
        world.commit("alice", |commit| commit.extensions(extensions));
        let proposal = |world: &World, reinit| {
            server.propose_externally(world.member("bob").public(), Proposal::ReInit(reinit), &inputs())
        };
        let old = ReInit { version: ProtocolVersion(0), ..to("next", 1) };
        let broken = proposal(&world, old).unwrap();
        assert_eq!(world.refuse("bob", &broken), Error::Invalid(Rule::ReInitVersion));
        let message = proposal(&world, to("next", 1)).unwrap();
        world.deliver("server", &message);
        world.renew("carol");
        is_over(&mut world, "bob");
        // Nobody outside goes on, either.
        let refused = proposal(&world, to("again", 1)).unwrap_err();
        assert_eq!(refused, Error::Misuse(Misuse::ReInitialized));
    }
}

// RFC 9420 §12.4.2: "the client MUST NOT use the group to send messages anymore".
#[test]
fn the_last_epoch_has_no_messages_but_late_ones_are_read() {
    for mut world in worlds() {
        let late = world.with("bob", |group, rng| group.protect(b"late", b"", rng));
        world.commit("alice", |commit| commit.reinit(to("next", 3)));
        let mut rng = cenacle_crypto::conformance::SeededRng::new(5);
        let insider = world.insider("alice");
        let remove = Proposal::Remove(Remove { removed: LeafIndex(1) });
        let messages = [
            insider.encrypt(Content::Application((&b"x"[..]).into()), &mut rng),
            insider.encrypt(Content::Proposal(remove.clone()), &mut rng),
            insider.propose(remove),
            insider.commit(Plan { path: true, ..Plan::of([]) }, &mut rng),
        ];
        for message in &messages {
            assert_eq!(world.refuse("carol", message), Error::Invalid(Rule::ReInitIsLast));
        }
        world.reload("carol");
        assert_eq!(world.refuse("carol", messages.first().unwrap()), Error::Invalid(Rule::ReInitIsLast));
        assert!(matches!(world.receive("carol", &late), Ok(Received::Application(_))));
        assert!(matches!(world.refuse("carol", &late), Error::KeyGone(_)));
    }
}

// RFC 9420 §12.2: "they SHOULD prefer them over the ReInit proposal".
#[test]
fn a_waiting_reinit_gives_way() {
    for mut world in worlds() {
        world.propose("bob", |group, rng| group.propose_reinit(to("next", 3), rng));
        world.propose("carol", Group::propose_update);
        let bundle = world.commit("alice", |commit| commit);
        assert!(bundle.group_info.is_none() && world.member("bob").reinit().is_none());
        world.propose("bob", |group, rng| group.propose_reinit(to("next", 3), rng));
        let package = world.key_package("dave");
        world.commit("carol", |commit| commit.add(package));
        assert!(world.member("bob").reinit().is_none());
        // Set aside it does not hold back data, and another may still commit it.
        world.propose("bob", |group, rng| group.propose_reinit(to("next", 3), rng));
        let (reference, ..) = world.member("carol").proposals().next().unwrap();
        world.with("carol", |group, _| group.set_aside(&reference));
        assert!(world.try_with("carol", |group, rng| group.protect(b"x", b"", rng)).is_ok());
        world.commit("alice", |commit| commit);
        assert!(world.member("carol").reinit().is_some());
    }
}

// RFC 9420 §12.1.5, §12.2, §6.1.
#[test]
fn broken_reinit_commits_are_refused() {
    let mut world = trio(Handshake::Public);
    let mut rng = cenacle_crypto::conformance::SeededRng::new(6);
    let insider = world.insider("alice");
    let reinit = |version| Proposal::ReInit(ReInit { version: ProtocolVersion(version), ..to("next", 3) });
    let psk = psk_id(&*world.suite, Psk::External((&b"psk"[..]).into()), &mut rng);
    world.psks.insert_external(&b"psk"[..], vec![7; 32]);
    let with_psk = Plan {
        psks: vec![(psk.clone(), SecretBytes::from(vec![7; 32]))],
        ..Plan::of([reinit(1), Proposal::PreSharedKey(PreSharedKey { psk })])
    };
    let twice = Plan::of([reinit(1), reinit(1)]);
    for (plan, rule) in
        [(with_psk, Rule::ReInitAlone), (twice, Rule::ReInitAlone), (Plan::of([reinit(0)]), Rule::ReInitVersion)]
    {
        let message = insider.commit(plan, &mut rng);
        assert_eq!(world.refuse("bob", &message), Error::Invalid(rule));
    }
    assert_eq!(world.refuse("bob", &insider.propose(reinit(0))), Error::Invalid(Rule::ReInitVersion));
    // The same by reference, from different members.
    let old = ReInit { version: ProtocolVersion(0), ..to("next", 3) };
    let refused = world.try_with("alice", |group, rng| group.propose_reinit(old.clone(), rng));
    assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::ReInitVersion));
    let refused = world.try_with("alice", |group, rng| group.commit().reinit(old).build(&inputs(), rng));
    assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::ReInitVersion));
    let refused = world.try_with("alice", |group, rng| {
        group.commit().reinit(to("next", 3)).remove(LeafIndex(1)).build(&inputs(), rng)
    });
    assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::ReInitAlone));
    // Everything is right but the tag.
    let mut message = insider.commit(Plan::of([reinit(1)]), &mut rng);
    let MlsMessageBody::PublicMessage(inner) = &mut message.body else { panic!() };
    inner.auth.confirmation_tag = Some(world.suite.hash(&[b"no tag"]));
    let content = cenacle_mls::protect::public::without_tag(inner.clone()).unwrap();
    let wrong = insider.send(content);
    assert_eq!(world.refuse("bob", &wrong), Error::Unverified(What::ConfirmationTag));
    world.say("bob", "the group goes on");
    let honest = insider.commit(Plan::of([reinit(1)]), &mut rng);
    assert!(matches!(world.receive("bob", &honest), Ok(Received::Commit(summary)) if summary.reinit.is_some()));
}

// RFC 9420 §12.1.4: usages reinit and branch stand in no ordinary group.
#[test]
fn continuation_psks_stand_in_first_commits_only() {
    let mut world = trio(Handshake::Public);
    let mut rng = cenacle_crypto::conformance::SeededRng::new(7);
    let insider = world.insider("alice");
    let fits = Error::Invalid(Rule::PskUsageFits);
    for usage in [ResumptionPskUsage::Reinit, ResumptionPskUsage::Branch] {
        let psk = Psk::Resumption { usage, psk_group_id: id("group"), psk_epoch: world.member("bob").epoch() };
        let refused = world.try_with("alice", |group, rng| group.propose_psk(psk.clone(), rng));
        assert_eq!(refused.unwrap_err(), fits);
        let refused = world.try_with("alice", |group, rng| group.commit().psk(psk.clone()).build(&inputs(), rng));
        assert_eq!(refused.unwrap_err(), fits);
        let psk = psk_id(&*world.suite, psk, &mut rng);
        let proposal = Proposal::PreSharedKey(PreSharedKey { psk: psk.clone() });
        assert_eq!(world.refuse("bob", &insider.propose(proposal.clone())), fits);
        let secret = SecretBytes::from(insider.secrets.resumption_psk.expose());
        let plan = Plan { psks: vec![(psk, secret)], ..Plan::of([proposal]) };
        assert_eq!(world.refuse("bob", &insider.commit(plan, &mut rng)), fits);
    }
    let usage = ResumptionPskUsage::Application;
    let psk = Psk::Resumption { usage, psk_group_id: id("group"), psk_epoch: world.member("bob").epoch() };
    let psk = psk_id(&*world.suite, psk, &mut rng);
    let secret = SecretBytes::from(insider.secrets.resumption_psk.expose());
    let proposal = Proposal::PreSharedKey(PreSharedKey { psk: psk.clone() });
    let honest = insider.commit(Plan { psks: vec![(psk, secret)], ..Plan::of([proposal]) }, &mut rng);
    assert!(matches!(world.receive("bob", &honest), Ok(Received::Commit(_))));
}

// RFC 9420 §8.6, §11.2.
#[test]
fn founding_needs_a_reinit_and_the_resumption_psk_is_kept() {
    for mut world in worlds() {
        let alice = world.people.get("alice").unwrap();
        let refused = alice.client.reinit(alice.group.as_ref().unwrap(), LIFETIME).unwrap_err();
        assert_eq!(refused, Error::Misuse(Misuse::NotReInitialized));
        let mut settings = *alice.client.settings();
        settings.limits.resumption_psks = 1;
        let forgetful = alice.client.clone().with_settings(settings);
        let group = world.people.get_mut("alice").unwrap().group.take().unwrap();
        world.people.get_mut("alice").unwrap().group = Some(group.with_client(&forgetful).unwrap());
        world.remove("alice", "carol");
        world.commit("bob", |commit| commit.reinit(to("next", 1)));
        for name in ["alice", "bob"] {
            world.reload(name);
            let group = world.member(name);
            assert!(group.resumption_psk(group.epoch()).is_some());
        }
        assert!(world.member("alice").resumption_psk(Epoch(world.member("alice").epoch().0 - 1)).is_none());
        // Who was removed before has no part in the successor.
        let carol = world.people.get("carol").unwrap();
        let refused = carol.client.reinit(carol.group.as_ref().unwrap(), LIFETIME).unwrap_err();
        assert_eq!(refused, Error::Misuse(Misuse::NotMember));
        // All members, and no others.
        let clients = clients(&world, 1);
        let (bob, carol) = (world.key_package("bob"), world.key_package("carol"));
        let mut rng = cenacle_crypto::conformance::SeededRng::new(8);
        let alice = world.people.get("alice").unwrap();
        let founding = || clients.get("alice").unwrap().reinit(alice.group.as_ref().unwrap(), LIFETIME).unwrap();
        for founding in [founding(), founding().add(bob.clone()).add(carol)] {
            let refused = founding.build(&inputs(), &mut rng).unwrap_err();
            assert_eq!(refused, Error::Invalid(Rule::SuccessorKeepsMembers));
        }
        let other = client("alice", &suite(3), 9).0;
        let refused = other.reinit(alice.group.as_ref().unwrap(), LIFETIME).unwrap_err();
        assert_eq!(refused, Error::Unsupported(cenacle_mls::Unsupported::CipherSuite));
        assert!(founding().add(bob).build(&inputs(), &mut rng).is_ok());
        continue_in(&mut world, "bob", &["alice", "bob"], &clients, |client, old| client.reinit(old, LIFETIME));
    }
}

#[test]
fn nothing_else_takes_the_place_of_a_group() {
    // Without a ReInit, and with one to another identifier.
    for reinit in [None, Some(to("next", 1))] {
        let mut world = trio(Handshake::Private);
        if let Some(reinit) = reinit {
            world.commit("alice", |commit| commit.reinit(reinit));
        }
        let mut rng = cenacle_crypto::conformance::SeededRng::new(9);
        let person = world.people.get_mut("alice").unwrap();
        let before = person.store.snapshot();
        let exists = Error::Misuse(Misuse::GroupExists);
        let new = person.client.found(id("group"), Extensions::default(), LIFETIME).build(&inputs(), &mut rng).unwrap();
        assert_eq!(not_accepted(new.accept(&mut person.store)), exists);
        let old = person.group.as_ref().unwrap();
        let refused = person.client.branch(old, id("group"), Extensions::default(), LIFETIME).unwrap_err();
        let is_over = old.reinit().is_some();
        assert_eq!(refused, if is_over { Error::Misuse(Misuse::ReInitialized) } else { exists });
        assert!(before == person.store.snapshot());
    }
}

#[test]
fn an_unused_origin_is_no_harm_and_a_wrong_one_no_help() {
    let mut world = trio(Handshake::Private);
    world.commit("alice", |commit| commit.reinit(to("next", 1)));
    let mut rng = cenacle_crypto::conformance::SeededRng::new(10);
    let (bob, carol) = (world.key_package("bob"), world.key_package("carol"));
    let alice = world.people.get_mut("alice").unwrap();
    let old = alice.group.as_ref().unwrap();
    let founded = alice.client.reinit(old, LIFETIME).unwrap().add(bob).add(carol).build(&inputs(), &mut rng).unwrap();
    let (next, welcome) = founded.accept(&mut alice.store).unwrap();
    let welcome = common::succession::welcome_of(&welcome.unwrap());
    let epoch = world.member("bob").epoch();
    let bob = world.people.get("bob").unwrap();
    let refused = common::succession::open(&bob.client, &bob.store, &welcome, &inputs().with_origin(&next));
    assert_eq!(refused.unwrap_err(), Error::Missing(Need::Origin(id("group"), epoch)));
    let right = inputs().with_origin(bob.group.as_ref().unwrap());
    assert!(common::succession::open(&bob.client, &bob.store, &welcome, &right).is_ok());
    // A Welcome into another group does not care.
    let mut extensions = Extensions::default();
    extensions.push_required_capabilities(&RequiredCapabilities::default()).unwrap();
    let package = world.key_package("bob");
    let dave = world.person("dave").client.clone();
    let founded = dave.found(id("other"), extensions, LIFETIME).add(package).build(&inputs(), &mut rng).unwrap();
    let (_, welcome) = founded.accept(&mut world.person("dave").store).unwrap();
    let bob = world.people.get("bob").unwrap();
    let right = inputs().with_origin(bob.group.as_ref().unwrap());
    let welcome = common::succession::welcome_of(&welcome.unwrap());
    assert!(common::succession::open(&bob.client, &bob.store, &welcome, &right).is_ok());
}

/// Everybody lists this, though nobody should.
const GREASE: ExtensionType = ExtensionType(0x1a1a);
const TOPIC: ExtensionType = ExtensionType(0xf002);

/// Carol lacks suite 3 and knows no topics.
fn unequal(handshake: Handshake) -> World {
    let mut world = World::new(1, handshake);
    for name in NAMES {
        let client = world.person(name).client.clone();
        let mut capabilities = client.capabilities().clone();
        capabilities.cipher_suites.retain(|suite| name != "carol" || *suite != CipherSuite(3));
        capabilities.extensions.push(GREASE);
        capabilities.extensions.extend(Some(TOPIC).filter(|_| name != "carol"));
        world.person(name).client = client.with_capabilities(capabilities);
    }
    world.create("alice");
    world.add("alice", "bob");
    world.add("alice", "carol");
    world
}

fn rng() -> SeededRng {
    SeededRng::new(21)
}

fn carrying(extension_type: ExtensionType) -> ReInit {
    let extension = Extension { extension_type, extension_data: (&b"x"[..]).into() };
    ReInit { extensions: Extensions(vec![extension]), ..to("next", 1) }
}

// RFC 9420 §11, §12.2: a group is not ended for a successor that not all can join.
#[test]
fn a_waiting_reinit_is_taken_up_if_all_can_follow() {
    for handshake in [Handshake::Public, Handshake::Private] {
        let not_by_all = [
            to("next", 3),
            carrying(TOPIC),
            carrying(ExtensionType(0xf0f0)),
            carrying(GREASE),
            ReInit { version: ProtocolVersion(2), ..to("next", 1) },
        ];
        let mut world = unequal(handshake);
        for reinit in &not_by_all {
            let message = world.insider("bob").propose(Proposal::ReInit(reinit.clone()));
            for name in ["alice", "carol"] {
                assert!(matches!(world.receive(name, &message), Ok(Received::Proposal { .. })));
            }
        }
        assert_eq!(world.member("alice").proposals().count(), not_by_all.len());
        // One that all can follow, though it came last.
        world.propose("carol", |group, rng| group.propose_reinit(to("next", 2), rng));
        let commit = |world: &World| {
            let commit = world.member("alice").commit().with_path();
            world.ledger.dropped(|| commit.build(&inputs(), &mut rng()))
        };
        let ended = commit(&world).unwrap();
        assert_eq!(ended.preview_public().unwrap().reinit(), Some(&to("next", 2)));
        let (reference, ..) =
            world.member("alice").proposals().find(|(_, by, _)| *by == Sender::Member(LeafIndex(2))).unwrap();
        world.with("alice", |group, _| group.set_aside(&reference));
        let ordinary = commit(&world).unwrap();
        assert_eq!(ordinary.preview_public().unwrap().reinit(), None);
        world.renew("alice");
        assert_eq!(world.member("carol").reinit(), None);
        world.say("carol", "the group goes on");
        let topic = world.member("alice").commit().reinit(carrying(TOPIC)).build(&inputs(), &mut rng());
        assert_eq!(topic.unwrap_err(), Error::Invalid(Rule::ExtensionSupportedByAll));
        // By value a suite is the committer's own will.
        world.commit("alice", |commit| commit.reinit(to("next", 3)));
        assert_eq!(world.member("carol").reinit(), Some(&to("next", 3)));
    }
}
