//! What the rules over all members need (RFC 9420 §7.3, §11.1, §12.4.2): which keys are in use, and how many members
//! support what. Kept per changed node in persistent tries, so that no rule ever scans the tree and versions of a tree
//! share all they have in common. Wherever a suite is asked for it is the group's.

use alloc::vec::Vec;
use core::fmt;

use cenacle_crypto::{HpkePublicKey, SignaturePublicKey, Suite};

use super::{
    NodeIndex,
    keys::KeyUses,
    node::Parent,
    trie::{Entry, Trie},
};
use crate::{
    error::{Error, Rule},
    wire::{CredentialType, ExtensionType, LeafIndex, LeafNode, ProposalType, RequiredCapabilities},
};

/// The members of a tree taken together. Cheap to clone.
#[derive(Clone)]
pub struct Roster {
    members: u32,
    encryption_keys: KeyUses,
    signature_keys: KeyUses,
    extensions: Counts<ExtensionType>,
    proposals: Counts<ProposalType>,
    credentials: Counts<CredentialType>,
    credentials_used: Counts<CredentialType>,
}

impl Roster {
    pub(super) fn new() -> Self {
        Self {
            members: 0,
            encryption_keys: KeyUses::new(),
            signature_keys: KeyUses::new(),
            extensions: Counts::new(),
            proposals: Counts::new(),
            credentials: Counts::new(),
            credentials_used: Counts::new(),
        }
    }

    /// How many members there are.
    #[must_use]
    pub const fn member_count(&self) -> u32 {
        self.members
    }

    /// Whether every member understands extensions of this type.
    #[must_use]
    pub fn all_support_extension(&self, extension_type: ExtensionType) -> bool {
        extension_type.is_default() || self.extensions.of(extension_type) == self.members
    }

    /// Whether every member understands proposals of this type.
    #[must_use]
    pub fn all_support_proposal(&self, proposal_type: ProposalType) -> bool {
        self.supporting_proposal(proposal_type) == self.members
    }

    /// How many members understand proposals of this type.
    #[must_use]
    pub fn supporting_proposal(&self, proposal_type: ProposalType) -> u32 {
        if proposal_type.is_default() { self.members } else { self.proposals.of(proposal_type) }
    }

    /// Whether every member understands credentials of this type.
    #[must_use]
    pub fn all_support_credential(&self, credential_type: CredentialType) -> bool {
        self.credentials.of(credential_type) == self.members
    }

    /// Whether every credential of a member is of one of these types.
    #[must_use]
    pub fn credentials_are_among(&self, types: &[CredentialType]) -> bool {
        self.credentials_used.all(|used| types.contains(&used))
    }

    /// Whether every member supports all that `required` lists (RFC 9420 §11.1).
    #[must_use]
    pub fn meets(&self, required: &RequiredCapabilities) -> bool {
        required.extension_types.iter().all(|value| self.all_support_extension(*value))
            && required.proposal_types.iter().all(|value| self.all_support_proposal(*value))
            && required.credential_types.iter().all(|value| self.all_support_credential(*value))
    }

    /// The member with this signature key, unless none or several have it.
    #[must_use]
    pub fn member_by_signature_key(&self, key: &SignaturePublicKey, suite: &dyn Suite) -> Option<LeafIndex> {
        self.signature_keys.place_of(suite, &key.0).map(LeafIndex)
    }

    /// Whether any node, leaf or parent, has this encryption key.
    #[must_use]
    pub fn has_encryption_key(&self, key: &HpkePublicKey, suite: &dyn Suite) -> bool {
        self.encryption_keys.contains(suite, &key.0)
    }

    /// Whether any member has this signature key.
    #[must_use]
    pub fn has_signature_key(&self, key: &SignaturePublicKey, suite: &dyn Suite) -> bool {
        self.signature_keys.contains(suite, &key.0)
    }

    /// The rules over all members together.
    ///
    /// # Errors
    /// The first rule that the members break.
    pub fn check(&self) -> Result<(), Error> {
        // RFC 9420 §7.3: "Verify that the following fields are unique among the members of the group: signature_key ...
        // encryption_key"; §12.4.3.1 and §12.4.2 say the same of the encryption keys of all nodes.
        if self.encryption_keys.repeated() > 0 {
            return Err(Rule::EncryptionKeyUnique.into());
        }
        if self.signature_keys.repeated() > 0 {
            return Err(Rule::SignatureKeyUnique.into());
        }
        // RFC 9420 §7.3: "Verify that the credential type is supported by all members of the group"
        if self.credentials_used.all(|used| self.all_support_credential(used)) {
            Ok(())
        } else {
            Err(Rule::CredentialSupportedByAll.into())
        }
    }

