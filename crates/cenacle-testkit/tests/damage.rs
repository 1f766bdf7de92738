//! Damaged messages of every kind, delivered before the genuine one: each is refused with an error that names why, nothing
//! in memory or on disk has changed, the genuine message is accepted afterwards, and its replay is refused.
//! `CENACLE_LONG=1` flips every bit of every message.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::CipherSuite;
use cenacle_mls::{
    Error, Misuse, Need, Rule, What,
    group::{ExternalJoin, Handshake, Psks, Received},
    wire::{KeyPackage, MlsMessage, MlsMessageBody, Psk},
};
use cenacle_testkit::{
    damage::{Budget, Damage, Delivery, Siege, besiege, claims, damages, ecdsa_twin, edits},
    world::{Dice, Person, Provider, World, inputs, long_run, refusal, storm::Storm},
};

const BOTH: [Handshake; 2] = [Handshake::Public, Handshake::Private];

/// Everything in a long run, else a sample.
fn sampled() -> Budget {
    if long_run() { Budget::ALL } else { Budget::SAMPLE }
}

fn world(seed: u64, handshake: Handshake) -> World {
    println!("seed {seed}, {handshake:?}");
    World::new(seed, Provider::AwsLc, CipherSuite(1)).framing(handshake)
}

fn all_damage(genuine: &[u8], budget: Budget, dice: &mut Dice) -> Vec<Damage> {
    damages(genuine, budget, dice).chain(edits(genuine)).collect()
}

/// Besieges `victim` with all damage to a framed message.
fn besiege_with(world: &mut World, victim: &str, genuine: &[u8], budget: Budget) -> Siege {
    let epoch = world.at(victim).group().epoch().0;
    let mut all = all_damage(genuine, budget, &mut world.dice);
    all.extend(claims(genuine, [0, epoch.wrapping_sub(1), epoch, epoch + 1, u64::MAX]));
    let World { people, psks, .. } = world;
    let inputs = inputs(psks);
    besiege(people.get_mut(victim).unwrap(), all, |person, bytes| person.on_trial(bytes, genuine, &inputs))
}

/// `victim` receives the genuine message, and then its replay to no effect.
fn accept_once(world: &mut World, victim: &str, genuine: &[u8]) {
    world.receive(victim, genuine).unwrap();
    world.at(victim).assert_stored();
    let after = world.at(victim).visible();
    match world.receive(victim, genuine) {
        // Only a proposal in the clear may come again.
        Ok(again) => assert!(matches!(again, Received::Proposal { .. }), "{again:?}"),
        Err(error) => {
            let fits = matches!(error, Error::KeyGone(_) | Error::Stale(_) | Error::Misuse(Misuse::NotMember));
            assert!(fits, "{error:?}");
        }
    }
    assert!(after == world.at(victim).visible(), "a replay changed something");
}

fn try_message(world: &mut World, what: &str, victim: &str, genuine: &[u8], budget: Budget) {
    besiege_with(world, victim, genuine, budget).assert_all_refused(what);
    accept_once(world, victim, genuine);
}

#[test]
fn every_bit_of_framed_messages() {
    for handshake in BOTH {
        let mut world = world(1, handshake).group_of(&["alice", "bob", "carol"]);
        let message = world.protect("alice", b"hello");
        try_message(&mut world, "application data", "bob", &message, Budget::ALL);
        let update = world.step("alice", |group, rng| group.propose_update(rng)).to_bytes().unwrap();
        try_message(&mut world, "update", "bob", &update, Budget::ALL);
        world.receive("carol", &update).unwrap();
        let bundle = world.prepare("bob", |commit| commit.with_path());
        let commit = bundle.commit.to_bytes().unwrap();
        try_message(&mut world, "commit", "alice", &commit, Budget::ALL);
        try_message(&mut world, "commit", "carol", &commit, sampled());
        world.receive("bob", &commit).unwrap();
        world.agree();
    }
}

