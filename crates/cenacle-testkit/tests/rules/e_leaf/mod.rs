//! Leaf nodes (RFC 9420 §7.2, §7.3): here, what a leaf may be wherever it stands; what several leaves may be together, and
//! when, is in the files beside.

mod lifetime;
mod members;

use crate::common::*;

/// The leaf of a key package, of an Update, and of a path is spoilt in one way before it is signed: each is refused, as
/// Add, as proposal and in a commit, and by those who join by such a tree.
#[track_caller]
fn refused_everywhere(trial: &mut Trial, spoil: Spoil<'_, LeafNode>, expected: impl Into<Error>) {
    let expected = expected.into();
    refused_in_proposals(trial, spoil, expected.clone());
    refused_in_paths(trial, spoil, expected.clone());
    refused_by_joiners(trial, spoil, expected);
}

#[track_caller]
fn refused_in_proposals(trial: &mut Trial, spoil: Spoil<'_, LeafNode>, expected: impl Into<Error>) {
    let expected = expected.into();
    let mut mallory = Insider::nobody(&trial.alice.suite, "mallory", 1);
    let package = mallory.key_package_with(spoil, |_| ());
    trial.refuses_key_package(&package, expected.clone());
    let update = trial.alice.leaf_node(spoil);
    for private in [false, true] {
        for bad in [
            Plan::proposal(Proposal::add(&package)),
            Plan::commit().with([Proposal::add(&package)]),
            Plan::proposal(Proposal::update(update.clone())),
        ] {
            let bad = trial.alice.make(bad.framed(private));
            trial.refuses(&bad, expected.clone());
        }
    }
}

/// The leaf of a path, in a member's commit and in an external one.
#[track_caller]
fn refused_in_paths(trial: &mut Trial, spoil: Spoil<'_, LeafNode>, expected: impl Into<Error>) {
    let expected = expected.into();
    for private in [false, true] {
        let bad = trial.alice.make(Plan::commit().leaf(spoil).framed(private));
        trial.refuses(&bad, expected.clone());
    }
    let bad = trial.alice.outsider("mallory").make(Plan::external_commit().leaf(spoil));
    trial.refuses(&bad, expected);
}

/// The leaf of a path, in the tree that it leads to.
#[track_caller]
fn refused_by_joiners(trial: &mut Trial, spoil: Spoil<'_, LeafNode>, expected: impl Into<Error>) {
    let (expected, erin) = (expected.into(), erin(trial));
    let bad = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]).leaf(spoil));
    trial.refuses_welcome("erin", bad.welcome(), expected.clone());
    trial.refuses_group_info("erin", &bad.next().group_info, expected);
}

/// The same leaves, changed in a way that is allowed, are accepted.
#[track_caller]
fn accepted_everywhere(trial: &mut Trial, change: Spoil<'_, LeafNode>) {
    let update = trial.alice.leaf_node(change);
    let twin = trial.alice.make(Plan::proposal(Proposal::update(update)));
    trial.accepts(&twin);
    let mut mallory = Insider::nobody(&trial.alice.suite, "mallory", 1);
    let packages = [erin(trial), mallory.key_package_with(change, |_| ())];
    let twin = trial.alice.make(Plan::commit().with(packages.each_ref().map(Proposal::add)).leaf(change));
    trial.joins("erin", &twin);
    let twin = trial.alice.outsider("mallory").make(Plan::external_commit().leaf(change));
    trial.accepts(&twin);
}

/// A key package of Erin's, who enters if she was not there.
fn erin(trial: &mut Trial) -> KeyPackage {
    if !trial.world.people.contains_key("erin") {
        trial.world.enter("erin");
    }
    trial.key_package("erin")
}

/// §7.2: What every client supports is not listed in capabilities.
#[test]
fn r094_default_types_listed() {
    let mut trial = Trial::new(94);
    for kind in 1..=7 {
        let spoil = |leaf: &mut LeafNode| leaf.capabilities.proposals.push(kind);
        refused_everywhere(&mut trial, &spoil, Rule::CapabilitiesOmitDefaults);
    }
    for kind in 1..=5 {
        let spoil = |leaf: &mut LeafNode| leaf.capabilities.extensions.push(kind);
        refused_everywhere(&mut trial, &spoil, Rule::CapabilitiesOmitDefaults);
    }
    accepted_everywhere(&mut trial, &|leaf| leaf.capabilities.proposals.push(8));
}

