//! Observers (RFC 9420 §6.2, §12.4.2 without its secrets): they follow a group through every kind of proposal and commit in the
//! clear, are stored and read back at every step, agree with the members on all that is public, and refuse what breaks a rule.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

mod common;

use cenacle_crypto::{Rng, conformance::SeededRng};
use cenacle_mls::{
    Error, Misuse, Refusal, Rule, Unsupported, What,
    delta::PersistError,
    group::{
        AcceptAll, CommitBuilder, CommitSummary, Group, GroupPolicy, Handshake, Inputs, Observation, Observed,
        Observer, PublicGroup, Received, Settings, Transition,
    },
    schedule::interim_transcript_hash,
    wire::{
        Add, Capabilities, Commit, Content, Epoch, Extensions, ExternalInit, GroupContextExtensions, GroupId,
        LeafIndex, LeafNodeSource, MlsMessage, MlsMessageBody, PreSharedKey, PreSharedKeyId, Proposal, ProposalOrRef,
        ProposalType, ProtocolVersion, Psk, ReInit, Remove, ResumptionPskUsage, Sender, Update, WireFormat,
    },
};
use cenacle_store::{MemoryStore, Snapshot};
use common::{
    World,
    forge::{Insider, Plan, psk_id},
    inputs, roundtrip,
    succession::{id, suite, to},
};

const VOTE: ProposalType = ProposalType(0xf001);

struct Eye {
    store: MemoryStore,
    observer: Observer,
}

impl Eye {
    /// Begins with a GroupInfo of the present epoch.
    fn open(world: &World, by: &str) -> Self {
        let info = roundtrip(&world.member(by).group_info(true, false).unwrap());
        let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
        let observer = Observer::new(&info, None, suite(1), Settings::default(), &inputs()).unwrap();
        let mut store = MemoryStore::default();
        Self { observer: observer.persist(&mut store).unwrap(), store }
    }

    fn stage(&self, message: &MlsMessage) -> Result<Observation, Error> {
        self.observer.stage(&roundtrip(message), &inputs())
    }

    /// The process ends and begins again; what was stored is what was in memory.
    fn reload(&mut self) {
        let group_id = self.observer.public().group_id().clone();
        let loaded = load(&self.store, &group_id);
        assert_same(self.observer.public(), loaded.public());
        assert_eq!(loaded.public().reinit(), self.observer.public().reinit());
        let proposals = |observer: &Observer| {
            observer.proposals().map(|(reference, by, what)| (reference, by, what.clone())).collect::<Vec<_>>()
        };
        assert_eq!(proposals(&loaded), proposals(&self.observer));
        self.observer = loaded;
    }

    fn see(&mut self, message: &MlsMessage) -> Observed {
        let observation = self.stage(message).unwrap();
        let seen = self.observer.merge(observation, &mut self.store).unwrap();
        self.reload();
        seen
    }

    fn print(&self) -> (Snapshot, Epoch, usize) {
        (self.store.snapshot(), self.observer.public().epoch(), self.observer.proposals().count())
    }

    fn refuse(&self, message: &MlsMessage) -> Error {
        let before = self.print();
        let error = self.stage(message).map(|observation| observation.preview().clone()).unwrap_err();
        assert!(before == self.print());
        error
    }
}

fn load(store: &MemoryStore, group_id: &GroupId) -> Observer {
    Observer::load(store, group_id, suite(1), Settings::default()).unwrap().unwrap()
}

fn assert_same(left: &PublicGroup, right: &PublicGroup) {
    assert_eq!(left.context(), right.context());
    assert_eq!(left.tree().to_wire(), right.tree().to_wire());
    let interim = |public: &PublicGroup| {
        let confirmed = public.context().confirmed_transcript_hash;
        interim_transcript_hash(&*suite(1), &confirmed, public.confirmation_tag()).unwrap()
    };
    assert_eq!(interim(left), interim(right));
}

/// Everybody receives, the observer too, and all agree.
fn all_see(world: &mut World, eye: &mut Eye, from: &str, message: &MlsMessage) -> Observed {
    world.deliver(from, message);
    if world.is_member(from) && world.member(from).has_pending_commit() {
        assert!(matches!(world.receive(from, message), Ok(Received::OwnCommit(_))));
    }
    let seen = eye.see(message);
    world.agree();
    let member = world.members().first().unwrap().clone();
    assert_same(world.member(&member).public(), eye.observer.public());
    seen
}

