//! What the application decides: who may want what (`GroupPolicy`), which proposals beyond RFC 9420 there are (§12.2), and
//! what members must support (§7.3, §11.1). A refusal is the same on the sender's and the receiver's side.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

mod common;

use cenacle_crypto::conformance::SeededRng;
use cenacle_mls::{
    Error, Refusal, Rule,
    group::{
        AcceptAll, CommitSummary, CustomProposal, ExternalJoin, GroupPolicy, Handshake, Inputs, PublicGroup, Received,
    },
    tree::TreeEdit,
    wire::{
        Add, Capabilities, Credential, CredentialType, Extension, ExtensionType, Extensions, LeafIndex, MlsMessageBody,
        Proposal, ProposalType, Remove, RequiredCapabilities, Sender,
    },
};
use common::{World, forge::Plan, inputs};

const VOTE: ProposalType = ProposalType(0xf001);
const TOPIC: ExtensionType = ExtensionType(0xf002);
const BADGE: CredentialType = CredentialType(0xf003);

/// Somebody who supports these.
fn able(world: &mut World, name: &str, votes: bool, topics: bool, badges: bool) {
    let client = world.person(name).client.clone();
    let mut capabilities: Capabilities = client.capabilities().clone();
    capabilities.proposals.extend(votes.then_some(VOTE));
    capabilities.extensions.extend(topics.then_some(TOPIC));
    capabilities.credentials.extend(badges.then_some(BADGE));
    world.person(name).client = client.with_capabilities(capabilities);
}

fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(|handshake| World::new(1, handshake))
}

fn trio(mut world: World) -> World {
    for name in ["alice", "bob", "carol"] {
        able(&mut world, name, true, true, false);
    }
    world.create("alice");
    world.add("alice", "bob");
    world.add("alice", "carol");
    world
}

/// Only the member at leaf 0 adds, nobody removes it, and commits that change three things at once are too much.
struct Roles;

impl GroupPolicy for Roles {
    fn admits(&self, _: &PublicGroup, sender: &Sender, proposal: &Proposal) -> Result<(), Refusal> {
        match (sender, proposal) {
            (Sender::Member(LeafIndex(0)), _) => Ok(()),
            (_, Proposal::Add(_)) => Err("only the founder adds".into()),
            (_, Proposal::Remove(remove)) if remove.removed == LeafIndex(0) => Err("the founder stays".into()),
            _ => Ok(()),
        }
    }

    fn admits_commit(&self, old: &PublicGroup, new: &PublicGroup, does: &CommitSummary) -> Result<(), Refusal> {
        assert_eq!(old.epoch().0 + 1, new.epoch().0);
        assert_eq!(does.epoch, new.epoch());
        if does.removed.len() > 1 { Err("one at a time".into()) } else { Ok(()) }
    }
}

fn roles() -> Inputs<'static> {
    Inputs::new(&AcceptAll).with_policy(&Roles).at(1_000)
}

#[test]
fn roles_hold_for_senders_and_receivers() {
    for world in worlds() {
        let mut world = trio(world);
        let package = world.key_package("dave");
        let why = Error::Refused("only the founder adds".into());
        // By value: the sender's side, then the receivers' of one who does not care.
        let refused = world.try_with("bob", |group, rng| group.commit().add(package.clone()).build(&roles(), rng));
        assert_eq!(refused.unwrap_err(), why);
        let careless = world.build_commit("bob", |commit| commit.add(package.clone()));
        assert_eq!(world.refuse_with("carol", &careless.commit, roles()), why);
        world.with("bob", |group, _| group.discard_pending());
        // As a proposal.
        let refused = world.try_with("bob", |group, rng| group.propose_add(package.clone(), &roles(), rng));
        assert_eq!(refused.unwrap_err(), why);
        let careless = world.with("bob", |group, rng| group.propose_add(package.clone(), &inputs(), rng));
        assert_eq!(world.refuse_with("carol", &careless, roles()), why);
        // What the others will not hear of does not go into the proposer's own commit.
        let bundle = world.try_with("bob", |group, rng| group.commit().build(&roles(), rng)).unwrap();
        assert!(bundle.welcome.is_none());
        assert!(matches!(world.receive_with("carol", &bundle.commit, roles()), Ok(Received::Commit(_))));
        for name in ["alice", "bob"] {
            world.receive_with(name, &bundle.commit, roles()).unwrap();
        }
        world.agree();
        // Who may, does.
        let bundle = world.try_with("alice", |group, rng| group.commit().add(package).build(&roles(), rng)).unwrap();
        for name in ["alice", "bob", "carol"] {
            world.receive_with(name, &bundle.commit, roles()).unwrap();
        }
        let refused = world.try_with("bob", |group, rng| group.commit().remove(LeafIndex(0)).build(&roles(), rng));
        assert_eq!(refused.unwrap_err(), Error::Refused("the founder stays".into()));
    }
}

