//! Codec and primitive encoding (RFC 9420 §2.1, §5.1, §5.2).

mod kem_keys;
mod kept;
mod labels;
mod numbers;
mod signatures;
mod signing_keys;
mod vectors;
mod written;

pub(crate) use kem_keys::{bad_p256, bad_x25519};

use crate::common::*;

/// §2.1.1: A presence octet is 0 or 1.
#[test]
fn r001_presence_octet() {
    let mut trial = Trial::new(1);
    for octet in [2, 0xff] {
        for private in [false, true] {
            let bad = Plan::commit().framed(private).quirk(Quirk::octet("Commit.path", octet));
            let bad = trial.alice.make(bad);
            trial.refuses_encoding(&bad, DecodeErrorKind::BadPresence);
        }
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §2.1: Nothing follows what is encrypted: sender data, group secrets, GroupInfo.
#[test]
fn r012_bytes_behind_a_plaintext() {
    let mut trial = Trial::new(12);
    let bad = trial.alice.make(Plan::application(b"data").seal(|seal| seal.sender_data_tail.push(0)));
    trial.refuses_encoding(&bad, DecodeErrorKind::TrailingBytes);
    let twin = trial.alice.make(Plan::application(b"data"));
    trial.accepts(&twin);

    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    let bad = trial.alice.make(plan().group_secrets_bytes(|bytes| bytes.push(0)));
    trial.refuses_welcome_encoding("erin", bad.welcome(), DecodeErrorKind::TrailingBytes);
    let bad = trial.alice.make(plan().group_info_bytes(|bytes| bytes.push(0)));
    trial.refuses_welcome_encoding("erin", bad.welcome(), DecodeErrorKind::TrailingBytes);
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}
