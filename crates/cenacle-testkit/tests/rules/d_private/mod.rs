//! PrivateMessage and sender data (RFC 9420 §6.3, §9).

use crate::common::*;

/// §6.3.1: Padding is all zero.
#[test]
fn r071_padding_of_other_bytes() {
    let mut trial = Trial::new(71);
    for place in [0, 6] {
        let bad = trial.alice.make(Plan::application(b"padded").seal(|seal| seal.padding[place] = 1));
        trial.refuses_encoding(&bad, DecodeErrorKind::Forbidden("padding"));
    }
    let twin = trial.alice.make(Plan::application(b"padded"));
    trial.accepts(&twin);
}

/// §6.3.1: A content encrypted under another member's ratchet is still signed by whom its sender data names.
#[test]
fn r075_anothers_ratchet() {
    let mut trial = Trial::new(75);
    let carol = trial.leaf("carol");
    let bad = trial.alice.make(Plan::application(b"from carol?").sender(Sender::Member(carol)).seal(|seal| {
        seal.ratchet_leaf = carol;
        seal.sender_data.leaf_index = carol;
    }));
    trial.refuses(&bad, What::ContentSignature);
    // Carol's key of that generation was not used up.
    let twin = trial.world.protect("carol", b"from carol");
    trial.deliver(&twin);
    trial.goes_on();
}
