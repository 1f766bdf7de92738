//! Proposals that wait for a commit (RFC 9420 §12.1): one slot for each, gone with the epoch.

use alloc::{sync::Arc, vec::Vec};

use cenacle_codec::{Encode, codec_struct};
use cenacle_crypto::{HpkeSecretKey, Suite, labeled::ref_hash_of};

use crate::{
    Error,
    wire::{AuthenticatedContent, Proposal, ProposalRef, Sender},
};

codec_struct! {
    /// A proposal as it is kept and stored.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct CachedProposal {
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
    pub(crate) fn next_position(&self) -> impl Encode + use<> {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }
}
