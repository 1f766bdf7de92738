//! For tests of what is stored: the decoders of values whose types nobody outside this crate sees.

use alloc::vec::Vec;

use cenacle_codec::{DecodeError, recode};

use super::{
    external::PendingJoinRecord,
    pending::PendingRecord,
    proposals::CachedProposal,
    rows::{Header, PastRow},
};
use crate::secret_tree::Head;

/// Decodes a row's value and encodes it again.
pub type Recode = fn(&[u8]) -> Result<Vec<u8>, DecodeError>;

/// Every kind of value that is private to this crate, by name.
pub const VALUES: [(&str, Recode); 6] = [
    ("Header", recode::<Header>),
    ("PastRow", recode::<PastRow>),
    ("PendingRecord", recode::<PendingRecord>),
    ("PendingJoinRecord", recode::<PendingJoinRecord>),
    ("CachedProposal", recode::<CachedProposal>),
    ("Head", recode::<Head>),
];