#[test]
fn commits_are_judged_as_a_whole() {
    for world in worlds() {
        let mut world = trio(world);
        let why = Error::Refused("one at a time".into());
        let two = |group: &cenacle_mls::group::Group, inputs: &Inputs<'_>, rng: &mut dyn cenacle_crypto::Rng| {
            group.commit().remove(LeafIndex(1)).remove(LeafIndex(2)).build(inputs, rng)
        };
        world.add("alice", "dave");
        let refused = world.try_with("alice", |group, rng| two(group, &roles(), rng));
        assert_eq!(refused.unwrap_err(), why);
        let careless = world.try_with("alice", |group, rng| two(group, &inputs(), rng)).unwrap();
        assert_eq!(world.refuse_with("dave", &careless.commit, roles()), why);
        world.with("alice", |group, _| group.discard_pending());
        // An external commit is one, too.
        struct Closed;
        impl GroupPolicy for Closed {
            fn admits_commit(&self, _: &PublicGroup, _: &PublicGroup, does: &CommitSummary) -> Result<(), Refusal> {
                if does.external == 1 { Err("closed".into()) } else { Ok(()) }
            }
        }
        let closed = Inputs::new(&AcceptAll).with_policy(&Closed);
        let outsider = world.outsider("erin", "alice");
        let commit = outsider.commit_from_outside(Plan::of([]), &mut SeededRng::new(3));
        assert_eq!(world.refuse_with("dave", &commit, closed), Error::Refused("closed".into()));
        // The joiner is told before it sends anything.
        let info = common::roundtrip(&world.member("alice").group_info(true, true).unwrap());
        let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
        let erin = world.person("erin").client.clone();
        let mut rng = SeededRng::new(4);
        let mut join =
            |how: ExternalJoin, inputs: &Inputs<'_>| erin.join_external(&info, how, inputs, &mut rng).map(drop);
        assert_eq!(join(ExternalJoin::default(), &closed), Err(Error::Refused("closed".into())));
        let replacing = ExternalJoin { replaces: Some(LeafIndex(0)), ..ExternalJoin::default() };
        assert_eq!(join(replacing, &roles()), Err(Error::Refused("the founder stays".into())));
        assert_eq!(join(ExternalJoin::default(), &roles()), Ok(()));
        let honest = world.try_with("alice", |group, rng| group.commit().remove(LeafIndex(1)).build(&closed, rng));
        assert!(world.receive_with("dave", &honest.unwrap().commit, closed).is_ok());
    }
}

/// Votes need no path.
struct Votes;

impl GroupPolicy for Votes {
    fn custom_proposal(&self, kind: ProposalType) -> CustomProposal {
        CustomProposal { path_required: kind != VOTE, external: false }
    }
}

// RFC 9420 §12.4: "Path Required", §17.4.
#[test]
fn custom_proposals_need_a_path_if_the_application_says_so() {
    let mut world = trio(World::new(1, Handshake::Public));
    let votes = Inputs::new(&AcceptAll).with_policy(&Votes);
    let mut rng = SeededRng::new(5);
    let vote = || Plan::of([Proposal::Custom(VOTE, (&b"yes"[..]).into())]);
    let insider = world.insider("alice");
    let pathless = insider.commit(vote(), &mut rng);
    assert_eq!(world.refuse("bob", &pathless), Error::Invalid(Rule::PathPresent));
    let with_path = insider.commit(Plan { path: true, ..vote() }, &mut rng);
    assert!(matches!(world.receive("bob", &with_path), Ok(Received::Commit(_))));
    assert!(matches!(world.receive_with("carol", &pathless, votes), Ok(Received::Commit(_))));
    for (inputs, path) in [(inputs(), true), (votes, false)] {
        let made = world.member("alice").commit().custom(VOTE, &b"yes"[..]).build(&inputs, &mut rng).unwrap();
        let changed =
            made.preview_public().unwrap().tree().leaf(LeafIndex(0)) != world.member("alice").member(LeafIndex(0));
        assert_eq!(changed, path);
        assert_eq!(made.summary().unwrap().custom, [(VOTE, (&b"yes"[..]).into())]);
    }
}

