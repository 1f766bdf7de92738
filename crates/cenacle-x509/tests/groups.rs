//! Groups whose members have certificates: everything a credential is presented for, through the core's public interface.
#![allow(clippy::unwrap_used, clippy::panic, clippy::wildcard_enum_match_arm, missing_docs, reason = "tests")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, reason = "tests")]

mod support;

use std::{collections::BTreeMap, sync::Arc};

use cenacle_codec::{Decode, Encode, Opaque};
use cenacle_crypto::{CipherSuite, CryptoProvider, Signer, Suite};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng};
use cenacle_mls::{
    Distrust, Error, Misuse, What,
    delta::PersistError,
    group::{
        AcceptAll, Client, CommitBuilder, CommitBundle, CredentialPolicy, ExternalJoin, Group, Inputs, OwnKeyPackage,
        Received,
    },
    wire::{
        Credential, ExtensionType, Extensions, GroupId, KeyPackage, LeafIndex, Lifetime, MlsMessage, MlsMessageBody,
    },
};
use cenacle_store::MemoryStore;
use cenacle_x509::{SoleName, X509Policy, credential};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519};

use crate::support::{Authority, MemberKey, day, policy, valid};

const NOW_DAY: u64 = 10;

struct Person {
    signer: Arc<dyn Signer>,
    client: Client,
    store: MemoryStore,
    group: Option<Group>,
}

/// Clients with certificates by one authority below one root, and a network that delivers everything.
struct World {
    suite: Arc<dyn Suite>,
    sub: Authority,
    policy: X509Policy<SoleName>,
    today: u64,
    people: BTreeMap<String, Person>,
}

fn unpack(message: &MlsMessage) -> MlsMessageBody {
    MlsMessage::from_bytes(&message.to_bytes().unwrap()).unwrap().body
}

fn distrusted<T>(result: Result<T, Error>) -> Distrust {
    match result.map(|_| ()) {
        Err(Error::Unverified(What::Credential(why))) => why,
        other => panic!("{other:?}"),
    }
}

impl World {
    fn new(cipher_suite: u16) -> Self {
        let root = Authority::root("root");
        Self {
            suite: AwsLcProvider.suite(CipherSuite(cipher_suite)).unwrap(),
            sub: root.sub("sub", |_| {}),
            policy: policy(&root),
            today: NOW_DAY,
            people: BTreeMap::new(),
        }
    }

    fn signer(&self) -> Arc<dyn Signer> {
        let (secret, _) = self.suite.signature_key_pair(&mut SystemRng).unwrap();
        Arc::from(self.suite.signer(&secret).unwrap())
    }

    /// A client of this name, with a certificate from today for a hundred days.
    fn client(&self, authority: &Authority, name: &str, signer: &Arc<dyn Signer>) -> Client {
        let algorithm = if self.suite.cipher_suite().0 == 1 { &PKCS_ED25519 } else { &PKCS_ECDSA_P256_SHA256 };
        let key = MemberKey { algorithm, public: signer.public_key().clone() };
        let today = self.today;
        let certificate = authority.certify(name, &key, |params| valid(params, today, today + 100));
        let credential = credential([certificate, authority.der.clone()]).unwrap();
        Client::new(Arc::clone(&self.suite), Arc::clone(signer), credential)
    }

    fn join_world(&mut self, authority: Option<&Authority>, name: &str) {
        let signer = self.signer();
        let client = self.client(authority.unwrap_or(&self.sub), name, &signer);
        self.people.insert(name.into(), Person { signer, client, store: MemoryStore::default(), group: None });
    }

    fn lifetime(&self) -> Lifetime {
        Lifetime { not_before: day(self.today), not_after: day(self.today + 80) }
    }

    fn create(&mut self, name: &str) {
        let lifetime = self.lifetime();
        let judge = self.policy.at(self.suite.cipher_suite(), day(self.today));
        let inputs = Inputs::new(&judge).at(day(self.today));
        let person = self.people.get_mut(name).unwrap();
        let id = GroupId::from(&b"group"[..]);
        let new = person.client.create_group(id, Extensions::default(), lifetime, &inputs, &mut SystemRng).unwrap();
        person.group = Some(new.accept(&mut person.store).unwrap());
    }

