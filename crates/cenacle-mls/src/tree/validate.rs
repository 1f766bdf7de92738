//! Whether leaves and trees may be believed (RFC 9420 §7.2, §7.3, §12.4.3.1), as far as this crate can tell:
//! credentials are the application's to judge, and rules over all members are the [`Roster`](super::Roster)'s. Checks
//! without a signature are apart from those with one, which cost a hundred times more and may be shared out.

use alloc::vec::Vec;
use core::ops::Range;

use cenacle_codec::Encode;
use cenacle_crypto::{CryptoError, Suite, labeled::verify_with_label};

use super::{Leaf, NodeIndex, RatchetTree, parent_hash::each_family, subtree::Subtree};
use crate::{
    error::{Error, Rule, What},
    wide,
    wire::{
        Capabilities, ExtensionType, GroupId, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs, Lifetime,
        ProtocolVersion, RequiredCapabilities,
    },
};

/// From so many members on, halves of a tree are looked at side by side.
const WIDE: u32 = 64;

/// Where a leaf was found, which decides what its source may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafPlace {
    /// In a key package.
    KeyPackage,
    /// In an Update proposal of the member at this leaf.
    Update(LeafIndex),
    /// In the path of a commit by the member at this leaf.
    Commit(LeafIndex),
    /// In a tree, at this leaf; any source.
    InTree(LeafIndex),
}

/// What leaves are measured against.
#[derive(Clone, Copy, Debug)]
pub struct LeafCheck<'a> {
    /// The group's suite, or the key package's.
    pub suite: &'a dyn Suite,
    /// The group's version, or the key package's.
    pub version: ProtocolVersion,
    /// The group; `None` for a key package outside any group.
    pub group_id: Option<&'a GroupId>,
    /// What the group requires of its members.
    pub required: Option<&'a RequiredCapabilities>,
    /// The present, in seconds since the Unix epoch, or `None` not to compare lifetimes with it.
    pub now_seconds: Option<u64>,
    /// Longest lifetime a leaf may claim, in seconds.
    pub lifetime_limit_seconds: u64,
    /// Whether leaves that stand in a tree are compared with the present, too.
    pub lifetimes_in_tree: bool,
}

impl<'a> LeafCheck<'a> {
    /// What a leaf is measured against outside any group.
    #[must_use]
    pub const fn alone(suite: &'a dyn Suite, now_seconds: Option<u64>, lifetime_limit_seconds: u64) -> Self {
        let version = ProtocolVersion::MLS10;
        let lifetimes_in_tree = false;
        Self { suite, version, group_id: None, required: None, now_seconds, lifetime_limit_seconds, lifetimes_in_tree }
    }

    /// All checks on one leaf.
    ///
    /// # Errors
    /// The first rule that is broken, or `Unverified(LeafSignature)`.
    pub fn check(&self, leaf: &LeafNode, place: LeafPlace) -> Result<(), Error> {
        self.check_content(leaf, place)?;
        self.verify_signature(leaf, place)
    }

