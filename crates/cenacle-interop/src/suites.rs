//! The cipher suites at hand: those of a list of providers, of which the first that has a suite serves it.

use alloc::{collections::BTreeMap, sync::Arc};

use cenacle_crypto::{CipherSuite, CryptoError, CryptoProvider, Rng, Suite};

use crate::failure::Failure;

/// Randomness from the operating system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemRandomness;

impl Rng for SystemRandomness {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(out).map_err(|_| CryptoError::NoRandomness)
    }
}

/// Suites by code point.
#[derive(Debug)]
pub(crate) struct Suites(BTreeMap<CipherSuite, Arc<dyn Suite>>);

impl Suites {
    pub(crate) fn new(providers: &[Arc<dyn CryptoProvider>]) -> Self {
        let mut suites = BTreeMap::new();
        for provider in providers.iter().rev() {
            let supplied = provider.cipher_suites().iter();
            suites.extend(supplied.filter_map(|code| Some((*code, provider.suite(*code)?))));
        }
        Self(suites)
    }

    /// All code points, in ascending order.
    pub(crate) fn codes(&self) -> impl Iterator<Item = CipherSuite> {
        self.0.keys().copied()
    }

    pub(crate) fn suite(&self, code: CipherSuite) -> Result<Arc<dyn Suite>, Failure> {
        self.0.get(&code).cloned().ok_or(Failure::Suite(code.0.into()))
    }

    /// The suite of a number from outside.
    pub(crate) fn numbered(&self, number: u32) -> Result<Arc<dyn Suite>, Failure> {
        let code = u16::try_from(number).map_err(|_| Failure::Suite(number))?;
        self.suite(CipherSuite(code))
    }
}

#[cfg(test)]
mod tests {
    use cenacle_crypto_awslc::AwsLcProvider;
    use cenacle_crypto_rustcrypto::ExperimentalRustCryptoProvider;

    use super::*;

    #[test]
    fn the_first_provider_that_has_a_suite_serves_it() {
        let suites = Suites::new(&[Arc::new(AwsLcProvider), Arc::new(ExperimentalRustCryptoProvider)]);
        let of_first = AwsLcProvider.suite(CipherSuite(1)).expect("suite 1");
        assert_eq!(format!("{:?}", suites.numbered(1).expect("suite 1")), format!("{of_first:?}"));
        for code in AwsLcProvider.cipher_suites().iter().chain(ExperimentalRustCryptoProvider.cipher_suites()) {
            assert!(suites.suite(*code).is_ok(), "{code:?}");
        }
    }

    #[test]
    fn what_nobody_has_is_refused() {
        let suites = Suites::new(&[Arc::new(AwsLcProvider)]);
        for number in [0, 99, 0x1_0001, u32::MAX] {
            assert!(matches!(suites.numbered(number), Err(Failure::Suite(refused)) if refused == number));
        }
    }
}
