//! A group of which nothing but the header was read: it sends and receives application data like the whole one, at a
//! cost that does not grow with the group, and then becomes it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use core::cell::Cell;
use core::convert::Infallible;

use cenacle_crypto::SecretBytes;
use cenacle_mls::{
    Error, Misuse,
    delta::{Delta, PersistError, RowKey, Store, Table},
    group::{Handshake, PartialGroup, Received},
    wire::{Credential, GroupId, MlsMessage},
};
use cenacle_store::MemoryStore;
use common::{World, in_memory, roundtrip};

fn group_id() -> GroupId {
    GroupId::from(&b"group"[..])
}

fn world(names: &[&str]) -> World {
    let mut world = World::new(3, Handshake::Private);
    world.create(names[0]);
    names[1..].iter().for_each(|name| world.add(names[0], name));
    world
}

/// What a member sends, to nobody yet.
fn sent_by(world: &mut World, name: &str, text: &str) -> MlsMessage {
    let message = world.with(name, |group, rng| group.protect(text.as_bytes(), b"aad", rng));
    roundtrip(&message)
}

fn opened(world: &World, name: &str) -> PartialGroup {
    let person = world.people.get(name).unwrap();
    person.client.open_group(&person.store, &group_id()).unwrap().unwrap()
}

/// Lets a member read a message with its partial group, and gives who said what.
fn read(
    world: &mut World,
    name: &str,
    partial: &mut PartialGroup,
    message: &MlsMessage,
) -> Result<(Credential, Vec<u8>), Error> {
    let store = &mut world.people.get_mut(name).unwrap().store;
    let state = |error| match error {
        PersistError::State(error) => error,
        PersistError::Store(never) => match never {},
    };
    let opened = partial.open(message, store).map_err(state)?;
    let staged = partial.stage(opened)?;
    match partial.merge(staged, store).map_err(state)? {
        Received::Application(message) => Ok((message.credential, message.data.expose().to_vec())),
        other => panic!("{other:?}"),
    }
}

fn named(name: &str) -> Credential {
    Credential::Basic(name.as_bytes().into())
}

#[test]
fn messages_pass_before_the_tree_is_read() {
    let mut world = world(&["alice", "bob", "carol"]);
    for round in 0..3 {
        let texts = ["one", "two", "three"];
        let messages = texts.map(|text| sent_by(&mut world, "alice", text));
        let mut bob = opened(&world, "bob");
        assert_eq!((bob.epoch(), bob.own_leaf()), (world.member("bob").epoch(), world.member("bob").own_leaf()));
        // The last first: the others' keys are kept, in the store as well.
        for place in [2, 0] {
            let heard = read(&mut world, "bob", &mut bob, &messages[place]).unwrap();
            assert_eq!(heard, (named("alice"), texts[place].into()));
            assert!(matches!(read(&mut world, "bob", &mut bob, &messages[place]), Err(Error::KeyGone(_))));
        }
        // Answered, in the middle of it.
        let World { people, rng, .. } = &mut world;
        let person = people.get_mut("bob").unwrap();
        let answer = bob.merge(bob.protect(b"answer", &[], rng).unwrap(), &mut person.store).unwrap();
        for name in ["alice", "carol"] {
            assert!(matches!(world.receive(name, &roundtrip(&answer)), Ok(Received::Application(_))));
        }
        // The whole group has seen what the part has.
        let person = world.people.get_mut("bob").unwrap();
        person.group = Some(bob.complete(&person.client, &person.store).unwrap());
        assert_eq!(in_memory(person.group.as_ref().unwrap()), person.store.snapshot());
        assert!(matches!(world.refuse("bob", &messages[0]), Error::KeyGone(_)));
        assert!(matches!(world.receive("bob", &messages[1]), Ok(Received::Application(_))));
        assert!(matches!(world.receive("carol", &messages[round]), Ok(Received::Application(_))));
        world.say("bob", "and so on");
        world.renew("bob");
        world.agree();
    }
}

#[test]
fn a_late_message_names_who_was_there() {
    let mut world = world(&["alice", "bob", "carol"]);
    let late = sent_by(&mut world, "carol", "late");
    world.remove("alice", "carol");
    // Carol's leaf is Dave's now.
    world.add("alice", "dave");
    let present = sent_by(&mut world, "dave", "present");
    let mut bob = opened(&world, "bob");
    assert_eq!(read(&mut world, "bob", &mut bob, &late), Ok((named("carol"), b"late".into())));
    assert_eq!(read(&mut world, "bob", &mut bob, &present), Ok((named("dave"), b"present".into())));
    assert!(matches!(read(&mut world, "bob", &mut bob, &late), Err(Error::KeyGone(_))));
}

