//! Codec and primitive encoding (RFC 9420 §2.1, §5.1, §5.2).

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
