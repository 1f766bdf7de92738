//! The joiner's own place in the tree (RFC 9420 §12.4.3.1).

use alloc::sync::Arc;

use super::adding;
use crate::common::*;

/// A tree, by its name, that is spoiled before Alice's path goes into it.
type SpoiledTree<'a> = (Spoil<'a, Tree>, Error);

/// §12.4.3.1: A joiner checks the whole tree of a Welcome.
#[test]
fn r267_trees_of_a_welcome() {
    let mut trial = Trial::new(267);
    let (erin, bob) = (trial.newcomer("erin"), trial.leaf("bob"));
    let stranger = trial.alice.fresh_key();
    let copy = trial.alice.tree.leaf(bob).unwrap().encryption_key.clone();
    let merged: [SpoiledTree<'_>; 5] = [
        (&|tree| tree.parent_mut(1).parent_hash[0] ^= 1, Rule::ParentHashValid.into()),
        (&|tree| tree.parent_mut(5).encryption_key.clone_from(&stranger), Rule::ParentHashValid.into()),
        (&|tree| tree.parent_mut(5).encryption_key.clone_from(&copy), Rule::EncryptionKeyUnique.into()),
        (&|tree| tree.parent_mut(1).unmerged_leaves = vec![3], Rule::UnmergedLeavesConsistent.into()),
        (&|tree| tree.parent_mut(5).encryption_key.truncate(31), Rule::PublicKeyWellFormed.into()),
    ];
    for (spoil, expected) in merged {
        let bad = trial.alice.make(adding(&erin).merged(spoil));
        trial.refuses_welcome("erin", bad.welcome(), expected);
    }
    let bad = trial.alice.make(adding(&erin).group_info(|info| {
        let mut tree = Tree::from_extension(&info.extension(code::RATCHET_TREE).extension_data);
        tree.parent_mut(1).encryption_key.clone_from(&stranger);
        info.extension(code::RATCHET_TREE).extension_data = tree.extension_data();
    }));
    trial.refuses_welcome("erin", bad.welcome(), Rule::TreeHashMatches);
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: A joiner checks every leaf of a Welcome, each by where it came from.
#[test]
fn r268_leaves_of_a_welcome() {
    let mut trial = Trial::new(268);
    let (erin, bob, carol) = (trial.newcomer("erin"), trial.leaf("bob"), trial.leaf("carol"));
    for name in ["bob", "carol"] {
        let signer = Arc::clone(&trial.world.signers[name]);
        trial.alice.signers.insert(signer.public_key().0.to_vec(), signer);
    }
    let (signing, group_id) = (trial.alice.clone(), trial.alice.context.group_id.clone());
    // Changed and signed again by whose leaf it is, at the place where it stands or another.
    let change = |at: u32, signed_at: u32, change: Spoil<'_, LeafNode>, tree: &mut Tree| {
        change(tree.leaf_mut(at));
        signing.sign_leaf(tree.leaf_mut(at), Some((&group_id, signed_at)));
    };
    let key = trial.alice.tree.leaf(carol).unwrap().signature_key.clone();
    let bad: [SpoiledTree<'_>; 7] = [
        (&|tree| tree.leaf_mut(bob).signature[0] ^= 1, What::LeafSignature.into()),
        (&|tree| change(bob, carol, &|_| (), tree), What::LeafSignature.into()),
        (&|tree| change(bob, bob, &|leaf| leaf.capabilities.versions.clear(), tree), Rule::VersionListed.into()),
        (
            &|tree| change(bob, bob, &|leaf| leaf.capabilities.cipher_suites.clear(), tree),
            Rule::CipherSuiteListed.into(),
        ),
        (
            &|tree| change(bob, bob, &|leaf| leaf.capabilities.proposals.push(1), tree),
            Rule::CapabilitiesOmitDefaults.into(),
        ),
        (&|tree| change(bob, bob, &|leaf| leaf.encryption_key.truncate(31), tree), Rule::PublicKeyWellFormed.into()),
        (&|tree| change(bob, bob, &|leaf| leaf.signature_key.clone_from(&key), tree), Rule::SignatureKeyUnique.into()),
    ];
    for (spoil, expected) in bad {
        let bad = trial.alice.make(adding(&erin).tree(spoil));
        trial.refuses_welcome("erin", bad.welcome(), expected);
    }
    // A leaf of a key package, which is signed for no place and has a lifetime.
    let frank = trial.newcomer("frank");
    let long = |leaf: &mut LeafNode| leaf.source = Source::KeyPackage(Lifetime { not_before: 0, not_after: 1 << 63 });
    let mut mallory = Insider::nobody(&trial.alice.suite, "mallory", 268);
    let long = mallory.key_package_with(long, |_| ());
    let bad = trial.alice.make(adding(&long).with([Proposal::add(&erin)]));
    trial.refuses_welcome("erin", bad.welcome(), Rule::LifetimeBounded);
    let twin = trial.alice.make(adding(&frank).with([Proposal::add(&erin)]));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: The joiner's leaf in the tree is that of its key package, bit for bit.
#[test]
fn r269_another_leaf_of_the_joiner() {
    let mut trial = Trial::new(269);
    let (older, erin) = (trial.newcomer("erin"), trial.key_package("erin"));
    // A tree with a leaf that the joiner signed for another key package, and one without any of its leaves.
    for added in [Some(older), None] {
        let commit = trial.alice.make(Plan::commit().with(added.iter().map(Proposal::add)));
        let joiner = Joiner { key_package: erin.clone(), path_secret: None };
        let bad = commit.next().insider.welcome(Plan::commit(), &[joiner], &[]);
        trial.refuses_welcome("erin", &bad, Rule::OwnLeafPresent);
    }
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: The path secret gives the keys of the nodes above the joiner, all of them and no others.
#[test]
fn r270_path_secret_of_a_welcome() {
    let mut trial = Trial::new(270);
    let erin = trial.newcomer("erin");
    let spoil: [Spoil<'_, GroupSecrets>; 2] =
        [&|secrets| secrets.path_secret.as_mut().unwrap()[0] ^= 1, &|secrets| secrets.path_secret = None];
    for spoil in spoil {
        let bad = trial.alice.make(adding(&erin).group_secrets(spoil));
        trial.refuses_welcome("erin", bad.welcome(), Rule::PathKeysDerive);
    }
    let pathless = || adding(&erin).without_path();
    let bad = trial.alice.make(pathless().group_secrets(|secrets| secrets.path_secret = Some(vec![7; 32])));
    trial.refuses_welcome("erin", bad.welcome(), Rule::PathKeysDerive);
    let twin = trial.alice.make(pathless());
    trial.joins("erin", &twin);
}

/// §12.4.3.1: A joiner is not invited by itself.
#[test]
fn r271_group_info_by_the_joiner() {
    let mut trial = Trial::new(271);
    let erin = trial.newcomer("erin");
    let signer = Arc::clone(&trial.world.signers["erin"]);
    trial.alice.signers.insert(signer.public_key().0.to_vec(), signer);
    let bad = trial.alice.make(adding(&erin).group_info(|info| info.signer = 4));
    trial.refuses_welcome("erin", bad.welcome(), Rule::SignerIsMember);
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: The confirmation tag of a GroupInfo is the one that its epoch's secrets give.
#[test]
fn r272_confirmation_tag_of_a_group_info() {
    let mut trial = Trial::new(272);
    let erin = trial.newcomer("erin");
    let spoil: [Spoil<'_, GroupInfo>; 3] =
        [&|info| info.confirmation_tag[31] ^= 1, &|info| info.confirmation_tag.truncate(31), &|info| {
            info.confirmation_tag.clear()
        }];
    for spoil in spoil {
        let bad = trial.alice.make(adding(&erin).group_info(spoil));
        trial.refuses_welcome("erin", bad.welcome(), What::ConfirmationTag);
    }
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: A Welcome that fails uses up nothing.
#[test]
fn r273_key_package_after_a_bad_welcome() {
    let mut trial = Trial::new(273);
    let erin = trial.newcomer("erin");
    let twin = trial.alice.make(adding(&erin));
    for spoil in [0, 200, 600] {
        let mut bad = twin.welcome().to_vec();
        let place = bad.len() - 1 - spoil;
        bad[place] ^= 1;
        // The secrets of another epoch's GroupInfo: nothing of it opens.
        trial.refuses_welcome("erin", &bad, What::Welcome);
    }
    let bad = trial.alice.make(adding(&erin).group_info(|info| info.confirmation_tag[0] ^= 1));
    trial.refuses_welcome("erin", bad.welcome(), What::ConfirmationTag);
    trial.joins("erin", &twin);
}
