//! Proposals that wait for a commit (RFC 9420 §12.1): one slot for each, gone with the epoch.

use alloc::{sync::Arc, vec::Vec};

use cenacle_codec::codec_struct;
use cenacle_crypto::{HpkeSecretKey, Suite, labeled::ref_hash_of};

use crate::{
    Error,
    wire::{AuthenticatedContent, Proposal, ProposalRef, Sender},
};

codec_struct! {
    /// A proposal as it is kept and stored.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct CachedProposal {
        /// Sorts it among the others; unique in its epoch.
        pub(crate) position: u32,
        pub(crate) reference: ProposalRef,
        pub(crate) sender: Sender,
        pub(crate) proposal: Proposal,
    }
}

/// The proposals of the epoch, in the order they came, with the keys of one's own Updates among them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProposalCache {
    pub(crate) entries: Vec<Arc<CachedProposal>>,
    pub(crate) update_keys: Vec<(ProposalRef, Arc<HpkeSecretKey>)>,
}

/// The hash that names a proposal (RFC 9420 §5.2): over the whole authenticated content that carried it.
pub(crate) fn proposal_ref(suite: &dyn Suite, content: &AuthenticatedContent) -> Result<ProposalRef, Error> {
    Ok(ProposalRef(ref_hash_of(suite, "MLS 1.0 Proposal Reference", content)?))
}

impl ProposalCache {
    pub(crate) fn find(&self, reference: &ProposalRef) -> Option<&CachedProposal> {
        self.entries.iter().find(|entry| entry.reference == *reference).map(|entry| &**entry)
    }

    pub(crate) fn update_key(&self, reference: &ProposalRef) -> Option<&Arc<HpkeSecretKey>> {
        self.update_keys.iter().find(|(of, _)| of == reference).map(|(_, key)| key)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The position that sorts the next proposal's row behind all others.
    pub(crate) fn next_position(&self) -> u32 {
        self.entries.last().map_or(0, |last| last.position.saturating_add(1))
    }

    pub(crate) fn drop_one(&mut self, reference: &ProposalRef) {
        self.entries.retain(|entry| entry.reference != *reference);
        self.update_keys.retain(|(of, _)| of != reference);
    }
}
