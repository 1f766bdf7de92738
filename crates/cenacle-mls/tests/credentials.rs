//! Credentials (RFC 9420 §5.3.1): the application is asked at each event, about whom it must be and once for each, and a member
//! replaces its credential and signature key by an Update or by a commit.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use std::cell::RefCell;

use cenacle_crypto::conformance::SeededRng;
use cenacle_mls::{
    Distrust, Error, Misuse, Need, What,
    group::{
        AcceptAll, Client, CredentialPolicy, ExternalJoin, Group, Handshake, Inputs, Occasion, OwnKeyPackage,
        Presented, Received, Verdict,
    },
    wire::{Credential, Extensions, GroupId, LeafIndex, MlsMessage, MlsMessageBody},
};
use common::{
    LIFETIME, World, inputs, roundtrip,
    succession::{client, id, suite, welcome_of},
};

/// One question: the occasion, the group, who, and in whose place.
type Asked = (Occasion, Option<GroupId>, String, Option<String>);

#[derive(Default)]
struct Recorder {
    asked: RefCell<Vec<Asked>>,
    refuses: Option<(Occasion, Distrust)>,
}

fn name(credential: &Credential) -> String {
    let Credential::Basic(name) = credential else { panic!("{credential:?}") };
    String::from_utf8(name.to_vec()).unwrap()
}

impl CredentialPolicy for Recorder {
    fn verdict(&self, presented: &Presented<'_>) -> Verdict {
        let Presented { occasion, group_id, credential, replaces, .. } = *presented;
        let question = (occasion, group_id.cloned(), name(credential), replaces.map(name));
        self.asked.borrow_mut().push(question);
        match self.refuses {
            Some((when, why)) if when == occasion => Verdict::Refuse(why),
            _ => Verdict::Accept,
        }
    }
}

impl Recorder {
    fn refusing(occasion: Occasion, why: Distrust) -> Self {
        Self { refuses: Some((occasion, why)), ..Self::default() }
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs::new(self).with_policy(&AcceptAll).at(1_000)
    }

    /// What was asked since the last time, a question that was repeated at once taken once.
    fn questions(&self) -> Vec<Asked> {
        let mut asked = self.asked.take();
        asked.dedup();
        asked
    }
}

fn asked(occasion: Occasion, who: &str) -> Asked {
    (occasion, Some(id("group")), who.to_owned(), None)
}

fn in_place(occasion: Occasion, who: &str, former: &str) -> Asked {
    (occasion, Some(id("group")), who.to_owned(), Some(former.to_owned()))
}

fn trio(handshake: Handshake) -> World {
    let mut world = World::new(1, handshake);
    world.create("alice");
    world.add("alice", "bob");
    world.add("alice", "carol");
    world
}

fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(trio)
}

/// The member will present another credential and key.
fn succeed(world: &mut World, name: &str, new: &str, seed: u64) -> Client {
    let person = world.people.get_mut(name).unwrap();
    let (successor, _) = client(new, &suite(1), seed);
    let successor = successor.with_settings(*person.client.settings());
    person.client = person.client.clone().with_successor(successor.clone());
    person.group = Some(person.group.take().unwrap().with_client(&person.client).unwrap());
    successor
}

