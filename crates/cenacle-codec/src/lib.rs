//! The TLS presentation language as MLS uses it (RFC 8446 §3, RFC 9420 §2.1).
//!
//! [`Reader`] walks hostile bytes without copying and refuses every encoding that is not canonical;
//! [`Writer`] produces the one canonical encoding in a single pass. [`codec_struct!`] derives both from one
//! line per field, [`open_enum!`] makes code points that carry unknown values through untouched.
//! Nothing here knows any MLS structure.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod macros;
mod opaque;
mod reader;
mod values;
mod writer;

pub use opaque::Opaque;
pub use reader::{DecodeError, DecodeErrorKind, MEMORY_BESIDES, MEMORY_FACTOR, Reader};
pub use values::{Decode, Decoder, Encode};
pub use writer::{EncodeError, Writer};

/// The longest vector a length header can announce, in bytes (RFC 9420 §2.1.2).
pub const MAX_VECTOR_BYTES: usize = 0x3fff_ffff;

#[cfg(test)]
mod tests;