/// §7.2: A leaf lists the types of its extensions as supported.
#[test]
fn r095_extension_not_listed() {
    let mut trial = Trial::new(95);
    let carry = |leaf: &mut LeafNode| leaf.extensions = vec![Extension::new(0xF0AA, *b"content")];
    refused_everywhere(&mut trial, &carry, Rule::LeafExtensionsListed);
    accepted_everywhere(&mut trial, &|leaf| {
        carry(leaf);
        leaf.capabilities.extensions.push(0xF0AA);
    });
}

/// §7.2: A leaf lists the type of its credential as supported.
#[test]
fn r096_credential_not_listed() {
    let mut world = Trial::world(96, 1);
    world.supports.credentials.push(cenacle_mls::wire::CredentialType(2));
    let mut trial = Trial::of(world.group_of(&["alice", "bob", "carol", "dave"]));
    let present = |leaf: &mut LeafNode, listed: &[u16]| {
        leaf.credential = Credential::X509(vec![b"certificate".to_vec()]);
        leaf.capabilities.credentials = listed.to_vec();
    };
    refused_in_proposals(&mut trial, &|leaf| present(leaf, &[1]), Rule::LeafCredentialListed);
    refused_in_paths(&mut trial, &|leaf| present(leaf, &[1]), Rule::LeafCredentialListed);
    // Whoever joins looks at all members first: this one is a member that does not support the type.
    refused_by_joiners(&mut trial, &|leaf| present(leaf, &[1]), Rule::CredentialSupportedByAll);
    accepted_everywhere(&mut trial, &|leaf| present(leaf, &[1, 2]));
}

/// §7.2: Values in capabilities that mean nothing are ignored.
#[test]
fn r097_grease_in_capabilities() {
    let mut trial = Trial::new(97);
    fn lists(leaf: &mut LeafNode) -> [&mut Vec<u16>; 5] {
        let Capabilities { versions, cipher_suites, extensions, proposals, credentials } = &mut leaf.capabilities;
        [versions, cipher_suites, extensions, proposals, credentials]
    }
    // They are ignored, and so do not stand in for a value that is missing.
    for (list, rule) in [(0, Rule::VersionListed), (1, Rule::CipherSuiteListed)] {
        refused_everywhere(&mut trial, &|leaf| *lists(leaf)[list] = vec![0x1A1A], rule);
    }
    accepted_everywhere(&mut trial, &|leaf| {
        for list in lists(leaf) {
            list.splice(0..0, [0x0A0A, 0xEAEA, 0xFE01]);
        }
    });
}

/// §7.2: An Update's or commit's leaf is signed for its group and its place in it.
#[test]
fn r101_leaf_of_another_place() {
    let mut trial = Trial::new(101);
    let (erin, own, group_id) = (erin(&mut trial), trial.alice.leaf, trial.alice.context.group_id.clone());
    let mut second = trial.alice.clone().founds(b"group 2");
    assert_eq!(second.leaf, own);
    let of_another_group = second.leaf_node(|_| ());
    let mut of_another_leaf = trial.alice.leaf_node(|_| ());
    trial.alice.sign_leaf(&mut of_another_leaf, Some((&group_id, 2)));
    for update in [of_another_group, of_another_leaf] {
        let bad = trial.alice.make(Plan::proposal(Proposal::update(update)));
        trial.refuses(&bad, What::LeafSignature);
    }
    for position in [(b"group 2".to_vec(), own), (group_id, 2)] {
        let plan = Plan { leaf_position: Some(position), ..Plan::commit() };
        let bad = trial.alice.make(plan.with([Proposal::add(&erin)]));
        trial.refuses(&bad, What::LeafSignature);
        trial.refuses_welcome("erin", bad.welcome(), What::LeafSignature);
    }
    // Dave goes and comes back elsewhere with the leaf of his last commit, or with a new one.
    let (gone, dave) = (trial.alice.tree.leaf(3).unwrap().clone(), trial.key_package("dave"));
    let plan = || Plan::commit().with([Proposal::Remove(3), Proposal::add(&erin)]);
    let bad = trial.alice.make(plan().tree(|tree| assert_eq!(tree.add(gone.clone()), 4)));
    trial.refuses_welcome("erin", bad.welcome(), What::LeafSignature);
    let twin = trial.alice.make(plan().with([Proposal::add(&dave)]));
    trial.joins("erin", &twin);
}

