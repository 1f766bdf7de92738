//! Cenacle: end-to-end encrypted groups with MLS (RFC 9420), the SDK.
//!
//! A [`Client`] is a device of an account, a [`Conversation`] one of its groups, [`Events`] what happens. Everything is
//! stored before it is sent or told, and whatever was wanted while the server could not be reached, or while other
//! members' changes came first, is done when it can be.
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate self as cenacle;

mod api;
mod attachment;
mod bindings;
mod client;
mod config;
mod engine;
mod error;
mod event;
mod identity;
mod loss;
mod payload;
mod policy;
mod returning;
mod state;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
pub mod transport;

pub use attachment::{FileFault, MAX_FILE_BYTES};
pub use cenacle_store::StoreError;
pub use client::{Client, Conversation, Member};
pub use config::Config;
pub use error::Error;
pub use event::{Change, ConversationId, Delivery, Event, Events, Message};
pub use identity::MemberId;
pub use loss::{Loss, Recovery, Suspicion};
pub use payload::{Content, FileInfo, MessageId};

#[cfg(test)]
mod tests;
