//! Settings: which lifetimes are compared with the clock (RFC 9420 §7.3), where GREASE stands and where it must not (§13.5), and
//! what a choice of settings departs from.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use cenacle_codec::Encode as _;
use cenacle_crypto::conformance::SeededRng;
use cenacle_mls::{
    Error, Misuse, Rule, Unsupported,
    group::{Client, ExternalJoin, Grease, Handshake, Inputs, Lifetimes, Observer, OwnKeyPackage, Received, Settings},
    protect::Padding,
    wire::{
        Add, Capabilities, Epoch, Extension, ExtensionType, Extensions, GroupContextExtensions, KeyPackage, LeafIndex,
        LeafNodeSource, Lifetime, MlsMessageBody, Proposal, ProposalType, ReInit, RequiredCapabilities,
    },
};
use common::{
    LIFETIME, World,
    forge::{Invitation, Plan, resigned},
    inputs, roundtrip,
    succession::{client, id, open, suite, to, welcome_of},
};

const OVER: u64 = LIFETIME.not_after + 1;

fn with(world: &mut World, name: &str, change: impl FnOnce(&mut Settings)) {
    let client = world.person(name).client.clone();
    let mut settings = *client.settings();
    change(&mut settings);
    world.person(name).client = client.with_settings(settings);
}

fn at(now_seconds: u64) -> Inputs<'static> {
    inputs().at(now_seconds)
}

fn pair(handshake: Handshake, change: impl Fn(&mut Settings)) -> World {
    let mut world = World::new(1, handshake);
    for name in ["alice", "bob", "dave"] {
        with(&mut world, name, &change);
    }
    world.create("alice");
    world.add("alice", "bob");
    world
}

// RFC 9420 §7.3: "it is RECOMMENDED that the client verifies that the current time is within the range of the lifetime".
#[test]
fn lifetimes_are_compared_as_the_settings_say() {
    let current = Error::Invalid(Rule::LifetimeCurrent);
    for lifetimes in [Lifetimes::Ignored, Lifetimes::KeyPackages, Lifetimes::Everywhere] {
        for handshake in [Handshake::Public, Handshake::Private] {
            let mut world = pair(handshake, |settings| settings.lifetimes = lifetimes);
            let package = world.key_package("dave");
            let adding = |now| {
                move |group: &cenacle_mls::group::Group, package: KeyPackage, rng: &mut dyn cenacle_crypto::Rng| {
                    group.commit().add(package).build(&now, rng).map(drop)
                }
            };
            let mut rng = SeededRng::new(3);
            let alice = world.member("alice");
            let late = world.ledger.dropped(|| adding(at(OVER))(alice, package.clone(), &mut rng));
            let unknown = adding(Inputs { now_seconds: None, ..inputs() });
            assert_eq!(world.ledger.dropped(|| unknown(alice, package.clone(), &mut rng)), Ok(()));
            let ignored = lifetimes == Lifetimes::Ignored;
            assert_eq!(late, if ignored { Ok(()) } else { Err(current.clone()) });
            let proposed = world.ledger.dropped(|| alice.propose_add(package.clone(), &at(OVER), &mut rng)).map(drop);
            assert_eq!(proposed, if ignored { Ok(()) } else { Err(current.clone()) });

            // A proposal that waited too long is left out by whoever commits.
            world.propose("bob", |group, rng| group.propose_add(package, &inputs(), rng));
            let commit = world.member("alice").commit();
            let build = world.ledger.dropped(|| commit.build(&at(OVER), &mut rng)).unwrap();
            assert_eq!(build.summary().unwrap().added.len(), usize::from(ignored));
            // Whoever receives a commit late does not fall out of the group.
            let bundle = world.try_with("alice", |group, rng| group.commit().build(&inputs(), rng)).unwrap();
            assert!(matches!(world.receive_with("bob", &bundle.commit, at(OVER)), Ok(Received::Commit(_))));
            world.receive("alice", &bundle.commit).unwrap();
            // Whoever joins late finds leaves that are over; one who looks at them stays out.
            let welcome = welcome_of(&bundle.welcome.unwrap());
            let dave = world.people.get("dave").unwrap();
            let own = OwnKeyPackage::find(&dave.store, &welcome).unwrap().unwrap();
            let late = dave.client.join(&welcome, &own, None, &at(OVER)).map(drop);
            let everywhere = lifetimes == Lifetimes::Everywhere;
            assert_eq!(late, if everywhere { Err(current.clone()) } else { Ok(()) });
            assert!(dave.client.join(&welcome, &own, None, &inputs()).is_ok());
            assert!(dave.client.join(&welcome, &own, None, &Inputs { now_seconds: None, ..inputs() }).is_ok());
            let info = roundtrip(&world.member("alice").group_info(true, true).unwrap());
            let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
            let settings = *dave.client.settings();
            let observed = Observer::new(&info, None, suite(1), settings, &at(OVER)).map(drop);
            assert_eq!(observed, if everywhere { Err(current.clone()) } else { Ok(()) });
            let erin = world.person("erin").client.clone().with_settings(settings);
            let joined = erin.join_external(&info, ExternalJoin::default(), &at(OVER), &mut rng).map(drop);
            assert_eq!(joined, if everywhere { Err(current.clone()) } else { Ok(()) });
        }
    }
}

