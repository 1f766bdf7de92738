//! Messages from those who know too much: members who forge another's, the removed who go on with old keys, outsiders whom
//! the group lets propose; and what cannot be judged yet for want of a key or a verdict. None of it changes anything, and
//! none of it stands in the way of the genuine message.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

extern crate alloc;

use alloc::sync::Arc;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::{CipherSuite, Signer};
use cenacle_mls::{
    Distrust, Error, Misuse, Need, What,
    group::{CredentialPolicy, Handshake, Inputs, Presented, Psks, Received, Verdict},
    protect,
    wire::{
        Content, Credential, Epoch, Extensions, ExternalSender, FramedContent, FramedContentAuthData, MlsMessage,
        MlsMessageBody, Proposal, Psk, PublicMessage, Remove, Sender, WireFormat,
    },
};
use cenacle_testkit::{
    damage::{Budget, Spoiler, besiege, claims, damages, edits},
    world::{NOW_SECONDS, Person, Provider, World, inputs},
};

const BOTH: [Handshake; 2] = [Handshake::Public, Handshake::Private];

/// Alice, Bob and Carol, and Alice's signer.
fn group(seed: u64, handshake: Handshake) -> (World, Arc<dyn Signer>) {
    let mut world = World::new(seed, Provider::AwsLc, CipherSuite(1)).framing(handshake);
    let signer = world.signer();
    world.enter_with("alice", Arc::clone(&signer));
    world.enter("bob");
    world.enter("carol");
    world.create("alice");
    world.invite("alice", "bob");
    world.invite("bob", "carol");
    world.commit("alice", |commit| commit.with_path());
    (world, signer)
}

/// `victim` refuses bytes with this error, and nothing has changed.
fn refuses(world: &mut World, victim: &str, bytes: &[u8], expected: &Error) {
    let before = world.at(victim).visible();
    assert_eq!(world.receive(victim, bytes).unwrap_err(), *expected);
    assert!(before == world.at(victim).visible(), "a refused message changed something");
}

/// Someone with all of Alice's secrets but her signature key, standing where she stands after a restart.
fn forger(world: &mut World, signer: &Arc<dyn Signer>, good_signatures: usize) -> Person {
    world.person("alice").reload();
    let spoiler = Arc::new(Spoiler::after(good_signatures, Arc::clone(signer)));
    let client = world.forger("alice", spoiler);
    world.at("alice").copied(client)
}

#[test]
fn a_forgery_does_not_use_up_the_key_of_its_generation() {
    for (seed, handshake) in (1..).zip(BOTH) {
        let (mut world, signer) = group(seed, handshake);
        let (mut rng, mut again) = (world.dice.fork(), world.dice.fork());
        // Forged and genuine message are of one generation, so the second is read only if the first used nothing up.
        let mut mallory = forger(&mut world, &signer, 0);
        let forged = mallory.step(|group| group.protect(b"from alice?", b"", &mut rng)).to_bytes().unwrap();
        refuses(&mut world, "bob", &forged, &Error::Unverified(What::ContentSignature));
        let genuine = world.protect("alice", b"from alice");
        let Received::Application(read) = world.receive("bob", &genuine).unwrap() else { panic!() };
        assert_eq!(read.data.expose(), b"from alice");

        // An Update is signed twice: the leaf, then the message.
        for (good, what) in [(0, What::LeafSignature), (1, What::ContentSignature)] {
            let mut mallory = forger(&mut world, &signer, good);
            let forged = mallory.step(|group| group.propose_update(&mut rng)).to_bytes().unwrap();
            refuses(&mut world, "bob", &forged, &Error::Unverified(what));
            let genuine = world.step("alice", |group, _| group.propose_update(&mut again)).to_bytes().unwrap();
            world.receive("bob", &genuine).unwrap();
            world.receive("carol", &genuine).unwrap();
        }

        // So is a commit.
        for (good, what) in [(0, What::LeafSignature), (1, What::ContentSignature)] {
            let mut mallory = forger(&mut world, &signer, good);
            let forged = mallory.step(|group| group.commit().with_path().build(&world.inputs(), &mut rng));
            refuses(&mut world, "bob", &forged.commit.to_bytes().unwrap(), &Error::Unverified(what));
            world.commit("alice", |commit| commit.with_path());
        }
    }
}

