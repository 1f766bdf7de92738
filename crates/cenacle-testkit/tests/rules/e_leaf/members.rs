//! What leaves are to each other and to the group (RFC 9420 §7.3): support of what is required and in use, keys of one's own.

use cenacle_mls::wire::{CredentialType, ProposalType};

use super::{super::common::*, accepted_everywhere, erin, refused_by_joiners, refused_in_paths};

/// Types of the private range.
const PROPOSAL: u16 = 0xF00E;
const CREDENTIAL: u16 = 0xF00F;

/// A group whose members support a proposal type and a credential type beyond RFC 9420, and an extension type.
fn capable(seed: u64) -> Trial {
    let mut world = Trial::world(seed, 1);
    world.supports.proposals.push(ProposalType(PROPOSAL));
    world.supports.credentials.push(CredentialType(CREDENTIAL));
    Trial::of(world.group_of(&["alice", "bob", "carol", "dave"]))
}

/// Lists in a leaf what [`capable`] members support.
fn supports(leaf: &mut LeafNode) {
    leaf.capabilities.proposals = vec![PROPOSAL];
    leaf.capabilities.credentials = vec![1, CREDENTIAL];
}

/// Dave, who from now on is the forge's.
fn dave(trial: &mut Trial) -> Insider {
    let dave = Insider::take(&trial.world, "dave");
    trial.world.people.remove("dave");
    trial.alice.learn(&dave);
    dave
}

/// An Update of Dave's may wait, but is refused with the commit that has it.
#[track_caller]
fn refused_when_committed(trial: &mut Trial, dave: &mut Insider, spoil: Spoil<'_, LeafNode>, expected: Rule) {
    let leaf = dave.leaf_node(spoil);
    let update = dave.make(Plan::proposal(Proposal::update(leaf)));
    trial.passes(&update);
    let bad = trial.alice.make(Plan::commit().with_ref(&update.reference));
    trial.refuses(&bad, expected);
}

/// The group requires something of its members.
fn requiring(seed: u64, required: &RequiredCapabilities) -> Trial {
    let mut trial = capable(seed);
    trial.set_extensions(vec![required.extension()]);
    trial
}

/// Leaves that are spoilt in this way are refused wherever they come from, in a commit at the latest.
#[track_caller]
fn refused_in_commits(trial: &mut Trial, spoil: Spoil<'_, LeafNode>, expected: Rule) {
    let mut dave = dave(trial);
    let spoil = &|leaf: &mut LeafNode| {
        supports(leaf);
        spoil(leaf);
    };
    let package = Insider::nobody(&trial.alice.suite, "mallory", 1).key_package_with(spoil, |_| ());
    let bad = trial.alice.make(Plan::commit().with([Proposal::add(&package)]));
    trial.refuses(&bad, expected);
    refused_in_paths(trial, spoil, expected);
    refused_by_joiners(trial, spoil, expected);
    refused_when_committed(trial, &mut dave, spoil, expected);
}

/// §7.3: A leaf lists the extensions that the group requires.
#[test]
fn r103_required_extension() {
    let required = RequiredCapabilities { extension_types: vec![0xF00D], ..RequiredCapabilities::default() };
    let mut trial = requiring(103, &required);
    refused_in_commits(&mut trial, &|leaf| leaf.capabilities.extensions.clear(), Rule::RequiredCapabilitiesMet);
    accepted_everywhere(&mut trial, &supports);
}

/// §7.3: A leaf lists the proposals that the group requires.
#[test]
fn r104_required_proposal() {
    let required = RequiredCapabilities { proposal_types: vec![PROPOSAL], ..RequiredCapabilities::default() };
    let mut trial = requiring(104, &required);
    refused_in_commits(&mut trial, &|leaf| leaf.capabilities.proposals.clear(), Rule::RequiredCapabilitiesMet);
    accepted_everywhere(&mut trial, &supports);
}

/// §7.3: A leaf lists the credentials that the group requires.
#[test]
fn r105_required_credential() {
    let required = RequiredCapabilities { credential_types: vec![CREDENTIAL], ..RequiredCapabilities::default() };
    let mut trial = requiring(105, &required);
    refused_in_commits(&mut trial, &|leaf| leaf.capabilities.credentials = vec![1], Rule::RequiredCapabilitiesMet);
    accepted_everywhere(&mut trial, &supports);
}

/// Presents a credential of the private type.
fn presents(leaf: &mut LeafNode) {
    supports(leaf);
    leaf.credential = Credential::Custom(CREDENTIAL, b"somebody".to_vec());
}

