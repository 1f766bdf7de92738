//! For tests of what is stored: the decoders of values whose types nobody outside this crate sees.

use cenacle_codec::Decoder;

use super::{
    external::PendingJoinRecord,
    pending::PendingRecord,
    proposals::CachedProposal,
    rows::{Header, PastRow},
};
use crate::secret_tree::Head;

/// Every kind of value that is private to this crate.
pub const VALUES: [Decoder; 6] = [
    Decoder::of::<Header>("Header"),
    Decoder::of::<PastRow>("PastRow"),
    Decoder::of::<PendingRecord>("PendingRecord"),
    Decoder::of::<PendingJoinRecord>("PendingJoinRecord"),
    Decoder::of::<CachedProposal>("CachedProposal"),
    Decoder::of::<Head>("Head"),
];
