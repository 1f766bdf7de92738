//! Adds and Updates: key packages and leaves that are not valid (RFC 9420 §12.1.1, §12.1.2).

use alloc::sync::Arc;

use cenacle_mls::wire::{CredentialType, ExtensionType, ProposalType};
use cenacle_testkit::world::TEST_EXTENSION;

use crate::common::*;

/// §12.1.1: An Add is as valid as its key package.
#[test]
fn r195_adds_of_bad_key_packages() {
    let mut trial = Trial::new(195);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 195);
    let test = || Extension::new(TEST_EXTENSION.0, b"");
    let leaves: [(Spoil<'_, LeafNode>, Error); 10] = [
        (&|leaf| leaf.source = Source::Update, Rule::LeafSourceFits.into()),
        (&|leaf| leaf.source = Source::commit(b""), Rule::LeafSourceFits.into()),
        (&|leaf| leaf.source = lasting(u64::MAX), Rule::LifetimeBounded.into()),
        (&|leaf| leaf.capabilities.versions.clear(), Rule::VersionListed.into()),
        (&|leaf| leaf.capabilities.cipher_suites.clear(), Rule::CipherSuiteListed.into()),
        (&|leaf| leaf.capabilities.proposals.push(1), Rule::CapabilitiesOmitDefaults.into()),
        (&|leaf| leaf.extensions.push(Extension::new(TYPE, b"")), Rule::LeafExtensionsListed.into()),
        (&|leaf| leaf.extensions.extend([test(), test()]), Rule::ExtensionTypesUnique.into()),
        (&|leaf| leaf.capabilities.credentials.clear(), Rule::LeafCredentialListed.into()),
        (&|leaf| leaf.encryption_key.truncate(31), Rule::PublicKeyWellFormed.into()),
    ];
    let packages: [(Spoil<'_, KeyPackage>, Error); 9] = [
        (&|package| package.version = 2, Rule::KeyPackageFits.into()),
        (&|package| package.cipher_suite = 3, Rule::KeyPackageFits.into()),
        (&|package| package.leaf_node.signature[5] ^= 1, What::LeafSignature.into()),
        (&|package| package.init_key = package.leaf_node.encryption_key.clone(), Rule::InitKeyDiffers.into()),
        (&|package| package.init_key.truncate(31), Rule::PublicKeyWellFormed.into()),
        (&|package| package.init_key.fill(0), Rule::PublicKeyWellFormed.into()),
        (&|package| package.extensions.extend([test(), test()]), Rule::ExtensionTypesUnique.into()),
        (&|package| package.extensions.push(Extension::new(TYPE, b"")), Rule::LeafExtensionsListed.into()),
        (&|package| package.extensions.push(Extension::new(code::RATCHET_TREE, b"")), Rule::ExtensionInPlace.into()),
    ];
    let mut bad: Vec<(KeyPackage, Error)> = Vec::new();
    bad.extend(leaves.into_iter().map(|(spoil, error)| (erin.key_package_with(spoil, |_| ()), error)));
    bad.extend(packages.into_iter().map(|(spoil, error)| (erin.key_package_with(|_| (), spoil), error)));
    let mut unsigned = erin.key_package();
    unsigned.signature[5] ^= 1;
    bad.push((unsigned, What::KeyPackageSignature.into()));
    for (package, error) in bad {
        trial.refuses_key_package(&package, error.clone());
        trial.refuses_everywhere(&Proposal::add(&package), error);
    }
    let twin = trial.proposes(Proposal::add(&erin.key_package()));
    trial.accepts_commit([twin]);
}

/// §12.1.2: An Update is as valid as its leaf: by itself when it arrives, beside the others when it is committed.
#[test]
fn r196_updates_to_bad_leaves() {
    // All list a type that is required wherever one can be, and another that Erin's credential is of.
    const SHOWN: u16 = TYPE + 1;
    let mut trial = Trial::capable(196, |_, capabilities| {
        capabilities.extensions.push(ExtensionType(TYPE));
        capabilities.proposals.push(ProposalType(TYPE));
        capabilities.credentials.extend([TYPE, SHOWN].map(CredentialType));
    });
    let present = |leaf: &mut LeafNode| {
        leaf.capabilities.clone_from(&trial.alice.template.capabilities);
        leaf.credential = Credential::Custom(SHOWN, b"erin".to_vec());
    };
    let erin = Insider::nobody(&trial.alice.suite, "erin", 196).key_package_with(present, |_| ());
    let required =
        RequiredCapabilities { extension_types: vec![TYPE], proposal_types: vec![TYPE], credential_types: vec![TYPE] };
    trial.accepts_commit([Proposal::GroupContextExtensions(vec![required.extension()]), Proposal::add(&erin)]);
    let old = trial.alice.template.encryption_key.clone();
    let test = || Extension::new(TEST_EXTENSION.0, b"");
    let alone: [(Spoil<'_, LeafNode>, Rule); 12] = [
        (&|leaf| leaf.source = Source::commit(b""), Rule::LeafSourceFits),
        (&|leaf| leaf.source = lasting(1_000_000), Rule::LeafSourceFits),
        (&|leaf| leaf.capabilities.versions.clear(), Rule::VersionListed),
        (&|leaf| leaf.capabilities.cipher_suites.clear(), Rule::CipherSuiteListed),
        (&|leaf| leaf.capabilities.extensions.push(code::EXTERNAL_PUB), Rule::CapabilitiesOmitDefaults),
        (&|leaf| leaf.extensions.push(Extension::new(SHOWN, b"")), Rule::LeafExtensionsListed),
        (&|leaf| leaf.extensions.extend([test(), test()]), Rule::ExtensionTypesUnique),
        (&|leaf| leaf.extensions.push(required.extension()), Rule::ExtensionInPlace),
        (&|leaf| leaf.capabilities.credentials.clear(), Rule::LeafCredentialListed),
        (&|leaf| leaf.encryption_key.truncate(31), Rule::PublicKeyWellFormed),
        (&|leaf| leaf.encryption_key.fill(0), Rule::PublicKeyWellFormed),
        (&|leaf| leaf.encryption_key.clone_from(&old), Rule::LeafKeyReplaced),
    ];
    for (spoil, rule) in alone {
        let leaf = trial.alice.leaf_node(spoil);
        trial.refuses_proposal(&Proposal::update(leaf), rule);
    }
    let group_id = trial.alice.context.group_id.clone();
    for (group_id, place) in [(&group_id[..], 1), (b"another", 0)] {
        let mut leaf = trial.alice.leaf_node(|_| ());
        trial.alice.sign_leaf(&mut leaf, Some((group_id, place)));
        trial.refuses_proposal(&Proposal::update(leaf), What::LeafSignature);
    }
    let mut leaf = trial.alice.leaf_node(|_| ());
    leaf.signature[5] ^= 1;
    trial.refuses_proposal(&Proposal::update(leaf), What::LeafSignature);

    let dave = trial.alice.tree.leaf(3).unwrap().clone();
    trial.alice.signers.insert(dave.signature_key.clone(), Arc::clone(&trial.world.signers["dave"]));
    let together: [(Spoil<'_, LeafNode>, Rule); 7] = [
        (&|leaf| leaf.capabilities.extensions.retain(|kind| *kind != TYPE), Rule::RequiredCapabilitiesMet),
        (&|leaf| leaf.capabilities.proposals.retain(|kind| *kind != TYPE), Rule::RequiredCapabilitiesMet),
        (&|leaf| leaf.capabilities.credentials.retain(|kind| *kind != TYPE), Rule::RequiredCapabilitiesMet),
        (&|leaf| leaf.capabilities.credentials.retain(|kind| *kind != SHOWN), Rule::CredentialSupportedByAll),
        (&|leaf| leaf.encryption_key.clone_from(&dave.encryption_key), Rule::EncryptionKeyUnique),
        (&|leaf| leaf.signature_key.clone_from(&dave.signature_key), Rule::SignatureKeyUnique),
        (
            &|leaf| {
                leaf.capabilities.credentials.push(SHOWN + 1);
                leaf.credential = Credential::Custom(SHOWN + 1, b"alice".to_vec());
            },
            Rule::CredentialSupportedByAll,
        ),
    ];
    let bad: Vec<_> = together.map(|(spoil, rule)| (trial.alice.leaf_node(spoil), rule)).into();
    let waiting: Vec<_> = bad.into_iter().map(|(leaf, rule)| (trial.proposes(Proposal::update(leaf)), rule)).collect();
    let twin = trial.alice.leaf_node(|_| ());
    let twin = trial.proposes(Proposal::update(twin));
    let mut carol = trial.turns("carol");
    for (reference, rule) in waiting {
        for private in [false, true] {
            let bad = carol.make(Plan::commit().with([reference.clone()]).framed(private));
            trial.refuses(&bad, rule);
        }
    }
    let twin = carol.make(Plan::commit().with([twin]));
    trial.accepts(&twin);
}

/// §12.1.2: Only members send Updates.
#[test]
fn r197_updates_from_outside() {
    let mut trial = Trial::new(197);
    let mut warden = trial.warden();
    let leaves = [trial.alice.leaf_node(|_| ()), warden.leaf_node(|_| ())];
    for leaf in leaves {
        let plan = || Plan::proposal(Proposal::update(leaf.clone()));
        let bad = warden.make(plan().sender(Sender::External(0)));
        trial.refuses(&bad, Rule::ExternalSenderProposes);
        let bad = warden.make(plan().sender(Sender::NewMemberProposal));
        trial.refuses(&bad, Rule::NewMemberProposesAdd);
    }
    let leaf = trial.alice.leaf_node(|_| ());
    let twin = trial.alice.make(Plan::proposal(Proposal::update(leaf)));
    trial.accepts(&twin);
}

/// §12.1.2, §12.4: A commit holds no Update by value: it would be the committer's own.
#[test]
fn r198_update_by_value() {
    let mut trial = Trial::new(198);
    let own = trial.alice.leaf_node(|_| ());
    trial.refuses_commit([Proposal::update(own.clone())], Rule::UpdateNotByCommitter);
    trial.refuses_commit([Proposal::Remove(3), Proposal::update(own)], Rule::UpdateNotByCommitter);
    trial.accepts_commit([Proposal::Remove(3)]);
}
