//! Framing with protection (RFC 9420 §6.1 to §6.3): signatures, PublicMessage, PrivateMessage.
//!
//! ```text
//! PublicMessage  ──membership tag──▶┐
//!                                   ├─▶ AuthenticatedContent ──signature──▶ Verified<AuthenticatedContent>
//! PrivateMessage ──two AEAD opens──▶┘
//! ```
//! Only [`verify`] makes a [`Verified`]; the group chapter takes nothing else.

pub mod private;
pub mod public;
mod sign;

pub use private::Padding;
pub use sign::{Verified, sign, verify};

#[cfg(test)]
mod tests;
