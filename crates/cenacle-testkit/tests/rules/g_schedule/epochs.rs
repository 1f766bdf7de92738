//! Epochs, transcripts and what is derived from them (RFC 9420 §8, §8.1-§8.3, §8.5, §8.7).

use cenacle_mls::group::Received;

use crate::common::*;

/// §8.1: The epoch is counted up by one, and does not begin again.
#[test]
fn r154_epoch_after_the_last() {
    let mut trial = Trial::new(154);
    let erin = trial.newcomer("erin");
    // A founder of the forge's whose first commit leads to the last epoch there is.
    let mut founder = Insider::nobody(&trial.alice.suite, "founder", 154).founds(b"old");
    founder.context.epoch = u64::MAX - 1;
    let last = founder.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.world.people.retain(|name, _| name == "erin");
    trial.enters("erin", last.welcome(), None);
    (trial.alice, trial.victim) = (last.next().insider.clone(), "erin".into());
    let bad = trial.alice.make(Plan::commit());
    trial.refuses(&bad, Rule::EpochCounts);
    trial.refuses_call(|group, inputs, rng| group.commit().build(inputs, rng), Rule::EpochCounts);
    // Data goes on as long as the epoch lasts.
    let twin = trial.alice.make(Plan::application(b"still here"));
    trial.passes(&twin);
    // One epoch more or less in what follows: the path is for another context.
    let mut trial = Trial::new(154);
    let psk = psk(&mut trial);
    for step in [0, 2] {
        let bad = trial.alice.make(Plan::commit().provisional(|context| context.epoch = context.epoch + step - 1));
        trial.refuses(&bad, What::PathSecret);
        let pathless = Plan::commit().without_path().with([psk.clone()]);
        let bad = trial.alice.make(pathless.context(|context| context.epoch = context.epoch + step - 1));
        trial.refuses(&bad, What::ConfirmationTag);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// A proposal that needs no path.
fn psk(trial: &mut Trial) -> Proposal {
    let psk = trial.shared_psk(b"known to all");
    Proposal::PreSharedKey(trial.alice.psk_id(psk))
}

/// §8.1: A group keeps its identifier, and its extensions until a commit replaces them.
#[test]
fn r155_identifier_and_extensions_stay() {
    let mut trial = Trial::new(155);
    let extension = Extension::new(cenacle_testkit::world::TEST_EXTENSION.0, b"topic");
    trial.set_extensions(vec![extension.clone()]);
    let group_id = trial.alice.context.group_id.clone();
    let spoil: [Spoil<'_, GroupContext>; 3] =
        [&|context| context.group_id.push(0), &|context| context.extensions.clear(), &|context| {
            context.extensions.push(Extension::new(0xF00E, b"x"))
        }];
    for spoil in spoil {
        let bad = trial.alice.make(Plan::commit().context(spoil));
        trial.refuses(&bad, What::ConfirmationTag);
        let bad = trial.alice.make(Plan::commit().provisional(spoil));
        trial.refuses(&bad, What::PathSecret);
    }
    for _ in 0..5 {
        let twin = trial.alice.make(Plan::commit());
        trial.accepts(&twin);
        let context = trial.world.at("bob").group().public().context().to_bytes().unwrap();
        let context = GroupContext::parse(&context);
        assert_eq!((&context.group_id, &context.extensions), (&group_id, &vec![extension.clone()]));
    }
    trial.set_extensions(Vec::new());
    assert!(trial.world.at("bob").group().public().extensions().0.is_empty());
}

/// §8.2: The transcript covers every commit, its framing, its signature and its tag, in their order.
#[test]
fn r156_transcript() {
    let mut trial = Trial::new(156);
    let suite = trial.alice.suite.clone();
    let confirmed = trial.alice.context.confirmed_transcript_hash.clone();
    let mut other = trial.alice.clone();
    // The interim hash without the tag, with another tag, and the confirmed one in its place.
    let tag = |tag: &[u8]| crypto::hash(&*suite, &[&confirmed[..], &tag.to_vec().bytes()].concat());
    for interim in [crypto::hash(&*suite, &confirmed), tag(&[0; 32]), confirmed.clone()] {
        other.interim_transcript_hash = interim;
        let bad = other.make(Plan::commit());
        trial.refuses(&bad, What::ConfirmationTag);
    }
    // The confirmed hash without this commit, and of the commit as it would be in another framing.
    let bad =
        trial.alice.make(Plan::commit().context(|context| context.confirmed_transcript_hash.clone_from(&confirmed)));
    trial.refuses(&bad, What::ConfirmationTag);
    for private in [false, true] {
        let (mut content, mut signature) = (Vec::new(), Vec::new());
        let interim = trial.alice.interim_transcript_hash.clone();
        let format = if private { code::PUBLIC_MESSAGE } else { code::PRIVATE_MESSAGE };
        let (seen, signed) = (core::cell::RefCell::new(&mut content), core::cell::RefCell::new(&mut signature));
        let bad = Plan::commit()
            .framed(private)
            .content(|framed| seen.borrow_mut().clone_from(&framed.bytes()))
            .signature(|made| signed.borrow_mut().clone_from(made))
            .context(|context| {
                let input = [&interim[..], &format.bytes(), &seen.borrow()[..], &signed.borrow().bytes()].concat();
                context.confirmed_transcript_hash = crypto::hash(&*suite, &input);
            });
        let bad = trial.alice.make(bad);
        trial.refuses(&bad, What::ConfirmationTag);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// A valid external commit, its ExternalInit changed before it is signed.
fn with_kem_output(mallory: &mut Insider, kem_output: &[u8]) -> Forged {
    mallory.make(Plan::external_commit().content(|content| {
        let Content::Commit(commit) = &mut content.content else { panic!("a commit") };
        commit.proposals[0] = Proposal::ExternalInit(kem_output.to_vec()).into();
    }))
}

/// §8.3: What an ExternalInit encapsulates is a key of the KEM.
#[test]
fn r157_external_init() {
    let mut trial = Trial::new(157);
    let mut mallory = trial.alice.outsider("mallory");
    for kem_output in [Vec::new(), vec![9; 31], vec![9; 33], vec![0; 32], vec![0xff; 32]] {
        let bad = with_kem_output(&mut mallory, &kem_output);
        trial.refuses(&bad, Rule::PublicKeyWellFormed);
    }
    // A good key, but another than the tag comes of.
    let other = mallory.fresh_key();
    let bad = with_kem_output(&mut mallory, &other);
    trial.refuses(&bad, What::ConfirmationTag);
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}

/// §8.3: An external commit begins with the external init secret, every other with that of the epoch before.
#[test]
fn r158_init_secret() {
    let mut trial = Trial::new(158);
    let mut mallory = trial.alice.outsider("mallory");
    let inner = trial.alice.epoch.init_secret.clone();
    let bad = mallory.make(Plan { init_secret: Some(inner), ..Plan::external_commit() });
    trial.refuses(&bad, What::ConfirmationTag);
    let (_, outer) =
        crypto::external_init(&*trial.alice.suite, &trial.alice.external_pub(), &mut trial.world.dice.fork());
    for init_secret in [outer, vec![0; 32], trial.alice.epoch.external_secret.clone()] {
        let bad = trial.alice.make(Plan { init_secret: Some(init_secret), ..Plan::commit() });
        trial.refuses(&bad, What::ConfirmationTag);
    }
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}

/// §8.5: An exported secret has a length that the KDF can give.
#[test]
fn r165_exported_length() {
    let mut trial = Trial::new(165);
    let before = trial.world.at("bob").visible();
    let bob = trial.world.at("bob").group();
    for length in [0, 1, 32, 255 * 32] {
        assert_eq!(bob.export_secret("label", b"context", length).unwrap().expose().len(), length);
    }
    for length in [255 * 32 + 1, 65_535, 65_536, usize::MAX] {
        let refused = bob.export_secret("label", b"context", length).map(drop);
        assert_eq!(refused, Err(Error::Misuse(Misuse::Length)), "{length} bytes");
    }
    trial.assert_untouched("bob", &before);
    trial.goes_on();
}

/// §8.5: An exported secret is bound to its label and to the hash of its context.
#[test]
fn r166_exported_secret() {
    let mut trial = Trial::new(166);
    let suite = trial.alice.suite.clone();
    let before = ["bob", "carol"].map(|name| trial.world.at(name).visible());
    for (label, context, length) in [("", &b""[..], 32), ("label", b"context", 16), ("label", b"another", 100)] {
        let labeled = crypto::derive_secret(&*suite, &trial.alice.epoch.exporter_secret, label);
        let hashed = crypto::hash(&*suite, context);
        let expected = crypto::expand_with_label(&*suite, &labeled, "exported", &hashed, length);
        let plain = crypto::expand_with_label(&*suite, &labeled, "exported", context, length);
        for name in ["bob", "carol"] {
            let exported = trial.world.at(name).group().export_secret(label, context, length).unwrap();
            assert_eq!(exported.expose(), expected);
            assert_ne!(exported.expose(), plain);
        }
    }
    ["bob", "carol"].iter().zip(&before).for_each(|(name, before)| trial.assert_untouched(name, before));
    trial.goes_on();
}

/// §8.7: The epoch authenticator is one for all, and another on every branch of a fork.
#[test]
fn r168_epoch_authenticators() {
    let mut trial = Trial::new(168);
    let authenticator =
        |trial: &Trial, name: &str| trial.world.at(name).group().epoch_authenticator().expose().to_vec();
    let before = authenticator(&trial, "bob");
    assert!(["carol", "dave"].iter().all(|name| authenticator(&trial, name) == before));
    // Two commits of one epoch, each for one half of the group.
    let forks = [0, 1].map(|_| trial.alice.make(Plan::commit()));
    for (name, fork) in ["bob", "carol"].into_iter().zip(&forks) {
        assert!(matches!(trial.receive(name, &fork.bytes), Ok(Received::Commit(_))));
        assert_eq!(authenticator(&trial, name), fork.next().insider.epoch.epoch_authenticator);
    }
    let all = ["bob", "carol", "dave"].map(|name| authenticator(&trial, name));
    assert!(all[0] != all[1] && all[0] != before && all[1] != before && all[2] == before);
    assert_eq!(trial.world.at("bob").group().epoch(), trial.world.at("carol").group().epoch());
    // Each half goes on along its branch, and never along the other.
    let later = forks.map(|fork| fork.next().insider.clone().make(Plan::commit()));
    for (name, [own, other]) in [("carol", [1, 0]), ("bob", [0, 1])] {
        trial.victim = name.into();
        trial.refuses(&later[other], What::MembershipTag);
        trial.receive(name, &later[own].bytes).unwrap();
        assert_eq!(authenticator(&trial, name), later[own].next().insider.epoch.epoch_authenticator);
        trial.twin_was_accepted();
    }
    trial.alice = later[0].next().insider.clone();
    trial.world.people.retain(|name, _| name == "bob");
    trial.agree();
    trial.goes_on();
}
