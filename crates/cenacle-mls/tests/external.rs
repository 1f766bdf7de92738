//! External commits (RFC 9420 §12.2, §12.4.3.2) that are wrong in one thing each: in their lists, their path, the leaf and where
//! it stands, the member they replace.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;

use cenacle_codec::Decode;
use cenacle_crypto::{Digest, conformance::SeededRng};
use cenacle_mls::{
    Error, Rule, What,
    delta::{RowKey, Store, Table},
    group::{ExternalJoin, Handshake, Observer, Received, Settings},
    tree::TreeEdit,
    wire::{
        Commit, Content, ExternalInit, LeafIndex, LeafNodeSource, MlsMessage, MlsMessageBody, Proposal, ProposalOrRef,
        ProposalRef, Remove, Sender, WireFormat,
    },
};
use cenacle_store::MemoryStore;
use common::{
    World,
    forge::{Insider, Plan},
    inputs, roundtrip,
    succession::suite,
};

/// Alice, bob and carol, and a hole where erin was.
fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(|handshake| {
        let mut world = World::new(1, handshake);
        world.create("alice");
        for name in ["erin", "bob", "carol"] {
            world.add("alice", name);
        }
        world.remove("alice", "erin");
        world.forget("erin");
        world
    })
}

fn remove(leaf: u32) -> Proposal {
    Proposal::Remove(Remove { removed: LeafIndex(leaf) })
}

/// A commit that was changed and signed again; its tag is the one it had.
fn changed(outsider: &Insider, message: &MlsMessage, change: impl FnOnce(&mut Commit)) -> MlsMessage {
    let MlsMessageBody::PublicMessage(message) = message.body.clone() else { panic!() };
    let (mut framed, tag) = (message.content, message.auth.confirmation_tag);
    let Content::Commit(commit) = &mut framed.content else { panic!() };
    change(commit);
    let mut content = outsider.sign(WireFormat::PUBLIC_MESSAGE, framed);
    content.auth.confirmation_tag = tag;
    outsider.send(content)
}

// RFC 9420 §12.2, §12.4.3.2.
#[test]
fn lists_and_paths() {
    for mut world in worlds() {
        let outsider = world.outsider("dave", "alice");
        assert_eq!(outsider.leaf, LeafIndex(1));
        let mut rng = SeededRng::new(3);
        let honest = outsider.commit_from_outside(Plan::of([]), &mut rng);
        let reference = ProposalOrRef::Reference(Box::new(ProposalRef(world.suite.hash(&[b"whatever"]))));
        let by_reference = changed(&outsider, &honest, |commit| commit.proposals.push(reference));
        let no_path = changed(&outsider, &honest, |commit| commit.path = None);
        let no_init = changed(&outsider, &honest, |commit| commit.proposals.clear());
        let blank = changed(&outsider, &honest, |commit| commit.proposals.push(ProposalOrRef::Proposal(remove(1))));
        let outside = changed(&outsider, &honest, |commit| commit.proposals.push(ProposalOrRef::Proposal(remove(9))));
        let two = |edit: &mut TreeEdit<'_>| {
            edit.remove(LeafIndex(2)).unwrap();
            edit.remove(LeafIndex(3)).unwrap();
        };
        let two = outsider.commit_from_outside(Plan { edit: &two, ..Plan::of([remove(2), remove(3)]) }, &mut rng);
        let twice = changed(&outsider, &honest, |commit| {
            let init = commit.proposals.first().unwrap().clone();
            commit.proposals.push(init);
        });
        for (rule, message) in [
            (Rule::ExternalCommitByValue, by_reference),
            (Rule::ExternalCommitHasPath, no_path),
            (Rule::ExternalInitOnce, no_init),
            (Rule::ExternalInitOnce, twice),
            (Rule::RemovedIsMember, blank),
            (Rule::RemovedIsMember, outside),
            (Rule::ExternalCommitProposals, two),
        ] {
            for name in ["alice", "bob"] {
                assert_eq!(world.refuse(name, &message), Error::Invalid(rule));
            }
        }
        // The same list from a member.
        let init = changed(&outsider, &honest, |_| ());
        let MlsMessageBody::PublicMessage(inner) = init.body else { panic!() };
        let insider = world.insider("carol");
        let mut framed = inner.content;
        framed.sender = Sender::Member(insider.leaf);
        let mut content = insider.sign(WireFormat::PUBLIC_MESSAGE, framed);
        content.auth.confirmation_tag = inner.auth.confirmation_tag;
        assert_eq!(world.refuse("bob", &insider.send(content)), Error::Invalid(Rule::ExternalInitOnce));
        // Another init secret than the one the epoch was made with: only the tag tells.
        let other = outsider.commit_from_outside(Plan::of([]), &mut rng);
        let MlsMessageBody::PublicMessage(other) = other.body else { panic!() };
        let Content::Commit(other) = other.content.content else { panic!() };
        let mixed = changed(&outsider, &honest, |commit| commit.proposals = other.proposals);
        assert_eq!(world.refuse("bob", &mixed), Error::Unverified(What::ConfirmationTag));
        assert!(matches!(world.receive("bob", &honest), Ok(Received::Commit(_))));
    }
}

