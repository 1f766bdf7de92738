//! What is watched: comparisons and copies of our own, everything the providers do with secrets, and the protocol over them;
//! and code that leaks, which must be seen.

mod leaks;
mod own;
mod protocol;
mod suites;

use alloc::{sync::Arc, vec::Vec};

use cenacle_crypto::{CipherSuite, CryptoProvider, Suite};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_crypto_rustcrypto::RustCryptoProvider;

use super::{Case, Expected};

/// How much is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// One suite of each provider.
    Short,
    /// All suites of both providers.
    Whole,
}

/// All cases, in their order.
#[must_use]
pub fn all(extent: Extent) -> Vec<Case> {
    let providers: [&dyn CryptoProvider; 2] = [&AwsLcProvider, &RustCryptoProvider];
    let mut cases = leaks::cases();
    cases.extend(own::cases());
    for provider in providers {
        let base = supplied(provider, CipherSuite(1));
        cases.extend(protocol::cases(provider.name(), &base));
        for suite in provider.cipher_suites() {
            if extent == Extent::Whole || suite.0 == 1 {
                cases.extend(suites::cases(provider.name(), &supplied(provider, *suite)));
            }
        }
    }
    cases
}

fn supplied(provider: &dyn CryptoProvider, suite: CipherSuite) -> Arc<dyn Suite> {
    provider.suite(suite).expect("a suite of the provider")
}
