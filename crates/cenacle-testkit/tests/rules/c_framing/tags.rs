//! Confirmation and membership tags (RFC 9420 §6.1, §6.2).

use cenacle_mls::wire::{MlsMessage, MlsMessageBody};

use super::proposal;
use crate::common::*;

/// §6.1: A commit has a confirmation tag.
#[test]
fn r060_commit_without_its_tag() {
    let mut trial = Trial::new(60);
    let none = || Plan::commit().auth(|auth| auth.confirmation_tag = None);
    let bad = trial.alice.make(none());
    // The membership tag is read in its place, and then there is none.
    trial.refuses_encoding(&bad, DecodeErrorKind::UnexpectedEnd);
    let bad = trial.alice.make(none().private().seal(|seal| seal.padding.clear()));
    trial.refuses_encoding(&bad, DecodeErrorKind::UnexpectedEnd);
    let empty = |private| Plan::commit().framed(private).auth(|auth| auth.confirmation_tag = Some(Vec::new()));
    for private in [false, true] {
        let bad = trial.alice.make(empty(private));
        trial.refuses(&bad, What::ConfirmationTag);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §6.1: Nothing but a commit has a confirmation tag.
#[test]
fn r061_tag_where_none_belongs() {
    let mut trial = Trial::new(61);
    let tagged = |plan: Plan<'static>| plan.auth(|auth| auth.confirmation_tag = Some(vec![7; 32]));
    let bad = trial.alice.make(tagged(proposal()));
    trial.refuses_encoding(&bad, DecodeErrorKind::TrailingBytes);
    for plan in [proposal().private(), Plan::application(b"data")] {
        let bad = trial.alice.make(tagged(plan));
        trial.refuses_encoding(&bad, DecodeErrorKind::Forbidden("padding"));
    }
    let twin = trial.alice.make(proposal());
    trial.accepts(&twin);
}

/// §6.1: A confirmation tag is the whole MAC of the new epoch, bit for bit.
#[test]
fn r062_confirmation_tag_of_another_value() {
    let mut trial = Trial::new(62);
    let spoil: [Spoil<'_, Vec<u8>>; 7] = [
        &|tag| tag.clear(),
        &|tag| tag.truncate(1),
        &|tag| tag.truncate(31),
        &|tag| tag.push(0),
        &|tag| tag[0] ^= 0x80,
        &|tag| tag[15] ^= 1,
        &|tag| tag[31] ^= 1,
    ];
    for spoil in spoil {
        for private in [false, true] {
            let bad = Plan::commit().framed(private).auth(|auth| spoil(auth.confirmation_tag.as_mut().unwrap()));
            let bad = trial.alice.make(bad);
            trial.refuses(&bad, What::ConfirmationTag);
        }
    }
    // Whoever is removed cannot compute it, and still sees whether it could be one.
    trial.victim = "dave".into();
    let remove = || Plan::commit().with([Proposal::Remove(3)]);
    let bad = trial.alice.make(remove().auth(|auth| auth.confirmation_tag.as_mut().unwrap().truncate(31)));
    trial.refuses(&bad, What::ConfirmationTag);
    let twin = trial.alice.make(remove());
    trial.accepts(&twin);
}

/// §6.2: A member's public message has a membership tag.
#[test]
fn r064_member_without_a_tag() {
    let mut trial = Trial::new(64);
    for plan in [proposal(), Plan::commit()] {
        let bad = trial.alice.make(plan.tagged(|tagged| tagged.membership_tag = None));
        trial.refuses_encoding(&bad, DecodeErrorKind::UnexpectedEnd);
    }
    // What was never decoded, but made in memory.
    let twin = trial.alice.make(proposal());
    let mut message = MlsMessage::from_bytes(&twin.bytes).unwrap();
    let MlsMessageBody::PublicMessage(public) = &mut message.body else { panic!("a public message") };
    public.membership_tag = None;
    let bob = trial.world.at("bob");
    let before = bob.visible();
    assert_eq!(bob.group().open(&message).map(drop), Err(Error::Unverified(What::MembershipTag)));
    trial.assert_untouched("bob", &before);
    trial.accepts(&twin);
}

/// §6.2: A membership tag is the whole MAC under the epoch's membership key, bit for bit.
#[test]
fn r065_membership_tag() {
    let mut trial = Trial::new(65);
    let previous = trial.alice.epoch.membership_key.clone();
    trial.goes_on();
    let spoil: [Spoil<'_, Vec<u8>>; 5] =
        [&|tag| tag.clear(), &|tag| tag.truncate(1), &|tag| tag.truncate(31), &|tag| tag.push(0), &|tag| tag[31] ^= 1];
    for spoil in spoil {
        let bad = trial.alice.make(proposal().tagged(|tagged| spoil(tagged.membership_tag.as_mut().unwrap())));
        trial.refuses(&bad, What::MembershipTag);
    }
    for key in [previous, trial.alice.epoch.confirmation_key.clone(), trial.alice.epoch.external_secret.clone()] {
        let bad = trial.alice.make(Plan { membership_key: Some(key), ..proposal() });
        trial.refuses(&bad, What::MembershipTag);
    }
    let twin = trial.alice.make(proposal());
    trial.accepts(&twin);
}

/// §6.2: A membership tag covers signature and confirmation tag.
#[test]
fn r066_tag_over_other_auth_data() {
    let mut trial = Trial::new(66);
    let spoil: [Spoil<'_, Auth>; 2] =
        [&|auth| auth.confirmation_tag = Some(vec![7; 32]), &|auth| auth.signature[1] ^= 1];
    for spoil in spoil {
        let bad = trial.alice.make(Plan::commit().tagged(|tagged| spoil(&mut tagged.auth)));
        trial.refuses(&bad, What::MembershipTag);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §6.2: Whoever is no member has no membership tag.
#[test]
fn r067_outsider_with_a_tag() {
    let mut trial = Trial::new(67);
    let mut warden = trial.warden();
    let mut mallory = trial.alice.outsider("mallory");
    let tagged = |plan: Plan<'static>| plan.tagged(|tagged| tagged.membership_tag = Some(vec![7; 32]));
    let bad = warden.make(tagged(proposal().sender(Sender::External(0))));
    trial.refuses_encoding(&bad, DecodeErrorKind::TrailingBytes);
    let bad = mallory.make(tagged(Plan::external_commit()));
    trial.refuses_encoding(&bad, DecodeErrorKind::TrailingBytes);
    let twin = warden.make(proposal().sender(Sender::External(0)));
    trial.accepts(&twin);
}