/// §7.3: A leaf's credential is of a type that all members support.
#[test]
fn r106_credential_that_one_member_does_not_know() {
    let mut world = Trial::world(106, 1);
    world.supports.credentials.push(CredentialType(CREDENTIAL));
    world.supports.proposals.push(ProposalType(PROPOSAL));
    let mut world = world.group_of(&["alice", "bob", "carol"]);
    world.supports.credentials.clear();
    world.enter("dave");
    world.invite("carol", "dave");
    let mut trial = Trial::of(world);
    assert_eq!(trial.leaf("dave"), 3);
    refused_in_paths(&mut trial, &presents, Rule::CredentialSupportedByAll);
    refused_by_joiners(&mut trial, &presents, Rule::CredentialSupportedByAll);
    let package = Insider::nobody(&trial.alice.suite, "mallory", 1).key_package_with(presents, |_| ());
    let plan = || Plan::commit().with([Proposal::add(&package)]);
    let bad = trial.alice.make(plan());
    trial.refuses(&bad, Rule::CredentialSupportedByAll);
    // Without the member that does not know it.
    let twin = trial.alice.make(plan().with([Proposal::Remove(3)]));
    trial.accepts(&twin);
}

/// §7.3: A leaf lists the types of all credentials in use.
#[test]
fn r107_credential_in_use_is_not_listed() {
    let mut trial = capable(107);
    let package = Insider::nobody(&trial.alice.suite, "ivan", 2).key_package_with(presents, |_| ());
    let other = trial.alice.make(Plan::commit().with([Proposal::add(&package)]));
    trial.accepts(&other);
    let lacks = |leaf: &mut LeafNode| leaf.capabilities.credentials = vec![1];
    refused_in_commits(&mut trial, &lacks, Rule::CredentialSupportedByAll);
    accepted_everywhere(&mut trial, &supports);
}

/// §7.3: An Update brings another encryption key than the one it replaces.
#[test]
fn r112_update_with_the_same_key() {
    let mut trial = Trial::new(112);
    let old = trial.alice.template.encryption_key.clone();
    let leaf = trial.alice.leaf_node(|leaf| leaf.encryption_key = old.clone());
    let bad = trial.alice.make(Plan::proposal(Proposal::update(leaf)));
    trial.refuses(&bad, Rule::LeafKeyReplaced);
    let leaf = trial.alice.leaf_node(|_| ());
    let twin = trial.alice.make(Plan::proposal(Proposal::update(leaf)));
    trial.accepts(&twin);
}

/// §7.3: An Add does not bring a member's signature key.
#[test]
fn r113_add_with_the_signature_key_of_a_member() {
    let mut trial = Trial::new(113);
    let mut dave = Insider::take(&trial.world, "dave");
    // Another client with the same key, as the rest of the leaf shows.
    dave.template.credential = Credential::Basic(b"somebody else".to_vec());
    let package = dave.key_package();
    let plan = || Plan::commit().with([Proposal::add(&package)]);
    let bad = trial.alice.make(plan());
    trial.refuses(&bad, Rule::AddedIsNew);
    let twin = trial.alice.make(plan().with([Proposal::Remove(3)]));
    trial.accepts(&twin);
}

/// §7.3: An Update does not bring another member's signature key.
#[test]
fn r114_update_with_the_signature_key_of_another() {
    let mut trial = Trial::new(114);
    let (mut dave, ivan) = (dave(&mut trial), Insider::nobody(&trial.alice.suite, "ivan", 2));
    for other in [&Insider::take(&trial.world, "carol"), &ivan] {
        dave.learn(other);
    }
    let key = trial.alice.tree.leaf(2).unwrap().signature_key.clone();
    let spoil = |leaf: &mut LeafNode| leaf.signature_key.clone_from(&key);
    refused_when_committed(&mut trial, &mut dave, &spoil, Rule::SignatureKeyUnique);
    // A new key that nobody has.
    let leaf = dave.leaf_node(|leaf| leaf.signature_key.clone_from(&ivan.template.signature_key));
    let update = dave.make(Plan::proposal(Proposal::update(leaf)));
    trial.passes(&update);
    let twin = trial.alice.make(Plan::commit().with_ref(&update.reference));
    trial.accepts(&twin);
}

