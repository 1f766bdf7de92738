//! Receiving commits (RFC 9420 §12.4.2), one's own among them (§14).

use cenacle_mls::{
    delta::Table,
    group::{Handshake, Received},
    wire::{Epoch, LeafIndex},
};
use cenacle_testkit::world::TEST_EXTENSION;

use crate::common::*;

/// §12.4.2: A commit refers to what was proposed in this epoch.
#[test]
fn r245_unknown_references() {
    let mut trial = Trial::new(245);
    let remove = Proposal::Remove(3);
    let old = trial.alice.make(Plan::proposal(remove.clone()));
    trial.passes(&old);
    let next = trial.alice.make(Plan::commit());
    trial.passes(&next);
    let unheard = trial.alice.make(Plan::proposal(remove.clone()));
    for reference in [&vec![7; 32], &old.reference, &unheard.reference] {
        let unknown = trial.believes(reference, &remove);
        trial.refuses_commit([unknown], Rule::ProposalKnown);
    }
    trial.passes(&unheard);
    let twin = trial.alice.make(Plan::commit().with_ref(&unheard.reference));
    trial.accepts(&twin);
}

/// §12.4.2: All PSKs of a commit are there, or it must wait.
#[test]
fn r246_psks_that_are_not_there() {
    let mut trial = Trial::new(246);
    let own = trial.alice.context.group_id.clone();
    let resumption = |psk_group_id: &[u8], psk_epoch| {
        let (usage, psk_group_id) = (code::USAGE_APPLICATION, psk_group_id.to_vec());
        Psk::Resumption { usage, psk_group_id, psk_epoch }
    };
    let external = Psk::External(b"not yet known".to_vec());
    for psk in [external.clone(), resumption(&own, 1_000), resumption(b"another group", 1)] {
        let id = trial.alice.psk_id(psk);
        let missing = missing_psk(&id);
        trial.refuses_commit([Proposal::PreSharedKey(id.clone())], missing.clone());
        let waiting = trial.proposes(Proposal::PreSharedKey(id));
        trial.refuses_commit([waiting], missing);
    }
    let id = trial.alice.psk_id(external.clone());
    trial.alice.psks.insert(external, vec![9; 32]);
    let commit = trial.alice.make(Plan::commit().with([Proposal::PreSharedKey(id.clone())]));
    let missing = missing_psk(&id);
    trial.refuses(&commit, missing);
    // The same bytes, once it is there.
    trial.world.psks.insert_external(&b"not yet known"[..], vec![9; 32]);
    trial.accepts(&commit);
}

/// §12.4.2: Only a commit whose tag is right changes anything: the epoch goes on for all, its sender included.
#[test]
fn r248_nothing_is_left_of_a_bad_commit() {
    let mut trial = Trial::new(248);
    for private in [false, true] {
        let plan = || Plan::commit().framed(private).with([Proposal::GroupContextExtensions(Vec::new())]);
        let bad = |alice: &mut Insider| alice.make(plan().auth(|auth| auth.confirmation_tag.as_mut().unwrap()[0] ^= 1));
        for by_another in [false, true] {
            let forged = bad(&mut trial.alice);
            trial.refuses(&forged, What::ConfirmationTag);
            let message = trial.alice.make(Plan::application(b"of the old epoch"));
            trial.passes(&message);
            trial.step("carol", |group, rng| group.protect(b"of the old epoch", b"", rng));
            match by_another {
                true => trial.goes_on(),
                false => {
                    let good = trial.alice.make(plan());
                    trial.passes(&good);
                }
            }
        }
    }
}