// RFC 9420 §12.4.3.2, §7.3.
#[test]
fn leaves_and_where_they_stand() {
    for mut world in worlds() {
        let mut outsider = world.outsider("dave", "alice");
        let mut rng = SeededRng::new(4);
        let honest = outsider.commit_from_outside(Plan::of([]), &mut rng);
        let with_leaf = |outsider: &Insider, change: &dyn Fn(&mut cenacle_mls::wire::LeafNode)| {
            changed(outsider, &honest, |commit| {
                let leaf = &mut commit.path.as_mut().unwrap().leaf_node;
                let (source, key) = (leaf.source.clone(), leaf.encryption_key.clone());
                *leaf = outsider.leaf_node(|leaf| {
                    (leaf.source, leaf.encryption_key) = (source, key);
                    change(leaf);
                });
            })
        };
        let update = with_leaf(&outsider, &|leaf| leaf.source = LeafNodeSource::Update);
        assert_eq!(world.refuse("bob", &update), Error::Invalid(Rule::LeafSourceFits));
        let hash = world.suite.hash(&[b"x"]);
        let parent = with_leaf(&outsider, &|leaf| leaf.source = LeafNodeSource::Commit { parent_hash: hash });
        assert_eq!(world.refuse("bob", &parent), Error::Invalid(Rule::ParentHashValid));
        let taken = world.member("bob").member(LeafIndex(3)).unwrap().encryption_key.clone();
        let taken = with_leaf(&outsider, &|leaf| leaf.encryption_key = taken.clone());
        assert_eq!(world.refuse("bob", &taken), Error::Invalid(Rule::EncryptionKeyUnique));
        let listed = with_leaf(&outsider, &|leaf| leaf.capabilities.credentials.clear());
        assert_eq!(world.refuse("bob", &listed), Error::Invalid(Rule::LeafCredentialListed));
        let suites = with_leaf(&outsider, &|leaf| leaf.capabilities.cipher_suites.clear());
        assert_eq!(world.refuse("bob", &suites), Error::Invalid(Rule::CipherSuiteListed));
        // The leaf is signed for the leftmost free place.
        outsider.leaf = LeafIndex(4);
        let elsewhere = with_leaf(&outsider, &|_| ());
        assert_eq!(world.refuse("bob", &elsewhere), Error::Unverified(What::LeafSignature));
        outsider.leaf = LeafIndex(1);
        // A member who comes in a second time, without leaving.
        let twin = Insider { template: world.insider("carol").template, ..world.outsider("dave", "alice") };
        let signer = Arc::clone(&world.people.get("carol").unwrap().signer);
        let twin = Insider { signer, ..twin };
        let twice = changed(&twin, &honest, |commit| {
            let leaf = &mut commit.path.as_mut().unwrap().leaf_node;
            let (source, key) = (leaf.source.clone(), leaf.encryption_key.clone());
            *leaf = twin.leaf_node(|leaf| (leaf.source, leaf.encryption_key) = (source, key));
        });
        assert_eq!(world.refuse("bob", &twice), Error::Invalid(Rule::SignatureKeyUnique));
        assert!(matches!(world.receive("bob", &honest), Ok(Received::Commit(_))));
    }
}

// RFC 9420 §12.2: "the LeafNode in the path field of the external Commit MUST meet the same criteria as would the LeafNode in an Update for the removed leaf".
#[test]
fn who_comes_back_has_a_new_key() {
    for mut world in worlds() {
        let former = world.member("carol").own_leaf();
        let info = roundtrip(&world.member("alice").group_info(true, true).unwrap());
        let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
        let how = ExternalJoin { replaces: Some(former), ..ExternalJoin::default() };
        let mut rng = SeededRng::new(5);
        let carol = world.people.get_mut("carol").unwrap();
        let pending = carol.client.join_external(&info, how, &inputs(), &mut rng).unwrap();
        let commit = pending.persist(&mut carol.store).unwrap().commit().clone();
        let insider = world.insider("carol");
        // She takes the leftmost free place, not her former one.
        let back = Insider { leaf: LeafIndex(1), ..insider };
        let same_key = changed(&back, &commit, |commit| {
            let leaf = &mut commit.path.as_mut().unwrap().leaf_node;
            let source = leaf.source.clone();
            *leaf = back.leaf_node(|leaf| leaf.source = source);
        });
        assert_eq!(world.refuse("bob", &same_key), Error::Invalid(Rule::LeafKeyReplaced));
        let Received::Commit(summary) = world.receive("bob", &commit).unwrap() else { panic!() };
        assert_eq!((summary.committer, summary.removed.len()), (LeafIndex(1), 1));
        assert!(matches!(world.receive("carol", &commit), Ok(Received::Removed(_))));
    }
}

