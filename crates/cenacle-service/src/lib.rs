//! Delivery and Authentication Service of Cenacle (RFC 9750 §4, §5), as logic without input or output.
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "service")]
mod error;
#[cfg(feature = "service")]
mod logic;
#[cfg(feature = "service")]
pub mod storage;
pub mod wire;

#[cfg(feature = "service")]
pub use error::Error;
#[cfg(feature = "service")]
pub use logic::{Bearer, Notice, NoticeSink, Service, ServiceConfig};
