//! Extensions and GREASE (RFC 9420 §13).