// RFC 9420 §5.3.1.
#[test]
fn additions_are_asked_about() {
    for mut world in worlds() {
        let (recorder, package) = (Recorder::default(), world.key_package("dave"));
        let proposal =
            world.try_with("alice", |group, rng| group.propose_add(package.clone(), &recorder.inputs(), rng)).unwrap();
        assert_eq!(recorder.questions(), [asked(Occasion::KeyPackage, "dave")]);
        let refusing = Recorder::refusing(Occasion::Add, Distrust::Untrusted);
        let untrusted = Error::Unverified(What::Credential(Distrust::Untrusted));
        assert_eq!(world.refuse_with("bob", &proposal, refusing.inputs()), untrusted);
        for name in ["bob", "carol"] {
            world.receive_with(name, &proposal, recorder.inputs()).unwrap();
            assert_eq!(recorder.questions(), [asked(Occasion::Add, "dave")]);
        }
        let bundle = world.try_with("bob", |group, rng| group.commit().build(&recorder.inputs(), rng)).unwrap();
        assert_eq!(recorder.questions(), [asked(Occasion::Add, "dave")]);
        assert_eq!(world.refuse_with("carol", &bundle.commit, refusing.inputs()), untrusted);
        for name in ["alice", "carol"] {
            world.receive_with(name, &bundle.commit, recorder.inputs()).unwrap();
            assert_eq!(recorder.questions(), [asked(Occasion::Add, "dave")]);
        }
        world.receive_with("bob", &bundle.commit, recorder.inputs()).unwrap();
        assert!(recorder.questions().is_empty());
        // The joiner asks about everybody, itself among them.
        let welcome = welcome_of(&bundle.welcome.unwrap());
        let dave = world.people.get_mut("dave").unwrap();
        let own = OwnKeyPackage::find(&dave.store, &welcome).unwrap().unwrap();
        let refusing = Recorder::refusing(Occasion::Join, Distrust::NotCurrent);
        let refused = dave.client.join(&welcome, &own, None, &refusing.inputs()).unwrap_err();
        assert_eq!(refused, Error::Unverified(What::Credential(Distrust::NotCurrent)));
        let new = dave.client.join(&welcome, &own, None, &recorder.inputs()).unwrap();
        let everybody = ["alice", "bob", "carol", "dave"].map(|who| asked(Occasion::Join, who));
        assert_eq!(recorder.questions(), everybody);
        dave.group = Some(new.accept(&mut dave.store).unwrap());
        world.agree();
        // One's own key package by value.
        let package = world.key_package("erin");
        let refusing = Recorder::refusing(Occasion::Add, Distrust::WrongIdentity);
        let refused = world.try_with("bob", |group, rng| group.commit().add(package).build(&refusing.inputs(), rng));
        assert_eq!(refused.unwrap_err(), Error::Unverified(What::Credential(Distrust::WrongIdentity)));
    }
}

// RFC 9420 §5.3.1, §12.1.8.1.
#[test]
fn external_senders_are_asked_about() {
    for mut world in worlds() {
        let recorder = Recorder::default();
        let mut extensions = Extensions::default();
        let senders = ["server", "robot"].map(|name| world.person(name).client.external_sender());
        extensions.push_external_senders(&senders.to_vec()).unwrap();
        let message = world.with("alice", |group, rng| group.propose_extensions(extensions.clone(), rng));
        let refusing = Recorder::refusing(Occasion::ExternalSender, Distrust::Malformed);
        let malformed = Error::Unverified(What::Credential(Distrust::Malformed));
        assert_eq!(world.refuse_with("bob", &message, refusing.inputs()), malformed);
        let both = ["server", "robot"].map(|who| asked(Occasion::ExternalSender, who));
        for name in ["bob", "carol"] {
            world.receive_with(name, &message, recorder.inputs()).unwrap();
            assert_eq!(recorder.questions(), both);
        }
        let commit = world.build_commit("alice", |commit| commit).commit;
        assert_eq!(world.refuse_with("bob", &commit, refusing.inputs()), malformed);
        world.receive_with("bob", &commit, recorder.inputs()).unwrap();
        assert_eq!(recorder.questions(), both);
        // Whoever makes a group of its own asks, too.
        let alice = world.person("alice").client.clone();
        let mut create =
            |inputs: &Inputs<'_>| alice.create_group(id("other"), extensions.clone(), LIFETIME, inputs, &mut world.rng);
        assert_eq!(create(&refusing.inputs()).unwrap_err(), malformed);
        assert!(create(&recorder.inputs()).is_ok());
        let there = |(occasion, _, who, former)| (occasion, Some(id("other")), who, former);
        assert_eq!(recorder.questions(), both.map(there));
    }
}

