//! Past epochs (RFC 9420 §15.3): what late application messages need, kept by difference. The roster of a past epoch is
//! the present one with the leaves that changed since put back.

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use cenacle_crypto::Secret;

use crate::{
    secret_tree::SecretTree,
    tree::{Leaf, RatchetTree},
    wire::{Epoch, GroupContext, LeafIndex},
};

/// An epoch that is over.
#[derive(Clone, Debug)]
pub(crate) struct PastEpoch {
    pub(crate) context: Arc<GroupContext>,
    pub(crate) sender_data_secret: Arc<Secret>,
    pub(crate) secret_tree: SecretTree,
    pub(crate) own_leaf: LeafIndex,
    /// The leaves that the next commit changed, as they were.
    pub(crate) replaced: Arc<BTreeMap<LeafIndex, Option<Leaf>>>,
}

/// The retained past epochs, the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct PastEpochs(pub(crate) VecDeque<PastEpoch>);

impl PastEpochs {
    pub(crate) fn find(&self, epoch: Epoch) -> Option<&PastEpoch> {
        self.0.iter().find(|past| past.context.epoch == epoch)
    }

    pub(crate) fn find_mut(&mut self, epoch: Epoch) -> Option<&mut PastEpoch> {
        self.0.iter_mut().find(|past| past.context.epoch == epoch)
    }

    /// Who was at `leaf` in `epoch`: the oldest change since then tells, or else the present tree.
    pub(crate) fn leaf<'a>(&'a self, epoch: Epoch, leaf: LeafIndex, present: &'a RatchetTree) -> Option<&'a Leaf> {
        let since = self.0.iter().rev().filter(|past| past.context.epoch >= epoch);
        for past in since {
            if let Some(before) = past.replaced.get(&leaf) {
                return before.as_ref();
            }
        }
        present.shared_leaf(leaf)
    }
}
