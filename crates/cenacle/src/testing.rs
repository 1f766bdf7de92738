//! For tests of what is received and stored: the decoders of values whose types nobody outside this crate sees.

use cenacle_codec::{Decode as _, DecodeError, Decoder, Encode as _};

use crate::{
    engine::recode_waiting,
    identity::{MemberId, Text},
    payload::{Content, Payload},
    state::{Account, Conversation, HistoryEntry, Intent, Offer, OutboxHeader, Taken, Withdrawal},
};

/// Every kind of value.
pub const VALUES: [Decoder; 12] = [
    Decoder { recode: recode_payload, ..Decoder::of::<Payload>("Payload") },
    Decoder::of::<Account>("Account"),
    Decoder::of::<Conversation>("Conversation"),
    Decoder::of::<HistoryEntry>("HistoryEntry"),
    Decoder::of::<Taken>("Taken"),
    Decoder::of::<Intent>("Intent"),
    Decoder::of::<Offer>("Offer"),
    Decoder::of::<OutboxHeader>("OutboxHeader"),
    Decoder { name: "Waiting", decode: |bytes| recode_waiting(bytes).map(drop), recode: recode_waiting },
    Decoder::of::<MemberId>("MemberId"),
    Decoder::of::<Text>("Text"),
    Decoder::of::<Withdrawal>("Withdrawal"),
];

/// What a newer version says is not kept, so it has no encoding of its own.
fn recode_payload(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let payload = Payload::from_bytes(bytes)?;
    let known = payload.content != Content::Unknown;
    Ok(if known { payload.to_bytes().unwrap_or_default() } else { bytes.to_vec() })
}
