//! External joins (RFC 9420 §12.4.3.2).

use alloc::sync::Arc;

use cenacle_mls::wire::Epoch as EpochNumber;

use crate::common::*;

/// §12.4.3.2: A GroupInfo for an external join carries the external key, and members know theirs.
#[test]
fn r282_external_pub() {
    let mut trial = Trial::new(282);
    trial.world.enter("erin");
    let spoiled = |spoil: Spoil<'_, GroupInfo>| trial.alice.group_info(Plan::commit().group_info(spoil));
    let content = |external_pub: Vec<u8>| ExternalPub { external_pub }.bytes();
    let without = spoiled(&|info| info.extensions.retain(|extension| extension.extension_type != code::EXTERNAL_PUB));
    let replaced = |data: Vec<u8>| spoiled(&|info| info.extension(code::EXTERNAL_PUB).extension_data.clone_from(&data));
    let (low_order, short) = (replaced(content(vec![0; 32])), replaced(content(vec![9; 31])));
    let trailing = replaced([content(trial.alice.external_pub()), vec![0]].concat());
    trial.refuses_group_info("erin", &without, Rule::ExternalPubPresent);
    trial.refuses_group_info("erin", &low_order, Rule::PublicKeyWellFormed);
    trial.refuses_group_info("erin", &short, Rule::PublicKeyWellFormed);
    trial.refuses_group_info("erin", &trailing, Rule::ExtensionWellFormed);
    // Another key: the joiner cannot tell, but the members it reaches can.
    let mut mallory = trial.alice.outsider("mallory");
    mallory.epoch.external_secret = vec![1; 32];
    let bad = mallory.make(Plan::external_commit());
    trial.refuses(&bad, What::ConfirmationTag);
    let info = trial.alice.group_info(Plan::commit());
    trial.joins_from_outside("erin", &info);
}

/// §12.4.3.2: An external commit has a path.
#[test]
fn r283_external_commit_without_a_path() {
    let mut trial = Trial::new(283);
    let mut mallory = trial.alice.outsider("mallory");
    let bad = mallory.make(Plan::external_commit().content(|content| {
        if let Content::Commit(commit) = &mut content.content {
            commit.path = None;
        }
    }));
    trial.refuses(&bad, Rule::ExternalCommitHasPath);
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}

/// §12.4.3.2: An external commit carries its proposals by value.
#[test]
fn r284_external_commit_by_reference() {
    let mut trial = Trial::new(284);
    let waiting = trial.alice.make(Plan::proposal(Proposal::Remove(3)));
    trial.passes(&waiting);
    let mut mallory = trial.alice.outsider("mallory");
    for reference in [waiting.reference.clone(), vec![7; 32]] {
        let bad = mallory.make(Plan::external_commit().with_ref(&reference));
        trial.refuses(&bad, Rule::ExternalCommitByValue);
    }
    let twin = mallory.make(Plan::external_commit().with([Proposal::Remove(3)]));
    trial.accepts(&twin);
}

/// §12.4.3.2: Who joins from outside is no member, and no member does.
#[test]
fn r285_external_commit_of_another_sender() {
    let mut trial = Trial::new(285);
    let mut mallory = trial.alice.outsider("mallory");
    let twin = mallory.make(Plan::external_commit());
    let (_, body) = unwrap_message(&twin.bytes);
    let Content::Commit(commit) = PublicMessage::parse(body).content.content else { panic!("a commit") };
    let ProposalOrRef::Proposal(init) = &commit.proposals[0] else { panic!("an ExternalInit") };
    let bad = trial.alice.make(Plan::commit().with([init.clone()]));
    trial.refuses(&bad, Rule::ExternalInitOnce);
    // The joiner under the leaf that it is about to have, tag and all.
    let bad = mallory.make(Plan::external_commit().content(|content| content.sender = Sender::Member(4)));
    trial.refuses(&bad, Rule::SenderIsMember);
    trial.accepts(&twin);
}

