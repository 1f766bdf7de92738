//! Groups of a few clients through the public interface: every operation once, state kept in a store and read back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::std_instead_of_alloc,
    reason = "a test fails by panicking"
)]

mod common;

use cenacle_mls::{
    Error, Misuse, Rule,
    delta::PersistError,
    group::{Group, Handshake, Received},
    wire::{Content, ContentType, GroupId, LeafIndex, Proposal, Psk, Remove, Sender, WireFormat},
};
use common::{World, inputs, roundtrip};

fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(|handshake| World::new(1, handshake))
}

// RFC 9420 §11, §12.4.3.1.
#[test]
fn two_members_talk() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        world.say("alice", "hello bob");
        world.say("bob", "hello alice");
        world.agree();
    }
}

// RFC 9420 §12.1.1 to §12.1.3, §12.4.1, §12.4.2.
#[test]
fn a_group_grows_renews_and_shrinks() {
    for mut world in worlds() {
        world.create("alice");
        for name in ["bob", "carol", "dave", "erin"] {
            world.add("alice", name);
            world.say(name, "hi");
        }
        world.renew("carol");
        world.renew("erin");
        world.remove("bob", "dave");
        world.say("carol", "without dave");
        world.add("erin", "frank");
        assert_eq!(world.member("frank").own_leaf(), LeafIndex(3));
        world.renew("frank");
        world.say("alice", "with frank");
        world.agree();
    }
}

// RFC 9420 §12.1, §12.4.
#[test]
fn proposals_by_reference_are_committed_by_another() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        world.add("alice", "carol");
        world.add("alice", "dave");
        let update = world.with("bob", |group, rng| group.propose_update(rng));
        world.deliver("bob", &update);
        let remove = world.with("carol", |group, rng| group.propose_remove(LeafIndex(3), rng));
        world.deliver("carol", &remove);
        // Application data has to wait for the commit.
        let refused = world.try_with("alice", |group, rng| group.protect(b"too early", b"", rng));
        assert_eq!(refused.unwrap_err(), Error::Misuse(Misuse::ProposalsPending));
        let erin = world.key_package("erin");
        let bundle = world.with("alice", |group, rng| group.commit().add(erin).build(&inputs(), rng));
        let (alice, carol) = (Sender::Member(LeafIndex(0)), Sender::Member(LeafIndex(2)));
        for name in ["alice", "bob", "carol", "dave"] {
            let received = world.receive(name, &bundle.commit).unwrap();
            let (Received::Commit(does) | Received::OwnCommit(does) | Received::Removed(does)) = received else {
                panic!()
            };
            // Who wanted it, not who committed it.
            let wanted = (does.committer, does.adder(LeafIndex(3)), does.remover(LeafIndex(3)));
            assert_eq!(wanted, (LeafIndex(0), alice, carol));
            assert_eq!((does.proposed_adds.len(), does.proposed_removes.len()), (0, 1));
        }
        assert!(!world.is_member("dave"));
        world.say("bob", "renewed");
    }
}

// RFC 9420 §8.4, §12.1.4.
#[test]
fn psks_are_folded_in() {
    for mut world in worlds() {
        world.create("alice");
        world.psks.insert_external(&b"secret"[..], vec![7; 32]);
        world.add("alice", "bob");
        let id = world.member("alice").group_id().clone();
        let epoch = world.member("alice").epoch();
        world.commit("alice", |commit| commit.psk(Psk::External((&b"secret"[..]).into())));
        let resumption = Psk::Resumption {
            usage: cenacle_mls::wire::ResumptionPskUsage::Application,
            psk_group_id: id,
            psk_epoch: epoch,
        };
        world.commit("bob", |commit| commit.psk(resumption));
        world.agree();
    }
}

// RFC 9420 §8.3, §12.1.6, §12.4.3.2.
#[test]
fn outsiders_join_and_come_back() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        world.join_external("alice", "carol", false);
        world.say("carol", "let myself in");
        world.renew("bob");
        // Carol lost her state and takes her own place.
        world.join_external("bob", "carol", true);
        assert_eq!(world.member("alice").members().count(), 3);
        world.say("carol", "back again");
        world.agree();
    }
}

// RFC 9420 §15.3.
#[test]
fn late_messages_of_past_epochs_are_read() {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    world.add("alice", "bob");
    world.add("alice", "carol");
    let late = world.with("bob", |group, rng| group.protect(b"late", b"", rng));
    world.renew("bob");
    world.remove("alice", "bob");
    world.reload("carol");
    let received = world.receive("carol", &late).unwrap();
    let Received::Application(message) = received else { panic!("{received:?}") };
    assert_eq!(message.data.expose(), b"late");
    assert_eq!(world.receive("carol", &late).unwrap_err(), Error::KeyGone(cenacle_mls::wire::Generation(0)));
}

