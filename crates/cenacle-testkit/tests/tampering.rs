//! Tampering with messages of every kind, before the genuine one comes: every bit of what `damage` only samples or leaves
//! out, and mutations by the thousand that know the structure. All are refused without a trace, and the genuine message is
//! accepted after them. `CENACLE_LONG=1` makes twenty times as many.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::CipherSuite;
use cenacle_mls::{
    Error, Misuse,
    group::{CommitBuilder, ExternalJoin, Group, Handshake, Inputs},
    wire::{
        Extension, Extensions, GroupContextExtensions, GroupId, KeyPackage, MlsMessage, MlsMessageBody, PreSharedKey,
        PreSharedKeyId, Proposal, ProtocolVersion, Psk, ReInit, Remove,
    },
};
use cenacle_testkit::{
    damage::{Budget, Damage, Delivery, besiege, claims, damages, edits, splices},
    world::{LIFETIME, Person, Provider, TEST_EXTENSION, World, inputs, long_run},
};

const BOTH: [Handshake; 2] = [Handshake::Public, Handshake::Private];

/// How many mutations are made of each message.
fn mutations() -> usize {
    if long_run() { 4_000 } else { 200 }
}

fn group(seed: u64, handshake: Handshake) -> World {
    println!("seed {seed}, {handshake:?}");
    let world = World::new(seed, Provider::AwsLc, CipherSuite(1)).framing(handshake);
    world.group_of(&["alice", "bob", "carol", "dave"])
}

fn bytes(message: &MlsMessage) -> Vec<u8> {
    message.to_bytes().unwrap()
}

fn shared() -> Psk {
    Psk::External((&b"shared"[..]).into())
}

fn reinit() -> ReInit {
    ReInit {
        group_id: GroupId::from(&b"what follows"[..]),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
        extensions: Extensions::default(),
    }
}

fn package(world: &mut World, name: &str) -> KeyPackage {
    world.enter(name);
    let mut rng = world.dice.fork();
    world.person(name).try_key_package(false, &mut rng).unwrap()
}

/// Everything that is done to a framed message: bits, cuts, other epochs and groups, fields, and mutations with parts of
/// `others`. Nothing of it is kept, and the genuine one would be accepted.
fn tamper(world: &mut World, (what, budget): (&str, Budget), victim: &str, genuine: &[u8], others: &[Vec<u8>]) {
    let epoch = world.at(victim).group().epoch().0;
    let mut all: Vec<Damage> = damages(genuine, budget, &mut world.dice).chain(edits(genuine)).collect();
    all.extend(claims(genuine, [0, epoch.wrapping_sub(1), epoch + 1, u64::MAX]));
    all.extend(splices(genuine, others, mutations(), &mut world.dice));
    let World { people, psks, .. } = world;
    let (person, inputs) = (people.get_mut(victim).unwrap(), inputs(psks));
    let siege = besiege(person, all, |person, bytes| person.on_trial(bytes, genuine, &inputs));
    siege.assert_all_refused(what);
    let staged = person.stage(genuine, &inputs);
    assert!(staged.is_ok(), "{what}: the genuine message is refused: {:?}", staged.map(drop));
}