    /// A leaf's node was replaced.
    pub(super) fn change_leaf(
        &mut self,
        suite: &dyn Suite,
        index: LeafIndex,
        old: Option<&LeafNode>,
        new: Option<&LeafNode>,
    ) {
        let [was, is] = [old, new].map(|leaf| leaf.map(|leaf| &*leaf.encryption_key.0));
        self.encryption_keys.change(suite, index.node_index().0, was, is);
        let [was, is] = [old, new].map(|leaf| leaf.map(|leaf| &*leaf.signature_key.0));
        self.signature_keys.change(suite, index.0, was, is);
        if let (Some(old), Some(new)) = (old, new)
            && old.capabilities == new.capabilities
            && old.credential.credential_type() == new.credential.credential_type()
        {
            return;
        }
        if let Some(old) = old {
            self.members = self.members.saturating_sub(1);
            self.count(old, u32::saturating_sub);
        }
        if let Some(new) = new {
            self.members = self.members.saturating_add(1);
            self.count(new, u32::saturating_add);
        }
    }

    /// A parent's node was replaced.
    pub(super) fn change_parent(
        &mut self,
        suite: &dyn Suite,
        node: NodeIndex,
        old: Option<&Parent>,
        new: Option<&Parent>,
    ) {
        let [old, new] = [old, new].map(|parent| parent.map(Parent::key_bytes));
        self.encryption_keys.change(suite, node.0, old, new);
    }

    /// A fresh key is to stand at `node`, and whatever key stands there now is still to be taken away. Gives whether no
    /// node, leaf or parent, had it before.
    pub(super) fn adds_fresh_key(&mut self, suite: &dyn Suite, node: NodeIndex, key: &HpkePublicKey) -> bool {
        self.encryption_keys.add(suite, node.0, &key.0) == 1
    }

    fn count(&mut self, leaf: &LeafNode, step: fn(u32, u32) -> u32) {
        self.extensions.count(&leaf.capabilities.extensions, step);
        self.proposals.count(&leaf.capabilities.proposals, step);
        self.credentials.count(&leaf.capabilities.credentials, step);
        self.credentials_used.count(&[leaf.credential.credential_type()], step);
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roster").field("members", &self.members).finish_non_exhaustive()
    }
}

/// How many members list each value.
#[derive(Clone)]
struct Counts<T>(Trie<Tally<T>>);

/// A value that so many members list.
#[derive(Clone, Copy)]
struct Tally<T> {
    value: T,
    name: [u8; 2],
    members: u32,
}

/// A code point that is counted under its two bytes.
trait CodePoint: Copy + Ord {
    fn number(self) -> u16;
}

impl CodePoint for ExtensionType {
    fn number(self) -> u16 {
        self.0
    }
}

impl CodePoint for ProposalType {
    fn number(self) -> u16 {
        self.0
    }
}

impl CodePoint for CredentialType {
    fn number(self) -> u16 {
        self.0
    }
}

impl<T: Copy> Entry for Tally<T> {
    fn name(&self) -> &[u8] {
        &self.name
    }

    fn is_gone(&self) -> bool {
        self.members == 0
    }
}

impl<T: CodePoint> Counts<T> {
    fn new() -> Self {
        Self(Trie::new())
    }

    fn of(&self, value: T) -> u32 {
        self.0.find(&value.number().to_be_bytes()).map_or(0, |found| found.members)
    }

    fn all(&self, holds: impl Fn(T) -> bool) -> bool {
        self.0.all(&|tally| holds(tally.value))
    }

    /// Counts the values of one member up or down, a value listed twice once.
    fn count(&mut self, values: &[T], step: fn(u32, u32) -> u32) {
        if values.is_sorted_by(|left, right| left < right) {
            return values.iter().for_each(|value| self.step(*value, step));
        }
        let mut values = Vec::from(values);
        values.sort_unstable();
        values.dedup();
        values.into_iter().for_each(|value| self.step(value, step));
    }

    fn step(&mut self, value: T, step: fn(u32, u32) -> u32) {
        let name = value.number().to_be_bytes();
        self.0.change(&name, &|found| {
            let members = step(found.map_or(0, |found| found.members), 1);
            Tally { value, name, members }
        });
    }
}