fn trio() -> World {
    let mut world = World::new(1, Handshake::Public);
    for name in ["alice", "bob", "carol", "dave", "erin"] {
        let client = world.person(name).client.clone();
        let capabilities = Capabilities { proposals: vec![VOTE], ..client.capabilities().clone() };
        world.person(name).client = client.with_capabilities(capabilities);
    }
    world.create("alice");
    world.add("alice", "bob");
    world.add("alice", "carol");
    world
}

fn proposes(
    world: &mut World,
    eye: &mut Eye,
    by: &str,
    f: impl FnOnce(&Group, &mut dyn Rng) -> Result<Transition<MlsMessage>, Error>,
) {
    let message = world.with(by, f);
    let seen = all_see(world, eye, by, &message);
    assert!(matches!(seen, Observed::Proposal { sender: Sender::Member(_), .. }));
    // Once more, it waits once.
    let waiting = eye.observer.proposals().count();
    eye.see(&message);
    assert_eq!(eye.observer.proposals().count(), waiting);
}

fn commits(
    world: &mut World,
    eye: &mut Eye,
    by: &str,
    f: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
) -> Option<MlsMessage> {
    let bundle = world.build_commit(by, f);
    let Observed::Commit(summary) = all_see(world, eye, by, &bundle.commit) else { panic!() };
    assert_eq!(summary.epoch, eye.observer.public().epoch());
    assert_eq!(eye.observer.proposals().count(), 0);
    bundle.welcome
}

#[test]
fn an_observer_follows_a_group_through_everything() {
    let mut world = trio();
    let mut eye = Eye::open(&world, "bob");
    assert_same(world.member("alice").public(), eye.observer.public());
    world.psks.insert_external(&b"psk"[..], vec![7; 32]);
    let psk = || Psk::External((&b"psk"[..]).into());
    // By value.
    commits(&mut world, &mut eye, "alice", |commit| commit.with_path().authenticated_data(&b"aad"[..]));
    let package = world.key_package("dave");
    let welcome = commits(&mut world, &mut eye, "bob", |commit| commit.add(package));
    world.accept("dave", &welcome.unwrap()).unwrap();
    commits(&mut world, &mut eye, "dave", |commit| commit.psk(psk()));
    let mut extensions = Extensions::default();
    let server = world.person("server").client.clone();
    extensions.push_external_senders(&vec![server.external_sender()]).unwrap();
    commits(&mut world, &mut eye, "carol", |commit| commit.extensions(extensions.clone()).custom(VOTE, &b"x"[..]));
    commits(&mut world, &mut eye, "alice", |commit| commit.remove(LeafIndex(3)));
    // By reference, from members and from outside.
    let package = world.key_package("dave");
    proposes(&mut world, &mut eye, "bob", Group::propose_update);
    proposes(&mut world, &mut eye, "carol", |group, rng| group.propose_add(package, &inputs(), rng));
    proposes(&mut world, &mut eye, "carol", |group, rng| group.propose_psk(psk(), rng));
    proposes(&mut world, &mut eye, "bob", |group, rng| group.propose_custom(VOTE, &b"y"[..], rng));
    proposes(&mut world, &mut eye, "bob", |group, rng| group.propose_extensions(extensions.clone(), rng));
    let welcome = commits(&mut world, &mut eye, "alice", |commit| commit);
    world.accept("dave", &welcome.unwrap()).unwrap();
    let remove = Proposal::Remove(Remove { removed: LeafIndex(3) });
    let outside = server.propose_externally(eye.observer.public(), remove, &inputs()).unwrap();
    let seen = all_see(&mut world, &mut eye, "server", &outside);
    assert!(matches!(seen, Observed::Proposal { sender: Sender::External(0), .. }));
    let package = world.key_package("erin");
    let erin = world.person("erin").client.clone();
    let outside = erin.propose_joining(eye.observer.public(), package, &inputs()).unwrap();
    all_see(&mut world, &mut eye, "erin", &outside);
    let welcome = commits(&mut world, &mut eye, "carol", |commit| commit);
    world.accept("erin", &welcome.unwrap()).unwrap();
    assert!(!world.is_member("dave"));
    // From outside, and back.
    for resync in [false, true] {
        let former = resync.then(|| world.member("frank").own_leaf());
        let old = world.person("frank").group.take();
        let info = roundtrip(&world.member("alice").group_info(true, true).unwrap());
        let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
        let mut rng = SeededRng::new(5 + u64::from(resync));
        let frank = world.person("frank");
        let mut capabilities = frank.client.capabilities().clone();
        capabilities.proposals = vec![VOTE];
        let client = frank.client.clone().with_capabilities(capabilities);
        let how = cenacle_mls::group::ExternalJoin { replaces: former, ..Default::default() };
        let pending = client.join_external(&info, how, &inputs(), &mut rng).unwrap().persist(&mut frank.store).unwrap();
        let commit = pending.commit().clone();
        let Observed::Commit(summary) = all_see(&mut world, &mut eye, "frank", &commit) else { panic!() };
        assert_eq!((summary.external, summary.removed.len()), (1, usize::from(resync)));
        let frank = world.person("frank");
        frank.group = Some(match old {
            Some(old) => pending.accepted().accept_in_place_of(old, &mut frank.store).unwrap(),
            None => pending.accepted().accept(&mut frank.store).unwrap(),
        });
        world.agree();
    }
    commits(&mut world, &mut eye, "frank", |commit| commit.with_path());
    // The end.
    proposes(&mut world, &mut eye, "bob", |group, rng| group.propose_reinit(to("next", 3), rng));
    commits(&mut world, &mut eye, "erin", |commit| commit);
    assert_eq!(eye.observer.public().reinit(), Some(&to("next", 3)));
    let late = world.insider("bob").propose(Proposal::Remove(Remove { removed: LeafIndex(0) }));
    assert_eq!(eye.refuse(&late), Error::Invalid(Rule::ReInitIsLast));
}

