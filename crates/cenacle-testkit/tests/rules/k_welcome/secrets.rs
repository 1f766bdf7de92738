//! What a Welcome tells in secret (RFC 9420 §12.4.3.1).

use super::adding;
use crate::common::*;

/// §12.4.3.1: A Welcome has an entry for one of the joiner's key packages.
#[test]
fn r255_entries_of_a_welcome() {
    let mut trial = Trial::new(255);
    let erin = trial.newcomer("erin");
    let bad = trial.alice.make(adding(&erin).welcome(|welcome| welcome.secrets.clear()));
    trial.refuses_welcome("erin", bad.welcome(), Error::Missing(Need::KeyPackage));
    let bad = trial.alice.make(adding(&erin).welcome(|welcome| welcome.secrets[0].new_member[0] ^= 1));
    trial.refuses_welcome("erin", bad.welcome(), Error::Missing(Need::KeyPackage));
    // Of two entries for one key package the first counts.
    let bad = trial.alice.make(adding(&erin).welcome(|welcome| {
        let mut first = welcome.secrets[0].clone();
        first.encrypted_group_secrets.ciphertext[0] ^= 1;
        welcome.secrets.insert(0, first);
    }));
    trial.refuses_welcome("erin", bad.welcome(), What::Welcome);
    // Thousands of others do no harm.
    let twin = trial.alice.make(adding(&erin).welcome(|welcome| {
        let (own, mut other) = (welcome.secrets.clone(), welcome.secrets[0].clone());
        let others = (0..10_000u32).map(|number| {
            other.new_member[..4].copy_from_slice(&number.to_be_bytes());
            other.clone()
        });
        welcome.secrets = others.chain(own).collect();
    }));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: A Welcome is of the suite of the key package it is for.
#[test]
fn r256_welcome_of_another_suite() {
    let mut trial = Trial::new(256);
    let erin = trial.newcomer("erin");
    for suite in [0, 2, 3, 0xffff] {
        let bad = trial.alice.make(adding(&erin).welcome(|welcome| welcome.cipher_suite = suite));
        trial.refuses_welcome("erin", bad.welcome(), Rule::WelcomeSuiteFits);
    }
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: The group secrets are for the GroupInfo they come with.
#[test]
fn r257_group_info_of_another_welcome() {
    let mut trial = Trial::new(257);
    let erin = trial.newcomer("erin");
    let other = trial.alice.make(adding(&erin));
    let (_, other) = unwrap_message(other.welcome());
    let other = Welcome::parse(other).encrypted_group_info;
    let bad = adding(&erin).welcome(|welcome| welcome.encrypted_group_info.clone_from(&other));
    let bad = trial.alice.make(bad);
    trial.refuses_welcome("erin", bad.welcome(), What::Welcome);
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: A joiner has every PSK that the Welcome names.
#[test]
fn r258_unknown_psk() {
    let mut trial = Trial::new(258);
    let erin = trial.newcomer("erin");
    let (known, stranger) = (trial.shared_psk(b"known"), Psk::External(b"stranger".to_vec()));
    let (known, unknown) = (trial.alice.psk_id(known), trial.alice.psk_id(stranger));
    let plan = || adding(&erin).with([Proposal::PreSharedKey(known.clone())]);
    let bad = trial.alice.make(plan().group_secrets(|secrets| secrets.psks.push(unknown.clone())));
    trial.refuses_welcome("erin", bad.welcome(), missing_psk(&unknown));
    // One that is known under another name, or that the Welcome does not name at all.
    let bad = trial.alice.make(plan().group_secrets(|secrets| secrets.psks[0].psk = Psk::External(b"know".to_vec())));
    let named = PreSharedKeyId { psk: Psk::External(b"know".to_vec()), ..known.clone() };
    trial.refuses_welcome("erin", bad.welcome(), missing_psk(&named));
    let bad = trial.alice.make(plan().group_secrets(|secrets| secrets.psks.clear()));
    trial.refuses_welcome("erin", bad.welcome(), What::Welcome);
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}

/// §12.4.3.1: A PSK of usage reinit or branch is the only one of these.
#[test]
fn r259_two_continuations() {
    let mut trial = Trial::new(259);
    let erin = trial.newcomer("erin");
    let mut continuing = |usage| resumption(&mut trial.alice, usage);
    let (reinit, branch) = (code::USAGE_REINIT, code::USAGE_BRANCH);
    let pairs = [[branch, branch], [branch, reinit], [reinit, branch], [reinit, reinit]];
    let pairs = pairs.map(|pair| pair.map(&mut continuing).to_vec());
    for pair in pairs {
        let bad = trial.alice.make(adding(&erin).group_secrets(|secrets| secrets.psks.clone_from(&pair)));
        trial.refuses_welcome("erin", bad.welcome(), Rule::WelcomePsksFit);
    }
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §8.4: A PSK's nonce in a Welcome has the length of a KDF output.
#[test]
fn r260_psk_nonce_of_another_length() {
    let mut trial = Trial::new(260);
    let erin = trial.newcomer("erin");
    let psk = trial.shared_psk(b"known");
    let id = trial.alice.psk_id(psk);
    let plan = || adding(&erin).with([Proposal::PreSharedKey(id.clone())]);
    for length in [0, 31, 33] {
        let bad = trial.alice.make(plan().group_secrets(|secrets| secrets.psks[0].psk_nonce.resize(length, 1)));
        trial.refuses_welcome("erin", bad.welcome(), Rule::PskNonceLength);
    }
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}

/// §12.4.3.1: Secrets in a Welcome have the length of a KDF output.
#[test]
fn r261_secret_of_another_length() {
    let mut trial = Trial::new(261);
    let erin = trial.newcomer("erin");
    for length in [0, 31, 33] {
        let bad = trial.alice.make(adding(&erin).group_secrets(|secrets| secrets.joiner_secret.resize(length, 1)));
        trial.refuses_welcome("erin", bad.welcome(), Rule::SecretLength);
        let bad = adding(&erin).group_secrets(|secrets| secrets.path_secret.as_mut().unwrap().resize(length, 1));
        let bad = trial.alice.make(bad);
        trial.refuses_welcome("erin", bad.welcome(), Rule::SecretLength);
    }
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}