// RFC 9420 §12.4: a Remove or an Update asks for a path, whatever stands beside it.
#[test]
fn what_asks_for_a_path_does_so_beside_what_does_not() {
    let mut world = trio(World::new(1, Handshake::Public));
    let mut rng = SeededRng::new(5);
    let vote = || Proposal::Custom(VOTE, (&b"yes"[..]).into());
    let carol = world.member("carol").own_leaf();
    let remove = Proposal::Remove(Remove { removed: carol });
    let edit = |edit: &mut TreeEdit<'_>| edit.remove(carol).unwrap();
    let insider = world.insider("alice");
    let votes = Inputs::new(&AcceptAll).with_policy(&Votes);
    let plan = || Plan { edit: &edit, ..Plan::of([remove.clone(), vote()]) };
    let pathless = insider.commit(plan(), &mut rng);
    assert_eq!(world.refuse_with("bob", &pathless, votes), Error::Invalid(Rule::PathPresent));
    let with_path = insider.commit(Plan { path: true, ..plan() }, &mut rng);
    assert!(matches!(world.receive_with("bob", &with_path, votes), Ok(Received::Commit(_))));
}

// RFC 9420 §12.2: "... a non-default proposal type that is not supported by some members of the group".
#[test]
fn custom_proposals_need_everybodys_support() {
    for world in worlds() {
        let mut world = trio(world);
        world.propose("bob", |group, rng| group.propose_custom(VOTE, &b"yes"[..], rng));
        let bundle = world.commit("alice", |commit| commit.custom(VOTE, &b"no"[..]));
        assert!(bundle.welcome.is_none());
        let refused = world.try_with("bob", |group, rng| group.propose_custom(ProposalType(0xf0f0), &b""[..], rng));
        let unsupported = Error::Invalid(Rule::ProposalSupportedByAll);
        assert_eq!(refused.unwrap_err(), unsupported);
        able(&mut world, "dave", false, true, false);
        world.add("alice", "dave");
        let refused = world.try_with("bob", |group, rng| group.propose_custom(VOTE, &b"yes"[..], rng));
        assert_eq!(refused.unwrap_err(), unsupported);
        let refused = world.try_with("bob", |group, rng| group.commit().custom(VOTE, &b""[..]).build(&inputs(), rng));
        assert_eq!(refused.unwrap_err(), unsupported);
        let insider = world.insider("alice");
        let vote = Proposal::Custom(VOTE, (&b"yes"[..]).into());
        let mut rng = SeededRng::new(6);
        let forged = insider.commit(Plan { path: true, ..Plan::of([vote.clone()]) }, &mut rng);
        assert_eq!(world.refuse("carol", &forged), unsupported);
        // Who is removed in the same commit need not support it.
        let remove = Proposal::Remove(cenacle_mls::wire::Remove { removed: LeafIndex(3) });
        let edit = |edit: &mut cenacle_mls::tree::TreeEdit<'_>| edit.remove(LeafIndex(3)).unwrap();
        let honest = insider.commit(Plan { path: true, edit: &edit, ..Plan::of([vote, remove]) }, &mut rng);
        assert!(matches!(world.receive("carol", &honest), Ok(Received::Commit(_))));
    }
}

fn required(extension: bool, proposal: bool, credential: bool) -> Extensions {
    let mut extensions = Extensions::default();
    let required = RequiredCapabilities {
        extension_types: extension.then_some(TOPIC).into_iter().collect(),
        proposal_types: proposal.then_some(VOTE).into_iter().collect(),
        credential_types: credential.then_some(BADGE).into_iter().collect(),
    };
    extensions.push_required_capabilities(&required).unwrap();
    extensions
}