#[test]
fn proposals_and_commits_of_all_kinds() {
    for (seed, handshake) in (2..).zip(BOTH) {
        let mut world = world(seed, handshake).group_of(&["alice", "bob", "carol", "dave", "erin"]);
        world.enter("frank");
        world.enter("grace");
        let mut rng = world.dice.fork();
        let frank = world.person("frank").try_key_package(false, &mut rng).unwrap();
        let grace = world.person("grace").try_key_package(false, &mut rng).unwrap();
        let dave = world.leaf("dave");
        let shared = || Psk::External((&b"shared"[..]).into());
        let proposals = [
            world.step("alice", |group, rng| group.propose_add(frank, &inputs(&Psks::default()), rng)),
            world.step("alice", |group, rng| group.propose_remove(dave, rng)),
            world.step("alice", |group, rng| group.propose_psk(shared(), rng)),
            world.step("alice", |group, rng| group.propose_extensions(Default::default(), rng)),
            world.step("erin", |group, rng| group.propose_update(rng)),
        ];
        for proposal in proposals {
            let bytes = proposal.to_bytes().unwrap();
            try_message(&mut world, "proposal", "bob", &bytes, sampled());
            for other in ["alice", "carol", "dave", "erin"] {
                world.receive(other, &bytes).unwrap();
            }
        }
        let bundle = world.prepare("bob", |commit| commit.add(grace).psk(shared()));
        let commit = bundle.commit.to_bytes().unwrap();
        try_message(&mut world, "commit", "alice", &commit, sampled());
        try_message(&mut world, "commit", "dave", &commit, sampled());
        assert!(!world.at("dave").is_member());
        for other in ["bob", "carol", "erin"] {
            world.receive(other, &commit).unwrap();
        }
        world.agree();
        // Without a path, and without any proposal.
        let bundle = world.prepare("carol", |commit| commit.psk(shared()));
        let commit = bundle.commit.to_bytes().unwrap();
        try_message(&mut world, "commit without path", "erin", &commit, sampled());
    }
}

#[test]
fn damaged_echoes_are_not_taken_for_ones_own_commit() {
    for (seed, handshake) in (4..).zip(BOTH) {
        let mut world = world(seed, handshake).group_of(&["alice", "bob", "carol"]);
        let commit = world.prepare("bob", |commit| commit.with_path()).commit.to_bytes().unwrap();
        let siege = besiege_with(&mut world, "bob", &commit, Budget::ALL);
        // One's own key is gone, so a private message cannot be verified further than who it names as its sender.
        assert!(siege.taken.iter().all(|(_, delivery)| *delivery == Delivery::Idle), "{:?}", siege.taken);
        assert!(siege.taken.is_empty() || handshake == Handshake::Private);
        assert!(world.at("bob").group().has_pending_commit());
        world.deliver(&commit);
        world.agree();
    }
}