// RFC 9420 §5.3.1, §12.4.3.2.
#[test]
fn external_commits_are_asked_about() {
    for mut world in worlds() {
        let recorder = Recorder::default();
        let info = |world: &World| {
            let info = roundtrip(&world.member("alice").group_info(true, true).unwrap());
            let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
            info
        };
        let (here, mut rng) = (info(&world), SeededRng::new(4));
        let dave = world.person("dave");
        let how = ExternalJoin::default();
        let pending = dave.client.join_external(&here, how, &recorder.inputs(), &mut rng).unwrap();
        let everybody = ["alice", "bob", "carol"].map(|who| asked(Occasion::Join, who));
        assert_eq!(recorder.questions(), everybody);
        let pending = pending.persist(&mut dave.store).unwrap();
        let commit = pending.commit().clone();
        let refusing = Recorder::refusing(Occasion::ExternalCommit, Distrust::Untrusted);
        let refused = world.refuse_with("bob", &commit, refusing.inputs());
        assert_eq!(refused, Error::Unverified(What::Credential(Distrust::Untrusted)));
        for name in ["alice", "bob", "carol"] {
            world.receive_with(name, &commit, recorder.inputs()).unwrap();
            assert_eq!(recorder.questions(), [asked(Occasion::ExternalCommit, "dave")]);
        }
        let dave = world.person("dave");
        dave.group = Some(pending.accepted().accept(&mut dave.store).unwrap());
        world.agree();
        // A resync with another credential and key replaces the former; the committer answers for it.
        let leaf = world.member("dave").own_leaf();
        world.forget("dave");
        let (again, _) = client("dave, again", &suite(1), 31);
        world.person("second dave").client = again;
        let here = info(&world);
        let second = world.person("second dave");
        let how = ExternalJoin { replaces: Some(leaf), ..ExternalJoin::default() };
        let pending = second.client.join_external(&here, how, &inputs(), &mut rng).unwrap();
        let commit = pending.persist(&mut second.store).unwrap().commit().clone();
        let refusing = Recorder::refusing(Occasion::ExternalCommit, Distrust::NotSuccessor);
        let refused = world.refuse_with("bob", &commit, refusing.inputs());
        assert_eq!(refused, Error::Unverified(What::Credential(Distrust::NotSuccessor)));
        world.receive_with("bob", &commit, recorder.inputs()).unwrap();
        assert_eq!(recorder.questions(), [in_place(Occasion::ExternalCommit, "dave, again", "dave")]);
    }
}

// RFC 9420 §5.3.1: who keeps credential and key is not asked about again.
#[test]
fn renewing_keys_asks_nobody() {
    for mut world in worlds() {
        let recorder = Recorder::default();
        let update = world.with("bob", Group::propose_update);
        world.receive_with("alice", &update, recorder.inputs()).unwrap();
        world.receive_with("carol", &update, recorder.inputs()).unwrap();
        let commit =
            world.try_with("alice", |group, rng| group.commit().build(&recorder.inputs(), rng)).unwrap().commit;
        for name in ["alice", "bob", "carol"] {
            world.receive_with(name, &commit, recorder.inputs()).unwrap();
        }
        assert!(recorder.questions().is_empty());
    }
}

fn only_by(world: &World, name: &str, who: &Client) {
    let person = world.people.get(name).unwrap();
    let loaded = who.load_group(&person.store, &id("group"));
    assert!(loaded.is_ok_and(|group| group.is_some()));
    let (stranger, _) = client("stranger", &suite(1), 77);
    let refused = stranger.load_group(&person.store, &id("group"));
    let refused = common::succession::not_accepted(refused);
    assert_eq!(refused, Error::Misuse(Misuse::WrongKey));
}

