//! Groups that continue others, as tests of ReInit and branching make them: who founds and who follows, each with a client
//! for the new suite and the store of the old group.

use std::{collections::BTreeMap, sync::Arc};

use cenacle_crypto::{CipherSuite, CryptoProvider, Rng, Signer, Suite, conformance::SeededRng};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_mls::{
    Error,
    delta::PersistError,
    group::{Client, Founding, Group, Inputs, NewGroup, OwnKeyPackage, Received},
    wire::{Credential, Extensions, GroupId, KeyPackage, MlsMessage, MlsMessageBody, ProtocolVersion, ReInit, Welcome},
};
use cenacle_store::MemoryStore;

use super::{LIFETIME, World, inputs, roundtrip};

pub fn suite(number: u16) -> Arc<dyn Suite> {
    RustCryptoProvider.suite(CipherSuite(number)).unwrap()
}

pub fn id(name: &str) -> GroupId {
    GroupId::from(name.as_bytes())
}

pub fn to(name: &str, suite: u16) -> ReInit {
    ReInit {
        group_id: id(name),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(suite),
        extensions: Extensions::default(),
    }
}

/// A client of that name for the suite, with a key of its own.
pub fn client(name: &str, suite: &Arc<dyn Suite>, seed: u64) -> (Client, Arc<dyn Signer>) {
    let (secret, _) = suite.signature_key_pair(&mut SeededRng::new(seed)).unwrap();
    let signer: Arc<dyn Signer> = Arc::from(suite.signer(&secret).unwrap());
    (Client::new(Arc::clone(suite), Arc::clone(&signer), Credential::Basic(name.as_bytes().into())), signer)
}

/// Makes a key package and keeps its private half in `store`.
pub fn offer(client: &Client, store: &mut MemoryStore, rng: &mut dyn Rng) -> KeyPackage {
    let message = client.key_package(LIFETIME, false, rng).unwrap().persist(store).unwrap();
    let MlsMessageBody::KeyPackage(package) = roundtrip(&message).body else { panic!("not a key package") };
    package
}

/// Opens a Welcome, without taking the group into use.
pub fn open(client: &Client, store: &MemoryStore, welcome: &Welcome, inputs: &Inputs<'_>) -> Result<NewGroup, Error> {
    let own = OwnKeyPackage::find(store, welcome).unwrap().unwrap();
    client.join(welcome, &own, None, inputs)
}

pub fn welcome_of(message: &MlsMessage) -> Welcome {
    let MlsMessageBody::Welcome(welcome) = roundtrip(message).body else { panic!("not a Welcome") };
    welcome
}

/// Founds a group with the help of `how`, which gets the founder's old group; everybody else in `with` joins it.
pub fn continue_in(
    world: &mut World,
    founder: &str,
    with: &[&str],
    clients: &BTreeMap<String, Client>,
    how: impl for<'a> FnOnce(&'a Client, &'a Group) -> Result<Founding<'a>, Error>,
) -> BTreeMap<String, Group> {
    let mut rng = SeededRng::new(world.rng.next_u64());
    let mut packages = Vec::new();
    for name in with.iter().filter(|name| **name != founder) {
        let person = world.people.get_mut(*name).unwrap();
        packages.push(offer(clients.get(*name).unwrap(), &mut person.store, &mut rng));
    }
    let person = world.people.get_mut(founder).unwrap();
    let founding = how(clients.get(founder).unwrap(), person.group.as_ref().unwrap()).unwrap();
    let founding = packages.into_iter().fold(founding, Founding::add);
    let (group, welcome) = founding.build(&inputs(), &mut rng).unwrap().accept(&mut person.store).unwrap();
    let mut groups = BTreeMap::from([(founder.to_owned(), group)]);
    assert_eq!(welcome.is_some(), with.len() > 1);
    let welcome = welcome.as_ref().map(welcome_of);
    for name in with.iter().filter(|name| **name != founder) {
        let person = world.people.get_mut(*name).unwrap();
        let (client, welcome) = (clients.get(*name).unwrap(), welcome.as_ref().unwrap());
        let refused = open(client, &person.store, welcome, &inputs()).unwrap_err();
        assert!(matches!(refused, Error::Missing(cenacle_mls::Need::Origin(..))), "{refused}");
        let with_origin = inputs().with_origin(person.group.as_ref().unwrap());
        let new = open(client, &person.store, welcome, &with_origin).unwrap();
        groups.insert((*name).to_owned(), new.accept(&mut person.store).unwrap());
    }
    let authenticators = groups.values().map(|group| group.epoch_authenticator().expose().to_vec());
    assert_eq!(authenticators.collect::<std::collections::BTreeSet<_>>().len(), 1);
    groups
}

/// Says something in the new group, and everybody hears it.
pub fn say(world: &mut World, groups: &mut BTreeMap<String, Group>, by: &str) {
    let Some(mut speaker) = groups.remove(by) else { panic!("{by} is no member") };
    let message = speaker.protect(b"hello", b"", &mut world.rng).unwrap();
    let message = speaker.merge(message, &mut world.people.get_mut(by).unwrap().store).unwrap();
    for (name, group) in groups.iter_mut() {
        let staged = group.stage(group.open(&message).unwrap(), &inputs()).unwrap();
        let received = group.merge(staged, &mut world.people.get_mut(name).unwrap().store).unwrap();
        assert!(matches!(received, Received::Application(_)), "{received:?}");
    }
    groups.insert(by.to_owned(), speaker);
}

/// What cannot be taken into use, and why.
pub fn not_accepted<T>(result: Result<T, PersistError<core::convert::Infallible>>) -> Error {
    match result {
        Err(PersistError::State(error)) => error,
        Err(PersistError::Store(never)) => match never {},
        Ok(_) => panic!("accepted"),
    }
}
