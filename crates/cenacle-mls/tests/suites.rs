//! Groups of every cipher suite: the seven of RFC 9420 §17.1, and one that an application registered for itself under a
//! code point of the private-use range, made of parts that a provider offers.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use cenacle_crypto::{CipherSuite, CryptoProvider, Suite, conformance};
use cenacle_crypto_rustcrypto::{
    ExperimentalRustCryptoProvider, RustCryptoProvider,
    parts::{ChaCha20Poly1305, Composed, Ed25519, P256, Sha512},
};
use cenacle_mls::group::Handshake;
use common::World;

/// RFC 9420 §17.1 leaves 0xF000 to 0xFFFF to private use.
const OURS: CipherSuite = CipherSuite(0xf001);

type OurSuite = Composed<{ OURS.0 }, Sha512, P256, ChaCha20Poly1305, Ed25519>;

/// The application's provider: its own suite, and those of another provider.
#[derive(Debug)]
struct OurProvider;

impl CryptoProvider for OurProvider {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn cipher_suites(&self) -> &[CipherSuite] {
        const { &[CipherSuite(1), OURS] }
    }

    fn suite(&self, cipher_suite: CipherSuite) -> Option<Arc<dyn Suite>> {
        match cipher_suite {
            OURS => Some(Arc::new(OurSuite::default())),
            CipherSuite(1) => RustCryptoProvider.suite(cipher_suite),
            _ => None,
        }
    }
}

/// Everything that derives, seals or signs, once.
fn a_group_lives(suite: &Arc<dyn Suite>) {
    for handshake in [Handshake::Public, Handshake::Private] {
        let mut world = World::with_suite(1, handshake, Arc::clone(suite));
        world.create("alice");
        world.add("alice", "bob");
        world.add("bob", "carol");
        world.say("alice", "hello");
        world.renew("bob");
        world.say("carol", "and again");
        world.remove("carol", "alice");
        world.join_external("bob", "dave", false);
        world.say("dave", "hello");
        world.agree();
        assert_eq!(world.member("dave").public().context().cipher_suite, suite.cipher_suite());
    }
}

#[test]
fn a_group_lives_with_each_suite_of_the_rfc() {
    for number in 1..=7 {
        a_group_lives(&ExperimentalRustCryptoProvider.suite(CipherSuite(number)).unwrap());
    }
}

#[test]
fn a_group_lives_with_a_suite_of_the_applications_own() {
    a_group_lives(&OurProvider.suite(OURS).unwrap());
}

#[test]
fn a_suite_of_the_applications_own_is_tested_like_any_other() {
    conformance::check(&OurSuite::default());
}