// A proposal that comes late is kept, unless the settings look at the clock then, too.
#[test]
fn late_proposals_are_kept_as_the_settings_say() {
    for lifetimes in [Lifetimes::KeyPackages, Lifetimes::Everywhere, Lifetimes::Received] {
        let mut world = pair(Handshake::Public, |settings| settings.lifetimes = lifetimes);
        let package = world.key_package("dave");
        let add = world.with("bob", |group, rng| group.propose_add(package, &inputs(), rng));
        let late = world.receive_with("alice", &add, at(OVER)).map(drop);
        let looks = lifetimes == Lifetimes::Received;
        assert_eq!(late, if looks { Err(Error::Invalid(Rule::LifetimeCurrent)) } else { Ok(()) });
        assert_eq!(world.member("alice").proposals().count(), usize::from(!looks));
    }
}

// RFC 9420 §7.2: "Applications MUST define a maximum total lifetime".
#[test]
fn lifetimes_are_bounded_in_any_case() {
    for lifetimes in [Lifetimes::Ignored, Lifetimes::KeyPackages, Lifetimes::Everywhere] {
        let mut world = pair(Handshake::Public, |settings| settings.lifetimes = lifetimes);
        let limit = world.person("alice").client.settings().limits.lifetime_seconds;
        let mut rng = SeededRng::new(4);
        let person = world.person("dave");
        let mut offer = |not_before, not_after| {
            let lifetime = Lifetime { not_before, not_after };
            let message = person.client.key_package(lifetime, false, &mut rng).unwrap();
            let MlsMessageBody::KeyPackage(package) = message.persist(&mut person.store).unwrap().body else {
                panic!()
            };
            package
        };
        let longest = offer(10, limit + 10);
        let mut long = vec![offer(0, limit + 1), offer(0, u64::MAX)];
        let signer = std::sync::Arc::clone(&person.signer);
        long.push(resigned(longest.clone(), &*signer, |package| {
            let lifetime = Lifetime { not_before: 2_000, not_after: 10 };
            package.leaf_node.source = LeafNodeSource::KeyPackage(lifetime);
        }));
        for package in long {
            let bounded = Error::Invalid(Rule::LifetimeBounded);
            let refused = world.member("alice").commit().add(package.clone()).build(&inputs(), &mut rng);
            assert_eq!(refused.unwrap_err(), bounded);
            let add = Proposal::Add(Add { key_package: Box::new(package) });
            let forged = world.insider("alice").propose(add);
            assert_eq!(world.refuse("bob", &forged), bounded);
        }
        world.propose("alice", |group, rng| group.propose_add(longest, &inputs(), rng));
        world.commit("bob", |commit| commit);
    }
}