#[test]
fn an_observer_starts_in_the_middle_and_over_again() {
    let mut world = trio();
    let mut eye = Eye::open(&world, "alice");
    proposes(&mut world, &mut eye, "bob", Group::propose_update);
    commits(&mut world, &mut eye, "alice", |commit| commit);
    // What it missed it cannot follow.
    world.renew("bob");
    let commit = world.build_commit("carol", |commit| commit).commit;
    assert_eq!(eye.refuse(&commit), Error::Future(world.member("carol").epoch()));
    let info = roundtrip(&world.member("carol").group_info(true, false).unwrap());
    let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
    let (waiting, rows) =
        (world.insider("bob").propose(Proposal::Remove(Remove { removed: LeafIndex(0) })), eye.store.len_rows());
    let again = Observer::new(&info, None, suite(1), Settings::default(), &inputs()).unwrap();
    eye.observer = again.persist(&mut eye.store).unwrap();
    eye.reload();
    assert_eq!(eye.store.len_rows(), rows);
    eye.see(&waiting);
    assert_eq!(eye.observer.proposals().count(), 1);
    let seen = eye.see(&commit);
    assert!(matches!(seen, Observed::Commit(_)));
    // Without the tree there is nothing to observe, and with another there is not, either.
    let info = roundtrip(&world.member("carol").group_info(false, false).unwrap());
    let MlsMessageBody::GroupInfo(bare) = info.body else { panic!() };
    let new = |tree| Observer::new(&bare, tree, suite(1), Settings::default(), &inputs()).map(drop);
    assert_eq!(new(None).unwrap_err(), Error::Missing(cenacle_mls::Need::RatchetTree));
    let present = world.member("carol").public().tree().to_wire().unwrap();
    assert!(new(Some(present)).is_ok());
    let later = eye.observer.public().tree().to_wire().unwrap();
    assert_eq!(new(Some(later)).unwrap_err(), Error::Invalid(Rule::TreeHashMatches));
    let mut forged = bare.clone();
    forged.group_context.epoch = Epoch(99);
    let tree = world.member("carol").public().tree().to_wire().unwrap();
    let refused = Observer::new(&forged, Some(tree), suite(1), Settings::default(), &inputs()).map(drop);
    assert_eq!(refused.unwrap_err(), Error::Unverified(What::GroupInfoSignature));
    // Nobody else's suite.
    let other = Observer::load(&eye.store, &id("group"), suite(3), Settings::default()).map(drop);
    let refused = common::succession::not_accepted(other);
    assert_eq!(refused, Error::Unsupported(Unsupported::CipherSuite));
    assert!(Observer::load(&eye.store, &id("other"), suite(1), Settings::default()).unwrap().is_none());
}