#[test]
fn what_needs_the_tree_is_refused() {
    for handshake in [Handshake::Private, Handshake::Public] {
        let mut world = World::new(4, handshake);
        world.create("alice");
        world.add("alice", "bob");
        let mut bob = opened(&world, "bob");
        let bundle = world.build_commit("alice", |commit| commit);
        let commit = roundtrip(&bundle.commit);
        let refused = read(&mut world, "bob", &mut bob, &commit);
        assert_eq!(refused, Err(Error::Misuse(Misuse::TreeNotRead)));
        let person = world.people.get_mut("bob").unwrap();
        person.group = Some(bob.complete(&person.client, &person.store).unwrap());
        assert!(matches!(world.receive("bob", &commit), Ok(Received::Commit(_))));
    }
}

#[test]
fn waiting_proposals_come_first() {
    let mut world = world(&["alice", "bob"]);
    world.propose("alice", |group, rng| group.propose_update(rng));
    let bob = opened(&world, "bob");
    let refused = bob.protect(b"text", &[], &mut world.rng).map(drop);
    assert_eq!(refused, Err(Error::Misuse(Misuse::ProposalsPending)));
}

#[test]
fn who_is_out_opens_nothing() {
    let mut world = world(&["alice", "bob"]);
    world.remove("alice", "bob");
    let person = world.people.get("bob").unwrap();
    let refused = person.client.open_group(&person.store, &group_id()).map(drop);
    assert!(matches!(refused, Err(PersistError::State(Error::Misuse(Misuse::NotMember)))));
    let stranger = &world.people.get("alice").unwrap().client;
    assert!(stranger.open_group(&MemoryStore::default(), &group_id()).unwrap().is_none());
    let alice = world.people.get("alice").unwrap();
    let wrong = person.client.open_group(&alice.store, &group_id()).map(drop);
    assert!(matches!(wrong, Err(PersistError::State(Error::Misuse(Misuse::WrongKey)))));
}

/// Counts what is read.
struct Counting<'a> {
    store: &'a MemoryStore,
    bytes: Cell<usize>,
}

impl Store for Counting<'_> {
    type Error = Infallible;

    fn apply(&mut self, _: &Delta) -> Result<(), Infallible> {
        panic!("nothing is written")
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, Infallible> {
        let row = self.store.row(key)?;
        self.bytes.set(self.bytes.get() + row.as_ref().map_or(0, |row| row.expose().len()));
        Ok(row)
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, Infallible> {
        let rows = self.store.rows(prefix)?;
        self.bytes.set(self.bytes.get() + rows.iter().map(|(_, row)| row.expose().len()).sum::<usize>());
        Ok(rows)
    }
}

/// Bytes that are read to open a group of so many and the first message in it.
fn read_in(members: usize) -> usize {
    let names: Vec<String> = (0..members).map(|i| format!("member {i:02}")).collect();
    let mut world = world(&names.iter().map(String::as_str).collect::<Vec<_>>());
    // Everybody has sent something, so that there are ratchets of all.
    for name in &names {
        world.say(name, "hello");
    }
    let message = sent_by(&mut world, &names[1], "text");
    let person = world.people.get(&names[0]).unwrap();
    let store = Counting { store: &person.store, bytes: Cell::new(0) };
    let mut partial = person.client.open_group(&store, &group_id()).unwrap().unwrap();
    let opened = partial.open(&message, &store).unwrap();
    assert!(partial.stage(opened).is_ok());
    store.bytes.get()
}

#[test]
fn what_is_read_does_not_grow_with_the_group() {
    // Both have as many past epochs as are kept.
    let (few, many) = (read_in(8), read_in(48));
    assert!(many < few + few / 8, "{few} bytes of 8 members, {many} of 48");
}

#[test]
fn rows_that_were_lost_are_nobodys_fault() {
    let mut world = world(&["alice", "bob", "carol"]);
    let message = sent_by(&mut world, "carol", "text");
    let lose = |world: &mut World, prefix: RowKey| {
        let mut loss = Delta::new();
        loss.delete_prefix(prefix);
        world.people.get_mut("bob").unwrap().store.apply(&loss).unwrap();
    };
    let carol = world.member("carol").own_leaf().node_index();
    lose(&mut world, RowKey::of_group(Table::TREE_NODE, &group_id()).and(&carol));
    let mut bob = opened(&world, "bob");
    assert_eq!(read(&mut world, "bob", &mut bob, &message), Err(Error::Misuse(Misuse::TreeNotRead)));
    lose(&mut world, RowKey::of_group(Table::SECRET_TREE, &group_id()));
    let person = world.people.get("bob").unwrap();
    let refused = person.client.open_group(&person.store, &group_id()).map(drop);
    assert!(matches!(refused, Err(PersistError::State(Error::Corrupt(_)))));
}
