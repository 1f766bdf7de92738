//! Credentials and the Authentication Service (RFC 9420 §5.3).
