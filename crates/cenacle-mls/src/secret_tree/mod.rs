//! The secret tree and the sender ratchets (RFC 9420 §9), derived on demand: memory follows who speaks, not who is a
//! member. Looking for a key changes nothing; what using it would change is a value that is applied afterwards.

mod ratchet;
mod rows;
mod tree;

#[cfg(feature = "testing")]
pub(crate) use ratchet::Head;
pub use ratchet::{MessageKey, RatchetKind};
pub(crate) use rows::{SecretTreeRows, StoredSecretTree};
pub use tree::{SecretTree, SecretTreeChange};

#[cfg(test)]
mod tests;