    fn key_package(&mut self, name: &str) -> KeyPackage {
        let lifetime = self.lifetime();
        let person = self.people.get_mut(name).unwrap();
        let package = person.client.key_package(lifetime, false, &mut SystemRng).unwrap();
        match unpack(&package.persist(&mut person.store).unwrap()) {
            MlsMessageBody::KeyPackage(package) => package,
            other => panic!("{other:?}"),
        }
    }

    fn group(&self, name: &str) -> &Group {
        self.people.get(name).unwrap().group.as_ref().unwrap()
    }

    /// Calls with what the policy says, or with `other` in its place.
    fn with_inputs<T>(
        &mut self,
        name: &str,
        other: Option<&dyn CredentialPolicy>,
        f: impl FnOnce(&mut Person, &Inputs<'_>) -> T,
    ) -> T {
        let judge = self.policy.at(self.suite.cipher_suite(), day(self.today));
        let inputs = Inputs::new(other.unwrap_or(&judge)).at(day(self.today));
        f(self.people.get_mut(name).unwrap(), &inputs)
    }

    fn receive(&mut self, name: &str, message: &MlsMessage) -> Result<Received, Error> {
        let message = MlsMessage::from_bytes(&message.to_bytes().unwrap()).unwrap();
        self.with_inputs(name, None, |person, inputs| {
            let group = person.group.as_mut().unwrap();
            let staged = group.stage(group.open(&message)?, inputs)?;
            Ok(group.merge(staged, &mut person.store).unwrap())
        })
    }

    fn try_commit(
        &mut self,
        name: &str,
        other: Option<&dyn CredentialPolicy>,
        f: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>,
    ) -> Result<CommitBundle, Error> {
        self.with_inputs(name, other, |person, inputs| {
            let group = person.group.as_mut().unwrap();
            let transition = f(group.commit()).build(inputs, &mut SystemRng)?;
            Ok(group.merge(transition, &mut person.store).unwrap())
        })
    }

    fn commit(&mut self, name: &str, f: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> CommitBundle {
        let bundle = self.try_commit(name, None, f).unwrap();
        self.deliver(&bundle.commit);
        bundle
    }

    /// Everyone in the group receives, who sent it too.
    fn deliver(&mut self, message: &MlsMessage) {
        let members: Vec<String> =
            self.people.iter().filter(|(_, person)| person.group.is_some()).map(|(name, _)| name.clone()).collect();
        for name in members {
            self.receive(&name, message).unwrap();
        }
    }

    fn try_join(&mut self, name: &str, welcome: &MlsMessage) -> Result<(), Error> {
        let MlsMessageBody::Welcome(welcome) = unpack(welcome) else { panic!() };
        self.with_inputs(name, None, |person, inputs| {
            let own = OwnKeyPackage::find(&person.store, &welcome).unwrap().unwrap();
            let new = person.client.join(&welcome, &own, None, inputs)?;
            person.group = Some(new.accept(&mut person.store).unwrap());
            Ok(())
        })
    }

    fn add(&mut self, by: &str, name: &str) {
        self.join_world(None, name);
        let package = self.key_package(name);
        let bundle = self.commit(by, |commit| commit.add(package));
        self.try_join(name, &bundle.welcome.unwrap()).unwrap();
    }

    fn trio(cipher_suite: u16) -> Self {
        let mut world = Self::new(cipher_suite);
        world.join_world(None, "alice");
        world.create("alice");
        world.add("alice", "bob");
        world.add("bob", "carol");
        world.agree();
        world
    }

    /// All members are in the same epoch of the same tree.
    fn agree(&self) {
        let mut groups = self.people.values().filter_map(|person| person.group.as_ref());
        let first = groups.next().unwrap();
        for group in groups {
            assert_eq!(group.epoch_authenticator().expose(), first.epoch_authenticator().expose());
        }
    }

    fn presented_by(&self, name: &str, as_seen_by: &str) -> Credential {
        let leaf = self.group(name).own_leaf();
        self.group(as_seen_by).member(leaf).unwrap().credential
    }
}

#[test]
fn three_members_talk() {
    for suite in [1, 2] {
        let mut world = World::trio(suite);
        let person = world.people.get_mut("carol").unwrap();
        let group = person.group.as_mut().unwrap();
        let message = group.protect(b"hello", b"", &mut SystemRng).unwrap();
        let message = group.merge(message, &mut person.store).unwrap();
        let Received::Application(read) = world.receive("alice", &message).unwrap() else { panic!() };
        assert_eq!(read.data.expose(), b"hello");
    }
}

/// A certificate renewed for the same key needs no more of the core than to load the group with the new credential.
#[test]
fn a_certificate_is_renewed_in_an_update_and_in_a_commit() {
    let mut world = World::trio(1);
    world.today = 120;
    for in_commit in [false, true] {
        world.today += 50;
        let signer = Arc::clone(&world.people["alice"].signer);
        let client = world.client(&world.sub, "alice", &signer);
        let renewed = client.credential().clone();
        assert_ne!(world.presented_by("alice", "bob"), renewed);
        let person = world.people.get_mut("alice").unwrap();
        let id = person.group.take().unwrap().group_id().clone();
        person.group = client.load_group(&person.store, &id).unwrap();
        person.client = client;
        if in_commit {
            world.commit("alice", |commit| commit.with_path());
        } else {
            let group = person.group.as_mut().unwrap();
            let update = group.propose_update(&mut SystemRng).unwrap();
            let update = group.merge(update, &mut person.store).unwrap();
            world.deliver(&update);
            // The member whose certificate had expired months ago is welcome with a new one.
            world.commit("bob", |commit| commit);
        }
        world.agree();
        assert_eq!(world.presented_by("alice", "carol"), renewed);
    }
}

fn in_place_of(leaf: LeafIndex) -> ExternalJoin {
    ExternalJoin { replaces: Some(leaf), ..ExternalJoin::default() }
}

/// A new key comes with a new certificate, by a commit or an Update of the member's successor.
#[test]
fn a_key_is_replaced_by_a_successor() {
    for in_commit in [true, false] {
        let mut world = World::trio(1);
        let signer = world.signer();
        let successor = world.client(&world.sub, "alice", &signer);
        let person = world.people.get_mut("alice").unwrap();
        let client = person.client.clone().with_successor(successor.clone());
        person.group = Some(person.group.take().unwrap().with_client(&client).unwrap());
        if in_commit {
            world.commit("alice", |commit| commit.with_path());
        } else {
            let group = person.group.as_mut().unwrap();
            let update = group.propose_update(&mut SystemRng).unwrap();
            let update = group.merge(update, &mut person.store).unwrap();
            world.deliver(&update);
            world.commit("bob", |commit| commit);
        }
        world.agree();
        assert_eq!(world.presented_by("alice", "carol"), *successor.credential());
        // From now on the group is the successor's alone.
        let person = world.people.get_mut("alice").unwrap();
        let id = person.group.take().unwrap().group_id().clone();
        person.group = successor.load_group(&person.store, &id).unwrap();
        person.client = successor;
        world.commit("alice", |commit| commit.with_path());
        world.agree();
    }
}

/// A client that lost its old key joins again in its own place.
#[test]
fn a_key_is_replaced_by_joining_again() {
    let mut world = World::trio(1);
    let signer = world.signer();
    let client = world.client(&world.sub, "alice", &signer);
    let id = world.group("alice").group_id().clone();
    let refused = client.load_group(&world.people["alice"].store, &id);
    assert!(matches!(refused, Err(PersistError::State(Error::Misuse(Misuse::WrongKey)))), "{refused:?}");

    let MlsMessageBody::GroupInfo(info) = unpack(&world.group("bob").group_info(true, true).unwrap()) else { panic!() };
    let former = world.group("alice").own_leaf();
    let pending = world.with_inputs("alice", None, |person, inputs| {
        let pending = client.join_external(&info, in_place_of(former), inputs, &mut SystemRng).unwrap();
        pending.persist(&mut person.store).unwrap()
    });
    for name in ["bob", "carol"] {
        let received = world.receive(name, pending.commit()).unwrap();
        assert!(matches!(received, Received::Commit(_)), "{received:?}");
    }
    let person = world.people.get_mut("alice").unwrap();
    let old = person.group.take().unwrap();
    person.group = Some(pending.accepted().accept_in_place_of(old, &mut person.store).unwrap());
    world.agree();
    assert_eq!(world.presented_by("alice", "bob"), *client.credential());
    assert_eq!(world.group("bob").members().count(), 3);
}

#[test]
fn nobody_takes_the_place_of_another() {
    let mut world = World::trio(1);
    world.join_world(None, "dave");
    let MlsMessageBody::GroupInfo(info) = unpack(&world.group("bob").group_info(true, true).unwrap()) else { panic!() };
    let alice = world.group("alice").own_leaf();
    let pending = world.with_inputs("dave", Some(&AcceptAll), |person, inputs| {
        let pending = person.client.join_external(&info, in_place_of(alice), inputs, &mut SystemRng).unwrap();
        pending.persist(&mut person.store).unwrap()
    });
    let before = world.people["bob"].store.snapshot();
    assert_eq!(distrusted(world.receive("bob", pending.commit())), Distrust::NotSuccessor);
    assert_eq!(world.people["bob"].store.snapshot(), before);
    world.agree();
}

#[test]
fn a_stranger_is_not_added() {
    let mut world = World::trio(1);
    let foreign = Authority::root("root").sub("sub", |_| {});
    world.join_world(Some(&foreign), "mallory");
    let package = world.key_package("mallory");
    let before = world.people["alice"].store.snapshot();
    let refused = world.try_commit("alice", None, |commit| commit.add(package.clone()));
    assert_eq!(distrusted(refused), Distrust::Untrusted);
    assert_eq!(world.people["alice"].store.snapshot(), before);

    // Somebody who believes everybody adds the stranger; nobody follows.
    let bundle = world.try_commit("bob", Some(&AcceptAll), |commit| commit.add(package)).unwrap();
    for name in ["alice", "carol"] {
        let before = world.people[name].store.snapshot();
        let epoch = world.group(name).epoch();
        assert_eq!(distrusted(world.receive(name, &bundle.commit)), Distrust::Untrusted);
        assert_eq!(world.people[name].store.snapshot(), before);
        assert_eq!(world.group(name).epoch(), epoch);
    }
}

#[test]
fn a_group_with_a_stranger_is_not_joined() {
    let mut world = World::new(1);
    world.join_world(None, "alice");
    world.create("alice");
    world.join_world(Some(&Authority::root("root")), "mallory");
    world.join_world(None, "bob");
    let packages = [world.key_package("mallory"), world.key_package("bob")];
    let bundle = world
        .try_commit("alice", Some(&AcceptAll), |commit| packages.into_iter().fold(commit, CommitBuilder::add))
        .unwrap();
    let before = world.people["bob"].store.snapshot();
    assert_eq!(distrusted(world.try_join("bob", &bundle.welcome.unwrap())), Distrust::Untrusted);
    assert_eq!(world.people["bob"].store.snapshot(), before);
}

#[test]
fn members_whose_certificates_expired_do_not_keep_others_out() {
    let mut world = World::new(1);
    world.join_world(None, "alice");
    world.create("alice");
    let old = world.today;
    world.today = old + 150;
    world.add("alice", "bob");
    world.today = old + 191;
    world.join_world(None, "carol");
    let package = world.key_package("carol");
    let bundle = world.commit("bob", |commit| commit.add(package));
    let refused = world.try_join("carol", &bundle.welcome.unwrap());
    assert_eq!(distrusted(refused), Distrust::NotCurrent, "but not for ever");
}

#[test]
fn external_senders_have_certificates_too() {
    let mut world = World::trio(1);
    let signer = world.signer();
    let foreign = Authority::root("foreign");
    for (authority, expected) in [(None, None), (Some(&foreign), Some(Distrust::Untrusted))] {
        let client = world.client(authority.unwrap_or(&world.sub), "server", &signer);
        let sender = cenacle_mls::wire::ExternalSender {
            signature_key: signer.public_key().clone(),
            credential: client.credential().clone(),
        };
        let content = Opaque::from(vec![sender].to_bytes().unwrap());
        let extensions = Extensions(vec![cenacle_mls::wire::Extension {
            extension_type: ExtensionType::EXTERNAL_SENDERS,
            extension_data: content,
        }]);
        match expected {
            None => drop(world.commit("alice", |commit| commit.extensions(extensions))),
            Some(why) => {
                let refused = world.try_commit("alice", None, |commit| commit.extensions(extensions));
                assert_eq!(distrusted(refused), why);
            }
        }
    }
}

impl World {
    /// Alice is handed a key package with this credential, for a key of its own: she adds nobody, neither she nor Bob follows
    /// who does, and nothing has changed. The honest twin is for [`World::goes_on`].
    fn refuses_credential(&mut self, signer: &Arc<dyn Signer>, bad: &Credential, expected: Distrust) {
        let client = Client::new(Arc::clone(&self.suite), Arc::clone(signer), bad.clone());
        let package = client.key_package(self.lifetime(), false, &mut SystemRng).unwrap();
        let MlsMessageBody::KeyPackage(package) = unpack(&package.persist(&mut MemoryStore::default()).unwrap()) else {
            panic!()
        };
        // Rows, epoch and secrets of those who refuse.
        let seen = |world: &Self| {
            ["alice", "bob"].map(|name| {
                let group = world.group(name);
                let (epoch, secret) = (group.epoch(), group.epoch_authenticator().expose().to_vec());
                (world.people.get(name).unwrap().store.snapshot(), epoch, secret, group.proposals().count())
            })
        };
        let before = seen(self);
        assert_eq!(distrusted(self.try_commit("alice", None, |commit| commit.add(package.clone()))), expected);
        // A member who does not care adds it: those who do refuse the commit.
        let forged = self.try_commit("carol", Some(&AcceptAll), |commit| commit.add(package)).unwrap();
        for name in ["alice", "bob"] {
            assert_eq!(distrusted(self.receive(name, &forged.commit)), expected);
        }
        let carol = self.people.get_mut("carol").unwrap();
        let group = carol.group.as_mut().unwrap();
        group.merge(group.discard_pending().unwrap(), &mut carol.store).unwrap();
        assert_eq!(seen(self), before);
    }

    /// The honest twin of what was refused.
    fn goes_on(&mut self) {
        self.add("alice", "twin");
        self.commit("bob", |commit| commit.with_path());
        self.agree();
    }
}

/// §5.3: The key of a certificate is the one in the leaf.
#[test]
fn r031_certificate_of_another_key() {
    for suite in [1, 2] {
        let mut world = World::trio(suite);
        let (signer, other) = (world.signer(), world.signer());
        let of_other = world.client(&world.sub, "dave", &other).credential().clone();
        world.refuses_credential(&signer, &of_other, Distrust::WrongKey);
        world.goes_on();
    }
}

/// §5.3: A chain begins with the member's certificate, and every other certifies the one before.
#[test]
fn r032_chains_that_are_none() {
    let mut world = World::trio(1);
    let signer = world.signer();
    let key = MemberKey { algorithm: &PKCS_ED25519, public: signer.public_key().clone() };
    let certify =
        |authority: &Authority| authority.certify("dave", &key, |params| valid(params, NOW_DAY, NOW_DAY + 100));
    let good = certify(&world.sub);
    let no_authority = world.sub.sub("not", |params| params.is_ca = rcgen::IsCa::NoCa);
    let no_signer = world.sub.certify("dave", &key, |params| {
        valid(params, NOW_DAY, NOW_DAY + 100);
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyAgreement];
    });
    let too_long =
        world.sub.sub("last", |params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0)));
    let beyond = too_long.sub("beyond", |_| {});
    let sub = world.sub.der.clone();
    let bad = [
        (vec![sub.clone(), good.clone()], Distrust::WrongKey),
        (vec![good.clone()], Distrust::Untrusted),
        (vec![certify(&no_authority), no_authority.der.clone(), sub.clone()], Distrust::Untrusted),
        (vec![no_signer, sub.clone()], Distrust::Untrusted),
        (vec![certify(&beyond), beyond.der.clone(), too_long.der, sub.clone()], Distrust::Untrusted),
        (vec![[&good[..], &[0]].concat(), sub.clone()], Distrust::Malformed),
        (vec![b"no certificate".to_vec(), sub], Distrust::Malformed),
        (Vec::new(), Distrust::Malformed),
    ];
    for (chain, expected) in bad {
        let chain = Credential::X509(chain.into_iter().map(|der| Opaque::from(&der[..])).collect());
        world.refuses_credential(&signer, &chain, expected);
    }
    world.goes_on();
}