fn reserved(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff && value != 0xfafa
}

fn greased(capabilities: &Capabilities) -> [usize; 4] {
    [
        capabilities.cipher_suites.iter().filter(|value| reserved(value.0)).count(),
        capabilities.extensions.iter().filter(|value| reserved(value.0)).count(),
        capabilities.proposals.iter().filter(|value| reserved(value.0)).count(),
        capabilities.credentials.iter().filter(|value| reserved(value.0)).count(),
    ]
}

fn in_extensions(extensions: &Extensions) -> usize {
    extensions.types().filter(|kind| reserved(kind.0)).count()
}

// RFC 9420 §13.5: "an MLS client SHOULD include a random selection of values chosen from these GREASE values".
#[test]
fn grease_stands_where_it_may_and_only_if_wanted() {
    for (grease, listed, here) in [(Grease::Off, 0, 0), (Grease::Capabilities, 1, 0), (Grease::Extensions, 1, 1)] {
        let mut world = pair(Handshake::Public, |settings| settings.grease = grease);
        let package = world.key_package("dave");
        assert_eq!(in_extensions(&package.extensions), here);
        let made = world.build_commit("alice", |commit| commit.add(package.clone()).with_path().with_group_info());
        let MlsMessageBody::PublicMessage(commit) = &made.commit.body else { panic!() };
        let cenacle_mls::wire::Content::Commit(content) = &commit.content.content else { panic!() };
        let path = content.path.as_ref().unwrap();
        let founder = world.member("alice").member(LeafIndex(0)).unwrap();
        for leaf in [&package.leaf_node, &path.leaf_node, &founder] {
            assert_eq!(greased(&leaf.capabilities), [listed; 4]);
            assert_eq!(in_extensions(&leaf.extensions), here);
        }
        for info in [made.group_info.unwrap(), world.member("bob").group_info(false, false).unwrap()] {
            let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
            assert_eq!(in_extensions(&info.extensions), here);
            assert_eq!(in_extensions(&info.group_context.extensions), 0);
        }
        // "representations of a client's own capabilities MUST NOT contain GREASE values."
        assert_eq!(greased(world.person("alice").client.capabilities()), [0; 4]);
        world.receive("bob", &made.commit).unwrap();
        world.receive("alice", &made.commit).unwrap();
        world.accept("dave", &made.welcome.unwrap()).unwrap();
        world.agree();
    }
    // A member who sends none lives with one who does.
    let mut world = World::new(1, Handshake::Private);
    with(&mut world, "bob", |settings| settings.grease = Grease::Off);
    world.create("alice");
    world.add("alice", "bob");
    world.renew("bob");
    world.say("bob", "dry");
}

fn grease_extension(value: u16) -> Extension {
    Extension { extension_type: ExtensionType(value), extension_data: (&b"x"[..]).into() }
}

// RFC 9420 §13.5: "GREASE values MUST NOT be sent in the following fields".
#[test]
fn grease_is_not_sent_where_it_must_not() {
    let mut world = pair(Handshake::Private, |_| ());
    let grease = Error::Misuse(Misuse::Grease);
    let extensions = Extensions(vec![grease_extension(0x1a1a)]);
    let mut rng = SeededRng::new(5);
    for value in [0x0a0a, 0x4a4a, 0xeaea] {
        let group = world.member("alice");
        let refused = group.commit().custom(ProposalType(value), &b""[..]).build(&inputs(), &mut rng);
        assert_eq!(refused.unwrap_err(), grease);
    }
    let group = world.member("alice");
    assert_eq!(group.propose_extensions(extensions.clone(), &mut rng).unwrap_err(), grease);
    assert_eq!(group.commit().extensions(extensions.clone()).build(&inputs(), &mut rng).unwrap_err(), grease);
    let reinit = ReInit { extensions: extensions.clone(), ..to("next", 1) };
    assert_eq!(group.propose_reinit(reinit.clone(), &mut rng).unwrap_err(), grease);
    assert_eq!(group.commit().reinit(reinit.clone()).build(&inputs(), &mut rng).unwrap_err(), grease);
    let public = group.public().clone();
    let alice = world.person("alice").client.clone();
    let refused = alice.create_group(id("other"), extensions.clone(), LIFETIME, &inputs(), &mut rng).unwrap_err();
    assert_eq!(refused, grease);
    let refused = alice.found(id("other"), extensions.clone(), LIFETIME).build(&inputs(), &mut rng).unwrap_err();
    assert_eq!(refused, grease);
    let change = GroupContextExtensions { extensions };
    for proposal in [Proposal::ReInit(reinit), Proposal::GroupContextExtensions(change)] {
        assert_eq!(alice.propose_externally(&public, proposal, &inputs()).unwrap_err(), grease);
    }
}

