//! The provider passes what every provider must pass, and agrees with the pure Rust one, one test per suite each.
#![allow(clippy::expect_used, reason = "helpers of tests")]

use cenacle_crypto::{CipherSuite, CryptoProvider, Rng, conformance};
use cenacle_crypto_openssl::{OpenSslProvider, SystemRng};
use cenacle_crypto_rustcrypto::ExperimentalRustCryptoProvider;

fn check(cipher_suite: CipherSuite) {
    let suite = OpenSslProvider.suite(cipher_suite).expect("the provider has this suite");
    assert_eq!(suite.cipher_suite(), cipher_suite);
    conformance::check(&*suite);
}

fn compare(cipher_suite: CipherSuite) {
    let portable = ExperimentalRustCryptoProvider.suite(cipher_suite).expect("the other provider has this suite");
    let suite = OpenSslProvider.suite(cipher_suite).expect("the provider has this suite");
    conformance::compare(&*suite, &*portable);
}

macro_rules! suites {
    ($($conforms:ident, $agrees:ident: $suite:ident;)*) => {$(
        #[test]
        fn $conforms() {
            check(CipherSuite::$suite);
        }

        #[test]
        fn $agrees() {
            compare(CipherSuite::$suite);
        }
    )*};
}

suites! {
    suite_1_conforms, suite_1_agrees: MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    suite_2_conforms, suite_2_agrees: MLS_128_DHKEMP256_AES128GCM_SHA256_P256;
    suite_3_conforms, suite_3_agrees: MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519;
    suite_4_conforms, suite_4_agrees: MLS_256_DHKEMX448_AES256GCM_SHA512_ED448;
    suite_5_conforms, suite_5_agrees: MLS_256_DHKEMP521_AES256GCM_SHA512_P521;
    suite_6_conforms, suite_6_agrees: MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_ED448;
    suite_7_conforms, suite_7_agrees: MLS_256_DHKEMP384_AES256GCM_SHA384_P384;
}

#[test]
fn supplies_what_it_lists_and_nothing_else() {
    let listed = OpenSslProvider.cipher_suites();
    for number in 0..=8 {
        let cipher_suite = CipherSuite(number);
        assert_eq!(OpenSslProvider.suite(cipher_suite).is_some(), listed.contains(&cipher_suite), "{cipher_suite:?}");
    }
}

#[test]
fn randomness_is_not_twice_the_same() {
    let [mut one, mut other] = [[0; 32]; 2];
    SystemRng.fill(&mut one).expect("OpenSSL has randomness");
    SystemRng.fill(&mut other).expect("OpenSSL has randomness");
    assert_ne!(one, other);
}