/// §12.4.3.2: The joiner's leaf is at the leftmost free place, once its Remove has made room.
#[test]
fn r286_leaf_for_another_place() {
    let mut trial = Trial::new(286);
    let mut mallory = trial.alice.outsider("mallory");
    let group_id = trial.alice.context.group_id.clone();
    for place in [3, 5, u32::MAX] {
        let bad = Plan { leaf_position: Some((group_id.clone(), place)), ..Plan::external_commit() };
        let bad = mallory.make(bad);
        trial.refuses(&bad, What::LeafSignature);
    }
    // With a Remove it is the place that became free, and no longer the one after all others.
    let replacing = || Plan::external_commit().with([Proposal::Remove(3)]);
    let bad = mallory.make(Plan { leaf_position: Some((group_id, 4)), ..replacing() });
    trial.refuses(&bad, What::LeafSignature);
    let twin = mallory.make(replacing());
    trial.accepts(&twin);
    assert_eq!(trial.world.at("bob").group().members().count(), 4);
}

/// Alice in an epoch like the present one, but with a tree that is spoiled; its hash is in the context.
fn with_tree(trial: &Trial, spoil: Spoil<'_, Tree>) -> Insider {
    let mut alice = trial.alice.clone();
    spoil(&mut alice.tree);
    alice.context.tree_hash = alice.tree.tree_hash(&*alice.suite);
    alice
}

/// §12.4.3.2: A GroupInfo for an external join is checked as that of a Welcome.
#[test]
fn r287_trees_of_a_group_info() {
    let mut trial = Trial::new(287);
    trial.world.enter("erin");
    let signer = Arc::clone(&trial.world.signers["bob"]);
    trial.alice.signers.insert(signer.public_key().0.to_vec(), signer);
    let (signing, group_id) = (trial.alice.clone(), trial.alice.context.group_id.clone());
    let key = trial.alice.tree.leaf(2).unwrap().clone();
    let bob = |change: Spoil<'_, LeafNode>, tree: &mut Tree| {
        change(tree.leaf_mut(1));
        signing.sign_leaf(tree.leaf_mut(1), Some((&group_id, 1)));
    };
    let spoiled: [(Spoil<'_, Tree>, Error); 8] = [
        (&|tree| tree.parent_mut(1).parent_hash[0] ^= 1, Rule::ParentHashValid.into()),
        (&|tree| tree.parent_mut(1).unmerged_leaves = vec![9], Rule::UnmergedLeavesConsistent.into()),
        (&|tree| tree.parent_mut(1).unmerged_leaves = vec![1, 1], Rule::UnmergedLeavesAscend.into()),
        (&|tree| tree.parent_mut(1).encryption_key.clear(), Rule::PublicKeyWellFormed.into()),
        (&|tree| tree.parent_mut(1).encryption_key.clone_from(&key.encryption_key), Rule::EncryptionKeyUnique.into()),
        (&|tree| bob(&|leaf| leaf.signature_key.clone_from(&key.signature_key), tree), Rule::SignatureKeyUnique.into()),
        (&|tree| bob(&|leaf| leaf.capabilities.versions.clear(), tree), Rule::VersionListed.into()),
        (&|tree| bob(&|leaf| leaf.capabilities.credentials.clear(), tree), Rule::CredentialSupportedByAll.into()),
    ];
    for (spoil, expected) in spoiled.iter() {
        let bad = with_tree(&trial, spoil).group_info(Plan::commit());
        trial.refuses_group_info("erin", &bad, expected.clone());
    }
    // A tree that is another than the context says, and none at all.
    let bad = trial.alice.group_info(Plan::commit().group_info(|info| {
        let mut tree = Tree::from_extension(&info.extension(code::RATCHET_TREE).extension_data);
        tree.parent_mut(1).parent_hash[0] ^= 1;
        info.extension(code::RATCHET_TREE).extension_data = tree.extension_data();
    }));
    trial.refuses_group_info("erin", &bad, Rule::TreeHashMatches);
    let bad = trial.alice.group_info(Plan::commit().without_tree());
    trial.refuses_group_info("erin", &bad, Error::Missing(Need::RatchetTree));
    let info = trial.alice.group_info(Plan::commit());
    trial.joins_from_outside("erin", &info);
}

/// §12.4.3.2, §14: Members refuse who joins by a GroupInfo of an epoch that is over.
#[test]
fn r288_stale_group_info() {
    let mut trial = Trial::new(288);
    let mut mallory = trial.alice.outsider("mallory");
    let stale = Error::Stale(EpochNumber(trial.alice.context.epoch));
    trial.goes_on();
    let bad = mallory.make(Plan::external_commit());
    trial.refuses(&bad, stale);
    mallory.catches_up(&trial.alice);
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}
