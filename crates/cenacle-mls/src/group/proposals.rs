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
        /// 1 if it is not to be committed here; another member still may.
        pub(crate) set_aside: u8,
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

    /// Those that wait to be committed.
    pub(crate) fn waiting(&self) -> impl DoubleEndedIterator<Item = &CachedProposal> {
        self.entries.iter().map(|entry| &**entry).filter(|entry| entry.set_aside == 0)
    }

    /// The position that sorts the next proposal's row behind all others.
    pub(crate) fn next_position(&self) -> u32 {
        self.entries.last().map_or(0, |last| last.position.saturating_add(1))
    }

    /// Puts an entry in the place of the one with its reference.
    pub(crate) fn replace(&mut self, cached: &Arc<CachedProposal>) {
        for entry in self.entries.iter_mut().filter(|entry| entry.reference == cached.reference) {
            *entry = Arc::clone(cached);
        }
    }
}