#[test]
fn every_bit_of_an_external_commit() {
    let mut world = world(6, Handshake::Private).group_of(&["alice", "bob", "carol"]);
    world.enter("dave");
    let pending = world.prepare_external("alice", "dave");
    let commit = pending.commit().to_bytes().unwrap();
    try_message(&mut world, "external commit", "bob", &commit, Budget::ALL);
    world.receive("alice", &commit).unwrap();
    world.receive("carol", &commit).unwrap();
    let dave = world.person("dave");
    dave.group = Some(pending.accepted().accept(&mut dave.disk).unwrap());
    world.agree();
    // And one that replaces an earlier self, who receives it too.
    let again = world.prepare_external("bob", "carol").commit().to_bytes().unwrap();
    try_message(&mut world, "resync", "alice", &again, sampled());
    // The earlier self is not in the new epoch and cannot compute its tag, the one part that no signature covers.
    let siege = besiege_with(&mut world, "carol", &again, Budget::ALL);
    let tag_bits = (again.len() - 33) * 8..again.len() * 8;
    for (what, delivery) in &siege.taken {
        let bit = what.strip_prefix("bit ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        assert!(bit.map_or(what == "confirmation tag", |bit| tag_bits.contains(&bit)), "{what}");
        assert_eq!(*delivery, Delivery::Same, "{what}");
    }
    accept_once(&mut world, "carol", &again);
    assert!(!world.at("carol").is_member());
}

/// Adds these people in one commit; gives the Welcome and the tree.
fn invite(world: &mut World, by: &str, names: &[&str], with_tree: bool, with_path: bool) -> (Vec<u8>, Vec<u8>) {
    let mut packages: Vec<KeyPackage> = Vec::new();
    for name in names {
        world.enter(name);
        let mut rng = world.dice.fork();
        packages.push(world.person(name).try_key_package(false, &mut rng).unwrap());
    }
    let bundle = world.commit(by, |mut commit| {
        commit = packages.into_iter().fold(commit, cenacle_mls::group::CommitBuilder::add);
        commit = if with_tree { commit } else { commit.without_tree() };
        if with_path { commit.with_path() } else { commit.psk(Psk::External((&b"shared"[..]).into())) }
    });
    let tree = world.at(by).group().public().tree().to_bytes().unwrap();
    (bundle.welcome.unwrap().to_bytes().unwrap(), tree)
}

/// Joins by the genuine Welcome; then neither it nor any other way leads into the group again.
fn join_once(world: &mut World, name: &str, welcome: &[u8], tree: Option<&[u8]>) {
    let World { people, psks, .. } = world;
    let (person, inputs) = (people.get_mut(name).unwrap(), inputs(psks));
    let early = person.read_welcome(welcome, tree, &inputs).unwrap();
    person.try_join(welcome, tree, &inputs).unwrap();
    let after = person.visible();
    // The key package is used up; what was read before it was finds the group there.
    assert_eq!(person.read_welcome(welcome, tree, &inputs).unwrap_err(), Error::Missing(Need::KeyPackage));
    let refused = early.accept(&mut person.disk).map_err(refusal).unwrap_err();
    assert_eq!(refused, Error::Misuse(Misuse::GroupExists));
    assert!(after == person.visible());
    world.agree();
}

fn besiege_joiner(
    world: &mut World,
    name: &str,
    all: Vec<Damage>,
    deliver: impl Fn(&Person, &[u8], &cenacle_mls::group::Inputs<'_>) -> Result<Delivery, Error>,
) -> Siege {
    let World { people, psks, .. } = world;
    let inputs = inputs(psks);
    besiege(people.get_mut(name).unwrap(), all, |person, bytes| deliver(person, bytes, &inputs))
}

#[test]
fn every_bit_of_a_welcome() {
    for with_path in [true, false] {
        let mut world = world(7, Handshake::Private).group_of(&["alice", "bob"]);
        let (welcome, _) = invite(&mut world, "bob", &["carol"], true, with_path);
        let all = all_damage(&welcome, Budget::ALL, &mut world.dice);
        let siege = besiege_joiner(&mut world, "carol", all, |person, bytes, inputs| {
            person.invited_on_trial((bytes, None), (&welcome, None), inputs)
        });
        siege.assert_all_refused("welcome");
        join_once(&mut world, "carol", &welcome, None);
    }
}

#[test]
fn what_a_welcome_holds_for_others_is_not_ones_own() {
    let mut world = world(8, Handshake::Private).group_of(&["alice", "bob"]);
    let (welcome, _) = invite(&mut world, "bob", &["carol", "dave"], true, true);
    for name in ["carol", "dave"] {
        let all = all_damage(&welcome, sampled(), &mut world.dice);
        let siege = besiege_joiner(&mut world, name, all, |person, bytes, inputs| {
            person.invited_on_trial((bytes, None), (&welcome, None), inputs)
        });
        // RFC 9420 §12.4.3: each entry is for one joiner, and no other reads it.
        assert!(siege.taken.iter().all(|(_, delivery)| *delivery == Delivery::Same), "{:?}", siege.taken);
        assert!(!siege.taken.is_empty() && siege.taken.len() < siege.len() / 2);
        join_once(&mut world, name, &welcome, None);
    }
}

#[test]
fn every_bit_of_a_tree_given_apart() {
    let mut world = world(9, Handshake::Private).group_of(&["alice", "bob"]);
    let (welcome, tree) = invite(&mut world, "alice", &["carol"], false, true);
    let all: Vec<_> = damages(&tree, Budget::ALL, &mut world.dice).collect();
    let siege = besiege_joiner(&mut world, "carol", all, |person, bytes, inputs| {
        person.invited_on_trial((&welcome, Some(bytes)), (&welcome, Some(&tree)), inputs)
    });
    siege.assert_all_refused("tree");
    let without = world.at("carol").read_welcome(&welcome, None, &world.inputs());
    assert_eq!(without.unwrap_err(), Error::Missing(Need::RatchetTree));
    join_once(&mut world, "carol", &welcome, Some(&tree));
}

#[test]
fn every_bit_of_a_group_info() {
    let mut world = world(10, Handshake::Private).group_of(&["alice", "bob"]);
    world.enter("carol");
    let info = world.group_info("bob", true);
    let all = all_damage(&info, Budget::ALL, &mut world.dice);
    let mut rng = world.dice.fork();
    let World { people, psks, .. } = &mut world;
    let inputs = inputs(psks);
    let siege = besiege(people.get_mut("carol").unwrap(), all, |person, bytes| {
        let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(bytes)?.body else {
            return Err(Misuse::WrongMessage.into());
        };
        person.client.join_external(&info, ExternalJoin::default(), &inputs, &mut rng).map(|_| Delivery::Other)
    });
    siege.assert_all_refused("group info");
    let pending = world.prepare_external("bob", "carol");
    world.deliver(&pending.commit().to_bytes().unwrap());
    let carol = world.person("carol");
    carol.group = Some(pending.accepted().accept(&mut carol.disk).unwrap());
    world.agree();
}

#[test]
fn every_bit_of_a_key_package() {
    for (provider, suite) in
        [(Provider::AwsLc, 1), (Provider::RustCrypto, 1), (Provider::AwsLc, 2), (Provider::RustCrypto, 2)]
    {
        println!("suite {suite}, {provider:?}");
        let world = World::new(11, provider, CipherSuite(suite)).group_of(&["alice", "bob"]);
        key_package_in(world);
    }
}

fn key_package_in(mut world: World) {
    world.enter("carol");
    let mut rng = world.dice.fork();
    let package = world.person("carol").try_key_package(false, &mut rng).unwrap();
    let genuine = MlsMessage::from(package.clone()).to_bytes().unwrap();
    let all = all_damage(&genuine, Budget::ALL, &mut world.dice);
    let World { people, psks, .. } = &mut world;
    let inputs = inputs(psks);
    let siege = besiege(people.get_mut("alice").unwrap(), all, |person, bytes| {
        let MlsMessageBody::KeyPackage(package) = MlsMessage::from_bytes(bytes)?.body else {
            return Err(Misuse::WrongMessage.into());
        };
        person.group().commit().add(package).build(&inputs, &mut rng).map(|_| Delivery::Other)
    });
    siege.assert_all_refused("key package");
    let bundle = world.commit("alice", |commit| commit.add(package.clone()));
    let welcome = bundle.welcome.unwrap().to_bytes().unwrap();
    join_once(&mut world, "carol", &welcome, None);
    let mut rng = world.dice.fork();
    let again = world.at("alice").group().commit().add(package).build(&world.inputs(), &mut rng);
    assert_eq!(again.map(drop).unwrap_err(), Error::Invalid(Rule::AddedIsNew));
}

#[test]
fn damage_in_random_groups() {
    let kinds = [(Provider::RustCrypto, 1), (Provider::AwsLc, 2), (Provider::AwsLc, 3)];
    let groups = if long_run() { 60 } else { 3 };
    for (seed, (provider, suite)) in (1..=groups).zip(kinds.into_iter().cycle()) {
        println!("seed {seed}, suite {suite}, {provider:?}");
        let mut storm = Storm::new(seed, provider, CipherSuite(suite));
        for _ in 0..80 {
            storm.step();
        }
        storm.settle();
        let budget = Budget { flips: 150, truncations: 20 };
        let live = storm.live();
        let world = &mut storm.world;
        for (sender, victim) in live.iter().zip(live.iter().cycle().skip(1)).filter(|(sender, victim)| sender != victim)
        {
            let message = world.protect(sender, b"hello");
            try_message(world, "application data", victim, &message, budget);
            let update = world.step(sender, |group, rng| group.propose_update(rng)).to_bytes().unwrap();
            for other in &live {
                if other == victim {
                    try_message(world, "update", victim, &update, budget);
                } else {
                    world.receive(other, &update).unwrap();
                }
            }
            let commit = world.prepare(victim, |commit| commit.with_path()).commit.to_bytes().unwrap();
            for other in &live {
                if other == sender {
                    try_message(world, "commit", sender, &commit, budget);
                } else {
                    world.receive(other, &commit).unwrap();
                }
            }
        }
    }
}

/// ECDSA signatures have twins that anyone can make (RFC 9420 asks for no canonical form). Where a tag or a hash covers the
/// signature, the twin is refused; where nothing does, the signed object is accepted under another name.
#[test]
fn twins_of_ecdsa_signatures() {
    for provider in [Provider::AwsLc, Provider::RustCrypto] {
        let mut world = World::new(12, provider, CipherSuite(2)).framing(Handshake::Public).group_of(&["alice", "bob"]);
        world.enter("carol");
        let refuses = |world: &mut World, bytes: &[u8], what: What| {
            let before = world.at("bob").visible();
            assert_eq!(world.receive("bob", bytes).unwrap_err(), Error::Unverified(what));
            assert!(before == world.at("bob").visible());
        };
        // A member's message: the membership tag covers its signature.
        let genuine = world.step("alice", |group, rng| group.propose_update(rng)).to_bytes().unwrap();
        refuses(&mut world, &twin(&genuine), What::MembershipTag);
        world.receive("bob", &genuine).unwrap();
        // An external commit: the transcript covers its signature, and the confirmation tag the transcript.
        let pending = world.prepare_external("alice", "carol");
        let genuine = pending.commit().to_bytes().unwrap();
        refuses(&mut world, &twin(&genuine), What::ConfirmationTag);
        // A GroupInfo: nothing but the signature itself; the twin describes the same group.
        let info = twin(&world.group_info("bob", true));
        let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(&info).unwrap().body else { panic!() };
        let mut rng = world.dice.fork();
        let dave = world.enter("dave").client.clone();
        dave.join_external(&info, ExternalJoin::default(), &world.inputs(), &mut rng).map(drop).unwrap();
        // A key package: the twin is as good, but nobody knows its reference, so its Welcome finds no one.
        let package = world.person("dave").try_key_package(false, &mut rng).unwrap();
        let twin = twin(&MlsMessage::from(package).to_bytes().unwrap());
        let MlsMessageBody::KeyPackage(package) = MlsMessage::from_bytes(&twin).unwrap().body else { panic!() };
        let bundle = world.prepare("bob", |commit| commit.add(package));
        let welcome = bundle.welcome.unwrap().to_bytes().unwrap();
        let joined = world.at("dave").read_welcome(&welcome, None, &world.inputs());
        assert_eq!(joined.map(drop).unwrap_err(), Error::Missing(Need::KeyPackage));
    }
}

/// The message with the twin of its outermost signature.
fn twin(bytes: &[u8]) -> Vec<u8> {
    let mut message = MlsMessage::from_bytes(bytes).unwrap();
    let signature = match &mut message.body {
        MlsMessageBody::PublicMessage(inner) => &mut inner.auth.signature,
        MlsMessageBody::GroupInfo(inner) => &mut inner.signature,
        MlsMessageBody::KeyPackage(inner) => &mut inner.signature,
        MlsMessageBody::PrivateMessage(_) | MlsMessageBody::Welcome(_) => panic!("no signature to be seen"),
    };
    signature.0 = ecdsa_twin(&signature.0).into();
    let twin = message.to_bytes().unwrap();
    assert_ne!(twin, bytes);
    twin
}