// RFC 9420 §5.3.1, §7.3, §12.1.2.
#[test]
fn a_credential_and_key_are_replaced_by_an_update() {
    for mut world in worlds() {
        let former = world.person("alice").client.clone();
        let successor = succeed(&mut world, "alice", "alice, married", 41);
        let update = world.with("alice", Group::propose_update);
        world.reload("alice");
        only_by(&world, "alice", &former);
        let refusing = Recorder::refusing(Occasion::Update, Distrust::NotSuccessor);
        let refused = Error::Unverified(What::Credential(Distrust::NotSuccessor));
        assert_eq!(world.refuse_with("bob", &update, refusing.inputs()), refused);
        let recorder = Recorder::default();
        for name in ["bob", "carol"] {
            world.receive_with(name, &update, recorder.inputs()).unwrap();
            assert_eq!(recorder.questions(), [in_place(Occasion::Update, "alice, married", "alice")]);
        }
        let commit = world.build_commit("bob", |commit| commit).commit;
        assert_eq!(world.refuse_with("carol", &commit, refusing.inputs()), refused);
        world.receive_with("carol", &commit, recorder.inputs()).unwrap();
        assert_eq!(recorder.questions(), [in_place(Occasion::Update, "alice, married", "alice")]);
        world.receive("bob", &commit).unwrap();
        // Until she hears of it, alice speaks as before; later, as her successor.
        let early = MlsMessage::clone(&update);
        assert!(matches!(world.refuse("bob", &early), Error::Stale(_)));
        world.reload("alice");
        world.receive("alice", &commit).unwrap();
        world.agree();
        world.say("alice", "by the new key");
        world.reload("alice");
        world.say("alice", "and still");
        only_by(&world, "alice", &successor);
        let person = world.people.get("alice").unwrap();
        let refused = common::succession::not_accepted(former.load_group(&person.store, &id("group")));
        assert_eq!(refused, Error::Misuse(Misuse::WrongKey));
        world.person("alice").client = successor;
        world.reload("alice");
        world.renew("alice");
        assert_eq!(name(&world.member("bob").member(LeafIndex(0)).unwrap().credential), "alice, married");
        world.add("alice", "dave");
    }
}

// RFC 9420 §5.3.1, §7.3, §12.4.
#[test]
fn a_credential_and_key_are_replaced_by_a_commit() {
    for mut world in worlds() {
        let successor = succeed(&mut world, "alice", "alice, married", 42);
        // Without a path nothing is replaced.
        world.add("alice", "dave");
        assert_eq!(name(&world.member("bob").member(LeafIndex(0)).unwrap().credential), "alice");
        world.say("alice", "by the old key");
        let commit = world.build_commit("alice", |commit| commit.with_path()).commit;
        world.reload("alice");
        // Before the echo she still speaks by the old key.
        let early = world.with("alice", |group, rng| group.protect(b"early", b"", rng));
        assert!(matches!(world.receive("bob", &early), Ok(Received::Application(_))));
        let refusing = Recorder::refusing(Occasion::Commit, Distrust::NotSuccessor);
        let refused = world.refuse_with("bob", &commit, refusing.inputs());
        assert_eq!(refused, Error::Unverified(What::Credential(Distrust::NotSuccessor)));
        let recorder = Recorder::default();
        for name in ["bob", "carol", "dave"] {
            world.receive_with(name, &commit, recorder.inputs()).unwrap();
            assert_eq!(recorder.questions(), [in_place(Occasion::Commit, "alice, married", "alice")]);
        }
        // What she said before is read in its epoch under the key she had.
        let late = world.with("alice", |group, rng| group.protect(b"late", b"", rng));
        let Received::Application(read) = world.receive("carol", &late).unwrap() else { panic!() };
        assert_eq!(name(&read.credential), "alice");
        world.receive("alice", &commit).unwrap();
        world.say("alice", "by the new key");
        world.reload("alice");
        only_by(&world, "alice", &successor);
        world.say("alice", "and still");
        world.join_external("alice", "erin", false);
    }
}

// RFC 9420 §12.4.3.1: the GroupInfo's signature verifies under the signer's key in the new tree.
#[test]
fn who_is_added_by_the_commit_that_replaces_the_key_can_join() {
    for mut world in worlds() {
        succeed(&mut world, "alice", "alice, married", 43);
        let package = world.key_package("dave");
        let bundle = world.commit("alice", |commit| commit.add(package).with_path().with_group_info());
        world.accept("dave", &bundle.welcome.unwrap()).unwrap();
        world.agree();
        world.say("alice", "welcome");
        let MlsMessageBody::GroupInfo(info) = roundtrip(&bundle.group_info.unwrap()).body else { panic!() };
        let erin = world.person("erin").client.clone();
        assert!(erin.join_external(&info, ExternalJoin::default(), &inputs(), &mut world.rng).is_ok());
    }
}