// RFC 9420 §15.3.
#[test]
fn messages_out_of_order_are_read_once() {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    world.add("alice", "bob");
    let messages: Vec<_> =
        (0..40u8).map(|i| world.with("alice", |group, rng| group.protect(&[i], b"aad", rng))).collect();
    for (i, message) in messages.iter().enumerate().rev() {
        world.reload("bob");
        let Received::Application(read) = world.receive("bob", message).unwrap() else { panic!() };
        assert_eq!(read.data.expose(), [u8::try_from(i).unwrap()]);
        assert_eq!(read.authenticated_data, b"aad");
    }
    for message in &messages {
        assert!(matches!(world.receive("bob", message), Err(Error::KeyGone(_))));
    }
}

#[test]
fn reload_never_repeats_a_generation() {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    world.add("alice", "bob");
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..6 {
        for _ in 0..20 {
            let message = world.with("alice", |group, rng| group.protect(b"x", b"", rng));
            let Received::Application(read) = world.receive("bob", &message).unwrap() else { panic!() };
            assert!(seen.insert(read.generation), "generation {} came twice, round {round}", read.generation);
        }
        world.reload("alice");
    }
}

// RFC 9420 §12.4.1, §14.
#[test]
fn a_pending_commit_survives_a_restart() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        world.add("alice", "carol");
        let bundle = world.build_commit("bob", |commit| commit.remove(LeafIndex(2)));
        world.reload("bob");
        world.reload("alice");
        assert_eq!(world.member("bob").pending_commit(), Some(&bundle.commit));
        let received = world.receive("bob", &bundle.commit).unwrap();
        assert!(matches!(received, Received::OwnCommit(_)), "{received:?}");
        assert!(matches!(world.receive("alice", &bundle.commit).unwrap(), Received::Commit(_)));
        assert!(matches!(world.receive("carol", &bundle.commit).unwrap(), Received::Removed(_)));
        world.forget("carol");
        world.reload("bob");
        world.say("bob", "still here");
        world.agree();
    }
}

#[test]
fn proposals_that_came_while_a_commit_was_pending_end_with_its_epoch() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        let bundle = world.build_commit("alice", |commit| commit.with_path());
        let late = world.with("bob", |group, rng| group.propose_update(rng));
        world.deliver("bob", &late);
        assert_eq!(world.member("alice").proposals().count(), 1);
        world.receive("bob", &bundle.commit).unwrap();
        world.receive("alice", &bundle.commit).unwrap();
        for name in ["alice", "bob"] {
            world.reload(name);
            assert_eq!(world.member(name).proposals().count(), 0);
        }
        world.say("alice", "nothing waits");
    }
}

// RFC 9420 §14.
#[test]
fn the_losing_commit_gives_way() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        let losing = world.build_commit("alice", |commit| commit.with_path());
        world.renew("bob");
        assert!(!world.member("alice").has_pending_commit());
        assert!(matches!(world.receive("bob", &losing.commit), Err(Error::Stale(_))));
        world.renew("alice");
        world.agree();
    }
}

#[test]
fn refusals_name_the_rule() {
    let mut world = World::new(1, Handshake::Public);
    world.create("alice");
    world.add("alice", "bob");
    let refused =
        world.try_with("alice", |group, rng| group.commit().remove(LeafIndex(0)).build(&common::inputs(), rng));
    assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::CommitterNotRemoved));
    let refused = world.try_with("alice", |group, rng| {
        group.commit().remove(LeafIndex(1)).remove(LeafIndex(1)).build(&common::inputs(), rng)
    });
    assert_eq!(refused.unwrap_err(), Error::Invalid(Rule::LeafChangedOnce));
    let future = roundtrip(&world.build_commit("bob", |commit| commit).commit);
    world.with("bob", |group, _| group.discard_pending());
    world.renew("bob");
    assert!(matches!(world.receive("alice", &future), Err(Error::Stale(_))));
}

#[test]
fn what_was_opened_in_one_state_is_not_staged_in_another() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        let message = world.with("alice", |group, rng| group.protect(b"once", b"", rng));
        let group = world.member("bob");
        let (first, second) = (group.open(&message).unwrap(), group.open(&message).unwrap());
        let first = group.stage(first, &common::inputs()).unwrap();
        let person = world.people.get_mut("bob").unwrap();
        let group = person.group.as_mut().unwrap();
        group.merge(first, &mut person.store).unwrap();
        let refused = group.stage(second, &common::inputs());
        assert_eq!(refused.unwrap_err(), Error::Misuse(Misuse::Outdated));
    }
}

