//! Labelled encryption and references (RFC 9420 §5.1.3, §5.2).

use cenacle_codec::{Decode, DecodeError, Encode};
use cenacle_mls::wire;
use cenacle_testkit::{
    damage::{Budget, damages, edits},
    forge::crypto::{encrypt_with_label, ref_hash},
    world::Dice,
};

use crate::common::*;

/// §5.1.3: What is encrypted for one purpose and under one context is nothing under another.
#[test]
fn r028_labels_of_encryption() {
    let mut trial = Trial::new(28);
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    let (mut path_secret, mut context, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
    let seen = plan()
        .path_keys(|keys| path_secret.clone_from(&keys[0].path_secret))
        .provisional(|provisional| context = provisional.bytes())
        .group_secrets_bytes(|bytes| secrets.clone_from(bytes));
    let twin = trial.alice.clone().make(seen);
    let welcome = Welcome::parse(unwrap_message(twin.welcome()).1);
    let info = &welcome.encrypted_group_info;
    let (suite, bob) = (trial.alice.suite.clone(), trial.alice.tree.encryption_key(2).unwrap().to_vec());
    let mut dice = Dice::new(28);

    let mut other = twin.next().insider.context.clone();
    other.confirmed_transcript_hash.clone_from(&trial.alice.context.confirmed_transcript_hash);
    assert_eq!(other.bytes(), context);
    let [mut epoch, mut group] = [other.clone(), other];
    epoch.epoch -= 1;
    group.group_id.push(0);
    let paths = [("Welcome", context.clone()), ("UpdatePathNode", epoch.bytes()), ("UpdatePathNode", group.bytes())];
    for (label, about) in paths {
        let sealed = encrypt_with_label(&*suite, &bob, (label, &about), &path_secret, &mut dice.fork());
        let replace = |path: &mut UpdatePath| path.nodes[0].encrypted_path_secret[0] = sealed.clone();
        for private in [false, true] {
            let bad = trial.alice.clone().make(plan().framed(private).path(replace));
            trial.refuses(&bad, What::PathSecret);
        }
    }
    let welcomes =
        [("UpdatePathNode", info.clone()), ("Welcome", [&info[..], &[0]].concat()), ("Welcome", context.clone())];
    for (label, about) in welcomes {
        let sealed = encrypt_with_label(&*suite, &erin.init_key, (label, &about), &secrets, &mut dice.fork());
        let bad = Welcome {
            secrets: vec![EncryptedGroupSecrets { encrypted_group_secrets: sealed, ..welcome.secrets[0].clone() }],
            ..welcome.clone()
        };
        trial.refuses_welcome("erin", &mls_message(code::WELCOME, &bad.bytes()), What::Welcome);
    }
    // The same by hand, as it must be.
    let sealed = encrypt_with_label(&*suite, &bob, ("UpdatePathNode", &context), &path_secret, &mut dice.fork());
    let replace = |path: &mut UpdatePath| path.nodes[0].encrypted_path_secret[0] = sealed.clone();
    let twin = trial.alice.make(plan().path(replace));
    trial.joins("erin", &twin);
}

/// What decodes is the encoding of what was decoded; whether it decodes.
fn is_canonical<T: Encode + Decode>(bytes: &[u8]) -> Result<T, DecodeError> {
    let value = T::from_bytes(bytes)?;
    assert_eq!(value.to_bytes().unwrap(), bytes, "a second encoding of {}", core::any::type_name::<T>());
    Ok(value)
}

/// §5.2: Nothing has two encodings, so that a reference is over the bytes that were received.
#[test]
fn r029_one_encoding() {
    let mut trial = Trial::new(29);
    let erin = trial.newcomer("erin");
    let proposal = trial.alice.make(Plan::proposal(Proposal::Remove(3)));
    let data = trial.alice.make(Plan::application(b"data"));
    let commit = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    let info = trial.alice.group_info(Plan::commit());
    let (suite, mut dice) = (trial.alice.suite.clone(), Dice::new(29));
    let budget = Budget { flips: 3_000, truncations: 200 };
    let mut decoded = Vec::new();
    for genuine in [&proposal.bytes, &data.bytes, &commit.bytes, commit.welcome(), &info, &erin.message()] {
        let made: Vec<_> = damages(genuine, budget, &mut dice).chain(edits(genuine)).collect();
        decoded.push(made.iter().filter(|damage| is_canonical::<wire::MlsMessage>(&damage.bytes).is_ok()).count());
    }
    assert!(decoded.iter().all(|count| *count > 200), "{decoded:?}");
    let tree = trial.alice.tree.extension_data();
    let trees =
        damages(&tree, budget, &mut dice).filter(|damage| is_canonical::<wire::WireTree>(&damage.bytes).is_ok());
    assert!(trees.count() > 200);

    let right = ref_hash(&*suite, "MLS 1.0 KeyPackage Reference", &erin.bytes());
    for damage in damages(&erin.bytes(), budget, &mut dice) {
        let Ok(package) = is_canonical::<wire::KeyPackage>(&damage.bytes) else { continue };
        let reference = package.reference(&*suite).unwrap().0;
        assert_eq!(reference.as_slice(), ref_hash(&*suite, "MLS 1.0 KeyPackage Reference", &damage.bytes));
        assert_ne!(reference.as_slice(), right);
    }
    // A second encoding would have the signature verify, and another reference.
    let second = erin.bytes_with(&[Quirk::new("KeyPackage.init_key", Twist::HeaderBytes(2))]);
    assert_eq!(wire::KeyPackage::from_bytes(&second).unwrap_err().kind, DecodeErrorKind::NonMinimalLength);
    assert_ne!(ref_hash(&*suite, "MLS 1.0 KeyPackage Reference", &second), right);
    trial.passes(&data);
    trial.joins("erin", &commit);
}

/// §5.2: A proposal is referred to by the hash for proposals, of the group's suite.
#[test]
fn r030_references_of_another_kind() {
    const PROPOSAL: &str = "MLS 1.0 Proposal Reference";
    const KEY_PACKAGE: &str = "MLS 1.0 KeyPackage Reference";
    for (suite, others) in [(1, vec![5, 7]), (5, vec![1, 7])] {
        let mut trial = Trial::of_suite(30, suite);
        let proposal = Proposal::Remove(3);
        let waiting = trial.alice.make(Plan::proposal(proposal.clone()));
        trial.passes(&waiting);
        let PublicMessage { content, auth, .. } = PublicMessage::parse(unwrap_message(&waiting.bytes).1);
        let authenticated = [&code::PUBLIC_MESSAGE.bytes()[..], &content.bytes(), &auth.bytes()].concat();
        let own = trial.alice.suite.clone();
        assert_eq!(ref_hash(&*own, PROPOSAL, &authenticated), waiting.reference);
        let mut bad = vec![ref_hash(&*own, KEY_PACKAGE, &authenticated), ref_hash(&*own, PROPOSAL, &content.bytes())];
        bad.extend(others.into_iter().map(|other| {
            let other = Trial::world(30, other).suite;
            ref_hash(&*other, PROPOSAL, &authenticated)
        }));
        for reference in bad {
            let reference = trial.believes(&reference, &proposal);
            trial.refuses_commit([reference], Rule::ProposalKnown);
        }
        trial.accepts_commit([ProposalOrRef::Reference(waiting.reference)]);
    }
}
