//! Cenacle: end-to-end encrypted groups with MLS (RFC 9420), the SDK.
#![forbid(unsafe_code)]

extern crate alloc;

mod api;
mod attachment;
mod error;
mod identity;
mod payload;
mod state;
pub mod transport;

pub use attachment::FileFault;
pub use error::Error;
pub use identity::MemberId;
pub use payload::{Content, FileInfo, MessageId};