/// §12.4.2: A group that was re-initialised is over: nothing is sent or received, but a Welcome to what follows.
#[test]
fn r249_after_a_reinit() {
    let mut trial = Trial::new(249);
    let end = trial.alice.make(Plan::commit().without_path().with([reinit(b"next")]));
    trial.passes(&end);
    let over = Misuse::ReInitialized;
    trial.refuses_call(|group, _, rng| group.protect(b"hello", b"", rng), over);
    trial.refuses_call(|group, _, rng| group.propose_update(rng), over);
    trial.refuses_call(|group, _, rng| group.propose_remove(LeafIndex(3), rng), over);
    trial.refuses_call(|group, inputs, rng| group.commit().build(inputs, rng), over);
    for plan in [Plan::commit, || Plan::proposal(Proposal::Remove(3)), || Plan::application(b"hello").public()] {
        for private in [false, true] {
            let bad = trial.alice.make(plan().framed(private));
            trial.refuses(&bad, Rule::ReInitIsLast);
        }
    }
    let packages = ["bob", "carol", "dave"].map(|name| trial.key_package(name));
    let adds = || packages.iter().map(Proposal::add);
    let (mut founder, psk) = trial.alice.continues(code::USAGE_REINIT, b"next");
    let (mut stranger, other) = trial.alice.continues(code::USAGE_REINIT, b"another");
    let plan = |psk: &PreSharedKeyId| Plan::commit().with([Proposal::PreSharedKey(psk.clone())]).with(adds());
    let extended = Proposal::GroupContextExtensions(vec![Extension::new(TEST_EXTENSION.0, b"")]);
    let bad = [
        stranger.make(plan(&other)),
        founder.make(plan(&psk).with([extended])),
        founder.make(Plan::commit().with(adds())),
    ];
    for bad in bad {
        trial.refuses_welcome("bob", bad.welcome(), Rule::SuccessorFits);
    }
    let twin = founder.make(plan(&psk));
    trial.moves(&["bob", "carol", "dave"], &twin);
}

/// §12.4.2: A ReInit that is refused ends nothing.
#[test]
fn r250_reinit_that_is_refused() {
    let mut trial = Trial::new(250);
    for private in [false, true] {
        let plan = || Plan::commit().framed(private).without_path().with([reinit(b"next")]);
        let bad = trial.alice.make(plan().auth(|auth| auth.confirmation_tag.as_mut().unwrap()[31] ^= 1));
        trial.refuses(&bad, What::ConfirmationTag);
        let message = trial.performs(|group, _, rng| group.protect(b"we are still here", b"", rng));
        trial.sends(&message);
        trial.accepts_commit([Proposal::GroupContextExtensions(Vec::new())]);
    }
    let twin = trial.alice.make(Plan::commit().without_path().with([reinit(b"next")]));
    trial.passes(&twin);
    assert!(trial.world.at("bob").group().reinit().is_some());
}

/// §12.4.2: Whoever is removed by a commit is told, and by whom; a bad commit removes nobody.
#[test]
fn r251_being_removed() {
    for (seed, private, waits) in [(251, false, false), (2510, true, false), (2511, false, true)] {
        let mut trial = Trial::new(seed);
        let remove: ProposalOrRef = match waits {
            true => trial.proposed("carol", |group, rng| group.propose_remove(LeafIndex(1), rng)),
            false => Proposal::Remove(1).into(),
        };
        let plan = || Plan::commit().framed(private).with([remove.clone()]);
        let bad = trial.alice.make(plan().signature(|signature| signature[5] ^= 1));
        trial.refuses(&bad, What::ContentSignature);
        let bad = trial.alice.make(plan().path(|path| path.nodes.clear()));
        trial.refuses(&bad, Rule::PathLengthFits);
        let twin = trial.alice.make(plan());
        let Ok(Received::Removed(summary)) = trial.receive("bob", &twin.bytes) else { panic!("Bob is not told") };
        assert_eq!(summary.committer, LeafIndex(0));
        let removed: Vec<_> = summary.removed.iter().map(|(leaf, who)| (leaf.0, who.to_bytes().unwrap())).collect();
        assert_eq!(removed, [(1, Credential::Basic(b"bob".to_vec()).bytes())]);
        trial.refuses_call(|group, _, rng| group.protect(b"hello", b"", rng), Misuse::NotMember);
        trial.refuses_call(|group, inputs, rng| group.commit().build(inputs, rng), Misuse::NotMember);
        trial.accepts(&twin);
    }
}