#[test]
fn what_is_set_aside_here_may_be_committed_elsewhere() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        world.add("alice", "carol");
        let update = world.with("alice", |group, rng| group.propose_update(rng));
        world.deliver("alice", &update);
        let (reference, ..) = world.member("bob").proposals().next().unwrap();
        world.with("bob", |group, _| group.set_aside(&reference));
        world.reload("bob");
        world.renew("carol");
        world.say("bob", "we are together");
    }
}

#[test]
fn a_proposal_that_does_not_fit_is_left_out_and_can_be_set_aside() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        world.add("alice", "carol");
        // Valid by itself, but nobody supports the extension.
        let mut extensions = cenacle_mls::wire::Extensions::default();
        extensions.0.push(cenacle_mls::wire::Extension {
            extension_type: cenacle_mls::wire::ExtensionType(0xf00d),
            extension_data: (&b"x"[..]).into(),
        });
        let proposal = world.with("bob", |group, rng| group.propose_extensions(extensions, rng));
        world.deliver("bob", &proposal);
        let (reference, ..) = world.member("carol").proposals().next().unwrap();
        world.with("carol", |group, _| group.set_aside(&reference));
        world.reload("carol");
        assert_eq!(world.member("carol").proposals().count(), 0);
        let message = world.with("carol", |group, rng| group.protect(b"not held back", b"", rng));
        assert!(world.receive("alice", &message).is_ok());
        world.renew("alice");
        world.say("bob", "the group goes on");
    }
}

#[test]
fn nobody_returns_to_an_epoch_that_was() {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    let package = world.last_resort("bob");
    let bundle = world.commit("alice", |commit| commit.add(package));
    let welcome = bundle.welcome.unwrap();
    assert!(world.accept("bob", &welcome).is_ok());
    world.renew("alice");
    world.remove("alice", "bob");
    assert!(matches!(world.accept("bob", &welcome), Err(PersistError::State(Error::Stale(_)))));
}

#[test]
fn a_claim_to_be_oneself_has_no_consequences_and_an_old_copy_is_noticed() {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    world.add("alice", "bob");
    let copy = world.people.get("alice").unwrap().store.snapshot();
    let message = world.with("alice", |group, rng| group.protect(b"after the copy", b"", rng));
    assert!(matches!(world.receive("alice", &message), Ok(Received::OwnMessage(_))));
    world.restore("alice", copy);
    assert_eq!(world.receive("alice", &message).unwrap_err(), Error::OldState);
    // A forgery under a key that is still there is one.
    let cenacle_mls::wire::MlsMessageBody::PrivateMessage(mut forged) = message.body else { panic!() };
    let mut bytes = forged.ciphertext.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    forged.ciphertext = bytes.into();
    assert!(matches!(world.receive("alice", &forged.into()), Err(Error::Unverified(_))));
}

#[test]
fn an_own_proposal_that_does_not_wait_tells_of_an_old_copy() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        let copy = world.people.get("alice").unwrap().store.snapshot();
        let update = world.propose("alice", |group, rng| group.propose_update(rng));
        assert!(matches!(world.receive("alice", &update), Ok(Received::OwnMessage(_))));
        // The copy has no key for it, and could not follow a commit of it.
        world.restore("alice", copy);
        assert_eq!(world.refuse("alice", &update), Error::OldState);
    }
}

#[test]
fn of_a_group_one_was_removed_from_the_public_half_is_left() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        world.remove("alice", "bob");
        world.reload("bob");
        let group = world.member("bob");
        assert!(!group.is_active() && group.members().count() == 2);
        let id = group.group_id().clone();
        assert_eq!(group.export_secret("x", b"", 32).unwrap_err(), Error::Misuse(Misuse::NotMember));
        let person = world.people.get_mut("bob").unwrap();
        cenacle_mls::group::Client::forget_group(&mut person.store, &id).unwrap();
        assert_eq!(person.store.len_rows(), 0);
    }
}