// RFC 9420 §11.1, §7.3, §12.1.7.
#[test]
fn what_is_required_is_met_by_all() {
    let not_met = Error::Invalid(Rule::RequiredCapabilitiesMet);
    for (which, extensions) in
        [required(true, false, false), required(false, true, false), required(false, false, true)]
            .into_iter()
            .enumerate()
    {
        for mut world in worlds() {
            for name in ["alice", "bob"] {
                able(&mut world, name, true, true, true);
            }
            able(&mut world, "dave", which != 1, which != 0, which != 2);
            world.create("alice");
            world.add("alice", "bob");
            world.add("bob", "dave");
            // While one member falls short, it cannot be required.
            let change = extensions.clone();
            let refused = world.try_with("alice", |group, rng| group.commit().extensions(change).build(&inputs(), rng));
            assert_eq!(refused.unwrap_err(), not_met);
            let change = cenacle_mls::wire::GroupContextExtensions { extensions: extensions.clone() };
            let change = Plan {
                path: true,
                extensions: Some(extensions.clone()),
                ..Plan::of([Proposal::GroupContextExtensions(change)])
            };
            let forged = world.insider("alice").commit(change, &mut SeededRng::new(7));
            assert_eq!(world.refuse("bob", &forged), not_met);
            world.commit("alice", |commit| commit.remove(LeafIndex(2)).extensions(extensions.clone()));
            // And once it is required, nobody comes in who does.
            world.forget("dave");
            let package = world.key_package("dave");
            let refused =
                world.try_with("alice", |group, rng| group.commit().add(package.clone()).build(&inputs(), rng));
            assert_eq!(refused.unwrap_err(), not_met);
            let leaf = package.leaf_node.clone();
            let edit = move |edit: &mut cenacle_mls::tree::TreeEdit<'_>| {
                edit.add(&leaf).unwrap();
            };
            let add = Proposal::Add(Add { key_package: Box::new(package.clone()) });
            let forged = world.insider("alice").commit(Plan { edit: &edit, ..Plan::of([add]) }, &mut SeededRng::new(8));
            assert_eq!(world.refuse("bob", &forged), not_met);
            // As a proposal it waits: the same commit may change what is required.
            world.propose("bob", |group, rng| group.propose_add(package, &inputs(), rng));
            let bundle = world.commit("alice", |commit| commit.extensions(Extensions::default()));
            world.accept("dave", &bundle.welcome.unwrap()).unwrap();
            world.agree();
        }
    }
}

// RFC 9420 §13.4: every member supports every extension of the context.
#[test]
fn context_extensions_are_supported_by_all() {
    for world in worlds() {
        let mut world = trio(world);
        let topic = Extension { extension_type: TOPIC, extension_data: (&b"bees"[..]).into() };
        world.commit("alice", |commit| commit.extensions(Extensions(vec![topic.clone()])));
        assert_eq!(world.member("bob").public().extensions().find(TOPIC), Some(&b"bees"[..]));
        able(&mut world, "dave", true, false, false);
        let package = world.key_package("dave");
        let refused = world.try_with("alice", |group, rng| group.commit().add(package.clone()).build(&inputs(), rng));
        assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::ExtensionSupportedByAll));
        let leaf = package.leaf_node.clone();
        let edit = move |edit: &mut cenacle_mls::tree::TreeEdit<'_>| {
            edit.add(&leaf).unwrap();
        };
        let add = Proposal::Add(Add { key_package: Box::new(package) });
        let forged = world.insider("alice").commit(Plan { edit: &edit, ..Plan::of([add]) }, &mut SeededRng::new(9));
        assert_eq!(world.refuse("bob", &forged), Error::Invalid(Rule::ExtensionSupportedByAll));
        able(&mut world, "erin", false, true, false);
        world.add("alice", "erin");
    }
}