#[test]
fn a_commit_with_a_false_confirmation_tag_changes_nothing() {
    for (seed, handshake) in (3..).zip(BOTH) {
        let (mut world, _) = group(seed, handshake);
        let mut others = Psks::default();
        others.insert_external(&b"shared"[..], vec![1; 32]);
        let mut rng = world.dice.fork();
        let psk = || Psk::External((&b"shared"[..]).into());
        // Alice folds in another key under the same name: all is well signed, and the epoch is not the one Bob computes.
        let alice = world.person("alice");
        let bundle = alice.step(|group| group.commit().psk(psk()).build(&inputs(&others), &mut rng));
        let false_commit = bundle.commit.to_bytes().unwrap();
        refuses(&mut world, "bob", &false_commit, &Error::Unverified(What::ConfirmationTag));
        world.step("alice", |group, _| group.discard_pending());
        world.commit("alice", |commit| commit.psk(psk()));
    }
}

/// An Authentication Service that says the same of everyone.
struct Always(Verdict);

impl CredentialPolicy for Always {
    fn verdict(&self, _: &Presented<'_>) -> Verdict {
        self.0
    }
}

#[test]
fn what_is_missing_can_be_fetched_and_the_message_tried_again() {
    for (seed, handshake) in (5..).zip(BOTH) {
        let (mut world, _) = group(seed, handshake);
        world.enter("dave");
        let mut rng = world.dice.fork();
        let package = world.person("dave").try_key_package(false, &mut rng).unwrap();
        let bundle = world.prepare("alice", |commit| commit.add(package).psk(Psk::External((&b"shared"[..]).into())));
        let commit = bundle.commit.to_bytes().unwrap();
        let before = world.at("bob").visible();
        let World { people, psks, .. } = &mut world;
        let bob = people.get_mut("bob").unwrap();
        let (unknown, refused) = (Always(Verdict::Unknown), Always(Verdict::Refuse(Distrust::Untrusted)));
        let without_psks = Inputs::new(&cenacle_mls::group::AcceptAll).at(NOW_SECONDS);
        assert!(matches!(bob.receive(&commit, &without_psks), Err(Error::Missing(Need::Psk(_)))));
        let unknown = Inputs::new(&unknown).at(NOW_SECONDS).with_psks(psks);
        assert!(matches!(bob.receive(&commit, &unknown), Err(Error::Missing(Need::CredentialVerdicts(_)))));
        let refused = Inputs::new(&refused).at(NOW_SECONDS).with_psks(psks);
        assert_eq!(
            bob.receive(&commit, &refused).unwrap_err(),
            Error::Unverified(What::Credential(Distrust::Untrusted))
        );
        assert!(before == bob.visible());
        world.deliver(&commit);
        world.agree();
    }
}

#[test]
fn the_removed_are_not_heard() {
    for (seed, handshake) in (7..).zip(BOTH) {
        let (mut world, signer) = group(seed, handshake);
        let mut rng = world.dice.fork();
        // Alice, as she is when Bob removes her, and as she goes on.
        let mut stale = world.at("alice").copied(world.forger("alice", signer));
        let leaf = world.leaf("alice");
        world.commit("bob", |commit| commit.remove(leaf));
        let epoch = world.at("bob").group().epoch().0;
        let shared = inputs(&world.psks);
        let messages = [
            stale.step(|group| group.protect(b"still here", b"", &mut rng)),
            stale.step(|group| group.propose_update(&mut rng)),
            stale.step(|group| group.commit().with_path().build(&shared, &mut rng)).commit,
        ];
        for message in messages {
            let genuine = message.to_bytes().unwrap();
            let World { people, psks, dice, .. } = &mut world;
            let inputs = inputs(psks);
            let bob = people.get_mut("bob").unwrap();
            // Whatever epoch she claims, and however she bends it. Only what she said as a member may still arrive late.
            let claimed = claims(&genuine, [0, epoch, epoch + 1, u64::MAX]).into_iter().chain(edits(&genuine));
            let all = claimed.chain(damages(&genuine, Budget::SAMPLE, dice));
            besiege(bob, all, |person, bytes| person.on_trial(bytes, &genuine, &inputs))
                .assert_all_refused("the removed");
            match bob.receive(&genuine, &inputs) {
                Ok(Received::Application(late)) => assert_eq!(late.epoch, Epoch(epoch - 1)),
                other => assert_eq!(other.unwrap_err(), Error::Stale(Epoch(epoch - 1))),
            }
        }
        world.protect("bob", b"without alice");
        world.agree();
    }
}