#[test]
fn an_observation_of_an_older_state_is_outdated() {
    let mut world = trio();
    let mut eye = Eye::open(&world, "alice");
    let proposal = world.propose("bob", Group::propose_update);
    let commit = world.commit("alice", |commit| commit).commit;
    let (first, second) = (eye.stage(&proposal).unwrap(), eye.stage(&proposal).unwrap());
    let before = eye.store.snapshot();
    // The commit refers to what was not seen yet.
    assert_eq!(eye.refuse(&commit), Error::Invalid(Rule::ProposalKnown));
    eye.observer.merge(first, &mut eye.store).unwrap();
    let after = eye.store.snapshot();
    assert!(before != after);
    let refused = eye.observer.merge(second, &mut eye.store);
    assert!(matches!(refused, Err(PersistError::State(Error::Misuse(Misuse::Outdated)))));
    assert!(after == eye.store.snapshot());
    // Not of another observer, either.
    let mut other = Eye { observer: load(&eye.store, &id("group")), store: MemoryStore::from(eye.store.snapshot()) };
    let observation = eye.stage(&commit).unwrap();
    let refused = other.observer.merge(observation, &mut other.store);
    assert!(matches!(refused, Err(PersistError::State(Error::Misuse(Misuse::Outdated)))));
    assert!(after == other.store.snapshot());
    eye.see(&commit);
}

#[test]
fn what_is_not_for_observers_is_refused() {
    let mut world = trio();
    let eye = Eye::open(&world, "alice");
    let mut rng = SeededRng::new(6);
    let insider = world.insider("bob");
    let remove = Proposal::Remove(Remove { removed: LeafIndex(2) });
    let encrypted = Error::Unsupported(Unsupported::Encrypted);
    let data = world.with("alice", |group, rng| group.protect(b"x", b"", rng));
    assert_eq!(eye.refuse(&data), encrypted);
    assert_eq!(eye.refuse(&insider.encrypt(Content::Proposal(remove.clone()), &mut rng)), encrypted);
    let package = world.key_package("dave");
    let wrong = Error::Misuse(Misuse::WrongMessage);
    assert_eq!(eye.refuse(&package.into()), wrong);
    assert_eq!(eye.refuse(&world.member("alice").group_info(true, true).unwrap()), wrong);
    // Data in the clear, other groups and epochs, forged signatures.
    let framed = |change: &dyn Fn(&mut cenacle_mls::wire::FramedContent)| {
        let mut framed = insider.framed(Sender::Member(insider.leaf), Content::Proposal(remove.clone()));
        change(&mut framed);
        let member = matches!(framed.sender, Sender::Member(_));
        let content = insider.sign(WireFormat::PUBLIC_MESSAGE, framed);
        MlsMessage::from(cenacle_mls::wire::PublicMessage {
            content: content.content,
            auth: content.auth,
            membership_tag: member.then(|| world.suite.hash(&[b"nobody looks at it"])),
        })
    };
    let data = framed(&|framed| framed.content = Content::Application((&b"x"[..]).into()));
    assert_eq!(eye.refuse(&data), Error::Invalid(Rule::ApplicationDataIsEncrypted));
    let epoch = world.member("alice").epoch();
    assert_eq!(eye.refuse(&framed(&|framed| framed.group_id = id("x"))), Error::Invalid(Rule::GroupIdMatches));
    assert_eq!(eye.refuse(&framed(&|framed| framed.epoch = Epoch(epoch.0 + 1))), Error::Future(Epoch(epoch.0 + 1)));
    assert_eq!(eye.refuse(&framed(&|framed| framed.epoch = Epoch(0))), Error::Stale(Epoch(0)));
    let unsigned = Error::Unverified(What::ContentSignature);
    assert_eq!(eye.refuse(&framed(&|framed| framed.sender = Sender::Member(LeafIndex(0)))), unsigned);
    let blank = framed(&|framed| framed.sender = Sender::Member(LeafIndex(3)));
    assert_eq!(eye.refuse(&blank), Error::Invalid(Rule::SenderIsMember));
    assert_eq!(
        eye.refuse(&framed(&|framed| framed.sender = Sender::External(0))),
        Error::Invalid(Rule::ExternalSenderIsListed)
    );
    let own = framed(&|framed| framed.sender = Sender::NewMemberProposal);
    assert_eq!(eye.refuse(&own), Error::Invalid(Rule::NewMemberProposesAdd));
    // Membership tags are not an observer's to check: this one a member would refuse.
    let honest = framed(&|_| ());
    assert!(eye.stage(&honest).is_ok());
    assert_eq!(world.refuse("alice", &honest), Error::Unverified(What::MembershipTag));
}