// RFC 9420 §5.3, §7.3: credentials of other types stand where everybody supports the type.
#[test]
fn custom_credentials() {
    for mut world in worlds() {
        for name in ["alice", "bob"] {
            able(&mut world, name, false, false, true);
        }
        let badge = Credential::Custom(BADGE, (&b"no. 7"[..]).into());
        let (client, _) = common::succession::client("dave", &common::succession::suite(1), 9);
        let signer = std::sync::Arc::clone(&world.person("dave").signer);
        let capabilities = Capabilities { credentials: vec![BADGE], ..client.capabilities().clone() };
        let client = cenacle_mls::group::Client::new(common::succession::suite(1), signer, badge.clone());
        assert_eq!(client.capabilities().credentials, [BADGE]);
        // Whoever is in the group must support what the others show.
        let narrow = client.clone();
        world.person("dave").client = narrow.with_capabilities(capabilities);
        world.create("alice");
        world.add("alice", "bob");
        let package = world.key_package("dave");
        let refused = world.try_with("alice", |group, rng| group.commit().add(package.clone()).build(&inputs(), rng));
        assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::CredentialSupportedByAll));
        let capabilities =
            Capabilities { credentials: vec![BADGE, CredentialType::BASIC], ..client.capabilities().clone() };
        world.person("dave").client = client.with_capabilities(capabilities);
        world.add("alice", "dave");
        assert_eq!(world.member("bob").member(LeafIndex(2)).unwrap().credential, badge);
        world.say("dave", "with a badge");
        world.reload("bob");
        able(&mut world, "erin", false, false, false);
        let package = world.key_package("erin");
        let refused = world.try_with("alice", |group, rng| group.commit().add(package).build(&inputs(), rng));
        assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::CredentialSupportedByAll));
    }
}

/// Suite 3 before suite 1.
struct Prefers;

impl GroupPolicy for Prefers {
    fn preferred_suites(&self) -> &[cenacle_crypto::CipherSuite] {
        const { &[cenacle_crypto::CipherSuite(3), cenacle_crypto::CipherSuite(1)] }
    }
}

// RFC 9420 §11: "the creator MUST use the capabilities information in these KeyPackages to verify that the chosen version and
// cipher suite is the best option supported by all members."
#[test]
fn a_group_is_not_founded_with_a_worse_suite_than_all_support() {
    for (bob_supports, refused) in [(false, false), (true, true)] {
        let mut world = World::new(1, Handshake::Private);
        for (name, supports) in [("alice", true), ("bob", bob_supports)] {
            let client = world.person(name).client.clone();
            let mut capabilities = client.capabilities().clone();
            capabilities.cipher_suites.retain(|suite| supports || *suite != cenacle_crypto::CipherSuite(3));
            world.person(name).client = client.with_capabilities(capabilities);
        }
        let package = world.key_package("bob");
        let client = world.person("alice").client.clone();
        let founding = |inputs: &Inputs<'_>| {
            let founding = client.found((&b"new"[..]).into(), Extensions::default(), common::LIFETIME);
            world.ledger.dropped(|| founding.add(package.clone()).build(inputs, &mut SeededRng::new(5)).map(drop))
        };
        let result = founding(&inputs().with_policy(&Prefers));
        assert_eq!(matches!(result, Err(Error::Refused(_))), refused, "{result:?}");
        assert_eq!(founding(&inputs()), Ok(()));
    }
}

/// Only the member at leaf 0 removes anybody, as the whole commit shows.
struct FounderRemoves;

impl GroupPolicy for FounderRemoves {
    fn admits_commit(&self, old: &PublicGroup, new: &PublicGroup, does: &CommitSummary) -> Result<(), Refusal> {
        assert_eq!((old.epoch().0 + 1, does.epoch), (new.epoch().0, new.epoch()));
        assert!(does.removed.iter().all(|(leaf, _)| new.tree().leaf(*leaf).is_none()));
        let founder = does.committer == LeafIndex(0);
        if founder || does.removed.is_empty() { Ok(()) } else { Err("only the founder removes".into()) }
    }
}

// RFC 9420 §12.4.2. Who is removed would leave a group that the others stay in.
#[test]
fn who_is_removed_asks_as_the_others_do() {
    for world in worlds() {
        let mut world = trio(world);
        let founder_removes = Inputs::new(&AcceptAll).with_policy(&FounderRemoves).at(1_000);
        let careless = world.build_commit("bob", |commit| commit.remove(LeafIndex(2)));
        for name in ["alice", "carol"] {
            let why = Error::Refused("only the founder removes".into());
            assert_eq!(world.refuse_with(name, &careless.commit, founder_removes), why);
        }
        assert!(world.is_member("carol"));
        world.say("carol", "still here");
        let commit = world.build_commit("alice", |commit| commit.remove(LeafIndex(2))).commit;
        assert!(matches!(world.receive_with("carol", &commit, founder_removes), Ok(Received::Removed(_))));
        assert!(matches!(world.receive_with("bob", &commit, founder_removes), Ok(Received::Commit(_))));
    }
}