/// §7.3: A path does not bring another member's signature key.
#[test]
fn r115_path_with_the_signature_key_of_another() {
    let mut trial = Trial::new(115);
    let (dave, ivan) = (Insider::take(&trial.world, "dave"), Insider::nobody(&trial.alice.suite, "ivan", 2));
    let key = dave.template.signature_key.clone();
    trial.alice.learn(&dave);
    trial.alice.learn(&ivan);
    let bad = trial.alice.make(Plan::commit().leaf(|leaf| leaf.signature_key.clone_from(&key)));
    trial.refuses(&bad, Rule::SignatureKeyUnique);
    let mut second = trial.alice.outsider("dave");
    second.learn(&dave);
    second.template.signature_key = key;
    let bad = second.make(Plan::external_commit());
    trial.refuses(&bad, Rule::SignatureKeyUnique);
    // Alice takes a new key, Dave's second device the place of the first.
    let twin = trial.alice.make(Plan::commit().leaf(|leaf| leaf.signature_key = ivan.template.signature_key.clone()));
    let alice = twin.next().insider.clone();
    trial.deliver(&twin.bytes);
    trial.alice = alice;
    second.catches_up(&trial.alice);
    let twin = second.make(Plan::external_commit().with([Proposal::Remove(3)]));
    trial.accepts(&twin);
}

/// §7.3: No encryption key is in two places, whether it comes by Add, Update, path or external commit.
#[test]
fn r116_encryption_key_of_another() {
    let mut trial = Trial::new(116);
    let mut dave = dave(&mut trial);
    let mut mallory = Insider::nobody(&trial.alice.suite, "mallory", 1);
    let [leaf, parent] = [2, 5].map(|node| trial.alice.tree.encryption_key(node).unwrap().to_vec());
    for key in [leaf, trial.alice.template.encryption_key.clone(), parent] {
        let spoil = |leaf: &mut LeafNode| leaf.encryption_key.clone_from(&key);
        let package = mallory.key_package_with(spoil, |_| ());
        let bad = trial.alice.make(Plan::commit().without_path().with([Proposal::add(&package)]));
        trial.refuses(&bad, Rule::EncryptionKeyUnique);
        let bad = trial.alice.outsider("mallory").make(Plan::external_commit().leaf(spoil));
        trial.refuses(&bad, Rule::EncryptionKeyUnique);
    }
    // Parents above Dave or Alice are replaced by such a commit.
    for node in [2, 4] {
        let key = trial.alice.tree.encryption_key(node).unwrap().to_vec();
        let spoil = |leaf: &mut LeafNode| leaf.encryption_key.clone_from(&key);
        refused_when_committed(&mut trial, &mut dave, &spoil, Rule::EncryptionKeyUnique);
    }
    for node in [2, 6, 1, 5] {
        let key = trial.alice.tree.encryption_key(node).unwrap().to_vec();
        let bad = trial.alice.make(Plan::commit().leaf(|leaf| leaf.encryption_key.clone_from(&key)));
        trial.refuses(&bad, Rule::EncryptionKeyUnique);
    }
    accepted_everywhere(&mut trial, &|_| ());
}

/// §7.3: Whoever joins sees that no key is in two places of the tree.
#[test]
fn r117_keys_twice_in_a_tree() {
    let mut trial = Trial::new(117);
    let (erin, dave) = (erin(&mut trial), Insider::take(&trial.world, "dave"));
    let mut mallory = Insider::nobody(&trial.alice.suite, "mallory", 1);
    mallory.learn(&dave);
    let plan = |package: &KeyPackage| Plan::commit().with([&erin, package].map(Proposal::add));
    for node in [2, 6, 5] {
        let key = trial.alice.tree.encryption_key(node).unwrap().to_vec();
        let package = mallory.key_package_with(|leaf| leaf.encryption_key = key, |_| ());
        let bad = trial.alice.make(plan(&package));
        trial.refuses_welcome("erin", bad.welcome(), Rule::EncryptionKeyUnique);
        trial.refuses_group_info("erin", &bad.next().group_info, Rule::EncryptionKeyUnique);
    }
    let key = dave.template.signature_key.clone();
    let package = mallory.key_package_with(|leaf| leaf.signature_key = key, |_| ());
    let bad = trial.alice.make(plan(&package));
    trial.refuses_welcome("erin", bad.welcome(), Rule::SignatureKeyUnique);
    trial.refuses_group_info("erin", &bad.next().group_info, Rule::SignatureKeyUnique);
    let twin = trial.alice.make(plan(&mallory.key_package()));
    trial.joins("erin", &twin);
}