/// Bob makes a commit, which then waits for its echo: its bytes.
fn own_commit(trial: &mut Trial) -> Vec<u8> {
    let made = trial.performs(|group, inputs, rng| group.commit().with_path().build(inputs, rng));
    made.commit.to_bytes().unwrap()
}

/// §12.4.2, §14: One's own commit is taken for accepted when it comes back byte for byte, and as long as it is known to wait.
/// What is not known here any more is refused: in the clear it shows that this state is an old one; encrypted with a key that
/// is used up, it could be anybody's.
#[test]
fn r252_own_commit_comes_back() {
    for (seed, framing) in [(252, Handshake::Public), (2520, Handshake::Private)] {
        let private = framing == Handshake::Private;
        let mut trial = Trial::of(Trial::world(seed, 1).framing(framing).group_of(&NAMES));
        let earlier = trial.world.at("bob").copied(trial.world.client("bob", trial.world.signers["bob"].clone()));
        let commit = own_commit(&mut trial);
        let mut changed = commit.clone();
        *changed.last_mut().unwrap() ^= 1;
        trial.refuses(&changed, if private { Rule::SenderIsNotSelf.into() } else { Error::from(What::MembershipTag) });
        // Another's content in his name. When it is encrypted he cannot tell, but it takes a key that he has used.
        let plan = Plan::commit().framed(private).sender(Sender::Member(1)).seal(|seal| {
            (seal.ratchet_leaf, seal.generation) = (1, 0);
            (seal.sender_data.leaf_index, seal.sender_data.generation) = (1, 0);
        });
        let bad = trial.alice.make(plan);
        trial.refuses(&bad, if private { Rule::SenderIsNotSelf.into() } else { Error::from(What::ContentSignature) });
        assert!(trial.world.at("bob").group().has_pending_commit());

        // It was discarded, or the state is one from before.
        trial.performs(|group, _, _| group.discard_pending());
        trial.refuses(&commit, if private { Rule::SenderIsNotSelf.into() } else { Error::OldState });
        let before = earlier.visible();
        let outcome = earlier.stage(&commit, &trial.told.inputs(&trial.world.psks)).map(drop);
        assert_eq!(outcome, Err(Error::OldState));
        assert!(before == earlier.visible());

        let twin = own_commit(&mut trial);
        let received = trial.receive("bob", &twin).unwrap();
        assert!(matches!(received, Received::OwnCommit(_)), "{received:?}");
        for name in ["carol", "dave"] {
            trial.receive(name, &twin).unwrap();
        }
        trial.heard(&twin);
        trial.agree();
        trial.twin_was_accepted();
        trial.goes_on();
    }
}

/// §14: Another's commit that was accepted first takes the place of one's own, which can take no effect any more.
#[test]
fn r253_another_commit_wins() {
    for (seed, framing) in [(253, Handshake::Public), (2530, Handshake::Private)] {
        let mut trial = Trial::of(Trial::world(seed, 1).framing(framing).group_of(&NAMES));
        let epoch = trial.alice.context.epoch;
        let own = own_commit(&mut trial);
        let echo = trial.world.at("bob").stage(&own, &trial.told.inputs(&trial.world.psks)).unwrap();
        let rival = trial.alice.make(Plan::commit());
        trial.passes(&rival);
        let bob = trial.world.person("bob");
        assert!(!bob.group().has_pending_commit());
        assert!(bob.disk.snapshot().rows().all(|(key, _)| key.table != Table::PENDING_COMMIT), "it is still stored");
        let before = bob.visible();
        let late = bob.group.as_mut().unwrap().merge(echo, &mut bob.disk).map(drop);
        assert_eq!(late.map_err(cenacle_testkit::world::refusal), Err(Misuse::Outdated.into()));
        trial.assert_untouched("bob", &before);
        trial.refuses(&own, Error::Stale(Epoch(epoch)));
        trial.refuses_call(|group, _, _| group.discard_pending(), Misuse::NothingPending);
        let again = own_commit(&mut trial);
        trial.deliver(&again);
        trial.heard(&again);
        trial.twin_was_accepted();
        trial.goes_on();
    }
}