// What is stored with an external commit lets the next one in, once the commit was accepted.
#[test]
fn who_comes_from_outside_leaves_a_description_for_the_next() {
    for mut world in worlds() {
        let mut rng = SeededRng::new(7);
        let info_of = |message: MlsMessage| {
            let MlsMessageBody::GroupInfo(info) = roundtrip(&message).body else { panic!() };
            info
        };
        let info = info_of(world.member("alice").group_info(true, true).unwrap());
        let row = RowKey::new(Table(200), b"description".as_slice());
        let dave = world.person("dave");
        let mut pending = dave.client.join_external(&info, ExternalJoin::default(), &inputs(), &mut rng).unwrap();
        pending.store_group_info_as(row.clone(), b"header").unwrap();
        let pending = pending.persist(&mut dave.store).unwrap();
        let commit = pending.commit().clone();
        let stored = dave.store.row(&row).unwrap().unwrap();
        let group = pending.accepted().accept(&mut dave.store).unwrap();
        let description = stored.expose().strip_prefix(b"header".as_slice()).unwrap();
        let info = info_of(MlsMessage::from_bytes(description).unwrap());
        assert_eq!(info.group_context, *group.public().context());
        dave.group = Some(group);
        for name in ["alice", "bob", "carol"] {
            assert!(matches!(world.receive(name, &commit), Ok(Received::Commit(_))));
        }
        let erin = world.person("erin");
        let pending = erin.client.join_external(&info, ExternalJoin::default(), &inputs(), &mut rng).unwrap();
        let next = pending.persist(&mut erin.store).unwrap().commit().clone();
        for name in ["alice", "bob", "carol", "dave"] {
            assert!(matches!(world.receive(name, &next), Ok(Received::Commit(_))));
        }
    }
}

fn observer(world: &World) -> Observer {
    let info = roundtrip(&world.member("alice").group_info(true, false).unwrap());
    let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
    let new = Observer::new(&info, None, Arc::clone(&world.suite), Settings::default(), &inputs()).unwrap();
    new.persist(&mut MemoryStore::default()).unwrap()
}

// RFC 9420 §8.3, §6.1: what needs no secret to be seen, observers see as the members do.
#[test]
fn malformed_keys_and_tags_are_refused_by_all() {
    for mut world in worlds() {
        let outsider = world.outsider("dave", "alice");
        let mut rng = SeededRng::new(6);
        let honest = outsider.commit_from_outside(Plan::of([]), &mut rng);
        let eye = observer(&world);
        for length in [0, 31, 33] {
            let kem_output = vec![9; length].into();
            let init = ProposalOrRef::Proposal(Proposal::ExternalInit(ExternalInit { kem_output }));
            let malformed = changed(&outsider, &honest, |commit| *commit.proposals.first_mut().unwrap() = init);
            let why = Error::Invalid(Rule::PublicKeyWellFormed);
            assert_eq!(eye.stage(&roundtrip(&malformed), &inputs()).map(drop), Err(why.clone()));
            for name in ["alice", "carol"] {
                assert_eq!(world.refuse(name, &malformed), why);
            }
        }
        let regular = world.insider("carol").commit(Plan { path: true, ..Plan::of([]) }, &mut rng);
        for (message, from) in [(&honest, &outsider), (&regular, &world.insider("carol"))] {
            for tag in [Digest::EMPTY, suite(5).hash(&[b"a longer one"])] {
                let MlsMessageBody::PublicMessage(message) = message.body.clone() else { panic!() };
                let mut content = from.sign(WireFormat::PUBLIC_MESSAGE, message.content);
                content.auth.confirmation_tag = Some(tag);
                let message = from.send(content);
                let why = Error::Unverified(What::ConfirmationTag);
                assert_eq!(eye.stage(&roundtrip(&message), &inputs()).map(drop), Err(why.clone()));
                assert_eq!(world.refuse("bob", &message), why);
            }
        }
        assert!(eye.stage(&roundtrip(&honest), &inputs()).is_ok());
        assert!(matches!(world.receive("bob", &honest), Ok(Received::Commit(_))));
    }
}
