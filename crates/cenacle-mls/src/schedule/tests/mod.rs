//! The schedule's own promises (RFC 9420 §8, §8.3 to §8.5); its values are held against the official vectors by the
//! program's tests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use cenacle_crypto::{CipherSuite, CryptoProvider, Digest, Secret, SecretBytes, conformance::SeededRng};
use cenacle_crypto_rustcrypto::RustCryptoProvider;

use super::*;
use crate::{
    Error, What, limits,
    wire::{Epoch, Extensions, GroupContext, GroupId, PreSharedKeyId, ProtocolVersion, Psk},
};

fn context(epoch: u64) -> GroupContext {
    GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
        group_id: GroupId::from(&b"group"[..]),
        epoch: Epoch(epoch),
        tree_hash: Digest::EMPTY,
        confirmed_transcript_hash: Digest::EMPTY,
        extensions: Extensions::default(),
    }
}

fn suite() -> alloc::sync::Arc<dyn cenacle_crypto::Suite> {
    RustCryptoProvider.suite(CipherSuite(1)).unwrap()
}

fn psk(name: &[u8]) -> (PreSharedKeyId, SecretBytes) {
    let id = PreSharedKeyId { psk: Psk::External(name.into()), psk_nonce: [0; 32].as_slice().into() };
    (id, SecretBytes::from(name))
}

#[test]
fn a_wrong_tag_confirms_nothing() {
    let suite = suite();
    let mut rng = SeededRng::new(1);
    let transcript = suite.hash(&[b"transcript"]);
    let mut again = SeededRng::new(1);
    let tag = NewEpoch::of_new_group(&*suite, &mut rng).unwrap().confirmation_tag(&*suite, &transcript);
    let epoch = || NewEpoch::of_new_group(&*suite, &mut SeededRng::new(1)).unwrap();
    assert!(epoch().confirm(&*suite, &transcript, &tag).is_ok());
    let other = suite.hash(&[b"other"]);
    assert_eq!(epoch().confirm(&*suite, &other, &tag).unwrap_err(), Error::Unverified(What::ConfirmationTag));
    let short = Digest::from_slice(tag.get(..31).unwrap()).unwrap();
    assert!(epoch().confirm(&*suite, &transcript, &short).is_err());
    assert!(NewEpoch::of_new_group(&*suite, &mut again).is_ok());
}

#[test]
fn every_input_changes_the_joiner_secret() {
    let suite = suite();
    let init = InitSecret(Secret::zero(32));
    let path = CommitSecret(suite.extract(b"path", &[]));
    let joiner = |commit: &CommitSecret, epoch| init.joiner_secret(&*suite, commit, &context(epoch)).unwrap();
    let first = joiner(&path, 1);
    assert!(first.0.ct_eq(&joiner(&path, 1).0));
    assert!(!first.0.ct_eq(&joiner(&path, 2).0));
    assert!(!first.0.ct_eq(&joiner(&CommitSecret::without_path(&*suite), 1).0));
}

#[test]
fn psks_count_in_their_order() {
    let suite = suite();
    let fold = |psks: &[(PreSharedKeyId, SecretBytes)]| psk_secret(&*suite, psks).unwrap().0;
    assert!(fold(&[]).ct_eq(&Secret::zero(32)));
    assert!(!fold(&[psk(b"a"), psk(b"b")]).ct_eq(&fold(&[psk(b"b"), psk(b"a")])));
    assert!(!fold(&[psk(b"a")]).ct_eq(&fold(&[psk(b"a"), psk(b"a")])));
}

#[test]
fn exports_are_bound_to_label_and_context_and_bounded() {
    let suite = suite();
    let epoch = NewEpoch::of_new_group(&*suite, &mut SeededRng::new(2)).unwrap();
    let export = |label: &str, context: &[u8], length| epoch.secrets.export(&*suite, label, context, length);
    let first = export("label", b"context", 32).unwrap();
    assert!(!first.ct_eq(&export("other", b"context", 32).unwrap()));
    assert!(!first.ct_eq(&export("label", b"other", 32).unwrap()));
    let longest = limits::MAX_EXPORT_HASHES * 32;
    assert_eq!(export("label", b"", longest).unwrap().expose().len(), longest);
    assert!(export("label", b"", longest + 1).is_err());
}

#[test]
fn an_external_init_secret_arrives() {
    let suite = suite();
    let epoch = NewEpoch::of_new_group(&*suite, &mut SeededRng::new(3)).unwrap();
    let (secret, public) = epoch.secrets.external_key_pair(&*suite).unwrap();
    let (kem_output, sent) = InitSecret::encapsulate(&*suite, &public, &mut SeededRng::new(4)).unwrap();
    assert!(InitSecret::decapsulate(&*suite, &secret, &kem_output).unwrap().0.ct_eq(&sent.0));
    assert!(InitSecret::decapsulate(&*suite, &secret, kem_output.get(1..).unwrap()).is_err());
}