/// The one value of this list that is GREASE.
fn the_one<T: Copy>(list: &[T], value: impl Fn(&T) -> u16) -> u16 {
    list.iter().map(value).find(|value| reserved(*value)).unwrap()
}

// RFC 9420 §13.5: "GREASE values MUST be handled using normal logic for processing unsupported values."
#[test]
fn received_grease_is_unsupported_even_where_everybody_lists_it() {
    let mut world = World::new(1, Handshake::Public);
    world.create("alice");
    // Somebody who happened to choose the same values for extensions and proposals.
    let own = world.member("alice").member(LeafIndex(0)).unwrap().capabilities;
    let extension = the_one(&own.extensions, |value| value.0);
    let proposal = the_one(&own.proposals, |value| value.0);
    let listed = |client: &Client| {
        let Capabilities { extensions, proposals, .. } = client.leaf_in_key_package().capabilities;
        (the_one(&extensions, |value| value.0), the_one(&proposals, |value| value.0))
    };
    let twin = (1_000..)
        .map(|seed| client("twin", &suite(1), seed))
        .find(|(client, _)| listed(client) == (extension, proposal));
    let (twin, signer) = twin.unwrap();
    let settings = Settings { handshake: Handshake::Public, ..Settings::default() };
    world.person("twin").client = twin.with_settings(settings);
    world.person("twin").signer = signer;
    world.add("alice", "twin");
    let mut rng = SeededRng::new(6);
    let insider = world.insider("alice");
    let vote = Proposal::Custom(ProposalType(proposal), (&b""[..]).into());
    let extensions = Extensions(vec![grease_extension(extension)]);
    let change = Proposal::GroupContextExtensions(GroupContextExtensions { extensions: extensions.clone() });
    let forged = insider.commit(Plan { path: true, ..Plan::of([vote.clone()]) }, &mut rng);
    assert_eq!(world.refuse("twin", &forged), Error::Invalid(Rule::ProposalSupportedByAll));
    let plan = Plan { path: true, extensions: Some(extensions), ..Plan::of([change.clone()]) };
    let forged = insider.commit(plan, &mut rng);
    assert_eq!(world.refuse("twin", &forged), Error::Invalid(Rule::ExtensionSupportedByAll));
    let refused = world.try_with("twin", |group, rng| group.propose_custom(ProposalType(proposal), &b""[..], rng));
    assert!(refused.is_err());
    // As proposals they may arrive; nobody commits them.
    for proposal in [vote, change] {
        world.receive("twin", &insider.propose(proposal)).unwrap();
    }
    let commit = world.build_commit("twin", |commit| commit).commit;
    assert!(matches!(world.receive("alice", &commit), Ok(Received::Commit(_))));
    assert_eq!(world.member("alice").public().extensions(), &Extensions::default());
    // A group that was founded with it is none to join.
    let package = world.key_package("twin");
    let mut honest = Invitation {
        suite: suite(1),
        signer: std::sync::Arc::clone(&world.person("alice").signer),
        members: vec![world.key_package("alice"), package],
        group_id: id("other"),
        epoch: Epoch(1),
        extensions: Extensions(vec![grease_extension(extension)]),
        psks: Vec::new(),
    };
    let twin = world.people.get("twin").unwrap();
    let mut judge = |invitation: &Invitation| {
        let welcome = welcome_of(&invitation.welcome(&mut rng).into());
        open(&twin.client, &twin.store, &welcome, &inputs()).map(drop)
    };
    assert_eq!(judge(&honest), Err(Error::Unsupported(Unsupported::Extension)));
    let proposal_types = vec![ProposalType(proposal)];
    let required = RequiredCapabilities { proposal_types, ..RequiredCapabilities::default() };
    let extension_data = required.to_bytes().unwrap().into();
    let extension_type = ExtensionType::REQUIRED_CAPABILITIES;
    honest.extensions = Extensions(vec![Extension { extension_type, extension_data }]);
    assert_eq!(judge(&honest), Err(Error::Invalid(Rule::RequiredCapabilitiesMet)));
    honest.extensions = Extensions::default();
    assert_eq!(judge(&honest), Ok(()));
}