// RFC 9420 §6: what is inside and what it leads to can be looked at before anything happens.
#[test]
fn a_message_tells_what_it_is_before_it_is_taken() {
    for mut world in worlds() {
        world.create("alice");
        world.add("alice", "bob");
        let said = world.with("alice", |group, rng| group.protect(b"hello", b"", rng));
        let commit = world.build_commit("alice", |commit| commit.with_path()).commit;
        let (alice, bob) = (world.member("alice"), world.member("bob"));
        let content = |group: &Group, message| group.open(message).unwrap().content().map(|content| content.sender);
        let own = Some(Sender::Member(alice.own_leaf()));
        for message in [&said, &commit] {
            assert_eq!((content(bob, message), content(alice, message)), (own, None));
        }
        let staged = |message| bob.stage(bob.open(message).unwrap(), &inputs()).unwrap();
        let epoch = |message| staged(message).preview_public().map(|public| public.epoch());
        for (message, content_type) in [(&said, ContentType::Application), (&commit, ContentType::Commit)] {
            assert_eq!((message.group_id(), message.epoch()), (Some(bob.group_id()), Some(bob.epoch())));
            assert_eq!(message.content_type(), Some(content_type));
        }
        assert_eq!((epoch(&said), epoch(&commit)), (None, bob.epoch().next()));
    }
}

// RFC 9420 §6.1.
#[test]
fn a_message_for_another_group_is_refused() {
    let mut world = World::new(1, Handshake::Public);
    world.create("alice");
    world.add("alice", "bob");
    let insider = world.insider("alice");
    let remove = Content::Proposal(Proposal::Remove(Remove { removed: LeafIndex(1) }));
    let mut framed = insider.framed(Sender::Member(insider.leaf), remove);
    let honest = insider.send(insider.sign(WireFormat::PUBLIC_MESSAGE, framed.clone()));
    framed.group_id = GroupId::from(&b"other"[..]);
    let other = insider.send(insider.sign(WireFormat::PUBLIC_MESSAGE, framed));
    assert_eq!(world.refuse("bob", &other), Error::Invalid(Rule::GroupIdMatches));
    assert!(world.receive("bob", &honest).is_ok());
}

// For stores with another interface: what is written is merged against the proof, and no other step of that state is.
#[test]
fn what_was_split_is_merged_once_written_and_outdates_all_else() {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    world.add("alice", "bob");
    let mut rng = cenacle_crypto::conformance::SeededRng::new(3);
    let person = world.people.get_mut("alice").unwrap();
    let group = person.group.as_mut().unwrap();
    let first = group.protect(b"first", b"", &mut rng).unwrap();
    let second = world.ledger.dropped(|| group.protect(b"other", b"", &mut rng).unwrap());
    let (delta, awaiting) = group.split(first).unwrap();
    let outdated = Error::Misuse(cenacle_mls::Misuse::Outdated);
    assert_eq!(group.split(second).map(drop).unwrap_err(), outdated);
    let between = world.ledger.dropped(|| group.protect(b"between", b"", &mut rng).unwrap());
    let refused = group.merge(between, &mut person.store).map(drop).unwrap_err();
    assert!(matches!(refused, PersistError::State(Error::Misuse(cenacle_mls::Misuse::Outdated))), "{refused}");
    cenacle_mls::delta::Store::apply(&mut person.store, &delta).unwrap();
    let message = group.merge_written(awaiting, &delta.written()).unwrap();
    // The proof of another delta is none.
    let (_, awaiting) = group.split(group.protect(b"lost", b"", &mut rng).unwrap()).unwrap();
    assert_eq!(group.merge_written(awaiting, &cenacle_mls::delta::Delta::new().written()).unwrap_err(), outdated);
    assert!(world.receive("bob", &message).is_ok());
}

// RFC 9420 §15.3: what narrower limits do not keep is erased with the next epoch, a commit that was pending before among them.
#[test]
fn narrower_limits_reach_a_commit_that_was_pending() {
    let mut world = World::new(1, Handshake::Private);
    world.create("alice");
    world.add("alice", "bob");
    for _ in 0..3 {
        world.renew("bob");
    }
    let bundle = world.build_commit("alice", |commit| commit.with_path());
    let person = world.people.get_mut("alice").unwrap();
    let mut settings = *person.client.settings();
    (settings.limits.past_epochs, settings.limits.resumption_psks) = (0, 1);
    person.client = person.client.clone().with_settings(settings);
    world.reload("alice");
    world.receive("bob", &bundle.commit).unwrap();
    world.receive("alice", &bundle.commit).unwrap();
    let alice = world.people.get("alice").unwrap();
    let rows = |table| {
        let group_id = alice.group.as_ref().unwrap().group_id();
        let prefix = cenacle_mls::delta::RowKey::of_group(table, group_id);
        cenacle_mls::delta::Store::rows(&alice.store, &prefix).unwrap().len()
    };
    use cenacle_mls::delta::Table;
    assert_eq!([Table::PAST_EPOCH, Table::PAST_LEAF, Table::RESUMPTION_PSK].map(rows), [0, 0, 1]);
    world.renew("alice");
    world.say("bob", "as before");
}
