//! The providers pass what every provider must pass, one test per suite.
#![allow(clippy::expect_used, reason = "helpers of tests")]

use cenacle_crypto::{CipherSuite, CryptoProvider, conformance};
use cenacle_crypto_rustcrypto::{ExperimentalRustCryptoProvider, RustCryptoProvider};

fn check(cipher_suite: CipherSuite) {
    let suite = ExperimentalRustCryptoProvider.suite(cipher_suite).expect("the provider has this suite");
    assert_eq!(suite.cipher_suite(), cipher_suite);
    conformance::check(&*suite);
}

#[test]
fn suite_1_x25519_aes128gcm_sha256_ed25519() {
    check(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519);
}

#[test]
fn suite_2_p256_aes128gcm_sha256_p256() {
    check(CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256);
}

#[test]
fn suite_3_x25519_chacha20poly1305_sha256_ed25519() {
    check(CipherSuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519);
}

#[test]
fn suite_4_x448_aes256gcm_sha512_ed448() {
    check(CipherSuite::MLS_256_DHKEMX448_AES256GCM_SHA512_ED448);
}

#[test]
fn suite_5_p521_aes256gcm_sha512_p521() {
    check(CipherSuite::MLS_256_DHKEMP521_AES256GCM_SHA512_P521);
}

#[test]
fn suite_6_x448_chacha20poly1305_sha512_ed448() {
    check(CipherSuite::MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_ED448);
}

#[test]
fn suite_7_p384_aes256gcm_sha384_p384() {
    check(CipherSuite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384);
}

#[test]
fn supply_what_they_list_and_nothing_else() {
    for provider in [&RustCryptoProvider as &dyn CryptoProvider, &ExperimentalRustCryptoProvider] {
        let listed = provider.cipher_suites();
        for number in 0..=8 {
            let cipher_suite = CipherSuite(number);
            assert_eq!(provider.suite(cipher_suite).is_some(), listed.contains(&cipher_suite), "{cipher_suite:?}");
        }
    }
}

#[test]
fn experimental_suites_must_be_asked_for() {
    let suites =
        |provider: &dyn CryptoProvider| provider.cipher_suites().iter().map(|suite| suite.0).collect::<Vec<_>>();
    assert_eq!(suites(&RustCryptoProvider), [1, 2, 3, 5, 7]);
    assert_eq!(suites(&ExperimentalRustCryptoProvider), [1, 2, 3, 4, 5, 6, 7]);
}
