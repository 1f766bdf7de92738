//! The official MLS test vectors, checked against every provider: `cenacle vectors verify`. And others of the same formats,
//! made here for every suite: `cenacle vectors generate`.
//!
//! Sixteen files of the MLS working group hold what other implementations computed, from tree arithmetic to groups of
//! two hundred epochs. Each chapter of them is a file here, for the shape and the checks; how such vectors are made is in
//! `generate`. Only the public interface of Cenacle's crates is used; a vector that fails is a bug in one of those.

mod check;
mod command;
mod crypto_basics;
mod deserialization;
mod generate;
mod hex_field;
mod key_schedule;
mod message_protection;
mod messages;
mod passive_client;
mod progress;
mod psk_secret;
mod report;
mod run;
mod secret_tree;
#[cfg(test)]
mod tests;
mod transcript_hashes;
mod tree_kem;
mod tree_math;
mod tree_operations;
mod tree_validation;
mod vector_file;
mod welcome;

pub use check::Failure;
pub use command::VectorsArgs;
pub use generate::{DEFAULT_SEED, Generated, Plan, Size};
pub use vector_file::{Vector, VectorFile, Verdict};

use cenacle_crypto::CryptoProvider;
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_crypto_rustcrypto::ExperimentalRustCryptoProvider;

/// Where the files are kept by those who made them.
pub const SOURCE: &str = "https://github.com/mlswg/mls-implementations (folder test-vectors)";

/// Every provider that vectors are checked against. The pure Rust one comes with its experimental suites, the one over
/// OpenSSL with the feature `openssl`.
pub const PROVIDERS: &[&dyn CryptoProvider] = &[
    &AwsLcProvider,
    &ExperimentalRustCryptoProvider,
    #[cfg(feature = "openssl")]
    &cenacle_crypto_openssl::OpenSslProvider,
];