/// A commit as bob makes it, and the rule it breaks.
fn broken(world: &World, bob: &Insider, rng: &mut SeededRng) -> Vec<(Rule, MlsMessage)> {
    let leaf = |change: &dyn Fn(&mut cenacle_mls::wire::LeafNode)| {
        let leaf = bob.leaf_node(|leaf| {
            leaf.source = LeafNodeSource::Update;
            change(leaf);
        });
        Proposal::Update(Update { leaf_node: Box::new(leaf) })
    };
    let remove = |leaf| Proposal::Remove(Remove { removed: LeafIndex(leaf) });
    let psk =
        |length: usize| PreSharedKeyId { psk: Psk::External((&b"psk"[..]).into()), psk_nonce: vec![1; length].into() };
    let fold = |psk| Proposal::PreSharedKey(PreSharedKey { psk });
    let (usage, psk_group_id) = (ResumptionPskUsage::Branch, id("group"));
    let branch = Psk::Resumption { usage, psk_group_id, psk_epoch: world.member("bob").epoch() };
    let branch = psk_id(&*bob.suite, branch, rng);
    let reinit = |version| Proposal::ReInit(ReInit { version: ProtocolVersion(version), ..to("next", 1) });
    let gce = || Proposal::GroupContextExtensions(GroupContextExtensions { extensions: Extensions::default() });
    let init = Proposal::ExternalInit(ExternalInit { kem_output: vec![1; 32].into() });
    let member = world.people.get("carol").unwrap();
    let present = Proposal::Add(Add {
        key_package: Box::new(common::succession::offer(&member.client, &mut MemoryStore::default(), rng)),
    });
    let with_path = |proposals: Vec<Proposal>| Plan { path: true, ..Plan::of(proposals) };
    let unknown = cenacle_mls::wire::ProposalRef(bob.suite.hash(&[b"nothing"]));
    let plans = vec![
        (Rule::UpdateNotByCommitter, with_path(vec![leaf(&|_| ())])),
        (Rule::CommitterNotRemoved, with_path(vec![remove(1)])),
        (Rule::RemovedIsMember, with_path(vec![remove(7)])),
        (Rule::LeafChangedOnce, with_path(vec![remove(2), remove(2)])),
        (Rule::PathPresent, Plan::of([])),
        (Rule::PathPresent, Plan::of([gce()])),
        (Rule::PathPresent, Plan::of([gce(), fold(psk(32))])),
        (Rule::PskNonceLength, Plan::of([fold(psk(31))])),
        (Rule::PskUnique, Plan::of([fold(psk(32)), fold(psk(32))])),
        (Rule::PskUsageFits, Plan::of([fold(branch)])),
        (Rule::ReInitVersion, Plan::of([reinit(0)])),
        (Rule::ReInitAlone, with_path(vec![reinit(1), gce()])),
        (Rule::ExtensionsReplacedOnce, with_path(vec![gce(), gce()])),
        (Rule::ExternalInitOnce, with_path(vec![init])),
        (Rule::AddedIsNew, Plan::of([present])),
        (Rule::ProposalSupportedByAll, with_path(vec![Proposal::Custom(ProposalType(0xf0f0), (&b""[..]).into())])),
        (Rule::ProposalKnown, Plan { list: vec![ProposalOrRef::Reference(Box::new(unknown))], ..with_path(vec![]) }),
    ];
    plans.into_iter().map(|(rule, plan)| (rule, bob.commit(plan, rng))).collect()
}