// The losing commit leaves all as it was, and the next one replaces the key.
#[test]
fn a_commit_that_loses_replaces_nothing() {
    for mut world in worlds() {
        succeed(&mut world, "alice", "alice, married", 44);
        world.build_commit("alice", |commit| commit.with_path());
        world.renew("bob");
        world.reload("alice");
        assert_eq!(name(&world.member("alice").member(LeafIndex(0)).unwrap().credential), "alice");
        world.say("alice", "by the old key");
        world.renew("alice");
        world.say("alice", "by the new key");
        // A client that is neither is not let near the group.
        let group = world.people.get_mut("alice").unwrap().group.take().unwrap();
        let (stranger, _) = client("stranger", &suite(1), 78);
        assert_eq!(group.with_client(&stranger).unwrap_err(), Error::Misuse(Misuse::WrongKey));
    }
}

/// Knows nobody yet but those in the list.
struct Knows(&'static [&'static str]);

impl CredentialPolicy for Knows {
    fn verdict(&self, presented: &Presented<'_>) -> Verdict {
        if self.0.contains(&name(presented.credential).as_str()) { Verdict::Accept } else { Verdict::Unknown }
    }
}

/// Whose verdicts a call needs first.
fn unknown(error: &Error) -> Vec<String> {
    let Error::Missing(Need::CredentialVerdicts(claims)) = error else { panic!("{error:?}") };
    claims.iter().map(|claim| name(&claim.credential)).collect()
}

// RFC 9420 §5.3.1: verdicts that take time are asked for all at once, and the call is made again.
#[test]
fn whoever_is_unknown_is_named() {
    for mut world in worlds() {
        let of = |policy: &'static Knows| Inputs::new(policy).with_policy(&AcceptAll).at(1_000);
        let (nobody, knows): (&'static Knows, &'static Knows) =
            (&Knows(&[]), &Knows(&["alice", "bob", "carol", "dave"]));
        let package = world.key_package("dave");
        let refused = world.try_with("alice", |group, rng| group.propose_add(package.clone(), &of(nobody), rng));
        assert_eq!(unknown(&refused.unwrap_err()), ["dave"]);
        let proposal = world.with("alice", |group, rng| group.propose_add(package, &of(knows), rng));
        assert_eq!(unknown(&world.refuse_with("bob", &proposal, of(nobody))), ["dave"]);
        for name in ["bob", "carol"] {
            world.receive_with(name, &proposal, of(knows)).unwrap();
        }
        // A waiting Add is not dropped for want of a verdict.
        let refused = world.try_with("bob", |group, rng| group.commit().build(&of(nobody), rng));
        assert_eq!(unknown(&refused.unwrap_err()), ["dave"]);
        let bundle = world.try_with("bob", |group, rng| group.commit().build(&of(knows), rng)).unwrap();
        assert_eq!(unknown(&world.refuse_with("carol", &bundle.commit, of(nobody))), ["dave"]);
        for name in ["alice", "bob", "carol"] {
            world.receive_with(name, &bundle.commit, of(knows)).unwrap();
        }
        let welcome = welcome_of(&bundle.welcome.unwrap());
        let dave = world.people.get_mut("dave").unwrap();
        let own = OwnKeyPackage::find(&dave.store, &welcome).unwrap().unwrap();
        let refused = dave.client.join(&welcome, &own, None, &of(nobody)).unwrap_err();
        assert_eq!(unknown(&refused), ["alice", "bob", "carol", "dave"]);
        let new = dave.client.join(&welcome, &own, None, &of(knows)).unwrap();
        dave.group = Some(new.accept(&mut dave.store).unwrap());
        world.agree();
    }
}