    /// All checks on one leaf but its signature.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check_content(&self, leaf: &LeafNode, place: LeafPlace) -> Result<(), Error> {
        self.check_source(leaf, place)?;
        self.check_capabilities(leaf)?;
        self.suite.kem_check_public_key(&leaf.encryption_key).map_err(bad_key)
    }

    /// The leaf's signature, and with it the key it verifies under.
    ///
    /// # Errors
    /// `Unverified(LeafSignature)`, `PublicKeyWellFormed`.
    pub fn verify_signature(&self, leaf: &LeafNode, place: LeafPlace) -> Result<(), Error> {
        // RFC 9420 §7.3: "Verify that the signature on the LeafNode is valid using signature_key."
        let index = match place {
            LeafPlace::KeyPackage => None,
            LeafPlace::Update(index) | LeafPlace::Commit(index) | LeafPlace::InTree(index) => Some(index),
        };
        let content = LeafNodeTbs { leaf, position: self.group_id.zip(index) }.to_bytes()?;
        verify_with_label(self.suite, &leaf.signature_key, "LeafNodeTBS", &content, &leaf.signature).map_err(|error| {
            // Under what is no key nothing verifies: that it is none need not be found out before.
            match (error, self.suite.check_signature_key(&leaf.signature_key)) {
                (CryptoError::Internal, _) => error.into(),
                (_, Err(error)) => bad_key(error),
                (_, Ok(())) => What::LeafSignature.into(),
            }
        })
    }

    fn check_source(&self, leaf: &LeafNode, place: LeafPlace) -> Result<(), Error> {
        // RFC 9420 §7.3: "If the LeafNode appears in a KeyPackage, verify that leaf_node_source is set to key_package",
        // and likewise for Update proposals and commits.
        match (place, &leaf.source) {
            (LeafPlace::KeyPackage, LeafNodeSource::KeyPackage(lifetime)) => self.check_lifetime(*lifetime, true),
            (LeafPlace::InTree(_), LeafNodeSource::KeyPackage(lifetime)) => {
                self.check_lifetime(*lifetime, self.lifetimes_in_tree)
            }
            (LeafPlace::Update(_), LeafNodeSource::Update)
            | (LeafPlace::Commit(_), LeafNodeSource::Commit { .. })
            | (LeafPlace::InTree(_), _) => Ok(()),
            (LeafPlace::KeyPackage | LeafPlace::Update(_) | LeafPlace::Commit(_), _) => {
                Err(Rule::LeafSourceFits.into())
            }
        }
    }

    fn check_lifetime(&self, lifetime: Lifetime, current: bool) -> Result<(), Error> {
        // RFC 9420 §7.2: "Applications MUST define a maximum total lifetime that is acceptable for a LeafNode, and
        // reject any LeafNode where the total lifetime is longer than this duration."
        let length = lifetime.not_after.checked_sub(lifetime.not_before);
        if length.is_none_or(|length| length > self.lifetime_limit_seconds) {
            return Err(Rule::LifetimeBounded.into());
        }
        // RFC 9420 §7.3: "it is RECOMMENDED that the client verifies that the current time is within the range of the
        // lifetime field"
        match self.now_seconds {
            Some(now) if current && !lifetime.contains(now) => Err(Rule::LifetimeCurrent.into()),
            _ => Ok(()),
        }
    }

    fn check_capabilities(&self, leaf: &LeafNode) -> Result<(), Error> {
        let own = &leaf.capabilities;
        // Sorted, so that long lists cost no more than their length.
        let mut carried = Vec::from_iter(leaf.extensions.types());
        carried.sort_unstable();
        let rules = [
            // RFC 9420 §7.2: "The client MUST list all values for the respective parameters that it supports."
            (own.versions.contains(&self.version), Rule::VersionListed),
            (own.cipher_suites.contains(&self.suite.cipher_suite()), Rule::CipherSuiteListed),
            // RFC 9420 §7.2: "The following proposal and extension types are considered "default" and MUST NOT be
            // listed"
            (!own.extensions.iter().any(|value| value.is_default()), Rule::CapabilitiesOmitDefaults),
            (!own.proposals.iter().any(|value| value.is_default()), Rule::CapabilitiesOmitDefaults),
            (carried.is_sorted_by(|left, right| left < right), Rule::ExtensionTypesUnique),
            // RFC 9420 §7.2: "The types of any non-default extensions that appear in the extensions field of a LeafNode
            // MUST be included in the extensions field of the capabilities field, and the credential type used in the
            // LeafNode MUST be included in the credentials field of the capabilities field."
            (own.understand(&carried), Rule::LeafExtensionsListed),
            // RFC 9420 §17.3: of the default extensions a leaf has a place for one.
            (
                !carried.iter().any(|kind| kind.is_default() && *kind != ExtensionType::APPLICATION_ID),
                Rule::ExtensionInPlace,
            ),
            (own.supports_credential(leaf.credential.credential_type()), Rule::LeafCredentialListed),
            (self.required.is_none_or(|required| own.meet(required)), Rule::RequiredCapabilitiesMet),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule.into()))
    }
}

