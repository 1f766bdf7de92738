//! What the rules over all members need (RFC 9420 §7.3, §11.1, §12.4.2): which keys are in use, and how many members
//! support what. Kept per changed node in persistent maps, so that no rule ever scans the tree and versions of a tree
//! share all they have in common.

use alloc::{sync::Arc, vec::Vec};
use core::{cmp::Ordering, fmt};

use cenacle_codec::Opaque;
use cenacle_crypto::{HpkePublicKey, SignaturePublicKey};
use rpds::RedBlackTreeMapSync;

use super::NodeIndex;
use crate::{
    error::{Error, Rule},
    wire::{CredentialType, ExtensionType, LeafIndex, LeafNode, ParentNode, ProposalType, RequiredCapabilities},
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
        proposal_type.is_default() || self.proposals.of(proposal_type) == self.members
    }

    /// Whether every member understands credentials of this type.
    #[must_use]
    pub fn all_support_credential(&self, credential_type: CredentialType) -> bool {
        self.credentials.of(credential_type) == self.members
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
    pub fn member_by_signature_key(&self, key: &SignaturePublicKey) -> Option<LeafIndex> {
        self.signature_keys.place_of(&Key::lookup(&key.0)).map(LeafIndex)
    }

    /// The node with this encryption key, unless none or several have it.
    #[must_use]
    pub fn node_by_encryption_key(&self, key: &HpkePublicKey) -> Option<NodeIndex> {
        self.encryption_keys.place_of(&Key::lookup(&key.0)).map(NodeIndex)
    }

    /// Whether any node, leaf or parent, has this encryption key.
    #[must_use]
    pub fn has_encryption_key(&self, key: &HpkePublicKey) -> bool {
        self.encryption_keys.uses.contains_key(&Key::lookup(&key.0))
    }

    /// Whether any member has this signature key.
    #[must_use]
    pub fn has_signature_key(&self, key: &SignaturePublicKey) -> bool {
        self.signature_keys.uses.contains_key(&Key::lookup(&key.0))
    }

    /// The rules over all members together.
    ///
    /// # Errors
    /// The first rule that the members break.
    pub fn check(&self) -> Result<(), Error> {
        // RFC 9420 §7.3: "Verify that the following fields are unique among the members of the group: signature_key ...
        // encryption_key"; §12.4.3.1 and §12.4.2 say the same of the encryption keys of all nodes.
        if self.encryption_keys.repeated > 0 {
            return Err(Rule::EncryptionKeyUnique.into());
        }
        if self.signature_keys.repeated > 0 {
            return Err(Rule::SignatureKeyUnique.into());
        }
        // RFC 9420 §7.3: "Verify that the credential type is supported by all members of the group"
        if self.credentials_used.values().all(|used| self.all_support_credential(*used)) {
            Ok(())
        } else {
            Err(Rule::CredentialSupportedByAll.into())
        }
    }

    /// A leaf's node was replaced.
    pub(super) fn change_leaf(&mut self, index: LeafIndex, old: Option<&Arc<LeafNode>>, new: Option<&Arc<LeafNode>>) {
        let keys = [old, new].map(|leaf| Some(Holder::LeafEncryption(leaf?.clone()).into()));
        self.encryption_keys.change(index.node_index().0, keys);
        let keys = [old, new].map(|leaf| Some(Holder::LeafSignature(leaf?.clone()).into()));
        self.signature_keys.change(index.0, keys);
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
        node: NodeIndex,
        old: Option<&Arc<ParentNode>>,
        new: Option<&Arc<ParentNode>>,
    ) {
        self.encryption_keys.change(node.0, [old, new].map(|parent| Some(Holder::Parent(parent?.clone()).into())));
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

/// A public key, read from the node that has it: the index holds no copies. Eight bytes stand beside the pointer, so
/// that a search seldom has to follow it.
#[derive(Clone)]
struct Key {
    prefix: u64,
    holder: Holder,
}

#[derive(Clone)]
enum Holder {
    LeafEncryption(Arc<LeafNode>),
    LeafSignature(Arc<LeafNode>),
    Parent(Arc<ParentNode>),
    Lookup(Opaque),
}

impl From<Holder> for Key {
    fn from(holder: Holder) -> Self {
        // The last bytes: encodings of points begin with a constant.
        let prefix = holder.bytes().last_chunk().map_or(0, |chunk| u64::from_be_bytes(*chunk));
        Self { prefix, holder }
    }
}

impl Key {
    fn lookup(key: &Opaque) -> Self {
        Holder::Lookup(key.clone()).into()
    }
}

impl Holder {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::LeafEncryption(leaf) => &leaf.encryption_key.0,
            Self::LeafSignature(leaf) => &leaf.signature_key.0,
            Self::Parent(parent) => &parent.encryption_key.0,
            Self::Lookup(key) => key,
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.prefix.cmp(&other.prefix).then_with(|| self.holder.bytes().cmp(other.holder.bytes()))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

/// How often a key occurs. The places are folded by XOR, so that the place of a key that occurs once can be read off
/// and the changes of an edit may come in any order.
#[derive(Clone, Copy, Default)]
struct Use {
    count: u32,
    places: u32,
}

/// All keys of one kind, and how many of them occur more than once.
#[derive(Clone)]
struct KeyUses {
    uses: RedBlackTreeMapSync<Key, Use>,
    repeated: u32,
}

impl KeyUses {
    fn new() -> Self {
        Self { uses: RedBlackTreeMapSync::new_sync(), repeated: 0 }
    }

    fn place_of(&self, key: &Key) -> Option<u32> {
        self.uses.get(key).filter(|found| found.count == 1).map(|found| found.places)
    }

    /// The key at `place` was replaced.
    fn change(&mut self, place: u32, [old, new]: [Option<Key>; 2]) {
        if let (Some(old), Some(new)) = (&old, &new)
            && old == new
        {
            // Let go of the old node: the entry shall hold on to the new one.
            if let Some(kept) = self.uses.get(new).copied() {
                self.uses.insert_mut(new.clone(), kept);
            }
            return;
        }
        if let Some(old) = old {
            self.remove(&old, place);
        }
        if let Some(new) = new {
            self.insert(new, place);
        }
    }

    fn insert(&mut self, key: Key, place: u32) {
        let before = self.uses.get(&key).copied().unwrap_or_default();
        self.repeated = self.repeated.saturating_add((before.count == 1).into());
        self.uses.insert_mut(key, Use { count: before.count.saturating_add(1), places: before.places ^ place });
    }

    fn remove(&mut self, key: &Key, place: u32) {
        if self.uses.get(key).is_none_or(|found| found.count == 1) {
            self.uses.remove_mut(key);
        } else if let Some(found) = self.uses.get_mut(key) {
            *found = Use { count: found.count.saturating_sub(1), places: found.places ^ place };
            self.repeated = self.repeated.saturating_sub((found.count == 1).into());
        }
    }
}

/// How many members list each value.
#[derive(Clone)]
struct Counts<T: Ord>(RedBlackTreeMapSync<T, u32>);

impl<T: Ord + Copy> Counts<T> {
    fn new() -> Self {
        Self(RedBlackTreeMapSync::new_sync())
    }

    fn of(&self, value: T) -> u32 {
        self.0.get(&value).copied().unwrap_or(0)
    }

    fn values(&self) -> impl Iterator<Item = &T> {
        self.0.keys()
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
        match (step(self.of(value), 1), self.0.get_mut(&value)) {
            (0, _) => {
                self.0.remove_mut(&value);
            }
            (count, Some(slot)) => *slot = count,
            (count, None) => self.0.insert_mut(value, count),
        }
    }
}