/// A Remove of `removed` as an outsider signs it.
fn from_outside(world: &World, signer: &dyn Signer, sender: Sender, removed: &str) -> Vec<u8> {
    let context = world.at("bob").group().public().context();
    let content = FramedContent {
        group_id: context.group_id.clone(),
        epoch: context.epoch,
        sender,
        authenticated_data: Vec::new().into(),
        content: Content::Proposal(Proposal::Remove(Remove { removed: world.leaf(removed) })),
    };
    let signature = protect::sign(signer, WireFormat::PUBLIC_MESSAGE, &content, context).unwrap();
    let auth = FramedContentAuthData { signature, confirmation_tag: None };
    MlsMessage::from(PublicMessage { content, auth, membership_tag: None }).to_bytes().unwrap()
}

#[test]
fn an_external_senders_proposal_is_protected_by_its_signature_alone() {
    let (mut world, _) = group(9, Handshake::Public);
    let outsider = world.signer();
    let mut extensions = Extensions::default();
    let sender = ExternalSender {
        signature_key: outsider.public_key().clone(),
        credential: Credential::Basic((&b"warden"[..]).into()),
    };
    extensions.push_external_senders(&vec![sender]).unwrap();
    world.commit("alice", |commit| commit.extensions(extensions));
    let genuine = from_outside(&world, &*outsider, Sender::External(0), "carol");
    let epoch = world.at("bob").group().epoch().0;
    let World { people, psks, dice, .. } = &mut world;
    let inputs = inputs(psks);
    let all =
        damages(&genuine, Budget::ALL, dice).chain(edits(&genuine)).chain(claims(&genuine, [epoch - 1, epoch + 1]));
    let bob = people.get_mut("bob").unwrap();
    besiege(bob, all, |person, bytes| person.on_trial(bytes, &genuine, &inputs))
        .assert_all_refused("external proposal");
    let unlisted = from_outside(&world, &*outsider, Sender::External(1), "carol");
    let before = world.at("bob").visible();
    world.receive("bob", &unlisted).unwrap_err();
    assert!(before == world.at("bob").visible());
    world.deliver(&genuine);
    world.commit("bob", |commit| commit);
    assert!(!world.at("carol").is_member());
}

#[test]
fn what_was_prepared_for_another_state_is_refused() {
    let (mut world, _) = group(10, Handshake::Private);
    let (mut rng, inputs_of) = (world.dice.fork(), |world: &World| world.at("bob").visible());
    let message = world.protect("alice", b"once");
    let decoded = MlsMessage::from_bytes(&message).unwrap();
    assert!(matches!(decoded.body, MlsMessageBody::PrivateMessage(_)));
    let World { people, psks, .. } = &mut world;
    let inputs = inputs(psks);
    let bob = people.get_mut("bob").unwrap();
    // Opened twice and staged twice, but read once; two messages prepared, but one generation used.
    let opened = bob.group().open(&decoded).unwrap();
    let staged = bob.stage(&message, &inputs).unwrap();
    let sent = bob.group().protect(b"one", b"", &mut rng).unwrap();
    let (rival, attempt) = bob.ledger.attempt(|| bob.group().protect(b"other", b"", &mut rng).unwrap());
    let sent = bob.step(|_| Ok(sent)).to_bytes().unwrap();
    let before = bob.visible();
    assert_eq!(bob.group().stage(opened, &inputs).map(drop).unwrap_err(), Error::Misuse(Misuse::Outdated));
    assert!(bob.try_step(|_| Ok(staged)).is_err());
    assert!(bob.try_step(|_| Ok(rival)).is_err());
    attempt.settle(false);
    assert!(before == bob.visible());
    bob.receive(&message, &inputs).unwrap();
    world.receive("alice", &sent).unwrap();
    let before = inputs_of(&world);
    world.receive("bob", &message).unwrap_err();
    assert!(before == inputs_of(&world));
}
