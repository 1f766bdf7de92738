//! Who is let in from outside: a device in its own place, with the key it had.

use alloc::{collections::BTreeMap, sync::Arc};

use cenacle_crypto::{CipherSuite, CryptoProvider as _, Signer, Suite};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng};
use cenacle_mls::{
    Error,
    group::{AcceptAll, Client, ExternalJoin, Group, Inputs, OwnKeyPackage, Received},
    wire::{Extensions, GroupInfo, KeyPackage, LeafIndex, Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_service::wire::DeviceId;
use cenacle_store::MemoryStore;

use crate::{
    MemberId,
    policy::ConversationPolicy,
    returning::{check_newcomers, roster},
};

pub(super) struct Person {
    pub(super) client: Client,
    pub(super) store: MemoryStore,
}

pub(super) fn inputs() -> Inputs<'static> {
    Inputs::new(&AcceptAll).with_policy(&ConversationPolicy)
}

fn suite() -> Arc<dyn Suite> {
    AwsLcProvider.suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519).unwrap()
}

pub(super) fn signer() -> Arc<dyn Signer> {
    let (secret, _) = suite().signature_key_pair(&mut SystemRng).unwrap();
    suite().signer(&secret).unwrap().into()
}

pub(super) fn client(name: &str, signer: &Arc<dyn Signer>) -> Client {
    let id = MemberId { name: name.parse().unwrap(), device: DeviceId([1; 16]) };
    Client::new(suite(), Arc::clone(signer), id.to_credential())
}

const LIFETIME: Lifetime = Lifetime { not_before: 0, not_after: 1 };

pub(super) fn fresh_key_package(of: &mut Person) -> KeyPackage {
    let message = of.client.key_package(LIFETIME, false, &mut SystemRng).unwrap().persist(&mut of.store).unwrap();
    let MlsMessageBody::KeyPackage(key_package) = message.body else { panic!() };
    key_package
}

/// Alice's and Bob's group, as it is for each of them.
pub(super) fn pair(people: &mut BTreeMap<&'static str, Person>) -> (Group, Group) {
    let key_package = fresh_key_package(people.get_mut("bob").unwrap());
    let alice = people.get_mut("alice").unwrap();
    let id = b"group".as_slice().into();
    let new = alice.client.create_group(id, Extensions::default(), LIFETIME, &inputs(), &mut SystemRng).unwrap();
    let mut group = new.accept(&mut alice.store).unwrap();
    let commit = group.commit().add(key_package).build(&inputs(), &mut SystemRng).unwrap();
    let bundle = group.merge(commit, &mut alice.store).unwrap();
    let echo = group.stage(group.open(&bundle.commit).unwrap(), &inputs()).unwrap();
    group.merge(echo, &mut alice.store).unwrap();
    let MlsMessageBody::Welcome(welcome) = bundle.welcome.unwrap().body else { panic!() };
    let bob = people.get_mut("bob").unwrap();
    let own = OwnKeyPackage::find(&bob.store, &welcome).unwrap().unwrap();
    let bobs = bob.client.join(&welcome, &own, None, &inputs()).unwrap().accept(&mut bob.store).unwrap();
    (group, bobs)
}

fn info_of(group: &Group) -> GroupInfo {
    let MlsMessageBody::GroupInfo(info) = group.group_info(true, true).unwrap().body else { panic!() };
    info
}

/// What an external commit comes to: as the joiner, who is of the same mind, makes it, and as a member sees one that was made
/// by somebody who is not.
fn knock(group: &Group, client: &Client, replaces: Option<LeafIndex>) -> (Option<Error>, Result<(), Error>) {
    let how = || ExternalJoin { replaces, ..ExternalJoin::default() };
    let own = client.join_external(&info_of(group), how(), &inputs(), &mut SystemRng).err();
    let careless = Inputs::new(&AcceptAll);
    let commit = client.join_external(&info_of(group), how(), &careless, &mut SystemRng).unwrap();
    let commit: MlsMessage = commit.persist(&mut MemoryStore::default()).unwrap().commit().clone();
    let staged = group.stage(group.open(&commit).unwrap(), &inputs());
    (own, staged.map(|transition| assert!(matches!(transition.preview(), Received::Commit(_)))))
}

#[test]
fn nobody_comes_in_from_outside_but_in_his_own_place() {
    let keys = BTreeMap::from(["alice", "bob", "mallory"].map(|name| (name, signer())));
    let person = |name| Person { client: client(name, &keys[name]), store: MemoryStore::default() };
    let mut people = BTreeMap::from(["alice", "bob"].map(|name| (name, person(name))));
    let (alices, bobs) = pair(&mut people);
    let (alice, bob) = (alices.own_leaf(), bobs.own_leaf());
    let refused = [
        ("a stranger", client("mallory", &keys["mallory"]), None),
        ("a stranger in bob's place", client("mallory", &keys["mallory"]), Some(bob)),
        ("a stranger who says he is bob", client("bob", &keys["mallory"]), Some(bob)),
        ("bob, who says he is somebody else", client("mallory", &keys["bob"]), Some(bob)),
    ];
    for (who, client, replaces) in refused {
        let (own, seen) = knock(&alices, &client, replaces);
        assert!(matches!(own, Some(Error::Refused(_))), "{who}: {own:?}");
        assert!(matches!(seen, Err(Error::Refused(_))), "{who}: {seen:?}");
    }
    for (group, client, own) in
        [(&alices, client("bob", &keys["bob"]), bob), (&bobs, client("alice", &keys["alice"]), alice)]
    {
        let (own, seen) = knock(group, &client, Some(own));
        assert!(own.is_none() && seen.is_ok(), "{own:?}, {seen:?}");
    }
}

#[test]
fn the_same_name_with_another_key_is_a_newcomer() {
    let group = |alices: &Arc<dyn Signer>, bobs: &Arc<dyn Signer>| {
        let person = |name, signer| Person { client: client(name, signer), store: MemoryStore::default() };
        pair(&mut BTreeMap::from([("alice", person("alice", alices)), ("bob", person("bob", bobs))])).0
    };
    let (alice, bob) = (signer(), signer());
    let before = roster(group(&alice, &bob).public());
    let check = |group: &Group, named: &[&str]| {
        let named = named.iter().map(|name| name.parse().unwrap()).collect();
        match check_newcomers(&before, group.public(), &named) {
            Ok(()) => Vec::new(),
            Err(crate::Error::Newcomers(who)) => who.iter().map(ToString::to_string).collect(),
            Err(error) => panic!("{error}"),
        }
    };
    assert!(check(&group(&alice, &bob), &[]).is_empty());
    assert_eq!(check(&group(&signer(), &bob), &[]), ["alice"]);
    assert_eq!(check(&group(&signer(), &signer()), &[]), ["alice", "bob"]);
    assert_eq!(check(&group(&signer(), &signer()), &["bob"]), ["alice"]);
    assert!(check(&group(&signer(), &bob), &["alice"]).is_empty());
}
