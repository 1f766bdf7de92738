//! The application's rows beside the protocol's, in the same store, so that one batch holds both: who we are, which
//! conversations there are and how far they were read, what was said, what waits to be posted and what is still wanted.
//! Every value begins with the number of its format.

mod rows;

use cenacle_codec::{Decode, DecodeError, Encode, Reader, Writer};
use cenacle_crypto::SecretBytes;
use cenacle_mls::delta::{Delta, RowKey, Store, Table};
use cenacle_store::SqliteStore;

use crate::Error;

pub(crate) use rows::{
    Account, Conversation, HistoryEntry, Intent, IntentKind, Offer, OutboxHeader, OutboxKind, Participation, Returning,
    Taken, Withdrawal,
};

/// The account: one row, key empty.
pub(crate) const ACCOUNT: Table = Table(128);
/// Conversations: key `group_id`.
pub(crate) const CONVERSATION: Table = Table(129);
/// What was said: key `group_id, index`.
pub(crate) const HISTORY: Table = Table(130);
/// Where in the history messages are that were seen, against replays: key `group_id, sender, message id`.
pub(crate) const SEEN: Table = Table(131);
/// What waits to be seen in the log: key `group_id, index`. The value is an [`OutboxHeader`] and what is to be posted.
pub(crate) const OUTBOX: Table = Table(132);
/// What is wanted of the membership and has not come true: key `group_id, index`.
pub(crate) const INTENT: Table = Table(133);
/// The Authentication Service's statements, verified when they were stored: key `signature_key`.
pub(crate) const BINDING: Table = Table(134);
/// Own key packages to be published: key `reference`.
pub(crate) const TO_PUBLISH: Table = Table(135);
/// What goes with an own external commit until it is accepted: key `group_id`.
pub(crate) const RETURNING: Table = Table(136);
/// How far the log was read and what it held: key `group_id`.
pub(crate) const SEEN_LOG: Table = Table(137);
/// The sealed description of a conversation that the server has not been told of: key `group_id`.
pub(crate) const FIRST_DESCRIPTION: Table = Table(138);
/// Something was seen that does not belong to the epoch, and was not looked into: key `group_id`.
pub(crate) const DOUBT: Table = Table(139);
/// The epoch of the state that was last given up without a person's word: key `group_id`.
pub(crate) const RECOVERED: Table = Table(140);
/// When another key package of last resort took the place of an own one, in seconds since the Unix epoch: key `reference`.
pub(crate) const SUPERSEDED: Table = Table(141);
/// Whether all that is offered is to be withdrawn, and when it last was: one row, key empty.
pub(crate) const WITHDRAWAL: Table = Table(142);
/// Where in the history own messages are that the server refused: key `group_id, hash of the message`.
pub(crate) const REFUSED: Table = Table(143);

/// The number of the rows' format.
const FORMAT: u8 = 1;

/// The beginning of a row whose rest is written by whoever has it: the format and an encoding.
pub(crate) fn header<T: Encode + ?Sized>(content: &T) -> Result<Vec<u8>, Error> {
    let mut out = Writer::new();
    out.put(&FORMAT).put(content);
    Ok(out.finish()?)
}

/// A row's value: the format and the encoding.
pub(crate) fn value<T: Encode + ?Sized>(content: &T) -> Result<SecretBytes, Error> {
    header(content).map(SecretBytes::from)
}

/// Reads a row's value.
pub(crate) fn read<T: Decode>(row: &SecretBytes, what: &'static str) -> Result<T, Error> {
    let decode = |from: &mut Reader<'_>| -> Result<(u8, T), DecodeError> { Ok((u8::decode(from)?, T::decode(from)?)) };
    let mut from = Reader::of_own(row.expose());
    match decode(&mut from) {
        Ok((FORMAT, content)) if from.is_empty() => Ok(content),
        Ok(_) | Err(_) => Err(Error::Corrupt(what)),
    }
}

/// Writes a row.
pub(crate) fn put<T: Encode + ?Sized>(delta: &mut Delta, key: RowKey, content: &T) -> Result<(), Error> {
    delta.put(key, value(content)?);
    Ok(())
}

/// Reads a row, if it is there.
pub(crate) fn find<T: Decode>(store: &SqliteStore, key: &RowKey, what: &'static str) -> Result<Option<T>, Error> {
    store.row(key)?.map(|row| read(&row, what)).transpose()
}

/// Reads all rows whose keys begin with `prefix`, with what follows the prefix in their keys.
pub(crate) fn list<T: Decode>(
    store: &SqliteStore,
    prefix: &RowKey,
    what: &'static str,
) -> Result<Vec<(Vec<u8>, T)>, Error> {
    let rows = store.rows(prefix)?.into_iter();
    rows.map(|(key, row)| {
        let rest = key.key.get(prefix.key.len()..).unwrap_or_default().to_vec();
        Ok((rest, read(&row, what)?))
    })
    .collect()
}

/// The number at the end of a key.
pub(crate) fn index(rest: &[u8]) -> Result<u64, Error> {
    u64::from_bytes(rest).map_err(|_| Error::Corrupt("index"))
}
