//! For tests of what is received and stored: the decoders of values whose types nobody outside this crate sees.

use cenacle_codec::{Decode as _, DecodeError, Encode as _, recode};

use crate::{
    engine::recode_waiting,
    identity::{MemberId, Text},
    payload::{Content, Payload},
    state::{Account, Conversation, HistoryEntry, Intent, Offer, OutboxHeader, Taken},
};

/// Decodes a value and encodes it again.
pub type Recode = fn(&[u8]) -> Result<Vec<u8>, DecodeError>;

/// Every kind of value, by name.
pub const VALUES: [(&str, Recode); 11] = [
    ("Payload", recode_payload),
    ("Account", recode::<Account>),
    ("Conversation", recode::<Conversation>),
    ("HistoryEntry", recode::<HistoryEntry>),
    ("Taken", recode::<Taken>),
    ("Intent", recode::<Intent>),
    ("Offer", recode::<Offer>),
    ("OutboxHeader", recode::<OutboxHeader>),
    ("Waiting", recode_waiting),
    ("MemberId", recode::<MemberId>),
    ("Text", recode::<Text>),
];

/// What a newer version says is not kept, so it has no encoding of its own.
fn recode_payload(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let payload = Payload::from_bytes(bytes)?;
    let known = payload.content != Content::Unknown;
    Ok(if known { payload.to_bytes().unwrap_or_default() } else { bytes.to_vec() })
}