impl Capabilities {
    /// Whether all of these extensions are default or listed.
    pub(crate) fn understand(&self, extensions: &[ExtensionType]) -> bool {
        all_among(extensions, &self.extensions, |value| value.is_default())
    }

    /// Whether they hold all that `required` lists.
    pub(crate) fn meet(&self, required: &RequiredCapabilities) -> bool {
        // RFC 9420 §7.3: "the required extensions, proposals, and credential types MUST be listed in the LeafNode's
        // capabilities field"
        self.understand(&required.extension_types)
            && all_among(&required.proposal_types, &self.proposals, |value| value.is_default())
            && all_among(&required.credential_types, &self.credentials, |_| false)
    }
}

/// Whether all that is wanted is listed or implied. Both lists are a peer's: neither is gone through for each of the
/// other.
fn all_among<T: Copy + Ord>(wanted: &[T], listed: &[T], implied: impl Fn(&T) -> bool) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let mut listed = listed.to_vec();
    listed.sort_unstable();
    wanted.iter().all(|value| implied(value) || listed.binary_search(value).is_ok())
}

fn bad_key(error: CryptoError) -> Error {
    if error == CryptoError::BadPublicKey { Rule::PublicKeyWellFormed.into() } else { error.into() }
}

impl RatchetTree {
    /// All checks a joiner makes on a tree (RFC 9420 §12.4.3.1), after comparing its hash with the GroupContext's.
    ///
    /// # Errors
    /// The first rule that is broken, or `Unverified(LeafSignature)`.
    pub fn validate(&self, check: &LeafCheck<'_>) -> Result<(), Error> {
        self.roster.check()?;
        let (root, head) = (&self.nodes.root, self.nodes.head());
        each_leaf(root, head, &|index, leaf| check.check_content(&decoded(leaf)?, LeafPlace::InTree(index)))?;
        each_family(root, head, &mut |family| {
            check.suite.kem_check_public_key(&family.node.encryption_key()).map_err(bad_key)
        })?;
        self.verify_parent_hashes(check.suite)?;
        // Last, as it costs a hundred times more than all that comes before.
        self.verify_leaf_signatures(check, 0..self.leaf_width())
    }

    /// The signatures of the leaves with indices in `span`.
    ///
    /// # Errors
    /// `Unverified(LeafSignature)`.
    pub fn verify_leaf_signatures(&self, check: &LeafCheck<'_>, span: Range<u32>) -> Result<(), Error> {
        each_leaf(&self.nodes.root, self.nodes.head(), &|index, leaf| match span.contains(&index.0) {
            true => check.verify_signature(&decoded(leaf)?, LeafPlace::InTree(index)),
            false => Ok(()),
        })
    }
}

fn decoded(leaf: &Leaf) -> Result<LeafNode, Error> {
    leaf.node().ok_or(Error::Corrupt("leaf"))
}

/// Visits every leaf that is not blank, several at a time where that is allowed; the leftmost refusal counts.
fn each_leaf(
    subtree: &Subtree,
    head: NodeIndex,
    visit: &(dyn Fn(LeafIndex, &Leaf) -> Result<(), Error> + Sync),
) -> Result<(), Error> {
    match subtree {
        Subtree::Blank => Ok(()),
        Subtree::Leaf(leaf) => head.leaf().map_or(Ok(()), |index| visit(index, leaf)),
        Subtree::Inner(inner) => {
            let (left_head, right_head) = head.children();
            let left = || each_leaf(&inner.left, left_head, visit);
            wide::both(subtree.members() >= WIDE, left, || each_leaf(&inner.right, right_head, visit)).map(drop)
        }
    }
}