/// §7.3: A leaf's signature verifies under its signature key.
#[test]
fn r102_leaf_signature() {
    let mut trial = Trial::new(102);
    let mut mallory = Insider::nobody(&trial.alice.suite, "mallory", 1);
    let erin = erin(&mut trial);
    for (byte, bit) in [(0, 1), (31, 0x40), (32, 1), (63, 0x10)] {
        let flip = |leaf: &mut LeafNode| leaf.signature[byte] ^= bit;
        let package = mallory.key_package_with(|_| (), |package| flip(&mut package.leaf_node));
        trial.refuses_key_package(&package, What::LeafSignature);
        let mut update = trial.alice.leaf_node(|_| ());
        flip(&mut update);
        for bad in [
            Plan::proposal(Proposal::add(&package)),
            Plan::commit().with([Proposal::add(&package)]),
            Plan::proposal(Proposal::update(update)),
        ] {
            let bad = trial.alice.make(bad);
            trial.refuses(&bad, What::LeafSignature);
        }
        let bad = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]).signed_leaf(flip));
        trial.refuses(&bad, What::LeafSignature);
        trial.refuses_welcome("erin", bad.welcome(), What::LeafSignature);
        let bad = trial.alice.outsider("mallory").make(Plan::external_commit().signed_leaf(flip));
        trial.refuses(&bad, What::LeafSignature);
    }
    accepted_everywhere(&mut trial, &|_| ());
}

/// §7.3, §11.1: A leaf lists the group's version and cipher suite.
#[test]
fn r108_version_or_suite_not_listed() {
    let mut trial = Trial::new(108);
    for others in [vec![], vec![2, 0xFFFF]] {
        refused_everywhere(&mut trial, &|leaf| leaf.capabilities.versions.clone_from(&others), Rule::VersionListed);
        let spoil = |leaf: &mut LeafNode| leaf.capabilities.cipher_suites.clone_from(&others);
        refused_everywhere(&mut trial, &spoil, Rule::CipherSuiteListed);
    }
    accepted_everywhere(&mut trial, &|leaf| {
        leaf.capabilities.versions.insert(0, 2);
        leaf.capabilities.cipher_suites.insert(0, 2);
    });
}

/// §7.3: The leaf of a key package says so.
#[test]
fn r109_source_in_a_key_package() {
    let mut trial = Trial::new(109);
    let mut mallory = Insider::nobody(&trial.alice.suite, "mallory", 1);
    let group_id = trial.alice.context.group_id.clone();
    for source in [Source::Update, Source::commit(&[]), Source::commit(&[7; 32])] {
        // Signed without a place, as key packages are, and for the place that it would get.
        for position in [None, Some((&group_id[..], 4))] {
            let mut package = mallory.key_package_with(|leaf| leaf.source = source.clone(), |_| ());
            mallory.sign_leaf(&mut package.leaf_node, position);
            mallory.sign_key_package(&mut package);
            trial.refuses_key_package(&package, Rule::LeafSourceFits);
            for bad in [Plan::proposal(Proposal::add(&package)), Plan::commit().with([Proposal::add(&package)])] {
                let bad = trial.alice.make(bad);
                trial.refuses(&bad, Rule::LeafSourceFits);
            }
        }
    }
    trial.adds(&mallory.key_package());
}

/// §7.3: The leaf of an Update says so.
#[test]
fn r110_source_in_an_update() {
    let mut trial = Trial::new(110);
    let current = mallory_source(&trial);
    let committed = trial.alice.tree.leaf(0).unwrap().source.clone();
    for source in [current, committed, Source::commit(&[])] {
        let update = trial.alice.leaf_node(|leaf| leaf.source = source);
        let bad = trial.alice.make(Plan::proposal(Proposal::update(update)));
        trial.refuses(&bad, Rule::LeafSourceFits);
    }
    let update = trial.alice.leaf_node(|_| ());
    let twin = trial.alice.make(Plan::proposal(Proposal::update(update)));
    trial.accepts(&twin);
}

/// The source of a key package's leaf whose lifetime has no fault.
fn mallory_source(trial: &Trial) -> Source {
    Insider::nobody(&trial.alice.suite, "mallory", 1).key_package().leaf_node.source
}

/// §7.3: The leaf of a path says that it is a commit's.
#[test]
fn r111_source_in_a_path() {
    let mut trial = Trial::new(111);
    let current = mallory_source(&trial);
    for source in [&current, &Source::Update] {
        for from_outside in [false, true] {
            let bad = if from_outside {
                trial.alice.outsider("mallory").make(Plan::external_commit().leaf(|leaf| leaf.source = source.clone()))
            } else {
                trial.alice.make(Plan::commit().leaf(|leaf| leaf.source = source.clone()))
            };
            trial.refuses(&bad, Rule::LeafSourceFits);
        }
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
    let twin = trial.alice.outsider("mallory").make(Plan::external_commit());
    trial.accepts(&twin);
}
