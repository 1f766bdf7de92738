//! One leaf against each rule of §7.2 and §7.3.

use alloc::vec;

use cenacle_crypto::{CipherSuite, Digest, conformance::SeededRng};

use super::{super::*, LIFETIME, check, group_id, new_leaf, sign, suite};
use crate::{
    error::{Error, Rule, What},
    wire::*,
};

const AT: LeafIndex = LeafIndex(3);

/// What checking gives for a leaf that is changed and then signed anew.
fn checked(
    source: LeafNodeSource,
    place: LeafPlace,
    change: impl FnOnce(&mut LeafNode),
    checking: impl FnOnce(&mut LeafCheck<'_>),
) -> Result<(), Error> {
    let (suite, group_id) = (suite(), group_id());
    let (mut leaf, _, signer) = new_leaf(&*suite, &mut SeededRng::new(1), source, AT);
    change(&mut leaf);
    if leaf.signature_key == *signer.public_key() {
        sign(&*signer, &mut leaf, AT);
    }
    let mut check = check(&*suite, &group_id);
    checking(&mut check);
    check.check(&leaf, place)
}

fn broken(rule: Rule, change: impl FnOnce(&mut LeafNode)) {
    assert_eq!(checked(LIFETIME, LeafPlace::KeyPackage, change, |_| ()), Err(Error::Invalid(rule)));
}

#[test]
fn sources_fit_their_places() {
    let commit = LeafNodeSource::Commit { parent_hash: Digest::EMPTY };
    let sources = [LIFETIME, LeafNodeSource::Update, commit];
    let places = [LeafPlace::KeyPackage, LeafPlace::Update(AT), LeafPlace::Commit(AT)];
    for (row, source) in sources.iter().enumerate() {
        for (column, place) in places.iter().enumerate() {
            let expected = if row == column { Ok(()) } else { Err(Error::Invalid(Rule::LeafSourceFits)) };
            assert_eq!(checked(source.clone(), *place, |_| (), |_| ()), expected);
        }
        assert_eq!(checked(source.clone(), LeafPlace::InTree(AT), |_| (), |_| ()), Ok(()));
    }
}

#[test]
fn signatures_bind_group_and_position() {
    let unverified = Err(Error::Unverified(What::LeafSignature));
    let elsewhere = LeafPlace::InTree(LeafIndex(4));
    assert_eq!(checked(LeafNodeSource::Update, elsewhere, |_| (), |_| ()), unverified);
    assert_eq!(checked(LIFETIME, elsewhere, |_| (), |_| ()), Ok(()), "a key package's leaf stands anywhere");
    let other = GroupId::from(&b"other"[..]);
    let (suite, mut rng) = (suite(), SeededRng::new(2));
    let (mut leaf, _, _) = new_leaf(&*suite, &mut rng, LeafNodeSource::Update, AT);
    assert_eq!(check(&*suite, &group_id()).check(&leaf, LeafPlace::Update(AT)), Ok(()));
    assert_eq!(check(&*suite, &other).check(&leaf, LeafPlace::Update(AT)), unverified);
    let alone = LeafCheck { group_id: None, ..check(&*suite, &other) };
    assert_eq!(alone.check(&leaf, LeafPlace::Update(AT)), unverified);
    leaf.extensions.0.clear();
    leaf.capabilities.versions.push(ProtocolVersion(0x0a0a));
    assert_eq!(check(&*suite, &group_id()).check(&leaf, LeafPlace::Update(AT)), unverified);
}

#[test]
fn lifetimes_are_bounded_and_current() {
    let lasting = |not_before, not_after| LeafNodeSource::KeyPackage(Lifetime { not_before, not_after });
    let check = |source, now| checked(source, LeafPlace::KeyPackage, |_| (), |check| check.now_seconds = now);
    for (now, current) in [(9, false), (10, true), (20, true), (21, false)] {
        let expected = if current { Ok(()) } else { Err(Error::Invalid(Rule::LifetimeCurrent)) };
        assert_eq!(check(LIFETIME, Some(now)), expected);
        assert_eq!(check(LIFETIME, None), Ok(()));
    }
    for (not_before, not_after) in [(10, 21), (0, u64::MAX), (20, 10)] {
        assert_eq!(check(lasting(not_before, not_after), None), Err(Error::Invalid(Rule::LifetimeBounded)));
        let in_tree = checked(lasting(not_before, not_after), LeafPlace::InTree(AT), |_| (), |_| ());
        assert_eq!(in_tree, Err(Error::Invalid(Rule::LifetimeBounded)));
    }
    let expired = checked(LIFETIME, LeafPlace::InTree(AT), |_| (), |check| check.now_seconds = Some(99));
    assert_eq!(expired, Ok(()), "leaves in a tree may be old");
}

#[test]
fn capabilities_are_listed() {
    let extension = |kind| Extension { extension_type: ExtensionType(kind), extension_data: b"".into() };
    broken(Rule::VersionListed, |leaf| leaf.capabilities.versions.clear());
    broken(Rule::CipherSuiteListed, |leaf| leaf.capabilities.cipher_suites = vec![CipherSuite(2)]);
    broken(Rule::CapabilitiesOmitDefaults, |leaf| leaf.capabilities.extensions = vec![ExtensionType(3)]);
    broken(Rule::CapabilitiesOmitDefaults, |leaf| leaf.capabilities.proposals = vec![ProposalType(7)]);
    broken(Rule::LeafCredentialListed, |leaf| leaf.capabilities.credentials = vec![CredentialType::X509]);
    broken(Rule::LeafExtensionsListed, |leaf| leaf.extensions.0 = vec![extension(0xf001)]);
    broken(Rule::ExtensionTypesUnique, |leaf| {
        leaf.capabilities.extensions = vec![ExtensionType(0xf001)];
        leaf.extensions.0 = vec![extension(0xf001), extension(1), extension(0xf001)];
    });
    let unknown = |leaf: &mut LeafNode| {
        let own = &mut leaf.capabilities;
        own.versions.push(ProtocolVersion(0x0a0a));
        own.cipher_suites.push(CipherSuite(0x0a0a));
        own.extensions = vec![ExtensionType(0x0a0a), ExtensionType(0xf001), ExtensionType(0x0a0a)];
        own.proposals.push(ProposalType(0x0a0a));
        own.credentials.push(CredentialType(0x0a0a));
        leaf.extensions.0 = vec![extension(0xf001), extension(1)];
    };
    assert_eq!(checked(LIFETIME, LeafPlace::KeyPackage, unknown, |_| ()), Ok(()), "unknown values are ignored");
}

#[test]
fn requirements_are_met() {
    let all = RequiredCapabilities {
        extension_types: vec![ExtensionType(1), ExtensionType(0xf001)],
        proposal_types: vec![ProposalType(1), ProposalType(0xf002)],
        credential_types: vec![CredentialType::BASIC, CredentialType(0xf003)],
    };
    let able = |leaf: &mut LeafNode| {
        leaf.capabilities.extensions = vec![ExtensionType(0xf001)];
        leaf.capabilities.proposals = vec![ProposalType(0xf002)];
        leaf.capabilities.credentials.push(CredentialType(0xf003));
    };
    let check = |change: &dyn Fn(&mut LeafNode)| {
        let (suite, group_id) = (suite(), group_id());
        let (mut leaf, _, signer) = new_leaf(&*suite, &mut SeededRng::new(1), LIFETIME, AT);
        able(&mut leaf);
        change(&mut leaf);
        sign(&*signer, &mut leaf, AT);
        LeafCheck { required: Some(&all), ..super::check(&*suite, &group_id) }.check(&leaf, LeafPlace::KeyPackage)
    };
    let unmet = Err(Error::Invalid(Rule::RequiredCapabilitiesMet));
    assert_eq!(check(&|_| ()), Ok(()));
    assert_eq!(check(&|leaf| leaf.capabilities.extensions.clear()), unmet);
    assert_eq!(check(&|leaf| leaf.capabilities.proposals.clear()), unmet);
    assert_eq!(check(&|leaf| leaf.capabilities.credentials.truncate(1)), unmet);
}

#[test]
fn keys_are_ones_of_the_suite() {
    broken(Rule::PublicKeyWellFormed, |leaf| leaf.encryption_key.0 = [0; 32].as_slice().into());
    broken(Rule::PublicKeyWellFormed, |leaf| leaf.encryption_key.0 = [9; 31].as_slice().into());
    broken(Rule::PublicKeyWellFormed, |leaf| leaf.signature_key.0 = [9; 31].as_slice().into());
}
