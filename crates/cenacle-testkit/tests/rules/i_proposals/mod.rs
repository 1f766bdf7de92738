//! Proposals, one by one (RFC 9420 §12.1).