/// What a commit is to contain.
type Build<'a> = &'a dyn Fn(CommitBuilder<'_>) -> CommitBuilder<'_>;

/// Commits of every kind by alice, each instead of the others.
fn commits(world: &mut World) -> Vec<(&'static str, Vec<u8>)> {
    let (package, dave) = (package(world, "grace"), world.leaf("dave"));
    let mut context = Extensions::default();
    context.0.push(Extension { extension_type: TEST_EXTENSION, extension_data: (&b"new"[..]).into() });
    let kinds: [(&str, Build<'_>); 7] = [
        ("reinit", &|commit| commit.reinit(reinit())),
        ("path", &|commit| commit.with_path()),
        ("psk", &|commit| commit.psk(shared())),
        ("add", &|commit| commit.add(package.clone())),
        ("remove", &|commit| commit.remove(dave)),
        ("extensions", &|commit| commit.extensions(context.clone()).authenticated_data(*b"in the clear")),
        ("many", &|commit| commit.add(package.clone()).remove(dave).psk(shared()).extensions(context.clone())),
    ];
    let mut made = Vec::new();
    for (kind, build) in kinds {
        let bundle = world.prepare("alice", build);
        world.step("alice", |group, _| group.discard_pending());
        made.push((kind, bytes(&bundle.commit)));
    }
    made
}

/// Proposals of every kind by alice.
fn proposals(world: &mut World) -> Vec<(&'static str, Vec<u8>)> {
    let (frank, dave) = (package(world, "frank"), world.leaf("dave"));
    let mut rng = world.dice.fork();
    let add = world.at("alice").group().propose_add(frank, &world.inputs(), &mut rng).unwrap();
    let add = world.person("alice").step(|_| Ok(add));
    let made = [
        ("reinit", world.step("alice", |group, rng| group.propose_reinit(reinit(), rng))),
        ("update", world.step("alice", |group, rng| group.propose_update(rng))),
        ("remove", world.step("alice", |group, rng| group.propose_remove(dave, rng))),
        ("psk", world.step("alice", |group, rng| group.propose_psk(shared(), rng))),
        ("extensions", world.step("alice", |group, rng| group.propose_extensions(Extensions::default(), rng))),
        ("add", add),
    ];
    made.map(|(kind, message)| (kind, bytes(&message))).into()
}

/// Every bit of the first, a sample of the others in a short run.
fn budget_of(place: usize) -> Budget {
    if place == 0 || long_run() { Budget::ALL } else { Budget { flips: 300, truncations: 30 } }
}

#[test]
fn proposals_and_commits_of_every_kind() {
    for (seed, handshake) in (1..).zip(BOTH) {
        let mut world = group(seed, handshake);
        let commits = commits(&mut world);
        let said = world.protect("alice", b"hello");
        let proposals = proposals(&mut world);
        let mut pool: Vec<Vec<u8>> = commits.iter().chain(&proposals).map(|(_, bytes)| bytes.clone()).collect();
        pool.push(said.clone());
        let others = |own: &[u8]| pool.iter().filter(|other| *other != own).cloned().collect::<Vec<_>>();
        for list in [commits, proposals, vec![("application data", said.clone())]] {
            for (place, (kind, genuine)) in list.iter().enumerate() {
                let what = format!("{kind}, {handshake:?}");
                tamper(&mut world, (&what, budget_of(place)), "bob", genuine, &others(genuine));
            }
        }
    }
}

/// A PSK by a name that all know.
fn psk_id(world: &mut World) -> PreSharedKeyId {
    PreSharedKeyId { psk: shared(), psk_nonce: world.dice.bytes(32).into() }
}

#[test]
fn what_comes_from_outside() {
    let mut world = group(3, Handshake::Private);
    let warden = world.enter("warden").client.clone();
    let mut extensions = Extensions::default();
    extensions.push_external_senders(&vec![warden.external_sender()]).unwrap();
    world.commit("alice", |commit| commit.extensions(extensions));
    let package = package(&mut world, "frank");
    let psk = psk_id(&mut world);
    let (public, dave) = (world.at("bob").group().public().clone(), world.leaf("dave"));
    let add = Proposal::Add(cenacle_mls::wire::Add { key_package: Box::new(package.clone()) });
    let change = GroupContextExtensions { extensions: public.extensions().clone() };
    let wishes = [
        Proposal::Remove(Remove { removed: dave }),
        add,
        Proposal::PreSharedKey(PreSharedKey { psk }),
        Proposal::GroupContextExtensions(change),
        Proposal::ReInit(reinit()),
    ];
    let mut pool: Vec<Vec<u8>> = Vec::new();
    for wish in wishes {
        pool.push(bytes(&warden.propose_externally(&public, wish, &world.inputs()).unwrap()));
    }
    pool.push(bytes(&world.at("frank").client.propose_joining(&public, package, &world.inputs()).unwrap()));
    world.enter("heidi");
    pool.push(bytes(world.prepare_external("carol", "heidi").commit()));
    // One that removes an earlier self.
    pool.push(bytes(world.prepare_external("alice", "carol").commit()));
    for (place, genuine) in pool.iter().enumerate() {
        let others: Vec<_> = pool.iter().filter(|other| *other != genuine).cloned().collect();
        // The first proposal, the one to join, and the commits are tampered with in every bit.
        let budget = if place == 0 || place >= 5 { Budget::ALL } else { budget_of(place) };
        tamper(&mut world, (&format!("from outside, {place}"), budget), "bob", genuine, &others);
    }
    world.deliver(&pool[5]);
    world.deliver(&pool[0]);
}

/// The members of a group that continues another: who founds it, and who is invited with the old group at hand.
fn continued(seed: u64, reinitialised: bool) {
    println!("seed {seed}, {}", if reinitialised { "reinit" } else { "branch" });
    let mut world = group(seed, Handshake::Private);
    if reinitialised {
        world.commit("alice", |commit| commit.reinit(reinit()));
    }
    let names = ["bob", "carol", "dave"];
    let followers = if reinitialised { &names[..] } else { &names[..2] };
    let packages: Vec<KeyPackage> = followers
        .iter()
        .map(|name| {
            let mut rng = world.dice.fork();
            world.person(name).try_key_package(false, &mut rng).unwrap()
        })
        .collect();
    let founded = |world: &mut World| {
        let mut rng = world.dice.fork();
        let alice = world.at("alice");
        let founding = match reinitialised {
            true => alice.client.reinit(alice.group(), LIFETIME),
            false => {
                alice.client.branch(alice.group(), GroupId::from(&b"a branch"[..]), Extensions::default(), LIFETIME)
            }
        };
        let founding = packages.iter().cloned().fold(founding.unwrap(), cenacle_mls::group::Founding::add);
        founding.build(&world.inputs(), &mut rng).unwrap()
    };
    // A second one, of which parts are taken.
    let mut second = cenacle_testkit::world::Disk::default();
    let donor = founded(&mut world).accept(&mut second).unwrap().1.unwrap();
    let first = founded(&mut world);
    let alice = world.person("alice");
    let (_, welcome) = first.accept(&mut alice.disk).unwrap();
    let (genuine, donor) = (bytes(&welcome.unwrap()), bytes(&donor));
    let all: Vec<Damage> = damages(&genuine, Budget::ALL, &mut world.dice)
        .chain(edits(&genuine))
        .collect::<Vec<_>>()
        .into_iter()
        .chain(splices(&genuine, &[donor], mutations(), &mut world.dice))
        .collect();
    let old = world.at("bob").load().unwrap();
    let World { people, psks, .. } = &mut world;
    let inputs = inputs(psks).with_origin(&old);
    let bob = people.get_mut("bob").unwrap();
    let siege = besiege(bob, all, |person, bytes| person.invited_on_trial((bytes, None), (&genuine, None), &inputs));
    assert_only_others_entries(&siege, followers.len());
    let new = bob.read_welcome(&genuine, None, &inputs).unwrap();
    assert_eq!(new.public().tree().member_count(), u32::try_from(followers.len()).unwrap() + 1);
}

/// What a Welcome holds for others may be damaged without harm to whom it is for; nothing else is taken.
fn assert_only_others_entries(siege: &cenacle_testkit::damage::Siege, joiners: usize) {
    let other: Vec<_> = siege.taken.iter().filter(|(_, delivery)| *delivery != Delivery::Same).collect();
    assert!(other.is_empty(), "{other:?}");
    assert!(siege.taken.len() * (joiners + 1) < siege.len() * joiners, "{} of {}", siege.taken.len(), siege.len());
    println!("{:?}, and {} changed for others alone", siege.refused, siege.taken.len());
}

#[test]
fn welcomes_into_groups_that_continue_others() {
    continued(4, true);
    continued(5, false);
}

#[test]
fn welcomes_group_infos_and_key_packages() {
    let mut world = group(6, Handshake::Private);
    let packages = ["erin", "frank"].map(|name| package(&mut world, name));
    let invite = |world: &mut World| {
        let bundle = world.prepare("bob", |commit| packages.iter().cloned().fold(commit, CommitBuilder::add));
        world.step("bob", |group, _| group.discard_pending());
        bytes(&bundle.welcome.unwrap())
    };
    let (donor, genuine) = (invite(&mut world), invite(&mut world));
    let all: Vec<_> = splices(&genuine, &[donor], mutations(), &mut world.dice).collect();
    let World { people, psks, .. } = &mut world;
    let shared_inputs = inputs(psks);
    let siege = besiege(people.get_mut("erin").unwrap(), all, |person, bytes| {
        person.invited_on_trial((bytes, None), (&genuine, None), &shared_inputs)
    });
    assert_only_others_entries(&siege, packages.len());

    let genuine = world.group_info("bob", true);
    let all: Vec<_> = splices(&genuine, &[], mutations(), &mut world.dice).collect();
    let mut rng = world.dice.fork();
    world.enter("grace");
    let join =
        |person: &Person, bytes: &[u8], rng: &mut cenacle_crypto::conformance::SeededRng, inputs: &Inputs<'_>| {
            let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(bytes)?.body else {
                return Err(Misuse::WrongMessage.into());
            };
            person.client.join_external(&info, ExternalJoin::default(), inputs, rng).map(|_| Delivery::Other)
        };
    let World { people, psks, .. } = &mut world;
    let shared_inputs = inputs(psks);
    let grace = people.get_mut("grace").unwrap();
    besiege(grace, all, |person, bytes| join(person, bytes, &mut rng, &shared_inputs)).assert_all_refused("group info");
    join(grace, &genuine, &mut rng, &shared_inputs).unwrap();

    let genuine = bytes(&MlsMessage::from(packages[0].clone()));
    let donor = bytes(&MlsMessage::from(packages[1].clone()));
    let all: Vec<_> = splices(&genuine, &[donor], mutations(), &mut world.dice).collect();
    let add = |group: &Group, bytes: &[u8], rng: &mut cenacle_crypto::conformance::SeededRng, inputs: &Inputs<'_>| {
        let MlsMessageBody::KeyPackage(package) = MlsMessage::from_bytes(bytes)?.body else {
            return Err(Error::from(Misuse::WrongMessage));
        };
        group.commit().add(package).build(inputs, rng).map(|_| Delivery::Other)
    };
    let World { people, psks, .. } = &mut world;
    let shared_inputs = inputs(psks);
    let alice = people.get_mut("alice").unwrap();
    besiege(alice, all, |person, bytes| add(person.group(), bytes, &mut rng, &shared_inputs))
        .assert_all_refused("key package");
    add(alice.group(), &genuine, &mut rng, &shared_inputs).unwrap();
}