/// What a client's leaves say, without a group.
trait LeafInKeyPackage {
    fn leaf_in_key_package(&self) -> cenacle_mls::wire::LeafNode;
}

impl LeafInKeyPackage for Client {
    fn leaf_in_key_package(&self) -> cenacle_mls::wire::LeafNode {
        let made = self.key_package(LIFETIME, false, &mut SeededRng::new(1)).unwrap();
        let message = made.persist(&mut cenacle_store::MemoryStore::default()).unwrap();
        let MlsMessageBody::KeyPackage(package) = message.body else { panic!() };
        package.leaf_node
    }
}

// RFC 9420 §10, §13.5.
#[test]
fn unlisted_extensions_of_key_packages() {
    let mut world = pair(Handshake::Public, |_| ());
    let package = world.key_package("dave");
    let signer = std::sync::Arc::clone(&world.person("dave").signer);
    let unlisted = |value| {
        resigned(package.clone(), &*signer, |package| package.extensions = Extensions(vec![grease_extension(value)]))
    };
    let own = the_one(&package.leaf_node.capabilities.extensions, |value| value.0);
    let foreign = [0x0a0a, 0x1a1a].into_iter().find(|value| *value != own).unwrap();
    let mut rng = SeededRng::new(7);
    let refused = world.member("alice").commit().add(unlisted(0xf00d)).build(&inputs(), &mut rng);
    assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::LeafExtensionsListed));
    let add = Proposal::Add(Add { key_package: Box::new(unlisted(0xf00d)) });
    let forged = world.insider("alice").propose(add);
    assert_eq!(world.refuse("bob", &forged), Error::Invalid(Rule::LeafExtensionsListed));
    // In the leaf itself every extension is listed, GREASE too.
    let leaf = resigned(package.clone(), &*signer, |package| {
        package.leaf_node.extensions = Extensions(vec![grease_extension(foreign)]);
    });
    let refused = world.member("alice").commit().add(leaf).build(&inputs(), &mut rng);
    assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::LeafExtensionsListed));
    let honest = unlisted(foreign);
    world.commit("alice", |commit| commit.add(honest));
    assert_eq!(world.member("bob").members().count(), 3);
}

#[test]
fn departures_name_their_sections() {
    let sections = |settings: Settings| settings.departures().iter().map(|(section, _)| *section).collect::<Vec<_>>();
    assert!(sections(Settings::default()).is_empty());
    let mut loose = Settings {
        handshake: Handshake::Public,
        lifetimes: Lifetimes::Ignored,
        grease: Grease::Off,
        padding: Padding { multiple_bytes: 1 },
        ..Settings::default()
    };
    loose.limits.lifetime_seconds = u64::MAX;
    loose.limits.forward_generations = u32::MAX;
    loose.limits.past_epochs = 33;
    assert_eq!(sections(loose), ["6", "7.3", "7.2", "13.5", "15.1", "15.3", "15.3"]);
    let strict = Settings { lifetimes: Lifetimes::Everywhere, ..Settings::default() };
    assert!(sections(strict).is_empty());
}
