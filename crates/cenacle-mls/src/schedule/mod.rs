//! The key schedule (RFC 9420 §8): from one epoch's secrets to the next's, as types that can only be used in order.
//!
//! ```text
//! InitSecret ──commit secret, context──▶ JoinerSecret ──PSK secret──▶ MemberSecret ──context──▶ NewEpoch
//!                                                                        │                        │ tag checked
//!                                                                        ▼                        ▼
//!                                                                  WelcomeSecret            ConfirmedEpoch
//! ```

mod epoch;
mod psk;
mod transcript;

pub use epoch::{
    CommitSecret, ConfirmedEpoch, EncryptionSecret, EpochSecrets, InitSecret, JoinerSecret, MemberSecret, NewEpoch,
    WelcomeSecret,
};
pub use psk::{PskSecret, psk_secret};
pub use transcript::{confirmed_transcript_hash, interim_transcript_hash};

#[cfg(test)]
mod tests;
