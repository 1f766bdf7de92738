//! The messages and the server half of the protocol, as the build script generates them.
#![allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, unnameable_types, reason = "generated")]
#![allow(clippy::allow_attributes_without_reason, clippy::std_instead_of_core, reason = "generated")]
#![allow(clippy::std_instead_of_alloc, let_underscore_drop, reason = "generated")]

tonic::include_proto!("mls_client");