#[test]
fn every_rule_that_needs_no_secret_is_kept() {
    let mut world = trio();
    let eye = Eye::open(&world, "alice");
    let bob = world.insider("bob");
    let mut rng = SeededRng::new(7);
    world.psks.insert_external(&b"psk"[..], vec![7; 32]);
    for (rule, message) in broken(&world, &bob, &mut rng) {
        assert_eq!(eye.refuse(&message), Error::Invalid(rule));
        // As the members say.
        assert_eq!(world.refuse("alice", &message), Error::Invalid(rule));
    }
    // The path itself: one node too many, a wrong parent hash, a key that stays.
    let honest = bob.commit(Plan { path: true, ..Plan::of([]) }, &mut rng);
    let changed = |change: &dyn Fn(&mut Commit)| {
        let MlsMessageBody::PublicMessage(message) = honest.body.clone() else { panic!() };
        let (mut framed, tag) = (message.content, message.auth.confirmation_tag);
        let Content::Commit(commit) = &mut framed.content else { panic!() };
        change(commit);
        let mut content = bob.sign(WireFormat::PUBLIC_MESSAGE, framed);
        content.auth.confirmation_tag = tag;
        bob.send(content)
    };
    let longer = changed(&|commit| {
        let nodes = &mut commit.path.as_mut().unwrap().nodes;
        nodes.push(nodes.first().unwrap().clone());
    });
    let fewer = changed(&|commit| {
        commit.path.as_mut().unwrap().nodes.last_mut().unwrap().encrypted_path_secret.pop().unwrap();
    });
    let wrong_hash = changed(&|commit| {
        let path = commit.path.as_mut().unwrap();
        path.leaf_node = bob.leaf_node(|leaf| {
            leaf.encryption_key = path.leaf_node.encryption_key.clone();
            leaf.source = LeafNodeSource::Commit { parent_hash: bob.suite.hash(&[b"x"]) };
        });
    });
    let same_key = changed(&|commit| {
        let path = commit.path.as_mut().unwrap();
        path.leaf_node = bob.leaf_node(|leaf| leaf.source = path.leaf_node.source.clone());
    });
    for (rule, message) in [
        (Rule::PathLengthFits, longer),
        (Rule::PathCiphertextsFit, fewer),
        (Rule::ParentHashValid, wrong_hash),
        (Rule::LeafKeyReplaced, same_key),
    ] {
        assert_eq!(eye.refuse(&message), Error::Invalid(rule));
        assert_eq!(world.refuse("alice", &message), Error::Invalid(rule));
    }
    // What only members can tell, an observer follows.
    let MlsMessageBody::PublicMessage(mut untagged) = honest.body.clone() else { panic!() };
    untagged.auth.confirmation_tag = Some(bob.suite.hash(&[b"no tag"]));
    assert!(eye.stage(&untagged.into()).is_ok());
    let mut eye = eye;
    eye.see(&honest);
    assert!(world.receive("alice", &honest).is_ok());
    assert_same(world.member("alice").public(), eye.observer.public());
}

/// No commit pleases it.
struct Closed;

impl GroupPolicy for Closed {
    fn admits_commit(&self, _: &PublicGroup, _: &PublicGroup, _: &CommitSummary) -> Result<(), Refusal> {
        Err("closed".into())
    }
}

#[test]
fn an_observer_asks_the_application_too() {
    let mut world = trio();
    let mut eye = Eye::open(&world, "alice");
    let closed = inputs().with_policy(&Closed);
    let commit = world.commit("bob", |commit| commit.with_path()).commit;
    let refused = eye.observer.stage(&commit, &closed).map(drop);
    assert_eq!(refused.unwrap_err(), Error::Refused("closed".into()));
    // The default policy lets nobody propose its own addition.
    eye.see(&commit);
    let package = world.key_package("dave");
    let add = world.person("dave").client.propose_joining(eye.observer.public(), package, &inputs()).unwrap();
    let refused = eye.observer.stage(&add, &Inputs::new(&AcceptAll)).map(drop);
    assert_eq!(refused.unwrap_err(), Error::Refused("nobody adds himself here".into()));
    eye.see(&add);
}

#[test]
fn an_observed_group_is_forgotten() {
    let world = trio();
    let mut eye = Eye::open(&world, "alice");
    eye.see(&world.insider("bob").propose(Proposal::Remove(Remove { removed: LeafIndex(0) })));
    Observer::forget(&mut eye.store, &id("other")).unwrap();
    eye.reload();
    Observer::forget(&mut eye.store, &id("group")).unwrap();
    assert_eq!(eye.store.len_rows(), 0);
}
