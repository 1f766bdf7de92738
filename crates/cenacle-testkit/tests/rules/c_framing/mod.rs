//! Framing and content authentication (RFC 9420 §6, §6.1).

use crate::common::*;

/// §6: Application data travels only as PrivateMessage.
#[test]
fn r043_application_data_in_the_clear() {
    let mut trial = Trial::new(43);
    let bad = trial.alice.make(Plan::application(b"to everyone").public());
    trial.refuses(&bad, Rule::ApplicationDataIsEncrypted);
    let twin = trial.alice.make(Plan::application(b"to everyone"));
    trial.accepts(&twin);
}

/// §6.1: A member's message is signed by the key of the leaf it names.
#[test]
fn r046_signature_by_another_member() {
    let mut trial = Trial::new(46);
    let carol = trial.world.signers["carol"].clone();
    let plan = |private| Plan::proposal(Proposal::Remove(3)).framed(private);
    for private in [false, true] {
        let bad = trial.alice.make(plan(private).signed_by(&carol));
        trial.refuses(&bad, What::ContentSignature);
    }
    let twin = trial.alice.make(plan(true));
    trial.accepts(&twin);
}

/// §6.2: A membership tag is the whole MAC under the epoch's membership key, bit for bit.
#[test]
fn r065_membership_tag() {
    let mut trial = Trial::new(65);
    let plan = || Plan::proposal(Proposal::Remove(3));
    let spoil: [Spoil<'_, Vec<u8>>; 4] =
        [&|tag| tag.clear(), &|tag| tag.truncate(1), &|tag| tag.truncate(31), &|tag| tag[31] ^= 1];
    for spoil in spoil {
        let bad = trial.alice.make(plan().tagged(|tagged| spoil(tagged.membership_tag.as_mut().unwrap())));
        trial.refuses(&bad, What::MembershipTag);
    }
    let twin = trial.alice.make(plan());
    trial.accepts(&twin);
}

/// §6.1: An external sender's message is signed by the key at its place in the list.
#[test]
fn r050_external_sender_of_another_place() {
    let mut trial = Trial::new(50);
    let mut wardens = ["first", "second"].map(|name| trial.alice.outsider(name));
    let listed = wardens.each_ref().map(Insider::as_external_sender);
    trial.set_extensions(vec![ExternalSender::extension(&listed)]);
    wardens.iter_mut().for_each(|warden| warden.catches_up(&trial.alice));
    let plan = |place| Plan::proposal(Proposal::Remove(3)).sender(Sender::External(place));
    let bad = wardens[1].make(plan(0));
    trial.refuses(&bad, What::ContentSignature);
    let twin = wardens[1].make(plan(1));
    trial.accepts(&twin);
}
