//! The public half of a group: what anyone who sees all handshakes in the clear can know and check.

use alloc::sync::Arc;

use cenacle_crypto::{Digest, Suite};

use crate::{
    tree::{LeafCheck, RatchetTree},
    wire::{Epoch, Extensions, GroupContext, GroupId, LeafIndex, LeafNode, RequiredCapabilities},
};

/// A group's tree, context and transcript at one epoch. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PublicGroup {
    pub(crate) context: Arc<GroupContext>,
    pub(crate) tree: RatchetTree,
    pub(crate) interim_transcript_hash: Digest,
    pub(crate) confirmation_tag: Digest,
}

impl PublicGroup {
    /// The group's context.
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        &self.context
    }

    /// The group's identifier.
    #[must_use]
    pub fn group_id(&self) -> &GroupId {
        &self.context.group_id
    }

    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.context.epoch
    }

    /// The extensions of the context.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.context.extensions
    }

    /// The ratchet tree.
    #[must_use]
    pub const fn tree(&self) -> &RatchetTree {
        &self.tree
    }

    /// The members, by leaf.
    pub fn members(&self) -> impl Iterator<Item = (LeafIndex, &LeafNode)> {
        self.tree.members()
    }

    /// The tag of the commit that began this epoch.
    #[must_use]
    pub const fn confirmation_tag(&self) -> &Digest {
        &self.confirmation_tag
    }
}

/// How leaves are checked, against a group or without one.
pub(crate) fn leaf_check<'a>(
    suite: &'a dyn Suite,
    group_id: Option<&'a GroupId>,
    required: Option<&'a RequiredCapabilities>,
    now_seconds: Option<u64>,
    lifetime_limit_seconds: u64,
) -> LeafCheck<'a> {
    LeafCheck { group_id, required, ..LeafCheck::alone(suite, now_seconds, lifetime_limit_seconds) }
}
